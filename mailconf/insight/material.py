"""Clients, senders and recipients that a configuration tells apart: what `mailconf test --record` asks about.

Of Postfix they come of what the Policy says that it distinguishes (`mailconf.model.alphabet`), of sendmail of the keys
of its tables and the words of its classes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from mailconf.model.alphabet import FRESH, FRESH_LOCAL, STRANGERS, alphabet
from mailconf.model.distinction import Dimension
from mailconf.smtp.path import parse

if TYPE_CHECKING:
    from mailconf.insight.engines.postfix_subject import PostfixSubject
    from mailconf.insight.engines.sendmail_subject import SendmailSubject
    from mailconf.insight.engines.subject import Subject

MOST = 2_000  # values of each kind
_CLASSES = ("local", "virtual alias", "virtual mailbox", "relay")


class Material(NamedTuple):
    """IPv4 addresses of clients, and addresses; a stranger and one that nothing names come first."""

    clients: list[str]
    senders: list[str]
    recipients: list[str]


def material(subject: Subject) -> Material:
    clients, senders, recipients = _of_postfix(subject) if subject.dialect == "postfix" else _of_sendmail(subject)  # type: ignore[arg-type]
    here = [domain for kind in _CLASSES for domain in subject.domains(kind)]
    usual = [f"{local}@{domain}" for domain in here for local in ("postmaster", FRESH_LOCAL)]
    return Material(
        list(dict.fromkeys(address for address in (STRANGERS[0], *clients) if _is_ipv4(address)))[:MOST],
        _addresses([f"{FRESH_LOCAL}@{FRESH}", "", *senders]),
        _addresses([f"{FRESH_LOCAL}@{FRESH}", *usual, *recipients]),
    )


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return not text.startswith("127.")


def _addresses(texts: Iterable[str]) -> list[str]:
    """The texts that are addresses, each once and in the form that SMTP has them in."""
    found: dict[str, None] = {}
    for text in texts:
        address = parse(text, empty=True) if text.isascii() and text.isprintable() else None
        if address is not None and len(found) < MOST:
            found.setdefault(address)
    return list(found)


def _of_postfix(subject: PostfixSubject) -> tuple[list[str], list[str], list[str]]:
    policy = subject.policy("")
    distinctions = list(policy.distinguishes(lambda table: subject.entries(table).values()))
    clients, senders, recipients = (
        alphabet(distinctions, dimension, lambda table: subject.entries(table).keys(), MOST).values
        for dimension in (Dimension.CLIENT, Dimension.SENDER, Dimension.RECIPIENT)
    )
    local = (subject.domains("local") or [FRESH])[0]
    names = [key for table in subject.alias_tables() for key in subject.entries(table)]
    return list(clients), list(senders), [*(f"{name}@{local}" for name in names), *recipients]


def _of_sendmail(subject: SendmailSubject) -> tuple[list[str], list[str], list[str]]:
    clients: list[str] = []
    senders: list[str] = []
    recipients: list[str] = []
    local = (subject.domains("local") or [FRESH])[0]
    for is_alias, keys in subject.keys_of_tables():
        for key in keys:
            tag, colon, rest = key.partition(":")
            if is_alias:
                recipients.append(f"{key}@{local}")
            elif colon and tag in ("connect", "from", "to", "spam"):
                clients += _networks(rest)
                (senders if tag == "from" else recipients).extend(_forms(rest))
                senders += _forms(rest) if tag == "spam" else ()
            else:
                clients += _networks(key)
                recipients += _forms(key)
                senders += [f"{key}@{local}"] if "." not in key and "@" not in key else []
    recipients += [f"{FRESH_LOCAL}@{domain}" for kind in _CLASSES for domain in subject.domains(kind)]
    return clients, senders, recipients


def _networks(key: str) -> Iterator[str]:
    """An address of a network whose first octets are a key."""
    octets = key.split(".")
    if all(octet.isascii() and octet.isdigit() and len(octet) < 4 and int(octet) < 256 for octet in octets):
        yield ".".join([*octets, "9", "9", "9"][:4])


def _forms(key: str) -> Iterator[str]:
    local, at, domain = key.rpartition("@")
    if not at:
        if "." in key and not key[:1].isdigit():
            yield f"{FRESH_LOCAL}@{key.lstrip('.')}"
            yield f"{FRESH_LOCAL}@zz.{key.lstrip('.')}"
    elif domain:
        yield f"{local.rstrip('+*') or FRESH_LOCAL}@{domain}"
    else:
        yield f"{local}@{FRESH}"
