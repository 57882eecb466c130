"""The actions of access(5) are known in one place: each has a deed, and a table may have it."""

from __future__ import annotations

import pytest

from mailconf.diagnostics import Sink
from mailconf.postfix.policy.access import _ACTIONS
from mailconf.source import Source
from mailconf.tables import roles
from mailconf.tables.access_actions import ACTIONS, EffectKind, Shape

WRITTEN = {Shape.TEXT: "", Shape.TRANSPORT: " smtp:x", Shape.HEADER: " X-A: b", Shape.ADDRESS: " a@b.example"}


def test_each_has_a_deed() -> None:
    assert _ACTIONS.keys() == ACTIONS.keys()
    assert {action.effect for action in ACTIONS.values()} == {None, *EffectKind} - {EffectKind.WAIT}  # sendmail's


@pytest.mark.parametrize("word", ACTIONS)
def test_a_table_may_have_it(word: str) -> None:
    sink = Sink()
    source = Source("access", f"a@b.example {word.lower()}{WRITTEN[ACTIONS[word].shape]}\n")
    entries = roles.read_table(roles.ACCESS, source, sink)
    roles.check_table(roles.ACCESS, entries, sink, lambda word: False)
    assert not list(sink)
