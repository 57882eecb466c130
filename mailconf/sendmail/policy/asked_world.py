"""A `RecipientsWorld` over what a Policy is handed: the DNS by its `Ask`, files by a world of the rules' own."""

from __future__ import annotations

from collections.abc import Sequence

from mailconf.model.recipient import Identity
from mailconf.model.trace import of_file
from mailconf.model.world import Ask, Outcome, Records, User
from mailconf.sendmail.policy.recipients_world import CannotRead, FileRules, FreeSpace, RecipientsWorld, UserFile
from mailconf.sendmail.rules.resolv_conf import Patience
from mailconf.sendmail.rules.world import REFUSES, SERVFAIL, Ran, Trusting, Unable
from mailconf.source import Span


class AskedWorld:
    """See the module. ``ask`` is that of the question at hand; every answer is written into its trace.

    files  answers what is in files, and names the users
    """

    def __init__(self, files: RecipientsWorld) -> None:
        self.files = files
        self.ask: Ask | None = None

    def _note(self, subject: str, detail: str, result: str, span: Span | None = None) -> None:
        if self.ask is not None:
            self.ask.trace.add(subject, detail, result, span)

    async def open_table(self, kind: str, file: str, trusting: Trusting) -> Sequence[str]:
        return await self.files.open_table(kind, file, trusting)

    async def find(self, kind: str, file: str, key: bytes) -> bytes | None:
        table, shown = f"{kind}:{file}", key.rstrip(b"\0").decode("latin-1")
        try:
            found = await self.files.find(kind, file, key)
        except Unable as failure:
            self._note(table, shown, f"temporary failure: {failure.reason}")
            raise
        if found is None:
            self._note(table, shown, "not found")
        else:
            self._note(table, shown, found.rstrip(b"\0").decode("latin-1"), self.files.place_of(file, key))
        return found

    async def read(self, file: str, trusting: Trusting) -> tuple[bytes, Sequence[str]]:
        return await self.files.read(file, trusting)

    async def free_space(self, folder: str) -> FreeSpace | None:
        return await self.files.free_space(folder)

    async def changed(self, file: str) -> float | None:
        return await self.files.changed(file)

    async def hosts(self) -> bytes:
        return await self.files.hosts()

    async def services(self, service: str) -> Sequence[str]:
        return await self.files.services(service)

    async def dns(self, name: str, kind: str, patience: Patience | None = None) -> Records:
        if self.ask is None:
            return await self.files.dns(name, kind, patience)
        folded = name.lower().rstrip(".")
        if not folded.isascii() or not folded:
            return Records(Outcome.ABSENT, nxdomain=True)
        records = await self.ask.dns(folded, kind)
        if records.outcome is Outcome.FAILED:
            refused = "refused" in records.reason.lower()
            return records._replace(reason=REFUSES if refused else SERVFAIL)
        return records

    async def search_domains(self) -> Sequence[str]:
        return await self.files.search_domains()

    async def address_name(self, address: str) -> str | None:
        return await self.files.address_name(address)

    async def user(self, name: str) -> User | None:
        if self.ask is None:
            return await self.files.user(name)
        return await self.ask.user(name)

    async def account(self, uid: int) -> User | None:
        return await self.files.account(uid)

    async def user_file(self, file: str, reader: Identity, login: str, rules: FileRules) -> UserFile:
        try:
            found = await self.files.user_file(file, reader, login, rules)
        except CannotRead as failure:
            if not failure.missing:
                self._note("file", file, failure.reason)
            raise
        self._note("file", file, of_file(found.text))
        return found

    def place_of(self, file: str, key: bytes) -> Span | None:
        return self.files.place_of(file, key)

    async def full_names(self) -> Sequence[tuple[str, str]]:
        return await self.files.full_names()

    async def run(self, command: Sequence[str]) -> Ran:
        return await self.files.run(command)

    async def ask_socket(self, address: str, request: bytes, timeout: float) -> bytes:
        return await self.files.ask_socket(address, request, timeout)

    async def log(self, priority: str, text: str) -> None:
        await self.files.log(priority, text)

    def now(self) -> float:
        return self.files.now()
