"""The text that stands below the declaration of a diagnostic code: its entry in docs/diagnostics.md.

    CK081 = warning("CK081", "a reply code that refuses nothing")
    \"\"\"Why: what goes wrong on the machine when the finding is left as it is.

    Example:
        # main.cf
        reject_code = 250

    Remedy: what to write instead.

    Source: the manual page and its section, or the version on which it was measured.
    \"\"\"

All four parts are there, in this order, with an empty line between them. The lines of the example are indented. A line
``# main.cf``, ``# master.cf``, ``# sendmail.mc`` or ``# /etc/mail/access`` names the file of the lines below it;
a line ``$ mailconf build /etc/postfix`` is a command that is run then. Where no command is given it is ``mailconf
check`` of the folder. tests/check/test_explanations.py makes the files and checks that the last command reports the
code. An example without a file or a command is a description in words; that test lists the codes that may have one.

The text is for people and is read from the source: Python's compiler drops a string that stands alone, so that it costs
nothing at run time.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).resolve().parent.parent / "mailconf"
PARTS = ("Why", "Example", "Remedy", "Source")
_DECLARING = frozenset({"declare", "error", "warning"})
_FILE = re.compile(r"# (main\.cf|master\.cf|sendmail\.mc|/[\w./-]+)")
_COMMAND = "$ "


class Explanation(NamedTuple):
    """The entry of one code; ``why``, ``remedy`` and ``source`` are one line each, ``example`` has its own lines."""

    why: str
    example: str
    remedy: str
    source: str


class Example(NamedTuple):
    """What an example consists of.

    files     the name of each, as in "main.cf" or "/etc/mail/access", and its lines
    commands  as typed; the last one reports the code
    words     the lines before the first file and the first command: nothing, or a description in place of both
    """

    files: dict[str, str]
    commands: list[str]
    words: str


class Declaration(NamedTuple):
    """Where a code is declared: the module's path in the repository, and its entry if it has one."""

    code: str
    module: str
    explanation: Explanation | None


def declarations(package: Path = PACKAGE) -> Iterator[Declaration]:
    """The codes that the modules of ``package`` declare. Raises ValueError for an entry without its four parts."""
    for path in sorted(package.rglob("*.py")):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        for statement, following in zip(body, [*body[1:], None], strict=True):
            code = _declared(statement)
            if code:
                text = _text(following)
                module = str(path.relative_to(package.parent))
                yield Declaration(code, module, explanation(text, code) if text is not None else None)


def explanation(text: str, code: str) -> Explanation:
    """The parts of an entry. Raises ValueError, which names ``code``, where one is missing or in another place."""
    first, _, rest = text.partition("\n")
    parts = [part for part in f"{first}\n{textwrap.dedent(rest)}".split("\n\n") if part.strip()]
    found: dict[str, str] = {}
    for part in parts:
        name, colon, content = part.partition(":")
        if colon and name in PARTS:
            found[name] = content
        elif "Example" in found and len(found) == 2:  # an example may have empty lines
            found["Example"] += f"\n\n{part}"
        else:
            raise ValueError(f"{code}: none of {', '.join(PARTS)} begins with: {part.strip()[:60]}")
    if tuple(found) != PARTS or not all(content.strip() for content in found.values()):
        raise ValueError(f"{code}: needs {', '.join(PARTS)}, in this order, and has {', '.join(found) or 'none'}")
    why, remedy, source = (" ".join(found[name].split()) for name in ("Why", "Remedy", "Source"))
    return Explanation(why, textwrap.dedent(found["Example"].strip("\n")).rstrip(), remedy, source)


def example_of(text: str) -> Example:
    """The files and commands of an example as `Explanation` has it, with ``mailconf check`` where it names none."""
    files: dict[str, str] = {}
    commands: list[str] = []
    words, name = "", ""
    for line in text.splitlines():
        heading = _FILE.fullmatch(line)
        if heading:
            name = heading[1]
            files[name] = ""
        elif line.startswith(_COMMAND):
            commands.append(line.removeprefix(_COMMAND))
        elif name:
            files[name] += f"{line}\n"
        else:
            words += f"{line}\n"
    if not any(command.startswith("mailconf ") for command in commands) and (files or commands):
        is_sendmail = any(name == "sendmail.mc" or name.startswith("/etc/mail/") for name in files)
        commands.append(f"mailconf check {'/etc/mail' if is_sendmail else '/etc/postfix'}")
    return Example(files, commands, words)


def _declared(statement: ast.stmt) -> str:
    """The code that a statement declares, "" where it declares none."""
    if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
        call = statement.value
        name = call.args[0] if call.args else None
        if isinstance(call.func, ast.Name) and call.func.id in _DECLARING and isinstance(name, ast.Constant):
            return str(name.value)
    return ""


def _text(statement: ast.stmt | None) -> str | None:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return statement.value.value if isinstance(statement.value.value, str) else None
    return None
