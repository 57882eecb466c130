"""A client's mail on its way through a content filter before it is queued (smtpd_proxy_filter): asyncio around
`mailconf.smtp.proxy_filter`.

The filter is connected at the first recipient that the Policy accepts, and gets the client's commands; what it answers
to the end of the message is what the client reads: this MTA keeps nothing. With "adjusted" the filter gets everything
once the message has come whole. A filter that cannot be talked to costs a 451, never a message: nothing is answered
250 but by the filter.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from mailconf.model.session import NameOutcome, Session
from mailconf.mta.journal import LogEvent
from mailconf.smtp.client import wire_content
from mailconf.smtp.forwarded import CLIENT_ATTRIBUTES
from mailconf.smtp.problems import Problem, Wording
from mailconf.smtp.proxy_filter import Garbage, ProxyFlaw, ProxyReader, attributes_of, command, forwarding, refuses
from mailconf.smtp.reply import Reply

if TYPE_CHECKING:
    from mailconf.files import Root
    from mailconf.model.proxying import ProxySettings

_READ = 65536
_LINGER = 5.0  # seconds for what is unsent when a connection ends


class _Failed(Exception):
    """The filter is not talked to any more; the log has been told."""


class _Refused(Exception):
    """The filter refuses the client's sender."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply


class BeforeQueue:
    """The filter of one session.

    note   takes an event for the log
    begun  is told that a message is on its way to the filter
    """

    def __init__(
        self,
        settings: ProxySettings,
        root: Root,
        session: Session,
        wording: Wording,
        note: Callable[..., None],
        begun: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._root = root
        self._session = session
        self._note = note
        self._begun = begun
        self._failure = wording.refusal(Problem.QUEUE_UNAVAILABLE)
        self._link: tuple[asyncio.StreamReader, asyncio.StreamWriter, ProxyReader] | None = None
        self.local = False  # the client is one of ours
        self.mail("")

    def mail(self, line: str) -> None:
        """A sender is to come: the client's command."""
        self.forget()
        self._mail = line

    async def rcpt(self, line: str) -> Reply | None:
        """A recipient that the Policy has accepted; the reply that refuses it, None where the filter takes it."""
        if self._settings.adjusted:
            self._told()
            self._recipients.append(line)
            return None
        if self._broken:
            return self._failure
        if self._link is None:
            refusal = await self._start()
            if refusal is not None:
                return refusal
        return await self._asked(line)

    async def data(self) -> Reply | None:
        """The content is to come; the reply that refuses it."""
        if self._settings.adjusted:
            return None
        return self._failure if self._broken else await self._asked("DATA", content=True)

    async def end(self, content: bytes) -> Reply:
        """The message has come, with what is put before it; the reply to the client. The conversation is over."""
        reply = await self._whole(content)
        self.forget()
        return reply

    async def _whole(self, content: bytes) -> Reply:
        refusal: Reply | None = None
        if self._settings.adjusted:
            refusal = await self._start()
            for line in self._recipients:
                refusal = refusal or await self._asked(line)
            refusal = refusal or await self._asked("DATA", content=True)
        elif self._broken:
            refusal = self._failure
        if refusal is not None:
            return refusal
        try:
            reply = await self._exchange(wire_content(content, 0) + b".\r\n")
        except _Failed:
            return self._failure
        return self._failure if 300 <= reply.code < 400 else reply

    def _told(self) -> None:
        if not self._is_told:
            self._is_told = True
            self._begun()

    async def _start(self) -> Reply | None:
        """Connect, and hand over the sender; the reply that refuses the client's message."""
        try:
            await self._connect()
            await self._hello()
            reply = await self._exchange(command(self._mail))
            if refuses(reply):
                self._refused(self._mail, reply)
                raise _Refused(reply)
        except _Failed:
            self._broken = False  # the next recipient is another attempt
            self._close()
            return self._failure
        except _Refused as refused:
            self._close()
            return refused.reply if refused.reply.code >= 400 else self._failure
        self._told()
        return None

    async def _connect(self) -> None:
        address, reason = self._settings.address, ""
        try:
            async with asyncio.timeout(self._settings.timeout or None):
                if address.startswith("inet:"):
                    host, _, port = address[5:].rpartition(":")
                    made = await asyncio.open_connection(host.strip("[]") or "localhost", port)
                else:
                    made = await asyncio.open_unix_connection(str(self._root.path(address.removeprefix("unix:"))))
        except TimeoutError:
            reason = os.strerror(110)
        except (OSError, ValueError) as error:
            number = getattr(error, "errno", None) or 0
            reason = os.strerror(number) if number > 0 else str(error)
        else:
            self._link = *made, ProxyReader()
            return
        self._note(LogEvent.PROXY_UNREACHABLE, proxy=self._settings.name, reason=reason)
        raise _Failed

    async def _hello(self) -> None:
        """The greeting, EHLO and XFORWARD. Raises _Failed."""
        greeting = await self._reply()
        if refuses(greeting):
            self._refused("", greeting)
            raise _Failed
        line = f"EHLO {self._settings.hello}"
        offered = attributes_of(await self._agreed(line))
        for line in forwarding(self._known(), offered):
            await self._agreed(line)

    async def _agreed(self, line: str) -> Reply:
        reply = await self._exchange(command(line))
        if refuses(reply):
            self._refused(line, reply)
            raise _Failed
        return reply

    def _known(self) -> dict[str, str]:
        session = self._session
        named = session.client_name.outcome is NameOutcome.FOUND
        own = {
            "NAME": session.client_name.text if named else "",
            "ADDR": session.client_address,
            "PORT": session.client_port,
            "HELO": session.helo or "",
            "IDENT": "",
            "PROTO": session.protocol,
            "SOURCE": "LOCAL" if self.local else "REMOTE",
        }
        told = session.forwarded
        if not CLIENT_ATTRIBUTES.isdisjoint(told):  # its word counts for the whole client
            own |= dict.fromkeys(CLIENT_ATTRIBUTES, "")
        own |= {name: value for name, value in told.items() if value and name in own}
        own["ADDR"] = (
            f"IPV6:{own['ADDR']}" if ":" in own["ADDR"] and own["ADDR"][:5].upper() != "IPV6:" else own["ADDR"]
        )
        return own

    async def _asked(self, line: str, *, content: bool = False) -> Reply | None:
        """The reply that refuses a command of the client's."""
        try:
            reply = await self._exchange(command(line))
        except _Failed:
            return self._failure
        if not refuses(reply, content=content):
            return None
        self._refused(line, reply)
        return reply if reply.code >= 400 else self._failure

    def _refused(self, line: str, reply: Reply) -> None:
        self._note(LogEvent.PROXY_REFUSED, proxy=self._settings.name, command=line, reply=reply)

    async def _exchange(self, data: bytes) -> Reply:
        """Send this, and have the reply. Raises _Failed."""
        if self._link is None:
            raise _Failed
        self._link[1].write(data)
        return await self._reply()

    async def _reply(self) -> Reply:
        assert self._link is not None
        reader, writer, replies = self._link
        flaw = ProxyFlaw.LOST
        try:
            async with asyncio.timeout(self._settings.timeout or None):
                await writer.drain()
                while True:
                    found = replies.next()
                    if isinstance(found, Reply):
                        return found
                    if isinstance(found, Garbage):
                        self._note(LogEvent.PROXY_GARBAGE, proxy=self._settings.name, text=found.text)
                        continue
                    data = await reader.read(_READ)
                    if not data:
                        break
                    replies.receive_data(data)
        except TimeoutError:
            flaw = ProxyFlaw.SILENT
        except OSError:
            pass
        self._note(LogEvent.PROXY_FAILED, proxy=self._settings.name, flaw=flaw)
        self._broken = True
        self._close(tell=False)
        raise _Failed

    def forget(self) -> None:
        """The message is over, whatever became of it."""
        self._close()
        self._mail, self._recipients = "", []
        self._broken = self._is_told = False

    _mail: str
    _recipients: list[str]
    _broken: bool
    _is_told: bool

    def _close(self, *, tell: bool = True) -> None:
        """End the connection; a filter that does not read is not waited for."""
        if self._link is None:
            return
        _, writer, _ = self._link
        self._link = None
        with suppress(OSError, RuntimeError):  # the loop may be closed
            if tell:
                writer.write(command("QUIT"))
            writer.close()
            asyncio.get_running_loop().call_later(_LINGER, writer.transport.abort)
