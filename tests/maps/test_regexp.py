from __future__ import annotations

import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailconf.maps.core.table import TemporaryFailure
from mailconf.maps.patterns import regexp_worker
from mailconf.maps.patterns.patterns import BadExpression
from mailconf.maps.patterns.posix_regex import EXTENDED, PosixExpression
from mailconf.maps.patterns.regexp import CHEAP_PATTERN, elements
from mailconf.maps.patterns.regexp_worker import TIME_LIMIT, worker
from mailconf.maps.registry import open_table


def ask(rule: str, key: bytes) -> bytes | None:
    return open_table(f"regexp:{{ {{{rule}}} }}").lookup(key)


@pytest.mark.parametrize(
    ("rule", "key", "value"),
    [
        # the longest match of all alternatives, and in it the longest first group: POSIX, where Perl takes the first
        ("/(a|ab)(c|bcd)?/ [$1][$2]", b"abcd", b"[a][bcd]"),
        ("/(a|ab|abc)/ $1", b"abcd", b"abc"),
        ("/x*/ [$$]", b"", b"[$]"),
        ("/(x)|(y)/ [$1][$2]", b"y", b"[][y]"),
        ("/A/ found", b"a", b"found"),
        ("/A/i found", b"a", None),
        ("/^b$/m found", b"a\nb\nc", b"found"),
        ("/^b$/ found", b"a\nb\nc", None),
        ("/a.c/ found", b"a\nc", b"found"),
        (r"/\(a\)(b)/x $1", b"a(b)", b"a"),
        ("!/a/ not", b"b", b"not"),
        ("!/a/ not", b"a", None),
        ("/a/!/b/ one", b"a", b"one"),
        ("/a/!/b/ one", b"ab", None),
        # the C locale: a byte is a character, whatever the language
        ("/^(.)(.)$/ $2$1", "é".encode(), bytes(reversed("é".encode()))),
        ("/É/ found", "é".encode(), None),
        ("/[[:alpha:]]/ found", "é".encode(), None),
        ("/a/ found", b"b\0a", None),
    ],
)
def test_posix_semantics(rule: str, key: bytes, value: bytes | None) -> None:
    assert ask(rule, key) == value


def test_a_search_that_takes_too_long_is_a_failure() -> None:
    began = time.monotonic()
    with pytest.raises(TemporaryFailure, match=r"line 1: regular expression stopped: it took more than 2 seconds"):
        ask(r"/(.*)(.*)(.*)(.*)\4\3\2\1$/ x", b"ab" * 100)
    assert time.monotonic() - began < TIME_LIMIT + 8
    assert ask(r"/^(.)\1/ $1", b"aab") == b"a"  # and the next question is answered


def test_a_pattern_that_takes_too_much_memory_is_skipped() -> None:
    told: list[str] = []
    name = "{ {/((((a{255}){255}){255}){255}){255}/ x} {/a/ y} }"
    table = open_table(f"regexp:{name}", warn=told.append)
    assert told == [f"regexp map {name}, line 1: Regular expression too big"]
    assert table.lookup(b"a") == b"y"


def test_long_texts_and_large_patterns_are_answered_all_the_same() -> None:
    table = open_table("regexp:{ {/(x{100}){30}y/ large} {/needle$/ long} }")
    assert table.lookup(b"x" * 3000 + b"y") == b"large"
    assert table.lookup(b"hay " * 20_000 + b"needle") == b"long"
    with pytest.raises(BadExpression, match="Invalid preceding regular expression"):
        worker().ask(b"*", EXTENDED, None)


@pytest.mark.parametrize("reply", [b"M123", b"G1", b"G12345", b""])
def test_what_the_worker_says_is_numbers_and_words(reply: bytes) -> None:
    if reply:
        with pytest.raises(struct.error):
            regexp_worker._value(reply)
    else:
        assert regexp_worker._value(reply) is None


def test_the_worker_is_started_again() -> None:
    assert worker().ask(b"(a)", EXTENDED, b"a") == [(0, 1), (0, 1)]
    process = worker()._process
    assert process is not None
    process.kill()
    process.wait()
    assert worker().ask(b"(a)", EXTENDED, None) == 1


def test_the_worker_ends_with_us() -> None:
    code = (
        "from mailconf.maps.registry import open_table\n"
        "from mailconf.maps.patterns.regexp_worker import worker\n"
        r"open_table('regexp:{ {/(.)\\1/ x} }').lookup(b'aa')"
        "\nprint(worker()._process.pid, flush=True)"
    )
    pid = int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)
    deadline = time.monotonic() + 20
    while _runs(pid):
        assert time.monotonic() < deadline
    # what is awaited is the end of a process that is no child of ours


def _runs(pid: int) -> bool:
    """Whether the process exists and is no zombie (proc(5), the state behind the command's name)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_threads_share_a_table() -> None:
    table = open_table("regexp:{ {/^(a+)(b*)$/ $2-$1} }")
    wrong: list[bytes | None] = []

    def run(a: int, b: int) -> None:
        expected = b"b" * b + b"-" + b"a" * a
        wrong.extend(found for _ in range(300) if (found := table.lookup(b"a" * a + b"b" * b)) != expected)

    threads = [threading.Thread(target=run, args=(n, 9 - n)) for n in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize(
    ("pattern", "extended", "least"),
    [
        (b"abc", True, 3),
        (b"(ab){10}", True, 20),
        (b"((a{10}){10}){10}", True, 1000),
        (b"a{0,200}", True, 200),
        (b"[a{9}]", True, 1),
        (rb"\(a\{3\}\)\{5\}", False, 15),
        (rb"(a\{3\}){5}", True, 5),
        (b"a{" + b"0" * 100 + b"255}", True, 32_767),
        (b"a{", True, 1),
        (b"((((a{255}){255}){255}", True, CHEAP_PATTERN),
    ],
)
def test_size_of_patterns(pattern: bytes, extended: bool, least: int) -> None:
    assert elements(pattern, extended=extended) >= least


@given(st.binary(max_size=20))
def test_no_pattern_hurts(pattern: bytes) -> None:
    pattern = pattern.replace(b"\0", b"")
    try:
        expression = PosixExpression(pattern, EXTENDED)
    except BadExpression as problem:
        assert str(problem)
        return
    spans = expression.match(b"abc")
    assert spans is None or len(spans) == expression.groups + 1
