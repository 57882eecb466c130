"""Questions to name servers that answer, refuse, fail, lie and are silent; and replies of every shape."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailconf.model.world import Outcome
from mailconf.sendmail.rules import resolv_conf, stub_resolver
from mailconf.sendmail.rules.resolv_conf import Patience, ResolvConf
from mailconf.sendmail.rules.stub_resolver import ask
from mailconf.sendmail.rules.world import REFUSES, SERVFAIL

Answer = Callable[[bytes], list[bytes]]
NAME = "www.example.org"


def both_sockets() -> tuple[socket.socket, socket.socket, int]:
    """For datagrams and for streams, at the same port."""
    for _ in range(100):
        udp, tcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket()
        tcp.bind(("127.0.0.1", 0))
        try:
            udp.bind(tcp.getsockname())
        except OSError:  # another program has it for datagrams
            udp.close()
            tcp.close()
            continue
        tcp.listen()
        return udp, tcp, tcp.getsockname()[1]
    raise AssertionError("no port is free for both")


@contextmanager
def server(answer: Answer, by_tcp: Answer = lambda question: []) -> Iterator[tuple[int, list[str]]]:
    """A server at 127.0.0.1: its port, and how it has been asked."""
    heard: list[str] = []
    udp, tcp, port = both_sockets()
    with udp, tcp:

        def datagrams() -> None:
            while True:
                question, peer = udp.recvfrom(4096)
                if not question:
                    return
                heard.append("udp")
                for reply in answer(question):
                    udp.sendto(reply, peer)

        def streams() -> None:
            while True:
                connection, _ = tcp.accept()
                with connection:
                    question = connection.recv(4096)[2:]
                    if not question:
                        return
                    heard.append("tcp")
                    for reply in by_tcp(question):
                        connection.sendall(struct.pack(">H", len(reply)) + reply)

        threads = [threading.Thread(target=each) for each in (datagrams, streams)]
        for thread in threads:
            thread.start()
        try:
            yield port, heard
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.sendto(b"", ("127.0.0.1", port))
            socket.create_connection(("127.0.0.1", port)).close()
            for thread in threads:
                thread.join()


def replied(question: bytes, *records: str, code: int = 0, flags: int = 0, kind: str = "A") -> bytes:
    message = dns.message.make_response(dns.message.from_wire(question))
    message.set_rcode(code)  # type: ignore[arg-type]
    message.flags |= flags
    if records:
        message.answer.append(dns.rrset.from_text(f"{NAME}.", 300, "IN", kind, *records))
    return message.to_wire()


def settings_of(servers: int = 1, seconds: int = 20, attempts: int = 1) -> ResolvConf:
    return ResolvConf(("127.0.0.1",) * servers, None, seconds, attempts)


def test_records_come_in_the_servers_order_with_their_ttl() -> None:
    with server(lambda question: [replied(question, "20 b.example.", "10 a.example.", kind="MX")]) as (port, _):
        found = ask(NAME, "MX", settings_of(), port=port)
    assert found.outcome is Outcome.FOUND
    assert sorted(found.values) == ["10 a.example", "20 b.example"]
    assert found.ttl == 300


@pytest.mark.parametrize(("code", "nxdomain"), [(3, True), (0, False), (1, False)])
def test_nothing_is_found(code: int, nxdomain: bool) -> None:
    with server(lambda question: [replied(question, code=code)]) as (port, heard):
        found = ask(NAME, "A", settings_of(2, attempts=3), port=port)
    assert (found.outcome, found.nxdomain, heard) == (Outcome.ABSENT, nxdomain, ["udp"])


@pytest.mark.parametrize("code", [2, 4, 5])
def test_an_error_of_the_server_is_followed_by_the_next_one(code: int) -> None:
    with server(lambda question: [replied(question, code=code)]) as (port, heard):
        found = ask(NAME, "A", settings_of(2, attempts=2), port=port)
    assert (found.outcome, found.reason, heard) == (Outcome.FAILED, SERVFAIL, ["udp"] * 4)


def test_a_server_that_is_not_there_is_not_waited_for() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    before = time.monotonic()
    found = ask(NAME, "A", settings_of(3, seconds=30, attempts=5), port=port)
    assert (found.outcome, found.reason) == (Outcome.FAILED, REFUSES)
    assert time.monotonic() - before < 25


def test_a_silent_server_is_waited_for_as_long_as_told() -> None:
    with server(lambda question: []) as (port, heard):
        before = time.monotonic()
        found = ask(NAME, "A", settings_of(seconds=30, attempts=5), Patience(1, 2), port)
        took = time.monotonic() - before
    assert (found.outcome, heard) == (Outcome.FAILED, ["udp", "udp"])
    assert found.reason not in (SERVFAIL, REFUSES)
    assert 1.9 < took < 100


def test_no_tries_are_no_questions() -> None:
    with server(lambda question: [replied(question, "1.2.3.4")]) as (port, heard):
        assert ask(NAME, "A", settings_of(), Patience(None, 0), port).outcome is Outcome.FAILED
    assert not heard


def test_only_the_answer_to_this_question_counts() -> None:
    def liar(question: bytes) -> list[bytes]:
        other = dns.message.make_query("www.example.net.", "A", id=int.from_bytes(question[:2]))
        wrong_number = bytes([question[0] ^ 1]) + replied(question, "6.6.6.6")[1:]
        return [
            wrong_number,
            dns.message.make_response(other).to_wire(),
            question,
            replied(question, "1.2.3.4"),
        ]

    with server(liar) as (port, _):
        assert ask(NAME, "A", settings_of(), port=port).values == ("1.2.3.4",)


def test_what_cannot_be_read_is_asked_of_the_next_server() -> None:
    turns: Iterator[Callable[[bytes], bytes]] = iter(
        [lambda question: question[:2] + b"\x81", lambda question: replied(question, "1.2.3.4")]
    )
    with server(lambda question: [next(turns)(question)]) as (port, heard):
        assert ask(NAME, "A", settings_of(2), port=port).values == ("1.2.3.4",)
    assert heard == ["udp", "udp"]


def test_strays_without_end_are_not_heard_to_their_end() -> None:
    with server(lambda question: [b"xx" + question[2:]] * 150) as (port, _):
        assert ask(NAME, "A", settings_of(seconds=3), port=port).outcome is Outcome.FAILED


def test_a_truncated_answer_is_asked_for_by_tcp() -> None:
    with server(
        lambda question: [replied(question, "1.1.1.1", flags=dns.flags.TC)],
        lambda question: [replied(question, *(f"1.2.3.{number}" for number in range(200)))],
    ) as (port, heard):
        found = ask(NAME, "A", settings_of(), port=port)
    assert len(found.values) == 200
    assert heard == ["udp", "tcp"]


@pytest.mark.parametrize("by_tcp", [lambda question: [], lambda question: [b"xx" + replied(question, "6.6.6.6")[2:]]])
def test_a_stream_that_does_not_answer_is_a_failure(by_tcp: Answer) -> None:
    with server(lambda question: [replied(question, flags=dns.flags.TC)], by_tcp) as (port, _):
        assert ask(NAME, "A", settings_of(), port=port).outcome is Outcome.FAILED


def test_a_name_that_is_none_does_not_exist() -> None:
    for name in ("a..b", "x" * 64, ".".join(["a" * 60] * 5)):
        assert ask(name, "A", settings_of(), port=1).nxdomain


# -- replies of every shape


def read(body: bytes, count: int, kind: str, flags: int = 0x8180) -> bool:
    """Whether a reply with a true beginning could be read."""
    question = stub_resolver.question_for(NAME, kind)
    assert question is not None
    data = question.wire[:2] + struct.pack(">HHHHH", flags, 1, count, 0, 0) + question.wire[12:] + body
    assert stub_resolver.answers(data, question)
    try:
        stub_resolver.read_reply(data, question)
    except stub_resolver.BadReply:
        return False
    return True


PARTS = st.sampled_from(
    [b"\xc0\x0c", b"\xc0\x21", b"\xc1\x00", b"\xff\xff", b"\0", b"\1a", b"\x3f", b"\x80", b"\0\1\0\1"]
)
TYPES = st.sampled_from(["A", "AAAA", "MX", "PTR", "TXT", "SRV", "AFSDB", "NS", "CNAME", "TLSA"])


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(PARTS, st.binary(max_size=12))), st.integers(0, 65535), TYPES, st.integers(0, 0xFFFF))
def test_a_reply_is_read_or_is_bad(parts: list[bytes], count: int, kind: str, flags: int) -> None:
    read(b"".join(parts), count, kind, flags & 0x07FF | 0x8000)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=20), max_size=5), TYPES)
def test_records_of_any_data_are_read_or_bad(data: list[bytes], kind: str) -> None:
    number = {"A": 1, "NS": 2, "CNAME": 5, "PTR": 12, "MX": 15, "TXT": 16, "AFSDB": 18, "AAAA": 28, "SRV": 33}.get(
        kind, 52
    )
    body = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", number, 1, 60, len(each)) + each for each in data)
    read(body, len(data), kind)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_an_answer_or_none(data: bytes) -> None:
    question = stub_resolver.question_for(NAME, "A")
    assert question is not None
    for each in (data, question.wire[:2] + data):
        if stub_resolver.answers(each, question) and len(each) >= 12:
            assert each[2] & 0x80


def test_pointers_to_pointers_cost_no_more_than_the_reply_has_bytes() -> None:
    # The name of each of 3,000 records goes through a chain of 4,000 pointers.
    chain = b"".join(struct.pack(">H", 0xC000 | max(12, 45 + 2 * number - 2)) for number in range(4000))
    head = b"\0" + struct.pack(">HHIH", 16, 1, 60, len(chain)) + chain
    record = b"\0" + struct.pack(">HHIHH", 2, 1, 60, 2, 0xC000 | (45 + 2 * 3999))
    before = time.process_time()
    read(head + record * 3000, 3001, "NS")
    assert time.process_time() - before < 2
    parser = stub_resolver._parser()(bytes(10))
    for _ in range(10):
        parser.seek(5)
    with pytest.raises(ValueError, match="pointers"):
        parser.seek(5)


# -- resolv.conf(5)


def test_resolv_conf_is_read() -> None:
    text = (
        "# nameserver 9.9.9.9\nnameserver 127.0.0.1\nnameserver x\nnameserver ::1 more\nsearch a.example. b.example\n"
        "options timeout:7 attempts:4 rotate\nnameserver 127.0.0.2\nnameserver 127.0.0.3\n"
    )
    assert resolv_conf.read(text) == ResolvConf(("127.0.0.1", "::1", "127.0.0.2"), ("a.example", "b.example"), 7, 4)
    assert resolv_conf.read("") == ResolvConf(("127.0.0.1",), None, 5, 2)
    high = resolv_conf.read("options timeout:99999999999999999999 attempts:77\n")
    assert (high.seconds, high.attempts) == (30, 5)
    assert resolv_conf.read("options timeout:x attempts").attempts == 2


@pytest.mark.parametrize(
    ("seconds", "servers", "found"), [(2, 3, [2, 1, 2]), (3, 2, [3, 3]), (5, 1, [5]), (0, 2, [1, 1]), (5, 3, [5, 3, 6])]
)
def test_each_server_is_waited_for_as_the_c_library_does(seconds: int, servers: int, found: list[int]) -> None:
    assert list(resolv_conf.waits(seconds, servers)) == found


def test_what_a_configuration_asks_for_has_bounds() -> None:
    assert resolv_conf.patience("", "") == Patience(None, None)
    assert resolv_conf.patience("2", "3") == Patience(2, 3)
    assert resolv_conf.patience("1m30s", "x") == Patience(90, 0)
    assert resolv_conf.patience("9w", "999999") == Patience(600, 50)
    assert Patience(1).over(Patience(5, 6)) == Patience(1, 6)
