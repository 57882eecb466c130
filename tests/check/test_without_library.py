"""Where sendmail's library of m4 macros is not installed, the .mc is checked by the .cf that mailconf writes of it."""

from __future__ import annotations

import pytest

from mailconf.build.etc_mail import EtcMail
from mailconf.check.sendmail.etc_mail import check_etc_mail
from mailconf.diagnostics import Diagnostic, Severity, Sink
from mailconf.files import Memory

HEAD = "OSTYPE(`linux')dnl\ndefine(`confDOMAIN_NAME', `mail.corp.test')dnl\nFEATURE(`access_db')dnl\n"
TAIL = "MAILER(`local')dnl\nMAILER(`smtp')dnl\n"
PEOPLE = "root:x:0:0::/root:/bin/sh\njoe:x:1000:1000::/home/joe:/bin/sh\n"


def found(mc: str, **tables: str) -> list[Diagnostic]:
    files = {"access": "", "aliases": "postmaster: joe\n", **tables}
    tree = Memory(
        {"/etc/mail/sendmail.mc": HEAD + mc + TAIL, "/etc/passwd": PEOPLE}
        | {f"/etc/mail/{name}": text for name, text in files.items()}
    )
    sink = Sink()
    check_etc_mail(EtcMail("/etc/mail", tree, None), sink)
    return [diagnostic for diagnostic in sink.sorted() if diagnostic.severity is not Severity.NOTE]


@pytest.mark.parametrize(
    ("mc", "code", "line", "words"),
    [
        ("define(`SMART_HOST', `relay.test:587')dnl\n", "SM070", 4, "RELAY_MAILER_ARGS"),
        ("define(`confMAX_MESSAGE_SIZE', `10MB')dnl\n", "SM071", 4, "10 bytes"),
        ("FEATURE(`dnsbl', `relays.ordb.org')dnl\n", "SM075", 4, "relays.ordb.org"),
        ("FEATURE(`dnsbl', `dbl.spamhaus.org')dnl\n", "SM042", 4, "127.0.1.255"),
        ("FEATURE(`promiscuous_relay')dnl\n", "SM062", 4, "everywhere"),
        ("FEATURE(`relay_based_on_MX')dnl\n", "SM045", 4, "RELAY_DOMAIN"),
        ("MASQUERADE_AS(`corp')dnl\n", "SM046", 4, "corp"),
        ("MASQUERADE_AS(`corp.localdomain')dnl\n", "SM046", 4, "corp.localdomain"),
        ("FEATURE(`no_default_msa')dnl\nDAEMON_OPTIONS(`Port=587, M=Es')dnl\n", "SM047", 5, "587"),
        ("DAEMON_OPTIONS(`Port=smtps, M=a')dnl\n", "SM047", 4, "write M=sa"),
        ("define(`SMART_HOST', `mail.corp.test')dnl\n", "SM049", 4, "leaves it out"),
        ("define(`SMART_HOST', `[mail.corp.test]')dnl\n", "SM049", 4, "comes back"),
        ("define(`MAIL_HUB', `esmtp:localhost')dnl\n", "SM049", 4, "MAIL_HUB"),
        ("LOCAL_DOMAIN(`hub.test')dnl\ndefine(`LUSER_RELAY', `esmtp:hub.test')dnl\n", "SM049", 5, "LUSER_RELAY"),
        ("LOCAL_DOMAIN(`Gmail.com')dnl\n", "SM058", 4, "class w"),
        ("RELAY_DOMAIN(`outlook.com')dnl\n", "SM058", 4, "relayed"),
        ("define(`confSOFT_BOUNCE', `True')dnl\n", "SM059", 4, "SoftBounce"),
        ("RELAY_DOMAIN(`com')dnl\n", "SM077", 4, "below com"),
        ("FEATURE(`relay_local_from')dnl\n", "SM078", 4, "forge"),
        ("MASQUERADE_DOMAIN(`lab.test')dnl\n", "SM027", 4, "MASQUERADE_AS"),
        ("TRUST_AUTH_MECH(`PLAIN')dnl\n", "SM028", 4, "confAUTH_MECHANISMS"),
        ("define(`confSERVER_CERT', `/etc/mail/c.pem')dnl\n", "SM033", 4, "confSERVER_KEY"),
        ("INPUT_MAIL_FILTER(`f', `S=local:/run/f')dnl\n", "SM032", 4, "F=T"),
        ("define(`confTO_QUEUERETURN', `5 days')dnl\n", "SM036", 4, "5 days"),
        ("define(`confDOMAIN_NAME', `mail')dnl\n", "SM037", 4, "no domain"),
        ("DAEMON_OPTIONS(`Port=26, Bind=127.0.0.1')dnl\n", "SM014", 4, "Bind"),
        (
            "FEATURE(`local_procmail')dnl\ndefine(`PROCMAIL_MAILER_PATH', `/opt/procmail')dnl\n",
            *("SM011", 5, "local_procmail"),
        ),
    ],
)
def test_a_statement_has_its_finding(mc: str, code: str, line: int, words: str) -> None:
    (diagnostic,) = (each for each in found(mc) if each.code == code)
    assert diagnostic.span
    assert (diagnostic.span.source.name, diagnostic.span.line) == ("/etc/mail/sendmail.mc", line)
    assert words in f"{diagnostic.message} {diagnostic.hint}"


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("aliases", "postmaster: joe\ninfo: jooe\n", "SM035"),
        ("aliases", "postmaster: joe\ninfo: info\n", "SM035"),
        ("access", "Connect:10.0.0.1 RELAY\nFrom:a.test RELAY\n", "SM034"),
    ],
)
def test_an_entry_has_its_finding(name: str, text: str, code: str) -> None:
    (diagnostic,) = found("", **{name: text})
    assert diagnostic.code == code
    assert diagnostic.span
    assert diagnostic.span.line == 2


@pytest.mark.parametrize(
    ("mc", "access", "codes"),
    [
        ("FEATURE(`delay_checks')dnl\n", "Spam:abuse@ FRIEND\n", ["SM040"]),
        ("FEATURE(`delay_checks', `friend')dnl\n", "Spam:abuse@ FRIEND\n", []),
        ("FEATURE(`greet_pause', `5000')dnl\n", "GreetPause:192.0.2 0\n", []),
        ("FEATURE(`ratecontrol')dnl\n", "ClientRate:192.0.2 5\nClientConn:192.0.2 5\n", ["SM040"]),
    ],
)
def test_a_tag_that_no_rule_asks_for(mc: str, access: str, codes: list[str]) -> None:
    assert [each.code for each in found(mc, access=access)] == codes


@pytest.mark.parametrize(
    "mc",
    [
        "",
        "define(`SMART_HOST', `relay.test')dnl\nMASQUERADE_AS(`corp.test')dnl\nFEATURE(`masquerade_envelope')dnl\n",
        "DAEMON_OPTIONS(`Port=465, M=sa')dnl\nDAEMON_OPTIONS(`Port=2525, M=s')dnl\n",
        "define(`confAUTH_MECHANISMS', `PLAIN')dnl\nTRUST_AUTH_MECH(`PLAIN')dnl\n",
        "INPUT_MAIL_FILTER(`f', `S=local:/run/f, F=T')dnl\nLOCAL_DOMAIN(`corp.test')dnl\n",
        "LOCAL_CONFIG\nDZ1\nLOCAL_RULESETS\nSMine\nR$*\t$: $1\n",
    ],
)
def test_nothing_is_wrong_with_what_is_right(mc: str) -> None:
    assert found(mc) == []


def test_nullclient_makes_what_delivers_here_dead() -> None:
    text = "FEATURE(`smrsh')dnl\nFEATURE(`nullclient', `hub.test')dnl\n"
    assert [(d.code, d.span and d.span.line) for d in found(text) if d.code == "SM057"] == [("SM057", 4)]
    assert not [d for d in found("FEATURE(`nullclient', `hub.test')dnl\n") if d.code == "SM057"]


def test_a_mailertable_that_names_this_host() -> None:
    table = "far.test\tsmtp:mail.corp.test\nold.test\tesmtp:[127.0.0.1]\nhere.test\tlocal:\nnext.test\tsmtp:next.test\n"
    diagnostics = [d for d in found("FEATURE(`mailertable')dnl\n", mailertable=table) if d.code == "SM049"]
    assert [d.span and d.span.line for d in diagnostics] == [1, 2]
    assert "far.test local:" in diagnostics[0].hint


@pytest.mark.parametrize(
    "mc",
    [
        "define(`SMART_HOST', `relay.test')dnl\n",
        "define(`LUSER_RELAY', `local:root')dnl\n",
        "define(`SMART_HOST', `esmtp:[192.0.2.9]')dnl\n",
        "LOCAL_DOMAIN(`gmail.com.test')dnl\nMASQUERADE_AS(`gmail.com')dnl\n",
        "define(`confSOFT_BOUNCE', `False')dnl\ndefine(`confLOG_LEVEL', `14')dnl\n",
    ],
)
def test_what_is_meant_is_not_reported(mc: str) -> None:
    assert not [str(d) for d in found(mc) if d.code in ("SM049", "SM057", "SM058", "SM059")]
