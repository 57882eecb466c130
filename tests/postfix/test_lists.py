"""Pattern lists as one text: which pattern decides, what is wrong with them, and what they are made of."""

from __future__ import annotations

import asyncio

import pytest

from mailconf.model.world import Ask, LookupFailed
from mailconf.postfix.settings.lists import ListKind, ListReader, ListWords, PatternList

FILES = {"/f": "a b\n# none\n .c 192.0.2.9 # rest\nd\0e\n", "/loop": "/loop"}


def read(name: str) -> str:
    if name == "/folder":
        raise IsADirectoryError(21, "Is a directory")
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
        ("192.0.2.1", "192.0.2.1", "198.51.100.1", True),  # the name is compared with every text
        ("192.0.2.0/24", "192.0.2.0/24", "198.51.100.1", True),
        ("static:x", "", "mail.test", False),  # what is no address is not asked for
        ("192.0.2.0/024", "", "192.0.2.1", True),
        ("[192.0.2.0/24]", "", "192.0.2.1", True),
        ("192.0.2.1 be/be", "", "192.0.2.1", True),  # the pattern before it matches
        ("be/be", "be/be", "192.0.2.1", True),
        ("be/be", "", "2001:db8::1", False),
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


@pytest.mark.parametrize("pattern", ["be/be", "ab/12", "1/2", "192.0.2.0/255.255.255.0", "192.0.2.0/", "/no"])
def test_a_bad_pattern_fails_each_question_that_gets_there(pattern: str) -> None:
    with pytest.raises(LookupFailed):
        has(compiled(f"198.51.100.0/24 {pattern} 192.0.2.1"))
    assert has(compiled(f"192.0.2.1 {pattern}"))
    assert not has(compiled(f"!192.0.2.1 {pattern}"))
    assert len(list(compiled(pattern).problems)) == 1


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("::1", 'expecting "type:name" form instead of "::1"'),
        ("hash:", 'expecting "type:name" form instead of "hash:"'),
        ("!", "no pattern after '!'"),
        ("/folder", "read file /folder: Is a directory"),
    ],
)
@pytest.mark.parametrize("kind", ListKind)
def test_a_list_at_which_programs_end_answers_nothing(pattern: str, reason: str, kind: ListKind) -> None:
    made = compiled(f"a 192.0.2.1 {pattern}", kind)
    assert [problem for problem in made.problems if reason in problem]
    with pytest.raises(LookupFailed):
        has(made, "a")
