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


CW = "FEATURE(`use_cw_file')dnl\n"
TABLE = "FEATURE(`virtusertable')dnl\nVIRTUSER_DOMAIN(`virt.test')dnl\n"
ROUTES = "FEATURE(`mailertable')dnl\nLOCAL_DOMAIN(`corp.test')dnl\n"
SMART = "define(`SMART_HOST', `relay.isp.test')dnl\n"


@pytest.mark.parametrize(
    ("code", "text", "files", "place", "words"),
    [
        ("SM063", "", {"local-host-names": "# ours\ncorp.test\n"}, "local-host-names:2", "use_cw_file"),
        ("SM063", "", {"mailertable": "far.test esmtp:[a.test]\n"}, "mailertable:1", "FEATURE(`mailertable')"),
        ("SM063", "", {"access": "Connect:10.1 RELAY\n"}, "access:1", "access_db"),
        ("SM064", "GENERICS_DOMAIN(`corp.test')dnl\n", {}, "sendmail.mc:3", "FEATURE(`genericstable')"),
        ("SM064", "VIRTUSER_DOMAIN(`corp.test')dnl\n", {}, "sendmail.mc:3", "FEATURE(`virtusertable')"),
        ("SM064", "MAIL_FILTER(`f', `S=inet:1@localhost, F=T')dnl\n", {}, "sendmail.mc:3", "INPUT_MAIL_FILTER"),
        ("SM064", SMART + "define(`ESMTP_MAILER_ARGS', `TCP $h 587')dnl\n", {}, "sendmail.mc:4", "RELAY_MAILER_ARGS"),
        ("SM065", ROUTES, {"mailertable": "corp.test esmtp:[a.test]\n"}, "mailertable:1", "class w"),
        (
            "SM066",
            TABLE,
            {"virtusertable": "a@virt.test b@virt.test\nb@virt.test A@virt.test\n"},
            "virtusertable:1",
            "->",
        ),
        ("SM066", TABLE, {"virtusertable": "a@virt.test a@virt.test\n"}, "virtusertable:1", "a@virt.test"),
        (
            "SM067",
            SMART + "FEATURE(`authinfo')dnl\n",
            {"authinfo": 'AuthInfo:smtp.test "U:a" "P:b"\n'},
            "sendmail.mc:3",
            "AuthInfo:relay.isp.test",
        ),
        ("SM068", "define(`confTO_QUEUERETURN', `5m')dnl\n", {}, "sendmail.mc:3", "5d"),
        ("SM068", "define(`confTO_QUEUEWARN', `10d')dnl\n", {}, "sendmail.mc:3", "4h"),
        ("SM068", "define(`confMAX_HOP', `3')dnl\n", {}, "sendmail.mc:3", "25"),
        (
            "SM069",
            "define(`ALIAS_FILE', `@/aliases')dnl\n",
            {"aliases": "root: ann\n"},
            "aliases:1",
            "postmaster: root",
        ),
        ("SM072", "FEATURE(`access_db')dnl\n", {"access": "Connect:192.0.2.0 RELAY\n"}, "access:1", "Connect:192.0.2"),
        ("SM072", "FEATURE(`access_db')dnl\n", {"access": "192.0.* RELAY\n"}, "access:1", "write 192.0"),
        ("SM072", "", {"relay-domains": "192.0.2.0\n"}, "relay-domains:1", "write 192.0.2"),
        (
            "SM073",
            "define(`PROCMAIL_MAILER_PATH', `@/nosuch')dnl\nFEATURE(`local_procmail')dnl\n",
            {},
            "sendmail.mc:3",
            "nosuch",
        ),
    ],
)
def test_reports_of_lost_mail(
    tmp_path: Path, code: str, text: str, files: dict[str, str], place: str, words: str
) -> None:
    name, _, line = place.partition(":")
    findings = _checked(tmp_path, text, files, code)
    assert findings, code
    diagnostic = findings[0]
    assert diagnostic.span is not None
    assert (Path(diagnostic.span.source.name).name, diagnostic.span.line) == (name, int(line))
    assert words in f"{diagnostic.message} {diagnostic.hint}"


def _checked(folder: Path, text: str, files: dict[str, str], code: str) -> list[Diagnostic]:
    """What check finds with a folder in the place of /etc/mail, which @ stands for."""
    mail = folder / "etc/mail"
    mail.mkdir(parents=True)
    (folder / "etc/passwd").write_text("ann:x:1000:1000::/home/ann:/bin/sh\n")
    for name, content in {**files, "sendmail.mc": HEAD + text.replace("@/", "/etc/mail/") + TAIL}.items():
        (mail / name).write_text(content)
    sink = Sink()
    check_etc_mail(EtcMail("/etc/mail", Root(folder), None), sink)
    return [diagnostic for diagnostic in sink.sorted() if diagnostic.code == code]


@pytest.mark.parametrize(
    ("code", "text", "files"),
    [
        ("SM063", CW, {"local-host-names": "corp.test\n"}),
        ("SM063", "", {"local-host-names": "# nothing\n\n"}),
        ("SM063", "", {"relay-domains": "corp.test\n"}),
        ("SM064", TABLE, {"virtusertable": "a@virt.test ann\n"}),
        ("SM064", "INPUT_MAIL_FILTER(`f', `S=inet:1@localhost, F=T')dnl\n", {}),
        ("SM064", SMART + "define(`RELAY_MAILER_ARGS', `TCP $h 587')dnl\n", {}),
        ("SM065", ROUTES, {"mailertable": "far.test esmtp:[a.test]\ncorp.test local:\n"}),
        ("SM066", TABLE, {"virtusertable": "a@virt.test b@virt.test\nb@virt.test ann\n"}),
        ("SM067", SMART + "FEATURE(`authinfo')dnl\n", {"authinfo": 'AuthInfo:isp.test "U:a" "P:b"\n'}),
        ("SM068", "define(`confTO_QUEUERETURN', `4d')dnl\ndefine(`confTO_QUEUEWARN', `4h')dnl\n", {}),
        ("SM069", "define(`ALIAS_FILE', `@/aliases')dnl\n", {"aliases": "Postmaster: ann\n"}),
        ("SM072", "FEATURE(`access_db')dnl\n", {"access": "Connect:192.0.2.9 RELAY\nConnect:10.1 RELAY\n"}),
    ],
)
def test_what_is_mended_is_not_reported(tmp_path: Path, code: str, text: str, files: dict[str, str]) -> None:
    assert not _checked(tmp_path, text, files, code)
