"""What `mailconf explain` is asked: its options checked, and as whom it asks.

An option that can mean nothing is a usage error in plain words (click's BadParameter, exit status 2), before anything
is answered.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import click

if TYPE_CHECKING:
    from mailconf.model.session import Session
    from mailconf.model.site import Service
    from mailconf.model.world import Records

# A name that no ordinary rule refuses: fully qualified, no literal, neither localhost nor a name of the site's own.
DEFAULT_HELO = "mail.sender.example"
LONGEST = 2000  # characters of an option that become a part of an SMTP command
DNS_TYPES = ("A", "AAAA", "MX", "NS", "PTR", "TXT")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NAME_AND_ADDRESS = re.compile(r"([^\[\]]*)\[([^\[\]]*)\]")
_DNS_NAME = re.compile(r"[^\s,=\x00-\x1f\x7f]{1,253}")
_POLICY = re.compile(r"unix:\S+|inet:(?:\S+:)?[^\s:]+")


class Client(NamedTuple):
    address: str
    name: str


def _wrong(option: str, message: str) -> NoReturn:
    raise click.BadParameter(message, param_hint=option)


def _plain(option: str, text: str) -> str:
    if _CONTROL.search(text):
        _wrong(option, f"{text!r} has a control character in it")
    if len(text) > LONGEST:
        _wrong(option, f"it has more than {LONGEST} characters")
    return text


def read_client(text: str) -> Client:
    """``ADDRESS``, ``ADDRESS,NAME`` or ``NAME[ADDRESS]`` as a log has it; a client on loopback is called localhost."""
    from mailconf.smtp.path import valid_hostname

    _plain("--client", text)
    if text.startswith("unix:"):
        _wrong("--client", "a client has an IP address: mail that a local program submits does not pass an smtpd")
    if found := _NAME_AND_ADDRESS.fullmatch(text):
        name, written = found[1], found[2]
    else:
        written, comma, name = text.partition(",")
        if comma and not name:
            _wrong("--client", f"there is no name after the comma of {text}")
    address = _address(written.removeprefix("IPv6:"))
    if address is None:
        example = "192.0.2.1, 2001:db8::1, 192.0.2.1,mail.example.org or mail.example.org[192.0.2.1]"
        _wrong("--client", f"{written or text} is not an IP address; write {example}")
    if name and name != "unknown" and not valid_hostname(name):
        _wrong("--client", f"{name} is not a host name")
    loopback = ipaddress.ip_address(address).is_loopback
    return Client(address, name or ("localhost" if loopback else "unknown"))


def _address(text: str) -> str | None:
    """The address in its usual form; an IPv4 address that is written as IPv6 is one of IPv4."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        if found.scope_id is not None:
            return None
        found = found.ipv4_mapped or found
    return str(found)


def read_helo(text: str) -> str:
    """The client's name for itself, of which a server takes anything on a line; "": it sends no EHLO."""
    return _plain("--helo", text).strip()


def read_sender(text: str) -> str:
    """The internal form of a sender; "" and ``<>`` are the null sender."""
    found = _mailbox(_plain("--from", text), empty=True)
    if found is None:
        _wrong("--from", f"{text!r} is not a mail address: a server answers 501 5.1.7 Bad sender address syntax")
    return found


def read_recipient(text: str) -> str:
    """The internal form of a recipient; a name alone is one."""
    found = _mailbox(_plain("--to", text), empty=False)
    if found is None:
        _wrong("--to", f"{text!r} is not a mail address: a server answers 501 5.1.3 Bad recipient address syntax")
    return found


def read_user(text: str) -> str:
    """A login name; "" for a client that has not logged in."""
    return _plain("--sasl", text)


def add_address(answers: dict[tuple[str, str], Records], helo: str, client: Client) -> None:
    """Let the name that the client gives itself have the client's address, unless another address is given for it."""
    from mailconf.model.world import Outcome, Records

    if not any(name == helo for name, _ in answers):
        kind = "AAAA" if ":" in client.address else "A"
        answers[helo, kind] = Records(Outcome.FOUND, (client.address,))


def _mailbox(text: str, *, empty: bool) -> str | None:
    from mailconf.smtp.path import parse

    return parse(text, empty=empty, smtputf8=True)


def read_dns(options: tuple[str, ...]) -> dict[tuple[str, str], Records]:
    """``zen.example:A=127.0.0.2``: the answers of a `FileWorld`, by name and type."""
    from mailconf.model.world import Outcome, Records

    found: dict[tuple[str, str], Records] = {}
    for option in options:
        question, _, values = option.partition("=")
        name, colon, kind = question.rpartition(":")
        if not colon or not _DNS_NAME.fullmatch(name):
            _wrong("--dns", f"{option!r} is not NAME:TYPE or NAME:TYPE=VALUE,...")
        if kind.upper() not in DNS_TYPES:
            _wrong("--dns", f"{kind!r} is not a record type that is asked for; write one of {', '.join(DNS_TYPES)}")
        answers = tuple(_record(kind.upper(), value.strip()) for value in values.split(",") if value.strip())
        found[name.lower().rstrip("."), kind.upper()] = Records(Outcome.FOUND if answers else Outcome.ABSENT, answers)
    return found


def _record(kind: str, value: str) -> str:
    if kind in ("A", "AAAA"):
        try:
            return str((ipaddress.IPv4Address if kind == "A" else ipaddress.IPv6Address)(value))
        except ValueError:
            _wrong("--dns", f"{value} is not an address of type {kind}")
    if kind == "MX":
        words = value.split()
        if len(words) != 2 or not (words[0].isascii() and words[0].isdigit()):
            _wrong("--dns", f'{value!r} is not the value of an MX record: write "10 mail.example.org"')
    return value if value.endswith(" .") or kind == "TXT" else value.rstrip(".")


def read_policies(options: tuple[str, ...]) -> dict[str, str]:
    """``unix:private/policyd=DUNNO``: actions by endpoint."""
    found = {}
    for option in options:
        endpoint, equals, action = option.partition("=")
        if not equals or not action.strip() or not _POLICY.fullmatch(endpoint):
            wanted = "unix:PATH=ACTION or inet:HOST:PORT=ACTION"
            _wrong("--policy", f"{option!r} is not {wanted}")
        found[endpoint] = _plain("--policy", action.strip())
    return found


@dataclass(frozen=True, slots=True)
class Asked:
    """As whom explain asks, and which service: its first line, and "asked" in JSON."""

    client: Client
    helo: str
    sender: str
    sasl: str
    service: Service | None

    def session(self, size: int) -> Session:
        from mailconf.model.session import UNKNOWN, Session, Verified

        session = Session(client_address=self.client.address, sender=self.sender, size=size)
        name = Verified.unknown() if self.client.name == UNKNOWN else Verified.found(self.client.name)
        session.client_name = session.reverse_name = name
        if size:
            session.sender_parameters["SIZE"] = str(size)
        if self.sasl:
            session.sasl_method, session.sasl_username = "plain", self.sasl
        return session

    def __str__(self) -> str:
        from mailconf.model.address import external

        parts = [f"client {self.client.name}[{self.client.address}]", f"HELO {self.helo}" if self.helo else "no HELO"]
        parts.append(f"sender <{external(self.sender)}>")
        if self.sasl:
            parts.append(f"logged in as {self.sasl}")
        parts.append(f"service {self.service.title}" if self.service else "no service of master.cf, main.cf alone")
        return f"asked as: {', '.join(parts)}"

    def as_json(self) -> dict[str, Any]:
        return {
            "client": {"address": self.client.address, "name": self.client.name},
            "helo": self.helo or None,
            "sender": self.sender,
            "sasl": self.sasl or None,
            "service": _service_json(self.service),
        }


def _service_json(service: Service | None) -> dict[str, Any] | None:
    if service is None:
        return None
    place = {"file": service.span.source.name, "line": service.span.line} if service.span else None
    named = {"name": service.name, "type": service.kind, "program": service.program, "place": place}
    return {**named, "behind": _service_json(service.front)} if service.front else named
