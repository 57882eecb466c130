"""Our postalias and the real one side by side: output, messages, exit status, and the maps that both leave behind."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.tool_pair import ROOT, Pair
from tests.vectors.record_postalias import PIECES

pytestmark = pytest.mark.live

KINDS = ["hash", "btree", "lmdb", "cdb"]


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path, "postalias")


def hard_text(chance: random.Random, lines: int) -> bytes:
    """Lines of whatever has a meaning; few names, so that many come twice."""

    def hard() -> str:
        return "".join(chance.choices(PIECES, k=chance.randint(1, 8)))

    def line() -> str:
        return f"K{chance.randint(1, 60)}: {hard()}" if chance.random() < 0.6 else f"{hard()}: {hard()}"

    return "\n".join(line() for _ in range(lines)).encode("latin-1")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [[], ["-u"], ["-f"], ["-r"], ["-w"], ["-N"], ["-n"], ["-fn"]])
def test_hard_aliases(pair: Pair, options: list[str], kind: str) -> None:
    chance = random.Random(f"{options} {kind}")
    text = hard_text(chance, 150)
    pair.write("t", text)
    status, _, _ = pair.run(*options, f"{kind}:t")
    assert status == 0
    if (kind, options) != ("cdb", ["-w"]):  # there, the original stores duplicates behind the first
        pair.maps_equal(f"{kind}:t")
    keys = [line.partition(b":")[0] for line in text.split(b"\n")]
    keys = [key for key in keys if key.partition(b"\0")[0]]  # the original dies of an empty key in lmdb maps
    pair.run(*options, "-q", "-", f"{kind}:t", stdin=b"\n".join([*keys, b"@", b"YP_MASTER_NAME"]))
    if kind == "cdb":  # the original does not list them
        pair.run("-i", "cdb:t")
        pair.run("-d", "a", "cdb:t")
        return
    pair.run("-s", f"{kind}:t")
    pair.run(*options, "-i", f"{kind}:t", stdin=hard_text(chance, 30))
    pair.maps_equal(f"{kind}:t")
    pair.run(*options, "-d", "-", f"{kind}:t", stdin=b"\n".join(keys[::3]))
    pair.maps_equal(f"{kind}:t")


OWN = b'root: a\n"@": b\n"YP_MASTER_NAME": x\nroot: q\nlead\nroot: r\n'


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [[], ["-f"], ["-fn"], ["-fr"], ["-fN"], ["-r"], ["-n", "-N"]])
def test_own_entries(pair: Pair, options: list[str], kind: str) -> None:
    """Aliases with the names of the entries that postalias adds; later entries with -i."""
    pair.write("t", OWN)
    pair.run(*options, f"{kind}:t")
    pair.maps_equal(f"{kind}:t")
    if kind != "cdb":
        for more in ("-i", "-ir", "-iw"):
            pair.run(more, *options, f"{kind}:t", stdin=b"root: z\nnew: n\n bad\n")
            pair.maps_equal(f"{kind}:t")


def test_twenty_thousand_aliases(pair: Pair) -> None:
    chance = random.Random(3)
    rows = [
        b"user%d:\tuser%d@example%d.com, %s\n" % (n, n, n % 100, b"x" * chance.randint(1, 300)) for n in range(20_000)
    ]
    rows += chance.choices(rows, k=50)
    rows.append(b"big: " + b"v" * 70_000 + b"\n")
    pair.write("t", b"".join(rows))
    pair.run("hash:t")
    pair.maps_equal("hash:t")
    pair.run("-q", "-", "hash:t", stdin=b"".join(row.split(b":")[0].upper() + b"\n" for row in rows[::7]))


OPTIONS: list[tuple[tuple[str, ...], bytes]] = [
    ((), b""),
    (("-x",), b""),
    (("-b", "t"), b""),
    (("-F", "t"), b""),
    (("-h", "t"), b""),
    (("-m", "t"), b""),
    (("-U", "t"), b""),
    (("-q",), b""),
    (("-q", "a"), b""),
    (("-q", "a", "-q", "b", "t"), b""),
    (("-s", "-q", "a", "t"), b""),
    (("-q", "a", "-s", "t"), b""),
    (("-d", "a", "-d", "b", "t"), b""),
    (("-s",), b""),
    (("-s", "hash:t", "hash:u"), b""),
    (("-s", "hash:none"), b""),
    (("-s", "static:b"), b""),
    (("-q", "root", "hash:t"), b""),
    (("-q", "ROOT", "t"), b""),
    (("-f", "-q", "ROOT", "t"), b""),
    (("-q", "x y", "t"), b""),
    (("-q", "@", "t"), b""),
    (("-f", "-q", "YP_MASTER_NAME", "t"), b""),
    (("-q", "", "t"), b""),
    (("-q", "q", "hash:t", "hash:u"), b""),
    (("-q", "a", "hash:none"), b""),
    (("-q", "a", "none:t"), b""),
    (("-q", "a", "fail:x"), b""),
    (("-q", "a", "static:b"), b""),
    (("-q", "a", "static:"), b""),
    (("-q", "a", "inline:{a=}"), b""),
    (("-q", "-", "t", "u"), b"root\nROOT\nnone\nx y\nq\n\na@b\n\xff\n\xc3\x84"),
    (("-u", "-q", "-", "t"), b"\xc3\x84\n"),
    (("-q", "-", "t"), b"none\n"),
    (("-d", "root", "hash:t", "hash:u"), b""),
    (("-d", "none", "hash:t"), b""),
    (("-d", "a", "hash:none"), b""),
    (("-d", "a", "fail:x"), b""),
    (("-d", "a", "static:x"), b""),
    (("-d", "a", "texthash:t"), b""),
    (("-d", "-", "t"), b"x y\nroot\n@\n"),
    (("-f", "-d", "YP_MASTER_NAME", "t"), b""),
    (("-c", "/none", "t"), b""),
    (("hash:none",), b""),
    (("none:t",), b""),
    (("none:none",), b""),
    (("static:t",), b""),
    (("fail:t",), b""),
    (("-i", "fail:t"), b""),
    (("-i", "static:t"), b""),
    (("proxy:hash:t",), b""),
    ((":t",), b""),
    (("",), b""),
    (("--", "hash:t", "u"), b""),
    (("hash:t", "none:t"), b""),
    (("-o", "-p", "-w", "-r", "hash:t"), b""),
    (("-i", "hash:new"), b"bad\n x:\n\na: b\na@b: c\n\xff: x\n"),
]


@pytest.mark.parametrize(("arguments", "stdin"), OPTIONS)
def test_options(pair: Pair, arguments: tuple[str, ...], stdin: bytes) -> None:
    pair.write("t", b'root: a\nRoot: b\n"x y": z, "|cmd"\n\xc3\x84: ae\n')
    pair.write("u", b"root: 2\nq: r\n")
    pair.run("hash:t", "hash:u")
    pair.run(*arguments, stdin=stdin)
    for table in ("hash:t", "hash:u"):
        pair.maps_equal(table)


@pytest.mark.parametrize(
    "text", [b"", b"# only\n", b"\xef\xbb\xbfa: b\n", b"  " + b"x" * 100 + b"\n", b"a: b\0c\n d\n"]
)
def test_small_texts(pair: Pair, text: bytes) -> None:
    pair.write("t", text)
    pair.write("t.db", b"")
    pair.run("t")
    pair.maps_equal("hash:t")


@pytest.mark.parametrize(
    "main_cf",
    [
        "",
        "myhostname = a.b.example\n",
        "mydomain = example.org\n",
        "smtputf8_enable = no\n",
        "default_database_type = btree\n",
        "myhostname = bare\n",
        "myhostname = $none\n",
        "myhostname =\n",
        "myhostname = ${x\n",
        "mydomain = ${x\n",
        "myhostname = $mydomain\nmydomain = $myhostname\n",
        "bogus\n",
    ],
)
def test_main_cf(pair: Pair, main_cf: str) -> None:
    pair.main_cf(main_cf)
    pair.write("t", b"a: b\n\xff: c\n\xc3\x84: d\n")
    if pair.run("t")[0] == 0:
        pair.run("-s", "t")


def test_through_a_symbolic_link(pair: Pair) -> None:
    """Both write the file behind the link, and leave the link."""
    pair.write("t", b"a: b\n")
    for folder in (pair.ours, pair.real):
        (folder / "elsewhere").mkdir()
        (folder / "t.db").symlink_to("elsewhere/real.db")
    pair.write("elsewhere/u", b"x: y\n")
    pair.run("hash:elsewhere/u")
    for folder in (pair.ours, pair.real):
        (folder / "elsewhere" / "u.db").rename(folder / "elsewhere" / "real.db")
    pair.run("hash:t")
    pair.run("-i", "hash:t", stdin=b"c: d\n")
    pair.run("-d", "a", "hash:t")
    pair.maps_equal("hash:t")
    for folder in (pair.ours, pair.real):
        assert (folder / "t.db").is_symlink()
        assert (folder / "elsewhere" / "real.db").is_file()


DATABASES = [
    "hash:{top}/a1, btree:{top}/a2 {top}/a3",
    "{top}/a2,,{top}/a1",
    "lmdb:{top}/a1, cdb:{top}/a2 lmdb:{top}/none",
    "cdb:{top}/a3 lmdb:{top}/a2",
    "hash:{top}/none, hash:{top}/a1",
    "nis:mail.aliases hash:{top}/a1",
    "",
    "${{none?{{x}}:{{hash:{top}/a1}}}}",
    "${{x",
]


@pytest.mark.parametrize("databases", DATABASES)
def test_rebuild_alias_databases(pair: Pair, databases: str) -> None:
    """What newaliases does where Postfix is configured; the real one is Postfix's sendmail command."""
    said = []
    for folder in (pair.ours, pair.real):
        main_cf = folder / "main.cf"
        main_cf.write_text(f"compatibility_level = 3.6\nalias_database = {databases.format(top=folder)}\n")
        os.utime(main_cf, (10**9, 10**9))
        for name in ("a1", "a2", "a3"):
            (folder / name).write_text(f"{name}: b\nbad\n")
        if folder is pair.ours:
            code = "import sys; from mailconf.cli.postfix.postalias import rebuild_alias_databases as r; "
            code += f"from mailconf.files import Root; sys.exit(r({str(folder)!r}, Root()))"
            command = [sys.executable, "-c", code]
        else:
            command = ["/usr/bin/newaliases"]
        environment = {**os.environ, "MAIL_CONFIG": str(folder), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, capture_output=True, env=environment)
        stderr = done.stderr.replace(os.fsencode(folder), b"TOP")
        said.append((done.returncode, done.stdout, stderr, sorted(path.name for path in folder.iterdir())))
    assert said[0] == said[1]
