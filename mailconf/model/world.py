"""What a Policy may ask of its surroundings, and how each question lands in the Trace.

The caller of a Policy supplies the `World`: the MTA one that answers asynchronously, ``explain`` and the tests one
that answers at once from files and fixtures. A Policy never holds a World: it is handed an `Ask`, which forwards the
question and records question and answer.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Mapping
from enum import Enum
from typing import Any, NamedTuple, Protocol, TypeVar

from mailconf.maps.core.trust import ORDINARY as ORDINARY
from mailconf.maps.core.trust import Trust as Trust
from mailconf.maps.reference import TableRef
from mailconf.model.trace import Step, Trace, of_file
from mailconf.personal import PersonalFile
from mailconf.source import Span

T = TypeVar("T")


class Outcome(Enum):
    """How a question to the outside ended. A temporary failure never turns into "absent"."""

    FOUND = "found"
    ABSENT = "not found"
    FAILED = "temporary failure"


class Answer(NamedTuple):
    """A table's answer. ``span`` is the entry's place in the table's source text, where that is known.

    ``table`` is the one of several that answered (`mailconf.postfix.settings.lookup.Tables.find`).
    """

    outcome: Outcome
    value: str = ""
    reason: str = ""  # why it failed
    span: Span | None = None
    table: str = ""

    @property
    def found(self) -> bool:
        return self.outcome is Outcome.FOUND

    @property
    def failed(self) -> bool:
        return self.outcome is Outcome.FAILED


ABSENT = Answer(Outcome.ABSENT)


class LookupFailed(Exception):
    """A table could not answer, in a question whose answer has no room for that (`Policy.rewrite`, `Policy.bcc`).

    ``table`` is its name, the message the reason.
    """

    def __init__(self, table: str, reason: str) -> None:
        super().__init__(reason)
        self.table = table


class EmptyResult(LookupFailed):
    """A table has ``key`` with an empty value: a mistake in the configuration, not a passing failure."""

    def __init__(self, table: str, key: str) -> None:
        super().__init__(table, "an empty result")
        self.key = key


class Records(NamedTuple):
    """A DNS answer. ABSENT means that the name or the type does not exist, FAILED that the server could not answer.

    values: for A and AAAA addresses, for MX "preference name" sorted by preference, for PTR and CNAME the data, for TXT
    the first string; names without a trailing dot. ``ttl`` is theirs in seconds, None where it is not known.
    ``owner`` is the name that has the records, "" for the one that was asked: an alias (CNAME) leads to another.
    """

    outcome: Outcome
    values: tuple[str, ...] = ()
    reason: str = ""
    nxdomain: bool = False
    ttl: int | None = None
    owner: str = ""


class Deliverability(Enum):
    """What is known of an address by a probe of it."""

    DELIVERABLE = "deliverable"
    DEFERRED = "deferred"
    UNDELIVERABLE = "undeliverable"
    PENDING = "unknown so far"


class Probed(NamedTuple):
    """What a probe of an address has come to: its DSN status, and the reply or the reason."""

    outcome: Deliverability
    dsn: str = ""
    text: str = ""


NOT_PROBED = Probed(Deliverability.PENDING)


class User(NamedTuple):
    """A user of the machine, as in passwd(5)."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str = ""


class World(Protocol):
    """Everything that a Policy needs to know and that is not in the configuration."""

    async def lookup(self, table: str, key: str, trust: Trust = ORDINARY) -> Answer:
        """The answer of the table ``type:name`` (fully expanded, "hash:/etc/postfix/access") for exactly ``key``.

        trust  how far the program that asks trusts the table: what that forbids is not found, or fails
        """
        ...

    async def dns(self, name: str, kind: str) -> Records:
        """The records of type ``kind`` ("A", "AAAA", "MX", "PTR", "TXT") of ``name``."""
        ...

    async def hosts(self, name: str) -> Records:
        """The addresses that the hosts file has for ``name``, in its order (`mailconf.hosts_file`)."""
        ...

    async def user(self, name: str) -> User | None:
        """The user ``name`` of the machine, or None."""
        ...

    async def account(self, uid: int) -> User | None:
        """The user of the machine whose id is ``uid``, or None."""
        ...

    async def table_owner(self, table: str) -> int | None:
        """The user id of the one who can change the content of the table ``type:name``; 0 is root, None unknown."""
        ...

    async def file(self, path: str, user: User | None, *, follow: bool) -> PersonalFile:
        """A file that is read at run time (~/.forward, :include:), with the rights of ``user``; None is root.

        follow  whether the path may be a symbolic link

        Raises OSError when that is unknown now.
        """
        ...

    async def policy_service(self, endpoint: str, attributes: Mapping[str, str]) -> Answer:
        """The action that the policy service at ``endpoint`` ("inet:host:port", "unix:path") gives."""
        ...

    def now(self) -> float:
        """The time, in seconds since the epoch."""
        ...


_REMEMBERED = 20_000  # answers; then all are forgotten
_LONGEST, _MANY = 600, 8  # characters of what was asked, members of an answer


class Known:
    """Answers of a Policy that stay the same: nothing was asked for them but tables that have not changed since.

    A World that has the attribute ``known`` wants them to be remembered; its ``steady`` are the tables that were asked
    and whose answers stay the same until it makes a new ``known``.
    """

    def __init__(self) -> None:
        self.answers: dict[Hashable, Any] = {}

    def put(self, key: Hashable, answer: object) -> None:
        if len(self.answers) >= _REMEMBERED:
            self.answers.clear()
        self.answers[key] = answer


_MISSING = object()


def _nobody_listens(text: str) -> None:
    """Where there is no log."""


class Ask:
    """A World with a pen: forwards each question and writes it, with its answer, into the trace.

    warn  takes what the log is to have of a question that failed, in the words of the dialect
    """

    warn: Callable[[str], None] = staticmethod(_nobody_listens)

    def __init__(self, world: World, trace: Trace | None = None) -> None:
        self.world = world
        self.trace = Trace() if trace is None else trace
        self.passing = 0  # questions whose answer may be another one the next time

    async def remembered(self, key: tuple[Hashable, ...], question: Callable[[], Awaitable[T]]) -> T:
        """What ``question``, which asks by this Ask alone, came to when it was asked before with the same ``key``.

        Only what followed from steady tables is remembered, by a World that wants it; the trace has nothing of it
        then. Nobody may change the answer.
        """
        known: Known | None = getattr(self.world, "known", None)
        if known is None:
            return await question()
        found = known.answers.get(key, _MISSING)
        if found is not _MISSING:
            remembered: T = found
            return remembered
        before = self.passing
        answer = await question()
        if self.passing == before and _is_small(key, answer):
            known.put(key, answer)
        return answer

    async def lookup(self, table: str, key: str, trust: Trust = ORDINARY, *, secret: bool = False) -> Answer:
        """``secret``: the trace tells that there is an entry, not what it is, nor what a table has in its name."""
        answer = await self.world.lookup(table, key, trust)
        if answer.failed or not _is_steady(self.world, table):
            self.passing += 1
        found = "found" if secret else answer.value
        shown = f"{TableRef.parse(table).type}:..." if secret and ":/" not in table else table
        self._record(shown, key, found if answer.found else _how(answer), answer.span)
        return answer

    async def rest(self) -> None:
        """Give others a turn, where the World has others: for long work between questions."""
        rest = getattr(self.world, "rest", None)
        if rest is not None:
            await rest()

    def sieve(self, table: str, trust: Trust = ORDINARY) -> re.Pattern[bytes] | None:
        """What is found in the lower-case form of every text, as bytes, for which ``table`` has an answer.

        None where that is not known: then each text has to be looked up.
        """
        sieve = getattr(self.world, "sieve", None)
        found: re.Pattern[bytes] | None = None if sieve is None else sieve(table, trust)
        return found

    async def dns(self, name: str, kind: str) -> Records:
        self.passing += 1
        records = await self.world.dns(name, kind)
        found = ", ".join(records.values) if records.outcome is Outcome.FOUND else _how(records)
        self._record("dns", f"{name} {kind}", found)
        return records

    async def hosts(self, name: str) -> Records:
        self.passing += 1
        records = await self.world.hosts(name)
        found = ", ".join(records.values) if records.outcome is Outcome.FOUND else _how(records)
        self._record("hosts", name, found)
        return records

    async def user(self, name: str) -> User | None:
        self.passing += 1
        user = await self.world.user(name)
        self._record("user", name, f"uid {user.uid}" if user else "not found")
        return user

    async def account(self, uid: int) -> User | None:
        self.passing += 1
        user = await self.world.account(uid)
        self._record("user", f"uid {uid}", user.name if user else "not found")
        return user

    async def table_owner(self, table: str) -> int | None:
        self.passing += 1
        return await self.world.table_owner(table)

    async def file(self, path: str, user: User | None, *, follow: bool) -> PersonalFile:
        self.passing += 1
        found = await self.world.file(path, user, follow=follow)
        problem = found.reason or "not a regular file"
        self._record("file", path, problem if found.text is None else of_file(found.text))
        return found

    async def policy_service(self, endpoint: str, attributes: Mapping[str, str]) -> Answer:
        self.passing += 1
        answer = await self.world.policy_service(endpoint, attributes)
        self._record("check_policy_service", endpoint, answer.value if answer.found else _how(answer))
        return answer

    async def verify(self, address: str, patience: float) -> Probed:
        """What is known of an address by a probe, which may be waited for as many seconds; a World that sends none
        knows nothing."""
        self.passing += 1
        verify = getattr(self.world, "verify", None)
        found: Probed = NOT_PROBED if verify is None else await verify(address, patience)
        self._record("verify", address, found.outcome.value)
        return found

    def now(self) -> float:
        self.passing += 1
        return self.world.now()

    def _record(self, subject: str, detail: str, result: str, span: Span | None = None) -> Step:
        return self.trace.add(subject, detail, result, span)


def _is_small(key: tuple[Hashable, ...], answer: object) -> bool:
    """Whether an answer may be remembered: clients choose the addresses, and many of them may lead to long lists."""
    if sum(len(part) for part in key if isinstance(part, str)) > _LONGEST:
        return False
    return not isinstance(answer, (list, tuple)) or len(answer) <= _MANY


def _is_steady(world: World, table: str) -> bool:
    steady: frozenset[str] | set[str] = getattr(world, "steady", frozenset())
    return table in steady


def _how(answer: Answer | Records) -> str:
    """How a question that found nothing ended, with the reason for a failure."""
    failed = answer.outcome is Outcome.FAILED and answer.reason
    return f"{answer.outcome.value}: {answer.reason}" if failed else answer.outcome.value


def run(question: Coroutine[Any, Any, T]) -> T:
    """The result of a Policy's coroutine over a World that never suspends; RuntimeError if it does."""
    try:
        question.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    question.close()
    raise RuntimeError("the World suspended; drive this question with asyncio")
