"""Pattern lists as one text: which pattern decides, what is wrong with them, and what they are made of."""

from __future__ import annotations

import asyncio

import pytest

from mailconf.model.world import Ask, LookupFailed
from mailconf.postfix.settings.lists import ListKind, ListReader, ListWords, PatternList

FILES = {"/f": "a b\n# none\n .c 192.0.2.9 # rest\nd\0e\n", "/loop": "/loop"}


def read(name: str) -> str:
    try:
        return FILES[name]
    except KeyError:
        raise FileNotFoundError(2, "No such file or directory") from None


def compiled(value: str, kind: ListKind = ListKind.HOST, *, parents: bool = False) -> PatternList:
    return PatternList.compile("mynetworks", value, kind, parents=parents, read=read)


def has(made: PatternList, name: str = "", address: str = "192.0.2.1") -> bool:
    ask = Ask.__new__(Ask)  # no table is asked
    if made.kind is ListKind.HOST:
        return asyncio.run(made.match_host(ask, name, address))
    return asyncio.run(made.match(ask, name))


@pytest.mark.parametrize(
    ("value", "name", "address", "expected"),
    [
        ("192.0.2.0/24", "", "192.0.2.1", True),
        ("192.0.2.0/24", "", "192.0.3.1", False),
        ("!192.0.2.1 192.0.2.0/24", "", "192.0.2.1", False),
        ("192.0.2.0/24 !192.0.2.1", "", "192.0.2.1", True),
        ("0.0.0.0/0", "", "192.0.2.1", True),
        ("0.0.0.0/0", "", "2001:db8::1", False),
        ("198.51.100.0/24 192.0.2.0/24 10.0.0.0/8 192.0.2.0/24", "", "192.0.2.7", True),
        ("[2001:db8::]/32", "", "2001:db8::1", True),
        ("![2001:db8::1] [2001:db8::]/32", "", "2001:db8::1", False),
        ("192.0.2.1", "192.0.2.1", "198.51.100.1", False),  # a network is no name
        ("A.test", "a.TEST", "198.51.100.1", True),
        ("!a.test 198.51.100.0/24", "a.test", "198.51.100.1", False),
        ("198.51.100.0/24 !a.test", "a.test", "198.51.100.1", True),
        ("a b", "a\0b", "198.51.100.1", False),
        ("!a b", "!a", "198.51.100.1", False),
        ("/f", "", "192.0.2.9", True),
        ("!/f", "", "192.0.2.9", False),
        ("/f", "e", "192.0.2.1", False),  # behind a NUL
    ],
)
def test_the_first_pattern_that_matches_decides(value: str, name: str, address: str, expected: bool) -> None:
    assert has(compiled(value), name, address) is expected


@pytest.mark.parametrize(("parents", "pattern"), [(True, "c.test"), (False, ".c.test")])
def test_subdomains(parents: bool, pattern: str) -> None:
    made = compiled(f"x !b.{pattern.lstrip('.')} {pattern}", ListKind.DOMAIN, parents=parents)
    assert [has(made, name) for name in ("a.c.test", "b.c.test", "ac.test")] == [True, False, False]


def test_what_cannot_be_used_is_found_again_when_it_is_asked_for() -> None:
    made = compiled("192.0.2.1/24 /none a /loop /none")
    assert list(made.problems) == [
        'non-null host address bits in "192.0.2.1/24", perhaps you should use "192.0.2.0/24" instead',
        "open file /none: No such file or directory",
        "/loop: pattern files include each other without end",
        "open file /none: No such file or directory",
    ]
    with pytest.raises(LookupFailed, match="non-null"):
        has(made, "a", "192.0.2.1")
    with pytest.raises(LookupFailed, match="/none"):
        has(made, "a", "2001:db8::1")
    assert has(compiled("192.0.2.0/24 /none"), "", "192.0.2.1")  # it is not come to


def test_a_file_that_cannot_be_read_is_tried_once() -> None:
    tried: list[str] = []

    def refused(name: str) -> str:
        tried.append(name)
        raise PermissionError(13, "Permission denied")

    made = PatternList.compile("x", "/a " * 50, ListKind.STRING, read=refused)
    assert (len(list(made.problems)), tried) == (50, ["/a"])


def test_words_of_a_list() -> None:
    made = compiled("/f")
    assert list(made.ignored) == ["# rest"]
    words = ListWords(found.text for found in ListReader(read).words("/f"))
    assert (len(words), list(words), words[2], words[:1]) == (5, ["a", "b", ".c", "192.0.2.9", "d"], ".c", ("a",))
    assert list(ListReader(read).words("a b", tables=True)) == []
    assert [found.text for found in ListReader(read).words("a hash:/x", tables=True)][-1] == "hash:/x"
