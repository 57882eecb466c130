"""Addresses that are verified by probes (verify(8)); record_probes.py puts them to the real Postfix.

A case is settings and the commands of one session each; @PORT@ is that of a server whose answer to RCPT is in the local
part: ``reply550`` and the like; ``mail450`` is the answer to MAIL, ``greeting554`` and ``helo550`` such of the session
that follow, and ``drop`` ends the connection at RCPT.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

NEXT = "smtp:[127.0.0.1]:@PORT@"
FIRST = ("EHLO c.example", "MAIL FROM:<ann@b.test>")


class Case(NamedTuple):
    settings: Mapping[str, str]
    sessions: Sequence[Sequence[str]]


def _recipients(*addresses: str, **settings: str) -> Case:
    """Each address asked about twice, in sessions of their own."""
    sessions = [(*FIRST, f"RCPT TO:<{address}>", "QUIT") for address in addresses for _ in range(2)]
    return Case(settings, sessions)


def _senders(*addresses: str, **settings: str) -> Case:
    check = {"smtpd_recipient_restrictions": "reject_unverified_sender, permit", **settings}
    sessions = [
        ("EHLO c.example", f"MAIL FROM:<{address}>", "RCPT TO:<x@away.test>", "QUIT")
        for address in addresses
        for _ in range(2)
    ]
    return Case(check, sessions)


_REPLIES = ("reply250@away.test", "reply550@away.test", "reply450@away.test", "mail550@away.test", "drop@away.test")
CASES: dict[str, Case] = {
    "recipients": _recipients(*_REPLIES, "reply252@away.test", "reply551@away.test", "mail450@away.test"),
    "senders": _senders(*_REPLIES, ""),
    "codes": _recipients(*_REPLIES[:3], unverified_recipient_reject_code="550", unverified_recipient_defer_code="451"),
    "codes of senders": _senders(
        *_REPLIES[:3], unverified_sender_reject_code="550", unverified_sender_defer_code="451"
    ),
    "codes that accept": _recipients(
        *_REPLIES[:3], unverified_recipient_reject_code="250", unverified_recipient_defer_code="250"
    ),
    "reasons": _recipients(
        *_REPLIES[:3], unverified_recipient_reject_reason="not here", unverified_recipient_reject_code="550"
    ),
    "at once": _recipients(*_REPLIES[:3], unverified_recipient_tempfail_action="defer"),
    "no time": _recipients("reply250@away.test", address_verify_poll_count="1"),
    "failures are not remembered": _recipients(*_REPLIES[1:3], address_verify_negative_cache="no"),
    "a sender of its own": _recipients("reply250@away.test", address_verify_sender="probe@here.example"),
    "no sender": _recipients("reply250@away.test", address_verify_sender="<>"),
    "the sender itself": _recipients("double-bounce@here.example", "probe@here.example", address_verify_sender="probe"),
    "local": _recipients(
        "root@here.example",
        "nobody.here@here.example",
        "list@here.example",
        "file@here.example",
        "command@here.example",
        "root+x@here.example",
        local_recipient_maps="",
        alias_maps="inline:{ {list=root, postmaster} {file=/dev/null} {command=|/bin/true} }",
        recipient_delimiter="+",
    ),
    "local, a Maildir": _recipients("root@here.example", local_recipient_maps="", home_mailbox="Maildir/"),
    "virtual": _recipients(
        "ann@virtual.example",
        "dir@virtual.example",
        "no@virtual.example",
        virtual_mailbox_domains="virtual.example",
        virtual_mailbox_base="@TOP@/boxes",
        virtual_mailbox_maps="inline:{ {ann@virtual.example=ann} {dir@virtual.example=dir/} }",
        virtual_uid_maps="static:65534",
        virtual_gid_maps="static:65534",
        smtpd_reject_unlisted_recipient="no",
    ),
    "virtual aliases": _recipients(
        "one@alias.example",
        "two@alias.example",
        virtual_alias_domains="alias.example",
        virtual_alias_maps="inline:{ {one@alias.example=reply550@away.test} "
        "{two@alias.example=reply250@away.test, reply550@away.test} }",
    ),
    "error and discard": _recipients(
        "x@error.test",
        "x@discard.test",
        transport_maps="inline:{ {error.test=error:5.1.2 no such place} {discard.test=discard:} }",
    ),
    "other transports": Case(
        {
            "address_verify_default_transport": "error:5.4.4 not for probes",
            "address_verify_transport_maps": f"inline:{{ {{mapped.test={NEXT}}} }}",
            "address_verify_local_transport": NEXT,
        },
        [
            (*FIRST, f"RCPT TO:<{address}>", "QUIT")
            for address in ("x@away.test", "reply250@mapped.test", "reply550@here.example")
            for _ in range(2)
        ],
    ),
    "another relay host": Case(
        {"relayhost": "[127.0.0.1]:1", "default_transport": "smtp", "address_verify_relayhost": "[127.0.0.1]:@PORT@"},
        [(*FIRST, "RCPT TO:<reply550@away.test>", "QUIT")] * 2,
    ),
    "nobody there": _recipients("x@away.test", default_transport="smtp:[127.0.0.1]:1"),
    "warn_if_reject": _recipients(
        "reply550@away.test", smtpd_recipient_restrictions="warn_if_reject reject_unverified_recipient, permit"
    ),
    "both, in one session": Case(
        {"smtpd_recipient_restrictions": "reject_unverified_sender, reject_unverified_recipient, permit"},
        [
            (
                *FIRST[:1],
                "MAIL FROM:<reply250@away.test>",
                "RCPT TO:<reply550@away.test>",
                "RCPT TO:<Reply250@AWAY.test>",
                "RCPT TO:<reply250@away.test>",
                "QUIT",
            )
        ],
    ),
    "soft bounce": _recipients("reply550@away.test", soft_bounce="yes", unverified_recipient_reject_code="550"),
}
