"""The reader of .mc files and the expander, on every .mc of the library and one for each of its parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailconf.diagnostics import Sink
from mailconf.sendmail.expansion import Call as Expanded
from mailconf.sendmail.expansion import expand_mc
from mailconf.sendmail.mc_tree import Call, Document, Kind, parse
from mailconf.source import Source, decode, encode
from tests.live.mc_files import FOLDER, LIBRARY, generated, library_files

pytestmark = pytest.mark.live
TEXTS = generated()


def called(path: Path) -> list[Expanded]:
    expanded = expand_mc(path, LIBRARY, Sink(), record=True)
    assert expanded is not None
    return [call for call in expanded.calls if call.place.file[0].name == path.name.encode()]


def check(path: Path) -> None:
    """The calls in the file's own text; and in an ifdef's branch, those of one of its arguments."""
    text = decode(path.read_bytes())
    sink = Sink()
    document = parse(Source(str(path), text), sink)
    assert not len(sink)
    assert document.text == text
    calls = called(path)
    direct = [(c.name, c.place.file[1]) for c in calls if c.depth == 0]
    assert [(name_of(n), len(encode(text[: n.span.start]))) for n in document.walk()] == direct
    for node in document.calls():
        if node.name in ("ifdef", "ifelse"):
            branch = [c.name for c in calls if c.depth == 1 and c.place.block.name.decode() == node.name
                      and c.place.file[1] == len(encode(text[: node.span.start]))]  # fmt: skip
            assert branch in ([], *branches(document, node))


def name_of(node: object) -> str:
    return node.name if isinstance(node, Call) else "dnl"


def branches(document: Document, node: Call) -> list[list[str]]:
    quoted = [n for argument in node.arguments or () for n in argument.nodes if n.kind is Kind.QUOTED]
    return [[name_of(inner) for inner in document.inside(n).walk()] for n in quoted]


@pytest.mark.parametrize("path", library_files(), ids=lambda path: path.name)
def test_the_reader_agrees_with_the_expander_on_the_librarys_files(path: Path) -> None:
    check(path)


def test_every_part_of_the_library_is_asked_for() -> None:
    assert len(list(FOLDER.glob("cf/*.mc"))) == 33
    for kind in ("feature", "hack", "mailer", "ostype", "domain"):
        assert {f"{kind}-{name}" for name in LIBRARY.available(kind)} <= set(TEXTS)
    assert len(TEXTS) > 180


@pytest.mark.parametrize("name", TEXTS)
def test_the_reader_agrees_with_the_expander_on_every_part(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x.mc"
    path.write_text(TEXTS[name])
    check(path)
