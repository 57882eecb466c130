"""The delivery agents smtp and lmtp: a job's nexthop becomes hosts, hosts are tried in turn, recipients get results.

smtp(8), lmtp(8). Of a job's nexthops (`mailconf.smtp.nexthop`) each domain has its MX hosts tried by preference,
``[host]`` its addresses. A host that cannot be reached or refuses to talk is followed by the next; so are the
recipients that it put off.

A connection is left to the next message where the destination has more mail, or the configuration wants it
(`mailconf.mta.hop_pool`). It is looked for by the nexthop first, which saves the DNS, then by each host's address.

Departure: a fallback relay that cannot be looked up is passed over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from mailconf.domain_names import comparable
from mailconf.files import Root
from mailconf.model.address import external
from mailconf.model.letter import Peer
from mailconf.model.policy import AddressPlace, Role, Side
from mailconf.model.security import HopAsked, HopSecurity, TlsLevel
from mailconf.model.transport import ClientWays, HostLookup
from mailconf.model.verdict import Route
from mailconf.model.world import Ask, LookupFailed, Outcome, Records
from mailconf.mta import program
from mailconf.mta.course import Course, Talk, courses, in_later_order, lines_of
from mailconf.mta.header_addresses import rewrite
from mailconf.mta.headers import RECIPIENTS, SENDERS, Fields, Header, set_off
from mailconf.mta.hop_pool import Endpoint, HopPool
from mailconf.mta.hop_session import Failure, HopSession, Host, NoHandshake, Stale, status_of
from mailconf.mta.intake import limits_of
from mailconf.mta.journal import LogEvent, Remark
from mailconf.mta.message import Context, Job, Message, Recipient, Result, Status
from mailconf.mta.pace import Pace
from mailconf.mta.resolver import Resolver
from mailconf.smtp.client import Envelope, Stage, To
from mailconf.smtp.forwarded import Told, told
from mailconf.smtp.nexthop import BadNexthop, Nexthop, split_nexthops
from mailconf.smtp.path import to_xtext
from mailconf.smtp.reply import Reply

if TYPE_CHECKING:
    from mailconf.mta.secure_hops import Contexts

MAX_STALE = 2  # kept connections that turn out to be of no use, before a new one is made

_Change = Callable[[str, AddressPlace, Side], Awaitable[str]]


class _Attempt:
    """A job on its way from host to host: what became of whom, who waits (numbers of recipients).

    most      sessions with hosts of one destination (postconf(5) smtp_mx_session_limit), 0 for any number
    sessions  those with hosts that were willing to talk, by destination; ``tried`` is where they were
    """

    def __init__(self, job: Job, envelope: Envelope, most: int) -> None:
        self.job = job
        self.envelope = envelope
        self.results: dict[int, Result] = {}
        self.waiting = list(range(len(job.recipients)))
        self.most = most
        self.sessions: Counter[str] = Counter()
        self.tried: set[tuple[str, int]] = set()

    @property
    def goes_on(self) -> bool:
        """Whether another host may be of use."""
        return bool(self.waiting)

    def may_try(self, host: Host) -> bool:
        """Whether there may be one more session with the hosts of this one's destination."""
        return not 0 < self.most <= self.sessions[host.destination]

    @property
    def unknown(self) -> list[int]:
        """Of whom nothing is known yet."""
        return [index for index in self.waiting if index not in self.results]

    def note(self, results: dict[int, Result]) -> None:
        self.results |= results
        self.waiting = [index for index in self.waiting if self.results[index].status is Status.DEFERRED]


class SmtpAgent:
    """An `mailconf.mta.message.Agent`.

    peer      whom a transport speaks with, if not the hosts of the nexthop
    complete  gives a message the fields that it lacks, where that is done when it leaves (`Site.fields_at_delivery`)
    """

    complete: Callable[[Job], Awaitable[bytes]] | None = None
    peer: Callable[[Job], Awaitable[Peer | None]] | None = None

    def __init__(self, context: Context, resolver: Resolver, *, lmtp: bool = False, root: Root | None = None) -> None:
        self.context = context
        self._root = root or Root()
        self._contexts: Contexts | None = None
        self.resolver = resolver
        self.lmtp = lmtp
        self.pool = HopPool()

    async def deliver(self, job: Job) -> list[Result]:
        if self.context.policy.site.recipients_backwards:
            job = replace(job, recipients=_backwards(job))
        try:
            try:
                envelope = await self._envelope(job)
            except Failure:
                raise
            except Exception as error:  # a table that cannot answer, or a defect: neither may lose mail
                reason = str(error) or type(error).__name__
                raise Failure(Remark.REWRITING_FAILED, {"reason": reason}, "4.3.0") from error
        except Failure as failure:
            return [self._failed(job, recipient, failure) for recipient, _ in job.recipients]
        attempt = _Attempt(job, envelope, self._ways(job).sessions)
        if job.reuse or len(self.pool):
            await self._by_destination(attempt)
        if attempt.goes_on:
            try:
                hosts = await self._hosts(job)
            except Failure as failure:
                attempt.note({index: self._failed(job, job.recipients[index][0], failure) for index in attempt.unknown})
            else:
                await self._try_hosts(attempt, [host for host in hosts if host.at not in attempt.tried])
        return [attempt.results[index] for index in range(len(job.recipients))]

    def close(self) -> None:
        """End the connections that wait, in good order."""
        self.pool.close()

    async def _by_destination(self, attempt: _Attempt) -> None:
        """Try the hosts of connections that were left by others with the same nexthop."""
        job = attempt.job
        destination = next(iter(split_nexthops(job.nexthop)), "")
        for host in self.pool.hosts(job.transport, destination):
            try:
                security = await self._security(job, host)
            except Failure:
                return  # it comes again, where the host is tried
            if not (job.reuse or security.keep):
                return
            with suppress(Failure):
                session = await self._over_kept(attempt, host, security)
                if session is not None:
                    attempt.tried.add(host.at)
            if not attempt.goes_on or not attempt.may_try(host):
                return

    async def _try_hosts(self, attempt: _Attempt, hosts: list[Host]) -> None:
        job = attempt.job
        for number, host in enumerate(hosts):
            if not attempt.may_try(host):
                continue
            try:
                security = await self._security(job, host)
                try:
                    await self._at(attempt, host, security)
                except NoHandshake:
                    if not self._may_go_in_the_clear(job, security):
                        raise
                    plain = security._replace(tls=security.tls._replace(level=TlsLevel.NONE))
                    await self._at(attempt, host, plain)
            except Failure as failure:
                attempt.note({i: self._failed(job, job.recipients[i][0], failure) for i in attempt.waiting})
                if failure.final:
                    break
                if failure.remark is Remark.CONNECT_FAILED:
                    self.context.note(LogEvent.HOST_UNREACHED, program=self.program, text=self._said(failure))
                elif number < len(hosts) - 1:
                    self._note_failed(job, (self._said(failure),))
            else:
                if number < len(hosts) - 1:
                    self._note_failed(job, dict.fromkeys(attempt.results[index].text for index in attempt.waiting))
            if not attempt.goes_on:
                break

    async def _at(self, attempt: _Attempt, host: Host, security: HopSecurity) -> None:
        """Deliver to a host, over a connection that waits or a new one. Raises Failure."""
        if (attempt.job.reuse or security.keep) and await self._over_kept(attempt, host, security) is not None:
            return
        await self._run(attempt, HopSession(self, host, attempt.job), security)

    async def _over_kept(self, attempt: _Attempt, host: Host, security: HopSecurity) -> HopSession | None:
        """Deliver over a connection that waits; None where there is none that is of use. Raises Failure."""
        endpoint = _endpoint(attempt.job, host, security)
        for _ in range(MAX_STALE):
            connection = self.pool.take(endpoint, attempt.job.policy)
            if connection is None:
                return None
            session = HopSession(self, host, attempt.job, connection)
            with suppress(Stale):
                await self._run(attempt, session, security)
                return session
        return None

    async def _run(self, attempt: _Attempt, session: HopSession, security: HopSecurity) -> None:
        """Send what waits in a session. Raises Failure, Stale."""
        job, host = attempt.job, session.host
        try:
            keep = (job.keep or security.keep) and host.program is None
            replies = await session.run(_part(attempt.envelope, attempt.waiting), security, keep=keep)
        finally:
            attempt.sessions[host.destination] += session.greeted
            if host.program is not None:
                await self._end_program(session, job)
        if session.left is not None:
            endpoint = _endpoint(job, host, security)
            self.pool.put(session.left, host, endpoint, session.reuse.idle)
        found: dict[int, Result] = {}
        decided = [None if isinstance(said, Failure) else said for said in replies]
        ways = courses(session.said, job.transport, job.nexthop, decided)
        for index, said, course in zip(attempt.waiting, replies, ways, strict=True):
            recipient = job.recipients[index][0]
            if isinstance(said, Failure):
                found[index] = self._failed(job, recipient, said, session.uses)
            else:
                found[index] = replace(self._replied(recipient, session, *said), course=course)
        attempt.note(found)

    async def _end_program(self, session: HopSession, job: Job) -> None:
        """The program that was spoken with is gone when this returns."""
        reason = await session.ended_program()
        if reason and session.host.program is not None:
            path = session.host.program.path
            self.context.note(LogEvent.PROGRAM_NOT_RUN, queue_id=job.message.queue_id, path=path, reason=reason)

    def _note_failed(self, job: Job, reasons: Iterable[str]) -> None:
        """A host is followed by the next."""
        for text in reasons:
            self.context.note(LogEvent.HOST_FAILED, program=self.program, queue_id=job.message.queue_id, text=text)

    @property
    def contexts(self) -> Contexts:
        """Those of TLS with other hosts."""
        if self._contexts is None:
            from mailconf.mta.secure_hops import Contexts

            self._contexts = Contexts(self._root)
        return self._contexts

    @property
    def program(self) -> str:
        return "lmtp" if self.lmtp else "smtp"

    # What is said.

    def _warn(self, text: str) -> None:
        self.context.note(LogEvent.DELIVERY_WARNING, program=self.program, text=text)

    def _said(self, failure: Failure) -> str:
        return self.context.remark(failure.remark, **failure.facts)

    def _failed(self, job: Job, recipient: Recipient, failure: Failure, uses: int = 1) -> Result:
        status = Status.BOUNCED if failure.final else Status.DEFERRED
        if failure.course is None:
            failure.course = self._course(job, failure)
        said, relay, reply = self._said(failure), failure.relay, failure.reply
        return Result(recipient, status, failure.dsn, said, relay, reply, uses=uses, course=failure.course)

    def _course(self, job: Job, failure: Failure) -> Course:
        """How it went that a host, or a domain, took nothing."""
        where = str(failure.facts.get("relay", failure.relay))
        host = where.partition("[")[0] if "[" in where else job.nexthop
        talk: tuple[Talk, ...] = ()
        if failure.reply is not None:
            command = "" if failure.stage is Stage.GREETING else f"HELO {self.context.policy.site.hostname.value}"
            talk = (Talk(host, command, lines_of(failure.reply)),)
        return Course(job.transport, job.nexthop, host, talk, stage=failure.stage, remark=failure.remark)

    def _replied(self, recipient: Recipient, session: HopSession, reply: Reply, stage: Stage) -> Result:
        """The result that a server's reply means for a recipient."""
        host, setup, uses = session.host, session.setup, session.uses
        if stage in (Stage.END, Stage.RCPT) and reply.code // 100 == 2:
            text = self.context.remark(Remark.ACCEPTED, reply=reply)
            return Result(recipient, Status.SENT, status_of(reply, "2"), text, host.relay, reply, setup, uses)
        if reply.code < 400:  # of the class that the command cannot be answered by
            text = self.context.remark(Remark.OUT_OF_TURN, peer=host.peer, reply=reply, stage=stage)
            return Result(recipient, Status.BOUNCED, "5.5.0", text, host.relay, reply, setup, uses)
        status = Status.BOUNCED if reply.permanent else Status.DEFERRED
        text = self.context.remark(Remark.REFUSED, peer=host.peer, reply=reply, stage=stage)
        dsn = status_of(reply, "5" if reply.permanent else "4")
        return Result(recipient, status, dsn, text, host.relay, reply, setup, uses)

    def _may_go_in_the_clear(self, job: Job, security: HopSecurity) -> bool:
        """Whether a message whose host cannot begin TLS goes without it: where that is allowed, nothing secret is said,
        and the message has waited for as long as one that was put off waits at least."""
        limits = self.context.policy.site.limits_of(job.transport)
        waited = self.context.world.now() - job.message.arrival
        if not security.tls.retries:
            return False
        return security.tls.level is TlsLevel.MAY and security.login is None and waited >= limits.minimal_backoff

    async def _security(self, job: Job, host: Host) -> HopSecurity:
        """What is asked of TLS and of a login. Raises Failure."""
        name, domain = (host.path, host.path) if host.path else (host.name, host.domain)
        asked = HopAsked(
            job.transport,
            host.destination or job.nexthop,
            name,
            host.port,
            domain,
            job.message.sender,
            address=host.address,
        )
        ask = Ask(job.world)
        ask.warn = self._warn
        try:
            security = await job.policy.security(asked, ask)
        except LookupFailed as failure:
            raise Failure(Remark.LOCAL_DATA, {"peer": host.peer}, "4.3.0", False, host.relay) from failure
        if security.problem is not None:
            text, dsn = security.problem
            raise Failure(Remark.SECURITY_UNKNOWN, {"reason": text}, dsn)
        return security

    # What is sent.

    async def _envelope(self, job: Job) -> Envelope:
        message = job.message

        async def change(address: str, place: AddressPlace, side: Side) -> str:
            if not address:
                return ""
            role = Role(place, side, job.transport, sender=job.message.sender)
            return await job.policy.rewrite(address, role, Ask(job.world))

        site = self.context.policy.site
        quoted = str if site.addresses_quoted else external
        sender = await change(message.sender, AddressPlace.ENVELOPE, Side.SENDER)
        recipients = []
        for recipient, route in job.recipients:
            address = await change(route.recipient, AddressPlace.ENVELOPE, Side.RECIPIENT)
            orcpt = recipient.orcpt
            if not orcpt and recipient.original and site.names_originals:
                orcpt = f"rfc822;{to_xtext(quoted(recipient.original))}"
            recipients.append(To(quoted(address), recipient.notify, orcpt))
        content = await self._inspected(job)
        transport = self.context.policy.site.transports.get(job.transport)
        if transport is None or transport.rewrites:
            content = await self._headers(content, change)
        utf8 = not (sender.isascii() and all(to.address.isascii() for to in recipients))
        parameters = message.body, message.ret, message.envid
        about = about_client(message) if self._ways(job).tells else ()
        return Envelope(quoted(sender), tuple(recipients), content, *parameters, utf8, job.probe, client=about)

    async def _inspected(self, job: Job) -> bytes:
        """The message as it may leave (postconf(5) smtp_header_checks). Raises Failure where a table cannot answer."""
        message = job.message
        content = message.content if self.complete is None else await self.complete(job)
        found = await job.policy.inspect_sent(job.transport, content, Ask(job.world))
        for text in found.notes:
            self.context.note(LogEvent.SENT_CONTENT, program=self.program, queue_id=message.queue_id, text=text)
        if found.reply is not None:
            raise Failure(Remark.CONTENT_UNCHECKED, {}, "4.3.0")
        return found.content

    async def _headers(self, content: bytes, change: _Change) -> bytes:
        fields = Fields(content)
        out = bytearray()
        changed, pace = False, Pace()
        for header in fields:
            await pace.step()
            new = await self._rewritten(header, change, pace)
            changed = changed or new is not header
            out += new.raw + b"\n"
        return bytes(out) + set_off(fields.rest) if changed else content

    async def _rewritten(self, header: Header, change: _Change, pace: Pace) -> Header:
        side = Side.SENDER if header.key in SENDERS else Side.RECIPIENT if header.key in RECIPIENTS else None
        if side is None:
            return header

        async def in_header(address: str) -> str:
            await pace.step()
            return await change(address, AddressPlace.HEADER, side)

        return await rewrite(header, in_header, limits_of(self.context.policy.site))

    # Where to.

    async def _hosts(self, job: Job) -> list[Host]:
        """The hosts to try, in order: those of one nexthop after the other. Raises Failure."""
        site = self.context.policy.site
        transport = site.transports.get(job.transport)
        peer = await self.peer(job) if self.peer is not None else None
        if peer is not None and not peer.host:
            return [self._here(job, peer)]
        port = transport.client_port if transport is not None else ""
        hosts: list[Host] = []
        problem: Failure | None = None
        nexthops = split_nexthops(job.nexthop if peer is None else peer.host)
        for text in (*nexthops, *self._ways(job).fallback):
            try:
                nexthop = Nexthop.parse(text, lmtp=self.lmtp, ports=site.ports, default=port)
            except BadNexthop as reason:  # the agent ends here
                problem = Failure(Remark.BAD_NEXTHOP, {"reason": str(reason)}, "4.3.0")
                break
            try:
                hosts += await self._hosts_of(job, nexthop)
            except Failure as failure:
                problem = failure
        if hosts:
            return hosts
        raise problem or Failure(Remark.BAD_NEXTHOP, {"reason": "no nexthop"}, "4.3.0")

    def _here(self, job: Job, peer: Peer) -> Host:
        """A program, or a socket of this machine. Raises Failure."""
        if peer.problem:
            facts: dict[str, object] = {"relay": f"{peer.name}[{peer.path}]", "reason": peer.problem}
            raise Failure(Remark.CONNECT_FAILED, facts, "4.3.5")
        if peer.program is not None and not program.may_become(peer.program):
            raise Failure(Remark.NO_RIGHTS, {"uid": peer.program.identity.uid}, "4.3.0")
        folder = self._root.path(job.policy.site.queue_directory.value)
        where = str(folder) if folder.is_dir() else "/"
        return Host(peer.name, "", 0, peer.path, program=peer.program, folder=where)

    async def _hosts_of(self, job: Job, nexthop: Nexthop) -> list[Host]:
        """The hosts of one nexthop. Raises Failure."""
        if nexthop.path:
            return [Host(self.context.policy.site.hostname.value, "", 0, nexthop.path)]
        if nexthop.direct or _is_address(nexthop.host) or not self._lookup(job).mx:
            hosts = await self._addresses(job, nexthop.host, nexthop)
            return self._some(job, hosts)
        nexthop = nexthop._replace(host=self.resolver.spelled(nexthop.host))
        records = await self._asked(job, nexthop.host, "MX")
        if records.outcome is Outcome.FAILED:
            raise _dns_failure(nexthop.host, "MX", records)
        if not records.values:  # not even where the name does not exist: the hosts file may have it
            return self._some(job, await self._addresses(job, nexthop.host, nexthop))
        return await self._exchangers(job, nexthop, records)

    async def _asked(self, job: Job, name: str, kind: str) -> Records:
        """The DNS's answer, as far as the configuration lets it pass. Raises Failure where it does not."""
        records = await self.resolver.query(name, kind)
        if records.outcome is not Outcome.FOUND or (kind == "MX" and _takes_no_mail(records)):
            return records
        ask = Ask(job.world)
        ask.warn = self._warn
        kept = await self.context.policy.keep(job.transport, name, kind, records, ask)
        for text in kept.notes:
            self.context.note(LogEvent.DNS_FILTERED, program=self.program, text=text)
        facts: dict[str, object] = {"name": name, "kind": kind}
        if kept.records.outcome is Outcome.FAILED:
            raise Failure(Remark.FILTER_BROKEN, facts, "4.4.3")
        if kept.records.outcome is Outcome.ABSENT:
            raise Failure(Remark.ALL_FILTERED, facts, "4.7.0")
        return kept.records

    async def _exchangers(self, job: Job, nexthop: Nexthop, records: Records) -> list[Host]:
        site = self.context.policy.site
        hosts: list[Host] = []
        problem: Failure | None = None
        for value in records.values:
            name = value.partition(" ")[2]
            if not name:
                raise Failure(Remark.NULL_MX, {"domain": nexthop.host}, "5.1.0", final=True)
            if comparable(name) == comparable(site.hostname.value):
                if not hosts and problem is None:
                    raise Failure(Remark.LOOPS_BACK, {"destination": nexthop.name}, "5.4.6", final=True)
                break  # hosts that are as far away as we are, and further (RFC 5321 5.1)
            try:
                hosts += await self._addresses(job, name, nexthop)
            except Failure as failure:
                problem = _joined(problem, failure)
        if hosts:
            return self._some(job, hosts)
        raise problem or _dns_failure(nexthop.host, "MX", records)

    def _ways(self, job: Job) -> ClientWays:
        return self.context.policy.site.ways_of(job.transport)

    def _some(self, job: Job, hosts: list[Host]) -> list[Host]:
        """Those of a destination's hosts that are tried (postconf(5) smtp_mx_address_limit)."""
        most = self._ways(job).addresses
        return hosts[:most] if most > 0 else hosts

    def _lookup(self, job: Job) -> HostLookup:
        transport = self.context.policy.site.transports.get(job.transport)
        return HostLookup() if transport is None else transport.host_lookup

    async def _addresses(self, job: Job, name: str, nexthop: Nexthop) -> list[Host]:
        """The hosts that a name means. Raises Failure."""
        name, lookup = self.resolver.spelled(name), self._lookup(job)
        if _is_address(name):
            found: Sequence[str] = (str(ip_address(name)),)
        elif not lookup.dns:
            found = await self._by_system(name, lookup)
        else:
            try:
                found = await self._in_dns(job, name, lookup)
            except Failure as failure:
                if not lookup.native or failure.remark not in (Remark.NO_SUCH_NAME, Remark.NO_RECORD):
                    raise
                found = await self._by_system(name, lookup)
        where: dict[str, Any] = {"direct": nexthop.direct, "destination": nexthop.name, "domain": nexthop.host}
        return [Host(name, address, nexthop.port, **where) for address in found]

    async def _in_dns(self, job: Job, name: str, lookup: HostLookup) -> Sequence[str]:
        """The addresses that the DNS has. Raises the Failure of the type that says most, of several the last."""
        found: list[str] = []
        problems: list[Failure] = []
        for kind in lookup.types:
            try:
                records = await self._asked(job, name, kind)
            except Failure as failure:
                problems.append(failure)
                continue
            found += records.values
            if records.outcome is not Outcome.FOUND:
                problems.append(_dns_failure(name, kind, records))
        if not found:
            raise max(reversed(problems), key=lambda problem: _SAYS_MOST.get(problem.remark, 0))
        return found

    async def _by_system(self, name: str, lookup: HostLookup) -> Sequence[str]:
        """The addresses that getaddrinfo(3) finds. Raises Failure."""
        if not lookup.native:
            raise Failure(Remark.NO_LOOKUP, {}, "4.3.0")
        records = await self.resolver.addresses(name, ipv4="A" in lookup.types, ipv6="AAAA" in lookup.types)
        if records.outcome is Outcome.FOUND:
            return records.values
        error = "again" if records.outcome is Outcome.FAILED else "none" if records.nxdomain else "no data"
        reason, dsn = _NOT_RESOLVED[error]
        raise Failure(Remark.NO_SUCH_HOST, {"name": name, "reason": reason}, dsn, final=dsn.startswith("5"))


# What getaddrinfo(3) says, in the words of gai_strerror(3), and the status that smtp(8) gives it.
_NOT_RESOLVED = {
    "again": ("Temporary failure in name resolution", "4.4.4"),
    "none": ("Name or service not known", "5.4.4"),
    "no data": ("No address associated with hostname", "5.3.0"),
}
# Of the failures for several types of records, that a name does not exist says least (dns_lookup(3)).
_SAYS_MOST = {Remark.ALL_FILTERED: 2, Remark.FILTER_BROKEN: 1, Remark.LOOKUP_FAILED: 1}


def _backwards(job: Job) -> list[tuple[Recipient, Route]]:
    """The recipients from the last on; at a further attempt those that no alias led to are the other way round."""
    return job.recipients[::-1] if not job.message.tried else in_later_order(job.recipients, lambda one: one[0])[::-1]


def _joined(problem: Failure | None, further: Failure) -> Failure:
    """What the failures of several hosts come to: the last one, which is not final if one before it was not."""
    if problem is not None and not problem.final and further.final:
        return replace(further, dsn=f"4{further.dsn[1:]}", final=False)
    return further


def _takes_no_mail(records: Records) -> bool:
    """RFC 7505."""
    return any(not value.partition(" ")[2] for value in records.values)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _dns_failure(name: str, kind: str, records: Records) -> Failure:
    facts: dict[str, object] = {"name": name, "kind": kind}
    if records.outcome is Outcome.FAILED:
        return Failure(Remark.LOOKUP_FAILED, facts, "4.4.3")
    if records.nxdomain:
        return Failure(Remark.NO_SUCH_NAME, facts, "5.4.4", final=True)
    return Failure(Remark.NO_RECORD, facts, "5.4.4", final=True)


def about_client(message: Message) -> Told:
    """What the next host may be told of the client that a message came from."""
    session = message.session
    if session is None:
        return told({"SOURCE": "LOCAL"}, {})
    own = {
        "NAME": session.client_name.text if session.client_name.is_found else "",
        "ADDR": session.client_address,
        "PORT": session.client_port,
        "PROTO": session.protocol,
        "HELO": session.helo,
        "IDENT": message.queue_id,
        "SOURCE": "REMOTE",
    }
    return told(own, session.forwarded)


def _endpoint(job: Job, host: Host, security: HopSecurity) -> Endpoint:
    return Endpoint(job.transport, host.path or host.address, host.port, security._replace(keep=False))


def _part(envelope: Envelope, numbers: list[int]) -> Envelope:
    return envelope._replace(recipients=tuple(envelope.recipients[number] for number in numbers))
