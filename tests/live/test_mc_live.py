"""The reader of .mc files and the expander, on every .mc of the library and one for each of its parts."""

from __future__ import annotations

import itertools
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mailconf.check.sendmail.mc import check_mc
from mailconf.diagnostics import Sink
from mailconf.sendmail.cf.maps import COMPUTED_TYPES
from mailconf.sendmail.cf.quotes import end_of_value, unquoted
from mailconf.sendmail.configuration import read
from mailconf.sendmail.mc.expansion import Call as Expanded
from mailconf.sendmail.mc.expansion import expand_mc
from mailconf.sendmail.mc.tree import Call, Document, Kind, parse
from mailconf.sendmail.site import site_of
from mailconf.source import Source, decode, encode
from tests.live.mc_files import FOLDER, LIBRARY, generated, library_files
from tests.sendmail.mc_mistakes import FRAME, MISTAKES, Mistake

pytestmark = pytest.mark.live
TEXTS = generated()


def called(path: Path) -> list[Expanded]:
    expanded = expand_mc(path, LIBRARY, Sink(), record=True)
    assert expanded is not None
    return [call for call in expanded.calls if call.place.file[0].name == path.name.encode()]


def check(path: Path) -> None:
    """The calls in the file's own text; and in an ifdef's branch, those of one of its arguments."""
    text = decode(path.read_bytes())
    sink = Sink()
    document = parse(Source(str(path), text), sink)
    assert not len(sink)
    assert document.text == text
    calls = called(path)
    direct = [(c.name, c.place.file[1]) for c in calls if c.depth == 0]
    assert [(name_of(n), len(encode(text[: n.span.start]))) for n in document.walk()] == direct
    for node in document.calls():
        if node.name in ("ifdef", "ifelse"):
            branch = [c.name for c in calls if c.depth == 1 and c.place.block.name.decode() == node.name
                      and c.place.file[1] == len(encode(text[: node.span.start]))]  # fmt: skip
            assert branch in ([], *branches(document, node))


def name_of(node: object) -> str:
    return node.name if isinstance(node, Call) else "dnl"


def branches(document: Document, node: Call) -> list[list[str]]:
    quoted = [n for argument in node.arguments or () for n in argument.nodes if n.kind is Kind.QUOTED]
    return [[name_of(inner) for inner in document.inside(n).walk()] for n in quoted]


@pytest.mark.parametrize("path", library_files(), ids=lambda path: path.name)
def test_the_reader_agrees_with_the_expander_on_the_librarys_files(path: Path) -> None:
    check(path)


def test_every_part_of_the_library_is_asked_for() -> None:
    assert len(list(FOLDER.glob("cf/*.mc"))) == 33
    for kind in ("feature", "hack", "mailer", "ostype", "domain"):
        assert {f"{kind}-{name}" for name in LIBRARY.available(kind)} <= set(TEXTS)
    assert len(TEXTS) > 180


@pytest.mark.parametrize("name", TEXTS)
def test_the_reader_agrees_with_the_expander_on_every_part(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x.mc"
    path.write_text(TEXTS[name])
    check(path)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library where its own files believe it to be: a copy that calls itself by its place."""
    folder = tmp_path_factory.mktemp("library") / "cf"
    shutil.copytree(FOLDER, folder)
    for path in folder.rglob("*.m[4c]"):
        path.write_bytes(path.read_bytes().replace(b"/usr/share/sendmail/cf", str(folder).encode()))
    return folder


def real_cf(path: Path, library: Path) -> str:
    """What the real m4 makes of a .mc; it goes on after most mistakes."""
    text = path.read_bytes().replace(b"/usr/share/sendmail/cf", str(library).encode())
    start = [] if b"/m4/cf.m4" in text else [library / "m4/cf.m4"]
    done = subprocess.run(["m4", *start, "-"], input=text, capture_output=True, cwd=path.parent, check=False)
    return decode(done.stdout)


def logical_lines(cf: str) -> list[str]:
    return [line for line in re.sub(r"\n[ \t]", "\0", cf).split("\n") if line and not line.startswith("#")]


def name_and_rest(line: str) -> tuple[str, str]:
    match = re.match(r".\{(.*?)\}(.*)", line) or re.match(r".(.)(.*)", line)
    assert match is not None
    return match[1], match[2]


def check_site(path: Path, library: Path) -> None:
    """Everything that the Site says is in the real .cf, and nothing of its kind is missing."""
    mc = read(path, LIBRARY, Sink())
    assert mc is not None
    site = site_of(mc)
    cf = logical_lines(real_cf(path, library))
    of = {letter: [line for line in cf if line[0] == letter] for letter in "DCFKOXMT"}

    values = {name: unquoted(rest) for name, rest in map(name_and_rest, of["D"])}
    assert {name: s.value for name, s in site.macros.items()} == values
    options = [re.fullmatch(r"O ?([\w.-]+)=?(.*)", line.replace("\0", "\n")) for line in of["O"]]
    assert all(options)
    assert {n: s.value for n, s in site.options.items()} == {m[1]: m[2].lstrip() for m in options if m}

    classes: dict[str, list[str]] = {}
    for line in [*of["C"], *(f"Ct{line[1:]}" for line in of["T"])]:
        name, words = name_and_rest(line)
        classes.setdefault(name, []).extend(words.split())
    found = {name: [m.value for m in members] for name, members in site.classes.items()}
    assert {n: sorted(w) for n, w in found.items()} == {n: sorted(w) for n, w in classes.items()}
    files = [(name, rest.removeprefix("-o").split()[0]) for name, rest in map(name_and_rest, of["F"])]
    assert [(f.role, f.path) for f in site.list_files] == files

    maps = [re.match(r"K ?(\S+)\s+(\S+)\s*(.*)", line) for line in of["K"]]
    kept = {m[1]: (m[2], m[3].split()) for m in maps if m and m[2] not in COMPUTED_TYPES}
    named = {t.name: t for t in site.tables if t.role not in ("aliases", "userdb")}
    assert set(named) == set(kept)
    for name, (kind, words) in kept.items():
        assert named[name].table.type == kind
        if kind in ("hash", "btree", "dbm", "cdb"):
            flags = list(itertools.takewhile(lambda word: word.startswith("-"), words))
            assert words[len(flags)] in (named[name].source, f"{named[name].source}.db")
            # of a map that is declared again, the flags of both lines count
            once = sum(m is not None and m[1] == name for m in maps) == 1
            assert named[name].flags == tuple(flags) if once else set(named[name].flags) >= set(flags)
    daemons = [line.partition("=")[2] for line in of["O"] if line.startswith("O DaemonPortOptions")]
    assert [",".join(f"{k}={v}" for k, v in s.overrides.items()) for s in site.listeners] == [
        daemon.replace(" ", "") for daemon in daemons]  # fmt: skip
    sockets = [re.match(r"X([^,]*), S=([^,]*)", line) for line in of["X"]]
    assert [(m.name, m.socket) for m in site.milters] == [(m[1], m[2]) for m in sockets if m]
    commands = {}
    for line in of["M"]:
        command = line.partition("A=")[2]
        commands[line[1:].partition(",")[0]] = unquoted(command[: end_of_value(command, 0)]).split()
    assert {name: list(transport.argv) for name, transport in site.transports.items()} == commands
    programs = {m[1]: m[2] for m in (re.match(r"M([\w-]+),\s*P=([^,]*)", line) for line in of["M"]) if m}
    assert {name: transport.program for name, transport in site.transports.items()} == programs
    mine = path.name
    spans = [s.span for s in site.options.values()] + [t.span for t in site.tables] + [f.span for f in site.features]
    assert all(span.source.name.endswith(mine) for span in spans if span)


@pytest.mark.parametrize("path", library_files(), ids=lambda path: path.name)
def test_the_site_of_the_librarys_files(path: Path, copy: Path) -> None:
    check_site(path, copy)


@pytest.mark.parametrize("name", TEXTS)
def test_the_site_of_every_part(name: str, tmp_path: Path, copy: Path) -> None:
    path = tmp_path / "x.mc"
    path.write_text(TEXTS[name])
    check_site(path, copy)


def test_a_site_with_much_in_it(tmp_path: Path) -> None:
    path = tmp_path / "x.mc"
    path.write_text(TEXTS["common"])
    sink = Sink()
    mc = read(path, LIBRARY, sink)
    assert mc is not None
    assert [str(d) for d in sink] == []
    site = site_of(mc)
    places = {t.role: t.span.line for t in site.tables if t.span}
    lines = TEXTS["common"].splitlines()
    for role in ("access_db", "virtusertable", "genericstable", "mailertable", "domaintable"):
        assert role in lines[places[role] - 1]
    assert site.hub.span and "MAIL_HUB" in lines[site.hub.span.line - 1]
    assert [s.span and s.span.line for s in site.listeners][2:] == [None]  # the library's own MSA


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: f"{m.code}-{m.text[:25]}")
def test_mistakes_do_what_they_are_said_to_do(mistake: Mistake, tmp_path: Path) -> None:
    """In the real m4 with the real library; and check finds them there."""
    path = tmp_path / "x.mc"
    path.write_text(FRAME[0] + mistake.text + FRAME[1])
    done = subprocess.run(["m4", LIBRARY.start, path.name], capture_output=True, cwd=tmp_path, check=False)
    kind, _, what = mistake.real.partition(":")
    assert (what in decode(done.stderr if kind == "m4" else done.stdout)) == (kind != "not")
    sink = Sink()
    check_mc(path, LIBRARY, sink)
    assert [d.code for d in sink if d.severity.value == "error" or d.code.startswith("SM")] == [mistake.code]


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_check_is_content_with_what_the_library_asks_for(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x.mc"
    path.write_text(TEXTS[name])
    sink = Sink()
    check_mc(path, LIBRARY, sink)
    found = [(d.code, d.span and d.span.line) for d in sink if d.code.startswith("SM")]
    # The mailers' programs are those of another machine.
    assert [each for each in found if each[0] != "SM073"] == FINDINGS.get(name, [])


# What is wrong with the generated files all the same.
FINDINGS = {
    # dbm, which this sendmail lacks; filters without F=, one that is not asked; mechanisms trusted and not offered
    "common": [("SM019", 35), ("SM036", 17), ("SM016", 51), ("SM032", 54), ("SM032", 55), ("SM064", 55), ("SM028", 49)],
    "feature-notsticky": [("SM013", 8)],
    "feature-relay_local_from": [("SM078", 8)],  # whoever forges a local sender may relay
    "feature-domainmap": [("SM018", 8)],  # without its arguments
    "feature-nullclient": [("SM046", 8)],  # senders get a name without a domain
    "feature-relay_based_on_MX": [("SM045", 8)],  # whoever has an MX here relays
    **{  # without MASQUERADE_AS
        f"feature-{name}": [("SM027", 8)]
        for name in (
            *("allmasquerade", "limited_masquerade", "local_no_masquerade", "masquerade_entire_domain"),
            "masquerade_envelope",
        )
    },
    **{  # without MAILER(smtp)
        name: [("SM038", 1)]
        for name in TEXTS
        if name in ("mailer-cyrus", "mailer-local", "mailer-procmail")
        or (name.startswith("domain-") and "MAILER(`smtp" not in TEXTS[name])
    },
}


@pytest.mark.parametrize("name", ["common", "knecht"])
def test_the_text_of_sections_is_in_the_real_cf(name: str, tmp_path: Path, copy: Path) -> None:
    path = FOLDER / "cf/knecht.mc"
    if name == "common":
        path = tmp_path / "x.mc"
        path.write_text(TEXTS[name])
    mc = read(path, LIBRARY, Sink())
    assert mc is not None
    texts = site_of(mc).local_texts
    cf = real_cf(path, copy)
    assert len(texts) >= 4
    for text in texts:
        assert text.text.strip()
        assert text.text in cf


@pytest.mark.parametrize("seed", range(25))
def test_any_combination(seed: int, tmp_path: Path, copy: Path) -> None:
    """FEATUREs in any order and number, some in the branches of conditions, some not called at all."""
    chance = random.Random(seed)
    parts = [line for name, text in sorted(TEXTS.items()) if name.startswith("feature-")
             for line in text.splitlines() if line.startswith("FEATURE(")]  # fmt: skip
    skip = ("msp", "nullclient", "domainmap", "vnet")  # they bring mailers along, or write into the .cf's head
    chosen = [part for part in chance.sample(parts, 15) if not part.startswith(tuple(f"FEATURE(`{s}'" for s in skip))]
    forms = ("{}", "dnl {}", "ifdef(`OSTYPE', `{}\n')dnl", "# {}", "ifelse(a, `b', `{}\n', `define(`confX', `1')')dnl")
    lines = [chance.choice(forms).format(part) for part in chosen]
    local = "LOCAL_CONFIG\nKmine hash -o /etc/mail/mine\nLOCAL_RULESETS\nSmine\nR$*\t$: $(mine $1 $)\n"
    path = tmp_path / "x.mc"
    path.write_text("\n".join(["OSTYPE(`linux')dnl", *lines, "MAILER(`local')dnl", "MAILER(`smtp')dnl", local]))
    check(path)
    check_site(path, copy)
