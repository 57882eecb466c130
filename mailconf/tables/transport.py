"""transport(5) and similar tables: sender_dependent_default_transport_maps, sender_dependent_relayhost_maps,
relocated(5).

A value is ``transport:nexthop``; each may be empty, and the colon with it. The transport decides what nexthops look
like: those of smtp and lmtp are lists of ``host``, ``host:port``, ``[host]`` and ``[host]:port`` (lmtp(8) also knows
``unix:path`` and ``inet:host``); at any other text the delivery agent ends. Those of error, retry and discard are
texts, those of others are not looked into.

Keys that no lookup asks for are those for which trivial-rewrite 3.7 gave no answer.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from mailconf import possessive
from mailconf.diagnostics import error
from mailconf.tables.check import TB025, never_asked
from mailconf.tables.recipients import ADDRESSES
from mailconf.tables.sides import Side, SideFault, Sides, parse_side

if TYPE_CHECKING:
    from mailconf.grammar import Tree

TB090 = error("TB090", "a transport that is not transport:nexthop")
"""Why: the value has the form transport:nexthop. Without a colon, all of it is taken for the name of a transport, and
the mail is deferred: "mail transport unavailable".

Example:
    # main.cf
    transport_maps = hash:/etc/postfix/transport
    # /etc/postfix/transport
    example.net smtp [mail.example.net]

Remedy: write smtp:[mail.example.net]; :[mail.example.net] keeps the transport.

Source: transport(5), "RESULT FORMAT"; observed with Postfix 3.7.11.
"""

TB091 = error("TB091", "a nexthop whose bracket is not closed")
"""Why: brackets around a host keep Postfix from looking for its MX records. Where the bracket is not closed, smtp(8)
stops each time that it is given such mail ("fatal: missing "]" in server description"), which delays all other mail of
the transport too.

Example:
    # main.cf
    transport_maps = hash:/etc/postfix/transport
    # /etc/postfix/transport
    example.net smtp:[mail.example.net

Remedy: write "[host]" or "[host]:port".

Source: transport(5), "RESULT FORMAT"; smtp(8); observed with Postfix 3.7.11.
"""

TB092 = error("TB092", "a nexthop that is not host:port")
"""Why: the nexthop of smtp(8) is host or host:port, or a list of these. At another text smtp(8) stops each time that it
is given such mail ("fatal: valid hostname or network address required"), which delays all other mail of the transport
too.

Example:
    # main.cf
    transport_maps = hash:/etc/postfix/transport
    # /etc/postfix/transport
    example.net smtp:mail.example.net:25:26

Remedy: write host:port, an IPv6 address in brackets, and a comma between several.

Source: transport(5); postconf(5) relayhost; smtp(8); observed with Postfix 3.7.11.
"""

SMTP_LIKE = frozenset({"", "smtp", "lmtp", "relay", "smtps", "submission"})
TEXTS = frozenset({"error", "retry", "discard"})

PLAIN_TRANSPORT = re.compile(
    r"(?:smtp|relay)?:(?:\[[\w.-]+\](?::[0-9]+)?|[\w.-]+(?::[0-9]+)?)?|(?:local|virtual):", re.ASCII
)
PLAIN_DOMAIN = possessive.compile(r"\.?[\w-]++(?:\.[\w-]++)*+|[\w.+=-]++@[\w-]++(?:\.[\w-]++)*+|\*", re.ASCII)


class Hop(NamedTuple):
    """One destination: ``mx``: whether the host's MX records are looked up; ``service`` is a port or its name."""

    host: str
    service: str = ""
    mx: bool = True


class Transport(NamedTuple):
    """Where mail goes. An empty ``transport`` is the one that it would go by anyway; an empty ``nexthop`` the domain.

    hops    the nexthop of smtp and lmtp, cut up
    status  the enhanced status code that starts a text of error or retry
    """

    transport: str
    nexthop: str
    hops: tuple[Hop, ...] = ()
    status: str = ""


def read_transport(text: str) -> Side:
    """The value of a transport table: `Transport`."""
    tree = parse_side("transport", "transport", text)
    if isinstance(tree, SideFault):
        return Side(None, (tree,))
    words = _words(tree)
    name, nexthop = words.get("NAME", ""), words.get("NEXTHOP", "")
    if name in TEXTS:
        found = _STATUS.match(nexthop)
        return Side(Transport(name, nexthop, status=found[0] if found else ""))
    if not nexthop or not is_smtp(name):
        return Side(Transport(name, nexthop))
    hops = read_nexthops(nexthop, "lmtp" if name.startswith("lmtp") else "nexthops")
    shift = text.index(":") + 1
    shift += len(text[shift:]) - len(text[shift:].lstrip())
    faults = tuple(fault._replace(at=fault.at + shift) for fault in hops.faults)
    return Side(Transport(name, nexthop, hops.meaning or ()), faults)


_STATUS = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?=\s|$)")


def is_smtp(transport: str) -> bool:
    """Whether the nexthops of a transport are smtp(8)'s, as far as its name shows."""
    return transport in SMTP_LIKE or transport.startswith(("smtp-", "smtp_", "lmtp-", "lmtp_"))


@lru_cache(maxsize=4096)
def read_nexthops(text: str, start: str = "nexthops") -> Side:
    """The nexthop of smtp(8), or a relayhost: a tuple of `Hop`. ``start`` is lmtp for those of lmtp(8)."""
    tree = parse_side("transport", start, text)
    if isinstance(tree, SideFault):
        if found := _COMMENT.search(text):
            hint = "a comment is a line of its own; here it becomes a part of the nexthop"
            return Side(None, (SideFault(TB025, '"#" starts no comment', hint, found.start(1), 1, moved=True),))
        if found := _OPEN.search(text):
            fault = SideFault(TB091, "the bracket of this nexthop is not closed", 'write "[host]" or "[host]:port"')
            better = _closed(found[0]) if start == "nexthops" else ""
            return Side(None, (fault._replace(at=found.start(), length=len(found[0]), better=better),))
        return Side(None, (tree._replace(length=len(text)),))
    hops = tuple(_hop(child) for child in tree.children if not isinstance(child, str))
    for hop in hops:
        if problem := _problem(hop):
            hint = "write host, host:port, [host] or [host]:port"
            return Side(None, (SideFault(TB092, problem, hint, 0, len(text)),))
    return Side(hops)


def _closed(text: str) -> str:
    """A nexthop whose bracket is not closed with the bracket where it certainly belongs, or ""."""
    found = re.fullmatch(r"\[([\w.-]+)(:\w+)?", text)
    return f"[{found[1]}]{found[2] or ''}" if found else ""


_COMMENT = re.compile(r"(?:^|\s)(#)")
_OPEN = re.compile(r"\[[^\]]*$")


def _hop(tree: Tree) -> Hop:
    words = _words(tree)
    if "UNIX" in words:
        return Hop(words["UNIX"], mx=False)
    if "LITERAL" in words:
        return Hop(words["LITERAL"][1:-1], words.get("SERVICE", ""), mx=False)
    return Hop(words["HOST"], words.get("SERVICE", ""))


_BAD_HOST = re.compile(r"(?:.*\.)?-|.*-(?:\.|\Z)|.*\.(?:\.|\Z)|\.", re.DOTALL)
_BAD_SERVICE = re.compile(r"[0-9]+[^0-9]")


def _problem(hop: Hop) -> str:
    """What smtp(8) does not take, though it has the form of a nexthop."""
    if not hop.host.startswith("unix:") and _BAD_HOST.match(hop.host):
        return f'"{hop.host}" is no host name'
    if not hop.mx and hop.host[:5].lower() == "ipv6:" and ":" not in hop.host[5:]:
        return f'"{hop.host}" is no IPv6 address'
    if _BAD_SERVICE.match(hop.service):
        return f'"{hop.service}" is no port'
    return ""


def _words(tree: Tree) -> dict[str, str]:
    return {token.type: str(token) for token in tree.tokens()}


def read_relayhost(text: str) -> Side:
    """The value of sender_dependent_relayhost_maps: nexthops, or DUNNO for no nexthop of its own."""
    return Side(()) if text.upper() == "DUNNO" else read_nexthops(text)


def read_sender_transport(text: str) -> Side:
    """The value of sender_dependent_default_transport_maps: a `Transport`, or DUNNO for no transport of its own."""
    return Side(Transport("", "")) if text.upper() == "DUNNO" else read_transport(text)


# What trivial-rewrite 3.7 never asks transport_maps for, by experiment.
_NEVER_ASKED = [
    (
        re.compile(r"<.*>", re.DOTALL),
        "write the address without < and >; the null sender's mail has no entry of its own",
    ),
    (re.compile(r"@(.*)", re.DOTALL), "write the domain alone: example.com"),
    (re.compile(r"\*[@.].*", re.DOTALL), "write example.com for a domain, .example.com for its subdomains, * for all"),
    (re.compile(r"[^@]+@"), "write the whole address, user@example.com"),
    (re.compile(r".+\.", re.DOTALL), "leave out the dot at the end"),
    (re.compile(r"[^@]+@\..*", re.DOTALL), "an address is looked up whole; write .example.com for the subdomains"),
]


def read_transport_key(text: str) -> Side:
    """The key of a transport table: an address, a domain, ``.domain`` or ``*``."""
    for pattern, hint in _NEVER_ASKED:
        if pattern.fullmatch(text):
            return Side(text, (never_asked(text, hint),))
    return Side(text)


TRANSPORT = Sides(read_transport_key, read_transport, PLAIN_DOMAIN, PLAIN_TRANSPORT, easy_keys=True)
SENDER_TRANSPORT = Sides(ADDRESSES.key, read_sender_transport, ADDRESSES.plain_key, PLAIN_TRANSPORT)
SENDER_RELAYHOST = Sides(ADDRESSES.key, read_relayhost, ADDRESSES.plain_key)
