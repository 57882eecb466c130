"""What the protocol of an SMTP listener depends on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """What the protocol side must know of the configuration; the names are those of postconf(5) without ``smtpd_``.

    Sizes in bytes, 0 for no limit.
    """

    hostname: str = "localhost"
    lmtp: bool = False
    helo_required: bool = False
    smtputf8: bool = True
    starttls: bool = False
    line_length: int = 2048
    message_size: int = 10_240_000
    recipients: int = 1000
    hard_errors: int = 20
    junk_commands: int = 100
    forbidden_commands: tuple[str, ...] = ("CONNECT", "GET", "POST")
    noop_commands: tuple[str, ...] = ()
