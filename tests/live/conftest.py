"""The live tests have a temporary folder of their own.

The daemons of an installed Postfix run as another user and must reach it; pytest's common folder is closed to others
again by the next pytest that starts.

Ours speaks the words of the Postfix that is installed; each run begins with the engines' versions.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from private_postfix import mail_version

# tests/conftest.py names one for the others. Below a --root without a Postfix the installed one is meant, too.
del os.environ["MAILCONF_POSTFIX_VERSION"]
if shutil.which("postconf"):
    os.environ["MAILCONF_POSTFIX_VERSION"] = mail_version()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Say at the head which engines answer; the reporter is there in the process that a person sees."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        script = Path(__file__).with_name("install-engines")
        for line in subprocess.run(
            [script, "--versions"], capture_output=True, text=True, check=True
        ).stdout.splitlines():
            reporter.write_line(line)


def pytest_configure(config: pytest.Config) -> None:
    if config.option.basetemp is None:
        config.option.basetemp = tempfile.mkdtemp(prefix="mailconf-live-")
        config.add_cleanup(lambda: shutil.rmtree(config.option.basetemp, ignore_errors=True))
