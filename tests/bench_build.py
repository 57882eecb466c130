"""The expansion of a sendmail.mc beside the real m4, and a build with nothing to do beside make.

sendmail's library of macros is the one below .live/sendmail (`make live` unpacks it) or MAILCONF_CF_LIBRARY's.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.bench import Row, timed

TOP = Path(__file__).parents[1]
LIBRARY = os.environ.get("MAILCONF_CF_LIBRARY", f"{TOP}/.live/sendmail/usr/share/sendmail/cf")
MAILCONF = (sys.executable, "-m", "mailconf")


def rows(_: int) -> Iterable[Row]:
    if not Path(LIBRARY, "m4/cf.m4").is_file():
        print("no library of sendmail's macros: make live unpacks one, or set MAILCONF_CF_LIBRARY", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as name:
        root = lay_out(Path(name))
        mc = root / "etc/mail/whole.mc"
        text = (root / "etc/mail/sendmail.mc").read_text()
        mc.write_text(text.replace("/usr/share/sendmail/cf", LIBRARY).replace("/etc/mail/m4", f"{root}/etc/mail/m4"))
        yield "m4 sendmail.mc", timed(*MAILCONF, "m4", mc, repeat=15), timed("m4", mc, repeat=15)
        mc.unlink()
        for site, make in (("mail", "sendmail.cf"), ("postfix", "virtual.db")):
            folder = f"/etc/{site}"
            words = (*MAILCONF, "build", "--root", root, "--cf-library", LIBRARY, folder)
            timed(*words)
            makefile = root / f"Makefile.{site}"
            makefile.write_text(f"all: {root}{folder}/{make}\n")
            yield f"build {folder}: nothing to do", timed(*words, repeat=15), timed("make", "-f", makefile, repeat=15)


def lay_out(root: Path) -> Path:
    """The example sites below a root."""
    for site in ("sendmail", "postfix"):
        shutil.copytree(TOP / "examples" / site, root, dirs_exist_ok=True)
    return root
