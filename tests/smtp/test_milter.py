"""The protocol of mail filters, without a socket: what filters send is read within bounds, whole and byte by byte."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailconf.smtp.milter import (
    ALL_ACTIONS,
    LONGEST,
    STEPS,
    AddField,
    AddRecipient,
    Answer,
    BadFilter,
    ChangeField,
    ChangeSender,
    DeleteRecipient,
    Event,
    Flaw,
    Kind,
    PacketReader,
    Progress,
    Quarantine,
    ReplaceBody,
    answer_of,
    negotiated,
    offer,
    packet,
    text,
)
from mailconf.smtp.reply import Reply


def flaw_of(letter: str, data: bytes, event: Event = Event.END) -> Flaw:
    with pytest.raises(BadFilter) as caught:
        answer_of(letter, data, event)
    return caught.value.flaw


def taken(reader: PacketReader) -> list[tuple[str, bytes]]:
    found = []
    while (one := reader.next_packet()) is not None:
        found.append(one)
    return found


def test_packets_whole_and_byte_by_byte() -> None:
    packets = [("c", b""), ("h", b"X\0y\0"), ("b", bytes(range(256)) * 300)]
    data = b"".join(packet(letter, body) for letter, body in packets)
    whole, slow = PacketReader(), PacketReader()
    whole.receive_data(data + b"\0\0")
    assert taken(whole) == packets
    found = []
    for at in range(len(data)):
        slow.receive_data(data[at : at + 1])
        found += taken(slow)
    assert found == packets


@pytest.mark.parametrize(
    ("length", "flaw"), [(0, Flaw.EMPTY), (LONGEST, None), (LONGEST + 1, Flaw.TOO_LONG), (2**32 - 1, Flaw.TOO_LONG)]
)
def test_the_length_of_a_packet(length: int, flaw: Flaw | None) -> None:
    """It is judged before the bytes come."""
    reader = PacketReader()
    reader.receive_data(struct.pack(">I", length))
    if flaw is None:
        assert reader.next_packet() is None
        return
    with pytest.raises(BadFilter) as caught:
        reader.next_packet()
    assert caught.value.flaw is flaw


def test_what_is_offered() -> None:
    assert {version: offer(version) for version in STEPS} == {
        version: struct.pack(">IcIII", 13, b"O", version, ALL_ACTIONS, steps) for version, steps in STEPS.items()
    }


def test_the_negotiation() -> None:
    agreed = negotiated("O", struct.pack(">III", 4, 0x11, 0x10 | 0x1000), 6)
    assert agreed.version == 4
    assert [event for event in Event if not agreed.wants(event)] == [Event.BODY]
    assert [event for event in Event if not agreed.answers(event)] == [Event.CONNECT]
    old = negotiated("O", struct.pack(">III", 2, 0, 0), 6)
    assert [event for event in Event if not old.has(event)] == [Event.DATA, Event.UNKNOWN]
    quiet = negotiated("O", struct.pack(">III", 6, 0, 0), 6, header_replies=False)
    assert not quiet.answers(Event.HEADER) and quiet.answers(Event.EOH)


def test_a_negotiation_that_asks_for_what_is_not_offered() -> None:
    """Steps that do not exist are passed over."""
    steps = negotiated("O", struct.pack(">III", 6, 0, 0xFFFFFFFF), 6).steps
    assert steps == STEPS[6]
    for wanted, actions, flaw in ((7, 0, Flaw.VERSION), (6, ALL_ACTIONS + 1, Flaw.ACTIONS)):
        with pytest.raises(BadFilter) as caught:
            negotiated("O", struct.pack(">III", wanted, actions, 0), 6)
        assert caught.value.flaw is flaw


def test_lists_of_macros() -> None:
    head = struct.pack(">III", 6, 0, 0)
    lists = struct.pack(">I", 0) + b"j {x}\0" + struct.pack(">I", 7) + b"y\0"
    agreed = negotiated("O", head + lists, 6)
    assert agreed.lists == {0: "j {x}"} and agreed.strange == (7,)
    many = b"".join(struct.pack(">I", 1000 + number) + b"\0" for number in range(100_000))
    assert len(negotiated("O", head + many, 6).strange) < 100
    for broken in (b"\0\0", struct.pack(">I", 0), struct.pack(">I", 0) + b"j"):
        with pytest.raises(BadFilter):
            negotiated("O", head + broken, 6)


def test_answers() -> None:
    assert answer_of("c", b"", Event.MAIL) == Answer(Kind.CONTINUE)
    assert answer_of("p", b"", Event.MAIL) == Progress()
    assert answer_of("q", b"why\0", Event.END) == Quarantine("why")
    assert answer_of("h", b"X\0y\0", Event.END) == AddField("X", "y")
    assert answer_of("i", b"\0\0\0\2X\0y\0", Event.END) == AddField("X", "y", 2)
    assert answer_of("m", b"\0\0\0\0X\0\0", Event.END) == ChangeField("X", "", 1)
    assert answer_of("+", b"<a@b>\0", Event.END) == AddRecipient("<a@b>")
    assert answer_of("2", b"<a@b>\0NOTIFY=NEVER\0", Event.END) == AddRecipient("<a@b>", "NOTIFY=NEVER")
    assert answer_of("-", b"<a@b>\0", Event.END) == DeleteRecipient("<a@b>")
    assert answer_of("e", b"<a@b>\0", Event.END) == ChangeSender("<a@b>")
    assert answer_of("b", b"\0\r\n", Event.END) == ReplaceBody(b"\0\r\n")


def test_answers_that_are_none() -> None:
    assert flaw_of("c", b"x") is Flaw.EXCESS
    assert flaw_of("h", b"X\0y\0", Event.BODY) is Flaw.UNEXPECTED
    assert flaw_of("f", b"") is flaw_of("l", b"\0\0\0\0j\0") is flaw_of("?", b"") is Flaw.UNEXPECTED
    assert flaw_of("h", b"") is flaw_of("h", b"X\0") is Flaw.SHORT_TEXT
    assert flaw_of("h", b"X") is flaw_of("h", b"X\0y") is Flaw.NO_END
    assert flaw_of("i", b"\0\0\0") is Flaw.SHORT_NUMBER


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        (b"550 5.7.1 no\0", Reply.of(550, "5.7.1 no")),
        (b"451 4.7.1 later\0x", Reply.of(451, "4.7.1 later")),
        (b"550-5.7.1 a\r\n550 5.7.1 b\0", Reply.of(550, "5.7.1 a", "5.7.1 b")),
        (b"550 5.7.1 a\r250 b\n\0", Reply.of(550, "5.7.1 a", "250 b")),
        (b"550 100%% sure\0", None),
        (b"550 is 100%% sure\0", Reply.of(550, "is 100% sure")),
        (b"250 2.0.0 fine\0", None),
        (b"550\0", None),
        (b"550 \0", None),
        (b"550 4.7.1 mixed\0", None),
        (b"5x0 no\0", None),
        (b"", None),
    ],
)
def test_replies(said: bytes, reply: Reply | None) -> None:
    """Only refusals are taken, and no line's end gets to the client as it is."""
    if reply is None:
        assert flaw_of("y", said) is Flaw.MALFORMED
    else:
        assert answer_of("y", said, Event.RCPT) == Answer(Kind.REPLY, reply)
        assert b"\n250" not in reply.wire()


def test_texts_end_at_a_nul() -> None:
    assert text("a\0b", "c") == b"a\0c\0"


@given(st.binary(max_size=300), st.sampled_from(list(Event)))
def test_any_bytes_are_answers_or_a_flaw(data: bytes, event: Event) -> None:
    reader = PacketReader()
    reader.receive_data(data)
    try:
        for letter, body in taken(reader):
            answer_of(letter, body, event)
    except BadFilter:
        pass
    try:
        negotiated("O", data, 6)
    except BadFilter:
        pass


@given(st.sampled_from("+-24abcdefhilmpqrsty?"), st.binary(max_size=60), st.sampled_from(list(Event)))
def test_any_data_of_any_answer(letter: str, data: bytes, event: Event) -> None:
    try:
        found = answer_of(letter, data, event)
    except BadFilter:
        return
    if isinstance(found, Answer) and found.reply is not None:
        assert not found.reply.positive
        assert found.reply.wire().count(b"\r\n") == found.reply.wire().count(b"\n") == len(found.reply.lines)
