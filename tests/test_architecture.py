"""The import picture of docs/architecture.md, enforced."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "mailconf"

# room -> rooms it may import (itself is always allowed). Keep in step with docs/architecture.md.
BASE = {"", "arrays", "resources", "source", "files", "personal", "diagnostics", "domain_names", "ports", "possessive"}
FORMATS = BASE | {"grammar", "lalr"}
MODEL = FORMATS | {"tables", "maps", "smtp", "m4"}
DIALECT = MODEL | {"model"}
MAY_IMPORT = {
    "": set(),
    "arrays": set(),
    "resources": set(),
    "source": set(),
    "files": set(),
    "personal": set(),
    "diagnostics": {"source"},
    "domain_names": set(),
    "ports": {"files"},
    "possessive": set(),
    "lalr": set(),
    "grammar": BASE | {"lalr"},
    "m4": FORMATS,
    "tables": FORMATS,
    "maps": FORMATS | {"tables"},
    "smtp": FORMATS,
    "model": MODEL,
    "postfix": DIALECT,
    "sendmail": DIALECT,
    "build": DIALECT | {"postfix", "sendmail"},
    "check": DIALECT | {"postfix", "sendmail", "build"},
    "mta": BASE | {"model", "maps", "smtp"},
    "cli": DIALECT | {"postfix", "sendmail", "build", "check", "mta"},
    "__main__": {"cli"},
}
ASYNCIO_ROOMS = {"mta"}


def room(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The modules that a file imports anywhere in it, lazily or not."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            names |= {f"mailconf.{a.name}" for a in node.names} if module == "mailconf" else {module}
    return names


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_follow_the_picture(path: Path) -> None:
    here = room(path)
    assert here in MAY_IMPORT, f"{here} is not in docs/architecture.md"
    for name in imported(path):
        if name == "mailconf" or name.startswith("mailconf."):
            there = name.split(".")[1] if "." in name else ""
            there = there if there in MAY_IMPORT else ""
            assert there == here or there in MAY_IMPORT[here], f"{path.name} imports {name}"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_asyncio_lives_in_the_mta(path: Path) -> None:
    if room(path) not in ASYNCIO_ROOMS:
        assert not {n for n in imported(path) if n.split(".")[0] in {"asyncio", "uvloop"}}
