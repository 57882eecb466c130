"""How far Postfix trusts what a table answers: which tables it opens with restrictions, by program and parameter.

local(8) and virtual(8) turn answers into commands, files and user ids. They skip rules of regexp and pcre tables that
put text of the address into the result, ask no table whose server proves no identity, and open ``proxy:`` tables
themselves. Routes do not depend on text of the address either (trivial-rewrite(8), mailbox_transport_maps), but there
proxymap(8) opens a ``proxy:`` table without restriction.

The same parameter may be read by another program without restriction: smtpd(8) opens virtual_mailbox_maps, which show
it no more than that the address exists. All of it as Postfix 3.7.11 does it (tests/live/test_trust_live.py).
"""

from __future__ import annotations

from typing import NamedTuple

from mailconf.maps.reference import TableRef


class Trust(NamedTuple):
    """What a table may do in its role.

    substitution  results of rules may hold text of what was looked up ($1)
    others        proxymap(8), and servers that prove no identity, may be asked
    """

    substitution: bool = True
    others: bool = True


ORDINARY = Trust()
ROUTE = Trust(substitution=False)
SENSITIVE = Trust(substitution=False, others=False)

OPENED: dict[str, dict[str, Trust]] = {
    "local": {
        "alias_maps": SENSITIVE,
        "fallback_transport_maps": ROUTE,
        "mailbox_command_maps": SENSITIVE,
        "mailbox_transport_maps": ROUTE,
    },
    "trivial-rewrite": {
        "address_verify_sender_dependent_default_transport_maps": ROUTE,
        "address_verify_sender_dependent_relayhost_maps": ROUTE,
        "address_verify_transport_maps": ROUTE,
        "sender_dependent_default_transport_maps": ROUTE,
        "sender_dependent_relayhost_maps": ROUTE,
        "transport_maps": ROUTE,
    },
    "virtual": {
        "virtual_gid_maps": SENSITIVE,
        "virtual_mailbox_maps": SENSITIVE,
        "virtual_uid_maps": SENSITIVE,
    },
}
_STRICTEST = {name: trust for parameters in OPENED.values() for name, trust in parameters.items()}


def trust_of(parameter: str, program: str = "") -> Trust:
    """How ``program`` opens the tables of ``parameter``; without a program, how the strictest one does."""
    return (OPENED.get(program, {}) if program else _STRICTEST).get(parameter, ORDINARY)


def behind_proxy(trust: Trust) -> Trust:
    """How the table after ``proxy:`` is opened: by proxymap(8), or by the program itself where it may not ask that."""
    return ORDINARY if trust.others else trust


def refusal(table: str, trust: Trust) -> str:
    """Why ``table`` ("type:name") is not opened, in Postfix's words; "" where it is."""
    found = TableRef.parse(table)
    if trust.others or not found.kind.unproven:
        return ""
    return f"{table} map is not allowed for security{' ' if found.type == 'tcp' else '-'}sensitive data"
