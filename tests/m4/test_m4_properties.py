"""Any bytes give output or an error within the budget; blocks do not show."""

from __future__ import annotations

import os
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from m4_texts import random_text

from mailconf.m4 import Budget, Engine, Environment, Stop, expand

TIGHT = Budget(steps=3_000, depth=100, size=1 << 16)
WORDS = [b"define", b"len", b"eval", b"format", b"regexp", b"patsubst", b"changequote", b"(", b")", b",", b"`", b"'"]


@given(st.lists(st.one_of(st.binary(max_size=6), st.sampled_from(WORDS)), max_size=40))
def test_any_bytes(pieces: list[bytes]) -> None:
    done = expand("x", b"".join(pieces), budget=TIGHT)
    assert len(done.output) <= 1 << 17
    assert 0 <= done.status <= 255


@given(st.randoms(use_true_random=False))
@settings(max_examples=300)
def test_any_text_of_macros(r: random.Random) -> None:
    done = expand("x", random_text(r), budget=TIGHT)
    assert 0 <= done.status <= 255


@given(st.sampled_from([b"regexp", b"patsubst", b"format", b"eval", b"translit"]), st.lists(st.binary(max_size=12)))
def test_any_arguments(name: bytes, arguments: list[bytes]) -> None:
    text = b"changequote(`\x01', `\x02')changecom" + name + b"(\x01" + b"\x02,\x01".join(arguments) + b"\x02)"
    expand("x", text, budget=TIGHT)


class _Pieces:
    """A descriptor that gives a text in pieces of our choosing, as a pipe may."""

    def __init__(self, text: bytes, cuts: list[int]) -> None:
        self.pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True) if a < b]

    def read(self, descriptor: int, size: int) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""


@given(st.randoms(use_true_random=False), st.lists(st.integers(0, 60), max_size=8))
@settings(max_examples=200)
def test_where_the_input_is_cut_does_not_show(r: random.Random, cuts: list[int]) -> None:
    """The slow path across blocks reads what the patterns read inside one."""
    text = random_text(r)
    output: list[bytes] = []
    messages: list[bytes] = []
    engine = Engine(Environment(), output.append, messages.append, budget=TIGHT)
    source = _Pieces(text, sorted(min(cut, len(text)) for cut in cuts))
    real = os.read
    os.read = source.read  # type: ignore[assignment]
    try:
        engine.process(b"x", descriptor=1 << 20)
        engine.finish()
        status = engine.status
    except Stop as stop:
        status = stop.status
        engine.output.finish()
    finally:
        os.read = real
    assert (b"".join(output), b"".join(messages), status) == expand("x", text, budget=TIGHT)[:3]


def test_nesting_costs_no_stack() -> None:
    deep = 50_000
    unbounded = Budget(None, None, None)
    assert expand("x", b"len(" * deep + b")" * deep, budget=unbounded).output == b"1"
    assert expand("x", b"eval(" + b"(" * deep + b"7" + b")" * deep + b")", budget=unbounded).output == b"7"
    assert expand("x", b"`" * deep + b"'" * deep, budget=unbounded).output == b"`" * (deep - 1) + b"'" * (deep - 1)
    pattern = b"\\(" * 2_000 + b"a" + b"\\)" * 2_000
    assert expand("x", b"regexp(`ba', `" + pattern + b"')", budget=unbounded).output == b"1"
    loop = b"define(`loop', `ifelse(`$1', `0', `end', `loop(decr(`$1'))')')loop(%d)" % deep
    assert expand("x", loop, budget=unbounded).output == b"end"
    chain = b"indir(" + b"`indir'," * 3_000 + b"`len',`abc')"
    assert expand("x", chain, budget=unbounded).output == b"3"
