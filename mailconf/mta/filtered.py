"""A message as mail filters see and change it: the fields below our own Received, the body, the envelope.

Numbers of fields count without the first field, which is our own (MILTER_README); a change to what a filter has put in
counts as one to any other field. What a filter calls a value may have line ends: what follows one is a continuation.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator

from mailconf.model.filtering import FilterHabits
from mailconf.mta.headers import Header, HeaderLimits, set_off, split_message
from mailconf.mta.pace import Pace
from mailconf.smtp.milter import AddField, Change, ChangeField, ReplaceBody
from mailconf.source import decode, encode

_LINE_END = re.compile(r"\n(?![ \t])")
_MOST_FIELDS = 100_000  # that filters can make of a message


Check = Callable[[bytes], Awaitable[bytes | None]]


class Changes:
    """What a filter wants to be changed: the pieces of another body are one."""

    def __init__(self) -> None:
        self.listed: list[Change] = []
        self.body: bytearray | None = None

    def add(self, change: Change) -> None:
        if isinstance(change, ReplaceBody):
            self.body = bytearray() if self.body is None else self.body
            self.body += change.data
        else:
            self.listed.append(change)


class FilteredMessage:
    """``content`` is the message, header and body, lines ended by LF.

    envelope  changes of sender and recipients, in order; who takes the message over carries them out
    changed   whether the content is another than before
    check     is shown each field that is put in or changed, and gives what becomes of it: None drops it
    """

    def __init__(self, content: bytes, limits: HeaderLimits, check: Check | None = None) -> None:
        self._headers, self._rest = split_message(content, limits)
        self._check = check
        self._pace = Pace()
        self.envelope: list[Change] = []
        self.changed = False

    @property
    def content(self) -> bytes:
        top = b"".join(header.raw + b"\n" for header in self._headers)
        return top + set_off(self._rest)

    @property
    def _body(self) -> bytes:
        return self._rest[1:] if self._rest.startswith(b"\n") else self._rest

    @property
    def identity(self) -> str:
        """The value of its field Message-ID; "" without one."""
        return next((header.value for header in self._headers if header.key == "message-id"), "")

    def fields(self, *, leading_space: bool = False) -> Iterator[tuple[str, str]]:
        """Name and value of each field but the first; the blank after the colon belongs to the value with
        ``leading_space``."""
        for header in self._headers[1:]:
            value = header.raw.partition(b":")[2]
            if not leading_space and value[:1] == b" ":
                value = value[1:]
            yield header.name, value.decode("utf-8", "surrogateescape")

    def chunks(self, size: int) -> Iterator[bytes]:
        """The body with its lines ended by CRLF, in pieces of ``size`` bytes."""
        body = self._body
        held = b""
        for at in range(0, len(body), size):
            held += body[at : at + size].replace(b"\n", b"\r\n")
            while len(held) >= size:
                yield held[:size]
                held = held[size:]
        if held:
            yield held

    async def change(self, changes: Changes, habits: FilterHabits, *, leading_space: bool = False) -> None:
        """Carry out what a filter asks for; what concerns the envelope is kept."""
        for change in changes.listed:
            await self._pace.step()
            if isinstance(change, AddField):
                await self._add(change, leading_space, habits.inserts_after)
            elif isinstance(change, ChangeField):
                await self._replace(change, leading_space, habits.keeps_names)
            else:
                self.envelope.append(change)
        if changes.body is not None:
            body = bytes(changes.body).replace(b"\r\n", b"\n")
            self._rest = b"\n" + body + (b"" if body.endswith(b"\n") or not body else b"\n")
            self.changed = True

    async def _checked(self, change: AddField | ChangeField, leading_space: bool) -> Header | None:
        header = _field(change.name, change.value, leading_space)
        if self._check is None:
            return header
        raw = await self._check(header.raw)
        return None if raw is None else Header(decode(raw.partition(b":")[0]), raw)

    async def _add(self, change: AddField, leading_space: bool, after: bool = False) -> None:
        if len(self._headers) >= _MOST_FIELDS:
            return
        header = await self._checked(change, leading_space)
        if header is None:
            return
        index = len(self._headers) if change.number is None else min(change.number + after, len(self._headers))
        self._headers.insert(index, header)
        self.changed = True

    async def _replace(self, change: ChangeField, leading_space: bool, keeps_names: bool) -> None:
        key, number, first = change.name.lower(), 0, 0
        for at, header in enumerate(self._headers[1:], 1):
            await self._pace.step()
            if header.key != key:
                continue
            number, first = number + 1, first or at
            if number == change.number:
                change = change._replace(name=header.name) if keeps_names else change
                changed = await self._checked(change, leading_space) if change.value else None
                if changed is not None:
                    self._headers[at] = changed
                elif not change.value:
                    del self._headers[at]
                self.changed = True
                return
        if change.value:
            place = first if keeps_names and first else None
            await self._add(AddField(change.name, change.value, place), leading_space)


def _field(name: str, value: str, leading_space: bool) -> Header:
    blank = "" if leading_space else " "
    return Header(name, encode(_LINE_END.sub("\n\t", f"{name}:{blank}{value}")))
