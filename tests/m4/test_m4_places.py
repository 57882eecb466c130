"""Origins: from a byte of output back through macros and includes to the first file."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from m4_texts import random_text

from mailconf.m4 import Budget, Confined, Expansion, MacroPlace, expand


def place_of(done: Expansion, wanted: bytes) -> MacroPlace:
    """The place of the piece that contains ``wanted``, at its first byte."""
    for text, place in done.pieces:
        if wanted in text:
            assert place is not None
            return MacroPlace(place.block, place.offset + text.index(wanted))
    raise AssertionError(f"{wanted!r} is not in the output")


def steps(place: MacroPlace) -> list[str]:
    return [f"{o.how} @{o.span.source.name}:{o.span.first.line}:{o.span.first.column}" for o in place.chain()]


def test_plain_text_stands_where_it_stands() -> None:
    done = expand("x.mc", b"one\n  two\n", track=True)
    assert place_of(done, b"two").span(3).first == (2, 3)
    assert place_of(done, b"two").chain() == []


def test_a_nested_quote_begins_behind_its_mark() -> None:
    done = expand("x.mc", b"ab `cd `ef' gh'\n", track=True)
    assert place_of(done, b"cd").span().first == (1, 5)


def test_nested_expansions_lead_back_to_the_call() -> None:
    done = expand("x.mc", b"define(`IN', `<$1>')\ndefine(`OUT', `IN(`$1') after')\n\n  OUT(`text')\n", track=True)
    assert done.output == b"\n\n\n  <text> after\n"
    assert steps(place_of(done, b"<text>")) == [
        "expansion of `IN' (defined at x.mc:1) @x.mc:4:3",
        "expansion of `OUT' (defined at x.mc:2) @x.mc:4:3",
    ]
    assert steps(place_of(done, b"after")) == ["expansion of `OUT' (defined at x.mc:2) @x.mc:4:3"]


def test_includes_and_diversions_keep_the_chain(tmp_path: Path) -> None:
    (tmp_path / "lib.m4").write_bytes(b"define(`M', `made')divert(2)dnl\nfrom lib M\ndivert(0)dnl\n")
    text = f"head\ninclude(`{tmp_path}/lib.m4')dnl\ntail\n".encode()
    done = expand("x.mc", text, track=True, environment=Confined([tmp_path]))
    assert done.output == b"head\ntail\nfrom lib made\n"
    made = place_of(done, b"made")
    assert steps(made) == [
        f"expansion of `M' (defined at {tmp_path}/lib.m4:1) @{tmp_path}/lib.m4:2:10",
        f"included `{tmp_path}/lib.m4' @x.mc:2:1",
    ]
    span = made.span()
    assert (span.source.name, span.first) == (f"{tmp_path}/lib.m4", (2, 10))
    assert span.origin is not None and str(span.origin.span) == "x.mc:2"


def test_wrapped_text_leads_to_m4wrap() -> None:
    done = expand("x.mc", b"\n m4wrap(`len(`abc')')", track=True)
    assert steps(place_of(done, b"3")) == ["expansion of `len' @x.mc:2:2", "expansion of `m4wrap' @x.mc:2:2"]


def test_columns_count_characters() -> None:
    done = expand("x.mc", "é len(`é')\n".encode(), track=True)
    assert steps(place_of(done, b"2")) == ["expansion of `len' @x.mc:1:3"]


@given(st.randoms(use_true_random=False))
def test_tracking_changes_nothing_and_places_every_piece(r: random.Random) -> None:
    text = random_text(r)
    budget = Budget(steps=5_000, depth=200, size=1 << 18)
    plain, tracked = expand("x", text, budget=budget), expand("x", text, budget=budget, track=True)
    assert plain[:3] == tracked[:3]
    assert b"".join(piece for piece, _ in tracked.pieces) == tracked.output
    for _, place in tracked.pieces:
        assert place is not None
        assert 0 <= place.offset <= len(place.block.data)
        assert all(origin.span.source.name == "x" for origin in place.chain())
