"""One mail filter (milter) as one session talks to it: asyncio around `mailconf.smtp.milter`.

The connection is made when the client connects, and lasts as long as the session. What a filter answers to the client
or its name holds for the session, what it answers to sender and recipients for the message. A filter that does not
answer in time or does not keep to the protocol is not asked again: its default holds from then on.

An answer may be preceded by any number of changes and of signs that the filter is at work: there are bounds for both,
so that a filter can neither fill the memory nor hold a session up for ever. Postfix and sendmail have none.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress

from mailconf.files import Root
from mailconf.model.filtering import GO_ON, Do, FilterDefault, FilterHabits, FilterSettings, Outcome
from mailconf.mta.filtered import Changes
from mailconf.mta.journal import LogEvent
from mailconf.smtp.milter import (
    CONTENT,
    Answer,
    BadFilter,
    Event,
    Flaw,
    Kind,
    Negotiated,
    PacketReader,
    Progress,
    Quarantine,
    Sent,
    answer_of,
    negotiated,
    offer,
    packet,
)
from mailconf.smtp.problems import Problem, Wording
from mailconf.smtp.reply import Reply

_PATIENCE = 10  # times the time for an answer, for one with progress and changes
_MOST_CHANGES = 5_000
_LINGER = 5.0  # seconds for what is unsent when a connection ends
_MOST_BYTES = 64 * 1024 * 1024  # of changes, besides what a body may have
_SESSION = (Event.CONNECT, Event.HELO)
_READ = 65536
# Of these events a filter that does not want them does not get the macros, either.
_QUIET = frozenset((Event.HEADER, Event.EOH, Event.BODY))


class _Link:
    """A connection. Raises BadFilter."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._packets = PacketReader()

    @classmethod
    async def to(cls, address: str, root: Root) -> _Link:
        if not address:
            raise BadFilter(Flaw.NO_ADDRESS)
        try:
            if address.startswith("inet:"):
                host, _, port = address[5:].rpartition(":")
                return cls(*await asyncio.open_connection(host.strip("[]"), port))
            return cls(*await asyncio.open_unix_connection(str(root.path(address.partition(":")[2]))))
        except TimeoutError:
            raise BadFilter(Flaw.UNREACHABLE, reason="Connection timed out") from None
        except OSError as error:
            number = error.errno or 0
            reason = os.strerror(number) if number > 0 else str(error)
            raise BadFilter(Flaw.UNREACHABLE, reason=reason) from error
        except ValueError as error:
            raise BadFilter(Flaw.UNREACHABLE, reason=str(error)) from error

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def packet(self) -> tuple[str, bytes]:
        try:
            await self._writer.drain()
            while (found := self._packets.next_packet()) is None:
                data = await self._reader.read(_READ)
                if not data:
                    raise BadFilter(Flaw.GONE)
                self._packets.receive_data(data)
            return found
        except OSError as error:
            raise BadFilter(Flaw.GONE) from error

    async def flush(self) -> None:
        """Until the filter has taken most of what was sent."""
        try:
            await self._writer.drain()
        except OSError as error:
            raise BadFilter(Flaw.GONE) from error

    def close(self) -> None:
        """End the connection; a filter that does not read what was sent is not waited for."""
        with suppress(OSError, RuntimeError):  # the loop may be closed
            self._writer.close()
            asyncio.get_running_loop().call_later(_LINGER, self._writer.transport.abort)


class Filter:
    """One filter in one session.

    note   takes an event for the log
    queue_id  gives that of the message at hand, for the log
    limit  bytes that a message may have, 0 without a limit
    """

    def __init__(
        self,
        settings: FilterSettings,
        root: Root,
        wording: Wording,
        note: Callable[..., None],
        limit: int = 0,
        queue_id: Callable[[], str] = str,
        habits: FilterHabits = FilterHabits(),  # noqa: B008 - it never changes
    ) -> None:
        self.settings = settings
        self._root = root
        self._wording = wording
        self._note = note
        self._limit = limit
        self._habits = habits
        self._queue_id = queue_id
        self._link: _Link | None = None
        self._agreed: Negotiated | None = None
        self._standing: Outcome | None = None  # the answer to whatever is asked from now on
        self._passed = False  # it does not want to know more of the message
        self._held = False
        self._failed_in_content = False
        self._failed = False  # what stands is so because it failed

    @property
    def steps(self) -> int:
        """The steps that it has asked for."""
        return self._agreed.steps if self._agreed is not None else 0

    @property
    def lists(self) -> dict[int, str]:
        """The macros that it wants, by number of the stage."""
        return dict(self._agreed.lists) if self._agreed is not None else {}

    @property
    def is_silent(self) -> bool:
        """Whether it has nothing more to say about the message."""
        return self._passed or (self._standing is not None and self._standing.do is Do.CONTINUE)

    @property
    def refusal(self) -> Reply | None:
        """What stands against the session."""
        return self._standing.reply if self._standing is not None else None

    async def begin(self) -> Outcome:
        """Connect, and agree on what it is told."""
        try:
            async with asyncio.timeout(self.settings.connect_timeout):
                self._link = await _Link.to(self.settings.address, self._root)
        except TimeoutError:
            return self._fail(BadFilter(Flaw.UNREACHABLE, reason="Connection timed out"), None)
        except BadFilter as failure:
            return self._fail(failure, None)
        try:
            self._link.send(offer(self.settings.version))
            letter, data = await self._received(self._link, self.settings.connect_timeout)
            agreed = negotiated(letter, data, self.settings.version, header_replies=self.settings.header_replies)
        except BadFilter as failure:
            return self._fail(failure, None, negotiating=True)
        self._agreed = agreed
        if not agreed.version_known or agreed.strange:
            about = {"queue_id": self._queue_id(), "filter": self.settings.name, "local": self._habits.is_local}
            self._note(LogEvent.FILTER_ODD, agreed=agreed, **about)
        return GO_ON

    def wants(self, event: Event) -> bool:
        """Whether the event is sent at all."""
        open_ = self._link is not None and self._standing is None and not self._passed
        return open_ and self._agreed is not None and self._agreed.wants(event)

    async def ask(
        self, event: Event, data: bytes, macros: bytes | None = None, changes: Changes | None = None
    ) -> Outcome:
        """Tell the filter of an event, and have its answer.

        macros   the data of the packet before it, None where there is to be none
        changes  takes what the filter wants to be changed
        """
        if self._standing is not None:
            if self._failed_in_content and event not in CONTENT:
                self._failed_in_content = False
                self._log(BadFilter(Flaw.LOST), event)
            return self._standing._replace(again=not self._failed)
        link, agreed = self._link, self._agreed
        if self._passed or link is None or agreed is None or not agreed.has(event):
            return GO_ON
        wanted = agreed.wants(event)
        if macros is not None and (wanted or event not in _QUIET):
            link.send(packet("D", event.letter.encode("ascii") + macros))
        if not wanted:
            return GO_ON
        link.send(packet(event.letter, data))
        try:
            if not agreed.answers(event):
                await self._flushed(link, event)
                return GO_ON
            return self._concluded(event, await self._answer(link, event, changes))
        except BadFilter as failure:
            return self._fail(failure, event)

    def _seconds(self, event: Event) -> float:
        return self.settings.content_timeout if event in CONTENT else self.settings.command_timeout

    async def _flushed(self, link: _Link, event: Event) -> None:
        try:
            async with asyncio.timeout(self._seconds(event)):
                await link.flush()
        except TimeoutError:
            raise BadFilter(Flaw.SILENT) from None

    async def _received(self, link: _Link, seconds: float) -> tuple[str, bytes]:
        try:
            async with asyncio.timeout(seconds):
                return await link.packet()
        except TimeoutError:
            raise BadFilter(Flaw.SILENT) from None

    async def _answer(self, link: _Link, event: Event, changes: Changes | None) -> Answer:
        """The answer itself; what precedes it is taken in. Raises BadFilter."""
        seconds = self._seconds(event)
        size, most = 0, self._limit + _MOST_BYTES
        try:
            async with asyncio.timeout(_PATIENCE * seconds):
                while True:
                    letter, data = await self._received(link, seconds)
                    sent: Sent = answer_of(letter, data, event)
                    if isinstance(sent, Answer):
                        return sent
                    if isinstance(sent, Quarantine):
                        self._held = True
                    elif not isinstance(sent, Progress) and changes is not None:
                        size += len(data)
                        if size > most or len(changes.listed) >= _MOST_CHANGES:
                            raise BadFilter(Flaw.TOO_MUCH, length=size)
                        changes.add(sent)
        except TimeoutError:
            raise BadFilter(Flaw.SILENT) from None

    def _concluded(self, event: Event, answer: Answer) -> Outcome:
        kind, in_session = answer.kind, event in _SESSION
        if kind is Kind.SHUTDOWN:
            if not self._habits.ends_sessions:
                raise BadFilter(Flaw.UNEXPECTED, letter=kind.value)
            return self._stand(Outcome(Do.SHUTDOWN, self._wording.refusal(Problem.FILTER_ENDS)))
        drops = kind is Kind.DISCARD and event is Event.CONNECT and self._habits.takes_leave
        if drops or (kind is Kind.ACCEPT and in_session):
            return self._stand(GO_ON)
        if kind is Kind.DISCARD and in_session:
            about = {"queue_id": self._queue_id(), "filter": self.settings.name, "local": self._habits.is_local}
            self._note(LogEvent.FILTER_NO_DISCARD, **about)
            return GO_ON
        if kind in (Kind.REJECT, Kind.TEMPFAIL, Kind.REPLY):
            refused = Outcome(Do.REFUSE, answer.reply or self._wording.refusal(_REFUSALS[kind, event in CONTENT]))
            return self._stand(refused) if in_session else refused
        if kind in (Kind.ACCEPT, Kind.DISCARD):
            self._passed = event is not Event.UNKNOWN
            if kind is Kind.DISCARD:
                return Outcome(Do.DISCARD)
        if self._held:
            self._held = False
            return Outcome(Do.HOLD)
        return Outcome(Do.SKIP) if kind is Kind.SKIP else GO_ON

    def _stand(self, outcome: Outcome, *, failed: bool = False) -> Outcome:
        """Nothing more is asked: this is the answer."""
        self._standing = outcome
        if self._habits.takes_leave and not failed and self._link is not None:
            self._link.send(packet("Q"))
        self._close()
        return outcome

    def _fail(self, failure: BadFilter, event: Event | None, *, negotiating: bool = False) -> Outcome:
        self._log(failure, event, negotiating=negotiating)
        self._failed = event is not None
        self._failed_in_content = event in CONTENT and self._habits.ends_sessions
        broken = failure.flaw in (Flaw.MALFORMED, Flaw.NO_ADDRESS)
        default = FilterDefault.BROKEN if broken and self._habits.ends_sessions else self.settings.default
        stands = self._stand(_default(default, self._wording), failed=True)
        if event in CONTENT and default is FilterDefault.REJECT:
            return stands._replace(reply=self._wording.refusal(Problem.FILTER_GONE_MESSAGE))
        return stands

    def _log(self, failure: BadFilter, event: Event | None, *, negotiating: bool = False) -> None:
        about = {"queue_id": self._queue_id(), "filter": self.settings.name, "local": self._habits.is_local}
        facts = {"event": event, "negotiating": negotiating, "facts": failure.facts}
        self._note(LogEvent.FILTER_FAILED, flaw=failure.flaw, **about, **facts)

    def abort(self, *, tell: bool = True) -> None:
        """The message is over, whatever became of it."""
        self._passed = self._held = False
        if tell and self._link is not None and self._agreed is not None:
            self._link.send(packet("A"))

    def quit(self) -> None:
        """The session is over."""
        if self._link is not None and self._agreed is not None:
            self._link.send(packet("Q"))
        self._close()
        self._agreed = None

    def _close(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None


_REFUSALS = {
    (Kind.REJECT, False): Problem.FILTER_REJECTS,
    (Kind.REJECT, True): Problem.FILTER_REJECTS_MESSAGE,
    (Kind.TEMPFAIL, False): Problem.FILTER_DEFERS,
    (Kind.TEMPFAIL, True): Problem.FILTER_DEFERS,
}
_DEFAULTS = {
    FilterDefault.TEMPFAIL: Problem.FILTER_DEFERS,
    FilterDefault.REJECT: Problem.FILTER_GONE,
    FilterDefault.BROKEN: Problem.FILTER_BROKEN,
}


def _default(default: FilterDefault, wording: Wording) -> Outcome:
    """What is done without the filter."""
    if default is FilterDefault.ACCEPT:
        return GO_ON
    if default is FilterDefault.QUARANTINE:
        return Outcome(Do.HOLD)
    if default is FilterDefault.SHUTDOWN:
        return Outcome(Do.SHUTDOWN, wording.refusal(Problem.FILTER_ENDS))
    return Outcome(Do.REFUSE, wording.refusal(_DEFAULTS[default]))
