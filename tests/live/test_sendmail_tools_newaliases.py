"""newaliases beside ``sendmail -bi``, with a configuration made by sendmail's own macros."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.live.map_tools import SENDMAIL_ROOT
from tests.live.sendmail_side import LIBRARIES, TOOLS, contents

pytestmark = pytest.mark.live

MC = """\
divert(0)dnl
OSTYPE(`linux')dnl
define(`ALIAS_FILE', `FILE')dnl
define(`QUEUE_DIR', `QUEUE')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
"""
HOST = "mail.example.com"
OURS = "import sys; from mailconf.cli import main; sys.exit(main(['newaliases', *sys.argv[1:]]))"


def stock_cf() -> str:
    """A sendmail.cf by sendmail's own macros; FILE and QUEUE stand for its alias file and its queue."""
    folder = SENDMAIL_ROOT / "usr/share/sendmail/cf"
    command = ["m4", f"-D_CF_DIR_={folder}/", str(folder / "m4/cf.m4"), "-"]
    done = subprocess.run(command, input=MC.encode(), capture_output=True, check=True)
    return done.stdout.decode()


@pytest.fixture(scope="module")
def stock() -> str:
    return stock_cf()


class Site:
    """A folder that sendmail trusts: not below one that everybody can write."""

    def __init__(self, folder: Path, stock: str) -> None:
        self.folder = folder
        self.stock = stock

    def both(
        self,
        text: bytes | None,
        *,
        spec: str = "FOLDER/aliases",
        extra: str = "",
        prepare: Callable[[Path], object] = lambda _: None,
    ) -> int:
        """Rebuild ``text`` with each; the exit status."""
        results = []
        real = ["unshare", "--uts", "sh", "-c", f'hostname {HOST}; exec "$@"', "newaliases", str(TOOLS / "newaliases")]
        ours = ["unshare", "--uts", "sh", "-c", f'hostname {HOST}; exec "$@"', "newaliases", sys.executable, "-c", OURS]
        for command in (real, ours):
            with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
                folder = Path(scratch)
                folder.chmod(0o755)
                queue = folder / "queue"
                queue.mkdir(mode=0o700)
                cf = self.stock.replace("QUEUE", str(queue)).replace("AliasFile=FILE", f"AliasFile={spec}") + extra
                (folder / "cf").write_text(cf.replace("FOLDER", scratch))
                if text is not None:
                    (folder / "aliases").write_bytes(text)
                prepare(folder)
                environment = {**os.environ, "LD_LIBRARY_PATH": LIBRARIES} if command is real else None
                done = subprocess.run([*command, f"-C{folder / 'cf'}"], capture_output=True, env=environment)
                files = contents(folder)
                files.pop("cf", None)
                output = (done.stdout + done.stderr).replace(scratch.encode(), b"FOLDER").splitlines()
                results.append((done.returncode, output, files))
        assert results[1] == results[0], f"{text!r:.300} {spec} {extra}"
        return int(results[0][0])


@pytest.fixture
def site(stock: str) -> Iterator[Site]:
    if os.geteuid() != 0:
        pytest.fail("compares owners: run the live tests as root")
    with tempfile.TemporaryDirectory(dir="/srv") as scratch:
        Path(scratch).chmod(0o755)
        yield Site(Path(scratch), stock)


LINES = {
    "simple": b"a:b\nc : d\ne\t:\tf\nG: H\nb: c \n",
    "continued": b"a: b\n c\n\td\n\n e\nf: g,\n\n h\ni:\n j\nk:\n\n l\n",
    "comments": b"# x\na: b\n# c\n d\n#\nb: c # d\n  # e\n f\n",
    "backslashes": b"a: b\\\nc: d\ne: f \\\n g\nh: \\i\nj: k\\",
    "white space": b"a:    b\n     c   \n  d\ne: f\n   \n g\n \nh: i\r\n j\r\n",
    "nul": b"a: b\0c\nskipped\nmissing\nb: c\n\0\nd: e\nf: g\n",
    "nul at the end": b"a: b\nc\0d: e\n",
    "8188": b"a: " + b"x" * 8187 + b"\nmissing\nb: c\n",
    "8189": b"a: " + b"x" * 8188 + b"\n b\nmissing\nb: c\n",
    "long": b"a: " + b"x " * 40_000 + b"\nmissing\nb: c\n# " + b"x" * 9000 + b"\nc: d\n",
    "long by continuation": b"a: x" + b"".join(b",\n y%d" % n for n in range(2000)) + b"\nmissing\nb: c\n",
    "long by backslashes": b"a: " + b"x" * 8000 + b"\\\n" + b"y" * 500 + b"\nmissing\n",
    "duplicates": b"b: 1\na: 22\nb: 333\nB: 4444\n",
    "empty": b"",
    "mistakes": b"nocolon\na:\nb: \nc:   \t\n:d: e\n:include:/x: y\n f\n",
    "no newline": b"a: b\nc: d",
    "values": b'a: "b\nb: (c\nc: "b c" , d\nd: b,,c\ne: ,\nf: error:5.1.1 x\n',
    "not closed": b"".join(
        b"%b: v%d\n" % (bytes(word), number)
        for number, word in enumerate(itertools.chain(*(itertools.product(b"a<>(", repeat=n) for n in (1, 2, 3))))
    ),
    "not closed in a long line": b"".join(b"x" * size + b"<: y\n" for size in (196, 197, 198, 240)),
    "semicolons": b";;: x\n;;;: y\n;a;;: z\na;;: v\n<;>: w\n<a;>: u\n",
    "places": b'g: :include:/x, "|/bin/y z", /v\nh:\tb\t,\tc\n',
}
NAMES = [
    *(
        b"A b",
        b'"a b"',
        b"(cmt) a",
        b"a (cmt)",
        b"<a>",
        b"a <b>",
        b"Name <a>",
        b"\\a",
        b"a,b",
        b"a;b",
        b"@foo",
        b"foo@",
    ),
    *(b"foo@localhost", b"foo@LOCALHOST", b"foo@mail.example.com", b"foo@example.com", b"foo@mail", b"a+b", b"a%b"),
    *(b"a!b", b"a%b@localhost", b"a.b", b".a", b"a.", b"a..b", b'a\\"b', b'"a"b', b'"A"."B"', b"[1.2.3.4]", b"a&b"),
    *(b"a=b", b"a/b", b"/a", b"|a", b"*", b"a*b", b"a\xe4", b"\xe4\xd6", b'"a\xe4"', b"MAILER-DAEMON", b"owner-x"),
    *(b"a,", b"@", b'"@"', b"a\\:b", b"!a", b"~a", b"a b c", b"`a", b"a'", b"$a", b"a$b", b"a{b}", b"a_b", b"123"),
    *(b'""', b'"a" "b"', b'a "b c"', b'"a b"@localhost', b"X <Y Z>", b"a@b@localhost", b"a.b@localhost.", b'"a.b"'),
    *(b'"a,b"', b'"a;b"', b'"a@b"', b'"a\\"b"', b'"a%b"', b'"a!b"', b'"|a"', b'"/a"', b'" a"', b'"a<b"', b'"a(b"'),
    *(b'"a\\b"', b'"a[b"', b'"A"', b'"a\tb"', b"a,b,c", b", a", b"a ;b", b"a@localhost,b", b'"a" b', b"a  b", b"a . b"),
    *(b"a @ localhost", b"a\x80", b"a(b", b"a)b", b"a>b", b'a"b', b'"a', b"a\r", b"a+b@localhost", b"a@[127.0.0.1]"),
]


@pytest.mark.parametrize("name", list(LINES))
def test_lines(site: Site, name: str) -> None:
    site.both(LINES[name])


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_names(site: Site, name: bytes) -> None:
    site.both(name + b": x\n" + name + b":y\n")


ODD = (
    b"x ,%B,B%,%,!B,B!,%%,a%b%,%a%b,@%b,a@,@a,.x,x.,..,;,x;,[x],+x,x+,a b%c,%a@b,a@%b,!a!b,a!b!,"
    b'"|/bin/x y","/x y","|x","/x","a b|c"," |x","a%b","%b","a:b","x y" \t'
).split(b",")


def test_names_that_are_hardly_any(site: Site) -> None:
    """Each twice: what a message quotes is the name as it is written."""
    names = [*ODD, b",", b",,", b",x", b"x,", b'"x,y"']
    site.both(b"".join(name + b": y\n" + name + b" :z\n" for name in names))


@pytest.mark.parametrize("signs", ["a<>", "a()", 'a"<', "<>(", "<>,", "<> ", "<>:", '()"'])
def test_what_is_not_closed(site: Site, signs: str) -> None:
    names = ["".join(word) for length in range(1, 5) for word in itertools.product(signs, repeat=length)]
    names = [name for name in names if name[0] != " "]
    site.both("".join(f"{name}: v{number}\n" for number, name in enumerate(names)).encode())


def test_long_names_in_messages(site: Site) -> None:
    """Of more than 203 bytes, what they begin and end with."""
    site.both(b"".join(b"x" * size + b"): y\n" for size in range(194, 210)))


def test_long_lines_in_messages(site: Site) -> None:
    site.both(b"x" * 60 + b":\n" + b":#:" + b"y" * 60 + b"\n" + b"z" * 60 + b"\n")


def test_many_aliases(site: Site) -> None:
    site.both(
        b"".join(b"List%d: owner%d, :include:/lists/%d,\n  user%d@example.com\n" % (n, n, n, n) for n in range(5000))
    )


@pytest.mark.parametrize(
    "spec",
    [
        *("hash:FOLDER/aliases", "btree:FOLDER/aliases", "implicit:FOLDER/aliases", "hash:-N FOLDER/aliases"),
        *("hash:-O FOLDER/aliases", "hash:-f FOLDER/aliases", "FOLDER/aliases, hash:FOLDER/none", "FOLDER/none"),
        *("hash:-o FOLDER/none, FOLDER/aliases", "dbm:FOLDER/aliases", "text:FOLDER/aliases", "foo:x, FOLDER/aliases"),
        *("FOLDER/aliases,btree:FOLDER/aliases2", "-o FOLDER/none"),
    ],
)
def test_alias_files(site: Site, spec: str) -> None:
    site.both(b"A: b\nc: d\n", spec=spec, prepare=lambda folder: (folder / "aliases2").write_bytes(b"e: f\n"))


@pytest.mark.parametrize("mode", [0o666, 0o664, 0o646, 0o640, 0o400, 0o755, 0])
def test_unsafe_texts(site: Site, mode: int) -> None:
    site.both(b"a: b\n", prepare=lambda folder: (folder / "aliases").chmod(mode))


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o1777])
@pytest.mark.parametrize("blame", ["", "MapInUnsafeDirPath", "GroupWritableDirPathSafe", "safe, MapInUnsafeDirPath"])
def test_unsafe_folders(site: Site, mode: int, blame: str) -> None:
    def prepare(folder: Path) -> None:
        (folder / "d").mkdir()
        (folder / "d/aliases").write_bytes(b"a: b\n")
        (folder / "d").chmod(mode)

    extra = f"O DontBlameSendmail={blame}\n" if blame else ""
    site.both(None, spec="FOLDER/d/aliases", extra=extra, prepare=prepare)


def links(folder: Path) -> None:
    (folder / "aliases").rename(folder / "real")
    (folder / "aliases").symlink_to("real")
    (folder / "second").hardlink_to(folder / "real")


def linked_map(folder: Path) -> None:
    (folder / "x.db").write_bytes(b"")
    (folder / "aliases.db").symlink_to("x.db")


def hard_linked_map(folder: Path) -> None:
    (folder / "x.db").write_bytes(b"")
    (folder / "aliases.db").hardlink_to(folder / "x.db")


def other_owner(folder: Path) -> None:
    (folder / "aliases.db").write_bytes(b"")
    os.chown(folder / "aliases.db", 101, 101)


def executable(folder: Path) -> None:
    (folder / "aliases.db").write_bytes(b"")
    (folder / "aliases.db").chmod(0o755)


def open_to_all(folder: Path) -> None:
    other_owner(folder)
    (folder / "aliases.db").chmod(0o666)


@pytest.mark.parametrize("prepare", [links, linked_map, hard_linked_map, other_owner, executable, open_to_all])
def test_links_and_owners(site: Site, prepare: Callable[[Path], None]) -> None:
    site.both(b"a: b\n", prepare=prepare)


def test_the_trusted_user_s(site: Site) -> None:
    site.both(b"a: b\n", extra="O TrustedUser=daemon\n")


def test_no_configuration(site: Site) -> None:
    site.both(b"a: b\n", prepare=lambda folder: (folder / "cf").rename(folder / "other"))
