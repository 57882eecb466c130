"""What a session still knows after RSET, the end of a message, HELO and XCLIENT: commands, and how the reply begins.

The sessions that end in VRFY or EHLO show whether the restrictions are asked: those of a message that will be thrown
away (access(5) DISCARD) are not.
"""

from __future__ import annotations

PARAMETERS = {
    "myhostname": "here.example",
    "mydestination": "ours.example",
    "mynetworks": "",
    "local_recipient_maps": "",
    "smtpd_client_restrictions": "",
    "smtpd_helo_restrictions": "check_helo_access inline:{ {bad.example=REJECT}, {later.example=DEFER_IF_PERMIT} }",
    "smtpd_sender_restrictions": (
        "check_sender_access inline:{ {gone@x.example=DISCARD}, {held@x.example=HOLD},"
        " {later@x.example=DEFER_IF_PERMIT} }"
    ),
    "smtpd_relay_restrictions": "reject_unauth_destination",
    "smtpd_recipient_restrictions": "reject_unauth_destination",
}
Session = list[tuple[str, str]]
_GONE: Session = [("EHLO a", "250 "), ("MAIL FROM:<gone@x.example>", "250 "), ("RCPT TO:<u@ours.example>", "250 ")]
_HELD: Session = [("MAIL FROM:<held@x.example>", "250 "), ("RCPT TO:<u@ours.example>", "250 ")]
_MESSAGE: Session = [("DATA", "354 "), (".", "250 ")]
_RELAY = ("VRFY u@far.example", "554 5.7.1 <u@far.example>: Relay access denied")
_BAD = ("EHLO bad.example", "554 5.7.1 <bad.example>: Helo command rejected")
_BECOMES = ("XCLIENT NAME=foo.example ADDR=192.0.2.7", "220 ")
_EHLO, _LATER = ("EHLO a", "250 "), ("EHLO later.example", "250 ")
_LATER_SAYS = ("VRFY u@ours.example", "450 4.7.1 <later.example>")
_MAIL: Session = [("MAIL FROM:<a@b>", "250 ")]
_DEFERRED: Session = [_EHLO, ("MAIL FROM:<later@x.example>", "250 "), ("RCPT TO:<u@ours.example>", "450 ")]
_SENDER_SAYS = ("VRFY u@ours.example", "450 4.7.1 <later@x.example>")

# with smtpd_delay_reject = yes
DELAYED: dict[str, Session] = {
    "DISCARD holds in its transaction": [*_GONE, ("VRFY u@far.example", "252 ")],
    "RSET ends DISCARD": [*_GONE, ("RSET", "250 "), _RELAY],
    "the message's end ends DISCARD": [*_GONE, *_MESSAGE, _RELAY],
    "a refused MAIL leaves none": [*_GONE, ("RSET", "250 "), ("MAIL FROM:<a@b> SIZE=99999999999", "552 "), _RELAY],
    "XCLIENT ends DISCARD": [*_GONE, ("RSET", "250 "), _BECOMES, _RELAY],
    "HELO's DEFER_IF_PERMIT waits for MAIL": [_LATER, ("VRFY u@ours.example", "252 "), *_MAIL, _LATER_SAYS],
    "and is over with RSET": [_LATER, *_MAIL, ("RSET", "250 "), ("VRFY u@ours.example", "252 ")],
    "a sender's outlasts RSET": [*_DEFERRED, ("RSET", "250 "), _SENDER_SAYS],
    "HOLD is logged anew": [("EHLO a", "250 "), *_HELD, ("RSET", "250 "), *_HELD, ("RCPT TO:<v@ours.example>", "250 ")],
}
# with smtpd_delay_reject = no
AT_ONCE: dict[str, Session] = {
    "RSET ends DISCARD, for HELO": [*_GONE, ("RSET", "250 "), _BAD],
    "the message's end ends DISCARD, for HELO": [*_GONE, *_MESSAGE, _BAD],
    "HELO ends DISCARD behind it": [*_GONE, ("EHLO bad.example", "250 "), _RELAY],
    "HELO's DEFER_IF_PERMIT waits for MAIL": [_LATER, ("VRFY u@ours.example", "252 "), *_MAIL, _LATER_SAYS],
    "and outlasts RSET": [_LATER, *_MAIL, ("RSET", "250 "), _LATER_SAYS],
    "another HELO ends it at the next MAIL": [
        _LATER,
        *_MAIL,
        _EHLO,
        _LATER_SAYS,
        *_MAIL,
        ("VRFY u@ours.example", "252 "),
    ],
    "a sender's outlasts RSET and HELO": [*_DEFERRED, ("RSET", "250 "), _EHLO, _SENDER_SAYS],
    "and a MAIL that is too large": [
        *_DEFERRED,
        ("RSET", "250 "),
        ("MAIL FROM:<a@b> SIZE=99999999999", "552 "),
        _SENDER_SAYS,
    ],
    "another MAIL ends it": [*_DEFERRED, ("RSET", "250 "), *_MAIL, ("VRFY u@ours.example", "252 ")],
    "the first one counts": [_LATER, ("MAIL FROM:<later@x.example>", "250 "), _LATER_SAYS],
}
SESSIONS = [
    (delay, name, session)
    for delay, sessions in (("yes", DELAYED), ("no", AT_ONCE))
    for name, session in sessions.items()
]
HOLDS = 2  # lines of the log of "HOLD is logged anew"
