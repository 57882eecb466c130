"""postscreen(8)'s words for its log, and dnsblog(8)'s (recorded from 3.7.11, tests/vectors/screen.jsonl)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mailconf.model.address import external
from mailconf.model.session import Session
from mailconf.mta.journal import Line
from mailconf.mta.journal_figures import escaped, seconds
from mailconf.mta.journal_postfix_clients import NOT_INTRODUCED
from mailconf.smtp.proxy_header import Fault
from mailconf.smtp.screening import Note, Shown

if TYPE_CHECKING:
    from mailconf.mta.screen import Finding

_TESTER, _ASKER = "postscreen", "dnsblog"
_LONGEST = 100
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

_TEXTS: dict[str, str] = {
    "CAME": "CONNECT from {client} to {server}",
    "ALLOWED": "ALLOWLISTED {client}",
    "DENIED": "DENYLISTED {client}",
    "RANKED": "DNSBL rank {rank} for {client}",
    "TOO_SLOW": "COMMAND TIME LIMIT from {client} after {where}",
    "KNOWN": "PASS OLD {client}",
    "TOO_MANY": "NOQUEUE: reject: CONNECT from {client}: too many connections",
    "BUSY": "reject: connect from {client}: all screening ports busy",
    "WARNING": "{text}",
    "NO_PROXY_PROTOCOL": "fatal: unsupported postscreen_upstream_proxy_protocol value: {value}",
    "GONE": "DISCONNECT {client}",
}
_SHOWN: dict[Shown, str] = {
    Shown.PIPELINED: "COMMAND PIPELINING from {client} after {where}: {text}",
    Shown.NO_COMMAND: "NON-SMTP COMMAND from {client} after {where}: {text}",
    Shown.BARE_NEWLINE: "BARE NEWLINE from {client} after {where}",
    Shown.NO_MESSAGE: "{where} without valid RCPT from {client}",
    Shown.TOO_MANY: "COMMAND COUNT LIMIT from {client} after {where}",
    Shown.TOO_LONG: "COMMAND LENGTH LIMIT from {client} after {where}",
    Shown.REPLACED: '{client}: replacing command "{where}" with "{text}"',
}


def screened(finding: Finding | Note, client: str, session: Session, about: Mapping[str, Any]) -> Iterable[Line]:
    """The line of `LogEvent.SCREENED`."""
    if isinstance(finding, Note):
        return ((_TESTER, _of_talk(finding, client, session)),)
    name = finding.name
    if name in _TEXTS:
        return ((_TESTER, _TEXTS[name].format_map({**about, "client": client})),)
    return (_LINES[name](client, session, about),)


def _of_talk(note: Note, client: str, session: Session) -> str:
    if note.reply is not None:
        sender, recipient = _plain(external(session.sender or "")), _plain(external(note.recipient))
        return (
            f"NOQUEUE: reject: {note.where} from {client}: {note.reply}; from=<{sender}>, to=<{recipient}>, "
            f"proto={session.protocol}, helo=<{_plain(session.helo or '')}>"
        )
    text = escaped(note.text)[:_LONGEST] if isinstance(note.text, bytes) else _plain(note.text)
    return _SHOWN[note.shown].format(client=client, where=_plain(note.where), text=text)


def _plain(text: str) -> str:
    return _CONTROL.sub("?", text)


def _early(client: str, session: Session, about: Mapping[str, Any]) -> Line:
    data: bytes = about["data"]
    after = f"after {seconds(about['seconds'])} from {client}"
    return _TESTER, f"PREGREET {len(data)} {after}: {escaped(data[:_LONGEST])[:_LONGEST]}"


def _hung_up(client: str, session: Session, about: Mapping[str, Any]) -> Line:
    return _TESTER, f"HANGUP after {seconds(about['seconds'])} from {client} in tests before SMTP handshake"


def _hung_up_later(client: str, session: Session, about: Mapping[str, Any]) -> Line:
    return _TESTER, f"HANGUP after {seconds(about['seconds'])} from {client} in tests after SMTP handshake"


def _not_introduced(client: str, session: Session, about: Mapping[str, Any]) -> Line:
    fault, data = about["fault"], about["data"]
    reason = "time limit exceeded" if fault is Fault.TIMEOUT else NOT_INTRODUCED[fault]
    shown = f": {escaped(data)}" if data and fault is not Fault.TIMEOUT else ""
    return _TESTER, f"warning: haproxy read: {reason}{shown}"


def _passed(client: str, session: Session, about: Mapping[str, Any]) -> Line:
    return _TESTER, f"PASS {'NEW' if about['new'] else 'OLD'} {client}"


def _on_list(client: str, session: Session, about: Mapping[str, Any]) -> Line:
    listing = about["listing"]
    return _ASKER, f"addr {session.client_address} listed by domain {listing.zone} as {about['answer']}"


def _list_failed(client: str, session: Session, about: Mapping[str, Any]) -> Line:
    name = about["listing"].name
    why = f"Host or domain name not found. Name service error for name={name} type=A: Host not found, try again"
    return _ASKER, f"warning: dnsblog_query: lookup error for DNS query {name}: {why}"


def _withheld(client: str, session: Session, about: Mapping[str, Any]) -> Line:
    known = [_WITHHELD.get(word, "") for word in _WITHHELD if word in about["keywords"]]
    return _TESTER, f"[{session.client_address}]{session.client_port}: discarding EHLO keywords: {' '.join(known)}"


# How the log calls the keywords of EHLO, in its order.
_WITHHELD = {
    "8bitmime": "8BITMIME",
    "dsn": "DSN",
    "etrn": "ETRN",
    "starttls": "STARTTLS",
    "vrfy": "VRFY",
    "size": "SIZE",
    "enhancedstatuscodes": "ENHANCEDSTATUSCODES",
    "chunking": "CHUNKING",
    "smtputf8": "EHLO_MASK_SMTPUTF8",
}
_LINES = {
    "EARLY": _early,
    "HUNG_UP": _hung_up,
    "HUNG_UP_LATER": _hung_up_later,
    "NOT_INTRODUCED": _not_introduced,
    "PASSED": _passed,
    "ON_LIST": _on_list,
    "LIST_FAILED": _list_failed,
    "WITHHELD": _withheld,
}
