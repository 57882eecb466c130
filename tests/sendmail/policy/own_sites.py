"""Sites of our own sendmail.cf, of parts chosen at random: their .mc, tables and class files, in a folder."""

from __future__ import annotations

from pathlib import Path

from mailconf.diagnostics import Sink
from mailconf.files import Memory, Root
from mailconf.maps.database.bdb_hash_writer import write_hash
from mailconf.sendmail.emit.own_library import own_library
from mailconf.sendmail.emit.render import own_cf
from mailconf.sendmail.mc.mc import read
from mailconf.sendmail.policy import SendmailPolicy
from mailconf.sendmail.policy.recipients_disk import DiskRecipientsWorld
from mailconf.sendmail.policy.recipients_world import RecipientsWorld
from mailconf.sendmail.rules.load import load
from mailconf.sendmail.rules.problems import Problems
from mailconf.source import Source
from tests.live.cf_sites import FILES, HEAD, SITES, TABLES, generated
from tests.sendmail.rules.rule_bench import FixedMachine

HOST = "mail.corp.test"
PASSWD = (
    "root:x:0:0:root:/root:/bin/sh\njoe:x:1001:1001:Joe User,,,:/home/joe:/bin/sh\n"
    "ann:x:1002:1002:Ann:/home/ann:/bin/sh\nbob:x:1003:1003:Bob:/home/bob:/bin/sh\n"
)


def texts(mixed: int, seed: int = 1) -> dict[str, str]:
    """The middles of .mc files: those written by hand that need nothing of a system's own, and generated ones."""
    others = ("freebsd", "debian", "cyrus", "redhat", "submit")
    return {name: text for name, text in {**SITES, **generated(mixed, seed)}.items() if name not in others}


class OwnSite:
    """One site below ``top``, where /m is its folder."""

    def __init__(self, top: Path, middle: str) -> None:
        self.root = Root(top)
        self.machine = FixedMachine(self.root, HOST)
        folder = top / "m"
        (folder / "queue").mkdir(parents=True)
        (top / "etc").mkdir()
        (top / "etc/passwd").write_text(PASSWD)
        (top / "etc/hosts").write_text(f"127.0.0.1 {HOST} localhost\n")
        for file, text in FILES.items():
            (folder / file).write_text(text)
        for table, entries in TABLES.items():
            self._write_map(folder / f"{table}.db", entries)
        names = dict(line.split(": ", 1) for line in FILES["aliases"].splitlines())
        self._write_map(folder / "aliases.db", names)
        mc = (HEAD + middle).replace("@/", "/m/")
        sink = Sink()
        expanded = read("/m/sendmail.mc", own_library(), sink, root=Memory({"/m/sendmail.mc": mc}))
        text = None if expanded is None else own_cf(expanded, sink)
        assert text is not None, list(map(str, sink))
        (folder / "sendmail.cf").write_bytes(text)
        for path in (folder, *folder.iterdir()):
            path.chmod(0o755 if path.is_dir() else 0o644)

    def _write_map(self, file: Path, entries: dict[str, str]) -> None:
        with file.open("xb") as output:
            write_hash(output, [key.lower().encode() for key in entries], [v.encode() for v in entries.values()])

    def policy(self, world: RecipientsWorld | None = None) -> SendmailPolicy:
        book = load(self.root, "/m/sendmail.cf", Problems(lambda problem: None), machine=self.machine)
        files = world or DiskRecipientsWorld(self.root, machine=self.machine)
        return SendmailPolicy(book, files, Source.read(self.root, "/m/sendmail.cf"))
