"""What a configuration distinguishes: by which properties of a session and of a message its answers may differ.

`Policy.distinguishes` yields a `Distinction` for each thing that a rule looks at. A program that compares
configurations, or looks for keys that are never asked for, enumerates from them; two sessions that no Distinction tells
apart are answered alike. Every question that a Policy puts to its World is announced by one: a test records the
questions, and fails for one that is not.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from itertools import product
from typing import NamedTuple

from mailconf.model.address import Address, quote_local
from mailconf.source import Span

# The values of a table ("type:name") that can be listed; nothing for one that cannot.
Values = Callable[[str], Iterable[str]]


class Dimension(Enum):
    """What is looked at."""

    CLIENT = "client"  # its IP address
    NAME = "name"  # its name, by reverse and forward lookup
    REVERSE_NAME = "reverse name"  # by reverse lookup alone
    HELO = "helo"
    SENDER = "sender"
    RECIPIENT = "recipient"
    HEADER = "header"  # an address in a header field
    CONTENT = "content"  # a field of a message as it was written, or a line of it
    LOGIN = "login"
    SESSION = "session"  # how it is led: encryption, pipelining, the number of recipients
    REPLY = "reply"  # what the client is told
    ANSWER = "answer"  # a record that the DNS has answered with, as text


class Form(Enum):
    """How it is looked at; ``text`` of the Distinction is of this form."""

    LITERAL = "literal"  # text: what it is compared with
    SUFFIX = "domain suffix"  # text: the parent domain, after a dot or an @
    NETWORK = "network"  # text: with its length, 192.0.2.0/24
    TABLE = "table"  # text: type:name
    PATTERN = "pattern"  # text: type:name of a table of patterns, which sees the whole value
    SERVICE = "service"  # text: the endpoint of a policy service
    DNS = "dns"  # text: the zone that is asked, "" for the DNS at large
    SYSTEM = "system"  # text: what the machine is asked for: "user", "account", "owner", "file"
    SYNTAX = "syntax"  # whether the value is there, and well formed


class Key(Enum):
    """What a table or the DNS is asked for, made of a value; local parts that need quotes with them and without."""

    WHOLE = "the value itself"
    PLAIN = "user@domain without the extension"
    LOCAL = "the local part"
    PLAIN_LOCAL = "the local part without the extension"
    LOCAL_AT = "local@"
    PLAIN_LOCAL_AT = "local@ without the extension"
    DOMAIN = "the domain"
    AT_DOMAIN = "@domain"
    PARENTS = "the parent domains"
    DOT_PARENTS = "the parent domains behind a dot"
    ADDRESS = "the IP address of a domain [address]"
    NETWORKS = "the networks of an IP address, an octet or a group less each time"
    REVERSED = "the octets or nibbles of an address in the order of the DNS"
    OWNER = "owner-local"
    FIXED = "what `Distinction.fixed` has"
    TEMPLATE = "what `Distinction.templates` make of the value"
    MADE = "what rules make of it, which is not known beforehand"


class Distinction(NamedTuple):
    """One thing that a rule looks at.

    rule     the restriction or parameter
    keys     what a table or the DNS is asked for; FIXED stands for the texts of ``fixed``, TEMPLATE for ``templates``
    exact    whether the answer depends on nothing else of this dimension than form, text and keys say. It is not where
             a service or the DNS may answer anything, nor where the value is the result of another question: a
             recipient that an alias names, the hosts of a domain
    records  the types that the DNS is asked for
    span     where the configuration says so
    templates  texts with parts of the value: {value}, {local}, {plain} (without the extension), {detail} (the
             extension), {domain}, {parent} (each parent domain), {network}, {reversed}, {address} (of a domain
             [address]), {hop} and {rest} (what precedes the first ! and what follows it)
    """

    rule: str
    dimension: Dimension
    form: Form
    text: str = ""
    keys: tuple[Key, ...] = ()
    exact: bool = True
    fixed: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    span: Span | None = None
    templates: tuple[str, ...] = ()

    def keys_of(self, value: str, delimiters: str = "") -> Iterator[str]:
        """What is asked for ``value``: keys of a table, names in the DNS. Letters are as in ``value``.

        delimiters  of extensions, as of `Site.recipient_delimiter`
        """
        for key in self.keys:
            if key is Key.FIXED:
                yield from self.fixed
            elif key is Key.TEMPLATE:
                for template in self.templates:
                    yield from filled(template, value, delimiters)
            elif key is not Key.MADE:
                yield from (found for found in _MAKE[key](value, delimiters) if found)


def _local(value: str, delimiters: str) -> list[str]:
    """The local part without the extension, at whichever delimiter that may begin; some names have none."""
    local = Address.split(value).local
    return [*(local[:at] for at in range(1, len(local)) if local[at] in delimiters), local]


def _domain(value: str) -> str:
    """The domain of an address; a value without an @ is a domain itself."""
    domain = Address.split(value).domain
    return value if domain is None else domain


def _parents(value: str) -> list[str]:
    domain = _domain(value)
    return [domain[at + 1 :] for at in range(1, len(domain)) if domain[at] == "."]


def _literal(value: str) -> str:
    domain = _domain(value)
    return domain[1:-1].removeprefix("IPv6:") if domain.startswith("[") else ""


def _networks(value: str) -> Iterator[str]:
    value = _literal(value) or value
    delimiter = ":" if ":" in value else "."
    while delimiter in value:
        value = value.rpartition(delimiter)[0]
        yield value


def _reversed(value: str) -> Iterator[str]:
    try:
        name = ipaddress.ip_address(value).reverse_pointer
    except ValueError:
        return
    yield name.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")


def _at(value: str, locals_: Iterable[str]) -> list[str]:
    domain = Address.split(value).domain
    return [] if domain is None else [f"{local}@{domain}" for local in locals_]


def _whole(value: str, delimiters: str) -> list[str]:
    return list(dict.fromkeys((value, *_at(value, _forms([Address.split(value).local])))))


def _forms(locals_: Iterable[str]) -> dict[str, None]:
    """Local parts as they are meant and, where they need quotes, as they are written."""
    return dict.fromkeys(form for local in locals_ for form in (local, quote_local(local)))


_MAKE: dict[Key, Callable[[str, str], Iterable[str]]] = {
    Key.WHOLE: _whole,
    Key.PLAIN: lambda value, delimiters: _at(value, _forms(_local(value, delimiters))),
    Key.LOCAL: lambda value, delimiters: _forms([Address.split(value).local]),
    Key.PLAIN_LOCAL: lambda value, delimiters: _forms(_local(value, delimiters)),
    Key.LOCAL_AT: lambda value, delimiters: [f"{local}@" for local in _forms([Address.split(value).local])],
    Key.PLAIN_LOCAL_AT: lambda value, delimiters: [f"{local}@" for local in _forms(_local(value, delimiters))],
    Key.DOMAIN: lambda value, delimiters: [_domain(value)],
    Key.AT_DOMAIN: lambda value, delimiters: [f"@{_domain(value)}"],
    Key.PARENTS: lambda value, delimiters: _parents(value),
    Key.DOT_PARENTS: lambda value, delimiters: [f".{parent}" for parent in _parents(value)],
    Key.ADDRESS: lambda value, delimiters: [_literal(value)],
    Key.NETWORKS: lambda value, delimiters: _networks(value),
    Key.REVERSED: lambda value, delimiters: _reversed(value),
    Key.OWNER: lambda value, delimiters: [
        f"owner-{local}" for local in (Address.split(value).local, *_local(value, delimiters))
    ],
}
# What a template has in braces.
PARTS: dict[str, Callable[[str, str], Iterable[str]]] = {
    "value": lambda value, delimiters: [value],
    "local": lambda value, delimiters: [Address.split(value).local],
    "plain": _local,
    "detail": lambda value, delimiters: _details(value, delimiters),
    "domain": lambda value, delimiters: [_domain(value)],
    "parent": lambda value, delimiters: _parents(value),
    "network": lambda value, delimiters: _networks(value),
    "address": lambda value, delimiters: [_literal(value)],
    "reversed": lambda value, delimiters: _reversed(value),
    "hop": lambda value, delimiters: [value.partition("!")[0]],
    "rest": lambda value, delimiters: [value.partition("!")[2]],
}
_PLACE = re.compile("\\{(" + "|".join(PARTS) + ")\\}")


def _details(value: str, delimiters: str) -> list[str]:
    local = Address.split(value).local
    return [local[at + 1 :] for at in range(len(local)) if local[at] in delimiters]


def filled(template: str, value: str, delimiters: str = "") -> Iterator[str]:
    """The texts that a template makes of a value."""
    parts = _PLACE.split(template)
    texts = [[part] if at % 2 == 0 else list(PARTS[part](value, delimiters)) for at, part in enumerate(parts)]
    for chosen in product(*texts):
        yield "".join(chosen)
