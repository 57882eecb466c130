"""The lines of a large table that nothing can be wrong with: what is found is what a look at every entry finds."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailconf.arrays import arrays
from mailconf.build import compile as compiling
from mailconf.build.plan import Target
from mailconf.diagnostics import Diagnostic, Sink
from mailconf.files import Root
from mailconf.maps.reference import TableRef
from mailconf.model.site import TableUse
from mailconf.source import Source, decode
from mailconf.tables import packed, plain, roles
from mailconf.tables.plain import doubtful, lines_for
from mailconf.tables.postmap import read_rows

ROLES = [role for role in (*roles.CHECKED_BY_SIDES, roles.ACCESS, roles.VIRTUAL, roles.ONE_ADDRESS, roles.OTHER)
         if lines_for(role) is not None]  # fmt: skip
WORDS = [
    *(
        "user@example.com",
        "@example.com",
        "user",
        "example.com",
        ".example.com",
        "*",
        "192.0.2",
        "10.1.2.3",
        "2001:db8::1",
    ),
    *(
        "a.@b",
        "a..b@c.d",
        "@.example.com",
        "x@y@z",
        "-a",
        "a=b+c@d",
        "B\u00e4r@example.com",
        "K\u212a",
        '"a b"@c',
        "a\\ b",
    ),
    *(
        "smtp:[mx.example.com]:25",
        "relay:",
        "local:",
        "error:5.1.1 no",
        "OK",
        "reject no thanks",
        "DEFER_IF_PERMIT x",
        "550 x",
    ),
    *(
        "FILTER a:b",
        "PREPEND X: y",
        "REJECTED",
        "restriction",
        "a, b@c",
        "a,b  c",
        ":include:/x",
        "|cmd",
        "%1@x",
        "# no",
        "*@x",
    ),
    *("1", "0.1.2.3", "a_b.c", "A.B", "x.0y", "ab:", "["),
]
PIECES = [
    " ",
    "\t",
    "  ",
    "\n",
    "\n\n",
    "\n \n",
    "\n# a comment\n",
    "\n  # more\n",
    "\n\t",
    "\n# between\n ",
    " \n",
    "\r\n",
    "\v",
]
TEXT = st.lists(st.one_of(st.sampled_from(WORDS), st.sampled_from(PIECES)), max_size=40).map("".join)
TABLE = st.lists(
    st.tuples(st.sampled_from(WORDS), st.sampled_from([" ", "\t", " \t"]), st.sampled_from(WORDS)), max_size=20
)
TABLES = st.one_of(TEXT, TABLE.map(lambda rows: "".join(f"{key}{gap}{value}\n" for key, gap, value in rows)))


def found(sink: Sink) -> list[Diagnostic]:
    return sorted(sink, key=lambda d: (d.code, d.message, d.span.start if d.span else 0))


@pytest.mark.parametrize("blocks", [(1 << 18, 1 << 14), (64, 16)])
@pytest.mark.parametrize("role", ROLES)
def test_the_rest_has_no_fault(role: str, blocks: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "_BLOCKS", blocks)
    lines = lines_for(role)
    assert lines is not None

    @given(TABLES)
    def check(text: str) -> None:
        data = text.encode()
        if read_rows(data).problems:
            return  # then every entry is looked at
        every, some = Sink(), Sink()
        entries = roles.read_table(role, Source("t", decode(data)), Sink())
        roles.check_table(role, entries, every, lambda word: word == "restriction")
        roles.check_table(role, doubtful(data, lines, "t", role), some, lambda word: word == "restriction")
        assert [(d.code, d.message, str(d)) for d in found(some)] == [(d.code, d.message, str(d)) for d in found(every)]

    check()


@pytest.mark.parametrize(
    ("role", "line"),
    [
        (roles.VIRTUAL, "user@example.com alice, bob@example.net"),
        (roles.ACCESS, "client.example.com REJECT no: thanks"),
        (roles.ONE_ADDRESS, "@example.com user@example.net"),
        (roles.TRANSPORT, ".example.com smtp:[mx.example.net]:25"),
        (roles.ADDRESSES, "user@example.com anything: at all"),
        (roles.HOSTS, "example.com x"),
    ],
)
def test_most_lines_are_plain(role: str, line: str) -> None:
    lines = lines_for(role)
    assert lines is not None
    assert list(doubtful(f"{line}\n# comment\n\n{line}\n".encode(), lines, "t")) == []
    (entry,) = doubtful(f"{line}\n{line}\n [more\n{line}\n".encode(), lines, "t")
    assert entry.span.first.line == 2


SIMPLE = st.lists(st.sampled_from(["a", "B", "0", "_", ".", "-", "@", " ", "\t", "\n", "+", "/", "\xe4"]), max_size=30)


@pytest.mark.parametrize("role", sorted(plain._SIMPLE))
def test_simple_lines_are_plain(role: str) -> None:
    lines, np = lines_for(role), arrays()
    assert lines is not None

    @given(st.one_of(SIMPLE, st.lists(st.sampled_from(["a.b@c-d.e", "x", "\t", "\n", " "]), max_size=30)).map("".join))
    @example("user1@domain.example.com\tmail-box_2@store.example.net\nx y@z\n")
    def check(text: str) -> None:
        block = f"a b\n{text}\n".encode()
        if plain._is_simple(np, block):
            assert lines.fullmatch(block)

    check()


def test_which_lines_are_simple() -> None:
    np = arrays()
    for line in ("a b", "a@b.c d-e@f", "User_1@b\tc"):
        assert plain._is_simple(np, f"{line}\n{line}\n".encode()), line
    wrong = [
        "@b c",
        "a@b@c d",
        "a..b c",
        "a. c",
        "a b c",
        "a",
        "a  b",
        "a b,c",
        "a /b",
        ".a b",
        "a b\n",
        "a b\n c d",
        "\xe4 b",
    ]
    for line in wrong:
        assert not plain._is_simple(np, f"x y\n{line}\nx y\n".encode()), line


def test_lines_that_are_not_simple_are_found_among_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "_BLOCKS", (1 << 10, 1 << 6))
    odd = {3: "a@b c@d@e", 500: "a..@b c", 501: "a. [c", **dict.fromkeys(range(900, 1000), "@x @")}
    data = "".join(f"{odd.get(n, f'u{n}@example.com v{n}')}\n" for n in range(1000)).encode()
    lines = lines_for(roles.VIRTUAL)
    assert lines is not None
    one, other = ({entry.span.first.line for entry in doubtful(data, lines, "t", role)} for role in ("", roles.VIRTUAL))
    assert one == other >= {4, 502}


def target(folder: Path, text: str) -> Target:
    (folder / "virtual").write_text(text)
    use = TableUse(TableRef("hash", "/virtual"), "virtual_alias_maps", "/virtual")
    return Target("hash:/virtual", "hash", folder / "virtual", folder / "virtual.db", (use,), "forced")


def both_ways(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build of the table as a large one, and as a small one: the same map, the same findings."""
    results = []
    for many in (1 << 30, 1):
        monkeypatch.setattr(packed, "MANY", many)
        sink = Sink()
        (compiled,) = compiling.compile_targets([target(folder, text)], Root(), sink, lambda word: False)
        compiled.report(sink)
        results.append((dict(compiled.mapping()), len(compiled), [str(d) for d in found(sink)]))
    assert results[0] == results[1]


@pytest.mark.parametrize(
    "text",
    [
        "a@example.com b\nA@example.com c\nd@example.com e\n",  # one key twice
        "a@example.com b\nnovalue\n continued\nx@y.example # no comment\n",
        "a@example.com b\nnovalue\n",
        "B\u00e4r@example.com b\nb\u00c4r@example.com c\n",
        "a b",
        "",
    ],
)
def test_large_and_small_tables_are_built_alike(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    both_ways(tmp_path, text, monkeypatch)
