"""Hard tables of rules (regexp, pcre, cidr), made at random, and how the real postmap and ours answer for them."""

from __future__ import annotations

import os
import random
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from mailconf.maps.core.table import TemporaryFailure
from mailconf.maps.registry import open_table
from mailconf.postfix.parameters.releases import NULLS, NULLS_WARNED, version_numbers
from mailconf.source import decode, encode
from tests.live.private_postfix import mail_version

# What postmap says about an empty result is about the caller of the table.
_NOT_THE_TABLE = ("should return NO RESULT in case of NOT FOUND", "empty string result is not allowed")


def _words(text: str) -> list[str]:
    return text.split()


_NETWORKS = _words("""
    1.2.3.4 1.2.3.0/24 1.2.3.0/25 1.2.3.128/25 10.0.0.0/8 0.0.0.0/0 ::/0 2001:db8::/32 2001:db8::1 1.2.3.1/24 ::1/64
    ::ffff:1.2.3.4 ::ffff:0:0/96 1.2.3 1.2.3/24 hello hello/24 a/b / /8 1.2.3.4/ 1.2.3.4/33 ::1/129 1.2.3.4/32
    [1.2.3.4] [::1] [::1]/128 [10.0.0.0/8] [1.2.3.4 1.2.3.4] [] [ [1.2.3.4]x [1.2.3.0]/24/ [1.2.3.4/08 1.2.3.4/08
    1.2.3.4/99999999999 ::1/0 0.0.0.0/00 fe80::1%lo 1.2.3.4, :: ::/1 8000::/1 [1.2.3.0/24 [1.2.3.4]] [[1.2.3.4]]
    x[1.2.3.4] #1.2.3.4 endif1 if1.2.3.4 1:2:3:4:5:6:7:8/16 1:2:3:4:5:6:7:8:9 1::/16 é [é] 010.0.0.1 01.2.3.4/32
    1.2.3.4/-1 1.2.3.4/+8""")
_NETWORKS += ["[1.2.3.4] ", "[ 1.2.3.4]", "1.2.3.4/3 2"]
_ADDRESSES = _words("""
    1.2.3.4 1.2.3.200 10.9.8.7 9.9.9.9 ::1 2001:db8::1 2001:DB8:1::2 ::ffff:1.2.3.4 1::5 ffff:: foo 1.2.3 [1.2.3.4]
    1.2.3.4/32 010.1.1.1 ::1%lo [::1]""")
_ADDRESSES += [" 1.2.3.4", "1.2.3.4 "]
_ATOMS = _words(r"""
    a b . (a) (b) [ab] a* (a|ab) ^ $ (c)? \. \/ ( [ * a{2} x+ () (a*)* [[:alpha:]] \1 # \ é (.*) @ (ab|a)(c|bcd) \< \w
    (?:a) (?i) \d \bb $1 a{ [^b] (b|bc)(d|)""")
_ATOMS += [" ", "\n a"]
_RESULTS = _words(r"""
    $1 $2 ${1} $(1) $$ $ ${ ${1 $0 $10 text $1x $1- ${12} $(2) $a \$1 ${} $() ${1) [$1] $$1 $9 é $01 $99 $- $_
    ${{1}}""")
_RESULTS += ["${ 1}", "  two  "]
_SUBJECTS = _words(r"a b ab abc aab A aabb@c . / x/y abcd ccc é aé 1 $1 user@example.com AbC xx a\b abcdabcd")
_SUBJECTS += ["a b"]
_DELIMITERS = [*'////////|,!# ~"-(\\é']
_FLAGS = [*[""] * 8, *"imxsAEUXzI/", "ix", "ii", "ixm", "i,", "XX", "\xa0"]
_NEGATIONS = ["", "", "", "", "!", "!!", "! ", "!!!", " !"]
_ODD_LINES = [
    "  cont",
    "\tx",
    "# c",
    "  # c",
    "",
    "   ",
    "if",
    "!",
    "! ",
    "endif\0x",
    "foo\0",
    "/a/ \0",
    "\r",
    "/a/ a\r",
]
_ODD_LINES += ["/", "//", "/a/", "1.2.3.4 \0", "1.2.3.4 a\r", "1.2.3.4"]


def random_table(kind: str, dice: random.Random) -> str:
    """A table of a few rules, most of them wrong in some way."""
    pattern = _network if kind == "cidr" else _pattern
    text = "\n".join(_line(dice, pattern, kind) for _ in range(dice.randint(1, 8))) + dice.choice(["", "\n"])
    # The original reads behind the end of a line that ends within a regexp after a backslash.
    return re.sub(r"\\(?=[ \t\r\v\f]*(\n|\0|$))", "", text) if kind == "regexp" else text


def keys(kind: str) -> list[str]:
    """What to ask a table for."""
    return _ADDRESSES if kind == "cidr" else _SUBJECTS


def _line(dice: random.Random, pattern: Callable[[random.Random], str], kind: str) -> str:
    what, negation = dice.random(), dice.choice(_NEGATIONS)
    if what < 0.12:
        word = dice.choice(["if", "IF", "If", "if\t"]) + dice.choice(["", " ", "\t"])
        return word + negation + pattern(dice) + dice.choice(["", "", " ", " foo"])
    if what < 0.24:
        return dice.choice(["endif", "ENDIF", "endif ", "endif x", "endifx", "endif!", "endif1"])
    if what < 0.3:
        return dice.choice(_ODD_LINES)
    result = dice.choice(["OK", "REJECT a b", " ", "", "x\ty", "[b]"])
    if kind != "cidr":
        result = " ".join(dice.choices(_RESULTS, k=dice.randint(0, 3)))
    return negation + pattern(dice) + dice.choice([" ", "\t", "  ", "\v"]) + result


def _network(dice: random.Random) -> str:
    return dice.choice(_NETWORKS)


def _pattern(dice: random.Random) -> str:
    second = dice.choice(["!", "! ", "!!", " !"]) + _one_pattern(dice) if dice.random() < 0.08 else ""
    return _one_pattern(dice) + second


def _one_pattern(dice: random.Random) -> str:
    delimiter = dice.choice(_DELIMITERS)
    text = "".join(dice.choices(_ATOMS, k=dice.randint(0, 4)))
    if delimiter == "/" and "\\/" not in text:
        text = text.replace("/", "\\/")
    return delimiter + text + (delimiter if dice.random() < 0.97 else "") + dice.choice(_FLAGS)


Answers = dict[str, str]


def utf8_folder(folder: Path) -> Path:
    """A configuration for ``-c`` of a Postfix that takes UTF-8 for text, in tables and in its messages."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "main.cf"
    path.write_text("compatibility_level = 3.6\n")
    os.utime(path, (1, 1))  # the original waits for a file that was just written to settle
    return folder


def theirs(folder: Path, kind: str, path: Path, asked: list[str]) -> tuple[Answers, list[str]]:
    """The real postmap's answers and the table's warnings; ``folder`` is a configuration."""
    command = ["postmap", "-c", str(folder), "-q", "-", f"{kind}:{path}"]
    done = subprocess.run(command, input=encode("\n".join(asked)), capture_output=True)
    answers = dict(line.split("\t", 1) for line in decode(done.stdout).split("\n")[:-1])
    said = [line.removeprefix("postmap: warning: ") for line in decode(done.stderr).split("\n")[:-1]]
    return answers, [line for line in said if not any(words in line for words in _NOT_THE_TABLE)]


def nulls() -> str:
    """What the installed Postfix says of NULs in a table."""
    return NULLS if version_numbers(mail_version()) >= NULLS_WARNED else ""


def ours(kind: str, path: Path, asked: list[str]) -> tuple[Answers, list[str]]:
    """The same of ours; a failure is an answer that begins with ``failed: ``."""
    told: list[str] = []
    table = open_table(f"{kind}:{path}", warn=told.append, nulls=nulls())
    answers = {}
    for key in asked:
        try:
            value = table.lookup(encode(key))
        except TemporaryFailure as problem:
            answers[key] = f"failed: {problem}"
            continue
        if value is not None:
            answers[key] = decode(value)
    table.close()
    return answers, [shown(line) for line in told]


def shown(message: str) -> str:
    """A message as the original logs it: what cannot be printed becomes a question mark."""
    return re.sub(r"[^ -~\u0080-\ud7ff\ue000-\U0010ffff]", "?", decode(encode(message)))
