"""What a check costs in processor time, and what the build of a large table costs beside our own postmap.

There is no other tool to compare with: the first two rows stand beside their limits, 150 ms for a small clean Postfix
site, and five times m4's time over its .mc files and 150 ms for an /etc/mail; the last beside our postmap. Ours is that
of a plain ``pip install .``.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.bench import Row, cost, installed, medians, processors
from tests.bench_build import LIBRARY, lay_out
from tests.bench_maps import table

RUNS, BUILDS = 15, 3
CHECK_POSTFIX = "`check` of the example /etc/postfix, beside 150 ms"
CHECK_ETC_MAIL = "`check` of the example /etc/mail, beside five times m4's time over its .mc files and 150 ms"
BUILD = "`build` of a table of {:,} rows, beside our own postmap"
SITE = """\
compatibility_level = 3.6
myhostname = mx.example.com
virtual_alias_maps = hash:/etc/postfix/virtual
alias_maps =
alias_database =
"""


def rows(count: int) -> Iterable[Row]:
    with tempfile.TemporaryDirectory() as name:
        yield from measured(installed(Path(name)), count)


def measured(mailconf: Path, count: int, runs: int = RUNS, builds: int = BUILDS) -> Iterable[Row]:
    """Checks and builds, with a table of so many rows, in so many runs: what, our processor time, its bound."""
    one = processors(1)
    with tempfile.TemporaryDirectory() as name:
        root = lay_out(Path(name))
        words = ("--root", root, "--cf-library", LIBRARY)
        for site in ("/etc/postfix", "/etc/mail"):
            cost([mailconf, "build", *words, site], one, may_fail=True)
        (found,) = medians([[mailconf, "check", *words, "/etc/postfix"]], one, runs)
        yield CHECK_POSTFIX, found.processor, 0.15
        if Path(LIBRARY, "m4/cf.m4").is_file():
            m4 = [["m4", f"-D_CF_DIR_={LIBRARY}/", file] for file in whole(root)]
            found, *each = medians([[mailconf, "check", *words, "/etc/mail"], *m4], one, runs)
            yield CHECK_ETC_MAIL, found.processor, 5 * sum(m4.processor for m4 in each) + 0.15
        else:
            print("no library of sendmail's macros: make live unpacks one, or set MAILCONF_CF_LIBRARY", file=sys.stderr)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "etc/postfix")
        folder.mkdir(parents=True)
        (folder / "main.cf").write_text(SITE)
        (folder / "master.cf").write_text("smtp inet n - n - - smtpd\n")
        (folder / "virtual").write_text("".join(table("sequential", count)))
        commands: list[list[str | Path]] = [
            [mailconf, "build", "--force", "--root", name, "/etc/postfix"],
            [mailconf, "postmap", "-c", folder, f"hash:{folder}/virtual"],
        ]
        ours, postmap = medians(commands, one, builds)
        yield BUILD.format(count), ours.processor, postmap.processor


def whole(root: Path) -> Iterator[Path]:
    """The .mc files in copies whose includes m4 finds, with sendmail's library where it is unpacked."""
    for name in ("sendmail.mc", "submit.mc"):
        text = (root / "etc/mail" / name).read_text()
        copy = root / name
        copy.write_text(text.replace("/usr/share/sendmail/cf", LIBRARY).replace("/etc/mail/m4", f"{root}/etc/mail/m4"))
        yield copy
