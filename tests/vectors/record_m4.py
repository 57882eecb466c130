"""Records what the real m4 makes of the inputs in m4_inputs.py and of random texts, into m4.json.

python -m tests.vectors.record_m4
"""

from __future__ import annotations

import json
import os
import random
import shlex
import subprocess
import tempfile
from pathlib import Path

from tests.m4.m4_texts import INCLUDED, random_pattern, random_subject, random_text
from tests.vectors.m4_inputs import EVAL, FORMAT, LINES, PATTERNS, TEXTS

TARGET = Path(__file__).parent / "m4.json"
RANDOM = 150
C_LOCALE = {**os.environ, "LC_ALL": "C"}
FLAGS = ["", "", "", "-s", "-s", "-G", "-dV", "-dipt", "-E", "-E -E", "-Q", "-d", "-P"]


def inputs() -> list[tuple[str, bytes]]:
    """Every input, with the arguments of the command line."""
    found: list[tuple[str, bytes]] = []
    found += [("", b"changecom`'changequote([,])eval([%b])" % text.encode()) for text in EVAL]
    found += [("", b"changecom`'changequote([,])format([%b])" % text.replace(",", "],[").encode()) for text in FORMAT]
    found += [(flag, line.encode()) for line in LINES for flag in ("", "-Q")]
    found += [(arguments, text.encode()) for arguments, text in TEXTS]
    for line in PATTERNS:
        pattern, _, subject = line.rpartition("|")
        found.append(("", matching(pattern, subject)))
    for seed in range(RANDOM):
        r = random.Random(seed)
        found.append((r.choice(FLAGS), random_text(r)))
        found.append(("", matching(random_pattern(r), random_subject(r))))
    return found


def matching(pattern: str, subject: str) -> bytes:
    """A text that puts a pattern to every use."""
    return (
        "changecom`'changequote(`<<',`>>')"
        f"regexp(<<{subject}>>,<<{pattern}>>)|regexp(<<{subject}>>,<<{pattern}>>,<<<<(\\&)\\1,\\2>>>>)|"
        f"patsubst(<<<<{subject}>>>>,<<{pattern}>>,<<[\\&]>>)|\n"
    ).encode()


def main() -> None:
    version = subprocess.run(["m4", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    cases = []
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "included").write_bytes(INCLUDED)
        for arguments, text in inputs():
            try:
                command = ["m4", *shlex.split(arguments)]
                done = subprocess.run(
                    command, input=text, capture_output=True, cwd=folder, env=C_LOCALE, timeout=2, check=False
                )
            except subprocess.TimeoutExpired:
                continue  # a text that calls itself without end
            if len(done.stdout) + len(done.stderr) > 4000:
                continue
            status, shown = done.returncode, (text, done.stdout, done.stderr)
            cases.append([arguments, *(data.decode("latin-1") for data in shown), status])
    rows = ",\n".join(json.dumps(case) for case in cases)
    TARGET.write_text(f'{{"version": {json.dumps(version)}, "cases": [\n{rows}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
