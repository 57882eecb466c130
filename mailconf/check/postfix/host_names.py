"""The name that this host has for others: in EHLO, and in what it sends."""

from __future__ import annotations

from mailconf.check.postfix.written import seen_by
from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink, warning
from mailconf.postfix.settings.configuration import Configuration

PF225 = warning("PF225", "other servers are greeted with a name that has no domain")
"""Why: smtp(8) says EHLO with this name. A server that asks for a full one refuses all mail of this host: "504 5.5.2
<mail>: Helo command rejected: need fully-qualified hostname". Messages for this host's own users arrive all the same.

Example:
    # main.cf
    myhostname = mail

Remedy: write the name with its domain, as it is in the DNS: myhostname = mail.example.com

Source: RFC 5321 4.1.1.1; postconf(5) smtp_helo_name, reject_non_fqdn_helo_hostname; observed with Postfix 3.7.11.
"""

PF241 = warning("PF241", "senders with a domain that is not in the DNS")
"""Why: the domain of myorigin is added to the names of this host's users when they send mail. Servers that look for the
sender's domain refuse it: "450 4.1.8 Sender address rejected: Domain not found", and nobody can answer it.

Example:
    # main.cf
    myorigin = corp
    append_dot_mydomain = no

Remedy: write a domain that is in the DNS: myorigin = corp.example.com

Source: postconf(5) myorigin, reject_unknown_sender_domain; RFC 5321 2.3.5.
"""

_REWRITING = ("canonical_maps", "sender_canonical_maps", "smtp_generic_maps", "masquerade_domains")
_NOWHERE = ("localdomain", "localhost")  # no name below these is in the DNS


def greetings(subject: Subject, sink: Sink) -> None:
    """Report names without a domain of clients that send mail to other hosts by themselves."""
    told: set[str] = set()
    for view, _ in seen_by(subject, "smtp"):
        name = next((each for each in ("smtp_helo_name", "myhostname") if view.is_set(each)), "")
        value = view.value("smtp_helo_name")
        if not name or value in told or not _has_no_domain(value) or not _sends_itself(view):
            continue
        told.add(value)
        example = f"{value.partition('.')[0] or 'mail'}.example.com"
        message = f'{name}: this host greets others as "{value}", which has no domain'
        hint = f"write the name that the host has in the DNS: {name} = {example}"
        sink.report(PF225, message, view.place(name), hint=hint)


def origins(subject: Subject, sink: Sink) -> None:
    """Report a myorigin without a domain, where nothing is added to it and nothing takes its place."""
    view = subject.configuration
    if not view.is_set("myorigin") or not _sends_itself(view) or any(map(view.value, _REWRITING)):
        return
    value = view.value("myorigin")
    if "$" in view.raw("myorigin") and not (view.is_set("myhostname") or view.is_set("mydomain")):
        return  # it is the name of the machine, which may be another one than this
    added = view.value("append_dot_mydomain").lower() == "yes" and not _has_no_domain(view.value("mydomain"))
    if value.startswith("/") or not _has_no_domain(value) or added or value.lower() == view.value("myhostname").lower():
        return  # PF225 is about the host's name
    message = f"myorigin: users of this host send mail with the domain {value}, which others do not find"
    sink.report(PF241, message, view.place("myorigin"), hint="write a domain that is in the DNS")


def _has_no_domain(name: str) -> bool:
    plain = name.strip(".").lower()
    if not plain or "[" in plain or "$" in plain or "{" in plain or not plain.isascii():
        return False
    return "." not in plain or plain.rpartition(".")[2] in _NOWHERE


def _sends_itself(view: Configuration) -> bool:
    """Whether mail for other domains goes to their own hosts: no relayhost knows this host."""
    transport, _, nexthop = view.value("default_transport").partition(":")
    return transport == "smtp" and not nexthop and not view.value("relayhost")
