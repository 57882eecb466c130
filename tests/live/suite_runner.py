"""The suites of src/util, src/global and others: what the test programs answer beside what ours do.

A case is a line that a program reads, or a call of it. `Tally` counts those that agree. The shipped scripts are read
where the source was unpacked, and the program's answer decides, as some of the ``.ref`` files are older than it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path

from postfix_suites import program, run, source
from suite_programs import STAND_INS, answers

TOP = Path(__file__).parents[2]
VARIANT = "eai"
FATAL = "the program ends"
_ROOMS = dict.fromkeys(("valid_hostname", "host_port", "ip_match", "casefold", "format_tv", "mac_expand"), "util")
_ROOMS |= {"dict_open": "util", "cleanup_masquerade": "cleanup", "transport": "trivial-rewrite"}


_COUNTS_FAILURES = {"transport", "mail_addr_find"}  # they end with 1 where an answer was not the expected one
_REFUSED = re.compile(r".*: ERROR|.*: error|failed|Error")


@dataclass
class Tally:
    """cases, agreeing; differences: what was asked, the program's answer, ours; forms: how often each form came."""

    name: str
    cases: int = 0
    agreeing: int = 0
    differences: list[tuple[object, object, object]] = field(default_factory=list)
    forms: Counter[str] = field(default_factory=Counter)

    def add(self, asked: object, theirs: object, ours: object) -> None:
        self.cases += 1
        if theirs == ours:
            self.agreeing += 1
        else:
            self.differences.append((asked, theirs, ours))

    def add_answers(self, asked: object, theirs: list[str], ours: list[str]) -> None:
        """Count an output as one case; where the program ends, ours has to refuse every answer."""
        refusals = [line for line in ours if not re.match("> |[a-z]+_?[a-z]+: |-", line) or _REFUSED.fullmatch(line)]
        if theirs[-1:] == [FATAL] and refusals and all(map(_REFUSED.fullmatch, refusals[:1])):
            ours = theirs
        self.add(asked, theirs, ours)

    def add_lines(self, asked: str, theirs: Sequence[str], ours: Sequence[str]) -> None:
        """Count the lines of an output; those that are not at their place in the other one differ."""
        matcher = SequenceMatcher(None, theirs, ours, autojunk=False)
        for kind, a, b, c, d in matcher.get_opcodes():
            self.cases += max(b - a, d - c) if kind != "equal" else b - a
            if kind == "equal":
                self.agreeing += b - a
            else:
                self.differences.append((asked, list(theirs[a:b]), list(ours[c:d])))

    def __str__(self) -> str:
        return f"{self.name}: {self.agreeing} of {self.cases} cases agree"


def room_of(name: str) -> str:
    return _ROOMS.get(name, "global")


def theirs(name: str, arguments: Sequence[str], lines: Iterable[str] = (), *, room: str = "") -> list[str]:
    """What the program ``name`` answers; `FATAL` at the end where it ended by itself."""
    built = program(room or room_of(name), name, VARIANT)
    done = run(built, arguments, text="".join(f"{line}\n" for line in lines))
    written = done.stdout.decode(errors="surrogateescape").splitlines()
    return cleaned(name, written, failed=done.returncode != 0 and name not in _COUNTS_FAILURES)


def cleaned(name: str, written: Sequence[str], *, failed: bool = False) -> list[str]:
    """The answers in what a program wrote, in the form of `suite_programs`."""
    if name == "valid_hostname":
        return _names(written)
    found = answers(written)
    if name == "ip_match":
        found = [re.sub(r"^(Error|Code): .*", r"\1", line) for line in found]
    elif name == "mac_expand":
        found = [re.sub(r"^stat=(\d+) (result=.*)", _expanded, line, flags=re.DOTALL) for line in found]
    elif name == "cleanup_masquerade":
        found = [line for line in found if not line.startswith("unknown: ")]
        found = found if "errs:       0" in found or not found else [*found[:4], "failed"]
    elif name == "quote_822_local":
        found = [line for line in found if " flags=" not in line]
    elif name == "fold_addr":
        found = [line for line in found if not line.startswith(">")]
    elif name == "mail_addr_find":
        found = [line for line in found if "->" in line]
    elif name == "casefold":
        found = [line for line in found if "->fold" in line]
    while found and not found[-1]:
        del found[-1]
    return [*found, FATAL] if failed else found


def _expanded(found: re.Match[str]) -> str:
    return "error" if int(found[1]) & 1 else found[2]


def _names(written: Iterable[str]) -> list[str]:
    """valid_hostname logs each name, and then what is wrong with it as a name and as an address."""
    found: list[str] = []
    for line in written:
        if asked := re.search(r'testing: "(.*)"$', line):
            found.append(f"{asked[1]}: host True, address True")
        elif re.search(r"warning: valid_hostname: ", line):
            found[-1] = found[-1].replace("host True", "host False")
        elif re.search(r"warning: valid_(?:hostaddr|ipv[46]_hostaddr): ", line):
            found[-1] = found[-1].replace("address True", "address False")
    return found


def ours(name: str, arguments: Sequence[str], lines: Sequence[str] = ()) -> list[str]:
    found = list(STAND_INS[name](arguments, list(lines)))
    while found and not found[-1]:
        del found[-1]
    return found


def script_lines(place: str) -> tuple[list[str], Counter[str]]:
    """The lines of a shipped script that ours is asked, and why others are not, with their number."""
    kept, reasons = [], Counter[str]()
    for line in source(place, VARIANT).read_text(errors="surrogateescape").splitlines():
        reason = next((reason for form, reason in _LEFT_OUT.get(place, ()) if re.search(form, line)), "")
        reasons.update([reason] * bool(reason))
        kept += [line] * (not reason)
    return kept, reasons


# The lines of a script that are left out, by their form, and the reason of each.
_LEFT_OUT = {
    "global/mail_addr_find.in": (
        (r"^test \w+:internal:", "no daemon asks a table for the internal form alone"),
        (r"^test (?:\w+:){3}(?!default:)", "a strategy of transport(5) or access(5), not that of addresses"),
        (r"^echo|^#|^$", "prints nothing of a table"),
    ),
    "global/fold_addr_test.in": (
        (r"^(?:host|user) ", "half of an address: pipe(8) flags h and u, which are tested with deliveries"),
        (r"^none ", "folds nothing"),
        (r"^#|^$", "asks nothing"),
    ),
    "util/mac_expand.in": ((r"length", "an operator that only the test program defines"),),
}


def at_once(calls: Sequence[tuple[str, Sequence[str], Sequence[str]]]) -> list[list[str]]:
    """What programs answer to (name, arguments, lines), two at a time."""
    for name in {name for name, _, _ in calls}:
        program(room_of(name), name, VARIANT)
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda call: theirs(*call), calls))


def shell(place: str, folder: Path, names: Sequence[str], commands: str = "") -> tuple[list[str], list[str]]:
    """What a shipped shell script prints with the programs ``names``, and with ours in their place.

    commands  the script, if it is not the file at ``place`` itself
    """
    script = source(place, VARIANT)
    printed = []
    for side in ("theirs", "ours"):
        below = folder / side
        below.mkdir(parents=True)
        for file in script.parent.iterdir():
            if file.is_file() and not os.access(file, os.X_OK):
                (below / file.name).symlink_to(file)
        for name in names:
            built = program(script.parent.name, name, VARIANT)
            if side == "theirs":
                (below / name).symlink_to(built)
            else:
                text = f'#!/bin/sh\nexec {sys.executable} {TOP}/tests/live/suite_programs.py {name} "$@"\n'
                (below / name).write_text(text)
                (below / name).chmod(0o755)
        (below / "main.cf").write_text("queue_directory = /\n")
        done = subprocess.run(
            ["sh", "-c", commands] if commands else ["sh", str(script)],
            cwd=below,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            env={**os.environ, "PYTHONPATH": str(TOP), "VALGRIND": "", "LC_ALL": "C.UTF-8", "MAIL_CONFIG": str(below)},
        )
        written = done.stdout.decode(errors="surrogateescape").splitlines()
        printed.append(cleaned(names[0], [line for line in written if not line.startswith("+ ")]))
    return printed[0], printed[1]
