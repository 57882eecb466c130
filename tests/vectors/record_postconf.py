"""Records what the real postconf says of the cases in postconf_inputs.py, into postconf.jsonl.

    python -m tests.vectors.record_postconf

Each case runs with NORANDOMIZE set, so that the order of warnings is the same in every run, over files with an old
time, because postconf reads a new main.cf more than once. Cases in which it dies of a signal are left out. The node's
name and its interfaces are recorded as well: some defaults depend on them.
"""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mailconf.postfix.settings import machine
from mailconf.source import decode, encode
from tests.vectors import store
from tests.vectors.postconf_inputs import Case, fixed, random_case

RANDOM = 400
OLD = (10**9, 10**9)


def run(case: Case, command: list[str], **environment: str) -> dict[str, Any] | None:
    """What ``command`` makes of a case: status, output, messages, and the files that it changed; None for a crash."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        before = {"main.cf": encode(case.main), "master.cf": encode(case.master)}
        for file, data in before.items():
            (folder / file).write_bytes(data)
            os.utime(folder / file, OLD)
        done = subprocess.run(
            [*command, "-c", ".", *(encode(argument) for argument in case.arguments)],
            capture_output=True,
            cwd=folder,
            env={**os.environ, "NORANDOMIZE": "1", **environment},
            check=False,
        )
        if done.returncode < 0:
            return None
        found = {"status": done.returncode, "stdout": decode(done.stdout), "stderr": decode(done.stderr)}
        for file, data in before.items():
            after = (folder / file).read_bytes()
            if after != data:
                found[file] = decode(after)
        return found


def asked() -> list[Case]:
    dice = random.Random("postconf")
    return fixed() + [random_case(dice) for _ in range(RANDOM)]


def main() -> None:
    with ThreadPoolExecutor(32) as pool:  # a fatal error costs the real one a second of sleep
        answers = list(pool.map(lambda case: run(case, ["postconf"]), asked()))
    crash = {store.LEFT_OUT: "it dies of a signal"}
    here = {"node": os.uname().nodename, "interfaces": machine.interfaces()}
    store.write("postconf", store.postfix(), __file__, [answer or crash for answer in answers], machine=here)


INPUTS = {"postconf": lambda: store.Inputs([case._asdict() for case in asked()])}

if __name__ == "__main__":
    main()
