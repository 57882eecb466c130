"""The MTA beside a private real Postfix: one main.cf, the same messages of Postfix's own smtp-source, one run.

``python -m tests.bench_delivery [--scale F] [--write]`` prints the table; the rows are part of ``make bench``, too. A
row is timed from the first connection to the last file in the Maildir, or the last message at smtp-sink. The machine
may have other work, so the processor time of all processes of each side is given for a message as well.

Both sides are the default installation as root: mail to example.com goes to a Maildir of virtual(8) under another user,
mail to far.example to an smtp-sink, by the defaults of main.cf and master.cf.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).parent
sys.path[:0] = [str(TESTS / "live")]

MAILBOXES = 65534  # the user and the group of the Maildir
PATIENCE = 120.0  # seconds for a row
PARAMETERS = {
    "myhostname": "mail.example.org",
    "mydestination": "",
    "mynetworks": "127.0.0.0/8",
    "virtual_mailbox_domains": "example.com",
    "virtual_mailbox_maps": "static:box/",
    "virtual_mailbox_base": "@TOP@/mail",
    "virtual_uid_maps": f"static:{MAILBOXES}",
    "virtual_gid_maps": f"static:{MAILBOXES}",
    "virtual_minimum_uid": "1",
    "smtpd_peername_lookup": "no",
}


SCACHE = "scache unix - - n - 1 scache\n"  # as in the default master.cf; without it no connection is kept


class Load(NamedTuple):
    """What smtp-source sends: its options, the number of messages, to whom."""

    name: str
    options: tuple[str, ...]
    messages: int
    to: str = "box@example.com"


LOADS = (
    Load("10 sessions, 1 KB", ("-s", "10", "-l", "1024"), 1500),
    Load("1 session, 1 KB", ("-s", "1", "-l", "1024"), 400),
    Load("10 sessions reused, 20 KB", ("-s", "10", "-d", "-l", "20480"), 800),
    Load("10 sessions, 1 KB, relayed", ("-s", "10", "-l", "1024"), 1500, "box@far.example"),
)


class Figures(NamedTuple):
    """Seconds of a row, and processor seconds of the server's processes."""

    wall: float
    cpu: float


class Side(NamedTuple):
    """A server: its port, the process whose descendants it consists of, where its mail arrives."""

    port: int
    process: int
    box: Path


def rows(_: int) -> Iterator[tuple[str, float, float]]:
    for load, ours, real in measured():
        yield f"{load.messages} messages, {load.name}", ours.wall, real.wall
        yield "  processor time of these", ours.cpu, real.cpu


def measured(scale: float = 1.0, names: str = "") -> Iterator[tuple[Load, Figures, Figures]]:
    """Each load with our figures and the real one's."""
    with ExitStack() as stack:
        # Not below a folder of somebody's own: the daemons of the real one run as several users.
        tops = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2)]
        sinks = [stack.enter_context(_sink()) for _ in tops]
        both = [
            stack.enter_context(side(top, sink)) for side, top, sink in zip((_ours, _real), tops, sinks, strict=True)
        ]
        for load in LOADS:
            load = load._replace(messages=max(20, int(load.messages * scale)))
            if names and names not in load.name:
                continue
            for each, sink in zip(both, sinks, strict=True):
                _run(each, sink, load._replace(messages=20))  # processes are started, modules loaded
            ours, real = [_run(each, sink, load) for each, sink in zip(both, sinks, strict=True)]
            yield load, ours, real


def _run(side: Side, sink: Sink, load: Load) -> Figures:
    relayed = "far.example" in load.to
    count: Callable[[], int] = sink.count if relayed else lambda: sum(1 for _ in side.box.iterdir())
    for old in side.box.iterdir():
        old.unlink()
    before, used, start = (sink.count() if relayed else 0), processor(side.process), time.perf_counter()
    command = ["smtp-source", *load.options, "-m", str(load.messages), "-M", "source.example.edu"]
    command += ["-f", "carol@example.edu", "-t", load.to, f"127.0.0.1:{side.port}"]
    subprocess.run(command, check=True, timeout=PATIENCE)
    while count() < before + load.messages:
        if time.perf_counter() - start > PATIENCE:
            raise TimeoutError(f"{count() - before} of {load.messages} messages arrived: {load.name}")
        time.sleep(0.002)
    wall = time.perf_counter() - start
    time.sleep(0.3)  # what follows a delivery costs, too
    return Figures(wall, processor(side.process) - used)


def processor(top: int) -> float:
    """Processor seconds of a process, of its descendants, and of those that have ended and were waited for."""
    found: dict[int, tuple[int, int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found[int(path.parent.name)] = int(fields[1]), sum(map(int, fields[11:15]))
    tree, new = set(), {top}
    while new:
        tree |= new
        new = {pid for pid, (parent, _) in found.items() if parent in new}
    return sum(found[pid][1] for pid in tree if pid in found) / os.sysconf("SC_CLK_TCK")


class Sink(NamedTuple):
    """An smtp-sink: its port, the file of its counter."""

    port: int
    log: Path

    def count(self) -> int:
        """Messages so far: smtp-sink -c overwrites a line with its counter."""
        with self.log.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - 200))
            found = re.findall(rb"mesg=(\d+)\r", file.read())
        return int(found[-1]) if found else 0


@contextmanager
def _sink() -> Iterator[Sink]:
    from private_postfix import free_port

    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "count"
        command = ["smtp-sink", "-u", "nobody", "-c", f"127.0.0.1:{port}", "1000"]
        with log.open("wb") as file, subprocess.Popen(command, stdout=file, stderr=file) as process:
            try:
                _listening(port)
                yield Sink(port, log)
            finally:
                process.terminate()


def _listening(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.01)
    raise ConnectionRefusedError(f"nothing listens on port {port}")


def _postfix(top: Path, sink: Sink):  # type: ignore[no-untyped-def]
    from private_postfix import PrivatePostfix

    class Default(PrivatePostfix):
        """The parameters above, the defaults otherwise; of the tests' own only where its files are."""

        def configure(self, parameters: dict[str, str], *rest, **more) -> None:  # type: ignore[no-untyped-def]
            relay = {"transport_maps": f"inline:{{ far.example=smtp:[127.0.0.1]:{sink.port} }}"}
            super().configure({**PARAMETERS, **relay, **parameters}, *rest, **{"services": SCACHE, **more})

    top.chmod(0o755)
    box = top / "mail/box"
    for name in ("new", "tmp", "cur"):
        (box / name).mkdir(parents=True)
    for path in (top / "mail", box, *box.iterdir()):
        shutil.chown(path, MAILBOXES, MAILBOXES)
    return Default(top)


@contextmanager
def _ours(top: Path, sink: Sink) -> Iterator[Side]:
    postfix = _postfix(top, sink)
    for folder in (postfix.etc, top / "queue"):
        folder.mkdir(parents=True)
    postfix.configure({})
    log = top / "log"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(TESTS.parent)
    listen = ["--listen", f"127.0.0.1:{postfix.port}"]
    command = [sys.executable, "-m", "mailconf", "serve", str(postfix.etc), *listen]
    with log.open("wb") as file, subprocess.Popen(command, stderr=file, env=environment) as process:
        try:
            while b" for smtp\n" not in log.read_bytes() and b"listening on" not in log.read_bytes():
                if process.poll() is not None:
                    raise RuntimeError(log.read_text())
                time.sleep(0.01)
            yield Side(postfix.port, process.pid, top / "mail/box/new")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
            if KEEP:
                shutil.copy(log, KEEP)


KEEP = ""


@contextmanager
def _real(top: Path, sink: Sink) -> Iterator[Side]:
    with _postfix(top, sink) as postfix:
        master = int((top / "queue/pid/master.pid").read_text())
        yield Side(postfix.port, master, top / "mail/box/new")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", type=float, default=1.0, help="times as many messages")
    parser.add_argument("--load", default="", help="only the loads with this in their names")
    parser.add_argument("--keep", default="", help="a file for our log")
    parser.add_argument("--write", action="store_true", help="put the table into docs/mta.md")
    arguments = parser.parse_args()
    global KEEP
    KEEP = arguments.keep
    busy = os.getloadavg()[0]
    table = [HEAD, "|---|---|---|---|---|---|---|"]
    print(HEAD, flush=True)
    for load, ours, real in measured(arguments.scale, arguments.load):
        n = load.messages
        figures = (
            f"{n / ours.wall:.0f} | {n / real.wall:.0f} | {real.wall / ours.wall:.2f} | {ours.cpu / n * 1000:.2f} | "
        )
        figures += f"{real.cpu / n * 1000:.2f} | {ours.cpu / real.cpu:.2f}"
        table.append(f"| {load.name} | {figures} |")
        print(table[-1], flush=True)
    if arguments.write:
        told = f"Load of the machine before: {busy:.1f} on {os.cpu_count()} processors."
        page = TESTS.parent / "docs/mta.md"
        before, _, rest = page.read_text().partition(BEGIN)
        after = rest.partition(END)[2]
        page.write_text(before + BEGIN + "\n" + "\n".join([*table, "", told]) + "\n" + END + after)


HEAD = "| load | ours/s | Postfix/s | times | ours, ms a message | Postfix, ms | of it |"
BEGIN, END = "<!-- tests/bench_delivery.py --write -->", "<!-- end -->"

if __name__ == "__main__":
    main()
