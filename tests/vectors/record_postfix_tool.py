"""Records what postfix(1) says on a terminal, and its exit status, where a mail system runs and where none does:
postfix_tool.jsonl.

Run as root from the project's top: ``python -m tests.vectors.record_postfix_tool``.
"""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.live.private_postfix import PrivatePostfix
from tests.vectors import store

# ETC stands for the folder of main.cf; the calls come in this order. as: the user who calls.
CALLS: list[dict[str, Any]] = [
    {"running": True, "words": ["-c", "ETC", "status"], "as": "root"},
    {"running": True, "words": ["-c", "ETC", "status", "more"], "as": "root"},
    {"running": True, "words": ["-c", "ETC", "reload"], "as": "root"},
    {"running": True, "words": ["-c", "ETC", "flush"], "as": "root"},
    {"running": True, "words": ["-c", "ETC", "start"], "as": "root"},
    {"running": True, "words": ["-c", "ETC", "nosuch"], "as": "root"},
    {"running": True, "words": ["-c", "ETC"], "as": "root"},
    {"running": True, "words": ["-x"], "as": "root"},
    {"running": True, "words": ["-c"], "as": "root"},
    {"running": True, "words": ["-c", "relative", "status"], "as": "root"},
    {"running": True, "words": ["-c", "/nowhere", "status"], "as": "root"},
    {"running": True, "words": ["-c", "ETC", "status"], "as": "nobody"},
    {"running": True, "words": ["-c", "ETC", "stop"], "as": "root"},
    {"running": False, "words": ["-c", "ETC", "status"], "as": "root"},
    {"running": False, "words": ["-c", "ETC", "stop"], "as": "root"},
    {"running": False, "words": ["-c", "ETC", "reload"], "as": "root"},
    {"running": False, "words": ["-c", "ETC", "abort"], "as": "root"},
    {"running": False, "words": ["-c", "ETC", "flush"], "as": "root"},
    {"running": False, "words": ["-c", "ETC", "start"], "as": "root"},
    {"running": True, "words": ["-c", "ETC", "abort"], "as": "root"},
    {"running": False, "words": ["-c", "ETC", "status"], "as": "root"},
]


def on_a_terminal(command: list[str], user: str) -> tuple[int, str]:
    """The exit status, and what standard error has, which is a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs, user=user)
    os.close(theirs)
    said = b""
    while True:
        ended = process.poll() is not None
        if select.select([ours], [], [], 0.05)[0]:
            try:
                said += os.read(ours, 65536)
            except OSError:  # nobody has the terminal any more
                break
        elif ended:
            break
    os.close(ours)
    return process.wait(), said.decode().replace("\r\n", "\n")


def record(postfix: PrivatePostfix) -> list[dict[str, Any]]:
    found = []
    for case in CALLS:
        words = [str(postfix.etc) if word == "ETC" else word for word in case["words"]]
        status, said = on_a_terminal(["postfix", *words], case["as"])
        said = re.sub(r"(?<=PID: )\d+", "NUMBER", said).replace(str(postfix.etc), "ETC")
        found.append({"status": status, "said": said})
        if words[-1] == "abort":
            time.sleep(1)  # it does not wait
    return found


INPUTS = {"postfix_tool": lambda: store.Inputs(CALLS, {})}


def main() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name, PrivatePostfix(Path(name)) as postfix:
        answers = record(postfix)
        postfix._start()
    store.write("postfix_tool", store.postfix(), __file__, answers)


if __name__ == "__main__":
    main()
