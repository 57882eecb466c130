"""What an SMTP or LMTP server has to say besides the answers of its Policy: problems and acknowledgements, by name.

The state machine (mailconf/smtp/server.py) and the MTA name them; a `Wording` has the sentences. Each dialect has one:
mailconf/smtp/wording_postfix.py.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, Protocol

from mailconf.smtp.reply import Reply

Fact = str | int


class Worded(Enum):
    """Of each member: what it means, and the names of the facts that a `Wording` is given with it.

    ``verb`` is the command in upper case, ``host`` the server's own name, ``client`` "name[address]".
    """

    def __init__(self, meaning: str, *facts: str) -> None:
        self.meaning = meaning
        self.facts = facts


class Problem(Worded):
    """Why something is refused, or why a session ends."""

    # The order of commands.
    HELO_FIRST = "HELO or EHLO must come before this command", "verb"
    NEED_MAIL = "there is no sender yet"
    NEED_RCPT = "there is neither a sender nor a recipient yet"
    NO_VALID_RECIPIENTS = "there is a sender, and no recipient was accepted"
    NESTED_MAIL = "there is a sender already"
    AFTER_BDAT = "chunks have come, and only chunks may follow", "verb"
    IN_TRANSACTION = "this command has no place in a transaction", "verb"
    # Commands.
    UNKNOWN_COMMAND = "there is no such command"
    UNKNOWN_LINE = "there is no such command as the line begins with", "line"
    NOT_IMPLEMENTED = "the command is known, and is not served", "line"
    NO_KEYWORD = "FROM: or TO: has to follow, and this does", "text"
    NAME_NEEDED = "a name has to follow", "verb"
    BAD_NAME = "the client's name is no host name"
    LINE_TOO_LONG = "the line is longer than any command", "client"
    BARE_RETURN = "a line has CR without LF in it"
    NO_VERBOSE = "the client may not ask for more"
    EMPTY_LINE = "the line holds no command"
    BAD_UTF8 = "the line is not UTF-8"
    NOT_SMTP = "this is the language of another protocol"
    OPEN_PROXY = "the first command is another protocol's: somebody talks through a proxy", "client"
    BARE_NEWLINE = "a line ended in LF without CR", "host", "code"
    SYNTAX = "the command needs other arguments", "verb"
    NO_STARTTLS = "there is no TLS"
    TLS_FIRST = "STARTTLS must come before this command"
    TLS_ACTIVE = "TLS is in force already"
    TLS_UNAVAILABLE = "TLS is asked for and cannot be had: no key, no certificate"
    NO_CERTIFICATE = "the client has to have a certificate, and gave none", "host"
    NO_AUTH = "there are no logins"
    LOGGED_IN = "the client has logged in already"
    AUTH_FAILED = "the login is refused; why, or ''", "reason"
    BAD_MECHANISM = "there is no such way to log in"
    BAD_INITIAL = "the response that came with AUTH is no base64"
    BAD_RESPONSE = "the response to a challenge is no base64"
    UNREADABLE_INITIAL = "as BAD_INITIAL, where the reply quotes it", "text"
    UNREADABLE_RESPONSE = "as BAD_RESPONSE, where the reply quotes it", "text"
    AUTH_UNAVAILABLE = "whether the login is good cannot be found out: who knows does not answer"
    AUTH_ABORTED = "the client gave its login up"
    AUTH_TOO_LONG = "the response to a challenge is longer than any"
    NO_VRFY = "VRFY is switched off"
    NO_CHUNKING = "BDAT is not offered to this client"
    NO_DSN = "the parameters of RFC 3461 are not offered to this client"
    UNAUTHORIZED = "this client may not use the command"
    PRIVILEGE_UNKNOWN = "whether this client may use the command cannot be found out", "verb", "host"
    # Addresses and what follows them.
    BAD_SENDER = "the sender's address has bad syntax"
    BAD_RECIPIENT = "the recipient's address has bad syntax"
    TOO_MANY_RECIPIENTS = "the transaction has as many recipients as are allowed"
    UNSUPPORTED = "no such parameter is offered", "word"
    BAD_SIZE = "SIZE is not a number"
    FILE_SIZE = "SIZE is more than a file can hold"
    BAD_RET = "RET has bad syntax, or is given twice"
    BAD_ENVID = "ENVID has bad syntax, or is given twice"
    SECOND_AUTH = "AUTH is given twice"
    BAD_NOTIFY = "NOTIFY has bad syntax, or is given twice"
    BAD_ORCPT = "ORCPT has bad syntax, or is given twice"
    NO_VALUE = "an attribute of XCLIENT or XFORWARD has no value"
    BAD_ATTRIBUTE = "XCLIENT or XFORWARD has no such attribute", "verb", "name"
    BAD_VALUE = "the value of an attribute has bad syntax", "name", "value"
    BAD_DOMAIN = "the argument of ETRN is not a domain"
    ETRN_UNAVAILABLE = "nothing is kept for this domain", "domain"
    # Content.
    BAD_BDAT = "the arguments of BDAT have bad syntax"
    NULL_CHUNK = "a chunk of nothing that is not the last"
    CHUNK_DISCARDED = "an earlier chunk was refused", "size"
    CHUNK_TOO_BIG = "the chunks together exceed the size of a message"
    MESSAGE_TOO_BIG = "the message exceeds the size of a message"
    TOO_MANY_HOPS = "the message has come through too many servers"
    # The session.
    LOCAL_ERROR = "who the client is cannot be found out", "host"
    NO_LOGINS = "clients are to log in, and who knows their logins cannot be asked", "host"
    OUT_OF_STEP = "the client did not wait for a reply"
    TOO_MANY_ERRORS = "the client made too many errors", "host"
    TOO_MANY_CONNECTIONS = "the client has too many connections", "host", "address", "client"
    TOO_MUCH_MAIL = "the client begins too many messages in a while", "host", "address", "client"
    TOO_MANY_RCPTS = "the client names too many recipients in a while", "host", "address", "client"
    TOO_MANY_AUTHS = "the client tries to log in too often in a while", "host", "address", "client"
    TOO_MANY_HANDSHAKES = "the client begins too many TLS sessions in a while", "host", "address", "client"
    NO_MORE_HANDSHAKES = "the client has begun too many TLS sessions to begin one more", "client"
    ACCESS_DENIED = "the client was refused when it connected", "client"
    TIMEOUT = "the client was silent for too long", "host"
    SHUTTING_DOWN = "the server ends", "host"
    # Mail filters.
    FILTER_REJECTS = "a filter refuses it"
    FILTER_REJECTS_MESSAGE = "a filter refuses a message because of its content"
    FILTER_GONE_MESSAGE = "a filter cannot be asked any more about the content, and nothing is taken without it"
    FILTER_DEFERS = "a filter refuses it for the time being, or cannot be asked"
    FILTER_GONE = "a filter cannot be asked, and nothing is taken without it"
    FILTER_BROKEN = "a filter cannot be asked as the configuration names it, or what it says cannot be sent"
    FILTER_ENDS = "a filter ends the session"
    UNWELCOME = "a filter refuses the client when it connects", "host"
    UNWELCOME_NOW = "a filter ends the session when the client connects", "host"
    # The server itself.
    NO_ROOM = "the disk of the queue is full"
    QUEUE_UNAVAILABLE = "the message cannot be stored"
    INTERNAL = "a defect"


class Acknowledgement(Worded):
    """What is said to a command that did what it is to do, where the Policy is not asked."""

    OK = "NOOP, XFORWARD and the like"
    RESET = "RSET"
    START_TLS = "STARTTLS"
    LOGGED_IN = "AUTH"
    CHALLENGE = "AUTH, which goes on by the client's response to this", "text"
    VERBOSE = "VERB"
    BYE = "QUIT"
    HELP = "HELP"
    CHUNK = "a chunk that is not the last", "size"
    VERIFIED = "VRFY, about what the client typed", "typed"


class Fault(NamedTuple):
    """A problem with its facts."""

    problem: Problem
    facts: dict[str, Fact]

    @classmethod
    def of(cls, problem: Problem, **facts: Fact) -> Fault:
        return cls(problem, facts)


class Wording(Protocol):
    """The replies of a dialect. ``facts`` are those that the member names."""

    def refusal(self, problem: Problem, **facts: Fact) -> Reply: ...

    def acknowledgement(self, what: Acknowledgement, **facts: Fact) -> Reply: ...

    def queued_by_chunks(self, reply: Reply, size: int) -> Reply:
        """What becomes of the Policy's ``reply`` to a message when that came by BDAT, ``size`` bytes as they are
        counted on the wire."""
        ...
