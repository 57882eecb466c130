"""An /etc/mail in the world of a test file: what its sendmail.mc makes, else its sendmail.cf, with its tables."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from mailconf.build.etc_mail import EtcMail
from mailconf.diagnostics import Sink, error
from mailconf.files import Overlay
from mailconf.insight.engines.remembering_rules import Known, RememberingEngine
from mailconf.insight.engines.subject import Located, NoService, Options
from mailconf.insight.engines.world import CaseWorld
from mailconf.insight.text_tables import TextTables
from mailconf.sendmail.mc.library import SETTING, find_library
from mailconf.sendmail.policy import SendmailPolicy
from mailconf.sendmail.policy.recipients_disk import DiskRecipientsWorld
from mailconf.sendmail.policy.recipients_world import CannotRead, FileRules, UserFile
from mailconf.sendmail.rules.load import load
from mailconf.sendmail.rules.machine import NamedMachine, OwnNames
from mailconf.sendmail.rules.problems import CfProblem, Problems, Stopped
from mailconf.sendmail.rules.resolv_conf import Patience
from mailconf.sendmail.rules.world import Trusting, Unable
from mailconf.source import Source, Span, decode

if TYPE_CHECKING:
    from mailconf.files import Tree
    from mailconf.insight.cases.suite import Suite
    from mailconf.model.recipient import Identity
    from mailconf.model.site import Site
    from mailconf.model.world import Records, User
    from mailconf.tables.entry import Entry

TS011 = error("TS011", "sendmail would not start with the configuration that is to be tested")
"""Why: no case of the file can be run.

Example:
    # /etc/mail/sendmail.cf
    V10/Berkeley
    O DeliveryMode=z
    # /etc/mail/mail.test.yaml
    site: .
    cases:
      - {to: info@example.com, reply: 250}
    $ mailconf test /etc/mail/mail.test.yaml

Remedy: correct the line that the report names.

Source: sendmail 8.17.1.9 -bt.
"""

_T = TypeVar("_T")
HOST = "localhost.localdomain"  # what the machine is called where the world does not say
_CLASSES = {"local": "w", "virtual alias": "VirtHost", "relay": "R"}


class SendmailSubject:
    """See `mailconf.insight.engines.subject.Subject`."""

    dialect = "sendmail"

    def __init__(self, policy: SendmailPolicy, directory: str, root: Tree, files: _TextWorld, cf: str) -> None:
        self.directory = directory
        self.root = root
        self.site: Site = policy.site
        self.world = files.world
        self.cf = cf
        self.host = policy.hostname
        self._policy = policy
        self._files = files
        known: Known = {}
        policy.compiled.quick = lambda world, problems: RememberingEngine(known, policy.compiled.book, world, problems)

    def hear_rulesets(self, hear: Callable[[str], object]) -> None:
        """Let ``hear`` take the name of each ruleset that is called from now on."""
        self._policy.compiled.hear = hear

    def rulesets(self) -> list[str]:
        """The names of the rulesets that have rules."""
        book = self._policy.compiled.book
        return [book.shown_name(number) for number, ruleset in enumerate(book.rulesets) if len(ruleset)]

    def entries(self) -> Iterator[tuple[str, Mapping[bytes, Entry]]]:
        """The tables that are made of texts, with their entries."""
        for file in dict.fromkeys(file for _, file, _ in self.maps()):
            try:
                yield file, self._files.texts.entries(file)
            except Unable:
                continue

    def keys_of_tables(self) -> list[tuple[bool, list[str]]]:
        """The keys of each table that is made of a text, and whether it has aliases."""
        return [(is_alias, self._files.keys(file)) for _, file, is_alias in self.maps()]

    def maps(self) -> list[tuple[str, str, bool]]:
        """The type and the file of each map that is a file, and whether it has aliases."""
        found = [(map_.kind.name, map_.file, map_.alias) for map_ in self._policy.compiled.book.maps.values()]
        return [entry for entry in dict.fromkeys(found) if entry[1] and self.root.is_file(entry[1])]

    @classmethod
    def load(cls, located: Located, suite: Suite, options: Options, sink: Sink) -> SendmailSubject | None:
        root, folder = located.root, located.directory.rstrip("/")
        cf, mc = f"{folder}/sendmail.cf", f"{folder}/sendmail.mc"
        if root.is_file(mc):
            library = find_library(root, options.cf_library)
            only = library is None and bool(options.cf_library or os.environ.get(SETTING))
            etc_mail = EtcMail(folder, root, library, False, only, options.own_cf)
            expanded = etc_mail.expand(root.path(mc), sink)
            if expanded is None or expanded.failed:
                return None
            changed = Overlay(root, {cf: expanded.cf})
            changed.is_real = root.is_real
            root = changed
        said: list[CfProblem] = []
        source = Source.read(root, cf)
        host = suite.world.host or HOST
        machine = _WorldMachine(root, host)
        try:
            book = load(root, cf, Problems(said.append), machine=machine)
        except Stopped as stopped:
            text = "; ".join(problem.line() for problem in said) or f"it ends with status {stopped.status}"
            message = f"sendmail would not start: {text}"
            sink.report(TS011, message, file=source.name, tree=root, hint="correct the line")
            return None
        world = CaseWorld(root, suite.world)
        files = _TextWorld(root, machine, world, host)
        files.texts.aliases = {map_.file for map_ in book.maps.values() if map_.alias}
        return cls(SendmailPolicy(book, files, source), folder, root, files, cf)

    def policy(self, service: str) -> SendmailPolicy:
        if service:
            raise NoService("sendmail has one service alone")
        return self._policy

    @contextmanager
    def without_reasons(self) -> Iterator[None]:
        compiled = self._policy.compiled
        source, compiled.source = compiled.source, None
        try:
            yield
        finally:
            compiled.source = source

    def sameness(self, original: str, recipient: str) -> str:
        """Recipients are asked about one by one."""
        return ""

    def milters(self) -> list[str]:
        return [fields.get("S", name) for name, fields in self._policy.compiled.book.filters.items()]

    def domains(self, kind: str) -> list[str]:
        book = self._policy.compiled.book
        words = book.classes.words(book.names.character(_CLASSES[kind])) if kind in _CLASSES else []
        return sorted(word for word in words if "." in word and word[:1] not in ("[", ".", "*") and word != HOST)


class _WorldMachine(NamedMachine):
    """The machine of a test: its name, and the users of its root."""

    def __init__(self, root: Tree, host: str) -> None:
        super().__init__(root, host)
        self._called = host

    def names(self) -> OwnNames:
        return OwnNames(self._called, self._called, ("localhost", "[127.0.0.1]"))


class _TextWorld(DiskRecipientsWorld):
    """The files of a tree, where texts take the place of maps; what is not a file is the test's."""

    def __init__(self, root: Tree, machine: NamedMachine, world: CaseWorld, host: str) -> None:
        super().__init__(root, machine=machine)
        self.texts = TextTables(root)
        self.world = world
        self._host = host
        self._known: dict[str, bool] = {}
        self._kept: dict[tuple[Any, ...], Any] = {}

    async def _once(self, key: tuple[Any, ...], ask: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """What ``ask`` returns or raises, asked once: no file changes while cases are run."""
        if key not in self._kept:
            try:
                self._kept[key] = await ask()
            except (Unable, CannotRead) as failure:
                self._kept[key] = failure
        found = self._kept[key]
        if isinstance(found, Exception):
            raise found.with_traceback(None)
        kept: _T = found
        return kept

    async def read(self, file: str, trusting: Trusting) -> tuple[bytes, Sequence[str]]:
        return await self._once(("read", file, trusting), lambda: DiskRecipientsWorld.read(self, file, trusting))

    async def changed(self, file: str) -> float | None:
        return await self._once(("changed", file), lambda: DiskRecipientsWorld.changed(self, file))

    async def hosts(self) -> bytes:
        return await self._once(("hosts",), lambda: DiskRecipientsWorld.hosts(self))

    async def account(self, uid: int) -> User | None:
        return await self._once(("account", uid), lambda: DiskRecipientsWorld.account(self, uid))

    async def user_file(self, file: str, reader: Identity, login: str, rules: FileRules) -> UserFile:
        key = ("user file", file, reader, login, rules)
        return await self._once(key, lambda: DiskRecipientsWorld.user_file(self, file, reader, login, rules))

    async def dns(self, name: str, kind: str, patience: Patience | None = None) -> Records:
        return await self.world.dns(name.rstrip("."), kind)

    async def search_domains(self) -> Sequence[str]:
        return [domain] if (domain := self._host.partition(".")[2]) else []

    def now(self) -> float:
        return self.world.now()

    def _is_text(self, file: str) -> bool:
        if file not in self._known:
            self._known[file] = self.root.is_file(file)
        return self._known[file]

    async def open_table(self, kind: str, file: str, trusting: Trusting) -> Sequence[str]:
        return () if self._is_text(file) else await super().open_table(kind, file, trusting)

    async def find(self, kind: str, file: str, key: bytes) -> bytes | None:
        return self.texts.value(file, key) if self._is_text(file) else await super().find(kind, file, key)

    async def log(self, priority: str, text: str) -> None:
        """A test leaves nothing in the log of the machine."""

    def place_of(self, file: str, key: bytes) -> Span | None:
        return self.texts.place(file, key) if self._is_text(file) else None

    def keys(self, file: str) -> list[str]:
        """The keys of a text, in its order."""
        try:
            return [decode(key) for key in self.texts.entries(file)]
        except Unable:
            return []
