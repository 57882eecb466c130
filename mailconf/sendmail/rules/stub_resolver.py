"""Questions to the name servers of resolv.conf(5), asked as the C library asks them.

Each server is asked in turn, by UDP from a socket of its own that hears no one else. One that refuses the connection,
or whose answer is an error of its own (SERVFAIL, NOTIMP, REFUSED), is followed by the next one at once. A truncated
answer is asked for again by TCP. What an answer costs is in proportion to its size.

Source: resolv.conf(5), resolver(3); RFC 1035 4.1, 4.2; sendmail 8.17.1.9 beside servers that refuse, drop and answer.
"""

from __future__ import annotations

import secrets
import socket
import struct
import time
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from mailconf.model.world import Outcome, Records
from mailconf.sendmail.rules.resolv_conf import Patience, ResolvConf, waits
from mailconf.sendmail.rules.world import REFUSES, SERVFAIL

if TYPE_CHECKING:
    import dns.name

_HEADER = struct.Struct(">HHHHHH")
_FIELDS = struct.Struct(">HHIH")  # of a record: type, class, TTL, length
_LARGEST = 65535
_STRAY = 100  # datagrams that answer something else
_IS_ANSWER, _TRUNCATED, _RECURSE = 0x8000, 0x0200, 0x0100
_OPCODE, _RCODE = 0x7800, 0x000F
_NXDOMAIN = 3
_NEXT = {2: "SERVFAIL", 4: "NOTIMP", 5: "REFUSED"}
_SILENT = "no answer"
_AS_TOLD = Patience()  # by resolv.conf(5)


class BadReply(Exception):
    """A reply that cannot be read."""


class Reply(NamedTuple):
    """What a server says. ``values`` are the records of the type, in its order, as `Records` has them."""

    code: int
    truncated: bool
    values: tuple[str, ...] = ()
    ttl: int | None = None


class DnsQuestion(NamedTuple):
    """A question as it is sent."""

    number: int
    name: dns.name.Name
    kind: str
    wire: bytes


def ask(name: str, kind: str, settings: ResolvConf, patience: Patience = _AS_TOLD, port: int = 53) -> Records:
    """The records of a type that a name has. A failure's reason is SERVFAIL, REFUSES, or other words.

    name      ASCII, without a dot at its end
    patience  what is stated there takes the place of what resolv.conf(5) says
    """
    question = question_for(name, kind)
    if question is None:
        return Records(Outcome.ABSENT, nxdomain=True)
    seconds = settings.seconds if patience.seconds is None else patience.seconds
    tries = settings.attempts if patience.tries is None else patience.tries
    failure, heard = "", False
    for _ in range(tries):
        for server, wait in zip(settings.servers, waits(seconds, len(settings.servers)), strict=True):
            try:
                reply = _exchange(server, port, question, time.monotonic() + wait)
            except TimeoutError:
                failure, heard = _SILENT, True
                continue
            except ConnectionRefusedError:
                failure = failure or REFUSES
                continue
            except (BadReply, OSError) as problem:
                failure, heard = str(problem) or _SILENT, True
                continue
            if reply.code in _NEXT:
                failure, heard = SERVFAIL, True
                continue
            if reply.values:
                return Records(Outcome.FOUND, reply.values, ttl=reply.ttl)
            return Records(Outcome.ABSENT, nxdomain=reply.code == _NXDOMAIN)
    return Records(Outcome.FAILED, (), failure if heard else failure or REFUSES)


def question_for(name: str, kind: str) -> DnsQuestion | None:
    """A question with a number by lot; None where the name cannot be one."""
    import dns.exception
    import dns.name
    import dns.rdatatype

    try:
        asked = dns.name.from_text(f"{name}.")
    except (dns.exception.DNSException, UnicodeError):
        return None
    number = secrets.randbelow(1 << 16)
    wire = _HEADER.pack(number, _RECURSE, 1, 0, 0, 0) + (asked.to_wire() or b"")
    return DnsQuestion(number, asked, kind, wire + struct.pack(">HH", dns.rdatatype.from_text(kind), 1))


def _exchange(server: str, port: int, question: DnsQuestion, until: float) -> Reply:
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        udp.connect((server, port))
        udp.send(question.wire)
        for _ in range(_STRAY):
            udp.settimeout(_left(until))
            data = udp.recv(_LARGEST)
            if answers(data, question):
                break
        else:
            raise BadReply("answers to other questions")
    reply = read_reply(data, question)
    if not reply.truncated:
        return reply
    with socket.socket(family, socket.SOCK_STREAM) as tcp:
        tcp.settimeout(_left(until))
        tcp.connect((server, port))
        tcp.sendall(struct.pack(">H", len(question.wire)) + question.wire)
        (size,) = struct.unpack(">H", _whole(tcp, 2, until))
        data = _whole(tcp, size, until)
    if not answers(data, question):
        raise BadReply("answer to another question")
    return read_reply(data, question)._replace(truncated=False)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _whole(tcp: socket.socket, size: int, until: float) -> bytes:
    data = bytearray()
    while len(data) < size:
        tcp.settimeout(_left(until))
        piece = tcp.recv(size - len(data))
        if not piece:
            raise BadReply("connection closed")
        data += piece
    return bytes(data)


# -- reading


def answers(data: bytes, question: DnsQuestion) -> bool:
    """Whether a message answers this question: by its number and by what it repeats of the question.

    One without a whole header but with the number does, too, and cannot be read.
    """
    if data[:2] != question.wire[:2]:
        return False
    if len(data) < _HEADER.size:
        return True
    _, flags, asked, *_ = _HEADER.unpack_from(data)
    if not flags & _IS_ANSWER or flags & _OPCODE or asked != 1:
        return False
    import dns.name

    parser = _parser()(data, _HEADER.size)
    try:
        return bool(dns.name.from_wire_parser(parser) == question.name and parser.get_bytes(4) == question.wire[-4:])
    except _malformed():
        return False


def read_reply(data: bytes, question: DnsQuestion) -> Reply:
    """The records of the type in a message that `answers` the question. Raises BadReply."""
    import dns.rdata
    import dns.rdataclass
    import dns.rdatatype

    if len(data) < _HEADER.size:
        raise BadReply("too short")
    _, flags, _, count, _, _ = _HEADER.unpack_from(data)
    code, truncated = flags & _RCODE, bool(flags & _TRUNCATED)
    if truncated or code:
        return Reply(code, truncated)
    kind = dns.rdatatype.from_text(question.kind)
    values, ttls = [], []
    parser = _parser()(data, _HEADER.size)
    try:
        _pass_name(parser)
        parser.get_bytes(4)
        for _ in range(count):
            _pass_name(parser)
            type_, class_, ttl, size = _FIELDS.unpack(parser.get_bytes(_FIELDS.size))
            with parser.restrict_to(size):
                if type_ == kind and class_ == dns.rdataclass.IN:
                    values.append(_text(dns.rdata.from_wire_parser(class_, type_, parser), question.kind))
                    ttls.append(ttl)
                else:
                    parser.get_bytes(size)
    except _malformed() as failure:
        raise BadReply(str(failure) or type(failure).__name__) from failure
    return Reply(code, False, tuple(values), min(ttls, default=None))


def _pass_name(parser: Any) -> None:
    """Go behind a name, wherever it goes on."""
    while (size := parser.get_uint8()) != 0:
        if size >= 0xC0:
            parser.get_bytes(1)
            return
        parser.get_bytes(size)


def _malformed() -> tuple[type[Exception], ...]:
    import dns.exception

    return dns.exception.DNSException, ValueError, struct.error


@cache
def _parser() -> Any:
    """dnspython's reader, which follows no more pointers in a message than this has bytes."""
    import dns.wire

    class Bounded(dns.wire.Parser):
        def __init__(self, wire: bytes, current: int = 0) -> None:
            self._jumps = len(wire)
            super().__init__(wire, current)

        def seek(self, where: int) -> None:
            self._jumps -= 1
            if self._jumps < 0:
                raise ValueError("too many pointers")
            super().seek(where)

    return Bounded


def _text(record: object, kind: str) -> str:
    if kind == "TXT":
        strings: Sequence[bytes] = record.strings  # type: ignore[attr-defined]
        return strings[0].decode("latin-1") if strings else ""
    text = str(record)
    return f"{text.rpartition(' ')[0]} {text.rpartition(' ')[2].rstrip('.')}" if " " in text else text.rstrip(".")
