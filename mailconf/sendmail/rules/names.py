"""Host names: their canonical form, and the servers that take a domain's mail.

A name is looked for where ServiceSwitchFile says, usually in the DNS and then in the hosts file. In the DNS a name with
a dot in it is tried as it is first, then with each domain of resolv.conf(5) behind it; one without, only with these.
An alias is followed to its end (DontExpandCnames: not).

Source: Sendmail Installation and Operation Guide 5.2.3, 5.6.4; sendmail 8.17.1.9, ``/canon`` and ``/mx``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from mailconf.model.world import Outcome, Records
from mailconf.sendmail.rules.classes import folded
from mailconf.sendmail.rules.problems import EX_CONFIG, EX_NOHOST, EX_OK, EX_TEMPFAIL, EX_UNAVAILABLE
from mailconf.sendmail.rules.world import REFUSES, SERVFAIL

if TYPE_CHECKING:
    from mailconf.sendmail.rules.asking import Asking
    from mailconf.sendmail.rules.maps import DefinedMap
    from mailconf.sendmail.rules.resolv_conf import Patience

_ALIASES = 10  # that follow each other
_BUCKETS = 2003
NULL = -1  # the domain says that it takes no mail
LONGEST = 256
_NO_QUESTION = "cannot be asked for"  # of a name with an empty or too long label


class Canonical(NamedTuple):
    """A name that was looked for.

    name    the canonical one, "" where none was found
    failed  whether a server could not answer
    tried   the name as it was looked for last, where none was found
    """

    name: str
    failed: bool = False
    tried: str = ""


class Exchangers(NamedTuple):
    """Servers for a domain's mail, the best first, each with a dot at its end if it is a name.

    known   how many; 0 for none, -1 where that is unknown or where the domain takes no mail
    null    whether the domain takes no mail (RFC 7505)
    status  of sysexits.h
    """

    hosts: tuple[str, ...]
    known: int
    null: bool = False
    status: int = EX_OK


async def canonical(
    engine: Asking, host: str, *, mx: bool, search: bool = True, patience: Patience | None = None
) -> Canonical:
    """The canonical name of a host. ``mx``: servers for its mail are enough; ``search``: other domains are tried."""
    failed = False
    for service in await engine.world.services("hosts"):
        found = ""
        if service == "dns":
            name = await _in_dns(engine, host, mx, search, patience)
            failed = failed or name.failed
            found = name.name
            host = name.tried
        elif service == "files":
            found = await _in_hosts(engine, host)
        if found and (engine.macros.get("m") is not None or "." in found):
            return Canonical(_with_domain(engine, found))
    return Canonical("", failed, host)


def _with_domain(engine: Asking, host: str) -> str:
    """The name, with $m behind one that has no domain."""
    dot = host.find(".")
    if 0 <= dot < len(host) - 1:
        return host
    domain = engine.macros.get("m")
    if domain is None or len(host) + len(domain) + 1 >= LONGEST:
        return ""
    return host + domain if host.endswith(".") else f"{host}.{domain}"


async def _domains(engine: Asking, host: str, search: bool) -> list[str]:
    """What is tried behind a name, "" for nothing."""
    domains = [""] if "." in host else []
    if search and not host.endswith("."):
        domains += await engine.world.search_domains()
    return domains


async def _in_dns(engine: Asking, host: str, mx: bool, search: bool, patience: Patience | None) -> Canonical:
    failed = False
    for _ in range(_ALIASES + 2):
        domains = await _domains(engine, host, search)
        host = host.removesuffix(".")
        alias = ""
        for domain in domains:
            full = f"{host}.{domain}" if domain else host
            for kind in ("AAAA", "A", *(("MX",) if mx or not domain else ())):
                records = await _ask(engine, full, kind, patience)
                if kind == "AAAA" and records.outcome is not Outcome.FAILED and not records.nxdomain:
                    cname = await _ask(engine, full, "CNAME", patience)  # the original finds it in the same answer
                    if cname.outcome is Outcome.FOUND:
                        alias = cname.values[0]
                        break
                if records.outcome is Outcome.FOUND:
                    return Canonical(full, tried=full)
                if records.outcome is Outcome.FAILED:
                    failed = True
                    if domain:
                        return Canonical("", True, host)
                elif records.nxdomain:
                    break
            if alias:
                break
        if not alias:
            return Canonical("", failed, host)
        if engine.book.flag("DontExpandCnames"):
            return Canonical(full, tried=full)
        host = alias
    engine.problems.remark(f"DNS failure: CNAME loop for {host}")
    return Canonical("", failed, host)


async def _ask(engine: Asking, name: str, kind: str, patience: Patience | None = None) -> Records:
    """The records; what can be no name of the DNS is none that exists, as is one with two dots at its end.

    The caller has removed one of them.
    """
    labels = name.split(".")
    if not name:
        return Records(Outcome.ABSENT, nxdomain=True)
    if len(name) > 253 or not all(0 < len(label) < 64 for label in labels):
        return Records(Outcome.ABSENT, reason=_NO_QUESTION, nxdomain=True)
    return await engine.world.dns(name, kind, patience)


async def _in_hosts(engine: Asking, host: str) -> str:
    """The canonical name by the hosts file."""
    short, full = _shortened(engine, host)
    for line in (await engine.world.hosts()).decode("latin-1").split("\n"):
        words = line.partition("#")[0].split()[1:]
        lowered = [folded(word) for word in words]
        if folded(short) not in lowered and folded(full) not in lowered:
            continue
        name = next((word for word in words if "." in word), words[0])
        domain = engine.macros.get("m")
        return f"{name}.{domain}" if "." not in name and domain else name
    return ""


def _shortened(engine: Asking, host: str) -> tuple[str, str]:
    """The name without a dot at its end, and without $m where it has that; and the one with it."""
    whole = host.removesuffix(".")
    name, dot, domain = whole.partition(".")
    own = folded(engine.macros.get("m") or "")
    low = folded(domain)
    if dot and (low == own if whole != host else own.startswith(low) and own[len(low) :][:1] in ("", ".")):
        return name, whole
    return whole, whole


# -- mail exchangers


async def exchangers(engine: Asking, host: str, *, fallback: bool, search: bool = True) -> Exchangers:
    """The servers for the mail of ``host``. ``fallback``: FallbackMXhost is one of them."""
    spare = engine.book.options.get("FallbackMXhost", "") if fallback else ""
    if not host:
        return Exchangers((), 0)
    status, look = EX_OK, False
    if not host.startswith("[") and "dns" in await engine.world.services("hosts"):
        records = await _search(engine, host, "MX", search)
        if records.outcome is Outcome.FAILED:
            return Exchangers((spare,), 1) if spare else Exchangers((), -1, status=EX_TEMPFAIL)
        if records.outcome is Outcome.FOUND:
            found = _sorted(engine, records.values)
            if found == ("",):
                return Exchangers((), NULL, null=True, status=EX_UNAVAILABLE)
            hosts = tuple(name if name.endswith(".") else f"{name}." for name in found)
            if hosts:
                return Exchangers(hosts + ((spare,) if spare else ()), len(hosts) + bool(spare))
        elif (await _ask(engine, host.removesuffix("."), "CNAME")).outcome is not Outcome.FOUND:
            look = True
            status = EX_NOHOST if records.nxdomain and records.reason != _NO_QUESTION else EX_OK
    return await _itself(engine, host, status, look, spare, search)


async def _itself(engine: Asking, host: str, status: int, look: bool, spare: str, search: bool) -> Exchangers:
    """A host without servers of its own: it is one itself, if its name or address is one."""
    if len(host) >= 4096:
        engine.problems.system(f"Host name {host} too long")
        return Exchangers((), -1, status=EX_CONFIG)
    name, count = host, 0
    if host.startswith("[") and "]" in host:
        inside = host[1 : host.find("]")]
        if is_address(inside):
            count = 1
        else:
            name, look = inside, True
    if look:
        found = await canonical(engine, name, mx=False, search=search)
        if found.name:
            name, count = found.name if found.name.endswith(".") else f"{found.name}.", 1
    hosts = (name,) if count else ()
    return Exchangers(hosts + ((spare,) if spare else ()), count + bool(spare), status=status)


def is_address(text: str) -> bool:
    """Whether a text is an IPv4 address, or an IPv6 address with or without "IPv6:"."""
    import socket

    try:
        socket.inet_aton(text)
    except (OSError, UnicodeError, ValueError):
        pass
    else:
        return " " not in text
    if text[:5].lower() == "ipv6:":
        text = text[5:]
    try:
        socket.inet_pton(socket.AF_INET6, text)
    except (OSError, UnicodeError, ValueError):
        return False
    return True


async def _search(engine: Asking, host: str, kind: str, search: bool, patience: Patience | None = None) -> Records:
    """The records of a name as res_search(3) looks for them: as it is if it has a dot, and in other domains.

    A server that fails for one name may answer for the next one; one that is silent or not there is not asked again.
    A name that ended in a failure does not exist only if a later question was answered.
    """
    domains: Sequence[str] = await engine.world.search_domains() if search and not host.endswith(".") else ()
    name = host.removesuffix(".")
    first: Records | None = None
    if "." in name or host.endswith("."):
        first = await _ask(engine, name, kind, patience)
        if first.outcome is Outcome.FOUND or first.reason == REFUSES:
            return first
    last = kept = Records(Outcome.ABSENT, nxdomain=True)
    for domain in domains:
        last = await _ask(engine, f"{name}.{domain}", kind, patience)
        if last.outcome is Outcome.FOUND or last.reason == REFUSES:
            return last
        if last.outcome is Outcome.FAILED:
            if last.reason != SERVFAIL:
                break
            kept = last if kept.nxdomain else kept
        elif not last.nxdomain:
            kept = last
    if first is None:
        alone = await _ask(engine, name, kind, patience)
        return alone if alone.outcome is not Outcome.ABSENT or kept.nxdomain else kept
    return last if last.outcome is Outcome.FAILED else first


async def search_records(engine: Asking, name: str, map_: DefinedMap) -> Records:
    """What a ``dns`` map asks for."""
    return await _search(engine, name, map_.record, True, map_.patience)


def _sorted(engine: Asking, values: Sequence[str]) -> tuple[str, ...]:
    """The names of MX records by preference, equal ones by lot, each once."""
    parsed = []
    for value in values:
        preference, _, name = value.partition(" ")
        weight = 0 if engine.book.classes.has("w", name) else _lot(name, engine.lot)
        parsed.append((int(preference), weight, name))
    if len(parsed) == 1 and parsed[0][0] == 0 and parsed[0][2] in ("", "."):
        return ("",)
    names: list[str] = []
    for _, _, name in sorted(parsed, key=lambda entry: entry[:2]):
        if not names or folded(names[-1]) != folded(name):
            names.append(name)
    return tuple(names)


def _lot(name: str, seed: int) -> int:
    for character in folded(name):
        seed = ((seed << 1) ^ (ord(character) & 0xFF)) % _BUCKETS
    return (seed & 0xFF) + 1
