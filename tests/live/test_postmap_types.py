"""postmap on every type of map beside the real one: hard tables, and each option, as test_postmap.py does for hash."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.live.test_postmap import QUERIES, TABLE
from tests.live.tool_pair import Pair
from tests.vectors.record_postmap import FIXED, PIECES

pytestmark = pytest.mark.live

KINDS = ["hash", "btree", "cdb", "lmdb"]
OPTIONS = [[], ["-u"], ["-f"], ["-r"], ["-w"], ["-N"], ["-n"], ["-rN"], ["-wn"], ["-fo"], ["-p"], ["-v"], ["-U"]]


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path, "postmap")


def hard_text(chance: random.Random, lines: int) -> bytes:
    """Lines of whatever has a meaning; few names, so that many come twice."""

    def hard() -> str:
        return "".join(chance.choices(PIECES, k=chance.randint(1, 12)))

    return "\n".join(
        f"K{chance.randint(1, 60)} {hard()}" if chance.random() < 0.5 else hard() for _ in range(lines)
    ).encode("latin-1")


def keys_of(text: bytes) -> list[bytes]:
    """What the keys may be. The original dies of an empty key in an lmdb map."""
    keys = [line.split(b" ")[0].split(b"\t")[0] for line in text.split(b"\n")]
    return [key for key in keys if key.partition(b"\0")[0]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", OPTIONS, ids="".join)
def test_hard_tables(pair: Pair, options: list[str], kind: str) -> None:
    chance = random.Random(f"{options} {kind}")
    text = hard_text(chance, 200)
    pair.write("t", text)
    silent = "-v" in options  # the real one tells of its inner workings
    run = pair.run_quietly if silent else pair.run
    status, _, _ = run(*options, f"{kind}:t")
    assert status == 0
    if (kind, options[:1]) not in (("cdb", ["-w"]), ("cdb", ["-wn"])):  # there, the original stores duplicates
        pair.maps_equal(f"{kind}:t")
    keys = keys_of(text)
    run(*options, "-q", "-", f"{kind}:t", stdin=b"\n".join(keys))
    for key in keys[:5]:
        run(*options, "-q", key.decode("latin-1").partition("\0")[0], f"{kind}:t")
    if kind == "cdb":  # the original does not list them
        run("-i", "cdb:t")
        run("-d", "a", "cdb:t")
        return
    run(*options, "-s", f"{kind}:t")
    run(*options, "-i", f"{kind}:t", stdin=hard_text(chance, 40))
    pair.maps_equal(f"{kind}:t")
    run(*options, "-d", "-", f"{kind}:t", stdin=b"\n".join(keys[::3]))
    pair.maps_equal(f"{kind}:t")


@pytest.mark.parametrize("kind", ["hash", "btree", "lmdb"])
@pytest.mark.parametrize(
    "keys", [b"\\\xff", b"a\n\xff", b"\xff\n", b"\xff\nb", b"\xff\0x\n\xff", b"\xff", b"none\n\xff\n"]
)
def test_keys_that_are_no_text(pair: Pair, keys: bytes, kind: str) -> None:
    pair.write("t", TABLE)
    pair.run(f"{kind}:t")
    for option in ("-q", "-d"):
        pair.run(option, "-", f"{kind}:t", stdin=keys)
        pair.run(option, "-", f"{kind}:t", f"{kind}:t", stdin=keys)
    pair.run("-d", "\udcff", f"{kind}:t")
    pair.maps_equal(f"{kind}:t")


def test_keys_that_are_too_long_for_lmdb(pair: Pair) -> None:
    long = b"k" * 600
    pair.write("t", TABLE)
    pair.run("lmdb:t")
    for options in (["-i"], ["-ir"], ["-iw"]):
        pair.run(*options, "lmdb:t", stdin=long + b" v\nz z\n")
        pair.maps_equal("lmdb:t")
    for option in ("-q", "-d"):
        pair.run(option, long.decode(), "lmdb:t")
        pair.run(option, "-", "lmdb:t", stdin=long + b"\na\n")
    pair.maps_equal("lmdb:t")


@pytest.mark.parametrize("kind", ["cdb", "lmdb", "btree"])
@pytest.mark.parametrize("text", [*FIXED, "k " + "v" * 70_000 + "\nl m\n", "l m\n" + "k" * 70_000 + " v\n"])
def test_fixed_tables(pair: Pair, text: str, kind: str) -> None:
    pair.write("t", text.encode("latin-1"))
    if pair.run(f"{kind}:t")[0] == 0:
        pair.maps_equal(f"{kind}:t")


@pytest.mark.parametrize("kind", ["cdb", "lmdb", "btree"])
def test_twenty_thousand_rows(pair: Pair, kind: str) -> None:
    chance = random.Random(1)
    rows = [b"user%d@example%d.com\t%s\n" % (n, n % 100, b"x" * chance.randint(1, 300)) for n in range(20_000)]
    rows += [*chance.choices(rows, k=50), b"long " + b"v" * 70_000 + b"\n"]
    pair.write("t", b"".join(rows))
    pair.run(f"{kind}:t")
    pair.maps_equal(f"{kind}:t")
    pair.run("-q", "-", f"{kind}:t", stdin=b"".join(row.split(b"\t")[0].upper() + b"\n" for row in rows[::7]))
    pair.run("-q", "-", f"{kind}:t", stdin=b"".join(row.split(b"\t")[0] + b"\n" for row in rows * 2))


MANY = 24_000  # keys that are divided between two processes


@pytest.mark.parametrize("kind", ["cdb", "lmdb", "btree", "hash"])
@pytest.mark.parametrize(
    ("options", "odd"),
    [
        ([], b"User5@EXAMPLE.com"),
        (["-f"], b"User5@EXAMPLE.com"),
        (["-u"], b"\xff@example.com"),
        ([], b"\xff@example.com"),
        ([], "größe@example.com".encode()),
        ([], "GRÖSSE@example.com".encode()),
        ([], b"user3@example.com\0b"),
        ([], b"user3@example.com\r"),
        ([], b"empty"),
        (["-N"], b"user3"),
        (["-n"], b"user3"),
        (["-v"], b"none"),
    ],
)
def test_many_keys(pair: Pair, kind: str, options: list[str], odd: bytes) -> None:
    chance = random.Random(odd)
    rows = [b"user%d@example.com\tbox%d\n" % (n, n) for n in range(MANY // 2)]
    rows += ["größe@example.com g\n".encode(), b"User5@EXAMPLE.com x\n"]
    pair.write("t", b"".join(rows + [b"empty\n"] * (odd == b"empty")))
    run = pair.run_quietly if "-v" in options else pair.run
    run(*options, f"{kind}:t")
    keys = [b"user%d@example.com" % chance.randrange(MANY) for _ in range(MANY)]
    for place in (0, 200, 9_000, 22_000):
        some = [*keys[:place], odd, *keys[place:]]
        assert run(*options, "-q", "-", f"{kind}:t", stdin=b"\n".join(some) + b"\n" * (place > 0))[1]
    run(*options, "-q", "-", f"{kind}:t", stdin=b"\n".join([b"none", odd] * MANY))


@pytest.mark.parametrize("kind", ["cdb", "lmdb", "btree"])
@pytest.mark.parametrize(("arguments", "stdin"), [case for case in QUERIES if "-s" not in case[0] or len(case[0]) > 2])
def test_options(pair: Pair, arguments: tuple[str, ...], stdin: bytes, kind: str) -> None:
    arguments = tuple(word.replace("hash:", f"{kind}:") for word in arguments)
    if kind == "cdb" and "-s" in arguments and f"{kind}:t" in arguments:
        return  # listing is ours alone
    pair.main_cf(f"compatibility_level = 3.6\ndefault_database_type = {kind}\n")
    pair.write("t", TABLE)
    pair.write("u", b"a 2\nq r\n")
    pair.run(f"{kind}:t", f"{kind}:u")
    if kind == "lmdb":
        stdin = stdin.replace(b"\n\n", b"\n")  # the original ends at an empty key
        if arguments[:2] in (("-q", ""), ("-d", "")) or arguments == ("-d", "a", "lmdb:none"):
            return
    pair.run(*arguments, stdin=stdin)
    pair.maps_equal(f"{kind}:t")


NAMES = ["a", "-", ".", "..", "a-", "1", "1.2", "_", "\xe4", " ", "[1]", ":", "a" * 63, "b" * 64, "c." * 126, "-x"]


def test_host_names(pair: Pair) -> None:
    """What is no host name stops the tool; so do the two parameters when they are empty."""
    chance = random.Random(9)
    pair.write("t", TABLE)
    pair.run("hash:t")
    for turn in range(40):  # the real tool waits a second before it fails
        name = "".join(chance.choices(NAMES, k=chance.randint(1, 4)))
        lines = [f"{chance.choice(['myhostname', 'mydomain'])} = {name}"]
        if turn % 5 == 0:
            lines.append(f"mydomain = {chance.choice(['', 'x.y', '-', '$myhostname', '$none'])}")
        if turn % 7 == 0:
            lines.append(f"myhostname = {chance.choice(['', 'x.y', 'x', 'x.1', '$mydomain', 'x.$mydomain'])}")
        if turn % 11 == 0:
            lines.append(chance.choice(["smtputf8_enable = x", "default_database_type ="]))
        pair.main_cf("compatibility_level = 3.6\n" + "\n".join(lines) + "\n")
        pair.run("-q", "a", "hash:t")


@pytest.mark.parametrize("options", [*OPTIONS, ["-F"], ["-Fr"], ["-rw"], ["-wr"], ["-fu"]], ids="".join)
def test_texthash_warns_as_it_is_opened(pair: Pair, options: list[str]) -> None:
    text = (
        hard_text(random.Random(f"{options}"), 200) + b'\na none\na one\nb one, two\nb two\n"x y\nc: one\nd one\n two\n'
    )
    pair.write("t", text)
    for folder in pair.tools:
        os.utime(folder / "t", (10**9, 10**9))  # the original reads a young file again and again
    for name in ("one", "two"):
        pair.write(name, name.encode())
    run = pair.run_quietly if "-v" in options else pair.run
    run(*options, "-s", "texthash:t")
    run(*options, "-q", "a", "texthash:t")
    run(*options, "-q", "-", "texthash:t", stdin=b"\n".join(keys_of(text)))


@pytest.mark.parametrize(
    "table",
    [
        "static:one",
        "static:{ one, two }",
        "static:{,}",
        "static:none",
        "inline:{b=one}",
        "inline:{{b = one two}}",
        "inline:{a=one,b=none}",
        "inline:{{b = ,}}",
        "randmap:{one}",
        "randmap:{one,none}",
        "regexp:{{/b/ one} {/c/ none}}",
        "regexp:{{/b/ $1} {/b/} {/b/ two}}",
        "pcre:{{/b/ none} {if /b/} {/b/ two} {endif}}",
        "cidr:{{192.0.2.1 none} {192.0.2.0/24 one two}}",
        "pipemap:{inline:{b=one},inline:{c=two}}",
        "environ:b",
    ],
)
def test_values_that_name_files(pair: Pair, table: str) -> None:
    for name in ("one", "two"):
        pair.write(name, name.encode())
    for key in ("b", "192.0.2.1"):
        pair.run("-F", "-q", key, table)


@pytest.mark.parametrize("options", ["-rw", "-wr", "-rwr"])
@pytest.mark.parametrize("kind", KINDS[:2])
def test_the_last_of_two_options_counts(pair: Pair, options: str, kind: str) -> None:
    pair.write("t", b"a 1\na 2\n")
    pair.run(options, f"{kind}:t")
    pair.maps_equal(f"{kind}:t")


@pytest.mark.parametrize("built", [[], ["-n"], ["-N"]], ids="".join)
@pytest.mark.parametrize("asked", [[], ["-n"], ["-N"], ["-nN"], ["-Nn"]], ids="".join)
@pytest.mark.parametrize("kind", ["hash", "btree", "lmdb"])
def test_keys_with_and_without_a_nul(pair: Pair, kind: str, asked: list[str], built: list[str]) -> None:
    pair.write("t", b"a 1\nb 2\nc 3\n")
    pair.run(*built, f"{kind}:t")
    pair.run(*asked, "-q", "a", f"{kind}:t")
    pair.run(*asked, "-q", "-", f"{kind}:t", stdin=b"a\nb\nd\n")
    pair.run(*asked, "-d", "a", f"{kind}:t")
    pair.maps_equal(f"{kind}:t")


def test_the_accounts_of_the_machine(pair: Pair) -> None:
    for database in ("passwd.byname", "group.byname"):
        pair.run("-q", "ROOT", f"unix:{database}")
        pair.run("-fq", "ROOT", f"unix:{database}")
        pair.run("-q", "-", f"unix:{database}", stdin=b"root\nnobody\nmail\n0\n:\n\n\xff\nno such\n")
        pair.run("-s", f"unix:{database}")
        pair.run("-d", "root", f"unix:{database}")
    pair.run("unix:t")
