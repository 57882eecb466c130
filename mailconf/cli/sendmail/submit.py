"""``sendmail ADDRESS ...`` and ``sendmail -t``: a message from standard input goes into mailconf's queue.

The queue is `mailconf.mta.queue`, in QueueDirectory. What is queued is who was named, and not what their aliases come
to: those are asked again at delivery. Recipients that cannot be delivered to are reported at once; then the message is
put behind the file dead.letter of who calls, as the original does in its mode "print". It mails reports in others
(-oem, -oew, -oee); mailconf prints there, too, and says so in docs/sendmail-command.md.

Source: sendmail 8.17.1.9, messages by its command line, its queue afterwards.
"""

from __future__ import annotations

import os
import secrets
import stat
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from mailconf.cli.sendmail.addressing import Addressing
from mailconf.cli.sendmail.folders import queue_folder
from mailconf.cli.sendmail.sendmail_tool import EX_UNAVAILABLE, say
from mailconf.files import sync_folder
from mailconf.mta.message import Message, Recipient
from mailconf.mta.queue import QueueError
from mailconf.mta.queue_ids import DateIds
from mailconf.mta.submission import Spool, Submission
from mailconf.sendmail.policy.recipients_list import Fate
from mailconf.sendmail.rules.dates import define_dates
from mailconf.sendmail.rules.problems import EX_OSERR, EX_TEMPFAIL, EX_USAGE, Problems, number
from mailconf.sendmail.rules.symbols import MACRO
from mailconf.sendmail.submission.fields import (
    added_fields,
    kept_fields,
    quoted_name,
    recipient_fields,
    text_of,
    without_blind,
    without_recipients,
)
from mailconf.sendmail.submission.reading import HEADERS, Field, MessageReader, TooLarge

if TYPE_CHECKING:
    from pathlib import Path

    from mailconf.cli.sendmail.startup import Start
    from mailconf.sendmail.policy.recipients_list import Addressee
    from mailconf.sendmail.rules.book import Rulebook

_HOPS = 25  # MaxHopCount
_QUIET, _MAILED = "q", "mwe"  # letters of ErrorMode
_LARGEST = 1_000_000_000  # bytes of a message
_WAITING = ("q", "d")  # modes of delivery in which a message waits for a run of the queue
_NOBODY = "No recipient addresses found in header"


def submit(begun: Start, book: Rulebook) -> int:
    """Take the message; the exit status."""
    call, problems = begun.call, begun.problems
    addressing = Addressing(begun, book)
    addressing.set_sender()
    if not call.words and not call.from_headers:
        problems.user("Recipient names must be specified", about="")
        return EX_USAGE
    if call.verbose:
        sys.stdout.flush()
        say("sendmail: mailconf does not deliver while its caller waits (-v)")
        return EX_UNAVAILABLE
    folder = begun.root.path(queue_folder(book).rstrip("*"))
    try:
        return _Submitting(begun, book, addressing, folder).run()
    except (QueueError, OSError) as failure:
        reason = failure.strerror if isinstance(failure, OSError) else str(failure)
        sys.stdout.flush()
        say(f"sendmail: the message was not queued: {reason}")
        return EX_TEMPFAIL


def header_recipients(begun: Start, addressing: Addressing) -> None:
    """Add the recipients that the header on standard input names (-bv -t)."""
    reader = _reader(begun, addressing)
    reader.read_header()
    addressing.add_texts(field.value for field in recipient_fields(reader.fields))


def _reader(begun: Start, addressing: Addressing) -> MessageReader:
    book = addressing.engine.book
    limit = number(book.options.get("MaxHeadersLength", str(HEADERS)))
    return MessageReader(sys.stdin.buffer, dots=book.flag("IgnoreDots"), limit=limit)


class _Submitting:
    """One message."""

    def __init__(self, begun: Start, book: Rulebook, addressing: Addressing, folder: Path) -> None:
        self._begun = begun
        self._book = book
        self._addressing = addressing
        self._problems: Problems = begun.problems
        self._folder = folder
        self._macros = addressing.engine.macros
        self._now = time.time()
        self._fields: Sequence[Field] = ()
        self._named = 0  # recipients of the command line
        self._failed = False  # whether a recipient of the command line cannot be delivered to

    def run(self) -> int:
        call, problems, addressing = self._begun.call, self._problems, self._addressing
        body = Spool(self._folder)
        try:
            addressing.add_words(call.words)
            self._named = sum(addressee.source is None for addressee in addressing.recipients.list)
            reader = _reader(self._begun, addressing)
            try:
                reader.read_header()
            except TooLarge:
                if call.from_headers and not recipient_fields(reader.fields):
                    problems.say(_NOBODY)
                else:
                    most = number(self._book.options.get("MaxHeadersLength", str(HEADERS)))
                    problems.user(f"Headers too large ({most} max)", "552", "5.6.0", about="")
                return problems.status
            limit = min(number(self._book.options.get("MaxMessageSize", "0")) or _LARGEST, _LARGEST)
            if reader.size > limit or not body.write(reader.body(), max(limit - reader.size, 1)):
                problems.user(f"Message exceeds maximum fixed size ({limit})", "552", "5.2.3", about="")
                return problems.status
            self._fields = reader.fields
            self._failed = _any_bad(addressing)
            return self._queue(body)
        finally:
            body.close()

    def _queue(self, body: Spool) -> int:
        call, problems, addressing = self._begun.call, self._problems, self._addressing
        if call.from_headers:
            fields = recipient_fields(self._fields)
            before = len(addressing.recipients.list)
            addressing.add_texts(field.value for field in fields)
            if not before and len(addressing.recipients.list) == 0 and not problems.status:
                if not any(field.value.strip() for field in fields):
                    problems.say(_NOBODY)
                return problems.status
        addressing.settle()
        sendable = addressing.sendable()
        if call.expired or self._too_many_hops():
            self._reject(body)
            return problems.status
        if sendable:
            self._enter(body, sendable)
        if self._failed:
            self._reject(body)
        return 0 if self._error_mode() == "e" or problems.status == EX_TEMPFAIL else problems.status

    def _home(self) -> str:
        """Where a message that goes nowhere is kept: with its sender, if who calls owns their folder, or who calls."""
        caller = self._begun.caller
        login = self._login()
        for user, _ in self._begun.machine.users():
            if user.name == login:
                try:
                    if self._begun.root.stat(user.home).st_uid == caller.uid:
                        return user.home
                except OSError:
                    break
        return caller.home

    def _login(self) -> str:
        """The sender, if it is a user of this machine, without its host."""
        return self._addressing.sender.strip("<> ").partition("@")[0].lower() if self._addressing.local else ""

    def _error_mode(self) -> str:
        return self._book.options.get("ErrorMode", "p")[:1]

    def _only(self) -> Sequence[str]:
        """The one recipient of the command line; empty where there are others, or none."""
        words = self._begun.call.words
        return words if len(words) == 1 and self._named == 1 else ()

    def _too_many_hops(self) -> bool:
        most = number(self._book.options.get("MaxHopCount", str(_HOPS)))
        received = sum(field.key == "received" for field in self._fields)
        if self._begun.call.hops + received <= most:
            return False
        self._problems.settle(EX_UNAVAILABLE)
        return True

    # -- the header

    def _set_macros(self, queue_id: str, only: Sequence[str]) -> None:
        macros, caller = self._macros, self._begun.caller
        define_dates(macros, self._now)
        sender = "" if self._addressing.sender == "<>" else self._addressing.sender
        macros.set("g", sender)
        macros.set("f", sender)
        macros.set("i", queue_id)
        macros.set("_", f"{caller.login or f'UID{caller.uid}'}@localhost")
        name = self._full_name()
        macros.set("x", name or None)
        macros.set("u", only[0] if len(only) == 1 else None)

    def _full_name(self) -> str:
        """The full name of the sender, who has one only on this machine."""
        call = self._begun.call
        if not self._addressing.local and self._addressing.sender != "<>":
            return ""
        if call.full_name:
            return quoted_name(call.full_name)
        if call.sender is None:
            return quoted_name(self._begun.caller.name)
        login = self._login()
        return quoted_name(next((name for user, name in self._begun.machine.users() if user.name == login), ""))

    def _warnings(self) -> list[Field]:
        """What others should know of who calls (PrivacyOptions authwarnings)."""
        call, caller = self._begun.call, self._begun.caller
        if "authwarnings" not in self._book.privacy or caller.uid == 0:
            return []
        trusted = self._book.classes.has("t", caller.login)
        texts = []
        if call.sender is not None and not trusted and self._addressing.sender != caller.login:
            texts.append(f"{caller.login} set sender to {self._addressing.sender} using -f")
        if not trusted:
            texts.append(f"Processed from queue {self._book.options['QueueDirectory']}")
        if call.cf:
            texts.append(f"Processed by {caller.login} with -C {call.cf}")
        host = self._macros.expand(f"{MACRO}j", lambda message: None)
        return [Field("X-Authentication-Warning", f" {host}: {text}") for text in texts]

    def _header(self, *, also: str = "") -> bytes:
        own = kept_fields(self._book, self._fields)
        named = [addressee.text for addressee in self._addressing.sendable()]
        action = self._book.options.get("NoRecipientAction", "none")
        extra = without_recipients(self._fields, action, named)
        added = added_fields(self._book, self._macros, own, also=also)
        fields = [*added, *self._warnings(), *without_blind(own), *([extra] if extra else [])]
        return text_of(fields) + b"\n"

    # -- where it goes

    def _enter(self, body: Spool, sendable: Sequence[Addressee]) -> None:
        call, book = self._begun.call, self._book
        submission = Submission(self._folder, DateIds())
        queue_id = submission.queue_id(self._now)
        self._set_macros(queue_id, self._only())
        message = Message(
            queue_id,
            "" if self._addressing.sender == "<>" else self._addressing.sender,
            [self._recipient(addressee) for addressee in _named(sendable)],
            self._header(),
            self._now,
            body=(call.body or "").upper(),
            ret={"hdrs": "HDRS", "full": "FULL"}.get(call.returned or "", ""),
            envid=call.envelope or "",
            waits=book.options.get("DeliveryMode", "")[:1] in _WAITING,
        )
        submission.add(message, body)

    def _recipient(self, addressee: Addressee) -> Recipient:
        return Recipient(addressee.text, addressee.text, notify=(self._begun.call.notify or "").upper())

    def _reject(self, body: Spool) -> None:
        """Put a message that is not delivered behind dead.letter, unless nobody wants to know."""
        notify = self._begun.call.notify
        unasked = notify is not None and "failure" not in notify.lower().split(",")
        if unasked or self._error_mode() == _QUIET:
            return
        if not self._macros.get("i"):
            self._set_macros(DateIds().make(self._now, secrets.randbelow(10**6)), self._only())
        home = self._home()
        path = f"{home}/dead.letter"
        from_line = self._macros.expand(self._book.options.get("UnixFromLine", "") or f"From {MACRO}g {MACRO}d", str)
        parts = [f"{from_line}\n".encode("latin-1", "replace"), self._header(also="P")]
        try:
            _append(self._begun, path, [*parts], body)
        except OSError:
            self._problems.system("savemail: cannot save rejected email anywhere", code="554")
            self._problems.settle(EX_OSERR)
            return
        self._problems.subject = path
        self._addressing.show(f"Saved message in {path}")
        self._problems.subject = ""


def _any_bad(addressing: Addressing) -> bool:
    """Whether a recipient cannot be delivered to."""
    return any(addressee.fate is Fate.BAD for addressee in addressing.recipients.list)


def _named(sendable: Sequence[Addressee]) -> list[Addressee]:
    """Those who were named, of those to whom the message goes or whose aliases it goes to; each of them once."""
    found: dict[int, Addressee] = {}
    for addressee in sendable:
        first = [addressee, *addressee.sources()][-1]
        found.setdefault(id(first), first)
    return list(found.values())


def _append(begun: Start, path: str, head: Iterable[bytes], body: Spool) -> None:
    """Append a message to a file of the caller's. Raises OSError."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(begun.root.path(path), flags, 0o600)
    file: IO[bytes]
    with open(descriptor, "ab") as file:  # noqa: PTH123
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != begun.caller.uid or status.st_nlink != 1:
            raise PermissionError(13, os.strerror(13))
        for piece in (*head, *body.pieces(), b"\n"):
            file.write(piece)
        file.flush()
        os.fsync(descriptor)
        if not status.st_size:  # it may be new
            with suppress(OSError):  # the message is in it even where the user cannot read the folder
                sync_folder(Path(begun.root.path(path)).parent)
