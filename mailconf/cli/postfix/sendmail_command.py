"""Postfix's ``sendmail``: a message from standard input goes into the queue; mailq and newaliases by its options.

Options, messages and exit status are those of sendmail(1) of Postfix 3.7. A message passes what cleanup(8) does before
it lies in the queue of mailconf's MTA. Departures:

- It is for those who may write to the queue's folder; the original hands the message to a set-group-ID program.
- ``-bs``, ``-bv``, ``-v`` and ``-bd`` end with status 69 and a message.
- ``-N``, ``-R``, ``-V`` and ``-B`` are kept with the message; ``-A``, ``-L``, ``-U`` and others have no effect.
"""

from __future__ import annotations

import os
import sys
import time

from mailconf.cli.postfix.postfix_tool import Messages, ToolFatal, read_settings
from mailconf.encoding import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mailconf.files import Root
    from mailconf.mta.message import Message
    from mailconf.mta.queue import QueueError

EX_UNAVAILABLE, EX_TEMPFAIL = 69, 75
LETTERS = "A:B:C:F:GIL:N:O:R:UV:X:b:ce:f:h:imno:p:q:r:tvx"
_MODES = "mdilpsv"
_LATER = {"s": "speaks no SMTP here (-bs)", "v": "sends no delivery reports (-bv)", "d": "is started by serve (-bd)"}
_RECIPIENTS = ("to", "cc", "bcc")
_NOTIFY = frozenset(("NEVER", "SUCCESS", "FAILURE", "DELAY"))


class Call:
    """One run: what was asked for, and how it ends.

    directory  of main.cf; None: the usual one
    """

    def __init__(self, name: str, directory: str | None, root: Root, release: str | None) -> None:
        self.messages = Messages(name.rpartition("/")[2])
        self.messages.root, self.messages.release = root, release
        self.root = root
        self.directory = directory
        self.mode = "p" if self.messages.program == "mailq" else "i" if self.messages.program == "newaliases" else "m"
        self.sender: str | None = None
        self.full_name: str | None = None
        self.from_headers = self.lone_dots = self.verbose = self.remote = False
        self.runs: list[str] = []
        self.notify = self.returned = self.envid = self.body = ""

    def run(self, options: list[tuple[str, str]], words: list[str]) -> int:
        """The exit status."""
        try:
            for letter, value in options:
                self._take(letter, value)
            return self._run(words)
        except ToolFatal as failure:
            self.messages.fatal(str(failure))
            return EX_TEMPFAIL

    def _take(self, letter: str, value: str) -> None:
        if letter == "b":
            if value[:1] not in _MODES:
                raise ToolFatal(f"unsupported: -b{value[:1]}")
            self.mode = value[0]
        elif letter in "fr":
            self.sender = value
        elif letter == "F":
            self.full_name = value
        elif letter == "q":
            self.runs.append(value)
        elif letter == "t":
            self.from_headers = True
        elif letter == "i" or (letter == "o" and value[:1] == "i"):
            self.lone_dots = True
        elif letter == "v":
            self.verbose = True
        elif letter == "G":
            self.remote = True
        elif letter == "I":
            self.mode = "i"
        elif letter == "X":
            raise ToolFatal(f"unsupported: -X{value[:1]}")
        elif letter == "n":
            raise ToolFatal("-n option not supported")
        else:
            self._take_parameter(letter, value)

    def _take_parameter(self, letter: str, value: str) -> None:
        """Of MAIL and RCPT."""
        if letter == "N":
            self.notify = self._notified(value)
        elif letter == "R":
            if value.upper() in ("FULL", "HDRS"):
                self.returned = value.upper()
            else:
                self.messages.warn("bad -R option value -- ignored")
        elif letter == "V":
            self.envid = value
        elif letter == "B":
            if value not in ("8BITMIME", "7BIT"):
                raise ToolFatal("-B option needs 8BITMIME or 7BIT")
            self.body = value

    def _notified(self, value: str) -> str:
        found = value.upper().split(",")
        wrong = next((word for word in found if word not in _NOTIFY), None)
        if wrong is None and "NEVER" in found and len(found) > 1:
            self.messages.warn("bad -N option value -- ignored")
            return ""
        if wrong is not None:
            self.messages.warn(f'unknown DSN NOTIFY command value "{wrong.lower()}" in "{value}"')
            self.messages.warn("bad -N option value -- ignored")
            return ""
        return value.upper()

    def _run(self, words: list[str]) -> int:
        if self.from_headers and self.mode != "m":
            raise ToolFatal("-t can be used only in delivery mode")
        if self.mode == "i":
            from mailconf.cli.postfix.postalias import rebuild_alias_databases

            release = self.messages.release
            return rebuild_alias_databases(self.directory, self.root, self.messages.program, release)
        if self.mode == "p" and words:
            raise ToolFatal("display queue mode requires no recipient")
        if self.runs or self.mode == "p":
            return self._queue()
        if self.mode == "l":
            return 0
        if self.mode in _LATER or self.verbose:
            what = _LATER.get(self.mode, "sends no delivery reports (-v)")
            self.messages.plain(f"mailconf {what}")
            return EX_UNAVAILABLE
        return self._send(words)

    def _queue(self) -> int:
        from mailconf.cli.postfix import postqueue

        mode, value = _asked(self.runs[-1]) if self.runs else ("p", "")
        if not mode:  # a daemon runs the queue already
            return 0
        return postqueue.run_in(self.directory, self.root, self.messages.release, mode, value)

    # A message

    def _send(self, words: list[str]) -> int:
        import pwd

        if not words and not self.from_headers:
            raise self._fatal("Recipient addresses must be specified on the command line or via the -t option")
        settings = read_settings(self.directory, self.root, self.messages)
        try:
            user = pwd.getpwuid(os.getuid())
            login, name = user.pw_name, user.pw_gecos.partition(",")[0].replace("&", user.pw_name.capitalize())
        except KeyError:
            login = name = "unknown"
        content = self._content(settings.number("message_size_limit", 0))
        recipients = list(_named(" ".join(words)))
        if self.from_headers:
            recipients += _of_header(content)
            if not recipients:
                raise self._fatal("No recipient addresses found in message header")
        return self._submit(
            self._message(login, recipients, content, name if self.full_name is None else self.full_name)
        )

    def _fatal(self, text: str) -> ToolFatal:
        import pwd

        try:
            login = pwd.getpwuid(os.getuid()).pw_name
        except KeyError:
            login = "unknown"
        return ToolFatal(f"{login}({os.getuid()}): {text}")

    def _content(self, limit: int) -> bytes:
        """The message; without a first line of a mailbox, up to a line of one dot."""
        out = bytearray()
        first = True
        for line in sys.stdin.buffer:
            if first and line.startswith((b"From ", b">From ")):
                continue
            first = False
            if not self.lone_dots and line.rstrip(b"\r\n") == b".":
                break
            out += line.removesuffix(b"\n").removesuffix(b"\r") + b"\n"
            if limit and len(out) > limit:
                raise self._fatal("Message file too big")
        return bytes(out)

    def _sender(self, login: str) -> str:
        if self.sender is None:
            return login
        found = list(_named(self.sender))
        if len(found) > 1:
            self.messages.warn(f"-f option specified malformed sender: {self.sender}")
        return found[0] if found else ""

    def _message(self, login: str, recipients: list[str], content: bytes, name: str) -> Message:
        from mailconf.mta.message import Message, Recipient

        wanted = [Recipient(address, address, "", self.notify) for address in recipients]
        message = Message("", self._sender(login), wanted, content, time.time(), self.body, self.returned, self.envid)
        message.user, message.full_name, message.local = os.getuid(), name, not self.remote
        return message

    def _submit(self, message: Message) -> int:
        from mailconf.cli.shared.postfix_personality import postfix_personality
        from mailconf.diagnostics import Sink
        from mailconf.model.fileworld import FileWorld
        from mailconf.mta.message import Context, IntakeRefused
        from mailconf.mta.pipe import submit
        from mailconf.mta.queue.entry import QueueError
        from mailconf.mta.resolver import Resolver
        from mailconf.mta.world import MtaWorld
        from mailconf.postfix.parameters.catalogue import parameter_set
        from mailconf.postfix.policy.policy import compile_policy
        from mailconf.postfix.settings.configuration import Configuration

        sink, root = Sink(), self.root
        folder = root.inside(root.path(self.directory or "/etc/postfix").absolute())
        release = self.messages.release
        known = None if release is None else parameter_set(release)
        configuration = Configuration.load(folder, sink, root, postfix=known)
        policy = compile_policy(configuration, sink)
        world = MtaWorld(FileWorld(root, trace=False, ports=policy.site.ports), Resolver(), root=root)
        context = Context(policy, world, _unlogged, postfix_personality(configuration, sink))
        directory = root.path(policy.site.queue_directory.value)
        try:
            submit(context, directory, message)
        except IntakeRefused as refused:
            raise self._fatal(refused.reply.text) from refused
        except QueueError as failure:
            self._hand_in(directory, message, failure)
        return 0

    def _hand_in(self, directory: Path, message: Message, failure: QueueError) -> None:
        """Give a message to an MTA whose queue this user must not enter; ``failure`` says so. Raises ToolFatal."""
        from mailconf.mta.control.drop_client import hand_in
        from mailconf.mta.queue.entry import QueueError

        try:
            hand_in(directory, message)
        except QueueError as refused:
            raise self._fatal(str(refused)) from refused
        except OSError:
            raise self._fatal(str(failure)) from failure


def _unlogged(program: str, text: str) -> None:
    """Nobody keeps a log of a command."""


def _named(text: str) -> Iterator[str]:
    """The addresses in a text, in internal form."""
    from mailconf.tables.words822 import addresses

    for found in addresses(text):
        if found.plain or found.in_brackets:
            yield found.plain


def _of_header(content: bytes) -> list[str]:
    """The recipients that a header names: of Resent- fields where there is one, else of To, Cc and Bcc."""
    from mailconf.mta.headers import split_message

    fields, _ = split_message(content)
    resent = any(field.key.startswith("resent-") for field in fields)
    wanted = tuple(f"resent-{name}" for name in _RECIPIENTS) if resent else _RECIPIENTS
    return [address for field in fields if field.key in wanted for address in _named(_unfolded(field.value))]


def _unfolded(value: str) -> str:
    return decode(value.encode("utf-8", "surrogateescape")).replace("\n", " ")


def _asked(value: str) -> tuple[str, str]:
    """postqueue's option and its value for the value of -q; none for an interval. Raises ToolFatal."""
    if value == "0":
        return "f", ""
    if value[0] in "IR":
        return {"I": "i", "R": "s"}[value[0]], value[1:]
    if value[0].isdigit():
        return "", ""
    raise ToolFatal(f"-q{value[0]} is not implemented")
