"""A .cf without a .mc has the findings of what a .mc comes to, at its own lines."""

from __future__ import annotations

import pytest

from mailconf.build.etc_mail import EtcMail
from mailconf.check.sendmail.etc_mail import check_etc_mail
from mailconf.diagnostics import Diagnostic, Sink
from mailconf.files import Memory

HEAD = "V10/Berkeley\nDjmail.corp.test\nCwlocalhost corp.test\nO AliasFile=/etc/mail/aliases\n"
TAIL = "Mlocal, P=/bin/mail, F=lsDFMAw5:/|@q, A=mail -d $u\nMprog, P=/bin/sh, F=lsD, A=sh -c $u\n"
TAIL += "Mesmtp, P=[IPC], F=mDFMuX, A=TCP $h\n"
REFUSING = 'Scheck_rcpt\nR$*\t$#error $@ 5.7.1 $: "550 Relaying denied"\n'
PEOPLE = "root:x:0:0::/root:/bin/sh\njoe:x:1000:1000::/home/joe:/bin/sh\n"


def found(cf: str, **tables: str) -> list[Diagnostic]:
    files = {f"/etc/mail/{name}": text for name, text in tables.items()}
    sink = Sink()
    tree = Memory({"/etc/mail/sendmail.cf": HEAD + cf + TAIL, "/etc/passwd": PEOPLE, "/etc/mail/aliases": "", **files})
    check_etc_mail(EtcMail("/etc/mail", tree, None), sink)
    return [diagnostic for diagnostic in sink.sorted() if diagnostic.severity.value != "note"]


@pytest.mark.parametrize(
    ("cf", "code", "words"),
    [
        ("CMlab.test\n", "SM027", "set the macro M"),
        ("C{TrustAuthMech}LOGIN PLAIN\n", "SM028", "O AuthMechanisms=LOGIN PLAIN"),
        ("O AuthMechanisms=LOGIN PLAIN\n", "SM028", "write C{TrustAuthMech}LOGIN PLAIN"),
        ("O AuthOptions=p\nO AuthMechanisms=PLAIN\nC{TrustAuthMech}PLAIN\n", "SM031", "ServerCertFile"),
        ("O ServerCertFile=/etc/mail/c.pem\n", "SM033", "O ServerKeyFile="),
        ("O InputMailFilters=f\nXf, S=local:/run/f\n", "SM032", "F=T"),
        ("O InputMailFilters=f\nXf, S=local:/run/f, F=x\n", "SM032", "F=T"),
        ("CRcom\n", "SM077", "below com"),
        ("O MaxMessageSize=10MB\n", "SM071", "10 bytes"),
        ("DSrelay.test:587\n", "SM070", "587"),
        ("O DaemonPortOptions=Port=25, Bind=127.0.0.1\n", "SM014", "no key Bind"),
        ("O DaemonPortOptions=Port=25, M=X\n", "SM014", "X is no modifier"),
        ("O DaemonPortOptions=Port=25, Name=a, Name=b\n", "SM014", "the last one counts"),
        ("O DaemonPortOptions=Port=25 M=E\n", "SM014", "write Port=25, M=E"),
        ("O Timeout.queuereturn=5 days\n", "SM036", "no time"),
        ("O PrivacyOptions=goway\n", "SM036", "goway unrecognized"),
        ("Djmail\n", "SM037", "no domain"),
    ],
)
def test_a_line_has_its_finding(cf: str, code: str, words: str) -> None:
    (diagnostic,) = (each for each in found(cf) if each.code == code)
    assert diagnostic.span and diagnostic.span.source.name == "/etc/mail/sendmail.cf"
    assert 5 <= diagnostic.span.line < 5 + cf.count("\n")
    assert words in f"{diagnostic.message} {diagnostic.hint}"


def test_nothing_is_wrong_with_what_is_right() -> None:
    right = (
        "DMcorp.test\nCMlab.test\nO AuthMechanisms=PLAIN\nC{TrustAuthMech}plain\nO InputMailFilters=f\n"
        "Xf, S=local:/run/f, F=T\nDSrelay.test\nO MaxMessageSize=10000000\n"
    )
    assert [str(each) for each in found(right) if each.code.startswith("SM")] == []


def test_an_alias_of_nobody() -> None:
    (diagnostic,) = (each for each in found("", aliases="root: joe\ninfo: joe, jooe\n") if each.code == "SM035")
    assert diagnostic.span and diagnostic.span.first == (2, 12)
    assert '"jooe"' in diagnostic.message


@pytest.mark.parametrize(
    "target", ["joe", "root", "joe+lists", "info", "x@elsewhere.test", "/dev/null", '"|/bin/x a"', ":include:/x", "Joe"]
)
def test_an_alias_of_somebody(target: str) -> None:
    assert not [each for each in found("", aliases=f"info: joe\nlist: {target}\n") if each.code == "SM035"]


@pytest.mark.parametrize("line", ["DHhub.test\n", "DLluser.test\n", "DRrelay.test\n", "O UserDatabaseSpec=/x\n"])
def test_users_that_others_know(line: str) -> None:
    assert not [each for each in found(line, aliases="info: jooe\n") if each.code == "SM035"]


def test_a_local_name_with_a_domain_of_this_machine() -> None:
    aliases = "info: jooe@corp.test\nsales: jooe@far.test\n"
    (diagnostic,) = (each for each in found("", aliases=aliases) if each.code == "SM035")
    assert diagnostic.span and diagnostic.span.line == 1


def test_a_sender_who_may_not_relay() -> None:
    cf = "Kaccess hash -T<TMPF> /etc/mail/access\n"
    access = "Connect:10.1 RELAY\nFrom:far.test RELAY\n"
    (diagnostic,) = (each for each in found(cf + REFUSING, access=access) if each.code == "SM034")
    assert diagnostic.span and diagnostic.span.line == 2
    assert not [each for each in found(cf, access=access) if each.code == "SM034"]


@pytest.mark.parametrize(
    ("access", "code", "line"),
    [
        ("To:old@corp.test REJECT\n", "SM039", 1),
        ("Connect:10.1 RELAY\nTo:corp.test 550 no\n", "SM039", 2),
        ("GreetPause:10.1 5000\n", "SM040", 1),
        ("To:com RELAY\n", "SM077", 1),
        ("Connect:80 RELAY\n", "SM077", 1),
        ("AuthInfo:a.test U:j P:x\n", "SM041", 1),
        ('AuthInfo:a.test "U:j" "P:x\n', "SM041", 1),
        ('AuthInfo:a.test "U:j"\n', "SM041", 1),
    ],
)
def test_entries_that_no_rule_acts_upon(access: str, code: str, line: int) -> None:
    cf = "Kaccess hash -T<TMPF> /etc/mail/access\nScheck_rcpt\nR$*\t$@ RELAY\n"
    (diagnostic,) = (each for each in found(cf, access=access) if each.code == code)
    assert diagnostic.span and diagnostic.span.line == line


def test_entries_that_rules_act_upon() -> None:
    cf = "Kaccess hash -T<TMPF> /etc/mail/access\n" + REFUSING + "SGreet\nR$*\t$: $(access GreetPause:$1 $)\n"
    access = 'To:old@corp.test REJECT\nGreetPause:10.1 5000\nConnect:10 RELAY\nAuthInfo:a.test "U:j" "P=x"\n'
    assert not {each.code for each in found(cf, access=access)} & {"SM039", "SM041", "SM077"}
    assert "SM040" not in {each.code for each in found(cf, access="GreetPause:10.1 5000\n")}


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("smtp:[gw.test]:587", "SMTP_MAILER_ARGS"),
        ("relay:gw.test:26", "RELAY_MAILER_ARGS"),
        ("smtp:[gw.test", "write [gw.test]"),
        ("smtp:a.test,b.test", "write a.test:b.test"),
    ],
)
def test_hosts_of_a_mailertable(host: str, words: str) -> None:
    cf = "Kmailertable hash /etc/mail/mailertable\n"
    (diagnostic,) = (each for each in found(cf, mailertable=f"x.test {host}\n") if each.code == "SM043")
    assert words in diagnostic.hint


def test_right_hosts_of_a_mailertable() -> None:
    table = "x.test smtp:[gw.test]\ny.test esmtp:a.test:b.test\nz.test relay:[IPv6:2001:db8::1]\n"
    assert not [e for e in found("Kmailertable hash /etc/mail/mailertable\n", mailertable=table) if e.code == "SM043"]


def test_aliases_that_lead_nowhere() -> None:
    aliases = (
        "a: b\nb: c@corp.test\nc: a\nd: e, joe\ne: d\nf: f\ng: :include:/etc/mail/none\n"
        'h: "|/etc/mail/none -a"\ni: "|/opt/none"\nj: "joe\n'
    )
    diagnostics = [each for each in found("", aliases=aliases) if each.code in ("CK116", "CK117", "CK118", "SM044")]
    assert [(each.code, each.span and each.span.line) for each in diagnostics] == [
        ("CK118", 1),
        ("CK116", 7),
        ("CK117", 8),
        ("SM044", 10),
    ]
