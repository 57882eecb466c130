from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailconf.diagnostics import Sink
from mailconf.source import Source
from mailconf.tables import check, sides
from mailconf.tables.roles import ACCESS, ALIASES, ONE_ADDRESS, VIRTUAL, check_table, read_table
from tests.limits import within


def codes(role: str, text: str) -> list[tuple[str, str]]:
    """The findings in a table, each with the text that it points at."""
    sink = Sink()
    check_table(role, read_table(role, Source("t", text), sink), sink, known=lambda word: word.startswith("reject_"))
    return [(d.code, d.span.text if d.span else "") for d in sink.sorted()]


@pytest.mark.parametrize(
    "action",
    [
        "OK", "ok", "REJECT", "reject go away", "450 4.7.1 later", "554", "DUNNO", "DEFER_IF_PERMIT x", "DISCARD",
        "HOLD", "WARN x", "INFO x", "FILTER smtp:[h]:25", "FILTER smtp:", "PREPEND X-Y: z", "REDIRECT a@b", "BCC a@b",
        "reject_unauth_destination, permit",
    ],
)  # fmt: skip
def test_actions_that_are_right(action: str) -> None:
    assert codes(ACCESS, f"example.com {action}\n") == []


@pytest.mark.parametrize(
    ("action", "code"),
    [
        ("REJCT", "TB010"),
        ("OKAY", "TB010"),
        ("FILTER smtp", "TB011"),
        ("FILTER", "TB011"),
        ("PREPEND X-Y", "TB012"),
        ("PREPEND", "TB012"),
        ("REDIRECT postmaster", "TB013"),
        ("BCC a@b c@d", "TB013"),
        ("12", "TB015"),
    ],
)
def test_actions_that_are_wrong(action: str, code: str) -> None:
    assert codes(ACCESS, f"example.com {action}\n") == [(code, action)]


# What the real smtpd 3.7 looks up for the client 192.0.2.1 or 2001:db8::1 and the senders a@spam.test, a@sub.spam.test.
ASKED = (
    *("192.0.2.1", "192.0.2", "192.0", "192", "2001:db8::1", "2001:DB8::1", "2001:db8", "2001"),
    *("spam.test", "a@", "A@Spam.Test", "<>", '"a b"@spam.test'),
)
NEVER_ASKED = {
    "TB014": ("192.0.2.", "192.0.2.0/24", "192.0.2.1/32", "192.0.2.*", "2001:db8::", "2001:db8::/32"),
    "TB016": ("192.0.02.1", "[192.0.2.1]", "2001:db8:0:0:0:0:0:1", "2001:0db8::1", "[2001:db8::1]", "ipv6:2001:db8::1",
              "@spam.test", "spam.test.", "*@spam.test", "a@.spam.test", "<a@spam.test>"),
}  # fmt: skip


@pytest.mark.parametrize("key", ASKED)
def test_access_keys_that_are_looked_up(key: str) -> None:
    assert codes(ACCESS, f"{key} OK\n") == []


@pytest.mark.parametrize(("code", "key"), [(code, key) for code, keys in NEVER_ASKED.items() for key in keys])
def test_access_keys_that_are_never_looked_up(code: str, key: str) -> None:
    assert (code, key) in codes(ACCESS, f"{key} OK\n")


def test_virtual_aliases() -> None:
    assert codes(VIRTUAL, 'a@b c, d@e\n@b f\nx "q q"@e\nexample.com anything\n@x @y\n') == []
    assert codes(VIRTUAL, "a@ b\na@b |cmd\nc@d a@\n*@b c\ne@f error:nouser 550 x\n@g %1@h\nk ,\n") == [
        ("TB020", "a@"),
        ("TB022", "|cmd"),
        ("TB023", "*@b"),
        ("TB023", "error:nouser 550 x"),
        ("TB023", "%1@h"),
        ("TB021", ","),
    ]


def test_generic() -> None:
    assert codes(ONE_ADDRESS, "a b@c\n@d @e\n") == []
    assert codes(ONE_ADDRESS, "a b@c d\nb |x\n@ a@b\n") == [("TB024", "b@c d"), ("TB024", "|x"), ("TB020", "@")]


def test_aliases() -> None:
    assert codes(ALIASES, 'a: "|cmd x"\nb: :include:/x\nc: "a|b"@x, d, /e\n') == []
    assert codes(ALIASES, "a: |cmd x\nb: :include:x\n") == [("TB032", "|cmd x"), ("TB033", ":include:x")]
    assert codes(ALIASES, "a: b :include:/x\nb: c |cmd\n") == [("TB034", "b :include:/x"), ("TB034", "c |cmd")]
    assert codes(ALIASES, "a: <>\nb: c # the boss\n") == [("TB035", "<>"), ("TB025", "#")]


def test_comments_behind_entries() -> None:
    assert codes(VIRTUAL, "a@b c@d # the boss\n") == [("TB025", "#")]


WORDS = st.lists(
    st.sampled_from(
        [
            *("OK", "ok", "REJECT", "450", "554", "12", "DEFER_IF_PERMIT", "WARN", " ", " ", ", ", ",", "\t"),
            *("a", "b.c", "@", "d@e.f", "@g", "#", "%1", "error:", "|", "/", ":", "*@x", '"', "<>", "é", "_x"),
        ]
    ),
    max_size=5,
).map("".join)


@given(WORDS, st.sampled_from([ACCESS, VIRTUAL, ONE_ADDRESS, ALIASES]))
def test_what_passes_as_plain_is_right_by_the_grammar(text: str, role: str) -> None:
    """With and without the regular expressions that let plain entries pass, a table gets the same findings."""
    separator = ": " if role == ALIASES else " "
    table = f"{text}{separator}x\nx{separator}{text}\n"
    quick = codes(role, table)
    never = re.compile(r"(?!)")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PLAIN_ACTION", "PLAIN_KEY", "PLAIN_ADDRESS", "PLAIN_ADDRESSES"):
            patch.setattr(check, name, never)
        assert codes(role, table) == quick


def test_a_table_that_is_too_irregular() -> None:
    found = codes(ACCESS, "".join(f"k{n} x_{n}\n" for n in range(sides.LIMIT + 5)))
    assert [code for code, _ in found if code != "TB010"] == ["TB009"]


def test_a_long_word_that_is_no_address_takes_no_time() -> None:
    with within(100):
        for role in (ACCESS, VIRTUAL, ONE_ADDRESS, ALIASES):
            codes(role, f"a{': ' if role == ALIASES else ' '}{'b' * 200}|\n{'b' * 200}| x\n")
