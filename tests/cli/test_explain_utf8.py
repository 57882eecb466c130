"""explain asks tables as smtputf8_enable says: a value that is not UTF-8 is a failure, or a value."""

from __future__ import annotations

from pathlib import Path

import pytest
from site_fixture import mailconf


@pytest.mark.parametrize(("enabled", "reply"), [("yes", "451 4.3.5"), ("no", "554 5.7.1")])
def test_smtputf8_decides_what_a_value_is(tmp_path: Path, enabled: str, reply: str) -> None:
    etc = tmp_path / "etc/postfix"
    etc.mkdir(parents=True)
    text = (
        "compatibility_level = 3.6\nmyhostname = mx.example.com\nalias_maps =\n"
        "smtpd_helo_restrictions = check_helo_access static:{REJECT \udcff}\n"
        f"smtputf8_enable = {enabled}\n"
    )
    (etc / "main.cf").write_bytes(text.encode(errors="surrogateescape"))
    (etc / "master.cf").write_text("smtp inet n - n - - smtpd\n")
    asked = ("--from", "s@a.example", "--to", "postmaster@mx.example.com")
    done = mailconf("explain", "--root", str(tmp_path), "/etc/postfix", *asked, "--format", "json")
    assert reply in done.stdout
