"""Clients that are tested before a service talks to them: asyncio around `mailconf.smtp.screening`.

A client that passes is handed to the service, with what it has sent; all others are talked to here, and no message is
taken. What a client has passed is remembered (`mailconf.mta.screen_memory`).

A client costs what it has sent, up to a bound, and a task; there are no more of them than `Screening.most`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, Any, cast

from mailconf.model.screening import Access, Listing, Rank, Screener
from mailconf.model.session import Session
from mailconf.model.world import Ask, LookupFailed
from mailconf.mta.journal import LogEvent
from mailconf.mta.resolver import peer
from mailconf.mta.screen_memory import Memory
from mailconf.smtp.reply import Reply
from mailconf.smtp.screening import MANNERS, Action, Answer, Note, Step, Talk, Test

if TYPE_CHECKING:
    from mailconf.mta.smtp_service import SmtpService
    from mailconf.mta.tls import ServerLayer

Ranking = asyncio.Task[tuple[Sequence[Listing], Rank]]
_BUFFER = 16_384  # bytes read ahead of the work


class Finding(Enum):
    """What is logged of a client, beside what a talk has shown."""

    CAME = "it has connected"
    ALLOWED = "a list of clients lets it pass"
    DENIED = "a list of clients denies it"
    EARLY = "it has talked before it was greeted"
    ON_LIST = "a list in the DNS has it"
    LIST_FAILED = "a list in the DNS cannot be asked"
    RANKED = "lists in the DNS have it"
    HUNG_UP = "it has hung up before it was greeted"
    HUNG_UP_LATER = "it has hung up in a talk"
    TOO_SLOW = "a command took too long"
    PASSED = "it has passed the tests"
    KNOWN = "it has passed the tests before"
    TOO_MANY = "it has too many connections"
    BUSY = "too many clients are being tested"
    WARNING = "something is wrong with a list of clients"
    WITHHELD = "it is not offered all keywords"
    NOT_INTRODUCED = "the proxy does not say whose connection it hands on"
    NO_PROXY_PROTOCOL = "a proxy's protocol is asked for that does not exist"
    GONE = "its connection is ended"


class _Lost(Exception):
    """The client hung up."""


class _Late(Exception):
    """The client was silent for too long."""


class Screens:
    """What the tests of one service share."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.clients: Counter[str] = Counter()
        self.sessions: set[ScreenSession] = set()
        # What clients with connections have passed, before it is known whether they pass all of it.
        self.passing: dict[str, set[Test]] = {}

    def leave(self, client: str) -> None:
        """A connection of the client's is over."""
        self.clients[client] -= 1
        if not self.clients[client]:
            del self.clients[client]
            self.passing.pop(client, None)

    async def close(self) -> None:
        """End all of them: nothing is lost, since no message has been taken."""
        tasks = [session.task for session in self.sessions if session.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class ScreenSession(asyncio.Protocol):
    """One client, until it is handed on or gone."""

    transport: asyncio.Transport

    def __init__(self, service: SmtpService, screener: Screener) -> None:
        self._service = service
        self._screens = service.screens
        self._screener = screener
        self._screening = screener.screening
        self._session = Session("")
        self.task: asyncio.Task[None] | None = None
        self._ask = Ask(service.context.world)
        self._data = bytearray()
        self._layer: ServerLayer | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._lost = False
        self._handed = False
        self._counted = ""
        self._began = 0.0
        self._ignored = False  # a test was failed, which does not count
        self._failed = False
        self._refusal = screener.words(Answer.LATER)
        self._passed: dict[Test, float] = {}

    # asyncio's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        self._screens.sessions.add(self)
        session = self._session
        session.client_address, session.client_port = peer(transport.get_extra_info("peername"))
        session.server_address, session.server_port = peer(transport.get_extra_info("sockname"))
        self.task = loop.create_task(self._run())

    def data_received(self, data: bytes) -> None:
        self._data += data if self._layer is None else self._unwrapped(self._layer, data)
        if len(self._data) > _BUFFER:
            self.transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        self._lost = True
        self._wake()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _until(self, deadline: float) -> bool:
        """Wait for something new of the client; whether it came before ``deadline``."""
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = loop.call_at(deadline, self._wake)
        try:
            await self._waiter
        finally:
            self._waiter = None
            timer.cancel()
        return loop.time() < deadline

    async def _more(self) -> None:
        """Wait for something new of the client. Raises _Lost."""
        if self._lost:
            raise _Lost
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    # The tests.

    def _note(self, finding: Finding | Note, **about: Any) -> None:
        session = self._session
        client = f"[{session.client_address}]:{session.client_port}"
        self._service.context.note(LogEvent.SCREENED, finding=finding, client=client, session=session, about=about)

    @property
    def _elapsed(self) -> float:
        return asyncio.get_running_loop().time() - self._began

    async def _run(self) -> None:
        try:
            if self._screening.proxy_protocol and not await self._is_introduced():
                return
            refresh = getattr(self._service.context.world, "refresh", None)
            if refresh is not None:  # tables that were replaced are opened anew
                refresh()
            server = f"[{self._session.server_address}]:{self._session.server_port}"
            self._note(Finding.CAME, server=server)
            if await self._is_crowded() or not await self._may_pass():
                await self._finish()
                self._note(Finding.GONE)
            else:
                self._hand_on()
        except _Lost:
            self._note(Finding.GONE)
        except Exception as error:  # a defect costs the client its connection, and nothing is taken
            self._service.context.note(LogEvent.DEFECT, question="screening", error=error, place="")
        finally:
            self._screens.sessions.discard(self)
            if self._counted:
                self._screens.leave(self._counted)
            if not self._handed:
                self._hang_up()

    async def _is_introduced(self) -> bool:
        """Read whose connection the proxy hands on; False where it does not say so: nobody is served then."""
        from mailconf.mta.introduction import PROTOCOL, introduction
        from mailconf.smtp.proxy_header import LIMIT, Fault

        protocol, options = self._screening.proxy_protocol, self._service.options()
        if protocol != PROTOCOL:
            self._note(Finding.NO_PROXY_PROTOCOL, value=protocol)
            return False
        found = await introduction(self._data, self._more, options, self._screening.proxy_time, _Lost)
        if isinstance(found, Fault):
            self._note(Finding.NOT_INTRODUCED, fault=found, data=bytes(self._data[:LIMIT]))
            await self._say(self._screener.words(Answer.NOT_INTRODUCED))
            await self._finish()
            return False
        session = self._session
        if found.endpoints is not None:
            session.client_address, session.client_port, session.server_address, session.server_port = found.endpoints
        del self._data[: found.size]
        return True

    async def _is_crowded(self) -> bool:
        self._counted = self._session.client_address
        self._screens.clients[self._counted] += 1
        if 0 < self._screening.connections < self._screens.clients[self._counted]:
            self._note(Finding.TOO_MANY)
            await self._say(self._screener.words(Answer.TOO_MANY))
            return True
        if len(self._screens.sessions) >= self._screening.most > 0:
            self._note(Finding.BUSY)
            await self._say(self._screener.words(Answer.BUSY))
            return True
        return False

    async def _may_pass(self) -> bool:
        """Whether the client is to be handed on; otherwise it has been talked to."""
        client, screening, memory = self._session.client_address, self._screening, self._screens.memory
        standing = await self._screener.standing(client, self._ask)
        for text in standing.notes:
            self._note(Finding.WARNING, text=text)
        if standing.access is Access.ALLOWED:
            self._note(Finding.ALLOWED)
            return True
        if standing.access is Access.DENIED:
            self._note(Finding.DENIED)
            if await self._fails(screening.denied, Answer.DENIED, Answer.DENIED_ENDS):
                return False
        known = memory.passed(client) | self._screens.passing.get(client, set())
        left = {test: action for test, action in screening.actions.items() if test not in known}
        is_new = not left.keys() <= memory.ever(client)
        if not left and not self._failed:
            if screening.actions:
                self._note(Finding.KNOWN)
            return True
        greeted_early = await self._first_tests(left)
        if greeted_early is None:
            return False
        manners = {test: action for test, action in left.items() if test in MANNERS and test not in self._passed}
        if not self._failed and self._passed:
            self._screens.passing.setdefault(client, set()).update(self._passed)
        if not self._failed and not manners:
            self._keep(is_new=is_new)
            return True
        await self._talk(screening.manners if self._failed else manners, greet=not greeted_early, is_new=is_new)
        return False

    async def _fails(self, action: Action, answer: Answer, ends: Answer, **facts: str) -> bool:
        """The client has failed a test; whether that is the end."""
        words = self._screener.words
        if action is Action.IGNORE:
            return False
        self._failed = True
        if action is Action.DROP:
            await self._say(words(ends, **facts))
            return True
        self._refusal = words(answer, **facts)
        return False

    async def _first_tests(self, left: Mapping[Test, Action]) -> bool | None:
        """The tests before the greeting; None where they were the end, else whether the client talked before it, and
        that counts."""
        ranking = asyncio.create_task(self._ranked()) if Test.LISTS in left else None
        try:
            is_early = False
            if Test.GREETING in left:
                found = await self._waits_for_greeting(left[Test.GREETING], ranking)
                if found is None:
                    return None
                is_early = found
            if ranking is not None and not await self._is_unlisted(left[Test.LISTS], *await ranking):
                return None
            return is_early
        finally:
            if ranking is not None:
                ranking.cancel()

    async def _waits_for_greeting(self, action: Action, ranking: Ranking | None) -> bool | None:
        """Let the client wait; None where that was the end, else whether it talked, and that counts."""
        screening, loop = self._screening, asyncio.get_running_loop()
        self.transport.write(f"220-{screening.teaser}\r\n".encode("utf-8", "surrogateescape"))
        deadline = loop.time() + screening.wait
        if ranking is not None and screening.allowing < 0:
            ranking.add_done_callback(lambda task: self._wake())
        while not self._data and not self._lost and loop.time() < deadline:
            if ranking is not None and ranking.done() and self._is_allowed(ranking.result()[1]):
                return False
            await self._until(deadline)
        if self._data:
            self._note(Finding.EARLY, data=bytes(self._data), seconds=self._elapsed)
            self._ignored |= action is Action.IGNORE
            ended = await self._fails(action, Answer.PROTOCOL, Answer.PROTOCOL_ENDS)
            return None if ended else action is Action.ENFORCE
        if self._lost:
            self._note(Finding.HUNG_UP, seconds=self._elapsed)
            raise _Lost
        self._passed[Test.GREETING] = screening.lasting.get(Test.GREETING, 0.0)
        return False

    def _is_allowed(self, rank: Rank) -> bool:
        """Whether lists spare the client the other tests, for as long as its rank holds."""
        allowed = self._screening.allowing < 0 and rank.score <= self._screening.allowing
        if allowed:
            self._passed |= dict.fromkeys((Test.GREETING, *MANNERS), rank.seconds)
        return allowed

    async def _ranked(self) -> tuple[Sequence[Listing], Rank]:
        """What the lists in the DNS have, as far as that is known in time, and what it comes to."""
        client, screener = self._session.client_address, self._screener
        tasks = [asyncio.create_task(screener.listing(zone, client, self._ask)) for zone in screener.zones]
        try:
            await asyncio.wait(tasks, timeout=self._screening.list_time)
            found = [task.result() for task in tasks if task.done() and task.exception() is None]
        finally:
            for task in tasks:
                task.cancel()
        return found, await screener.rank(found, self._ask)

    async def _is_unlisted(self, action: Action, listings: Sequence[Listing], rank: Rank) -> bool:
        """Whether the client's rank lets it go on, if only to a talk."""
        for listing in listings:
            for answer in listing.answers:
                self._note(Finding.ON_LIST, listing=listing, answer=answer)
            if listing.failed:
                self._note(Finding.LIST_FAILED, listing=listing)
        if rank.score >= self._screening.threshold:
            self._note(Finding.RANKED, rank=rank.score)
            self._ignored |= action is Action.IGNORE
            facts = {"client": self._session.client_address, "zone": rank.zone}
            return not await self._fails(action, Answer.LISTED, Answer.LISTED_ENDS, **facts)
        self._passed[Test.LISTS] = rank.seconds
        if not self._failed:
            self._is_allowed(rank)
        return True

    def _keep(self, *, is_new: bool) -> None:
        """The client has passed, but for what is ignored."""
        if self._screening.remembers and self._passed:
            self._screens.memory.put(self._session.client_address, self._passed)
        if not self._ignored:
            self._note(Finding.PASSED, new=is_new)

    def _hand_on(self) -> None:
        """The service's session takes the connection over, with what the client has sent."""
        from mailconf.mta.listener import SmtpSession
        from mailconf.smtp.proxy_header import Endpoints

        self._handed = True
        of = self._session
        ends = Endpoints(of.client_address, of.client_port, of.server_address, of.server_port)
        session = SmtpSession(self._service, screened=ends)
        self.transport.set_protocol(session)
        session.connection_made(self.transport)
        if self._data:
            session.data_received(bytes(self._data))
        if self._lost:
            session.eof_received()

    # The talk.

    async def _talk(self, manners: Mapping[Test, Action], *, greet: bool, is_new: bool) -> None:
        talk = Talk(self._screening.talk, self._screener.words, manners, self._refusal, failed=self._failed)
        talk.has_tls = self._service.tls is not None
        with suppress(LookupFailed):
            withheld = await self._screener.withheld(self._session.client_address, self._ask)
            if withheld is not None:
                talk.withheld = withheld
                self._note(Finding.WITHHELD, keywords=withheld)
        if greet:
            await self._say(talk.greeting())
        try:
            while await self._exchange(talk):
                pass
        except _Lost:
            self._note(Finding.HUNG_UP_LATER, seconds=self._elapsed)
        except _Late:
            self._note(Finding.TOO_SLOW, where=talk.where)
            await self._say(talk.timeout())
        if talk.failed:
            return
        if talk.passed:
            lasting = self._screening.lasting
            self._passed |= {test: lasting.get(test, 0.0) for test in talk.passed}
            self._keep(is_new=is_new)
        elif self._screening.remembers and self._passed:
            self._screens.memory.put(self._session.client_address, self._passed)

    async def _exchange(self, talk: Talk) -> bool:
        """One command; False where it was the last. Raises _Lost, _Late."""
        deadline = asyncio.get_running_loop().time() + self._screening.command_time
        while True:
            talk.receive_data(bytes(self._data))
            self._data.clear()
            line = talk.line()
            if line is not None:
                break
            if self._lost:
                raise _Lost
            self.transport.resume_reading()
            if not await self._until(deadline):
                raise _Late
        instead = await self._screener.replaced(line, self._ask) if self._screening.replaces else None
        session = self._session
        for happening in talk.step(instead):
            session.helo, session.protocol, session.sender = talk.helo, talk.protocol, talk.sender
            if isinstance(happening, Note):
                reply = happening.reply
                if reply is not None:
                    session.recipient = happening.recipient
                    happening = happening._replace(reply=self._screener.softened(reply))
                self._note(happening)
            elif isinstance(happening, Reply):
                await self._say(happening)
            elif happening is Step.HANDSHAKE:
                await self._begin_tls(talk)
            else:
                return False
        return True

    async def _begin_tls(self, talk: Talk) -> None:
        """Raises _Lost, _Late."""
        offer, tls = self._service.tls, self._service.policy.site.tls
        if offer is None:
            raise _Lost
        talk.begin_tls()
        self._data.clear()
        layer = self._layer = offer.layer(asks=False)
        deadline = asyncio.get_running_loop().time() + (tls.timeout if tls is not None and tls.timeout else 300.0)
        while not layer.established:
            if self._lost:
                raise _Lost
            self.transport.resume_reading()
            if not await self._until(deadline):
                raise _Lost

    def _unwrapped(self, layer: ServerLayer, data: bytes) -> bytes:
        """What ``data`` means; what is no TLS ends the talk."""
        from mailconf.mta.tls import meant

        said, failure = meant(layer, data)
        self._lost = self._lost or layer.closed or failure is not None
        if not self.transport.is_closing():
            self.transport.write(layer.data_to_send())
        return said

    async def _say(self, reply: Reply) -> None:
        """Raises _Late where the client does not read."""
        data = (await self._screener.worded(self._session, reply, self._ask)).wire()
        if self._layer is not None:
            if not self._layer.established:
                return
            self._layer.send(data)
            data = self._layer.data_to_send()
        if not self.transport.is_closing():
            self.transport.write(data)
        if self._writable is not None:
            await self._drain()

    async def _drain(self) -> None:
        """Raises _Lost where the client does not read what is sent to it."""
        if self._writable is not None:
            await asyncio.wait((self._writable,), timeout=self._screening.command_time)
            if self._writable is not None:
                raise _Lost

    async def _finish(self) -> None:
        if not self.transport.is_closing():
            self.transport.set_write_buffer_limits(0)
            with suppress(_Lost):
                await self._drain()

    def _hang_up(self) -> None:
        """Its end is sent before anything else, so that a client that has sent more reads what was said to it."""
        if self._layer is not None and not self.transport.is_closing():
            self._layer.close()
            self.transport.write(self._layer.data_to_send())
        if self.transport.can_write_eof() and not self.transport.is_closing():
            with suppress(OSError):
                self.transport.write_eof()
        self.transport.abort()
