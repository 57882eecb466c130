"""What the protocol of an SMTP listener depends on."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple


class BareNewline(Enum):
    """What a line does that ends in LF without CR (postconf(5) smtpd_forbid_bare_newline).

    ALLOW      it counts as one that ends in CRLF, and a dot alone on it ends the message
    NORMALIZE  it counts as one that ends in CRLF, but only ``<CR><LF>.<CR><LF>`` ends a message ("yes" means this, too)
    NOTE       as NORMALIZE, and the log notes it at the session's end; since Postfix 3.9
    REJECT     as NORMALIZE, but the message is refused; a command ends the session
    """

    ALLOW = "no"
    NORMALIZE = "normalize"
    NOTE = "note"
    REJECT = "reject"


def forbidden_by_default(verb: str) -> bool:
    """postconf(5) smtpd_forbidden_commands: CONNECT, GET, POST, and what does not begin with a letter."""
    return verb in ("CONNECT", "GET", "POST") or not "A" <= verb[0] <= "Z"


class ServerOptions(NamedTuple):
    """What the protocol side must know of the configuration; the names are those of postconf(5) without ``smtpd_``.

    Sizes in bytes, 0 for no limit. ``forbidden`` decides about an unknown command, in upper case and never empty,
    whether it ends the session; a header line always does. ``ipv4`` and ``ipv6`` are the families of addresses that
    XCLIENT may name. ``vrfy`` and ``help`` are whether VRFY and HELP are there at all, ``recipient_overshoot`` how many
    recipients beyond the limit are no error of the client's. ``bare_newline_code`` is
    smtpd_forbid_bare_newline_reject_code. ``blank_counted``: lines without a command, and those that are no UTF-8, are
    counted as unknown commands. ``excess_ends``: nothing more is read after a command line of more than twice its
    length, nor after chunks of more than one and a half times the size of a message. ``endings_named``: the log names
    the message that a session ended in. ``from_lines``: every "From " line on top of a message becomes a field, not
    only the first. ``forbid_pipelining``: a client that does not wait for a reply where it must (RFC 2920 3.1) is sent
    away (smtpd_forbid_unauth_pipelining). ``hide_client_session``: the Received field names neither the client nor the
    protocol. ``proxy_protocol``: how the proxy that all clients come through says whose connection each is ("haproxy";
    with another value no client is served). ``starttls``: TLS is offered; ``tls_required``: most commands wait for it;
    ``auth``: clients may log in, with ``auth_needs_tls`` under TLS alone; ``response_length``: bytes of a response to a
    challenge of AUTH.
    ``helo_for`` names the commands that need HELO before them, ``bogus_helo`` is whether HELO takes names that are no
    host names, ``verb`` whether a client may ask by VERB to be told more. From the ``noops``th NOOP on each waits for
    its reply (0: none does), and from the ``logins``th AUTH on each. ``closed`` are the commands that the configuration
    lets nobody use, ``closed_before_helo`` those that need HELO and are not refused for it by the protocol.
    ``seven_bits`` takes the eighth bit off all that comes.
    ``others_asked``: the Policy answers commands that nothing else asks it about, unknown ones among them.
    """

    hostname: str = "localhost"
    lmtp: bool = False
    helo_required: bool = False
    smtputf8: bool = True
    starttls: bool = False
    tls_required: bool = False
    auth: bool = False
    auth_needs_tls: bool = False
    response_length: int = 12_288
    line_length: int = 2048
    message_size: int = 10_240_000
    recipients: int = 1000
    recipient_overshoot: int = 1000
    vrfy: bool = True
    hard_errors: int = 20
    junk_commands: int = 100
    forbidden: Callable[[str], bool] = forbidden_by_default
    noop_commands: tuple[str, ...] = ()
    ipv4: bool = True
    ipv6: bool = True
    help: bool = False
    from_lines: bool = True
    blank_counted: bool = False
    excess_ends: bool = False
    endings_named: bool = False
    bare_newline: BareNewline = BareNewline.ALLOW
    bare_newline_code: int = 550
    forbid_pipelining: bool = False
    hide_client_session: bool = False
    proxy_protocol: str = ""
    # Of sendmail alone.
    helo_for: frozenset[str] = frozenset()
    bogus_helo: bool = False
    verb: bool = True
    noops: int = 20
    logins: int = 0
    closed: frozenset[str] = frozenset()
    closed_before_helo: frozenset[str] = frozenset()
    others_asked: bool = False
    seven_bits: bool = False
