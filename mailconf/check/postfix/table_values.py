"""Values of tables that Postfix does not look at, or cannot use: lists, policies of TLS, passwords."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mailconf.check.postfix.written import is_on
from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink, error
from mailconf.tables.entry import Entry

PF263 = error("PF263", "a key that no lookup asks for")
r"""Why: a table is asked for keys of certain forms, by what it is named for. Tables of addresses are asked for
user@domain and @domain, never for a domain alone; an indexed table is asked for whole keys, and a pattern in it is
only a text; a list of domains has no wildcards; policies of TLS are found by the nexthop as it is written.

Example:
    # main.cf
    virtual_alias_maps = hash:/etc/postfix/virtual
    # /etc/postfix/virtual
    /^sales.*@example\.com$/ ann@example.com

Remedy: write the key in the form of the hint, or put patterns into a table of type regexp or pcre.

Source: the section "TABLE SEARCH ORDER" of canonical(5), virtual(5), generic(5), relocated(5); postconf(5)
recipient_bcc_maps, mydestination, smtp_tls_policy_maps; observed with postmap -q of Postfix 3.7.11.
"""

PF248 = error("PF248", "a value in a list that nobody looks at")
"""Why: a table in a list of networks, domains or recipients says by its keys what is in the list. The value has to be
there, and has no meaning: REJECT lets the client, the domain or the recipient pass as OK does.

Example:
    # main.cf
    mynetworks = cidr:/etc/postfix/networks
    # /etc/postfix/networks
    192.0.2.0/24 REJECT

Remedy: remove the entry; what is to be refused belongs into an access table, such as check_client_access.

Source: postconf(5) mynetworks, relay_domains, relay_recipient_maps; observed with Postfix 3.7.11: "250 2.1.5 Ok".
"""

PF254 = error("PF254", "a policy of TLS that smtp(8) cannot use")
"""Why: the first word of a policy is a level, and attributes follow it. With another one smtp(8) logs "invalid security
level" or "invalid attribute", and defers all mail for the server ("client TLS configuration problem", 4.7.5). The level
fingerprint needs the fingerprints. A key is a domain or a nexthop, .domain for its subdomains.

Example:
    # main.cf
    smtp_tls_policy_maps = hash:/etc/postfix/tls_policy
    # /etc/postfix/tls_policy
    example.net must

Remedy: write a level, and attributes with blanks between them: secure match=.example.net

Source: postconf(5) smtp_tls_policy_maps; TLS_README, "TLS policy table"; observed with Postfix 3.7.11.
"""

TB172 = error("TB172", "a password without a name, or the other way round")
"""Why: the value of a table of passwords is name:password. Without a colon the whole value is the name, and the
password is empty: the server refuses it, and the mail stays in the queue.

Example:
    # main.cf
    smtp_sasl_auth_enable = yes
    smtp_sasl_security_options = noanonymous
    smtp_sasl_password_maps = hash:/etc/postfix/passwords
    # /etc/postfix/passwords
    [smtp.example.net]:587 joe secret

Remedy: write name:password.

Source: SASL_README, "Enabling SASL authentication in the Postfix SMTP client"; postconf(5) smtp_sasl_password_maps.
"""

POLICIES = ("smtp_tls_policy_maps", "lmtp_tls_policy_maps")
PASSWORDS = ("smtp_sasl_password_maps", "lmtp_sasl_password_maps")
LISTS = frozenset(
    {
        *("mynetworks", "mydestination", "relay_domains", "virtual_alias_domains", "virtual_mailbox_domains"),
        *("relay_recipient_maps", "local_recipient_maps", "smtpd_authorized_xclient_hosts"),
        *("smtpd_authorized_xforward_hosts", "smtpd_client_event_limit_exceptions", "permit_mx_backup_networks"),
    }
)
_REFUSAL = re.compile(r"(?:REJECT|DISCARD|DENY|DROP|NO|[45][0-9][0-9])(?:\s.*)?", re.IGNORECASE | re.DOTALL)
_LEVELS = ("none", "may", "encrypt", "dane", "dane-only", "fingerprint", "verify", "secure")
_ATTRIBUTES = ("match", "protocols", "ciphers", "exclude", "servername", "tafile", "connection_reuse", "enable_rpk")


def refusals(names: frozenset[str], found: Iterable[Entry], sink: Sink) -> None:
    """Report values that look like a refusal in a list whose values nobody looks at (PF248)."""
    for entry in found:
        if entry.value and _REFUSAL.fullmatch(entry.value):
            name = min(names & LISTS)
            message = f"{name}: {entry.key} is in the list: {entry.value.split()[0]} is not looked at"
            hint = "remove the entry, or put it into an access table: check_client_access, check_recipient_access"
            sink.report(PF248, message, entry.value_span, hint=hint)


def policies(subject: Subject, names: frozenset[str], found: Iterable[Entry], sink: Sink) -> None:
    """Report keys and values of smtp_tls_policy_maps that smtp(8) cannot use (PF254)."""
    name = min(names & set(POLICIES))
    prints = subject.configuration.value(f"{name.partition('_')[0]}_tls_fingerprint_cert_match")
    for entry in found:
        if entry.key.startswith(("@", "*")):
            better = entry.key[1:] if entry.key[0] == "@" or entry.key[1:2] == "." else f".{entry.key[1:]}"
            message = f"{entry.key} matches nothing: {name} is asked for domains and nexthops"
            sink.report(PF254, message, entry.key_span, hint=f"write {better}")
        level, *attributes = entry.value.replace(",", " ").split() or [""]
        if not level or "$" in level:
            continue
        if level.lower() not in _LEVELS:
            hint = f"write one of {', '.join(_LEVELS)}"
            sink.report(PF254, f'"{level}" is no level of TLS', entry.value_span, hint=hint)
            continue
        wrong = next((a for a in attributes if a.partition("=")[0].lower() not in _ATTRIBUTES or "=" not in a), "")
        if wrong and "{" not in entry.value:
            hint = f"write one of {', '.join(f'{a}=' for a in _ATTRIBUTES[:5])}"
            sink.report(PF254, f'"{wrong}" is no attribute of a policy', entry.value_span, hint=hint)
        elif level.lower() == "fingerprint" and not prints and not any(a.startswith("match=") for a in attributes):
            message = f"fingerprint of {entry.key} needs the fingerprints of the server's certificates"
            sink.report(PF254, message, entry.value_span, hint="write fingerprint match=AB:CD:...")


def passwords(subject: Subject, names: frozenset[str], found: Iterable[Entry], sink: Sink) -> None:
    """Report values without a colon (TB172), and keys of senders where only servers are asked for."""
    program = min(names & set(PASSWORDS)).partition("_")[0]
    switch = f"{program}_sender_dependent_authentication"
    asks_senders = is_on(subject.configuration, switch) or any(
        is_on(subject.configuration.for_service(service), switch)
        for service in subject.configuration.services
        if service.program == program and switch in service.overrides
    )
    for entry in found:
        if entry.value and ":" not in entry.value:
            parts = entry.value.split()
            hint = f"write {parts[0]}:{'...' if len(parts) > 1 else 'PASSWORD'}"
            sink.report(TB172, f"the password of {entry.key} has no colon before it", entry.value_span, hint=hint)
        if "@" in entry.key.strip("@") and not asks_senders:
            message = f"{entry.key} is never asked for: {switch} is no, and only servers are looked up"
            sink.report(PF263, message, entry.key_span, hint=f"set {switch} = yes")
