"""The MTA's end of the control socket (`mailconf.mta.control`)."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from mailconf.mta.control.operation import Operation, QueueName
from mailconf.mta.control.place import CONTROL
from mailconf.mta.control.socket_server import SocketServer, user_of
from mailconf.mta.control.works import Works
from mailconf.mta.queue import QueueError

LONGEST = 1 << 16  # bytes of a request
PATIENCE = 60.0  # seconds for which nothing comes, or nothing is read
MOST = 20  # connections at a time
_PIECE = 1 << 16


class _BadRequest(Exception):
    """A request is none; the message says what is wrong."""


class ControlServer(SocketServer):
    """Serves the socket in the folder of a queue."""

    def __init__(self, folder: Path, works: Works) -> None:
        super().__init__(folder, CONTROL, 0o600, LONGEST)
        self._works = works

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self.clients) >= MOST or not _may(writer):
            writer.transport.abort()
            return
        self.clients.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, TimeoutError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self.clients.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                line = await asyncio.wait_for(reader.readuntil(b"\n"), PATIENCE)
            except asyncio.IncompleteReadError:
                return
            except asyncio.LimitOverrunError:
                await _write(writer, _line({"error": "the request is too long"}))
                return
            try:
                gathered = bytearray()  # a list has a line for each message
                async for data in self._answer(_request(line)):
                    gathered += data
                    if len(gathered) >= _PIECE:
                        await _write(writer, bytes(gathered))
                        gathered.clear()
                await _write(writer, bytes(gathered))
            except _BadRequest as mistake:
                await _write(writer, _line({"error": str(mistake)}))
                return
            except QueueError as failure:
                await _write(writer, _line({"error": str(failure)}))
                return

    async def _answer(self, request: dict[str, Any]) -> AsyncIterator[bytes]:
        works, what = self._works, request.get("do")
        if what == "list":
            count = 0
            async for each in works.listings():
                yield _line(each.values())
                count += 1
            yield _line({"end": count})
        elif what == "show":
            found = await works.show(_text(request, "id"))
            if found is not None:
                yield _line(found[0].values())
                for at in range(0, len(found[1]), _PIECE):
                    yield found[1][at : at + _PIECE]
            yield _line({"end": int(found is not None)})
        else:
            yield _line({"end": int(await self._done(what, request))})

    async def _done(self, what: object, request: dict[str, Any]) -> int:
        works = self._works
        if what == "flush":
            return await works.flush()
        if what == "attempt":
            return await works.attempt(_text(request, "id"))
        if what == "site":
            return await works.site(_text(request, "name"))
        if what == "run":
            works.run()
            return 0
        try:
            operation = Operation(what)
        except ValueError:
            raise _BadRequest("nothing that can be done") from None
        if "id" in request:
            return await works.operate(operation, _text(request, "id"))
        names = request.get("queues")
        if not isinstance(names, list):
            raise _BadRequest("neither an id nor queues")
        try:
            queues = [QueueName(name) for name in names]
        except ValueError:
            raise _BadRequest("no queue of that name") from None
        return await works.operate_all(operation, queues)


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Raises TimeoutError where the other side does not read."""
    writer.write(data)
    await asyncio.wait_for(writer.drain(), PATIENCE)


_ENCODE = json.JSONEncoder(separators=(",", ":")).encode  # json.dumps makes an encoder for each object


def _line(values: dict[str, Any]) -> bytes:
    return _ENCODE(values).encode() + b"\n"


def _request(line: bytes) -> dict[str, Any]:
    try:
        values = json.loads(line.decode("ascii"))
    except (ValueError, RecursionError):
        raise _BadRequest("no JSON in ASCII") from None
    if not isinstance(values, dict):
        raise _BadRequest("no object")
    return values


def _text(request: dict[str, Any], name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str):
        raise _BadRequest(f"no {name}")
    return value


def _may(writer: asyncio.StreamWriter) -> bool:
    """Whether who connected may work on the queue."""
    return user_of(writer) in (0, os.geteuid())
