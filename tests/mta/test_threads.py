"""The identity that reports refer to, beyond what tests/vectors/record_reports.py asks: null bytes, ends of records.

What is expected are answers of Postfix 3.7.11 and 3.10.13.
"""

from __future__ import annotations

import pytest

from mailconf.mta.threads_postfix import Threads
from tests.limits import within

LONG = b"x" * 2034  # the record of a line that ends with it, after "Message-Id: <", has room for one byte more


@pytest.mark.parametrize(
    ("fields", "of_3_7", "of_3_10"),
    [
        (b"Message-Id: <a\0b@c>\n", ("", 1), ""),
        (b"Message-Id: \0<a@b>\n", ("", 1), ""),
        (b"Message-Id: <a@b>\0 <\n", ("<a@b>", 0), "<a@b>"),
        (b"Message-Id: <" + LONG + b">\n", (f"<{LONG.decode()}>", 0), f"<{LONG.decode()}>"),
        (b"Message-Id: <" + LONG + b">y\n", (f"<{LONG.decode()}>", 0), f"<{LONG.decode()}>"),
        (b"Message-Id: <" + LONG + b"x>\n", ("", 1), f"<{LONG.decode()}x>"),
        (b"X: Message-Id: <a@b>\n Message-Id: <a@b>\n", ("", 0), ""),
        (b"Message-Idx: <a@b>\n", ("", 0), ""),
        (b"Message-Id: <\nMessage-Id: >\n", ("", 2), ""),
    ],
)
def test_the_identity(fields: bytes, of_3_7: tuple[str, int], of_3_10: str) -> None:
    assert Threads().identity(fields) == of_3_7
    assert Threads(whole=True).identity(fields) == (of_3_10, 0)


@pytest.mark.parametrize("fields", [b"Message-Id: " + b"<" * 1_000_000 + b"\n", b"Message-Id: x\n" * 80_000])
def test_many_brackets_and_many_fields_take_no_square_of_time(fields: bytes) -> None:
    with within(40):
        assert Threads(whole=True).identity(fields) == ("", 0)
