"""Whether daemons with our own sendmail.cf answer SMTP as the real one does with the library's.

    python -m tests.live.compare_own_smtp [--sessions N] [--seed N] [--sites NAME,...] [-v] [FOLDER...]

For each site three daemons answer the same sessions: the real sendmail with the library's .cf, the real one with ours,
and `mailconf sendmail` with ours. The clients are those of which the access table has something, senders and recipients
those of tests/live/cf_questions.py. A site has to have FEATURE(no_default_msa), so that the daemon listens where it is
told to alone; others are left out. Exit status: 0 all replies alike.

Needs root and the packages of tests/live/install-engines.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.live import cf_sites
from tests.live.cf_questions import addresses
from tests.live.compare_cf import LIBRARIES, OURS, Side, build, machine
from tests.vectors.sendmail_smtp_driver import listening, talk

_CLIENTS = (
    "127.0.0.1", "10.1.4.9", "10.1.5.7", "192.168.3.4", "10.1.6.6", "10.1.7.7", "10.1.9.9", "10.9.1.1", "10.5.5.5",
    "10.6.6.6", "10.20.1.1",
)  # fmt: skip
_START = 30.0  # seconds
_VERSION = re.compile(r"Sendmail 8\.[^;\s]*; .*")
_Session = tuple[str, list[object]]


def sessions(folder: Path, count: int, seed: int) -> list[_Session]:
    """Clients with the lines that they send."""
    chosen = random.Random(f"{seed}/smtp/{folder.name}")
    known = [one.strip("<>") for one in addresses(folder, 500, seed)]
    paths = [f"<{one}>" for one in known if one.isascii() and one.isprintable() and not set(one) & set(' <>"\\')]
    paths = [*(path for path in paths if "COMMA" not in path), "<>", "<postmaster>"]
    found: list[_Session] = []
    for number in range(count):
        lines: list[object] = [chosen.choice(("EHLO x.client.test", "HELO x.client.test", "EHLO bad.helo"))]
        for _ in range(3):
            lines.append(f"MAIL FROM:{chosen.choice(paths)}")
            lines += [f"RCPT TO:{chosen.choice(paths)}" for _ in range(4)]
            lines.append("RSET")
        found.append((_CLIENTS[number % len(_CLIENTS)], [*lines, "VRFY joe", "QUIT"]))
    return found


@contextmanager
def daemon(side: Side, port: int) -> Iterator[None]:
    """A daemon on a port of the loopback."""
    folder = side.cf.parent
    options = [f"-ODaemonPortOptions=Port={port},Addr=127.0.0.1,Name=MTA", f"-OPidFile={folder}/pid{port}"]
    options += [
        "-ODeliveryMode=q",
        f"-OQueueDirectory={folder}/queue{port}",
        "-OTimeout.ident=0",
        "-ODontProbeInterfaces=True",
        "-OTrustedUser=root",
        "-ORunAsUser=root",
    ]
    (folder / f"queue{port}").mkdir(mode=0o700)
    environment = {**os.environ, "LD_LIBRARY_PATH": LIBRARIES}
    words = [*side.command, "-bD", "-C", str(side.cf), *options]
    running = subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + _START
        while not listening(port) and running.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        yield
    finally:
        running.terminate()
        running.wait(30)


def replies(side: Side, port: int, asked: Sequence[_Session]) -> list[list[list[str]]]:
    """What a daemon says in each session."""
    with daemon(side, port):
        return [
            [[sent, _VERSION.sub("Sendmail VERSION", reply)] for sent, reply in talk(port, client, lines)]
            for client, lines in asked
        ]


def compare(folder: Path, asked: Sequence[_Session], show: bool) -> tuple[int, int]:
    """How many replies both others give as the real sendmail with the library's .cf, and how many there are."""
    library, own = build(folder.resolve())
    sides = (Side("library", library), Side("own", own), Side("interpreter", own, OURS))
    said = [replies(side, 3100 + number, asked) for number, side in enumerate(sides)]
    total = alike = 0
    for (client, _), *each in zip(asked, *said, strict=True):
        for at, (sent, reply) in enumerate(each[0]):
            others = [one[at][1] if at < len(one) else "(nothing)" for one in each[1:]]
            total += 1
            alike += all(other == reply for other in others)
            if show and any(other != reply for other in others):
                print(f"{folder.name} {client}: {sent}\n    library     {reply}")
                print(f"    own         {others[0]}\n    interpreter {others[1]}")
    return alike, total


def main() -> int:
    parser = argparse.ArgumentParser(prog="compare_own_smtp")
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--sessions", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sites", default="")
    parser.add_argument("-v", dest="show", action="store_true")
    options = parser.parse_args()
    with machine(), tempfile.TemporaryDirectory(prefix="compare-own-smtp.") as top:
        Path(top).chmod(0o755)
        for client in _CLIENTS[1:]:
            subprocess.run(["ip", "address", "add", f"{client}/32", "dev", "lo"], check=True)
        names = options.sites.split(",") if options.sites else []
        folders = options.folders or cf_sites.make_all(Path(top), names)
        alike = total = 0
        for folder in folders:
            if "no_default_msa" not in (folder / "sendmail.mc").read_text("latin-1"):
                continue
            same, count = compare(folder, sessions(folder, options.sessions, options.seed), options.show)
            print(f"{folder.name}: {same} of {count} replies alike", flush=True)
            alike, total = alike + same, total + count
        print(f"all: {alike} of {total} replies alike")
    return int(alike < total)


if __name__ == "__main__":
    sys.exit(main())
