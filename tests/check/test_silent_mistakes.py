"""Mistakes that Postfix passes in silence, on one small site: each with its siblings, and the site without a finding.

What needs no users of the machine and no certificate is in tests/check/test_hints.py.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from mailconf.check.rules import check
from mailconf.diagnostics import Severity, Sink
from mailconf.files import Memory
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.site import site_of
from tests.check.test_hints import MASTER as MASTER

MAIN = """\
compatibility_level = 3.6
myhostname = mail.corp.example
mydomain = corp.example
myorigin = $mydomain
inet_interfaces = loopback-only
mydestination = $myhostname, localhost, $mydomain
mynetworks = 127.0.0.0/8
alias_maps = hash:/etc/postfix/aliases
virtual_alias_domains = virt.example
virtual_alias_maps = hash:/etc/postfix/virtual
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
"""
FILES = {
    "main.cf": MAIN,
    "master.cf": MASTER,
    "aliases": "postmaster: root\nroot: joe\n",
    "virtual": "joe@virt.example joe\npostmaster@virt.example joe\n",
}
MACHINE = {
    "/etc/passwd": "root:x:0:0::/root:/bin/sh\njoe:x:1000:1000::/home/joe:/bin/sh\nann:x:1001:1001::/home/ann:/bin/sh",
    "/etc/hosts": "127.0.0.1 localhost\n",
    "/etc/postfix/cert.pem": "",
}
TLS = "smtpd_tls_security_level = encrypt\nsmtpd_tls_chain_files = /etc/postfix/cert.pem\n"
FIRST = "PF260"  # before it are mistakes that have tests of their own, and maps that are not built here
ALSO = ("PF245", "PF246", "PF249", "PF252", "CK096", "CK116", "CK117", "CK118", "PF225", "PF226", "PF227", "PF240")
SERVES = TLS.replace("encrypt", "may")
SUBMISSION = "submission inet n - n - - smtpd\n -o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes\n"
BACK = "127.0.0.1:10025 inet n - n - - smtpd\n -o content_filter=\n"
PORT_25 = "smtp inet n - n - - smtpd\n"


def found(changes: dict[str, str]) -> list[tuple[str, str, Severity]]:
    """What check finds: code, file:line, severity."""
    files = {f"/etc/postfix/{name}": text for name, text in {**FILES, **changes}.items()}
    root = Memory({**files, **MACHINE})
    sink = Sink()
    configuration = Configuration.load("/etc/postfix", sink, root)
    check(configuration, site_of(configuration), root, sink)
    return [
        (d.code, f"{d.span.source.name.rpartition('/')[2]}:{d.span.line}" if d.span else d.file, d.severity)
        for d in sink.sorted()
        if d.severity is not Severity.NOTE and (d.code in ALSO or (d.code >= FIRST and d.code.startswith("PF")))
    ]


def codes(changes: dict[str, str]) -> list[tuple[str, str]]:
    return [(code, place) for code, place, _ in found(changes)]


def test_the_site_itself_has_no_finding() -> None:
    assert found({}) == []


def plus(text: str) -> dict[str, str]:
    return {"main.cf": MAIN + text}


DEFAULT = MAIN.replace("virtual_alias_domains = virt.example\n", "")
CHROOTED = MASTER.replace("smtp inet n - n", "smtp inet n - y")
LAST = len(MAIN.splitlines()) + 1  # the first line that a case adds
CASES: list[tuple[dict[str, str], Iterable[tuple[str, str]]]] = [
    # users and aliases
    ({"main.cf": MAIN + "mailbox_command = /etc/nosuch -a x\n"}, [("CK096", "main.cf:12")]),
    ({"main.cf": MAIN + "mailbox_command = /etc/passwd\n"}, []),
    ({"main.cf": MAIN + "mailbox_command = /opt/elsewhere/deliver\n"}, []),
    (
        {
            "main.cf": MAIN + "mailbox_transport = dov\n",
            "master.cf": MASTER + "dov unix - n n - - pipe user=joe argv=/etc/nosuch ${user}\n",
        },
        [("CK096", "master.cf:13")],
    ),
    ({"master.cf": MASTER + "dov unix - n n - - pipe user=joe argv=/etc/nosuch ${user}\n"}, []),
    ({"virtual": FILES["virtual"] + "info@virt.example jooe\n"}, [("PF272", "virtual:3")]),
    ({"virtual": FILES["virtual"] + "info@virt.example jooe@corp.example\n"}, [("PF272", "virtual:3")]),
    ({"virtual": FILES["virtual"] + "info@virt.example joe, ann, x@far.example\n"}, []),
    ({"virtual": FILES["virtual"] + "@corp.example joe\n"}, [("PF273", "virtual:3")]),
    (
        {"virtual": FILES["virtual"] + "@corp.example joe\njoe@corp.example joe\nann@corp.example ann\n"},
        [],
    ),
    ({"virtual": FILES["virtual"] + "info@virt.example info\n"}, [("PF272", "virtual:3")]),
    ({"virtual": FILES["virtual"] + "info@virt.example sales\nsales@corp.example joe\n"}, []),
    ({"main.cf": MAIN + "always_bcc = archiv\n"}, [("PF272", "main.cf:12")]),
    ({"main.cf": MAIN + "always_bcc = joe\n"}, []),
    (
        {
            "main.cf": MAIN + "recipient_bcc_maps = hash:/etc/postfix/bcc\n",
            "bcc": "@corp.example archiv@corp.example\n",
        },
        [("PF272", "bcc:1")],
    ),
    ({"main.cf": MAIN + "canonical_maps = hash:/etc/postfix/c\n", "c": "@corp.example joe\n"}, [("PF273", "c:1")]),
    ({"main.cf": MAIN + "canonical_maps = hash:/etc/postfix/c\n", "c": "@corp.example @mail.corp.example\n"}, []),
    # who is in local_recipient_maps
    ({"main.cf": MAIN + "local_recipient_maps = proxy:unix:passwd.byname\n"}, []),
    (
        {
            "main.cf": MAIN + "local_recipient_maps = proxy:unix:passwd.byname\n",
            "aliases": FILES["aliases"] + "sales: joe\n",
        },
        [("PF252", "main.cf:12")],
    ),
    ({"main.cf": MAIN + "local_recipient_maps = $alias_maps\n"}, [("PF252", "main.cf:12")]),
    ({"main.cf": MAIN + "local_recipient_maps =\n"}, [("PF287", "main.cf:12")]),
    ({"main.cf": MAIN + "local_recipient_maps =\nluser_relay = joe\n"}, []),
    (
        {"main.cf": MAIN + "virtual_mailbox_domains = box.example\nvirtual_transport = smtp:[127.0.0.1]:24\n"},
        [("PF287", "main.cf:12")],
    ),
    # what refuses the users of this host
    (
        {
            "main.cf": MAIN + SERVES + "smtpd_client_restrictions = reject_rbl_client list.example\n",
            "master.cf": MASTER + SUBMISSION,
        },
        [("PF245", "main.cf:14")],
    ),
    (
        {
            "main.cf": MAIN + SERVES + "smtpd_client_restrictions = reject_rbl_client list.example\n",
            "master.cf": MASTER + SUBMISSION + " -o smtpd_client_restrictions=permit_sasl_authenticated,reject\n",
        },
        [],
    ),
    (
        {
            "main.cf": MAIN.replace("permit_sasl_authenticated, ", "") + SERVES,
            "master.cf": MASTER + SUBMISSION + " -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject\n",
        },
        [("PF245", "main.cf:11")],
    ),
    ({"main.cf": MAIN.replace("reject_unauth", "warn_if_reject reject_unauth")}, []),  # PF204
    # copies before and after a filter
    (
        {
            "main.cf": MAIN + "content_filter = smtp:[127.0.0.1]:10024\nalways_bcc = joe\n",
            "master.cf": MASTER + BACK,
        },
        [("PF246", "main.cf:13")],
    ),
    (
        {
            "main.cf": MAIN + "content_filter = smtp:[127.0.0.1]:10024\nalways_bcc = joe\n",
            "master.cf": MASTER + BACK + " -o receive_override_options=no_address_mappings\n",
        },
        [],
    ),
    ({"aliases": FILES["aliases"] + "me: me\n"}, [("PF272", "aliases:3")]),
    ({"aliases": FILES["aliases"] + "joe: joe, ann\n"}, []),
    # a virtual domain that no line of the table names; addresses of one that has no mailboxes
    (
        {"main.cf": DEFAULT, "virtual": "virt.example x\n" + FILES["virtual"] + "info@other.example joe\n"},
        [("PF271", "virtual:4")],
    ),
    ({"main.cf": DEFAULT, "virtual": "virt.example x\n" + FILES["virtual"]}, []),
    ({"virtual": FILES["virtual"] + "a@virt.example a@virt.example\n"}, [("PF272", "virtual:3")]),
    ({"virtual": FILES["virtual"] + "a@virt.example joe, b@virt.example\n"}, [("PF272", "virtual:3")]),
    ({"virtual": FILES["virtual"] + "@virt.example @virt.example\n"}, [("PF272", "virtual:3")]),
    ({"virtual": FILES["virtual"] + "a@virt.example joe@virt.example\n@virt.example ann\n"}, []),
    # services in their chroot
    (
        {**plus("local_recipient_maps = unix:passwd.byname\n"), "master.cf": CHROOTED},
        [("PF240", f"main.cf:{LAST}")],
    ),
    ({**plus("local_recipient_maps = proxy:unix:passwd.byname\n"), "master.cf": CHROOTED}, []),
    (plus("local_recipient_maps = unix:passwd.byname\n"), []),
    (
        {
            **plus("canonical_maps = mysql:/etc/postfix/users.cf\n"),
            "master.cf": CHROOTED,
            "users.cf": "hosts = localhost\nuser = a\n",
        },
        [("PF240", f"main.cf:{LAST}")],
    ),
    (
        {
            **plus("canonical_maps = mysql:/etc/postfix/users.cf\n"),
            "master.cf": CHROOTED,
            "users.cf": "hosts = 127.0.0.1\n",
        },
        [],
    ),
    (
        {
            **plus("canonical_maps = pgsql:/etc/postfix/users.cf\n"),
            "master.cf": CHROOTED,
            "users.cf": "hosts = unix:/run/pg\n",
        },
        [("PF240", f"main.cf:{LAST}")],
    ),
    # aliases in a circle; lists and programs in folders that are there
    ({"aliases": FILES["aliases"] + "a: B\nb: c@corp.example\nc: a\n"}, [("CK118", "aliases:3")]),
    ({"aliases": FILES["aliases"] + "a: b\nb: a, joe\nc: c@far.example\n"}, []),
    ({"aliases": FILES["aliases"] + "a: b\nb: a@else.example\n"}, []),
    ({"aliases": FILES["aliases"] + "list: joe, :include:/etc/postfix/none\n"}, [("CK116", "aliases:3")]),
    ({"aliases": FILES["aliases"] + "list: :include:/etc/postfix/virtual\nfar: :include:/srv/none/list\n"}, []),
    ({"aliases": FILES["aliases"] + 'run: "|/etc/postfix/none -a b"\n'}, [("CK117", "aliases:3")]),
    ({"aliases": FILES["aliases"] + 'run: "|exec $HOME/bin/x", "|/srv/none/y"\n'}, []),
    # TLS and a certificate
    (plus("smtpd_tls_security_level = may\n"), [("PF266", f"main.cf:{LAST}")]),
    (plus("smtpd_use_tls = yes\n"), [("PF266", f"main.cf:{LAST}")]),
    ({"master.cf": MASTER + "465 inet n - n - - smtpd -o smtpd_tls_wrappermode=yes\n"}, [("PF266", "master.cf:13")]),
    (plus(TLS), [("PF284", f"main.cf:{LAST}")]),
    (
        {
            **plus(TLS),
            "master.cf": MASTER.replace(PORT_25, "smtp inet n - n - - smtpd -o smtpd_tls_security_level=may\n"),
        },
        [],
    ),
    # a wrapped port, and one that is not
    (
        {
            **plus(TLS.replace("encrypt", "may")),
            "master.cf": MASTER + "submission inet n - n - - smtpd\n  -o smtpd_tls_wrappermode=yes\n",
        },
        [("PF276", "master.cf:14")],
    ),
    (
        {**plus(TLS.replace("encrypt", "may")), "master.cf": MASTER + "submissions inet n - n - - smtpd\n"},
        [("PF276", "master.cf:13")],
    ),
    (plus("relayhost = [a.example]:submissions\n"), [("PF276", f"main.cf:{LAST}")]),
    # this host itself
    (plus("relayhost = [mail.corp.example]\n"), [("PF275", f"main.cf:{LAST}")]),
    (plus("relayhost = [127.0.0.1]:25\n"), [("PF275", f"main.cf:{LAST}")]),
    (plus("relayhost = [127.0.0.1]:10025\n"), []),
    (
        {
            **plus("transport_maps = texthash:/etc/postfix/t\n"),
            "t": "a.example smtp:[b.example]:465\nb.example smtp:[b.example]\n",
        },
        [("PF276", "t:1")],
    ),
    (
        {**plus("transport_maps = texthash:/etc/postfix/t\n"), "t": "a.example smtp:[mail.corp.example]\n"},
        [("PF275", "t:1")],
    ),
    (
        {**plus("sender_dependent_relayhost_maps = texthash:/etc/postfix/t\n"), "t": "a@a.example smtp:[b.example]\n"},
        [("PF298", "t:1")],
    ),
    # a network by another name
    (
        {"main.cf": MAIN.replace("127.0.0.0/8\n", "127.0.0.0/8 $office\noffice = ::/0 0.0.0.0/1\n")},
        [("PF264", "main.cf:8")],
    ),
    (
        {
            "main.cf": MAIN.replace("127.0.0.0/8\n", "cidr:/etc/postfix/nets\n"),
            "nets": "127.0.0.0/8 x\n0.0.0.0/0 x\n",
        },
        [("PF264", "nets:2")],
    ),
    (
        {"main.cf": MAIN.replace("127.0.0.0/8\n", "/etc/postfix/nets\n"), "nets": "127.0.0.0/8\n0.0.0.0/0\n"},
        [("PF264", "nets:2")],
    ),
    ({"master.cf": MASTER + "2525 inet n - n - - smtpd -o mynetworks=0.0.0.0/0\n"}, [("PF264", "master.cf:13")]),
    ({"master.cf": MASTER + "127.0.0.1:2525 inet n - n - - smtpd -o mynetworks=0.0.0.0/0\n"}, []),
    (plus("relayhost = smtp:25\n"), [("PF298", f"main.cf:{LAST}")]),
    (plus("relayhost = [smtp]:25\n"), []),
    # what sites do on purpose
    (
        {
            **plus("smtpd_milters = unix:/opendkim/sock\n"),
            "master.cf": MASTER.replace("smtp inet n - n", "smtp inet n - y"),
        },
        [("PF296", f"main.cf:{LAST}")],
    ),
    (plus("relay_domains = !a.example\n"), []),
    ({"main.cf": MAIN.replace("reject_unauth_destination", "reject") + "relay_domains = a.example\n"}, []),
    (plus("relay_domains = *\n"), [("PF293", f"main.cf:{LAST}")]),
    (plus("mynetworks = 172.0.0.0/8 192.168.0.0/16 10.0.0.0/8 [fe80::]/10 [fc00::]/7\n"), []),
    (plus("smtpd_banner = other.example ESMTP\n"), []),
    # postmaster
    ({"virtual": "joe@virt.example joe\n"}, [("PF274", "main.cf:9")]),
    ({"virtual": "@virt.example joe\n"}, []),
    ({"aliases": "root: joe\n"}, [("PF274", "aliases:1")]),
    # a filter by pipe(8), which hands mail back by sendmail(1)
    (
        {
            **plus("content_filter = scan:dummy\n"),
            "master.cf": MASTER + "scan unix - n n - - pipe user=joe argv=/opt/x/scan /usr/sbin/sendmail -G -i\n",
        },
        [("PF283", f"main.cf:{LAST}")],
    ),
    (
        {
            **plus("smtpd_proxy_filter = 127.0.0.1:10024\n"),
            "master.cf": MASTER + "127.0.0.1:10025 inet n - n - - smtpd\n",
        },
        [("PF283", "master.cf:13")],
    ),
]


@pytest.mark.parametrize(("changes", "expected"), CASES)
def test_a_mistake_is_found_at_its_place(changes: dict[str, str], expected: Iterable[tuple[str, str]]) -> None:
    assert codes(changes) == list(expected)


RELAY = MAIN.replace("permit_mynetworks, permit_sasl_authenticated, reject", "permit_mynetworks, CHECK, reject")
OPEN = [
    ("check_helo_access texthash:/etc/postfix/t", "mail.partner.example OK\n", ("PF268", "t:1")),
    ("check_helo_access texthash:/etc/postfix/t", "mail.partner.example DUNNO\n", None),
    ("check_helo_access texthash:/etc/postfix/t", "mail.partner.example permit_mynetworks\n", None),
    ("check_sender_access texthash:/etc/postfix/t", "a.example REJECT\npartner.example OK\n", ("PF268", "t:2")),
    ("check_sender_access texthash:/etc/postfix/t", "ann@partner.example 1\n", ("PF268", "t:1")),
    ("check_sender_access texthash:/etc/postfix/t", "ann@ permit\n", ("PF268", "t:1")),
    ("check_sender_access texthash:/etc/postfix/t", "corp.example OK\n", ("PF268", "t:1")),
    ("check_sender_access regexp:/etc/postfix/t", "/@partner\\.example$/ OK\n", ("PF268", f"main.cf:{LAST - 1}")),
    ("check_client_access texthash:/etc/postfix/t", "198.51.100.7 OK\n", None),
    ("check_client_access cidr:/etc/postfix/t", "0.0.0.0/0 OK\n", ("PF268", f"main.cf:{LAST - 1}")),
    ("check_policy_service inet:127.0.0.1:10023", "", ("PF269", f"main.cf:{LAST - 1}")),
    ("reject_unknown_sender_domain, reject_rbl_client zen.spamhaus.org", "", None),
]


@pytest.mark.parametrize(("restriction", "table", "expected"), OPEN)
def test_strangers_may_relay_or_not(restriction: str, table: str, expected: tuple[str, str] | None) -> None:
    files = {"main.cf": RELAY.replace("CHECK", restriction), "t": table}
    assert [each for each in codes(files) if each[0] in ("PF268", "PF269")] == ([expected] if expected else [])


def test_a_service_of_its_own_lets_strangers_relay() -> None:
    lists = "permit_mynetworks,check_helo_access,texthash:/etc/postfix/t,reject_unauth_destination"
    service = f"2525 inet n - n - - smtpd -o smtpd_relay_restrictions={lists}\n"
    files = {"master.cf": MASTER + service, "t": "a.example OK\n"}
    assert codes(files) == [("PF268", "t:1")]
