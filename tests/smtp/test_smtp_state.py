"""Properties of the server side, and the dialogues of RFC 5321 as transcripts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from permissive import WORDING, Permissive

from mailconf.smtp import path
from mailconf.smtp.events import AFTER, Content, SessionState, Wait
from mailconf.smtp.options import ServerOptions
from mailconf.smtp.reply import Reply
from mailconf.smtp.server import Connection
from mailconf.smtp.states import OUT_OF_ORDER

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


def transcript(text: str) -> tuple[list[str], list[str]]:
    """What C: and S: say; lines that begin with neither are comments."""
    lines = text.splitlines()
    said = {who: [line[3:] for line in lines if line.startswith(f"{who}: ")] for who in ("C", "S")}
    return said["C"], said["S"]


@pytest.mark.parametrize("file", TRANSCRIPTS, ids=lambda f: f.stem)
@pytest.mark.parametrize("step", [1_000_000, 1, 7])
def test_transcripts(file: Path, step: int) -> None:
    client, server = transcript(file.read_text())
    data = "".join(f"{line}\r\n" for line in client).encode()
    ours = Permissive(lmtp="lmtp" in file.stem)
    out = ours.start() + b"".join(ours.feed(data[at : at + step]) for at in range(0, len(data), step))
    assert out.decode().replace("<closed>", "").splitlines() == server


words = st.sampled_from(
    [
        b"EHLO x",
        b"HELO x",
        b"MAIL FROM:<a@b>",
        b"MAIL FROM:<>",
        b"RCPT TO:<a@b>",
        b"RCPT TO:<c",
        b"DATA",
        b"BDAT 3",
        b"abc",
        b"BDAT 2 LAST",
        b"BDAT 0",
        b"RSET",
        b"NOOP",
        b"VRFY x",
        b"ETRN x",
        b"XCLIENT NAME=x",
        b"QUIT",
        b".",
        b"..",
        b"\xff",
        b"",
        b"STARTTLS",
        b"XFORWARD NAME=x",
        b"FOO",
        b"x" * 3000,
    ]
)
streams = st.lists(
    st.one_of(words.map(lambda w: w + b"\r\n"), words.map(lambda w: w + b"\n"), words, st.binary(max_size=20))
).map(b"".join)


@given(streams, st.integers(1, 40))
def test_any_bytes_in_any_pieces(data: bytes, step: int) -> None:
    whole, pieces = Permissive(), Permissive()
    out = whole.feed(data)
    split = b"".join(pieces.feed(data[at : at + step]) for at in range(0, len(data), step))
    assert split.replace(b"<closed>", b"") == out.replace(b"<closed>", b"")
    assert pieces.messages == whole.messages and pieces.connection.state is whole.connection.state
    assert len(out) <= 1000 * (data.count(b"\n") + len(whole.events) + 1)
    for line in out.replace(b"<closed>", b"").splitlines(keepends=True):
        assert line[:3].isdigit() and line[3:4] in b" -" and line.endswith(b"\r\n")


@given(st.binary(max_size=100_000))
def test_what_waits_is_bounded(data: bytes) -> None:
    connection = Connection(ServerOptions(), WORDING)
    connection.receive_data(data * 3)
    while not isinstance(event := connection.next_event(), Wait):
        if not isinstance(event, Content):
            connection.send_reply(Reply.of(250, "ok"))
    assert connection.unread <= 2 * ServerOptions().line_length


def test_a_line_without_end_is_not_kept() -> None:
    connection = Connection(ServerOptions(), WORDING)
    for _ in range(1000):
        connection.receive_data(b"x" * 10_000)
        assert connection.next_event() is Wait.NEED_DATA
        assert connection.unread <= 2048


def test_content_without_line_ends_is_handed_on() -> None:
    server = Permissive()
    server.feed(b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n")
    for _ in range(100):
        server.feed(b"." * 10_000)
        assert server.connection.unread <= 65536
    assert server.feed(b"\r\n.\r\n") == b"552 5.3.4 Error: message file too big\r\n"


def test_nothing_is_read_on_before_the_reply() -> None:
    connection = Connection(ServerOptions(), WORDING)
    connection.receive_data(b"NOOP\r\nQUIT\r\n")
    connection.next_event()
    assert connection.next_event() is Wait.PAUSED
    assert connection.send_reply(Reply.of(250, "a", "b")) == b"250-a\r\n250 b\r\n"
    connection.next_event()
    connection.send_reply(Reply.of(221, "bye"))
    assert connection.next_event() is Wait.CLOSED
    with pytest.raises(RuntimeError):
        connection.send_reply(Reply.of(250, "again"))


def test_helo_is_asked_for_where_it_is_required() -> None:
    server = Permissive(helo_required=True)
    first = b"503 5.5.1 Error: send HELO/EHLO first\r\n"
    assert server.feed(b"MAIL FROM:<>\r\nAUTH PLAIN\r\n") == first * 2
    assert server.feed(b"ETRN example.com\r\nVRFY x\r\n") == b"503 Error: send HELO/EHLO first\r\n252 2.0.0 x\r\n"
    assert server.feed(b"HELO x\r\nMAIL FROM:<>\r\n").endswith(b"250 2.1.0 Ok\r\n")


def test_the_tables_name_states_that_are_reached() -> None:
    assert {state for _, state in OUT_OF_ORDER} <= set(SessionState)
    assert set(AFTER.values()) <= set(SessionState)


@given(st.text(max_size=20))
def test_addresses_are_taken_or_not(text: str) -> None:
    found = path.parse(text, empty=True)
    assert found is None or not found.startswith("-")


@given(st.text(max_size=30))
def test_xtext_round_trip(text: str) -> None:
    encoded = path.to_xtext(text)
    assert encoded.isascii() and " " not in encoded
    assert path.xtext(encoded) == text


@given(st.text(max_size=40))
def test_words_hold_all_but_white_space(line: str) -> None:
    def bare(text: str) -> str:
        return re.sub(r"[ \t\r\v\f]", "", text)

    assert bare("".join(path.split_arguments(line))) == bare(line)


def test_a_chunk_of_nothing_is_refused_unless_it_is_the_last() -> None:
    server = Permissive()
    server.feed(b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\n")
    null, discarded = b"551 5.7.1 Null BDAT request\r\n", b"551 5.0.0 Discarded 2 bytes after earlier error\r\n"
    assert server.feed(b"BDAT 0\r\nBDAT 0\r\nBDAT 2 LAST\r\nab") == null * 2 + discarded


@pytest.mark.parametrize(
    ("family", "good", "bad"), [("ipv6", "192.0.2.1", "IPV6:2001:db8::1"), ("ipv4", "IPV6:::1", "192.0.2.1")]
)
def test_addresses_of_families_that_are_not_in_use(family: str, good: str, bad: str) -> None:
    server = Permissive(**{family: False})
    assert server.feed(f"XCLIENT ADDR={bad}\r\n".encode()) == f"501 5.5.4 Bad ADDR syntax: {bad}\r\n".encode()
    assert server.feed(f"XCLIENT ADDR={good}\r\n".encode()).startswith(b"220 ")


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ("0001000000", "250 2.1.0 Ok"),
        ("1000001", "552 5.3.4 Message size exceeds fixed limit"),
        (str(2**63 - 1), "552 5.3.4 Message size exceeds fixed limit"),
        (str(2**63), "552 5.3.4 Message size exceeds file system imposed limit"),
        ("9" * 2000, "552 5.3.4 Message size exceeds file system imposed limit"),
    ],
)
def test_sizes(size: str, said: str) -> None:
    server = Permissive(message_size=1_000_000)
    server.feed(b"EHLO x\r\n")
    assert server.feed(f"MAIL FROM:<> SIZE={size}\r\n".encode()).decode() == said + "\r\n"


def deaf(data: bytes, **options: object) -> tuple[bytes, str]:
    """What is said to ``data``, and the counts, where what is far too much ends a session (Postfix 3.10)."""
    server = Permissive(excess_ends=True, blank_counted=True, **options)
    said = server.feed(data)
    assert server.feed(b"QUIT\r\n" if said.endswith(b"<closed>") else b"").removesuffix(b"<closed>") == b""
    return said, server.summary


UNKNOWN = b"500 5.5.2 Error: command not recognized\r\n"
BLANK = b"500 5.5.2 Error: bad syntax\r\n"


@pytest.mark.parametrize(
    ("length", "said", "counts"),
    [
        (4094, UNKNOWN, "unknown=0/1 commands=0/1"),
        (4095, UNKNOWN + BLANK + b"<closed>", "unknown=0/2 commands=0/2"),
        (4097, UNKNOWN * 2 + b"<closed>", "unknown=0/2 commands=0/2"),
        (10_000, UNKNOWN * 3 + b"<closed>", "unknown=0/3 commands=0/3"),
    ],
)
def test_a_line_of_more_than_twice_the_limit_is_the_last_that_is_read(length: int, said: bytes, counts: str) -> None:
    assert deaf(b"N" * length + b"\r\n") == (said, counts)
    assert Permissive().feed(b"N" * length + b"\r\n") == UNKNOWN


def test_a_line_of_twice_the_limit_is_not_waited_for() -> None:
    assert deaf(b"N" * 4095)[0] == b""
    assert deaf(b"N" * 4096) == (UNKNOWN + b"<closed>", "unknown=0/1 commands=0/1")


@pytest.mark.parametrize(("size", "ends"), [(150_000, False), (150_001, True), (9_223_372_036_854_775_807, True)])
def test_chunks_of_far_more_than_a_message_are_not_waited_for(size: int, ends: bool) -> None:
    start = b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"
    too_big, ok = b"552 5.3.4 Chunk exceeds message size limit\r\n", b"250 2.1.5 Ok\r\n"
    for before in (b"", b"BDAT 50000\r\n" + b"x" * 50_000, b"BDAT 100001\r\n" + b"x" * 100_001):
        rest = size - (len(before) - before.find(b"\n") - 1)
        said, _ = deaf(start + before + b"BDAT %d\r\n" % rest)
        assert said.endswith(b"<closed>") is ends, before[:12]
    assert deaf(start + b"BDAT %d\r\n" % size)[0].endswith(ok + (too_big + b"<closed>" if ends else b""))
    assert Permissive().feed(start + b"BDAT %d\r\n" % size).endswith(ok)
    assert deaf(b"BDAT 9000000\r\n", message_size=0)[0] == b""
    assert deaf(b"BDAT 9000000\r\n")[0] == b"503 5.5.1 Error: need RCPT command\r\n<closed>"


@pytest.mark.parametrize("line", [b"", b"  ", b"\0", b"\xff"])
def test_lines_without_a_command_count_where_the_version_counts_them(line: bytes) -> None:
    for counted, summary, verb in ((True, "unknown=0/1 commands=0/1", "UNKNOWN"), (False, "commands=0/0", "")):
        server = Permissive(blank_counted=counted)
        assert server.feed(line + b"\r\n").startswith(b"500 5.5.2 Error: bad ")
        assert (server.summary, server.connection.verb) == (summary, verb)
