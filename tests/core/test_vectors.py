"""Every file of vectors is what its script would record of today's inputs, and what is not so is noticed."""

from __future__ import annotations

import ast
import json
import shutil
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.vectors import store, transcripts

NAMES = sorted(
    [str(path.relative_to(store.HERE).with_suffix("")) for path in store.HERE.rglob("*.jsonl")]
    + [path.parent.name for path in store.HERE.glob("*/head.json")]
)
# The recorders that write modules of mailconf, not vectors.
_OF_DATA = "bounce_templates conf_names parameter_types parameters start_parameters"
OF_DATA = {f"record_{name}" for name in _OF_DATA.split()}


def lines_of(folder: Path, name: str) -> list[Any]:
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]


def put(folder: Path, name: str, lines: list[Any]) -> None:
    (folder / f"{name}.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))


@cache
def recorders() -> dict[str, str]:
    """The script of each file."""
    return {name: store.load(name).head.script for name in NAMES}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of some vectors."""
    for name in ("m4", "trust"):
        shutil.copy(store.HERE / f"{name}.jsonl", tmp_path)
    shutil.copytree(store.HERE / "lists", tmp_path / "lists")
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_the_inputs_are_those_that_were_recorded(name: str) -> None:
    vectors = store.load(name)
    assert vectors.cases
    assert (store.ROOT / vectors.head.script).is_file()
    assert vectors.head.engine and vectors.head.version and vectors.head.packages


@pytest.mark.parametrize("script", sorted(path.stem for path in store.HERE.glob("record_*.py")))
def test_each_script_declares_its_files(script: str) -> None:
    module = import_module(f"tests.vectors.{script}")
    declared = {name.partition("@")[0] for name in getattr(module, "INPUTS", ())}
    assert bool(declared) != (script in OF_DATA)
    path = f"tests/vectors/{script}.py"
    assert declared == {name.partition("@")[0] for name, recorder in recorders().items() if recorder == path}


def test_nobody_else_opens_the_files() -> None:
    """Their names are put together in one module; elsewhere they are named in prose."""
    own = {"store.py", Path(__file__).name}
    for path in (store.ROOT / "tests").rglob("*.py"):
        constants = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
        named = [text for text in constants if isinstance(text, str) and text.endswith((".jsonl", "/head.json"))]
        assert not named or path.name in own, f"{path}: {named}"


def test_an_input_that_was_edited_by_hand(folder: Path) -> None:
    head, case, *others = lines_of(folder, "m4")
    put(folder, "m4", [head, {**case, "text": case["text"] + " "}, *others])
    with pytest.raises(store.Outdated, match=r"m4: its inputs were edited by hand after tests/vectors/record_m4\.py"):
        store.load("m4", folder)
    put(folder, "m4", [head, *others])
    with pytest.raises(store.Outdated, match="edited by hand"):
        store.load("m4", folder)
    put(folder, "m4", [{**head, "common": {}}, case, *others])
    with pytest.raises(store.Outdated, match="edited by hand"):
        store.load("m4", folder)


def test_a_command_in_a_transcript_that_was_edited_by_hand(folder: Path) -> None:
    path = folder / "lists" / "myorigin-a-line"
    assert store.load("lists", folder).cases
    text = (path / "transcript.txt").read_text()
    (path / "transcript.txt").write_text(text.replace("C: MAIL FROM:<", "C: MAIL FROM:<x", 1))
    with pytest.raises(store.Outdated, match="lists: its inputs were edited by hand"):
        store.load("lists", folder)
    (path / "transcript.txt").write_text(text)
    (path / "main.cf").write_text((path / "main.cf").read_text() + "soft_bounce = yes\n")
    with pytest.raises(store.Outdated, match="lists: its inputs were edited by hand"):
        store.load("lists", folder)


def test_inputs_of_a_script_that_were_changed_after_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module("tests.vectors.record_trust")
    asked = module.inputs()
    first, *others = asked.cases
    changed = [
        ([{**first, "table": "static:x"}, *others], asked.common, r'case 0 was .*regexp.*, is .*"static:x".*\.'),
        ([*asked.cases, first], asked.common, r"86 cases were recorded, there are 87\."),
        (asked.cases, {**asked.common, "base": {}}, r"common 'base' differs\."),
    ]
    for cases, common, message in changed:
        changed_inputs = store.Inputs(cases, common)
        monkeypatch.setitem(module.INPUTS, "trust", lambda given=changed_inputs: given)
        again = r" Record again: python -m tests\.vectors\.record_trust$"
        start = (
            r"^trust: the inputs of tests/vectors/record_trust\.py were changed after the recording of Postfix 3\.7\.11"
        )
        with pytest.raises(store.Outdated, match=f"{start}: {message}{again}"):
            store.load("trust")


def test_a_constant_of_a_script_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(import_module("tests.vectors.record_smtp").SETTINGS, "soft_bounce", "yes")
    for name in ("smtp", "smtpd"):
        with pytest.raises(store.Outdated, match="common 'settings' differs"):
            store.load(name)


def test_a_head_without_a_field(folder: Path) -> None:
    head, *cases = lines_of(folder, "m4")
    put(folder, "m4", [{name: value for name, value in head.items() if name != "script"}, *cases])
    with pytest.raises(store.Outdated, match="the head has not the fields"):
        store.load("m4", folder)


def test_what_is_written_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module("tests.vectors.record_trust")
    asked = store.Inputs([{"text": "\udce4\u2028"}, {"text": "b"}, {"text": "c"}], {"x": (1, 2)})
    monkeypatch.setitem(module.INPUTS, "trust", lambda: asked)
    engine = store.Engine("Postfix", "3.7.11", {"postfix": None})
    answers = [{"said": "\0\n"}, {store.LEFT_OUT: "it crashes"}, {"said": "e"}]
    store.write("trust", engine, module.__file__, answers, machine={"node": "n"}, folder=tmp_path)
    vectors = store.load("trust", tmp_path)
    assert vectors.cases == [{"text": "\udce4\u2028", "said": "\0\n"}, {"text": "c", "said": "e"}]
    assert vectors.left_out == [{"text": "b", store.LEFT_OUT: "it crashes"}]
    assert (vectors.head.common, vectors.head.machine, vectors.head.asked) == ({"x": [1, 2]}, {"node": "n"}, ["text"])
    with pytest.raises(ValueError, match="shorter"):
        store.write("trust", engine, module.__file__, answers[:2], folder=tmp_path)


def test_transcripts_are_read_as_they_were_written(tmp_path: Path) -> None:
    sessions = [["A", "B", "DATA", "."], ["A", "B", "DATA", "."], ["A", "B"], ["C"], ["A", "DATA", "."]]
    answers = [
        {"replies": ["220 x", "250 a|b", "354 go", "250 taken "], "log": ["one: l", "two"]},
        {"replies": ["220 x", "250 a|b", "354 go", "250 taken "], "log": []},
        {"replies": ["220 x", "550 \xe4"], "log": []},
        {"replies": [""], "log": ["= 3"]},
        {"replies": ["220 x", "554 no"], "log": []},
    ]
    case = {
        "name": "a: b, c?",
        "main.cf": "a = b \n",
        "tables": {"t": "a\r\n\0b\udcff", "u": ""},
        "service": {"s@x": "action=\xe4\n"},
        "sessions": sessions,
        "answers": answers,
    }
    transcripts.write(tmp_path, [case])
    assert transcripts.read(tmp_path) == [case]
    text = (tmp_path / "a-b-c" / "transcript.txt").read_text()
    assert text.startswith(
        "# a: b, c?\n\nC: A\nS: 220 x\nC: B\nS: 250 a|b\nC: DATA\nS: 354 go\nC: .\nS: 250 taken \nL:"
    )
    assert "\n\n= 4 commands as above\n\n= 1 command as above\nC: B\nS: 550 \xe4\n\nC: C\n" in text
    assert text.endswith("\n\nC: A\nS: 220 x\nC: DATA\nS: 554 no\nC: .\n")
    transcripts.write(tmp_path, [])
    assert transcripts.read(tmp_path) == []
    with pytest.raises(ValueError, match="no line of a transcript"):
        (tmp_path / "x").mkdir()
        (tmp_path / "x" / "main.cf").touch()
        (tmp_path / "x" / "transcript.txt").write_text("# x\n\nwhat\n")
        transcripts.read(tmp_path)


def test_brief_keeps_what_is_short() -> None:
    assert store.brief(b"\xff") == "\xff"
    assert store.brief("a" * store.LONG) == "a" * store.LONG
    assert store.brief("a" * (store.LONG + 1))["length"] == store.LONG + 1
