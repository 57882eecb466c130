"""What is known of an SMTP session: the client, and what it has sent so far."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from mailconf.smtp.reply import Reply


class NameOutcome(Enum):
    """What became of the search for a client's name: four things that are answered differently."""

    FOUND = "found"
    ABSENT = "absent"  # it does not exist, or is no host name
    FAILED = "temporary failure"  # it may be found later
    FORGED = "forged"  # there is one, and it does not lead back to the address


class Verified(NamedTuple):
    """A client's name: what is shown of it ("unknown" where it was not found), and the outcome of the search."""

    text: str
    outcome: NameOutcome

    @classmethod
    def found(cls, text: str) -> Verified:
        return cls(text, NameOutcome.FOUND)

    @classmethod
    def unknown(cls, outcome: NameOutcome = NameOutcome.ABSENT) -> Verified:
        return cls(UNKNOWN, outcome)

    @property
    def is_found(self) -> bool:
        return self.outcome is NameOutcome.FOUND

    def __str__(self) -> str:
        return self.text


UNKNOWN = "unknown"
NO_NAME = Verified(UNKNOWN, NameOutcome.ABSENT)


class ClientCertificate(NamedTuple):
    """The certificate that a client has shown.

    subject      its common name, and ``issuer`` that of its issuer
    fingerprint  "AA:BB:...", ``key_fingerprint`` that of its public key
    trusted      somebody vouches for it
    data         all of it, as DER
    fault        why nobody vouches for it, in the TLS library's words
    """

    subject: str = ""
    issuer: str = ""
    fingerprint: str = ""
    key_fingerprint: str = ""
    trusted: bool = False
    data: bytes = b""
    fault: str = ""


class Proof(Enum):
    """What a client's certificate proves."""

    NOT_ASKED = "the client was not asked for one"
    NONE = "it gave none"
    GOOD = "somebody vouches for it"
    BAD = "nobody vouches for it"


@dataclass(slots=True)
class Session:
    """What is known of an SMTP session so far; the MTA fills it in, the Policy reads it.

    Addresses are in internal form (unquoted local part); the empty string is the null sender, None "not yet given".
    sizes in bytes.
    """

    client_address: str = "127.0.0.1"
    client_port: str = ""
    client_name: Verified = NO_NAME  # by reverse and forward lookup
    reverse_name: Verified = NO_NAME  # the PTR record alone
    server_address: str = ""
    server_port: str = ""
    protocol: str = "SMTP"  # SMTP or ESMTP
    spoken: str = ""  # the protocol with its security (RFC 3848), where the dialect's Policy knows it; "" elsewhere
    helo: str | None = None
    sender: str | None = None
    sender_parameters: dict[str, str] = field(default_factory=dict)  # of MAIL, upper-case names
    recipient: str | None = None  # the one that is being asked about
    recipient_parameters: dict[str, str] = field(default_factory=dict)
    recipients: list[str] = field(default_factory=list)  # those accepted in this transaction
    forwarded: dict[str, str | None] = field(default_factory=dict)  # what XFORWARD says of another client; see there
    sasl_method: str = ""
    sasl_username: str = ""
    mechanisms: tuple[str, ...] = ()  # by which the client may log in now
    logins_ready: bool = False  # somebody knows the logins
    certificate_account: str = ""  # who a client is by its certificate (EXTERNAL); the Policy sets it
    tls_ready: bool = False  # TLS can begin, as far as keys and certificates go
    tls_protocol: str = ""
    tls_cipher: str = ""
    tls_bits: int = 0  # of the cipher's key
    tls_details: str = ""  # how keys were exchanged and who signed, in the log's words
    certificate_wanted: bool = True  # the client is to be asked for one; the Policy sets it
    certificate_asked: bool = False
    certificate: ClientCertificate | None = None
    queue_id: str = ""
    size: int = 0  # of the message, once known
    chunked: bool = False  # the message comes by BDAT
    connections: int = 1  # that this client has open
    rate: int = 1  # connections of this client within a time that the dialect sets, and of all clients
    total_rate: int = 1
    errors: int = 0  # commands refused in this session
    objection: Reply | None = None  # refuses MAIL or RCPT once the address is found good: a parameter, a limit
    withheld: frozenset[str] = frozenset()  # extensions not offered to this client; the Policy sets them at connect
    # The argument of the command at hand as the client wrote it, for a dialect that reads it by itself: of MAIL and
    # RCPT what follows the colon, of a command of the dialect's own the whole line; "" where there is no client.
    typed: str = ""
    verbose: bool = False  # the client has asked to be told more (sendmail's VERB)
    content: bytes | None = None  # of the message, at its end; lines are ended by LF
    hasty: bool = False  # the client did not wait for its greeting, or for another reply, where it had to
    early_input: bool = False  # the client sent on where it had to wait for a reply (reject_unauth_pipelining)

    @property
    def proof(self) -> Proof:
        if not self.certificate_asked:
            return Proof.NOT_ASKED
        if self.certificate is None:
            return Proof.NONE
        return Proof.GOOD if self.certificate.trusted else Proof.BAD

    def end_security(self) -> None:
        """As before TLS and the login, HELO forgotten (RFC 3207 4.2)."""
        self.helo, self.protocol = None, "SMTP"
        self.sasl_method = self.sasl_username = ""

    def become(self, given: Mapping[str, str | None], temporary: Collection[str] = ()) -> None:
        """Become another client's, as XCLIENT has it (XCLIENT_README): what is not given stays, but HELO is forgotten.

        given      attributes by upper-case name; None for [UNAVAILABLE]
        temporary  those of them that are [TEMPUNAVAIL]
        """
        self.helo, self.protocol = None, "SMTP"
        if self.sasl_method != "XCLIENT":
            self.sasl_method = self.sasl_username = ""
        for attribute, name, missing in _XCLIENT:
            if attribute in given:
                value = given[attribute]
                setattr(self, name, missing if value is None else value)
        self.take_names(given, temporary)
        if self.client_address[:5].upper() == "IPV6:":
            self.client_address = self.client_address[5:]
        if given.get("PROTO"):
            self.protocol = (given["PROTO"] or "").upper()
        if "LOGIN" in given:
            self.sasl_method = "XCLIENT" if self.sasl_username else ""

    def take_names(self, given: Mapping[str, str | None], temporary: Collection[str] = ()) -> None:
        """Take over the names that XCLIENT gives, in their order (XCLIENT_README; Postfix 3.7.11).

        given      attributes by name; None for [UNAVAILABLE]
        temporary  those of them that are [TEMPUNAVAIL]

        A NAME that is given is the reverse name as well, until a REVERSE_NAME follows it.
        """
        for attribute in given:
            if attribute in ("NAME", "REVERSE_NAME"):
                text = given[attribute]
                outcome = NameOutcome.FAILED if attribute in temporary else NameOutcome.ABSENT
                name = Verified.unknown(outcome) if text is None else Verified.found(text)
                if attribute == "NAME":
                    self.client_name = name
                if attribute == "REVERSE_NAME" or name.is_found:
                    self.reverse_name = name


# attribute, field, what stands for one that is not available
_XCLIENT = (
    ("ADDR", "client_address", UNKNOWN),
    ("PORT", "client_port", UNKNOWN),
    ("DESTADDR", "server_address", UNKNOWN),
    ("DESTPORT", "server_port", UNKNOWN),
    ("HELO", "helo", ""),
    ("LOGIN", "sasl_username", ""),
)
