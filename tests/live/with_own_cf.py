"""Run the real sendmail with our own .cf in the place of the library's.

    python -m tests.live.with_own_cf [--interpreter] ARGUMENT...

The arguments are sendmail's, ``-C FILE`` among them; with ``--interpreter`` `mailconf sendmail` runs. Where a
sendmail.mc lies beside FILE, our own .cf is made of it, as ``own.cf`` there, and given to sendmail in place of FILE. A
program that compares what a sendmail answers with what was recorded with the library's .cf takes this command as the
sendmail to compare. Needs tests/live/install-engines.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.live.compare_cf import LIBRARIES, OURS, SENDMAIL, write_own


def with_own_cf(arguments: list[str]) -> list[str]:
    """The arguments with our own .cf; RuntimeError where the .mc asks for what it does not have."""
    place = arguments.index("-C") + 1
    folder = Path(arguments[place]).parent
    if not (folder / "sendmail.mc").exists():
        return arguments
    return [*arguments[:place], str(write_own(folder)), *arguments[place + 1 :]]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--interpreter"]:
        os.execv(OURS[0], [*OURS, *with_own_cf(sys.argv[2:])])
    os.environ["LD_LIBRARY_PATH"] = LIBRARIES
    os.execv(SENDMAIL, ["sendmail", *with_own_cf(sys.argv[1:])])
