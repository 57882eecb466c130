"""`mailconf test` beside the engines: the examples pass with their own one, and generated sessions agree.

A sample with a fixed seed; with MAILCONF_PROOF=1 2,000 sessions for each dialect. How often each form occurred is
printed. Needs root, as the engines get namespaces of their own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from generated_sessions import compare

from tests.live.map_tools import SENDMAIL_ROOT
from tests.live.sendmail_side import LIBRARIES, TOOLS

pytestmark = pytest.mark.live
TOP = Path(__file__).parents[2]
SITES = {"postfix": TOP / "examples/postfix/etc/postfix", "sendmail": TOP / "examples/sendmail/etc/mail"}
SAMPLE = {"postfix": 150, "sendmail": 60}
PROOF = 2_000


@pytest.fixture(autouse=True)
def libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", LIBRARIES)
    assert (SENDMAIL_ROOT / "usr/libexec/sendmail/sendmail").exists()


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder for temporary files that daemons of other users can come to."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def processes(of: str) -> list[str]:
    """The processes whose command names ``of``."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if of in command:
            found.append(command)
    return found


@pytest.mark.parametrize("dialect", ["postfix", "sendmail"])
def test_the_examples_pass_with_their_own_engine(dialect: str, reachable: Path) -> None:
    words = [sys.executable, "-m", "mailconf", "test", "--format", "json", "--engine", dialect]
    words += ["--sendmail", str(TOOLS / "sendmail")] if dialect == "sendmail" else []
    environment = {**os.environ, "PYTHONPATH": str(TOP), "TMPDIR": str(reachable)}
    done = subprocess.run(
        [*words, str(TOP / "examples" / dialect)], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads(done.stdout)["summary"]
    print(dialect, summary)
    assert summary["failed"] == 0 and summary["passed"] >= 30
    assert not list(reachable.iterdir()) and not processes(str(reachable))


@pytest.mark.parametrize("dialect", ["postfix", "sendmail"])
def test_generated_sessions_agree(dialect: str) -> None:
    count = PROOF if os.environ.get("MAILCONF_PROOF") == "1" else SAMPLE[dialect]
    program = str(TOOLS / "sendmail") if dialect == "sendmail" else ""
    agree, different, counts = compare(SITES[dialect], dialect, 7, count, program)
    print(f"{dialect}: {agree} of {count} sessions agree")
    for form, often in sorted(counts.items()):
        print(f"  {often:5}  {form}")
    assert not different, "\n".join(different[:20])
    assert agree == count


def test_what_fails_is_reported_as_the_engine_has_it(tmp_path: Path) -> None:
    file = tmp_path / "a.test.yaml"
    case = "{client: 203.0.113.9, from: a@far.test, to: x@else.test, reply: 250, goes: smtp x@else.test}"
    file.write_text(f"site: {SITES['postfix']}\ncases:\n  - {case}\n")
    words = [sys.executable, "-m", "mailconf", "test", "--engine", "postfix", str(file)]
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(TOP)}
    )
    assert done.returncode == 1, done.stderr
    assert "got       554 5.7.1 <x@else.test>: Relay access denied" in done.stdout
