"""The talk with a client that is tested, or that has failed a test: it reads as SMTP does, and takes no mail.

`Talk.receive_data` takes bytes, `Talk.step` carries out the next line and gives what follows from it: replies, what a
test has shown, the end. A recipient is refused by `Talk.refusal`; DATA and BDAT end the talk, as nobody gets there who
has waited for replies.

Three tests are of the client's manners: whether it waits for replies, whether it sends what is no SMTP command, and
whether its lines end by CRLF. Each is done once; what is ignored has been passed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import NamedTuple

from mailconf.smtp.options import forbidden_by_default
from mailconf.smtp.reply import Reply
from mailconf.smtp.states import BEFORE_TLS
from mailconf.source import decode

_HEADER = re.compile(r"[!-9;-~]+[ \t]*:")  # how a line of a header begins
_BLANKS = " \t"
_END = "\0"  # ends a text of the log
_SHOWN = 100  # bytes or characters of what a client sends, for the log


class Action(Enum):
    """What a test leads to that a client fails (postconf(5) postscreen_greet_action)."""

    IGNORE = "ignore"
    ENFORCE = "enforce"
    DROP = "drop"


class Test(Enum):
    """What a client is tested for."""

    __test__ = False  # no test of ours

    GREETING = "it waits for the greeting"
    LISTS = "no list in the DNS has it"
    PIPELINING = "it waits for replies"
    COMMANDS = "it sends commands of SMTP alone"
    LINE_ENDS = "its lines end by CRLF"


MANNERS = (Test.PIPELINING, Test.COMMANDS, Test.LINE_ENDS)


class Answer(Enum):
    """What is said in a talk, beside what a Policy says; a dialect has the words."""

    GREETING = "the greeting"
    HELLO = "HELO is taken"
    NO_NAME = "HELO without a name"
    NO_NAME_EXTENDED = "EHLO without a name"
    HELO_FIRST = "HELO is needed before"
    NESTED_MAIL = "MAIL in a transaction"
    MAIL_SYNTAX = "MAIL without an address"
    SENDER = "a sender is taken"
    NEED_MAIL = "RCPT outside a transaction"
    RCPT_SYNTAX = "RCPT without an address"
    OK = "done"
    VRFY_SYNTAX = "VRFY without an address"
    NO_VRFY = "VRFY is switched off"
    ETRN_SYNTAX = "ETRN without a domain"
    ETRN = "nothing can be queued"
    DATA_SYNTAX = "DATA with an argument"
    NEED_RCPT = "DATA outside a transaction"
    NO_RECIPIENTS = "no recipient has been taken"
    BDAT_SYNTAX = "BDAT without a size"
    BDAT_NEEDS_MAIL = "BDAT outside a transaction"
    UNKNOWN = "no command"
    NO_TLS = "STARTTLS is not offered"
    TLS_SYNTAX = "STARTTLS with an argument"
    TLS_ACTIVE = "STARTTLS under TLS"
    TLS_UNAVAILABLE = "TLS cannot be had"
    TLS_READY = "TLS may begin"
    TLS_FIRST = "TLS is needed before"
    BYE = "QUIT"
    PROTOCOL = "a recipient of who failed a test"
    PROTOCOL_ENDS = "the end for who failed a test"
    NOT_SMTP = "the end for who sends what is no command"
    DENIED = "a recipient of who is denied"
    DENIED_ENDS = "the end for who is denied"
    LATER = "a recipient of who is being tested"
    LISTED = "a recipient of who is on a list"
    LISTED_ENDS = "the end for who is on a list"
    LIMIT = "too many commands, or too long a line"
    TIMEOUT = "a command took too long"
    TOO_MANY = "the client has too many connections"
    BUSY = "too many clients are being tested"
    NOT_INTRODUCED = "a proxy does not say whose connection it hands on"


Words = Callable[..., Reply]  # of an Answer, with facts: host, client, zone


class Shown(Enum):
    """What a talk has shown; ``where`` is the last command, ``text`` what it is about."""

    PIPELINED = "the client did not wait"
    NO_COMMAND = "the client sent what is no command"
    BARE_NEWLINE = "a line ended by LF alone"
    REFUSED = "a recipient is refused"
    NO_MESSAGE = "the client wants to send a message all the same"
    TOO_MANY = "there were too many commands"
    TOO_LONG = "a line is too long"
    REPLACED = "a command was replaced"


class Note(NamedTuple):
    shown: Shown
    where: str = ""
    text: str | bytes = ""
    reply: Reply | None = None
    recipient: str = ""


class Step(Enum):
    """What the caller is to do."""

    CLOSE = "end the connection"
    HANDSHAKE = "begin TLS"


Happening = Reply | Note | Step


class TalkOptions(NamedTuple):
    """What the talk must know of the configuration.

    commands  that a client may give
    withheld  keywords of EHLO, in lower case, that no client is offered
    """

    hostname: str = "localhost"
    banner: str = "localhost ESMTP"
    size: int = 0
    vrfy: bool = True
    smtputf8: bool = True
    helo_required: bool = False
    forbidden: Callable[[str], bool] = forbidden_by_default
    commands: int = 20
    line_length: int = 2048
    starttls: bool = False
    tls_required: bool = False
    withheld: frozenset[str] = frozenset()


class Talk:
    """One client's.

    actions   the tests of its manners that are done, and what they lead to; all of them for one that has failed
    refusal   what each recipient is answered
    withheld  keywords of EHLO, in lower case, that the client is not offered
    has_tls   whether TLS can be had where it is offered; ``tls`` whether it is in force
    passed    tests that it has passed when it ends; ``failed`` whether it has failed one that counts
    """

    def __init__(
        self, options: TalkOptions, words: Words, actions: Mapping[Test, Action], refusal: Reply, *, failed: bool
    ) -> None:
        self._options = options
        self._words = words
        self._left = dict(actions)  # tests that have not been failed yet
        self._done = frozenset(actions)
        self.refusal = refusal
        self.failed = failed
        self.withheld = options.withheld
        self.tls = False
        self.has_tls = False
        self.helo = ""
        self.protocol = "SMTP"
        self.sender: str | None = None
        self.where = "CONNECT"
        self._finished = False  # the client has come as far as a recipient
        self._count = 0
        self._buffer = bytearray()
        self._out: list[Happening] = []

    def receive_data(self, data: bytes) -> None:
        self._buffer += data

    @property
    def unread(self) -> int:
        return len(self._buffer)

    @property
    def passed(self) -> frozenset[Test]:
        """The tests of its manners that the client has passed."""
        return self._done if self._finished and not self.failed else frozenset()

    def greeting(self) -> Reply:
        return self._say(Answer.GREETING, banner=self._options.banner)

    def timeout(self) -> Reply:
        """The client took too long for a command."""
        return self._say(Answer.TIMEOUT)

    def begin_tls(self) -> None:
        """What has come so far does not count, and the client begins anew."""
        self._buffer.clear()
        self.tls = True
        self.helo, self.protocol, self.sender = "", "SMTP", None

    def line(self) -> str | None:
        """The next line, without its end; None where none has come yet. One that is too long is empty."""
        end = self._buffer.find(b"\n")
        most = self._options.line_length
        if end < 0 and len(self._buffer) <= most:
            return None
        return decode(bytes(self._buffer[:end]).removesuffix(b"\r")) if 0 <= end <= most else ""

    def step(self, instead: str | None = None) -> list[Happening]:
        """Carry out the next line, which has come, or the one that the configuration has in its place."""
        end = self._buffer.find(b"\n")
        self._out = []
        if not 0 <= end <= self._options.line_length:
            self._buffer.clear()
            self._note(Shown.TOO_LONG, self.where)
            self._end(Answer.LIMIT)
            return self._out
        raw = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        text = decode(raw.removesuffix(b"\r"))
        if self._ends_well(raw):
            if instead is not None:
                self._note(Shown.REPLACED, text, instead)
            self._carry_out(text if instead is None else instead)
        return self._out

    # Tests.

    def _fails(self, test: Test, note: Note) -> bool:
        """The client fails a test, which it does once; whether that ends the talk, with nothing else said."""
        action = self._left.pop(test)
        self._out.append(note)
        if action is Action.IGNORE:
            return False
        self.failed = True
        self.refusal = self._words(Answer.PROTOCOL)
        if action is Action.DROP:
            self._end(Answer.NOT_SMTP if test is Test.COMMANDS else Answer.PROTOCOL_ENDS)
        return action is Action.DROP

    def _ends_well(self, raw: bytes) -> bool:
        """Whether a line is to be carried out, however it ends."""
        if raw.endswith(b"\r") or Test.LINE_ENDS not in self._left:
            return True
        return not self._fails(Test.LINE_ENDS, Note(Shown.BARE_NEWLINE, raw.decode("latin-1")[:_SHOWN]))

    def _waits(self, verb: str) -> bool:
        """Whether a command is to be carried out, whatever has come behind it."""
        if not self._buffer or Test.PIPELINING not in self._left:
            return True
        return not self._fails(Test.PIPELINING, Note(Shown.PIPELINED, verb, bytes(self._buffer[:_SHOWN])))

    # Commands.

    def _carry_out(self, line: str) -> None:
        word, _, rest = line.strip(" ").partition(" ")
        rest = rest.strip(_BLANKS)
        verb = word.upper()
        self._count += 1
        command = _COMMANDS.get(verb)
        if self._count > self._options.commands:
            self._note(Shown.TOO_MANY, self.where)
            self._end(Answer.LIMIT)
            return
        before, self.where = self.where, verb if command is not None else self.where
        if not self._waits(verb):
            return
        self._finished |= verb == "RCPT"
        if command is not None and self._options.tls_required and not self.tls and verb not in BEFORE_TLS:
            self._say(Answer.TLS_FIRST)
        elif command is not None:
            command(self, rest)
        elif Test.COMMANDS in self._left and self._is_foreign(line, verb):
            text = f"{word.partition(_END)[0][:_SHOWN]} {rest.partition(_END)[0][:_SHOWN]}"
            if not self._fails(Test.COMMANDS, Note(Shown.NO_COMMAND, before, text)):
                self._say(Answer.UNKNOWN)
        else:
            self._say(Answer.UNKNOWN)

    def _is_foreign(self, line: str, verb: str) -> bool:
        return bool(_HEADER.match(line)) or (bool(verb) and self._options.forbidden(verb))

    def _say(self, answer: Answer, **facts: str) -> Reply:
        reply = self._words(answer, **{"host": self._options.hostname, **facts})
        self._out.append(reply)
        return reply

    def _note(self, shown: Shown, where: str = "", text: str = "") -> None:
        self._out.append(Note(shown, where, text))

    def _end(self, answer: Answer) -> None:
        self._say(answer)
        self._out.append(Step.CLOSE)

    def _helo(self, rest: str) -> None:
        if not rest:
            self._say(Answer.NO_NAME)
            return
        self.helo, self.protocol, self.sender = rest, "SMTP", None
        self._say(Answer.HELLO)

    def _ehlo(self, rest: str) -> None:
        if not rest:
            self._say(Answer.NO_NAME_EXTENDED)
            return
        self.helo, self.protocol, self.sender = rest, "ESMTP", None
        self._out.append(Reply(250, (self._options.hostname, *self._keywords())))

    def _keywords(self) -> list[str]:
        options = self._options
        offered = {
            "SIZE": f"SIZE {options.size}" if options.size else "SIZE",
            "VRFY": "VRFY" if options.vrfy else "",
            "ETRN": "ETRN",
            "STARTTLS": "STARTTLS" if options.starttls and not self.tls else "",
            "ENHANCEDSTATUSCODES": "ENHANCEDSTATUSCODES",
            "8BITMIME": "8BITMIME",
            "DSN": "DSN",
            "SMTPUTF8": "SMTPUTF8" if options.smtputf8 else "",
            "CHUNKING": "CHUNKING",
        }
        return [text for name, text in offered.items() if text and name.lower() not in self.withheld]

    def _starttls(self, rest: str) -> None:
        if rest:
            self._say(Answer.TLS_SYNTAX)
        elif self.tls:
            self._say(Answer.TLS_ACTIVE)
        elif not self._options.starttls or "starttls" in self.withheld:
            self._say(Answer.NO_TLS)
        elif not self.has_tls:
            self._say(Answer.TLS_UNAVAILABLE)
        else:
            self._say(Answer.TLS_READY)
            self._out.append(Step.HANDSHAKE)

    def _mail(self, rest: str) -> None:
        if self._options.helo_required and not self.helo:
            self._say(Answer.HELO_FIRST)
        elif self.sender is not None:
            self._say(Answer.NESTED_MAIL)
        elif ":" not in rest:
            self._say(Answer.MAIL_SYNTAX)
        else:
            self.sender = _address(rest)
            self._say(Answer.SENDER)

    def _rcpt(self, rest: str) -> None:
        if self.sender is None:
            self._say(Answer.NEED_MAIL)
        elif ":" not in rest:
            self._say(Answer.RCPT_SYNTAX)
        else:
            self._out.append(Note(Shown.REFUSED, "RCPT", "", self.refusal, _address(rest)))
            self._out.append(self.refusal)

    def _data(self, rest: str) -> None:
        self._note(Shown.NO_MESSAGE, "DATA")
        if rest:
            self._end(Answer.DATA_SYNTAX)
        else:
            self._end(Answer.NEED_RCPT if self.sender is None else Answer.NO_RECIPIENTS)

    def _bdat(self, rest: str) -> None:
        self._note(Shown.NO_MESSAGE, "BDAT")
        if not rest:
            self._end(Answer.BDAT_SYNTAX)
        else:
            self._end(Answer.BDAT_NEEDS_MAIL if self.sender is None else Answer.NO_RECIPIENTS)

    def _rset(self, rest: str) -> None:
        self.sender = None
        self._say(Answer.OK)

    def _noop(self, rest: str) -> None:
        self._say(Answer.OK)

    def _vrfy(self, rest: str) -> None:
        if not self._options.vrfy:
            self._say(Answer.NO_VRFY)
        elif not rest:
            self._say(Answer.VRFY_SYNTAX)
        else:
            self._out.append(self.refusal)

    def _etrn(self, rest: str) -> None:
        self._say(Answer.ETRN if rest else Answer.ETRN_SYNTAX)

    def _quit(self, rest: str) -> None:
        self._end(Answer.BYE)


_COMMANDS: dict[str, Callable[[Talk, str], None]] = {
    "HELO": Talk._helo,
    "EHLO": Talk._ehlo,
    "STARTTLS": Talk._starttls,
    "MAIL": Talk._mail,
    "RCPT": Talk._rcpt,
    "DATA": Talk._data,
    "BDAT": Talk._bdat,
    "RSET": Talk._rset,
    "NOOP": Talk._noop,
    "VRFY": Talk._vrfy,
    "ETRN": Talk._etrn,
    "QUIT": Talk._quit,
}


def _address(rest: str) -> str:
    """The address of MAIL or RCPT as the log has it, quotes and angle brackets undone."""
    text = rest.partition(":")[2].strip(_BLANKS)
    if text.startswith("<"):
        return text[1:].partition(">")[0]
    return text.partition(" ")[0]
