"""Nexthops in main.cf (postconf(5) relayhost, default_transport), and pattern lists that no Policy asks."""

from __future__ import annotations

from collections.abc import Iterator

from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink, error
from mailconf.model.site import Site
from mailconf.model.transport import AgentKind
from mailconf.postfix.policy.policy import telling
from mailconf.postfix.settings.classes import IGNORED
from mailconf.postfix.settings.lists import ListKind, PatternList
from mailconf.smtp.nexthop import BadNexthop, Nexthop, nexthop_meant, split_nexthops

PF251 = error("PF251", "a nexthop with which the delivery agent ends")
"""Why: smtp(8) and lmtp(8) end each time that they are given mail for the nexthop, which waits in the queue. This
delays all other mail of the transport, too.

Example:
    # main.cf
    relayhost = [mail.example.com]:submision

Remedy: write host, host:port, [host] or [host]:port, with the number of the port or a name that services(5) has.
Several are separated by commas.

Source: postconf(5) relayhost; transport(5), "RESULT FORMAT"; observed with Postfix 3.7.11.
"""

RELAYS = ("relayhost",)
TRANSPORTS = (
    *("default_transport", "local_transport", "mailbox_transport", "fallback_transport", "relay_transport"),
    *("virtual_transport", "address_verify_default_transport", "address_verify_relay_transport"),
)
LISTS = {
    "debug_peer_list": ListKind.HOST,
    "fast_flush_domains": ListKind.DOMAIN,
    "qmqpd_authorized_clients": ListKind.HOST,
    "smtpd_authorized_verp_clients": ListKind.HOST,
    "smtpd_sasl_exceptions_networks": ListKind.HOST,
    "authorized_flush_users": ListKind.STRING,
    "authorized_mailq_users": ListKind.STRING,
    "authorized_submit_users": ListKind.STRING,
    "smtp_connection_cache_destinations": ListKind.STRING,
    "smtp_sasl_mechanism_filter": ListKind.STRING,
    "smtpd_log_access_permit_actions": ListKind.STRING,
    "smtpd_sasl_mechanism_filter": ListKind.STRING,
}


def nexthops(subject: Subject, sink: Sink) -> None:
    """Report nexthops that the values of parameters name and the delivery agents do not take."""
    configuration, site = subject.configuration, subject.site
    for name in (*RELAYS, *TRANSPORTS):
        if not configuration.is_set(name):
            continue
        value = configuration.value(name)
        for problem, text, better in _problems(site, value if name in TRANSPORTS else f"smtp:{value}"):
            hint = "write host, host:port, [host] or [host]:port, with the port's number or its name in services(5)"
            fix = configuration.swapped(name, text, better) if better else ()
            sink.report(PF251, f"{name}: {problem}", configuration.place(name), hint=hint, fix=fix)


def _problems(site: Site, value: str) -> Iterator[tuple[str, str, str]]:
    """What is wrong, the nexthop, and the one that is certainly meant, or ""."""
    transport, _, nexthop = value.partition(":")
    known = site.transports.get(transport)
    agent = known.agent if known is not None else AgentKind.SMTP if transport == "smtp" else None
    if agent not in (AgentKind.SMTP, AgentKind.LMTP) or not nexthop.strip():
        return
    for text in split_nexthops(nexthop):
        try:
            Nexthop.parse(text, lmtp=agent is AgentKind.LMTP, ports=site.ports)
        except BadNexthop as problem:
            yield str(problem), text, nexthop_meant(text, lmtp=agent is AgentKind.LMTP, ports=site.ports)


def lists(subject: Subject, sink: Sink) -> None:
    """Report patterns that mean nothing, in the lists that decide nothing about a message."""
    configuration = subject.configuration
    tell = telling(configuration, sink)
    for name, kind in LISTS.items():
        if configuration.is_set(name):
            made = PatternList.compile(name, configuration.value(name), kind, read=configuration.read_list)
            for problem in (*made.problems, *map(IGNORED.format, made.ignored)):
                tell(name, problem)
