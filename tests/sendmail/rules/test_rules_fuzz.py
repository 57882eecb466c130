"""Any sendmail.cf and any line of address test mode: an answer or a message, in bounded time, never a traceback."""

from __future__ import annotations

import os

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.sendmail.rules.rule_bench import Bench

EXAMPLES = 5000 if os.environ.get("MAILCONF_PROOF") else 120
_PIECES = (
    "$*", "$+", "$-", "$@", "$=w", "$~w", "$1", "$9", "$0", "$:", "$#", "$|", "$>", "$(", "$)", "$[", "$]", "$&j", "$j",
    "$&{x}", "${x}", "$?x", "$.", "$$", "$", "<", ">", "@", ".", "(", ")", '"', "\\", ",", ";", " ", "\t", "error",
    "local", "canonify", "last", "3", "$:$>last", "a", "\x80", "\xff", "\x01", "@a:b@c", "!", "%", "[1.2.3.4]", "calc",
    "$(calc + $@ 1 $@ 2 $)", "#", "\\\n",
)  # fmt: skip
_LETTERS = "DCFKSRMHOPTVEQXL#\t Z"
_HEADS = ("Dx", "CxA b", "C{Long}a", "Kcalc arith", "Kd dequote", "Kr regex -s1 (", "Slast", "S3", "S999", "R$*\t",
          "Ra\t",
          "Mx, P=[IPC], A=TCP $h", "Mx, F=q, S=3/4", "HX: $>Check", "H?D?X: $j", "O MaxHopCount=", "O Foo=", "Ttrust",
          "V10/Berkeley", "Pjunk=-9", "E X=1", "Qq, P=/x", "Xf, S=local:/x")  # fmt: skip
_texts = st.lists(st.sampled_from(_PIECES), max_size=12).map("".join)
_lines = st.one_of(
    st.tuples(st.sampled_from(_HEADS), _texts).map("".join),
    st.tuples(st.sampled_from(_LETTERS), _texts).map("".join),
    st.text(st.characters(codec="latin-1"), max_size=40),
)
_COMMANDS = ("3,0 ", "last ", "/try x ", "/parse ", "/map calc ", "/tryflags ", ".D", ".C", ".S", "=S", "$", "$=",
             "/mx ", "-d21.12", "?", "/", "0 (", "3,4,5,")  # fmt: skip
_prompts = st.one_of(
    st.tuples(st.sampled_from(_COMMANDS), _texts.map(lambda text: text.replace("\n", ""))).map("".join),
    st.text(st.characters(codec="latin-1", exclude_characters="\n"), max_size=60),
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("fuzz"))


@settings(max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES < 1000)
@given(st.lists(_lines, max_size=12), st.lists(_prompts, max_size=4))
@example(["Slast", "R$*\t$:$>last $1"], ["last a"])  # without end
@example(["Slast", "R$*\t$1 $1 $1 $1"], ["last a"])  # grows without end
@example(["S3", "R$*$*$*$*$*$*$*$*\t$1"], ["3 " + "a." * 500])
@example([], ["3,0 " + '"' * 999, "3,0 " + "(" * 2000])
def test_any_configuration_and_any_line(bench: Bench, lines: list[str], prompts: list[str]) -> None:
    text = "V10/Berkeley\nO OperatorChars=.:%@!^/[]+\n" + "".join(f"{line}\n" for line in lines)
    answer, status = bench.talk(text, prompts)
    assert 0 <= status < 256
    assert len(answer) < 20_000_000
