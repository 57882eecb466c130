"""Configuration is read through a `mailconf.files.Tree`: nothing else opens, looks up or lists a file by itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "mailconf"

ROOMS = {"files", "mta"}  # the trees themselves; queues, mailboxes and sockets of the MTA

# Modules that open, look up or list a file all the same, and why.
EXCEPTIONS = {
    "build/generation.py": "puts built files in place: journal, backups and locks are on the disk",
    "check/explanations.py": "looks for the entry of a code in the modules of mailconf itself",
    "cli/__init__.py": "which program along PATH it was called as",
    "cli/own/serve.py": "appends to the log that its user names",
    "cli/postfix/control.py": "locks the pid file for the server that it starts",
    "cli/postfix/map_owner.py": "postmap takes on the rights of an owner; the system tells what these allow",
    "cli/sendmail/daemon.py": "goes on without a terminal, its streams at nothing; removes its pid file",
    "cli/sendmail/invocation.py": "whether its user can write the files of -D and -X",
    "cli/sendmail/startup.py": "writes what -D is for, as its user",
    "cli/sendmail/submit.py": "adds to dead.letter of its user",
    "cli/sendmail/m4.py": "m4 as it is: writes the files that its user names",
    "cli/sendmail/sendmail_map.py": "locks the map that it changes, and replaces it",
    "cli/shared/streams.py": "standard streams",
    "insight/engines/inside.py": "makes the /etc of a private engine, in namespaces of its own",
    "insight/engines/namespace.py": "the folder of a private engine, and where mailconf itself lies",
    "insight/engines/postfix_worker.py": "the files and the log of a private Postfix",
    "insight/engines/sendmail.py": "which sendmail is to be run",
    "insight/engines/sendmail_worker.py": "the files of a private sendmail",
    "m4/environment.py": "m4 as it is: reads, writes and makes the files that its user names",
    "maps/build/target.py": "looks at what a map that is written will replace",
    "maps/build/change.py": "locks maps and replaces them",
    "maps/build/write.py": "replaces maps",
    "maps/bulk/beside.py": "pipes to its own processes",
    "maps/database/bdb.py": "locks the file that the tree has given it (Tree.real), and reads it in pieces",
    "maps/database/raw_file.py": "locks the file that the tree has given it (Tree.real), and reads it in pieces",
    "personal.py": "reads what users have written, with their rights; a program of its own, which imports nothing",
    "sendmail/mailing/handing.py": "whether the path that a mailer connects to is a socket",
    "postfix/settings/unserved.py": "what the user that serve runs as may write",
}

OS = {"open", "stat", "lstat", "listdir", "scandir", "walk", "fwalk", "access", "readlink"}
OS_PATH = {"exists", "lexists", "isfile", "isdir", "islink", "ismount", "realpath", "samefile"}
OS_PATH |= {"getsize", "getmtime", "getatime", "getctime"}
FUNCTIONS = {"os": OS, "os.path": OS_PATH, "posixpath": OS_PATH, "io": {"open", "open_code", "FileIO"}}
MODULES = {"glob", "filecmp", "fileinput", "linecache"}
# Methods of pathlib.Path that look at the disk. A tree has some of the same names, and is asked with a name.
PATH = {"read_bytes", "read_text", "iterdir", "rglob", "glob", "lstat", "readlink", "is_dir", "is_symlink"}
PATH_WITHOUT_NAME = {"exists", "is_file", "stat", "resolve"}


def reads(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Where a module reads, looks up or lists files by itself: the line, and the text there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            if names & FUNCTIONS.get(node.module or "", set()) or node.module in MODULES:
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Import):
            if MODULES & {alias.name for alias in node.names}:
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value)
            if node.attr in FUNCTIONS.get(owner, ()):
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Call):
            yield from _called(node)


def _called(call: ast.Call) -> Iterator[tuple[int, str]]:
    function = call.func
    if isinstance(function, ast.Name):
        if function.id == "open":
            yield call.lineno, ast.unparse(call)
        return
    if not isinstance(function, ast.Attribute) or ast.unparse(function.value) in ("os", "os.path"):
        return
    mode = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
    if (
        function.attr in PATH
        or (function.attr in PATH_WITHOUT_NAME and not call.args)
        or (function.attr == "open" and isinstance(mode, str) and not set(mode) - set("rwxabt+"))
    ):
        yield call.lineno, ast.unparse(call)


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in ROOMS)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_are_read_through_a_tree(path: Path) -> None:
    found = list(reads(ast.parse(path.read_text(encoding="utf-8"))))
    name = str(path.relative_to(PACKAGE))
    if name in EXCEPTIONS:
        assert found, "it is no exception any more"
    else:
        assert not found, found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_who_reports_a_file_says_in_which_tree(path: Path) -> None:
    """Else the finding would lack its line, or have that of the disk."""
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "report":
            names = {keyword.arg for keyword in call.keywords}
            assert "file" not in names or "tree" in names, f"{path.name}:{call.lineno}"


@pytest.mark.parametrize(
    "text",
    [
        "open(name, 'rb')",
        "os.open(name, os.O_RDONLY)",
        "f = os.lstat",
        "map(os.path.exists, names)",
        "os.path.realpath(name)",
        "from os import stat",
        "from os.path import isfile as there",
        "import glob",
        "Path(name).read_bytes()",
        "path.read_text(encoding='utf-8')",
        "path.exists()",
        "path.stat().st_size",
        "path.stat(follow_symlinks=False)",
        "path.open('rb')",
        "path.resolve()",
        "sorted(folder.iterdir())",
        "io.open(name)",
    ],
)
def test_what_is_looked_for_is_found(text: str) -> None:
    assert list(reads(ast.parse(text)))


@pytest.mark.parametrize(
    "text", ["tree.stat(name)", "tree.exists(name)", "table.open(spec)", "os.path.dirname(name)", "policy.resolve(a)"]
)
def test_what_asks_a_tree_is_not(text: str) -> None:
    assert not list(reads(ast.parse(text)))


if __name__ == "__main__":  # what is left to do
    for path in modules():
        for line, text in reads(ast.parse(path.read_text(encoding="utf-8"))):
            print(f"{path.relative_to(PACKAGE)}:{line}: {text}")
