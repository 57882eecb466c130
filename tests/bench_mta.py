"""``mailconf serve`` against a private real Postfix: the same site, maps and mail, by Postfix's own smtp-source.

Every message goes to a Maildir and, by always_bcc, to an mbox; both servers keep their queues on the same disk.
"accepted" ends when smtp-source has the last 250, "delivered" when the last message has left the queue.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

TESTS = Path(__file__).parent
sys.path[:0] = [str(TESTS / "cli"), str(TESTS / "live")]

MESSAGES = 1000
CONNECTIONS = 2000
AT_ONCE = 20
RUNS = [
    ("a connection each", ["-s", str(AT_ONCE), "-l", "2000"]),
    ("20 connections", ["-s", str(AT_ONCE), "-l", "2000", "-d"]),
    ("50 kB each", ["-s", str(AT_ONCE), "-l", "50000"]),
]

Log = Callable[[], bytes]


def rows(_: int) -> list[tuple[str, float, float]]:
    """(what, our seconds, the real one's seconds)."""
    found: list[list[tuple[str, float]]] = []
    for server in (_ours, _real):
        # Not below a folder of somebody's own: the daemons of the real one run as several users.
        with tempfile.TemporaryDirectory() as name, server(Path(name)) as (port, log):
            found.append([*_messages(port, log), *_connections(port)])
    return [(what, ours, real) for (what, ours), (_, real) in zip(*found, strict=True)]


def _set_up(root: Path) -> None:
    from site_postfix import set_up

    root.chmod(0o755)
    set_up(root)
    for folder in (root / "var/mail", root / "var/mail/vhosts"):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o1777)


@contextmanager
def _ours(root: Path) -> Iterator[tuple[int, Log]]:
    from site_fixture import ENVIRONMENT

    _set_up(root)
    log = root / "log"
    command = [
        sys.executable,
        "-m",
        "mailconf",
        "serve",
        "--root",
        str(root),
        "/etc/postfix",
        "--listen",
        "127.0.0.1:0",
    ]
    with log.open("wb") as file, subprocess.Popen(command, stderr=file, env=ENVIRONMENT) as process:
        try:
            while b" for smtp\n" not in log.read_bytes():
                if process.poll() is not None:
                    raise RuntimeError(log.read_text())
                time.sleep(0.01)
            port = int(log.read_bytes().rpartition(b" for smtp\n")[0].rpartition(b":")[2])
            yield port, log.read_bytes
        finally:
            process.terminate()


@contextmanager
def _real(root: Path) -> Iterator[tuple[int, Log]]:
    from site_postfix import SitePostfix

    _set_up(root)
    with SitePostfix(root, build=False, deliver=True, limits={"max_use": "100"}) as postfix:
        yield postfix.port, postfix.log.read_bytes


def _messages(port: int, log: Log) -> Iterator[tuple[str, float]]:
    for what, options in RUNS:
        before = log().count(b": removed\n")
        start = time.perf_counter()
        command = ["smtp-source", *options, "-m", str(MESSAGES), "-M", "source.example.edu", "-f", "carol@example.edu"]
        subprocess.run([*command, "-t", "maildir@example.net", f"127.0.0.1:{port}"], check=True, timeout=300)
        yield f"{MESSAGES} messages accepted, {what}", time.perf_counter() - start
        while log().count(b": removed\n") < before + MESSAGES:
            if time.perf_counter() - start > 300:
                raise TimeoutError(log()[-2000:])
            time.sleep(0.01)
        yield f"{MESSAGES} messages delivered, {what}", time.perf_counter() - start


def _connections(port: int) -> Iterator[tuple[str, float]]:
    """Connect, read the greeting, EHLO, QUIT; asyncio is the client of both, and part of the time."""
    start = time.perf_counter()
    asyncio.run(_visits(port))
    yield f"{CONNECTIONS} connections, {AT_ONCE} at once", time.perf_counter() - start


async def _visits(port: int) -> None:
    left = iter(range(CONNECTIONS))

    async def client() -> None:
        for _ in left:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert (await reader.readline()).startswith(b"220 ")
            writer.write(b"EHLO source.example.edu\r\n")
            while not (await reader.readline()).startswith(b"250 "):
                pass
            writer.write(b"QUIT\r\n")
            assert (await reader.read()).startswith(b"221 ")
            writer.close()

    await asyncio.gather(*(client() for _ in range(AT_ONCE)))


if __name__ == "__main__":
    for what, ours, real in rows():
        print(f"{what:52} {ours:8.3f}s {real:8.3f}s {ours / real:7.2f}")
