"""What `mailconf explain` is asked: its options checked, and as whom it asks.

An option that can mean nothing is a usage error in plain words (click's BadParameter, exit status 2), before anything
is answered.
"""

from __future__ import annotations

import ipaddress
import re
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailconf.insight.explain.outside import Known
    from mailconf.model.session import Session
    from mailconf.model.site import Service, Site
    from mailconf.model.world import Records
    from mailconf.ports import Ports

# A name that no ordinary rule refuses: fully qualified, no literal, neither localhost nor a name of the site's own.
DEFAULT_HELO = "mail.sender.example"
MOST = 1 << 24  # bytes of a message or a dialogue
LONGEST = 2000  # characters of an option that become a part of an SMTP command
DNS_TYPES = ("A", "AAAA", "MX", "NS", "PTR", "TXT")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NAME_AND_ADDRESS = re.compile(r"([^\[\]]*)\[([^\[\]]*)\]")
_DNS_NAME = re.compile(r"[^\s,=\x00-\x1f\x7f]{1,253}")
_POLICY = re.compile(r"unix:\S+|inet:(?:\S+:)?[^\s:]+")


class Client(NamedTuple):
    address: str
    name: str


def wrong(option: str, message: str) -> NoReturn:
    """Misuse of an option."""
    raise click.BadParameter(message, param_hint=option)


def _plain(option: str, text: str) -> str:
    if _CONTROL.search(text):
        wrong(option, f"{text!r} has a control character in it")
    if len(text) > LONGEST:
        wrong(option, f"it has more than {LONGEST} characters")
    return text


def read_client(text: str) -> Client:
    """``ADDRESS``, ``ADDRESS,NAME`` or ``NAME[ADDRESS]`` as a log has it; a client on loopback is called localhost."""
    from mailconf.smtp.path import valid_hostname

    _plain("--client", text)
    if text.startswith("unix:"):
        wrong("--client", "a client has an IP address: mail that a local program submits does not pass an smtpd")
    if found := _NAME_AND_ADDRESS.fullmatch(text):
        name, written = found[1], found[2]
    else:
        written, comma, name = text.partition(",")
        if comma and not name:
            wrong("--client", f"there is no name after the comma of {text}")
    address = _address(written.removeprefix("IPv6:"))
    if address is None:
        example = "192.0.2.1, 2001:db8::1, 192.0.2.1,mail.example.org or mail.example.org[192.0.2.1]"
        wrong("--client", f"{written or text} is not an IP address; write {example}")
    if name and name != "unknown" and not valid_hostname(name):
        wrong("--client", f"{name} is not a host name")
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
        wrong("--from", f"{text!r} is not a mail address: a server answers 501 5.1.7 Bad sender address syntax")
    return found


def read_recipient(text: str) -> str:
    """The internal form of a recipient; a name alone is one."""
    found = _mailbox(_plain("--to", text), empty=False)
    if found is None:
        wrong("--to", f"{text!r} is not a mail address: a server answers 501 5.1.3 Bad recipient address syntax")
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
            wrong("--dns", f"{option!r} is not NAME:TYPE or NAME:TYPE=VALUE,...")
        if kind.upper() not in DNS_TYPES:
            wrong("--dns", f"{kind!r} is not a record type that is asked for; write one of {', '.join(DNS_TYPES)}")
        answers = tuple(_record(kind.upper(), value.strip()) for value in values.split(",") if value.strip())
        found[name.lower().rstrip("."), kind.upper()] = Records(Outcome.FOUND if answers else Outcome.ABSENT, answers)
    return found


def _record(kind: str, value: str) -> str:
    if kind in ("A", "AAAA"):
        try:
            return str((ipaddress.IPv4Address if kind == "A" else ipaddress.IPv6Address)(value))
        except ValueError:
            wrong("--dns", f"{value} is not an address of type {kind}")
    if kind == "MX":
        words = value.split()
        if len(words) != 2 or not (words[0].isascii() and words[0].isdigit()):
            wrong("--dns", f'{value!r} is not the value of an MX record: write "10 mail.example.org"')
    return value if value.endswith(" .") or kind == "TXT" else value.rstrip(".")


def read_policies(options: tuple[str, ...]) -> dict[str, str]:
    """``unix:private/policyd=DUNNO``: actions by endpoint."""
    found = {}
    for option in options:
        endpoint, equals, action = option.partition("=")
        if not equals or not action.strip() or not _POLICY.fullmatch(endpoint):
            wanted = "unix:PATH=ACTION or inet:HOST:PORT=ACTION"
            wrong("--policy", f"{option!r} is not {wanted}")
        found[endpoint] = _plain("--policy", action.strip())
    return found


def given_file(option: str, name: str) -> bytes:
    """A file that the command line names, "-" is standard input."""
    from mailconf.files import Root

    if name == "-":
        data = sys.stdin.buffer.read(MOST + 1)
        if len(data) > MOST:
            wrong(option, f"more than {MOST} bytes came from standard input")
        return data
    try:
        return Root().read(name, MOST)
    except OSError as failure:
        wrong(option, f"{name}: {failure.strerror or failure}")


def read_message(name: str) -> bytes:
    """A message, with LF at the end of each line."""
    data = given_file("--message", name).replace(b"\r\n", b"\n")
    return data if data.endswith(b"\n") or not data else data + b"\n"


def read_expected(text: str) -> str:
    """An outcome's name or a reply code; "" where nothing is expected."""
    from mailconf.insight.explain.outcome import Outcome

    expected = text.strip().upper()
    code = len(expected) == 3 and expected.isascii() and expected.isdigit() and expected[0] in "245"
    if expected and not code and expected not in Outcome.__members__:
        wrong("--expect", f"{text!r} is neither a reply code nor one of {', '.join(Outcome.__members__)}")
    return expected


@dataclass(frozen=True, slots=True)
class Asked:
    """As whom explain asks, and which service: its first line, and "asked" in JSON.

    made_up  no name for HELO was given: one was made up
    answers  those of the DNS that were given, by name and type; ``actions`` those of policy services, by endpoint
    plays    what the client sends is in a dialogue
    """

    client: Client
    helo: str
    sender: str
    sasl: str
    size: int
    made_up: bool
    plays: bool
    online: bool
    answers: Mapping[tuple[str, str], Records]
    actions: Mapping[str, str]
    service: Service | None = None
    dialect: str = ""
    ports: Ports | None = None

    @classmethod
    def read(
        cls,
        *,
        client: str,
        helo: str | None,
        sender: str,
        sasl: str,
        size: int,
        plays: bool,
        online: bool,
        records: tuple[str, ...],
        policies: tuple[str, ...],
    ) -> Asked:
        """Read the options of these names; ``plays``: the client sends what a dialogue has."""
        who = read_client(client)
        said = DEFAULT_HELO if helo is None else read_helo(helo)
        made_up = helo is None and not plays
        sent_by, user = read_sender(sender), read_user(sasl)
        return cls(who, said, sent_by, user, size, made_up, plays, online, read_dns(records), read_policies(policies))

    def of(self, service: Service | None, site: Site) -> Asked:
        """The same of a site, and of one of its services."""
        return replace(self, service=service, dialect=site.dialect, ports=site.ports)

    @property
    def known(self) -> Known:
        """What answers of the outside are based on."""
        from mailconf.insight.explain.outside import Known

        names = {name for name, _ in self.answers}
        assumed = {self.helo} - names if self.made_up else set()
        return Known(self.online, names, assumed, set(self.actions))

    @property
    def records(self) -> dict[tuple[str, str], Records]:
        """The answers of the DNS, with that for the name that was made up."""
        found = dict(self.answers)
        if self.made_up:
            add_address(found, self.helo, self.client)
        return found

    def session(self) -> Session:
        """A session with the client, as it is before MAIL."""
        from mailconf.model.session import UNKNOWN, Session, Verified

        session = Session(client_address=self.client.address, sender=self.sender, size=self.size)
        name = Verified.unknown() if self.client.name == UNKNOWN else Verified.found(self.client.name)
        session.client_name = session.reverse_name = name
        if self.size:
            session.sender_parameters["SIZE"] = str(self.size)
        if self.sasl:
            session.sasl_method, session.sasl_username = "plain", self.sasl
        return session

    def __str__(self) -> str:
        from mailconf.model.address import external

        name = self.client.name if self.client.name != "unknown" else "no name"
        parts = [f"{self.client.address} ({name})", f"EHLO {self.helo}" if self.helo else "no EHLO"]
        if self.made_up:
            parts[-1] += " (assumed)"
        parts.append(f"from <{external(self.sender)}>")
        if self.plays:
            del parts[1:]
        if self.sasl:
            parts.append(f"logged in as {self.sasl}")
        if self.service:
            parts.append(f"service {self._endpoint(self.service)}")
        elif self.dialect == "postfix":
            parts.append("no service of master.cf, main.cf alone")
        given = bool(self.answers)
        parts.append("DNS asked" if self.online else "DNS as given" if given else "DNS not asked")
        return f"Asked as: {', '.join(parts)}"

    def _endpoint(self, service: Service) -> str:
        """``smtp:25``; with the service that hands clients to it."""
        port = self.ports.number(service.name) if self.ports is not None and service.kind == "inet" else None
        named = f"{service.name}:{port}" if port is not None and str(port) != service.name else service.name
        front = service.front
        return f"{named} behind {self._endpoint(front)} ({front.program})" if front else named

    def as_json(self) -> dict[str, Any]:
        return {
            "client": {"address": self.client.address, "name": self.client.name},
            "helo": None if self.plays else self.helo or None,
            "helo_assumed": self.made_up,
            "sender": None if self.plays else self.sender,
            "sasl": self.sasl or None,
            "service": _service_json(self.service),
            "dialect": self.dialect,
            "online": self.online,
        }


def _service_json(service: Service | None) -> dict[str, Any] | None:
    if service is None:
        return None
    from mailconf.insight.explain.document import place_json

    named = {"name": service.name, "type": service.kind, "program": service.program, "place": place_json(service.span)}
    return {**named, "behind": _service_json(service.front)} if service.front else named
