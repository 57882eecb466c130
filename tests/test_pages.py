"""What the pages for people who work on mailconf name exists: files, modules, and what modules define."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
PAGES = ("CONTRIBUTING.md", "docs/flow.md", "docs/architecture.md")
# A path with one of our directories in front, or one that ends in .py and begins in mailconf/.
PATH = re.compile(r"(?<![\w./~-])(?:(?:mailconf|tests|docs|grammars|templates|examples)/[\w./*-]*|(?:\w+/)+\w+\.py\b)")
DOTTED = re.compile(r"(?<![\w./~-])mailconf(?:\.[A-Za-z_]\w*)+")
LINK = re.compile(r"\]\(([^)#:]+)\)")
NO_NAMES = {
    "mailconf.sqlite",  # the file of the queue
    "tests/bad/hop_counts",  # the folder of a rule that is to be written
}


def paths_in(text: str) -> set[str]:
    return {found.rstrip(".") for found in PATH.findall(text)}


def exists(path: str) -> bool:
    return any(any(top.glob(path)) if "*" in path else (top / path).exists() for top in (TOP, TOP / "mailconf"))


def is_defined(dotted: str) -> bool:
    """Whether the longest part of a name that is a module has the rest of the name."""
    words = dotted.split(".")
    for count in range(len(words), 0, -1):
        try:
            found: object = import_module(".".join(words[:count]))
        except ModuleNotFoundError:
            continue
        for word in words[count:]:
            if not hasattr(found, word):
                return False
            found = getattr(found, word)
        return True
    return False


@pytest.mark.parametrize("page", PAGES)
def test_every_name_of_a_page_exists(page: str) -> None:
    text = (TOP / page).read_text(encoding="utf-8")
    paths, names = paths_in(text) - NO_NAMES, set(DOTTED.findall(text)) - NO_NAMES
    assert len(paths) + len(names) > 10
    assert [path for path in sorted(paths) if not exists(path)] == []
    assert [name for name in sorted(names) if not is_defined(name)] == []
    assert [link for link in LINK.findall(text) if not (TOP / page).parent.joinpath(link).exists()] == []


def test_names_that_do_not_exist_are_found() -> None:
    text = "`mailconf/nowhere.py`, `cli/own/no.py`, `tests/vectors/*_cases.py`, (mailconf/maps/), /etc/mail/mailconf/x"
    assert paths_in(text) == {"mailconf/nowhere.py", "cli/own/no.py", "tests/vectors/*_cases.py", "mailconf/maps/"}
    assert [path for path in sorted(paths_in(text)) if not exists(path)] == ["cli/own/no.py", "mailconf/nowhere.py"]
    assert not exists("tests/*_nothing.py")
    assert is_defined("mailconf.files.Root.path")
    assert not is_defined("mailconf.files.Root.paths")
    assert not is_defined("mailconf.fils")
