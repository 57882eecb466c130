"""The delivery services of master.cf as `Transport`: what each program is, and what its arguments say.

Sources: master(5), pipe(8), smtp(8), local(8), virtual(8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar, cast

from mailconf.model.limits import HopTimes, Limits
from mailconf.model.site import Service
from mailconf.model.transport import (
    AgentKind,
    ClientWays,
    Concurrency,
    ConnectionReuse,
    Feedback,
    HostLookup,
    Spacing,
    Transport,
)
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.pipe_services import pipe_service
from mailconf.smtp.ehlo import Ehlo

AGENTS = {
    "smtp": AgentKind.SMTP,
    "lmtp": AgentKind.LMTP,
    "local": AgentKind.MAILBOX,
    "virtual": AgentKind.MAILBOX,
    "pipe": AgentKind.PIPE,
    "error": AgentKind.ERROR,
    "discard": AgentKind.DISCARD,
}
HELLO = {"smtp": "ehlo", "lmtp": "lhlo"}
SILENT = "SILENT-DISCARD"  # a word of smtp_discard_ehlo_keywords that is none
# The parameter with the name that a client says in EHLO, by its program.
_CLIENT_NAMES = {"smtp": "smtp_helo_name", "lmtp": "lmtp_lhlo_name"}
MAILBOX_HEADERS = ("Return-Path", "X-Original-To", "Delivered-To")
# pipe(8) flags=: what is put on top.
_PIPE_HEADERS = (("R", "Return-Path"), ("O", "X-Original-To"), ("D", "Delivered-To"))


_CHANGES = (
    "initial_destination_concurrency",
    "default_destination_concurrency_positive_feedback",
    "default_destination_concurrency_negative_feedback",
    "default_destination_concurrency_failed_cohort_limit",
)
_DELAYS = "default_destination_rate_delay", "default_transport_rate_delay"
T = TypeVar("T")


def transports_of(
    c: Configuration, limits: Limits, limits_of: Callable[[Configuration], Limits]
) -> dict[str, Transport]:
    """Every service of the type unix by its name. ``limits`` are main.cf's; ``limits_of`` reads those of a view."""
    alike = _Alike(c)
    return {s.name: _transport(c, s, limits, limits_of, alike) for s in c.services if s.kind == "unix"}


class _Alike:
    """What many transports have in common is there once: a master.cf may have thousands."""

    def __init__(self, c: Configuration) -> None:
        self._found: dict[object, object] = {}
        self._change = _change(c, "")
        self._spacing = _spacing(c, "")

    def one(self, value: T) -> T:
        """The first of the values that are equal to this one."""
        return cast("T", self._found.setdefault((type(value), value), value))

    def change(self, c: Configuration, name: str) -> Concurrency:
        """See `_change`; that of main.cf where nothing is said of this transport alone."""
        if not _is_own(c, name, _CHANGES):
            return self._change
        return self.one(_change(c, name))

    def spacing(self, c: Configuration, name: str) -> Spacing:
        """See `_spacing`; that of main.cf where nothing is said of this transport alone."""
        if not _is_own(c, name, _DELAYS):
            return self._spacing
        return self.one(_spacing(c, name))


def _transport(
    c: Configuration,
    service: Service,
    limits: Limits,
    limits_of: Callable[[Configuration], Limits],
    alike: _Alike,
) -> Transport:
    view = c.for_service(service) if service.overrides else c
    agent = AGENTS.get(service.program)
    own = limits_of(view) if service.overrides else limits
    # The queue manager's, which does not see what the service sets for itself.
    concurrency = f"{service.name}_destination_concurrency_limit"
    client = _CLIENT_NAMES.get(service.program)
    recipients = f"{service.name}_destination_recipient_limit"
    argv, user, flags, command = service.arguments, "", "", None
    headers: tuple[str, ...] = MAILBOX_HEADERS if agent is AgentKind.MAILBOX else ()
    if agent is AgentKind.PIPE:
        argv, user, flags, command = pipe_service(view, service)
        headers = tuple(header for flag, header in _PIPE_HEADERS if flag in flags)
    return Transport(
        name=service.name,
        agent=agent,
        program=service.program,
        argv=argv,
        user=user,
        flags=flags,
        limits=alike.one(own) if own != limits else None,
        command=command,
        concurrency=c.integer(concurrency) if c.is_known(concurrency) else None,
        change=alike.change(c, service.name),
        spacing=alike.spacing(c, service.name),
        recipients=c.integer(recipients) if c.is_known(recipients) else None,
        client_name=view.value(client) if client is not None else "",
        client_port=view.value(f"{service.program}_tcp_port") if client is not None else "",
        host_lookup=alike.one(_host_lookup(view, service.program) if client is not None else HostLookup()),
        ways=alike.one(_ways(view, service.program) if client is not None else ClientWays()),
        reuse=alike.one(_reuse(view, service.program) if client is not None else ConnectionReuse()),
        rewrites=client is None or bool(view.value(f"{service.program}_generic_maps")),
        headers=headers,
        overrides=service.overrides,
        span=service.span,
    )


def _host_lookup(view: Configuration, program: str) -> HostLookup:
    """postconf(5) smtp_host_lookup, smtp_dns_support_level, disable_dns_lookups, inet_protocols."""
    if program == "lmtp":
        level, ways = view.value("lmtp_dns_support_level"), view.words("lmtp_host_lookup")
    else:
        level, ways = view.value("smtp_dns_support_level"), view.words("smtp_host_lookup")
    if level.lower() == "disabled" if level else view.boolean("disable_dns_lookups"):
        return HostLookup(mx=False, dns=False, native=True, types=address_types(view))
    return HostLookup(True, "dns" in ways, "native" in ways, address_types(view))


def _ways(c: Configuration, program: str) -> ClientWays:
    """postconf(5) smtp_mx_address_limit, smtp_fallback_relay, smtp_bind_address, and their like."""

    def integer(name: str, otherwise: int) -> int:
        return c.integer(f"{program}_{name}") if c.is_known(f"{program}_{name}") else otherwise

    usual = ClientWays()
    withheld = keywords(c.words(f"{program}_discard_{HELLO[program]}_keywords"))
    smtp = program == "smtp"
    ehlo = Ehlo.ALWAYS
    if smtp and c.boolean("smtp_never_send_ehlo"):
        ehlo = Ehlo.NEVER
    elif smtp and not c.boolean("smtp_always_send_ehlo"):
        ehlo = Ehlo.OFFERED
    return ClientWays(
        addresses=integer("mx_address_limit", usual.addresses),
        sessions=integer("mx_session_limit", usual.sessions),
        fallback=tuple(c.words(f"{program}_fallback_relay")),
        bind4=c.value(f"{program}_bind_address"),
        bind6=c.value(f"{program}_bind_address6"),
        ehlo=ehlo,
        skips=c.boolean(f"{program}_skip_5xx_greeting"),
        line_length=integer("line_length_limit", usual.line_length),
        converts=not c.boolean("disable_mime_output_conversion"),
        withheld=withheld - {SILENT},
        silently=SILENT in withheld,
        tells=c.boolean(f"{program}_send_xforward_command"),
        times=_times(c, program),
    )


def keywords(words: Iterable[str]) -> frozenset[str]:
    """The extensions that smtp_discard_ehlo_keywords, or a table in its place, has; `SILENT` may be among them."""
    return frozenset(word.upper() for word in words)


def _times(c: Configuration, program: str) -> HopTimes:
    """postconf(5) smtp_connect_timeout and its like."""
    hello = "lhlo" if program == "lmtp" else "helo"  # not as in the names of keywords
    names = ("connect", hello, hello, "xforward", "mail", "rcpt", "data_init", "data_xfer", "data_done", "rset")
    return HopTimes(*(c.seconds(f"{program}_{name}_timeout") for name in names))


def _change(c: Configuration, name: str) -> Concurrency:
    """The queue manager's: postconf(5) initial_destination_concurrency and its like, or the transport's own."""
    first, gain, loss, cohorts = _asked(c, name, _CHANGES)
    return Concurrency(c.integer(first), _feedback(c.value(gain)), _feedback(c.value(loss)), cohorts=c.integer(cohorts))


def _spacing(c: Configuration, name: str) -> Spacing:
    """The queue manager's: postconf(5) default_destination_rate_delay and its like, or the transport's own."""
    return Spacing(*(c.seconds(each) if c.is_known(each) else 0.0 for each in _asked(c, name, _DELAYS)))


def _asked(c: Configuration, name: str, parameters: Iterable[str]) -> list[str]:
    """The parameters that count for one transport: its own where there are such, else those for all."""
    return [own if c.is_known(own := _own(name, common)) else common for common in parameters]


def _is_own(c: Configuration, name: str, parameters: Iterable[str]) -> bool:
    """Whether one of the parameters is set for one transport alone."""
    return any(_own(name, common) in c.names() for common in parameters)


def _own(name: str, common: str) -> str:
    """The name of a parameter for one transport."""
    return f"{name}_{common.removeprefix('default_')}"


def _feedback(text: str) -> Feedback:
    """``number`` or ``number / concurrency``. ``number / sqrt_concurrency`` counts as 1, whatever the number is, as in
    Postfix 3.7.11; so does what is none of these, or not from 0 to 1: the queue manager does not start then."""
    amount, _, divisor = (part.strip() for part in text.partition("/"))
    try:
        number = float(amount)
    except ValueError:
        return Feedback()
    return Feedback(number, bool(divisor)) if divisor in ("", "concurrency") and 0.0 <= number <= 1.0 else Feedback()


def _reuse(view: Configuration, program: str) -> ConnectionReuse:
    """postconf(5) smtp_connection_cache_on_demand and what belongs to it."""
    count = f"{program}_connection_reuse_count_limit"  # since 2.11
    age = f"{program}_connection_reuse_time_limit"
    idle = view.seconds(f"{program}_connection_cache_time_limit")
    return ConnectionReuse(
        on_demand=view.boolean(f"{program}_connection_cache_on_demand"),
        idle=min(idle, view.seconds("connection_cache_ttl_limit")),
        age=view.seconds(age),
        further=view.integer(count) if view.is_known(count) else 0,
    )


def address_types(c: Configuration) -> tuple[str, ...]:
    """The types of records that have addresses of the protocols that inet_protocols names, IPv4's first."""
    families = c.words("inet_protocols")
    return tuple(kind for family, kind in (("ipv4", "A"), ("ipv6", "AAAA")) if {family, "all"} & set(families))
