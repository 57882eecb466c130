"""The live tests have a temporary folder of their own.

The daemons of an installed Postfix run as another user and must reach it; pytest's common folder is closed to others
again by the next pytest that starts.
"""

from __future__ import annotations

import shutil
import tempfile

import pytest


def pytest_configure(config: pytest.Config) -> None:
    if config.option.basetemp is None:
        config.option.basetemp = tempfile.mkdtemp(prefix="mailconf-live-")
        config.add_cleanup(lambda: shutil.rmtree(config.option.basetemp, ignore_errors=True))
