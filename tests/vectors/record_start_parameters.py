"""Records which parameters of main.cf each of Postfix's programs reads when it starts, in which order, and what it
takes for their values. Run as root where Postfix is installed:

    python tests/vectors/record_start_parameters.py

It writes mailconf/postfix/parameters/start.py. Every parameter is given values that are no boolean, number, time or
text that can be; what `postmap` says of each tells its type and limits. Then two are wrong at a time: the one that is
complained of comes first.
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
HEAD = '''"""What each of Postfix's programs reads from main.cf when it starts, in its order.

Written by tests/vectors/record_start_parameters.py from Postfix {version}; do not edit.

START  name, kind, least and greatest (None: no limit): "b" yes or no; "i" a number, "l" a large one; "t" a time in
       seconds; "s" a text, by its length; "f" a file that the value names; "w" one word; "x" what has a form of its
       own
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


def main() -> None:
    said = subprocess.run(["postconf", "-d"], capture_output=True, text=True, check=True).stdout
    names = [name for line in said.splitlines() if (name := line.partition(" =")[0]) not in MACHINE]
    version = subprocess.run(["postconf", "-dh", "mail_version"], capture_output=True, text=True, check=True).stdout
    with tempfile.TemporaryDirectory() as folder:
        postmap = Postmap(Path(folder))
        limits = kinds(postmap, names)
        order = ordered(postmap, list(limits))
    rows = [f'    ("{name}", "{kind}", {limits[name, kind][0]}, {limits[name, kind][1]}),\n' for name, kind in order]
    TARGET.write_text(HEAD.format(version=version.strip()) + "".join(rows) + ")\n", encoding="utf-8")


if __name__ == "__main__":
    main()
