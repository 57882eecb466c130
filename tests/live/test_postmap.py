"""Our postmap and the real one side by side: output, messages, exit status, and the maps that both leave behind."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.vectors import record_message_keys as message_vectors
from tests.vectors.record_postmap import FIXED, PIECES

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
OURS = [sys.executable, "-m", "mailconf", "postmap"]
REAL = ["/usr/sbin/postmap"]
MAIN_CF = "compatibility_level = 3.6\n"


class Pair:
    """Two equal folders; every command runs in both."""

    def __init__(self, top: Path) -> None:
        self.ours = top / "ours" / "site"
        self.real = top / "real" / "site"
        for folder in (self.ours, self.real):
            folder.mkdir(parents=True)
            (folder / "main.cf").write_text(MAIN_CF)
            # Postfix's programs wait while main.cf may still be changing.
            os.utime(folder / "main.cf", (10**9, 10**9))

    def write(self, name: str, data: bytes) -> None:
        for folder in (self.ours, self.real):
            (folder / name).write_bytes(data)

    def run(self, *arguments: str, stdin: bytes = b"", departure: bytes = b"") -> tuple[int, bytes, bytes]:
        """What both said; AssertionError where they differ. The order of a listing is the map's own business.

        ``departure`` is a line that only ours says.
        """
        ours = self._one(OURS, self.ours, arguments, stdin)
        assert departure in ours[2]
        ours = (*ours[:2], ours[2].replace(departure, b""))
        real = self._one(REAL, self.real, arguments, stdin)
        assert ours == real, arguments
        return ours

    def _one(
        self, command: list[str], folder: Path, arguments: tuple[str, ...], stdin: bytes
    ) -> tuple[int, bytes, bytes]:
        words = [*command, "-c", ".", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(words, cwd=folder, input=stdin, capture_output=True, env=environment)
        out = b"\n".join(sorted(done.stdout.split(b"\n"))) if "-s" in arguments else done.stdout
        return done.returncode, out, done.stderr

    def maps_equal(self, name: str) -> None:
        """The real postmap lists the same entries in both maps, and so does Berkeley DB's own tool."""
        listings = [
            subprocess.run([*REAL, "-c", ".", "-s", name], cwd=folder, capture_output=True, check=True).stdout
            for folder in (self.ours, self.real)
        ]
        assert sorted(listings[0].split(b"\n")) == sorted(listings[1].split(b"\n"))
        file = name.partition(":")[2] + ".db"
        dumps = [
            subprocess.run(["db5.3_dump", file], cwd=folder, capture_output=True, check=True).stdout
            for folder in (self.ours, self.real)
        ]
        items = [dump.split(b"HEADER=END\n")[1].split(b"DATA=END")[0].split() for dump in dumps]
        ours, real = (sorted(zip(one[::2], one[1::2], strict=True)) for one in items)
        assert ours == real
        subprocess.run(["db5.3_verify", "-q", file], cwd=self.ours, check=True)


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


@pytest.mark.parametrize("kind", ["hash", "btree"])
@pytest.mark.parametrize("seed", range(12))
def test_hard_tables(pair: Pair, seed: int, kind: str) -> None:
    """Texts made of whatever has a meaning, many to a file, so that duplicates and long files come up as well."""
    chance = random.Random(f"{seed} {kind}")
    text = "\n".join("".join(chance.choices(PIECES, k=chance.randint(1, 25))) for _ in range(chance.randint(1, 200)))
    options = [[], ["-u"], ["-f"], ["-r"], ["-w"], ["-N"], ["-n"]][seed % 7]
    pair.write("t", text.encode("latin-1"))
    status, _, _ = pair.run(*options, f"{kind}:t")
    assert status == 0
    pair.maps_equal(f"{kind}:t")
    more = "\n".join("".join(chance.choices(PIECES, k=chance.randint(1, 25))) for _ in range(20))
    pair.run(*options, "-i", f"{kind}:t", stdin=more.encode("latin-1"))
    pair.maps_equal(f"{kind}:t")
    keys = [line.split(b" ")[0] for line in text.encode("latin-1").split(b"\n")]
    pair.run(*options, "-q", "-", f"{kind}:t", stdin=b"\n".join(keys))
    pair.run(*options, "-d", "-", f"{kind}:t", stdin=b"\n".join(keys[::3]))
    pair.maps_equal(f"{kind}:t")


@pytest.mark.parametrize("text", [*FIXED, "k " + "v" * 70_000 + "\n", "k" * 70_000 + " v\n"])
def test_fixed_tables(pair: Pair, text: str) -> None:
    pair.write("t", text.encode("latin-1"))
    pair.run("hash:t")
    pair.maps_equal("hash:t")


def test_twenty_thousand_rows(pair: Pair) -> None:
    chance = random.Random(1)
    rows = [b"user%d@example%d.com\t%s\n" % (n, n % 100, b"x" * chance.randint(1, 300)) for n in range(20_000)]
    rows += chance.choices(rows, k=50)
    pair.write("t", b"".join(rows))
    pair.run("hash:t")
    pair.maps_equal("hash:t")
    pair.run("-q", "-", "hash:t", stdin=b"".join(row.split(b"\t")[0].upper() + b"\n" for row in rows[::7]))


TABLE = b'a b\nC D e\n"x y" z\n\xc3\x84 ae\n'
QUERIES: list[tuple[tuple[str, ...], bytes]] = [
    (("-q", "a", "hash:t"), b""),
    (("-q", "A", "hash:t"), b""),
    (("-f", "-q", "C", "hash:t"), b""),
    (("-q", "none", "hash:t"), b""),
    (("-q", "", "hash:t"), b""),
    (("-q", "a", "t"), b""),
    (("-qa", "t"), b""),
    (("-q", "q", "hash:t", "hash:u"), b""),
    (("-q", "none", "hash:t", "hash:u"), b""),
    (("-q", "a", "hash:none"), b""),
    (("-q", "a", "none:t"), b""),
    (("-q", "a", "hash:"), b""),
    (("-q", '"x y"', "hash:t"), b""),
    (("-q", "Ä", "hash:t"), b""),
    (("-u", "-q", "Ä", "hash:t"), b""),
    (("-q", "\udcff", "hash:t"), b""),
    (("-q", "\udcff", "static:b"), b""),
    (("-q", "a", "static:b\udcff"), b""),
    (("-q", "A", "inline:{a=b}"), b""),
    (("-q", "A", "texthash:t"), b""),
    (("-q", "a", "fail:x"), b""),
    (("-q", "none", "hash:t", "fail:x"), b""),
    (("-q", "-", "hash:t"), b'a\nA\nnone\n\n"x y"\nC'),
    (("-q", "-", "hash:t", "hash:u"), b"a\nq\n\xff\n"),
    (("-q", "-", "hash:t"), b"none\n"),
    (("-q", "-", "hash:t"), b"a\r\n"),
    (("-q", "-", "hash:t"), b"a\0b\n"),
    (("-q", "-", "hash:none"), b""),
    (("-s", "hash:t"), b""),
    (("-s", "hash:t", "hash:u"), b""),
    (("-s", "inline:{a=b}"), b""),
    (("-s", "static:b"), b""),
    (("-s", "fail:x"), b""),
    (("-s", "hash:none"), b""),
    (("-s",), b""),
    (("-F", "-s", "hash:t"), b""),
    (("-F", "-q", "a", "hash:t"), b""),
    (("-d", "none", "hash:t"), b""),
    (("-d", "a", "hash:none"), b""),
    (("-d", "", "hash:t"), b""),
    (("-d", "a", "static:x"), b""),
    (("-d", "a", "environ:x"), b""),
    (("-d", "a", "fail:x"), b""),
    (("-d", "a", "inline:{a=b}"), b""),
    (("-d", "a", "texthash:t"), b""),
    (("-d", "a", "none:t"), b""),
    (("-q", "a", "-q", "b", "t"), b""),
    (("-q", "a", "-s", "t"), b""),
    (("-s", "-d", "a", "t"), b""),
    (("-d", "a", "-d", "b", "t"), b""),
    (("-b", "t"), b""),
    (("-q", "a"), b""),
    ((), b""),
    (("-x",), b""),
    (("-q",), b""),
    (("-c", "/none", "t"), b""),
    (("hash:none",), b""),
    (("none:t",), b""),
    (("none:none",), b""),
    ((":t",), b""),
    (("",), b""),
    (("hash:t", "none:t"), b""),
    (("hash:t", "-s"), b""),
    (("--", "hash:t"), b""),
    (("static:t",), b""),
    (("fail:t",), b""),
    (("proxy:hash:t",), b""),
    (("-i", "static:t"), b""),
    (("-i", "fail:t"), b""),
    (("-i", "fail:t"), b"a b\n"),
    (("-i", "hash:new"), b"bad\n x:\n\na: b\n"),
]


@pytest.mark.parametrize(("arguments", "stdin"), QUERIES)
def test_options(pair: Pair, arguments: tuple[str, ...], stdin: bytes) -> None:
    pair.write("t", TABLE)
    pair.write("u", b"a 2\nq r\n")
    pair.run("hash:t", "hash:u")
    pair.run(*arguments, stdin=stdin)
    pair.maps_equal("hash:t")


def test_files_as_values(pair: Pair) -> None:
    pair.write("one", b"foo\n")
    pair.write("two", b"\xffbar")
    pair.write("t", b'a one, two\nb ./none one\nc ,\nd one\n two,,one\ne ""\n')
    pair.run("-F", "hash:t")
    pair.maps_equal("hash:t")
    pair.run("-F", "-s", "hash:t")
    pair.run("-F", "-q", "d", "hash:t")
    pair.run("-F", "-q", "a", "hash:t")
    pair.run("-q", "a", "hash:t")


MESSAGES = [
    b"Subject: a\nTo: b\n c\n\nbody 1\n\nbody 2\n",
    b"not a header\nSubject: x\nfoo\n",
    b"From a b c\nSubject: x\n\nfoo\n",
    b"Subject: a\r\nTo: b\r\n\r\nfoo\r\n",
    b" lead\nSubject: a\n\nfoo\n",
    b"Subject : a\nX:y\n:z\n\nq\n",
    b"Subject: \xe4\n\n\xff\n",
    b"Subject: " + b"x" * 3000 + b"\n\n" + b"y" * 3000 + b"\n",
    b"Subject: a\0b\n\nc\0d\n",
    b"\nfoo",
    b"A: b\n\tc\nD: e\n   \nf\n",
    b"Content-Type: multipart/mixed; boundary=xx\n\n--xx\nX: y\n\nz\n--xx--\n",
    b"",
]


@pytest.mark.parametrize("options", ["-h", "-b", "-m", "-hb", "-hm", "-bm", "-hbm", "-hU", "-bU", "-hmU"])
@pytest.mark.parametrize("message", MESSAGES)
def test_message_queries(pair: Pair, message: bytes, options: str) -> None:
    pair.write("t", b"/^.*$/ FOUND\n")
    pair.run(options, "-q", "-", "regexp:t", stdin=message)


@pytest.mark.parametrize("seed", range(8))
def test_parts_of_messages(tmp_path: Path, seed: int) -> None:
    message_vectors.lay_out(tmp_path)
    chance = random.Random(seed)
    for text in [*message_vectors.FIXED[seed::8], *(message_vectors.message(chance) for _ in range(12))]:
        for option in message_vectors.OPTIONS:
            command = [*OURS, "-c", str(tmp_path), option, "-q", "-", f"regexp:{tmp_path}/all"]
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            done = subprocess.run(command, input=text.encode("latin-1"), capture_output=True, env=environment)
            assert done.stderr == b""
            keys = done.stdout.decode("latin-1").split("\tFOUND\n")[:-1]
            assert keys == message_vectors.real_keys(tmp_path, text, option), text


@pytest.mark.parametrize("limits", ["mime_nesting_limit = 1", "mime_nesting_limit = 0", "header_size_limit = 20"])
def test_limits_of_messages(pair: Pair, limits: str) -> None:
    for folder in (pair.ours, pair.real):
        (folder / "main.cf").write_text(f"{MAIN_CF}{limits}\nmime_boundary_length_limit = 3\n")
        os.utime(folder / "main.cf", (10**9, 10**9))
    pair.write("t", b"/^/ FOUND\n")
    deep = "".join(f"Content-Type: multipart/mixed; boundary=b{n}x{n}\n\n--b{n}x\n\n" for n in range(6))
    for text in (deep, "Subject: " + "a\n " * 30 + "\nTo: x\n\nq\n"):
        for option in ("-hm", "-bm", "-h"):
            pair.run(option, "-q", "-", "regexp:t", stdin=text.encode())


@pytest.mark.parametrize("level", ["0", "1", "2", "3.6"])
def test_compatibility_level(pair: Pair, level: str) -> None:
    for folder in (pair.ours, pair.real):
        (folder / "main.cf").write_text(f"compatibility_level = {level}\n")
        os.utime(folder / "main.cf", (10**9, 10**9))
    pair.write("t", b"\xc3\x84\xff x\n\xc3\x84 B\n  \xc3\x84\n")
    pair.run("hash:t")
    pair.maps_equal("hash:t")


@pytest.mark.parametrize(
    "main_cf",
    [
        "bogus\n",
        "x y = 1\n",
        " = 1\n= 2\n",
        "smtputf8_enable = maybe\n",
        "smtputf8_enable =\n",
        "default_database_type =\n",
        "default_database_type = $none\n",
        "default_database_type = btree\n",
        "default_database_type = ${x?{btree}:{hash}}\n",
        "default_database_type = ${x\n",
        "a = 1\na = 2\n",
    ],
)
def test_main_cf(pair: Pair, main_cf: str) -> None:
    for folder in (pair.ours, pair.real):
        (folder / "main.cf").write_text(main_cf)
        os.utime(folder / "main.cf", (10**9, 10**9))
    pair.write("t", TABLE)
    pair.run("t")
    pair.run("-s", "t")


# Only root can give files away; for others what remains are the permissions.
OTHERS = ["source", "source, map", "source, folder", "source, map, folder"] if os.geteuid() == 0 else []


@pytest.mark.parametrize("who", ["", *OTHERS])
@pytest.mark.parametrize("option", ["", "-o", "-p"])
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o644])
def test_owner_and_mode(tmp_path: Path, who: str, option: str, mode: int) -> None:
    """Root works with the rights of the text's owner; a new map gets the text's permissions."""
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:3]:
        parent.chmod(parent.stat().st_mode | 0o055)
    pair = Pair(tmp_path)
    pair.write("t", TABLE)
    for folder in (pair.ours, pair.real):
        (folder / "t").chmod(mode)
        if "map" in who:
            subprocess.run([*REAL, "-c", ".", "hash:t"], cwd=folder, check=True)
            shutil.chown(folder / "t.db", "nobody", "nogroup")
        if "source" in who:
            shutil.chown(folder / "t", "nobody", "nogroup")
        if "folder" in who:
            shutil.chown(folder, "nobody", "nogroup")
    elsewhere = b"postmap: warning: t.db: the folder belongs to another user\n"
    warned = option == "-o" and "folder" in who
    pair.run(*filter(None, [option]), "hash:t", departure=elsewhere if warned else b"")
    states = [
        (path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) if path.exists() else None
        for path in (folder / "t.db" for folder in (pair.ours, pair.real))
    ]
    assert states[0] == states[1]
