"""Headers of the proxy's protocol: whole, byte by byte, with what follows, and any bytes at all. What the real smtpd
makes of each is in tests/mta/test_rate_vectors.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailconf.smtp.proxy_header import LIMIT, BadHeader, Fault, Header, missing, read
from tests.vectors.rate_dialogues import FOUR, GOOD, HEADERS, SIGNATURE, second


def outcome(data: bytes) -> Header | Fault | None:
    try:
        return read(data)
    except BadHeader as bad:
        return bad.fault


@pytest.mark.parametrize("name", HEADERS)
def test_pieces_come_to_the_same(name: str) -> None:
    """No beginning of a header is anything else than the header."""
    header = HEADERS[name]
    whole = outcome(header)
    found = [outcome(header[:end]) for end in range(min(len(header), LIMIT) + 1)]
    decided = [each for each in found if each is not None]
    assert decided[:1] == ([] if whole is None else [whole])
    assert not decided or found.index(decided[0]) == len(found) - len(decided)
    if isinstance(whole, Header):
        assert outcome(header + b"EHLO x\r\n") == whole
        assert whole.size == len(header) or b"EHLO" in header


@given(st.binary(max_size=600) | st.binary(max_size=300).map(lambda data: SIGNATURE + data))
def test_any_bytes_come_to_something(data: bytes) -> None:
    found = outcome(data)
    if isinstance(found, Header):
        assert found.size <= min(len(data), LIMIT)
        assert outcome(data[: found.size]) == found
    elif found is None:
        assert len(data) < LIMIT
        assert isinstance(missing(data, timed_out=True), Fault)
    assert outcome(data + b"x" * LIMIT) is not None


@given(st.text(alphabet="0123456789. :aftcpTCP\r\n", max_size=80))
def test_any_line_comes_to_something(line: str) -> None:
    assert outcome(b"PROXY " + line.encode() + b"\n") is not None


def test_the_limit() -> None:
    most = LIMIT - 16 - len(FOUR)
    assert isinstance(outcome(second(0x21, 0x11, FOUR + bytes(most))), Header)
    assert outcome(second(0x21, 0x11, FOUR + bytes(most + 1))) is Fault.SHORT_SECOND
    assert outcome(b"PROXY " + b"x" * (LIMIT - 7)) is None
    assert outcome(b"PROXY " + b"x" * (LIMIT - 6)) is Fault.UNENDED


def test_families_that_are_not_in_use() -> None:
    for data, families, fault in (
        (GOOD, {"ipv4": False}, Fault.TYPE),
        (HEADERS["six"], {"ipv6": False}, Fault.TYPE),
        (second(0x21, 0x11, FOUR), {"ipv4": False}, Fault.NO_IPV4),
    ):
        with pytest.raises(BadHeader) as caught:
            read(data, **families)
        assert caught.value.fault is fault
