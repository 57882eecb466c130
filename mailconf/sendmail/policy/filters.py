"""The mail filters (milters) of a sendmail.cf: lines X, and the options InputMailFilters and Milter.macros.*.

Source: Sendmail Installation and Operation Guide 5.11; observed with sendmail 8.17.1.9
(tests/vectors/sendmail_milters.jsonl).
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable

from mailconf.model.filtering import FilterDefault, FilterHabits, Filtering, FilterSettings
from mailconf.sendmail.policy.settings import Settings
from mailconf.sendmail.rules.book import Rulebook
from mailconf.sendmail.rules.problems import EX_CONFIG, CfProblem, Stopped

HABITS = FilterHabits(
    aborts_always=False,
    takes_leave=True,
    ends_sessions=False,
    tells_empty_macros=False,
    tells_refused=False,
    names_addresses=True,
    keeps_names=True,
    inserts_after=True,
)
_DEFAULTS = {"T": FilterDefault.TEMPFAIL, "R": FilterDefault.REJECT, "4": FilterDefault.SHUTDOWN}
# What the model calls a stage -> the option's name.
_STAGES = {
    "connect": "connect",
    "helo": "helo",
    "mail": "envfrom",
    "rcpt": "envrcpt",
    "data": "data",
    "end_of_header": "eoh",
    "end_of_data": "eom",
}
_SOCKET = re.compile(r"(?:(unix|local|inet|inet6):)?(.+)", re.DOTALL)
_TIMES = re.compile(r"([CSRE]):(\d{1,7})([smhdw]?)", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_CONNECT, _ANSWER, _WHOLE = 300.0, 10.0, 300.0  # seconds, where T= does not say


def refuse_undefined(book: Rulebook, hear: Callable[[CfProblem], object]) -> None:
    """A server does not start where InputMailFilters names what no line X defines: mail would pass. Raises Stopped."""
    names = [name.strip() for name in book.options.get("InputMailFilters", "").split(",")]
    missing = [name for name in names if name and name not in book.filters]
    for name in missing:
        hear(CfProblem(f"InputFilter {name} not defined", "451", "4.0.0", error=errno.ENOENT))
    if missing:
        raise Stopped(EX_CONFIG)


def filtering_of(settings: Settings) -> Filtering:
    """The filters that InputMailFilters names, in its order; without those that no line X defines."""
    book = settings.book
    names = [name.strip() for name in book.options.get("InputMailFilters", "").split(",")]
    found = [_filter(name, book.filters[name]) for name in names if name in book.filters]
    macros = {stage: _names(book.options.get(f"Milter.macros.{option}", "")) for stage, option in _STAGES.items()}
    wanted = {name for names in macros.values() for name in names}
    values = {name: settings.expanded(name.strip("{}")) for name in sorted(wanted)}
    return Filtering(
        filters=tuple(found),
        macros=macros,
        values={
            "j": settings.hostname,
            "{daemon_name}": "MTA",
            "{if_name}": settings.hostname,
            **{name: value for name, value in values.items() if value},
        },
        habits=HABITS,
    )


def _names(value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip())


def _filter(name: str, fields: dict[str, str]) -> FilterSettings:
    flags = fields.get("F", "")
    default = next((_DEFAULTS[flag] for flag in flags if flag in _DEFAULTS), FilterDefault.ACCEPT)
    times = {
        letter.upper(): float(int(digits) * _SECONDS[unit.lower() or "m"])
        for letter, digits, unit in _TIMES.findall(fields.get("T", ""))
    }
    return FilterSettings(
        name=name,
        address=_address(fields.get("S", "")),
        default=default,
        connect_timeout=times.get("C") or _CONNECT,
        command_timeout=times.get("R") or _ANSWER,
        content_timeout=times.get("E") or _WHOLE,
    )


def _address(socket: str) -> str:
    """Where a filter listens: "inet:host:port" or "unix:/path"; "" for no place."""
    found = _SOCKET.fullmatch(socket.strip())
    if found is None:
        return ""
    family, place = found.groups()
    if family in ("inet", "inet6"):
        port, _, host = place.partition("@")
        return f"inet:{host.strip('[]') or 'localhost'}:{port}" if port else ""
    return f"unix:{place}"
