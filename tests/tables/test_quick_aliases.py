"""What is read of a usual alias without going through its characters is what going through them finds."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from mailconf.tables.sendmail_aliases import read_name, scan_name
from mailconf.tables.sendmail_aliases_reader import cut_targets, read_targets

NAMES = st.lists(
    st.sampled_from(
        (b"ann", b"Bob.x", b" ", b"\t", b":", b"@", b"%", b'"', b"(", b"<", b"\\", b"/", b"\x85", b"-", b"=")
    ),
    max_size=5,
).map(b"".join)
VALUES = st.lists(
    st.sampled_from(
        (
            "ann",
            "a@b.c",
            "/f/x",
            ":include:/l",
            ":include:l",
            '"|/p -a, b"',
            "|/p",
            '"',
            '""',
            ",",
            ", ",
            " ",
            "\t",
            "#",
            "\\",
            "<",
        )
    ),
    max_size=6,
).map("".join)


@given(NAMES)
def test_a_name(name: bytes) -> None:
    line = name + b": ann"
    assert read_name(line, lambda host: host == b"b") == scan_name(line, lambda host: host == b"b")


@given(VALUES)
@example('"/f x", ann')
@example("ann , bob")
def test_a_value(value: str) -> None:
    assert read_targets(value) == cut_targets(value)
