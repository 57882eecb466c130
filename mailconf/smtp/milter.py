"""The protocol of mail filters (milters), the mail server's side, without a socket: packets, negotiation, answers.

A packet is its length in four bytes, a letter, and data. The server sends events: `Event` names them with what the
negotiation may leave out. A filter answers some of them, and the end of a message by any number of changes before its
answer. Whatever a filter sends is read within bounds: a packet has `LONGEST` bytes at most, and what is not the
protocol raises `BadFilter`, which names the flaw.

Source: sendmail's libmilter (mfdef.h, mfapi.h) for letters and numbers; observed with Postfix 3.7.11 and sendmail
8.17.1.9 (tests/vectors/milters.jsonl).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from mailconf.smtp.problems import Fact, Worded
from mailconf.smtp.reply import Reply
from mailconf.source import decode, encode

LONGEST = 4 * 1024 * 1024  # bytes of a packet of a filter's; libmilter sends 1 MiB at most
CHUNK = 65535  # bytes of the body in a packet
ALL_ACTIONS = 0x1FF
CHANGES_HEADER, CHANGES_BODY = 0x11, 0x2
REFUSED_RECIPIENTS = 0x800  # steps: recipients that the server refuses are named, too
LEADING_SPACE = 0x100000  # steps: the blank after the colon of a field belongs to its value
_NO_HEADER_REPLY = 0x80
# What the server offers, by version of the protocol.
STEPS = {2: 0x7F, 3: 0x17F, 4: 0x37F, 6: 0x1FFFFF}
_LATEST = 6
_MOST_LISTS = 16  # of macros; there are seven stages


class Event(Enum):
    """What a filter is told: the letter, the stage by whose number a filter names its macros, what leaves the event out
    and what leaves its answer out, and the version of the protocol that has it first."""

    CONNECT = "C", 0, 0x1, 0x1000, 2
    HELO = "H", 1, 0x2, 0x2000, 2
    MAIL = "M", 2, 0x4, 0x4000, 2
    RCPT = "R", 3, 0x8, 0x8000, 2
    DATA = "T", 4, 0x200, 0x10000, 4
    UNKNOWN = "U", -1, 0x100, 0x20000, 3
    HEADER = "L", 6, 0x20, _NO_HEADER_REPLY, 2
    EOH = "N", 6, 0x40, 0x40000, 2
    BODY = "B", 5, 0x10, 0x80000, 2
    END = "E", 5, 0, 0, 2

    def __init__(self, letter: str, stage: int, left_out: int, unanswered: int, since: int) -> None:
        self.letter = letter
        self.stage = stage
        self.left_out = left_out
        self.unanswered = unanswered
        self.since = since


CONTENT = frozenset((Event.HEADER, Event.EOH, Event.BODY, Event.END))  # what concerns the message itself


class Flaw(Worded):
    """What is wrong with a filter, or what it sends. ``letter`` is that of a packet, None before the negotiation."""

    UNREACHABLE = "it cannot be reached", "reason"
    NO_ADDRESS = "the configuration has no address for it"
    NO_NEGOTIATION = "it does not negotiate", "flaw"
    SILENT = "it did not answer in time"
    GONE = "it hung up"
    LOST = "the connection was lost before"
    EMPTY = "a packet without a letter"
    TOO_LONG = "a packet that is too long", "length"
    TOO_MUCH = "more changes than are taken", "length"
    SHORT_NUMBER = "a number is cut off"
    SHORT_TEXT = "a text is missing"
    NO_END = "a text has no NUL at its end"
    EXCESS = "more data than the answer has", "letter", "length"
    UNEXPECTED = "no answer to that", "letter"
    MALFORMED = "a reply that cannot be sent", "text"
    VERSION = "another version of the protocol than was offered", "wanted", "offered"
    ACTIONS = "actions that were not offered", "wanted", "offered"


class BadFilter(Exception):
    """A filter does not keep to the protocol, or cannot be talked to."""

    def __init__(self, flaw: Flaw, **facts: Fact) -> None:
        super().__init__(flaw.value)
        self.flaw = flaw
        self.facts = facts


def packet(letter: str, data: bytes = b"") -> bytes:
    """A packet as it is sent."""
    return struct.pack(">I", len(data) + 1) + letter.encode("ascii") + data


def text(*words: str) -> bytes:
    """Texts as packets hold them, each with a NUL at its end; a NUL within ends a text before."""
    return b"".join(encode(word).partition(b"\0")[0] + b"\0" for word in words)


class PacketReader:
    """Takes packets apart as their bytes come."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def receive_data(self, data: bytes) -> None:
        self._buffer += data

    def next_packet(self) -> tuple[str, bytes] | None:
        """Letter and data; None where bytes are missing. Raises BadFilter."""
        if len(self._buffer) < 4:
            return None
        length = int.from_bytes(self._buffer[:4], "big")
        if not length:
            raise BadFilter(Flaw.EMPTY)
        if length > LONGEST:
            raise BadFilter(Flaw.TOO_LONG, length=length)
        if len(self._buffer) < 4 + length:
            return None
        whole = bytes(self._buffer[4 : 4 + length])
        del self._buffer[: 4 + length]
        return chr(whole[0]), whole[1:]


class Negotiated(NamedTuple):
    """What was agreed on. ``lists`` are the macros that the filter wants, by number of a stage; ``strange`` the numbers
    without a stage, ``version_known`` whether its version is one that exists."""

    version: int
    steps: int
    lists: Mapping[int, str]
    strange: tuple[int, ...] = ()
    version_known: bool = True

    def has(self, event: Event) -> bool:
        """Whether the version has the event at all."""
        return self.version >= event.since

    def wants(self, event: Event) -> bool:
        return self.has(event) and not self.steps & event.left_out

    def answers(self, event: Event) -> bool:
        return not self.steps & event.unanswered


def offer(version: int) -> bytes:
    """The packet by which the server begins; ``version`` is one of `STEPS`."""
    return packet("O", struct.pack(">III", version, ALL_ACTIONS, STEPS[version]))


def negotiated(letter: str, data: bytes, version: int, *, header_replies: bool = True) -> Negotiated:
    """What a filter answers to `offer`. Raises BadFilter.

    header_replies  whether fields are answered, unless the filter wants that otherwise
    """
    if letter != "O":
        raise BadFilter(Flaw.UNEXPECTED, letter=letter)
    if len(data) < 12:
        raise BadFilter(Flaw.SHORT_NUMBER)
    wanted, actions, steps = struct.unpack(">III", data[:12])
    if wanted > version:
        raise BadFilter(Flaw.VERSION, wanted=wanted, offered=version)
    if actions & ~ALL_ACTIONS:
        raise BadFilter(Flaw.ACTIONS, wanted=actions, offered=ALL_ACTIONS)
    lists, strange = _lists(data[12:])
    known = wanted >= min(STEPS)
    steps &= STEPS[version]
    if not header_replies:
        steps |= _NO_HEADER_REPLY
    return Negotiated(wanted if known else version, steps, lists, strange, known)


def _lists(data: bytes) -> tuple[dict[int, str], tuple[int, ...]]:
    """The lists of macros at the end of a negotiation, and the numbers that are no stage. Raises BadFilter."""
    lists: dict[int, str] = {}
    strange: list[int] = []
    while data and len(lists) + len(strange) < _MOST_LISTS:
        if len(data) < 4:
            raise BadFilter(Flaw.SHORT_NUMBER)
        (stage,) = struct.unpack(">I", data[:4])
        names, data = _text(data[4:])
        if stage > max(event.stage for event in Event):
            strange.append(stage)
        else:
            lists[stage] = names
    return lists, tuple(strange)


class Kind(Enum):
    """How an event is answered."""

    CONTINUE = "c"
    ACCEPT = "a"
    REJECT = "r"
    TEMPFAIL = "t"
    REPLY = "y"
    DISCARD = "d"
    SHUTDOWN = "4"
    SKIP = "s"


class Answer(NamedTuple):
    """``reply`` is that of REPLY."""

    kind: Kind
    reply: Reply | None = None


class Progress(NamedTuple):
    """The filter is at work."""


class Quarantine(NamedTuple):
    reason: str


class AddField(NamedTuple):
    """A field is put behind the others, or with ``number`` before the field of that number."""

    name: str
    value: str
    number: int | None = None


class ChangeField(NamedTuple):
    """The field ``name`` of that number among those of the name gets another value; without one it is removed."""

    name: str
    value: str
    number: int


class AddRecipient(NamedTuple):
    """``arguments`` are those of RCPT, None where the filter does not speak of them."""

    address: str
    arguments: str | None = None


class DeleteRecipient(NamedTuple):
    address: str


class ChangeSender(NamedTuple):
    address: str
    arguments: str = ""


class ReplaceBody(NamedTuple):
    """The next piece of another body."""

    data: bytes


Change = AddField | ChangeField | AddRecipient | DeleteRecipient | ChangeSender | ReplaceBody
Sent = Answer | Progress | Quarantine | Change
_CHANGES = "+-2behim"


def answer_of(letter: str, data: bytes, event: Event) -> Sent:
    """What a filter says about an event. Raises BadFilter."""
    if letter == Kind.REPLY.value:
        said = decode(data.partition(b"\0")[0])
        reply = _reply(said)
        if reply is None:
            raise BadFilter(Flaw.MALFORMED, text=said)
        return Answer(Kind.REPLY, reply)
    if letter == "q":
        return Quarantine(decode(data.partition(b"\0")[0]))
    if letter in _CHANGES and event is Event.END:
        return _change(letter, data)
    if letter in _PLAIN:
        if data:
            raise BadFilter(Flaw.EXCESS, letter=letter, length=len(data))
        return _PLAIN[letter]
    raise BadFilter(Flaw.UNEXPECTED, letter=letter)


_PLAIN: dict[str, Answer | Progress] = {kind.value: Answer(kind) for kind in Kind if kind is not Kind.REPLY}
_PLAIN["p"] = Progress()


def _change(letter: str, data: bytes) -> Change:
    number = 0
    if letter == "b":
        return ReplaceBody(data)
    if letter in "im":
        if len(data) < 4:
            raise BadFilter(Flaw.SHORT_NUMBER)
        (number,) = struct.unpack(">I", data[:4])
        data = data[4:]
    first, rest = _text(data)
    if letter == "+":
        return AddRecipient(first)
    if letter == "-":
        return DeleteRecipient(first)
    if letter in "2e":
        arguments = _text(rest)[0] if rest else ""
        return AddRecipient(first, arguments) if letter == "2" else ChangeSender(first, arguments)
    value, _ = _text(rest)
    if letter == "m":
        return ChangeField(first, value, max(number, 1))
    return AddField(first, value, number if letter == "i" else None)


def _text(data: bytes) -> tuple[str, bytes]:
    """The text that data begins with, and what follows it. Raises BadFilter."""
    if not data:
        raise BadFilter(Flaw.SHORT_TEXT)
    found, end, rest = data.partition(b"\0")
    if not end:
        raise BadFilter(Flaw.NO_END)
    return decode(found), rest


_REPLY = re.compile(r"([45])[0-9]{2}[ -](?:(?=[^0-9])|(?=\1))")


def _reply(said: str) -> Reply | None:
    """The reply that a filter gives word by word: "550 5.7.1 text", of several lines perhaps, each with the code
    or without; ``%%`` is one. None where it is no refusal."""
    if not _REPLY.match(said):
        return None
    code = said[:3]
    lines = [
        line[4:] if line[:3] == code and line[3:4] in (" ", "-") else line
        for line in re.split(r"\r\n|\r|\n", said.replace("%%", "%"))
    ]
    while len(lines) > 1 and not lines[-1]:
        lines.pop()
    return Reply.of(int(code), *lines)
