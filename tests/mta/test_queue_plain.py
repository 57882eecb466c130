"""What a start takes from the texts of records without reading all of their JSON is what the JSON says."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailconf.mta.queue.envelope import Broken, dump, load, plain_envelope, plain_state
from mailconf.mta.queue.holdings import Holdings, Place
from mailconf.mta.queue.records import RecordType, SegmentHead, pack, record_at, scan

TRICKY = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ['","next":5', ',"next":5,"', '"state":{', '\\",\\"next\\":7,', ',"came":', "\udcff", '{"id":"x",']
    ),
)
STATE = st.dictionaries(
    st.integers(0, 30).map(str),
    st.tuples(st.integers(0, 3), st.integers(0, 9), TRICKY, TRICKY, TRICKY, st.integers(0, 599), st.lists(TRICKY)),
    max_size=3,
)
NUMBERS = st.one_of(st.integers(-9, 2**40), st.floats(allow_nan=False, allow_infinity=False))
ADDS = st.fixed_dictionaries(
    {"id": TRICKY, "from": TRICKY, "to": st.lists(st.fixed_dictionaries({"address": TRICKY})), "next": NUMBERS},
    optional={
        "hold": st.just(True), "warned": st.just(True), "came": TRICKY, "state": STATE, "envid": TRICKY,
        "session": st.dictionaries(st.sampled_from(["helo", "sender", "next_one"]), TRICKY),
    },
)  # fmt: skip


def held_after(*steps: Any) -> list[Any]:
    """What the holdings know of a message after each of these."""
    holdings = Holdings()
    for step in steps:
        step(holdings)
    held = holdings.messages[7]
    return [held.queue_id, held.next_attempt, held.hold, held.warned, held.came, held.changes()]


@given(ADDS)
@example({"id": "A", "from": ',"next":5,', "to": [], "next": 6.5})
@example({"id": "A", "from": "", "to": [], "next": 1e300})
@example({"id": "A", "from": "", "to": [], "next": 1, "state": {"0": [1, 1, "", "", "", 0, []]}})
def test_an_envelope_says_the_same(values: dict[str, Any]) -> None:
    text, place = dump(values), Place(1, 44, 0)
    plain = plain_envelope(text)
    if plain is not None:
        short = held_after(lambda holdings: holdings.add(7, plain, place))
        assert short == held_after(lambda holdings: holdings.add(7, load(text), place))


@given(STATE, st.dictionaries(st.sampled_from(["next", "hold", "warned"]), st.integers(0, 9)), st.booleans())
def test_a_state_says_the_same(state: dict[str, Any], others: dict[str, Any], before: bool) -> None:
    text = dump({"state": state, **others})
    found = plain_state(text)
    if not found:
        assert others or not state or b'},"' in text  # so may the state of two recipients look, within a text
        return
    first = {"id": "A", "next": 1.0, **({"state": {"0": [0, 0, "", "", "", 0, []]}} if before else {})}

    def add(holdings: Holdings) -> None:
        holdings.add(7, first, Place(1, 44, 0))

    short = held_after(add, lambda holdings: holdings.first_state(7, found))
    assert short == held_after(add, lambda holdings: holdings.change(7, load(text)))


@given(st.binary(max_size=40))
def test_texts_of_others_are_left_to_the_reader_of_json(text: bytes) -> None:
    for each in (text, b'{"id":"' + text, b'{"state":{"' + text, b'{"id":"A","next":' + text):
        plain = plain_envelope(each)
        assert plain is None or set(plain) == {"id", "next"}
        if state := plain_state(each):
            try:
                Holdings().change(7, {"state": state})
            except Broken:
                pass


def test_what_a_new_message_is_has_no_need_of_its_json() -> None:
    """Else a start would take as long as before."""
    values = {
        "id": "3A2F1",
        "from": "a@x",
        "at": 1.5,
        "to": [{"address": "b@y"}],
        "size": 9,
        "next": 1.5,
        "local": True,
    }
    assert plain_envelope(dump(values)) == {"id": "3A2F1", "next": 1.5}
    assert plain_state(b'{"state":{"0":[1]},"more":{"0":[]}}') == b""
    assert plain_state(dump({"state": {"0": [1, 1, "4.4.1", 'a "quoted" }, text', "none", 0, []]}}))


@given(st.integers(0, 400), st.integers(0, 255), st.integers(0, 300))
def test_a_file_in_memory_is_read_like_one_that_is_not(at: int, byte: int, cut: int) -> None:
    head = SegmentHead(1, 5, b"12345678")
    data = bytearray(head.pack())
    for serial in range(3):
        data += pack(head.mark, RecordType.ADD, serial, len(data), b'{"id":"A"}', 0, 0)
    data += bytes(40)
    data[min(at, len(data) - 1)] = byte
    whole = bytes(data[: len(data) - min(cut, len(data))])
    in_memory = list(scan(io.BytesIO(whole), len(whole)))
    for found in in_memory:
        if hasattr(found, "text"):
            assert record_at(io.BytesIO(whole), found.offset, len(whole), head.mark) == found


def test_the_same_outcome_is_kept_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """100,000 messages for a host that is down have as many places, and one text; what is long has its own."""
    holdings = Holdings()
    monkeypatch.setattr("mailconf.mta.queue.holdings._SHARED", 40)
    for serial in range(1, 6):
        holdings.add(serial, {"id": f"Q{serial}", "next": 0.0}, Place(1, 0, 0))
    same = b'{"0":[0,1,"4.4.1","timed out"]}'
    for serial in (1, 2):
        holdings.first_state(serial, bytes(bytearray(same)))
    holdings.change(3, {"state": {"0": [0, 1, "4.4.1", "timed out"]}})
    held = [holdings.messages[serial].outcomes for serial in (1, 2, 3)]
    assert held == [same] * 3 and len({id(each) for each in held}) == 1
    for serial in (4, 5):
        holdings.first_state(serial, bytes(bytearray(b"x" * 41)))
    assert holdings.messages[4].outcomes is not holdings.messages[5].outcomes
    for number in range(100):
        holdings.messages[1].outcomes = b""
        holdings.first_state(1, b"%d" % number)
    assert len(holdings._shared) <= 40
