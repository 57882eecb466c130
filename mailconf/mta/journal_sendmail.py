"""sendmail's log lines, each from the LogLevel on at which sendmail writes it (recorded from 8.17.1.9,
tests/vectors/sendmail_log.jsonl). What only this MTA has to say is in plain words.

Source: Sendmail Installation and Operation Guide 2.1 (the log), 5.6 (LogLevel).
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mailconf.model.address import external
from mailconf.model.filtering import Do
from mailconf.model.peer import peer_of
from mailconf.model.recipient import Recipient, RecipientKind
from mailconf.model.session import ClientCertificate, Proof, Session
from mailconf.model.verdict import Reply, Verdict
from mailconf.mta.control.operation import Operation
from mailconf.mta.journal import Line, LogEvent, Remark
from mailconf.mta.message import Result, Status
from mailconf.mta.reports import Notice
from mailconf.smtp.certificates import BadCertificate, names
from mailconf.smtp.client import Stage
from mailconf.smtp.events import Refused
from mailconf.smtp.milter import Event, Flaw, Negotiated
from mailconf.smtp.problems import Problem
from mailconf.smtp.xtext import encoded
from mailconf.source import encode

PROGRAM = "sendmail"
_RECIPIENT_FACTOR = 30000  # option RecipientFactor's default, by which a message's priority grows
_ACTIVE = ("MAIL", "VRFY", "EXPN", "ETRN")
_OPEN = ("MAIL", "RCPT", "DATA")
_UNNUMBERED_ID = tuple(
    f"ruleset={of}," for of in ("check_relay", "tls_client", "check_vrfy", "check_expn", "check_etrn")
)
_NO_HOSTS = ("", "none", "local", "virtual", "error")  # relays that are words of the agents
_RELAY = re.compile(r"(.+)\[(.+)\]:\d+")
_ENHANCED = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3} ")
_ALWAYS, _LOST, _REFUSED, _FROM, _NOTED, _FAILED, _SENT, _LATER, _EACH = 0, 2, 4, 5, 6, 7, 8, 9, 10
_MORE = 11
_VERIFIED = {Proof.NOT_ASKED: "NOT", Proof.NONE: "NO", Proof.GOOD: "OK", Proof.BAD: "FAIL"}
_SHOWN = 256  # characters of a name

_ACCEPT_FAILED = (
    "STARTTLS=server, error: accept failed=-1, reason={reason}, SSL_error=1, errno=0, retry=-1, relay={client}"
)

# Lines of events whose facts stand in them as they are, and the level.
_TEXTS: dict[LogEvent, tuple[int, str]] = {
    LogEvent.CONNECTED: (_EACH, "NOQUEUE: connect from {client}"),
    LogEvent.TOO_MANY_CONNECTIONS: (_NOTED, "NOQUEUE: {count} connections from {client} are too many for {service}"),
    LogEvent.TOO_OFTEN: (_NOTED, "NOQUEUE: {count} {activity.value} of {client} in a while are too many for {service}"),
    LogEvent.TLS_WITHHELD: (_NOTED, "NOQUEUE: {client} has begun too many TLS sessions for {service}"),
    LogEvent.SLOWED: (_NOTED, "{queue_id}: {client}: possible SMTP attack: command={verb}, count={count}"),
    LogEvent.THROTTLED: (_NOTED, "{queue_id}: {client}: Possible SMTP RCPT flood, throttling."),
    LogEvent.FULL: (_REFUSED, "rejecting connections on daemon {service}: {count} children, max {most}"),
    LogEvent.OPEN_AGAIN: (_REFUSED, "accepting connections again for daemon {service}"),
    LogEvent.DEFERRED: (_NOTED, "deferring connections on daemon {service}: {rate} per second"),
    LogEvent.NOT_OPEN: (_ALWAYS, "daemon {service}: cannot bind: {error}"),
    LogEvent.MESSAGE_TOO_BIG: (_NOTED, "{queue_id}: message size ({size}) exceeds maximum ({limit})"),
    LogEvent.LOOKUP_FAILED: (_REFUSED, "{queue_id}: {table}: lookup failed, the message is not accepted"),
    LogEvent.NOT_STORED: (_ALWAYS, "{queue_id}: SYSERR: {error}"),
    LogEvent.STORED_TOO_BIG: (_NOTED, "{queue_id}: the message exceeds the maximum where it is stored"),
    LogEvent.TOO_MANY_HOPS: (_REFUSED, "{queue_id}: too many hops"),
    LogEvent.ALIAS_FAILED: (_REFUSED, "{queue_id}: {reply.text}; the message is not accepted"),
    LogEvent.CONTENT: (_REFUSED, "{queue_id}: {text}"),
    LogEvent.FILTER_CHANGE: (_LATER, "{queue_id}: Milter: {odd.value}: {text}"),
    LogEvent.COMMENTS_LOST: (_NOTED, "{queue_id}: comments around an address are dropped: {text}..."),
    LogEvent.QUEUE_FAILED: (_ALWAYS, "SYSERR: {error}"),
    LogEvent.REPORT_FAILED: (_ALWAYS, "{serial}: a report cannot be queued: {error}"),
    LogEvent.HOST_FAILED: (_LATER, "{queue_id}: {text}"),
    LogEvent.HOP_NOTED: (_NOTED, "{text}"),
    LogEvent.NOT_BOUND: (_REFUSED, "cannot bind to {address}: {reason}"),
    LogEvent.DNS_FILTERED: (_LATER, "{text}"),
    LogEvent.TRANSPORT_BROKEN: (_ALWAYS, "SYSERR: {text} {program}"),
    LogEvent.DELIVERY_WARNING: (_REFUSED, "Warning: {text}"),
    LogEvent.REPORT_WARNING: (_ALWAYS, "Warning: {text}"),
    LogEvent.REPORT_DISCARDED: (_REFUSED, "{queue_id}: Losing {queue_id}: savemail panic"),
    LogEvent.STARTED: (_ALWAYS, "starting daemon (mailconf): SMTP, configuration {directory}"),
    LogEvent.METRICS_SERVED: (_ALWAYS, "figures at http://{host}:{port}/metrics"),
    LogEvent.STOPPED: (_EACH, "NOQUEUE: stopping daemon, reason=signal"),
    LogEvent.RELOADED: (_ALWAYS, "restarting {directory} due to signal"),
    LogEvent.NOT_RELOADED: (_ALWAYS, "could not restart: {error}"),
    LogEvent.SERVICE_GONE: (
        _ALWAYS,
        "daemon {service} is gone from the configuration, it is not listened for any more",
    ),
    LogEvent.FINDING: (_ALWAYS, "{text}"),
    LogEvent.FATAL: (_ALWAYS, "SYSERR: {error}"),
    LogEvent.ATTEMPT_FAILED: (_ALWAYS, "{serial}: SYSERR: {error}"),
    LogEvent.AGENT_FAILED: (_ALWAYS, "{queue_id}: SYSERR: {program}: {error}"),
    LogEvent.NO_AGENT: (_ALWAYS, "SYSERR: nothing delivers for mailer {transport} {program}"),
    LogEvent.PROGRAM_DIED: (_ALWAYS, "{queue_id}: SYSERR(root): mailer {mailer} died with signal {number}"),
    LogEvent.LISTENING: (_ALWAYS, "daemon {service}: listening on {host} port {port}"),
    LogEvent.PRIVILEGE_UNKNOWN: (_REFUSED, "{privilege}: {table}: lookup failed"),
    LogEvent.TLS_BROKEN: (_ALWAYS, "STARTTLS=server, error: {reason} {file}"),
    LogEvent.TLS_FAILED: (_NOTED, _ACCEPT_FAILED),
    LogEvent.HANDSHAKE_LOST: (_NOTED, _ACCEPT_FAILED.replace("{reason}", "unexpected eof while reading")),
    LogEvent.NO_WRAPPER: (_ALWAYS, "{queue_id}: smtps: TLS not available, exiting"),
    LogEvent.NO_CERTIFICATE: (_NOTED, "NOQUEUE: {client} has to present a certificate, and did not"),
    LogEvent.LOGIN_REFUSED: (
        _LATER,
        "{queue_id}: AUTH failure ({method}): {reason}, user={account}, relay={client}",
    ),
    LogEvent.LOGIN_UNREADABLE: (_LATER, "{queue_id}: AUTH decode64 error, relay={client}"),
    LogEvent.LOGIN_ABORTED: (_LATER, "NOQUEUE: AUTH aborted, mech={method}, relay={client}"),
    LogEvent.RESPONSE_TOO_LONG: (_NOTED, "NOQUEUE: an AUTH response of {client} is longer than {limit}: {text}"),
    LogEvent.LOGINS_UNAVAILABLE: (_ALWAYS, "AUTH: {server} cannot be asked: {reason}"),
    LogEvent.NO_MECHANISMS: (_ALWAYS, "AUTH warning: no mechanisms"),
    LogEvent.SENT_CONTENT: (_REFUSED, "{queue_id}: {text}"),
    LogEvent.TIMED_OUT: (_LOST, "{queue_id}: timeout waiting for input from {client} during {where}"),
}
_SILENT = frozenset(
    (
        LogEvent.NO_ROOM, LogEvent.KEYWORDS_DROPPED, LogEvent.CLIENT_UNTOLD,
        LogEvent.HOST_UNREACHED, LogEvent.LINES_BROKEN, LogEvent.PROBED, LogEvent.PROBE_FAILED,
        LogEvent.ACTIVE, LogEvent.REMOVED, LogEvent.MESSAGE_BEGUN, LogEvent.MESSAGE_IDS, LogEvent.IMPROPER_PIPELINING,
        LogEvent.LINE_REJECTED, LogEvent.NOT_INTRODUCED, LogEvent.NO_PROXY_PROTOCOL, LogEvent.CHUNK_REFUSED,
        LogEvent.FILTER_NO_DISCARD, LogEvent.FILTER_NO_RECIPIENT, LogEvent.PROXY_UNREACHABLE, LogEvent.PROXY_FAILED,
        LogEvent.PROXY_GARBAGE, LogEvent.PROXY_REFUSED, LogEvent.PROXIED, LogEvent.SCREENED, LogEvent.NOT_QUEUED,
    )
)  # fmt: skip

_DNS = "Name server: {name}: host name lookup failure"
_REMARKS: dict[Remark, str] = {
    **dict.fromkeys((Remark.IN_MAILBOX, Remark.IN_MAILDIR, Remark.IN_FILE, Remark.FORWARDED), "Sent"),
    Remark.DISCARDED: "discarded",
    Remark.MAILBOX_FAILED: "Can't create output: {path}: {reason}",
    Remark.VIRTUAL_MAILBOX_FAILED: "Can't create output: {path}: {reason}",
    Remark.FILE_FAILED: "Can't create output: {path}: {reason}",
    Remark.MAILDIR_FAILED: "Can't create output: {reason}",
    Remark.LOOP: "aliasing/forwarding loop broken",
    Remark.MISCONFIGURED: "Local configuration error",
    Remark.NO_DELIVERIES: "Data format error",
    **dict.fromkeys((Remark.WOULD_MAILBOX, Remark.WOULD_MAILDIR, Remark.WOULD_FILE), "deliverable"),
    **dict.fromkeys((Remark.WOULD_COMMAND, Remark.WOULD_FORWARD, Remark.WOULD_SEVERAL), "deliverable"),
    Remark.COMMAND_DONE: "Sent",
    Remark.COMMAND_STATUS: "unknown mailer error {status}",
    Remark.COMMAND_SIGNAL: "mailer died with signal {number}",
    Remark.COMMAND_SAID: "{text}",
    Remark.COMMAND_TIMEOUT: "mailer timed out",
    Remark.COMMAND_NOT_RUN: "Operating system error",
    Remark.COMMAND_OUTPUT: ": {output}",
    Remark.PROGRAM_LATER: "Deferred: {mailer} mailer ({path}) exited with EX_TEMPFAIL",
    Remark.UNKNOWN_STATUS: "unknown mailer error {status}",
    Remark.VIA_COMMAND: "Sent",
    Remark.PROGRAM_NOT_RUN: "{file}: {reason}",
    Remark.NOT_ENTERED: "Cannot chdir to {file}: {reason}",
    Remark.NO_CHROOT: "Cannot chroot to {file}: {reason}",
    Remark.TOO_LARGE: "Message is too large",
    Remark.TRANSPORT_FAILED: "Operating system error",
    Remark.NO_RIGHTS: "Insufficient permission",
    Remark.NO_TRANSPORT: "Local configuration error",
    Remark.AGENT_FAILED: "Internal error",
    Remark.NO_RESULT: "Internal error",
    Remark.SUSPENDED: "{reason}",
    Remark.TRANSPORT_IDLE: "deferred transport",
    Remark.BAD_NEXTHOP: "Host unknown ({reason})",
    Remark.REWRITING_FAILED: "Local configuration error: {reason}",
    Remark.NULL_MX: "Host unknown (Domain {domain} does not accept mail (nullMX))",
    Remark.LOOPS_BACK: "config error: mail loops back to me (MX problem?)",
    Remark.LOOKUP_FAILED: _DNS,
    Remark.NO_SUCH_NAME: "Host unknown (Name server: {name}: host not found)",
    Remark.NO_RECORD: "Host unknown (Name server: {name}: no data known)",
    Remark.NO_SUCH_HOST: "Host unknown (Name server: {name}: host not found)",
    Remark.NO_LOOKUP: "Local configuration error",
    Remark.ALL_FILTERED: "Host unknown (Name server: {name}: no data known)",
    Remark.FILTER_BROKEN: _DNS,
    Remark.CONNECT_FAILED: "{reason} by {relay}",
    Remark.NO_HANDSHAKE: "Remote protocol error with {peer}",
    Remark.UNWILLING: "{reply.verbatim}",
    Remark.NO_SMTPUTF8: "SMTPUTF8 required, but not supported by {peer}",
    Remark.CONNECTION_LOST: "Connection reset by {peer}",
    Remark.TIMED_OUT: "Connection timed out with {peer}",
    Remark.ACCEPTED: "Sent ({reply.text})",
    Remark.REFUSED: "{reply.verbatim}",
    Remark.OUT_OF_TURN: "protocol error: {reply.verbatim}",
    Remark.CONTENT_UNCHECKED: "Local configuration error",
    Remark.SECURITY_UNKNOWN: "Local configuration error: {reason}",
    Remark.HOP_REFUSED: "{text}",
    Remark.NO_TLS: "TLS is needed, and {peer} does not offer it",
    Remark.TLS_REFUSED: "{reply.verbatim}",
    Remark.NO_HANDSHAKE_TLS: "403 4.7.0 server not authenticated.",
    Remark.NOT_VERIFIED: "the host's certificate is not verified",
    Remark.NO_MECHANISM: "Temporary AUTH failure",
    Remark.LOGIN_REFUSED: "Temporary AUTH failure",
    Remark.BAD_CHALLENGE: "Temporary AUTH failure",
    Remark.NO_ANSWER: "Temporary AUTH failure",
    Remark.LOCAL_DATA: "AUTH failed: a table of logins cannot be asked",
}
_EXIT = {
    64: "Command line usage error",
    65: "Data format error",
    66: "Cannot open input",
    67: "User unknown",
    68: "Host unknown",
    69: "Service unavailable",
    70: "Internal error",
    71: "Operating system error",
    72: "System file missing",
    73: "Can't create output",
    74: "I/O error",
    75: "Deferred",
    76: "Remote protocol error",
    77: "Insufficient permission",
    78: "Local configuration error",
}
_LATER_EXITS = (_EXIT[71], _EXIT[74])
_OPERATED = {
    Operation.HOLD: "quarantine",
    Operation.RELEASE: "released from quarantine",
    Operation.REQUEUE: "requeued",
    Operation.DELETE: "removed",
    Operation.EXPIRE: "to be given up",
}
_REFUSES = ("refused", "reset", "closed")


class SendmailJournal:
    """A `mailconf.mta.journal.Journal`.

    level  option LogLevel
    """

    def __init__(self, level: int = 9) -> None:
        self._level = level

    def client(self, session: Session) -> str:
        return peer_of(session).text

    def lines(self, event: LogEvent, /, **facts: Any) -> Iterable[Line]:
        if event in _SILENT:
            return ()
        if (text := _TEXTS.get(event)) is not None:
            level, line = text
            if not facts.get("queue_id", "-"):
                facts["queue_id"] = "NOQUEUE"
            if isinstance(facts.get("where"), str):
                facts["where"] = facts["where"].lower()
            found: Iterable[tuple[int, str]] = ((level, line.format_map(facts)),)
        else:
            found = _LINES[event](**facts)
        return tuple((PROGRAM, line) for level, line in found if level <= self._level)

    def remark(self, remark: Remark, /, **facts: Any) -> str:
        if remark is Remark.COMMAND_EXIT:
            return _EXIT[facts["status"]]
        if remark is Remark.ACCEPTED:
            return f"Sent ({_unnumbered(facts['reply'].text)})"
        if remark is Remark.CONNECT_FAILED:
            host = _RELAY.sub(r"\1", str(facts["relay"]))
            reason = str(facts["reason"])
            return f"{reason} by {host}." if any(word in reason for word in _REFUSES) else f"{reason} with {host}."
        if isinstance(facts.get("stage"), Stage):
            facts["stage"] = facts["stage"].value
        return _REMARKS[remark].format_map(facts)


def duration(seconds: float) -> str:
    """A time as delay= has it: hours, minutes, seconds, with the days before them."""
    whole = max(int(seconds), 0)
    days, rest = divmod(whole, 86400)
    text = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days}+{text}" if days else text


def _unnumbered(text: str) -> str:
    return _ENHANCED.sub("", text)


def _priority(size: int, recipients: int) -> int:
    return size + _RECIPIENT_FACTOR * recipients


def _disconnected(
    client: str, counts: dict[str, list[int]], bare_lf: bool, queue_id: str, greeted: bool
) -> Iterable[tuple[int, str]]:
    if greeted and not any(verb in counts or verb.lower() in counts for verb in _ACTIVE):
        yield _NOTED, f"{queue_id or 'NOQUEUE'}: {client} did not issue MAIL/EXPN/VRFY/ETRN during connection to MTA"


def _lost(client: str, where: str, octets: int | None, named: bool, queue_id: str) -> Iterable[tuple[int, str]]:
    """Who hangs up between messages is none that is lost."""
    if octets is not None or where in _OPEN:
        yield _LOST, f"{queue_id or 'NOQUEUE'}: lost input channel from {client} to MTA after {where.lower()}"


def _refused(client: str, queue_id: str, named: bool, refused: Refused) -> Iterable[tuple[int, str]]:
    if refused.problem is Problem.TOO_MANY_RECIPIENTS:
        yield _REFUSED, f"{queue_id or 'NOQUEUE'}: {_unnumbered(refused.reply.text)}"


def _verdict(queue_id: str, verdict: Verdict) -> Iterable[tuple[int, str]]:
    for line in verdict.notes:
        level = _NOTED if not line.startswith("ruleset=") or line.startswith("ruleset=tls_client,") else _REFUSED
        yield level, line if line.startswith(_UNNUMBERED_ID) else f"{queue_id or 'NOQUEUE'}: {line}"
    if line := verdict.log:
        yield _REFUSED, line if line.startswith(_UNNUMBERED_ID) else f"{queue_id or 'NOQUEUE'}: {line}"


def _over(
    session: Session,
    size: int,
    recipients: list[str],
    identity: str,
    refusal: Reply | None,
    discarded: bool,
    elapsed: float,
) -> Iterable[tuple[int, str]]:
    parameters = session.sender_parameters
    parts = [
        f"from=<{external(session.sender or '')}>",
        f"size={size}",
        "class=0",
        f"nrcpts={len(recipients)}",
        *([f"msgid={identity}"] if identity else []),
        *([f"bodytype={parameters['BODY'].upper()}"] if parameters.get("BODY") else []),
        f"proto={session.spoken or session.protocol}",
        "daemon=MTA",
        f"relay={peer_of(session).text}",
    ]
    yield _FROM, f"{session.queue_id or 'NOQUEUE'}: {', '.join(parts)}"
    if discarded:
        yield _FROM, f"{session.queue_id or 'NOQUEUE'}: discarded"
    if refusal is not None:
        about = f"delay={duration(elapsed)}, pri={_priority(size, len(recipients))}, stat={_unnumbered(refusal.text)}"
        for recipient in recipients:
            yield _LATER, f"{session.queue_id or 'NOQUEUE'}: to=<{external(recipient)}>, {about}"


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
) -> Iterable[tuple[int, str]]:
    level = {Status.SENT: _SENT, Status.DEFERRED: _LATER}.get(result.status, _FAILED)
    stat = result.text
    if result.status is Status.DEFERRED and not stat.startswith("Deferred") and stat not in _LATER_EXITS:
        stat = f"Deferred: {stat}"
    elif result.status is Status.SENT and not stat.startswith(("Sent", "discarded")):
        stat = f"Sent ({stat})"
    relay = _RELAY.fullmatch(result.relay)
    host = f"{relay[1]}. [{relay[2]}]" if relay else result.relay if result.relay not in _NO_HOSTS else ""
    parts = [
        f"to={_named(result.recipient)}",
        *_controlled(result),
        f"delay={duration(ended - arrival)}",
        f"xdelay={duration(ended - begun)}",
        f"mailer={transport}",
        f"pri={_priority(size, recipients)}",
        *([f"relay={host}"] if host else []),
        f"dsn={result.dsn}",
        f"stat={stat}",
    ]
    yield level, f"{queue_id}: {', '.join(parts)}"


def _named(recipient: Recipient) -> str:
    """A recipient as it was written: in brackets by a client, without by an alias; commands and files as they are."""
    address = recipient.address  # the Policy keeps addresses as they are written
    plain = recipient.kind in (RecipientKind.COMMAND, RecipientKind.FILE) or recipient.origin != address
    return address if plain else f"<{address}>"


def _controlled(result: Result) -> Iterable[str]:
    """With whose rights it was delivered, where it is some user's own."""
    recipient = result.recipient
    if result.rights is not None:
        uid, gid = result.rights
        named = recipient.controller or recipient.address
        yield f"ctladdr={f'<{named}>' if named == recipient.origin else named} ({uid}/{gid})"


def _program_not_run(queue_id: str, path: str, reason: str) -> Iterable[tuple[int, str]]:
    if reason == os.strerror(errno.ENOENT):
        yield _ALWAYS, f"{queue_id}: Warning: program {path} unsafe: {reason}"
    yield _ALWAYS, f"{queue_id}: SYSERR(root): Cannot exec {path}: {reason}"


def _report_sent(queue_id: str, notice: Notice, postmaster: bool, report_id: str) -> Iterable[tuple[int, str]]:
    what = "postmaster notify" if postmaster else "DSN"
    about = {Notice.DELAY: "warning: could not send message", Notice.SUCCESS: "Return receipt"}
    yield _NOTED, f"{queue_id}: {report_id}: {what}: {about.get(notice, 'returned mail')}"


def _expired(queue_id: str, sender: str, forced: bool) -> Iterable[tuple[int, str]]:
    why = "given up as asked for" if forced else "queue lifetime over"
    yield _REFUSED, f"{queue_id}: from=<{external(sender)}>: {why}, message returned"


def _operated(queue_id: str, operation: Operation) -> Iterable[tuple[int, str]]:
    yield _NOTED, f"{queue_id}: {_OPERATED[operation]}"


def _tls_begun(client: str, session: Session) -> Iterable[tuple[int, str]]:
    return _tls_lines("server", client, session)


def _tls_lines(side: str, client: str, session: Session) -> Iterable[tuple[int, str]]:
    certificate = session.certificate
    verify = _VERIFIED[session.proof]
    bits = f"bits={session.tls_bits}/{session.tls_bits}"
    agreed = f"version={session.tls_protocol}, verify={verify}, cipher={session.tls_cipher}, {bits}"
    yield _LATER, f"STARTTLS={side}, relay={client}, {agreed}"
    subject, issuer = ("", "") if certificate is None else _names(certificate)
    fault = certificate.fault if certificate is not None else ""
    yield _MORE, f"STARTTLS={side}, cert-subject={subject}, cert-issuer={issuer}, verifymsg={fault or 'ok'}"


def _names(certificate: ClientCertificate) -> tuple[str, str]:
    try:
        found = names(certificate.data)
    except BadCertificate:
        return "", ""
    return encoded(found.subject)[:_SHOWN], encoded(found.issuer)[:_SHOWN]


def _logged_in(client: str, method: str, account: str) -> Iterable[tuple[int, str]]:
    shown = encoded(encode(account), also="=")
    yield _LATER, f"AUTH=server, relay={client}, authid={shown}, mech={method}, bits=0"


def _login_failed(client: str, method: str, reply: Reply, account: str | None) -> Iterable[tuple[int, str]]:
    user = f", user={account}" if account else ""
    yield _LATER, f"NOQUEUE: AUTH failure ({method}): {_unnumbered(reply.text)}{user}, relay={client}"


def _hop_tls_begun(program: str, relay: str, level: object, facts: Any) -> Iterable[tuple[int, str]]:
    return ()  # what the certificate proves is not known yet: HOP_AGREED


def _hop_agreed(program: str, relay: str, session: Session) -> Iterable[tuple[int, str]]:
    return _tls_lines("client", _host(relay), session)


def _host(relay: str) -> str:
    """A host as these lines have it: its name with a dot, an address in brackets."""
    found = _RELAY.fullmatch(relay)
    if found is None:
        return relay
    return f"[{found[2]}]" if found[1] == found[2] else f"{found[1]}."


def _hop_logged_in(program: str, relay: str, mechanism: str) -> Iterable[tuple[int, str]]:
    yield _LATER, f"AUTH=client, relay={_host(relay)}, mech={mechanism}, bits=0"


def _hop_tls_failed(program: str, relay: str, reason: object, untrusted: bool) -> Iterable[tuple[int, str]]:
    why = "unexpected eof while reading" if reason == "lost connection" else reason
    yield _NOTED, f"STARTTLS=client, error: connect failed=-1, reason={why}, SSL_error=1, errno=0, retry=-1"


def _defect(question: str, error: Exception, place: str) -> Iterable[tuple[int, str]]:
    at = f" ({place})" if place else ""
    yield _ALWAYS, f"SYSERR: {question}: {type(error).__name__}: {error}{at}"


def _filter_failed(
    queue_id: str,
    filter: str,
    local: bool,
    event: Event | None,
    negotiating: bool,
    flaw: Flaw,
    facts: Mapping[str, Any],
) -> Iterable[tuple[int, str]]:
    message = queue_id or _NO_ID
    action = "negotiate" if event is None else _ACTIONS.get(event, event.name.lower())
    if flaw is Flaw.UNREACHABLE:
        yield _ALWAYS, f"{message}: Milter ({filter}): error connecting to filter: {facts['reason']}"
    elif flaw in (Flaw.GONE, Flaw.LOST):
        yield _ALWAYS, f"{message}: milter_sys_read({filter}): cmd read returned 0, expecting 5"
    elif flaw is Flaw.UNEXPECTED and event is Event.END:
        yield _ALWAYS, f"{message}: milter_data({filter}): returned bogus response {_sign(facts['letter'])}"
    elif flaw is Flaw.UNEXPECTED:
        bogus = f"returned bogus response {_sign(facts['letter'])}"
        yield _ALWAYS, f"{message}: milter_send_command({filter}): action={action} {bogus}"
    else:
        about = ", ".join(f"{name}={_sign(value)}" for name, value in facts.items())
        yield _ALWAYS, f"{message}: Milter ({filter}): action={action}: {flaw.meaning}{f' ({about})' if about else ''}"
    yield _ALWAYS, f"{message}: Milter ({filter}): to error state"


def _sign(value: object) -> str:
    """What a filter has sent, for a line of the log."""
    return _UNPRINTED.sub("?", str(value))


_UNPRINTED = re.compile(r"[\x00-\x1f\x7f]")
_ACTIONS = {Event.MAIL: "mail", Event.UNKNOWN: "unknown", Event.END: "eom"}


def _filter_odd(queue_id: str, filter: str, local: bool, agreed: Negotiated) -> Iterable[tuple[int, str]]:
    for stage in agreed.strange:
        yield _LATER, f"{queue_id or _NO_ID}: Milter ({filter}): unknown stage {stage}"


def _filtered(
    do: Do, where: str, client: str, session: Session, recipient: str, reply: Reply | None, in_content: bool
) -> Iterable[tuple[int, str]]:
    came = f"reject={reply}" if reply is not None else _FILTERED.get(do, do.value)
    if where == "CONNECT":
        about = f"connect: host={session.client_name}, addr={session.client_address}"
        code = reply.code if reply is not None else 0
        came = "shutdown" if code == _CLOSING else "rejecting commands" if code >= 500 else "temp failing commands"
    elif where in ("HELO", "EHLO"):
        about = f"helo={session.helo or ''}"
        came = came.replace("550 5.7.1 Command", "Command")
    elif where == "MAIL":
        about = f"from=<{external(session.sender or '')}>"
    elif where == "RCPT":
        about = f"to=<{external(recipient)}>"
    else:
        about = "data" if in_content else f"cmd={where.lower()}"
    yield _NOTED, f"{session.queue_id or 'NOQUEUE'}: Milter: {about}, {_UNPRINTED.sub('?', came)}"


_NO_ID = "NOQUEUE"
_FILTERED = {Do.DISCARD: "discard", Do.HOLD: "quarantine"}
_CLOSING = 421

_LINES: dict[LogEvent, Callable[..., Iterable[tuple[int, str]]]] = {
    LogEvent.FILTER_FAILED: _filter_failed,
    LogEvent.FILTER_ODD: _filter_odd,
    LogEvent.FILTERED: _filtered,
    LogEvent.DISCONNECTED: _disconnected,
    LogEvent.CONNECTION_LOST: _lost,
    LogEvent.COMMAND_REFUSED: _refused,
    LogEvent.VERDICT: _verdict,
    LogEvent.TRANSACTION_OVER: _over,
    LogEvent.DELIVERY: _delivery,
    LogEvent.PROGRAM_NOT_RUN: _program_not_run,
    LogEvent.REPORT_SENT: _report_sent,
    LogEvent.EXPIRED: _expired,
    LogEvent.OPERATED: _operated,
    LogEvent.TLS_BEGUN: _tls_begun,
    LogEvent.LOGGED_IN: _logged_in,
    LogEvent.LOGIN_FAILED: _login_failed,
    LogEvent.HOP_TLS_BEGUN: _hop_tls_begun,
    LogEvent.HOP_AGREED: _hop_agreed,
    LogEvent.HOP_LOGGED_IN: _hop_logged_in,
    LogEvent.HOP_TLS_FAILED: _hop_tls_failed,
    LogEvent.DEFECT: _defect,
}
