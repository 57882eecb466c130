"""Texts of a sendmail.cf, behind `HEAD` or, with ``before``, in front of it; and how sendmail is asked about them."""

from __future__ import annotations

import os
import random
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

HEAD = b"""\
V10/Berkeley
Dwlocalhost
Djlocalhost.example.org
O DontProbeInterfaces=True
O QueueDirectory=/tmp
Mlocal, P=/bin/true, F=l, S=0, R=0, A=true
Mprog, P=/bin/true, F=l, S=0, R=0, A=true
S0
S3
S4
"""
# What sendmail says of the mistakes that `mailconf.sendmail.cf.read` knows.
KNOWN = re.compile(
    rb"unknown configuration line|tab expected|null LHS|missing valid ruleset|Inappropriate use of|invalid ruleset name"
    rb"|bad ruleset|Name required|Invalid macro/class char|Unbalanced \{|name required|header syntax error"
    rb"|invalid argument to V|A= argument required|missing file name|no map name|no map class|option name 0x0"
    rb"|`=' expected"
)
_SAID = re.compile(rb"[^\n]*: line (\d+): ([^\n]*(?:\n(?!/)[^\n]*)*)")


class Input(NamedTuple):
    text: bytes
    before: bool = False

    @property
    def data(self) -> bytes:
        return self.text + HEAD if self.before else HEAD + self.text


def inputs() -> list[Input]:
    """One for each byte that a line can begin with, the forms of each kind of line, and mixtures."""
    lines = [bytes([byte]) + rest for byte in range(256) for rest in (b"\n", b"foo bar\n")]
    return [*map(Input, lines), *map(Input, _FORMS), *(Input(text, True) for text in _FIRST), *_mixtures(400)]


_FORMS = [
    b"Ra\n", b"Ra  b\n", b"Ra\tb\n", b"Ra\n\tb\n", b"Ra\n b\n", b"Ra # c\tb\n", b"Ra#\tb\n", b"R\tb\n", b"R\t\n",
    b"Ra\t\n", b"Ra\t  # c\n", b"R \tb\n", b"R a\tb\n", b"R\n\ta\tb\n", b'R"a # b"\tc\n', b"Ra\\#b\tc\n",
    b"Ra $# b\tc\n", b"Ra $$# b\tc\n", b"R$*\t$# x\n", b"R$* $# x\n", b"R$*\t\t#x\n", b'R$*\t"#"\n', b"R$1\tx\n",
    b"R$$1\tx\n", b"R$0\tx\n", b"R$&1\tx\n", b"R$=1\tx\n", b"R\x00\tb\n", b"Ra # c\n\tb\n", b"R$*  $1\n R$*\t$2\n",
    b"S foo\n", b"S 3\n", b"S999\n", b"Sa=1000\n", b"Sa=\n", b"Sa=3\n", b"S=\n", b"Sa # c\n", b"Sa bar\n", b"S#\n",
    b"S_a\n", b"S\xe4\n", b"S{a}\n", b"S3x\n", b"Sa/b\n", b"S\n a\n", b"D x\n", b"D{}\n", b"D{x\n", b"D{x}\n",
    b"D# x\n", b"D{a-b}x\n", b"D{a_b.c}x\n", b"D-x\n", b"C{}\n", b"C x\n", b"C{a b}x\n", b"C{a\n", b"C}x\n",
    b"D \tx\n", b"D{\xe4}x\n", b"D\n x\n", b"V10\n", b"Vx\n", b"V 10\n", b"V\n10\n", b"Hx:\n", b"H?x?a: b\n",
    b"H a: b\n", b"H?x\n", b"Ha b: x\n", b"H*: $>x\n", b"H: x\n", b"H?x?\n", b"H??a: x\n", b"H?${x}?a: b\n",
    b"H?x? a: b\n", b"Ha : b\n", b"H\ta: b\n", b"H\xe4: x\n", b"Ha(x): y\n", b"O \n", b"OA\n", b"O LogLevel\n",
    b"P=\n", b"Pa=1\n", b"P a=1\n", b"P #=1\n", b"P\n =1\n", b"Pa\n", b"Xf, S=local:/x\n", b"X, S=local:/x\n",
    b"Qm\n", b"Q\n", b"Mx, P=/x, A=a\n", b"Mx, P=/x\n", b"Mx,P=/x,A=a\n", b"M x, P=/x, A=b\n", b"M, P=a\n",
    b"Mx, P=/x, Argv=b\n", b"Ka\n", b"Ka null\n", b"K a null\n", b"K.a null\n", b"K_a null\n", b"Ka, null\n",
    b"Ka\n null\n", b"Ka \n", b"K\n", b"Fx\n", b"Fx -o /nope\n", b"Fx -o\n", b"F{x}-o /nope\n", b"F{x\n",
    b"#a\n\tRb\n", b"#a\n\n\tRb\n", b"\n\n", b"\n \n", b" \n", b"#\r\n R\n", b"Dx\r\n y\n", b"\r\n", b"\r\n \r\n",
    b"\x00a\n", b"\x00a\n Za\n", b"#a\x00b\n Zc\n", b"Za\x00", b"\xef\xbb\xbfV10\n", b"\x1a", b"Dxa\x1a", b" # a\n",
    b"\n # a\n", b"Dx  # a\n", b"\x0b\n", b"\\#a\n", b"Z\n Y\nW\n", b"Da\n  Zb\n", b"\n\n  \n\n", b"Cwa\n\n b\n",
    b"\n\r\n", b"\n\r \n",
]  # fmt: skip
_FIRST = [
    b" \n", b"\t\n", b" ", b"\t", b" #a\n", b"\n \n", b"\n\t# a\n", b"  Dxa\n", b"\r\n \n", b"\xef\xbb\xbf# a\n",
    b"\x00\n", b"\x00 a\n b\n", b"", b"\n", b"Z\n Y\nW\n", b"R a\tb\n", b"Ra # b\tc\n", b"Sa\nRa # b\tc\n",
    b"Cwa b\n", b"Dma # b\n", b"This file\n", b"Do not edit\n", b"D #\n", b"P # =\n",
]  # fmt: skip


def _mixtures(number: int) -> list[Input]:
    dice = random.Random(9)
    atoms = [" ", "\t", "\n", "\n", "\n", "\r", "#", "\\", "a", "x", "{", "}", "=", ":", "?", "\0", "\x1a", "\xe4", ".",
             "-", ",", "1", "999", "\n\n", " \n", "\n ", "\n\t", "$*", "$#", "A=b", ", P=/x", "foo",
             "bar baz"]  # fmt: skip
    begins = [
        *"CDEFHMOPQRSTVX",
        "Z",
        "L",
        "R$*\t",
        "Sx",
        "Kx null\n",
        "Cw",
        "Dm",
        "Mx, P=/x, A=b",
        "H?x?a: b",
        "P",
        "#",
        "V10",
    ]
    found = []
    for _ in range(number):
        words = []
        for _ in range(dice.randint(1, 6)):
            words += dice.choices(begins, k=dice.random() < 0.7) + dice.choices(atoms, k=dice.randint(0, 6))
            words += ["\n"] * (dice.random() < 0.7)
        found.append(Input("".join(words).encode("latin-1"), dice.random() < 0.3))
    return found


def sendmail_says(program: Path, libraries: str, path: Path, data: bytes) -> tuple[int, list[tuple[int, str]]]:
    """The exit status, and what sendmail says of which line of a .cf, which is written to ``path``."""
    path.write_bytes(data)
    command = ["unshare", "--uts", "sh", "-c", 'hostname mail.example.org; exec "$@"', "sendmail", program]
    environment = {**os.environ, "LD_LIBRARY_PATH": libraries}
    done = subprocess.run(
        [*command, "-C", path, "-bt"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment,
        timeout=90,
        check=False,
    )
    found = _SAID.finditer((done.stdout + done.stderr).partition(b"ADDRESS TEST MODE")[0])
    return done.returncode, [(int(m[1]), m[2].decode("latin-1").rstrip("\n")) for m in found]


def is_known(said: str) -> bool:
    return KNOWN.search(said.encode("latin-1")) is not None


def judged(data: bytes, said: list[tuple[int, str]]) -> tuple[set[int], set[int], set[int]]:
    """Numbers of last lines: what sendmail's words name, the same with other mistakes, and what ours names.

    Of rules behind a ruleset whose name is a mistake sendmail complains again: those do not count.
    """
    from mailconf.sendmail.cf.read import read_cf
    from mailconf.source import Source

    bad_ruleset = any("ruleset" in words and "missing valid" not in words for _, words in said)
    counted = [(line, words) for line, words in said if not (bad_ruleset and "missing valid ruleset" in words)]
    real = {line for line, words in counted if is_known(words)}
    cf = read_cf(Source("x.cf", data.decode("latin-1")))
    ours = {mistake.line.last for mistake in cf.mistakes}
    return real, {line for line, _ in said}, ours
