"""Parameters that change little of what smtpd(8) says: what commands are replaced, what is logged of permissions, what
ETRN is restricted by. record_switches.py plays the cases, which are of the form of rate_dialogues.py.
"""

from __future__ import annotations

from tests.vectors.rate_dialogues import MESSAGE, Case
from tests.vectors.smtp_dialogues import lines

E, MAIL, RCPT = "EHLO c.example", "MAIL FROM:<ann@b.test>", "RCPT TO:<x@localhost>"
FILTER = (
    "pcre:{{/^NOOP (.*)/ RCPT TO:<$$1@localhost>} {/^(MAIL FROM:\\S+) AUTH=\\S+(.*)/ $$1$$2} {/^HELP/ QUIT}"
    " {/^FOO$$/ FOO} {/^EXPN.*/ EHLO y} {/^Subject/ RSET} {/^$$/ NOOP} {/^DATA/ DATA} {/^AUTH/ GET / x}}"
)
ALL = {"smtpd_log_access_permit_actions": "static:all"}
PERMITS = {
    "smtpd_client_restrictions": "check_client_access static:{OK said}, permit",
    "smtpd_helo_restrictions": "check_helo_access inline:{{c.example=OK}}",
    "smtpd_sender_restrictions": "check_sender_access inline:{{ann@b.test=ok} {bob@b.test=12} {joe@b.test=permit}}",
    "smtpd_relay_restrictions": "permit_mynetworks, permit_auth_destination, reject",
    "smtpd_recipient_restrictions": "check_recipient_access inline:{{x@localhost=OK} {y@localhost=hold}}, permit",
    "smtpd_data_restrictions": "check_client_access static:OK",
    "smtpd_etrn_restrictions": "check_etrn_access static:OK",
}
TALK = lines(E, MAIL, RCPT, "RCPT TO:<y@localhost>", "RCPT TO:<z@localhost>", "RSET", "VRFY x@localhost", "ETRN x.test")
OTHERS = lines("MAIL FROM:<bob@b.test>", RCPT, "RSET", "MAIL FROM:<joe@b.test>", RCPT, "QUIT")
ETRN = lines(
    E,
    "ETRN a.test",
    "ETRN b.test",
    "ETRN sub.b.test",
    "ETRN c.test",
    "ETRN @d.test",
    "ETRN [127.0.0.1]",
    "ETRN e",
    "QUIT",
)


def etrn(restrictions: str, **more: str) -> Case:
    return Case({"smtpd_etrn_restrictions": restrictions, "smtpd_delay_reject": "yes", **more}, [ETRN])


SWITCHES: dict[str, Case] = {
    "commands replaced": Case(
        {"smtpd_command_filter": FILTER},
        [
            lines(E, f"{MAIL} AUTH=x SIZE=5", "NOOP y", "RSET", "EXPN x", "NOOP", "FOO", "", "Subject: x", "HELP"),
            lines("NOOP x", E, *MESSAGE, "AUTH PLAIN"),
            lines(E, "noop a", MAIL, "Noop b", "XFOO", "QUIT"),
        ],
    ),
    "commands replaced, a table that fails": Case(
        {"smtpd_command_filter": "cidr:/nowhere/table"}, [lines(E, MAIL, RCPT, "QUIT")]
    ),
    "permissions logged": Case({**PERMITS, **ALL}, [[*TALK, *OTHERS], lines(E, *MESSAGE, "QUIT")]),
    "permissions logged, some": Case(
        {**PERMITS, "smtpd_log_access_permit_actions": "OK, permit_mynetworks permit 12"}, [[*TALK, *OTHERS]]
    ),
    "permissions logged, others": Case(
        {**PERMITS, "smtpd_log_access_permit_actions": "permit_auth_destination, ok, said"}, [[*TALK, *OTHERS]]
    ),
    "permissions logged, excluded": Case(
        {**PERMITS, "smtpd_log_access_permit_actions": "!permit, static:all"}, [[*TALK, *OTHERS]]
    ),
    "permissions logged, my networks": Case(
        {
            **ALL,
            "mynetworks": "127.0.0.0/8",
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "smtpd_client_restrictions": "permit_inet_interfaces",
            "smtpd_sender_restrictions": "permit_sasl_authenticated, permit_naked_ip_address",
            "smtpd_recipient_restrictions": "check_recipient_access static:{permit_mynetworks}, permit",
        },
        [lines(E, MAIL, RCPT, "QUIT")],
    ),
    "ETRN": etrn("permit"),
    "ETRN, rejected": etrn("reject"),
    "ETRN, by networks": etrn("permit_mynetworks, reject"),
    "ETRN, by a table": etrn(
        "check_etrn_access inline:{{a.test=OK} {b.test=REJECT no} {c.test=450 wait} {[127.0.0.1]=DEFER}}, reject"
    ),
    "ETRN, by client": etrn("check_client_access inline:{{127.0.0.1=REJECT client}}"),
    "ETRN, by HELO": etrn(
        "check_helo_access inline:{{c.example=DISCARD}}, reject_unknown_helo_hostname, warn_if_reject, reject, defer"
    ),
    "ETRN, clients are refused": Case(
        {"smtpd_client_restrictions": "reject", "smtpd_helo_restrictions": "permit"}, [ETRN]
    ),
    "ETRN, HELO is refused": Case(
        {"smtpd_client_restrictions": "permit", "smtpd_helo_restrictions": "check_helo_access static:{450 not you}"},
        [ETRN],
    ),
    "ETRN, clients are refused at once": Case(
        {"smtpd_client_restrictions": "reject", "smtpd_delay_reject": "no", "smtpd_etrn_restrictions": "permit"}, [ETRN]
    ),
    "ETRN, a bare table": etrn("inline:{{a.test=REJECT}}"),
    "ETRN, in a transaction": Case(
        {"smtpd_etrn_restrictions": "reject"}, [lines(E, MAIL, "ETRN a.test", "ETRN", "QUIT")]
    ),
}
