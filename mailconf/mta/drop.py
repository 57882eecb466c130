"""Mail that commands of other users hand to the MTA: a socket beside the queue, which everybody may connect to.

Who owns the queue puts messages into its folder (`mailconf.mta.submission`); others cannot enter it. The kernel says who
has connected, and the Policy whether that user may hand in mail (postconf(5) authorized_submit_users). A request is a
line of JSON and the content behind it; the answer is a line, after which the connection ends:

    {"from": "a@b", "to": [["c@d", "NEVER"], ...], "size": 3, "body": "", "ret": "", "envid": "", "name": "", "local": true}
    {"id": "4A1B2C"} or {"error": "what is wrong"}

Everything in a request is bounded, and so are the connections of a user, so that no user keeps others out.
"""  # noqa: E501

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from mailconf.model.policy import Privilege
from mailconf.model.session import Session
from mailconf.model.world import Ask, LookupFailed
from mailconf.mta.control.place import DROP
from mailconf.mta.control.socket_server import SocketServer, user_of
from mailconf.mta.message import Context, IntakeRefused, Message, Recipient
from mailconf.mta.queue import QueueError

LONGEST = 1 << 20  # bytes of the line
MOST = 40  # connections at a time, and those of one user
MOST_OF_USER = 8
PATIENCE = 60.0  # seconds for which nothing comes
WHOLE = 600.0  # seconds for all of a request
_PIECE = 1 << 16
_TEXT = re.compile(r"[^\x00-\x1f\x7f]*\Z")
_WORDS = {"body": ("", "7BIT", "8BITMIME"), "ret": ("", "FULL", "HDRS")}
_NOTIFY = re.compile(r"(?:|NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY))*)\Z")


class _Refused(Exception):
    """The message is not taken; the text says why."""


class DropServer(SocketServer):
    """Serves the socket below queue_directory."""

    def __init__(self, directory: Path, context: Context) -> None:
        super().__init__(directory, DROP, 0o666, LONGEST)
        self._context = context
        self._users: Counter[int] = Counter()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        user = user_of(writer)
        if len(self.clients) >= MOST or self._users[user] >= MOST_OF_USER:
            writer.transport.abort()
            return
        self.clients.add(task)
        self._users[user] += 1
        try:
            async with asyncio.timeout(WHOLE):
                await self._serve(user, reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._users[user] -= 1
            if not self._users[user]:
                del self._users[user]
            self.clients.discard(task)
            writer.close()

    async def _serve(self, user: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer = {"id": await self._taken(user, reader)}
        except _Refused as refused:
            answer = {"error": str(refused)}
        writer.write(json.dumps(answer).encode() + b"\n")
        await asyncio.wait_for(writer.drain(), PATIENCE)

    async def _taken(self, user: int, reader: asyncio.StreamReader) -> str:
        """The id of the message. Raises _Refused, and what the connection raises."""
        try:
            line = await asyncio.wait_for(reader.readuntil(b"\n"), PATIENCE)
        except asyncio.LimitOverrunError:
            raise _Refused("there are too many recipients") from None
        values, size = _request(line)
        context, intake = self._context, self._context.intake
        limit = context.policy.site.limits.message_size
        if limit and size > limit:
            raise _Refused("Message file too big")
        await self._authorized(user)
        content = bytearray()
        while len(content) < size:
            content += await asyncio.wait_for(reader.readexactly(min(_PIECE, size - len(content))), PATIENCE)
        if intake is None:
            raise _Refused("no mail is taken")
        try:
            message = self._message(user, values, bytes(content), intake.new_queue_id())
            await intake.leave(message)
        except IntakeRefused as refused:
            raise _Refused(refused.reply.text) from refused
        except QueueError as failure:
            raise _Refused(str(failure)) from failure
        return message.queue_id

    async def _authorized(self, user: int) -> None:
        """Raises _Refused."""
        world = self._context.world
        account = await world.account(user)
        name = account.name if account is not None else "unknown"
        try:
            may = await self._context.policy.may(Session(sasl_username=name), Privilege.SUBMIT, Ask(world))
        except LookupFailed as failure:
            raise _Refused(f"authorized_submit_users: {failure}") from failure
        if not may:
            raise _Refused(f"User {name}({user}) is not allowed to submit mail")

    def _message(self, user: int, values: dict[str, Any], content: bytes, queue_id: str) -> Message:
        recipients = [Recipient(address, address, "", notify) for address, notify in values["to"]]
        return Message(
            queue_id,
            values["from"],
            recipients,
            content,
            self._context.world.now(),
            values["body"],
            values["ret"],
            values["envid"],
            user=user,
            full_name=values["name"],
            local=values["local"],
        )


def _request(line: bytes) -> tuple[dict[str, Any], int]:
    """The values of a request that are what they have to be, and the size of the content. Raises _Refused."""
    bad = _Refused("the request cannot be read")
    try:
        values = json.loads(line.decode("ascii"))
    except (ValueError, RecursionError):
        raise bad from None
    if not isinstance(values, dict) or not all(_is_text(values.get(name)) for name in ("from", "envid", "name")):
        raise bad
    recipients, size = values.get("to"), values.get("size")
    if not isinstance(recipients, list) or not recipients or not all(map(_is_recipient, recipients)):
        raise bad
    if not isinstance(values.get("local"), bool) or any(
        values.get(name) not in words for name, words in _WORDS.items()
    ):
        raise bad
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise bad
    return values, size


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _PIECE and bool(_TEXT.match(value))


def _is_recipient(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 2 or not all(map(_is_text, value)):
        return False
    return bool(value[0]) and bool(_NOTIFY.match(value[1]))
