"""What the smtp and lmtp clients meet where several messages go to one host; record_hop_reuse.py asks Postfix.

The messages of a case are sent one after the other, each when the one before it has its result; ``pause`` is the time
between them. In settings @PORT@ is the server's port, @TOP@ a folder with certificates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from tests.hop_server import Says


class Series(NamedTuple):
    """``script`` is what the sessions say, one after the other (`HopServer`); ``messages`` how many there are.

    senders  of the messages, in turn
    domains  of the recipients, in turn: each is relayed to the same host
    nexthops of some domains, where they are others: names of the same host
    """

    script: Sequence[Says] = ()
    settings: Mapping[str, str] = MappingProxyType({})
    messages: int = 2
    pause: float = 0.0
    senders: Sequence[str] = ("",)
    domains: Sequence[str] = ("y.example",)
    nexthops: Mapping[str, str] = MappingProxyType({})
    lmtp: bool = False


PLAIN = {"EHLO": "250 sink.example"}
LOGIN = {
    "smtp_sasl_auth_enable": "yes",
    "smtp_sasl_password_maps": "inline:{ {127.0.0.1=ann:secret} }",
    "smtp_sasl_security_options": "noanonymous",
}
BY_SENDER = {
    **LOGIN,
    "smtp_sender_dependent_authentication": "yes",
    "smtp_sasl_password_maps": "inline:{ {ann@b.example=ann:secret}, {bob@b.example=bob:secret} }",
}
AUTH = {"EHLO": "250-sink.example\n250-AUTH PLAIN\n250 PIPELINING", "AUTH": "235 welcome"}
OFFERED = {"EHLO": "250-sink.example\n250-PIPELINING\n250 STARTTLS"}
TLS = {"smtp_tls_security_level": "may"}
TWO, OTHER = ("y.example", "z.example", "z.example", "y.example"), {"z.example": "[localhost]:@PORT@"}
NAMES = {"smtp_connection_cache_destinations": "127.0.0.1, localhost"}

SERIES: dict[str, Series] = {
    "kept": Series(messages=3),
    "without PIPELINING": Series([PLAIN], messages=3),
    "not among the destinations": Series(settings={"smtp_connection_cache_destinations": "other.example"}),
    "a reuse of two": Series(settings={"smtp_connection_reuse_count_limit": "2"}, messages=5),
    "a reuse of one": Series(settings={"smtp_connection_reuse_count_limit": "1"}, messages=4),
    "too old": Series(settings={"smtp_connection_reuse_time_limit": "1"}, messages=2, pause=2.5),
    "waits for too long": Series(settings={"smtp_connection_cache_time_limit": "1"}, pause=2.5),
    "may not wait longer": Series(settings={"connection_cache_ttl_limit": "1"}, pause=2.5),
    "two domains at one host": Series(messages=4, domains=("y.example", "z.example")),
    "two names of one host": Series([], NAMES, 4, domains=TWO, nexthops=OTHER),
    "two names of one host, TLS is not offered": Series([], {**NAMES, **TLS}, 4, domains=TWO, nexthops=OTHER),
    "two names of one host, one is not kept": Series(messages=4, domains=TWO, nexthops=OTHER),
    "closed after the first": Series([{".": "250 ok<close>"}, {}]),
    "421 and closed after the first": Series([{".": "250 ok<wait>421 bye<close>"}, {}], pause=0.7),
    "a reply too many while it waits": Series([{".": ["250 ok<wait>421 4.4.2 bye", "250 ok"]}, {}], pause=0.7),
    "RSET refused": Series([{"RSET": "502 no"}], messages=3),
    "RSET put off": Series([{"RSET": "451 no"}, {}]),
    "RSET answered by 421": Series([{"RSET": "421 bye<close>"}, {}]),
    "RSET closes": Series([{"RSET": "<close>"}, {}]),
    "MAIL refused": Series([{"MAIL": ["550 no", "250 ok"]}], messages=3),
    "MAIL refused, without PIPELINING": Series([{**PLAIN, "MAIL": ["550 no", "250 ok"]}], messages=3),
    "MAIL answered by 421 later": Series([{"MAIL": ["250 ok", "421 enough"]}, {}]),
    "RCPT refused": Series([{"RCPT": ["550 no", "250 ok"]}], messages=3),
    "RCPT refused, without PIPELINING": Series([{**PLAIN, "RCPT": ["550 no", "250 ok"]}], messages=3),
    "RCPT refused later": Series([{"RCPT": ["250 ok", "550 no", "250 ok"]}], messages=3),
    "DATA refused": Series([{"DATA": ["554 no", "354 go"]}], messages=3),
    "DATA refused, and RSET": Series([{"DATA": ["554 no", "354 go"], "RSET": "502 no"}, {}]),
    "the end refused": Series([{".": ["554 no", "250 ok"]}], messages=3),
    "the end put off": Series([{".": ["451 no", "250 ok"]}], messages=3),
    "closed at the end, later": Series([{".": ["250 ok", "<close>"]}, {}]),
    "the end answered by 421, later": Series([{".": ["250 ok", "421 bye<close>"]}, {}]),
    "a login": Series([AUTH], LOGIN, messages=3),
    "logins of two senders": Series([AUTH], BY_SENDER, 4, senders=("ann@b.example", "bob@b.example")),
    "a login of one of two senders": Series([AUTH], BY_SENDER, 4, senders=("ann@b.example", "")),
    "TLS is not offered": Series(settings=TLS, messages=3),
    "TLS": Series([OFFERED], TLS, messages=2),
    "TLS that is kept": Series([OFFERED], {**TLS, "smtp_tls_connection_reuse": "yes"}, messages=3),
    "lmtp": Series(messages=3, lmtp=True),
    "lmtp, the end refused": Series([{".": ["554 no", "250 ok"]}], messages=3, lmtp=True),
    # A reply that does not fit, where the connection is new.
    "DATA answered by 250": Series([{"DATA": "250 ok"}], messages=1),
    "MAIL answered by 354": Series([{"MAIL": "354 go"}], messages=1),
    "RCPT answered by 354, without PIPELINING": Series([{**PLAIN, "RCPT": "354 go"}], messages=1),
    "the end answered by 354": Series([{".": "354 go"}], messages=1),
}
