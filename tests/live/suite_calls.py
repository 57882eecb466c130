"""Suites whose calls are lines of a Makefile, or inputs within the program's own source; both are read where the source
was unpacked.

`recipe` is the shell script of a Makefile's target, up to where its output is compared with a ``.ref`` file. `mappings`
are the cases of mail_addr_map's table, `stripped` those of strip_addr: the programs print nothing of a case that
passes, so that its answer is what the source expects, as long as the program itself passes.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from postfix_suites import program, run, source
from suite_programs import ask, policy
from suite_runner import TOP, VARIANT

from mailconf.model.address import external, internal
from mailconf.model.world import run as answer_of
from mailconf.postfix.settings.lookup import Tables

_VARIABLE = re.compile(r"\$[({](?:SHLIB_ENV|VALGRIND|HTABLE_FIX)[)}] *")
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')


def recipe(room: str, target: str) -> str:
    """What the target ``target`` of a room's Makefile runs, which writes to standard output what it compares."""
    text = source(f"{room}/Makefile.in", VARIANT).read_text()
    found = re.search(rf"^{target}:(?:.*\\\n)*.*\n((?:\t.*\n)+)", text, re.MULTILINE)
    assert found is not None, f"{room}/Makefile.in has no {target}"
    lines = []
    for line in found[1].splitlines():
        if line.lstrip("\t").startswith("diff "):
            break
        lines.append(line.removeprefix("\t"))
    text = _VARIABLE.sub("", "\n".join(lines)).replace("$$", "$")
    return re.sub(r"cp /dev/null \S+", ":", re.sub(r"\|? *>>?\w+\.tmp", "", text)) + "\n"


class Mapping(NamedTuple):
    """A case of mail_addr_map: the forms are external or internal; expected is empty where nothing is found."""

    name: str
    table: str
    propagate: bool
    delimiter: str
    forms: tuple[str, str, str]
    address: str
    expected: tuple[str, ...]


def mappings() -> list[Mapping]:
    """The table of tests that have to pass, of a program that passes them."""
    built = program("global", "mail_addr_map", VARIANT)
    assert run(built, ["pass_tests"]).returncode == 0
    text = source("global/mail_addr_map.c", VARIANT).read_text()
    words = dict(re.findall(r'^#define (\w+_RECIPIENT_DELIMITER)\s+"(.*)"', text, re.MULTILINE))
    table = re.search(r"pass_tests\[\] = \{(.*?)\n\};", text, re.DOTALL)
    assert table is not None
    found = []
    for case in re.findall(r"^ +\{\n(.*?)^ +\},$", table[1], re.MULTILINE | re.DOTALL):
        name, spec, address, *expected = (_plain(one) for one in _TEXT.findall(case))
        delimiter = next(words[word] for word in words if word in case)
        forms = tuple(form.lower() for form in re.findall(r"MA_FORM_(\w+)", case))
        assert len(forms) == 3
        found.append(Mapping(name, spec, "DONT_" not in case, delimiter, forms, address, tuple(expected)))
    return found


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def mapped(case: Mapping) -> tuple[str, ...]:
    """What our tables of rewriting make of a case's address."""
    made = policy(f"recipient_delimiter = {case.delimiter}\nmyorigin = localhost.localdomain\nmydomain = localdomain\n")
    given, _, out = case.forms
    address = internal(case.address) if given == "external" else case.address
    tables = Tables.of(case.table, "hash")
    found = answer_of(made.rewriter.map_all(ask(), tables, address, propagate=case.propagate))
    return tuple(external(one) if out == "external" else one for one in found)


def stripped() -> Iterator[tuple[str, str, str, str | None]]:
    """Of each address that strip_addr is built to strip: it, the delimiters, what remains, the extension if asked for.

    The program prints what it strips; where its source wants nothing stripped, the address remains whole.
    """
    done = run(program("global", "strip_addr", VARIANT))
    assert done.returncode == 0
    text = source("global/strip_addr.c", VARIANT).read_text()
    found = re.search(r'char +\*delim = "(.*)"', text)
    assert found is not None
    delimiters = found[1]
    for address, words in re.findall(r"\bstrip_addr (.+) -> (.+)", done.stdout.decode()):
        rest, _, extension = words.rpartition(" ")
        yield (address, delimiters, *((rest, extension) if extension[0] in delimiters else (words, None)))
    for address, name in re.findall(r'strip_addr_internal\("(.*?)", .*?, (\w+)\);\s+if \(stripped != 0\)', text):
        yield address, delimiters if name == "delim" else "", address, ""


def map_command(line: bytes, table: str) -> tuple[list[str], bytes] | None:
    """The arguments and the input of postmap(1) for a command of dict_open's; None for one that asks nothing."""
    word, *rest = line.split(b" ", 1)
    text = rest[0] if rest else b""
    if word in (b"get", b"del"):
        return ["-q" if word == b"get" else "-d", os.fsdecode(text), table], b""
    if word == b"put":
        return ["-i", table], text + b"\n"
    if word in (b"first", b"next"):
        return ["-s", table], b""
    return None


def map_tool(folder: Path, is_ours: bool, arguments: list[str], text: bytes) -> tuple[int, list[bytes], list[bytes]]:
    """What postmap(1) says and prints where ``folder`` has the configuration; the order of a hash table is its own."""
    tool = [sys.executable, "-m", "mailconf", "postmap"] if is_ours else ["/usr/sbin/postmap"]
    done = subprocess.run(
        [*tool, "-c", ".", *arguments],
        cwd=folder,
        input=text,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(TOP)},
        check=False,
    )
    printed = done.stdout.splitlines()
    return done.returncode, sorted(printed) if "-s" in arguments else printed, done.stderr.splitlines()
