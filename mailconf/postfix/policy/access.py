"""access(5): how tables are searched for hosts, domains and addresses, and what their values do.

A value is an action (REJECT, HOLD, ...; all digits mean OK), a reply (``450 4.7.1 text``), or a list of restrictions,
which may name restriction classes but no tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, NamedTuple, Protocol

from mailconf.model.distinction import Dimension, Distinction, Key
from mailconf.model.verdict import EffectKind
from mailconf.model.world import Answer, EmptyResult, LookupFailed
from mailconf.postfix.policy.evaluation import (
    CLIENT,
    DUNNO,
    HELO,
    PERMIT,
    Asked,
    Decision,
    Evaluation,
    split_status,
)
from mailconf.postfix.policy.rule import Reach
from mailconf.postfix.settings.hostnames import valid_host_address
from mailconf.postfix.settings.lookup import Tables, access_keys, parent_keys, parents

_HEADER = re.compile(r"[!-9;-~]+[ \t]*:")
_REPLY = re.compile(r"([45][0-9][0-9])[ \t]+(.*)\Z", re.DOTALL)
DEPTH = 100  # restrictions within each other


class Restrictions(Protocol):
    """A list of restrictions that stands in a table."""

    async def run(self, ev: Evaluation, subject: Asked) -> Decision: ...

    def distinguishes(self, reach: Reach) -> Iterator[Distinction]: ...


class Entry(NamedTuple):
    """An entry that applies: its table, the key that was searched for, and the text that follows the action."""

    table: str
    key: str
    text: str


Act = Callable[[Evaluation, Entry, Asked], Decision]
# The restrictions that a value is, compiled.
Compiled = Callable[[str], Restrictions]


class Access:
    """The tables of one ``check_..._access`` restriction."""

    def __init__(self, table: str, compiled: Compiled) -> None:
        self.table = table
        self._tables = Tables([table])
        self._compiled = compiled

    def distinguishes_host(
        self, reach: Reach, name: Dimension, address: Dimension, *, exact: bool = True
    ) -> Iterator[Distinction]:
        """What `host`, `domain` and `address` look at."""
        below = (parent_keys(subdomains=reach.settings.access_subdomains),)
        # Of what other hosts a value leads to, its domain is one, or the address that stands in its place.
        part, number = ((Key.WHOLE,), (Key.WHOLE,)) if exact else ((Key.DOMAIN,), (Key.WHOLE, Key.ADDRESS))
        yield from self._tables.distinguishes("", name, part, below, exact=exact)
        yield from self._tables.distinguishes("", address, number, (Key.NETWORKS,), exact=exact)
        yield from self.distinguishes_values(reach)

    def distinguishes_mail(self, reach: Reach, dimension: Dimension) -> Iterator[Distinction]:
        """What `mail` looks at, and `exact` for the null sender."""
        keys = access_keys(subdomains=reach.settings.access_subdomains)
        yield from self._tables.distinguishes("", dimension, (Key.WHOLE,), keys)
        fixed = (reach.settings.null_access_key,)
        yield from self._tables.distinguishes("", dimension, (Key.FIXED,), fixed=fixed)
        yield from self.distinguishes_values(reach)

    def distinguishes_exact(self, reach: Reach, dimension: Dimension) -> Iterator[Distinction]:
        """What `exact` looks at."""
        yield from self._tables.distinguishes("", dimension, (Key.WHOLE,))
        yield from self.distinguishes_values(reach)

    def distinguishes_values(self, reach: Reach) -> Iterator[Distinction]:
        """What those of its values look at that are restrictions."""
        if self.table in reach.entered:
            return
        reach.entered.add(self.table)
        for value in reach.values(self.table):
            yield from distinguished(value, self._compiled, reach)

    async def host(self, ev: Evaluation, name: str, address: str, subject: Asked) -> Decision:
        """HOST NAME/ADDRESS PATTERNS: the name and its parents, then the address and its networks."""
        found = await self.domain(ev, name, subject)
        if found is None:
            found = await self.address(ev, address, subject)
        return found or DUNNO

    async def domain(self, ev: Evaluation, name: str, subject: Asked) -> Decision | None:
        """A name and its parents; None where the table has neither."""
        return await self._found(ev, self._find_domain(ev, name), subject, name)

    async def address(self, ev: Evaluation, address: str, subject: Asked) -> Decision | None:
        """An IP address and its networks; None where the table has neither."""
        return await self._found(ev, self._find_address(ev, address), subject, address)

    async def _found(
        self, ev: Evaluation, search: Coroutine[Any, Any, Answer | None], subject: Asked, key: str
    ) -> Decision | None:
        try:
            answer = await search
        except LookupFailed as failure:
            return self._failed(ev, subject, failure)
        return None if answer is None else await apply(ev, self.table, answer.value, subject, self._compiled, key)

    async def mail(self, ev: Evaluation, address: str, subject: Asked) -> Decision:
        """EMAIL ADDRESS PATTERNS; ``address`` is resolved and in lower case."""
        settings = ev.settings
        try:
            match = await settings.domains.search.find_access(
                ev.ask, self._tables, address, subdomains=settings.access_subdomains
            )
        except LookupFailed as failure:
            return self._failed(ev, subject, failure)
        if match is None:
            return DUNNO
        return await apply(ev, self.table, match.answer.value, subject, self._compiled, address)

    async def exact(self, ev: Evaluation, key: str, subject: Asked) -> Decision:
        return await self._found(ev, self._tables.find(ev.ask, key), subject, key) or DUNNO

    @staticmethod
    def _failed(ev: Evaluation, subject: Asked, failure: LookupFailed) -> Decision:
        if isinstance(failure, EmptyResult):
            ev.warn_of(f"{failure.table} lookup of {failure.key} returns an empty string result")
            ev.warn_of(f"{failure.table} should return NO RESULT in case of NOT FOUND")
        return ev.refuse_subject(451, "4.3.5", subject, "Server configuration error")

    async def _find_domain(self, ev: Evaluation, name: str) -> Answer | None:
        if answer := await self._tables.find(ev.ask, name):
            return answer
        if valid_host_address(name):
            return None
        for parent in parents(name):
            key = parent if ev.settings.access_subdomains else f".{parent}"
            if answer := await self._tables.find(ev.ask, key, partial=True):
                return answer
        return None

    async def _find_address(self, ev: Evaluation, address: str) -> Answer | None:
        """The address, then its networks: one octet less, or one group of hexadecimal digits, at a time."""
        if answer := await self._tables.find(ev.ask, address):
            return answer
        delimiter = ":" if ":" in address else "."
        network = address
        while delimiter in network:
            network = network.rpartition(delimiter)[0]
            if answer := await self._tables.find(ev.ask, network, partial=True):
                return answer
        return None


async def apply(ev: Evaluation, table: str, value: str, subject: Asked, compiled: Compiled, key: str) -> Decision:
    """Do what a table's ``value`` for ``key`` says about ``subject``."""
    value = value.strip(" \t\r\n")
    word, text = _action(value)
    entry = Entry(table, key, text)
    action = _ACTIONS.get(word)
    if action is not None:
        if action is _ok:
            await ev.permitted(_first_word(value), subject, table)
        return action(ev, entry, subject)
    if value.isascii() and value.isdigit():
        await ev.permitted(value, subject, table)
        return PERMIT
    reply = _REPLY.match(value)
    if reply is not None:
        return _refuse(ev, int(reply[1]), f"{reply[1][0]}.7.1", reply[2].strip(), subject)
    if ":" in value:
        return ev.server_error(
            f"access table {table} has entry with lookup table: {value}",
            "do not specify lookup tables inside SMTPD access maps",
            "define a restriction class and specify its name instead.",
        )
    if ev.depth >= DEPTH:
        return ev.server_error(f"access table {table} entry {value} causes unreasonable recursion")
    return await compiled(value).run(ev, subject)


def distinguished(value: str, compiled: Compiled, reach: Reach) -> Iterator[Distinction]:
    """What a value looks at if it is restrictions: actions and replies look at nothing."""
    value = value.strip(" \t\r\n")
    decided = value.isdigit() or _action(value)[0] in _ACTIONS or _REPLY.match(value) or ":" in value
    if not decided:
        yield from compiled(value).distinguishes(reach)


def _action(value: str) -> tuple[str, str]:
    """The first word, in upper case, and what follows it."""
    word = _first_word(value)
    return word.upper(), value[len(word) :].strip(" \t")


def _first_word(value: str) -> str:
    return value.partition(" ")[0].partition("\t")[0]


def _ok(ev: Evaluation, entry: Entry, subject: Asked) -> Decision:
    return PERMIT


def _refuse(ev: Evaluation, code: int, status: str, text: str, subject: Asked) -> Decision:
    status, text = split_status(text, status)
    return ev.refuse_subject(code, ev.fitting(status, subject.what), subject, text or "Access denied")


def _reject(ev: Evaluation, entry: Entry, subject: Asked) -> Decision:
    return _refuse(ev, ev.settings.codes["access_map_reject_code"], "5.7.1", entry.text, subject)


def _defer(ev: Evaluation, entry: Entry, subject: Asked) -> Decision:
    return _refuse(ev, ev.settings.codes["access_map_defer_code"], "4.7.1", entry.text, subject)


def _conditional(ev: Evaluation, text: str, subject: Asked) -> tuple[int, str, str]:
    status, text = split_status(text, "4.7.1")
    status = ev.fitting(status, subject.what)
    words = f"<{subject.name}>: {subject.what} rejected: {text or 'Service unavailable'}"
    return ev.settings.codes["access_map_defer_code"], status, words


def _defer_if_permit(ev: Evaluation, entry: Entry, subject: Asked) -> Decision:
    return ev.defer_permission(*_conditional(ev, entry.text, subject))


def _defer_if_reject(ev: Evaluation, entry: Entry, subject: Asked) -> Decision:
    return ev.defer_rejection(*_conditional(ev, entry.text, subject))


def _without_message(ev: Evaluation, entry: Entry, action: str) -> bool:
    """Whether there is no message that an action could be about: not yet, or not here."""
    if ev.where == "ETRN":
        ev.warn_of(f"access table {entry.table}: action {action} is unavailable in smtpd_etrn_restrictions")
        return True
    if ev.settings.proxied and action != "PREPEND":
        ev.warn_of(f"access table {entry.table}: with smtpd_proxy_filter specified, action {action} is unavailable")
        return True
    if ev.session.sender is not None:
        return False
    skipped = f"action {action} is always skipped in {CLIENT} or {HELO} restrictions"
    ev.warn_of(f"access table {entry.table}: with smtpd_delay_reject=no, {skipped}")
    return True


def _discard(ev: Evaluation, entry: Entry, subject: Asked) -> Decision:
    if _without_message(ev, entry, "DISCARD"):
        return DUNNO
    ev.note("discard", f"<{subject.name}>: {subject.what} {entry.text or 'triggers DISCARD action'}")
    ev.effect(EffectKind.DISCARD, entry.text)
    ev.memory.discard = True
    return PERMIT


def _hold(ev: Evaluation, entry: Entry, subject: Asked) -> Decision:
    if not _without_message(ev, entry, "HOLD") and not ev.memory.hold:
        ev.note("hold", f"<{subject.name}>: {subject.what} {entry.text or 'triggers HOLD action'}")
        ev.effect(EffectKind.HOLD, entry.text)
        ev.memory.hold = True
    return DUNNO


def _useless(ev: Evaluation, entry: Entry, problem: str) -> None:
    """An entry that does nothing because it is wrong."""
    text = f'access table {entry.table} entry "{entry.key}" {problem}'
    ev.warn_of(text)
    ev.ask.trace.add("warning", text, f'"{entry.text}" is ignored')


def _filter(ev: Evaluation, entry: Entry, subject: Asked) -> Decision:
    text = entry.text
    if _without_message(ev, entry, "FILTER"):
        return DUNNO
    if ":" in text:
        ev.note("filter", f"<{subject.name}>: {subject.what} triggers FILTER {text}")
        ev.effect(EffectKind.FILTER, text)
    else:
        _useless(ev, entry, "requires transport:destination" if text else "has FILTER entry without value")
    return DUNNO


def _prepend(ev: Evaluation, entry: Entry, subject: Asked) -> Decision:
    if _without_message(ev, entry, "PREPEND"):
        return DUNNO
    if ev.where == "END-OF-MESSAGE":
        ev.warn_of(f"access table {entry.table}: action PREPEND must be used before smtpd_end_of_data_restrictions")
    elif _HEADER.match(entry.text):
        ev.effect(EffectKind.PREPEND, entry.text)
    else:
        _useless(ev, entry, "requires header: text")
    return DUNNO


def _to_address(word: str) -> Act:
    kind = EffectKind(word.lower())

    def act(ev: Evaluation, entry: Entry, subject: Asked) -> Decision:
        if _without_message(ev, entry, word):
            return DUNNO
        if "@" in entry.text:
            ev.note(kind.value, f"<{subject.name}>: {subject.what} triggers {word} {entry.text}")
            ev.effect(kind, entry.text)
        else:
            _useless(ev, entry, "requires user@domain target")
        return DUNNO

    return act


def _only_log(word: str) -> Act:
    kind = EffectKind(word.lower())

    def act(ev: Evaluation, entry: Entry, subject: Asked) -> Decision:
        ev.note(kind.value, entry.text)
        ev.effect(kind, entry.text)
        return DUNNO

    return act


# What the actions of `mailconf.tables.access_actions` do.
_ACTIONS: dict[str, Act] = {
    "OK": _ok,
    "RELAY": _ok,
    "DUNNO": lambda ev, entry, subject: DUNNO,
    "REJECT": _reject,
    "DEFER": _defer,
    "DEFER_IF_PERMIT": _defer_if_permit,
    "DEFER_IF_REJECT": _defer_if_reject,
    "DISCARD": _discard,
    "HOLD": _hold,
    "FILTER": _filter,
    "PREPEND": _prepend,
    "REDIRECT": _to_address("REDIRECT"),
    "BCC": _to_address("BCC"),
    "WARN": _only_log("WARN"),
    "INFO": _only_log("INFO"),
}
