"""The queue by sendmail's command: listed as sendmail lists its own, run, put on hold."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from mailconf.cli import main
from mailconf.mta.control.client import open_queue
from mailconf.mta.control.operation import QueueName
from mailconf.mta.message import Message, Recipient
from mailconf.mta.queue_ids import DateIds
from mailconf.mta.submission import Submission
from tests.vectors.record_sendmail_queue import masked
from tests.vectors.store import load

VECTORS = load("sendmail_queue")


def latin(text: str) -> str:
    """Text as sendmail's side has it, of bytes in UTF-8."""
    return text.encode("latin-1").decode("latin-1")


def submit(root: Path, message: dict[str, Any]) -> str:
    submission = Submission(root / "q", DateIds())
    now = time.time()
    queue_id = submission.queue_id(now)
    sender = {None: "root", "<>": ""}.get(message["sender"], message["sender"])
    in_order = sorted(message["recipients"], key=lambda address: "@" in address)  # as the command puts them
    recipients = [Recipient(latin(address)) for address in in_order]
    content = b"Subject: x\n\n" + b"line\n" * message["lines"]
    submission.add_whole(Message(queue_id, latin(sender), recipients, content, now, waits=True))
    return queue_id


def site(root: Path) -> list[str]:
    """The options that name a configuration below ``root``."""
    (root / "q").mkdir(mode=0o700)
    (root / "etc").mkdir()
    (root / "etc/hosts").write_text("127.0.0.1 mail.example.org localhost\n")
    (root / "etc/passwd").write_text(VECTORS.head.common["passwd"])
    (root / "x.cf").write_text(VECTORS.head.common["base"].replace("FOLDER", ""))
    return ["--root", str(root), "-C", "/x.cf"]


@pytest.mark.parametrize("case", VECTORS.cases, ids=lambda case: str(len(case["messages"])))
def test_lists_are_sendmails(case: dict[str, Any], tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    options = site(tmp_path)
    for message in case["messages"]:
        submit(tmp_path, message)
    for words, wanted in zip(case["lists"], case["answers"], strict=True):
        capfdbinary.readouterr()
        status = main(["sendmail", *options, *words])
        out, err = capfdbinary.readouterr()
        text = masked(out.decode("latin-1")).replace("/q", "FOLDER/q")
        assert {"status": status, "out": text, "err": err.decode("latin-1")} == wanted, words


def test_mailq_is_sendmails_where_there_is_no_main_cf(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAIL_CONFIG", raising=False)
    options = site(tmp_path)
    queue_id = submit(tmp_path, {"sender": None, "recipients": ["x@far.example"], "lines": 1})
    assert main(["mailq", *options]) == 0
    assert queue_id.encode() in capfdbinary.readouterr().out


def test_messages_are_put_on_hold_and_released(tmp_path: Path) -> None:
    options = site(tmp_path)
    ids = [submit(tmp_path, {"sender": None, "recipients": [f"{n}@far.example"], "lines": 1}) for n in range(2)]

    def where() -> dict[str, QueueName]:
        queue = open_queue(tmp_path / "q")
        return {each.id: each.queue for each in queue.listings()}

    assert main(["sendmail", *options, "-Qodd", "-qR1@far"]) == 0
    assert where() == {ids[0]: QueueName.INCOMING, ids[1]: QueueName.HOLD}
    assert main(["sendmail", *options, "-Q", "-qQ"]) == 0
    assert set(where().values()) == {QueueName.INCOMING}


def test_a_run_of_the_queue_attempts_what_is_meant_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mailer without its program is a failed attempt. What is not meant may be due: with MinQueueAge=0 all is."""
    options = site(tmp_path)
    cf = tmp_path / "x.cf"
    cf.write_text(cf.read_text().replace("Mlocal, P=/bin/true,", "Mlocal, P=/no/such/program,"))
    submit(tmp_path, {"sender": None, "recipients": ["ann"], "lines": 1})
    assert main(["sendmail", *options, "-q"]) == 0
    queue = open_queue(tmp_path / "q")
    assert [(each.queue, each.tries) for each in queue.listings()] == [(QueueName.DEFERRED, 1)]
    due = time.time() + 3600
    monkeypatch.setattr("mailconf.mta.world.MtaWorld.now", lambda world: due)
    assert main(["sendmail", *options, "-qR@nowhere"]) == 0
    assert [each.tries for each in open_queue(tmp_path / "q").listings()] == [1]
    assert main(["sendmail", *options, "-qRann"]) == 0
    assert [each.tries for each in open_queue(tmp_path / "q").listings()] == [2]


@pytest.mark.parametrize(("user", "status", "said"), [(0, 0, b"is empty"), (4711, 0, b"not permitted to see")])
def test_who_may_see_the_queue(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch,
    user: int, status: int, said: bytes,
) -> None:  # fmt: skip
    options = site(tmp_path)
    (tmp_path / "q").chmod(0o755)
    with (tmp_path / "x.cf").open("a") as file:
        file.write("O PrivacyOptions=restrictmailq,restrictqrun\n")
    monkeypatch.setattr("os.getuid", lambda: user)
    assert main(["sendmail", *options, "-bp"]) == status
    assert said in capfdbinary.readouterr().out
    if user:
        assert main(["sendmail", *options, "-q"]) == 77
        assert capfdbinary.readouterr().out == b"You do not have permission to process the queue\n"
