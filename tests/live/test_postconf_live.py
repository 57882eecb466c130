"""Our postconf and the real one side by side: output, messages, exit status, and the files that both leave behind.

What differs on purpose is in the docstrings of mailconf.cli.postfix.postconf and mailconf.postfix.postconf.edit; the
cases keep clear of it: the real one runs with NORANDOMIZE, over files with an old time.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mailconf.source import decode
from tests.vectors.postconf_inputs import Case, fixed, random_case
from tests.vectors.postconf_wild import wild_case
from tests.vectors.record_postconf import OLD, run

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
REAL = ["/usr/sbin/postconf"]
# What the real one is called is in its messages; ours is called the same way through a link of that name.
PROGRAM = "import sys; from mailconf.cli.postfix.postconf import run; sys.exit(run('/usr/sbin/postconf', sys.argv[1:]))"
OURS = [sys.executable, "-c", PROGRAM]
RANDOM = 250


def both(case: Case) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    real, ours = run(case, REAL), run(case, OURS, PYTHONPATH=str(ROOT))
    for found in (real, ours):
        if found:
            found["stdout"] = without_pid(found["stdout"])
            # Both wrap a cycle's error in as many more as fit; which comes first tells enough.
            found["stderr"] = re.sub(r"(unreasonable macro call nesting).*", r"\1", found["stderr"], flags=re.DOTALL)
    return real, ours


def compare(cases: list[Case]) -> None:
    with ThreadPoolExecutor(8) as pool:  # a fatal error costs the real one a second of sleep
        answers = list(pool.map(both, cases))
    for case, (real, ours) in zip(cases, answers, strict=True):
        if real is not None:  # None: it crashed
            assert ours == real, case


def test_cases_written_by_hand() -> None:
    compare(fixed())


@pytest.mark.parametrize("seed", range(4))
def test_random_configurations_and_edits(seed: int) -> None:
    dice = random.Random(f"live {seed}")
    compare([random_case(dice) for _ in range(RANDOM)])


@pytest.mark.parametrize("seed", range(4))
def test_wild_configurations_and_options(seed: int) -> None:
    dice = random.Random(f"wild {seed}")
    compare([wild_case(dice) for _ in range(RANDOM)])


AGAIN = b"postconf: warning: ./main.cf, line 1: overriding earlier entry: a=c"
ASKED = [
    *(["-n"], ["-M"], ["-d", "myorigin"], ["myorigin"], ["-e", "a=b"], ["-e", "a"], ["-X", "a"], ["-#", "a"]),
    *(["-a"], ["-l"]),
    *(["-MX", "x/unix"], ["-Me", "x/unix=x unix - - - - - y"], ["-Me", "x"], ["-Pe", "x/unix/a=b"]),
]


@pytest.mark.parametrize("missing", ["main.cf", "master.cf", "both", "folder"])
@pytest.mark.parametrize("instead", ["nothing", "a folder"])
def test_files_that_cannot_be_read(missing: str, instead: str, tmp_path: Path) -> None:
    for arguments in ASKED:
        said = []
        for command in (REAL, OURS):
            folder = tmp_path / "site"
            shutil.rmtree(folder, ignore_errors=True)
            if missing != "folder":
                folder.mkdir()
                for name in ("main.cf", "master.cf"):
                    if missing not in (name, "both"):
                        (folder / name).touch()
                        os.utime(folder / name, OLD)
                    elif instead == "a folder":
                        (folder / name).mkdir()
            done = subprocess.run(
                [*command, "-c", "site", *arguments],
                capture_output=True,
                env={**os.environ, "NORANDOMIZE": "1", "PYTHONPATH": str(ROOT)},
                cwd=tmp_path,
                check=False,
            )
            said.append((arguments, done.returncode, done.stdout, done.stderr))
        assert said[0] == said[1]


SHOWN = [
    *("-n", "-nf", "-nx", "", "-f", "-x", "-d", "-dx", "-df", "-H", "-h", "-C service", "-C user", "-h myhostname"),
    *("-M", "-Mf", "-Mfx", "-P", "-Px", "-F", "-Ffx", "-Fh", "-l", "-a", "-A", "-b", "-t", "-T run-version"),
]


@pytest.mark.parametrize("arguments", SHOWN)
@pytest.mark.parametrize("site", ["examples/postfix/etc/postfix", "/etc/postfix"])
def test_whole_sites(site: str, arguments: str, tmp_path: Path) -> None:
    for name in ("main.cf", "master.cf"):
        shutil.copy(ROOT / site / name, tmp_path / name)
        os.utime(tmp_path / name, OLD)
    said = []
    for command in (REAL, OURS):
        environment = {**os.environ, "NORANDOMIZE": "1", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [*command, "-c", str(tmp_path), *arguments.split()], capture_output=True, env=environment, check=False
        )
        said.append((done.returncode, without_pid(decode(done.stdout)), done.stderr))
    assert said[0] == said[1]


def without_pid(output: str) -> str:
    """``output`` without the process's number, which with -h stands alone on its line, before process_id_directory."""
    output = re.sub(r"process_id = \d+", "process_id = N", output)
    output = re.sub(r"(?m)^\d+$(?=\npid\n)", "N", output)
    return re.sub(r"(?m)^\d+$(?=\n.*\n)", lambda found: "N" if int(found[0]) > 1000 else found[0], output)


@pytest.mark.parametrize("text", ["broken\n", "a = b\na = c\n", " lead\na = b\n", None])
def test_the_types_are_listed_after_main_cf_is_read(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "main.cf").write_text(text)
        os.utime(tmp_path / "main.cf", OLD)
    said = []
    for command in (REAL, OURS):
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [*command, "-c", ".", "-m"], capture_output=True, env=environment, cwd=tmp_path, check=False
        )
        # The original reads it several times.
        said.append((done.returncode, bool(done.stdout), sorted({*done.stderr.split(b"\n")} - {AGAIN})))
    assert said[0] == said[1]


@pytest.mark.parametrize(
    "text",
    [
        "x unix - - n\n#\0\n - - smtp a\n",
        "x unix - - n\n  #\0 b\n - - smtp a\n",
        "x unix - - n - - smtp\n#c\0d\n\n b\0 c\n d\n",
        "x unix - - n - - smtp {a\n#\0}\n b} c\n",
    ],
)
def test_nuls_in_comments_of_master_cf(text: str, tmp_path: Path) -> None:
    """A comment goes before a NUL in it ends anything: tests/postfix/test_master_cf_tree.py has the grammar."""
    (tmp_path / "main.cf").write_text("compatibility_level = 3.6\n")
    (tmp_path / "master.cf").write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = [
        subprocess.run([*command, "-c", str(tmp_path), "-M"], capture_output=True, env=environment, check=True)
        for command in (REAL, OURS)
    ]
    assert said[0].stdout == said[1].stdout != b"" and said[0].stderr == said[1].stderr
