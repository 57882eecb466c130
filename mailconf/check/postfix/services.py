"""master.cf's services: is what they run there, do they listen somewhere, are the ones that main.cf names defined?"""

from __future__ import annotations

from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink, error, warning
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.listen import endpoints, report_known_ports
from mailconf.postfix.settings.listeners import report_missing

CK050 = error("CK050", "a service runs a program that does not exist")
"""Why: master(8) starts the program of a service from $daemon_directory. Where the program is missing, master(8)
tries again at intervals: connections to the service wait, and mail that needs it stays in the queue. This is checked
where Postfix is installed below the root.

Example:
    # master.cf
    scan unix - - n - - smptd

Remedy: correct the last field of the service, or install the package that has the program.

Source: master(5), "Command name + arguments"; postconf(5) daemon_directory.
"""

CK051 = error("CK051", "main.cf names a service that master.cf does not define")
"""Why: a transport or content filter is a service of master.cf. Mail that is routed to one which is not defined is
deferred with "mail transport unavailable" until somebody looks into the log. Where maillog_file is set, the programs
of Postfix hand their log to the service postlog.

Example:
    # main.cf
    content_filter = scan:[127.0.0.1]:10024

Remedy: define the service in master.cf, or name one that is defined; ``postfix upgrade-configuration`` adds postlog.

Source: postconf(5) default_transport, content_filter, maillog_file; master(5).
"""

CK054 = warning("CK054", "a service that Postfix needs is not defined")
"""Why: the servers of Postfix reach each other by the names in master.cf. Without cleanup, qmgr, rewrite, bounce or
defer, mail is not accepted, not delivered or not returned; the parameters ``*_service_name`` give the names, and a slip
there has the same effect.

Example:
    # main.cf
    cleanup_service_name = cleenup

Remedy: define the service in master.cf, as the file that comes with Postfix does, or correct its name in main.cf.

Source: postconf(5) cleanup_service_name, queue_service_name, rewrite_service_name, bounce_service_name,
defer_service_name.
"""


TRANSPORTS = (
    *("default_transport", "local_transport", "relay_transport", "virtual_transport", "error_transport"),
    *("mailbox_transport", "fallback_transport", "content_filter"),
)
# Of a transport that only a default names: the domains whose mail it has; "" for those of other hosts.
_CLASSES = {"local_transport": "mydestination", "virtual_transport": "virtual_mailbox_domains", "default_transport": ""}
NEEDED = (
    *("bounce_service_name", "cleanup_service_name", "defer_service_name", "queue_service_name"),
    "rewrite_service_name",
)
POSTLOG, DATAGRAM = "postlog", "unix-dgram"  # to which every program sends its log where maillog_file is set


def listeners(subject: Subject, sink: Sink) -> None:
    """Report ports and hosts of smtpd services that are not known (PF014, PF015), and postscreens without one."""
    report_known_ports(subject.configuration, sink)
    endpoints(subject.configuration, subject.site, sink)
    report_missing(subject.configuration, sink)


def programs(subject: Subject, sink: Sink) -> None:
    """Each service's program in $daemon_directory, where Postfix is installed."""
    root = subject.root
    folder = root.path(subject.configuration.value("daemon_directory"))
    installed = root.is_folder(folder)
    for service in subject.configuration.services:
        if installed and not root.exists(folder / service.program):
            message = f"the service {service.name} runs {service.program}, which is not in {root.inside(folder)}"
            sink.report(CK050, message, service.span, hint="correct its last field, or install the program")


def named(subject: Subject, sink: Sink) -> None:
    """The services that main.cf's settings name, and those that no Postfix can do without.

    A transport that only a default names may be missing where no mail is delivered that way.
    """
    configuration = subject.configuration
    services = configuration.services
    defined = {service.name for service in services}
    if not defined:
        return
    for name in TRANSPORTS:
        transport = configuration.value(name).partition(":")[0]
        if configuration.is_set(name) and transport and transport not in defined:
            message = f'{name}: master.cf defines no service "{transport}"'
            hint = "define it there, or name one that is defined"
            sink.report(CK051, message, configuration.place(name), hint=hint, cause=transport)
        elif name in _CLASSES and transport and transport not in defined and _is_used(configuration, _CLASSES[name]):
            message = f"{name} is {transport}, the default, and master.cf does not define it"
            hint = f"define {transport} in master.cf, as the file that comes with Postfix does"
            sink.report(CK051, message, configuration.place(name), hint=hint, cause=transport)
    if configuration.value("maillog_file") and not any(s.name == POSTLOG and s.kind == DATAGRAM for s in services):
        message = f'maillog_file: master.cf defines no service "{POSTLOG}" of the type {DATAGRAM}'
        span = configuration.place("maillog_file")
        sink.report(CK051, message, span, hint="run postfix upgrade-configuration")
    if any(service.program in ("smtpd", "pickup", "qmgr") for service in services):
        missing = [name for name in map(configuration.value, NEEDED) if name not in defined]
        if missing:
            message = f"master.cf does not define {', '.join(missing)}, which Postfix needs for every message"
            sink.report(
                CK054,
                message,
                hint="define them there, or correct their names in main.cf",
                file=configuration.path("master.cf"),
                tree=subject.root,
            )


def _is_used(configuration: Configuration, domains: str) -> bool:
    """Whether mail may go to a transport: there are domains of its class, and master.cf is whole (else CK054)."""
    defined = {service.name for service in configuration.services}
    takes = any(service.program in ("smtpd", "pickup", "qmgr") for service in configuration.services)
    return (
        takes
        and defined.issuperset(map(configuration.value, NEEDED))
        and (not domains or bool(configuration.words(domains)))
    )
