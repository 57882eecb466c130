from __future__ import annotations

import ctypes

import pytest

from mailconf.maps.core.table import TemporaryFailure, UnsupportedMap
from mailconf.maps.patterns import pcre
from mailconf.maps.registry import open_table


def ask(rule: str, key: bytes) -> bytes | None:
    return open_table(f"pcre:{{ {{{rule}}} }}").lookup(key)


@pytest.mark.parametrize(
    ("rule", "key", "value"),
    [
        ("/(a|ab)(c|bcd)?/ [$1][$2]", b"abcd", b"[a][bcd]"),
        ("/(a|ab|abc)/ $1", b"abcd", b"a"),
        ("/(x)|(y)/ [$1][$2]", b"y", b"[][y]"),
        ("/(y)|(x)/ [$1][$2]", b"y", b"[y][]"),
        ("/^(?!owner-)(.*)-outgoing@(.*)/ 550 Use ${1}@$(2) instead", b"l-outgoing@d", b"550 Use l@d instead"),
        ("/A/ found", b"a", b"found"),
        ("/A/i found", b"a", None),
        ("/^b$/m found", b"a\nb\nc", b"found"),
        ("/a.c/ found", b"a\nc", b"found"),
        ("/a.c/s found", b"a\nc", None),
        ("/a b/x found", b"ab", b"found"),
        ("/b/A found", b"ab", None),
        ("/a$/ found", b"a\n", b"found"),
        ("/a$/E found", b"a\n", None),
        ("/(a+)/U $1", b"aaa", b"a"),
        ("!/a/ not", b"b", b"not"),
        (r"/(*UTF)^(.)$/ $1", "é".encode(), "é".encode()),
        ("/a/ found", b"b\0a", None),
    ],
)
def test_perl_semantics(rule: str, key: bytes, value: bytes | None) -> None:
    assert ask(rule, key) == value


def test_obsolete_flag() -> None:
    told: list[str] = []
    assert open_table("pcre:{ {/a/X b} }", warn=told.append).lookup(b"a") == b"b"
    assert told == ['pcre map { {/a/X b} }, line 1: ignoring obsolete regexp option "X"']


@pytest.mark.parametrize(
    ("rule", "key", "words"),
    [
        ("/^(a+)+$/ x", b"a" * 50 + b"!", "line 1: match limit exceeded"),
        ("!/^(a+)+$/ x", b"a" * 50 + b"!", "line 1: match limit exceeded"),
        ("if /^(a+)+$/", b"a" * 50 + b"!", "line 1: match limit exceeded"),
        (r"/^(?:(.)|(..))*?\2\1z$/ x", b"ab" * 3_000_000, "line 1: heap limit exceeded"),
    ],
)
def test_limits_are_failures(rule: str, key: bytes, words: str) -> None:
    with pytest.raises(TemporaryFailure, match=words):
        ask(rule, key)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise OSError(name)

    pcre._library.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", missing)
    try:
        with pytest.raises(UnsupportedMap, match=r"unsupported dictionary type: pcre .*libpcre2-8 is not installed"):
            open_table("pcre:{ {/a/ b} }")
    finally:
        pcre._library.cache_clear()
