"""``postmap -h``, ``-b`` and ``-m`` find the keys that the real one found; tests/vectors/record_message_keys.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailconf.cli.postfix.message_keys import MessageKeys, message_keys
from tests.vectors.record_message_keys import OPTIONS
from tests.vectors.store import load

VECTORS = load("message_keys")


def ours(text: bytes, option: str) -> list[bytes]:
    lines = text.split(b"\n")
    if not lines[-1]:
        lines.pop()
    limits = {"header_limit": 102_400, "boundary_limit": 2048, "nesting_limit": 100}
    keys = MessageKeys(headers="h" in option, body="b" in option, mime="m" in option, **limits)
    return list(message_keys([line.partition(b"\0")[0] for line in lines], keys))


@pytest.mark.parametrize("option", OPTIONS)
def test_as_recorded(option: str) -> None:
    for case in VECTORS.cases:
        expected = [key.encode("latin-1") for key in case["keys"][option]]
        assert ours(case["text"].encode("latin-1"), option) == expected, case["text"]


@given(
    st.lists(st.sampled_from([b"", b"A: b", b" c", b"--xx", b"--xx--", b"Content-Type: multipart/mixed; boundary=xx"]))
)
def test_headers_and_body_together_are_both(lines: list[bytes]) -> None:
    text = b"\n".join(lines)
    headers, body = ours(text, "-hm"), ours(text, "-bm")
    assert sorted(ours(text, "-hbm")) == sorted(headers + body)
