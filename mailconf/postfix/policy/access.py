"""access(5): how tables are searched for hosts, domains and addresses, and what their values do.

A value is an action (REJECT, HOLD, ...; all digits mean OK), a reply (``450 4.7.1 text``), or a list of restrictions,
which may name restriction classes but no tables.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from mailconf.model.verdict import EffectKind
from mailconf.model.world import Answer, LookupFailed
from mailconf.postfix.policy.evaluation import (
    DUNNO,
    PERMIT,
    Asked,
    Evaluation,
    Status,
    fitting_status,
    split_status,
)
from mailconf.postfix.settings.lookup import Tables, parents

_HEADER = re.compile(r"[!-9;-~]+[ \t]*:")
_REPLY = re.compile(r"([45]\d\d)(?:[ \t]+(.*)|)\Z", re.DOTALL)

# Runs a list of restrictions that is in a table.
RunValue = Callable[[Evaluation, str, Asked], Awaitable[Status]]


class Access:
    """The tables of one ``check_..._access`` restriction."""

    def __init__(self, table: str, run_value: RunValue) -> None:
        self.table = table
        self._tables = Tables([table])
        self._run_value = run_value

    async def host(self, ev: Evaluation, name: str, address: str, subject: Asked) -> Status:
        """HOST NAME/ADDRESS PATTERNS: the name and its parents, then the address and its networks."""
        try:
            answer = await self._find_domain(ev, name) or await self._find_address(ev, address)
        except LookupFailed:
            return self._failed(ev, subject)
        return await self._apply(ev, answer, subject)

    async def domain(self, ev: Evaluation, name: str, subject: Asked) -> Status:
        try:
            answer = await self._find_domain(ev, name)
        except LookupFailed:
            return self._failed(ev, subject)
        return await self._apply(ev, answer, subject)

    async def address(self, ev: Evaluation, address: str, subject: Asked) -> Status:
        """An IP address and its networks."""
        try:
            answer = await self._find_address(ev, address)
        except LookupFailed:
            return self._failed(ev, subject)
        return await self._apply(ev, answer, subject)

    async def mail(self, ev: Evaluation, address: str, subject: Asked) -> Status:
        """EMAIL ADDRESS PATTERNS; ``address`` is resolved and in lower case."""
        settings = ev.settings
        try:
            match = await settings.domains.search.find_access(
                ev.ask, self._tables, address, subdomains=settings.access_subdomains
            )
        except LookupFailed:
            return self._failed(ev, subject)
        return await self._apply(ev, match.answer if match else None, subject)

    async def exact(self, ev: Evaluation, key: str, subject: Asked) -> Status:
        try:
            answer = await self._tables.find(ev.ask, key)
        except LookupFailed:
            return self._failed(ev, subject)
        return await self._apply(ev, answer, subject)

    @staticmethod
    def _failed(ev: Evaluation, subject: Asked) -> Status:
        return ev.refuse_subject(451, "4.3.5", subject, "Server configuration error")

    async def _find_domain(self, ev: Evaluation, name: str) -> Answer | None:
        folded = name.lower()
        if answer := await self._tables.find(ev.ask, folded):
            return answer
        if folded.startswith("["):
            return None
        for parent in parents(folded):
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
            network = network.rpartition(delimiter)[0].rstrip(delimiter)
            if answer := await self._tables.find(ev.ask, network, partial=True):
                return answer
        return None

    async def _apply(self, ev: Evaluation, answer: Answer | None, subject: Asked) -> Status:
        return DUNNO if answer is None else await apply(ev, self.table, answer.value, subject, self._run_value)


async def apply(ev: Evaluation, table: str, value: str, subject: Asked, run_value: RunValue) -> Status:
    """Carry out a table's ``value`` about ``subject``."""
    value = value.strip(" \t\r\n")
    word, _, text = value.partition(" ")
    if "\t" in word:
        word, _, text = value.partition("\t")
    text = text.strip(" \t")
    if value.isascii() and value.isdigit():
        return PERMIT
    action = _ACTIONS.get(word.upper())
    if action is not None:
        return action(ev, text, subject)
    reply = _REPLY.match(value)
    if reply is not None:
        return _refuse(ev, int(reply[1]), f"{reply[1][0]}.7.1", (reply[2] or "").strip(), subject)
    return await run_value(ev, value, subject)


def _refuse(ev: Evaluation, code: int, status: str, text: str, subject: Asked) -> Status:
    status, text = split_status(text, status)
    return ev.refuse_subject(code, fitting_status(status, subject.what), subject, text or "Access denied")


def _reject(ev: Evaluation, text: str, subject: Asked) -> Status:
    return _refuse(ev, ev.settings.codes["access_map_reject_code"], "5.7.1", text, subject)


def _defer(ev: Evaluation, text: str, subject: Asked) -> Status:
    return _refuse(ev, ev.settings.codes["access_map_defer_code"], "4.7.1", text, subject)


def _conditional(ev: Evaluation, text: str, subject: Asked) -> tuple[int, str, str]:
    status, text = split_status(text, "4.7.1")
    status = fitting_status(status, subject.what)
    words = f"<{subject.name}>: {subject.what} rejected: {text or 'Service unavailable'}"
    return ev.settings.codes["access_map_defer_code"], status, words


def _defer_if_permit(ev: Evaluation, text: str, subject: Asked) -> Status:
    return ev.defer_permission(*_conditional(ev, text, subject))


def _defer_if_reject(ev: Evaluation, text: str, subject: Asked) -> Status:
    return ev.defer_rejection(*_conditional(ev, text, subject))


def _discard(ev: Evaluation, text: str, subject: Asked) -> Status:
    ev.note("discard", f"<{subject.name}>: {subject.what} {text or 'triggers DISCARD action'}")
    ev.effect(EffectKind.DISCARD, text)
    ev.session.memory["discard"] = True
    return PERMIT


def _hold(ev: Evaluation, text: str, subject: Asked) -> Status:
    if not ev.session.memory.get("hold"):
        ev.note("hold", f"<{subject.name}>: {subject.what} {text or 'triggers HOLD action'}")
        ev.effect(EffectKind.HOLD, text)
        ev.session.memory["hold"] = True
    return DUNNO


def _filter(ev: Evaluation, text: str, subject: Asked) -> Status:
    if ":" in text:
        ev.note("filter", f"<{subject.name}>: {subject.what} triggers FILTER {text}")
        ev.effect(EffectKind.FILTER, text)
    else:
        ev.complain("FILTER entry requires transport:destination", text)
    return DUNNO


def _prepend(ev: Evaluation, text: str, subject: Asked) -> Status:
    if _HEADER.match(text):
        ev.effect(EffectKind.PREPEND, text)
    else:
        ev.complain("PREPEND entry requires header: text", text)
    return DUNNO


def _to_address(kind: EffectKind, word: str) -> Callable[[Evaluation, str, Asked], Status]:
    def act(ev: Evaluation, text: str, subject: Asked) -> Status:
        if "@" in text:
            ev.note(kind.value, f"<{subject.name}>: {subject.what} triggers {word} {text}")
            ev.effect(kind, text)
        else:
            ev.complain(f"{word} entry requires user@domain target", text)
        return DUNNO

    return act


def _only_log(kind: EffectKind) -> Callable[[Evaluation, str, Asked], Status]:
    def act(ev: Evaluation, text: str, subject: Asked) -> Status:
        ev.note(kind.value, text)
        ev.effect(kind, text)
        return DUNNO

    return act


_ACTIONS: dict[str, Callable[[Evaluation, str, Asked], Status]] = {
    "OK": lambda ev, text, subject: PERMIT,
    "DUNNO": lambda ev, text, subject: DUNNO,
    "REJECT": _reject,
    "DEFER": _defer,
    "DEFER_IF_PERMIT": _defer_if_permit,
    "DEFER_IF_REJECT": _defer_if_reject,
    "DISCARD": _discard,
    "HOLD": _hold,
    "FILTER": _filter,
    "PREPEND": _prepend,
    "REDIRECT": _to_address(EffectKind.REDIRECT, "REDIRECT"),
    "BCC": _to_address(EffectKind.BCC, "BCC"),
    "WARN": _only_log(EffectKind.WARN),
    "INFO": _only_log(EffectKind.INFO),
}
ACTION_WORDS = frozenset(_ACTIONS)
