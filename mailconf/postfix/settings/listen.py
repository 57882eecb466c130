"""Where the smtpd services of master.cf listen: master(5) "Service name", postconf(5) inet_interfaces, inet_protocols.

A service's name is ``port``, ``:port`` or ``host:port``, the port a number or a name (`mailconf.ports`). With a host it
listens on the host's addresses, otherwise on those that inet_interfaces names, in the families of inet_protocols.
``all`` interfaces are the wildcard address of each family that the machine has.

Departure: a port above 65535 is an error; master(8) takes it modulo 65536.
"""

from __future__ import annotations

import socket
from typing import NamedTuple

from mailconf.diagnostics import Sink, error, warning
from mailconf.domain_names import for_resolver
from mailconf.edits import Fix, misspelled, swapped
from mailconf.model.site import Service, Site
from mailconf.ports import read_known
from mailconf.postfix.settings.configuration import Configuration
from mailconf.smtp.nexthop import MAIL_PORTS
from mailconf.source import Span

PF014 = error("PF014", "a service's port is unknown")
"""Why: master(8) stops where it does not find the port of a service, and no service runs.

Example:
    # master.cf
    submision inet n - n - - smtpd

Remedy: write the number, or define the name in known_tcp_ports or /etc/services.

Source: master(5), "Service name"; postconf(5) known_tcp_ports; observed with Postfix 3.7.11.
"""

PF235 = warning("PF235", "an entry of known_tcp_ports has no effect")
"""Why: an entry of known_tcp_ports that is not name = number has no effect, and a service of that name has no port.
Postfix warns of it each time that a program starts.

Example:
    # main.cf
    known_tcp_ports = smtp=25, submission

Remedy: write name = number, and commas between the entries.

Source: postconf(5) known_tcp_ports, there since Postfix 3.6; observed with Postfix 3.7.11.
"""

PF015 = error("PF015", "a service or inet_interfaces names a host that has no address here")
"""Why: the service cannot listen: its host has no address in the families of inet_protocols. master(8) stops.

Example:
    # main.cf
    inet_protocols = ipv6
    # master.cf
    127.0.0.1:2525 inet n - n - - smtpd

Remedy: name a host or an address of the machine, of a family that inet_protocols has.

Source: master(5), "Service name"; postconf(5) inet_interfaces, inet_protocols; observed with Postfix 3.7.11.
"""

_LIST_HINT = "write name = number, and commas between the entries"
_PORT_HINT = "write its number, or define the name in known_tcp_ports or /etc/services"
MOST_FAULTS = 100  # entries of known_tcp_ports that are reported
MOST_UNKNOWN = 10  # hosts of inet_interfaces without an address, after which no other one is asked for
_FAMILIES = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
_WILDCARD = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}
_LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


class Endpoint(NamedTuple):
    """An address to listen on, and the name of the service that answers there."""

    host: str
    port: int
    service: str


def endpoints(configuration: Configuration, site: Site, sink: Sink) -> list[Endpoint]:
    """The addresses of ``site``'s listeners, in the order of master.cf; a listener without one is reported."""
    families = _families(configuration)
    found: dict[Endpoint, None] = {}
    everywhere: list[str] | None = None
    for service in site.listeners:
        host, _, port_name = service.address.rpartition(":")
        port = configuration.ports.number(port_name)
        if port is None:
            message = f'the port "{port_name}" of service {service.address} is not known'
            sink.report(
                PF014,
                message,
                _place(service),
                hint=_PORT_HINT,
                fix=_port_fix(service, port_name),
            )
            continue
        if host:
            addresses = _own_addresses(service, host, families, sink)
        else:
            everywhere = _addresses(configuration, families, sink) if everywhere is None else everywhere
            addresses = everywhere
        found |= dict.fromkeys(Endpoint(address, port, service.address) for address in addresses)
    return list(found)


def report_known_ports(configuration: Configuration, sink: Sink) -> None:
    """Report what Postfix's programs warn of in known_tcp_ports (PF235): in main.cf, and below a service's ``-o``."""
    found = _known_port_faults(configuration)
    everywhere = configuration.value("known_tcp_ports")
    for service in configuration.services:
        if len(found) < MOST_FAULTS and service.overrides:
            view = configuration.for_service(service)
            if view.value("known_tcp_ports") != everywhere:
                found |= _known_port_faults(view)
    for message, span in list(found)[:MOST_FAULTS]:
        sink.report(PF235, message, span, hint=_LIST_HINT)


def _known_port_faults(view: Configuration) -> dict[tuple[str, Span | None], None]:
    """The messages and their places, at most MOST_FAULTS, of the list as main.cf or one service has it."""
    value = view.value("known_tcp_ports")
    as_written = value == view.raw("known_tcp_ports")
    found: dict[tuple[str, Span | None], None] = {}
    for fault in read_known(value)[1][:MOST_FAULTS]:
        place = (fault.start, fault.end) if as_written else (0, None)
        found[f"known_tcp_ports: {fault}", view.place("known_tcp_ports", *place)] = None
    return found


def _families(configuration: Configuration) -> list[socket.AddressFamily]:
    """Those that inet_protocols allows and the machine has, IPv4 first."""
    words = configuration.words("inet_protocols")
    allowed = [f for name, f in _FAMILIES.items() if name in words or "all" in words or not words]
    return [family for family in allowed if _usable(family)]


def _usable(family: socket.AddressFamily) -> bool:
    try:
        with socket.socket(family) as probe:
            probe.bind((_WILDCARD[family], 0))
    except OSError:
        return False
    return True


def _place(service: Service) -> Span | None:
    return service.front.span if service.front else service.span


def _port_fix(service: Service, port: str) -> Fix:
    """The edit by which the misspelled name of a mail port becomes that name; in known_tcp_ports it stands as it is."""
    near = misspelled(port, MAIL_PORTS)
    at = len(service.address) - len(port)
    if service.front or not near or service.span is None or not service.span.text.startswith(service.address):
        return ()
    return swapped(service.span, port, near, at)


def _own_addresses(service: Service, host: str, families: list[socket.AddressFamily], sink: Sink) -> list[str]:
    """Those of the host in a service's name."""
    addresses = _resolved(host, families)
    if not addresses:
        message = f"the host of service {service.address} has no address of inet_protocols"
        sink.report(PF015, message, _place(service), hint="see master(5) and postconf(5) inet_protocols")
    return addresses


def _addresses(configuration: Configuration, families: list[socket.AddressFamily], sink: Sink) -> list[str]:
    """Those of inet_interfaces."""
    words = configuration.words("inet_interfaces")
    if words in (["all"], ["loopback-only"]):
        table = _WILDCARD if words == ["all"] else _LOOPBACK
        return [table[family] for family in families]
    addresses = []
    left = MOST_UNKNOWN
    for word in dict.fromkeys(words):
        if not left:
            break
        resolved = _resolved(word, [*_FAMILIES.values()])
        addresses += [a for a in resolved if (socket.AF_INET6 if ":" in a else socket.AF_INET) in families]
        if not resolved:
            left -= 1
            span = configuration.place("inet_interfaces")
            message = f'inet_interfaces: the host "{word}" has no address'
            sink.report(PF015, message, span, hint="name a host or an address of this machine")
    return list(dict.fromkeys(addresses))


def _resolved(host: str, families: list[socket.AddressFamily]) -> list[str]:
    name = host.removeprefix("[").removesuffix("]")
    try:
        found = socket.getaddrinfo(for_resolver(name), None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(address[0]) for family, _, _, _, address in found if family in families))
