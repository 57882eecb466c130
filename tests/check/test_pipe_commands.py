"""Macros in the commands of pipe services, as the daemon takes them (tests/live/test_pipe_macros_live.py)."""

from __future__ import annotations

import pytest

from mailconf.model.pipe_words import unknown_macros
from tests.vectors.pipe_macros import CASES, SENT


@pytest.mark.parametrize("words", CASES)
def test_they_are_known_as_the_daemon_knows_them(words: str) -> None:
    assert (CASES[words] == SENT) == (not any(list(unknown_macros(word)) for word in words.split()))
