"""What smtpd(8) and cleanup(8) log about mail filters (recorded from 3.7.11, tests/vectors/milters.jsonl)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mailconf.model.address import external
from mailconf.model.filtering import Do, OddChange
from mailconf.model.session import Session
from mailconf.mta.journal import Line, LogEvent
from mailconf.smtp.milter import CONTENT, Event, Flaw, Negotiated
from mailconf.smtp.proxy_filter import ProxyFlaw
from mailconf.smtp.reply import Reply

_COMMANDS, _CONTENT = "smtpd", "cleanup"
_EVENTS = {
    Event.CONNECT: "SMFIC_CONNECT",
    Event.HELO: "SMFIC_HELO",
    Event.MAIL: "SMFIC_MAIL",
    Event.RCPT: "SMFIC_RCPT",
    Event.DATA: "SMFIC_DATA",
    Event.UNKNOWN: "SMFIC_UNKNOWN",
    Event.HEADER: "SMFIC_HEADER",
    Event.EOH: "SMFIC_EOH",
    Event.BODY: "SMFIC_BODY",
    Event.END: "SMFIC_BODYEOB",
}
_ANSWERS = {
    "+": "SMFIR_ADDRCPT",
    "-": "SMFIR_DELRCPT",
    "2": "SMFIR_ADDRCPT_PAR",
    "4": "SMFIR_SHUTDOWN",
    "a": "SMFIR_ACCEPT",
    "b": "SMFIR_REPLBODY",
    "c": "SMFIR_CONTINUE",
    "d": "SMFIR_DISCARD",
    "e": "SMFIR_CHGFROM",
    "f": "SMFIR_CONN_FAIL",
    "h": "SMFIR_ADDHEADER",
    "i": "SMFIR_INSHEADER",
    "l": "SMFIR_SETSYMLIST",
    "m": "SMFIR_CHGHEADER",
    "p": "SMFIR_PROGRESS",
    "q": "SMFIR_QUARANTINE",
    "r": "SMFIR_REJECT",
    "s": "SMFIR_SKIP",
    "t": "SMFIR_TEMPFAIL",
    "y": "SMFIR_REPLYCODE",
}
_UNKNOWN = "(unknown filter reply)"
_REASONS = {
    Flaw.SILENT: "Connection timed out",
    Flaw.GONE: "Application error",
    Flaw.LOST: "Broken pipe",
}
_TEXTS = {
    Flaw.EMPTY: "bad packet length: 0",
    Flaw.TOO_LONG: "unreasonable packet length: {length} > {most}",
    Flaw.TOO_MUCH: "unreasonable amount of changes: {length}",
    Flaw.SHORT_NUMBER: "input packet too short for network long",
    Flaw.SHORT_TEXT: "packet too short for string",
    Flaw.EXCESS: "reply {answer} was followed by {length} data bytes",
    Flaw.UNEXPECTED: "unexpected filter response {answer} after event {event}",
    Flaw.MALFORMED: "malformed reply: {text}",
    Flaw.VERSION: "protocol version {wanted} conflict with MTA protocol version {offered}",
    Flaw.ACTIONS: "request mask 0x{wanted:x} conflict with MTA request mask 0x{offered:x}",
}
_LONGEST = 1_073_741_823  # bytes of a packet
_HANDSHAKE = "read error in initial handshake"
_NO_HANDSHAKE_LINE = (Flaw.VERSION, Flaw.ACTIONS, Flaw.UNEXPECTED)
_UNCLEAN = str.maketrans(dict.fromkeys((*range(32), 127), "?"))


def _failed(
    queue_id: str,
    filter: str,
    local: bool,
    event: Event | None,
    negotiating: bool,
    flaw: Flaw,
    facts: Mapping[str, Any],
) -> Iterable[Line]:
    program = _CONTENT if local or event in CONTENT else _COMMANDS
    about = f"warning: milter {filter}: "
    if flaw is Flaw.UNREACHABLE:
        yield program, f"warning: connect to Milter service {filter}: {facts['reason']}"
    elif flaw is Flaw.NO_ADDRESS:
        yield program, f'warning: Milter service needs transport:endpoint instead of "{filter}"'
    elif flaw in _REASONS:
        name = _EVENTS[event] if event is not None else "SMFIC_OPTNEG"
        yield program, f"{about}can't read {name} reply packet header: {_REASONS[flaw]}"
    elif flaw is Flaw.NO_END:
        yield program, f"warning: milter8_read_data: milter {filter}: missing string null termimator"
    elif flaw is Flaw.UNEXPECTED and event is None:
        yield program, f'{about}unexpected reply "{facts["letter"]}" in initial handshake'
    else:
        answer = _ANSWERS.get(facts.get("letter", ""), _UNKNOWN)
        named = {"answer": answer, "event": _EVENTS[event] if event is not None else "", "most": _LONGEST}
        yield program, about + _TEXTS[flaw].format_map({**named, **facts}).translate(_UNCLEAN)
    if negotiating and flaw not in _NO_HANDSHAKE_LINE:
        yield program, about + _HANDSHAKE


def _odd(queue_id: str, filter: str, local: bool, agreed: Negotiated) -> Iterable[Line]:
    program = _CONTENT if local else _COMMANDS
    if not agreed.version_known:
        yield program, f"warning: milter {filter}: unexpected protocol version 1"
    for stage in agreed.strange:
        yield program, f"warning: milter {filter}: ignoring unknown macro type {stage}"


def _no_discard(queue_id: str, filter: str, local: bool) -> Iterable[Line]:
    program = _CONTENT if local else _COMMANDS
    return ((program, f"warning: milter {filter}: DISCARD action is not allowed for connect or helo"),)


def _no_recipient(queue_id: str) -> Iterable[Line]:
    said = "milter configuration error: can't reject recipient in non-smtpd(8) submission"
    yield _CONTENT, f"warning: {queue_id}: {said}"
    yield _CONTENT, f"warning: {queue_id}: message not accepted, try again later"


def _filtered(
    do: Do, where: str, client: str, session: Session, recipient: str, reply: Reply | None, in_content: bool
) -> Iterable[Line]:
    spoken = bool(session.protocol)  # there is a client
    early = spoken and where in ("CONNECT", "EHLO", "HELO")
    about = [] if session.sender is None or early else [f"from=<{external(session.sender)}>"]
    about += [f"to=<{external(recipient)}>"] if recipient else []
    about += [f"proto={session.protocol}"] if spoken else []
    about += [] if session.helo is None else [f"helo=<{session.helo}>"]
    action, text = "reject", ""
    if do is Do.DISCARD:
        action, text = "discard", "milter triggers DISCARD action"
    elif do is Do.HOLD:
        action, text = "hold", "milter triggers HOLD action"
    elif reply is not None:
        text = _told(reply)[4:] if in_content else _told(reply)
    program, message = (_CONTENT if in_content else _COMMANDS), session.queue_id or "NOQUEUE"
    said = text.translate(_UNCLEAN)
    return ((program, f"{message}: milter-{action}: {where} from {client}: {said}; {' '.join(about)}"),)


def _told(reply: Reply) -> str:
    """A reply as it goes over the wire, with marks for the ends of lines."""
    return reply.wire().decode("utf-8", "surrogateescape").removesuffix("\r\n")


_CHANGES = {
    OddChange.MANY: 'warning: {queue_id}: Milter or header/body_checks request to add multi-recipient: "{text}"',
    OddChange.NOBODY: "warning: {queue_id}: ignoring attempt from Milter to add null recipient",
    OddChange.ARGUMENT: 'warning: {queue_id}: ignoring ESMTP argument from Milter or header/body_checks: "{text}"',
    OddChange.SENDER_ARGUMENT: 'warning: Ignoring bad ESMTP parameter "{text}" in SMFI_CHGFROM request',
}


def _change(queue_id: str, odd: OddChange, text: str) -> Iterable[Line]:
    return ((_CONTENT, _CHANGES[odd].format(queue_id=queue_id, text=text.translate(_UNCLEAN))),)


_FLAWS = {ProxyFlaw.LOST: "lost connection with", ProxyFlaw.SILENT: "timeout talking to"}


def _proxy_unreachable(proxy: str, reason: str) -> Iterable[Line]:
    return ((_COMMANDS, f"warning: connect to proxy filter {proxy}: {reason}"),)


def _proxy_failed(proxy: str, flaw: ProxyFlaw) -> Iterable[Line]:
    return ((_COMMANDS, f"warning: {_FLAWS[flaw]} proxy {proxy}"),)


def _proxy_garbage(proxy: str, text: str) -> Iterable[Line]:
    return ((_COMMANDS, f"warning: received garbage from proxy {proxy}: {text[:_SHOWN]}"),)


def _proxy_refused(proxy: str, command: str, reply: Reply) -> Iterable[Line]:
    asked = (command or "connection request").translate(_UNCLEAN)
    return ((_COMMANDS, f'warning: proxy {proxy} rejected "{asked}": "{_told(reply).translate(_UNCLEAN)}"'),)


def _proxied(session: Session, recipient: str, reply: Reply) -> Iterable[Line]:
    accepted = "accept" if reply.code // 100 == 2 else "reject"
    about = f"from=<{external(session.sender or '')}> to=<{external(recipient)}> proto={session.protocol}"
    about += f" helo=<{session.helo}>" if session.helo is not None else ""
    about += f" sasl_username=<{session.sasl_username}>" if session.sasl_username else ""
    said = _told(reply).translate(_UNCLEAN)
    return ((_COMMANDS, f"proxy-{accepted}: END-OF-MESSAGE: {said}; {about}"),)


_SHOWN = 100  # characters of a line that is no reply

LINES: dict[LogEvent, Callable[..., Iterable[Line]]] = {
    LogEvent.FILTER_FAILED: _failed,
    LogEvent.FILTER_ODD: _odd,
    LogEvent.FILTER_NO_DISCARD: _no_discard,
    LogEvent.FILTERED: _filtered,
    LogEvent.FILTER_NO_RECIPIENT: _no_recipient,
    LogEvent.FILTER_CHANGE: _change,
    LogEvent.PROXY_UNREACHABLE: _proxy_unreachable,
    LogEvent.PROXY_FAILED: _proxy_failed,
    LogEvent.PROXY_GARBAGE: _proxy_garbage,
    LogEvent.PROXY_REFUSED: _proxy_refused,
    LogEvent.PROXIED: _proxied,
}
