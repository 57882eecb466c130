"""May a stranger send mail to a stranger? The Policy is asked, for every client, HELO name and sender that it can tell
apart (`mailconf.model.alphabet`), with a recipient of a domain that is none of this host's.

The World answers from the tables' texts; names of strangers have records in the DNS, lists in the DNS have nobody, and
policy services say DUNNO, then OK.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from mailconf.check.postfix.texts import entries_of
from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink
from mailconf.maps.core.table import LookupTable
from mailconf.maps.reference import TableRef
from mailconf.model.alphabet import OF_ONE_OCTET, STRANGERS, Alphabet, alphabet, representatives
from mailconf.model.distinction import Dimension, Distinction, Form
from mailconf.model.fileworld import FileWorld
from mailconf.model.session import Session, Verified
from mailconf.model.site import Service
from mailconf.model.trace import Step
from mailconf.model.transaction import Transaction
from mailconf.model.verdict import Verdict
from mailconf.model.world import ABSENT, Ask, LookupFailed, Outcome, Records, run
from mailconf.postfix.policy.policy import PostfixPolicy, compile_policy
from mailconf.source import Span, encode

OUTSIDE = "someone@elsewhere.example"
_WIDE, _WIDE6 = 8, 16  # bits; a prefix that is shorter names nobody
MOST, MOST_BY_PATTERNS = 1_500, 300  # sessions that are asked about, of each service; patterns take their time
MOST_VALUES, MOST_VALUES_BY_PATTERNS = 20_000, 500  # of one alphabet
_MOST_KEYS = 200_000
_PERMIT = "permit"  # what the trace has of a restriction that lets a client pass


class _Text:
    """A table that is asked from the entries of its text: its map need not be built."""

    def __init__(self, ref: TableRef, entries: Mapping[bytes, bytes]) -> None:
        self.type, self.name = ref
        self._entries = entries

    def lookup(self, key: bytes) -> bytes | None:
        return self._entries.get(key.lower())

    def close(self) -> None:
        """Nothing to close."""


class _World(FileWorld):
    """Tables from their texts; a DNS that has records for every name, and nobody in a list."""

    zones: frozenset[str] = frozenset()
    action = "DUNNO"

    async def dns(self, name: str, kind: str) -> Records:
        if any(name.lower().rstrip(".").endswith(zone) for zone in self.zones):
            return Records(Outcome.ABSENT, nxdomain=True)
        values = {"A": ("198.51.100.77",), "MX": (f"10 {name}",)}.get(kind)
        return Records(Outcome.FOUND, values) if values else Records(Outcome.ABSENT)

    async def policy_service(self, endpoint: str, attributes: Mapping[str, str]) -> object:  # type: ignore[override]
        return ABSENT._replace(outcome=Outcome.FOUND, value=self.action)


class TextWorld:
    """Tables of a configuration that are asked one by one: from their texts, or as they are where they have none."""

    _LOCAL = frozenset({"inline", "static", "regexp", "pcre", "texthash"})  # no server is asked

    def __init__(self, subject: Subject) -> None:
        self._tables = _Tables(subject)
        self._world = _World(subject.root, instead=self._tables.opened, trace=False, ports=subject.site.ports)

    def answer(self, table: str, key: str) -> str:
        """What a lookup of ``key`` finds; "" where it finds nothing, or cannot be made here."""
        ref = TableRef.parse(table)
        if self._tables.opened(table) is None and ref.type not in self._LOCAL:
            return ""
        found = run(self._world.lookup(table, key))
        return found.value.strip() if found.found and found.value else ""

    def place(self, table: str, key: str) -> Span | None:
        """Where the text of the table has ``key``."""
        return self._tables.place(table, key)

    def close(self) -> None:
        self._world.close()


class Witness(NamedTuple):
    """A session of a stranger that gets through, and the rule and place that let it."""

    client: str
    helo: str
    sender: str
    rule: str
    key: str
    span: Span | None
    place: Span | None  # of the rule itself

    @property
    def session(self) -> str:
        return f"client {self.client}, HELO {self.helo}, MAIL FROM:<{self.sender}>, RCPT TO:<{OUTSIDE}>"


def witnesses(subject: Subject, service: Service | None, guards: frozenset[str]) -> Iterator[tuple[Witness, bool]]:
    """A witness for each place that lets strangers relay: without a policy service, and where one says OK."""
    policy = compile_policy(subject.configuration, Sink(), service, site=subject.site)
    tables = _Tables(subject)
    world = _World(subject.root, instead=tables.opened, trace=False, ports=subject.site.ports)
    distinctions = [d for d in policy.distinguishes(tables.values) if d.dimension in _ASKED]
    world.zones = frozenset(d.text for d in distinctions if d.form is Form.DNS and d.text)

    def look(table: str, key: str) -> str | None:
        answer = run(world.lookup(table, key))
        return answer.value if answer.found else None

    patterns = any(d.form is Form.PATTERN for d in distinctions)
    most = MOST_VALUES_BY_PATTERNS if patterns else MOST_VALUES
    found: dict[Dimension, list[str]] = {}
    for dimension in (Dimension.CLIENT, Dimension.HELO, Dimension.SENDER):
        values: Alphabet = alphabet(distinctions, dimension, tables.keys, most)
        found[dimension] = representatives(values, distinctions, look, policy.site.recipient_delimiter)
    clients = [c for c in found[Dimension.CLIENT] if _is_stranger(c, policy, world, distinctions)]
    sessions = MOST_BY_PATTERNS if patterns else MOST
    services = any(d.form is Form.SERVICE for d in distinctions)
    for action in ("DUNNO", "OK") if services else ("DUNNO",):
        world.action = action
        places: set[Span | None] = set()
        for client, helo, sender in _combined(sessions, clients, found[Dimension.HELO], found[Dimension.SENDER]):
            witness = _asked(policy, world, tables, guards, (client, helo, sender))
            if witness is not None and (witness.span or witness.place) not in places:
                places.add(witness.span or witness.place)
                if (action == "OK") is witness.rule.lower().startswith("check_policy_service"):
                    yield witness, action == "OK"
    world.close()


_ASKED = (Dimension.CLIENT, Dimension.HELO, Dimension.SENDER, Dimension.NAME)


def _combined(most: int, *dimensions: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """All combinations; more than ``most``: those that differ from the usual one in one value, then in two."""
    from itertools import combinations, islice, product

    if not all(dimensions):
        return
    total = 1
    for values in dimensions:
        total *= len(values)
    if total <= most:
        yield from product(*dimensions)
        return

    def few() -> Iterator[tuple[str, ...]]:
        usual = [values[0] for values in dimensions]
        for count in (1, 2):
            for changed in combinations(range(len(dimensions)), count):
                choices = [dimensions[at] if at in changed else [usual[at]] for at in range(len(dimensions))]
                yield from product(*choices)

    yield from islice(few(), most)


def _is_stranger(client: str, policy: PostfixPolicy, world: FileWorld, distinctions: Iterable[Distinction]) -> bool:
    """Whether nobody has named the client: it is not in mynetworks, and in no network but a very large one."""
    from ipaddress import ip_address, ip_network

    domains = policy.smtpd.settings.domains
    try:
        if run(domains.networks.match_host(Ask(world), "", client)):
            return False
    except LookupFailed:
        return False
    if client in STRANGERS:
        return True
    address = ip_address(client)
    if address.is_private:
        return False
    named = {d.text for d in distinctions if d.dimension is Dimension.CLIENT and d.form is Form.NETWORK}
    for text in named:
        try:
            network = ip_network(text.replace("[", "").replace("]", ""), strict=False)
        except ValueError:
            continue  # PF206 reports it
        if address in network and network.prefixlen >= (_WIDE if address.version == 4 else _WIDE6):
            return False
    return client.endswith(OF_ONE_OCTET)  # a key of one octet; whoever wrote more of an address knows it


def _asked(
    policy: PostfixPolicy, world: FileWorld, tables: _Tables, guards: frozenset[str], values: tuple[str, str, str]
) -> Witness | None:
    """What lets a session of this client, HELO name and sender pass; None where it is refused."""
    client, helo, sender = values
    name = Verified.found("zz.stranger.example")
    session = Session(client_address=client, client_name=name, reverse_name=name)
    transaction = Transaction(policy, session, world)
    verdict: Verdict = run(transaction.connect())
    if verdict.accepted:
        verdict = run(transaction.helo("EHLO", helo))
    if verdict.accepted:
        verdict = run(transaction.mail(sender, {}))
    if verdict.accepted and not transaction.over:
        verdict = run(transaction.rcpt(OUTSIDE, {}))
    if not verdict.accepted or transaction.over:
        return None
    return _culprit(policy, tables, verdict, guards, values)


def _culprit(
    policy: PostfixPolicy, tables: _Tables, verdict: Verdict, guards: frozenset[str], session: tuple[str, str, str]
) -> Witness | None:
    """The restriction that permitted, in the list that would have refused, and the entry that it found."""
    smtpd = policy.smtpd
    for rules in (smtpd.relay, smtpd.recipient):
        if not any(rule.name.lower() in guards for rule in rules.rules):
            continue
        evaluated = (step for step in verdict.trace.steps if step.subject == rules.parameter)
        for step in (inner for outer in evaluated for inner in outer.steps):
            if step.result == _PERMIT:
                found = next((s for s in reversed(list(_below(step))) if ":" in s.subject), None)
                span = tables.place(found.subject, found.detail) if found else None
                return Witness(*session, step.subject, found.detail if found else "", span, step.span)
    return None


def _below(step: Step) -> Iterator[Step]:
    """The lookups below a step that found something."""
    for each in step.steps:
        if each.result and not each.result.startswith(("not found", "temporary failure")):
            yield each
        yield from _below(each)


class _Tables:
    """The tables of a configuration by their texts."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._uses = {str(use.table): use for use in subject.site.tables}
        self._places: dict[str, dict[str, Span]] = {}
        self._entries: dict[str, Mapping[bytes, bytes]] = {}

    def opened(self, table: str) -> LookupTable | None:
        """The table from its text, where its type is built from one."""
        use = self._uses.get(table)
        if use is None or not use.source:
            return None
        if table not in self._entries:
            listed = entries_of(self._subject, use)
            self._entries[table] = {encode(e.key.lower()): encode(e.value) for e in reversed(listed)}
        return _Text(use.table, self._entries[table])

    def keys(self, table: str) -> Iterator[str]:
        """The keys of a table, of patterns what is between the delimiters."""
        use = self._uses.get(table)
        if use is None:
            return
        patterns = use.table.direct.type in ("regexp", "pcre")
        from itertools import islice

        for entry in islice(entries_of(self._subject, use), _MOST_KEYS):
            key = entry.key
            if patterns:
                mark, _, rest = key[:1], "", key[1:]
                key = rest.rpartition(mark)[0] if mark and not mark.isalnum() else ""
            if key:
                yield key

    def values(self, table: str) -> Iterator[str]:
        """The values of a table, each once: they may be restrictions."""
        use = self._uses.get(table)
        if use is not None:
            yield from dict.fromkeys(entry.value for entry in entries_of(self._subject, use))

    def place(self, table: str, key: str) -> Span | None:
        """Where the text of a table has ``key``; for patterns, which rule matches is not looked for."""
        use = self._uses.get(table)
        if use is None:
            return None
        if table not in self._places:
            listed = entries_of(self._subject, use)
            self._places[table] = {entry.key.lower(): entry.key_span for entry in reversed(listed)}
        return self._places[table].get(key.lower())
