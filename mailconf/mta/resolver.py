"""DNS for the MTA: dnspython's asynchronous resolver, with "absent" and "could not answer" kept apart.

Host names of /etc/hosts come first, as nsswitch.conf has it nearly everywhere. Nothing here raises, and nothing takes
longer than ``timeout`` seconds a question: a machine without DNS gets FAILED. Names in other letters than ASCII are
asked for in their A-labels (`mailconf.domain_names`); what is no host name does not exist, and no server is asked.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING

from mailconf.domain_names import DomainNameError, comparable, to_ascii
from mailconf.hosts_file import HostsFile, in_protocols
from mailconf.model.fileworld import listed
from mailconf.model.session import NO_NAME, NameOutcome, Verified
from mailconf.model.world import Outcome, Records
from mailconf.smtp.path import valid_hostname

if TYPE_CHECKING:
    import dns.asyncresolver
    import dns.rdata

_AT_ONCE = struct.pack("ii", 1, 0)  # of SO_LINGER: what is unsent is dropped, and the connection reset


class Resolver:
    """Answers `mailconf.model.world.Records`.

    nameservers  addresses, optionally with a port; None: those of /etc/resolv.conf
    hosts        the hosts file, None: there is none
    transitional how names are translated, see `mailconf.domain_names.to_ascii`; it may be set at any time
    """

    def __init__(
        self,
        *,
        timeout: float = 10.0,
        nameservers: list[tuple[str, int]] | None = None,
        hosts: HostsFile | None = None,
    ) -> None:
        self.transitional = False
        self._timeout = timeout
        self._nameservers = nameservers
        self._dns: dns.asyncresolver.Resolver | None = None
        self._hosts = hosts

    async def hosts(self, name: str) -> Records:
        """What the hosts file has for ``name``."""
        if self._hosts is None:
            return Records(Outcome.ABSENT)
        return await asyncio.to_thread(listed, self._hosts, name)  # it may have to be read

    async def _names(self, address: str) -> tuple[str, ...]:
        """The names that the hosts file has for an address. Raises OSError."""
        if self._hosts is None:
            return ()
        return (await asyncio.to_thread(self._hosts.read)).names(address)

    def spelled(self, name: str) -> str:
        """``name`` as the DNS is asked for it and as smtp(8) logs it; as it is when there is no such form."""
        try:
            return to_ascii(name, transitional=self.transitional)
        except DomainNameError:
            return name

    async def query(self, name: str, kind: str) -> Records:
        """The records of type ``kind``; MX sorted by preference (RFC 5321 5.1), names without their trailing dot."""
        import dns.exception
        import dns.resolver

        name = self.spelled(name)
        if not valid_hostname(name):
            return Records(Outcome.ABSENT, nxdomain=True, reason="invalid host or domain name")
        try:
            if self._dns is None:
                self._dns = self._resolver()
            async with asyncio.timeout(self._timeout):
                answer = await self._dns.resolve(name, kind, search=False)
        except dns.resolver.NXDOMAIN:
            return Records(Outcome.ABSENT, nxdomain=True)
        except dns.resolver.NoAnswer:
            return Records(Outcome.ABSENT)
        except (TimeoutError, dns.exception.Timeout):
            return Records(Outcome.FAILED, reason="timeout")
        except (dns.exception.DNSException, OSError, UnicodeError, ValueError) as error:
            return Records(Outcome.FAILED, reason=" ".join(str(error).split()) or type(error).__name__)
        values = [_text(record, kind) for record in answer]
        if kind == "MX":
            values.sort(key=lambda value: int(value.partition(" ")[0]))
        ttl = answer.rrset.ttl if answer.rrset is not None else None
        owner = answer.canonical_name.to_text(omit_final_dot=True)
        return Records(Outcome.FOUND, tuple(values), ttl=ttl, owner=owner)

    def _resolver(self) -> dns.asyncresolver.Resolver:
        import dns.asyncresolver
        import dns.nameserver

        resolver = dns.asyncresolver.Resolver(configure=self._nameservers is None)
        if self._nameservers is not None:
            resolver.nameservers = [dns.nameserver.Do53Nameserver(host, port) for host, port in self._nameservers]
        resolver.lifetime = self._timeout
        return resolver

    async def addresses(self, host: str, *, ipv4: bool = True, ipv6: bool = True) -> Records:
        """The addresses of ``host``, hosts file first, IPv4 before IPv6; an address is its own answer."""
        with suppress(ValueError):
            return Records(Outcome.FOUND, (str(ip_address(host)),))
        near = await self.hosts(comparable(host.rstrip("."), transitional=self.transitional))
        if near.outcome is Outcome.FAILED:
            return near
        known = in_protocols(near.values, ipv4=ipv4, ipv6=ipv6)
        if known:
            return Records(Outcome.FOUND, tuple(dict.fromkeys(sorted(known, key=lambda a: ":" in a))))
        kinds = [kind for kind, wanted in (("A", ipv4), ("AAAA", ipv6)) if wanted]
        return _joined(await asyncio.gather(*(self.query(host, kind) for kind in kinds)))

    async def client_names(self, address: str) -> tuple[Verified, Verified]:
        """The name that leads back to the address, and what PTR gives (postconf(5) smtpd_peername_lookup)."""
        try:
            ip = ip_address(address)
        except ValueError:
            return NO_NAME, NO_NAME
        try:
            names = await self._names(str(ip))
        except OSError:
            return Verified.unknown(NameOutcome.FAILED), Verified.unknown(NameOutcome.FAILED)
        if not names and ip.is_loopback:
            return Verified.found("localhost"), Verified.found("localhost")
        if not names:
            pointers = await self.query(ip.reverse_pointer, "PTR")
            if pointers.outcome is Outcome.FAILED:
                return Verified.unknown(NameOutcome.FAILED), Verified.unknown(NameOutcome.FAILED)
            names = pointers.values
        if not names or not valid_hostname(names[0]):
            return NO_NAME, NO_NAME
        reverse = Verified.found(names[0])
        forward = await self.addresses(names[0])
        if str(ip) in forward.values:
            return reverse, reverse
        failed = forward.outcome is Outcome.FAILED
        return Verified.unknown(NameOutcome.FAILED if failed else NameOutcome.FORGED), reverse


def _joined(answers: Sequence[Records]) -> Records:
    """The answers for several types as one: what was found, else a failure if there is one."""
    values = tuple(value for answer in answers for value in answer.values)
    if values:
        return Records(Outcome.FOUND, values)
    failed = [answer for answer in answers if answer.outcome is Outcome.FAILED]
    return failed[0] if failed else answers[0]


def _text(record: dns.rdata.Rdata, kind: str) -> str:
    if kind == "TXT":
        first: bytes = record.strings[0]  # type: ignore[attr-defined]
        return first.decode("utf-8", "surrogateescape")
    return str(record.to_text()).rstrip(".")


def numeric_host(address: str) -> str:
    """An address as logs show it: without an IPv6 zone, IPv4 in IPv6 as IPv4."""
    with suppress(ValueError):
        ip = ip_address(address.partition("%")[0])
        mapped = getattr(ip, "ipv4_mapped", None)
        return str(mapped or ip)
    return address


def reset(transport: asyncio.Transport) -> None:
    """Refuse a connection that has come already: its client finds it reset, as where nobody listens any more."""
    made = transport.get_extra_info("socket")
    if made is not None:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    transport.abort()


def peer(transport_info: object) -> tuple[str, str]:
    """Address and port of a socket's peername or sockname; a UNIX socket is ("127.0.0.1", "")."""
    if isinstance(transport_info, tuple) and len(transport_info) >= 2:
        return numeric_host(str(transport_info[0])), str(transport_info[1])
    return socket.inet_ntoa(socket.INADDR_LOOPBACK.to_bytes(4, "big")), ""
