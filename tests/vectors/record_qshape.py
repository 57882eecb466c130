"""Records what qshape prints of queues that are made for it: qshape.jsonl. Any user may run it.

python -m tests.vectors.record_qshape
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

from tests.vectors import store
from tests.vectors.qshape_cases import QUEUES, Message, cases


def record(kind: str, text: str) -> bytes:
    """A record of a queue file: its type, its length in groups of seven bits, its text."""
    data, length = text.encode(), b""
    rest = len(data)
    while True:
        rest, low = rest >> 7, rest & 0x7F
        length += bytes([low | 0x80 if rest else low])
        if not rest:
            return kind.encode() + length + data


def write(folder: Path, number: int, message: Message, now: float) -> None:
    """A queue file, as far as qshape reads it."""
    age, sender, recipients = message
    arrival = f"{now - age * 60:.0f} 0"
    parts = [("C", f"{0:>15} {0:>15} {0:>15}"), ("T", arrival), ("S", sender), ("M", ""), ("X", "")]
    parts += [*(("R", recipient) for recipient in recipients), ("E", "")]
    path = folder / f"{number:010X}"
    path.write_bytes(b"".join(record(*part) for part in parts))
    path.chmod(0o700)


def asked(queue: str, options: list[str], top: Path) -> dict[str, object]:
    """What the original says."""
    folder = top / "queue"
    folder.mkdir()
    now = time.time()
    for number, message in enumerate(QUEUES[queue]):
        write(folder, number, message, now)
    done = subprocess.run(["/usr/sbin/qshape", *options, str(folder)], capture_output=True, text=True, check=False)
    errors = [line for line in done.stderr.split("\n") if "isn't numeric" not in line]
    return {"status": done.returncode, "output": done.stdout, "errors": "\n".join(errors)}


def inputs() -> store.Inputs:
    return store.Inputs(cases(), {"queues": QUEUES})


def main() -> None:
    found = []
    for case in cases():
        with tempfile.TemporaryDirectory() as name:
            found.append(asked(case["queue"], case["options"], Path(name)))
    store.write("qshape", store.postfix(), __file__, found)


INPUTS = {"qshape": inputs}

if __name__ == "__main__":
    main()
