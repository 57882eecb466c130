"""``mailconf serve DIR``: run the configuration in the reference MTA."""

from __future__ import annotations

import gc
import os
import socket
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from mailconf.cli.own.site import Loaded, directory_option, is_etc_mail, load_site, root_option, version_option
from mailconf.cli.shared.report import plain, show
from mailconf.diagnostics import Severity, Sink, error
from mailconf.files import Root

if TYPE_CHECKING:
    from mailconf.mta.server import Endpoint, Policies, Surroundings

Listen = tuple[str, int, str | None]  # host, port, service

_COLLECTOR = (700, 10, 10)  # the interpreter's own: this is no short run

FS002 = error("FS002", "there is nothing to listen on")
"""Why: serve listens where the smtpd services of type inet in master.cf listen, and there is no such service.

Example:
    # /etc/postfix/master.cf
    cleanup unix n - n - 0 cleanup
    $ mailconf serve /etc/postfix

Remedy: name an address with --listen, or define the service in master.cf.

Source: docs/serve.md; master(5).
"""


FS003 = error("FS003", "a socket that was handed over is that of no service")
"""Why: systemd has handed over a listening socket (LISTEN_FDS), and neither its name (FileDescriptorName=) nor its port
is that of a service smtpd of master.cf, so that nobody knows by which settings its clients are served.

Example:
    a mailconf.socket with ListenStream=2525, where no service of master.cf listens on port 2525.

Remedy: define the service in master.cf, name an existing one by FileDescriptorName=, or take the address out of the
socket unit.

Source: docs/deploy.md; sd_listen_fds(3), systemd.socket(5).
"""


@click.command()
@directory_option
@root_option
@click.option(
    "--listen",
    "addresses",
    multiple=True,
    metavar="HOST:PORT[=SERVICE]",
    help="Listen here instead of at the places in master.cf, for the smtpd service of that name there (a port, too), "
    "without a name for that of port 25; may be given several times. Port 0 is a free port.",
)
@version_option
@click.option(
    "--sendmail-version",
    metavar="V",
    help="The sendmail whose words are meant (8.18): without, MAILCONF_SENDMAIL_VERSION, the installed one, or 8.17.",
)
@click.option(
    "--queue",
    default="",
    metavar="URI",
    help="The queue of several machines, in a PostgreSQL database: postgresql://HOST/DATABASE, or what else libpq "
    "takes; a password belongs in ~/.pgpass.",
)
@click.option(
    "--metrics",
    metavar="[HOST:]PORT",
    help="Serve figures for Prometheus there (http://HOST:PORT/metrics); without a host on 127.0.0.1 alone.",
)
@click.option(
    "--log",
    "place",
    default="stderr",
    show_default=True,
    metavar="PLACE",
    help="Where the log goes: stderr, syslog, or a file that is appended to (below --root).",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="text: the lines of the original; json: an object a line for each event, with those lines in it.",
)
def command(
    directory: str,
    root: str,
    addresses: tuple[str, ...],
    postfix_version: str | None,
    sendmail_version: str | None,
    queue: str,
    metrics: str | None,
    place: str,
    log_format: str,
) -> None:
    """Serve SMTP by the configuration in DIR, Postfix's or sendmail's, with the maps that were built from it.

    SIGTERM ends it when the transactions under way are done, SIGQUIT at once; SIGHUP reads the configuration anew, and
    a broken one leaves the running one in force. Each smtpd service of master.cf has its own -o overrides in force.
    Sockets that systemd hands over are listened at in the place of those of master.cf. Exit status: 0 ended as asked,
    1 the configuration is broken or cannot be served, 2 misuse, or there is no configuration.
    """
    gc.set_threshold(*_COLLECTOR)
    gc.freeze()
    listen = [_address(text) for text in addresses]
    sink = Sink()
    tree = Root(root)
    around = _surroundings(metrics, log_format, tree, place)
    folder = tree.path(directory)
    if is_etc_mail(folder, tree) and not tree.is_file(folder / "main.cf"):
        sys.exit(_serve_etc_mail(directory, tree, listen, sendmail_version, queue, around))
    loaded = load_site(directory, tree, sink, version=postfix_version)
    endpoints: list[Endpoint] = []
    if loaded is not None:
        around = around._replace(sockets=_named(around.sockets, loaded, sink))
        endpoints = _endpoints(listen, loaded, sink, handed=bool(around.sockets))
    if loaded is None or sink.failed:
        show(sink)
        sys.exit(2 if loaded is None else 1)
    sys.exit(_serve(directory, tree, endpoints, loaded, postfix_version, queue, around))


def _surroundings(metrics: str | None, log_format: str, tree: Root, log: str) -> Surroundings:
    """Who has started this process, and who reads its log and its figures. Raises click's BadParameter, UsageError."""
    from mailconf.mta.readiness import BadSockets, Supervisor, handed_over
    from mailconf.mta.server import Surroundings

    place = None
    if metrics is not None:
        host, port, service = _address(metrics if ":" in metrics else f":{metrics}", "--metrics")
        if service is not None:
            raise click.BadParameter(f"{metrics} is not HOST:PORT", param_hint="--metrics")
        if find_spec("prometheus_client") is None:
            raise click.UsageError("--metrics needs a package: pip install 'mailconf[metrics]'")
        place = ("127.0.0.1" if metrics.rpartition(":")[0] == "" else host, port)
    events = None
    try:
        file = None if log in ("stderr", "syslog") else tree.path(log).open("ab", buffering=0)
    except OSError as failure:
        raise click.UsageError(f"--log {log}: {failure.strerror}") from failure
    if log_format == "json":
        from mailconf.mta.event_log import EventLog

        if log == "syslog":
            raise click.UsageError("--log-format json is for standard error, or for a file")
        events = EventLog(hostname=socket.gethostname(), write=None if file is None else file.write).event
    elif file is not None:
        file.close()
    try:
        handed = handed_over()
    except BadSockets as failure:
        raise click.UsageError(str(failure)) from failure
    sockets = [(each.name, each.socket) for each in handed]
    return Surroundings(events, place, Supervisor.of_environment(), sockets, log)


def _serve_etc_mail(
    directory: str, root: Root, listen: list[Listen], named: str | None, queue: str, around: Surroundings
) -> int:
    """Serve the sendmail.cf in an /etc/mail; the exit status."""
    from mailconf.cli.shared.sendmail_daemon import run
    from mailconf.mta.journal import LogEvent
    from mailconf.sendmail.rules.problems import CfProblem
    from mailconf.sendmail.rules.version import chosen_version

    try:
        version = chosen_version(root, named)
    except ValueError as mistake:
        raise click.UsageError(str(mistake)) from mistake
    cf = f"{root.inside(root.path(directory).absolute()).rstrip('/')}/sendmail.cf"
    if not root.is_file(cf):
        raise click.UsageError(f"{cf} is not there; mailconf build {directory} makes it of sendmail.mc")

    def hear(problem: CfProblem) -> None:
        line = problem.line()
        if around.events is None:
            click.echo(line, err=True)
        else:
            finding = LogEvent.FINDING
            around.events(finding, {"text": line}, [("sendmail", line)])

    places = [(host, port, service or "MTA") for host, port, service in listen]

    status = run(root, cf, (), hear, listen=places, version=version, shared=queue, around=around)
    return 1 if status else 0


def _named(sockets: Sequence[tuple[str, socket.socket]], loaded: Loaded, sink: Sink) -> list[tuple[str, socket.socket]]:
    """The sockets that were handed over, each with its service: that of its name, or else that of its port."""
    from mailconf.postfix.settings.listeners import all_smtpds, called, label

    services, ports = all_smtpds(loaded.configuration), loaded.configuration.ports
    found = []
    for name, each in sockets:
        host, port = each.getsockname()[:2]
        service = called(services, name, ports) or called(services, str(port), ports)
        if service is not None:
            found.append((label(service), each))
            continue
        message = f"the socket {name or '(without a name)'} at port {port} of {host} is that of no smtpd service"
        hint = "give it the name of one (FileDescriptorName= of the socket unit)"
        sink.report(FS003, message, hint=hint, file=loaded.configuration.path("master.cf"), tree=loaded.root)
    return found


def _endpoints(listen: list[Listen], loaded: Loaded, sink: Sink, *, handed: bool = False) -> list[Endpoint]:
    """Where to listen: at the places of the command line or, without any, at those of master.cf.

    handed  there are sockets already: in the place of those of master.cf
    """
    from mailconf.postfix.settings.listen import endpoints, report_known_ports
    from mailconf.postfix.settings.listeners import all_smtpds, called, default_service, label, report_missing

    report_known_ports(loaded.configuration, sink)
    report_missing(loaded.configuration, sink)
    if not listen and handed:
        return []
    if not listen:
        found = endpoints(loaded.configuration, loaded.site, sink)
        if not found and not sink.failed:
            file = loaded.configuration.path("master.cf")
            message, hint = "there is no smtpd service of type inet", "name an address by --listen"
            sink.report(FS002, message, hint=hint, file=file, tree=loaded.root)
        return [*found]
    services, ports = all_smtpds(loaded.configuration), loaded.configuration.ports
    chosen: list[Endpoint] = []
    for host, port, name in listen:
        service = default_service(services, ports) if name is None else called(services, name, ports)
        if service is None and name is not None:
            known = ", ".join(dict.fromkeys(each.title for each in services)) or "none"
            message = f"there is no smtpd service {name} in master.cf; there are: {known}"
            raise click.BadParameter(message, param_hint="--listen")
        chosen.append((host, port, label(service) if service else "smtp"))
    return chosen


def _serve(
    directory: str,
    root: Root,
    listen: list[Endpoint],
    first: Loaded,
    version: str | None,
    queue: str,
    around: Surroundings,
) -> int:
    from mailconf.model.fileworld import FileWorld
    from mailconf.mta.journal import LogEvent, write
    from mailconf.mta.journal_postfix import PostfixJournal
    from mailconf.mta.log import log_at
    from mailconf.mta.queue import QueueError
    from mailconf.mta.server import BrokenConfiguration, Server, run
    from mailconf.postfix.policy.codes import PF207

    log = log_at(around.log, root.path(around.log), hostname=first.site.hostname.value, name=first.site.syslog_name)
    journal = PostfixJournal()
    latest = first

    def note(event: LogEvent, **facts: object) -> None:
        write(journal, event, facts, log, around.events)

    def compile() -> Policies:
        nonlocal latest
        sink = Sink()
        loaded = load_site(directory, root, sink, version=version)
        policies = _policies(loaded, sink) if loaded else None
        found = [each for each in dict.fromkeys(sink.sorted()) if each.code != PF207.name]  # serve sends probes
        for line in plain(found):
            note(LogEvent.FINDING, text=line)
        if policies is None or sink.failed:
            count = sum(d.stands_for for d in found if d.severity is Severity.ERROR)
            raise BrokenConfiguration(f"{count} errors in {directory}")
        latest = loaded or latest
        return policies

    def ready(bound: list[Endpoint]) -> None:
        for host, port, service in bound:
            note(LogEvent.LISTENING, host=host, port=port, service=service)
        gc.collect()  # the Policy and the queue stay: the collector need not look at them again and again
        gc.freeze()

    server = Server(
        compile,
        lambda: FileWorld(latest.root, trace=False, ports=latest.site.ports, utf8=latest.site.utf8_tables),
        listen,
        log=log,
        root=root,
        ready=ready,
        shared=queue,
        around=around,
    )
    try:
        run(server)
    except (BrokenConfiguration, QueueError, OSError) as failure:
        note(LogEvent.FATAL, error=failure)
        return 1
    return 0


def _policies(loaded: Loaded, sink: Sink) -> Policies:
    """The Policy of main.cf, and one for each smtpd service, with its overrides."""
    from mailconf.cli.shared.postfix_personality import postfix_personality
    from mailconf.mta.server import Policies
    from mailconf.postfix.policy.policy import PostfixPolicy, compile_policy
    from mailconf.postfix.settings.listeners import all_smtpds, label
    from mailconf.postfix.settings.protocol import report_protocol
    from mailconf.postfix.settings.screening import report_screening
    from mailconf.postfix.settings.unserved import SERVED, report_privileges, report_unserved

    smtpds = all_smtpds(loaded.configuration)
    report_protocol(loaded.configuration, smtpds, sink)
    report_screening(loaded.configuration, smtpds, sink)
    report_unserved(loaded.configuration, smtpds, sink, SERVED)
    report_privileges(loaded.configuration, sink, os.geteuid())
    services: dict[str, PostfixPolicy] = {}  # several postscreens may hand clients to one smtpd
    for s in smtpds:
        services[label(s)] = compile_policy(loaded.configuration, sink, s)
    personality = postfix_personality(loaded.configuration, sink)
    return Policies(compile_policy(loaded.configuration, sink), personality, services)


def _address(text: str, option: str = "--listen") -> Listen:
    """``HOST:PORT``, ``[HOST]:PORT`` or ``:PORT``, with ``=SERVICE`` or without; raises click's BadParameter."""
    address, equals, service = text.partition("=")
    host, colon, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535 or (equals and not service):
        raise click.BadParameter(f"{text} is not HOST:PORT or HOST:PORT=SERVICE", param_hint=option)
    return host or "0.0.0.0", int(port), service or None
