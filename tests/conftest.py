"""What holds for every test: a property is judged by what it finds, not by how long one example took.

CI looks at the same examples each time: it answers for a change. Elsewhere every run searches anew.

Every test has an empty home of its own: nothing of the user's is read for truth or written.

Whatever Postfix is installed, the one that the vectors were recorded with is meant; tests/live means the installed one.
What a make above tells its children is not for the makes that tests run.

A run in the background may have been told to ignore an interrupt or a hangup. The programs that tests start must not
inherit that.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path

from hypothesis import settings

settings.register_profile("mailconf", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("mailconf")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

_homes = Path(tempfile.mkdtemp(prefix="homes."))
for name in [name for name in os.environ if name.startswith("XDG_")]:
    del os.environ[name]
for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):
    os.environ.pop(name, None)
os.environ["MAILCONF_POSTFIX_VERSION"] = "3.7.11"


def pytest_runtest_setup() -> None:
    os.environ["HOME"] = tempfile.mkdtemp(dir=_homes)


def pytest_unconfigure() -> None:
    shutil.rmtree(_homes, ignore_errors=True)
