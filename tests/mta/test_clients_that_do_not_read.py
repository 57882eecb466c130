"""Clients that send commands and never read: smtpd_timeout holds for writing, others have their turn, the dead end.

Postfix 3.7.11, smtpd_timeout = 3, all processes taken by such clients: "timeout after EHLO", "disconnect from", and the
next client is greeted after 3 seconds.
"""

from __future__ import annotations

import socket
import time

from smtpd_fixture import HOST, Listener, OpenPolicy, said

from mailconf.model.limits import HopTimes, Limits
from mailconf.model.session import Session
from mailconf.model.verdict import Verdict
from mailconf.model.world import Ask

COMMANDS = b"EHLO x\r\n" * 2000


class Counting(OpenPolicy):
    """Counts the questions. Its replies are long, so that those which nobody reads are soon too many."""

    asked = 0

    async def helo(self, session: Session, ask: Ask) -> Verdict:
        Counting.asked += 1
        return said(250, HOST, *["X-" + "x" * 500] * 10)


def flood(port: int, patience: int = 20) -> socket.socket:
    """A client that has sent as much as is taken, and reads nothing."""
    peer = socket.create_connection(("127.0.0.1", port), timeout=20)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.setblocking(False)
    idle = 0
    while idle < patience:  # the server goes on reading until its own answers are stuck
        try:
            peer.send(COMMANDS)
            idle = 0
        except BlockingIOError:
            idle += 1
            time.sleep(0.01)
    return peer


def test_a_client_that_does_not_read_is_cut_off() -> None:
    limits = Limits(session_timeout=0.5, error_sleep=0)
    with Listener(limits=limits, lookup=False, policy=Counting) as listener:
        with flood(listener.port):
            listener.await_line("timeout after EHLO from unknown[127.0.0.1]")
            listener.await_line("disconnect from unknown[127.0.0.1] ehlo=")
        assert not any("lost connection" in line for line in listener.lines)


def test_others_are_greeted_when_all_sessions_were_taken() -> None:
    limits = Limits(session_timeout=0.5, connections=5, connections_per_client=0, error_sleep=0)
    with Listener(limits=limits, lookup=False, policy=Counting) as listener:
        silent = [flood(listener.port, 2) for _ in range(5)]
        with listener.connect() as peer:
            assert peer.greeting == f"220 {HOST} ESMTP Postfix"
            assert peer.say("QUIT") == "221 2.0.0 Bye"
        for client in silent:
            client.close()


def test_others_have_their_turn_meanwhile() -> None:
    """A hundred thousand commands of one client, which reads; another's are answered before they are all done."""
    with Listener(lookup=False) as listener, listener.connect() as busy, listener.connect() as other:
        busy.send(b"NOOP\r\n" * 10)
        answered = 0
        busy.send(b"NOOP\r\n" * 5000)
        assert other.say("QUIT") == "221 2.0.0 Bye"
        while answered < 5010 and busy.reply().startswith(("250", "421")):
            answered += 1


def test_commands_of_the_dead_are_not_worked_on() -> None:
    limits = Limits(session_timeout=20, error_sleep=0)
    Counting.asked = 0
    with Listener(limits=limits, lookup=False, policy=Counting) as listener:
        peer = flood(listener.port)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset, no farewell
        before = Counting.asked
        peer.close()
        listener.await_line("lost connection after EHLO from unknown[127.0.0.1]")
        assert Counting.asked <= before + 64


def test_nothing_is_read_of_a_session_that_waits() -> None:
    limits = Limits(connections=1, connections_per_client=0, session_timeout=20)
    with Listener(limits=limits, lookup=False) as listener, listener.connect() as first:
        waiting = socket.create_connection(("127.0.0.1", listener.port), timeout=20)
        waiting.sendall(b"NOOP\r\n" * 1000)
        assert first.say("NOOP") == "250 2.0.0 Ok"
        late = [session for session in listener.smtpd.sessions if session.connection.unread]
        assert not late
        assert first.say("QUIT") == "221 2.0.0 Bye"
        with waiting.makefile("rb") as lines:
            assert lines.readline().startswith(b"220 ") and lines.readline() == b"250 2.0.0 Ok\r\n"
        waiting.close()


def test_the_last_words_are_waited_for_and_then_no_more() -> None:
    """A session that ends by QUIT, whose client reads late, has its replies; one that never reads does not stay."""
    limits = Limits(session_timeout=20, error_sleep=0, junk_commands=100_000)
    with Listener(limits=limits, lookup=False) as listener, listener.connect() as peer:
        count = 20_000
        peer.send(b"NOOP\r\n" * count + b"QUIT\r\n")
        replies = [peer.reply() for _ in range(count + 2)]
        assert replies[-2:] == ["221 2.0.0 Bye", "<closed>"] and replies[:-2] == ["250 2.0.0 Ok"] * count


def test_the_client_side_does_not_wait_for_one_that_does_not_read() -> None:
    from client_fixture import deliver

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        began = time.monotonic()
        limits = Limits(hop=HopTimes(greeting=0.3))
        (result,) = deliver(f"[127.0.0.1]:{server.getsockname()[1]}", "x@y.example", limits=limits)
        assert time.monotonic() - began < 10
    assert "timed out while receiving the initial server greeting" in result.text
