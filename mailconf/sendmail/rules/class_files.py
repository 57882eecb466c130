"""Classes whose words are elsewhere: lines F."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING

from mailconf.sendmail.rules.safe_path import check_file
from mailconf.sendmail.rules.world import Trusting, Unable

if TYPE_CHECKING:
    from mailconf.sendmail.rules.load import Loader

_MOST = 1 << 26  # bytes of a file
_LINE = 2047
_PATIENCE = 60.0  # seconds
_SPACES = " \t\n\v\f\r"
_CONVERSION = re.compile(r"%([0-9]{0,4})(s|\[\^?\]?[^\]]*\]|%)")


def add_file(loader: Loader, character: str, spec: str, *, optional: bool, is_map: bool) -> None:
    """Add the words of a file, a command or a map to a class."""
    problems = loader.problems
    name, format_ = spec, "%s"
    if not is_map:
        found = _quoted_name(spec)
        if found is None:
            problems.system(f"illegal filename '{spec}'")
            return
        name, format_ = found
    if not name:
        problems.system("fileclass: missing file name")
    elif is_map:
        _ask_map(loader, character, name, optional)
    elif name.startswith("|"):
        _run(loader, character, name)
    else:
        _read(loader, character, name, format_, optional)


def _quoted_name(text: str) -> tuple[str, str] | None:
    """The name of the file, which ends at a blank that is not quoted, and the format; None for an open quote."""
    out: list[str] = []
    escaped = quoted = False
    at = 0
    while at < len(text):
        character = text[at]
        if escaped:
            escaped = False
            if character != " ":
                out.append("\\")
        if character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif quoted or character != " ":
            out.append(character)
        else:
            break
        at += 1
    if escaped or quoted:
        return None
    name = "".join(out)
    rest = text[at + 1 :].lstrip(_SPACES) if at < len(text) else ""
    return name, rest if rest and not name.startswith("|") else "%s"


def _read(loader: Loader, character: str, name: str, format_: str, optional: bool) -> None:
    book = loader.book
    trusting = Trusting(
        unsafe_folders=book.blames("classfileinunsafedirpath"),
        links=book.blames("linkedclassfileinwritabledir"),
        group=book.blames("groupwritabledirpathsafe"),
        sticky=book.blames("truststickybit"),
    )
    root = loader.machine.root
    try:
        check_file(root, name, trusting)
        data = root.read(name, _MOST)
    except Unable as unable:
        if not optional:
            loader.problems.system(f"fileclass: cannot open '{name}'", unable.reason)
        return
    except OSError as failure:
        if not optional:
            loader.problems.system(f"fileclass: cannot open '{name}'", failure.strerror or str(failure))
        return
    _add_lines(loader, character, data, format_)


def _add_lines(loader: Loader, character: str, data: bytes, format_: str) -> None:
    pattern = scanned(format_)
    for whole in BytesIO(data):
        text = whole.removesuffix(b"\n").decode("latin-1")
        for at in range(0, len(text) or 1, _LINE):
            line = text[at : at + _LINE].partition("\0")[0]
            if line.startswith("#"):
                continue
            found = pattern.match(line + "\n")
            if found is not None:
                loader.add_words(character, found[1])


def scanned(format_: str) -> re.Pattern[str]:
    """The expression of a format of scanf(3) with one conversion; one that nothing matches for others."""
    parts: list[str] = []
    conversions = at = 0
    while at < len(format_):
        found = _CONVERSION.match(format_, at)
        if found is None:
            character = format_[at]
            if character == "%":
                return re.compile(r"(?!)()")
            parts.append(r"\s*" if character in _SPACES else re.escape(character))
            at += 1
            continue
        at = found.end()
        if found[2] == "%":
            parts.append("%")
            continue
        conversions += 1
        count = f"{{1,{found[1]}}}" if found[1].strip("0") else "+"
        if conversions > 1:
            break
        parts.append(rf"\s*([^\s]{count})" if found[2] == "s" else f"({_set(found[2])}{count})")
    return re.compile("".join(parts), re.ASCII) if conversions == 1 else re.compile(r"(?!)()")


def _set(text: str) -> str:
    """A set of characters of scanf(3) as one of a regular expression."""
    inside = text[1:-1]
    negated = inside.startswith("^")
    inside = inside.removeprefix("^").replace("\\n", "\n") if "\\n" in inside else inside.removeprefix("^")
    members = "".join(character if character == "-" else re.escape(character) for character in inside)
    return f"[{'^' if negated else ''}{members}]"


def _run(loader: Loader, character: str, command: str) -> None:
    """The words that a command prints. One that cannot be started says so itself, and its first word counts.

    Departure: commands are run only where the caller of `load` allows it; elsewhere they add nothing.
    """
    if not loader.runs:
        return
    import subprocess

    argv = command[1:].split()
    if not argv:
        return
    try:
        done = subprocess.run(
            [word.encode("latin-1", "replace") for word in argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "AGENT": "sendmail"},
            timeout=_PATIENCE,
            check=False,
        )
    except OSError:
        loader.add_words(character, f"{loader.source.name}:")
        return
    except (subprocess.TimeoutExpired, ValueError) as failure:
        loader.problems.system(f"fileclass: cannot open '{command}'", str(failure))
        return
    _add_lines(loader, character, done.stdout[:_MOST], "%s")


def _ask_map(loader: Loader, character: str, spec: str, optional: bool) -> None:
    """``key@type:arguments``: the words that a map has for the key; ``@LDAP`` asks a directory."""
    problems, names = loader.problems, loader.book.names
    name = names.name(character)
    key, _, rest = spec.partition("@")
    kind_name, _, arguments = ("ldap", "", "") if rest == "LDAP" else rest.partition(":")
    kind = loader.kinds.get(kind_name.lower())
    if kind is None:
        problems.system(f"fileclass: F{{{name}}}: class {kind_name} not available")
        return
    if kind.name == "ldap":
        if not optional:
            about = f"ldap_init/ldap_bind failed to localhost in map {name}"
            problems.system(about, loader.book.version.no_ldap, enhanced="4.3.5")
            problems.system(f"fileclass: F{{{name}}}: map open failed")
        return
    from mailconf.model.world import run
    from mailconf.sendmail.rules.disk_world import DiskWorld
    from mailconf.sendmail.rules.maps import DefinedMap
    from mailconf.sendmail.rules.problems import EX_NOTFOUND, EX_OK
    from mailconf.sendmail.rules.run import Engine

    map_ = DefinedMap(name, kind)
    loader.fill_map(map_, arguments)
    if not map_.valid:
        return
    engine = Engine(loader.book, DiskWorld(loader.machine.root), problems=problems)
    if not run(engine.open_map(map_)) or map_.broken:
        if not optional and not map_.flags.optional:
            problems.system(f"fileclass: F{{{name}}}: map open failed")
        return
    found = run(engine.find(map_, key, [key]))
    if found.status not in (EX_OK, EX_NOTFOUND):
        if not optional:
            problems.system(f"fileclass: F{{{name}}}: map lookup failed")
        return
    if found.value is not None:
        loader.add_words(character, found.value)
