"""Control characters in what clients send, and where they come out: headers, commands to other servers, replies, the
log, reports. Expected is what Postfix 3.7.11 wrote to another server, into a mailbox and into its log, where no other
reason is given: white space in an address is a blank, a control character in HELO's name is ``?``, ORCPT is xtext."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from client_fixture import deliver
from hypothesis import given
from hypothesis import strategies as st
from mta_fixture import make_site
from scripted_server import ScriptedServer
from smtpd_fixture import Listener

from mailconf.model.address import external
from mailconf.model.verdict import Delivery, DeliveryKind, Reply
from mailconf.mta.local import _head
from mailconf.mta.log import Log
from mailconf.mta.message import Message, Recipient, Result, Status
from mailconf.mta.reports import Notice, Report
from mailconf.postfix.policy.local import with_headers
from mailconf.postfix.settings.transports import MAILBOX_HEADERS
from mailconf.smtp.reply import ReplyParser
from tests.personality import PERSONALITY

CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def received(hello: str, rcpt: str, *before: str) -> tuple[str, list[str]]:
    """The Received field of a message, and what was logged."""
    with Listener(lookup=False) as listener, listener.connect() as peer:
        for line in (*before, hello, 'MAIL FROM:<"a\rb"@b.example>', rcpt, "DATA"):
            if line:
                assert peer.say(line)[:3] in ("220", "250", "354"), line
        peer.say("Subject: t\r\n\r\nx\r\n.")
    (message,) = listener.intake.messages
    field = re.match(rb"Received:.*\n(?:[ \t].*\n)*", message.content)
    assert field is not None and message.content[field.end() :] == b"Subject: t\n\nx\n"
    return field[0].decode(), listener.lines


@pytest.mark.parametrize(
    ("hello", "shown"),
    [
        ("EHLO a\rb\x1b\x01c", "a?b??c"),
        ("HELO \x1b", "?"),
        ("EHLO <x>(y)", "?x??y?"),
        ("EHLO \u00e9x", "\u00e9x"),
    ],
)
def test_the_name_in_helo(hello: str, shown: str) -> None:
    field, _ = received(hello, "RCPT TO:<x@y.example>")
    assert field.startswith(f"Received: from {shown} (")


def test_the_name_in_xclient() -> None:
    before = "XCLIENT HELO=a+0D+0AX:+20b LOGIN=l+0D+0A PROTO=ESMTP"
    field, lines = received("", "RCPT TO:<x@y.example>", before)
    assert field.startswith("Received: from a??X:?b (")
    assert any(line.endswith("sasl_username=l??") for line in lines)


@pytest.mark.parametrize(
    ("rcpt", "shown"),
    [
        ('"x\r\x1b\x01y\\\rz"@y.example', '"x \x1b\x01y z"@y.example'),
        ("x\x1by@y.example", '"x\x1by"@y.example'),
        ('"x\t\v\fy"@y.example', '"x   y"@y.example'),
    ],
)
def test_the_recipient_in_received(rcpt: str, shown: str) -> None:
    field, _ = received("EHLO c.example", f"RCPT TO:<{rcpt}>")
    assert f"\n\tfor <{shown}>; " in field and "\r" not in field


def test_commands_to_other_servers() -> None:
    address = "x\r\x1b\x01y\rz@y.example"
    with ScriptedServer({}) as server:
        deliver(f"[127.0.0.1]:{server.port}", Recipient(address, address), sender="a\rb\x1b\x01\x7f\t@b.example")
        assert server.ended.wait(10)
    mail, rcpt = server.sessions[0][1:3]
    assert mail.startswith('MAIL FROM:<"a b\x1b\x01\x7f "@b.example> ')
    assert rcpt == 'RCPT TO:<"x \x1b\x01y z"@y.example> ORCPT=rfc822;"x+20+1B+01y+20z"@y.example'


@pytest.mark.parametrize(
    ("typed", "reply", "sent"),
    [
        ("rfc822;a\rb", "555 5.5.4 Unsupported option: b", ""),
        ("rf\rc;ab", "501 5.5.4 Error: Bad ORCPT parameter syntax", ""),
        ("rfc822;a\x1bb", "250 2.1.5 Ok", "rfc822;a+1Bb"),
        ("rfc822;a+0Db", "250 2.1.5 Ok", "rfc822;a+0Db"),
        ("rf\x01c;ab", "250 2.1.5 Ok", "rf+01c;ab"),
        ("rfc822;a+00b", "250 2.1.5 Ok", "rfc822;a"),
        ("rfc822;a+20b+2b", "250 2.1.5 Ok", "rfc822;a+20b+2B"),
        ("utf-8;a\\x{0D}b", "250 2.1.5 Ok", "utf-8;a\\x{0D}b"),
    ],
)
def test_orcpt(typed: str, reply: str, sent: str) -> None:
    with Listener(lookup=False) as listener, listener.connect() as peer:
        for line in ("EHLO c.example", "MAIL FROM:<>"):
            peer.say(line)
        assert peer.say(f"RCPT TO:<x@y.example> ORCPT={typed}") == reply
        if sent:
            peer.say("DATA")
            peer.say("x\r\n.")
    assert [r.orcpt for m in listener.intake.messages for r in m.recipients] == ([sent] if sent else [])


@pytest.mark.parametrize(
    "line",
    [
        "MAIL FROM:<> ENVID=a\x01b",
        "MAIL FROM:<> ENVID=a+0Db",
        "MAIL FROM:<a\rb@c.example>",
        "MAIL FROM:<a@b\x1b.example>",
    ],
)
def test_what_is_refused(line: str) -> None:
    with Listener() as listener, listener.connect() as peer:
        peer.say("EHLO c.example")
        assert peer.say(line)[:3] == "501"


def test_replies_have_no_control_characters() -> None:
    """Postfix echoes some raw (VRFY, unsupported options); ours are blanks everywhere, see docs/departures.md."""
    with Listener(lookup=False) as listener, listener.connect() as peer:
        peer.say("EHLO c.example")
        assert peer.say('VRFY "a\r\x1b"@y.example') == '252 2.0.0 "a  "@y.example'
        assert peer.say("MAIL FROM:<a@b.example> \x1bX=1") == "555 5.5.4 Unsupported option:  X=1"
        assert peer.say("XCLIENT NAME=a+0Db") == "501 5.5.4 Bad NAME syntax: a?b"
        peer.say("MAIL FROM:<>")
        refused = peer.say('RCPT TO:<"q\r\x1b\x01"@refused.example>')
        assert refused == "554 5.7.1 <q   @refused.example>: Recipient address rejected: Access denied"


def test_what_another_server_says() -> None:
    parser = ReplyParser()
    parser.feed(b"550 5.1.1 no \x1b\x01\rx\r\n")
    assert parser.next() == Reply.of(550, "5.1.1 no ???x")


def test_fields_on_top_of_a_delivery() -> None:
    recipient = Recipient("v\r\x1b\x01@v.example", "w\r@v.example")
    delivery = Delivery(DeliveryKind.MBOX, "/mail/v", Recipient("v"))
    assert _head(with_headers(delivery, MAILBOX_HEADERS, "s\r\x1b\x01@b.example", recipient)) == (
        b'Return-Path: <"s \x1b\x01"@b.example>\nX-Original-To: "w "@v.example\nDelivered-To: "v \x1b\x01"@v.example\n'
    )


def test_a_report() -> None:
    recipient = Recipient("refused\r\x1b@y.example", "refused\r\x1b@y.example", "rfc822;o+1Bq", "FAILURE")
    message = Message("ID", "s\r\x1b@b.example", [recipient], b"Subject: t\n\nx\n", 0.0)
    relay, reply = "mx.y.example[192.0.2.1]:25", Reply.of(550, "5.1.1 no \x1bx")
    result = Result(recipient, Status.BOUNCED, "5.1.1", f"host said: {reply}", relay, reply)
    site = make_site(Path("/nowhere"))
    text = PERSONALITY.reports.content(
        Report(Notice.FAILURE, False, message, [result], message.sender, site, 0.0)
    ).decode()
    assert '\n<"refused ?"@y.example>: host said: 550 5.1.1 no ?x\n' in text
    assert '\nX-Postfix-Sender: rfc822; "s \x1b"@b.example\n' in text
    assert '\nFinal-Recipient: rfc822; "refused ?"@y.example\nOriginal-Recipient: rfc822;o?q\n' in text
    assert "\nDiagnostic-Code: smtp; 550 5.1.1 no ?x\n" in text


addresses = st.text(st.sampled_from(["a", " ", "\r", "\n", "\t", "\v", "\f", '"', "\\", "@", ".", "\x1b", "\x85", "é"]))


@given(addresses)
def test_an_external_address_stands_on_one_line(text: str) -> None:
    assert not re.search(r"[\t-\r]", external(text))


@given(st.text())
def test_a_log_line_is_one_line(text: str) -> None:
    assert not CONTROL.search(Log(hostname="x").line("smtpd", text))
