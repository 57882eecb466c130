"""tls_certkey beside ours: the shipped files of keys and certificates, and rows of PEM objects at random.

What the program writes of OpenSSL itself ("TLS library problem") is left out, as is the line that follows each failure.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

sys.path[:0] = [str(Path(__file__).parents[1] / "postfix")]

import chain_texts  # noqa: E402
from postfix_suites import program, run, source  # noqa: E402

from mailconf.postfix.settings.chain_files import ChainFile, chain_problems, pair_problems  # noqa: E402

_BEFORE, _OFF = "unknown: warning: ", ": disabling TLS support"
_LAST = "error loading private keys and certificates from: "
_LIBRARY = "TLS library problem: "
OBJECTS = {name: text for name, text in vars(chain_texts).items() if name.isupper()}


class Call(NamedTuple):
    """``-m`` reads one file with its key anywhere, ``-k`` a certificate's and a key's; "" a list of files."""

    mode: str
    names: tuple[str, ...]


class Told(NamedTuple):
    """What was said, and whether the files were loaded."""

    lines: list[str]
    loaded: bool


def theirs(call: Call, folder: Path) -> Told:
    if call.mode == "-k":
        certificate, key = call.names
        arguments = ["-k", key, certificate]
    else:
        arguments = [*([call.mode] if call.mode else []), " ".join(call.names)]
    done = run(program("tls", "tls_certkey", "eai"), arguments, cwd=folder)
    written = [line.removeprefix(_BEFORE) for line in done.stdout.decode().splitlines() if line.startswith(_BEFORE)]
    said = [line.removesuffix(_OFF) for line in written if not line.startswith((_LAST, _LIBRARY))]
    if any("key values mismatch" in line for line in written):
        # OpenSSL compares a key of the same algorithm itself, so that the program cannot say it any better.
        certificate, key = call.names
        said = [f"any private key in {key} does not match public key in {certificate}"]
    return Told(said, done.returncode == 0)


def ours(call: Call, folder: Path) -> Told:
    files = [ChainFile(name, (folder / name).read_bytes()) for name in call.names]
    if call.mode:
        found = list(pair_problems("any", files[0], files[-1]))
    else:
        found = list(chain_problems(" ".join(call.names), files))
    # Of an object that is broken, the program has OpenSSL's words alone.
    said = [problem.text for problem in found if ": an object" not in problem.text]
    return Told(said, not any(problem.fatal for problem in found))


def shipped() -> Iterator[tuple[Call, Path]]:
    """The files, in the ways in which the Makefile reads them."""
    folder = source("tls/goodchains.pem", "eai").parent
    for place in sorted(folder.glob("*.pem.ref")):
        name = place.name.removesuffix(".ref")
        if "-mixed-" in name:
            yield Call("-m", (name,)), folder
            yield Call("-k", (name, name)), folder
        else:
            yield Call("", (name,)), folder


_GOOD = (
    ("KEY_A", "CERT_A"),
    ("KEY_A", "CERT_A", "CERT_B"),
    ("OLD_KEY_A", "CERT_A"),
    ("KEY_B", "CERT_B"),
    ("KEY_D", "CERT_D", "CERT_A"),
)


def at_random(chance: Random, folder: Path, count: int, forms: Counter[str]) -> Iterator[Call]:
    """Good rows one after the other, into which other objects are put, in one file or in two."""
    for number in range(count):
        row = [name for _ in range(chance.randint(1, 2)) for name in chance.choice(_GOOD)]
        for _ in range(chance.choice((0, 0, 1, 1, 2))):
            row.insert(chance.randint(0, len(row)), chance.choice(list(OBJECTS)))
        if chance.random() < 0.2:
            row.pop(chance.randrange(len(row)))
        if chance.random() < 0.15:
            chance.shuffle(row)
        mode = chance.choice(("", "", "", "-m", "-k"))
        cut = chance.randint(0, len(row)) if chance.random() < 0.3 or mode == "-k" else len(row)
        parts = [row] if mode == "-m" or cut == len(row) else [row[:cut], row[cut:]]
        if mode == "-k" and len(parts) == 1:
            parts = [row, row]
        forms.update([mode or "list", *row, *(["two files"] if len(parts) == 2 else [])])
        yield Call(mode, tuple(_written(folder, f"f{number}", parts)))


def _written(folder: Path, name: str, parts: Sequence[Sequence[str]]) -> Iterator[str]:
    for letter, part in zip("ab", parts, strict=False):
        (folder / f"{name}{letter}").write_text("".join(OBJECTS[item] for item in part))
        yield f"{name}{letter}"
