"""Entries of the access table that the configuration does not act upon: the rulesets are asked with each alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mailconf.diagnostics import warning
from mailconf.sendmail.cf.items import CfRule
from mailconf.source import encode
from mailconf.tables.sendmail_access import split_key

if TYPE_CHECKING:
    from mailconf.check.sendmail.subject import Written
    from mailconf.diagnostics import Sink
    from mailconf.sendmail.cf.configuration import Cf
    from mailconf.tables.entry import Entry

SM034 = warning("SM034", "a sender in the access table who may not relay")
"""Why: an entry with the tag From: accepts a sender's mail; what it has RELAY for is not done: who sends from there may
not relay. FEATURE(relay_mail_from) lets a sender's address relay, and with the argument domain the domain as well; both
believe an address that everybody can forge.

Example:
    # sendmail.mc
    FEATURE(`access_db')dnl
    # /etc/mail/access
    From:example.net RELAY

Remedy: name the client by its address or network: Connect:192.0.2 RELAY

Source: cf/README, access_db, relay_mail_from; observed with sendmail 8.17.1.9 -bt, check_rcpt.
"""

SM039 = warning("SM039", "a recipient in the access table whose mail is taken all the same")
"""Why: entries for recipients refuse mail only with FEATURE(blocklist_recipients). Without it they are looked up for
relaying alone, and mail for the recipient is taken.

Example:
    # sendmail.mc
    FEATURE(`access_db')dnl
    # /etc/mail/access
    To:old@example.com REJECT

Remedy: write FEATURE(`blocklist_recipients')dnl after FEATURE(`access_db').

Source: cf/README, access_db, blocklist_recipients; observed with sendmail 8.17.1.9 -bt, check_rcpt.
"""

SM040 = warning("SM040", "a tag of the access table for which no rule asks")
"""Why: tags such as GreetPause, ClientRate and Spam are looked up by rules that a FEATURE adds. Without the FEATURE the
entries have no effect.

Example:
    # sendmail.mc
    FEATURE(`access_db')dnl
    # /etc/mail/access
    GreetPause:192.0.2.1 5000

Remedy: write the FEATURE that the hint names.

Source: cf/README, greet_pause, ratecontrol, conncontrol, delay_checks; the rules of sendmail 8.17.1.9.
"""

# The FEATURE by which a tag is looked up.
_FEATURES = {
    "spam": "FEATURE(`delay_checks', `friend')",
    "clientrate": "FEATURE(`ratecontrol')",
    "clientconn": "FEATURE(`conncontrol')",
    "greetpause": "FEATURE(`greet_pause', `5000')",
    "tls_srv_features": "FEATURE(`tls_session_features')",
    "tls_clt_features": "FEATURE(`tls_session_features')",
}
_REFUSING = re.compile(r"(?:REJECT|DISCARD|ERROR:.*|\"?[45][0-9][0-9] .*)", re.IGNORECASE | re.DOTALL)
_LOOPBACK = {"client_addr": "127.0.0.1", "client_name": "localhost", "client_resolve": "OK", "daemon_flags": ""}
_RECIPIENT = "<zqx@elsewhere.invalid>"
_USER = "zqx"


def relaying_senders(cf: Cf, file: str, entries: Iterable[Entry], subject: Written, sink: Sink) -> None:
    """SM034: ``From:... RELAY`` where check_rcpt refuses the sender all the same.

    file     the map's, as the .cf names it
    entries  of its text
    """
    found = [entry for entry in entries if _is_sender(entry)]
    if not found:
        return
    from mailconf.check.sendmail.asking import CLIENT, Asking

    asking = Asking.of(cf, subject.root)
    if asking is None or not asking.has("check_rcpt"):
        return
    known: dict[bool, bool] = {}
    for entry in found:
        subject_ = split_key(entry.key).subject
        is_address = "@" in subject_
        if is_address not in known:
            sender = subject_ if is_address and not subject_.endswith("@") else f"{_USER}@{subject_.strip('@')}"
            macros = {**CLIENT, "f": sender, "mail_addr": sender, "mail_from": sender}
            table = {encode(entry.key.lower()): encode(entry.value)}
            known[is_address] = asking.is_refused("check_rcpt", _RECIPIENT, macros, {file: table}) is True
        if known[is_address]:
            message = f"{entry.key} {entry.value}: mail from there is not relayed without FEATURE(relay_mail_from)"
            if "relay_mail_from" in subject.features:
                message = f"{entry.key} {entry.value}: FEATURE(relay_mail_from) looks up whole addresses only"
            hint = f"name the client instead: Connect:{subject_.rpartition('@')[2] or '192.0.2'} RELAY"
            sink.report(SM034, message, entry.span, hint=hint)


def refused_recipients(cf: Cf, file: str, entries: Iterable[Entry], subject: Written, sink: Sink) -> None:
    """SM039: ``To:... REJECT`` where check_rcpt takes the recipient, even from this machine; the rest as above."""
    found = [entry for entry in entries if entry.key[:3].lower() == "to:" and _REFUSING.fullmatch(entry.value.strip())]
    if not found or "blocklist_recipients" in subject.features or "blacklist_recipients" in subject.features:
        return
    from mailconf.check.sendmail.asking import Asking

    asking = Asking.of(cf, subject.root)
    if asking is None or not asking.has("check_rcpt"):
        return
    known: dict[tuple[bool, bool], bool] = {}
    for entry in found:
        named = split_key(entry.key).subject
        kind = "@" in named, named.endswith("@")
        if kind not in known:
            recipient = f"{named}elsewhere.invalid" if kind[1] else named if kind[0] else f"{_USER}@{named}"
            table = {encode(entry.key.lower()): b"REJECT"}
            macros = {**_LOOPBACK, "f": "", "mail_addr": "", "mail_from": ""}
            known[kind] = asking.is_refused("check_rcpt", f"<{recipient}>", macros, {file: table}) is False
        if known[kind]:
            message = f"{entry.key} {entry.value}: mail for it is taken without FEATURE(blocklist_recipients)"
            sink.report(SM039, message, entry.span, hint="write FEATURE(`blocklist_recipients')dnl")


def unasked_tags(cf: Cf, entries: Iterable[Entry], sink: Sink) -> None:
    """SM040: the first entry of each tag that stands in no rule of the .cf."""
    first: dict[str, Entry] = {}
    for entry in entries:
        tag, colon, _ = entry.key.partition(":")
        if colon and tag.lower() in _FEATURES:
            first.setdefault(tag.lower(), entry)
    if not first:
        return
    rules = "\n".join(rule.line.text for rule in cf.all(CfRule)).lower()
    for tag, entry in first.items():
        if not re.search(rf"[!+]\s*{tag}\b|{tag}:", rules):  # as a ruleset is given it, or a key of its own
            message = f"{entry.key} has no effect: no rule asks for the tag {entry.key.partition(':')[0]}"
            sink.report(SM040, message, entry.key_span, hint=f"write {_FEATURES[tag]}dnl")


def _is_sender(entry: Entry) -> bool:
    return entry.key[:5].lower() == "from:" and entry.value.strip().upper() == "RELAY"
