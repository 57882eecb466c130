"""What the MTA tells its log: events by name, and what a delivery comes to.

The parts of the MTA name a `LogEvent` with its facts; a `Journal` makes lines of it, as many as its dialect has for it,
or none. Each dialect has a module: mailconf/mta/journal_postfix.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from mailconf.smtp.problems import Worded

Line = tuple[str, str]  # program, text


class LogEvent(Worded):
    """Something that a log may have; its meaning, and the names of its facts.

    ``client`` is "name[address]", ``queue_id`` may be "" before there is one, times are seconds since the epoch.
    """

    # A session. ``named``: the line has the queue id of the message that the session ended in.
    CONNECTED = "a client connected", "client"
    DISCONNECTED = "a session is over; commands as [accepted, all] by name", "client", "counts", "bare_lf"
    # where: the command; octets: of the content so far, or None
    CONNECTION_LOST = "the client hung up", "client", "where", "octets", "named", "queue_id"
    TIMED_OUT = "the client was silent for too long", "client", "where", "octets", "named", "queue_id"
    TOO_MANY_CONNECTIONS = "the client has more than it may have", "client", "count", "service"
    IMPROPER_PIPELINING = "the client sent on where it had to wait", "client", "verb", "ahead"
    COMMAND_REFUSED = "the protocol forbids a command (smtp.problems)", "client", "queue_id", "named", "refused"
    # recipient: the first one, or ""
    LINE_REJECTED = "a line's end is refused", "client", "where", "problem", "session", "recipient"
    CHUNK_REFUSED = "a chunk is refused by the protocol", "client", "queue_id", "problem"
    PRIVILEGE_UNKNOWN = "whether a client has a privilege cannot be found out", "privilege", "table"
    VERDICT = "the Policy answered a command", "queue_id", "verdict"
    MESSAGE_BEGUN = "a message has its queue id", "queue_id", "client", "login"
    MESSAGE_TOO_BIG = "the content exceeds the limit", "queue_id"
    DEFECT = "a question to the Policy ended in an exception", "question", "error", "place"
    # A message on its way into the queue.
    LOOKUP_FAILED = "a table cannot be asked", "queue_id", "table"
    NOT_STORED = "the queue does not take a message", "queue_id", "error"
    STORED_TOO_BIG = "a message exceeds the limit when it is to be stored", "queue_id"
    TOO_MANY_HOPS = "a message has come through too many servers", "queue_id"
    ALIAS_FAILED = "the recipients of a message cannot be expanded", "queue_id", "reply"
    COMMENTS_LOST = "comments around an address are dropped; where they begin", "queue_id", "text"
    MESSAGE_IDS = "what identifies a message: values by lower-case names of fields", "queue_id", "fields"
    # The queue and deliveries.
    ACTIVE = "a message is attempted", "queue_id", "sender", "size", "recipients"
    DELIVERY = "an attempt has ended", "program", "queue_id", "result", "arrival", "since", "begun", "ended"
    EXPIRED = "a message is given up", "queue_id", "sender"
    REMOVED = "nothing is left to do for a message", "queue_id"
    QUEUE_FAILED = "the queue cannot be used", "error"
    REPORT_FAILED = "a report to the sender could not be queued", "serial", "error"
    ATTEMPT_FAILED = "an attempt ended in an exception", "serial", "error"
    AGENT_FAILED = "an agent ended in an exception", "program", "queue_id", "error"
    NO_AGENT = "nothing delivers for a transport; the agent that asks for it or ''", "program", "transport"
    HOST_FAILED = "a host could not be used, the next one is tried", "program", "queue_id", "text"
    DELIVERY_WARNING = "an agent has something to say about a delivery", "program", "text"
    REPORT_SENT = "a report was queued: of which message, as which", "queue_id", "notice", "postmaster", "report_id"
    REPORT_WARNING = "something is wrong with the texts of reports", "text"
    REPORT_DISCARDED = "a report about a report to the postmaster is not sent", "queue_id"
    # The whole.
    STARTED = "clients are served", "directory"
    LISTENING = "connections are taken", "host", "port", "service"
    STOPPED = "the server has ended"
    RELOADED = "the configuration was read anew", "directory"
    NOT_RELOADED = "the configuration is broken, the one in force stays", "error"
    SERVICE_GONE = "a service that is listened for is gone from the configuration", "service"
    FINDING = "a diagnostic of the configuration, in one line", "text"
    FATAL = "the server cannot run", "error"


class Journal(Protocol):
    """The log lines of a dialect. ``facts`` are those that the event names."""

    def lines(self, event: LogEvent, /, **facts: Any) -> Iterable[Line]: ...
