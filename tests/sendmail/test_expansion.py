"""A .mc into a .cf: what it may touch, what its messages become, what is remembered. The library is one of ours."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailconf.diagnostics import Diagnostic, Severity, Sink
from mailconf.files import Root
from mailconf.m4 import Budget
from mailconf.sendmail.mc.expansion import Expanded, expand_mc
from mailconf.sendmail.mc.library import Library
from mailconf.sendmail.mc.sandbox import Header
from tests.limits import within
from tests.sendmail.small_library import MC, write_library

HEADER = Header("mary", "mail.example.com", 1_000_000_000.0, utc=True)
SMALL = Budget(20_000, 500, 1 << 20)


class Site:
    """An /etc/mail below a root, and the library."""

    def __init__(self, folder: Path) -> None:
        self.top = folder / "root"
        self.mail = self.top / "etc/mail"
        self.mail.mkdir(parents=True)
        self.library: Library = write_library(folder / "library")

    def expand(self, text: str | bytes, **options: object) -> tuple[Expanded, Sink]:
        sink = Sink()
        data = text if isinstance(text, bytes) else text.encode()
        (self.mail / "sendmail.mc").write_bytes(data)
        options = {"header": HEADER, "root": Root(self.top), "budget": SMALL, **options}
        expanded = expand_mc("/etc/mail/sendmail.mc", self.library, sink, **options)  # type: ignore[arg-type]
        assert expanded is not None
        return expanded, sink

    def problem(self, text: str, **options: object) -> Diagnostic:
        """The only thing that is found."""
        expanded, sink = self.expand(text, **options)
        (found,) = sink
        assert expanded.failed == (found.severity is Severity.ERROR)
        return found


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_cf(site: Site) -> None:
    expanded, sink = site.expand(MC)
    assert not list(sink) and not expanded.failed
    assert expanded.cf.decode().split("\n") == [
        "# the head",
        "##### built by mary@mail.example.com on Sun Sep  9 01:46:40 UTC 2001",
        "##### in /etc/mail",
        "##### using /usr/share/sendmail/cf/ as configuration include directory",
        "Mthe local mailer=, A=none",
        "# the end, on mail.example.com",
        "O AliasFile=/etc/mail/aliases",
        "Kaccess hash -o /etc/mail/access",
        "Kvirtuser hash -o /etc/mail/virtusertable",
        "",
    ]


def test_one_that_does_not_include_the_library(site: Site) -> None:
    with_it, _ = site.expand(MC)
    text = MC.partition("\n")[2]
    without, sink = site.expand(text)
    assert not list(sink)
    using = re.compile(rb"using \S+")
    assert using.sub(b"", without.cf) == using.sub(b"", with_it.cf)
    assert f"using {site.library.folder}/ as".encode() in without.cf
    # What only looks like it.
    assert site.expand(f"dnl include(`/usr/share/sendmail/cf/m4/cf.m4')\n{text}")[0].cf == without.cf
    (site.mail / "common.m4").write_text("include(`/usr/share/sendmail-cf/m4/cf.m4')dnl\n")
    through = site.expand(f"include(`common.m4')dnl\n{text}")[0].cf
    assert using.sub(b"", through) == using.sub(b"", with_it.cf)


def test_what_is_read_is_remembered(site: Site) -> None:
    (site.mail / "m4").mkdir()
    (site.mail / "m4/site.m4").write_text("define(`x', `1')dnl\n")
    mc = MC + "include(`m4/site.m4')sinclude(`none.m4')sinclude(`/etc/mail/m4/site.m4')dnl\n"
    expanded, _ = site.expand(mc)
    names = [read.name for read in expanded.reads]
    assert names == [
        "/etc/mail/sendmail.mc",
        "/usr/share/sendmail/cf/m4/cf.m4",
        "/usr/share/sendmail/cf/m4/head.m4",
        "/usr/share/sendmail/cf/ostype/linux.m4",
        "/usr/share/sendmail/cf/feature/access_db.m4",
        "/usr/share/sendmail/cf/feature/virtusertable.m4",
        "/etc/mail/m4/site.m4",
        "/etc/mail/none.m4",
        "/usr/share/sendmail/cf/m4/end.m4",
    ]
    missing = expanded.reads[-2]
    assert missing.status is None and missing.is_current()
    assert all(read.is_current() for read in expanded.reads)
    (site.mail / "none.m4").write_text("")
    (site.library.folder / Path("m4/end.m4")).write_text("changed\n")
    assert [read.name for read in expanded.reads if not read.is_current()] == names[-2:]


def test_source_date_epoch() -> None:
    environ = {"SOURCE_DATE_EPOCH": "1700000000", "TZ": "Asia/Tokyo"}
    assert Header.of_this_run(environ).date() == "Tue Nov 14 22:13:20 UTC 2023"
    assert Header.of_this_run(environ).host == os.uname().nodename
    for wrong in ("", "x", "-1", "1" * 30):
        assert not Header.of_this_run({"SOURCE_DATE_EPOCH": wrong}).utc


def test_calls_in_order(site: Site) -> None:
    expanded, _ = site.expand(MC + "define(`mine', `FEATURE(`access_db', `$1')')mine(`x')\n", record=True)
    features = [call for call in expanded.calls if call.name in ("OSTYPE", "FEATURE", "MAILER")]
    assert [(call.name, call.arguments, call.depth) for call in features] == [
        ("OSTYPE", ("linux",), 0),
        ("FEATURE", ("access_db",), 0),
        ("FEATURE", ("virtusertable",), 0),
        ("MAILER", ("local",), 0),
        ("FEATURE", ("access_db", "x"), 1),
    ]
    lines = [expanded.span(call.place).first for call in features]
    assert lines == [(2, 1), (3, 1), (4, 1), (5, 1), (6, 45)]
    assert {expanded.span(call.place).source.name for call in features} == {str(site.mail / "sendmail.mc")}
    assert max(call.depth for call in expanded.calls) > 2


def test_where_a_line_comes_from(site: Site) -> None:
    expanded, _ = site.expand(MC, track=True)
    assert b"".join(text for text, _ in expanded.pieces) == expanded.cf
    (place,) = [place for text, place in expanded.pieces if text == b"Kaccess "]
    assert place is not None
    assert expanded.span(place).first == (3, 1)
    assert place.chain()[-1].span.first == (3, 1)


# -- the sandbox

SECRET = "/etc/shadow-like"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("include(`/etc/shadow-like')", "reading /etc/shadow-like is not allowed"),
        ("sinclude(`/etc/shadow-like')", "reading /etc/shadow-like is not allowed"),
        ("undivert(`/etc/shadow-like')", "reading /etc/shadow-like is not allowed"),
        ("include(`../shadow-like')", "reading ../shadow-like is not allowed"),
        ("include(`m4/../../shadow-like')", "reading m4/../../shadow-like is not allowed"),
        ("include(`link')", "reading link is not allowed"),
        ("include(`/usr/share/sendmail/cf/../../../../etc/shadow-like')", "is not allowed"),
        ("syscmd(`touch /etc/mail/made')", "running a command is not allowed: touch /etc/mail/made"),
        ("esyscmd(`id')", "running a command is not allowed: id"),
        ("syscmd(`sh sh/makeinfo.sh x > /etc/mail/made')", "running a command is not allowed"),
        ("syscmd(`rm -f /etc/mail/sendmail.mc')", "running a command is not allowed"),
        ("debugfile(`/etc/mail/made')", "writing /etc/mail/made is not allowed"),
        ("mkstemp(`/etc/mail/madeXXXXXX')", "creating /etc/mail/made is not allowed"),
        ("maketemp(`madeXXXXXX')", "creating made is not allowed"),
    ],
)
@pytest.mark.parametrize("before", ["", MC])
def test_what_is_denied(site: Site, text: str, words: str, before: str) -> None:
    (site.top / "etc/shadow-like").write_text("the secret\n")
    (site.mail / "link").symlink_to(site.top / "etc/shadow-like")
    prefix = before or "OSTYPE(`linux')dnl\n"
    expanded, sink = site.expand(f"{prefix}  {text}\n")
    (found,) = sink
    assert (found.code, found.severity) == ("M4005", Severity.ERROR)
    assert words in found.message and "--allow-shell" in found.hint
    assert found.span is not None and found.span.first == (prefix.count("\n") + 1, 3)
    assert expanded.failed and b"the secret" not in expanded.cf
    assert not (site.mail / "made").exists() and (site.mail / "sendmail.mc").exists()
    assert not list(Path("/tmp").glob("cf0*"))


@pytest.mark.parametrize("name", ["pipe", "folder"])
def test_a_pipe_or_folder_is_no_text(site: Site, name: str) -> None:
    os.mkfifo(site.mail / "pipe")  # nobody will ever write to it
    (site.mail / "folder").mkdir()
    found = site.problem(f"{MC}include(`{name}')\n")
    assert found.message == f"cannot open `{name}': Is a directory"


def test_a_mc_may_be_a_link_to_wherever_it_is_kept(site: Site) -> None:
    kept = site.top / "srv/kept.mc"
    kept.parent.mkdir()
    kept.write_text(MC)
    (site.mail / "sendmail.mc").symlink_to(kept)
    sink = Sink()
    expanded = expand_mc("/etc/mail/sendmail.mc", site.library, sink, root=Root(site.top), header=HEADER)
    assert expanded is not None and not list(sink) and b"in /etc/mail\n" in expanded.cf


def test_a_link_of_another_user_is_not_followed_to_what_is_not_theirs(site: Site) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a link to another user")
    kept = site.top / "kept.mc"
    kept.write_text(MC)
    link = site.mail / "sendmail.mc"
    link.symlink_to(kept)
    os.lchown(link, 12345, 12345)
    sink = Sink()
    assert expand_mc("/etc/mail/sendmail.mc", site.library, sink, root=Root(site.top), header=HEADER) is None
    assert [d.code for d in sink] == ["SM902"]
    os.chown(kept, 12345, 12345)
    assert expand_mc("/etc/mail/sendmail.mc", site.library, Sink(), root=Root(site.top), header=HEADER) is not None


@pytest.mark.parametrize("call", ["include(`site.m4')", "sinclude(`./sub/../site.m4')", "undivert(`site.m4')"])
def test_a_hard_link_is_not_read(site: Site, call: str) -> None:
    secret = site.top / "secret"
    secret.write_text("SECRET\n")
    (site.mail / "site.m4").hardlink_to(secret)
    found = site.problem(f"{MC}{call}dnl\n")
    assert found.code == "M4005" and "hard link" in found.message and "cp -p" in found.hint
    expanded, _ = site.expand(f"{MC}{call}dnl\n")
    assert b"SECRET" not in expanded.cf
    expanded, sink = site.expand(f"{MC}{call}dnl\n", allow_shell=True)
    assert b"SECRET" in expanded.cf and not list(sink)
    # Names that all are in the folder are no way out of it.
    (site.mail / "sub").mkdir()
    (site.mail / "sub/other.m4").hardlink_to(secret)
    secret.unlink()
    expanded, sink = site.expand(f"{MC}{call}dnl\n")
    assert b"SECRET" in expanded.cf and not list(sink)


def test_a_mc_that_is_a_hard_link(site: Site) -> None:
    (site.top / "secret").write_text(MC)
    (site.mail / "sendmail.mc").hardlink_to(site.top / "secret")
    sink = Sink()
    assert expand_mc("/etc/mail/sendmail.mc", site.library, sink, root=Root(site.top), header=HEADER) is None
    (found,) = sink
    assert found.code == "SM902" and "hard link" in found.message and found.hint


def test_hard_links_in_a_library_are_its_own_affair(site: Site) -> None:
    feature = Path(site.library.folder, "feature/access_db.m4")
    (site.top / "copy").hardlink_to(feature)
    _, sink = site.expand(MC)
    assert not list(sink)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("define(`x', `m4wrap(`x')')x", "newline"),
        ("m4wrap(`a word')", "newline"),
        ("m4exit", "remove m4exit"),
        ("m4exit(0)", "remove m4exit"),
        ("undefine(`include')dnl", ""),
    ],
)
def test_what_keeps_the_library_from_its_end(site: Site, text: str, words: str) -> None:
    """m4 1.4.19 exits with 0 for all of them, and prints a .cf without rules (tests/live/test_expansion_live.py)."""
    found = site.problem(f"{MC}\n{text}\n")
    assert found.code == "SM030" and words in found.hint
    assert found.span is not None and found.span.line == (7 if words else 1)
    _, sink = site.expand(f"{MC}\nm4wrap(`a line\n')\n")
    assert not list(sink)


def test_allowed(site: Site) -> None:
    (site.top / "etc/other").write_text("other text\n")
    text = MC + "include(`../other')esyscmd(`echo from the shell; pwd')syscmd(`echo made > made')\n"
    expanded, sink = site.expand(text, allow_shell=True)
    assert not list(sink)
    assert b"other text\nfrom the shell\n%b\n" % os.fsencode(site.mail.resolve()) in expanded.cf
    assert (site.mail / "made").read_text() == "made\n"
    assert b"built by mary@mail.example.com" in expanded.cf  # the header is ours all the same


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("define(`a', `a')a", "more than 20000 macro calls"),
        ("define(`a', `a(a)')a", "calls inside one another"),
        ("define(`d', `define(`x', x`'x)d')define(`x', `yyyyyyyy')d", "more than 1048576 bytes of text"),
        ("builtin(`format', `%100000000d', 1)", "more than 1048576 bytes of text"),
        ("m4wrap(`define(`a', `a')a ')", "more than 20000 macro calls"),
    ],
)
def test_a_runaway_is_stopped_at_its_line(site: Site, text: str, words: str) -> None:
    found = site.problem(f"{MC}\n{text}\n")
    assert found.code == "M4004" and words in found.message and found.hint
    assert found.span is not None and found.span.line == 7


def test_a_long_chain_of_calls_takes_no_longer(site: Site) -> None:
    """What a chain of calls has recorded is cut off, or everything that looks at places would take its square."""
    text = MC + "define(`a', `ifelse(`$1', `0', `', `x a(decr(`$1'))')')a(9000)"
    expanded, sink = site.expand(text, budget=Budget(30_000, 100, 1 << 20), record=True, track=True)
    assert not list(sink) and not expanded.exhausted
    assert 1_000 <= sum(call.name == "a" for call in expanded.calls) < 3_100
    assert sum(len(text) for text, _ in expanded.pieces) == len(expanded.cf)
    assert expanded.cf.count(b"x ") > 8_000


def test_nothing_is_kept_of_a_runaway(site: Site) -> None:
    text = MC + "define(`a', `x a')a"
    expanded, sink = site.expand(text, budget=Budget(30_000, 100, 1 << 20), record=True, track=True)
    assert [d.code for d in sink] == ["M4004"]
    assert expanded.exhausted and expanded.failed
    assert (expanded.cf, expanded.calls, expanded.pieces) == (b"", [], [])
    assert expanded.reads[0].name == "/etc/mail/sendmail.mc"


def test_a_file_that_is_read_again_and_again(site: Site) -> None:
    """The places of a chain of calls, a file at its every step, are found in a time that does not grow with it."""
    (site.mail / "leaf.m4").write_text("leaf\n")
    text = MC + "define(`a', `ifelse(`$1', `0', `', `include(`leaf.m4')a(decr(`$1'))')')a(30000)"
    with within(120):  # it was three times as long when the chain was followed each time
        expanded, sink = site.expand(text, budget=Budget(300_000, 100, 8 << 20), record=True, track=True)
    assert not list(sink)
    assert expanded.cf.count(b"leaf\n") == 30_000


# -- messages


def at(found: Diagnostic) -> tuple[str, int, int]:
    assert found.span is not None
    return Path(found.span.source.name).name, *found.span.first


def test_what_the_library_finds(site: Site) -> None:
    found = site.problem(MC + "FEATURE(`access_db') MAILER(`local')\n")
    assert (found.code, found.message, at(found)) == ("M4006", "MAILER(local) already included", ("sendmail.mc", 6, 22))
    text = MC.replace("FEATURE(`access_db')dnl", "  FEATURE(`blocklist')dnl")
    found = site.problem(text)
    assert (found.message, at(found)) == ("FEATURE(blocklist) requires access_db", ("sendmail.mc", 3, 3))
    (related,) = found.related
    assert related.span.source.name == f"{site.library.folder}/feature/blocklist.m4"


def test_what_the_library_finds_at_its_end(site: Site) -> None:
    text = f"dnl confOLD is mentioned here\n{MC}define(`confOLD', `1')dnl\n"
    found = site.problem(text)
    assert (found.message, at(found)) == ("confOLD is obsolete.", ("sendmail.mc", 7, 9))
    found = site.problem(MC.replace("OSTYPE(`linux')dnl\n", ""))
    assert (found.message, at(found)) == ("no system type (use OSTYPE macro)", ("sendmail.mc", 1, 1))


def test_warnings_of_the_library_remain_warnings(site: Site) -> None:
    found = site.problem(MC + "FEATURE(`open_relay')\n")
    assert (found.severity, found.message) == (Severity.WARNING, "this is an open relay")


def test_a_message_in_pieces_is_one(site: Site) -> None:
    assert site.problem(MC + "FEATURE(`pieces')\n").message == "One message in pieces. And its end."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("eval(1 +)", "bad expression in eval: 1 +"),
        ("substr(`x', y)", "non-numeric argument to builtin `substr'"),
        ("define(`x', `y', `z')", "excess arguments to builtin `define' ignored"),
        ("substr()", "too few arguments to builtin `substr'"),
        ("indir(`nothing')", "undefined macro `nothing'"),
        ("include(`none.m4')", "cannot open `none.m4': No such file or directory"),
    ],
)
def test_what_m4_prints_fails_the_build(site: Site, text: str, message: str) -> None:
    """m4 itself exits with 0 after all of these but the last."""
    found = site.problem(f"{MC}  {text}\n")
    assert (found.severity, found.message, at(found)) == (Severity.ERROR, message, ("sendmail.mc", 6, 3))


def test_in_a_file_that_the_mc_includes(site: Site) -> None:
    (site.mail / "site.m4").write_text("\n  eval(1 +)\n")
    found = site.problem(MC + "include(`site.m4')\n")
    assert at(found) == ("site.m4", 2, 3)
    assert found.span is not None and found.span.origin is not None


def test_a_feature_that_does_not_exist(site: Site) -> None:
    found = site.problem(MC + "FEATURE(`acess_db')\n")
    assert found.hint == "the library has no feature `acess_db'; did you mean `access_db'?"
    assert at(found) == ("sendmail.mc", 6, 1)


def test_an_end_in_the_middle(site: Site) -> None:
    expanded, sink = site.expand(MC + "FEATURE(`access_db'\n")
    assert [d.code for d in sink] == ["M4003"]
    assert expanded.failed


def test_a_mc_that_cannot_be_read(site: Site) -> None:
    sink = Sink()
    assert expand_mc("/etc/mail/none.mc", site.library, sink, root=Root(site.top)) is None
    (found,) = sink
    assert found.code == "SM902" and "No such file" in found.message


def test_a_text_that_is_not_on_disk_yet(site: Site) -> None:
    (site.mail / "sendmail.mc").write_text("broken(")
    sink = Sink()
    expanded = expand_mc("/etc/mail/sendmail.mc", site.library, sink, root=Root(site.top), data=MC.encode())
    assert expanded is not None and not list(sink) and b"Kaccess" in expanded.cf


WORDS = st.sampled_from(
    [
        *("define(", "FEATURE(", "`", "'", ")", ",", "access_db", "include(", "x", "\n", "dnl ", "eval(", "1+"),
        *("divert(-1)", "undivert", "MAILER(", "local", "syscmd(", "changequote(", "[", "]", "$@", "incr("),
        *("OSTYPE(", "linux", "defn(", "ifelse(", "errprint(", "m4exit(", "popdef(", "/etc/passwd", "translit("),
        *("m4wrap(", "shift($@)", "\0é"),
    ]
)


@settings(max_examples=200)
@given(st.lists(WORDS, max_size=30), st.booleans())
def test_any_text_gives_a_cf_or_messages(
    tmp_path_factory: pytest.TempPathFactory, words: list[str], whole: bool
) -> None:
    site = Site(tmp_path_factory.mktemp("any"))
    text = (MC if whole else "") + "".join(words)
    expanded, sink = site.expand(text, record=True, track=True)
    for found in sink:
        str(found)
    for call in expanded.calls:
        str(expanded.span(call.place))
    assert sum(len(text) for text, _ in expanded.pieces) == len(expanded.cf)
    assert not expanded.failed or sink.failed or b"m4exit" in text.encode()
