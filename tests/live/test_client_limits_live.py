"""Clients that come too often, and clients behind a proxy: the real smtpd and ours answer alike."""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from private_postfix import PrivatePostfix

sys.path.insert(0, str(Path(__file__).parent.parent / "mta"))

from test_rate_vectors import Differences

from tests.auth_server import AuthServer
from tests.vectors.rate_dialogues import BEFORE_GREETING, HEADERS, PROXY, RATES, TALK, Case
from tests.vectors.record_auth import write_certificates
from tests.vectors.record_rates import record

pytestmark = pytest.mark.live

_SAMPLE = ("messages, refused for other reasons", "logins", "TLS sessions, wrapper mode", "connections, XCLIENT")
_SEED, _MUTANTS = 20_26, 40


@pytest.fixture(scope="module")
def postfix() -> Iterator[PrivatePostfix]:
    with tempfile.TemporaryDirectory() as top:
        Path(top).chmod(0o755)
        with PrivatePostfix(Path(top)) as real:
            write_certificates(real.top)
            yield real


def compare(postfix: PrivatePostfix, case: Case, tmp_path: Path) -> list[object]:
    with AuthServer(postfix.top / "queue/private/auth"):
        (recorded,) = record(postfix, {"case": case})
    write_certificates(tmp_path)
    (tmp_path / "private").mkdir()
    differences = Differences(tmp_path, case, recorded["answers"])
    with AuthServer(tmp_path / "private/auth"):
        differences.look(list(range(len(case.sessions))), timeout=0.5, pieces=False)
    return differences.found


@pytest.mark.parametrize("name", _SAMPLE)
def test_limits(name: str, postfix: PrivatePostfix, tmp_path: Path) -> None:
    assert compare(postfix, RATES[name], tmp_path) == []


def test_headers_at_random(postfix: PrivatePostfix, tmp_path: Path) -> None:
    """Headers with a byte changed, left out or put in, and all that follows in one packet."""
    chosen = random.Random(_SEED)
    known = [header for header in HEADERS.values() if 20 < len(header) < 200]
    sessions = []
    for _ in range(_MUTANTS):
        header = bytearray(chosen.choice(known))
        at = chosen.randrange(len(header))
        byte = bytes([chosen.choice(b"\0\n\r 0129:.xP\x11\x21\xff")])
        header[at : at + chosen.randrange(2)] = byte if chosen.randrange(3) else b""
        sessions.append([BEFORE_GREETING, bytes(header) + b"".join(TALK)])
    assert compare(postfix, Case(PROXY, sessions), tmp_path) == []
