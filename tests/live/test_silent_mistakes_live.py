"""Mistakes that Postfix passes in silence: what check says of each happens on the real Postfix."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner
from private_postfix import Client, PrivatePostfix, free_port

from mailconf.cli.commands import mailconf

pytestmark = pytest.mark.live

SITE = {
    "myhostname": "mail.corp.test",
    "mydestination": "$myhostname, localhost",
    "mynetworks": "10.0.0.0/8",
    "alias_maps": "",
    "alias_database": "",
    "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
}
RELAYED = "RCPT TO:<x@far.test>"


class Case(NamedTuple):
    """``lines`` are sent one after the other; ``reply`` is in the last one's answer, ``""`` in the greeting's."""

    code: str
    parameters: dict[str, str]
    table: str
    lines: tuple[str, ...]
    reply: str
    without: str = ""  # what the answer does not have


def guarded(check: str) -> dict[str, str]:
    return {"smtpd_relay_restrictions": f"permit_mynetworks, {check}, reject_unauth_destination"}


MAIL = ("EHLO mail.partner.test", "MAIL FROM:<a@partner.test>")
CASES = [
    Case(
        "PF268", guarded("check_helo_access texthash:@TOP@/etc/t"), "mail.partner.test OK\n", (*MAIL, RELAYED), "250 "
    ),
    Case("PF268", guarded("check_sender_access texthash:@TOP@/etc/t"), "partner.test 1\n", (*MAIL, RELAYED), "250 "),
    Case("PF268", guarded("check_sender_access regexp:@TOP@/etc/t"), "/@partner.test$/ OK\n", (*MAIL, RELAYED), "250 "),
    Case("PF262", {"mynetworks": "127.0.0.0/8 !127.0.0.1"}, "", (*MAIL, RELAYED), "250 "),
    Case("PF264", {"mynetworks": "10.0.0.0/8\n# old:\n  0.0.0.0/0"}, "", (*MAIL, RELAYED), "250 "),
    Case("PF293", {"mydestination": "$myhostname, *.corp.test"}, "", (*MAIL, "RCPT TO:<joe@sub.corp.test>"), "554 "),
    Case(
        "PF271",
        {"virtual_alias_domains": "virt.test", "virtual_alias_maps": "texthash:@TOP@/etc/t"},
        "joe@shop.test joe\npostmaster@virt.test joe\n",
        (*MAIL, "RCPT TO:<joe@shop.test>"),
        "554 ",
    ),
    Case(
        "PF263",
        {"virtual_alias_domains": "virt.test", "virtual_alias_maps": "texthash:@TOP@/etc/t"},
        "/^sales.*@virt.test$/ joe\npostmaster@virt.test joe\n",
        (*MAIL, "RCPT TO:<sales1@virt.test>"),
        "550 ",
    ),
    Case(
        "PF260",
        {"luser_relay": "root"},
        "",
        (*MAIL, "RCPT TO:<nobody1@mail.corp.test>"),
        "User unknown in local recipient table",
    ),
    Case(
        "PF288",
        {"smtpd_delay_reject": "no", "smtpd_client_restrictions": "reject_non_fqdn_recipient", "relay_domains": "far"},
        "",
        (*MAIL, "RCPT TO:<x@far>"),
        "250 ",
    ),
    Case("PF242", {"mydestination": "$myhostname, gmail.com"}, "", (*MAIL, "RCPT TO:<a@gmail.com>"), "550 5.1.1 "),
    Case("PF243", {"soft_bounce": "yes"}, "", (*MAIL, "RCPT TO:<nobody1@mail.corp.test>"), "450 4.1.1 "),
    Case("CK080", {"smtpd_milters": "inet:127.0.0.1:99999"}, "", MAIL, "451 4.7.1 "),
    Case("PF266", {"smtpd_tls_security_level": "may"}, "", ("EHLO x", "STARTTLS"), "454 4.7.0 TLS not available"),
    Case("PF265", {"smtpd_sasl_auth_enable": "yes", "smtpd_tls_auth_only": "yes"}, "", ("EHLO x",), "250 ", "AUTH"),
    Case("PF281", {"smtpd_banner": "ESMTP welcome"}, "", (), "220 ESMTP welcome"),
    Case(
        "PF245",
        {"mynetworks": "127.0.0.0/8", "smtpd_relay_restrictions": "reject_unauth_destination, permit_mynetworks"},
        "",
        (*MAIL, RELAYED),
        "554 5.7.1 <x@far.test>: Relay access denied",
    ),
    Case(
        "PF247",
        {"header_checks": "regexp:@TOP@/etc/t", "local_recipient_maps": "", "local_transport": "discard:"},
        "/^Received:/ REJECT no\n",
        (*MAIL, "RCPT TO:<root@mail.corp.test>", "DATA", "Subject: x\r\n\r\nx\r\n."),
        "550 5.7.1 no",
    ),
    Case("PF248", {"mynetworks": "cidr:@TOP@/etc/t"}, "127.0.0.0/8 REJECT\n", (*MAIL, RELAYED), "250 "),
    Case("PF248", {"relay_domains": "texthash:@TOP@/etc/t"}, "far.test REJECT\n", (*MAIL, RELAYED), "250 "),
    Case("PF206", {"mynetworks": "127.0.0.*"}, "", (*MAIL, RELAYED), "554 5.7.1 "),
    Case("PF206", {"mynetworks": "127.0.0.0-127.0.0.9"}, "", (*MAIL, RELAYED), "554 5.7.1 "),
    Case(
        "PF293",
        {"mydestination": "$myhostname; localhost"},
        "",
        (*MAIL, "RCPT TO:<root@mail.corp.test>"),
        "554 5.7.1 <root@mail.corp.test>: Relay access denied",
    ),
    Case(
        "CK080",
        {"smtpd_milters": "inet:127.0.0.1:9", "milter_default_action": "drop"},
        "",
        MAIL,
        "451 4.3.5 Server configuration problem",
    ),
    Case(
        "PF252",
        {"alias_maps": "texthash:@TOP@/etc/t", "local_recipient_maps": "unix:passwd.byname"},
        "sales root\n",
        (*MAIL, "RCPT TO:<sales@mail.corp.test>"),
        "550 5.1.1 <sales@mail.corp.test>: Recipient address rejected: User unknown in local recipient table",
    ),
    Case("PF287", {"relay_domains": "relay.test"}, "", (*MAIL, "RCPT TO:<nobody1@relay.test>"), "250 "),
]


@pytest.fixture(scope="module")
def postfix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivatePostfix]:
    with PrivatePostfix(tmp_path_factory.mktemp("silent")) as postfix:
        yield postfix


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code} {next(iter(case.parameters.values()))}")
def test_what_check_finds_happens(postfix: PrivatePostfix, case: Case) -> None:
    postfix.configure({**SITE, **case.parameters}, {"etc/t": case.table})
    client = postfix.client()
    answer = client.greeting
    for line in case.lines:
        answer = client.command(line)
    client.close()
    assert case.reply in answer
    assert not case.without or case.without not in answer
    master = postfix.etc / "master.cf"  # strangers do not reach the loopback
    master.write_text(master.read_text().replace("127.0.0.1:", ""))
    found = CliRunner().invoke(mailconf, ["check", "--format", "json", str(postfix.etc)])
    assert f'"{case.code}"' in found.stdout


def test_several_addresses_are_one(postfix: PrivatePostfix) -> None:
    trusting = {"mynetworks": "127.0.0.0/8", "default_transport": "discard:", "local_recipient_maps": ""}
    postfix.configure({**SITE, **trusting, "always_bcc": "joe@far.test, ann@far.test"})
    said = len(postfix.log_lines())
    _send(postfix)
    assert _await(postfix, said, 'to=<"joe@far.test, ann"@far.test>')


def test_a_client_without_a_table_of_passwords_ends(postfix: PrivatePostfix) -> None:
    trusting = {"mynetworks": "127.0.0.0/8", "default_transport": "smtp:[127.0.0.1]:9"}
    postfix.configure({**SITE, **trusting, "smtp_sasl_auth_enable": "yes"})
    said = len(postfix.log_lines())
    _send(postfix)
    assert _await(postfix, said, "fatal: specify a password table via the `smtp_sasl_password_maps'")


class Delivery(NamedTuple):
    """A message is sent to ``recipient``; ``logged`` is in the log. ``@FAR@`` is a server that wants AUTH."""

    code: str
    parameters: dict[str, str]
    logged: str
    recipient: str = "x@far.test"
    table: str = ""
    rule: bool = True  # whether check can find it here: it depends on port 25 or on the machine's users otherwise


FAR = {"relayhost": "[127.0.0.1]:@FAR@"}
BOXES = {
    "virtual_mailbox_domains": "v.test",
    "virtual_mailbox_maps": "static:box",
    "virtual_mailbox_base": "@TOP@/mail",
}
AUTH = {"smtp_sasl_auth_enable": "yes", "smtp_sasl_password_maps": "texthash:@TOP@/etc/t"}
DELIVERIES = [
    Delivery("PF261", {**FAR, "smtp_tls_security_level": "dane"}, "dane configured with dnssec lookups disabled"),
    Delivery(
        "PF261",
        {**FAR, "smtp_tls_security_level": "dane-only"},
        "dsn=4.7.5, status=deferred (client TLS configuration problem)",
    ),
    Delivery("PF261", BOXES, "recipient x@v.test: not found in virtual_uid_maps", "x@v.test"),
    Delivery(
        "PF292",
        {**BOXES, "virtual_uid_maps": "static:8", "virtual_gid_maps": "static:8"},
        "recipient x@v.test: bad uid 8 in virtual_uid_maps",
        "x@v.test",
    ),
    Delivery(
        "PF273",
        {"virtual_alias_maps": "texthash:@TOP@/etc/t", "default_transport": "discard:"},
        "to=<ann@far.test>, orig_to=<root@mail.corp.test>",
        "root@mail.corp.test",
        "@mail.corp.test ann@far.test\n",
        rule=False,
    ),
    Delivery(
        "PF276",
        {**FAR, "smtp_tls_wrappermode": "yes", "smtp_tls_security_level": "encrypt"},
        "dsn=4.7.5, status=deferred (Cannot start TLS: handshake failure)",
        rule=False,
    ),
    Delivery("PF285", {**FAR, **AUTH}, "no mechanism available", table="[127.0.0.1]:@FAR@ joe:secret\n"),
    Delivery(
        "PF294",
        {**FAR, **AUTH, "smtp_sasl_security_options": "noanonymous"},
        "said: 530 5.7.0 Authentication required (in reply to MAIL FROM command)",
        table="[smtp.example.org]:587 joe:secret\n",
    ),
    Delivery(
        "PF246",
        {
            "receive_override_options": "no_address_mappings",
            "virtual_alias_domains": "v.test",
            "virtual_alias_maps": "texthash:@TOP@/etc/t",
        },
        "dsn=5.1.1, status=bounced (User unknown in virtual alias table)",
        "x@v.test",
        "x@v.test root\npostmaster@v.test root\n",
    ),
    Delivery(
        "PF254",
        {**FAR, "smtp_tls_policy_maps": "texthash:@TOP@/etc/t"},
        'invalid security level "must"',
        table="[127.0.0.1]:@FAR@ must\n",
    ),
    Delivery("PF298", {"relayhost": "smtp:25"}, "warning: relayhost configuration problem"),
]


@pytest.fixture(scope="module")
def far() -> Iterator[int]:
    """The port of a server that takes mail after AUTH PLAIN only, and has no TLS."""
    answers = {
        b"EHLO": b"250-far.test\r\n250 AUTH PLAIN LOGIN",
        b"MAIL": b"530 5.7.0 Authentication required",
    }
    with _serving(b"220 far.test ESMTP\r\n", lambda line: answers.get(line[:4].upper(), b"250 ok") + b"\r\n") as port:
        yield port


@pytest.mark.parametrize("case", DELIVERIES, ids=lambda case: f"{case.code} {case.logged[:40]}")
def test_what_check_finds_happens_to_mail(postfix: PrivatePostfix, far: int, case: Delivery) -> None:
    trusting = {"mynetworks": "127.0.0.0/8", "local_recipient_maps": "", "default_transport": "smtp"}
    parameters = {name: value.replace("@FAR@", str(far)) for name, value in case.parameters.items()}
    postfix.configure({**SITE, **trusting, **parameters}, {"etc/t": case.table.replace("@FAR@", str(far))})
    said = postfix.log.stat().st_size
    _send(postfix, case.recipient)
    assert _await(postfix, said, case.logged)
    postfix.drop_queue()
    assert not case.rule or case.code in _codes(postfix)


def test_mail_that_comes_back_is_filtered_until_it_has_too_many_hops(postfix: PrivatePostfix) -> None:
    port = free_port()
    trusting = {"mynetworks": "127.0.0.0/8", "hopcount_limit": "3", "default_transport": "discard:"}
    again = {"content_filter": f"smtp:[127.0.0.1]:{port}", "smtp_connection_cache_on_demand": "no"}
    postfix.configure({**SITE, **trusting, **again}, services=f"127.0.0.1:{port} inet n - n - - smtpd\n")
    said = postfix.log.stat().st_size
    _send(postfix)
    assert _await(postfix, said, "said: 554 5.4.0 Error: too many hops")
    master = postfix.etc / "master.cf"
    # The filter is elsewhere; here its way back has the port of the way to it.
    master.write_text(master.read_text().replace(f"127.0.0.1:{port}", "127.0.0.1:10026"))
    assert "PF283" in _codes(postfix)


@pytest.mark.parametrize(
    ("action", "reply"), [("accept", "250 2.1.5"), ("tempfail", "451 4.7.1 Service unavailable")], ids=["goes", "stays"]
)
def test_a_chroot_hides_a_socket_outside(postfix: PrivatePostfix, action: str, reply: str) -> None:
    with socket.socket(socket.AF_UNIX) as milter:
        path = postfix.top / "m"
        path.unlink(missing_ok=True)
        milter.bind(str(path))
        milter.listen()
        port = free_port()
        options = f"-o smtpd_milters=unix:{path} -o milter_default_action={action}"
        more = f"127.0.0.1:{port} inet n - y - - smtpd {options}\n"
        postfix.configure({**SITE, "local_recipient_maps": ""}, services=more)
        said = postfix.log.stat().st_size
        client = Client(port)
        answers = [client.command(line) for line in (*MAIL, "RCPT TO:<root@mail.corp.test>")]
        client.close()
    assert any(reply in answer for answer in answers)
    assert _await(postfix, said, f"connect to Milter service unix:{path}: No such file or directory")


def test_mail_from_sendmail_passes_no_smtpd_milter(postfix: PrivatePostfix) -> None:
    postfix.configure({**SITE, "smtpd_milters": "inet:127.0.0.1:9", "default_transport": "discard:"})
    said = postfix.log.stat().st_size
    sendmail = ["sendmail", "-C", str(postfix.etc), "-f", "a@b.test", "y@far.test"]
    subprocess.run(sendmail, input=b"Subject: x\n\nx\n", check=True)
    assert _await(postfix, said, "to=<y@far.test>, relay=none")
    client = postfix.client()
    assert [client.command(line) for line in MAIL][-1].startswith("451 4.7.1")
    client.close()


def _sent(postfix: PrivatePostfix, to: str) -> None:
    sendmail = ["sendmail", "-C", str(postfix.etc), "-f", "a@mail.corp.test", to]
    subprocess.run(sendmail, input=b"Subject: x\n\nx\n", check=True)


@pytest.mark.parametrize("role", ["virtual_alias_maps", "canonical_maps", "recipient_canonical_maps"])
def test_a_pattern_for_everybody_takes_the_mail_of_other_hosts(postfix: PrivatePostfix, role: str) -> None:
    table = {"etc/t": "/.+/ root@mail.corp.test\n"}
    postfix.configure({**SITE, role: "regexp:@TOP@/etc/t", "local_transport": "discard:"}, table)
    said = postfix.log.stat().st_size
    _sent(postfix, "y@far.test")
    assert _await(postfix, said, "to=<root@mail.corp.test>, orig_to=<y@far.test>, relay=none")
    assert "PF244" in _codes(postfix)


def test_a_generic_pattern_for_everybody_takes_recipients_too(postfix: PrivatePostfix) -> None:
    heard: list[bytes] = []

    def answer(line: bytes) -> bytes:
        heard.append(line)
        return b"354 go\r\n" if line.startswith(b"DATA") else b"250 ok\r\n" if line[:1] in b"EMRQ." else b""

    with _serving(b"220 next.test ESMTP\r\n", answer) as port:
        generic = {"smtp_generic_maps": "static:me@far.test", "relayhost": f"[127.0.0.1]:{port}"}
        postfix.configure({**SITE, **generic})
        said = postfix.log.stat().st_size
        _sent(postfix, "y@other.test")
        assert _await(postfix, said, "to=<y@other.test>")
        assert any(line.startswith(b"RCPT TO:<me@far.test>") for line in heard)
        assert "PF244" in _codes(postfix)


def test_a_transport_is_deferred(postfix: PrivatePostfix) -> None:
    postfix.configure({**SITE, "defer_transports": "local", "local_recipient_maps": ""})
    said = postfix.log.stat().st_size
    _sent(postfix, "root@mail.corp.test")
    assert _await(postfix, said, "to=<root@mail.corp.test>, relay=none")
    assert _await(postfix, said, "status=deferred (deferred transport)")
    assert "PF243" in _codes(postfix)


def test_virtual_mailboxes_without_a_folder(postfix: PrivatePostfix) -> None:
    owner = {"virtual_uid_maps": "static:5000", "virtual_gid_maps": "static:5000"}
    postfix.configure({**SITE, "virtual_mailbox_domains": "v.test", "virtual_mailbox_maps": "static:x/", **owner})
    since = postfix.log.stat().st_size
    _sent(postfix, "ann@v.test")
    assert _await(postfix, since, "fatal: bad string length 0 < 1: virtual_mailbox_base =")
    assert "PF261" in _codes(postfix)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("/usr/bin/nosuchprogram -a x", "fatal: execvp /usr/bin/nosuchprogram: No such file or directory"),
        ('/usr/bin/nosuchprogram "$EXTENSION"', "Command died with status 127"),
    ],
)
def test_a_program_that_is_not_there(postfix: PrivatePostfix, command: str, said: str) -> None:
    postfix.configure({**SITE, "mailbox_command": command})
    since = postfix.log.stat().st_size
    _sent(postfix, "nobody@mail.corp.test")
    assert _await(postfix, since, said)
    assert "CK096" in _codes(postfix)


def test_a_policy_service_lets_strangers_relay(postfix: PrivatePostfix) -> None:
    with _serving(b"", lambda line: b"action=OK\n\n" if line == b"\n" else b"") as port:
        postfix.configure({**SITE, **guarded(f"check_policy_service inet:127.0.0.1:{port}")})
        assert _said(postfix, *MAIL, RELAYED).startswith("250 ")
        assert "PF269" in _codes(postfix)


def test_passwords_are_taken_in_clear_and_are_of_no_use(postfix: PrivatePostfix) -> None:
    offer = b"VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t" + b"0" * 32 + b"\nDONE\n"

    def answer(line: bytes) -> bytes:
        words = line.split(b"\t")
        return b"OK\t" + words[1] + b"\tuser=joe\n" if words[0] == b"AUTH" else b""

    with _serving(offer, answer) as port:
        path = {"smtpd_sasl_type": "dovecot", "smtpd_sasl_path": f"inet:127.0.0.1:{port}"}
        postfix.configure({**SITE, **path, "smtpd_sasl_auth_enable": "yes"})
        assert "AUTH PLAIN" in _said(postfix, "EHLO x")
        login = "AUTH PLAIN " + base64.b64encode(b"\0joe\0secret").decode()
        assert _said(postfix, "EHLO x", login).startswith("235 ")
        assert "Relay access denied" in _said(postfix, "EHLO x", login, MAIL[1], RELAYED)
        assert {"PF290", "PF291"} <= _codes(postfix)


def test_a_domain_in_two_classes(postfix: PrivatePostfix) -> None:
    postfix.configure({**SITE, "mydestination": "two.test", "virtual_alias_domains": "two.test"})
    said = postfix.log.stat().st_size
    assert postfix.resolve("x@two.test")["transport"] == "local"
    assert _await(postfix, said, "do not list domain two.test in BOTH mydestination and virtual_alias_domains")
    assert "PF270" in _codes(postfix)


def test_port_25_refuses_who_has_no_tls(postfix: PrivatePostfix, tmp_path: Path) -> None:
    names = ("-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "cert"), "-subj", "/CN=mail.corp.test")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *names], check=True, capture_output=True
    )
    chain = (tmp_path / "key").read_text() + (tmp_path / "cert").read_text()
    level = {"smtpd_tls_security_level": "encrypt", "smtpd_tls_chain_files": "@TOP@/etc/chain"}
    postfix.configure({**SITE, **level}, {"etc/chain": chain})
    assert _said(postfix, *MAIL) == "530 5.7.0 Must issue a STARTTLS command first"
    master = postfix.etc / "master.cf"
    master.write_text(master.read_text().replace(f"127.0.0.1:{postfix.port}", "25"))
    assert "PF284" in _codes(postfix)


def test_what_needs_port_25_or_the_dns(tmp_path: Path) -> None:
    side = [sys.executable, str(Path(__file__).with_name("silent_side.py")), str(tmp_path)]
    told = json.loads(subprocess.run(side, check=True, capture_output=True, text=True).stdout)
    assert "dsn=4.3.5, status=deferred (mail for mail.corp.test loops back to myself)" in told["relayhost"]  # PF275
    assert told["backup"].startswith("250 ")  # PF295
    assert "Relay access denied" in told["networks"]
    assert "blocked using list.test" in told["threshold 1"]
    assert told["threshold 3"].startswith("250 ")  # PF282
    assert told["threshold none"].startswith("250 ")  # PF297
    assert "connect to private/dnsblog service: No such file or directory" in told["no dnsblog"]


@contextmanager
def _serving(greeting: bytes, answer: Callable[[bytes], bytes]) -> Iterator[int]:
    """A server of lines on the loopback; its port."""

    def serve(connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            try:
                connection.sendall(greeting)
                for line in lines:
                    connection.sendall(answer(line))
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]


def _said(postfix: PrivatePostfix, *lines: str) -> str:
    """The answer to the last line."""
    client = postfix.client()
    answers = [client.command(line) for line in lines]
    client.close()
    return answers[-1]


def _codes(postfix: PrivatePostfix) -> set[str]:
    """The codes that check finds, for a server that strangers reach."""
    master = postfix.etc / "master.cf"
    master.write_text(master.read_text().replace(f"127.0.0.1:{postfix.port}", str(postfix.port)))
    found = CliRunner().invoke(mailconf, ["check", "--format", "json", str(postfix.etc)])
    known = json.loads(found.stdout)
    return {each["code"] for each in (known if isinstance(known, list) else known["findings"])}


def _send(postfix: PrivatePostfix, recipient: str = "x@far.test") -> None:
    client = postfix.client()
    for line in (*MAIL, f"RCPT TO:<{recipient}>", "DATA", "Subject: x\r\n\r\n."):
        client.command(line)
    client.close()


def _await(postfix: PrivatePostfix, said: int, text: str) -> bool:
    """Whether the log gets a line with ``text``, after its first ``said`` lines, within 20 seconds."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if any(text in line for line in postfix.log_lines(said)):
            return True
        time.sleep(0.1)
    return False
