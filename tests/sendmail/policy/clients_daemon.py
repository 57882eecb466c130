"""A listener that serves a SendmailPolicy to several clients, in a thread; tests are blocking clients."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mailconf.cli.shared.sendmail_daemon import by_daemon, secure
from mailconf.diagnostics import Sink
from mailconf.files import Memory, Root
from mailconf.maps.database.bdb_hash_writer import write_hash
from mailconf.model.fileworld import FileWorld
from mailconf.model.session import NO_NAME, NameOutcome, Verified
from mailconf.model.world import Outcome, Records
from mailconf.mta.journal_sendmail import SendmailJournal
from mailconf.mta.listener import SmtpSession
from mailconf.mta.message import Context, Message
from mailconf.mta.personality import Personality
from mailconf.mta.queue_ids import DateIds
from mailconf.mta.reports_postfix import PostfixReports
from mailconf.mta.resolver import Resolver
from mailconf.mta.smtp_service import SmtpService
from mailconf.mta.world import MtaWorld
from mailconf.sendmail.emit.own_library import own_library
from mailconf.sendmail.emit.render import own_cf
from mailconf.sendmail.mc.mc import read
from mailconf.sendmail.policy import SendmailPolicy
from mailconf.sendmail.policy.received import ReceivedField
from mailconf.sendmail.policy.recipients_disk import DiskRecipientsWorld
from mailconf.sendmail.rules.problems import Problems
from mailconf.smtp.server_sendmail import SendmailConnection
from mailconf.smtp.wording_sendmail import SendmailWording
from tests.live.fixture_dns import SERVFAIL
from tests.sendmail.rules.rule_bench import FOLDER, Bench
from tests.vectors.sendmail_clients_cases import BASE, DNS, FILES, HOST, HOSTS, MC, MC_END, PASSWD, TABLES

_NETWORK = "10.1.1."  # of the clients; here they come from 127.0.1.


class FixedResolver(Resolver):
    """The DNS of the cases."""

    async def query(self, name: str, kind: str) -> Records:
        name = name.lower().rstrip(".")
        values = DNS.get(name, {}).get(kind)
        if name.endswith("servfail.example") or values == [SERVFAIL]:
            return Records(Outcome.FAILED, reason="SERVFAIL")
        if values:
            return Records(Outcome.FOUND, tuple(value.rstrip(".") for value in values), ttl=300, owner=name)
        return Records(Outcome.ABSENT, nxdomain=name not in DNS)

    async def client_names(self, address: str) -> tuple[Verified, Verified]:
        """As the real one, with the hosts file of the cases."""
        hosts = dict(line.split()[:2] for line in HOSTS.splitlines())
        if address in hosts:
            return Verified.found(hosts[address]), Verified.found(hosts[address])
        pointer = await self.query(f"{'.'.join(reversed(address.split('.')))}.in-addr.arpa", "PTR")
        if pointer.outcome is not Outcome.FOUND:
            failed = pointer.outcome is Outcome.FAILED
            return (Verified.unknown(NameOutcome.FAILED),) * 2 if failed else (NO_NAME, NO_NAME)
        forward = await self.query(pointer.values[0], "A")
        outcome = NameOutcome.FAILED if forward.outcome is Outcome.FAILED else NameOutcome.FORGED
        return Verified.unknown(outcome), Verified.found(pointer.values[0])


class _Session(SmtpSession):
    """Where a client comes from is another address for the Policy; who is to wait is noted, and does not wait."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        session = self.session
        session.client_address = session.client_address.replace("127.0.1.", _NETWORK)

    async def _linger(self, seconds: float) -> None:
        self.server.waited += seconds  # type: ignore[attr-defined]


class _Service(SmtpService):
    waited = 0.0

    def protocol(self) -> SmtpSession:
        return _Session(self)


class Kept:
    """An Intake that keeps messages."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._serial = 0

    def new_queue_id(self) -> str:
        self._serial += 1
        return DateIds().make(1e9, self._serial)

    async def accept(self, message: Message) -> None:
        self.messages.append(message)


class ClientsDaemon:
    """A `tests.vectors.sendmail_clients_driver.Daemon`. ``lines`` is the log."""

    port: int

    def __init__(self, policy: SendmailPolicy, files: FileWorld, root: Root, lines: Iterable[str] = ()) -> None:
        self._policy = policy
        self._files = files
        self._root = root
        self._loop = asyncio.new_event_loop()
        self.lines = list(lines)
        self.kept = Kept()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(30)

    async def _listen(self) -> None:
        policy = self._policy
        words = SendmailWording(policy.hostname, policy.site.limits.message_size)
        journal = SendmailJournal(policy.compiled.settings.number("LogLevel", 9))
        reports = PostfixReports(NotImplemented)
        hop = ReceivedField(policy.compiled)
        personality = Personality(words, journal, reports, hop, SendmailConnection, DateIds(), early_ids=True)
        resolver = FixedResolver()
        world = MtaWorld(self._files, resolver)
        context = Context(policy, world, lambda program, text: self.lines.append(text), personality, self.kept)
        self.service = _Service(context, service="MTA", resolver=resolver, root=self._root, on_full=self._shut)
        self._server = await self._loop.create_server(self.service.protocol, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def _shut(self) -> None:
        self._server.close()

    def source(self, client: str) -> str:
        return client.replace(_NETWORK, "127.0.1.")

    def waited(self) -> int:
        """Whole seconds that were waited since this was asked."""
        seconds, self.service.waited = self.service.waited, 0.0
        return int(seconds)

    def on_loop(self, what: Callable[[], Any]) -> Any:
        """The value of a function that the server's thread calls."""

        async def call() -> Any:
            return what()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(30)

    def settle(self, left: int) -> None:
        """Each turn of the server's loop is one step of those that end."""
        while self.on_loop(lambda: len(self.service.sessions)) > left:
            pass

    def stop(self) -> None:
        self.on_loop(self._server.close)
        asyncio.run_coroutine_threadsafe(self.service.close(0.1), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()


def own_text(middle: str, beginning: str = MC) -> str:
    """Our own .cf of a case's .mc."""
    mc = (beginning + middle + MC_END).replace("FOLDER", FOLDER)
    sink = Sink()
    expanded = read(f"{FOLDER}/sendmail.mc", own_library(), sink, root=Memory({f"{FOLDER}/sendmail.mc": mc}))
    text = None if expanded is None else own_cf(expanded, sink)
    assert text is not None, list(map(str, sink))
    return text.decode("latin-1")


class Site:
    """The machine of the cases, in a folder."""

    def __init__(self, place: Path, base: str = BASE, mc: str = MC) -> None:
        self.folder = place / FOLDER[1:]
        self.base, self.mc = base, mc
        self._bench = Bench(place, files=FILES, passwd=PASSWD, host=HOST)
        (place / "etc/hosts").write_text(HOSTS)
        for name, text in TABLES.items():
            pairs = [line.split("\t", 1) for line in text.splitlines()]
            file = place / FOLDER[1:] / f"{name}.db"
            with file.open("xb") as output:
                write_hash(output, [key.lower().encode() for key, _ in pairs], [value.encode() for _, value in pairs])
            file.chmod(0o644)

    @contextmanager
    def daemon(self, case: dict[str, Any]) -> Iterator[ClientsDaemon]:
        text = self.base + (case["text"] or "") if case["mc"] is None else own_text(case["mc"], self.mc)
        if case.get("daemon"):
            text += f"O DaemonPortOptions=Port=2525, Name=MTA{case['daemon']}\n"
        root = self._bench.root
        book = self._bench.book(text, Problems(lambda problem: None))
        policy = SendmailPolicy(book, DiskRecipientsWorld(root, machine=self._bench.machine))
        lines = secure(policy, root)
        served = by_daemon(policy).get("MTA", policy)
        daemon = ClientsDaemon(served, FileWorld(root, trace=False), root, lines)
        try:
            yield daemon
        finally:
            daemon.stop()
