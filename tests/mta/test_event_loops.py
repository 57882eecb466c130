"""A smoke test on asyncio's own event loop and on uvloop: mail, timeouts, many at once; which loop `run` takes."""

from __future__ import annotations

import asyncio
import smtplib
import sys
import types
from collections.abc import Callable
from typing import cast

import pytest
from smtpd_fixture import HOST, Listener

from mailconf.model.limits import Limits
from mailconf.mta.server import Server, run

Loop = Callable[[], asyncio.AbstractEventLoop]


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> Loop:
    if request.param == "asyncio":
        return asyncio.new_event_loop
    return cast(Loop, pytest.importorskip("uvloop").new_event_loop)


def test_mail_is_taken(loop: Loop) -> None:
    text = "Subject: t\n\n" + "x" * 70 + "\n"
    with Listener(loop=loop) as listener:
        with smtplib.SMTP("127.0.0.1", listener.port, local_hostname="c.example") as client:
            for size in (1, 10_000):
                client.sendmail("a@b.example", ["x@y.example"], text * size)
        listener.await_line("disconnect from localhost[127.0.0.1] ehlo=1 mail=2 rcpt=2 data=2 quit=1 commands=8")
    assert [m.sender for m in listener.intake.messages] == ["a@b.example"] * 2


def test_many_and_silent_ones(loop: Loop) -> None:
    limits = Limits(connections=20, session_timeout=1.0)
    with Listener(limits=limits, loop=loop) as listener:
        peers = [listener.connect() for _ in range(20)]
        with listener.connect() as late:  # when the first ones have been sent away
            assert late.greeting == f"220 {HOST} ESMTP Postfix"
        assert {peer.reply() for peer in peers} == {f"421 4.4.2 {HOST} Error: timeout exceeded"}
        for peer in peers:
            peer.close()


def test_a_client_that_does_not_read(loop: Loop) -> None:
    with Listener(limits=Limits(session_timeout=1.0), loop=loop) as listener, listener.connect() as peer:
        peer.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            while True:
                peer.send(b"EHLO x\r\n" * 2000)
        listener.await_line("timeout after EHLO")


def test_serve_runs_on_asyncios_loop_whatever_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stub:
        async def serve(self) -> None:
            self.loop = asyncio.get_running_loop()

    planted = types.ModuleType("uvloop")
    monkeypatch.setitem(sys.modules, "uvloop", planted)  # has nothing: its use would be an error
    stub = Stub()
    run(cast(Server, stub))
    assert type(stub.loop).__module__.startswith("asyncio.")
