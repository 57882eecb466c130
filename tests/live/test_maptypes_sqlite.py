"""sqlite tables side by side with the real postmap."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live.map_tools import run
from tests.live.query_tables import CONFIGS, KEYS, filled, make_database, ours, theirs, write_config
from tests.live.rule_tables import utf8_folder

pytestmark = pytest.mark.live


@pytest.mark.parametrize("number", range(len(CONFIGS)))
def test_configurations(tmp_path: Path, number: int) -> None:
    postfix = utf8_folder(tmp_path / "postfix")
    database = make_database(tmp_path)
    run("postmap", "-c", postfix, f"hash:{tmp_path / 'table'}")
    path = tmp_path / "t.cf"
    write_config(path, filled(CONFIGS[number], database))
    our_answers, our_words = ours(f"sqlite:{path}", KEYS)
    answers, words = theirs(postfix, f"sqlite:{path}", KEYS)
    assert our_words == words
    if answers:  # postmap that ends with a mistake takes its answers with it
        assert our_answers == answers
