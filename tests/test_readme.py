"""The README's tour is true; tests/live has the part that needs sendmail's macros."""

from __future__ import annotations

import shutil
from pathlib import Path

from readme_tour import TOP, walk


def test_the_tour_is_true(tmp_path: Path) -> None:
    site = tmp_path / "site"
    shutil.copytree(TOP / "examples/etc-postfix", site / "etc/postfix")
    (site / "etc/postfix/aliases").rename(site / "etc/aliases")
    (site / "etc/passwd").write_text("alice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n")
    walk("A tour", tmp_path)
