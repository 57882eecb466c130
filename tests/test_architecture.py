"""The import picture of docs/architecture.md, enforced."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Container, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from mailconf.mta import journal_postfix
from mailconf.mta.journal import SECURITY_ALONE, LogEvent, Remark
from mailconf.smtp import wording_postfix
from mailconf.smtp.problems import Acknowledgement, Problem

PACKAGE = Path(__file__).parent.parent / "mailconf"

# room -> rooms it may import (itself is always allowed). Keep in step with docs/architecture.md.
BASE = {
    "",
    "arrays",
    "encoding",
    "resources",
    "source",
    "files",
    "personal",
    "diagnostics",
    "edits",
    "domain_names",
    "hosts_file",
    "ports",
    "possessive",
}
FORMATS = BASE | {"grammar", "lalr"}
MODEL = FORMATS | {"tables", "maps", "smtp", "m4"}
DIALECT = MODEL | {"model"}
MAY_IMPORT = {
    "": set(),
    "arrays": set(),
    "encoding": set(),
    "resources": {"files"},
    "source": {"files", "encoding"},
    "files": {"personal"},
    "personal": set(),
    "diagnostics": {"source", "files"},
    "edits": {"diagnostics", "source"},
    "domain_names": set(),
    "hosts_file": {"files"},
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
    "insight": DIALECT | {"postfix", "sendmail", "build", "check"},
    "mta": BASE | {"model", "maps", "smtp"},
    "cli": DIALECT | {"postfix", "sendmail", "build", "check", "insight", "mta"},
    "__main__": {"cli"},
}
# Within a room, its own rooms: each may import itself, what is named here, and modules that lie in the room itself.
# docs/architecture.md has the same as a table.
WITHIN = {
    "check": {"postfix": set(), "sendmail": set(), "machine": set()},
    "cli": {"shared": set(), "own": {"shared"}, "postfix": {"shared"}, "sendmail": {"shared", "postfix"}},
    "insight": {"cases": set(), "explain": set(), "engines": {"cases"}},
    "m4": {"builtins": {"regex"}, "regex": set()},
    "maps": {
        "core": set(),
        "database": {"core"},
        "patterns": {"core"},
        "servers": {"core"},
        "simple": {"core", "database", "build"},
        "build": {"core", "database"},
        "bulk": {"core"},
    },
    "mta": {"queue": set(), "control": {"queue"}},
    "postfix": {
        "text": set(),
        "parameters": {"text"},
        "settings": {"text", "parameters"},
        "policy": {"text", "parameters", "settings"},
        "postconf": {"text", "parameters", "settings"},
    },
    "sendmail": {
        "mc": set(),
        "cf": set(),
        "rules": {"cf"},
        "testmode": {"cf", "rules"},
        "policy": {"cf", "rules"},
        "submission": {"cf", "rules"},
        "mailing": {"cf", "rules", "policy", "submission"},
        "emit": {"mc"},
    },
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


# Programs of Postfix's. Comments and docstrings may cite their pages and parameters: smtpd(8), smtpd_delay_reject.
_PROGRAM = r"smtpd|qmgr|cleanup|pickup|trivial-rewrite|anvil|postscreen|tlsmgr|proxymap|scache"
PROGRAMS = re.compile(rf"(?<![\w-])(?:{_PROGRAM})(?![\w(-]|_[a-z])")
ANY_PROGRAM = re.compile(_PROGRAM.replace("-", "[-_]?"), re.IGNORECASE)
# The rooms that speak no dialect, each with the modules that are a dialect's words.
WORDLESS = {
    "model": set(),
    "smtp": {"wording_postfix.py", "wording_sendmail.py"},
    "mta": {"journal_postfix.py", "journal_postfix_filters.py", "journal_postfix_screen.py", "journal_postfix_tls.py"},
}
WORDLESS_MODULES = sorted(
    path
    for room_name, words in WORDLESS.items()
    for path in (PACKAGE / room_name).rglob("*.py")
    if path.name not in words
)


def docstrings(tree: ast.AST) -> set[ast.AST]:
    """The constants that document a module, a class or a function."""
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)]
    bodies += [node.body for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)]
    return {body[0].value for body in bodies if body and isinstance(body[0], ast.Expr)}


def words_of_code(tree: ast.AST) -> Iterator[str]:
    """Every name and every text in code, docstrings apart."""
    documentation = docstrings(tree)
    for node in ast.walk(tree):
        if node in documentation:
            continue
        for field in ("id", "attr", "name", "asname", "arg", "module", "value"):
            word = getattr(node, field, None)
            if isinstance(word, bytes):
                word = word.decode("latin-1")
            if isinstance(word, str):
                yield word


@pytest.mark.parametrize("path", WORDLESS_MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_program_of_one_dialect_is_named(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not ANY_PROGRAM.search(path.stem)
    assert not PROGRAMS.search(text), PROGRAMS.search(text)
    assert [word for word in words_of_code(ast.parse(text)) if ANY_PROGRAM.search(word)] == []


def test_the_words_of_a_dialect_are_known_to_nobody_but_who_hands_them_in() -> None:
    """``wording_x``, ``journal_x`` and ``reports_x`` import each other; beyond that only cli/ puts them together."""
    words = re.compile(r"mailconf\.(?:smtp\.wording|mta\.journal|mta\.reports)_\w+")
    for path in PACKAGE.rglob("*.py"):
        if room(path) != "cli" and not words.fullmatch(module_name(path)):
            assert not [name for name in imported(path) if words.fullmatch(name)], path


@pytest.mark.parametrize("module", [wording_postfix, journal_postfix])
def test_each_member_has_its_words(module: ModuleType) -> None:
    """Nothing that is named lacks its words, and the words use the facts that are named."""
    if module is wording_postfix:
        wording = wording_postfix.PostfixWording()
        for problem in Problem:
            verbs = [verb for known, verb in wording_postfix._OF_COMMAND if known is problem] or ["MAIL"]
            for verb in verbs:
                facts = {name: verb if name == "verb" else "501" for name in problem.facts}
                assert 200 <= wording.refusal(problem, **facts).code <= 599
        for what in Acknowledgement:
            assert wording.acknowledgement(what, **dict.fromkeys(what.facts, "x")).positive
    else:
        for event in set(LogEvent) - SECURITY_ALONE:  # of those sendmail's journal has the words
            texts, makers = journal_postfix._TEXTS, journal_postfix._LINES
            assert (event in texts) is not (event in makers), event
            if event in texts:
                used = {
                    name.partition(".")[0].partition("[")[0] for name in re.findall(r"{(\w+)", "".join(texts[event]))
                }
            else:
                used = set(inspect.signature(makers[event]).parameters)
            assert used == set(event.facts), event
        for remark in Remark:
            text = journal_postfix._REMARKS.get(remark, "{status}")
            assert (remark in journal_postfix._REMARKS) is not (remark is Remark.COMMAND_EXIT)
            used = set(re.findall(r"{(\w+)", text)) | ({"verb"} if "verb" in remark.facts else set())
            assert used <= set(remark.facts) and set(remark.facts) - used <= {"user"}, remark


# What a function adds to the facts that it is given.
ADDED = {
    "self._refuse": {"host"},
    "self._lost": {"peer", "stage", "verb"},
    "self._append": {"path", "user", "reason"},
}


def handed_over(call: ast.Call, dictionaries: dict[str, set[str]], rest: list[ast.expr]) -> set[str] | None:
    """The names of the facts of a call; None where some are in a dictionary that another function makes.

    rest  what follows the member: a dictionary of facts, for `Failure` and `Outcome`
    """
    if ast.unparse(call.func) in ("Failure", "CommandOutcome"):
        if not rest:
            return set()
        return keys_of(rest[0]) if isinstance(rest[0], ast.Dict) else dictionaries.get(ast.unparse(rest[0]))
    facts: set[str] = set()
    for word in call.keywords:
        found = {word.arg} if word.arg else dictionaries.get(ast.unparse(word.value))
        if found is None:
            return None
        facts |= found
    return facts


def dictionaries_of(function: ast.AST) -> dict[str, set[str]]:
    """The keys of the dictionaries that a function gives names to."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = keys_of(node.value)
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Dict) and isinstance(node.target, ast.Name):
            found[node.target.id] = keys_of(node.value)
    return found


def keys_of(dictionary: ast.Dict) -> set[str]:
    return {str(key.value) for key in dictionary.keys if isinstance(key, ast.Constant)}


@pytest.mark.parametrize("room_name", ["smtp", "mta", "cli"])
def test_calls_hand_over_the_facts_that_are_named(room_name: str) -> None:
    kinds = {"Problem": Problem, "LogEvent": LogEvent, "Acknowledgement": Acknowledgement, "Remark": Remark}
    seen = 0
    for path in (PACKAGE / room_name).rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for function in (f for f in ast.walk(tree) if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef)):
            dictionaries = dictionaries_of(function)
            for call in (node for node in ast.walk(function) if isinstance(node, ast.Call) and node.args):
                named = [at for at, word in enumerate(call.args) if ast.unparse(word).startswith("Remark.")][:1] or [0]
                owner, _, member = ast.unparse(call.args[named[0]]).partition(".")
                facts = handed_over(call, dictionaries, call.args[named[0] + 1 :])
                if owner not in kinds or not member or facts is None:
                    continue
                called = ast.unparse(call.func)
                given = facts - {"close"} | ADDED.get(called, set())
                assert given == set(kinds[owner][member].facts) or called == "self._misplaced", f"{path}:{call.lineno}"
                seen += 1
    assert seen
