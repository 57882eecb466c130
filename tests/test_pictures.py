"""The pictures of a terminal in docs/pictures are what docs/make_pictures.py writes."""

from __future__ import annotations

import html
import re
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
sys.path.insert(0, str(TOP / "docs"))

from make_pictures import FOLDER, PICTURES, on_a_terminal, picture, run  # noqa: E402

# The release of rich that wrote the files; another one may draw the same text with other shapes.
RICH = "15.0.0"
_TEXT = re.compile(r'<text class="[^"]*" x="[\d.]+" y="[\d.]+"[^>]*>([^<]*)</text>')


def texts(svg: str) -> list[str]:
    return [html.unescape(found).replace("\xa0", " ").strip() for found in _TEXT.findall(svg)]


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_what_the_script_writes(name: str) -> None:
    written, now = (FOLDER / f"{name}.svg").read_text(encoding="utf-8"), picture(name)
    assert texts(now)
    assert texts(written) == texts(now), "run docs/make_pictures.py"
    if version("rich") == RICH:
        assert written == now, "run docs/make_pictures.py"


def test_no_other_picture_is_there_and_none_names_this_machine() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.svg" for name in PICTURES}
    for path in FOLDER.iterdir():
        assert not re.search(rf"/tmp/|file:|{re.escape(str(TOP))}", path.read_text(encoding="utf-8"))


def test_places_are_links_on_a_terminal_and_plain_text_elsewhere(tmp_path: Path) -> None:
    command = f"mailconf explain --root {TOP}/examples/postfix /etc/postfix --to info@example.org"
    with on_a_terminal(tmp_path):
        shown = run(command)
    place = f"file://{TOP}/examples/postfix/etc/postfix/virtual#2"
    assert re.search(
        rf"\x1b\]8;id=\d+;{re.escape(place)}\x1b\\\x1b\[[0-9;]*mvirtual:2|"
        rf"\x1b\[[0-9;]*m\x1b\]8;id=\d+;{re.escape(place)}\x1b\\virtual:2",
        shown,
    )
