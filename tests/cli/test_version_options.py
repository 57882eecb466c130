"""--postfix-version of check, build and serve, --sendmail-version of serve: whose words and defaults are meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from site_fixture import lay_out, mailconf

from mailconf.cli.shared.sendmail_daemon import compiled
from mailconf.files import Root
from mailconf.sendmail.rules.version import VERSIONS
from tests.vectors.sendmail_smtp_cases import BASE


def test_check_and_build_know_the_version(tmp_path: Path) -> None:
    lay_out(tmp_path)
    with (tmp_path / "etc/postfix/main.cf").open("a") as file:
        file.write("smtpd_forbid_bare_newline = note\n")
    site = ("--root", str(tmp_path), "/etc/postfix")
    mailconf("build", "--postfix-version", "3.10", *site)
    mailconf("check", "--postfix-version", "3.10", *site)
    assert "CK082" in mailconf("check", "--postfix-version", "3.7", *site, status=1).stderr


@pytest.mark.parametrize("arguments", [("check",), ("build",), ("serve", "--listen", "127.0.0.1:0")])
def test_a_postfix_that_is_not_known_is_misuse(arguments: tuple[str, ...], tmp_path: Path) -> None:
    lay_out(tmp_path)
    site = ("--root", str(tmp_path), "/etc/postfix")
    assert "3.x" in mailconf(*arguments, "--postfix-version", "3.x", *site, status=2).stderr


def test_a_sendmail_that_is_not_known_is_misuse(tmp_path: Path) -> None:
    (tmp_path / "etc/mail").mkdir(parents=True)
    (tmp_path / "etc/mail/sendmail.cf").write_text(BASE)
    arguments = ("serve", "--sendmail-version", "8.9", "--listen", "127.0.0.1:0", "--root", str(tmp_path), "/etc/mail")
    assert "8.17, 8.18" in mailconf(*arguments, status=2).stderr


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
def test_a_policy_of_sendmail_names_its_version(version: object, tmp_path: Path) -> None:
    (tmp_path / "x.cf").write_text(BASE.replace("FOLDER", str(tmp_path)))
    policy = compiled(Root(tmp_path), "/x.cf", (), lambda problem: None, version)  # type: ignore[arg-type]
    assert policy.compiled.book.version is version
