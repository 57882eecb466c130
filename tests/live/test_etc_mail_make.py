"""``make -C /etc/mail`` by our Makefile and by the one that Debian's sendmail-base makes, on the same edits.

Both run in worlds where sendmail's packages are installed, each on a copy of examples/sendmail/etc/mail. After every
edit the same targets have changed, and hold the same. Behind mistakes the two part, which is the point of ours: it
exits with 2 (make's own), names the line, and keeps every file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mailconf.files import Root
from mailconf.maps.registry import open_table
from tests.live.map_tools import dump
from tests.live.sendmail_world import LIBRARY, World, mailconf_words

pytestmark = pytest.mark.live
EXAMPLE = Path(__file__).parents[2] / "examples/sendmail/etc/mail"
TARGETS = (
    *("sendmail.cf", "submit.cf", "access.db", "virtusertable.db", "genericstable.db", "mailertable.db"),
    *("domaintable.db", "aliases.db"),
)
BUILT = re.compile(rb"^##### (?:built by|in|using) .*$", re.MULTILINE)
# What each source gets appended in an edit, what in a mistake, and the targets that depend on it.
SOURCES = {
    "access": ("Connect:203.0.113\tREJECT\n", "no-value\n", {"access.db"}),
    "virtusertable": ("new@example.org\tbob\n", " leading@example.org\tbob\n", {"virtusertable.db"}),
    "genericstable": ("carol\tcarol.clark@example.com\n", "carol\n", {"genericstable.db"}),
    "mailertable": ("other.example\tsmtp:[mx.other.example]\n", "partner.example\tsmtp:again\n", {"mailertable.db"}),
    "domaintable": ("example.info\texample.com\n", "\texample.com\n", {"domaintable.db"}),
    "aliases": ("carol: bob\n", "no colon here\n", {"aliases.db"}),
    "sendmail.mc": ("define(`SMART_HOST', `relay.example.net')dnl\n", "FEATURE(`nosuch')dnl\n", {"sendmail.cf"}),
    "submit.mc": ("define(`confLOG_LEVEL', `10')dnl\n", "OSTYPE(`linux')dnl\n", {"submit.cf"}),
    "m4/site.m4": ("define(`confDIAL_DELAY', `10s')dnl\n", "define(`x', eval(1 +))x\n", {"sendmail.cf"}),
}
CLASS_FILES = ("local-host-names", "relay-domains", "trusted-users", "generics-domains", "virtuser-domains")


class Side:
    """One of the two: a world, the command, and what is in its /etc/mail."""

    def __init__(self, world: World, mail: Path, command: list[str]) -> None:
        self.world = world
        self.mail = mail
        self.command = command

    def make(self, *targets: str, status: int | None = 0) -> str:
        done = self.world.run(*self.command, *targets, status=status)
        assert status is None or done.returncode == status, done.stderr
        return done.stdout + done.stderr

    def times(self) -> dict[str, int]:
        return {name: (self.mail / name).stat().st_mtime_ns for name in TARGETS if (self.mail / name).exists()}

    def contents(self) -> dict[str, object]:
        return {name: content(self.mail / name) for name in TARGETS}

    def changed_by(self, action: Callable[[], object]) -> set[str]:
        """The targets that are other files after ``action``."""
        before = self.times()
        action()
        after = self.times()
        return {name for name in TARGETS if before.get(name) != after.get(name)}


def content(path: Path) -> object:
    if not path.exists():
        return None
    if path.suffix == ".db":
        return sorted(dump(path))
    text = BUILT.sub(b"", path.read_bytes())
    # Debian's Makefile puts the .mc behind the .cf, in comments.
    return text.partition(b"### /etc/mail/%b.mc ###\n" % path.stem.encode())[0]


def install(world: World) -> Path:
    mail = world.install(EXAMPLE)
    # Debian's Makefile gives the alias map to this user, and newaliases refuses a map of someone it does not trust.
    with (mail / "m4/site.m4").open("a") as file:
        file.write("define(`confTRUSTED_USER', `smmta')dnl\n")
    return mail


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Side, Side]:
    """The original and ours, both built for the first time."""
    original = World(tmp_path / "original")
    mail = install(original)
    (mail / "sendmail.conf").write_text('HANDS_OFF="No";\n')
    original.shell("/usr/share/sendmail/parse_mc && /usr/share/sendmail/update_mk")
    theirs = Side(original, mail, ["make", "-C", "/etc/mail"])
    theirs.make()
    world = World(tmp_path / "ours")
    mail = install(world)
    (mail / "Makefile").write_text(world.mailconf("makefile", "/etc/mail").stdout)
    ours = Side(world, mail, ["make", "-C", "/etc/mail", f"MAILCONF={' '.join(mailconf_words([]))}"])
    ours.make()
    assert set(theirs.times()) == set(ours.times()) == set(TARGETS)
    return theirs, ours


def append(side: Side, name: str, text: str) -> None:
    with (side.mail / name).open("a") as file:
        file.write(text)


def test_both_build_the_same(sides: tuple[Side, Side]) -> None:
    theirs, ours = sides
    assert ours.contents() == theirs.contents()
    assert all(ours.contents().values())
    access = open_table("hash:/etc/mail/access", Root(ours.world.etc.parent))
    assert access.lookup(b"connect:localhost") == b"RELAY"


def test_nothing_to_do(sides: tuple[Side, Side]) -> None:
    for side in sides:
        assert side.changed_by(side.make) == set()


@pytest.mark.parametrize("name", SOURCES)
def test_touch_and_edit(sides: tuple[Side, Side], name: str) -> None:
    for step in ("touch", "edit"):
        changed = []
        for side in sides:
            if step == "touch":
                os.utime(side.mail / name)
            else:
                append(side, name, SOURCES[name][0])
            changed.append(side.changed_by(side.make))
        assert changed == [SOURCES[name][2]] * 2, step
    theirs, ours = sides
    assert ours.contents() == theirs.contents()


@pytest.mark.parametrize("name", CLASS_FILES)
def test_class_files_are_read_when_sendmail_starts(sides: tuple[Side, Side], name: str) -> None:
    for side in sides:
        append(side, name, "more.example\n")
        assert side.changed_by(side.make) == set()


@pytest.mark.parametrize("name", SOURCES)
def test_a_mistake(sides: tuple[Side, Side], name: str) -> None:
    """Theirs installs what is left; ours keeps everything, and says where the mistake is; mended, both are the same."""
    theirs, ours = sides
    good = (ours.mail / name).read_text()
    for side in sides:
        append(side, name, SOURCES[name][1])
    assert theirs.changed_by(theirs.make) == SOURCES[name][2]
    told: list[str] = []
    assert ours.changed_by(lambda: told.append(ours.make(status=2))) == set()
    line = good.count("\n") + 1
    assert f"/etc/mail/{name}:{line}:" in told[0], told[0]
    for side in sides:
        (side.mail / name).write_text(good)
        side.make()
    assert ours.contents() == theirs.contents()


@pytest.mark.parametrize("target", ["access", "access.db", "access_db", "aliases", "newaliases", "sendmail.cf"])
def test_one_target_is_built_in_any_case(sides: tuple[Side, Side], target: str) -> None:
    changed = [side.changed_by(lambda side=side: side.make(target)) for side in sides]  # type: ignore[misc]
    assert len(changed[0]) == 1 and changed[0] == changed[1]
    assert sides[0].contents() == sides[1].contents()


def test_one_target_by_its_path_is_built_when_it_is_stale(sides: tuple[Side, Side]) -> None:
    for side in sides:
        path = "/etc/mail/mailertable.db"
        assert side.changed_by(lambda side=side, path=path: side.make(path)) == set()  # type: ignore[misc]
        os.utime(side.mail / "mailertable")
        assert side.changed_by(lambda side=side, path=path: side.make(path)) == {"mailertable.db"}  # type: ignore[misc]


def test_a_table_of_another_name(sides: tuple[Side, Side]) -> None:
    for side in sides:
        (side.mail / "list").write_text("Key\tvalue\n")
        side.make("list.db")
        assert dump(side.mail / "list.db") == [(b"key", b"value")]


def test_clean_and_again(sides: tuple[Side, Side]) -> None:
    before = sides[0].contents()
    for side, kept in zip(sides, ({"sendmail.cf"}, {"sendmail.cf", "submit.cf"}), strict=True):
        side.make("clean")
        assert set(side.times()) == kept
        side.make()
        assert side.contents() == before


def test_the_service_is_the_scripts(sides: tuple[Side, Side]) -> None:
    for side in sides:
        script = side.world.etc / "init.d/sendmail"
        script.parent.mkdir(exist_ok=True)
        script.write_text('#!/bin/sh\necho "the script was told to $1"\n')
        script.chmod(0o755)
        for word in ("start", "stop", "restart", "reload", "status", "mailq", "runq"):
            assert f"the script was told to {word}\n" in side.make(word)


def test_the_makefile_makes_itself(sides: tuple[Side, Side]) -> None:
    _, ours = sides
    before = (ours.mail / "Makefile").read_text()
    (ours.mail / "authinfo").write_text('AuthInfo:mx.example.net\t"U:us"\n')
    ours.make("makefile")
    after = (ours.mail / "Makefile").read_text()
    assert "authinfo.db" in after and "authinfo.db" not in before


def test_debians_own_configuration(tmp_path: Path) -> None:
    """The .mc files of the package, too, become what they become there."""
    sides = []
    for name in ("original", "ours"):
        world = World(tmp_path / name)
        mail = world.install(EXAMPLE)
        for file in ("dialup.m4", "provider.m4"):
            (mail / "m4" / file).write_text("dnl\n")
        for file in ("sendmail.mc", "submit.mc"):
            (mail / file).write_bytes((LIBRARY / "debian" / file).read_bytes())
        sides.append((world, mail))
    (theirs, mail), (ours, _) = sides
    (mail / "sendmail.conf").write_text('HANDS_OFF="No";\n')
    theirs.shell("/usr/share/sendmail/parse_mc && /usr/share/sendmail/update_mk && make -C /etc/mail")
    ours.mailconf("build", "/etc/mail")
    for name in ("sendmail.cf", "submit.cf", "access.db", "aliases.db"):
        assert content(sides[1][1] / name) == content(mail / name), name


def test_the_example_is_in_order_and_explained(tmp_path: Path) -> None:
    world = World(tmp_path)
    mail = world.install(EXAMPLE)
    world.mailconf("build", "/etc/mail")
    assert world.mailconf("check", "/etc/mail").stdout == "/etc/mail: 0 errors, 0 warnings\n"
    lines = (mail / "sendmail.cf").read_text().split("\n")
    number = next(n for n, line in enumerate(lines, 1) if line.startswith("Kaccess "))
    told = world.mailconf("m4", "--explain", str(number), "/etc/mail/sendmail.mc").stdout
    assert told.startswith(f"{number}: Kaccess hash -T<TMPF> -o /etc/mail/access\n")
    line = (
        (mail / "sendmail.mc")
        .read_text()
        .split("\n")
        .index("FEATURE(`access_db', `hash -T<TMPF> -o /etc/mail/access')dnl")
    )
    assert f"included `/usr/share/sendmail/cf/feature/access_db.m4' at /etc/mail/sendmail.mc:{line + 1}:1\n" in told
    assert "expansion of `FEATURE' (defined at /usr/share/sendmail/cf/m4/cfhead.m4:" in told
