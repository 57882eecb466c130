"""A World over tables and files that answers at once: for explain, tests, and the MTA's lookups.

Tables are opened by `mailconf.maps.registry` at their first question and kept open. Keys of fixed-string tables are
folded, as Postfix's programs fold them. DNS and policy services answer from fixtures, or for real with ``online``;
without either they fail for the time being and give the reason: what was not asked is never "absent".

``unix:passwd.byname`` and ``unix:group.byname`` (postconf(5) local_recipient_maps) answer from the machine's databases
or, with a root other than /, from ROOT/etc/passwd and ROOT/etc/group.
"""

from __future__ import annotations

import re
import socket
import time
from array import array
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence

from mailconf.arrays import arrays
from mailconf.diagnostics import Sink
from mailconf.domain_names import comparable, for_resolver
from mailconf.files import Root, Tree
from mailconf.hosts_file import NAME, HostsFile
from mailconf.maps.core.table import LookupTable, TemporaryFailure, UnsupportedMap
from mailconf.maps.core.trust import ORDINARY, Trust
from mailconf.maps.core.utf8 import is_utf8, lookup_utf8
from mailconf.maps.reference import TableRef
from mailconf.maps.registry import open_table
from mailconf.model.world import ABSENT, Answer, Outcome, Records, User
from mailconf.personal import PersonalFile
from mailconf.ports import Ports
from mailconf.source import Source, Span, decode, encode
from mailconf.tables.entry import Entry
from mailconf.tables.postmap import fold

NO_DNS = Records(Outcome.FAILED, (), "not asked in this run")
_MANY = 50_000  # entries that are worth numpy
_POLICY_TIMEOUT = 100.0  # seconds; postconf(5) smtpd_policy_service_timeout

DnsFixtures = Mapping[tuple[str, str], Records]


class _Places:
    """The places of a text's entries, found by key and value: by numbers, as there may be a million."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries
        ranks = array("Q")
        for number, entry in enumerate(entries):
            ranks.extend(self._rank(key, entry.value) | number for key in self._keys(entry))
        np = arrays() if len(ranks) > _MANY else None
        if np is not None:
            np.frombuffer(ranks, np.uint64).sort()
        self._ranks = ranks if np is not None else array("Q", sorted(ranks))

    @staticmethod
    def _keys(entry: Entry) -> set[str]:
        keys = (entry.key, entry.key.removesuffix(":"))  # alias files have a colon after the name
        return {decode(fold(encode(key))) for key in keys}

    @staticmethod
    def _rank(key: str, value: str) -> int:
        return (hash((key, value)) & 0xFFFFFFFF) << 32

    def find(self, key: str, value: str) -> Span | None:
        """The last entry that has them."""
        key = decode(fold(encode(key)))
        rank = self._rank(key, value)
        at = bisect_right(self._ranks, rank | 0xFFFFFFFF) - 1
        while at >= 0 and self._ranks[at] >= rank:
            entry = self._entries[self._ranks[at] & 0xFFFFFFFF]
            if entry.value == value and key in self._keys(entry):
                return entry.span
            at -= 1
        return None


class FileWorld:
    """See the module.

    root      where the absolute paths of the configuration lie
    dns       answers by (lower-case name, type); a name without any entry fails unless ``online``
    policies  actions by policy service endpoint
    online    ask the real DNS and policy services
    transitional  how domain names in other letters are translated, see `mailconf.domain_names.to_ascii`
    trace     give the place in its text source of the entry that a built map answers with
    ports     resolves names of ports
    hosts     the hosts file, None: that of ``root``
    utf8      keys, values and texts of tables have to be UTF-8 (postconf(5) smtputf8_enable)
    instead   may open a table in the place of ``type:name`` (one that has not been built)
    """

    def __init__(
        self,
        root: Tree | None = None,
        *,
        dns: DnsFixtures | None = None,
        policies: Mapping[str, str] | None = None,
        online: bool = False,
        transitional: bool = False,
        trace: bool = True,
        instead: Callable[[str], LookupTable | None] | None = None,
        clock: Callable[[], float] = time.time,
        ports: Ports | None = None,
        hosts: HostsFile | None = None,
        utf8: bool = True,
    ) -> None:
        self.root = Root() if root is None else root
        self._transitional = transitional
        self._dns = {(self._asked(name), kind): records for (name, kind), records in (dns or {}).items()}
        self._policies = dict(policies or {})
        self._online = online
        self._trace = trace
        self._instead = instead
        self._clock = clock
        self._utf8 = utf8
        self._ports = ports or Ports(root=self.root)
        self._hosts = hosts or HostsFile(self.root)
        self._tables: dict[tuple[str, Trust], LookupTable | Answer] = {}
        self._places: dict[str, _Places | None] = {}
        self._texts: dict[str, Source | None] = {}  # of tables of patterns

    def close(self) -> None:
        """Close every table; the next question opens it anew."""
        for table in self._tables.values():
            if not isinstance(table, Answer):
                table.close()
        self._tables.clear()
        self._places.clear()
        self._texts.clear()

    async def lookup(self, table: str, key: str, trust: Trust = ORDINARY) -> Answer:
        if self._utf8 and not is_utf8(encode(key)):  # not even a table that cannot be opened
            return ABSENT
        opened = self._tables.get((table, trust))
        if opened is None:
            opened = self._tables[table, trust] = self._open(table, trust)
        if isinstance(opened, Answer):
            return opened
        try:
            value = lookup_utf8(opened, table, encode(key)) if self._utf8 else opened.lookup(encode(key))
        except TemporaryFailure as failure:
            return Answer(Outcome.FAILED, reason=str(failure))
        if value is None:
            return ABSENT
        direct = TableRef.parse(table).direct if self._trace else None
        place = None
        if direct and direct.kind.stored:
            place = self._place(direct.name, key, decode(value))
        elif direct and (line := getattr(opened, "answered", 0)):
            place = self._rule(direct.name, line)
        return Answer(Outcome.FOUND, decode(value), span=place)

    def sieve(self, table: str, trust: Trust = ORDINARY) -> re.Pattern[bytes] | None:
        """See `mailconf.model.world.Ask.sieve`."""
        opened = self._tables.get((table, trust))
        if opened is None:
            opened = self._tables[table, trust] = self._open(table, trust)
        sieve: Callable[[], re.Pattern[bytes] | None] | None = getattr(opened, "sieve", None)
        return None if sieve is None else sieve()

    def _open(self, table: str, trust: Trust) -> LookupTable | Answer:
        try:
            return open_table(
                table,
                self.root,
                fold=fold,
                utf8=self._utf8,
                trust=trust,
                instead=self._instead,
                ports=self._ports,
            )
        except (TemporaryFailure, UnsupportedMap) as failure:
            return Answer(Outcome.FAILED, reason=str(failure))

    def _place(self, name: str, key: str, value: str) -> Span | None:
        """Where the text source has ``key`` with this value; None where it does not, or no longer."""
        if name not in self._places:
            self._places[name] = self._index(name)
        places = self._places[name]
        return None if places is None else places.find(key, value)

    def _rule(self, name: str, line: int) -> Span | None:
        """The rule of a table of patterns that answered."""
        if name not in self._texts:
            try:
                self._texts[name] = Source.read(self.root, name)
            except OSError:
                self._texts[name] = None
        text = self._texts[name]
        return None if text is None else text.line_span(line)

    def _index(self, name: str) -> _Places | None:
        from mailconf.tables.reader import read_postmap

        try:
            return _Places(read_postmap(Source.read(self.root, name), Sink()))
        except OSError:
            return None

    async def dns(self, name: str, kind: str) -> Records:
        folded = self._asked(name)
        if (folded, kind) in self._dns:
            return self._dns[folded, kind]
        if any(known == folded for known, _ in self._dns):
            return Records(Outcome.ABSENT)  # the name is in the fixtures, this type is not
        if not folded.isascii():
            return Records(Outcome.ABSENT, nxdomain=True)  # no such name can exist
        return _query(folded, kind) if self._online else NO_DNS

    async def hosts(self, name: str) -> Records:
        return listed(self._hosts, name)

    def _asked(self, name: str) -> str:
        """The name as the DNS is asked for it."""
        return comparable(name.rstrip("."), transitional=self._transitional)

    async def user(self, name: str) -> User | None:
        return _user(decode(open_table("unix:passwd.byname", self.root).lookup(encode(name)) or b""))

    async def account(self, uid: int) -> User | None:
        if self.root.is_real:
            import pwd

            try:
                return await self.user(pwd.getpwuid(uid).pw_name)
            except (KeyError, OverflowError):
                return None
        lines = decode((await self.file("/etc/passwd", None, follow=True)).text or b"").splitlines()
        return next((user for user in map(_user, lines) if user is not None and user.uid == uid), None)

    async def table_owner(self, table: str) -> int | None:
        from mailconf.maps.core.owner import owner

        return owner(table, self.root)

    async def file(self, path: str, user: User | None, *, follow: bool) -> PersonalFile:
        return self.root.personal(path, (user.uid, user.gid) if user else None, follow=follow)

    async def policy_service(self, endpoint: str, attributes: Mapping[str, str]) -> Answer:
        if endpoint in self._policies:
            return Answer(Outcome.FOUND, self._policies[endpoint])
        if not self._online:
            return Answer(Outcome.FAILED, reason="not asked in this run")
        try:
            return _ask_policy(self.root, self._ports, endpoint, attributes)
        except (OSError, ValueError) as failure:
            return Answer(Outcome.FAILED, reason=str(failure))

    def now(self) -> float:
        return self._clock()


def listed(hosts: HostsFile, name: str) -> Records:
    """What a hosts file has for ``name``; one that cannot be read fails."""
    try:
        found = hosts.read().addresses(name)
    except OSError as failure:
        return Records(Outcome.FAILED, reason=f"{NAME}: {failure.strerror}")
    return Records(Outcome.FOUND, found) if found else Records(Outcome.ABSENT)


def _user(line: str) -> User | None:
    """The user of a line of passwd(5); None where it is not one."""
    fields = line.split(":")
    if len(fields) < 7 or not (fields[2].isdigit() and fields[3].isdigit()):
        return None
    return User(fields[0], int(fields[2]), int(fields[3]), fields[5], fields[6])


def _query(name: str, kind: str) -> Records:
    """The real DNS, by dnspython and /etc/resolv.conf."""
    import dns.exception
    import dns.resolver

    try:
        answer = dns.resolver.resolve(name, kind, search=False)
    except dns.resolver.NXDOMAIN:
        return Records(Outcome.ABSENT, nxdomain=True)
    except dns.resolver.NoAnswer:
        return Records(Outcome.ABSENT)
    except (dns.exception.DNSException, OSError, UnicodeError) as failure:
        return Records(Outcome.FAILED, (), str(failure) or type(failure).__name__)
    values = [_record_text(record, kind) for record in answer]
    if kind == "MX":
        values.sort(key=lambda value: (int(value.split()[0]), value))
    ttl = answer.rrset.ttl if answer.rrset is not None else None
    return Records(Outcome.FOUND, tuple(values), ttl=ttl, owner=answer.canonical_name.to_text(omit_final_dot=True))


def _record_text(record: object, kind: str) -> str:
    if kind == "TXT":
        strings: tuple[bytes, ...] = record.strings  # type: ignore[attr-defined]
        return decode(strings[0])
    text = str(record)
    if kind == "MX":
        preference, _, exchange = text.partition(" ")
        return f"{preference} {exchange.rstrip('.')}"
    return text.rstrip(".")


def _ask_policy(root: Tree, ports: Ports, endpoint: str, attributes: Mapping[str, str]) -> Answer:
    """SMTPD_POLICY_README: name=value lines and an empty one there, ``action=...`` and an empty one back."""
    transport, _, place = endpoint.partition(":")
    if transport == "unix":
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(_POLICY_TIMEOUT)
        connection.connect(str(root.socket(place)))
    elif transport == "inet":
        host, _, port = place.rpartition(":")
        number = ports.number(port)
        if number is None:
            raise OSError(f"unknown service: {port}/tcp")
        connection = socket.create_connection((for_resolver(host or "127.0.0.1"), number), _POLICY_TIMEOUT)
    else:
        raise ValueError(f"unknown policy service endpoint: {endpoint}")
    with connection, connection.makefile("rb") as replies:
        connection.sendall(encode("".join(f"{k}={v}\n" for k, v in attributes.items()) + "\n"))
        action: str | None = None
        while line := decode(replies.readline()).rstrip("\r\n"):
            name, equals, value = line.partition("=")
            action = value if name == "action" and equals and action is None else action
    if action is None:
        return Answer(Outcome.FAILED, reason=f"{endpoint} gives no action")
    return Answer(Outcome.FOUND, action)
