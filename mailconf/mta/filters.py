"""The mail filters (milters) of one session, in their order: what they are told of it, and what follows.

Commands are told as they are accepted, the message once its header is complete (smtpd(8), cleanup(8); MILTER_README).
The first filter that refuses, discards or holds ends the round: those after it are not asked.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence

from mailconf.files import Root
from mailconf.model.address import external
from mailconf.model.filtering import GO_ON, Do, Filtering, Outcome
from mailconf.model.session import NameOutcome, Session
from mailconf.model.verdict import Reply, Route
from mailconf.mta.filter import Filter
from mailconf.mta.filtered import Changes, FilteredMessage
from mailconf.smtp.host_addresses import valid_ipv6
from mailconf.smtp.milter import CHUNK, LEADING_SPACE, REFUSED_RECIPIENTS, Event, text
from mailconf.smtp.problems import Wording

_STAGES = {
    Event.CONNECT: "connect",
    Event.HELO: "helo",
    Event.MAIL: "mail",
    Event.RCPT: "rcpt",
    Event.DATA: "data",
    Event.UNKNOWN: "unknown_command",
    Event.HEADER: "end_of_header",
    Event.EOH: "end_of_header",
    Event.BODY: "end_of_data",
    Event.END: "end_of_data",
}
_WITHOUT = (Event.HEADER, Event.BODY)  # of which sendmail tells no macros
_RESOLVED = {
    NameOutcome.FOUND: "OK",
    NameOutcome.FORGED: "FORGED",
    NameOutcome.FAILED: "TEMP",
    NameOutcome.ABSENT: "FAIL",
}


class Filters:
    """Those that a Policy names for a client. ``session`` is read anew for each event.

    note   takes an event for the log
    limit  bytes that a message may have, 0 without a limit
    """

    def __init__(
        self,
        filtering: Filtering,
        session: Session,
        root: Root,
        wording: Wording,
        note: Callable[..., None],
        limit: int = 0,
    ) -> None:
        self._filtering = filtering
        self._session = session
        self._filters = [
            Filter(settings, root, wording, note, limit, lambda: session.queue_id, filtering.habits)
            for settings in filtering.filters
        ]
        self._envelope: dict[str, str] = {}
        self._open = False  # a sender was told
        self._told = False  # a recipient was told
        self._named = False  # the client has given its name
        self.counted = True  # the client's connections are counted
        self.discards = False  # the message is dropped: nothing more is asked about it

    # Commands

    async def connect(self) -> Outcome:
        session = self._session
        name = session.client_name.text if session.client_name.is_found else f"[{session.client_address}]"
        data = text(name) + _place(session)
        for each in self._filters:
            outcome = await each.begin()
            if outcome.do is Do.CONTINUE:
                outcome = await each.ask(Event.CONNECT, data, self._macros(each, Event.CONNECT))
            if outcome.do is not Do.CONTINUE:
                return outcome
        return GO_ON

    async def helo(self, name: str) -> Outcome:
        """``name`` is what the client typed."""
        return await self._each(Event.HELO, text(name))

    async def mail(self, typed: str, parameters: Sequence[str], route: Route | None) -> Outcome:
        self._envelope = _routed("mail", self._session.sender or "", route)
        self._open, self.discards, self._told = True, False, False
        return await self._each(Event.MAIL, text(typed, *parameters))

    async def rcpt(self, typed: str, parameters: Sequence[str], route: Route | None) -> Outcome:
        """A recipient that the Policy accepts."""
        own = _routed("rcpt", self._session.recipient or "", route)
        if self._filtering.habits.is_local:
            self._envelope |= own
        self._told = self._told or not self.discards
        return await self._each(Event.RCPT, text(typed, *parameters), own)

    async def refused_rcpt(self, typed: str, parameters: Sequence[str], reply: Reply) -> None:
        """A recipient that the Policy refuses: told to those that want to know, whose answers change nothing."""
        status, reason = reply.status, reply.text.partition(" ")[2]
        if reason.startswith("<"):
            reason = reason.partition(">: ")[2] or reason
        own = {"{rcpt_addr}": reason, "{rcpt_host}": status, "{rcpt_mailer}": "error"}
        data = text(typed, *parameters)
        if not self._filtering.habits.tells_refused:
            return
        for each in self._filters:
            if each.steps & REFUSED_RECIPIENTS and not self.discards:
                await each.ask(Event.RCPT, data, self._macros(each, Event.RCPT, own))

    async def data(self, route: Route | None, recipient: str) -> Outcome:
        own = {} if route is None else _routed("rcpt", recipient, route)
        return await self._each(Event.DATA, b"", own)

    async def unknown(self, line: str) -> Outcome:
        return await self._each(Event.UNKNOWN, text(line))

    async def _each(self, event: Event, data: bytes, own: Mapping[str, str] | None = None) -> Outcome:
        if self.discards:
            return GO_ON
        for each in self._filters:
            outcome = await each.ask(event, data, self._macros(each, event, own))
            if outcome.do is Do.DISCARD:
                self.discards = True
            if outcome.do not in (Do.CONTINUE, Do.SKIP):
                return outcome
        return GO_ON

    def standing(self) -> Reply | None:
        """The refusal of the first filter that refuses the whole session."""
        replies = (each.refusal for each in self._filters)
        return next((reply for reply in replies if reply is not None), None)

    def named(self) -> None:
        """A name that the client has given is accepted."""
        if self._named:
            self._abort(tell=self._filtering.habits.aborts_always)
        self._named = True

    def unnamed(self) -> None:
        """What the client has said counts no more (STARTTLS)."""
        if self._named:
            self._abort(tell=self._filtering.habits.aborts_always)
        self._named = False

    def forget(self, *, reset: bool = False, over: bool = False) -> None:
        """The message is over; ``reset``: because the client has given it up; ``over``: with the session."""
        early = reset or (self.discards and self._told and not over)
        self.discards = self._told = False
        self._envelope = {}
        if self._open:
            self._open = False
            self._abort(tell=early or self._filtering.habits.aborts_always)

    def _abort(self, *, tell: bool) -> None:
        for each in self._filters:
            each.abort(tell=tell)

    def close(self) -> None:
        """The session is over."""
        self.forget(over=True)
        self.unnamed()
        for each in self._filters:
            each.quit()

    # The message

    async def message(self, message: FilteredMessage) -> Outcome:
        """The content, and what the filters change of it; ``message`` has the changes."""
        if self.discards:
            return GO_ON
        self._told = False
        for each in self._filters:
            outcome = await self._content(each, message)
            if outcome.do not in (Do.CONTINUE, Do.SKIP):
                return outcome
        return GO_ON

    async def _content(self, each: Filter, message: FilteredMessage) -> Outcome:
        macros = self._macros(each, Event.HEADER, content=True)
        identity = message.identity
        spaced = bool(each.steps & LEADING_SPACE)
        if each.wants(Event.HEADER):
            for name, value in message.fields(leading_space=spaced):
                outcome = await each.ask(Event.HEADER, text(name, value), macros)
                if outcome.do is not Do.CONTINUE or each.is_silent:
                    return outcome
        outcome = await each.ask(Event.EOH, b"", self._macros(each, Event.EOH, content=True))
        if outcome.do is not Do.CONTINUE or each.is_silent:
            return outcome
        macros = self._macros(each, Event.BODY, content=True)
        if each.wants(Event.BODY):
            for chunk in message.chunks(CHUNK):
                outcome = await each.ask(Event.BODY, chunk, macros)
                if outcome.do is Do.SKIP:
                    break
                if outcome.do is not Do.CONTINUE or each.is_silent:
                    return outcome
        changes = Changes()
        own = {"{msg_id}": identity} if identity and not self._filtering.habits.tells_empty_macros else {}
        outcome = await each.ask(Event.END, b"", self._macros(each, Event.END, own, content=True), changes)
        await message.change(changes, self._filtering.habits, leading_space=spaced)
        return outcome

    # Macros

    def _macros(
        self, each: Filter, event: Event, own: Mapping[str, str] | None = None, *, content: bool = False
    ) -> bytes | None:
        """The data of a packet of macros: those that the filter or else the configuration wants for the event. None
        where there is to be no such packet."""
        tells_empty = self._filtering.habits.tells_empty_macros
        if event in _WITHOUT and not tells_empty:
            return None
        wanted = each.lists.get(event.stage, "") if event is not Event.UNKNOWN else ""
        names: Sequence[str] = wanted.replace(",", " ").split() or self._filtering.macros.get(_STAGES[event], ())
        if not names:
            return b"" if tells_empty else None
        values = self._values(own or {}, content=content)
        words: list[str] = []
        for name in names:
            value = values.get(name, self._filtering.defaults.get(name))
            if value is not None:
                words += (name, value)
        return text(*words)

    def _values(self, own: Mapping[str, str], *, content: bool) -> dict[str, str]:
        session = self._session
        name, reverse = session.client_name.text, session.reverse_name.text
        forged = "" if name.lower() == reverse.lower() else " (may be forged)"
        values: dict[str, str | None] = {
            **self._filtering.values,
            "i": session.queue_id or None,
            "_": f"{reverse} [{session.client_address}]{forged}",
            "{daemon_addr}": session.server_address or None,
            "{daemon_port}": session.server_port or None,
            "{client_addr}": session.client_address,
            "{client_port}": session.client_port or None,
            "{client_name}": name,
            "{client_ptr}": reverse,
            "{auth_type}": session.sasl_method or None,
            "{auth_authen}": session.sasl_username or None,
            "{auth_author}": session.sender_parameters.get("AUTH") or None,
        }
        values |= own
        if self._filtering.habits.is_local:
            values |= self._envelope
        elif not content:
            values |= {
                "{client_connections}": str(session.connections if self.counted else 0),
                "{client_resolve}": _RESOLVED[session.client_name.outcome],
                "{tls_version}": session.tls_protocol or None,
                "{cipher}": session.tls_cipher or None,
                "{cipher_bits}": str(session.tls_bits) if session.tls_bits else None,
                **_certified(session),
                **self._envelope,
            }
        return {key: value for key, value in values.items() if value is not None}


def _certified(session: Session) -> dict[str, str | None]:
    found = session.certificate
    if found is None or not found.trusted:
        return {}
    return {"{cert_subject}": found.subject, "{cert_issuer}": found.issuer}


def _routed(prefix: str, address: str, route: Route | None) -> dict[str, str]:
    if route is None:
        return {f"{{{prefix}_addr}}": external(address)}
    shown = external(route.recipient.lower()) if address else ""
    return {f"{{{prefix}_addr}}": shown, f"{{{prefix}_host}}": route.nexthop, f"{{{prefix}_mailer}}": route.transport}


def _place(session: Session) -> bytes:
    """Family, port and address of the client."""
    address = session.client_address
    port = int(session.client_port) if session.client_port.isascii() and session.client_port.isdigit() else 0
    family = b"6" if valid_ipv6(address) else b"4"
    return family + struct.pack(">H", port & 0xFFFF) + text(address)
