"""Statements of a .mc that have no effect, or another one than they look like: the rest is in tests/live."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailconf.build.etc_mail import EtcMail
from mailconf.check.sendmail.etc_mail import check_etc_mail
from mailconf.diagnostics import Diagnostic, Sink
from mailconf.files import Root
from mailconf.sendmail.emit.own_library import own_library

LIBRARY = own_library()
HEAD = "OSTYPE(`linux')dnl\ndefine(`confDOMAIN_NAME', `mail.corp.test')dnl\n"
TAIL = "MAILER(`local')dnl\nMAILER(`smtp')dnl\n"


def found(folder: Path, text: str, code: str) -> list[Diagnostic]:
    (folder / "sendmail.mc").write_text(HEAD + text + TAIL)
    sink = Sink()
    check_etc_mail(EtcMail(str(folder), Root(), LIBRARY), sink)
    return [diagnostic for diagnostic in sink.sorted() if diagnostic.code == code]


@pytest.mark.parametrize(
    ("code", "text", "words"),
    [
        ("SM075", "FEATURE(`dnsbl', `relays.ordb.org')dnl\n", ("relays.ordb.org",)),
        ("SM077", "RELAY_DOMAIN(`com')dnl\n", ("below com",)),
        ("SM077", "RELAY_DOMAIN(`co.uk')dnl\n", ("below co.uk",)),
        ("SM078", "FEATURE(`relay_local_from')dnl\n", ("forge",)),
    ],
)
def test_what_is_silent_is_reported(tmp_path: Path, code: str, text: str, words: tuple[str, ...]) -> None:
    diagnostics = found(tmp_path, text, code)
    assert len(diagnostics) == 1
    diagnostic = diagnostics[0]
    assert diagnostic.span is not None
    assert diagnostic.span.line == 2 + text.count("\n")
    for word in words:
        assert word in f"{diagnostic.message} {diagnostic.hint}"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("SM075", "FEATURE(`dnsbl', `zen.spamhaus.org')dnl\n"),
        ("SM077", "RELAY_DOMAIN(`relay.test')dnl\n"),
        ("SM077", "FEATURE(`relay_hosts_only')dnl\nRELAY_DOMAIN(`com')dnl\n"),
    ],
)
def test_what_is_right_is_not_reported(tmp_path: Path, code: str, text: str) -> None:
    assert not found(tmp_path, text, code)


def test_a_definition_after_the_feature_that_reads_it(tmp_path: Path) -> None:
    define, feature = "define(`PROCMAIL_MAILER_PATH', `/opt/procmail')dnl\n", "FEATURE(`local_procmail')dnl\n"
    (diagnostic,) = found(tmp_path, feature + define, "SM011")
    assert diagnostic.span is not None
    assert diagnostic.span.line == 4
    assert "FEATURE(local_procmail) has read PROCMAIL_MAILER_PATH before" in diagnostic.message
    assert not found(tmp_path, define + feature, "SM011")


def test_a_virtual_domain_without_a_user(tmp_path: Path) -> None:
    (tmp_path / "virtusertable").write_text("@old.test\t@new.test\n")
    text = f"FEATURE(`virtusertable', `hash {tmp_path}/virtusertable')dnl\nVIRTUSER_DOMAIN(`old.test')dnl\n"
    (diagnostic,) = found(tmp_path, text, "TB130")
    assert diagnostic.hint == "write %1@new.test, which keeps the name before the @"
