"""The .cf of a .mc, beside the real m4: the same bytes, but for the header's lines of user, host, folder and date.

The real one runs in a world where sendmail's packages are installed; ours reads the same library where it was unpacked.
"""

from __future__ import annotations

import os
import random
import re
from pathlib import Path

import pytest

from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.sendmail.mc.expansion import Expanded, expand_mc
from mailconf.sendmail.mc.library import Library, find_library
from mailconf.sendmail.mc.sandbox import Header
from tests.live.sendmail_world import LIBRARY, World

pytestmark = pytest.mark.live
EXAMPLE = Path(__file__).parents[2] / "examples/sendmail/etc/mail"
BUILT = re.compile(rb"^(##### (?:built by|in|using) ).*$", re.MULTILINE)
NO_OPTIONS = Header("user", "host", 0.0)
# Arguments that some of the features ask for; the others do without.
ARGUMENTS = {
    "bcc": ", `archive@example.com'",
    "dnsbl": ", `dnsbl.example.net'",
    "enhdnsbl": ", `dnsbl.example.net', `rejected', `t', `127.0.0.2.'",
    "msp": ", `[127.0.0.1]'",
    "nopercenthack": ", `reject'",
    "nouucp": ", `reject'",
    "nullclient": ", `hub.example.com'",
    "prefixmod": ", `1', `2'",
    "relay_mail_from": ", `domain'",
}


def library() -> Library:
    found = find_library(None, str(LIBRARY))
    assert found is not None, "sendmail's library of macros is not unpacked: tests/live/install-engines"
    return found


def masked(data: bytes) -> bytes:
    return BUILT.sub(rb"\1", data)


def ours(path: Path, root: Path | str = "/", **options: bool) -> tuple[Expanded, Sink]:
    sink = Sink()
    expanded = expand_mc(path, library(), sink, root=Root(root), header=NO_OPTIONS, **options)  # type: ignore[arg-type]
    assert expanded is not None
    return expanded, sink


def real(world: World, names: list[str], words: str = "") -> dict[str, tuple[bytes, str]]:
    """What m4 makes of files in /etc/mail, and what it says."""
    script = f'cd /etc/mail; for f; do m4 {words} "$f" >"$f.out" 2>"$f.err" || echo failed >>"$f.err"; done'
    world.run("sh", "-c", script, "m4", *names)
    mail = world.etc / "mail"
    return {name: ((mail / f"{name}.out").read_bytes(), (mail / f"{name}.err").read_text()) for name in names}


def same(world: World, names: list[str], words: str = "") -> int:
    """Compare files of /etc/mail; how many of them m4 has nothing to say about."""
    silent = 0
    for name, (cf, messages) in real(world, names, words).items():
        expanded, sink = ours(Path("/etc/mail", name), world.etc.parent)
        assert masked(expanded.cf) == masked(cf), name
        assert messages or len(cf) > 20_000, name
        assert bool(messages) == bool(len(sink)), f"{name}: {messages!r} {[str(d) for d in sink]}"
        assert all(d.span is not None for d in sink)
        silent += not messages
    return silent


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    (made.etc / "mail").mkdir()
    return made


def test_every_mc_of_the_library(world: World) -> None:
    names = sorted(path.name for path in LIBRARY.glob("cf/*.mc"))
    assert len(names) == 33
    for name in names:
        (world.etc / "mail" / name).write_bytes((LIBRARY / "cf" / name).read_bytes())
    assert same(world, names, "/usr/share/sendmail/cf/m4/cf.m4") > 10


def test_debians_own_files(world: World) -> None:
    mail = world.etc / "mail"
    (mail / "m4").mkdir()
    for name in ("dialup.m4", "provider.m4"):  # which the package's installation makes
        (mail / "m4" / name).write_text("dnl nothing yet\n")
    for name in ("sendmail.mc", "submit.mc"):
        (mail / name).write_bytes((LIBRARY / "debian" / name).read_bytes())
    assert same(world, ["sendmail.mc", "submit.mc"]) == 2


def test_our_example(world: World) -> None:
    (world.etc / "mail").rmdir()
    world.install(EXAMPLE)
    assert same(world, ["sendmail.mc", "submit.mc"]) == 2


def mc(*lines: str, ostype: str = "linux") -> str:
    start = ("include(`/usr/share/sendmail/cf/m4/cf.m4')dnl", f"OSTYPE(`{ostype}')dnl")
    return "\n".join([*start, *lines, ""])


def call(kind: str, name: str) -> str:
    return f"{kind}(`{name}'{ARGUMENTS.get(name, '')})dnl"


def write_generated(mail: Path) -> list[str]:
    """A .mc for each FEATURE, HACK, MAILER, DOMAIN and OSTYPE that there is."""
    names, mailers = library(), ("MAILER(`local')dnl", "MAILER(`smtp')dnl")
    texts = {}
    for name in names.available("feature"):
        texts[f"feature-{name}.mc"] = mc("FEATURE(`access_db')dnl", call("FEATURE", name), *mailers)
        texts[f"feature-{name}-alone.mc"] = mc(f"FEATURE(`{name}')dnl", *mailers)
    for name in names.available("hack"):
        texts[f"hack-{name}.mc"] = mc("FEATURE(`access_db')dnl", call("HACK", name), *mailers)
    for name in names.available("mailer"):
        others = [line for line in mailers if name not in line]
        texts[f"mailer-{name}.mc"] = mc(*others, call("MAILER", name))
    for name in names.available("domain"):
        texts[f"domain-{name}.mc"] = mc(call("DOMAIN", name), *mailers)
    for name in names.available("ostype"):
        texts[f"ostype-{name}.mc"] = mc(*mailers, ostype=name)
    for name, text in texts.items():
        (mail / name).write_text(text)
    return sorted(texts)


def test_every_feature_hack_mailer_domain_and_ostype(world: World) -> None:
    names = write_generated(world.etc / "mail")
    assert len(names) > 200
    assert same(world, names) > 150


def test_features_together(world: World) -> None:
    """Many at once, in any order, with settings and classes: most of these files are wrong in some way."""
    source = random.Random(8)
    names = library()
    features, hacks, mailers = (names.available(kind) for kind in ("feature", "hack", "mailer"))
    written = []
    for number in range(60):
        lines = [call("FEATURE", name) for name in source.sample(features, source.randrange(1, 25))]
        lines += [call("HACK", name) for name in source.sample(hacks, source.randrange(2))]
        lines += source.sample(SETTINGS, source.randrange(len(SETTINGS)))
        source.shuffle(lines)
        after = [call("MAILER", name) for name in source.sample(mailers, source.randrange(1, 6))]
        name = f"many-{number}.mc"
        (world.etc / "mail" / name).write_text(mc(*lines, *after))
        written.append(name)
    same(world, written)


SETTINGS = [
    "define(`confREAD_TIMEOUT', `5m')dnl",
    "define(`confAUTO_REBUILD', `True')dnl",
    "define(`SMART_HOST', `relay.example.net')dnl",
    "define(`MAIL_HUB', `hub.example.com')dnl",
    "define(`LUSER_RELAY', `local:postmaster')dnl",
    "define(`confDELIVERY_MODE', `deferred')dnl",
    "define(`x', eval(1 +))",
    "MASQUERADE_AS(`example.com')dnl",
    "MASQUERADE_DOMAIN(`example.com')dnl",
    "EXPOSED_USER(`root')dnl",
    "LOCAL_DOMAIN(`example.com example.org')dnl",
    "RELAY_DOMAIN(`example.net')dnl",
    "VIRTUSER_DOMAIN(`example.org')dnl",
    "GENERICS_DOMAIN(`example.com')dnl",
    "DAEMON_OPTIONS(`Name=MTA, Port=smtp')dnl",
    "CLIENT_OPTIONS(`Family=inet')dnl",
    "INPUT_MAIL_FILTER(`milter', `S=inet:8891@localhost, F=T')dnl",
    "TRUST_AUTH_MECH(`PLAIN LOGIN')dnl",
    "MODIFY_MAILER_FLAGS(`SMTP', `+R')dnl",
    "LOCAL_CONFIG\nKlist text /etc/mail/list",
    "LOCAL_RULE_0\nR$+ < @ special > $*\t$#local $: $1",
    "substr(`too few')",
    "QUEUE_GROUP(`slow', `P=/var/spool/mqueue/slow, I=1h')dnl",
]


def test_the_header_is_what_the_shell_would_write(world: World) -> None:
    """The words of the lines that other tests leave out."""
    (world.etc / "mail/x.mc").write_text(mc("MAILER(`local')dnl"))
    ((cf, _),) = real(world, ["x.mc"]).values()
    sink = Sink()
    theirs = [line for line in cf.splitlines() if BUILT.match(line)]
    who, when = theirs[0].split(b" on ")
    expanded = expand_mc("/etc/mail/x.mc", library(), sink, root=Root(world.etc.parent))
    assert expanded is not None
    mine = [line for line in expanded.cf.splitlines() if BUILT.match(line)]
    assert mine[1:] == theirs[1:]
    assert mine[0].split(b"@")[0] == who.split(b"@")[0]
    assert re.sub(rb"\d", b"0", mine[0].split(b" on ")[1][-13:]) == re.sub(rb"\d", b"0", when[-13:])
    assert os.uname().nodename.encode() in mine[0]
