"""Addresses are verified alike by the real Postfix and by ours."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest
from private_postfix import PrivatePostfix

sys.path.insert(0, str(Path(__file__).parent.parent / "mta"))

from test_probe_vectors import differing

from tests.vectors.probe_cases import CASES
from tests.vectors.record_probes import Probed, record

pytestmark = pytest.mark.live

_SAMPLE = ("codes of senders", "other transports", "virtual", "both, in one session")


def test_probes(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as top:
        Path(top).chmod(0o755)
        with PrivatePostfix(Path(top)) as postfix, Probed() as server:
            found = record(postfix, server, {name: CASES[name] for name in _SAMPLE})
    for name, answers in zip(_SAMPLE, found, strict=True):
        assert differing(name, answers["answers"], tmp_path) == []
