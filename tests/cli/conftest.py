from __future__ import annotations

from pathlib import Path

import pytest
from site_fixture import lay_out


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with the example site at etc/postfix."""
    lay_out(tmp_path)
    return tmp_path
