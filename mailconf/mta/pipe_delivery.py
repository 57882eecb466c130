"""Delivery to the command of a transport, pipe(8): recipients of a message together, without a shell.

The command line is made of the service's words, with macros in them (`mailconf.model.pipe_words`). The command has the
rights of the account that the service names, never those of root or of the mail system. Its exit status, or a status of
RFC 3463 at the beginning of its output, is the answer for all recipients.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import string

from mailconf.files import Root
from mailconf.model.address import Address, external, internal, split_extension
from mailconf.model.pipe_words import UnknownMacro, expanded
from mailconf.model.recipient import Identity
from mailconf.model.session import Session
from mailconf.model.transport import CommandSettings, Transport
from mailconf.model.verdict import Reply
from mailconf.mta import command, mailbox
from mailconf.mta.command import CommandOutcome, NotStarted, Program
from mailconf.mta.journal import LogEvent, Remark
from mailconf.mta.local import STATUS, delivered_to
from mailconf.mta.message import Context, Job, Recipient, Result
from mailconf.source import encode

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_DOT = re.compile(rb"^\.", re.MULTILINE)
_SAID = 100  # characters of its output that are shown of a command that took the message
_MISCONFIGURED = "4.3.5"
_PROGRAM = "pipe"


class _Unusable(Exception):
    """The service cannot be run; the text is the reason, in the engine's words."""


class PipeDelivery:
    """The Agent of the transports that have a command."""

    def __init__(self, context: Context, root: Root) -> None:
        self.context = context
        self.root = root

    async def deliver(self, job: Job) -> list[Result]:
        """One result a recipient."""
        transport = job.policy.site.transports[job.transport]
        settings = transport.command or CommandSettings()
        recipients = [recipient for recipient, _ in job.recipients]
        try:
            identity = self._identity(transport, settings)
        except _Unusable as reason:
            self._broken(str(reason))
            return self._all(job, "4.3.0", self.context.remark(Remark.TRANSPORT_FAILED))
        single = next((flag for flag in "DO" if flag in transport.flags and len(recipients) > 1), "")
        if single:
            needed = f"{job.transport}_destination_recipient_limit = 1"
            self._warn(f"pipe flag `{single}' requires {needed}")
            return self._all(job, _MISCONFIGURED, self.context.remark(Remark.MISCONFIGURED))
        if settings.size and job.message.size > settings.size:
            return self._all(job, "5.2.3", self.context.remark(Remark.TOO_LARGE))
        if "D" in transport.flags and _key(recipients[0].address) in delivered_to(job.message):
            text = self.context.remark(Remark.LOOP, address=recipients[0].address)
            return self._all(job, "5.4.6", text)
        return await self._run(job, transport, settings, identity)

    def _warn(self, text: str) -> None:
        self.context.note(LogEvent.DELIVERY_WARNING, program=_PROGRAM, text=text)

    def _broken(self, text: str) -> None:
        self.context.note(LogEvent.TRANSPORT_BROKEN, program=_PROGRAM, text=text)

    def _all(self, job: Job, dsn: str, text: str, reply: Reply | None = None, *, action: str = "") -> list[Result]:
        status = STATUS[dsn[0]]
        return [Result(each, status, dsn, text, job.transport, reply, action=action) for each, _ in job.recipients]

    def _identity(self, transport: Transport, settings: CommandSettings) -> Identity:
        """With whose rights the command is run. Raises _Unusable."""
        if settings.problem:
            raise _Unusable(settings.problem)
        name, colon, group = transport.user.partition(":")
        try:
            user = pwd.getpwnam(name)
        except (KeyError, ValueError):
            raise _Unusable(f"get_service_attr: unknown username: {name}") from None
        uid, gid = user.pw_uid, user.pw_gid
        if colon:
            try:
                gid = grp.getgrnam(group).gr_gid
            except (KeyError, ValueError):
                raise _Unusable(f"get_service_attr: unknown group: {group}") from None
        self._check(uid, gid, settings)
        return Identity(uid, gid)

    def _check(self, uid: int, gid: int, settings: CommandSettings) -> None:
        """Whose rights no command has. Raises _Unusable."""
        owner, group = settings.forbidden
        said = "user= command-line attribute specifies"
        if uid == 0:
            raise _Unusable(f"{said} root privileges")
        if gid == 0:
            raise _Unusable(f"{said} privileged group id 0")
        try:
            known = pwd.getpwnam(owner)
            if uid == known.pw_uid:
                raise _Unusable(f"{said} mail system owner {owner}")
            if gid == known.pw_gid:
                raise _Unusable(f"{said} mail system owner {owner} group id {gid}")
        except (KeyError, ValueError):
            pass
        try:
            if gid == grp.getgrnam(group).gr_gid:
                raise _Unusable(f"{said} mail system {group} group id {gid}")
        except (KeyError, ValueError):
            pass

    async def _run(self, job: Job, transport: Transport, settings: CommandSettings, identity: Identity) -> list[Result]:
        try:
            arguments = _arguments(job, transport, settings)
        except UnknownMacro as unknown:
            self._warn(_problem(unknown, job))
            return self._all(job, _MISCONFIGURED, self.context.remark(Remark.MISCONFIGURED))
        if not command.may_run(identity):
            text = self.context.remark(Remark.NO_RIGHTS, uid=identity.uid)
            return self._all(job, "4.3.0", text)
        program = Program(
            arguments,
            _environment(settings),
            identity,
            settings.folder or ("" if settings.chroot else self._queue_folder(job)),
            entered=bool(settings.folder),
            chroot=settings.chroot,
        )
        data = _data(job, transport, settings)
        try:
            ended = await command.execute(program, data, settings.time)
        except NotStarted as failure:
            found = self._not_started(failure, identity)
        else:
            found = command.outcome(arguments[0], ended, utf8=job.policy.site.utf8_tables)
        return self._results(job, transport, found)

    def _queue_folder(self, job: Job) -> str:
        folder = self.root.path(job.policy.site.queue_directory.value)
        return str(folder) if folder.is_dir() else "/"

    def _not_started(self, failure: NotStarted, identity: Identity) -> CommandOutcome:
        say, file, reason = self.context.remark, failure.file, failure.reason
        if failure.step == "execute":
            output = say(Remark.PROGRAM_NOT_RUN, file=file, reason=reason)
            return CommandOutcome("4.3.0", Remark.COMMAND_NOT_RUN, {}, output)
        if failure.step == "chroot":
            self._broken(say(Remark.NO_CHROOT, file=file, reason=reason))
        else:
            self._broken(say(Remark.NOT_ENTERED, file=file, reason=reason, uid=identity.uid, gid=identity.gid))
        return CommandOutcome("4.3.0", Remark.COMMAND_NOT_RUN)

    def _results(self, job: Job, transport: Transport, found: CommandOutcome) -> list[Result]:
        say, output = self.context.remark, found.output
        if found.dsn[0] == "2":
            text = say(Remark.VIA_COMMAND, transport=job.transport)
            text += f" ({output.strip()[:_SAID]})" if output.strip() else ""
            return self._all(job, found.dsn, text, action="delivered" if "X" in transport.flags else "relayed")
        text = say(found.remark, **found.facts) + (say(Remark.COMMAND_OUTPUT, output=output) if output else "")
        reason = command.diagnosis(found, say)
        code = 450 if found.dsn[0] == "4" else 550
        return self._all(job, found.dsn, text, Reply.of(code, f"{found.dsn} x-unix; {reason}") if reason else None)


def _key(address: str) -> str:
    return internal(external(address)).lower()


def _problem(unknown: UnknownMacro, job: Job) -> str:
    """What is said of a macro that does not exist."""
    macro = unknown.macro
    if not macro.closed:
        return f'truncated macro reference: "{macro.written}"'
    if not macro.name:
        return f'empty macro name: "{macro.written}"'
    where = f"file {job.policy.site.directory.rstrip('/')}/master.cf: service {job.transport}"
    return f'{where}: unknown macro name: "{macro.name}"'


def _environment(settings: CommandSettings) -> dict[str, str]:
    found = {"PATH": "/usr/bin:/bin"}
    for name, value in settings.exports:
        value = os.environ.get(name) if value is None else value
        if value is not None:
            found[name] = value
    return found


def _sender(job: Job, settings: CommandSettings) -> str:
    """The sender as fields have it."""
    return external(job.message.sender or settings.null_sender)


def _arguments(job: Job, transport: Transport, settings: CommandSettings) -> list[str]:
    """The command line. Raises UnknownMacro."""
    message, flags = job.message, transport.flags
    session = message.session or Session(client_address="", protocol="")
    sender = message.sender or settings.null_sender
    values = {
        "client_address": session.client_address,
        "client_helo": session.helo or "",
        "client_hostname": session.client_name.text if message.session is not None else "",
        "client_port": session.client_port,
        "client_protocol": session.protocol,
        "sasl_method": session.sasl_method,
        "sasl_sender": "",
        "sasl_username": session.sasl_username,
        "nexthop": _folded(job.nexthop, "h" in flags),
        "queue_id": message.queue_id,
        "sender": external(sender) if "q" in flags else sender,
        "size": str(message.size),
    }
    recipients = [_of_recipient(job, recipient, flags, settings) for recipient, _ in job.recipients]
    return expanded(transport.argv, values, recipients)


def _folded(text: str, folds: bool) -> str:
    return text.translate(_LOWER) if folds else text


def _of_recipient(job: Job, recipient: Recipient, flags: str, settings: CommandSettings) -> dict[str, str]:
    """The values of the macros of one recipient."""
    site = job.policy.site

    def whole(address: str) -> str:
        at = _parts(address, flags)
        return external(str(at)) if "q" in flags else str(at)

    at = _parts(recipient.address, flags)
    user, extension = split_extension(
        at.local, site.recipient_delimiter, owner_special=settings.special, bounce=site.double_bounce_sender
    )
    return {
        "recipient": whole(recipient.address),
        "original_recipient": whole(recipient.origin),
        "mailbox": at.local,
        "user": user,
        "extension": extension[1:],
        "domain": at.domain or "",
    }


def _parts(address: str, flags: str) -> Address:
    at = Address.split(address)
    return Address(_folded(at.local, "u" in flags), at.domain and _folded(at.domain, "h" in flags))


def _data(job: Job, transport: Transport, settings: CommandSettings) -> bytes:
    """The input of the command: the message with what the flags of its service put on top and change in it."""
    message, flags = job.message, transport.flags
    recipient = job.recipients[0][0]
    fields = {
        "Return-Path": _sender(job, settings) if message.sender or settings.null_sender else "",
        "X-Original-To": external(recipient.origin),
        "Delivered-To": external(recipient.address),
    }
    head = mailbox.from_line(_sender(job, settings), job.world.now()) if "F" in flags else b""
    for name in transport.headers:
        value = f"<{fields[name]}>" if name == "Return-Path" else fields[name]
        head += encode(f"{name}: {value}\n")
    content = message.content
    if content and not content.endswith(b"\n"):
        content += b"\n"
    if "." in flags:
        content = _DOT.sub(b"..", content)
    if ">" in flags:
        content = (b"\n" + content).replace(b"\nFrom ", b"\n>From ")[1:]
    data = head + content + (b"\n" if "B" in flags else b"")
    return data if settings.eol == "\n" else data.replace(b"\n", encode(settings.eol))
