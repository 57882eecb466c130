"""The test programs of Postfix's own source, and the files of its suites, which are read where they were unpacked.

`tests/live/build-postfix-suites` has fetched and built what is needed. A test takes a program, gives it the lines that
it reads, and compares what it writes with ours; the ``.ref`` files beside the scripts are not asked, as some are older
than the program.

    >>> smtpd_check = program("smtpd", "smtpd_check")
    >>> lines(smtpd_check, ["client foo 192.0.2.1"])
    ['>>> client foo 192.0.2.1', 'OK']
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

_SCRIPT = Path(__file__).with_name("build-postfix-suites")
DRIVER = "address_driver"  # of src/global
_TOP = Path(__file__).parents[2] / ".live/postfix-suites"

# Without a configuration file, so that nothing of the machine's is read.
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "HTABLE_FIX": "NORANDOMIZE=1"}


def tree(variant: str = "plain") -> Path:
    """The unpacked source: ``plain`` without EAI, ``eai`` with ICU."""
    found = _TOP / variant
    if not (found / ".complete").exists():
        subprocess.run([_SCRIPT], check=True)
    return found


def source(place: str, variant: str = "plain") -> Path:
    """A file of the source: ``smtpd/smtpd_acl.in``."""
    return tree(variant) / "src" / place


def program(room: str, name: str, variant: str = "plain") -> Path:
    """The test program ``name`` of ``src/room``, built if nobody has built it before."""
    folder = tree(variant) / "src" / room
    built = folder / name
    with Path(f"{tree(variant)}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # make must not run twice in one tree
        if name == DRIVER:
            _build_driver(folder)
        elif not built.exists():
            # Some rules put the object of the real program aside, and expect that there is one.
            for target in (f"{name}.o", name):
                done = subprocess.run(["make", "-C", folder, target], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise RuntimeError(f"{room}/{name} cannot be built:\n{done.stderr[-2000:]}")
    return built


def _build_driver(folder: Path) -> None:
    """Our own program, where Postfix's have no input: with the libraries and options of theirs."""
    source = Path(__file__).with_name(f"{DRIVER}.c")
    rules = folder / f"{DRIVER}.mk"
    rules.write_text(f"{DRIVER}: {source}\n\t$(CC) $(CFLAGS) -o $@ $< $(LIB) $(LIBS) $(SYSLIBS)\n")
    done = subprocess.run(
        ["make", "-C", folder, "-f", "Makefile", "-f", rules.name, DRIVER], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{DRIVER} cannot be built:\n{done.stderr[-2000:]}")


def run(
    built: Path,
    arguments: Iterable[str] = (),
    *,
    text: str | bytes = b"",
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float = 120,
) -> subprocess.CompletedProcess[bytes]:
    """What the program writes, standard error among standard output as its suites have it.

    cwd  where it runs; by default the folder of its source, to whose files its scripts refer
    """
    return subprocess.run(
        [built, *arguments],
        input=text.encode(errors="surrogateescape") if isinstance(text, str) else text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=cwd or built.parent,
        env={**_ENVIRONMENT, **(environment or {})},
        timeout=timeout,
        check=False,
    )


def lines(built: Path, script: Iterable[str], *, cwd: Path | None = None, timeout: float = 120) -> list[str]:
    """The lines that the program writes when it reads ``script``."""
    done = run(built, text="".join(f"{line}\n" for line in script), cwd=cwd, timeout=timeout)
    return done.stdout.decode(errors="surrogateescape").splitlines()
