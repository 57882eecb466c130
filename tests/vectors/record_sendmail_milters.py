"""Records what sendmail sends to mail filters in the sessions of sendmail_milter_cases.py, and what comes of their
answers, as sendmail_milters.jsonl: the packets, the replies, the log's lines about filters, and what lies in the queue.

    python -m tests.vectors.record_sendmail_milters

It runs on a host of its own name, without a network, as record_sendmail_smtp.py does. Needs root.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.live.map_tools import SENDMAIL_ROOT
from tests.live.sendmail_side import LIBRARIES, TOOLS
from tests.milter_server import MilterServer
from tests.vectors import store
from tests.vectors.record_milters import converse
from tests.vectors.record_sendmail_smtp import _ALONE, _SETTINGS, TOP
from tests.vectors.sendmail_clients_driver import Syslog
from tests.vectors.sendmail_milter_cases import FILTERS, cases
from tests.vectors.sendmail_smtp_cases import BASE, FILES, HOST, HOSTS, PASSWD
from tests.vectors.sendmail_smtp_driver import listening

# With a /dev of its own, for the log.
_WITH_LOG = _ALONE.replace(
    "shift 2",
    'mkdir "$2/dev"\nmount -t tmpfs tmpfs "$2/dev"\ncp -a /dev/null /dev/zero /dev/random /dev/urandom "$2/dev"\n'
    'mount --bind "$2/dev" /dev\nshift 2',
)
_PROCESS = re.compile(r"\Asendmail\[\d+\]: ")
_QUEUE_ID = re.compile(r"\b[0-9A-Za-z]{8}\d{6,9}\b")
_DATE = re.compile(r"\w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d (?:GMT|[+-]\d{4}(?: \(\w+\))?)")


def plain(text: str) -> str:
    """A reply or a packet without what is another one each time."""
    if text[:1] == "C":
        text = re.sub(r"\A(C[^\0]*\0[46])..", "\\1\0\0", text, flags=re.DOTALL)
    return _DATE.sub("DATE", _QUEUE_ID.sub("ID", _PROCESS.sub("", text)))


def queued(folder: Path) -> list[dict[str, Any]]:
    """The messages in a queue: sender, recipients, header and body."""
    found = []
    for path in sorted([*folder.glob("qf*"), *folder.glob("hf*")]):
        lines = re.split(r"\n(?![ \t])", path.read_text("latin-1"))
        body = folder / f"df{path.name[2:]}"
        header = "".join(re.sub(r"\AH\?[^?]*\?", "", line) + "\n" for line in lines if line.startswith("H"))
        found.append(
            {
                "held": path.name.startswith("hf"),
                "sender": [line[1:] for line in lines if line.startswith("S")],
                "recipients": [line[1:].partition(":")[2] for line in lines if line.startswith("R")],
                "header": plain(re.sub(r"(?m)^Received: from mail.*\n(?:\t.*\n)*", "Received: ours\n", header)),
                "body": body.read_text("latin-1") if body.exists() else "",
            }
        )
    return found


def _answer(
    folder: Path, command: list[str], filters: list[MilterServer], case: dict[str, Any], port: int, log: Syslog
) -> Any:
    for server, script in zip(filters, case["filters"], strict=False):
        server.begin(script)
    cf = folder / "x.cf"
    cf.write_text((BASE + case["text"]).replace("FOLDER", str(folder)))
    options = [f"-ODaemonPortOptions=Port={port},Addr=127.0.0.1,Name=MTA", f"-OPidFile={folder}/pid"]
    log.taken()
    daemon = subprocess.Popen([*command, "-bD", "-C", str(cf), *options], stdin=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 30
        while not listening(port) and time.monotonic() < end and daemon.poll() is None:
            time.sleep(0.02)
        replies = converse(port, case["session"])
        packets = [one.await_end() for one, _ in zip(filters, case["filters"], strict=False)]
    finally:
        daemon.terminate()
        daemon.wait(30)
    time.sleep(0.2)  # the log's last lines are under way
    found = queued(folder / "q")
    for path in (folder / "q").iterdir():
        path.unlink()
    return {
        "packets": [[[plain(packet) for packet in one] for one in connections] for connections in packets],
        "replies": [plain(reply) for reply in replies],
        "log": [plain(line) for line in log.taken() if "ilter" in line],
        "queue": found,
    }


def _inside() -> None:
    """In the namespaces: answers to the cases that come by standard input."""
    folder, command = Path(sys.argv[2]), sys.argv[3:]
    log = Syslog()
    with ExitStack() as stack:
        filters = [stack.enter_context(MilterServer(folder / f"f{number}")) for number in range(FILTERS)]
        found = [
            _answer(folder, command, filters, case, 3000 + number, log)
            for number, case in enumerate(json.load(sys.stdin))
        ]
    json.dump(found, sys.stdout)


def answered(some: list[dict[str, Any]]) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(dir=SENDMAIL_ROOT) as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "q").mkdir(mode=0o700)
        for file, text in {**FILES, **_SETTINGS}.items():
            (folder / file).write_text(text)
        alone = ["unshare", "--mount", "--net", "--uts", "sh", "-c", _WITH_LOG, "sh", HOST, str(folder)]
        inside = [sys.executable, "-m", "tests.vectors.record_sendmail_milters", "inside", str(folder)]
        done = subprocess.run(
            [*alone, "env", f"LD_LIBRARY_PATH={LIBRARIES}", *inside, str(TOOLS / "sendmail")],
            input=json.dumps(some),
            stdout=subprocess.PIPE,
            text=True,
            cwd=TOP,
            check=True,
        )
        found: list[dict[str, Any]] = json.loads(done.stdout.replace(str(folder), "FOLDER"))
        return found


def asked() -> store.Inputs:
    return store.Inputs(cases(), {"base": BASE, "files": FILES, "passwd": PASSWD, "host": HOST, "hosts": HOSTS})


def main() -> None:
    store.write("sendmail_milters", store.sendmail(), __file__, answered(cases()))


INPUTS = {"sendmail_milters": asked}

if __name__ == "__main__":
    if sys.argv[1:2] == ["inside"]:
        _inside()
    else:
        main()
