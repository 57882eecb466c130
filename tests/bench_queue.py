"""What `mailconf serve` takes with a large queue and with many clients: ``python -m tests.bench_queue [--messages N]``.

Messages that wait for one dead host: the start until connections are taken, a list of all through the server, the
memory of the process. Connections that are greeted and say nothing then: the memory with all of them. Beside each
figure stands what is promised (docs/mta.md), in the place of a real tool's time.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mailconf.mta.message import Message, Recipient, Result, Status
from mailconf.mta.queue.local_queue import LocalQueue
from tests.bench import ENVIRONMENT, MAILCONF, Row

MESSAGES = 100_000
CONNECTIONS = 10_000
_AT_ONCE = 500
_CPU, _MEMORY = 2.0, 100.0  # seconds, megabytes
_MEMORY_OF_CLIENTS = 500.0
_MAIN = """\
compatibility_level = 3.6
myhostname = mx.example.com
alias_maps =
alias_database =
mydestination =
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
default_process_limit = 20000
"""


def fill(directory: Path, count: int) -> None:
    """Put messages into a queue that were tried once and wait."""

    async def put(queue: LocalQueue, number: int, now: float) -> None:
        to = Recipient(f"user{number}@dead.example", f"user{number}@dead.example")
        content = b"Subject: x\n\nx\n" * 10
        serial = await queue.add(Message(queue.new_id(now), f"s{number}@example.org", [to], content, now))
        result = Result(to, Status.DEFERRED, "4.4.1", "connect to dead.example[192.0.2.1]:25: timed out", "none")
        await queue.put_off(serial, 3000, results=[(0, result)])

    async def run() -> None:
        queue, now = LocalQueue(directory), time.time()
        queue.open()
        for first in range(0, count, _AT_ONCE):
            await asyncio.gather(*(put(queue, n, now) for n in range(first, min(first + _AT_ONCE, count))))
        await queue.close()

    directory.mkdir(mode=0o700)
    asyncio.run(run())


class Server:
    """`mailconf serve`, measured from outside."""

    def __init__(self, top: Path) -> None:
        self.top = top
        (top / "etc").mkdir(exist_ok=True)
        (top / "etc/main.cf").write_text(f"{_MAIN}queue_directory = {top}/queue\n")
        most = 2 * CONNECTIONS
        (top / "etc/master.cf").write_text(f"smtp inet n - n - {most} smtpd\nsmtp unix - - n - - smtp\n")

    @contextmanager
    def running(self) -> Iterator[int]:
        """Its port."""
        command = [*MAILCONF, "serve", str(self.top / "etc"), "--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
        assert self.process.stderr is not None
        try:
            for line in self.process.stderr:
                if found := re.search(r"listening on 127\.0\.0\.1:(\d+) ", line):
                    yield int(found[1])
                    return
            raise RuntimeError("serve does not start")
        finally:
            self.process.kill()
            self.process.communicate()

    @property
    def cpu(self) -> float:
        """Seconds of the processor so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def memory(self) -> float:
        """Megabytes that it has."""
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())
        assert found is not None
        return int(found[1]) / 1024


def waiting(top: Path, count: int) -> Iterator[Row]:
    fill(top / "queue", count)
    server = Server(top)
    with server.running():
        yield f"{count} deferred: start, CPU s", server.cpu, _CPU
        yield f"{count} deferred: MB", server.memory, _MEMORY
        before = server.cpu, resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [*MAILCONF, "postqueue", "-c", str(top / "etc"), "-p"]
        subprocess.run(command, stdout=subprocess.DEVNULL, env=ENVIRONMENT, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        tool = after.ru_utime + after.ru_stime - before[1].ru_utime - before[1].ru_stime
        yield f"{count} deferred: mailq, CPU s of the server", server.cpu - before[0], _CPU
        yield f"{count} deferred: mailq, CPU s of the command", tool, _CPU
        yield f"{count} deferred: MB after mailq", server.memory, _MEMORY


def idle(top: Path, count: int) -> Iterator[Row]:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # what is started has the same
    server = Server(top)

    async def held(port: int) -> float:
        async def one() -> asyncio.StreamWriter:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert (await reader.readline()).startswith(b"220 ")
            return writer

        clients = []
        for first in range(0, count, _AT_ONCE):
            clients += await asyncio.gather(*(one() for _ in range(min(_AT_ONCE, count - first))))
        found = server.memory
        for writer in clients:
            writer.transport.abort()
        return found

    (top / "queue").mkdir(mode=0o700)
    with server.running() as port:
        yield f"{count} idle connections: MB", asyncio.run(held(port)), _MEMORY_OF_CLIENTS


def rows(messages: int = MESSAGES) -> Iterator[Row]:
    for bench, count in ((waiting, min(messages, MESSAGES)), (idle, CONNECTIONS)):
        with tempfile.TemporaryDirectory() as top:
            yield from bench(Path(top), count)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=MESSAGES)
    print(f"{'what':56} {'ours':>9} {'promised':>9}")
    for what, ours, promised in rows(parser.parse_args().messages):
        print(f"{what:56} {ours:9.2f} {promised:9.2f}", flush=True)
