"""What a restriction is: it decides (``evaluate``), and it says what it looks at (``distinguishes``).

`Simple` is one that takes no argument, made of a function and of what that function looks at; those with an argument
are dataclasses of their own in `mailconf.postfix.policy.dns_checks` and `mailconf.postfix.policy.restrictions`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from mailconf.model.distinction import Dimension, Distinction, Form, Key, Values
from mailconf.postfix.policy.evaluation import Asked, Decision, Evaluation
from mailconf.postfix.policy.smtpd_settings import Settings

ALWAYS_THERE = ("mailer-daemon", "postmaster")  # local users that no table needs to know
Act = Callable[[Evaluation, Asked], Awaitable[Decision]]


@dataclass(slots=True, eq=False, repr=False)
class Reach:
    """What a rule needs to say what it looks at.

    who       what a bare table of the list is asked about, as in `Evaluation`
    values    the values of a table that can be listed, as they may be restrictions themselves
    entered   restriction classes and tables that have been looked into
    """

    settings: Settings
    values: Values
    who: str = ""
    entered: set[str] = field(default_factory=set)


Looks = Callable[[Reach], Iterable[Distinction]]


class Check(Protocol):
    """What a word of a restriction list does."""

    @property
    def evaluate(self) -> Act:
        """``await evaluate(evaluation, asked)`` gives PERMIT, REJECT or DUNNO."""
        ...

    def distinguishes(self, reach: Reach) -> Iterator[Distinction]:
        """Everything that ``evaluate`` may look at; ``rule`` is "" where it is the restriction itself."""
        ...


@dataclass(slots=True, eq=False, repr=False)
class Simple:
    """A restriction without an argument."""

    evaluate: Act
    looks: tuple[Looks, ...] = ()

    def distinguishes(self, reach: Reach) -> Iterator[Distinction]:
        for look in self.looks:
            yield from look(reach)


def syntax(*dimensions: Dimension) -> Looks:
    """Whether a value is there and well formed, or another fact of the session."""
    return lambda reach: [Distinction("", dimension, Form.SYNTAX, exact=False) for dimension in dimensions]


def literal(dimension: Dimension, text: str) -> Looks:
    return lambda reach: [Distinction("", dimension, Form.LITERAL, text, (Key.WHOLE,))]


def dns(dimension: Dimension, records: tuple[str, ...], *keys: Key, zone: str = "") -> Looks:
    """The DNS, for names made of a value, in ``zone``, and the filter of its answers."""

    def look(reach: Reach) -> Iterator[Distinction]:
        yield Distinction("", dimension, Form.DNS, zone, keys, exact=False, records=records)
        yield from dns_filter(reach)

    return look


def dns_filter(reach: Reach) -> Iterator[Distinction]:
    """The table that sees every record."""
    parameter, tables = reach.settings.dns_filter
    return tables.distinguishes(parameter, Dimension.ANSWER, (Key.WHOLE,), exact=False)


def networks(reach: Reach) -> Iterator[Distinction]:
    domains = reach.settings.domains
    return domains.looks_at(domains.networks, Dimension.NAME, Dimension.CLIENT)


def relay_names(reach: Reach) -> Iterator[Distinction]:
    """The client's name, which relay_domains may have."""
    domains = reach.settings.domains
    return domains.looks_at(domains.relay, Dimension.NAME)


def own_addresses(reach: Reach) -> Iterator[Distinction]:
    for address in sorted(reach.settings.domains.own_addresses):
        yield Distinction("", Dimension.CLIENT, Form.LITERAL, address, (Key.WHOLE,))


def sender_class(reach: Reach) -> Iterator[Distinction]:
    """How the sender is resolved: as if the recipient sent to it."""
    return reach.settings.resolver.distinguishes(Dimension.SENDER, Dimension.RECIPIENT)


def recipient_class(reach: Reach) -> Iterator[Distinction]:
    return reach.settings.resolver.distinguishes(Dimension.RECIPIENT, Dimension.SENDER)


def known_to_tables(dimension: Dimension) -> Looks:
    """The tables that know the users of each class of domains, and those that make any address known."""

    def look(reach: Reach) -> Iterator[Distinction]:
        settings = reach.settings
        for local in (settings.double_bounce, *ALWAYS_THERE):
            yield Distinction("", dimension, Form.LITERAL, local, (Key.LOCAL,))
        senders = [("sender_canonical_maps", settings.sender_canonical)] if dimension is Dimension.SENDER else []
        for rule, tables in (
            ("recipient_canonical_maps", settings.recipient_canonical),
            *senders,
            ("canonical_maps", settings.canonical),
            ("virtual_alias_maps", settings.virtual_alias),
            ("local_recipient_maps", settings.local_recipients),
            ("virtual_mailbox_maps", settings.virtual_mailbox),
            ("relay_recipient_maps", settings.relay_recipients),
        ):
            yield from settings.domains.looks_up(rule, tables, dimension)

    return look


def logins(reach: Reach) -> Iterator[Distinction]:
    settings = reach.settings
    return settings.domains.looks_up("smtpd_sender_login_maps", settings.sender_login, Dimension.SENDER)


def certificates(reach: Reach) -> Iterator[Distinction]:
    """The tables of fingerprints by which clients may relay."""
    tables = reach.settings.relay_certificates
    span = reach.settings.domains.configuration.span("relay_clientcerts")
    return tables.distinguishes("relay_clientcerts", Dimension.SESSION, (Key.WHOLE,), span=span)


def mx_backup_networks(reach: Reach) -> Iterator[Distinction]:
    """The names and addresses of a recipient's exchangers."""
    settings = reach.settings
    recipient = Dimension.RECIPIENT
    yield from settings.domains.looks_at(settings.mx_backup_networks, recipient, recipient, exact=False)
    yield from settings.domains.looks_for_local(recipient, exact=False)
