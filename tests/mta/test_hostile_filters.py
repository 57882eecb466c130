"""Filters that do not keep to what they should: bounds, and the default action. What filters change of a message."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mailconf.model.filtering import FilterHabits
from mailconf.mta import filter as filter_module
from mailconf.mta.filtered import Changes, FilteredMessage
from mailconf.mta.headers import UNLIMITED
from mailconf.smtp.milter import AddField, ChangeField, ReplaceBody
from tests.milter_side import Ours
from tests.vectors.milter_cases import SENT, Case

HASTY = {"smtpd_milters": "{ @FILTER0@, command_timeout=1s, content_timeout=1s }"}
DEFERRED = "451 4.7.1 Service unavailable - try again later"


def came_of(top: Path, packets: list[str], letter: str = "E") -> tuple[str, int]:
    """The last reply but one, which is that to the message, and how many messages were queued."""
    case = Case("hostile", [{"answers": {letter: [packets]}}], SENT, HASTY)
    (answer,) = Ours(top).answers([case])
    return answer["replies"][-2], len(answer["queue"])


def test_endless_progress_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filter_module, "_PATIENCE", 2)
    assert came_of(tmp_path, ["!progress"]) == (DEFERRED, 0)


def test_as_many_changes_as_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filter_module, "_MOST_CHANGES", 20)
    assert came_of(tmp_path, ["hX\0y\0"] * 20 + ["c"])[1] == 1
    assert came_of(tmp_path, ["hX\0y\0"] * 21 + ["c"]) == (DEFERRED, 0)


def test_as_much_as_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the size of a message."""
    monkeypatch.setattr(filter_module, "_MOST_BYTES", -10_239_000)  # with message_size_limit 1,000 bytes
    assert came_of(tmp_path, ["b" + "x" * 500] * 2 + ["c"])[1] == 1
    assert came_of(tmp_path, ["b" + "x" * 500] * 2 + ["bx", "c"]) == (DEFERRED, 0)


def test_no_answer(tmp_path: Path) -> None:
    assert came_of(tmp_path, ["!silent"]) == (DEFERRED, 0)


@pytest.mark.parametrize("sent", ["!raw\xff\xff\xff\xff", "!raw\0\0\0\0", "!raw\0\0\0\5hX", "!close", "c\0", "\0", "O"])
@pytest.mark.parametrize("letter", ["M", "E"])
def test_no_answer_of_the_protocol(tmp_path: Path, letter: str, sent: str) -> None:
    """The message is not taken; nothing else comes of it."""
    case = Case("hostile", [{"answers": {letter: [[sent, "!close"]]}}], SENT, HASTY)
    (answer,) = Ours(tmp_path).answers([case])
    assert DEFERRED in answer["replies"] and not answer["queue"]
    assert not [line for line in answer["log"] if "panic" in line]


def changed(content: bytes, *listed: AddField | ChangeField | ReplaceBody, habits: FilterHabits | None = None) -> bytes:
    changes = Changes()
    for one in listed:
        changes.add(one)
    message = FilteredMessage(content, UNLIMITED)
    asyncio.run(message.change(changes, habits or FilterHabits()))
    return message.content


MAIL = b"Received: ours\nA: 1\nB: 2\nA: 3\n\nbody\n"


def test_a_field_cannot_end_the_header() -> None:
    """Nor begin another one."""
    for value in ("x\n\nbody", "x\nBcc: y", "x\r\n\r\nbody", "\n"):
        head = changed(MAIL, AddField("N", value)).partition(b"\n\nbody\n")[0]
        assert head.startswith(MAIL.partition(b"\n\n")[0] + b"\nN: ")
        assert all(line[:1] == b"\t" for line in head.partition(b"\nN: ")[2].split(b"\n")[1:])


def test_numbers_of_fields() -> None:
    assert changed(MAIL, AddField("N", "x", 0)).startswith(b"N: x\nReceived:")
    assert changed(MAIL, AddField("N", "x", 1)).startswith(b"Received: ours\nN: x\nA:")
    assert changed(MAIL, AddField("N", "x", 2**32 - 1)).endswith(b"A: 3\nN: x\n\nbody\n")
    assert changed(MAIL, ChangeField("a", "x", 2)) == b"Received: ours\nA: 1\nB: 2\na: x\n\nbody\n"
    assert changed(MAIL, ChangeField("A", "", 1)) == b"Received: ours\nB: 2\nA: 3\n\nbody\n"
    assert changed(MAIL, ChangeField("received", "x", 1)) == MAIL.replace(b"\n\n", b"\nreceived: x\n\n")
    after = FilterHabits(inserts_after=True)
    assert changed(MAIL, AddField("N", "x", 0), habits=after).startswith(b"Received: ours\nN: x\nA:")


def test_another_body() -> None:
    assert changed(MAIL, ReplaceBody(b"a\r"), ReplaceBody(b"\nb")).endswith(b"A: 3\n\na\nb\n")
    assert changed(MAIL, ReplaceBody(b"")).endswith(b"A: 3\n\n")


def test_the_body_in_pieces() -> None:
    """However its line ends fall."""
    message = FilteredMessage(b"A: 1\n\n" + b"ab\n" * 50, UNLIMITED)
    for size in (1, 2, 3, 7, 1000):
        pieces = list(message.chunks(size))
        assert b"".join(pieces) == b"ab\r\n" * 50
        assert {len(piece) for piece in pieces[:-1]} <= {size}
