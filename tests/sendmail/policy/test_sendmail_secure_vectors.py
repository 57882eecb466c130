"""A listener with a SendmailPolicy answers clients with TLS and logins as sendmail's daemon has answered them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sendmail.policy.clients_daemon import Site
from tests.sendmail.rules.rule_bench import FOLDER
from tests.vectors import store
from tests.vectors.record_sendmail_secure import write_keys
from tests.vectors.sendmail_clients_driver import Clients
from tests.vectors.sendmail_secure_cases import BASE, DEPARTURES, MC
from tests.vectors.sendmail_secure_driver import logged, masked, prepare, saslauthd

pytest.importorskip("OpenSSL")  # of the extra tls
CASES = store.load("sendmail_secure").cases
ASKED: list[str] = []  # of saslauthd


COMPARED = [case for case in CASES if not any(word in f"{case['sasl']}{case['text']}" for word in DEPARTURES)]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory() as folder:  # users look for files in it, with their own rights
        Path(folder).chmod(0o755)
        site = Site(Path(folder), BASE, MC)
        write_keys(site.folder)
        saslauthd(site.folder / "mux", ASKED)
        yield site


def name(case: dict[str, Any]) -> str:
    text = (case["text"] or case["mc"] or "").rpartition("server.key\n")[2]
    return repr(f"{text[:50]} {case['daemon']} {case['sasl'] or ''}"[:80])


@pytest.mark.parametrize("case", COMPARED, ids=[f"{n} {name(case)}" for n, case in enumerate(COMPARED)])
def test_the_daemon_s_replies(case: dict[str, Any], site: Site) -> None:
    prepare(site.folder.parent / "etc", FOLDER, case)
    ASKED.clear()
    with site.daemon(case) as daemon:
        clients = Clients(daemon, site.folder)
        for (who, action), reply in zip(case["steps"], case["said"], strict=True):
            said = clients.step(who, action)
            assert said is not None
            assert masked(said[0].replace(FOLDER, "FOLDER")) == reply, (who, action, daemon.lines)
        clients.close()
        daemon.settle(0)
        assert logged([line.replace(FOLDER, "FOLDER") for line in [*daemon.lines, *ASKED]]) == case["log"]
