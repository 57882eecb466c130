"""What systemd is told over the socket of NOTIFY_SOCKET, and the sockets that it hands over."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mailconf.mta import readiness
from mailconf.mta.readiness import BadSockets, Supervisor, handed_over


@contextmanager
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, abstract: bool = False) -> Iterator[socket.socket]:
    """Its socket, which the environment names."""
    monkeypatch.chdir(tmp_path)  # the length of a socket's path is limited
    name = f"@mailconf-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind("\0" + name[1:] if abstract else "notify")
        made.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield made


def test_a_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with systemd(tmp_path, monkeypatch) as told:
        supervisor = Supervisor.of_environment()
        assert "NOTIFY_SOCKET" not in os.environ
        supervisor.reloading()  # before it is ready, it is not said to be
        supervisor.reloaded()

        async def live() -> None:
            supervisor.ready()
            supervisor.reloading()
            supervisor.reloaded()
            supervisor.stopping()

        asyncio.run(live())
        assert told.recv(100) == b"READY=1\n"
        reloading, moment = told.recv(100).decode().split("\n")[:2]
        assert reloading == "RELOADING=1" and moment.removeprefix("MONOTONIC_USEC=").isdigit()
        assert [told.recv(100) for _ in range(2)] == [b"READY=1\n", b"STOPPING=1\n"]
        told.setblocking(False)
        with pytest.raises(BlockingIOError):
            told.recv(100)


def test_the_name_may_be_abstract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with systemd(tmp_path, monkeypatch, abstract=True) as told:
        Supervisor.of_environment().ready()
        assert told.recv(100) == b"READY=1\n"


@pytest.mark.parametrize("name", ["", "relative", "/nonexistent/notify", "@" + "x" * 200])
def test_nobody_reads(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    Supervisor.of_environment().ready()
    assert "NOTIFY_SOCKET" not in os.environ


@pytest.mark.parametrize(("for_whom", "wanted"), [("", True), ("itself", True), ("1", False)])
def test_a_sign_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, for_whom: str, wanted: bool) -> None:
    """Twice in the time, as sd_watchdog_enabled(3) recommends; none after the end."""
    with systemd(tmp_path, monkeypatch) as told:
        monkeypatch.setenv("WATCHDOG_USEC", "20000")
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if for_whom == "itself" else for_whom)
        supervisor = Supervisor.of_environment()
        assert not {"WATCHDOG_USEC", "WATCHDOG_PID"} & set(os.environ)

        async def live() -> list[bytes]:
            loop = asyncio.get_running_loop()
            supervisor.ready()
            told.setblocking(False)
            heard = [await loop.sock_recv(told, 100)]
            if wanted:
                heard += [await loop.sock_recv(told, 100) for _ in range(3)]
            supervisor.stopping()
            while (said := await loop.sock_recv(told, 100)) == b"WATCHDOG=1\n":
                pass
            await asyncio.sleep(0)
            return [*heard, said]

        signs = [b"WATCHDOG=1\n"] * 3 if wanted else []
        assert asyncio.run(live()) == [b"READY=1\n", *signs, b"STOPPING=1\n"]


def hand_over(monkeypatch: pytest.MonkeyPatch, made: list[socket.socket], names: str, pid: int | None = None) -> None:
    """As sd_listen_fds(3) has it, but for the first descriptor's number."""
    first = max([each.fileno() for each in made], default=3)
    for at, each in enumerate(made):
        os.dup2(each.fileno(), first + 1 + at, inheritable=True)
    monkeypatch.setattr(readiness, "_FIRST", first + 1)
    monkeypatch.setenv("LISTEN_FDS", str(len(made)))
    monkeypatch.setenv("LISTEN_PID", str(os.getpid() if pid is None else pid))
    monkeypatch.setenv("LISTEN_FDNAMES", names)


def test_sockets_are_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        hand_over(monkeypatch, [one, two], "submission")  # a name may be missing
        found = handed_over()
        assert [each.name for each in found] == ["submission", ""]
        assert [each.socket.getsockname() for each in found] == [one.getsockname(), two.getsockname()]
        assert not any(each.socket.get_inheritable() for each in found)
        assert not [name for name in os.environ if name.startswith("LISTEN_")]
        for each in found:
            each.socket.close()


def test_those_of_another_process_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        hand_over(monkeypatch, [one], "smtp", pid=1)
        assert handed_over() == []
        assert "LISTEN_FDS" not in os.environ
        os.close(readiness._FIRST)


def test_what_nobody_can_listen_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    kinds = [(socket.AF_INET, socket.SOCK_DGRAM), (socket.AF_INET, socket.SOCK_STREAM)]
    for family, kind in kinds:  # the second is not listening
        with socket.socket(family, kind) as one:
            hand_over(monkeypatch, [one], "smtp")
            with pytest.raises(BadSockets, match=r"\(smtp\) is no listening socket of TCP"):
                handed_over()
            os.close(readiness._FIRST)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
        one.bind("x")
        one.listen()
        hand_over(monkeypatch, [one], "")
        with pytest.raises(BadSockets, match="no listening socket of TCP"):
            handed_over()
        os.close(readiness._FIRST)
    hand_over(monkeypatch, [], "")
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setattr(readiness, "_FIRST", 999_999)
    with pytest.raises(BadSockets, match="Bad file descriptor"):
        handed_over()
    hand_over(monkeypatch, [], "")
    monkeypatch.setenv("LISTEN_FDS", "1" * 18)
    with pytest.raises(BadSockets, match="more than 1000"):
        handed_over()
