"""The values of a test file: clients, addresses, replies, ways out, DNS records. Each is read from a text.

A value that can mean nothing raises `Wrong`, with what is wrong and what to write.
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

from mailconf.insight.cases.suite import Client, Expected, Goal, ReplyPattern
from mailconf.model.session import UNKNOWN, NameOutcome, Verified
from mailconf.model.world import Outcome, Records
from mailconf.smtp.path import parse, valid_hostname
from mailconf.source import Span

STRANGER = "mail.sender.example"  # a name for EHLO that no ordinary rule refuses
LONGEST = 2000
DNS_TYPES = ("A", "AAAA", "MX", "NS", "PTR", "TXT", "CNAME")
SERVFAIL = "servfail"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DNS_NAME = re.compile(r"[^\s,=\x00-\x1f\x7f]{1,253}")
_REPLY = re.compile(r"([2-5][0-9]{2})(?:[ -](.*))?", re.DOTALL)
_SERVICE = re.compile(r"(?:unix|local):\S+|inet:(?:\S+:)?[^\s:]+")
_EACH = re.compile(r"\[each ([a-z ]+) domain\]")
EACH = ("local", "virtual alias", "virtual mailbox", "relay")


class Wrong(Exception):
    """What is wrong with a value, and a hint."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def plain(text: str) -> str:
    if _CONTROL.search(text):
        raise Wrong(f"{text!r} has a control character in it", "write it on one line")
    if len(text) > LONGEST:
        raise Wrong(f"it has more than {LONGEST} characters", "shorten it")
    return text


def ip_address(text: str) -> str:
    """The address in its usual form; one of IPv4 that is written as IPv6 is one of IPv4."""
    try:
        found = ipaddress.ip_address(text.removeprefix("IPv6:").strip("[]"))
    except ValueError:
        raise Wrong(f"{text} is not an IP address", "write one as in 192.0.2.1 or 2001:db8::1") from None
    if isinstance(found, ipaddress.IPv6Address):
        if found.scope_id is not None:
            raise Wrong(f"{text} has a zone in it", "write the address without what follows %")
        found = found.ipv4_mapped or found
    return str(found)


class ClientWords(NamedTuple):
    """The parts of a client as they are written; "" for those that are not."""

    address: str
    name: str = ""
    reverse: str = ""
    helo: str | None = None
    service: str = ""
    auth: str = ""


def client_words(text: str) -> ClientWords:
    """``203.0.113.9 mail.far.test``, an address and the name that it has."""
    words = plain(text).split()
    if not 1 <= len(words) <= 2:
        raise Wrong(f"{text!r} is not an address and a name", "write 203.0.113.9, or 203.0.113.9 mail.far.test")
    return ClientWords(words[0], words[1] if len(words) > 1 else "")


def client(label: str, words: ClientWords) -> Client:
    address = ip_address(words.address)
    name, reverse = _verified(words.name), _verified(words.reverse or words.name)
    if not words.name and ipaddress.ip_address(address).is_loopback:
        name = reverse = Verified.found("localhost")
    helo = words.helo
    if helo is None:
        helo = name.text if name.is_found else STRANGER
    return Client(label, address, name, reverse, plain(helo).strip(), plain(words.service), plain(words.auth))


def _verified(text: str) -> Verified:
    if not text or text == UNKNOWN:
        return Verified.unknown()
    if text.lower() == SERVFAIL:
        return Verified.unknown(NameOutcome.FAILED)
    if not valid_hostname(text):
        raise Wrong(f"{text} is not a host name", "write a name as in mail.far.test, or servfail")
    return Verified.found(text)


def sender(text: str) -> str:
    """The internal form of a sender; ``<>`` is the null sender."""
    return _mailbox(text, empty=True)


def recipient(text: str) -> str:
    """The internal form; one for each of some domains keeps ``[each ...]``, which `domains_meant` reads."""
    if found := _EACH.search(text):
        if found[1] not in EACH:
            choices = ", ".join(f"[each {name} domain]" for name in EACH)
            raise Wrong(f"there is no {found[0]}", f"write one of {choices}")
        _mailbox(_EACH.sub("some.example", text), empty=False)
        return text
    return _mailbox(text, empty=False)


def domains_meant(text: str) -> str:
    """Of ``postmaster@[each local domain]``, "local"; "" for an ordinary address."""
    found = _EACH.search(text)
    return found[1] if found else ""


def with_domain(text: str, domain: str) -> str:
    return _EACH.sub(lambda found: domain, text)


def _mailbox(text: str, *, empty: bool) -> str:
    found = parse(plain(text), empty=empty, smtputf8=True)
    if found is None:
        raise Wrong(f"{text!r} is not a mail address", "write user@domain, or in quotes <> for the null sender")
    return found


def reply_pattern(text: str, span: Span) -> ReplyPattern:
    written = Expected(plain(text), span)
    if text.startswith("/") and text.endswith("/") and len(text) > 2:
        try:
            return ReplyPattern(written, pattern=re.compile(text[1:-1]))
        except re.error as mistake:
            raise Wrong(f"{text} is not a regular expression: {mistake}", "see Python's documentation of re") from None
    found = _REPLY.fullmatch(text)
    if found is None:
        raise Wrong(
            f"{text!r} is not a reply", "write a code (550), a code and how the text begins (550 5.1.1), or /regex/"
        )
    return ReplyPattern(written, int(found[1]), " ".join((found[2] or "").split()))


def goal(text: str, span: Span) -> Goal:
    """``transport[:nexthop] address``."""
    where, blank, address = plain(text).strip().partition(" ")
    address = address.strip()
    if not blank or not address:
        raise Wrong(
            f"{text!r} is not a way out", "write transport address, or transport:nexthop address: smtp ann@far.test"
        )
    transport, colon, nexthop = where.partition(":")
    if not transport:
        raise Wrong(f"{text!r} names no transport", "write transport:nexthop address")
    return Goal(Expected(text.strip(), span), transport, nexthop if colon else None, address.removesuffix(","))


def dns_name(text: str) -> str:
    """A name of the DNS in lower case; of an IP address the name that its PTR record has."""
    try:
        return ipaddress.ip_address(text).reverse_pointer
    except ValueError:
        pass
    if not _DNS_NAME.fullmatch(text):
        raise Wrong(f"{text!r} is not a name of the DNS", "write a name as in mail.far.test, or an IP address")
    return text.lower().rstrip(".")


def dns_type(text: str) -> str:
    if text.upper() not in DNS_TYPES:
        known = ", ".join(name.lower() for name in DNS_TYPES)
        raise Wrong(f"{text} is not a type of records that can be given", f"write one of {known}")
    return text.upper()


def address_type(text: str) -> str:
    return "AAAA" if ":" in ip_address(text) else "A"


def records(kind: str, values: list[str]) -> Records:
    """The records of a type; ``servfail`` is the answer of a server that cannot tell."""
    if [value.lower() for value in values] == [SERVFAIL]:
        return Records(Outcome.FAILED, (), "SERVFAIL")
    found = [_record(kind, value) for value in values]
    if kind == "MX":
        found.sort(key=lambda value: (int(value.split()[0]), value))
    return Records(Outcome.FOUND if found else Outcome.ABSENT, tuple(found))


def _record(kind: str, value: str) -> str:
    value = plain(value.strip())
    if kind in ("A", "AAAA"):
        address = ip_address(value)
        if (kind == "AAAA") is not (":" in address):
            raise Wrong(f"{value} is not an address of type {kind}", "write IPv4 addresses under a, IPv6 under aaaa")
        return address
    if kind == "MX":
        words = value.split()
        if len(words) != 2 or not (words[0].isascii() and words[0].isdigit() and int(words[0]) < 65536):
            raise Wrong(f"{value!r} is not the value of an MX record", "write 10 mail.example.org")
        return f"{int(words[0])} {words[1].rstrip('.') or '.'}"
    if kind == "TXT":
        return value
    if not _DNS_NAME.fullmatch(value):
        raise Wrong(f"{value!r} is not a name of the DNS", "write a name as in mail.far.test")
    return value.rstrip(".")


def service(text: str) -> str:
    if not _SERVICE.fullmatch(text):
        raise Wrong(f"{text!r} is no service", "write unix:PATH or inet:HOST:PORT as the configuration does")
    return text
