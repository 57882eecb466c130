"""Postfix's parameters: which exist, of what type, with which default (postconf(5)).

The built-in ones are data (mailconf.postfix.parameters.data). Others exist because something else does:

- a delivery transport NAME in master.cf has NAME_destination_concurrency_limit and others (`TRANSPORT_SUFFIXES`), a
  service that runs pipe(8) or spawn(8) has NAME_time_limit; master.cf's names are taken as they are;
- names listed in smtpd_restriction_classes are parameters of the user's.
"""

from __future__ import annotations

from mailconf.postfix.parameters.data import DATABASES, LEGACY, PARAMETERS, RAW, READ_ONLY, VERSION
from mailconf.postfix.parameters.releases import version_numbers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["PARAMETERS", "VERSION", "ParameterSet", "ServiceParameters", "default_unit", "parameter_set", "time_value"]

BOOLEAN, INTEGER, TIME, STRING = "b", "i", "t", "s"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class ParameterSet:
    """What one version of Postfix knows.

    version     major and minor, (3, 10); ``release`` is the full version, "3.10.13"
    parameters  (type, default) by name
    raw         parameters whose values are expanded only when they are used
    read_only   parameters that main.cf cannot set
    legacy      names without a default of their own that defaults refer to
    databases   by map type, what may follow NAME_ in a parameter of the table type:NAME
    deprecated  what to use instead, by name, in postconf's words
    """

    __slots__ = ("databases", "deprecated", "legacy", "parameters", "raw", "read_only", "release", "version")

    def __init__(
        self,
        release: str,
        parameters: Mapping[str, tuple[str, str]],
        raw: frozenset[str],
        read_only: frozenset[str],
        legacy: frozenset[str],
        databases: Mapping[str, frozenset[str]],
        deprecated: Mapping[str, str],
    ) -> None:
        self.release = release
        self.version = version_numbers(release)
        self.parameters = parameters
        self.raw = raw
        self.read_only = read_only
        self.legacy = legacy
        self.databases = databases
        self.deprecated = deprecated


BASE = ParameterSet(VERSION, PARAMETERS, RAW, READ_ONLY, LEGACY, DATABASES, {})


def parameter_set(release: str = "") -> ParameterSet:
    """What Postfix ``release`` ("3.10", "3.10.13") knows; without, the version of `data`.

    Between 3.5 and 3.11 every minor version is known; outside, the nearest one is used. Raises ValueError.
    """
    if not release:
        return BASE
    wanted = version_numbers(release)
    if wanted == BASE.version:
        return _released(BASE, release)
    from mailconf.postfix.parameters.versions import VERSIONS

    known = {version_numbers(version): data for version, data in VERSIONS.items()}
    data = known[max(min(wanted, max(known)), min(known))]
    parameters = {**PARAMETERS, **data["parameters"]}
    found = ParameterSet(
        data["version"],
        {name: value for name, value in parameters.items() if value is not None},
        data.get("raw", RAW),
        data.get("read_only", READ_ONLY),
        data.get("legacy", LEGACY),
        data.get("databases", DATABASES),
        data.get("deprecated", {}),
    )
    return _released(found, release)


_recorded: list[ParameterSet] = []


def recorded() -> list[ParameterSet]:
    """Every version that there are data of, oldest first."""
    from mailconf.postfix.parameters.versions import VERSIONS

    if not _recorded:
        found = [BASE, *(parameter_set(version) for version in VERSIONS)]
        _recorded.extend(sorted(found, key=lambda each: each.version))
    return _recorded


def _released(found: ParameterSet, release: str) -> ParameterSet:
    """``found`` for exactly ``release``, where that differs from its minor version."""
    if release.count(".") < 2 or release == found.release or version_numbers(release) != found.version:
        return found
    parameters = {**found.parameters, "mail_version": (STRING, release)}
    return ParameterSet(
        release, parameters, found.raw, found.read_only, found.legacy, found.databases, found.deprecated
    )


TRANSPORT_PROGRAMS = frozenset({"error", "lmtp", "local", "pipe", "smtp", "virtual"})
TIMED_PROGRAMS = frozenset({"pipe", "spawn"})
TIME_LIMIT = "_time_limit"
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


_SUFFIXES = tuple(TRANSPORT_SUFFIXES)


class ServiceParameters:
    """The parameters that exist because of master.cf's services, (type, default) by name; some are built in as well."""

    __slots__ = ("_parameters", "_timed", "_transports")

    def __init__(
        self, services: Iterable[tuple[str, str]] = (), parameters: Mapping[str, tuple[str, str]] = PARAMETERS
    ) -> None:
        self._parameters = parameters
        self._timed: dict[str, None] = {}
        self._transports: dict[str, None] = {}
        for name, program in services:
            self.add(name, program)

    def add(self, name: str, program: str) -> None:
        """Those of the service ``name``, which runs ``program``."""
        if program in TIMED_PROGRAMS:
            self._timed[name] = None
        if program in TRANSPORT_PROGRAMS:
            self._transports[name] = None

    def get(self, name: str) -> tuple[str, str] | None:
        if name.endswith(TIME_LIMIT) and name.removesuffix(TIME_LIMIT) in self._timed:
            return TIME, "$command_time_limit"
        for suffix, default in TRANSPORT_SUFFIXES.items() if name.endswith(_SUFFIXES) else ():
            if name.endswith(suffix) and name.removesuffix(suffix) in self._transports:
                return self._parameters.get(name) or (self._parameters[default[1:]][0], default)
        return None

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        yield from (service + TIME_LIMIT for service in self._timed)
        yield from (service + suffix for service in self._transports for suffix in TRANSPORT_SUFFIXES)


def default_unit(name: str, parameters: Mapping[str, tuple[str, str]] = PARAMETERS) -> str:
    """The unit of a time that is given without one: that of the parameter's own default (postconf(5))."""
    seen = set()
    while name in parameters and name not in seen:
        seen.add(name)
        default = parameters[name][1]
        if default.startswith("$") and default[1:] in parameters:
            name = default[1:]
            continue
        if default[-1:] in _UNITS:
            return default[-1:]
    return "s"


def time_value(text: str, unit: str) -> int | None:
    """A time in seconds: digits and one of s, m, h, d, w, or ``unit`` without a letter; None for anything else."""
    if text[-1:] in _UNITS and text:
        text, unit = text[:-1], text[-1]
    if not (text.isascii() and text.isdigit() and len(text.lstrip("0")) < 20):
        return None
    return int(text.lstrip("0") or "0") * _UNITS[unit]


def integer_value(text: str) -> int | None:
    """A decimal number with or without a sign; None for anything else."""
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not (digits.isascii() and digits.isdigit() and len(digits.lstrip("0")) < 20):
        return None
    return int(digits.lstrip("0") or "0") * (-1 if text[0] == "-" else 1)
