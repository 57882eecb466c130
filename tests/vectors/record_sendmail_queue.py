"""Records how sendmail lists its queue: sendmail_queue.jsonl.

    python -m tests.vectors.record_sendmail_queue

Needs root. `listed` asks any program with sendmail's options; ids and times are masked, and the messages of a list
sorted, since their order is that of the file system where their priority is the same.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.live.map_tools import SENDMAIL_ROOT
from tests.live.sendmail_side import LIBRARIES, TOOLS
from tests.vectors import store
from tests.vectors.sendmail_queue_cases import CASES
from tests.vectors.sendmail_smtp_cases import BASE, FILES, HOST, HOSTS, PASSWD

TOP = Path(__file__).parents[2]
TEXT = f"{BASE}O QueueLA=10000\nO RefuseLA=10000\n"  # the machine may have much to do
_ROW = re.compile(r"^(\w{14,})([* X?-])(.{8}) (.{10} )?(?:\w{3} )?(\w{3} [ \d]\d \d\d:\d\d) ", re.MULTILINE)
_ALONE = """\
set -e
ip link set lo up
hostname "$1"
for name in resolv.conf hosts passwd; do
    mount --bind "$2/$name" "/etc/$name"
done
shift 2
exec "$@"
"""


def masked(text: str) -> str:
    """A list without ids, priorities and times, its messages sorted."""
    parts = re.split(r"(?m)^(?=\w{14,}[* X?-] *\d)", text)
    end = re.search(r"(?m)^\t\tTotal requests: \d+\n\Z", parts[-1])
    last = end[0] if end else ""
    parts[-1] = parts[-1].removesuffix(last)
    head, *messages = parts
    rows = [_ROW.sub(lambda row: f"ID{row[2]}{row[3]} {'PRIORITY ' if row[4] else ''}TIME ", each) for each in messages]
    return "".join((head, *sorted(rows), last))


def listed(command: Sequence[str | Path], cases: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """What a program answers to the lists of each case. FOLDER in texts is the folder."""
    with tempfile.TemporaryDirectory(dir=SENDMAIL_ROOT) as name:
        folder = Path(name)
        folder.chmod(0o755)
        settings = {"resolv.conf": "nameserver 127.0.0.1\n", "hosts": HOSTS, "passwd": PASSWD}
        for file, text in {**FILES, **settings, "x.cf": TEXT.replace("FOLDER", name)}.items():
            (folder / file).write_text(text)
        alone = ["unshare", "--mount", "--net", "--uts", "sh", "-c", _ALONE, "sh", HOST, name]
        driver = [sys.executable, "-m", "tests.vectors.record_sendmail_queue", name]
        done = subprocess.run(
            [*alone, "env", f"LD_LIBRARY_PATH={LIBRARIES}", *driver, *command],
            input=json.dumps(cases),
            stdout=subprocess.PIPE,
            text=True,
            cwd=TOP,
            check=True,
        )
        found: list[list[dict[str, Any]]] = json.loads(done.stdout.replace(name, "FOLDER"))
        return found


def _drive(folder: Path, command: list[str]) -> None:
    """Within the namespace: the cases from standard input, the answers to standard output."""
    answers = []
    for number, case in enumerate(json.load(sys.stdin)):
        queue = folder / f"q{number}"
        queue.mkdir(mode=0o700)
        base = [*command, "-C", str(folder / "x.cf"), f"-OQueueDirectory={queue}"]
        for message in case["messages"]:
            sender = [] if message["sender"] is None else ["-f", message["sender"]]
            words = [word.encode("latin-1") for word in (*sender, *message["recipients"])]
            text = b"Subject: x\n\n" + b"line\n" * message["lines"]
            subprocess.run([*base, "-odq", *words], input=text, check=True, stdout=subprocess.DEVNULL)
        answers.append([_list(base, words, queue.name) for words in case["lists"]])
    json.dump(answers, sys.stdout)


def _list(base: list[str], words: list[str], queue: str) -> dict[str, Any]:
    done = subprocess.run([*base, *words], capture_output=True, stdin=subprocess.DEVNULL)
    text = masked(done.stdout.decode("latin-1")).replace(f"/{queue}", "/q")
    return {"status": done.returncode, "out": text, "err": done.stderr.decode("latin-1")}


INPUTS = {"sendmail_queue": lambda: store.Inputs(CASES, {"base": TEXT, "files": FILES, "passwd": PASSWD})}


def main() -> None:
    if len(sys.argv) > 2:
        _drive(Path(sys.argv[1]), sys.argv[2:])
        return
    os.umask(0o022)
    answers = [{"answers": each} for each in listed([TOOLS / "sendmail"], CASES)]
    store.write("sendmail_queue", store.sendmail(), __file__, answers)


if __name__ == "__main__":
    main()
