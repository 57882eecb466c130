"""What a check costs in processor time, and what the build of a large table costs beside our own postmap.

There is no other tool to compare with: the first two rows stand beside their limits, 150 ms for a small clean Postfix
site, and five times m4's time over its .mc files and 150 ms for an /etc/mail; the last beside our postmap. Ours is that
of a plain ``pip install .``.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.bench import ENVIRONMENT, Row
from tests.bench_build import LIBRARY, lay_out
from tests.bench_maps import installed, table

SITE = """\
compatibility_level = 3.6
myhostname = mx.example.com
virtual_alias_maps = hash:/etc/postfix/virtual
alias_maps =
alias_database =
"""


def spent(*command: str | Path, repeat: int) -> float:
    """The least processor time of ``repeat`` runs, in seconds; what it prints is thrown away."""
    best = float("inf")
    for _ in range(repeat):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        words = [str(word) for word in command]
        quiet = subprocess.DEVNULL
        subprocess.run(words, stdin=quiet, stdout=quiet, stderr=quiet, env=ENVIRONMENT, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return best


def rows(count: int) -> Iterable[Row]:
    with tempfile.TemporaryDirectory() as name:
        yield from measured(count, installed(Path(name)))


def measured(count: int, mailconf: Path) -> Iterable[Row]:
    with tempfile.TemporaryDirectory() as name:
        root = lay_out(Path(name))
        words = ("--root", root, "--cf-library", LIBRARY)
        for site in ("/etc/postfix", "/etc/mail"):
            spent(mailconf, "build", *words, site, repeat=1)
        yield "check /etc/postfix, beside 150 ms", spent(mailconf, "check", *words, "/etc/postfix", repeat=15), 0.15
        if Path(LIBRARY, "m4/cf.m4").is_file():
            files = [root / f"etc/mail/{mc}.mc" for mc in ("sendmail", "submit")]
            each = [spent("m4", f"-D_CF_DIR_={LIBRARY}/", f"{LIBRARY}/m4/cf.m4", mc, repeat=15) for mc in files]
            what = "check /etc/mail, beside five times m4's time and 150 ms"
            yield what, spent(mailconf, "check", *words, "/etc/mail", repeat=15), 5 * sum(each) + 0.15
        else:
            print("no library of sendmail's macros: make live unpacks one, or set MAILCONF_CF_LIBRARY", file=sys.stderr)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "etc/postfix")
        folder.mkdir(parents=True)
        (folder / "main.cf").write_text(SITE)
        (folder / "master.cf").write_text("smtp inet n - n - - smtpd\n")
        (folder / "virtual").write_text("".join(table("sequential", count)))
        spec = f"hash:{folder}/virtual"
        yield (
            f"build of {count} rows, beside our postmap",
            spent(mailconf, "build", "--force", "--root", name, "/etc/postfix", repeat=3),
            spent(mailconf, "postmap", "-c", folder, spec, repeat=3),
        )
