"""postqueue, postsuper and postcat: their words beside Postfix's, and what they do to the queue of an MTA that runs."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from mailconf.cli import main
from mailconf.cli.postfix.queue_tool import json_lines, lines
from mailconf.model.address import internal
from mailconf.mta.control import Listed, Listing, QueueName
from tests.vectors.store import load


def listing_of(line: str) -> Listing:
    """What Postfix's JSON says of a message, as the queue has it."""
    values: dict[str, Any] = json.loads(line)
    recipients = [Listed(internal(each["address"]), each.get("delay_reason", "")) for each in values["recipients"]]
    sender = "" if values["sender"] == "MAILER-DAEMON" else internal(values["sender"])
    place = values["queue_id"], QueueName(values["queue_name"]), values["arrival_time"], values["message_size"]
    return Listing(*place, 0, 0, values["forced_expire"], sender, recipients)


@pytest.mark.parametrize("case", load("queue_lists").cases)
def test_a_list_is_postfixs(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    found = [listing_of(line) for line in case["json"].splitlines()]
    assert "".join(f"{line}\n" for line in lines(found, long_ids=case["long"])) == case["text"]
    assert "".join(f"{line}\n" for line in json_lines(found)) == case["json"]


@pytest.mark.parametrize("case", load("queue_calls").cases, ids=lambda case: " ".join([case["tool"], *case["words"]]))
def test_a_call_where_no_mail_system_runs(
    case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (tmp_path / "etc").mkdir()
    main_cf = load("queue_calls").head.common["main.cf"]
    (tmp_path / "etc/main.cf").write_text(f"{main_cf}queue_directory = {tmp_path}/queue\n")
    (tmp_path / "in").write_text(case["stdin"])
    words = case["words"] if "-c" in case["words"] else ["-c", str(tmp_path / "etc"), *case["words"]]
    with (tmp_path / "in").open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        status = main([case["tool"], *words])
    out, err = capfdbinary.readouterr()
    assert (out.decode(), err.decode(), status) == (case["out"], case["err"], case["status"])
    assert not os.path.lexists(tmp_path / "queue") or "-c" in case["words"]
