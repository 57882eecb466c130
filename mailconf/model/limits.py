"""The sizes and times within which an MTA keeps, as a configuration sets them."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Activity(Enum):
    """What a client may do so often in a while, and no more."""

    CONNECTION = "connections"
    MESSAGE = "messages"
    RECIPIENT = "recipients"
    LOGIN = "logins"
    HANDSHAKE = "handshakes"


class ClientRates(NamedTuple):
    """How often a client may do what within ``unit`` seconds (0: as often as it likes).

    ipv4_prefix, ipv6_prefix  bits of an address that make up a client
    """

    unit: float = 60.0
    connections: int = 0
    messages: int = 0
    recipients: int = 0
    logins: int = 0
    handshakes: int = 0
    ipv4_prefix: int = 32
    ipv6_prefix: int = 128

    def of(self, activity: Activity) -> int:
        """The limit of an activity."""
        limit: int = getattr(self, activity.value)
        return limit


class HopTimes(NamedTuple):
    """Seconds that another host has, 0: as many as it likes.

    connect            to take a connection
    greeting, hello    to greet, and to answer EHLO
    told, mail, rcpt   to answer XFORWARD, MAIL, RCPT
    data, end          to answer DATA, and the end of the content; ``block``: to take a piece of the content
    reset              to answer RSET
    """

    connect: float = 30.0
    greeting: float = 300.0
    hello: float = 300.0
    told: float = 300.0
    mail: float = 300.0
    rcpt: float = 300.0
    data: float = 120.0
    block: float = 180.0
    end: float = 600.0
    reset: float = 20.0


class Limits(NamedTuple):
    """Sizes in bytes (0: no limit), times in seconds."""

    message_size: int = 10_240_000
    header_size: int = 102_400
    header_tokens: int = 10_240  # of a header field whose addresses are rewritten
    line_length: int = 2048
    mailbox_size: int = 51_200_000
    room: int = 0  # free on the disk of the queue, or no message is taken
    recipients: int = 1000
    session_timeout: float = 300.0  # for a client that is waited for
    soft_errors: int = 10
    hard_errors: int = 20
    error_sleep: float = 1.0
    junk_commands: int = 100
    connections: int = 100
    connections_per_client: int = 50
    queue_run_delay: float = 300.0
    minimal_backoff: float = 300.0
    maximal_backoff: float = 4000.0
    runs_are_whole: bool = False  # a run of the queue attempts everything, whatever its last attempt was
    queue_lifetime: float = 432_000.0
    bounce_lifetime: float = 432_000.0
    destination_concurrency: int = 20
    hop_count: int = 50
    virtual_mailbox_size: int = 51_200_000
    bounce_size: int = 50_000
    delay_warning: float = 0.0  # the sender is notified of a delay after this long; 0: never
    command_time: float = 1000.0
    destination_recipients: int = 50
    full_pause: float = 0.0  # where all ``connections`` are taken, no more come before that; 0: they wait
    connection_rate: int = 0  # connections that are taken in a second, further ones wait; 0: no limit
    rate_window: float = 60.0  # connections within this time make up a client's rate
    hop: HopTimes = HopTimes()  # of transports that have none of their own
    proxy_timeout: float = 5.0  # for what a proxy says of a client
    client_rates: ClientRates = ClientRates()
    trace_counts: bool = True  # the fields that this host puts on top count for the size of a message
