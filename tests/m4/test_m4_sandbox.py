"""What a run may touch and use: denied requests, runaway macros, and the place where each is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailconf.diagnostics import Sink
from mailconf.m4 import Budget, Confined, Environment, Expansion, expand

SMALL = Budget(steps=20_000, depth=200, size=1 << 20)


def stopped(text: bytes, budget: Budget = SMALL, environment: Environment | None = None) -> tuple[Expansion, Sink]:
    sink = Sink()
    done = expand("x.mc", text, budget=budget, environment=environment, sink=sink)
    return done, sink


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"\ndefine(`a', `a')\n a", "more than 20000 macro calls"),
        (b"\n\n define(`a', `a(a)')a", "more than 200 calls inside one another"),
        (b"define(`d', `define(`x', x`'x)d')\ndefine(`x', `yyyyyyyy')\n d", "more than 1048576 bytes of text"),
        (b"\n\n format(`%100000000d', 1)", "more than 1048576 bytes of text"),
        (b"\n\n format(`%.*f', 100000000, 1)", "more than 1048576 bytes of text"),
        (b"\n\n eval(1, 10, 100000000)", "more than 1048576 bytes of text"),
        (b"\n\n eval(2000000000, 1)", "more than 1048576 bytes of text"),
        (b"define(`f', `f(`$1$1')')\n\n f(xxxxxxxxxxxxxxxxxxxx)", "more than 1048576 bytes of text"),
        (b"define(`w', `m4wrap(`w')')\n\n w", "more than 20000 macro calls"),
        (b"define(`p', `patsubst(`$1', `', `$1$1')')\n\n p(p(p(`abcdefgh')))", "more than 1048576 bytes of text"),
        (b"define(`e', `errprint(`aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')e')\n\n e", "more than"),
    ],
)
def test_a_runaway_expansion_stops_at_the_users_line(text: bytes, words: str) -> None:
    done, sink = stopped(text)
    assert done.status == 1
    (finding,) = [d for d in sink if d.code == "M4004"]
    assert words in finding.message
    assert finding.span is not None and finding.hint
    assert finding.span.first.line == 3, finding


def test_a_file_that_includes_itself(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text(f"include(`{path}')")
    done, sink = stopped(path.read_bytes(), environment=Confined([tmp_path]))
    (finding,) = sink
    assert (done.status, finding.code) == (1, "M4004")
    assert finding.message == "more than 100 files inside one another"
    assert finding.span is not None and finding.span.origin is not None
    assert len(finding.span.origin.chain()) == 100


def test_so_many_diagnostics_and_no_more() -> None:
    _, sink = stopped(b"define(`e', `errprint(`x')e')e")
    assert len(sink) == 1001
    assert [d.code for d in sink].count("M4004") == 1


def test_a_pattern_that_backtracks_without_end_is_stopped() -> None:
    subject = b"a" * 60
    done, sink = stopped(b"regexp(`" + subject + b"', `\\(\\(a*\\)*\\)*\\2b')")
    assert done.status == 1
    assert [d.code for d in sink] == ["M4004"]


def test_repeated_groups_are_linear() -> None:
    done, sink = stopped(b"regexp(`" + b"a" * 2000 + b"', `\\(a*\\)*b')", Budget(steps=5_000_000))
    assert (done.output, list(sink)) == (b"-1", [])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"\n  include(`/etc/passwd')", "reading /etc/passwd is not allowed"),
        (b"\n  sinclude(`/etc/passwd')", "reading /etc/passwd is not allowed"),
        (b"\n  undivert(`/etc/passwd')", "reading /etc/passwd is not allowed"),
        (b"\n  syscmd(`id')", "running a command is not allowed: id"),
        (b"\n  esyscmd(`id')", "running a command is not allowed: id"),
        (b"\n  debugfile(`/tmp/x')", "writing /tmp/x is not allowed"),
        (b"\n  mkstemp(`/tmp/xXXXXXX')", "creating /tmp/x is not allowed"),
        (b"\n  maketemp(`/tmp/xXXXXXX')", "creating /tmp/x is not allowed"),
    ],
)
def test_everything_outside_is_denied_unless_allowed(text: bytes, words: str) -> None:
    done, sink = stopped(text + b" rest")
    assert (done.status, done.output) == (1, b"\n   rest")
    (finding,) = sink
    assert (finding.code, finding.message) == ("M4005", words)
    assert finding.span is not None and finding.span.first == (2, 3)


@pytest.mark.parametrize("call", [b"include", b"sinclude", b"undivert"])
def test_a_files_name_ends_at_a_nul(tmp_path: Path, call: bytes) -> None:
    (tmp_path / "a").write_text("text")
    text = call + b"(`" + bytes(tmp_path / "a") + b"\0b')"
    assert expand("x", text, environment=Confined([tmp_path])).output == b"text"


def test_confined_reads_below_its_folders_only(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (inside / "a").write_bytes(b"A")
    (outside / "b").write_bytes(b"B")
    (inside / "link").symlink_to(outside / "b")
    environment = Confined([inside], {b"uname": b"answer"})
    text = f"include(`{inside}/a')`'esyscmd(`uname')`'sinclude(`{inside}/../out/b')sinclude(`{inside}/link')sysval"
    done, sink = stopped(text.encode(), environment=environment)
    assert done.output == b"Aanswer0"
    assert [d.code for d in sink] == ["M4005", "M4005"]


def test_confined_does_not_read_devices(tmp_path: Path) -> None:
    done, sink = stopped(b"include(`/dev/zero')", environment=Confined(["/dev"]))
    assert (done.status, [d.code for d in sink]) == (1, ["M4001"])


def test_calls_are_heard_in_order_with_places() -> None:
    heard: list[tuple[bytes, list[bytes], tuple[int, int]]] = []
    expand(
        "x.mc",
        b"define(`F', `len($1)')dnl\n F(`ab')\n  F(F(`c'))\n",
        on_call=lambda name, args, place: heard.append((name, args[1:], place.span().first)),
    )
    assert heard == [
        (b"define", [b"F", b"len($1)"], (1, 1)),
        (b"dnl", [], (1, 23)),
        (b"F", [b"ab"], (2, 2)),
        (b"len", [b"ab"], (2, 2)),
        (b"F", [b"c"], (3, 5)),
        (b"len", [b"c"], (3, 5)),
        (b"F", [b"1"], (3, 3)),
        (b"len", [b"1"], (3, 3)),
    ]


def test_warnings_and_errors_become_diagnostics() -> None:
    sink = Sink()
    expand("x.mc", b"len(`a', `b')\n eval(`1 +')\n`open", sink=sink)
    assert [str(d) for d in sink] == [
        "x.mc:1:1: warning: excess arguments to builtin `len' ignored [M4001]",
        "x.mc:2:2: warning: bad expression in eval: 1 + [M4001]",
        "x.mc:3:1: error: end of file in string [M4003]",
    ]


def test_repetitions_that_take_long_are_charged() -> None:
    text = b"define(`r', `regexp(`" + b"a" * 400 + b"', `a*a*a*a*a*a*b')r')r"
    done, sink = stopped(text, Budget(steps=400_000))
    assert done.status == 1
    assert [d.code for d in sink] == ["M4004"]
