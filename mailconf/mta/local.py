"""The local delivery agent, local(8): mailboxes, files, commands and forwarding, as the Policy decides.

`Delivery` is shared with virtual(8): it asks ``policy.deliver`` what a recipient comes to and carries that out. A
recipient that an alias led to several places has one result with the places as its parts.

Mail that is forwarded enters the Intake as a new message with a Delivered-To field on top; a recipient that is already
named in one is a loop ("mail forwarding loop for alice@example.com").
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import ClassVar, NamedTuple

from mailconf.files import Root
from mailconf.model.address import Address, external, internal, split_extension
from mailconf.model.trace import Trace
from mailconf.model.verdict import Delivery, DeliveryKind, Reply, Route
from mailconf.model.world import Ask
from mailconf.mta import command, mailbox
from mailconf.mta.headers import values_of
from mailconf.mta.identity import Workers, default_privileges
from mailconf.mta.journal import LogEvent, Remark
from mailconf.mta.message import Context, IntakeRefused, Job, Message, Recipient, Result, Status
from mailconf.source import encode


class AgentWays(NamedTuple):
    """What is different from agent to agent.

    failed    what is said of a failed mbox delivery
    required  nothing is written without the .lock file
    defers    an error that local(8) finds permanent is temporary here
    """

    relay: str
    failed: Remark
    required: bool
    defers: bool


LOCAL = AgentWays("local", Remark.MAILBOX_FAILED, False, False)


class Local:
    """The Agent of ``local``."""

    ways = LOCAL
    checks_loops = True

    def __init__(self, context: Context, root: Root, workers: Workers) -> None:
        self.context = context
        self.root = root
        self.workers = workers

    async def deliver(self, job: Job) -> list[Result]:
        """One result a recipient."""
        return list(
            await asyncio.gather(*(self._recipient(job, recipient, route) for recipient, route in job.recipients))
        )

    async def _recipient(self, job: Job, recipient: Recipient, route: Route) -> Result:
        if self.checks_loops and internal(external(recipient.address)).lower() in delivered_to(job.message):
            return self._result(recipient, "5.4.6", self.context.remark(Remark.LOOP, address=recipient.address))
        deliveries = await job.policy.deliver(route, Ask(job.world), sender=job.message.sender, recipient=recipient)
        for text in deliveries.warnings:
            self._warn(text)
        forwards: dict[str, list[Delivery]] = {}
        parts: list[Result] = []
        for item in deliveries.items:
            if item.kind is DeliveryKind.FORWARD:
                forwards.setdefault(item.recipient.owner, []).append(item)
            else:
                parts.append(await self._item(job, recipient, item))
        for owner, items in forwards.items():
            parts.append(await self._forward(job, recipient, owner, items))
        return summary(recipient, parts, self.ways.relay) or self._result(
            recipient, "4.3.0", self.context.remark(Remark.NO_DELIVERIES)
        )

    async def _item(self, job: Job, recipient: Recipient, item: Delivery) -> Result:
        if item.kind in (DeliveryKind.DISCARD, DeliveryKind.ERROR):
            return self._refused(_shown(recipient, item), item.reply, item.target)
        carry_out = self._deeds[item.kind]
        return await carry_out(self, job, recipient, item)

    def _refused(self, recipient: Recipient, reply: Reply | None, target: str) -> Result:
        if reply is None or reply.positive:
            return self._result(recipient, "2.0.0", target or self.context.remark(Remark.DISCARDED))
        dsn, text = status_of(reply)
        return self._result(recipient, dsn, text, reply=reply)

    def _result(self, recipient: Recipient, dsn: str, text: str, reply: Reply | None = None) -> Result:
        return Result(recipient, STATUS[dsn[0]], dsn, text, self.ways.relay, reply)

    # The kinds of delivery

    async def _mbox(self, job: Job, recipient: Recipient, item: Delivery) -> Result:
        user = Address.split(item.recipient.address).local
        done = self.context.remark(Remark.IN_MAILBOX)
        return await self._append(job, recipient, item, self.ways.failed, user, done)

    async def _file(self, job: Job, recipient: Recipient, item: Delivery) -> Result:
        done = self.context.remark(Remark.IN_FILE, target=item.target)
        return await self._append(job, recipient, item, Remark.FILE_FAILED, "", done)

    async def _append(
        self, job: Job, recipient: Recipient, item: Delivery, failed: Remark, user: str, done: str
    ) -> Result:
        path = str(self.root.path(item.target)) if item.target != "/dev/null" else item.target
        data = self._mbox_data(job, recipient, item)
        identity = item.recipient.identity
        request = {
            "kind": "mbox",
            "path": path,
            "limit": self._limit(job, item.kind),
            "required": self.ways.required,
            "mailbox": item.kind is DeliveryKind.MBOX,
            "owner": identity.uid if identity and item.strict and self.root.is_real else None,
        }
        answer = await self.workers.write(request, data, identity)
        for text in answer.get("warnings", ()):
            self._warn(text)
        if "dsn" in answer:
            dsn, text = self._softened(answer["dsn"]), answer["text"]
            if self.ways.defers and text.endswith("is not a regular file"):
                self._warn(f"recipient {recipient.address}: {text}")
                dsn, text = "5.3.5", self.context.remark(Remark.MISCONFIGURED)
            text = self.context.remark(failed, path=path, user=user, reason=text)
            return self._result(_shown(recipient, item), dsn, text)
        return self._result(_shown(recipient, item), "2.0.0", done)

    def _mbox_data(self, job: Job, recipient: Recipient, item: Delivery) -> bytes:
        sender = external(item.recipient.owner or job.message.sender)
        return mailbox.mbox_entry(_head(item), job.message.content, sender, job.world.now())

    async def _maildir(self, job: Job, recipient: Recipient, item: Delivery) -> Result:
        path = str(self.root.path(item.target))
        request = {"kind": "maildir", "path": path, "limit": self._limit(job, item.kind)}
        answer = await self.workers.write(request, _head(item) + job.message.content, item.recipient.identity)
        if "dsn" in answer:
            text = self.context.remark(Remark.MAILDIR_FAILED, reason=answer["text"])
            return self._result(_shown(recipient, item), self._softened(answer["dsn"]), text)
        return self._result(_shown(recipient, item), "2.0.0", self.context.remark(Remark.IN_MAILDIR))

    async def _command(self, job: Job, recipient: Recipient, item: Delivery) -> Result:
        uid, gid = item.recipient.identity or default_privileges()
        environment = await self._environment(job, recipient, item)
        head, content = _head(item), job.message.content
        first = mailbox.from_line(external(item.recipient.owner or job.message.sender), job.world.now())
        queue_directory = self.root.path(job.policy.site.queue_directory.value)
        outcome = await command.run(
            item.target,
            first + head + content,
            environment,
            uid=uid,
            gid=gid,
            directory=environment.get("HOME") or ("/" if not queue_directory.is_dir() else str(queue_directory)),
            limit=job.policy.site.limits_of(job.transport).command_time,
            utf8=job.policy.site.utf8_tables,
        )
        say, output, reply = self.context.remark, "" if outcome.dsn[0] == "2" else outcome.output, None
        text = say(outcome.remark, **outcome.facts) + (say(Remark.COMMAND_OUTPUT, output=output) if output else "")
        if outcome.dsn[0] != "2" and (reason := command.diagnosis(outcome, say)):
            reply = Reply.of(450 if outcome.dsn[0] == "4" else 550, f"{outcome.dsn} x-unix; {reason}")
        return self._result(_shown(recipient, item), outcome.dsn, text, reply)

    async def _environment(self, job: Job, recipient: Recipient, item: Delivery) -> dict[str, str]:
        """What local(8) exports, "EXPORTED ENVIRONMENT" and "EXTERNAL COMMAND DELIVERY"."""
        at, site = Address.split(recipient.address), job.policy.site
        user, extension = split_extension(at.local, site.recipient_delimiter, bounce=site.double_bounce_sender)
        found = {
            "LANG": "C",
            "MAIL_CONFIG": site.directory,
            "PATH": "/usr/bin:/bin",
            "LOCAL": safe(at.local),
            "LOGNAME": safe(user),
            "USER": safe(user),
            "DOMAIN": safe(at.domain or site.hostname.value),
            "RECIPIENT": safe(recipient.address),
            "ORIGINAL_RECIPIENT": safe(recipient.original or recipient.address),
            "SENDER": safe(item.recipient.owner or job.message.sender or "MAILER-DAEMON"),
        }
        if extension:
            found["EXTENSION"] = safe(extension[1:])
        identity = item.recipient.identity
        if identity is not None:
            known = await job.world.user(user)
            if known is None or known.uid != identity.uid:  # the rights are those of an alias's or include's owner
                known = await job.world.account(identity.uid)
            if known is not None:
                found["HOME"], found["SHELL"] = known.home, known.shell
        session = job.message.session
        if session is not None:
            found["CLIENT_ADDRESS"] = safe(session.client_address)
            found["CLIENT_HELO"] = safe(session.helo or "")
            found["CLIENT_HOSTNAME"] = safe(session.client_name.text)
            found["CLIENT_PROTOCOL"] = safe(session.protocol)
        return found

    async def _forward(self, job: Job, recipient: Recipient, owner: str, items: list[Delivery]) -> Result:
        """Send the message anew, to the targets of all ``items`` at once."""
        intake = self.context.intake
        assert intake is not None, "an MTA that delivers has an intake"
        original = "" if owner else recipient.origin
        message = Message(
            intake.new_queue_id(),
            owner or job.message.sender,
            [Recipient(i.target, original or i.target, recipient.orcpt, recipient.notify) for i in items],
            _head(items[0]) + job.message.content,
            job.world.now(),
            body=job.message.body,
            ret=job.message.ret,
            envid=job.message.envid,
            local=bool(job.message.local),
        )
        try:
            await intake.accept(message)
        except IntakeRefused as refused:
            dsn, text = status_of(refused.reply)
            return self._result(recipient, dsn, text, refused.reply)
        return self._result(recipient, "2.0.0", self.context.remark(Remark.FORWARDED, queue_id=message.queue_id))

    async def _transport(self, job: Job, recipient: Recipient, item: Delivery) -> Result:
        """Leave the recipient to another transport's agent (postconf(5) mailbox_transport, fallback_transport)."""
        transport, _, nexthop = item.target.partition(":")
        service = job.policy.site.transports.get(transport)
        agent = self.context.agents.get(service.agent) if service is not None and service.agent is not None else None
        if agent is None:
            self.context.note(LogEvent.NO_AGENT, program=self.ways.relay, transport=transport)
            return self._result(recipient, "4.3.0", self.context.remark(Remark.NO_TRANSPORT))
        nexthop = nexthop or job.policy.site.hostname.value
        route = Route(transport, nexthop, recipient.address, "local", Trace())
        (result,) = await agent.deliver(
            replace(job, recipients=[(recipient, route)], transport=transport, nexthop=nexthop)
        )
        return result

    def _warn(self, text: str) -> None:
        self.context.note(LogEvent.DELIVERY_WARNING, program=self.ways.relay, text=text)

    def _limit(self, job: Job, kind: DeliveryKind) -> int:
        """Bytes a mailbox file may have; local(8) does not limit a Maildir."""
        return 0 if kind is DeliveryKind.MAILDIR else job.policy.site.limits_of(job.transport).mailbox_size

    def _softened(self, dsn: str) -> str:
        return "4" + dsn[1:] if self.ways.defers and dsn != "5.2.2" else dsn

    _deeds: ClassVar[dict[DeliveryKind, Callable[[Local, Job, Recipient, Delivery], Awaitable[Result]]]] = {
        DeliveryKind.MBOX: _mbox,
        DeliveryKind.MAILDIR: _maildir,
        DeliveryKind.COMMAND: _command,
        DeliveryKind.FILE: _file,
        DeliveryKind.TRANSPORT: _transport,
    }


safe = functools.lru_cache(maxsize=1024)(command.safe)
STATUS = {"2": Status.SENT, "4": Status.DEFERRED, "5": Status.BOUNCED}


def status_of(reply: Reply) -> tuple[str, str]:
    """The DSN status and the text of a reply; a reply without an enhanced status has its class's general one."""
    dsn, _, text = reply.text.partition(" ")
    if dsn.count(".") == 2 and dsn[0] in STATUS and dsn.replace(".", "").isdigit():
        return dsn, text
    return f"{reply.code // 100}.0.0", reply.text


def summary(recipient: Recipient, parts: list[Result], relay: str) -> Result | None:
    """One result for a recipient: deferred when a part is, bounced when a part was, sent otherwise; None of nothing."""
    if not parts:
        return None
    if len(parts) == 1 and parts[0].recipient is recipient:
        return parts[0]
    worst = next(
        (p for status in (Status.DEFERRED, Status.BOUNCED) for p in parts if p.status is status),
        parts[0],
    )
    return Result(recipient, worst.status, worst.dsn, worst.text, relay, worst.reply, parts=tuple(parts))


def delivered_to(message: Message) -> set[str]:
    """The addresses in Delivered-To fields, in lower case."""
    return {internal(value).lower() for value in values_of(message.content, b"delivered-to")}


def _shown(recipient: Recipient, item: Delivery) -> Recipient:
    """Who the log and the bounce name: where an alias led to another user, that one."""
    if item.kind not in (DeliveryKind.MBOX, DeliveryKind.MAILDIR, DeliveryKind.ERROR):
        return recipient
    shown = item.recipient.address
    return recipient if shown.lower() == recipient.address.lower() else recipient.at(shown)


def _head(item: Delivery) -> bytes:
    """The fields that a delivery puts on top."""
    return encode("".join(f"{header}\n" for header in item.headers))
