"""Which mailers and users an address comes to, or which reply: what sendmail does with each recipient of a message.

How to use it
-------------
::

    recipients = Recipients(engine, world, only_verify=True)     # one for each message; world: a `RecipientsWorld`
    answer = await recipients.add("<ann@a.example>")             # RCPT, VRFY with ``only_verify``; EXPN without it
    answer.outcome                                               # FOUND, ABSENT, or FAILED: it has to wait
    answer.problems                                              # what sendmail says of it, with codes, in order
    recipients.list                                              # all addressees so far, with what became of them

``only_verify`` is what sendmail does where the message is not delivered while the client waits: an alias is found and
not expanded, a user is looked up and their .forward file is not read. `Recipients.expanded` gives those to whom one
address leads. Address and ruleset are asked with `mailconf.sendmail.rules.addresses.Parser`; an address that a
configuration calls an error has its reply in the problems, as everything else has.

What happens to one recipient, in this order: its mailer and user; commands, files and lists only where an alias named
them and nobody else could have (`_restricted`); duplicates; aliases (a mailer with the flag A); ruleset 5 (flag 5); the
user of the machine (flag w), and their .forward file.

Source: sendmail 8.17.1.9 -bv -v, RCPT, VRFY and EXPN; Sendmail Installation and Operation Guide 2.6, 4.7, 4.11, 5.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from mailconf.model.recipient import Identity
from mailconf.model.world import Outcome, User
from mailconf.sendmail.policy.recipients_aliases import Aliases
from mailconf.sendmail.policy.recipients_files import UserFiles, default_identity
from mailconf.sendmail.policy.recipients_list import Addressee, Fate, RecipientList
from mailconf.sendmail.policy.recipients_world import RecipientsWorld
from mailconf.sendmail.rules.addresses import ERROR, Parser, Resolved
from mailconf.sendmail.rules.classes import folded
from mailconf.sendmail.rules.kinds_computed import login_by_full_name
from mailconf.sendmail.rules.maps import unquoted_key
from mailconf.sendmail.rules.problems import EX_NOUSER, EX_TEMPFAIL, CfProblem, number, shortened
from mailconf.sendmail.rules.run import Engine
from mailconf.sendmail.rules.symbols import MAILER
from mailconf.sendmail.rules.tokens import Reading
from mailconf.sendmail.rules.world import Unable

MOST = 100_000  # addressees of one message; ours: more of them have to wait
DEEPEST = 50  # aliases that lead to each other, whatever MaxAliasRecursion says: ours
_RECURSION = 10
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_SPACES = " \t\n\v\f\r"
LIST_MARKS = ",;<("  # in a list of addresses: blanks do not part it
_LOOP = "aliasing/forwarding loop broken"
_DIRECTLY = {"prog": "programs", "*file*": "files", "*include*": ":include:s"}


class RecipientAnswer(NamedTuple):
    """What came of one address.

    outcome    FAILED where it has to be tried again
    addressee  None where the text is no address at all
    problems   what was said of it: replies with their codes, and remarks
    """

    outcome: Outcome
    addressee: Addressee | None
    problems: tuple[CfProblem, ...] = ()

    @property
    def refusals(self) -> tuple[CfProblem, ...]:
        """The replies that refuse it."""
        return tuple(problem for problem in self.problems if problem.code[:1] in ("4", "5"))


def _addressee(text: str, found: Resolved) -> Addressee:
    fate = Fate.QUEUED if found.waits else Fate.BAD if found.bad else Fate.OPEN
    if found.bad:
        text = _UNPRINTABLE.sub("?", text)
    return Addressee(text, found.mailer or ERROR, found.host, found.user, fate=fate, settled=found.settled)


def _owner(addressee: Addressee, sender: str) -> str:
    owner = owner_of(addressee)
    return "" if owner == sender else owner


def owner_of(addressee: Addressee) -> str:
    """The envelope sender that the nearest alias with an owner gives an addressee; "" for the message's own."""
    return addressee.owner or next((source.owner for source in addressee.sources() if source.owner), "")


class Recipients:
    """The recipients of one message.

    engine       runs the rulesets, with the macros of the session; its problems take what is said
    world        what is asked for users and their files
    only_verify  nothing is expanded: it is only asked whether recipients exist
    unsafe       the message comes from somebody who may name no commands and files even by an alias
    final        addresses are final ones: neither aliases nor .forward files count for them any more
    """

    def __init__(
        self,
        engine: Engine,
        world: RecipientsWorld,
        *,
        only_verify: bool = False,
        unsafe: bool = False,
        final: bool = False,
    ) -> None:
        self.engine = engine
        self.world = world
        self.only_verify = only_verify
        self.unsafe = unsafe
        self.final = final
        self.list = RecipientList()
        self._parser = Parser(engine)
        self._aliases = Aliases(engine)
        self._files = UserFiles(engine, world)
        self._default: Identity | None = None

    async def add(self, text: str) -> RecipientAnswer:
        """A recipient that a client names; what is wrong with it becomes its problems too."""
        with self._listening() as heard:
            found, _ = await self._parser.parse(text, " ")
            addressee = None if found is None else await self._first(text, found)
        return self._answer(addressee, heard)

    async def take(self, text: str, found: Resolved) -> RecipientAnswer:
        """The same for a recipient that has been parsed already, as ``found``."""
        with self._listening() as heard:
            addressee = await self._first(text, found)
        return self._answer(addressee, heard)

    async def _first(self, text: str, found: Resolved) -> Addressee:
        addressee = _addressee(text, found)
        addressee.primary = True
        return await self._guarded(addressee)

    def _answer(self, addressee: Addressee | None, heard: list[CfProblem]) -> RecipientAnswer:
        refused = any(problem.code[:1] in ("4", "5") for problem in heard)
        if addressee is None:
            return RecipientAnswer(Outcome.ABSENT, None, tuple(heard))
        if addressee.fate is Fate.QUEUED:
            return RecipientAnswer(Outcome.FAILED, addressee, tuple(heard))
        absent = refused or addressee.fate is Fate.BAD
        return RecipientAnswer(Outcome.ABSENT if absent else Outcome.FOUND, addressee, tuple(heard))

    async def add_list(self, text: str, *, commas: bool = False) -> None:
        """Recipients as a command line has them: parted by blanks, or by commas where there is any (or ``commas``)."""
        commas = commas or any(mark in text for mark in LIST_MARKS)
        try:
            await self._named(text, None, 0, "," if commas else " ")
        except RecursionError:
            self.engine.problems.user(_LOOP, "554", "5.4.6")

    async def leave_out(self, sender: str) -> None:
        """Take the sender out of the lists that name them, where MeToo is off; who is named directly stays."""
        book = self.engine.book
        if "MeToo" not in book.options or book.flag("MeToo"):
            return
        quiet, self.engine.problems.quiet = self.engine.problems.quiet, True
        found, _ = await Parser(self.engine, sender=True).parse(sender)
        self.engine.problems.quiet = quiet
        self.engine.problems.subject = ""
        twin = None if found is None else self.list.twin(_addressee(sender, found))
        if twin is not None and not twin.primary:
            twin.fate = Fate.DUPLICATE

    def expanded(self, addressee: Addressee) -> list[Addressee]:
        """Those to whom an addressee leads and to whom mail goes, in the order of the list."""
        return [a for a in self.list if a.fate.sendable and (a is addressee or addressee in a.sources())]

    def sendable(self) -> list[Addressee]:
        """All to whom the message goes."""
        return [addressee for addressee in self.list if addressee.fate.sendable]

    def by_owner(self, sender: str) -> list[tuple[str, list[Addressee]]]:
        """All to whom the message goes, by the envelope senders that they get it from, as sendmail splits a message.

        sender  the message's own, as it was written; "" stands for it in what is returned

        Of a sender whose recipients are all bad an empty list is returned.
        """
        rest = [(_owner(addressee, sender), addressee) for addressee in self.list if not addressee.fate.over]
        split: list[tuple[str, list[Addressee]]] = []
        while owner := next((owner for owner, _ in reversed(rest) if owner), ""):
            split.append((owner, [addressee for other, addressee in rest if other == owner]))
            rest = [pair for pair in rest if pair[0] != owner]
        split.append(("", [addressee for _, addressee in rest]))
        return [(owner, [one for one in ones if one.fate.sendable]) for owner, ones in reversed(split)]

    # -- one text, one addressee

    async def _named(self, text: str, source: Addressee | None, level: int, delimiter: str) -> int:
        """Add the addresses of a text, the last one first; how many there are."""
        before = self.engine.problems.subject
        found: list[Addressee] = []
        rest = text.replace("\n", " ")
        while rest := rest.lstrip(_SPACES + ","):
            resolved, end = await self._parser.parse(rest, delimiter)
            written, rest = rest[: max(end, 1)], rest[max(end, 1) :]
            if resolved is None:
                continue
            addressee = _addressee(written, resolved)
            addressee.source = source
            addressee.primary = source is None
            if source is not None and await self._names_itself(addressee, source):
                continue
            found.append(addressee)
        self.engine.problems.subject = ""
        for addressee in reversed(found):
            await self._recipient(addressee, level)
        self.engine.problems.subject = before
        return len(found)

    async def _names_itself(self, addressee: Addressee, source: Addressee) -> bool:
        """Whether an address leads back to a user of the machine, so that it is that user who is meant."""
        if source.same(addressee):
            source.refers_to_itself = True
        first = next((one for one in addressee.sources() if one.same(addressee)), None)
        if first is None:
            return False
        for one in (first, *addressee.sources()):
            if await self._user(one.user) is not None:
                one.refers_to_itself = True
                return True
        return False

    async def _user(self, name: str) -> User | None:
        try:
            return await self.world.user(name)
        except Unable:
            return None

    async def _guarded(self, addressee: Addressee) -> Addressee:
        try:
            return await self._recipient(addressee, 0)
        except RecursionError:
            self._bad(addressee, _LOOP, "554", "5.4.6")
            return addressee

    def _bad(self, addressee: Addressee, text: str, code: str, enhanced: str) -> None:
        addressee.fate = Fate.BAD
        addressee.enhanced, addressee.reply = enhanced, f"{code} {enhanced} {text}"
        self.engine.problems.user(text, code, enhanced)

    async def _recipient(self, addressee: Addressee, level: int) -> Addressee:
        """Add an addressee, and all that it comes to; the one in the list that is the same."""
        problems = self.engine.problems
        problems.subject = addressee.text
        most = min(number(self.engine.book.options.get("MaxAliasRecursion", str(_RECURSION))), DEEPEST)
        if level > most:
            self._bad(addressee, f"{_LOOP} ({level} aliases deep; {most} max)", "554", "5.4.6")
            if addressee.source is not None:
                addressee.source.fate = Fate.BAD
            return addressee
        if len(self.list) >= MOST:
            addressee.fate = Fate.QUEUED
            return addressee
        if addressee.mailer.name == "prog":
            self._restrict(addressee)
        twin = self.list.twin(addressee)
        if twin is not None:
            self._suppress(addressee, twin)
            addressee = twin
        else:
            self.list.add(addressee)
            await self._work(addressee, level)
            addressee.fresh = True
            if addressee.source is None and addressee.fate.over and not self._goes_anywhere():
                self._bad(addressee, _LOOP, "554", "5.4.6")
        if level == 0:
            self._inherit()
        addressee.known = True
        return addressee

    def _goes_anywhere(self) -> bool:
        return any(not addressee.fate.over for addressee in self.list)

    def _suppress(self, addressee: Addressee, twin: Addressee) -> None:
        if twin.primary:
            if twin.refers_to_itself:
                twin.fate = addressee.fate
            return
        if not addressee.fate.over:
            self.engine.problems.remark("duplicate suppressed")
        else:
            twin.fate = Fate.DUPLICATE
        twin.primary = twin.primary or addressee.primary
        twin.refers_to_itself = twin.refers_to_itself or addressee.refers_to_itself

    def _inherit(self) -> None:
        """Where an address has come to exactly one, that one is primary in its place, unless it has another owner."""
        fresh = [addressee for addressee in self.list if addressee.fresh]
        sendable = [addressee for addressee in fresh if addressee.fate.sendable]
        for addressee in fresh:
            addressee.fresh = False
        if len(sendable) == 1 and not any(source.owner for source in sendable[0].sources()):
            sendable[0].primary = True

    def _restrict(self, addressee: Addressee) -> None:
        """Refuse a command, file or list that an address may not be: only who owns an alias or a file names those."""
        what = _DIRECTLY[addressee.mailer.name]
        source = addressee.source
        if source is None or self.unsafe or self.engine.book.flag("UseMSP"):
            self._bad(addressee, f"Cannot mail directly to {what}", "550", "5.7.1")
        elif what == ":include:s":
            return
        elif source.shellless and not source.login:
            self._bad(addressee, f"UID {source.file_owner} is an unknown user: cannot mail to {what}", "550", "5.7.1")
        elif source.shellless:
            host = self._files.own_host()
            about = f"User {source.login}@{host} doesn't have a valid shell for mailing to {what}"
            self._bad(addressee, about, "550", "5.7.1")
        elif source.unsafe:
            self._bad(addressee, f"Address {source.text} is unsafe for mailing to {what}", "550", "5.7.1")

    # -- what an addressee comes to

    async def _work(self, addressee: Addressee, level: int) -> None:
        tries = 0
        while addressee.fate is Fate.OPEN:
            quoted = "\\" in addressee.user
            if addressee.mailer.name in ("*include*", "*file*"):
                self._restrict(addressee)
                if addressee.mailer.name == "*include*" and addressee.fate is Fate.OPEN:
                    await self._include(addressee, level)
            if addressee.fate is Fate.OPEN and addressee.mailer.has("A") and not quoted and not self.final:
                await self._alias(addressee, level)
                if addressee.fate is Fate.OPEN and addressee.mailer.has("l"):
                    await self._user_database(addressee, level)
            if addressee.fate is Fate.OPEN and addressee.mailer.has("5") and not addressee.settled:
                await self._local_address(addressee, level)
            if addressee.fate is not Fate.OPEN or not addressee.mailer.has("w"):
                return
            login = await self._check_user(addressee, quoted, level)
            if not login:
                return
            tries += 1
            if tries > 3:
                self._bad(addressee, f"aliasing/forwarding loop for {login} broken", "554", "5.4.6")
                return
            addressee.user = login

    async def _alias(self, addressee: Addressee, level: int) -> None:
        problems = self.engine.problems
        problems.subject = addressee.text
        value, waits = await self._aliases.find(addressee.user, addressee.host)
        if waits:
            addressee.fate = Fate.QUEUED
            addressee.reply = "alias database unavailable"
            return
        if value is None:
            return
        if self.only_verify:
            addressee.fate = Fate.VERIFIED
            return
        problems.remark(f"aliased to {shortened(value)}")
        addressee.refers_to_itself = False
        addressee.fate = Fate.EXPANDED
        addressee.identity = await self.default_identity()
        addressee.aliased = True
        await self._named(value, addressee, level + 1, ",")
        if addressee.refers_to_itself and addressee.fate is Fate.EXPANDED:
            addressee.fate = Fate.OPEN
        addressee.owner = await self._aliases.owner(addressee.user, addressee.host)

    async def _user_database(self, addressee: Addressee, level: int) -> None:
        """What a user database has for a local address that is no alias."""
        problems = self.engine.problems
        value, waits = await self._aliases.dropped(addressee.user)
        if value or waits:
            problems.subject = addressee.text
        if waits:
            addressee.fate = Fate.QUEUED
            addressee.reply = "Deferred: user database error"
            problems.remark("queued (user database error)")
            return
        if not value:
            return
        if self.only_verify:
            addressee.fate = Fate.VERIFIED
            return
        problems.remark(f"expanded to {value}")
        addressee.refers_to_itself = False
        count = await self._named(value, addressee, level + 1, ",")
        if count and not addressee.refers_to_itself:
            addressee.fate = Fate.EXPANDED
        sender, _ = await self._aliases.dropped(addressee.user, "mailsender")
        addressee.owner = sender or addressee.owner

    async def default_identity(self) -> Identity:
        """The rights that aliases have: DefaultUser's."""
        if self._default is None:
            self._default = await default_identity(self.engine)
        return self._default

    async def _local_address(self, addressee: Addressee, level: int) -> None:
        """Ruleset 5, which may send a local address that is no alias on to another mailer."""
        engine = self.engine
        engine.problems.subject = addressee.text
        if not engine.book.rulesets[5]:
            return
        if not engine.book.rulesets[5]:
            return
        tokens = engine.scan(addressee.user, Reading.EXTERNAL)
        if tokens is None:
            return
        engine.macros.set("h", addressee.host or None)
        engine.macros.set("u", addressee.user)
        engine.macros.set("z", addressee.home)
        engine.macros.define("addr_type", "e r")
        if await engine.rewrite(tokens, 5) == EX_TEMPFAIL:
            addressee.fate, addressee.enhanced = Fate.QUEUED, "4.4.3"
            engine.problems.settle(EX_TEMPFAIL)
            return
        if not tokens or tokens[0][:1] != MAILER:
            return
        found = await self._parser.build(tokens)
        other = _addressee(addressee.text, found)
        if other.same(addressee):
            return
        addressee.fate = Fate.REPLACED
        other.source, other.primary, other.identity = addressee, addressee.primary, addressee.identity
        await self._recipient(other, level + 1)

    # -- users

    async def _check_user(self, addressee: Addressee, quoted: bool, level: int) -> str:
        """Look a user up; their name where it is another one than the address has, so that its alias counts."""
        engine = self.engine
        name = unquoted_key(addressee.user)
        try:
            user, other = await self._look_up(name)
        except Unable:
            addressee.fate, addressee.enhanced = Fate.QUEUED, "4.5.2"
            engine.problems.settle(EX_TEMPFAIL)
            return ""
        if user is None:
            self._bad(addressee, "User unknown", "550", "5.1.1")
            engine.problems.settle(EX_NOUSER)
            return ""
        if other:
            return user.name
        addressee.home = "" if user.home == "/" else user.home or None
        addressee.identity = Identity(user.uid, user.gid)
        addressee.login = user.name
        addressee.shellless = not await self._files.has_shell(user)
        if self.only_verify:
            addressee.fate = Fate.VERIFIED
        elif not quoted and not self.final:
            await self._forward(addressee, level)
        return ""

    async def _look_up(self, name: str) -> tuple[User | None, bool]:
        """A user, and whether by another name than this: in lower case, or the full one (MatchGECOS)."""
        user = await self.world.user(name)
        if user is not None:
            return user, False
        low = folded(name)
        if low != name:
            user = await self.world.user(low)
        if user is None and self.engine.book.flag("MatchGECOS"):
            login = await login_by_full_name(self.engine, low)
            user = await self.world.user(login) if login else None
        return user, True

    # -- files of lists, and of users

    async def _forward(self, addressee: Addressee, level: int) -> None:
        engine, problems = self.engine, self.engine.problems
        path = engine.book.options.get("ForwardPath")
        path = engine.book.names.marked("$z/.forward") if path is None else path
        if not path:
            return
        if addressee.home is None:
            problems.system("forward: no home", code="554")
            addressee.home = "/no/such/directory"
        for name, value in (("z", addressee.home), ("u", addressee.user), ("h", addressee.host or None)):
            engine.macros.set(name, value)
        waits = ""
        for part in path.split(":"):
            file = engine.macros.expand(part, problems.system)
            if not file:
                continue
            problems.subject = addressee.text
            failure = await self._files.read(addressee, file, forwarding=True)
            if isinstance(failure, bytes):
                await self._lines(addressee, file, failure, level, forwarding=True)
                return
            if failure.passing:
                waits = f"{file}: {failure.reason}: message queued"
            if not failure.missing:
                problems.remark(f"forward: {file}: {failure.reason}")
        if waits:
            problems.remark(waits)
            addressee.fate = Fate.QUEUED

    async def _include(self, addressee: Addressee, level: int) -> None:
        problems = self.engine.problems
        addressee.fate = Fate.INCLUDED
        problems.remark(f"including file {addressee.user}")
        found = await self._files.read(addressee, addressee.user, forwarding=False)
        if isinstance(found, bytes):
            if self.only_verify:
                addressee.fate = Fate.VERIFIED
            else:
                await self._lines(addressee, addressee.user, found, level, forwarding=False)
            return
        about = f"Cannot open {shortened(addressee.user)}: {found.reason}"
        if found.passing:
            problems.user(about, "451", "4.2.4")
            addressee.fate = Fate.QUEUED
        else:
            self._bad(addressee, about, "550", "5.2.4")

    async def _lines(self, addressee: Addressee, file: str, text: bytes, level: int, *, forwarding: bool) -> None:
        """The addresses in a file, a list in each line."""
        problems = self.engine.problems
        before = problems.place
        addressee.refers_to_itself = False
        count = 0
        for at, line in self._files.lines(text):
            problems.place = f"{file}: line {at}"
            problems.subject = ""
            problems.remark(f"{'forwarding' if forwarding else 'sending'} to {line}")
            count += await self._named(line, addressee, level + 1, ",")
            if len(self.list) >= MOST:
                break
        problems.place = before
        problems.subject = addressee.text
        if count and not addressee.refers_to_itself:
            addressee.fate = Fate.FORWARDED if forwarding else Fate.INCLUDED

    @contextmanager
    def _listening(self) -> Iterator[list[CfProblem]]:
        """Take down what is said while the block runs; it goes on to who listens else."""
        problems = self.engine.problems
        hear = problems.hear
        heard: list[CfProblem] = []

        def note(problem: CfProblem) -> None:
            heard.append(problem)
            hear(problem)

        problems.hear = note
        try:
            yield heard
        finally:
            problems.hear = hear
