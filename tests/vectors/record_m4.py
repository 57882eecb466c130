"""Records what the real m4 makes of the inputs in m4_inputs.py and of random texts, into m4.jsonl.

python -m tests.vectors.record_m4
"""

from __future__ import annotations

import os
import random
import shlex
import subprocess
import tempfile
from pathlib import Path

from tests.m4.m4_texts import INCLUDED, random_pattern, random_subject, random_text
from tests.vectors import store
from tests.vectors.m4_inputs import EVAL, FORMAT, LINES, PATTERNS, TEXTS

RANDOM = 150
C_LOCALE = {**os.environ, "LC_ALL": "C"}
FLAGS = ["", "", "", "-s", "-s", "-G", "-dV", "-dipt", "-E", "-E -E", "-Q", "-d", "-P"]


def texts() -> list[tuple[str, bytes]]:
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


def inputs() -> store.Inputs:
    cases = [{"arguments": arguments, "text": text.decode("latin-1")} for arguments, text in texts()]
    return store.Inputs(cases, {"included": INCLUDED.decode("latin-1")})


def answer(folder: Path, arguments: str, text: bytes) -> dict[str, object]:
    """What m4 prints and its status."""
    command = ["m4", *shlex.split(arguments)]
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, cwd=folder, env=C_LOCALE, timeout=2, check=False
        )
    except subprocess.TimeoutExpired:
        return {store.LEFT_OUT: "it calls itself without end"}
    if len(done.stdout) + len(done.stderr) > 4000:
        return {store.LEFT_OUT: "it prints too much"}
    output, messages = done.stdout.decode("latin-1"), done.stderr.decode("latin-1")
    return {"output": output, "messages": messages, "status": done.returncode}


def main() -> None:
    said = subprocess.run(["m4", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    engine = store.Engine("GNU m4", said.rpartition(" ")[2], store.installed("m4"))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "included").write_bytes(INCLUDED)
        answers = [answer(Path(folder), arguments, text) for arguments, text in texts()]
    store.write("m4", engine, __file__, answers)


INPUTS = {"m4": inputs}

if __name__ == "__main__":
    main()
