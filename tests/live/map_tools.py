"""The real engines' tools for map files, for the recording script and the side-by-side tests.

A missing engine raises FileNotFoundError. ``MAILCONF_SENDMAIL_ROOT`` names the tree that sendmail's packages are
unpacked in; ``.live/sendmail`` without it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

Pairs = list[tuple[bytes, bytes]]

SENDMAIL_ROOT = Path(os.environ.get("MAILCONF_SENDMAIL_ROOT") or Path(__file__).parents[2] / ".live" / "sendmail")
SENDMAIL_CF = """\
V10/Berkeley
O DontBlameSendmail=MapInUnsafeDirPath
Dj localhost.example
{maps}
Mlocal, P=/bin/true, F=l, S=0, R=0, A=true
Mprog, P=/bin/true, F=l, S=0, R=0, A=true
S0
S3
S4
"""


def run(*command: str | Path, stdin: bytes = b"", fails: bool = False) -> bytes:
    """The output of a command; AssertionError with its messages when its exit status is not what it should be."""
    done = subprocess.run(command, input=stdin, capture_output=True)
    assert (done.returncode != 0) == fails, f"{command}: exit status {done.returncode}: {done.stderr!r}"
    return done.stdout


def postfix_folder(folder: Path) -> Path:
    """An empty configuration for ``-c``.

    It gets an old date: Postfix reads a file that was changed within the last second again and again until it is old.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "main.cf"
    path.write_text("")
    os.utime(path, (0, 0))
    return folder


def sendmail(program: str, *arguments: str | Path, stdin: bytes = b"") -> bytes:
    """Run a program of sendmail's (``makemap``, ``sendmail``, ``editmap``).

    It gets a host name with a dot in a namespace of its own: for another, sendmail sleeps a minute first.
    """
    path = SENDMAIL_ROOT / "usr/libexec/sendmail" / program
    libraries = ":".join(map(str, SENDMAIL_ROOT.glob("usr/lib/*-linux-gnu*")))
    shell = f'hostname mail.example.com; export LD_LIBRARY_PATH={libraries}; exec "$@"'
    namespace = ["unshare", "--uts", *(["--map-root-user"] if os.geteuid() != 0 else [])]
    done = subprocess.run([*namespace, "sh", "-c", shell, program, path, *arguments], input=stdin, capture_output=True)
    assert done.returncode == 0, f"{program} {arguments}: {done.stdout!r} {done.stderr!r}"
    return done.stdout


def sendmail_cf(folder: Path, maps: str = "") -> Path:
    """A configuration with the ``K`` lines ``maps`` and nothing else."""
    path = folder / "maps.cf"
    path.write_text(SENDMAIL_CF.format(maps=maps))
    return path


def load(path: Path, pairs: Iterable[tuple[bytes, bytes]], *header: str) -> None:
    """Make a Berkeley DB file; ``header`` are lines of db5.3_dump's format (``type=hash``, ``db_pagesize=512``)."""
    lines = [b"VERSION=3", b"format=bytevalue", *(line.encode() for line in header), b"HEADER=END"]
    lines += [b" " + item.hex().encode() for pair in pairs for item in pair]
    run("db5.3_load", path, stdin=b"\n".join([*lines, b"DATA=END", b""]))


def dump(path: Path) -> Pairs:
    """What libdb's cursor reads from a file, in its order."""
    text = run("db5.3_dump", path).split(b"HEADER=END\n")[1].split(b"DATA=END\n")[0]
    items = [bytes.fromhex(line[1:].decode()) for line in text.split(b"\n")[:-1]]
    return list(zip(items[0::2], items[1::2], strict=True))


def verify(path: Path) -> None:
    run("db5.3_verify", "-q", path)


def versions() -> dict[str, str]:
    """The engines' versions, for the vectors."""
    packages = ("postfix", "db5.3-util")
    found = {name: run("dpkg-query", "-W", "-f", "${Version}", name).decode() for name in packages}
    unpacked = next((SENDMAIL_ROOT / "packages").glob("sendmail-bin_*.deb"))
    return {**found, "sendmail": unpacked.name.split("_")[1]}
