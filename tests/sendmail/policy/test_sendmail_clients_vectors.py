"""A listener with a SendmailPolicy answers several clients as sendmail's daemon has answered them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sendmail.policy.clients_daemon import Site
from tests.sendmail.rules.rule_bench import FOLDER
from tests.vectors import store
from tests.vectors.sendmail_clients_driver import Clients

CASES = store.load("sendmail_clients").cases


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory() as folder:  # users look for files in it, with their own rights
        Path(folder).chmod(0o755)
        yield Site(Path(folder))


def name(case: dict[str, Any]) -> str:
    return repr(case["text"] if case["mc"] is None else case["mc"])[:60]


@pytest.mark.parametrize("case", CASES, ids=[f"{n} {name(case)}" for n, case in enumerate(CASES)])
def test_the_daemon_s_replies(case: dict[str, Any], site: Site) -> None:
    with site.daemon(case) as daemon:
        clients = Clients(daemon)
        for (who, action), (reply, seconds) in zip(case["steps"], case["said"], strict=True):
            said = clients.step(who, action)
            assert said is not None
            waited = daemon.waited()
            assert said[0].replace(FOLDER, "FOLDER") == reply, (who, action)
            if not str(action).startswith(("connect", "hurry")):
                assert waited == seconds, (who, action)
        clients.close()
