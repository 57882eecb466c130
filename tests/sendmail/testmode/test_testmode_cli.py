"""``sendmail -bt`` as a command: by its link's name, below a root, with a configuration that is not there."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from mailconf.cli.sendmail import sendmail
from tests.sendmail.rules.rule_bench import Bench

CF = "V10\nO QueueDirectory=/conf/q\nDjmail.example.org\nSx\nR$* . $*\t$@ $2 . $1\nMlocal, P=/bin/true, A=true\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    Bench(tmp_path, files={"x.cf": CF})
    return tmp_path


def answered(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], *words: str
) -> tuple[int, str]:
    class Input:
        buffer = io.BytesIO(b"x a.b\n/quit\nx never\n")

    monkeypatch.setattr(sys, "stdin", Input)
    status = sendmail.run("sendmail", list(words))
    sys.stdout.flush()
    return status, capfdbinary.readouterr().out.decode("latin-1")


def test_it_answers_prompts(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    status, out = answered(monkeypatch, capfdbinary, "--root", str(place), "-bt", "-C", "/conf/x.cf")
    assert status == 0
    assert out == (
        "ADDRESS TEST MODE (ruleset 3 NOT automatically invoked)\nEnter <ruleset> <address>\n"
        "> x                  input: a . b\nx                returns: b . a\n> "
    )


def test_a_trace_is_printed_as_it_grows(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    _, out = answered(monkeypatch, capfdbinary, "--root", str(place), "-bt", "-d21.12", "-C", "/conf/x.cf")
    assert "rule matches:" in out
    assert "rewritten as:" in out


def test_without_a_configuration_it_ends(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    status, out = answered(monkeypatch, capfdbinary, "--root", str(place), "-bt", "-C", "/conf/none.cf")
    assert status == 72
    assert "none.cf" in out
