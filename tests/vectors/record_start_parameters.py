"""Records which parameters of main.cf each of Postfix's programs reads when it starts, in which order, and what it
takes for their values. Run as root where Postfix is installed:

    python tests/vectors/record_start_parameters.py

It writes mailconf/postfix/parameters/start.py. Every parameter is given values that are no boolean, number, time or
text that can be; what `postmap` says of each tells its type and limits. Then two are wrong at a time: the one that is
complained of comes first. Last, each parameter that nothing is said of is referred to by those that something is said
of: it is read before the first that knows its default.
"""

from __future__ import annotations

import itertools
import re
import subprocess
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TARGET = Path(__file__).parents[2] / "mailconf/postfix/parameters/start.py"
VALUES = ("xx!", "", "-9", "0", "5", "2147483647", "99999999999", "1000w")
# What is not one value's matter: names of this machine, its users and addresses; lists; what 3.7 computes.
MACHINE = {"config_directory", "compatibility_level", "inet_interfaces", "known_tcp_ports"}
# Values that are told in words of their own.
SPECIAL = {
    "inet_protocols", "maillog_file", "mydomain", "myhostname", "mynetworks_style", "syslog_facility",
    "verp_delimiter_filter",
}  # fmt: skip
# Checks of a parameter besides those of its kind: a file that is not there, and several words.
MORE = {("myorigin", "f"): "/nonexistent/myorigin", ("myorigin", "w"): "my origin"}
NAMES = {"mydomain", "myhostname"}  # whose length is looked at with the rest of them
KINDS = [
    ("b", re.compile(r"bad boolean configuration: (\w+) = ")),
    ("i", re.compile(r"bad numerical configuration: (\w+) = ")),
    ("t", re.compile(r"parameter (\w+): bad time value or unit: ")),
]
LIMITS = [
    ("i", re.compile(r"invalid (\w+) parameter value -?\d+ ([<>]) (-?\d+)")),
    ("t", re.compile(r"invalid (\w+): \d+ \((min|max) (\d+)\)")),
    ("s", re.compile(r"bad string length \d+ ([<>]) (\d+): (\w+) =")),
]
_BAD = {"b": "xx!", "i": "xx!", "l": "xx!", "t": "xx!", "s": ""}
Limits = dict[tuple[str, str], tuple[int | None, int | None]]
HEAD = '''"""What each of Postfix's programs reads from main.cf when it starts, in its order.

Written by tests/vectors/record_start_parameters.py from Postfix {version}; do not edit.

START  name, kind, least and greatest (None: no limit): "b" yes or no; "i" a number, "l" a large one; "t" a time in
       seconds; "s" a text, by its length; "f" a file that the value names; "w" one word; "x" what has a form of its
       own; "n" what is not looked at. A reference to a parameter that comes later, or not at all, has no value
       yet, unless main.cf sets it
"""

START: tuple[tuple[str, str, int | None, int | None], ...] = (
'''


class Postmap:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def says(self, settings: dict[str, str]) -> str:
        """The fatal error, or "". A program that ends with one waits a second."""
        folder = self.folder / str(threading.get_ident())
        folder.mkdir(exist_ok=True)
        text = "".join(f"{name} = {value}\n" for name, value in settings.items())
        (folder / "main.cf").write_text(f"compatibility_level = 3.6\n{text}")
        command = ["postmap", "-c", str(folder), "-q", "x", "static:y"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        return done.stderr.strip().rpartition("\n")[2] if done.returncode else ""


def kinds(postmap: Postmap, names: list[str]) -> dict[tuple[str, str], tuple[int | None, int | None]]:
    """The limits by name and kind."""
    asked = [(name, value) for name in names for value in VALUES]
    with ThreadPoolExecutor(60) as pool:
        said = list(pool.map(lambda each: postmap.says({each[0]: each[1]}), asked))
    kind_of: dict[str, str] = {}
    low: dict[tuple[str, str], int] = {}
    high: dict[tuple[str, str], int] = {}
    for message in said:
        for kind, pattern in KINDS:
            if found := pattern.search(message):
                kind_of[found[1]] = kind
        for kind, pattern in LIMITS:
            if found := pattern.search(message):
                name, sign, number = found.groups() if kind != "s" else (found[3], found[1], found[2])
                (low if sign in ("<", "min") else high)[name, kind] = int(number)
    large = {name for (name, value), text in zip(asked, said, strict=True) if value == "99999999999" and not text}
    found_kinds = {}
    for name in names:
        if kind := kind_of.get(name):
            found_kinds[name, "l" if kind == "i" and name in large else kind] = (
                low.get((name, kind)),
                high.get((name, kind)),
            )
        elif (name, "s") in low and name not in NAMES:
            found_kinds[name, "s"] = low[name, "s"], high.get((name, "s"))
        if name in SPECIAL:
            found_kinds[name, "x"] = None, None
    return found_kinds | dict.fromkeys(MORE, (None, None))


def ordered(postmap: Postmap, checks: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The checks in the order in which they are made: each is made before those that it hides."""
    # Of the checks of one parameter, the length is looked at first, then the file.
    hidden = {
        check: sum(name == check[0] and "sfwx".find(check[1]) < "sfwx".find(kind) for name, kind in checks)
        for check in checks
    }
    pairs = [(a, b) for a, b in itertools.combinations(checks, 2) if a[0] != b[0]]

    def first(pair: tuple[tuple[str, str], tuple[str, str]]) -> tuple[str, str]:
        wrong = {name: MORE.get((name, kind), "" if kind == "s" else "xx!") for name, kind in pair}
        message = postmap.says({"myhostname": "host.a.test", **wrong}).replace(
            "mynetworks mask style", "mynetworks_style"
        )
        words = re.findall(r"\w+", message)
        return next(check for check in pair if check[0] in words)

    with ThreadPoolExecutor(150) as pool:
        for check in pool.map(first, pairs):
            hidden[check] += 1
    return sorted(checks, key=lambda check: -hidden[check])


def silent(postmap: Postmap, names: list[str], order: list[tuple[str, str]], limits: Limits) -> dict[str, int]:
    """The position before which each parameter that nothing is said of is read, where it is read at all."""

    def value(check: tuple[str, str], *, good: bool) -> str:
        name, kind = check
        low, high = limits[check]
        if name == "myhostname":
            return "a.b" if good else "a..b"
        if not good:
            return _BAD[kind]
        return str(high or low or 1) if kind in "ilt" else "yes" if kind == "b" else "x" * (low or 1)

    def complains(check: tuple[str, str], text: str) -> bool:
        return check[0] in postmap.says({"myhostname": "host.a.test", check[0]: text})

    def known(question: tuple[str, int, tuple[str, str]]) -> bool:
        name, _, check = question
        return complains(check, f"${{{name}?{{{value(check, good=False)}}}:{{{value(check, good=True)}}}}}")

    probes = [(at, check) for at, check in enumerate(order) if check[1] in _BAD or check[0] == "myhostname"]
    probes = [(at, check) for at, check in probes if not complains(check, value(check, good=True))]
    found: dict[str, int] = {}
    with ThreadPoolExecutor(150) as pool:
        last = [(name, *probes[-1]) for name in names]
        read = [question[0] for question, is_known in zip(last, pool.map(known, last), strict=True) if is_known]
        asked = [(name, at, check) for name in read for at, check in probes]
        for (name, at, _), is_known in zip(asked, pool.map(known, asked), strict=True):
            if is_known:
                found.setdefault(name, at)
    return found


def main() -> None:
    said = subprocess.run(["postconf", "-d"], capture_output=True, text=True, check=True).stdout
    every = [line.partition(" =")[0] for line in said.splitlines()]
    names = [name for name in every if name not in MACHINE]
    version = subprocess.run(["postconf", "-dh", "mail_version"], capture_output=True, text=True, check=True).stdout
    with tempfile.TemporaryDirectory() as folder:
        postmap = Postmap(Path(folder))
        limits = kinds(postmap, names)
        order = ordered(postmap, list(limits))
        checked = {name for name, _ in order}
        others = silent(postmap, [name for name in every if name not in checked], order, limits)
    rows = []
    for at, (name, kind) in enumerate(order):
        rows += [f'    ("{other}", "n", None, None),\n' for other in sorted(others) if others[other] == at]
        rows.append(f'    ("{name}", "{kind}", {limits[name, kind][0]}, {limits[name, kind][1]}),\n')
    TARGET.write_text(HEAD.format(version=version.strip()) + "".join(rows) + ")\n", encoding="utf-8")


if __name__ == "__main__":
    main()
