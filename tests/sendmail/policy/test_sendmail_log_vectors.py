"""A listener with a SendmailPolicy logs what sendmail's daemon has logged; a message gets the same field Received."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sendmail.policy.clients_daemon import Site
from tests.vectors import store
from tests.vectors.sendmail_clients_driver import Clients, fields, same

CASES = store.load("sendmail_log").cases


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Site(Path(folder))


@pytest.mark.parametrize("case", CASES, ids=[f"{n} {case['text'][-40:]!r}" for n, case in enumerate(CASES)])
def test_the_log_and_the_field_received(case: dict[str, Any], site: Site) -> None:
    with site.daemon(case) as daemon:
        clients = Clients(daemon)
        for who, action in case["steps"]:
            clients.step(who, action)
        clients.close()
        daemon.settle(0)
    wanted = [
        line for line in case["log"] if " to=<" not in line or "mailer=" not in line
    ]  # deliveries are the queue's
    assert same(daemon.lines) == wanted
    if case["received"]:
        found = [fields(each.content.decode("latin-1"))[0] for each in daemon.kept.messages]
        assert found == list(dict.fromkeys(case["received"]))  # each recipient has a message of its own there
