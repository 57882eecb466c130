"""Postfix's parameters: which exist, of what type, with which default (postconf(5)).

The built-in ones are data (mailconf.postfix.parameters_data). Others exist because something else does:

- a delivery transport NAME in master.cf has NAME_destination_concurrency_limit and its kin (`TRANSPORT_SUFFIXES`), a
  service that runs pipe(8) or spawn(8) has NAME_time_limit; master.cf's names are taken as they are;
- names listed in smtpd_restriction_classes are parameters of the user's.
"""

from __future__ import annotations

from mailconf.postfix.parameters_data import DATABASES, LEGACY, PARAMETERS, RAW, READ_ONLY, VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailconf.postfix.master_cf import Entry

__all__ = [
    "DATABASES",
    "LEGACY",
    "PARAMETERS",
    "RAW",
    "READ_ONLY",
    "VERSION",
    "default_unit",
    "service_parameters",
    "time_value",
]

BOOLEAN, INTEGER, TIME, STRING = "b", "i", "t", "s"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

TRANSPORT_PROGRAMS = frozenset({"error", "lmtp", "local", "pipe", "smtp", "virtual"})
TIMED_PROGRAMS = frozenset({"pipe", "spawn"})
TRANSPORT_SUFFIXES = {
    "_delivery_slot_cost": "$default_delivery_slot_cost",
    "_delivery_slot_discount": "$default_delivery_slot_discount",
    "_delivery_slot_loan": "$default_delivery_slot_loan",
    "_destination_concurrency_failed_cohort_limit": "$default_destination_concurrency_failed_cohort_limit",
    "_destination_concurrency_limit": "$default_destination_concurrency_limit",
    "_destination_concurrency_negative_feedback": "$default_destination_concurrency_negative_feedback",
    "_destination_concurrency_positive_feedback": "$default_destination_concurrency_positive_feedback",
    "_destination_rate_delay": "$default_destination_rate_delay",
    "_destination_recipient_limit": "$default_destination_recipient_limit",
    "_extra_recipient_limit": "$default_extra_recipient_limit",
    "_initial_destination_concurrency": "$initial_destination_concurrency",
    "_minimum_delivery_slots": "$default_minimum_delivery_slots",
    "_recipient_limit": "$default_recipient_limit",
    "_recipient_refill_delay": "$default_recipient_refill_delay",
    "_recipient_refill_limit": "$default_recipient_refill_limit",
    "_transport_rate_delay": "$default_transport_rate_delay",
}


def service_parameters(entries: Iterable[Entry]) -> dict[str, tuple[str, str]]:
    """The (type, default) of the parameters that master.cf's services have; some are built in as well."""
    found: dict[str, tuple[str, str]] = {}
    for entry in entries:
        program = entry.fields[-1].text
        if program in TIMED_PROGRAMS:
            found.setdefault(entry.name + "_time_limit", (TIME, "$command_time_limit"))
        if program in TRANSPORT_PROGRAMS:
            for suffix, default in TRANSPORT_SUFFIXES.items():
                name = entry.name + suffix
                found.setdefault(name, PARAMETERS.get(name) or (PARAMETERS[default[1:]][0], default))
    return found


def default_unit(name: str) -> str:
    """The unit of a time that is given without one: that of the parameter's own default (postconf(5))."""
    seen = set()
    while name in PARAMETERS and name not in seen:
        seen.add(name)
        default = PARAMETERS[name][1]
        if default.startswith("$") and default[1:] in PARAMETERS:
            name = default[1:]
            continue
        if default[-1:] in "smhdw":
            return default[-1:]
    return "s"


def time_value(text: str, unit: str) -> int | None:
    """A time in seconds: digits and one of s, m, h, d, w, or ``unit`` where there is none; None for anything else."""
    if text[-1:] in _UNITS and text:
        text, unit = text[:-1], text[-1]
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        return None
    return int(text) * _UNITS[unit]
