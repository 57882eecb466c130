"""sendmail's configuration served in the foreground: ``sendmail -bD``, and ``mailconf serve`` on an /etc/mail."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from mailconf.files import Root, Tree
    from mailconf.model.letter import Handing, Letter, Peer
    from mailconf.model.policy import Policy
    from mailconf.model.transport import AgentKind
    from mailconf.mta.bounce import Bouncer
    from mailconf.mta.identity import Workers
    from mailconf.mta.message import Agent, Context, Job, Message
    from mailconf.mta.personality import Personality
    from mailconf.mta.server import Endpoint, Once, Surroundings
    from mailconf.mta.telling import Settings
    from mailconf.sendmail.policy import SendmailPolicy
    from mailconf.sendmail.policy.recipients_world import RecipientsWorld
    from mailconf.sendmail.rules.book import Rulebook
    from mailconf.sendmail.rules.problems import CfProblem
    from mailconf.sendmail.rules.version import SendmailVersion

EX_OSERR = 71
NEVER = 1e9  # seconds between runs of a queue that nobody runs


_SMTP_PORT = 25
_LOG_LEVEL = 9


def run(
    root: Tree,
    cf: str,
    given: Sequence[str],
    hear: Callable[[CfProblem], object],
    *,
    listen: Sequence[Endpoint] = (),
    ready: Callable[[list[Endpoint]], None] = lambda endpoints: None,
    version: SendmailVersion | None = None,
    every: float | None = None,
    once: Once | None = None,
    quiet: bool = False,
    shared: str = "",
    around: Surroundings | None = None,
) -> int:
    """Serve the configuration in the file ``cf`` until SIGTERM; the exit status.

    given   options of the command line, ``Name=value``
    hear    takes what is wrong with the configuration
    listen  where, in the place of DaemonPortOptions
    ready   gets the bound addresses
    version of sendmail, whose words are meant
    every   seconds between runs of the queue
    once    listen nowhere, attempt this of the queue once, and end
    quiet   the log is the system's, in the place of standard error
    shared  where the queue of several machines is
    around  who has started the daemon, and who reads its log and its figures
    """
    from mailconf.files import Root
    from mailconf.model.fileworld import FileWorld
    from mailconf.mta.journal import LogEvent, write
    from mailconf.mta.log import log_at
    from mailconf.mta.queue import QueueError
    from mailconf.mta.server import BrokenConfiguration, Policies, Server, Surroundings
    from mailconf.mta.server import run as serve
    from mailconf.sendmail.rules.problems import Stopped

    if not isinstance(root, Root):
        raise TypeError("a daemon runs on the disk")
    if once is not None:
        every = NEVER
    try:
        policy = _timed(compiled(root, cf, given, hear, version), every)
    except Stopped as stopped:
        return stopped.status
    around = around or Surroundings()
    place = "syslog" if quiet else around.log
    log = log_at(place, root.path(place), hostname=policy.hostname, name="sendmail")
    words = personality(policy, root)
    first = [policy]
    around = around._replace(sockets=[(_daemon(policy, *each), each[1]) for each in around.sockets])

    def note(event: LogEvent, **facts: object) -> None:
        write(words.journal, event, facts, log, around.events)

    def compile() -> Policies:
        try:
            main = first.pop() if first else _timed(compiled(root, cf, given, hear, version), every)
        except Stopped as stopped:
            raise BrokenConfiguration(f"{cf} cannot be read: status {stopped.status}") from stopped
        for line in secure(main, root):
            note(LogEvent.FINDING, text=line)
        return Policies(main, personality(main, root), {} if listen else by_daemon(main))

    for text in unserved(policy, os.geteuid()):
        note(LogEvent.FINDING, text=f"{cf}: {text}")
    server = Server(
        compile,
        lambda: FileWorld(root, trace=False),
        [] if once is not None or (around.sockets and not listen) else list(listen) or endpoints(policy),
        log=log,
        root=root,
        ready=ready,
        agents=lambda context, workers: mailers(context, root, workers),
        once=once,
        shared=shared,
        around=around,
    )
    try:
        serve(server)
    except (BrokenConfiguration, QueueError, OSError) as failure:
        note(LogEvent.FATAL, error=failure)
        return EX_OSERR
    return 0


def secure(policy: SendmailPolicy, root: Root) -> tuple[str, ...]:
    """Have the TLS ready that clients are offered; what the log is to have about it."""
    from mailconf.mta.tls import takes_any
    from mailconf.sendmail.policy.keys import server_tls
    from mailconf.sendmail.policy.logins import count, logins

    found = server_tls(policy.compiled.book, root)
    policy.site.tls = found.tls
    policy.site.logins, told = logins(policy.compiled.book, root, policy.hostname)
    policy.site.protocol = policy.site.protocol._replace(logins=count(policy.site.logins) + 1)
    lines = [*found.lines, *told]
    if found.lacking:
        lines.append(f"STARTTLS is not served: {found.lacking}")
    if found.tls is not None and found.tls.ask and not takes_any():
        lines.append("clients are not asked for a certificate: pyOpenSSL is not installed")
    return tuple(lines)


def by_daemon(policy: SendmailPolicy) -> dict[str, Policy]:
    """The policy for each daemon of DaemonPortOptions, by its name."""
    found: dict[str, Policy] = {}
    for service in policy.site.listeners:
        keys = {key[:1].upper(): value for key, value in service.overrides.items()}
        found.setdefault(service.name, policy.wrapped() if "s" in keys.get("M", "") else policy)
    return found


def mailers(context: Context, root: Root, workers: Workers) -> dict[AgentKind, Agent]:
    """The agents of the mailers that are programs and files."""
    from mailconf.model.transport import AgentKind
    from mailconf.model.world import Ask
    from mailconf.mta.sendmail_files import FileMailers
    from mailconf.mta.sendmail_mailers import ProgramMailers, letter_of
    from mailconf.mta.smtp_client import SmtpAgent
    from mailconf.sendmail.mailing.handing import completed, handings, spoken_to

    async def plan(policy: Policy, letter: Letter, transport: str, ask: Ask) -> list[Handing]:
        return await handings(cast("SendmailPolicy", policy), letter, transport, ask)

    async def complete(job: Job) -> bytes:
        return await completed(cast("SendmailPolicy", job.policy), letter_of(job), job.transport, Ask(job.world))

    async def peer(job: Job) -> Peer | None:
        return await spoken_to(cast("SendmailPolicy", job.policy), letter_of(job), job.transport, Ask(job.world))

    for agent in context.agents.values():
        if isinstance(agent, SmtpAgent):
            agent.complete, agent.peer = complete, peer
    files = FileMailers(context, root, plan, workers)
    return {AgentKind.PIPE: ProgramMailers(context, root, plan), AgentKind.FILE: files}


def _timed(policy: SendmailPolicy, every: float | None) -> SendmailPolicy:
    if every is not None:
        policy.site.limits = policy.site.limits._replace(queue_run_delay=every)
    return policy


def compiled(
    root: Tree,
    cf: str,
    given: Sequence[str],
    hear: Callable[[CfProblem], object],
    version: SendmailVersion | None = None,
) -> SendmailPolicy:
    """The Policy of a .cf. Raises Stopped where sendmail would not run."""
    from mailconf.sendmail.policy import SendmailPolicy
    from mailconf.sendmail.policy.filters import refuse_undefined
    from mailconf.sendmail.rules.load import load
    from mailconf.sendmail.rules.problems import Problems
    from mailconf.sendmail.rules.version import DEFAULT

    meant = version or DEFAULT
    book = load(root, cf, Problems(hear), mode="d", runs=root.is_real, given=given, version=meant)
    refuse_undefined(book, hear)
    return SendmailPolicy(book, recipients_world(root, book), hear=hear)


def unserved(policy: SendmailPolicy, user: int = 0) -> list[str]:
    """What the configuration asks for and is not done with the rights of ``user``, each in a line for the log."""
    from mailconf.model.world import run as run_now
    from mailconf.sendmail.policy.hosts_access import DAEMON, unheeded
    from mailconf.sendmail.rules.problems import Problems, number
    from mailconf.smtp.sasl_server import MECHANISMS

    book = policy.compiled.book
    found = []
    unknown = [name for name in book.options.get("AuthMechanisms", "").split() if name.upper() not in MECHANISMS]
    if unknown:
        found.append(f"AuthMechanisms: {' '.join(unknown)} is not served: nobody logs in by it")
    if number(book.options.get("RefuseLA", "0")) > 0:
        found.append("RefuseLA is not served: connections are taken under any load")
    ruleset = book.number("check_compat", Problems(lambda problem: None))
    if ruleset is not None and book.rulesets[ruleset]:
        found.append("ruleset check_compat is not asked when mail is delivered")
    found += _unrun(policy, user)
    return [*found, *run_now(unheeded(policy.compiled.files, DAEMON))]


def _unrun(policy: SendmailPolicy, user: int) -> list[str]:
    """The mailers whose mail waits: there is no such program, or it cannot be run with the rights of ``user``."""
    from mailconf.files import Root

    found: list[str] = []
    machine = Root()
    programs = [each for each in policy.site.transports.values() if each.program.startswith("/")]
    programs = [each for each in programs if not each.name.startswith("*")]
    lacking = [mailer for mailer in programs if not machine.is_file(mailer.program)]
    found += [f"mailer {mailer.name} waits: there is no program {mailer.program}" for mailer in lacking]
    if user and programs:
        names = ", ".join(sorted(each.name for each in programs))
        found.append(f"mail for others than user {user} waits: only root runs programs as somebody else ({names})")
    return found


def recipients_world(root: Tree, book: Rulebook) -> RecipientsWorld:
    """What answers rulesets and the recipients' side over this machine."""
    from mailconf.sendmail.policy.recipients_disk import DiskRecipientsWorld

    return DiskRecipientsWorld.of_machine(root, book.options)


def endpoints(policy: SendmailPolicy) -> list[Endpoint]:
    """Where DaemonPortOptions listens; port 25 of every address where it says nothing."""
    found: list[Endpoint] = []
    for service in policy.site.listeners:
        keys = {key[:1].upper(): value for key, value in service.overrides.items()}
        port, family = keys.get("P", "smtp"), keys.get("F", "inet").lower()
        if family not in ("inet", "inet6"):
            continue
        number = int(port) if port.isascii() and port.isdigit() else _service(port)
        found.append((keys.get("A", "::" if family == "inet6" else "0.0.0.0"), number, service.name))
    return found or [("0.0.0.0", _SMTP_PORT, "MTA")]


def _daemon(policy: SendmailPolicy, name: str, made: socket.socket) -> str:
    """The daemon that a socket is for which was there already: that of its name, that of its port, or the first."""
    places = endpoints(policy)
    port = made.getsockname()[1]
    found = [service for _, _, service in places if service == name]
    found += [service for _, number, service in places if number == port]
    return [*found, places[0][2]][0]


def _service(name: str) -> int:
    try:
        return socket.getservbyname(name, "tcp")
    except OSError:
        return _SMTP_PORT


def personality(policy: SendmailPolicy, root: Tree | None = None) -> Personality:
    """sendmail's words, its log, its reports, and its way to read commands."""
    from mailconf.mta.journal_sendmail import SendmailJournal
    from mailconf.mta.personality import Personality
    from mailconf.mta.queue_ids import DateIds
    from mailconf.mta.reports_sendmail import SendmailReports
    from mailconf.sendmail.policy.received import ReceivedField
    from mailconf.smtp.server_sendmail import SendmailConnection
    from mailconf.smtp.wording_sendmail import SendmailWording

    wording = SendmailWording(policy.hostname, policy.site.limits.message_size)
    journal = SendmailJournal(policy.compiled.settings.number("LogLevel", _LOG_LEVEL))
    settings = report_settings(policy, root)
    return Personality(
        wording,
        journal,
        SendmailReports(settings),
        ReceivedField(policy.compiled),
        SendmailConnection,
        DateIds(),
        early_ids=True,
        bouncer=lambda context: _bouncer(context, settings),
    )


def _bouncer(context: Context, settings: Settings) -> Bouncer:
    from mailconf.model.letter import Letter
    from mailconf.model.world import Ask
    from mailconf.mta.bounce_sendmail import SendmailBounce
    from mailconf.mta.reports_sendmail import written
    from mailconf.sendmail.mailing.handing import returned

    async def restore(message: Message, sender: str) -> bytes:
        now, world = context.world.now(), context.world
        letter = Letter(message.queue_id, message.sender, (), message.content, message.arrival, now, message.session)
        letter = letter._replace(full_name=message.full_name, is_report=bool(message.report))
        policy = cast("SendmailPolicy", context.policy)
        return await returned(policy, letter, sender, Ask(world), tried=message.tried)

    return SendmailBounce(context, settings, written, restore)


def report_settings(policy: SendmailPolicy, root: Tree | None) -> Settings:
    """What the configuration says of reports. Without ``root`` no file of theirs is read."""
    from mailconf.model.peer import peer_of
    from mailconf.mta.telling import Settings
    from mailconf.sendmail.mailing.report_header import header_of

    book, options = policy.compiled.book, policy.compiled.book.options
    mailers = {mailer.name: mailer for mailer in book.mailers.values()}

    def types(name: str) -> tuple[str, str, str]:
        found = mailers.get(name)
        mta, addresses, diagnoses = found.types if found is not None else (None, None, None)
        return mta or "", addresses or "rfc822", diagnoses or ""

    def local(name: str) -> bool:
        found = mailers.get(name)
        return found is None or found.has("l")

    def peer(message: Message) -> str:
        return "localhost" if message.session is None else peer_of(message.session).text

    privacy = {word.strip().lower() for word in options.get("PrivacyOptions", "").split(",")}
    return Settings(
        policy.hostname,
        peer,
        types,
        local,
        options.get("DoubleBounceAddress", "postmaster"),
        options.get("PostmasterCopy", ""),
        options.get("SendMimeErrors", "True")[:1].lower() in ("t", "y", "1", ""),
        header_of(book, root),
        "nobodyreturn" not in privacy,
    )
