"""The client side: dialogues, and what it sends arrives as it was at our own server side."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from permissive import Permissive

from mailconf.smtp.client import Broken, Client, ClientEvent, Envelope, Ready, Stage, StageOutcome, To, wire_content
from mailconf.smtp.reply import Reply, ReplyError, ReplyParser


def envelope(*recipients: str, content: bytes = b"x\n") -> Envelope:
    return Envelope("a@b", tuple(To(r) for r in recipients), content)


def ready(*extensions: str, lmtp: bool = False) -> Client:
    client = Client("c.example", lmtp=lmtp)
    client.receive_data(b"220 hi\r\n")
    assert client.next_event() is None
    assert client.data_to_send() == (b"LHLO" if lmtp else b"EHLO") + b" c.example\r\n"
    client.receive_data(Reply.of(250, "s.example", *extensions).wire())
    assert client.next_event() == Ready("s.example", client.extensions)
    return client


def after(client: Client, data: bytes) -> tuple[ClientEvent | None, bytes]:
    client.receive_data(data)
    event = client.next_event()
    return event, client.data_to_send()


def test_pipelined() -> None:
    client = ready("PIPELINING", "SIZE 1000")
    client.send(envelope("x@y", "z@y"))
    sent = b"MAIL FROM:<a@b> SIZE=3\r\nRCPT TO:<x@y>\r\nRCPT TO:<z@y>\r\nDATA\r\n"
    assert client.data_to_send() == sent
    assert after(client, b"250 ok\r\n550 5.1.1 no\r\n250 ok\r\n354 go\r\n") == (None, b"x\r\n.\r\n")
    event, _ = after(client, b"250 2.0.0 queued\r\n")
    assert event == StageOutcome(((Reply.of(550, "5.1.1 no"), Stage.RCPT), (Reply.of(250, "2.0.0 queued"), Stage.END)))
    client.quit()
    assert client.data_to_send() == b"QUIT\r\n"
    assert after(client, b"221 bye\r\n") == (None, b"") and client.stage is Stage.CLOSED


def test_one_by_one() -> None:
    client = ready()
    client.send(envelope("x@y", "z@y"))
    assert client.data_to_send() == b"MAIL FROM:<a@b>\r\n"
    assert after(client, b"250 ok\r\n") == (None, b"RCPT TO:<x@y>\r\n")
    assert after(client, b"550 no\r\n") == (None, b"RCPT TO:<z@y>\r\n")
    event, out = after(client, b"450 later\r\n")
    assert event == StageOutcome(((Reply.of(550, "no"), Stage.RCPT), (Reply.of(450, "later"), Stage.RCPT))) and not out


def test_a_sender_that_is_refused_decides_for_all() -> None:
    for extensions, replies in (((), b"550 no\r\n"), (("PIPELINING",), b"550 no\r\n503 x\r\n503 x\r\n503 x\r\n")):
        client = ready(*extensions)
        client.send(envelope("x@y", "z@y"))
        client.data_to_send()
        assert after(client, replies)[0] == StageOutcome(((Reply.of(550, "no"), Stage.MAIL),) * 2)


def test_data_that_nobody_is_to_get_is_empty() -> None:
    client = ready("PIPELINING")
    client.send(envelope("x@y"))
    client.data_to_send()
    assert after(client, b"250 ok\r\n550 no\r\n354 go\r\n") == (None, b".\r\n")
    assert after(client, b"554 nothing\r\n")[0] == StageOutcome(((Reply.of(550, "no"), Stage.RCPT),))


def test_lmtp_has_a_reply_for_each() -> None:
    client = ready("PIPELINING", lmtp=True)
    client.send(envelope("x@y", "w@y", "z@y"))
    client.data_to_send()
    after(client, b"250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n")
    assert after(client, b"250 one\r\n")[0] is None
    assert after(client, b"452 two\r\n")[0] == StageOutcome(
        ((Reply.of(250, "one"), Stage.END), (Reply.of(550, "no"), Stage.RCPT), (Reply.of(452, "two"), Stage.END))
    )


def test_a_server_that_says_421_and_hangs_up() -> None:
    client = ready("PIPELINING")
    client.send(envelope("x@y", "z@y"))
    event, _ = after(client, b"250 ok\r\n421 4.7.0 enough\r\n")
    assert event is None
    assert client.decided == ((Reply.of(421, "4.7.0 enough"), Stage.RCPT), None)


def test_a_421_that_nobody_asked_for() -> None:
    client = ready()
    assert after(client, b"421 4.4.2 timeout\r\n")[0] == Broken(Stage.READY, Reply.of(421, "4.4.2 timeout"))


def test_a_transaction_that_was_broken_off_is_reset() -> None:
    client = ready()
    client.send(envelope("x@y"))
    client.data_to_send()
    after(client, b"550 no\r\n")
    client.quit()
    assert client.data_to_send() == b"RSET\r\nQUIT\r\n"
    after(client, b"250 ok\r\n221 bye\r\n")
    assert client.stage is Stage.CLOSED


def test_helo_is_the_way_back() -> None:
    client = Client("c.example")
    assert after(client, b"220 hi\r\n") == (None, b"EHLO c.example\r\n")
    assert after(client, b"502 what\r\n") == (None, b"HELO c.example\r\n")
    assert after(client, b"250 s\r\n")[0] == Ready("s", {})


@pytest.mark.parametrize(
    ("data", "broken"),
    [
        (b"554 no\r\n", Broken(Stage.GREETING, Reply.of(554, "no"))),
        (b"HTTP/1.1 200\r\n", Broken(Stage.GREETING, garbage="HTTP/1.1 200")),
        (b"220 hi\r\n421 no\r\n", Broken(Stage.HELO, Reply.of(421, "no"))),
        (b"220 hi\r\n500 no\r\n500 no\r\n", Broken(Stage.HELO, Reply.of(500, "no"))),
    ],
)
def test_sessions_of_no_use(data: bytes, broken: Broken) -> None:
    client = Client("c")
    client.receive_data(data)
    assert client.next_event() == broken
    assert client.next_event() is None and client.stage is Stage.CLOSED


def test_long_lines_are_broken() -> None:
    line = b"y" * 2500
    lines = wire_content(b"x\n" + line + b"\n.z").split(b"\r\n")
    assert lines[0] == b"x" and lines[-2:] == [b"..z", b""]
    assert max(map(len, lines)) <= 1000 and b"".join(piece.lstrip(b" ") for piece in lines[1:-2]) == line


def test_replies_whole_byte_by_byte_and_with_more_behind() -> None:
    data = b"250-a\r\n250-b c\n250 d\r\n550\r\n2"
    for step in (len(data), 1, 3):
        parser = ReplyParser()
        found = []
        for at in range(0, len(data), step):
            parser.feed(data[at : at + step])
            while (reply := parser.next()) is not None:
                found.append(reply)
        assert found == [Reply.of(250, "a", "b c", "d"), Reply.of(550, "")] and parser.pending


@given(st.binary())
def test_any_bytes_are_replies_or_an_error(data: bytes) -> None:
    parser = ReplyParser()
    parser.feed(data)
    try:
        while (reply := parser.next()) is not None:
            assert 200 <= reply.code <= 599 and reply.wire().endswith(b"\r\n")
    except ReplyError:
        pass


@given(st.binary())
def test_any_bytes_from_a_server_do_no_harm(data: bytes) -> None:
    client = Client("c.example")
    client.receive_data(data)
    while (event := client.next_event()) is not None:
        if isinstance(event, Ready):
            client.send(envelope("x@y"))


texts = st.lists(
    st.one_of(
        st.just(b"."), st.just(b".."), st.just(b""), st.binary(max_size=30).map(lambda b: b.translate(None, b"\r\n"))
    )
)


@given(texts, st.booleans(), st.integers(1, 50), st.booleans())
def test_content_arrives_as_it_was(lines: list[bytes], pipelining: bool, step: int, lmtp: bool) -> None:
    content = b"".join(line + b"\n" for line in lines)
    server = Permissive(lmtp=lmtp)
    client = Client("c.example", lmtp=lmtp)
    to_client = server.start()
    if not pipelining:
        to_client = to_client.replace(b"PIPELINING", b"X")
    outcome = None
    while outcome is None:
        for at in range(0, len(to_client), step):
            client.receive_data(to_client[at : at + step])
            while (event := client.next_event()) is not None:
                if isinstance(event, Ready):
                    client.send(envelope("x@y", "z@y", content=content))
                elif isinstance(event, StageOutcome):
                    outcome = event
        out = client.data_to_send()
        to_client = b"".join(server.feed(out[at : at + step]) for at in range(0, len(out), step))
        if not pipelining:
            to_client = to_client.replace(b"250-PIPELINING\r\n", b"")
    assert server.messages == [content]
    assert [reply.code for reply, _ in outcome.replies] == [250, 250]
