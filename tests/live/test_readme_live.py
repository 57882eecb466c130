"""The README's part on /etc/mail is true, with the macros of the package sendmail-cf."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from readme_tour import TOP, walk


@pytest.mark.live
def test_the_tour_of_etc_mail_is_true(tmp_path: Path) -> None:
    shutil.copytree(TOP / "examples/etc-mail", tmp_path / "site/etc/mail")
    walk("An /etc/mail", tmp_path, MAILCONF_CF_LIBRARY=str(TOP / ".live/sendmail/usr/share/sendmail/cf"))
