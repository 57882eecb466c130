"""The codes of what is wrong in restriction lists and in pattern lists."""

from __future__ import annotations

from mailconf.diagnostics import Severity, declare, error, warning

PF201 = error("PF201", "a restriction that does not exist")
"""Why: smtpd logs "unknown smtpd restriction" and answers each client that comes to this place of the list with "451
4.3.5 Server configuration error": no mail is accepted that way.

Example:
    # main.cf
    smtpd_sender_restrictions = reject_nonfqdn_sender

Remedy: correct the name, or define a restriction class of that name.

Source: postconf(5), smtpd_recipient_restrictions and the other lists, smtpd_restriction_classes; observed with Postfix
3.7.11.
"""

PF202 = error("PF202", "a restriction without the argument that it needs")
"""Why: smtpd takes the next word for the argument, or finds none, and answers "451 4.3.5 Server configuration error".

Example:
    # main.cf
    smtpd_sender_restrictions = check_sender_access

Remedy: write the argument after the restriction.

Source: postconf(5), the restriction; observed with Postfix 3.7.11.
"""

PF203 = warning("PF203", "a restriction after one that always decides")
"""Why: permit and reject end a list. What follows them is never evaluated, here not even for spam.

Example:
    # main.cf
    smtpd_sender_restrictions = permit, reject_non_fqdn_sender

Remedy: move the restriction before the one that ends the list, or remove it.

Source: SMTPD_ACCESS_README, "Getting selective with SMTP access restriction lists".
"""

PF204 = error("PF204", "an SMTP server that would relay for everybody")
"""Why: a server that accepts mail from everybody for everybody is used for spam within hours. smtpd does not start
where neither list has a restriction against it: "fatal: in parameter smtpd_relay_restrictions or
smtpd_recipient_restrictions, specify at least one working instance of ...".

Example:
    # main.cf
    smtpd_relay_restrictions = permit

Remedy: put reject_unauth_destination at the end of smtpd_relay_restrictions.

Source: postconf(5) smtpd_relay_restrictions; observed with Postfix 3.7.11.
"""

PF205 = warning("PF205", "a restriction under an old name, or one that will be removed")
"""Why: the restriction works under its old name, which a later version of Postfix may not have: there each client is
answered 451.

Example:
    # main.cf
    smtpd_sender_restrictions = reject_unknown_client

Remedy: write the name that the hint gives.

Source: postconf(5), which gives the versions; DEPRECATION_README of Postfix 3.9 and later.
"""

PF206 = error("PF206", "a pattern list with a pattern that cannot mean anything")
"""Why: smtpd logs a warning when it comes to the pattern and does not know whether the client matches: it answers "451
4.3.0 Temporary lookup failure".

Example:
    # main.cf
    mynetworks = 127.0.0.0/8, 10.0.0.1/8

Remedy: write an address or a network without bits after its length, IPv6 in brackets: [2001:db8::]/32

Source: postconf(5) mynetworks; observed with Postfix 3.7.11.
"""

PF207 = declare("PF207", Severity.NOTE, "a restriction that explain cannot evaluate")
"""Why: the restriction needs a probe of the address, which explain does not send. It answers as Postfix does when the
probe has no result yet: it defers. serve sends probes.

Example:
    # main.cf
    smtpd_sender_restrictions = reject_unverified_sender

Remedy: nothing, if Postfix serves the configuration.

Source: ADDRESS_VERIFICATION_README; docs/serve.md.
"""

PF220 = error("PF220", "a reply for block lists that cannot be expanded")
"""Why: smtpd ends when it has to refuse a client that a list names, and cannot expand the template of the reply. The
client sees the connection closed.

Example:
    # main.cf
    smtpd_client_restrictions = reject_rbl_client zen.spamhaus.org
    default_rbl_reply = $rbl_cod Blocked

Remedy: use the names that postconf(5) gives, $rbl_code first.

Source: postconf(5) default_rbl_reply; observed with Postfix 3.7.11.
"""

PF221 = warning("PF221", "a reply for block lists that refuses nothing")
"""Why: a refusal begins with a code. In place of a reply without one, smtpd answers "450 4.7.1 Service unavailable",
and the client tries again for days.

Example:
    # main.cf
    smtpd_client_restrictions = reject_rbl_client zen.spamhaus.org
    default_rbl_reply = Blocked

Remedy: begin the reply with $rbl_code and a blank.

Source: postconf(5) default_rbl_reply; observed with Postfix 3.7.11.
"""

PF229 = warning("PF229", "a number sign ends a list early")
"""Why: Postfix ignores what follows # in such a list, with a warning. Words after it that were meant for the list do
not count.

Example:
    # main.cf
    relay_domains = example.com # ours

Remedy: put the comment on a line of its own.

Source: postconf(5), "The general format of the main.cf file"; observed with Postfix 3.7.11.
"""

PF250 = error("PF250", "a pattern list with which no program starts")
"""Why: the programs that read the list end at the pattern. No mail is accepted, or none is delivered; explain and serve
answer each question for the list with a temporary failure.

Example:
    # main.cf
    mynetworks = 127.0.0.0/8, ::1

Remedy: write an IPv6 address in brackets, as [::1], a table as type:name, and a pattern after each "!".

Source: postconf(5) mynetworks; observed with Postfix 3.7.11.
"""

PF239 = error("PF239", "an invalid answer pattern of a list in the DNS")
"""Why: what follows "=" in the name of a list says which answers count: four numbers, or [n;n..m] in the place of one.
smtpd reads it when it asks the list for the first time; it ends with "fatal: RBL reply error: ..." if it cannot, and
the client is told to come again. So no mail is accepted where such a list is asked.

Example:
    # main.cf
    smtpd_client_restrictions = reject_rbl_client zen.example=127.0.0.[2-11]

Remedy: write a range with two dots, and semicolons between numbers: 127.0.0.[2..11], 127.0.0.[2;4].

Source: postconf(5), reject_rbl_client; observed with Postfix 3.7.11.
"""
