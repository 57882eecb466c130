"""A service whose sessions are as many as may be takes no further connection, and takes them again later."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from pathlib import Path

from mta_fixture import FakeWorld, make_site
from smtpd_fixture import OpenPolicy

from mailconf.model.limits import Limits
from mailconf.mta.doors import Doors
from mailconf.mta.message import Context
from mailconf.mta.smtp_service import SmtpService
from tests.personality import PERSONALITY


class House:
    """A service of two sessions, with doors. ``pauses`` are the waits that were asked for, by what follows them."""

    def __init__(self, connections: int = 2) -> None:
        site = replace(make_site(Path()), limits=Limits(connections=connections, full_pause=15.0))
        self.lines: list[str] = []
        context = Context(OpenPolicy(site), FakeWorld(), lambda program, text: self.lines.append(text), PERSONALITY)
        self.service = SmtpService(context, on_full=lambda: self.doors.shut())
        self.doors = Doors(self.service, "127.0.0.1", 0)

    async def client(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(*self.place)
        assert (await reader.readline()).startswith(b"220 ")
        return reader, writer

    async def open(self) -> None:
        await self.doors.open()
        self.place = self.doors.places[0]

    async def refused(self) -> bool:
        try:
            await asyncio.open_connection(*self.place)
        except ConnectionRefusedError:
            return True
        return False

    async def look(self) -> None:
        """The pause is over."""
        assert self.doors._later is not None
        self.doors._later.cancel()
        self.doors._look()
        if self.doors._opening is not None:
            await self.doors._opening

    async def ended(self, writer: asyncio.StreamWriter) -> None:
        count = len(self.service.sessions)
        writer.close()
        while len(self.service.sessions) == count:
            await asyncio.sleep(0)


async def scenario() -> None:
    house = House()
    await house.open()
    _, one = await house.client()
    assert not house.service.is_full
    _, two = await house.client()
    assert house.service.is_full and await house.refused()
    assert "rejecting connections on daemon smtp: 2 children, max 2" in house.lines
    await house.look()
    assert await house.refused()
    await house.ended(one)
    assert await house.refused()  # for as long as the pause lasts
    await house.look()
    assert house.lines[-1] == "accepting connections again for daemon smtp"
    _, three = await house.client()
    assert await house.refused()
    await house.ended(two)
    await house.ended(three)
    house.doors.close()
    await house.service.close(1)


def test_full_and_open_again() -> None:
    asyncio.run(scenario())


async def taken() -> None:
    """Somebody else listens meanwhile."""
    house = House(1)
    await house.open()
    _, one = await house.client()
    await house.ended(one)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(house.place)
        other.listen()
        await house.look()
        assert "does not listen" in house.lines[-1]
    await house.look()
    assert "again" in house.lines[-1]
    house.doors.close()
    assert await house.refused()
    await house.service.close(1)


def test_an_address_that_is_taken_is_tried_again() -> None:
    asyncio.run(taken())


async def crowd() -> list[bytes]:
    """Clients that had come before anybody could say that there is no room."""
    house = House(1)
    await house.open()
    sockets = [socket.create_connection(house.place) for _ in range(4)]  # the loop has no turn meanwhile
    while not house.service.is_full:
        await asyncio.sleep(0)
    found = []
    for each in sockets:
        each.settimeout(20)
        try:
            found.append(await asyncio.to_thread(each.recv, 3))
        except ConnectionResetError:
            found.append(b"reset")
        each.close()
    house.doors.close()
    await house.service.close(1)
    return found


def test_of_a_crowd_only_so_many_are_served() -> None:
    assert sorted(asyncio.run(crowd())) == [b"220", b"reset", b"reset", b"reset"]
