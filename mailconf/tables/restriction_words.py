"""The words of a restriction list that take an argument (postconf(5) smtpd_recipient_restrictions), known once.

Whoever takes a list apart, asks here what follows a word: the compiler of restrictions, the search for tables, the
formats of tables. All other words stand alone.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class ArgumentKind(Enum):
    """What the word behind it is, as people are told."""

    TABLE = "type:table"
    ZONE = "a domain name"
    SERVICE = "a service"
    NUMBER = "a number"


class Argument(NamedTuple):
    """What a word takes, and what it is about.

    about  "client", "reverse_client_hostname", "helo", "sender", "recipient"; for zones also "address", the client's;
           "" where that is not said
    by     the records of the name that are looked up in the table: "A", "MX" or "NS"; "" for the name itself
    """

    kind: ArgumentKind
    about: str = ""
    by: str = ""


ABOUT = ("client", "reverse_client_hostname", "helo", "sender", "recipient")
_NO_NAMES = ("ccert", "sasl", "etrn")  # whose tables have no keys that are names
_ZONES = {
    "reject_rbl_client": "address",
    "reject_rbl": "address",
    "reject_rhsbl_client": "client",
    "reject_rhsbl_reverse_client": "reverse_client_hostname",
    "reject_rhsbl_helo": "helo",
    "reject_rhsbl_sender": "sender",
    "reject_rhsbl_recipient": "recipient",
    "permit_dnswl_client": "address",
    "permit_rhswl_client": "client",
}
# In lower case; names of restrictions are read without regard to case.
ARGUMENTS: dict[str, Argument] = {
    **{word: Argument(ArgumentKind.ZONE, about) for word, about in _ZONES.items()},
    "check_policy_service": Argument(ArgumentKind.SERVICE),
    **{f"check_{about}_access": Argument(ArgumentKind.TABLE, about) for about in (*ABOUT, *_NO_NAMES)},
    **{
        f"check_{about}_{by.lower()}_access": Argument(ArgumentKind.TABLE, about, by)
        for about in ABOUT
        for by in ("A", "MX", "NS")
    },
    "sleep": Argument(ArgumentKind.NUMBER),
}


def takes_table(word: str) -> bool:
    """Whether a lookup table follows ``word``."""
    argument = ARGUMENTS.get(word.lower())
    return argument is not None and argument.kind is ArgumentKind.TABLE
