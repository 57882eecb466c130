"""Content for hosts that take 7-bit text alone: what the real smtp(8) makes of it is in test_ways_out.py."""

from __future__ import annotations

import quopri
import time

from hypothesis import given
from hypothesis import strategies as st

from mailconf.mta.seven_bit import seven_bit

HEAD = b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
PIECES = st.sampled_from(
    [
        HEAD,
        b'Content-Type: multipart/mixed; boundary="b"\nContent-Transfer-Encoding: binary\n\n',
        b"Content-Type: multipart/digest; boundary=c\n\n",
        b"Content-Type: message/rfc822\nContent-Transfer-Encoding: 8BIT\n\n",
        b"--b\n",
        b"--b--\n",
        b"--c\n",
        b"\n",
        b"caf\xc3\xa9 =\n",
        b"no field\n",
        b" folded\n",
        b"X: \r\xff\0\n",
        b"x" * 80 + b"\n",
    ]
)


@given(st.binary(max_size=300))
def test_text_is_what_it_was(body: bytes) -> None:
    """Encoded, it is ASCII, in short lines, and decodes to the same."""
    found = seven_bit(HEAD + body)
    head, _, encoded = found.partition(b"\n\n")
    assert head.endswith(b"Content-Transfer-Encoding: quoted-printable")
    assert encoded.isascii() and b"\r" not in encoded
    assert max(map(len, encoded.split(b"\n"))) <= 76
    assert not any(line.endswith((b" ", b"\t")) for line in encoded.split(b"\n"))
    assert quopri.decodestring(encoded) == body


@given(st.lists(PIECES, max_size=12))
def test_other_content_stays_or_loses_nothing(pieces: list[bytes]) -> None:
    content = b"".join(pieces)
    found = seven_bit(content)
    if b"8bit" not in content.lower() and b"binary" not in content:
        assert found == content
    assert found.count(b"--b--") == content.count(b"--b--")
    assert seven_bit(found) == found


def test_time_grows_with_the_content() -> None:
    """Multiparts within each other that never end, and a field of many lines."""
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000))
    folded = b"Content-Type: text/plain\n" + b" ;x=y\n" * 60_000
    lines = HEAD + b"--" * 300_000 + b"\n" + b"\xff" * 200_000 + b"\n"
    for content in (nested, folded, lines):

        def took(content: bytes) -> float:
            begun = time.process_time()
            seven_bit(content)
            return time.process_time() - begun

        once = min(took(content) for _ in range(3))
        four = min(took(content * 4) for _ in range(2))
        assert four < max(once, 0.02) * 16
