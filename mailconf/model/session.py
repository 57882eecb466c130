"""What is known of an SMTP session: the client, and what it has said so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from mailconf.smtp.reply import Reply


@dataclass(slots=True)
class Session:
    """What is known of an SMTP session so far; the MTA fills it in, the Policy reads it.

    Addresses are in internal form (unquoted local part); the empty string is the null sender, None "not yet given".
    sizes in bytes.
    """

    client_address: str = "127.0.0.1"
    client_port: str = ""
    client_name: str = "unknown"  # verified by forward and reverse lookup, "unknown" otherwise
    reverse_name: str = "unknown"  # the PTR record, unverified
    server_address: str = ""
    server_port: str = ""
    protocol: str = "SMTP"  # SMTP or ESMTP
    helo: str | None = None
    sender: str | None = None
    sender_parameters: dict[str, str] = field(default_factory=dict)  # of MAIL, upper-case names
    recipient: str | None = None  # the one that is being asked about
    recipient_parameters: dict[str, str] = field(default_factory=dict)
    recipients: list[str] = field(default_factory=list)  # those accepted in this transaction
    sasl_method: str = ""
    sasl_username: str = ""
    tls_protocol: str = ""
    tls_cipher: str = ""
    queue_id: str = ""
    size: int = 0  # of the message, once known
    chunked: bool = False  # the message comes by BDAT
    errors: int = 0  # commands refused in this session
    objection: Reply | None = None  # refuses MAIL or RCPT once the address is found good: a parameter, a limit
    withheld: frozenset[str] = frozenset()  # extensions that this client is not offered; the Policy says so at connect
    early_input: bool = False  # the client sent on where it had to wait for a reply (reject_unauth_pipelining)
    memory: dict[str, object] = field(default_factory=dict)  # the Policy's notes from answer to answer; nobody else's
