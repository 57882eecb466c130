from __future__ import annotations

from pathlib import Path

import pytest

from mailconf.diagnostics import Sink
from mailconf.model.site import Site
from mailconf.model.transport import AgentKind
from mailconf.sendmail.configuration import read
from mailconf.sendmail.site import site_of
from tests.sendmail.mc_library import library

MC = """\
divert(-1)dnl
# the site's own: it's a comment
divert(0)dnl
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
VERSIONID(`test')
OSTYPE(`box')dnl
DOMAIN(home)dnl
include(`limits.m4')dnl
define(`SMART_HOST', `relay.MYDOMAIN')dnl
define(`ALIAS_FILE', `/etc/aliases, dbm:/etc/lists')dnl
ifdef(`SMART_HOST', `dnl
define(`confLOG_LEVEL', `11')
')dnl
FEATURE(`access_db')dnl
FEATURE(`virtusertable', `btree -o MAIL_SETTINGS_DIR`'virtual.db')dnl
FEATURE(`masquerade_envelope')dnl
MASQUERADE_AS(`example.org')dnl
LOCAL_DOMAIN(`one.example.org two.example.org')dropped
RELAY_DOMAIN(`friends.example.org 192.0.2')
VIRTUSER_DOMAIN(`virtual.example.org')
DAEMON_OPTIONS(`Name=MTA, Port=smtp')dnl
DAEMON_OPTIONS(`Name=MSA, Port=587, M=Ea')dnl
INPUT_MAIL_FILTER(`dkim', `S=local:/run/dkim, F=T')dnl
MAILER(`smtp')dnl
LOCAL_CONFIG
Kmine hash -o /etc/mail/mine
Kseq sequence access mine
Kcalc arith
C{Mine}MYDOMAIN
LOCAL_DOMAIN(`three.example.org')
MAILER_DEFINITIONS
MAILER(`local')
LOCAL_RULE_0
R$*	$@ `it's' $1
"""
LIMITS = "define(`confMAX_MESSAGE_SIZE', eval(2 * 1000))dnl\ndefine(`MYDOMAIN', `example.net')dnl\n"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return site_of_text(tmp_path, MC)


def site_of_text(folder: Path, text: str) -> Site:
    (folder / "mail").mkdir()
    (folder / "mail/sendmail.mc").write_text(text)
    (folder / "mail/limits.m4").write_text(LIMITS)
    sink = Sink()
    mc = read(folder / "mail/sendmail.mc", library(folder), sink)
    assert mc is not None
    assert [str(d) for d in sink] == []
    return site_of(mc)


def test_names_and_domains(site: Site) -> None:
    assert (site.dialect, site.hostname.value, site.smart_host.value) == (
        "sendmail", "home.example.org", "relay.example.net")  # fmt: skip
    assert site.hostname.span and (site.hostname.span.line, site.hostname.span.text) == (7, "DOMAIN")
    assert site.smart_host.span and site.smart_host.span.line == 9
    assert site.local_domains.value == ("localhost", "one.example.org", "two.example.org", "three.example.org")
    assert site.local_domains.span and site.local_domains.span.line == 18
    assert site.relay_domains.value == ("friends.example.org", "virtual.example.org")
    assert site.networks.value == ("192.0.2",)
    assert site.virtual_alias_domains.value == ("virtual.example.org",)
    assert (site.masquerade.name.value, site.masquerade.envelope) == ("example.org", True)


def test_tables(site: Site) -> None:
    found = [(t.role, str(t.table), t.source, t.flags, t.span and t.span.line) for t in site.tables]
    assert found == [
        ("access_db", "hash:/etc/mail/access", "/etc/mail/access", ("-T<TMPF>",), 14),
        ("virtusertable", "btree:/etc/mail/virtual", "/etc/mail/virtual", ("-o",), 15),
        ("mine", "hash:/etc/mail/mine", "/etc/mail/mine", ("-o",), 26),
        ("seq", "sequence:access mine", None, (), 27),
        ("aliases", "hash:/etc/aliases", "/etc/aliases", ("-N",), 10),
        ("aliases", "dbm:/etc/lists", "/etc/lists", (), 10),
    ]


def test_options_have_the_place_that_set_them(site: Site) -> None:
    size = site.options["MaxMessageSize"]
    assert size.span is not None
    assert (size.value, size.span.line, Path(size.span.source.name).name) == ("2000", 1, "limits.m4")
    assert site.options["LogLevel"].value == "11"
    assert site.options["LogLevel"].span and site.options["LogLevel"].span.line == 12  # in the branch of an ifdef
    assert site.options["Timeout.queuereturn"].span and site.options["Timeout.queuereturn"].span.line == 6
    assert (site.limits.message_size, site.limits.queue_lifetime) == (2000, 3 * 86400)


def test_listeners_filters_mailers_and_features(site: Site) -> None:
    assert [(s.name, s.overrides["Port"], s.span and s.span.line) for s in site.listeners] == [
        ("MTA", "smtp", 21),
        ("MSA", "587", 22),
        ("MSA", "587", None),  # the library's own
    ]
    assert [(m.name, m.socket, m.settings, m.used, m.span and m.span.line) for m in site.milters] == [
        ("dkim", "local:/run/dkim", {"F": "T"}, True, 23)
    ]
    esmtp = site.transports["esmtp"]
    assert (esmtp.program, esmtp.argv, esmtp.span and esmtp.span.line) == ("[IPC]", ("TCP", "$h"), 24)
    assert (esmtp.agent, esmtp.flags) == (AgentKind.SMTP, "mDFMuX")
    assert [(f.kind, f.name, f.span and f.span.line) for f in site.features][:4] == [
        ("OSTYPE", "box", 6),
        ("DOMAIN", "home", 7),
        ("FEATURE", "use_cw_file", 7),
        ("FEATURE", "access_db", 14),
    ]
    assert [(f.path, f.role, f.span and f.span.line) for f in site.list_files] == [
        ("/etc/mail/local-host-names", "w", 7)
    ]
    assert [(text.kind, text.text, text.span and text.span.line) for text in site.local_texts] == [
        (
            "LOCAL_CONFIG",
            "Kmine hash -o /etc/mail/mine\nKseq sequence access mine\nKcalc arith\nC{Mine}example.net\n",
            25,
        ),
        ("MAILER_DEFINITIONS", "\n", 31),
        ("LOCAL_RULE_0", "R$*\t$@ its' $1\n", 33),
    ]


def test_what_the_configuration_does_not_set_has_no_place(tmp_path: Path) -> None:
    site = site_of_text(tmp_path, "OSTYPE(`box')\nMAILER(`local')\n")
    assert site.options["LogLevel"].value == "9"
    assert site.options["LogLevel"].is_default
    assert (site.smart_host.value, site.smart_host.is_default) == ("", True)
    assert site.local_domains.is_default


@pytest.mark.parametrize(
    ("line", "agent", "user", "size"),
    [
        ("Mnet, P=[IPC], F=mD, A=TCP $h", AgentKind.SMTP, "", None),
        ("Mcyrus, P=[IPC], F=zm, A=FILE /var/run/lmtp", AgentKind.LMTP, "", None),
        ("Mbox, P=/usr/lib/deliver, F=lsz, U=cyrus:mail, A=deliver $u", AgentKind.LMTP, "cyrus:mail", None),
        ("Mprog, P=/bin/sh, F=lsD, A=sh -c $u", AgentKind.PIPE, "", None),
        ("Mfile, P=[FILE], F=lsD, M=5000, A=FILE $u", AgentKind.FILE, "", 5000),
    ],
)
def test_what_a_mailer_is(line: str, agent: AgentKind, user: str, size: int | None, tmp_path: Path) -> None:
    text = MC.replace("MAILER_DEFINITIONS\n", f"MAILER_DEFINITIONS\n{line}\n")
    found = site_of_text(tmp_path, text).transports[line[1 : line.index(",")]]
    assert (found.agent, found.user, found.limits and found.limits.message_size) == (agent, user, size)
