"""Which smtpd(8) answers where: the services of master.cf that take mail by SMTP, and the one of port 25.

An smtpd of type inet listens itself. postscreen(8) hands a client that passes its tests to the service that
postconf(5) smtpd_service_name names, ``smtpd`` of type pass by default: whose ``-o`` settings count is that smtpd.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mailconf.diagnostics import Sink, error
from mailconf.model.site import Service
from mailconf.ports import Ports
from mailconf.postfix.settings.configuration import Configuration

PF230 = error("PF230", "postscreen hands clients to a service that master.cf does not define")
"""Why: postscreen hands a client that it has tested to this service. Where master.cf does not define it, no client
gets any further.

Example:
    # master.cf
    2525 inet n - n - 1 postscreen

Remedy: define the service, of type pass, as the master.cf that comes with Postfix does.

Source: postscreen(8); postconf(5) smtpd_service_name; POSTSCREEN_README.
"""

SMTPD, POSTSCREEN = "smtpd", "postscreen"
SMTP_PORT = 25
_LOOPBACK = ("127.", "localhost", "::1")


def listeners(configuration: Configuration) -> list[Service]:
    """The smtpd services that clients can connect to, in the order of master.cf; ``front``: its postscreen."""
    found = []
    for service in configuration.services:
        if service.kind != "inet":
            continue
        if service.program == SMTPD:
            found.append(service)
        elif service.program == POSTSCREEN:
            behind = _behind(configuration, service)
            if behind is not None:
                found.append(behind._replace(front=service))
    return found


def report_missing(configuration: Configuration, sink: Sink) -> None:
    """Report each postscreen whose smtpd is not there (PF230)."""
    for service in configuration.services:
        if service.kind == "inet" and service.program == POSTSCREEN and _behind(configuration, service) is None:
            name = _name_behind(configuration, service)
            message = f'{service.name} runs postscreen, which hands clients to "{name}": master.cf has no such service'
            hint = f"add a line: {name} pass - - y - - smtpd"
            sink.report(PF230, message, service.span, hint=hint)


def _name_behind(configuration: Configuration, service: Service) -> str:
    view = configuration.for_service(service) if service.overrides else configuration
    return view.value("smtpd_service_name")


def _behind(configuration: Configuration, service: Service) -> Service | None:
    name = _name_behind(configuration, service)
    return next((s for s in configuration.services if s.name == name and s.kind == "pass"), None)


def all_smtpds(configuration: Configuration) -> list[Service]:
    """The `listeners`, and the smtpd services that only other programs reach (types pass and unix)."""
    found = listeners(configuration)
    known = {(s.name, s.kind) for s in found}
    others = (s for s in configuration.services if s.program == SMTPD and (s.name, s.kind) not in known)
    return [*found, *others]


def default_service(services: Iterable[Service], ports: Ports) -> Service | None:
    """The smtpd that a stranger's mail comes to: that of port 25, not on loopback; else the first; None without any."""
    found = list(services)
    ranked = sorted(range(len(found)), key=lambda at: (_rank(found[at], ports), at))
    return found[ranked[0]] if ranked else None


def _rank(service: Service, ports: Ports) -> int:
    host, port = _endpoint(service, ports)
    if port != SMTP_PORT:
        # A smtpd of type pass is meant for port 25, even where the line of its postscreen is a comment.
        return 2 if service.kind == "pass" else 3
    return int(host.strip("[]").startswith(_LOOPBACK))


def _endpoint(service: Service, ports: Ports) -> tuple[str, int | None]:
    """(host, port) of a service that listens; ("", None) of others."""
    if (service.front or service).kind != "inet":
        return "", None
    host, _, port = service.address.rpartition(":")
    return host, ports.number(port)


def called(services: Iterable[Service], name: str, ports: Ports) -> Service | None:
    """The one that ``name`` means.

    A service has several names: its own, with or without its type (``smtpd``, ``smtpd/pass``, ``smtp inet``), and those
    of the postscreen before it. Where no service is called so, a port is enough: ``25`` means ``smtp`` and
    ``[::1]:25``, not on loopback if there is a choice.
    """
    found = list(services)
    for service in found:
        if name in _names(service):
            return service
    port = ports.number(name.removeprefix(":"))
    if port is None:
        return None
    return default_service((s for s in found if _endpoint(s, ports)[1] == port), ports)


def label(service: Service) -> str:
    """A name that no other smtpd of a master.cf has: where it listens or, where it does not, ``name/type``."""
    return service.address if (service.front or service).kind == "inet" else f"{service.name}/{service.kind}"


def _names(service: Service) -> Iterator[str]:
    for one in filter(None, (service.front, service)):
        yield from (one.name, f"{one.name}/{one.kind}", f"{one.name} {one.kind}")
