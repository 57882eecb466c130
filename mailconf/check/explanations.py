"""The text that stands below the declaration of a diagnostic code: its entry in docs/checks/ and of ``mailconf rule``.

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

PACKAGE = Path(__file__).resolve().parent.parent
PARTS = ("Why", "Example", "Remedy", "Source")
_DECLARING = frozenset({"declare", "error", "warning"})
_FILE = re.compile(r"# (main\.cf|master\.cf|sendmail\.mc|/[\w./-]+)")
_COMMAND = "$ "


class Family(NamedTuple):
    """Codes that are on one page of docs/checks/: those that begin with one of ``begin``."""

    page: str
    title: str
    about: str
    begin: tuple[str, ...]


FAMILIES = (
    Family("main-and-master", "main.cf and master.cf as they are written", "Lines, values and services that Postfix "
           "reads otherwise than they are meant, or not at all.", ("PF0",)),
    Family("postfix", "What a Postfix configuration does", "Restrictions, relaying, routes, TLS and SASL: settings "
           "that Postfix takes, and that do something else than was meant.", ("PF",)),
    Family("across-files", "Settings and what they name", "Parameters, tables, services, files, accounts and rights: "
           "what one place names and another does not have. Also the comments and files that choose what counts.",
           ("CK",)),
    Family("sendmail", "sendmail's configuration", "A .mc, what it expands to, and the files beside it.", ("SM",)),
    Family("tables", "Tables", "Entries that an engine leaves out, misreads or never looks up, in the tables of both "
           "servers.", ("TB",)),
    Family("build", "Building", "Maps and .cf files that are built, and mailconf's records of them.", ("BD", "MP")),
    Family("text", "Files and m4", "Folders without a configuration, text that no grammar accepts, and what m4 "
           "reports.", ("FS", "GR", "M4")),
    Family("test", "Tests of a configuration", "The files that mailconf test reads.", ("TS",)),
)  # fmt: skip


def family_of(code: str) -> Family:
    """The family whose beginnings match; StopIteration for a code that belongs to none, which a test excludes."""
    return next(family for family in FAMILIES if code.startswith(family.begin))


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
    severity: str = ""
    title: str = ""


def declarations(package: Path = PACKAGE, code: str = "") -> Iterator[Declaration]:
    """The codes that the modules of ``package`` declare, or ``code`` alone.

    Raises ValueError for an entry without its four parts.
    """
    for path in sorted(package.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if code not in source:
            continue
        body = ast.parse(source).body
        for statement, following in zip(body, [*body[1:], None], strict=True):
            declared = _declared(statement)
            if declared is None or (code and declared[0] != code):
                continue
            name, severity, title = declared
            text, module = _text(following), str(path.relative_to(package.parent))
            yield Declaration(name, module, explanation(text, name) if text is not None else None, severity, title)


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


def _declared(statement: ast.stmt) -> tuple[str, str, str] | None:
    """The code that a statement declares, its severity and its title; None where it declares nothing."""
    if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Call):
        return None
    call = statement.value
    if not isinstance(call.func, ast.Name) or call.func.id not in _DECLARING:
        return None
    texts = [word.value for word in (*call.args[:1], *call.args[-1:]) if isinstance(word, ast.Constant)]
    if len(texts) != 2:
        return None
    severity = call.args[1].attr.lower() if isinstance(call.args[1], ast.Attribute) else call.func.id
    return str(texts[0]), severity, str(texts[1])


def _text(statement: ast.stmt | None) -> str | None:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return statement.value.value if isinstance(statement.value.value, str) else None
    return None


def entry_text(declared: Declaration, width: int = 100) -> str:
    """The entry of a code as ``mailconf rule`` prints it: plain text, its lines ended."""
    head = f"{declared.code}, {declared.severity}: {declared.title}\n"
    if declared.explanation is None:
        return head
    why, example, remedy, source = declared.explanation
    files, commands, words = example_of(example)
    lines = [line for name, content in files.items() for line in (f"# {name}", *content.splitlines())]
    shown = words.splitlines() or [*lines, *(f"$ {command}" for command in commands)]
    body = "".join(f"    {line}\n" if line else "\n" for line in shown)
    first, *others = (
        textwrap.fill(text.replace("``", "`"), width, break_long_words=False, break_on_hyphens=False)
        for text in (f"Why: {why}", f"Remedy: {remedy}", f"Source: {source}")
    )
    return "\n".join([head, f"{first}\n", f"Example:\n{body}", *(f"{text}\n" for text in others)])
