"""The import picture of docs/architecture.md, enforced."""

from __future__ import annotations

import ast
import re
from collections.abc import Container
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
    "resources": {"files"},
    "source": {"files"},
    "files": {"personal"},
    "personal": set(),
    "diagnostics": {"source", "files"},
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
# Within a room, its own rooms: each may import itself, what is named here, and modules that lie in the room itself.
# docs/architecture.md has the same as a table.
WITHIN = {
    "check": {"postfix": set(), "sendmail": set(), "machine": set()},
    "cli": {"shared": set(), "own": {"shared"}, "postfix": {"shared"}, "sendmail": {"shared", "postfix"}},
    "m4": {"builtins": {"regex"}, "regex": set()},
    "maps": {
        "core": set(),
        "database": {"core"},
        "patterns": {"core"},
        "servers": {"core"},
        "simple": {"core"},
        "build": {"core", "database"},
        "bulk": {"core"},
    },
    "postfix": {
        "text": set(),
        "parameters": {"text"},
        "settings": {"text", "parameters"},
        "policy": {"text", "parameters", "settings"},
        "postconf": {"text", "parameters", "settings"},
    },
    "sendmail": {"mc": set(), "cf": set()},
}
ASYNCIO_ROOMS = {"mta"}
CIRCLES = {"mailconf.m4"}  # its builtins enter themselves in a table


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


def inner_room(name: str) -> str:
    """Of ``mailconf.maps.core.table``, core; "" of a module that lies in the room itself."""
    words = name.split(".")
    return words[2] if len(words) > 2 and words[2] in WITHIN.get(words[1], {}) else ""


@pytest.mark.parametrize("room_name", sorted(WITHIN))
def test_imports_within_a_room_follow_the_picture(room_name: str) -> None:
    rooms = WITHIN[room_name]
    folder = PACKAGE / room_name
    assert {path.parent.name for path in folder.glob("*/__init__.py")} == set(rooms)
    for path in sorted(folder.rglob("*.py")):
        here = inner_room(module_name(path))
        for name in imported(path) if here else ():
            there = inner_room(name) if name.startswith(f"mailconf.{room_name}.") else ""
            assert not there or there == here or there in rooms[here], f"{path.name} imports {name}"


def test_the_page_has_the_rooms_within_rooms() -> None:
    page = (PACKAGE.parent / "docs/architecture.md").read_text(encoding="utf-8")
    section = page.partition("\n## Rooms within rooms\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("|")]
    table: dict[str, dict[str, set[str]]] = {}
    for outer, inner, imports, purpose in rows[2:]:
        assert purpose
        table.setdefault(outer, {})[inner] = set() if imports == "-" else set(imports.split(", "))
    assert table == WITHIN


def module_name(path: Path) -> str:
    words = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(words[:-1] if words[-1] == "__init__" else words)


def needed(path: Path, modules: Container[str]) -> set[str]:
    """The modules of ours that a file imports when it runs: not those below ``if TYPE_CHECKING``."""
    names: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            within = [f"{node.module}.{alias.name}" for alias in node.names]
            names |= {name if name in modules else node.module or "" for name in within}
        waiting += ast.iter_child_nodes(node)
    return {name for name in names if name in modules} - {module_name(path)}


def test_no_imports_go_round_in_a_circle() -> None:
    paths = {module_name(path): path for path in PACKAGE.rglob("*.py")}
    left = {name: needed(path, paths) for name, path in paths.items() if not name.startswith(tuple(CIRCLES))}
    while left:
        free = [name for name, names in left.items() if not names & left.keys()]
        assert free, f"in circles, or above one: {sorted(left)}"
        for name in free:
            del left[name]


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_asyncio_lives_in_the_mta(path: Path) -> None:
    if room(path) not in ASYNCIO_ROOMS:
        assert not {n for n in imported(path) if n.split(".")[0] in {"asyncio", "uvloop"}}


LONGEST = 600  # lines of a module
LONG = {  # recorded data; and one state machine
    *(PACKAGE / "postfix/parameters").glob("*.py"),
    PACKAGE / "m4/engine.py",
}


@pytest.mark.parametrize("path", sorted(set(PACKAGE.rglob("*.py")) - LONG), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_modules_are_short_enough_to_read(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


TAKEN_APART = re.compile(r"\b(table|spec|kind|type)\b")


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_table_references_are_taken_apart_in_one_place(path: Path) -> None:
    """``type:name`` is `TableRef.parse`'s to read: nobody else splits at a colon what is called a table or a type."""
    if path.name == "reference.py":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Assign | ast.Expr | ast.Return | ast.If | ast.Compare | ast.NamedExpr):
            continue
        for call in ast.walk(node):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr in ("partition", "split")
                and [argument.value for argument in call.args if isinstance(argument, ast.Constant)][:1] == [":"]
            ):
                names = ast.unparse(call.func.value)
                if isinstance(node, ast.Assign):
                    names += " " + " ".join(map(ast.unparse, node.targets))
                found = TAKEN_APART.search(names)
                assert not found, f"{path.name}:{node.lineno}: {ast.unparse(node)[:80]}"


# Programs of Postfix's. A rule's source may name their pages and parameters: smtpd(8), postconf(5) smtpd_delay_reject.
PROGRAMS = re.compile(
    r"(?<![\w-])(?:smtpd|qmgr|cleanup|pickup|trivial-rewrite|anvil|postscreen|tlsmgr|proxymap|scache)(?![\w(-]|_[a-z])"
)


@pytest.mark.parametrize("path", sorted((PACKAGE / "model").rglob("*.py")), ids=lambda p: p.name)
def test_the_model_names_no_program_of_one_dialect(path: Path) -> None:
    found = PROGRAMS.search(path.read_text(encoding="utf-8"))
    assert not found, found
    names = {node.id for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Name)}
    assert not [name for name in names if name.startswith(("smtpd", "postscreen", "qmgr"))]
