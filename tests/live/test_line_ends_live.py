"""smtpd_forbid_bare_newline and smtpd_forbid_unauth_pipelining: serve beside the real Postfix, on one configuration.

Only a part of what tests/vectors/line_ends.jsonl holds is played here; each value is.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from site_postfix import SitePostfix, set_up

TESTS = Path(__file__).parent.parent
sys.path[:0] = [str(TESTS / "cli"), str(TESTS / "vectors")]

from line_end_dialogues import ENDS, LINES, PIPELINED  # noqa: E402
from record_line_ends import log_of, neutral, play  # noqa: E402
from served_fixture import Served, serving  # noqa: E402

pytestmark = pytest.mark.live

SOME = [*(f"end {name}" for name in ENDS), *random.Random(5).sample(sorted(set(LINES)), 12)]
SETTINGS = {
    "normalize": {"smtpd_forbid_bare_newline": "normalize"},
    "reject": {"smtpd_forbid_bare_newline": "reject", "smtpd_forbid_bare_newline_reject_code": "554"},
    "no, but nobody pipelines": {"smtpd_forbid_unauth_pipelining": "yes"},
}


@pytest.fixture(scope="module", params=SETTINGS)
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[SitePostfix, Served]]:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        set_up(root)
        with (root / "etc/postfix/main.cf").open("a") as file:
            file.write("smtpd_forbid_bare_newline_exclusions = 192.0.2.0/24\n")
            file.writelines(f"{name} = {value}\n" for name, value in SETTINGS[request.param].items())
        with SitePostfix(root, build=False) as postfix, serving(root, limit=300) as served:
            yield postfix, served


@pytest.mark.parametrize("name", dict.fromkeys([*SOME, *PIPELINED]))
def test_replies_and_log(pair: tuple[SitePostfix, Served], name: str) -> None:
    postfix, served = pair
    dialogue = [step.replace("@y.example", "@example.org") for step in {**PIPELINED, **LINES}[name]]
    since, before = postfix.log.stat().st_size, len(served.log)
    ours, theirs = ([neutral(reply) for reply in play(port, dialogue)] for port in (served.port, postfix.port))
    assert ours == theirs
    served.wait_for("disconnect from")
    deadline = time.monotonic() + 20
    while not any("disconnect from" in line for line in postfix.log_lines(since)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    real = log_of(postfix.log_lines(since))
    assert log_of([line[line.index("postfix/") :] for line in served.log[before:] if "postfix/" in line]) == real
