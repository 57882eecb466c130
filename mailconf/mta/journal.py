"""What the MTA tells its log: events by name, and what deliveries come to.

The parts of the MTA name a `LogEvent` with its facts; a `Journal` makes lines of it, as many as its dialect has for it,
or none. What an attempt comes to is a `Remark`, which stands in the log and in reports to senders. Each dialect has a
module: mailconf/mta/journal_postfix.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from mailconf.model.session import Session
from mailconf.smtp.problems import Worded

Line = tuple[str, str]  # program, text


class LogEvent(Worded):
    """Something that a log may have; its meaning, and the names of its facts.

    ``client`` is "name[address]", ``queue_id`` may be "" before there is one, times are seconds since the epoch.
    """

    # A session. ``named``: the line has the queue id of the message that the session ended in.
    CONNECTED = "a client connected", "client"
    DISCONNECTED = (
        "a session is over; commands as [accepted, all] by name",
        "client",
        "counts",
        "bare_lf",
        "queue_id",
        "greeted",
    )
    # where: the command; octets: of the content so far, or None
    CONNECTION_LOST = "the client hung up", "client", "where", "octets", "named", "queue_id"
    TIMED_OUT = "the client was silent for too long", "client", "where", "octets", "named", "queue_id"
    TOO_MANY_CONNECTIONS = "the client has more than it may have", "client", "count", "service"
    # activity: a `mailconf.model.limits.Activity`; count: how often in a while
    TOO_OFTEN = "the client does something more often than it may", "client", "activity", "count", "service"
    TLS_WITHHELD = "the client has begun too many TLS sessions to begin one more", "client", "service", "wrapper"
    # fault: a `mailconf.smtp.proxy_header.Fault`; data: what has come
    NOT_INTRODUCED = "the proxy does not say whose connection it hands on", "fault", "data"
    NO_PROXY_PROTOCOL = "a proxy's protocol is asked for that does not exist", "value"
    # finding: a `mailconf.mta.screen.Finding` or a note of a talk; about: what goes with it, by name
    SCREENED = "what the tests of a client have shown", "finding", "client", "session", "about"
    NOT_QUEUED = "nothing is sent for a domain that a client asks for by ETRN", "client", "domain"
    SLOWED = "the client repeats a command, and waits for replies from now on", "client", "verb", "count", "queue_id"
    THROTTLED = "the client has named many recipients in vain, and waits from now on", "client", "queue_id"
    FULL = "no more connections are taken, as there are as many as may be", "service", "count", "most"
    OPEN_AGAIN = "connections are taken again", "service"
    DEFERRED = "more connections come in a second than are taken", "service", "rate"
    NOT_OPEN = "connections cannot be taken again yet", "service", "error"
    IMPROPER_PIPELINING = "the client sent on where it had to wait", "client", "verb", "ahead"
    COMMAND_REFUSED = "the protocol forbids a command (smtp.problems)", "client", "queue_id", "named", "refused"
    # recipient: the first one, or ""
    LINE_REJECTED = "a line's end is refused", "client", "where", "problem", "session", "recipient"
    CHUNK_REFUSED = "a chunk is refused by the protocol", "client", "queue_id", "problem"
    PRIVILEGE_UNKNOWN = "whether a client has a privilege cannot be found out", "privilege", "table"
    VERDICT = "the Policy answered a command", "queue_id", "verdict"
    MESSAGE_BEGUN = "a message has its queue id", "queue_id", "client", "login", "method", "forwarded"
    # TLS and logins. ``account`` is None where it is not known.
    TLS_BROKEN = "TLS is asked for and cannot be had", "reason", "file"
    TLS_BEGUN = "TLS is in force", "client", "session"
    TLS_FAILED = "the handshake failed, or what came is not TLS", "client", "reason"
    HANDSHAKE_LOST = "the client hung up where TLS was to begin", "client"
    NO_WRAPPER = "a service begins with TLS, and there is none", "queue_id"
    NO_CERTIFICATE = "the client has to have a certificate, and gave none", "client"
    LOGIN_FAILED = "a client could not log in", "client", "method", "reply", "account"
    LOGGED_IN = "a client has logged in", "client", "method", "account"
    LOGIN_REFUSED = "an account, or its password, is wrong", "client", "queue_id", "method", "reason", "account"
    LOGIN_UNREADABLE = "what came with AUTH is no base64", "client", "queue_id"
    LOGIN_ABORTED = "a client gave its login up", "client", "method"
    RESPONSE_TOO_LONG = "what a client answers to a challenge is too long", "client", "limit", "text"
    LOGINS_UNAVAILABLE = "who knows the clients' logins cannot be asked", "server", "reason"
    NO_MECHANISMS = "there is no way left to log in"
    MESSAGE_TOO_BIG = "the content exceeds the limit", "queue_id", "size", "limit"
    # identity: the Message-ID or ""; refusal: of the content, or None; elapsed: seconds since MAIL
    TRANSACTION_OVER = (
        "a transaction is over, with a message or without", "session", "size", "recipients", "identity", "refusal",
        "discarded", "elapsed",
    )  # fmt: skip
    DEFECT = "a question to the Policy ended in an exception", "question", "error", "place"
    # A message on its way into the queue.
    LOOKUP_FAILED = "a table cannot be asked", "queue_id", "table"
    NO_ROOM = "a message is not taken, for want of room on the disk", "client", "session", "reply", "free"
    NOT_STORED = "the queue does not take a message", "queue_id", "error"
    STORED_TOO_BIG = "a message exceeds the limit when it is to be stored", "queue_id"
    TOO_MANY_HOPS = "a message has come through too many servers", "queue_id"
    ALIAS_FAILED = "the recipients of a message cannot be expanded", "queue_id", "reply"
    CONTENT = "what the content of a message leads to", "queue_id", "text"
    COMMENTS_LOST = "comments around an address are dropped; where they begin", "queue_id", "text"
    MESSAGE_IDS = "what identifies a message: values by lower-case names of fields", "queue_id", "fields"
    # Mail filters. ``filter`` is its name; ``event`` a smtp.milter.Event, or None before the first.
    FILTER_FAILED = (
        "a filter cannot be asked any more",
        "queue_id",
        "filter",
        "local",
        "event",
        "negotiating",
        "flaw",
        "facts",
    )
    FILTER_ODD = (
        "a filter negotiates in an unusual way (smtp.milter.Negotiated)",
        "queue_id",
        "filter",
        "local",
        "agreed",
    )
    FILTER_NO_DISCARD = "a filter wants a message dropped before there is one", "queue_id", "filter", "local"
    FILTER_NO_RECIPIENT = "a filter refuses a recipient of a message that no client brings, which cannot be", "queue_id"
    # do: a filter.Do; where: the command; recipient: the one in question, or ""; reply: the refusal, or None
    FILTERED = "what a filter leads to", "do", "where", "client", "session", "recipient", "reply", "in_content"
    # flaw: an envelope_changes.Odd
    PROXY_UNREACHABLE = "the filter before the queue cannot be reached", "proxy", "reason"
    PROXY_FAILED = "it is not talked to any more", "proxy", "flaw"
    PROXY_GARBAGE = "it says what is no reply", "proxy", "text"
    PROXY_REFUSED = 'it refuses a command, "" being the connection', "proxy", "command", "reply"
    PROXIED = "what it makes of a whole message", "session", "recipient", "reply"
    FILTER_CHANGE = "an unusual change of the envelope", "queue_id", "odd", "text"
    # The queue and deliveries.
    ACTIVE = "a message is attempted", "queue_id", "sender", "size", "recipients"
    # transport: its name; size and recipients: the message's size, and how many recipients it has left
    DELIVERY = (
        "an attempt has ended", "program", "queue_id", "result", "arrival", "since", "begun", "ended", "transport",
        "size", "recipients",
    )  # fmt: skip
    PROBED = (  # as DELIVERY; kept: whether that is remembered
        "a probe of an address has ended", "program", "queue_id", "result", "arrival", "since", "begun", "ended",
        "transport", "size", "recipients", "kept",
    )  # fmt: skip
    PROBE_FAILED = "an address cannot be probed", "address", "error"
    EXPIRED = "a message is given up; forced: because somebody wants it", "queue_id", "sender", "forced"
    REMOVED = "nothing is left to do for a message", "queue_id"
    OPERATED = "somebody did something with a message (mta.control.Operation)", "queue_id", "operation"
    QUEUE_FAILED = "the queue cannot be used", "error"
    REPORT_FAILED = "a report to the sender could not be queued", "serial", "error"
    ATTEMPT_FAILED = "an attempt ended in an exception", "serial", "error"
    AGENT_FAILED = "an agent ended in an exception", "program", "queue_id", "error"
    NO_AGENT = "nothing delivers for a transport; the agent that asks for it or ''", "program", "transport"
    PROGRAM_NOT_RUN = "a mailer's program cannot be run", "queue_id", "path", "reason"
    PROGRAM_DIED = "a mailer's program was killed by a signal", "queue_id", "mailer", "number"
    HOP_TLS_BEGUN = "TLS with a host is in force; trust", "program", "relay", "level", "facts"
    HOP_LOGGED_IN = "a login with a host is good", "program", "relay", "mechanism"
    HOP_NOTED = "what the configuration has to say of TLS with a host", "program", "text"
    HOP_AGREED = "TLS with a host is in force, and what its certificate proves", "program", "relay", "session"
    HOP_TLS_FAILED = "the handshake with a host failed", "program", "relay", "reason", "untrusted"
    HOST_FAILED = "a host could not be used, the next one is tried", "program", "queue_id", "text"
    HOST_UNREACHED = "a host cannot be reached", "program", "text"
    KEYWORDS_DROPPED = "extensions of a host that do not count", "program", "words"
    CLIENT_UNTOLD = "a host does not want to know of a client", "program", "relay", "stage", "reply"
    LINES_BROKEN = "lines that are too long are sent in pieces", "program", "queue_id", "limit"
    NOT_BOUND = "connections cannot come from the address that they are to come from", "program", "address", "reason"
    DNS_FILTERED = "what a filter for the DNS's answers has to say", "program", "text"
    SENT_CONTENT = "what the content of a message that is sent leads to", "program", "queue_id", "text"
    TRANSPORT_BROKEN = "a transport cannot be used as it is configured", "program", "text"
    DELIVERY_WARNING = "an agent has something to say about a delivery", "program", "text"
    REPORT_SENT = "a report was queued: of which message, as which", "queue_id", "notice", "postmaster", "report_id"
    REPORT_WARNING = "something is wrong with the texts of reports", "text"
    REPORT_DISCARDED = "a report about a report to the postmaster is not sent", "queue_id"
    # The whole.
    STARTED = "clients are served", "directory"
    LISTENING = "connections are taken", "host", "port", "service"
    METRICS_SERVED = "figures can be read", "host", "port"
    STOPPED = "the server has ended"
    RELOADED = "the configuration was read anew", "directory"
    NOT_RELOADED = "the configuration is broken, the one in force stays", "error"
    SERVICE_GONE = "a service that is listened for is gone from the configuration", "service"
    FINDING = "a diagnostic of the configuration, in one line", "text"
    FATAL = "the server cannot run", "error"


# Of TLS and logins, what one dialect alone tells: these are in no line of the other.
SECURITY_ALONE = frozenset(
    (
        LogEvent.HANDSHAKE_LOST, LogEvent.NO_WRAPPER, LogEvent.LOGGED_IN, LogEvent.LOGIN_REFUSED,
        LogEvent.LOGIN_UNREADABLE, LogEvent.HOP_NOTED, LogEvent.HOP_AGREED, LogEvent.HOP_LOGGED_IN,
    )
)  # fmt: skip


class Remark(Worded):
    """What an attempt to deliver came to; its meaning, and the names of its facts.

    ``reason`` is the operating system's text, or a worker's (`mailconf.mta.mailbox`); ``peer`` is "name[address]",
    ``stage`` a `mailconf.smtp.client.Stage`, and ``verb`` the greeting's command that was sent.
    """

    # Mailboxes, files and forwarding.
    IN_MAILBOX = "it is in a mailbox"
    IN_MAILDIR = "it is in a Maildir"
    IN_FILE = "it is in the file that an alias names", "target"
    FORWARDED = "it was sent anew", "queue_id"
    DISCARDED = "it was thrown away as asked for"
    MAILBOX_FAILED = "a user's mailbox cannot be written", "path", "user", "reason"
    VIRTUAL_MAILBOX_FAILED = "the mailbox of an address without a user cannot be written", "path", "user", "reason"
    FILE_FAILED = "the file that an alias names cannot be written", "path", "user", "reason"
    MAILDIR_FAILED = "a Maildir cannot be written", "reason"
    TOO_LARGE = "the message is larger than the transport takes"
    LOOP = "the message has been delivered to this address before", "address"
    MISCONFIGURED = "the configuration is wrong; the log has more"
    NO_DELIVERIES = "a recipient comes to nothing"
    # What a probe finds: what would be done with mail.
    WOULD_MAILBOX = "it would go into a mailbox"
    WOULD_MAILDIR = "it would go into a Maildir"
    WOULD_FILE = "it would go into a file", "target"
    WOULD_COMMAND = "a command would take it", "target"
    WOULD_FORWARD = "it stands for others", "target"
    WOULD_SEVERAL = "it stands for several addresses"
    # Commands.
    COMMAND_DONE = "the command took it", "command"
    COMMAND_EXIT = "the command ended with a status of sysexits.h", "status"
    COMMAND_STATUS = "the command ended with another status", "command", "status"
    COMMAND_SIGNAL = "the command was killed by a signal", "command", "number"
    COMMAND_SAID = "the command printed a status of RFC 3463 and this", "text"
    COMMAND_TIMEOUT = "the command took too long and was killed", "command"
    COMMAND_NOT_RUN = "the command cannot be started"
    COMMAND_OUTPUT = "follows a remark about a command that printed something", "output"
    VIA_COMMAND = "the command of a transport took it", "transport"
    PROGRAM_NOT_RUN = "the command of a transport cannot be executed: what counts as its output", "file", "reason"
    NOT_ENTERED = "the folder for the command of a transport cannot be entered", "file", "reason", "uid", "gid"
    NO_CHROOT = "the command of a transport cannot have that root", "file", "reason"
    UNKNOWN_STATUS = "what a status that is not of sysexits.h means", "status"
    NO_RIGHTS = "only root may run a command as that user", "uid"
    PROGRAM_LATER = "a mailer's program wants to be called again later, or has died", "mailer", "path"
    # Transports.
    NO_TRANSPORT = "nothing delivers for the transport"
    TRANSPORT_FAILED = "the transport cannot be used as it is configured; the log has more"
    AGENT_FAILED = "the agent ended in an exception"
    NO_RESULT = "the agent did not say what became of it"
    SUSPENDED = "its destination could not be reached a while ago, and is left alone until later", "reason"
    TRANSPORT_IDLE = "its transport delivers only when somebody asks for it"
    # Other servers.
    BAD_NEXTHOP = "the nexthop is no host and port", "reason"
    REWRITING_FAILED = "an address cannot be rewritten", "reason"
    CONTENT_UNCHECKED = "the content of a message that is sent cannot be looked at for now"
    NULL_MX = "the domain does not take mail (RFC 7505)", "domain"
    LOOPS_BACK = "the best host for the destination is this one", "destination"
    LOOKUP_FAILED = "the DNS cannot be asked", "name", "kind"
    NO_SUCH_NAME = "the name does not exist", "name", "kind"
    NO_RECORD = "the name has no such record", "name", "kind"
    NO_SUCH_HOST = "the system knows no address of the host", "name", "reason"
    NO_LOOKUP = "the configuration names no way to look for hosts"
    ALL_FILTERED = "the configuration lets nothing of the DNS's answer pass", "name", "kind"
    FILTER_BROKEN = "what filters the DNS's answers cannot be asked, or is wrong", "name", "kind"
    CONNECT_FAILED = "the host cannot be reached", "relay", "reason"
    NO_HANDSHAKE = "the host does not keep to the protocol", "peer"
    UNWILLING = "the host refused to talk", "peer", "reply"
    NO_SMTPUTF8 = "the host lacks SMTPUTF8", "peer"
    SECURITY_UNKNOWN = "what is asked of the host's TLS or of a login there cannot be found out, or done", "reason"
    HOP_REFUSED = "the configuration does not take what was agreed on with the host", "text"
    NO_TLS = "TLS is needed, and the host does not offer it", "peer"
    TLS_REFUSED = "TLS is needed, and the host refused to begin it", "peer", "reply"
    NO_HANDSHAKE_TLS = "TLS is needed, and the handshake failed"
    NOT_VERIFIED = "nobody vouches for the host's certificate, or it has none of the names that count"
    NO_MECHANISM = "there is no way left to log in", "peer"
    LOGIN_REFUSED = "the host refused the login", "peer", "reply"
    BAD_CHALLENGE = "what the host asks a login for cannot be read", "peer"
    NO_ANSWER = "a login has no answer to what the host asks for", "peer"
    LOCAL_DATA = "a table that has logins cannot be asked", "peer"
    CONNECTION_LOST = "the host hung up", "peer", "stage", "verb"
    TIMED_OUT = "the host was silent for too long", "peer", "stage", "verb"
    ACCEPTED = "the host took it", "reply"
    REFUSED = "the host refused it", "peer", "reply", "stage"
    OUT_OF_TURN = "the host answered by what the command cannot be answered by", "peer", "reply", "stage"


class Journal(Protocol):
    """The words of a dialect for the log. ``facts`` are those that the member names."""

    def client(self, session: Session) -> str:
        """How lines name the client of a session."""
        ...

    def lines(self, event: LogEvent, /, **facts: Any) -> Iterable[Line]: ...

    def remark(self, remark: Remark, /, **facts: Any) -> str: ...


Events = Callable[[LogEvent, Mapping[str, Any], Sequence[Line]], None]  # takes events with their facts and lines


def write(
    journal: Journal,
    event: LogEvent,
    facts: Mapping[str, Any],
    log: Callable[[str, str], None],
    events: Events | None = None,
    prefix: str = "",
) -> None:
    """Write what a journal has to say about an event: to ``events`` where there is one, else each line to ``log``.

    prefix  stands before each line's program
    """
    lines = journal.lines(event, **facts)
    if events is not None:
        events(event, facts, [(prefix + program, text) for program, text in lines])
        return
    for program, text in lines:
        log(prefix + program, text)
