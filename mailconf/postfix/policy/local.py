"""What local(8) and virtual(8) do for a recipient: aliases, ~/.forward, mailboxes, commands, files.

local(8): the alias tables are asked for user+extension and user; what an alias names is delivered at once if it is a
local user, file or command, and sent anew otherwise. It is sent anew too when the alias has an owner (owner-name), and
from :include: files and other users' ~/.forward. Then ~/.forward, then the mailbox: mailbox_transport,
mailbox_command, home_mailbox, mail_spool_directory. An alias that contains itself means the user of that name; how
deep aliases and :include: files may lie in each other is in mailconf.postfix.policy.nesting. Every mailbox, file,
command and forwarding address is delivered once, and every :include: file is read once.

A command or file has the rights of the one who wrote it down: of the user for ~/.forward, of the owner of the alias
table or :include: file; default privileges where that is root. With those rights the file itself is opened too, and
only a regular one that not everybody can write (local(8), "DELIVERY RIGHTS"; `mailconf.personal`).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from mailconf.model.address import Address, external
from mailconf.model.distinction import Dimension, Distinction, Form, Key
from mailconf.model.recipient import Identity, Recipient
from mailconf.model.verdict import Deliveries, Delivery, DeliveryKind, Reply, Route
from mailconf.model.world import Answer, Ask, LookupFailed, User
from mailconf.personal import PersonalFile
from mailconf.postfix.parameters.releases import DEPTH_NAMED
from mailconf.postfix.policy.included import fault_of_forward, fault_of_include, targets_of
from mailconf.postfix.policy.nesting import ALIAS, DEEPEST, INCLUDE, TooDeep, deep_include, deep_recipient
from mailconf.postfix.policy.resolve import Resolver
from mailconf.postfix.policy.rewrite import Rewriter
from mailconf.postfix.settings.classes import Domains
from mailconf.postfix.settings.lookup import Tables
from mailconf.postfix.text.expand import MacroError, expand
from mailconf.postfix.text.words import texts
from mailconf.source import decode
from mailconf.tables.aliases import AliasKind, AliasTarget, parse_alias_value
from mailconf.tables.mailbox_name import below

_MOST_INCLUDED, _FILE_COUNTS_AS = 16_000_000, 1_000  # bytes of :include: files in one delivery, and at least of each
_REQUIRED = frozenset({"postmaster", "mailer-daemon"})
_BROKEN = Reply.of(450, "4.3.5 mail system configuration error")


class _Undefined(Exception):
    """A path refers to something that the recipient does not have."""


class _Context(NamedTuple):
    """How a recipient came to be delivered.

    recipient  the address that stands for it in the log
    origin     "", "alias", "include" or "forward": where a file or command would come from
    parent     the alias whose value named it
    owner      the envelope sender that replaces the message's, "" to keep that
    user       the user whose ~/.forward it is; None for no one in particular
    rights     whose rights files and commands have; None for default privileges
    indirect   local users other than ``user`` are sent the message anew
    extension  of the recipient, with the delimiter, to be handed on
    """

    recipient: str
    origin: str = ""
    parent: str = ""
    owner: str = ""
    user: User | None = None
    rights: User | None = None
    indirect: bool = False
    extension: str = ""
    level: int = 1

    def named(self, user: User | None = None) -> Recipient:
        """The recipient of a delivery that has the rights of ``user``; None, and root, stand for nobody's."""
        rights = Identity(user.uid, user.gid) if user is not None and user.uid else None
        return Recipient(self.recipient, owner=self.owner, identity=rights)


@dataclass(slots=True)
class _Work:
    """One delivery under way."""

    transport: str
    ask: Ask
    items: list[Delivery] = field(default_factory=list)
    seen: set[tuple[object, ...]] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)
    included: int = 0  # bytes of :include: files

    def warn(self, text: str) -> None:
        """Note what the agent is to log as a warning."""
        self.warnings.append(text)
        self.ask.trace.add("warning", "", text)

    def add(self, delivery: Delivery, *key: object) -> None:
        """Note a delivery, unless the same has been noted before."""
        if key not in self.seen:
            self.seen.add(key)
            self.items.append(delivery)


class Local:
    """What one configuration's local and virtual agents do."""

    def __init__(self, domains: Domains, rewriter: Rewriter, resolver: Resolver) -> None:
        c = domains.configuration
        self._domains = domains
        self._names_depth = c.postfix.version >= DEPTH_NAMED
        self._has_owners = c.root.is_real  # below another root, user ids mean nothing
        self._rewriter = rewriter
        self._resolver = resolver
        self._programs = {s.name: s.program for s in c.services if s.kind == "unix"}
        self._aliases = domains.tables("alias_maps", "local")
        self._expand_owner = c.boolean("expand_owner_alias")
        self._propagate = frozenset(c.words("propagate_unmatched_extensions"))
        self._commands_from = frozenset(c.words("allow_mail_to_commands"))
        self._files_from = frozenset(c.words("allow_mail_to_files"))
        self._filter = frozenset(c.value("forward_expansion_filter"))
        self._strict = c.boolean("strict_mailbox_ownership")
        self._forward_path = [path for path in texts(c.raw("forward_path")) if path]
        self._mailbox_transports = domains.tables("mailbox_transport_maps", "local")
        self._mailbox_transport = c.value("mailbox_transport")
        self._mailbox_commands = domains.tables("mailbox_command_maps", "local")
        self._mailbox_command = c.raw("mailbox_command")
        self._home_mailbox = c.value("home_mailbox")
        self._spool = c.value("mail_spool_directory")
        self._fallback_transports = domains.tables("fallback_transport_maps", "local")
        self._fallback_transport = c.value("fallback_transport")
        self._luser_relay = c.raw("luser_relay")
        self._soft_bounce = c.boolean("soft_bounce")
        self._virtual_base = c.value("virtual_mailbox_base")
        self._virtual_maps = domains.tables("virtual_mailbox_maps", "virtual")
        self._virtual_uids = domains.tables("virtual_uid_maps", "virtual")
        self._virtual_gids = domains.tables("virtual_gid_maps", "virtual")
        self._minimum_uid = c.integer("virtual_minimum_uid")

    def distinguishes(self) -> Iterator[Distinction]:
        """What `deliver` looks at: the recipient, and those that aliases and ~/.forward name."""
        domains, recipient = self._domains, Dimension.RECIPIENT
        for rule, tables, keys in (
            ("alias_maps", self._aliases, (Key.LOCAL, Key.PLAIN_LOCAL, Key.OWNER)),
            ("mailbox_transport_maps", self._mailbox_transports, (Key.PLAIN_LOCAL,)),
            ("mailbox_command_maps", self._mailbox_commands, (Key.PLAIN_LOCAL,)),
            ("fallback_transport_maps", self._fallback_transports, (Key.PLAIN_LOCAL,)),
        ):
            yield from tables.distinguishes(rule, recipient, keys, exact=False, span=domains.configuration.span(rule))
        for rule, tables in (
            ("virtual_mailbox_maps", self._virtual_maps),
            ("virtual_uid_maps", self._virtual_uids),
            ("virtual_gid_maps", self._virtual_gids),
        ):
            yield from domains.looks_up(rule, tables, recipient, exact=False)
        # An address that an alias names is resolved for no sender.
        yield from self._resolver.distinguishes(recipient, recipient, exact=False)
        yield Distinction("local", recipient, Form.SYSTEM, "user", (Key.PLAIN_LOCAL,), exact=False)
        for what in ("account", "owner", "file"):
            yield Distinction(
                "alias_maps" if what != "file" else "forward_path", recipient, Form.SYSTEM, what, exact=False
            )

    async def deliver(self, route: Route, ask: Ask) -> Deliveries:
        """Everything that ``route.recipient`` comes to. Nothing for transports that are neither local nor virtual."""
        key = "deliver", self, route.transport, route.recipient
        found, warnings = await ask.remembered(key, lambda: self._delivered(route, ask))
        return Deliveries(found, ask.trace, warnings)

    async def _delivered(self, route: Route, ask: Ask) -> tuple[tuple[Delivery, ...], tuple[str, ...]]:
        program = self._programs.get(route.transport, route.transport)
        work = _Work(route.transport, ask)
        with ask.trace.step(program, route.recipient) as step:
            if program == "virtual":
                await self._virtual(work, route.recipient)
            elif program == "local":
                await self._recipient(work, route.recipient, _Context(route.recipient))
            step.result = "; ".join(_shown(item) for item in work.items) or "nothing"
        return tuple(work.items), tuple(work.warnings)

    def _error(self, work: _Work, context: _Context, code: int, text: str) -> None:
        if self._soft_bounce and code >= 500:
            code, text = code - 100, "4" + text[1:]
        reply = Reply.of(code, text)
        delivery = Delivery(DeliveryKind.ERROR, "", context.named(), reply)
        work.add(delivery, "error", context.recipient, text)

    def _refused(self, work: _Work, problem: TooDeep | None, context: _Context) -> bool:
        """Report what lies too deep; False where nothing does."""
        if problem is None:
            return False
        work.warn(problem.warning)
        self._error(work, context, 550, f"5.4.6 {problem.text}")
        return True

    # local(8)

    async def _recipient(self, work: _Work, address: str, context: _Context) -> None:
        """A local address: an alias, or a user."""
        if (context.level, address.lower()) in work.seen:
            return
        work.seen.add((context.level, address.lower()))
        context = context._replace(recipient=address)
        at = Address.split(address)
        if self._refused(work, deep_recipient(context.level, address, at.local, named=self._names_depth), context):
            return
        local = at.local.lower()
        if local.startswith("\\"):
            await self._user(work, local[1:], context)
            return
        bare, extension = self._rewriter.search.split(local)
        if "/" in extension:
            work.warn(f"address with illegal extension: {local}")
            extension = ""
        try:
            found = await self._alias(work, local, bare, extension, context)
        except LookupFailed:
            self._error(work, context, 450, "4.3.0 alias database unavailable")
            return
        if not found:
            await self._user(work, local, context)

    async def _alias(self, work: _Work, local: str, bare: str, extension: str, context: _Context) -> bool:
        """Deliver to the targets of the alias tables; False when they have no entry. Raises LookupFailed."""
        for name, rest in [(local, ""), (bare, extension)] if extension else [(local, "")]:
            if name == context.parent:
                return False
            answer = await self._look_up(work, name)
            if answer is None:
                continue
            targets = parse_alias_value(answer.value)
            if not targets:
                self._error(work, context, 450, "4.3.0 alias database unavailable")
                return True
            owner = await self._owner(work, name, context)
            rights = await self._rights_of_table(work, answer.table, context)
            if rights is False:
                return True
            inner = context._replace(
                origin="alias",
                rights=rights or None,
                parent=name,
                owner=owner,
                indirect=context.indirect or bool(owner),
                extension=rest if "alias" in self._propagate else "",
                level=context.level + ALIAS,
            )
            await self._targets(work, targets, inner)
            return True
        if local in _REQUIRED:
            discarded = Delivery(DeliveryKind.DISCARD, "discarded", context.named())
            work.add(discarded, "discard", context.recipient)
            return True
        return False

    async def _rights_of_table(self, work: _Work, table: str, context: _Context) -> User | Literal[False] | None:
        """Whose rights an alias of ``table`` has: None stands for no user, False ends the delivery."""
        owner = await work.ask.table_owner(table)
        if owner == 0:
            return None
        user = await work.ask.account(owner) if owner is not None else None
        if user is None:
            work.warn(f"cannot find alias database owner for {table}")
            self._error(work, context, 450, "4.3.0 cannot find alias database owner")
            return False
        return user

    async def _look_up(self, work: _Work, name: str) -> Answer | None:
        return await self._aliases.find(work.ask, name)

    async def _owner(self, work: _Work, name: str, context: _Context) -> str:
        """The envelope sender that an alias's mail gets (aliases(5), "owner-name")."""
        answer = await self._look_up(work, f"owner-{name}")
        if answer is None:
            return context.owner
        if self._expand_owner:
            return self._rewriter.standard(answer.value)  # as it is, though it may be a list
        return self._rewriter.standard(f"owner-{name}")

    async def _targets(self, work: _Work, targets: list[AliasTarget], context: _Context) -> None:
        """Deliver to the targets, and to those of :include: files in their place."""
        open_texts = [(iter(targets), context)]
        while open_texts:
            rest, context = open_texts[-1]
            target = next(rest, None)
            if target is None:
                open_texts.pop()
            elif target.kind is AliasKind.ADDRESS:
                await self._address(work, target.text, context)
            elif target.kind is AliasKind.COMMAND:
                self._restricted(work, DeliveryKind.COMMAND, target.text.strip(), context, self._commands_from)
            elif target.kind is AliasKind.FILE:
                self._restricted(work, DeliveryKind.FILE, target.text, context, self._files_from)
            elif (text := await self._include(work, target.text, context)) is not None:
                open_texts.append(text)

    def _restricted(
        self, work: _Work, kind: DeliveryKind, target: str, context: _Context, allowed: frozenset[str]
    ) -> None:
        """A file or command, where its origin may name one (postconf(5) allow_mail_to_commands, ..._files)."""
        if context.origin not in allowed:
            self._error(work, context, 550, f"5.7.1 mail to {kind.value} is restricted")
            return
        recipient = context.named(context.rights)
        if kind is DeliveryKind.FILE and target.endswith("/"):
            kind = DeliveryKind.MAILDIR
        work.add(Delivery(kind, target, recipient), kind, target, recipient.identity)

    async def _address(self, work: _Work, text: str, context: _Context) -> None:
        """An address out of an alias, an include or a .forward: a local user now, or the message sent anew."""
        exact = text.startswith("\\")
        address = self._rewriter.standard(text.removeprefix("\\"))
        local, domain = Address.split(address)
        if context.extension:
            address = str(Address(local + context.extension, domain))
        found = await self._resolver.resolve(address, work.ask, "")
        if found.failed is not None:
            self._error(work, context, 451, "4.3.0 address resolver failure")
        elif found.bad:
            self._error(work, context._replace(recipient=address), 550, "5.1.3 bad address syntax")
        elif found.transport != work.transport:
            self._forward(work, found.recipient, context)
        elif exact:
            at = Address.split(found.recipient)
            context = context._replace(recipient=address)
            problem = deep_recipient(context.level, address, at.local, named=self._names_depth)
            if not self._refused(work, problem, context):
                await self._user(work, at.local.lower(), context)
        else:
            await self._recipient(work, found.recipient, context)

    def _forward(self, work: _Work, address: str, context: _Context) -> None:
        delivery = Delivery(DeliveryKind.FORWARD, address, context.named())
        work.add(delivery, DeliveryKind.FORWARD, address.lower())

    async def _include(
        self, work: _Work, path: str, context: _Context
    ) -> tuple[Iterator[AliasTarget], _Context] | None:
        """The targets of an :include: file, with their context; None where it is refused, or has been read before."""
        if self._refused(work, deep_include(context.level, path, named=self._names_depth), context):
            return None
        key = ("include", path, context.rights.uid if context.rights else 0)
        if key in work.seen:
            return None
        work.seen.add(key)
        found = await self._included(work, path, context)
        if found is None:
            return None
        text, rights = found
        inner = context._replace(
            origin="include",
            rights=rights,
            indirect=True,
            extension=context.extension if "include" in self._propagate else "",
            level=context.level + INCLUDE,
        )
        return iter(targets_of(text)), inner

    async def _included(self, work: _Work, path: str, context: _Context) -> tuple[str, User | None] | None:
        """The text of an :include: file, and whose rights its targets have; None when the mail is refused for it.

        It is opened with the rights of what names it. Where those are root's, its owner's rights take their place.
        """
        try:
            found = await work.ask.file(path, context.rights, follow=True) if path.startswith("/") else PersonalFile()
        except OSError:
            self._error(work, context, 451, "4.3.0 mail system configuration error")
            return None
        if found.unknown:
            work.warn(f"{path}: cannot be read without root privileges")
            self._error(work, context, 451, "4.3.0 mail system configuration error")
            return None
        problem, rights = fault_of_include(path, found), context.rights
        if not problem and (rights is None or rights.uid == 0) and found.owner != 0 and self._has_owners:
            rights = await work.ask.account(found.owner)
            if rights is None:
                work.warn(f"cannot find username for uid {found.owner}")
                work.warn(f"{path}: cannot find :include: file owner username")
                self._error(work, context, 450, "4.3.5 mail system configuration error")
                return None
        work.included += len(found.text or b"") + _FILE_COUNTS_AS
        if not problem and (found.text is None or work.included > _MOST_INCLUDED):
            problem = f"cannot open include file {path}: {found.reason or os.strerror(errno.EFBIG)}"
        if problem:
            work.warn(problem)
            self._error(work, context, 550, "5.3.5 mail system configuration error")
            return None
        return decode(found.text or b""), rights

    # A user

    async def _user(self, work: _Work, local: str, context: _Context) -> None:
        name, extension = self._rewriter.search.split(local)
        if "/" in extension:
            extension = ""
        user = await work.ask.user(name)
        own = context.user is not None and user is not None and context.user.uid == user.uid
        if context.indirect and not own:
            self._forward(work, context.recipient, context)
            return
        if user is not None and not own and await self._dot_forward(work, user, local, extension, context):
            return
        key = ("mailbox", local)
        if key not in work.seen:
            work.seen.add(key)
            await self._mailbox(work, name, user, local, extension, context)

    async def _dot_forward(self, work: _Work, user: User, local: str, extension: str, context: _Context) -> bool:
        """Deliver to the targets of the user's ~/.forward; False when there is no such file, or it is empty."""
        for template in self._forward_path:
            try:
                path = self._expanded(
                    template, user.name, user, local, extension, context.recipient, allowed=self._filter
                )
            except (_Undefined, MacroError):
                continue
            try:
                found = await work.ask.file(path, user, follow=False)
            except OSError as error:
                self._error(work, context, 450, f"4.3.0 cannot look up {path}: {error.strerror}")
                return True
            if not found.exists:
                continue
            if problem := fault_of_forward(path, found, user if self._has_owners else None):
                work.warn(problem)
                return False
            targets = targets_of(decode(found.text or b""))
            if not targets:
                return False
            whole = "$extension" in template or "${extension" in template
            keep = extension if "forward" in self._propagate and not whole else ""
            inner = context._replace(
                origin="forward",
                user=user,
                rights=user,
                indirect=True,
                extension=keep,
                level=context.level + ALIAS,
            )
            await self._targets(work, targets, inner)
            return True
        return False

    async def _mailbox(
        self, work: _Work, name: str, user: User | None, local: str, extension: str, context: _Context
    ) -> None:
        try:
            transport = await self._by_name(work, self._mailbox_transports, name) or self._mailbox_transport
            if transport:
                self._hand_over(work, transport, context)
                return
            if user is None:
                await self._unknown(work, name, local, extension, context)
                return
            command = await self._by_name(work, self._mailbox_commands, name) or self._mailbox_command
        except LookupFailed:
            self._error(work, context, 450, "4.3.0 table lookup failure")
            return
        if command:
            kind, target = DeliveryKind.COMMAND, command
        elif self._home_mailbox:
            target = f"{user.home.rstrip('/')}/{self._home_mailbox}"
            kind = DeliveryKind.MAILDIR if target.endswith("/") else DeliveryKind.MBOX
        elif self._spool.endswith("/"):
            kind, target = DeliveryKind.MAILDIR, f"{self._spool}{user.name}/"
        else:
            kind, target = DeliveryKind.MBOX, f"{self._spool}/{user.name}"
        recipient = context.named(user)
        if kind is not DeliveryKind.COMMAND:  # root has a mailbox of its own, and no command runs as root
            recipient.identity = Identity(user.uid, user.gid)
        strict = self._strict and kind is DeliveryKind.MBOX
        delivery = Delivery(kind, target, recipient, strict=strict)
        work.add(delivery, kind, target, context.recipient.lower())

    @staticmethod
    async def _by_name(work: _Work, tables: Tables, name: str) -> str:
        answer = await tables.find(work.ask, name) if tables else None
        return answer.value if answer else ""

    def _hand_over(self, work: _Work, transport: str, context: _Context) -> None:
        delivery = Delivery(DeliveryKind.TRANSPORT, transport, context.named())
        work.add(delivery, DeliveryKind.TRANSPORT, transport, context.recipient.lower())

    async def _unknown(self, work: _Work, name: str, local: str, extension: str, context: _Context) -> None:
        transport = await self._by_name(work, self._fallback_transports, name) or self._fallback_transport
        if transport:
            self._hand_over(work, transport, context)
            return
        if self._luser_relay and context.level <= DEEPEST:
            try:
                relay = self._expanded(self._luser_relay, name, None, local, extension, context.recipient)
            except (_Undefined, MacroError):
                relay = ""
            if relay:
                inner = context._replace(level=context.level + ALIAS, parent="")
                if (relay, "luser") not in work.seen:
                    work.seen.add((relay, "luser"))
                    await self._address(work, relay, inner)
                    return
        self._error(work, context, 550, f'5.1.1 unknown user: "{name}"')

    def _expanded(
        self,
        template: str,
        name: str,
        user: User | None,
        local: str,
        extension: str,
        recipient: str,
        allowed: frozenset[str] | None = None,
    ) -> str:
        """A template of local(8) ("$home/.forward"); raises _Undefined where it uses what is not there.

        allowed  the characters that values may have; ``_`` takes the place of others
        """
        values = {
            "user": name,
            "local": local,
            "domain": Address.split(recipient).domain or "",
            "recipient": recipient,
            "mailbox": recipient,
        }
        if user is not None:
            values |= {"home": user.home, "shell": user.shell}
        if extension:
            values |= {"extension": extension[1:], "recipient_delimiter": extension[0]}

        def look_up(macro: str) -> str | None:
            if macro in values:
                value = values[macro]
                return value if allowed is None else "".join(x if x in allowed else "_" for x in value)
            if macro in ("extension", "recipient_delimiter"):
                raise _Undefined(macro)
            c = self._domains.configuration
            return c.raw(macro) if c.is_known(macro) or c.is_set(macro) else None

        return expand(template, look_up)

    # virtual(8)

    async def _virtual(self, work: _Work, recipient: str) -> None:
        search, context = self._rewriter.search, _Context(recipient)
        try:
            box = await search.find(work.ask, self._virtual_maps, recipient)
            if box is None:
                self._error(work, context, 550, f'5.1.1 unknown user: "{recipient.lower()}"')
                return
            uid = await self._number(work, self._virtual_uids, recipient, self._minimum_uid)
            gid = await self._number(work, self._virtual_gids, recipient, 1)
        except LookupFailed:
            uid = gid = None
        if uid is None or gid is None or box is None:
            work.add(Delivery(DeliveryKind.ERROR, "", context.named(), _BROKEN), "error", recipient)
            return
        name = below(box.answer.value)
        if name is None:
            work.ask.trace.add("virtual_mailbox_base", box.answer.value, "leads out of it")
            work.add(Delivery(DeliveryKind.ERROR, "", context.named(), _BROKEN), "error", recipient)
            return
        path = f"{self._virtual_base}/{name}" if self._virtual_base else name
        kind = DeliveryKind.MAILDIR if path.endswith("/") else DeliveryKind.MBOX
        strict = self._strict and kind is DeliveryKind.MBOX
        named = Recipient(recipient, identity=Identity(uid, gid))
        work.add(Delivery(kind, path, named, strict=strict), kind, path)

    async def _number(self, work: _Work, tables: Tables, recipient: str, least: int) -> int | None:
        """A uid or gid; None where the table has no allowed one."""
        found = await self._rewriter.search.find(work.ask, tables, recipient)
        if found is None or not found.answer.value.isdigit():
            return None
        number = int(found.answer.value)
        return number if number >= least else None


def with_headers(item: Delivery, names: Sequence[str], sender: str, recipient: Recipient) -> Delivery:
    """``item`` with the fields that go on top of the message (local(8), virtual(8)).

    names   those that the transport has; what is sent anew has Delivered-To alone, by which loops are found
    sender  the message's, where the item has none of its own
    """
    if item.kind in (DeliveryKind.DISCARD, DeliveryKind.ERROR, DeliveryKind.TRANSPORT):
        return item
    texts = {
        "Return-Path": f"<{external(item.recipient.owner or sender)}>",
        "X-Original-To": external(recipient.origin),
        "Delivered-To": external(recipient.address),
    }
    names = [name for name in names if item.kind is not DeliveryKind.FORWARD or name == "Delivered-To"]
    return item._replace(headers=tuple(f"{name}: {texts[name]}" for name in names))


def _shown(item: Delivery) -> str:
    if item.reply is not None:
        return str(item.reply)
    return f"{item.kind.value} {item.target}".strip()
