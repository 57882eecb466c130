"""The log lines of Postfix's programs (recorded from 3.7.11, tests/vectors and tests/live)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from mailconf.model.address import external
from mailconf.model.limits import Activity
from mailconf.model.policy import Privilege
from mailconf.model.session import Session
from mailconf.model.verdict import Verdict
from mailconf.mta.control.operation import Operation
from mailconf.mta.journal import SECURITY_ALONE, Line, LogEvent, Remark
from mailconf.mta.journal_figures import counted, escaped, seconds
from mailconf.mta.journal_postfix_clients import NOT_INTRODUCED, OFTEN
from mailconf.mta.journal_postfix_filters import LINES as _FILTER_LINES
from mailconf.mta.journal_postfix_screen import screened
from mailconf.mta.journal_postfix_tls import LINES as _TLS_LINES
from mailconf.mta.message import Result, Status
from mailconf.mta.reports import Notice
from mailconf.smtp.client import Stage
from mailconf.smtp.events import Refused
from mailconf.smtp.forwarded import CLIENT_ATTRIBUTES
from mailconf.smtp.problems import Problem
from mailconf.smtp.proxy_header import Fault
from mailconf.smtp.reply import Reply
from mailconf.smtp.wording_postfix import BARE_NEWLINE

_ACCEPT, _INTAKE, _QUEUE, _REPORT, _MASTER = "smtpd", "cleanup", "qmgr", "bounce", "master"
_OPERATOR = "postsuper"

# Lines of events whose facts stand in them as they are; "{program}" is the fact of that name.
_TEXTS: dict[LogEvent, tuple[str, str]] = {
    LogEvent.ATTEMPT_FAILED: (_QUEUE, "warning: {serial:X}: {error.__class__.__name__}: {error}"),
    LogEvent.PROGRAM_NOT_RUN: ("pipe", "warning: {queue_id}: cannot run {path}: {reason}"),
    LogEvent.PROGRAM_DIED: ("pipe", "warning: {queue_id}: a program of {mailer} was killed by signal {number}"),
    LogEvent.CONNECTED: (_ACCEPT, "connect from {client}"),
    LogEvent.TOO_MANY_CONNECTIONS: (
        _ACCEPT,
        "warning: Connection concurrency limit exceeded: {count} from {client} for service {service}",
    ),
    LogEvent.NO_PROXY_PROTOCOL: (_ACCEPT, "fatal: unsupported smtpd_upstream_proxy_protocol value: {value}"),
    LogEvent.NO_CERTIFICATE: (_ACCEPT, "NOQUEUE: abort: TLS from {client}: No client certificate presented"),
    LogEvent.LOGIN_ABORTED: (_ACCEPT, "warning: {client}: SASL {method} authentication aborted"),
    LogEvent.LOGINS_UNAVAILABLE: (
        _ACCEPT,
        "warning: SASL: Connect to Dovecot auth socket '{server}' failed: {reason}",
    ),
    LogEvent.NO_MECHANISMS: (_ACCEPT, "fatal: no SASL authentication mechanisms"),
    LogEvent.NOT_QUEUED: (_ACCEPT, "warning: reject: ETRN {domain:.100}... from {client}"),
    LogEvent.SLOWED: (_ACCEPT, "{queue_id}: {client}: possible SMTP attack: command={verb}, count={count}"),
    LogEvent.THROTTLED: (_ACCEPT, "{queue_id}: {client}: possible SMTP RCPT flood, throttling"),
    LogEvent.FULL: (_MASTER, "rejecting connections on daemon {service}: {count} children, max {most}"),
    LogEvent.OPEN_AGAIN: (_MASTER, "accepting connections again for daemon {service}"),
    LogEvent.DEFERRED: (_MASTER, "deferring connections on daemon {service}: {rate} per second"),
    LogEvent.NOT_OPEN: (_MASTER, "warning: daemon {service} does not listen: {error}"),
    LogEvent.LOOKUP_FAILED: (
        _INTAKE,
        "warning: {queue_id}: {table} lookup error -- message not accepted, try again later",
    ),
    LogEvent.NOT_STORED: (_INTAKE, "warning: {queue_id}: {error}"),
    LogEvent.STORED_TOO_BIG: (_INTAKE, "warning: {queue_id}: queue file size limit exceeded"),
    LogEvent.TOO_MANY_HOPS: (_INTAKE, "warning: {queue_id}: message rejected: hopcount exceeded"),
    LogEvent.ALIAS_FAILED: (_INTAKE, "warning: {queue_id}: {reply.text}; message not accepted"),
    LogEvent.CONTENT: (_INTAKE, "{queue_id}: {text}"),
    LogEvent.COMMENTS_LOST: (_INTAKE, "warning: {queue_id}: stripping too many comments from address: {text}..."),
    LogEvent.REMOVED: (_QUEUE, "{queue_id}: removed"),
    LogEvent.QUEUE_FAILED: (_QUEUE, "warning: {error}"),
    LogEvent.REPORT_FAILED: (_QUEUE, "warning: {serial:X}: status=deferred (bounce failed: {error})"),
    LogEvent.PROBE_FAILED: (_QUEUE, "warning: no probe of {address}: {error}"),
    LogEvent.HOST_FAILED: ("{program}", "{queue_id}: {text}"),
    LogEvent.HOST_UNREACHED: ("{program}", "{text}"),
    LogEvent.LINES_BROKEN: ("{program}", "{queue_id}: breaking line > {limit} bytes with <CR><LF>SPACE"),
    LogEvent.NOT_BOUND: ("{program}", "warning: smtp_connect_addr: bind {address}: {reason}"),
    LogEvent.DNS_FILTERED: ("{program}", "{text}"),
    LogEvent.SENT_CONTENT: ("{program}", "{queue_id}: {text}"),
    LogEvent.TRANSPORT_BROKEN: ("{program}", "fatal: {text}"),
    LogEvent.DELIVERY_WARNING: ("{program}", "warning: {text}"),
    LogEvent.REPORT_WARNING: (_REPORT, "warning: {text}"),
    LogEvent.REPORT_DISCARDED: (_REPORT, "warning: {queue_id}: undeliverable postmaster notification discarded"),
    LogEvent.STARTED: (_MASTER, "daemon started -- version mailconf, configuration {directory}"),
    LogEvent.METRICS_SERVED: (_MASTER, "figures at http://{host}:{port}/metrics"),
    LogEvent.STOPPED: (_MASTER, "terminating on signal 15"),
    LogEvent.RELOADED: (_MASTER, "reload -- version mailconf, configuration {directory}"),
    LogEvent.NOT_RELOADED: (_MASTER, "error: configuration not reloaded: {error}"),
    LogEvent.SERVICE_GONE: (
        _MASTER,
        "warning: service {service} is gone from master.cf: not listening for it any more",
    ),
    LogEvent.FINDING: (_MASTER, "{text}"),
    LogEvent.FATAL: (_MASTER, "fatal: {error}"),
}

# What is said of a message that somebody did something with.
OPERATED = {
    Operation.HOLD: "placed on hold",
    Operation.RELEASE: "released from hold",
    Operation.REQUEUE: "requeued",
    Operation.DELETE: "removed",
    Operation.EXPIRE: "expired",
}

_DNS = "Host or domain name not found. Name service error for name={name} type={kind}: "
_FILTER = "Error looking up name={name} type={kind}: "
_REMARKS: dict[Remark, str] = {
    Remark.IN_MAILBOX: "delivered to mailbox",
    Remark.IN_MAILDIR: "delivered to maildir",
    Remark.IN_FILE: "delivered to file: {target}",
    Remark.FORWARDED: "forwarded as {queue_id}",
    Remark.DISCARDED: "discarded",
    Remark.MAILBOX_FAILED: "cannot update mailbox {path} for user {user}. {reason}",
    Remark.VIRTUAL_MAILBOX_FAILED: "delivery failed to mailbox {path}: {reason}",
    Remark.FILE_FAILED: "cannot append message to file {path}: {reason}",
    Remark.MAILDIR_FAILED: "maildir delivery failed: {reason}",
    Remark.TOO_LARGE: "message too large",
    Remark.LOOP: "mail forwarding loop for {address}",
    Remark.MISCONFIGURED: "mail system configuration error",
    Remark.NO_DELIVERIES: "nothing to deliver to",
    Remark.WOULD_MAILBOX: "delivers to mailbox",
    Remark.WOULD_MAILDIR: "delivers to maildir",
    Remark.WOULD_FILE: "delivers to file: {target}",
    Remark.WOULD_COMMAND: "delivers to command: {target}",
    Remark.WOULD_FORWARD: "aliased to {target}",
    Remark.WOULD_SEVERAL: "aliased to multiple recipients",
    Remark.COMMAND_DONE: "delivered to command: {command}",
    Remark.COMMAND_STATUS: 'Command died with status {status}: "{command}"',
    Remark.COMMAND_SIGNAL: 'Command died with signal {number}: "{command}"',
    Remark.COMMAND_SAID: "{text}",
    Remark.COMMAND_TIMEOUT: 'Command time limit exceeded: "{command}"',
    Remark.COMMAND_NOT_RUN: "temporary failure",
    Remark.PROGRAM_LATER: "temporary failure. Command of {mailer}: {path}",
    Remark.COMMAND_OUTPUT: ". Command output: {output}",
    Remark.VIA_COMMAND: "delivered via {transport} service",
    Remark.PROGRAM_NOT_RUN: "pipe: fatal: pipe_command: execvp {file}: {reason} ",
    Remark.NOT_ENTERED: 'cannot change directory to "{file}" for uid={uid} gid={gid}: {reason}',
    Remark.NO_CHROOT: "chroot({file}): {reason}",
    Remark.UNKNOWN_STATUS: "unknown mail system error {status}",
    Remark.NO_RIGHTS: "cannot run a command as user {uid} without root privileges",
    Remark.NO_TRANSPORT: "mail transport unavailable",
    Remark.TRANSPORT_FAILED: "unknown mail transport error",
    Remark.AGENT_FAILED: "internal error of the delivery agent",
    Remark.NO_RESULT: "the delivery agent gave no result",
    Remark.SUSPENDED: "delivery temporarily suspended: {reason}",
    Remark.TRANSPORT_IDLE: "deferred transport",
    Remark.BAD_NEXTHOP: "unknown mail transport error ({reason})",
    Remark.REWRITING_FAILED: "address rewriting failed: {reason}",
    Remark.CONTENT_UNCHECKED: "local data error",
    Remark.NULL_MX: "Domain {domain} does not accept mail (nullMX)",
    Remark.LOOPS_BACK: "mail for {destination} loops back to myself",
    Remark.LOOKUP_FAILED: _DNS + "Host not found, try again",
    Remark.NO_SUCH_NAME: _DNS + "Host not found",
    Remark.NO_RECORD: _DNS + "Host found but no data record of requested type",
    Remark.NO_SUCH_HOST: "unable to look up host {name}: {reason}",
    Remark.NO_LOOKUP: "unknown mail transport error (no way to look up hosts)",
    Remark.ALL_FILTERED: _FILTER + "DNS reply filter drops all results",
    Remark.FILTER_BROKEN: _FILTER + "Invalid DNS reply filter syntax",
    Remark.CONNECT_FAILED: "connect to {relay}: {reason}",
    Remark.NO_HANDSHAKE: "protocol error: no handshake with {peer}",
    Remark.UNWILLING: "host {peer} refused to talk to me: {reply.verbatim}",
    Remark.NO_SMTPUTF8: "SMTPUTF8 is required, but was not offered by host {peer}",
    Remark.SECURITY_UNKNOWN: "{reason}",
    Remark.HOP_REFUSED: "{text}",
    Remark.NO_TLS: "TLS is required, but was not offered by host {peer}",
    Remark.TLS_REFUSED: "TLS is required, but host {peer} refused to start TLS: {reply.verbatim}",
    Remark.NO_HANDSHAKE_TLS: "Cannot start TLS: handshake failure",
    Remark.NOT_VERIFIED: "Server certificate not verified",
    Remark.NO_MECHANISM: "SASL authentication failed; cannot authenticate to server {peer}: no mechanism available",
    Remark.LOGIN_REFUSED: "SASL authentication failed; server {peer} said: {reply.verbatim}",
    Remark.BAD_CHALLENGE: "SASL authentication failed; cannot authenticate to server {peer}: bad protocol / cancel",
    Remark.NO_ANSWER: "SASL authentication failed; cannot authenticate to server {peer}: generic failure",
    Remark.LOCAL_DATA: "local data error while talking to {peer}",
    Remark.CONNECTION_LOST: "lost connection with {peer} while {stage}",
    Remark.TIMED_OUT: "conversation with {peer} timed out while {stage}",
    Remark.ACCEPTED: "{reply.verbatim}",
    Remark.OUT_OF_TURN: "host {peer} said: {reply.verbatim} (in reply to {stage} command)",
    Remark.REFUSED: "host {peer} said: {reply.verbatim} (in reply to {stage} command)",
}
_WHILE = {
    Stage.GREETING: "receiving the initial server greeting",
    **dict.fromkeys((Stage.HELO, Stage.STARTTLS, Stage.HANDSHAKE, Stage.AUTH), "performing the {verb} handshake"),
    Stage.READY: "idle",
    Stage.RESET: "sending RSET command",
    Stage.TOLD_NAME: "sending XFORWARD name/address",
    Stage.TOLD_HELO: "sending XFORWARD helo/protocol",
    Stage.MAIL: "sending MAIL FROM",
    Stage.RCPT: "sending RCPT TO",
    Stage.DATA: "sending DATA command",
    Stage.END: "sending end of data -- message may be sent more than once",
    Stage.QUIT: "sending QUIT command",
    Stage.CLOSED: "closed",
}
_IN_REPLY_TO = {
    Stage.TOLD_NAME: "XFORWARD name/address",
    Stage.TOLD_HELO: "XFORWARD helo/protocol",
    Stage.MAIL: "MAIL FROM",
    Stage.RCPT: "RCPT TO",
    Stage.DATA: "DATA",
    Stage.END: "end of DATA",
}
_EXIT = {
    64: "command line usage error",
    65: "data format error",
    66: "cannot open input",
    67: "user unknown",
    68: "host name unknown",
    69: "service unavailable",
    70: "internal software error",
    71: "system resource problem",
    72: "critical OS file missing",
    73: "can't create user output file",
    74: "input/output error",
    75: "temporary failure",
    76: "remote error in protocol",
    77: "permission denied",
    78: "local configuration error",
}

_LISTS = {
    Privilege.XCLIENT: "smtpd_authorized_xclient_hosts",
    Privilege.XFORWARD: "smtpd_authorized_xforward_hosts",
    Privilege.BARE_NEWLINES: "smtpd_forbid_bare_newline_exclusions",
    Privilege.UNLIMITED: "smtpd_client_event_limit_exceptions",
    Privilege.SUBMIT: "authorized_submit_users",
    Privilege.LOCAL_HEADERS: "local_header_rewrite_clients",
}
_REPORTS = {
    Notice.FAILURE: "non-delivery",
    Notice.SUCCESS: "delivery status",
    Notice.VERIFY: "delivery status",
    Notice.DELAY: "delay",
}


class PostfixJournal:
    """A `mailconf.mta.journal.Journal`."""

    def client(self, session: Session) -> str:
        return f"{session.client_name}[{session.client_address}]"

    def lines(self, event: LogEvent, /, **facts: Any) -> Iterable[Line]:
        if (text := _TEXTS.get(event)) is not None:
            return ((facts["program"] if text[0] == "{program}" else text[0], text[1].format_map(facts)),)
        return () if event in SECURITY_ALONE else _LINES[event](**facts)

    def remark(self, remark: Remark, /, **facts: Any) -> str:
        if remark is Remark.COMMAND_EXIT:
            return _EXIT[facts["status"]]
        error = "Protocol error: " if remark is Remark.OUT_OF_TURN and facts["reply"].code < 300 else ""
        if remark in (Remark.REFUSED, Remark.OUT_OF_TURN):
            facts["stage"] = _IN_REPLY_TO[facts["stage"]]
        elif "stage" in facts:
            facts["stage"] = _WHILE[facts["stage"]].format_map(facts)
        return error + _REMARKS[remark].format_map(facts)


def _said(text: str) -> Iterable[Line]:
    return ((_ACCEPT, text),)


def _disconnected(
    client: str, counts: dict[str, list[int]], bare_lf: bool, queue_id: str, greeted: bool
) -> Iterable[Line]:
    return _said(f"disconnect from {client} {counted(counts, bare_lf=bare_lf)}")


def _ended(what: str, client: str, named: bool, queue_id: str) -> Iterable[Line]:
    message = f"{queue_id or 'NOQUEUE'}: " if named else ""
    return _said(f"{message}{what} from {client}")


def _lost(client: str, where: str, octets: int | None, named: bool, queue_id: str) -> Iterable[Line]:
    return _ended(f"lost connection after {_place(where, octets)}", client, named, queue_id)


def _timed_out(client: str, where: str, octets: int | None, named: bool, queue_id: str) -> Iterable[Line]:
    return _ended(f"timeout after {_place(where, octets)}", client, named, queue_id)


def _place(where: str, octets: int | None) -> str:
    place = where or "UNKNOWN"
    return place if octets is None else f"{place} ({octets} bytes)"


def _not_introduced(fault: Fault, data: bytes) -> Iterable[Line]:
    shown = f": {escaped(data)}" if data else ""
    return _said(f"warning: haproxy read: {NOT_INTRODUCED[fault]}{shown}")


def _too_often(client: str, activity: Activity, count: int, service: str) -> Iterable[Line]:
    return _said(f"warning: {OFTEN[activity]} rate limit exceeded: {count} from {client} for service {service}")


def _pipelining(client: str, verb: str, ahead: bytes) -> Iterable[Line]:
    return _said(f"improper command pipelining after {verb} from {client}: {escaped(ahead)}")


def _refused(client: str, queue_id: str, named: bool, refused: Refused) -> Iterable[Line]:
    verb, problem = refused.verb, refused.problem
    message = queue_id or "NOQUEUE"
    if problem is Problem.TOO_MANY_ERRORS:
        yield from _ended(f"too many errors after {verb or 'UNKNOWN'}", client, named, queue_id)
    elif problem is Problem.NOT_SMTP:
        yield _ACCEPT, f"warning: non-SMTP command from {client}: {refused.detail}"
    elif problem is Problem.BAD_BDAT:
        yield _ACCEPT, f"warning: {message}: malformed BDAT command syntax from {client}: {refused.detail}"
    elif problem is Problem.PRIVILEGE_UNKNOWN:
        yield _ACCEPT, f"warning: don't know if command {verb} should be allowed from {client}"
        yield _ACCEPT, f"{message}: reject: {verb} from {client}: {refused.reply}"
    elif problem in (Problem.BAD_SENDER, Problem.BAD_RECIPIENT) and (verb, refused.detail) != ("RCPT", "<>"):
        yield _ACCEPT, f"warning: Illegal address syntax from {client} in {verb} command: {refused.detail}"


def _rejected(client: str, where: str, problem: Problem, session: Session, recipient: str) -> Iterable[Line]:
    about = [] if session.sender is None else [f"from=<{external(session.sender)}>"]
    about += [f"to=<{external(recipient)}>"] if recipient else []
    about.append(f"proto={session.protocol}")
    about += [] if session.helo is None else [f"helo=<{session.helo}>"]
    queue_id = session.queue_id or "NOQUEUE"
    return _said(f"{queue_id}: reject: {where} from {client}: {BARE_NEWLINE}; {' '.join(about)}")


def _chunk_refused(client: str, queue_id: str, problem: Problem) -> Iterable[Line]:
    message = queue_id or "NOQUEUE"
    if problem is Problem.CHUNK_TOO_BIG:
        yield _ACCEPT, f"warning: {message}: BDAT request from {client} exceeds message size limit"
    elif problem is Problem.NULL_CHUNK:
        yield _ACCEPT, f"warning: {message}: null BDAT request from {client}"


def _privilege_unknown(privilege: Privilege, table: str) -> Iterable[Line]:
    return _said(f"warning: {_LISTS[privilege]}: {table}: table lookup problem")


# The notes of a verdict that have no queue id before them.
OF_NO_MESSAGE = ("warning: ", "ignoring DNS RR: ", "mapping DSN status ")


def _verdict(queue_id: str, verdict: Verdict) -> Iterable[Line]:
    message = queue_id or "NOQUEUE"
    for note in verdict.notes:
        yield _ACCEPT, note if note.startswith(OF_NO_MESSAGE) else f"{message}: {note}"
    if verdict.log:
        yield _ACCEPT, f"{message}: reject: {verdict.log}"


def _too_big(queue_id: str, size: int, limit: int) -> Iterable[Line]:
    return _said(f"warning: {queue_id or 'NOQUEUE'}: queue file size limit exceeded")


def _over(
    session: Session,
    size: int,
    recipients: list[str],
    identity: str,
    refusal: Reply | None,
    discarded: bool,
    elapsed: float,
) -> Iterable[Line]:
    """Other events say it."""
    return ()


def _begun(queue_id: str, client: str, login: str, method: str, forwarded: Mapping[str, str | None]) -> Iterable[Line]:
    who = f", sasl_method={method}, sasl_username={login}" if login else ""
    if identity := forwarded.get("IDENT"):
        who += f", orig_queue_id={identity}"
    if not CLIENT_ATTRIBUTES.isdisjoint(forwarded):
        known = re.sub(r"^ipv6:", "", forwarded.get("ADDR") or "", flags=re.IGNORECASE)
        address = f"[{known}]" if known else ""
        who += f", orig_client={forwarded.get('NAME') or 'unknown'}{address}"
    return _said(f"{queue_id}: client={client}{who}")


# The extensions that smtp(8) names in the log, in its order and its words (Postfix 3.7.11).
_KEYWORDS = {
    **{word: word for word in ("8BITMIME", "AUTH", "ETRN", "PIPELINING", "SIZE", "VERP", "VRFY", "XCLIENT")},
    **{word: word for word in ("XFORWARD", "STARTTLS", "ENHANCEDSTATUSCODES", "DSN")},
    "SMTPUTF8": "EHLO_MASK_SMTPUTF8",
    "CHUNKING": "CHUNKING",
}


def _dropped(program: str, words: Collection[str]) -> Iterable[Line]:
    named = " ".join(text for word, text in _KEYWORDS.items() if word in words)
    return ((program, f"discarding EHLO keywords: {named}"),) if named else ()


def _no_room(client: str, session: Session, reply: Reply, free: int) -> Iterable[Line]:
    helo = f" helo=<{session.helo}>" if session.helo else ""
    yield _ACCEPT, f"NOQUEUE: reject: MAIL from {client}: {reply.verbatim}; proto={session.protocol}{helo}"
    yield _ACCEPT, f"warning: not enough free space in mail queue: {free} bytes < 1.5*message size limit"


def _untold(program: str, relay: str, stage: Stage, reply: Reply) -> Iterable[Line]:
    text = f"warning: host {relay} said: {reply.verbatim} (in reply to {_IN_REPLY_TO[stage]} command)"
    return ((program, text),)


def _response_too_long(client: str, limit: int, text: str) -> Iterable[Line]:
    return _said(f"warning: {client}: request longer than {limit}: {text[:30]}...")


def _defect(question: str, error: Exception, place: str) -> Iterable[Line]:
    at = f" ({place})" if place else ""
    return _said(f"panic: {question}: {type(error).__name__}: {error}{at}")


def _message_ids(queue_id: str, fields: dict[str, str]) -> Iterable[Line]:
    """A resent one first, ``<>`` where there is none."""
    if "resent-message-id" in fields:
        yield _INTAKE, f"{queue_id}: resent-message-id={fields['resent-message-id']}"
    yield _INTAKE, f"{queue_id}: message-id={fields.get('message-id', '<>')}"


def _active(queue_id: str, sender: str, size: int, recipients: int) -> Iterable[Line]:
    return ((_QUEUE, f"{queue_id}: from=<{external(sender)}>, size={size}, nrcpt={recipients} (queue active)"),)


def _delivery(
    program: str,
    queue_id: str,
    result: Result,
    arrival: float,
    since: float,
    begun: float,
    ended: float,
    transport: str,
    size: int,
    recipients: int,
) -> Iterable[Line]:
    return _outcome(program or _INTAKE, queue_id, result, result.status.value, (arrival, since, begun, ended))


def _probed(
    program: str,
    queue_id: str,
    result: Result,
    arrival: float,
    since: float,
    begun: float,
    ended: float,
    transport: str,
    size: int,
    recipients: int,
    kept: bool,
) -> Iterable[Line]:
    status = "deliverable" if result.status is Status.SENT else "undeliverable"
    status += "" if kept else "-but-not-cached"
    return _outcome(program, queue_id, result, status, (arrival, since, begun, ended))


def _outcome(
    program: str, queue_id: str, result: Result, status: str, times: tuple[float, float, float, float]
) -> Iterable[Line]:
    """``times``: of the message's arrival, of the attempt, of its beginning at the agent, of its end."""
    arrival, since, begun, ended = times
    recipient, original = result.recipient, ""
    if recipient.original and recipient.original.lower() != recipient.address.lower():
        original = f" orig_to=<{external(recipient.original)}>,"
    used = f" conn_use={result.uses}," if result.uses > 1 else ""
    delays = (since - arrival, begun - since, result.setup, ended - begun - result.setup)
    text = (
        f"{queue_id}: to=<{external(recipient.address)}>,{original} relay={result.relay},{used}"
        f" delay={seconds(ended - arrival)}, delays={'/'.join(map(seconds, delays))}, dsn={result.dsn},"
        f" status={status} ({result.text})"
    )
    return ((program, text),)


def _expired(queue_id: str, sender: str, forced: bool) -> Iterable[Line]:
    status = "force-expired" if forced else "expired"
    return ((_QUEUE, f"{queue_id}: from=<{external(sender)}>, status={status}, returned to sender"),)


def _agent_failed(program: str, queue_id: str, error: Exception) -> Iterable[Line]:
    return ((program, f"warning: {queue_id}: {type(error).__name__}: {error}"),)


def _no_agent(program: str, transport: str) -> Iterable[Line]:
    return ((program or _QUEUE, f"warning: there is no agent for transport {transport}"),)


def _report_sent(queue_id: str, notice: Notice, postmaster: bool, report_id: str) -> Iterable[Line]:
    whom = "postmaster" if postmaster else "sender"
    return ((_REPORT, f"{queue_id}: {whom} {_REPORTS[notice]} notification: {report_id}"),)


def _listening(host: str, port: int, service: str) -> Iterable[Line]:
    return ((_MASTER, f"listening on {f'[{host}]' if ':' in host else host}:{port} for {service}"),)


_LINES: dict[LogEvent, Callable[..., Iterable[Line]]] = {
    LogEvent.DISCONNECTED: _disconnected,
    LogEvent.CONNECTION_LOST: _lost,
    LogEvent.TIMED_OUT: _timed_out,
    LogEvent.TOO_OFTEN: _too_often,
    LogEvent.NOT_INTRODUCED: _not_introduced,
    LogEvent.IMPROPER_PIPELINING: _pipelining,
    LogEvent.COMMAND_REFUSED: _refused,
    LogEvent.LINE_REJECTED: _rejected,
    LogEvent.CHUNK_REFUSED: _chunk_refused,
    LogEvent.PRIVILEGE_UNKNOWN: _privilege_unknown,
    LogEvent.VERDICT: _verdict,
    LogEvent.MESSAGE_TOO_BIG: _too_big,
    LogEvent.MESSAGE_BEGUN: _begun,
    LogEvent.CLIENT_UNTOLD: _untold,
    LogEvent.NO_ROOM: _no_room,
    LogEvent.KEYWORDS_DROPPED: _dropped,
    LogEvent.RESPONSE_TOO_LONG: _response_too_long,
    LogEvent.DEFECT: _defect,
    LogEvent.TRANSACTION_OVER: _over,
    LogEvent.MESSAGE_IDS: _message_ids,
    LogEvent.ACTIVE: _active,
    LogEvent.DELIVERY: _delivery,
    LogEvent.PROBED: _probed,
    LogEvent.EXPIRED: _expired,
    LogEvent.OPERATED: lambda queue_id, operation: ((_OPERATOR, f"{queue_id}: {OPERATED[operation]}"),),
    LogEvent.AGENT_FAILED: _agent_failed,
    LogEvent.NO_AGENT: _no_agent,
    LogEvent.REPORT_SENT: _report_sent,
    LogEvent.LISTENING: _listening,
    LogEvent.SCREENED: screened,
    **_FILTER_LINES,
    **_TLS_LINES,
}
