"""The command line of sendmail: whatever is typed, it ends with one of sysexits.h, and takes little memory."""

from __future__ import annotations

import io
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailconf.cli.sendmail.command_line import completed, options
from mailconf.cli.sendmail.invocation import read_levels
from mailconf.mta.submission import Spool
from mailconf.sendmail.submission.reading import Field, MessageReader, TooLarge
from tests.cli.modes_fixture import Modes

_STATUSES = {0, *range(64, 79)}
_LETTERS = "ABbCcDdeFfGhIiLMmNnOopqQRrsTtUVvXxZ:?-"
_VALUES = st.text(alphabet=st.characters(min_codepoint=1, max_codepoint=255, exclude_characters="\n"), max_size=8)
_WORDS = st.one_of(
    _VALUES,
    st.builds(lambda letter, value: f"-{letter}{value}", st.sampled_from(_LETTERS), _VALUES),
    st.sampled_from(("-bv", "-bi", "-bt", "-t", "-odq", "-i", "x@far.test", "--", "-", "")),
)
_UNSAFE = ("-D", "-X", "-C", "-bd", "-bD", "-bs", "-O", "-o")  # they name files, or go on by themselves


@given(st.lists(_WORDS, max_size=8))
def test_options_end(words: list[str]) -> None:
    rest = completed(words)
    found = list(options(rest))
    assert len(found) <= sum(map(len, words)) + len(words)
    assert len(rest) <= len(words)


@given(_VALUES)
def test_levels_are_bounded(text: str) -> None:
    levels: dict[int, int] = {}
    read_levels(text, levels)
    assert len(levels) <= 100


@pytest.fixture(scope="module")
def modes(tmp_path_factory: pytest.TempPathFactory) -> Modes:
    made = Modes(tmp_path_factory.mktemp("fuzz"), pytest.MonkeyPatch())
    made.run({"site": {}, "calls": []})
    return made


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_WORDS, max_size=5), st.text(alphabet="To:x@far.test,\n\0 <>()\"'\\.;", max_size=40))
def test_every_call_ends(modes: Modes, words: list[str], stdin: str) -> None:
    words = [word for word in words if not word.startswith(_UNSAFE)]
    answer = modes.call({"tool": "sendmail", "words": ["-odq", *words], "stdin": stdin, "user": "root"})
    assert answer["status"] in _STATUSES
    assert "Traceback" not in answer["err"]


@given(st.binary(max_size=300), st.booleans())
def test_a_message_is_read_to_its_end(data: bytes, dots: bool) -> None:
    reader = MessageReader(io.BytesIO(data), dots=dots)
    reader.read_header()
    body = b"".join(reader.body())
    assert len(body) <= len(data)
    assert all(isinstance(field, Field) and field.name.isascii() for field in reader.fields)
    assert all("\0" not in field.value for field in reader.fields)


def test_a_header_is_bounded() -> None:
    reader = MessageReader(io.BytesIO(b"X: " + b"y" * 40_000 + b"\n\n"))
    with pytest.raises(TooLarge):
        reader.read_header()


@pytest.mark.parametrize("line", [b"x" * 76 + b"\n", b"x" * 1_000_000], ids=["lines", "one line"])
def test_a_large_body_takes_little_memory(tmp_path: Path, line: bytes) -> None:
    class Endless(io.RawIOBase):
        left = 40_000_000

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            count = min(len(buffer), self.left, len(line))
            buffer[:count] = line[:count]
            self.left -= count
            return count

    reader = MessageReader(io.BufferedReader(Endless()))
    spool = Spool(tmp_path)
    tracemalloc.start()
    try:
        reader._held.clear()
        assert spool.write(reader.body())
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
        spool.close()
    assert spool.size == 40_000_000
    assert sys.getsizeof(reader) < 10_000
