"""Statements of a .mc that have no effect, or another one than they look like, with the library of sendmail."""

from __future__ import annotations

from pathlib import Path

import pytest
from map_tools import SENDMAIL_ROOT

from mailconf.build.etc_mail import EtcMail
from mailconf.check.sendmail.etc_mail import check_etc_mail
from mailconf.diagnostics import Diagnostic, Severity, Sink
from mailconf.files import Root
from mailconf.files.mounted import Mounted
from mailconf.sendmail.mc.library import Library

FOLDER = str(SENDMAIL_ROOT.resolve() / "usr/share/sendmail/cf")
LIBRARY = Library(FOLDER, {}, given=True)
pytestmark = pytest.mark.live
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
        ("SM070", "define(`SMART_HOST', `relay.test:587')dnl\n", ("587", "RELAY_MAILER_ARGS")),
        ("SM070", "define(`SMART_HOST', `smtp:[192.0.2.1]:587')dnl\n", ("587", "`[192.0.2.1]'")),
        ("SM070", "define(`MAIL_HUB', `hub.test:24')dnl\n", ("MAIL_HUB", "24")),
        ("SM071", "define(`confMAX_MESSAGE_SIZE', `10MB')dnl\n", ("10MB", "10 bytes", "10485760")),
        ("SM071", "define(`confMAX_RCPTS_PER_MESSAGE', `1,000')dnl\n", ("1,000", "reads 1")),
        ("SM071", "define(`confMAX_HOP', `many')dnl\n", ("many", "reads 0")),
        ("SM075", "FEATURE(`dnsbl', `relays.ordb.org')dnl\n", ("relays.ordb.org",)),
        ("SM077", "RELAY_DOMAIN(`com')dnl\n", ("below com",)),
        ("SM077", "RELAY_DOMAIN(`co.uk')dnl\n", ("below co.uk",)),
        ("SM078", "FEATURE(`relay_local_from')dnl\n", ("forge",)),
        ("SM049", "define(`SMART_HOST', `mail.corp.test')dnl\n", ("SMART_HOST", "leaves it out")),
        ("SM049", "define(`SMART_HOST', `[mail.corp.test]')dnl\n", ("SMART_HOST", "comes back")),
        ("SM049", "define(`MAIL_HUB', `esmtp:localhost')dnl\n", ("MAIL_HUB", "comes back")),
        ("SM049", "LOCAL_DOMAIN(`hub.test')dnl\ndefine(`LUSER_RELAY', `esmtp:hub.test')dnl\n", ("LUSER_RELAY",)),
        ("SM057", "FEATURE(`nullclient', `hub.test')dnl\nFEATURE(`smrsh')dnl\n", ("smrsh", "SMART_HOST")),
        ("SM058", "LOCAL_DOMAIN(`Gmail.com')dnl\n", ("Gmail.com", "class w")),
        ("SM058", "RELAY_DOMAIN(`outlook.com')dnl\n", ("outlook.com", "relayed")),
        ("SM059", "define(`confSOFT_BOUNCE', `True')dnl\n", ("SoftBounce",)),
        ("SM059", "define(`confLOG_LEVEL', `15')dnl\n", ("LogLevel is 15", "write 9")),
        ("SM027", "MASQUERADE_DOMAIN(`lab.test')dnl\n", ("MASQUERADE_DOMAIN(lab.test)", "MASQUERADE_AS")),
        ("SM027", "FEATURE(`masquerade_envelope')dnl\n", ("masquerade_envelope", "MASQUERADE_AS")),
        ("SM027", "MASQUERADE_AS(`c.test')dnl\nFEATURE(`limited_masquerade')dnl\n", ("MASQUERADE_DOMAIN(`c.test')",)),
        ("SM027", "MASQUERADE_AS(`c.test')dnl\nFEATURE(`masquerade_entire_domain')dnl\n", ("MASQUERADE_DOMAIN",)),
        ("SM027", "MASQUERADE_AS(`c.test')dnl\nEXPOSED_USER(`joe@c.test')dnl\n", ("write joe",)),
        ("SM028", "TRUST_AUTH_MECH(`LOGIN PLAIN')dnl\n", ("LOGIN and PLAIN", "confAUTH_MECHANISMS")),
        ("SM028", "define(`confAUTH_MECHANISMS', `PLAIN')dnl\n", ("TRUST_AUTH_MECH(`PLAIN')",)),
        ("SM033", "define(`confSERVER_CERT', `/etc/mail/c.pem')dnl\n", ("confSERVER_KEY",)),
        ("SM033", "define(`confSERVER_KEY', `/etc/mail/k.pem')dnl\n", ("confSERVER_CERT",)),
        ("SM032", "INPUT_MAIL_FILTER(`f', `S=local:/run/f')dnl\n", ("F= is not set", "F=T")),
        ("SM036", "define(`confTO_QUEUERETURN', `5 days')dnl\n", ("`5 days'",)),
        ("SM036", "define(`confPRIVACY_FLAGS', `goway')dnl\n", ("goway",)),
        ("SM037", "define(`confDOMAIN_NAME', `mail')dnl\n", ("confDOMAIN_NAME", "`mail.example.com'")),
        ("SM014", "DAEMON_OPTIONS(`Port=26, Name=a, Name=b')dnl\n", ("the last one counts",)),
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
        ("SM070", "define(`SMART_HOST', `[IPv6:2001:db8::1]')dnl\n"),
        ("SM070", "define(`SMART_HOST', `smtp:relay.test')dnl\n"),
        ("SM071", "define(`confMAX_MESSAGE_SIZE', `10000000')dnl\n"),
        ("SM075", "FEATURE(`dnsbl', `zen.spamhaus.org')dnl\n"),
        ("SM049", "define(`SMART_HOST', `relay.test')dnl\n"),
        ("SM049", "define(`LUSER_RELAY', `local:root')dnl\n"),
        ("SM049", "define(`SMART_HOST', `esmtp:[192.0.2.9]')dnl\n"),
        ("SM057", "FEATURE(`smrsh')dnl\n"),
        ("SM058", "LOCAL_DOMAIN(`gmail.com.test')dnl\nMASQUERADE_AS(`gmail.com')dnl\n"),
        ("SM059", "define(`confSOFT_BOUNCE', `False')dnl\ndefine(`confLOG_LEVEL', `14')dnl\n"),
        ("SM077", "RELAY_DOMAIN(`relay.test')dnl\n"),
        ("SM077", "FEATURE(`relay_hosts_only')dnl\nRELAY_DOMAIN(`com')dnl\n"),
        ("SM027", "MASQUERADE_AS(`c.test')dnl\nMASQUERADE_DOMAIN(`l.test')dnl\nFEATURE(`limited_masquerade')dnl\n"),
        ("SM027", "FEATURE(`genericstable')dnl\nFEATURE(`masquerade_envelope')dnl\nEXPOSED_USER(`root')dnl\n"),
        ("SM028", "TRUST_AUTH_MECH(`digest-md5')dnl\n"),
        ("SM028", "TRUST_AUTH_MECH(`PLAIN')dnl\ndefine(`confAUTH_MECHANISMS', `LOGIN PLAIN')dnl\n"),
        ("SM032", "INPUT_MAIL_FILTER(`f', `S=local:/run/f, F=T')dnl\n"),
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


@pytest.mark.parametrize(
    ("feature", "key", "is_lost"),
    [
        ("", "From:far.test", True),
        ("", "From:a@far.test", True),
        ("FEATURE(`relay_mail_from')dnl\n", "From:a@far.test", False),
        ("FEATURE(`relay_mail_from')dnl\n", "From:far.test", True),
        ("FEATURE(`relay_mail_from', `domain')dnl\n", "From:far.test", False),
        ("FEATURE(`delay_checks')dnl\n", "From:far.test", True),
        ("", "Connect:far.test", False),
        ("", "To:far.test", False),
    ],
)
def test_a_sender_who_may_relay(tmp_path: Path, feature: str, key: str, is_lost: bool) -> None:
    (tmp_path / "access").write_text(f"{key}\tRELAY\n")
    text = f"FEATURE(`access_db', `hash -T<TMPF> {tmp_path}/access')dnl\n{feature}"
    diagnostics = found(tmp_path, text, "SM034")
    assert bool(diagnostics) == is_lost
    assert all(key in diagnostic.message for diagnostic in diagnostics)


def test_a_generic_table_without_domains(tmp_path: Path) -> None:
    (tmp_path / "generics").write_text("joe@corp.test\tj@corp.test\n")
    text = f"FEATURE(`genericstable', `hash {tmp_path}/generics')dnl\n"
    (diagnostic,) = found(tmp_path, text, "SM056")
    assert diagnostic.span and diagnostic.span.line == 3
    assert diagnostic.hint == "write GENERICS_DOMAIN(`corp.test')dnl"
    assert not found(tmp_path, text + "GENERICS_DOMAIN(`corp.test')dnl\n", "SM056")


def test_a_virtual_domain_without_a_user(tmp_path: Path) -> None:
    (tmp_path / "virtusertable").write_text("@old.test\t@new.test\n")
    text = f"FEATURE(`virtusertable', `hash {tmp_path}/virtusertable')dnl\nVIRTUSER_DOMAIN(`old.test')dnl\n"
    (diagnostic,) = found(tmp_path, text, "TB130")
    assert diagnostic.hint == "write %1@new.test, which keeps the name before the @"


SAMPLES = sorted(path.name for path in (SENDMAIL_ROOT.resolve() / "usr/share/sendmail/cf/cf").glob("*.mc"))


@pytest.mark.parametrize("name", SAMPLES)
def test_the_library_s_own_samples_have_what_m4_reports_alone(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes((SENDMAIL_ROOT / "usr/share/sendmail/cf/cf" / name).read_bytes())
    sink = Sink()
    check_etc_mail(EtcMail("/etc/mail", Mounted(tmp_path, "/etc/mail"), LIBRARY), sink)
    counted = [each for each in sink.sorted() if each.severity is not Severity.NOTE]
    ours = [str(each) for each in counted if not each.code.startswith("M4")]
    assert ours == [text for text in ours if "list.dsbl.org was shut down" in text]


@pytest.mark.parametrize("tag", ["GreetPause", "ClientRate", "ClientConn", "Spam"])
def test_tags_and_their_features(tag: str, tmp_path: Path) -> None:
    value = "FRIEND" if tag == "Spam" else "5"
    (tmp_path / "access").write_text(f"{tag}:192.0.2.1\t{value}\n")
    text = f"FEATURE(`access_db', `hash -T<TMPF> {tmp_path}/access')dnl\n"
    (diagnostic,) = found(tmp_path, text, "SM040")
    feature = diagnostic.hint.removeprefix("write ")
    assert not found(tmp_path, f"{text}{feature}\n", "SM040")


@pytest.mark.parametrize(("feature", "is_lost"), [("", True), ("FEATURE(`blocklist_recipients')dnl\n", False)])
@pytest.mark.parametrize("key", ["To:a@mail.corp.test", "To:a@", "To:mail.corp.test", "To:far.test"])
def test_recipients_that_are_taken(key: str, feature: str, is_lost: bool, tmp_path: Path) -> None:
    (tmp_path / "access").write_text(f"{key}\tREJECT\n")
    text = f"FEATURE(`access_db', `hash -T<TMPF> {tmp_path}/access')dnl\n{feature}"
    assert bool(found(tmp_path, text, "SM039")) == is_lost


def test_a_mailertable_that_names_this_host(tmp_path: Path) -> None:
    lines = "far.test\tsmtp:mail.corp.test\nold.test\tesmtp:[127.0.0.1]\nhere.test\tlocal:\nnext.test\tsmtp:next.test\n"
    (tmp_path / "mailertable").write_text(lines)
    text = f"FEATURE(`mailertable', `hash {tmp_path}/mailertable')dnl\n"
    diagnostics = found(tmp_path, text, "SM049")
    assert [d.span.line for d in diagnostics if d.span] == [1, 2]
    assert "far.test local:" in diagnostics[0].hint
