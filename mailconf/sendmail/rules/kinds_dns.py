"""Maps that ask the DNS: host, dns, bestmx."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from mailconf.model.world import Outcome
from mailconf.sendmail.rules.maps import DefinedMap, MapFound, answered, rewritten
from mailconf.sendmail.rules.names import LONGEST, canonical, exchangers, is_address, search_records
from mailconf.sendmail.rules.problems import EX_NOHOST, EX_NOTFOUND, EX_OK, EX_TEMPFAIL, EX_UNAVAILABLE, shortened
from mailconf.sendmail.rules.world import Unable

if TYPE_CHECKING:
    from mailconf.sendmail.rules.asking import Asking

_LONGEST = 628  # of what a dns or bestmx map answers
_REMEMBERED = 3600.0  # seconds
_MOST_REMEMBERED = 10_000  # names


class Remembered(NamedTuple):
    """A name that the host map has been asked for."""

    name: str | None
    status: int
    until: float


async def find_host(engine: Asking, map_: DefinedMap, key: str, arguments: Sequence[str]) -> MapFound:
    """The canonical name of a host, or the name of an address in brackets; answers are remembered for an hour."""
    now = engine.world.now()
    known = engine.hosts.get(key)
    if known is None or known.until < now:
        if key.startswith("[") and "]" not in key:
            return MapFound(None)
        if len(engine.hosts) >= _MOST_REMEMBERED:
            engine.hosts.clear()
        name, status = await (_by_address(engine, key) if key.startswith("[") else _by_name(engine, key, map_))
        known = engine.hosts[key] = Remembered(name, status, now + _REMEMBERED)
    if known.status == EX_TEMPFAIL:
        engine.problems.remark(f"{shortened(key, 33)}: Name server timeout", "851")
    if known.name is None:
        return MapFound(None, known.status)
    if map_.flags.matches:
        return MapFound(rewritten(map_.flags, key, None))
    return MapFound(rewritten(map_.flags, known.name, arguments))


async def _by_name(engine: Asking, key: str, map_: DefinedMap) -> tuple[str | None, int]:
    found = await canonical(engine, key[:LONGEST], mx=not engine.wildcard_mx, patience=map_.patience)
    if found.name:
        return found.name, EX_OK
    return None, EX_TEMPFAIL if found.failed else EX_NOHOST


async def _by_address(engine: Asking, key: str) -> tuple[str | None, int]:
    address = key[1 : key.find("]")]
    if not is_address(address):
        return None, EX_UNAVAILABLE
    try:
        name = await engine.world.address_name(address[5:] if address[:5].lower() == "ipv6:" else address)
    except Unable:
        return None, EX_TEMPFAIL
    return name, EX_OK if name else EX_NOHOST


async def find_dns(engine: Asking, map_: DefinedMap, key: str, arguments: Sequence[str]) -> MapFound:
    name = f"{key}.{map_.base}" if map_.base else key
    records = await search_records(engine, name, map_)
    if records.outcome is Outcome.FAILED:
        return MapFound(None, EX_TEMPFAIL)
    if records.outcome is not Outcome.FOUND or not map_.record:
        return MapFound(None, EX_NOTFOUND)
    values = [_printable(_value(map_.record, value)) for value in records.values]
    delimiter = map_.flags.delimiter
    if not delimiter or map_.most == 1 or map_.flags.matches:
        values = values[:1]
    elif map_.most > 0:
        values = values[: map_.most + 1]
    return answered(map_, key, _cut(delimiter.join(values), delimiter), arguments)


def _value(record: str, value: str) -> str:
    """Of a record with several fields the name; an IPv6 address as sendmail writes it."""
    if record in ("MX", "AFSDB", "SRV"):
        return value.rpartition(" ")[2]
    if record == "AAAA":
        import ipaddress

        return ":".join(f"{int(group, 16):x}" for group in ipaddress.IPv6Address(value).exploded.split(":"))
    return value


def _printable(text: str) -> str:
    return "".join(c if " " <= c <= "~" else "X" * len(c.encode("utf-8", "surrogateescape")) for c in text)


def _cut(text: str, delimiter: str) -> str:
    """A long list, cut behind a delimiter and with dots."""
    if len(text) < _LONGEST:
        return text
    text = text[: _LONGEST - 1]
    while delimiter and (at := text.rfind(delimiter)) >= 0:
        text = text[:at]
        if at + 4 < _LONGEST:
            return f"{text}{delimiter}..."
    return "..."


async def find_bestmx(engine: Asking, map_: DefinedMap, key: str, arguments: Sequence[str]) -> MapFound:
    found = await exchangers(engine, key, fallback=False, search=False)
    if found.known <= 0:
        return MapFound(None, found.status)
    if map_.flags.matches:
        return MapFound(rewritten(map_.flags, key, None), found.status)
    delimiter = map_.flags.delimiter
    if not delimiter or found.known == 1:
        return MapFound(rewritten(map_.flags, found.hosts[0], arguments), found.status)
    text = ""
    for host in found.hosts:
        if delimiter in host:
            about = f"MX host {host[:64]} includes map delimiter character 0x{ord(delimiter):02X}"
            engine.problems.system(f"bestmx_map_lookup: {about}")
            return MapFound(None, found.status)
        if len(text) + len(host) + 2 > _LONGEST:
            break
        text += f"{delimiter}{host}" if text else host
    return MapFound(rewritten(map_.flags, text, arguments), found.status)
