"""Connections that are kept: serve and the real Postfix relay the same mail by one main.cf to a host that counts."""

from __future__ import annotations

import os
import shutil
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from private_postfix import PrivatePostfix

from tests.certificates import self_signed
from tests.hop_server import HopServer, Says
from tests.vectors.hop_reuse import SERIES
from tests.vectors.record_hop_reuse import SERVICES, neutral, record
from tests.vectors.store import load

pytestmark = pytest.mark.live

TOP = Path(__file__).parents[2]
MESSAGES = 60
PARAMETERS = {
    "myhostname": "mail.example.com",
    "mydestination": "",
    "mynetworks": "127.0.0.0/8",
    "relayhost": "[127.0.0.1]:@PORT@",
    "notify_classes": "",
    "smtp_destination_concurrency_limit": "3",
    "smtp_connection_cache_time_limit": "20",
    "connection_cache_ttl_limit": "20",
    "smtpd_peername_lookup": "no",
}
SAMPLE = ("a reuse of two", "RSET refused", "MAIL refused, without PIPELINING", "lmtp")


@contextmanager
def real(top: Path, settings: dict[str, str]) -> Iterator[int]:
    with PrivatePostfix(top) as postfix:
        postfix.configure(settings, services=SERVICES)
        yield postfix.port


@contextmanager
def ours(top: Path, settings: dict[str, str]) -> Iterator[int]:
    postfix = PrivatePostfix(top)
    for folder in (postfix.etc, top / "queue"):
        folder.mkdir(parents=True)
    postfix.configure(settings)
    command = [sys.executable, "-m", "mailconf", "serve", str(postfix.etc), "--listen", f"127.0.0.1:{postfix.port}"]
    log = top / "serve.log"
    with (
        log.open("wb") as file,
        subprocess.Popen(command, stderr=file, env={**os.environ, "PYTHONPATH": str(TOP)}) as p,
    ):
        try:
            while b"listening on" not in log.read_bytes() and b" for smtp\n" not in log.read_bytes():
                assert p.poll() is None, log.read_text()
                time.sleep(0.02)
            yield postfix.port
        finally:
            p.send_signal(signal.SIGTERM)
            p.wait()


def sent(side: str, top: Path, script: list[Says], **settings: str) -> HopServer:
    """The server that a burst of messages was relayed to, each of which it took."""
    top.mkdir()
    top.chmod(0o755)
    with HopServer(script) as server:
        chosen = {**PARAMETERS, **settings}
        chosen = {name: value.replace("@PORT@", str(server.port)) for name, value in chosen.items()}
        with {"real": real, "ours": ours}[side](top, chosen) as port:
            with smtplib.SMTP("127.0.0.1", port) as client:
                for number in range(MESSAGES):
                    client.sendmail("a@b.example", ["x@y.example"], f"Subject: m{number}\r\n\r\nx\r\n")
            deadline = time.monotonic() + 60
            while len(server.taken) < MESSAGES:
                assert time.monotonic() < deadline, len(server.taken)
                time.sleep(0.02)
    shutil.rmtree(top, ignore_errors=True)
    assert sorted(name for _, name in server.taken) == sorted(f"m{number}" for number in range(MESSAGES))
    return server


def carried(server: HopServer) -> list[int]:
    """Messages of each session."""
    return [sum(number == at for number, _ in server.taken) for at in range(len(server.sessions))]


@pytest.mark.parametrize("side", ["real", "ours"])
def test_a_burst(side: str, tmp_path: Path) -> None:
    """Many messages by few connections, no more of them at a time than the concurrency, and RSET between messages."""
    server = sent(side, tmp_path / side, [{}])
    assert side == "real" or server.most <= 3  # a connection that waits in Postfix's cache counts beside those at work
    assert len(server.sessions) <= MESSAGES // 3
    if side == "ours":  # what waited when serve ended was ended in good order
        assert server.over() and all(session[-1] == "QUIT" for session in server.sessions)
    for session in server.sessions:
        assert session.count("RSET") == max(session.count("DATA") - 1, 0)


@pytest.mark.parametrize("side", ["real", "ours"])
def test_a_burst_with_a_limit(side: str, tmp_path: Path) -> None:
    server = sent(side, tmp_path / side, [{}], smtp_connection_reuse_count_limit="4")
    assert max(carried(server)) == 5
    assert all(
        session[-1] == "QUIT" for session, count in zip(server.sessions, carried(server), strict=True) if count == 5
    )


@pytest.mark.parametrize("side", ["real", "ours"])
def test_a_burst_without_a_cache(side: str, tmp_path: Path) -> None:
    server = sent(side, tmp_path / side, [{}], smtp_connection_cache_on_demand="no")
    assert carried(server) == [1] * MESSAGES


@pytest.mark.parametrize("side", ["real", "ours"])
def test_a_host_that_closes_after_some(side: str, tmp_path: Path) -> None:
    """It says nothing, and closes the connection after the third message: none is lost, none is sent twice."""
    server = sent(side, tmp_path / side, [{".": ["250 ok", "250 ok", "250 ok<close>"]}])
    assert max(carried(server)) == 3


def test_the_recorded_series_again(tmp_path: Path) -> None:
    """A sample of tests/vectors/hop_reuse.jsonl, by the Postfix that is installed."""
    recorded = load("hop_reuse").keyed("name")
    tmp_path.chmod(0o755)
    key = self_signed("localhost").write(tmp_path, "localhost")
    with PrivatePostfix(tmp_path / "postfix") as postfix:
        for name in SAMPLE:
            found = record(postfix, SERIES[name], key)
            assert found["log"] == recorded[name]["log"], name
            assert [neutral(each) for each in found["sessions"]] == recorded[name]["sessions"], name
