"""The postmap tool, hermetic: messages and exit status against vectors of the real one, and its options."""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mailconf.cli.postfix.postmap import run
from mailconf.maps.build import change
from mailconf.tables import packed
from tests.vectors.store import load

VECTORS = load("postmap")


class Site:
    """A folder with a main.cf, in which the tool runs."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[bytes], patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.capture = capture
        self.patch = patch
        self.write("main.cf", "compatibility_level = 3.6\n")

    def write(self, name: str, text: str | bytes) -> None:
        (self.folder / name).write_bytes(text.encode() if isinstance(text, str) else text)

    def postmap(
        self, *arguments: str, stdin: bytes = b"", options: tuple[str, ...] = ("-c", ".")
    ) -> tuple[int, str, str]:
        """Exit status, standard output and standard error."""
        with tempfile.TemporaryFile() as file:
            file.write(stdin)
            file.seek(0)
            self.patch.setattr(sys, "stdin", io.TextIOWrapper(file))
            status = run("postmap", [*options, *arguments])
        sys.stdout.flush()
        out, err = self.capture.readouterr()
        return status, out.decode("latin-1"), err.decode("latin-1")

    def listing(self, table: str) -> dict[str, str]:
        status, out, err = self.postmap("-s", table)
        assert (status, err) == (0, "")
        return dict(line.split("\t", 1) for line in out.split("\n")[:-1])


@pytest.fixture
def site(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MAIL_CONFIG", raising=False)
    return Site(tmp_path, capfdbinary, monkeypatch)


@pytest.mark.parametrize("large", [False, True])
def test_messages_are_those_of_real_postmap(site: Site, large: bool) -> None:
    if large:
        site.patch.setattr(packed, "MANY", 0)
    for case in VECTORS.cases:
        site.write("main.cf", f"smtputf8_enable = {'yes' if case['utf8'] else 'no'}\n")
        site.write("T", case["text"].encode("latin-1"))
        status, out, err = site.postmap("hash:T")
        assert (status, out) == (0, "")
        assert err.split("\n")[:-1] == case["messages"], case["text"]


@pytest.mark.parametrize("options", [(), ("-r",), ("-w",), ("-N",)])
@pytest.mark.parametrize("kind", ["hash", "btree", "cdb"])
def test_a_large_text_says_the_same(site: Site, kind: str, options: tuple[str, ...]) -> None:
    """Mistakes and repeated keys in their order, and the values that count."""
    site.write("t", 'a b\nA c\n continued\nnone\na: d\n"x\nx y\n\na e\nx z\n' + "k v\n" * 3 + "last\n")
    said = []
    for many in (1 << 22, 0):
        site.patch.setattr(packed, "MANY", many)
        built = site.postmap(*options, f"{kind}:t")
        said.append((built, site.postmap("-s", *options, f"{kind}:t")))
    assert said[0] == said[1]


def test_build_and_query(site: Site) -> None:
    site.write("t", 'a b\nC D e\n"x y" z\n')
    site.write("u", "a 2\nq r\n")
    assert site.postmap("hash:t", "u") == (0, "", "")
    assert site.postmap("-q", "a", "hash:t") == (0, "b\n", "")
    assert site.postmap("-q", "C", "t") == (0, "D e\n", "")
    assert site.postmap("-f", "-q", "C", "hash:t") == (1, "", "")
    assert site.postmap("-q", "q", "hash:t", "hash:u") == (0, "r\n", "")
    assert site.postmap("-q", "none", "hash:t", "hash:u") == (1, "", "")
    assert site.postmap("-q", "-", "hash:t", stdin=b'a\nnone\n"x y"\nC') == (0, 'a\tb\n"x y"\tz\nC\tD e\n', "")
    assert site.postmap("-q", "-", "hash:t", stdin=b"none\n") == (1, "", "")
    assert site.listing("hash:t") == {"a": "b", "c": "D e", '"x y"': "z"}


def test_duplicates(site: Site) -> None:
    site.write("t", "a 1\nb 2\nA 3\n")
    assert site.postmap("hash:t") == (0, "", 'postmap: warning: t.db: duplicate entry: "a"\n')
    assert site.listing("hash:t") == {"a": "1", "b": "2"}
    assert site.postmap("-w", "hash:t") == (0, "", "")
    assert site.listing("hash:t") == {"a": "1", "b": "2"}
    assert site.postmap("-r", "hash:t") == (0, "", "")
    assert site.listing("hash:t") == {"a": "3", "b": "2"}
    assert site.postmap("-f", "hash:t") == (0, "", "")
    assert site.listing("hash:t") == {"a": "1", "b": "2", "A": "3"}


@pytest.mark.parametrize("many", [change.MANY, 0])
def test_incremental(site: Site, many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the map is large."""
    monkeypatch.setattr(change, "MANY", many)
    site.write("t", "a b\n")
    site.postmap("hash:t")
    added = site.postmap("-i", "hash:t", stdin=b"k v\na new\nbad\n")
    words = "stdin, line 3: expected format: key whitespace value"
    assert added == (0, "", f'postmap: warning: t.db: duplicate entry: "a"\npostmap: warning: {words}\n')
    assert site.listing("hash:t") == {"a": "b", "k": "v"}
    assert site.postmap("-i", "-r", "hash:t", stdin=b"a new\n") == (0, "", "")
    assert site.postmap("-i", "-w", "hash:t", stdin=b"a newer\n") == (0, "", "")
    assert site.listing("hash:t") == {"a": "new", "k": "v"}
    assert site.postmap("-i", "hash:t", stdin=b"") == (0, "", "")
    assert site.listing("hash:t") == {"a": "new", "k": "v"}


@pytest.mark.parametrize("flags", [(), ("-w",), ("-r",)])
@pytest.mark.parametrize("kind", ["hash", "lmdb"])
def test_incremental_of_many_short_lines(site: Site, kind: str, flags: tuple[str, ...]) -> None:
    """The same, and the same warnings, as of those lines with a few longer ones, which are read one by one."""
    site.write("t", "a b\n10 old\n")
    lines = b"".join(b"%x v\nbad\n" % number for number in range(40_000)) + b"10 new\nA: c\n"
    site.postmap(f"{kind}:t")
    few = site.postmap("-i", *flags, f"{kind}:t", stdin=lines + b"# " + bytes([65]) * 3_000_000 + b"\n")
    listed = site.listing(f"{kind}:t")
    site.postmap("-r", f"{kind}:t")
    many = site.postmap("-i", *flags, f"{kind}:t", stdin=lines)
    assert many == few
    assert many[2].count("duplicate") == (0 if flags else 3)
    assert many[2].count("expected format") == 40_000
    assert site.listing(f"{kind}:t") == listed
    assert listed["10"] == ("new" if flags == ("-r",) else "old")


@pytest.mark.parametrize("many", [change.MANY, 0])
def test_delete(site: Site, many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the map is large."""
    monkeypatch.setattr(change, "MANY", many)
    site.write("t", "a b\nc d\ne f\n")
    site.postmap("hash:t")
    assert site.postmap("-d", "none", "hash:t") == (1, "", "")
    assert site.postmap("-d", "A", "hash:t") == (0, "", "")
    assert site.postmap("-d", "-", "hash:t", stdin=b"none\nc\n") == (0, "", "")
    assert site.listing("hash:t") == {"e": "f"}
    words = "texthash:t map requires O_RDONLY access mode"
    assert site.postmap("-d", "a", "texthash:t") == (1, "", f"postmap: fatal: {words}\n")


def test_files_as_values(site: Site) -> None:
    site.write("one", "foo\n")
    site.write("two", "bar")
    site.write("t", "a one, two\nb ./none\nc ,\n")
    status, _, err = site.postmap("-F", "hash:t")
    assert status == 0
    assert err.split("\n") == [
        "postmap: warning: t, line 2: open ./none: No such file or directory: skipping this entry",
        "postmap: warning: t, line 3: empty pathname list: >>,<<': skipping this entry",
        "",
    ]
    assert site.listing("hash:t") == {"a": "Zm9vCgpiYXI="}
    assert site.postmap("-F", "-q", "a", "hash:t") == (0, "foo\n\nbar\n", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "fatal: usage: postmap [-bfFhimnNoprsuUvw] [-c config_dir] [-d key] [-q key] [map_type:]file..."),
        (("-q", "a", "-q", "b", "t"), "fatal: specify only one of -s -q or -d"),
        (("-q", "a", "-s", "t"), "fatal: specify only one of -s or -q or -d"),
        (("-b", "hash:t"), 'fatal: specify -b -h or -m only with "-q -"'),
        (("hash:none",), "fatal: open none: No such file or directory"),
        (("none:main.cf",), "fatal: unsupported dictionary type: none. Is the postfix-none package installed?"),
        (("static:main.cf",), "fatal: unsupported dictionary type: static does not support bulk-mode creation."),
        (("fail:main.cf",), "fatal: table fail:main.cf: write error: Application error"),
        (("-q", "a", "none:t"), "fatal: unsupported dictionary type: none"),
        (("-q", "a", "hash:none"), "fatal: open database none.db: No such file or directory"),
        (("-q", "a", "hash:"), 'fatal: open dictionary: expecting "type:name" form instead of "hash:"'),
        (("-s", "static:a"), "fatal: table static:a: sequence operation is not supported"),
        (("-q", "a", "fail:a"), "fatal: table fail:a: query error: Application error"),
        (("-c", "/none", "-q", "a", "t"), "fatal: open /none/main.cf: No such file or directory"),
        ((".",), "fatal: open .: Is a directory"),
        (("",), "fatal: open : No such file or directory"),
    ],
)
def test_what_stops_it(site: Site, arguments: tuple[str, ...], words: str) -> None:
    assert site.postmap(*arguments) == (1, "", f"postmap: {words}\n")


def test_getopt_words(site: Site) -> None:
    status, _, err = site.postmap("-x")
    assert (status, err.split("\n")[0]) == (1, "postmap: invalid option -- 'x'")
    status, _, err = site.postmap("-q")
    assert (status, err.split("\n")[0]) == (1, "postmap: option requires an argument -- 'q'")


def test_message_queries(site: Site) -> None:
    site.write("t", "/^.*$/ FOUND\n")
    message = b"Subject : a\nTo:b\n\tc\n\nbody \xff\n"
    assert site.postmap("-h", "-q", "-", "regexp:t", stdin=message)[1] == "Subject: a\tFOUND\nTo:b\n\tc\tFOUND\n"
    assert site.postmap("-b", "-q", "-", "regexp:t", stdin=message)[1] == "\tFOUND\nbody \xff\tFOUND\n"
    assert site.postmap("-bh", "-q", "-", "regexp:t", stdin=b" no header\n")[1] == "\tFOUND\n no header\tFOUND\n"
    assert site.postmap("-h", "-q", "-", "regexp:t", stdin=b"") == (1, "", "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\nbogus\n", "./main.cf, line 2: missing '=' after attribute name: \"bogus\""),
        ("smtputf8_enable = maybe\n", "bad boolean configuration: smtputf8_enable = maybe"),
        ("default_database_type = $none\n", "bad string length 0 < 1: default_database_type = "),
    ],
)
def test_broken_main_cf(site: Site, text: str, words: str) -> None:
    site.write("main.cf", text)
    assert site.postmap("-q", "a", "t") == (1, "", f"postmap: fatal: {words}\n")


def test_root(site: Site) -> None:
    etc = site.folder / "top" / "etc" / "postfix"
    etc.mkdir(parents=True)
    (etc / "main.cf").write_text("default_database_type = hash\n")
    (etc / "access").write_text("a OK\nlost\n")
    top = ("--root", str(site.folder / "top"))
    words = "postmap: warning: /etc/postfix/access, line 2: expected format: key whitespace value\n"
    assert site.postmap("/etc/postfix/access", options=top) == (0, "", words)
    assert (etc / "access.db").exists()
    assert site.postmap("-q", "a", "/etc/postfix/access", options=top) == (0, "OK\n", "")


def test_the_old_map_stays_when_the_build_fails(site: Site) -> None:
    site.write("t", "a b\n")
    site.postmap("hash:t")
    (site.folder / "t").unlink()
    assert site.postmap("hash:t")[0] == 1
    assert site.listing("hash:t") == {"a": "b"}
    assert sorted(path.name for path in site.folder.iterdir()) == ["main.cf", "t.db"]


def test_start_up_is_light(site: Site) -> None:
    """A query and a build import nothing that only other commands need."""
    site.write("t", "a b\n")
    heavy = {"click", "lark", "rich", "yaml", "sqlite3", "jinja2", "asyncio", "dns", "hypothesis"}
    for arguments in (["hash:t"], ["-q", "a", "hash:t"], ["-s", "hash:t"]):
        script = "import sys; from mailconf.cli import main; main(['postmap', '-c', '.', *sys.argv[1:]])"
        script += "; print(*sys.modules, file=sys.stderr)"
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments], capture_output=True, env=environment, check=True
        )
        modules = set(done.stderr.decode().split())
        assert not {name.partition(".")[0] for name in modules} & heavy
        assert ("mailconf.maps.build.write" in modules) == (arguments == ["hash:t"])


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("-q a hash:t >/dev/full", 1),
        ("-q a hash:t >&-", 0),
        ("-q - hash:t <&-", 1),
        ("-q a hash:none 2>&-", 1),
        ("-s hash:t | head -1", 0),
        ("hash:pipe & echo k v >pipe; wait $!", 0),
    ],
)
def test_odd_streams(site: Site, command: str, status: int) -> None:
    """Closed, full and broken streams and a pipe as source: an exit status, never a traceback."""
    site.write("t", "a b\n")
    site.postmap("hash:t")
    os.mkfifo(site.folder / "pipe")
    tool = f"{shlex.quote(sys.executable)} -m mailconf postmap -c ."
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(f"{tool} {command}", shell=True, capture_output=True, env=environment, timeout=30)
    assert (done.returncode, b"Traceback" in done.stderr) == (status, False)
