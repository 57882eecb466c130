"""What is stale in an /etc/mail, what is built from what, and a build that is killed. The library is one of ours."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import generations as g
import pytest
from system_calls import CHANGES, check_replaced, killed, recorded

from mailconf.build.apply import apply
from mailconf.build.compile_etc_mail import compile_etc_mail
from mailconf.build.etc_mail import EtcMail
from mailconf.build.generation import Store
from mailconf.build.plan import Target
from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.maps.registry import open_table
from mailconf.sendmail.mc.library import Library
from tests.sendmail.small_library import MC, write_library

TOP = Path(__file__).resolve().parents[2]
MAPS = ("access.db", "virtusertable.db", "aliases.db")
ENTRIES = 30


class Site:
    """An /etc/mail below ``top``, with the library beside it."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.mail = top / "etc/mail"
        self.library = write_library(top / "usr/share/sendmail/cf")

    @classmethod
    def make(cls, top: Path) -> Site:
        site = cls(top)
        site.mail.mkdir(parents=True, exist_ok=True)
        site.write(0)
        return site

    def write(self, generation: int, entries: int = ENTRIES) -> None:
        """Sources that all say which generation they are of."""
        mail = self.mail
        (mail / "sendmail.mc").write_text(f"{MC}MAILER(`generation{generation}')\n")
        (mail / "access").write_text("".join(f"Connect:192.0.2.{n}\tERROR:550 {generation}\n" for n in range(entries)))
        (mail / "virtusertable").write_text(
            "".join(f"u{n}@example.org\tgeneration{generation}\n" for n in range(entries))
        )
        (mail / "aliases").write_text("".join(f"u{n}: generation{generation}\n" for n in range(entries)))

    def etc_mail(self) -> EtcMail:
        return EtcMail("/etc/mail", Root(self.top), self.library)

    def plan(self, sink: Sink | None = None, **options: object) -> dict[str, str]:
        """Why each target is stale, by its name."""
        targets = self.etc_mail().plan(Sink() if sink is None else sink, **options)  # type: ignore[arg-type]
        return {target.target.name: target.reason for target in targets}

    def stale(self) -> dict[str, str]:
        return {name: reason for name, reason in self.plan().items() if reason}

    def build(
        self,
        step: Callable[[str], None] = lambda name: None,
        *,
        sink: Sink | None = None,
        etc_mail: EtcMail | None = None,
    ) -> str:
        """Build what is stale; what became of an earlier, interrupted build."""
        sink = Sink() if sink is None else sink
        store, etc_mail = Store("/etc/mail", Root(self.top), step), etc_mail or self.etc_mail()
        with store.locked():
            result = store.recover()
            stale = [target for target in etc_mail.plan(sink) if target.reason]
            built = compile_etc_mail(etc_mail, stale, sink)
            if not sink.failed:
                apply(built, store, sink)
        return result

    def settle(self, name: str) -> None:
        """Let so much time pass, as far as can be seen, since a file was written that its status is to be trusted."""
        path = self.mail / name if not name.startswith("/") else Path(name)
        os.utime(path, (path.stat().st_mtime - 10,) * 2)

    def generations(self) -> set[str]:
        """The generations that what is built is of. AssertionError where a file is not whole."""
        cf = (self.mail / "sendmail.cf").read_text()
        assert cf.endswith("Kvirtuser hash -o /etc/mail/virtusertable\n")
        found = {cf.partition("Mthe generation")[2].partition(" ")[0]}
        for name in MAPS:
            table = open_table(f"hash:/etc/mail/{name.removesuffix('.db')}", Root(self.top))
            values = {value for key, value in table.entries() if key.strip(b"\0") != b"@"}
            table.close()
            (value,) = values
            found.add(value.strip(b"\0").decode().removeprefix("generation").removeprefix("ERROR:550 "))
        return found


OWN_MC = """\
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`linux')dnl
FEATURE(`access_db')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site.make(tmp_path)
    made.build()
    return made


def later(path: Path, than: Path) -> None:
    at = than.stat().st_mtime + 3600
    os.utime(path, (at, at))


def test_first_everything_then_nothing(tmp_path: Path) -> None:
    site = Site.make(tmp_path)
    assert site.plan() == {
        "sendmail.cf": "no sendmail.cf yet",
        "access.db": "no map yet",
        "virtusertable.db": "no map yet",
        "aliases.db": "no map yet",
    }
    site.build()
    assert site.generations() == {"0"}
    assert site.stale() == {}
    assert g.leftovers(site.top) == []


def test_modes(site: Site) -> None:
    modes = {name: (site.mail / name).stat().st_mode & 0o777 for name in ("sendmail.cf", *MAPS)}
    assert modes == {"sendmail.cf": 0o644, **dict.fromkeys(MAPS, 0o640)}
    (site.mail / "access.db").chmod(0o644)
    site.write(1)
    site.build()
    assert (site.mail / "access.db").stat().st_mode & 0o777 == 0o644


def test_the_folders_group_is_a_new_files(tmp_path: Path) -> None:
    site = Site.make(tmp_path)
    site.mail.chmod(0o2755)
    site.build()
    assert {(site.mail / name).stat().st_gid for name in ("sendmail.cf", *MAPS)} == {site.mail.stat().st_gid}


def test_touched(site: Site) -> None:
    later(site.mail / "access", site.mail / "access.db")
    later(site.mail / "sendmail.mc", site.mail / "sendmail.cf")
    assert site.stale() == {"sendmail.cf": "the source is newer", "access.db": "the source is newer"}


def test_an_include_and_the_library_touched(site: Site) -> None:
    (site.mail / "site.m4").write_text("dnl\n")
    with (site.mail / "sendmail.mc").open("a") as file:
        file.write("include(`site.m4')dnl\n")
    site.build()
    assert site.stale() == {}
    later(site.mail / "site.m4", site.mail / "sendmail.cf")
    assert site.stale() == {"sendmail.cf": "/etc/mail/site.m4 is newer"}
    site.settle("site.m4")
    os.utime(site.mail / "site.m4", (1, 1))
    assert site.stale() == {}
    feature = Path(site.library.folder, "feature/access_db.m4")
    later(feature, site.mail / "sendmail.cf")
    assert site.stale() == {"sendmail.cf": "/usr/share/sendmail/cf/feature/access_db.m4 is newer"}


def test_other_contents_though_not_newer(site: Site) -> None:
    for name, text in (("access", "x\ty\n"), ("sendmail.mc", MC)):
        (site.mail / name).write_text(text)
        os.utime(site.mail / name, (1, 1))
    assert site.stale() == {"sendmail.cf": "the source has changed", "access.db": "the source has changed"}


def test_a_library_of_another_version(site: Site) -> None:
    """As a package upgrade leaves it: files with the dates of their making."""
    feature = Path(site.library.folder, "feature/access_db.m4")
    feature.write_text(feature.read_text().replace("hash -o", "hash"))
    os.utime(feature, (1, 1))
    assert site.stale() == {"sendmail.cf": "/usr/share/sendmail/cf/feature/access_db.m4 has changed"}
    feature.unlink()
    sink = Sink()
    assert "sendmail.cf" in site.plan(sink)
    assert any("cannot open" in found.message for found in sink)


def test_a_file_that_was_sought_and_comes(site: Site) -> None:
    with (site.mail / "sendmail.mc").open("a") as file:
        file.write("sinclude(`local.m4')dnl\n")
    site.build()
    (site.mail / "local.m4").write_text("dnl\n")
    os.utime(site.mail / "local.m4", (1, 1))
    assert site.stale() == {"sendmail.cf": "/etc/mail/local.m4 has changed"}


def test_without_a_library_tables_are_built_all_the_same(site: Site) -> None:
    shutil.rmtree(site.library.folder)
    later(site.mail / "access", site.mail / "access.db")
    etc_mail, sink = EtcMail("/etc/mail", Root(site.top), None), Sink()
    assert [t.target.name for t in etc_mail.plan(sink) if t.reason] == ["access.db"]
    assert not list(sink)
    later(site.mail / "sendmail.mc", site.mail / "sendmail.cf")
    etc_mail.plan(sink)
    (found,) = sink  # our own .cf has no such MAILER
    assert found.code == "SM051" and "sendmail's library" in found.hint
    sink = Sink()
    EtcMail("/etc/mail", Root(site.top), None, only=True).plan(sink)
    (found,) = sink
    assert found.code == "SM901" and "sendmail-cf" in found.hint


def test_a_cf_of_our_own(site: Site) -> None:
    (site.mail / "sendmail.mc").write_text(OWN_MC)
    later(site.mail / "sendmail.mc", site.mail / "sendmail.cf")
    for own, codes in ((True, []), (False, ["SM055"])):
        etc_mail = EtcMail("/etc/mail", Root(site.top), site.library if own else None, own=own)
        if not own:
            shutil.rmtree(site.library.folder)
        sink = Sink()
        (target,) = (t for t in etc_mail.plan(sink) if t.reason and t.target.name == "sendmail.cf")
        assert [d.code for d in sink] == codes
        expanded = etc_mail.expand(target.source, Sink())
        assert expanded is not None and b"\nSparse=0\n" in expanded.cf
        assert [read.name for read in expanded.reads] == ["/etc/mail/sendmail.mc"]


def test_a_cf_is_stale_when_the_library_has_come_or_gone(site: Site) -> None:
    def reason(library: Library | None, *, own: bool = False) -> str:
        etc_mail = EtcMail("/etc/mail", Root(site.top), library, own=own)
        (target,) = (t for t in etc_mail.plan(Sink()) if t.target.name == "sendmail.cf")
        return target.reason

    (site.mail / "sendmail.mc").write_text(OWN_MC)
    site.build()
    with_library = "it was built with sendmail's library of m4 macros"
    assert reason(site.library) == ""
    assert reason(site.library, own=True) == with_library
    kept = site.top / "kept"
    shutil.move(site.library.folder, kept)
    assert reason(None) == with_library
    site.build(etc_mail=EtcMail("/etc/mail", Root(site.top), None))
    assert reason(None) == reason(None, own=True) == ""
    shutil.move(kept, site.library.folder)
    assert reason(site.library) == "it was built without sendmail's library of m4 macros"
    assert reason(site.library, own=True) == ""


def test_a_cf_that_our_own_cannot_replace_stays_when_the_library_has_gone(site: Site) -> None:
    shutil.rmtree(site.library.folder)
    (target,) = (t for t in EtcMail("/etc/mail", Root(site.top), None).plan(Sink()) if t.target.name == "sendmail.cf")
    assert target.reason == ""


def test_what_somebody_else_has_changed(site: Site) -> None:
    shutil.copyfile(site.mail / "virtusertable.db", site.mail / "access.db")
    (site.mail / "sendmail.cf").write_text("Kaccess hash /etc/mail/access\n")
    targets = {t.target.name: t for t in site.etc_mail().plan(Sink())}
    assert {name: t.foreign for name, t in targets.items()} == {
        "sendmail.cf": True,
        "access.db": True,
        "virtusertable.db": False,
        "aliases.db": False,
    }
    assert not any(t.reason for t in targets.values())


def test_a_map_that_is_declared_on_two_lines_is_built(site: Site) -> None:
    """As sendmail reads it: `Kwatch hash', then a tab and the rest."""
    with (site.mail / "sendmail.mc").open("a") as file:
        file.write("LOCAL_CONFIG\nKwatch hash\n\t-o /etc/mail/watch\nKlist btree\n\t-o\n\t-N /etc/mail/lists rest\n")
    for name in ("watch", "lists"):
        (site.mail / name).write_text("key\tvalue\n")
    site.build()
    assert {t.table: t.nul for t in site.etc_mail().plan(Sink()) if t.type != "cf" and not t.reason} == {
        "hash:/etc/mail/access": False,
        "hash:/etc/mail/virtusertable": False,
        "hash:/etc/mail/aliases": True,
        "hash:/etc/mail/watch": False,
        "btree:/etc/mail/lists": True,
    }


def test_tables_by_traditional_names_and_by_the_cf(site: Site) -> None:
    (site.mail / "mailertable").write_text("example.net\tsmtp:x\n")
    (site.mail / "userdb").write_text("bob:maildrop\tbob@example.net\n")
    with (site.mail / "sendmail.mc").open("a") as file:
        file.write("LOCAL_CONFIG\nKlist btree -N /etc/mail/lists\nO UserDatabaseSpec=/etc/mail/users.db\n")
        file.write("O AliasFile=/etc/mail/aliases,hash:/etc/mail/more, ldap:x\n")
    for name in ("lists", "users", "more"):
        (site.mail / name).write_text("key: value\n" if name == "more" else "key\tvalue\n")
    etc_mail = site.etc_mail()
    types = {t.table: t.nul for t in etc_mail.plan(Sink())}
    assert types == {
        "/etc/mail/sendmail.cf": None,
        "hash:/etc/mail/access": False,
        "hash:/etc/mail/virtusertable": False,
        "btree:/etc/mail/lists": True,
        "btree:/etc/mail/users": False,
        "hash:/etc/mail/aliases": True,
        "hash:/etc/mail/more": False,
        "hash:/etc/mail/mailertable": False,
        "btree:/etc/mail/userdb": False,
    }
    site.build()
    lists = open_table("btree:/etc/mail/lists", Root(site.top))
    assert dict(lists.entries()) == {b"key\0": b"value\0"} or lists.lookup(b"key") == b"value"


def test_a_source_that_is_missing(site: Site) -> None:
    with (site.mail / "sendmail.mc").open("a") as file:
        file.write("LOCAL_CONFIG\nKlist hash /etc/mail/lists\nKother hash -o /etc/mail/others\n")
    sink = Sink()
    assert "lists.db" not in site.plan(sink)
    (found,) = sink
    assert found.code == "BD001" and found.span is not None
    assert (found.span.source.name, found.span.line) == (str(site.mail / "sendmail.mc"), 8)
    (site.mail / "lists.db").write_bytes(b"built elsewhere")
    sink = Sink()
    site.plan(sink)
    assert not list(sink)


def test_one_table_as_two_types(site: Site) -> None:
    with (site.mail / "sendmail.mc").open("a") as file:
        file.write("LOCAL_CONFIG\nKlist btree /etc/mail/access\n")
    sink = Sink()
    site.plan(sink)
    assert [found.code for found in sink] == ["BD005"]


def test_another_map_type(site: Site) -> None:
    sink = Sink()
    plan = site.plan(sink, map_type="btree")
    assert plan["access.db"] == "the map's type was hash"
    assert {found.code for found in sink} == {"BD004"}
    places = {(Path(found.span.source.name).name, found.span.line) for found in sink if found.span}
    assert places == {("sendmail.mc", 3), ("sendmail.mc", 4), ("sendmail.cf", 8)}  # AliasFile is the library's
    sink = Sink()
    assert "access.cdb" in site.plan(sink, map_type="cdb")


def test_a_sendmail_cf_without_a_mc(site: Site) -> None:
    (site.mail / "sendmail.mc").unlink()
    later(site.mail / "access", site.mail / "access.db")
    assert site.plan() == {"access.db": "the source is newer", "virtusertable.db": "", "aliases.db": ""}


def test_every_mc_is_built(site: Site) -> None:
    (site.mail / "submit.mc").write_text(MC)
    (site.mail / "other.mc").write_text(MC)
    (site.mail / ".hidden.mc").write_text("broken(")
    assert list(site.stale()) == ["other.cf", "submit.cf"]


def test_one_file_that_is_asked_for(site: Site) -> None:
    (site.mail / "sendmail.mc").write_text("broken(")
    later(site.mail / "access", site.mail / "access.db")
    sink = Sink()
    assert site.plan(sink, names=["access.db"])["access.db"] == "the source is newer"
    assert not list(sink)
    site.plan(sink, names=["sendmail.cf"])
    assert sink.failed


def test_a_mistake_keeps_everything(site: Site) -> None:
    site.write(1)
    with (site.mail / "aliases").open("a") as file:
        file.write("no colon\n")
    with (site.mail / "access").open("a") as file:
        file.write("Connect:192.0.2.1\tREJECT\n")
    sink = Sink()
    site.build(sink=sink)
    assert {found.code for found in sink} == {"TB052", "BD012"}
    assert site.generations() == {"0"}


def test_an_expansion_is_carried_out_once(site: Site) -> None:
    site.write(1)
    etc_mail = site.etc_mail()
    source = site.mail / "sendmail.mc"
    first = etc_mail.expand(source, Sink())
    assert etc_mail.expand(source, Sink()) is first
    site.write(2)
    assert etc_mail.expand(source, Sink()) is not first


# -- a build that is killed


def test_killed_at_every_step(site: Site) -> None:
    results, at = [], 0
    site.write(1)
    while g.killed(lambda step: site.build(step), at):
        results.append(recover(site))
        assert len(site.generations()) == 1
        assert g.leftovers(site.top) == []
        site.write(2 + at)
        at += 1
    assert at > 20
    assert {"completed", "undone"} <= set(results)
    site.build()
    assert len(site.generations()) == 1


def recover(site: Site) -> str:
    store = Store("/etc/mail", Root(site.top))
    with store.locked():
        return store.recover()


def test_killed_at_random_moments(tmp_path: Path) -> None:
    """A process that builds one generation after the other, killed again and again: every file is whole at any time."""
    dice = random.Random(5)
    site = Site.make(tmp_path)
    site.build()

    def work() -> None:
        for generation in (2 * round_, 2 * round_ + 1):
            site.write(generation)
            site.build()

    round_ = 1
    whole = sum(call.name in CHANGES for call in recorded(work))
    settled = []
    for round_ in range(2, 14):
        watch = site.generations if round_ < 5 else lambda: None
        was_killed, _ = killed(work, dice.randrange(whole), watch)
        assert was_killed
        site.generations()
        settled.append(recover(site))
        assert len(site.generations()) == 1
        assert g.leftovers(site.top) == []
    assert {"completed", "undone"} <= set(settled)


def test_every_file_of_a_build_is_durable(site: Site) -> None:
    site.write(1)
    calls = recorded(site.build)
    for name in ("sendmail.cf", *MAPS, ".mailconf/state.json", ".mailconf/journal.json"):
        check_replaced(calls, site.mail / name)


def test_targets_are_called_by_file_and_source() -> None:
    target = Target("hash:/etc/mail/access", "hash", Path("/r/etc/mail/access"), Path("/r/etc/mail/access.db"), (), "")
    for name in ("access", "access.db", "/etc/mail/access", "/r/etc/mail/access.db", "mail/access"):
        assert target.is_called(name)
    for name in ("ccess", "access.d", "etc", "xaccess"):
        assert not target.is_called(name)


def test_a_cf_that_sendmail_does_not_take_is_not_built(site: Site) -> None:
    """sendmail 8.17.1.9: unknown configuration line, exit status 70."""
    before = (site.mail / "sendmail.cf").read_bytes()
    (site.mail / "sendmail.mc").write_text(MC.replace("OSTYPE(`linux')dnl\n", "OSTYPE(`linux')\n  dnl\n"))
    sink = Sink()
    site.build(sink=sink)
    assert [(d.code, d.span and d.span.first) for d in sink] == [("SM023", (3, 1))]
    assert (site.mail / "sendmail.cf").read_bytes() == before


def test_a_map_whose_line_is_continued(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.mail.mkdir(parents=True)
    (site.mail / "sendmail.cf").write_text("V10\nKown\n\thash\n\t/etc/mail/own\n")
    (site.mail / "own").write_text("a b\n")
    assert site.plan() == {"own.db": "no map yet"}
