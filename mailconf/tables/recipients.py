"""Keys of Postfix's tables of addresses, domains and hosts, and the tables whose values have no meaning.

Addresses (canonical(5), relocated(5), virtual(5), relay_recipient_maps, ...) are looked up as ``user@domain``, ``user``
and ``@domain``, without a dot at their end. Domains (mydestination, relay_domains) and hosts (mynetworks) are looked up
as they are, hosts by name and by whole address: an indexed table knows no networks.
"""

from __future__ import annotations

import re

from mailconf import possessive
from mailconf.tables.check import TB014, address_key_fault, never_asked
from mailconf.tables.sides import Side, SideFault, Sides, parse_side

PLAIN_ADDRESS_KEY = possessive.compile(
    r"(?:[\w+=-]++(?:\.[\w+=-]++)*+)?@[\w-]++(?:\.[\w-]++)*+|[\w+=-]++(?:\.[\w+=-]++)*+", re.ASCII
)
_PLAIN_DOMAIN = possessive.compile(r"\.?(?:[0-9]*+[a-z_-][\w-]*+\.)*+[0-9]*+[a-z_-][\w-]*+", re.ASCII | re.IGNORECASE)

_NO_DOMAIN = [
    (re.compile(r".*@.*", re.DOTALL), "write the domain alone: example.com"),
    (re.compile(r"\*.*", re.DOTALL), "write the domain's name; no * stands for others"),
    (re.compile(r".+\.", re.DOTALL), "leave out the dot at the end"),
]
_NETWORK = re.compile(r"[0-9a-f.:]*/[0-9.]+|(?:[0-9]{1,3}\.?){1,3}|[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6}:{0,2}", re.I)


def read_address_key(text: str) -> Side:
    """``user@domain``, ``@domain`` or ``user``."""
    tree = parse_side("generic", "key", text)
    fault = tree if isinstance(tree, SideFault) else address_key_fault(text)
    return Side(text, (fault,) if fault else ())


def read_domain_key(text: str) -> Side:
    """The name of a domain, or ``.domain`` where its subdomains are looked up so."""
    fault = next((never_asked(text, hint) for pattern, hint in _NO_DOMAIN if pattern.fullmatch(text)), None)
    return Side(text, (fault,) if fault else ())


def read_host_key(text: str) -> Side:
    """A host's name or address, or a domain."""
    if "." in text or ":" in text or text.isdigit():
        if _NETWORK.fullmatch(text) and not _is_address(text):
            hint = "this table is asked for whole addresses; put networks into mynetworks itself or a cidr: table"
            return Side(text, (SideFault(TB014, f"{text} matches nothing: no lookup asks for it", hint),))
        if text.startswith("["):
            return Side(text, (never_asked(text, "write the address alone"),))
    return read_domain_key(text)


def _is_address(text: str) -> bool:
    from ipaddress import ip_address

    try:
        ip_address(text)
    except ValueError:
        return False
    return True


ADDRESSES = Sides(key=read_address_key, plain_key=PLAIN_ADDRESS_KEY)
DOMAINS = Sides(key=read_domain_key, plain_key=_PLAIN_DOMAIN, easy_keys=True)
HOSTS = Sides(key=read_host_key, plain_key=_PLAIN_DOMAIN, easy_keys=True)
