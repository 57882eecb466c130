"""Lists of the queue beside the real sendmail, each on a queue of its own with the same messages."""

from __future__ import annotations

import sys
from itertools import chain
from pathlib import Path

import pytest

from tests.live.sendmail_side import TOOLS
from tests.vectors.record_sendmail_queue import listed
from tests.vectors.sendmail_queue_cases import CASES

pytestmark = pytest.mark.live


def test_lists_of_the_queue() -> None:
    theirs = listed([TOOLS / "sendmail"], CASES)
    ours = listed([Path(sys.executable).parent / "mailconf", "sendmail"], CASES)
    asked = [(case["messages"], words) for case in CASES for words in case["lists"]]
    pairs = zip(asked, chain.from_iterable(theirs), chain.from_iterable(ours), strict=True)
    different = [(what, wanted, got) for what, wanted, got in pairs if wanted != got]
    print(f"{len(asked)} lists, {len(different)} differ")
    assert not different, different[0]
