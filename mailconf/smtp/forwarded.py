"""What XFORWARD tells of the client that a message came from (XFORWARD_README; Postfix 3.7.11).

Two commands have it: one its name, address and port, one its protocol, HELO, and what this host calls the message
(IDENT, SOURCE). A server names the attributes that it takes behind XFORWARD; what is not known is not told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mailconf.smtp.path import to_xtext

CLIENT_ATTRIBUTES = frozenset(("NAME", "ADDR", "PORT", "PROTO", "HELO"))
_COMMANDS = (("NAME", "ADDR", "PORT"), ("PROTO", "HELO", "IDENT", "SOURCE"))

Told = tuple[tuple[str, str], ...]  # attributes and their values


def told(own: Mapping[str, str | None], forwarded: Mapping[str, str | None]) -> Told:
    """What the next host is told of a message's client: ``own`` is what this one knows, ``forwarded`` is what the
    client said of another. Its word counts for the whole client; for IDENT and SOURCE where it has one.
    """
    known = dict(own)
    if not CLIENT_ATTRIBUTES.isdisjoint(forwarded):
        known |= dict.fromkeys(CLIENT_ATTRIBUTES)
    known |= {name: value for name, value in forwarded.items() if name in CLIENT_ATTRIBUTES or value}
    if forwarded.get("SOURCE", "") is None:
        known["SOURCE"] = "LOCAL"
    return tuple((name, value) for name, value in known.items() if value)


def forwarding(offered: str, attributes: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """The two commands for a server that takes the attributes ``offered``; "" for one that has nothing to say."""
    takes, known = set(offered.upper().split()), dict(attributes)
    commands = []
    for names in _COMMANDS:
        words = [f"{name}={_written(known[name], name)}" for name in names if name in takes and name in known]
        commands.append(" ".join(["XFORWARD", *words]) if words else "")
    return commands[0], commands[1]


def _written(value: str, name: str) -> str:
    """As xtext, where "=" stands for itself; an address of IPv6 has RFC 5321's word before it."""
    prefix = "IPv6:" if name == "ADDR" and ":" in value and value[:5].upper() != "IPV6:" else ""
    return to_xtext(prefix + value).replace("+3D", "=")
