"""The SMTP listener over loopback: smtplib and raw sockets."""

from __future__ import annotations

import re
import smtplib
import threading

import pytest
from smtpd_fixture import HOST, Listener, OpenPolicy, Peer, said

from mailconf.model.limits import Limits
from mailconf.model.policy import Privilege
from mailconf.model.session import Session
from mailconf.model.verdict import Reply, Verdict
from mailconf.model.world import Ask, LookupFailed
from mailconf.smtp.options import ServerOptions


def test_a_message_and_its_log() -> None:
    with Listener() as listener:
        with smtplib.SMTP("127.0.0.1", listener.port, local_hostname="c.example") as client:
            refused = client.sendmail("a@b.example", ["x@y.example", "no@refused.example"], "Subject: t\n\n.dot\nend")
        assert refused == {
            "no@refused.example": (554, b"5.7.1 <no@refused.example>: Recipient address rejected: Access denied")
        }
        listener.await_line("disconnect")
    (message,) = listener.intake.messages
    assert re.fullmatch(
        rb"Received: from c\.example \(localhost \[127\.0\.0\.1\]\)\n\tby mail\.example\.com \(Postfix\) with ESMTP id "
        rb"0000000001\n\tfor <x@y\.example>; \w{3}, [ \d]\d \w{3} 2026 \d\d:\d\d:\d\d [+-]\d{4} \(\w+\)\n"
        rb"Subject: t\n\n\.dot\nend\n",
        message.content,
    )
    assert (message.sender, [r.address for r in message.recipients]) == ("a@b.example", ["x@y.example"])
    assert message.session is not None and message.session.helo == "c.example"
    text = "554 5.7.1 <no@refused.example>: Recipient address rejected: Access denied"
    who = "localhost[127.0.0.1]"
    assert listener.lines == [
        "smtpd: connect from localhost[127.0.0.1]",
        "smtpd: 0000000001: client=localhost[127.0.0.1]",
        f"smtpd: 0000000001: reject: RCPT from {who}: {text}; from=<a@b.example> to=<no@refused.example>",
        "smtpd: disconnect from localhost[127.0.0.1] ehlo=1 mail=1 rcpt=1/2 data=1 quit=1 commands=5/6",
    ]


def test_everything_in_one_packet() -> None:
    commands = "EHLO x|MAIL FROM:<>|RCPT TO:<a@b>|RCPT TO:<c@d>|DATA|a: b||text|.|MAIL FROM:<>|QUIT|NOOP|"
    with Listener() as listener, listener.connect() as peer:
        peer.send(commands.replace("|", "\r\n").encode())
        replies = [peer.reply() for _ in range(9)]
    assert [reply[:3] for reply in replies] == ["250", "250", "250", "250", "354", "250", "250", "221", "<cl"]
    (message,) = listener.intake.messages
    assert re.search(rb"with ESMTP id 0000000001;\n\t\w{3}, ", message.content)  # two recipients: none is named


def test_the_answer_waits_for_the_intake() -> None:
    with Listener() as listener, listener.connect() as peer:
        listener.intake.gate = threading.Event()
        for line in ("EHLO x", "MAIL FROM:<>", "RCPT TO:<a@b>", "DATA"):
            peer.say(line)
        peer.send(b"x\r\n.\r\n")
        assert listener.intake.entered.wait(10)
        peer.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            peer.socket.recv(1)
        peer.socket.settimeout(20)
        listener.intake.gate.set()
        assert peer.reply() == "250 2.0.0 Ok: queued as 0000000001"


def test_a_refusal_of_the_intake_is_the_reply() -> None:
    with Listener() as listener, listener.connect() as peer:
        listener.intake.refusal = Reply.of(554, "5.4.0 Error: too many hops")
        for line in ("EHLO x", "MAIL FROM:<>", "RCPT TO:<a@b>", "DATA"):
            peer.say(line)
        assert peer.say("x\r\n.") == "554 5.4.0 Error: too many hops"
        assert peer.say("RCPT TO:<a@b>") == "503 5.5.1 Error: need MAIL command"
        assert peer.say("QUIT") == "221 2.0.0 Bye"
    listener.await_line("ehlo=1 mail=1 rcpt=1/2 data=0/1 quit=1 commands=4/6")


def test_eight_bits_and_returns_within_lines() -> None:
    with Listener() as listener, listener.connect() as peer:
        for line in (
            "EHLO x",
            "MAIL FROM:<é@b> BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=e+3D",
            "RCPT TO:<a@b> NOTIFY=NEVER",
        ):
            assert peer.say(line)[:3] == "250"
        peer.say("DATA")
        peer.send(b"x: \xff\xe9\r\n\r\na\rb\r\r\n\0\r\n.\r\n")
        peer.reply()
    (message,) = listener.intake.messages
    assert message.content.endswith(b"\nx: \xff\xe9\n\na b\n\0\n")
    assert b" with UTF8SMTP id " in message.content
    assert (message.body, message.ret, message.envid) == ("8BITMIME", "HDRS", "e+3D")
    assert message.recipients[0].notify == "NEVER" and message.sender == "é@b"


def test_a_body_without_header_is_set_off() -> None:
    with Listener() as listener, listener.connect() as peer:
        for line in ("HELO x", "MAIL FROM:<>", "RCPT TO:<a@b>", "DATA"):
            peer.say(line)
        peer.say(" leading\r\n.")
    assert listener.intake.messages[0].content.endswith(b")\n\n leading\n")


def test_chunks() -> None:
    with Listener() as listener, listener.connect() as peer:
        for line in ("EHLO x", "MAIL FROM:<>", "RCPT TO:<a@b>"):
            peer.say(line)
        peer.send(b"BDAT 8\r\nA: b\r\n\r\nBDAT 3 LAST\r\n.\r\n")
        assert peer.reply() == "250 2.0.0 Ok: 8 bytes"
        assert peer.reply() == "250 2.0.0 Ok: 11 bytes queued as 0000000001"
    assert listener.intake.messages[0].content.endswith(b"\nA: b\n\n.\n")


def test_a_message_of_eight_megabytes_and_one_that_is_too_big() -> None:
    line = b"x" * 998 + b"\r\n"
    with Listener(limits=Limits(message_size=8_000_000, error_sleep=0)) as listener, listener.connect() as peer:
        for content, reply in ((line * 8000, "250"), (line * 8100, "552")):
            for command in ("EHLO x", "MAIL FROM:<>", "RCPT TO:<a@b>", "DATA"):
                peer.say(command)
            peer.send(content + b".\r\n")
            assert peer.reply()[:3] == reply
        assert peer.say("NOOP") == "250 2.0.0 Ok"
    (message,) = listener.intake.messages
    assert message.content.endswith(line.replace(b"\r", b"") * 8000)


def test_too_many_errors() -> None:
    with Listener() as listener, listener.connect() as peer:
        peer.send(b"FOO\r\n" * 30)
        replies = [peer.reply() for _ in range(22)]
    assert replies == ["500 5.5.2 Error: command not recognized"] * 20 + [
        f"421 4.7.0 {HOST} Error: too many errors",
        "<closed>",
    ]
    assert listener.lines[1:] == [
        "smtpd: too many errors after UNKNOWN from localhost[127.0.0.1]",
        "smtpd: disconnect from localhost[127.0.0.1] unknown=0/20 commands=0/20",
    ]


def test_silence_is_ended() -> None:
    with Listener(limits=Limits(session_timeout=0.2)) as listener, listener.connect() as peer:
        assert peer.reply() == f"421 4.4.2 {HOST} Error: timeout exceeded"
        assert peer.reply() == "<closed>"
    assert "smtpd: timeout after CONNECT from localhost[127.0.0.1]" in listener.lines


def test_a_client_that_hangs_up() -> None:
    with Listener() as listener:
        with listener.connect() as peer:
            for line in ("EHLO x", "MAIL FROM:<>", "RCPT TO:<a@b>", "DATA"):
                peer.say(line)
            peer.send(b"a: b\r\n")
        listener.await_line("disconnect")
        assert not listener.intake.messages
    assert listener.lines[-2:] == [
        "smtpd: lost connection after DATA (6 bytes) from localhost[127.0.0.1]",
        "smtpd: disconnect from localhost[127.0.0.1] ehlo=1 mail=1 rcpt=1 data=0/1 commands=3/4",
    ]


def test_xclient_makes_another_client() -> None:
    seen: list[tuple[str, str, str, str | None]] = []

    def hook(session: Session, question: str, verdict: Verdict) -> None:
        assert verdict.trace is not None
        seen.append((question, session.client_name.text, session.client_address, session.helo))

    with Listener(on_verdict=hook) as listener, listener.connect() as peer:
        assert peer.say("XCLIENT NAME=mx.other.example ADDR=192.0.2.7 HELO=h PROTO=ESMTP LOGIN=me") == peer.greeting
        assert peer.say("XCLIENT NAME=x") == "550 5.7.0 Error: insufficient authorization"
        for line in ("MAIL FROM:<>", "RCPT TO:<a@b>", "DATA"):
            peer.say(line)
        peer.say("x\r\n.")
        peer.say("QUIT")
        listener.await_line("disconnect from mx.other.example[192.0.2.7]")
    (message,) = listener.intake.messages
    assert b"Received: from h (mx.other.example [192.0.2.7])\n" in message.content
    assert b"with ESMTPA id" in message.content
    assert seen[0] == ("connect", "localhost", "127.0.0.1", None)
    assert seen[1] == ("connect", "mx.other.example", "192.0.2.7", "h")
    assert [question for question, *_ in seen[2:]] == ["mail", "rcpt", "data", "end_of_data"]


def test_xclient_is_for_the_authorized() -> None:
    with Listener(privileges=set()) as listener, listener.connect() as peer:
        assert peer.say("XCLIENT NAME=x") == "550 5.7.0 Error: insufficient authorization"
    assert listener.lines


def test_connections_of_one_client_are_limited_unless_it_is_ours() -> None:
    limits = Limits(connections_per_client=2)
    with (
        Listener(limits=limits, privileges=set()) as listener,
        listener.connect(),
        listener.connect(),
        listener.connect() as third,
    ):
        assert third.greeting == f"421 4.7.0 {HOST} Error: too many connections from 127.0.0.1"
        assert third.reply() == "<closed>"
        listener.await_line(
            "warning: Connection concurrency limit exceeded: 3 from localhost[127.0.0.1] for service smtp"
        )
    with Listener(limits=limits, privileges={Privilege.UNLIMITED}) as listener:
        peers = [listener.connect() for _ in range(4)]
        assert {peer.greeting for peer in peers} == {f"220 {HOST} ESMTP Postfix"}
        for peer in peers:
            peer.close()


def test_many_sessions_at_once_and_the_one_too_many_waits() -> None:
    with Listener(limits=Limits(connections=40, connections_per_client=0)) as listener:
        peers = [listener.connect() for _ in range(40)]
        late: list[Peer] = []
        thread = threading.Thread(target=lambda: late.append(listener.connect()))
        thread.start()
        for number, peer in enumerate(peers):
            assert peer.say(f"NOOP {number}") == "250 2.0.0 Ok"
        assert not late
        assert peers.pop().say("QUIT") == "221 2.0.0 Bye"
        thread.join(20)
        assert late[0].say("NOOP") == "250 2.0.0 Ok"
        for peer in (*peers, *late):
            peer.close()


def test_errors_slow_a_client_down() -> None:
    limits = Limits(soft_errors=2, error_sleep=1.0)
    with Listener(limits=limits) as listener, listener.connect() as peer:
        import time

        began = time.monotonic()
        for _ in range(2):
            peer.say("FOO")
        assert time.monotonic() - began < 1.0
        began = time.monotonic()
        peer.say("FOO")
        assert time.monotonic() - began >= 0.99


def test_stopping_lets_a_transaction_end_and_idle_sessions_go() -> None:
    with Listener() as listener:
        busy, idle = listener.connect(), listener.connect()
        for line in ("EHLO x", "MAIL FROM:<>", "RCPT TO:<a@b>", "DATA"):
            busy.say(line)
        listener.stop()
        assert idle.reply() == f"421 4.3.2 {HOST} Service shutting down"
        assert idle.reply() == "<closed>"
        assert busy.say("x\r\n.") == "250 2.0.0 Ok: queued as 0000000001"
        assert busy.reply() == f"421 4.3.2 {HOST} Service shutting down"
        assert listener.stopped.wait(10)
    assert len(listener.intake.messages) == 1


def test_stopping_does_not_wait_for_ever() -> None:
    with Listener(grace=0.2) as listener:
        busy = listener.connect()
        for line in ("EHLO x", "MAIL FROM:<>", "RCPT TO:<a@b>", "DATA"):
            busy.say(line)
        listener.stop()
        assert listener.stopped.wait(10)
        busy.close()


def test_lmtp_answers_for_each_recipient() -> None:
    with Listener(options=ServerOptions(lmtp=True)) as listener, listener.connect() as peer:
        assert peer.say("EHLO x") == "500 5.5.2 Error: command not recognized"
        for line in ("LHLO x", "MAIL FROM:<>", "RCPT TO:<a@b>", "RCPT TO:<c@d>"):
            assert peer.say(line)[:3] == "250"
        peer.say("DATA")
        peer.send(b"x\r\n.\r\nQUIT\r\n")
        queued = "250 2.0.0 Ok: queued as 0000000001"
        assert [peer.reply() for _ in range(3)] == [queued, queued, "221 2.0.0 Bye"]


class Broken(OpenPolicy):
    async def rcpt(self, session: Session, ask: object) -> Verdict:  # type: ignore[override]
        raise ZeroDivisionError


def test_a_defect_in_the_policy_is_a_temporary_failure() -> None:
    with Listener(policy=Broken) as listener, listener.connect() as peer:
        peer.say("EHLO x")
        peer.say("MAIL FROM:<>")
        assert peer.say("RCPT TO:<a@b>") == "451 4.3.0 Error: internal error"
        assert peer.say("NOOP") == "250 2.0.0 Ok"
        listener.await_line("ZeroDivisionError")


def test_limits_are_read_anew_after_a_reload() -> None:
    with Listener() as listener:
        old = listener.connect()
        listener.context.policy.site.limits = listener.context.policy.site.limits._replace(hard_errors=1)
        with listener.connect() as new:
            new.send(b"FOO\r\n")
            assert [new.reply(), new.reply()][1] == f"421 4.7.0 {HOST} Error: too many errors"
        assert old.say("FOO")[:3] == "500" and old.say("NOOP")[:3] == "250"
        old.close()


def test_who_does_not_wait_for_replies_is_noted_once() -> None:
    seen: list[bool] = []
    with Listener(on_verdict=lambda session, question, verdict: seen.append(session.early_input)) as listener:
        with listener.connect() as peer:
            peer.send(b"EHLO x\r\nNOOP \xc3\xa9\\\t\r\n")
            replies = [peer.reply() for _ in range(2)]
            assert [reply[:3] for reply in replies] == ["250", "250"]
            peer.send(b"NOOP\r\nMAIL FROM:<>\r\n")
            peer.reply(), peer.reply()
        with listener.connect() as polite:
            polite.say("EHLO x")
            polite.send(b"MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nRSET\r\nFOO\r\nNOOP\r\n")
            assert [polite.reply()[:3] for _ in range(5)] == ["250", "250", "250", "500", "250"]
    noted = [line for line in listener.lines if "improper" in line]
    text = r"NOOP \303\251\\\t\r\n"
    assert noted == [f"smtpd: improper command pipelining after EHLO from localhost[127.0.0.1]: {text}"]
    assert seen == [False, True, True, False, False, False, False]


def test_helo_by_xclient_is_helo() -> None:
    with Listener(options=ServerOptions(helo_required=True)) as listener, listener.connect() as peer:
        assert peer.say("MAIL FROM:<>") == "503 5.5.1 Error: send HELO/EHLO first"
        peer.say("XCLIENT HELO=c.example")
        assert peer.say("MAIL FROM:<>") == "250 2.1.0 Ok"


class Closed(OpenPolicy):
    async def connect(self, session: Session, ask: Ask) -> Verdict:
        return said(*self.greeting, log="CONNECT from somebody: refused")

    greeting: tuple[int, str] = (554, "5.7.1 Client host rejected: Access denied")


class Gone(Closed):
    greeting = (521, "5.7.1 Client host rejected: bye")


def test_a_client_that_is_refused_may_only_quit() -> None:
    denied = "503 5.7.0 Error: access denied for localhost[127.0.0.1]"
    with Listener(policy=Closed) as listener, listener.connect() as peer:
        assert peer.greeting.startswith("554 5.7.1")
        for line in ("RCPT TO:<a@b>", "DATA", "FOO", "EHLO x", "MAIL FROM:<>", "BDAT 0 LAST", "XCLIENT NAME=x"):
            assert peer.say(line) == denied
        assert peer.say("QUIT") == "221 2.0.0 Bye"
        assert peer.reply() == "<closed>"
    assert listener.intake.messages == []


def test_a_refusal_of_521_ends_the_session() -> None:
    with Listener(policy=Gone) as listener, listener.connect() as peer:
        assert peer.greeting.startswith("521 5.7.1")
        assert peer.reply() == "<closed>"


def test_a_command_behind_the_end_finds_the_connection_closed_and_not_reset() -> None:
    with Listener() as listener:
        for _ in range(20):
            with listener.connect() as peer:
                assert peer.say("QUIT") == "221 2.0.0 Bye"
                peer.send(b"NOOP\r\n")
                assert peer.reply() == "<closed>"  # not ConnectionResetError


def test_an_objection_of_the_protocol_is_never_accepted() -> None:
    """Not even by a Policy that does not look at it."""
    with Listener() as listener, listener.connect() as peer:
        peer.say("EHLO x")
        assert peer.say("MAIL FROM:<a@b> FOO").startswith("555 ")
        assert peer.say("RCPT TO:<c@d>").startswith("503 ")
        peer.say("MAIL FROM:<a@b>")
        assert peer.say("RCPT TO:<c@d> FOO").startswith("555 ")
        assert peer.say("DATA").startswith("554 ")


def test_a_refused_helo_leaves_the_transaction_as_it_was() -> None:
    with Listener(policy=NoNumbers) as listener, listener.connect() as peer:
        for line in ("EHLO x", "MAIL FROM:<a@b>", "RCPT TO:<c@d>"):
            assert peer.say(line).startswith("250")
        assert peer.say("EHLO 1").startswith("550 ")
        assert peer.say("DATA").startswith("354 ")
        assert peer.say("text\r\n.").startswith("250 ")
    (message,) = listener.intake.messages
    assert (message.sender, [r.address for r in message.recipients]) == ("a@b", ["c@d"])


class NoNumbers(OpenPolicy):
    async def helo(self, session: Session, ask: Ask) -> Verdict:
        return said(550, "5.7.1 no", log="EHLO") if session.helo == "1" else await super().helo(session, ask)


@pytest.mark.parametrize(("named", "before"), [(True, "NOQUEUE: "), (False, "")])
def test_a_session_s_end_is_logged_with_its_message_where_the_version_names_it(named: bool, before: str) -> None:
    options = ServerOptions(excess_ends=True, endings_named=named)
    with Listener(options=options, limits=Limits(hard_errors=1, error_sleep=0)) as listener:
        with listener.connect() as peer:  # more than is read, and what comes later is not
            peer.send(b"NOOP " + b"x" * 4091)
            assert [peer.reply(), peer.reply()] == ["250 2.0.0 Ok", "<closed>"]
        listener.await_line(f"smtpd: {before}lost connection after NOOP from localhost[127.0.0.1]")
        with listener.connect() as peer:
            peer.say("FOO")
            peer.reply()
        listener.await_line(f"smtpd: {before}too many errors after UNKNOWN from localhost[127.0.0.1]")
        with listener.connect() as peer:
            for line in ("EHLO x", "MAIL FROM:<>", "RCPT TO:<a@b>"):
                peer.say(line)
        queue_id = "0000000001: " if named else ""
        listener.await_line(f"smtpd: {queue_id}lost connection after RCPT from localhost[127.0.0.1]")


class Unsure(OpenPolicy):
    async def may(self, session: Session, privilege: Privilege, ask: Ask) -> bool:
        raise LookupFailed("fail:x", "no reason")


@pytest.mark.parametrize(("verb", "kind"), [("XCLIENT", "xclient"), ("XFORWARD", "xforward")])
def test_a_list_that_cannot_be_asked_ends_the_session_that_needs_it(verb: str, kind: str) -> None:
    with Listener(policy=Unsure) as listener, listener.connect() as peer:
        assert peer.say(f"{verb} ADDR=192.0.2.7") == f"421 4.3.0 {HOST} Server local data error"
        assert peer.say("HELO x") == "<closed>"
        listener.await_line("disconnect")
    client = "localhost[127.0.0.1]"
    assert listener.lines[-3:] == [
        f"smtpd: warning: don't know if command {verb} should be allowed from {client}",
        f"smtpd: NOQUEUE: reject: {verb} from {client}: 421 4.3.0 {HOST} Server local data error",
        f"smtpd: disconnect from {client} {kind}=0/1 commands=0/1",
    ]
    assert f"smtpd: warning: smtpd_authorized_{kind}_hosts: fail:x: table lookup problem" in listener.lines
