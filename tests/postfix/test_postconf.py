"""postconf against the recorded answers of the real one (tests/vectors/record_postconf.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mailconf.cli.postfix.postconf import run
from mailconf.postfix.settings import machine
from mailconf.source import decode, encode
from tests.vectors.store import load

RECORDED = load("postconf")


@pytest.fixture(autouse=True)
def recorded_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Defaults that depend on the machine come out as where the answers were recorded."""
    monkeypatch.setattr(machine, "node_name", lambda: RECORDED.head.machine["node"])
    monkeypatch.setattr(machine, "interfaces", lambda: [tuple(pair) for pair in RECORDED.head.machine["interfaces"]])
    monkeypatch.delenv("MAIL_CONFIG", raising=False)


@pytest.mark.parametrize("case", RECORDED.cases, ids=lambda case: " ".join(case["arguments"])[:40])
def test_postconf_answers_as_recorded(
    case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (tmp_path / "main.cf").write_bytes(encode(case["main"]))
    (tmp_path / "master.cf").write_bytes(encode(case["master"]))
    monkeypatch.chdir(tmp_path)
    status = run("postconf", ["--postfix-version", RECORDED.head.version, "-c", ".", *case["arguments"]])
    said = capfdbinary.readouterr()
    assert decode(said.err) == case["stderr"]
    assert decode(said.out) == case["stdout"]
    assert status == case["status"]
    assert decode((tmp_path / "main.cf").read_bytes()) == case.get("main.cf", case["main"])
    assert decode((tmp_path / "master.cf").read_bytes()) == case.get("master.cf", case["master"])


@pytest.mark.parametrize(
    ("version", "main", "master"),
    [("3.7", "main.cf", "master.cf:x/unix"), ("3.10", "./main.cf", "./master.cf:x/unix")],
)
def test_what_is_named_where_braces_of_a_table_are_wrong(
    version: str, main: str, master: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    (tmp_path / "main.cf").write_text("compatibility_level = 3.6\nfoo = { x\nalias_maps = $foo\n")
    (tmp_path / "master.cf").write_text("x unix - - n - - pipe -o alias_maps=$foo\n")
    monkeypatch.chdir(tmp_path)
    assert run("postconf", ["--postfix-version", version, "-c", ".", "-n"]) == 0
    warnings = [f"postconf: warning: {place}: missing '}}' in \"{{ x\"" for place in (master, main)]
    assert capfd.readouterr().err.splitlines() == warnings
