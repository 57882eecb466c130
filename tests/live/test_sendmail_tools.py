"""makemap, editmap and praliases beside the real ones: status, messages, output and the resulting files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.live.sendmail_side import Side

pytestmark = pytest.mark.live

KINDS = ["hash", "btree", "implicit"]
BERKELEY = ["hash", "btree"]

TABLES = {
    "plain": b"a b\nC  d e\nf\t\tg",
    "blank lines": b"# c\n\n   \n\t\n#\nA\tB C  D \nb c #d\n\n\n",
    "leading space": b"a b\n c d\ne f\n\tg h\n\r\n",
    "carriage returns": b"a b\r\nc\td\r\ne\r\nf \r\n",
    "no values": b"a\nFOO\nBar\xff\nb \nc\t\t\nd e\n",
    "nul": b"a\0x b\nc d\0e\nf\0\n\0\ng h\n#i\0\nj k\0l",
    "nul at the end": b"a b\n\0",
    "duplicates": b"a b\na c\nA d\nq\nb e\n x\nB z\n\nb y\n",
    "empty": b"",
    "1022": b"a " + b"x" * 1020 + b"\nb c\nb d\n",
    "1023": b"a " + b"x" * 1021 + b"\nb c\nb d\n",
    "1023, no newline": b"a " + b"x" * 1021,
    "1024, no newline": b"a " + b"x" * 1022,
    "3000": b"a " + b"x" * 3000 + b"\nb c\nb d\n# " + b"y" * 3000 + b"\n",
    "70000": b"a " + b"x" * 70_000 + b"\nb c\n",
    "long, with a nul": b"a b\0" + b"d" * 1100 + b"\nx y\nx z\n",
    "quotes": b'"a b" c\na\\ b c\n\xc3\x84\xd6 x\n\xff y\n\xa0z y\n',
    "other space": b"a\vb\fc d\ne\vf\nc  \vb\n\va b\n",
    "delimiters": b"a b: c d \nB:c:d\n c:d\n:x\n::\nq\nx,,y\nz, y , \nw;v\n;u t\n",
}
OPTIONS = [
    [],
    ["-e"],
    ["-f"],
    ["-r"],
    ["-N"],
    ["-v"],
    ["-d"],
    ["-v", "-e", "-N", "-f"],
    ["-v", "-d", "-r"],
    ["-t:"],
    ["-e", "-t,"],
    ["-D;"],
    ["-D", ""],
    ["-t", ""],
    ["-tab", "-D#"],
]
TEXT = st.lists(st.sampled_from([b"a", b"B", b"c", b"#", b":", b" ", b"\t", b"\r", b"\0", b"\n", b"\n", b"x" * 1022]))


@pytest.fixture
def side(tmp_path: Path) -> Side:
    if os.geteuid() != 0:
        pytest.fail("compares owners: run the live tests as root")
    # pytest's folders are closed to other users.
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    return Side(tmp_path)


@pytest.mark.parametrize("name", list(TABLES))
def test_makemap_on_hard_tables(side: Side, name: str) -> None:
    for options in OPTIONS:
        side.both("makemap", *options, "hash", "t", stdin=TABLES[name])
    for kind in KINDS[1:]:
        for options in ([], ["-r"], ["-d"]):
            side.both("makemap", *options, kind, "t", stdin=TABLES[name])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=TEXT, options=st.sampled_from(OPTIONS))
def test_makemap_on_any_text(side: Side, parts: list[bytes], options: list[str]) -> None:
    side.both("makemap", *options, "hash", "t", stdin=b"".join(parts))


@pytest.mark.parametrize("kind", KINDS)
def test_makemap_on_a_large_table(side: Side, kind: str) -> None:
    text = b"".join(b"User%d@example%d.com\tbox %d\n" % (n % 19_990, n % 97, n) for n in range(20_000))
    side.both("makemap", kind, "t", stdin=text)
    side.both("makemap", "-r", kind, "t", stdin=text)
    side.both("makemap", "-o", kind, "t", stdin=b"user1@example1.com x\nnew y\n")


@pytest.mark.parametrize("kind", KINDS)
def test_makemap_adds(side: Side, kind: str) -> None:
    side.both("makemap", kind, "t", stdin=b"a b\nc d\n")
    for options in ([], ["-r"], ["-v", "-N"], ["-N"], ["-d"], ["-f", "-v"]):
        side.both("makemap", "-o", *options, kind, "t", stdin=b"a x\ne f\ne g\nq\n z\nA y\n")
    for other in KINDS:
        side.both("makemap", "-o", other, "t", stdin=b"a x\n")
    side.both("makemap", "-o", kind, "none", stdin=b"a x\n")


@pytest.mark.parametrize("kind", BERKELEY)
def test_keys_with_several_values(side: Side, kind: str) -> None:
    side.both("makemap", "-d", kind, "t", stdin=b"a b\na c\nb d\n")
    for options in ([], ["-r"], ["-d", "-v"], ["-N"]):
        side.both("makemap", "-o", *options, kind, "t", stdin=b"a k\nz l\nA m\n")
    side.both("makemap", "-u", kind, "t")
    for words in (["-q", "a"], ["-u", "A", "new"], ["-u", "Q", "new"], ["-x", "z"], ["-x", "z"], ["-x", "b"]):
        side.both("editmap", words[0], kind, "t", *words[1:])
    side.both("praliases", "-f", f"{kind}:t")
    side.both("makemap", "-d", kind, "t", stdin=b"".join(b"k%d v%d\n" % (n % 37, n) for n in range(9000)))
    side.both("makemap", "-o", kind, "t", stdin=b"k1 2\nx y\n")
    side.both("editmap", "-u", kind, "t", "k1", "new")
    side.both("makemap", kind, "t", stdin=b"a b\n")


@pytest.mark.parametrize("kind", BERKELEY)
def test_the_real_tools_change_ours_with_several_values(side: Side, kind: str) -> None:
    side.both("makemap", "-d", kind, "t", stdin=b"".join(b"k%d v%d\n" % (n % 37, n) for n in range(9000)))
    shutil.copy(side.ours / "t.db", side.real / "t.db")
    side.both("makemap", "-o", "-d", kind, "t", stdin=b"".join(b"k%d w%d\n" % (n % 50, n) for n in range(3000)))
    shutil.copy(side.real / "t.db", side.ours / "t.db")
    side.both("makemap", "-u", kind, "t")
    side.both("editmap", "-x", kind, "t", "k7")


@pytest.mark.parametrize("kind", KINDS)
def test_makemap_lists(side: Side, kind: str) -> None:
    side.both("makemap", kind, "t", stdin=b"a b\nc d e\n\xff \xfe\n")
    side.both("makemap", "-N", kind, "n", stdin=b"a b\nc d e\n")
    side.both("makemap", "-e", "-t:", kind, "e", stdin=b"a\n:\nb\tc:d\n")
    for name in ("t", "n", "e", "t.db", "none", ""):
        for options in ([], ["-t:"], ["-t", ""], ["-N", "-v", "-f"]):
            side.both("makemap", "-u", *options, kind, name)
    for other in KINDS:
        side.both("makemap", "-u", other, "t")


@pytest.mark.parametrize(
    "words",
    [
        *([], ["hash"], ["hash", "a", "b"], ["-Z"], ["-C"], ["-L"], ["-l"], ["-x"], ["-l", "-Z"], ["-Z", "-l"]),
        *(["cdb", "t"], ["dbm", "t"], ["lmdb", "t"], ["HASH", "t"], ["", "t"], ["-i", "hash", "cdb", "t"]),
        *(["-i", "foo", "foo", "t"], ["hash", "-v", "t"], ["hash", "t", "--", "-v"], ["--", "hash", "t"], ["-c"]),
        *(["-c", "5k", "btree", "t"], ["-c", "-1", "btree", "t"], ["hash", "no/x"], ["hash", "cf/x"], ["hash", "."]),
        *(["hash", ""], ["hash", "t.db"], ["hash", "t.DB"], ["hash", "x" * 252], ["hash", "x" * 253], ["-vZ"]),
        *(["hash", "y/" * 3000], ["-?"], ["-:"], ["-"], ["hash", "-"], ["-i", "btree", "", "t"], ["-x", "-l", "a"]),
        *(["-v", "-i", "btree", "cf", "t"], ["-i", "", "cf", "t"], ["-vr", "-tx", "hash", "t"], ["implicit", "no/t"]),
    ],
    ids=lambda words: " ".join(words)[:40],
)
def test_makemap_s_command_line(side: Side, words: list[str]) -> None:
    side.both("makemap", *words, stdin=b"a b\n")


@pytest.mark.parametrize("tool", ["makemap", "editmap", "praliases"])
def test_configurations_that_cannot_be_read(side: Side, tool: str) -> None:
    words = {"makemap": ["hash", "t"], "editmap": ["-u", "hash", "t", "a", "b"], "praliases": ["a"]}[tool]
    for cf in ("none", "cf/x", "/"):
        side.both(tool, *words, cf=cf)


@pytest.mark.parametrize("user", [0, 1234])
def test_who_needs_a_configuration(side: Side, user: int) -> None:
    """makemap needs one for root and for a type that it names, editmap always, praliases without -f."""
    side.both("makemap", "hash", "t", stdin=b"a b\n")
    side.write("secret", "O TrustedUser=nosuch\n")
    side.write("unknown", "O TrustedUser=nosuch\n")
    side.each(lambda folder: (folder / "secret").chmod(0o600))
    side.each(lambda folder: folder.chmod(0o755))
    side.each(lambda folder: (folder / "d").mkdir())
    side.each(lambda folder: os.chown(folder / "d", user, user))
    for cf in ("none", "secret", "unknown", "/", "cf"):
        for words in (["hash", "d/x"], ["-u", "hash", "t"], ["cf", "d/y"], ["-i", "hash", "CF", "d/y"], ["", "d/z"]):
            side.both("makemap", *words, stdin=b"a b\n", cf=cf, user=user)
        side.both("makemap", "-i", "hash", "", "d/z", stdin=b"a b\n", cf=cf, user=user)
        for words in (["-q", "hash", "t", "a"], ["-u", "hash", "d/x", "k", "v"], ["-x", "hash", "d/x", "a"]):
            side.both("editmap", *words, cf=cf, user=user)
        for words in (["-f", "t"], ["-f", "t", "a", "b"], ["-f", "none"], ["a"], []):
            side.both("praliases", *words, cf=cf, user=user)


@pytest.mark.parametrize(
    "line",
    [
        *("Kx btree /etc/mail/t", "Kx btree /etc/mail/foo", "Kx btree foo", "Kx btree a/foo", "K x btree foo"),
        *("Kx btree foo \t ", "Kx btree foo\r", 'Kx btree "foo"', "Kx btree -o\tfoo", "Kx btree -o foo"),
        *("Kx\tbtree foo", "Kx foo", "Kfoo", "K foo", "# Kx btree foo", "Kx btree foo -m\nKy hash foo"),
        *("Kx dbm foo", "Kx implicit foo", "Kx btree -T<TMPF> /etc/foo.db", "Kx btree " + "-o " * 2000 + "foo"),
        *(
            "Kx sequence foo bar\nKy hash foo",
            "Kx btree foofoo",
            "Kx btree\n foo",
            "",
            "Kx btree foo\0bar",
            "Kx btree foo.a.b",
            "Kx btree foo.a",
        ),
        *("Kx btree /x/foo.d/foo", "Kx btree /x/foo.d/bar", "Kx btree /afoo/foo", "Kx btree .foo", "Kx btree foo-bar"),
    ],
    ids=lambda line: line[:40],
)
def test_the_type_that_the_configuration_names(side: Side, line: str) -> None:
    side.write("cf", line + "\n")
    for name in ("foo", "t", "./foo", "foo.db", "foo.x.y", ".foo", "a/b.c/foo."):
        for kind in ("cf", "CF"):
            side.both("makemap", kind, name, stdin=b"a b\n")


@pytest.mark.parametrize(
    "line",
    [
        *("O TrustedUser=daemon", "OTrustedUser=daemon", "O TrustedUser=1", "O TrustedUser = daemon"),
        *("O trusteduser=daemon", "O TrustedUser=nosuch", "O TrustedUser=99999", "O TrustedUser", "O TrustedUser="),
        *("O TrustedUser=daemon  ", "O  TrustedUser=daemon", "O TrustedUser= daemon #x", "O TrustedUserX=daemon"),
        *("O TrustedUser:daemon", "O TrustedUser=12abc", "O TrustedUser=daemon\nO TrustedUser=bin"),
        *("O TrustedUser\t=\tdaemon", "O\tTrustedUser=daemon", "O TrustedUser=bin\nO TrustedUser=nosuch"),
    ],
    ids=lambda line: line[:40],
)
def test_maps_belong_to_the_trusted_user(side: Side, line: str) -> None:
    side.write("cf", line + "\n")
    side.both("makemap", "hash", "t", stdin=b"a b\n")
    side.both("makemap", "hash", "t", stdin=b"c b\n")
    side.both("makemap", "-o", "hash", "t", stdin=b"d b\n")
    side.both("makemap", "-d", "hash", "d", stdin=b"d b\n")
    side.both("editmap", "-u", "hash", "t", "e", "f")
    side.both("editmap", "-u", "hash", "u", "e", "f")
    side.both("praliases", "-f", "t")


def test_editmap(side: Side) -> None:
    side.both("makemap", "hash", "t", stdin=b"a b\nQ r\nx y z\n")
    odd = os.fsdecode(b"\xff\xc3")
    for words in (
        *("-q hash t a", "-q hash t A", "-q -f hash t A", "-q hash t none", "-q hash t NONE", "-q btree t x"),
        *("-q implicit t x", "-q cdb t x", "-q dbm t x", "-q foo t x", "-q hash none x", "-q -N hash t a"),
        *("-q hash t a v", "-q hash t", "-q", "hash t a", "", "-u hash t a", "-u hash t A new", "-u hash t NEW b c"),
        *("-u -f hash t NEW v", "-u -N hash t n v", "-q -N hash t n", "-q hash t n", "-x hash t a", "-x hash t A"),
        *("-x -N hash t n", "-x hash t e v", "-q -x hash t x", "-q -u hash t x v", "-q -q hash t x", "-Z hash t x"),
        *("-s -q hash t x", "-u hash new k v", "-x btree newb K", "-u implicit newi k v", "-u btree new k v", "-C"),
        *("hash t x -q", "-u hash no/t k v", "-u cf t k v", f"-u hash t {odd} {odd}", f"-q hash t {odd}"),
        f"-u hash t k {'x' * 2000}",
        f"-u hash t {'k' * 2000} v",
    ):
        side.both("editmap", *words.split())
    for action in (["-u", "hash", "t", "", "v"], ["-q", "hash", "t", ""], ["-u", "hash", "t", "e", ""]):
        side.both("editmap", *action)
    side.both("editmap", "-q", "hash", "t", "e")
    side.both("editmap", "-q", "hash", "t", "k" * 2000)


def test_praliases(side: Side) -> None:
    side.both("makemap", "-N", "-f", "hash", "al", stdin=b'Root root@x\nbin \x80\xffz\n@ @\nempty  x\nquo"te a:b\n')
    side.both("makemap", "hash", "plain", stdin=b"a b\nc d\n")
    side.both("makemap", "-o", "-N", "hash", "plain", stdin=b"a nul\n")
    side.both("makemap", "btree", "tree", stdin=b"a b\nc d\n")
    side.write("cf", "O AliasFile=al\n")
    for words in ([], ["Root"], ["root", "bin", "nope"], ["-x"], ["al", "-f", "al"], ["--", "bin"], ["-f"], ["-C"]):
        side.both("praliases", *words)
    for spec in (
        *("al", "implicit:al", "hash:al", "btree:al", " hash : al", "ldap:x", "foo:x", "hash:-o al", "-o al", "hash:"),
        *("", "al,al", "al al", "hash:al,hash:al", "al.db", "dbm:al", "cdb:al", "plain", "tree", "btree:tree"),
        *("none", "hash:none", "no/al", "hash:no/al", "hash: al", "hash:-o", "-o", "HASH:al", ":al"),
    ):
        side.both("praliases", "-f", spec)
        side.both("praliases", "-f", spec, "a", "bin")
    for line in (
        *("O AliasFile=hash:al", "O AliasFile= hash:al", "OAal", "O AliasFile=al, none, al", "O AliasFile=al,tree"),
        *("O AliasFile=al\nO AliasFile=tree", "O AliasFile=dbm:x, hash:al", "O AliasFile=ldap:, al", ""),
        *("O AliasFile=", "O AliasFile", "OAliasFile=al", "O AliasFile=-o al", "O aliasfile=al", "O AliasFile = al"),
        *("O AliasFile=al \t", "O AliasFile=foo:al", 'O AliasFile="al"', "O Alias=al", "OA al", "O A=al", "Oa al"),
        *("#O AliasFile=al", "O AliasFile: al", "O AliasFile=implicit:al", "O AliasFile=al,,tree,", "O AliasFile=,al"),
        *("O AliasFile=al , tree", "O AliasFile=al ,tree", "OA,al", "O AliasFile=:al", "O  AliasFile=al"),
    ):
        side.write("cf", line + "\n")
        side.both("praliases", "bin")
        side.both("praliases", "-f", "al", "bin")


def test_unsafe_files(side: Side) -> None:
    for name in ("t", "l", "h"):
        side.both("makemap", "hash", name, stdin=b"a b\n")
    side.each(lambda folder: (folder / "s.db").symlink_to("t.db"))
    side.each(lambda folder: (folder / "n.db").symlink_to("nowhere"))
    side.each(lambda folder: (folder / "d.db").mkdir())
    side.each(lambda folder: os.mkfifo(folder / "p.db"))
    side.each(lambda folder: (folder / "h2.db").hardlink_to(folder / "h.db"))
    side.write("g.db", b"g" * 5000)
    side.write("e.db", b"")
    for name in ("s", "n", "d", "p", "g", "e", "h"):
        for kind in ("hash", "implicit", "btree"):
            side.both("makemap", "-o", kind, name, stdin=b"c d\n")
            side.both("makemap", "-u", kind, name)
            side.both("editmap", "-q", kind, name, "a")
            side.both("editmap", "-u", kind, name, "a", "b")
        if name != "p":
            side.both("praliases", "-f", name)
            side.both("praliases", "-f", f"btree:{name}")
    for name in ("s", "n", "d", "p", "h", "e"):
        side.both("makemap", "hash", name, stdin=b"e f\n")
    for name in ("s", "n", "d", "p"):
        side.both("makemap", "-s", "hash", name, stdin=b"e f\n")
        side.both("makemap", "-s", "-u", "hash", name)
    for mode in (0o755, 0o711, 0o4644, 0o444, 0o200, 0):
        side.each(lambda folder, mode=mode: (folder / "t.db").chmod(mode))  # type: ignore[misc]
        for words in (
            ["makemap", "hash", "t"],
            ["makemap", "-u", "hash", "t"],
            ["editmap", "-u", "hash", "t", "a", "b"],
        ):
            side.both(*words, stdin=b"g h\n")
        side.both("praliases", "-f", "t")


@pytest.mark.parametrize("umask", [0, 0o022, 0o077, 0o027])
def test_modes_of_new_maps(side: Side, umask: int) -> None:
    side.both("makemap", "hash", "t", stdin=b"a b\n", umask=umask)
    side.both("editmap", "-u", "hash", "u", "a", "b", umask=umask)


def test_folders_that_others_can_write(side: Side) -> None:
    def make(folder: Path) -> None:
        for name in ("a", "a/b", "a/b/c", "z"):
            (folder / name).mkdir()
            (folder / name).chmod(0o777)
        links = {"a/l": "b", "a/up": "../z", "a/abs": folder / "z", "ll": "a/l", "loop": "loop", "dot": "."}
        for name, target in {**links, "slash": "a/", "odd": "..//ours/./a"}.items():
            (folder / name).symlink_to(target)

    side.each(make)
    for name in (
        *("a/b/c/t", "a/l/t", "a/up/t", "a/abs/t", "ll/t", "loop/t", "dot/t", "slash/t", "a/l/c/t", "ll/c/t"),
        *("./a/./b/t", "a/../z/t", "a/b/../t", "a//b//t", "a/up/../z/t", "../ours/t", "none/t", "a/none/t"),
    ):
        side.both("makemap", "hash", name, stdin=b"a b\n")
    for mode in (0o775, 0o1777, 0o2770, 0o755):
        side.each(lambda folder, mode=mode: (folder / "z").chmod(mode))  # type: ignore[misc]
        for words in (["hash"], ["-s", "hash"], ["-u", "implicit"], ["-o", "btree"]):
            side.both("makemap", *words, "z/t", stdin=b"a b\n")
        side.both("praliases", "-f", "z/t")
    side.each(lambda folder: folder.chmod(0o777))
    for name in ("t", "./t", "a/t", "./a/t", "dot/t", "a/../t"):
        side.both("makemap", "hash", name, stdin=b"a b\n")


@pytest.mark.parametrize("trusted", ["", "O TrustedUser=101\n"], ids=["", "trusted"])
@pytest.mark.parametrize("user", [0, 101, 102])
def test_owners_and_modes(side: Side, user: int, trusted: str) -> None:
    side.write("cf", trusted)
    side.both("makemap", "hash", "base", stdin=b"a b\n")
    side.each(lambda folder: (folder / "d").mkdir())
    for owner, mode in ((0, 0o755), (101, 0o755), (102, 0o700), (0, 0o777)):
        for who in (None, 0, 101, 102):
            for bits in (0o640, 0o606, 0o400, 0o200) if who is not None else (0,):
                if user != 0 and _departs(user, owner, mode, who):
                    continue

                def make(folder: Path, who: int | None = who, bits: int = bits) -> None:
                    (folder / "d").chmod(0o755)
                    target = folder / "d/t.db"
                    target.unlink(missing_ok=True)
                    if who is not None:
                        shutil.copy(folder / "base.db", target)
                        os.chown(target, who, who)
                        target.chmod(bits)
                    os.chown(folder / "d", owner, owner)  # noqa: B023
                    (folder / "d").chmod(mode)  # noqa: B023

                for words in (["hash"], ["-o", "-r", "hash"], ["-u", "hash"]):
                    side.each(make)
                    side.both("makemap", *words, "d/t", stdin=b"a c\n", user=user)


def _departs(user: int, owner: int, mode: int, who: int | None) -> bool:
    """Whether we need what the original does not: to write in the folder, and to give a file away."""
    writable = mode & (0o200 if user == owner else 0o002)
    return who is not None and (not writable or who != user)


@pytest.mark.parametrize("kind", BERKELEY)
@pytest.mark.parametrize("options", [[], ["-N"]], ids=["plain", "nul"])
def test_postmap_changes_maps_with_several_values(side: Side, kind: str, options: list[str]) -> None:
    side.write("main.cf", "compatibility_level = 3.6\n")
    side.each(lambda folder: os.utime(folder / "main.cf", (10**9, 10**9)))
    side.both("makemap", "-d", *options, kind, "t", stdin=b"a 1\na 2\nb 3\nb 4\nc 5\n")
    side.both("makemap", "-d", *options, kind, "m", stdin=b"".join(b"k%d v%d\n" % (n % 37, n) for n in range(9000)))
    for words, text in (
        (["-i"], b"a new\nd x\nd y\n"),
        (["-i", "-r"], b"a new\nd z\nq w\nq e\n"),
        (["-i", "-w"], b"b w\nz z\nz y\n"),
        (["-d", "a"], b""),
        (["-d", "-"], b"q\nnone\nb\n"),
        (["-N", "-i", "-r"], b"c n\n"),
        (["-n", "-i", "-r"], b"c m\n"),
    ):
        side.both("postmap", "-c", ".", *words, f"{kind}:t", stdin=text, cf=None)
    for words, text in ((["-i", "-r"], b"k1 w\nk99 w\n"), (["-d", "k7"], b"")):
        side.both("postmap", "-c", ".", *words, f"{kind}:m", stdin=text, cf=None)
