"""smtp_dns_reply_filter and lmtp_dns_reply_filter: where the real agents and ours deliver to, and what they log."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.live


def test_filters_of_services() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.live.smtp_hosts_side"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    sides = json.loads(done.stdout)
    (real, logged), (ours, said) = sides["real"], sides["ours"]
    assert len(real) > 20
    assert {name: words for name, words in ours.items() if words != real[name]} == {}
    assert said == logged
    assert {words[1] for words in real.values()} >= {"2.0.0", "4.7.0", "4.4.3"}
