"""`m4`: GNU m4's command line, and ``mailconf m4 --explain LINE FILE...`` (m4(1), info m4 "Invoking m4").

Options may follow file names; -D, -U, -s, -t and --debugfile take effect between the files where they are written.
``--explain LINE`` is ours: instead of the output it prints, for that line of it, where each piece came from.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from mailconf.m4.debug import flags
from mailconf.m4.engine import Engine, EngineOptions
from mailconf.m4.environment import UNBOUNDED, System
from mailconf.m4.errors import Stop
from mailconf.m4.places import MacroPlace

NONE, REQUIRED, OPTIONAL = range(3)
SHORT = {
    **dict.fromkeys("EGPQegis", NONE),
    **dict.fromkeys("BDFHILNRSTUlot", REQUIRED),
    "d": OPTIONAL,
}
LONG = {
    "arglength": ("l", REQUIRED),
    "debug": ("d", OPTIONAL),
    "debugfile": ("debugfile", OPTIONAL),
    "define": ("D", REQUIRED),
    "diversions": ("N", REQUIRED),
    "error-output": ("o", REQUIRED),
    "explain": ("explain", REQUIRED),
    "fatal-warnings": ("E", NONE),
    "freeze-state": ("F", REQUIRED),
    "gnu": ("g", NONE),
    "hashsize": ("H", REQUIRED),
    "help": ("help", NONE),
    "include": ("I", REQUIRED),
    "interactive": ("i", NONE),
    "nesting-limit": ("L", REQUIRED),
    "prefix-builtins": ("P", NONE),
    "quiet": ("Q", NONE),
    "reload-state": ("R", REQUIRED),
    "silent": ("Q", NONE),
    "synclines": ("s", NONE),
    "trace": ("t", REQUIRED),
    "traditional": ("G", NONE),
    "undefine": ("U", REQUIRED),
    "version": ("version", NONE),
    "warn-macro-sequence": ("warn", OPTIONAL),
}
SEQUENCE = rb"\$\({[^}]*}\|[0-9][0-9]+\)"


class Usage(Exception):
    """A mistake on the command line."""


class Arguments:
    """The command line, read."""

    def __init__(self) -> None:
        self.options = EngineOptions()
        # What happens between the files, in order: the option and its value; "file" for a file.
        self.actions: list[tuple[str, bytes]] = []
        self.include: list[bytes] = []
        self.warnings: list[str] = []
        self.debug: frozenset[int] | None = None
        self.debug_file: bytes | None = None
        self.length = 0
        self.explain = 0
        self.interactive = False
        self.show = ""
        self.freeze: bytes | None = None
        self.reload: bytes | None = None


def run(name: str, arguments: list[str]) -> int:
    """The tool: its exit status. ``name`` is what it was called as."""
    try:
        parsed = parse(name, arguments)
    except Usage as mistake:
        sys.stderr.write(f"{name}: {mistake}\nTry `{name} --help' for more information.\n")
        return 1
    if parsed.show == "help":
        from mailconf.cli.shared.m4_help import HELP

        sys.stdout.write(HELP.format(name))
        return 0
    if parsed.show == "version":
        sys.stdout.write("m4 (GNU M4) 1.4.19\nThis is mailconf's implementation of that version's language.\n")
        return 0
    for warning in parsed.warnings:
        sys.stderr.write(f"{name}: {warning}\n")
    return _expand(os.fsencode(name), parsed)


# -- the command line


def parse(name: str, arguments: list[str]) -> Arguments:
    """Read the command line as getopt_long does; `Usage` where it would complain."""
    parsed = Arguments()
    left = list(reversed(arguments))
    while left:
        argument = left.pop()
        if argument == "--":
            parsed.actions += [("file", os.fsencode(file)) for file in reversed(left)]
            break
        if argument.startswith("--"):
            option, value, shown = _long(argument, left)
            _apply(parsed, option, value, name, shown)
        elif argument.startswith("-") and len(argument) > 1:
            at = 1
            while at < len(argument):
                option = argument[at]
                at += 1
                value = None
                takes = SHORT.get(option)
                if takes is None:
                    raise Usage(f"invalid option -- '{option}'")
                if takes != NONE:
                    value = argument[at:] or None
                    if value is None and takes == REQUIRED:
                        if not left:
                            raise Usage(f"option requires an argument -- '{option}'")
                        value = left.pop()
                    at = len(argument)
                _apply(parsed, option, value, name, f"-{option}")
        else:
            parsed.actions.append(("file", os.fsencode(argument)))
        if parsed.show:
            return parsed
    parsed.options.include = tuple(parsed.include) + tuple(
        os.fsencode(folder) for folder in os.environ.get("M4PATH", "").split(":") if folder
    )
    return parsed


def _long(argument: str, left: list[str]) -> tuple[str, str | None, str]:
    """A long option: its short name, its value and the name it is shown under."""
    given, equals, rest = argument[2:].partition("=")
    value: str | None = rest if equals else None
    if given in LONG:
        full = given
    else:
        candidates = [known for known in LONG if known.startswith(given) and known != "explain"]
        if not candidates:
            raise Usage(f"unrecognized option '{argument}'")
        if len({LONG[known] for known in candidates}) > 1:
            possible = " ".join(f"'--{known}'" for known in candidates)
            raise Usage(f"option '{argument}' is ambiguous; possibilities: {possible}")
        full = candidates[0]
    option, takes = LONG[full]
    if takes == NONE and value is not None:
        raise Usage(f"option '--{full}' doesn't allow an argument")
    if takes == REQUIRED and value is None:
        if not left:
            raise Usage(f"option '--{full}' requires an argument")
        value = left.pop()
    return option, value, f"--{full}"


def _set(name: str, value: object) -> Callable[[Arguments, str], None]:
    def apply(parsed: Arguments, _: str) -> None:
        setattr(parsed.options, name, value)

    return apply


def _nesting(parsed: Arguments, value: str) -> None:
    parsed.options.nesting = max(_number(value), 0)


def _length(parsed: Arguments, value: str) -> None:
    parsed.length = max(_number(value), 0)


def _fatal(parsed: Arguments, _: str) -> None:
    parsed.options.fatal_warnings += 1


def _include(parsed: Arguments, value: str) -> None:
    parsed.include.append(os.fsencode(value))


def _interactive(parsed: Arguments, _: str) -> None:
    parsed.interactive = True


def _explain(parsed: Arguments, value: str) -> None:
    parsed.explain = _number(value)
    if parsed.explain < 1:
        raise Usage(f"--explain wants the number of a line of the output, not `{value}'")


def _freeze(parsed: Arguments, value: str) -> None:
    parsed.freeze = os.fsencode(value)


def _reload(parsed: Arguments, value: str) -> None:
    parsed.reload = os.fsencode(value)


def _error_output(parsed: Arguments, value: str) -> None:
    parsed.debug_file = os.fsencode(value)


APPLY: dict[str, Callable[[Arguments, str], None]] = {
    "E": _fatal,
    "F": _freeze,
    "G": _set("traditional", True),
    "I": _include,
    "L": _nesting,
    "P": _set("prefix", True),
    "Q": _set("quiet", True),
    "R": _reload,
    "explain": _explain,
    "g": _set("traditional", False),
    "i": _interactive,
    "l": _length,
    "o": _error_output,
}


def _apply(parsed: Arguments, option: str, value: str | None, name: str, shown: str) -> None:
    if option in ("D", "U", "s", "t", "debugfile"):
        parsed.actions.append((option if value is not None or option != "debugfile" else "stderr", _bytes(value)))
    elif option in ("help", "version"):
        parsed.show = option
    elif option == "d":
        chosen = flags(_bytes(value))
        if chosen is None:
            parsed.warnings.append(f"bad debug flags: `{value}'")
        else:
            parsed.debug = chosen
    elif option == "warn":
        parsed.options.warn_sequence = SEQUENCE if value is None else _bytes(value)
    elif option in "BST":
        parsed.warnings.append(f"warning: `{name} {shown}' may be removed in a future release")
    elif option == "N":
        parsed.warnings.append(f"warning: `{name} {shown}' is deprecated")
    elif option == "e":
        parsed.warnings.append(f"warning: `{name} -e' is deprecated, use `-i' instead")
        parsed.interactive = True
    elif option in APPLY:
        APPLY[option](parsed, value or "")


def _bytes(value: str | None) -> bytes:
    return os.fsencode(value or "")


def _number(text: str) -> int:
    """The number that a text begins with, as atoi reads it."""
    digits = text.strip()
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    end = 0
    while end < len(digits) and digits[end].isdigit():
        end += 1
    return sign * int(digits[:end] or "0")


# -- the run


class WriteError(Exception):
    """Standard output cannot be written."""


def _writer(descriptor: int) -> Callable[[bytes], object]:
    def write(data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(descriptor, view) :]
        except BrokenPipeError:
            raise
        except OSError as error:
            raise WriteError(os.strerror(error.errno or 0)) from None

    return write


def _expand(program: bytes, parsed: Arguments) -> int:
    output: list[bytes] = []
    write = output.append if parsed.explain else _writer(1)
    stderr = _writer(2)
    engine = Engine(
        System(),
        write,
        stderr,
        budget=UNBOUNDED,
        options=parsed.options,
        track=bool(parsed.explain),
        program=program,
    )
    if parsed.interactive:
        import signal

        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if parsed.debug is not None:
        engine.debug.set_flags(parsed.debug)
    engine.debug.length = parsed.length
    try:
        status = _run(engine, parsed)
    except WriteError as error:
        stderr(program + b": write error: " + os.fsencode(str(error)) + b"\n")
        return 1
    if parsed.explain:
        return explain(engine, parsed.explain) or status
    return status


def _run(engine: Engine, parsed: Arguments) -> int:
    try:
        if parsed.debug_file is not None:
            _debug_file(engine, parsed.debug_file)
        if not _check_sequence(engine):
            return 1
        if parsed.reload is not None:
            _thaw(engine, parsed.reload)
        if not any(kind == "file" for kind, _ in parsed.actions):
            parsed.actions.append(("file", b"-"))
        for kind, value in parsed.actions:
            _act(engine, kind, value)
        if parsed.freeze is not None:
            _freeze_state(engine, parsed.freeze)
        else:
            engine.finish()
        status = engine.status
    except Stop as stop:
        status = stop.status
        engine.output.finish()
    engine.leave_input()
    return status


def _freeze_state(engine: Engine, path: bytes) -> None:
    """Write the frozen state instead of the diversions (-F)."""
    from mailconf.m4.frozen import freeze

    engine.unwrap()
    engine.output.flush()
    engine.clear_place()
    try:
        with open(path, "wb") as file:  # noqa: PTH123 - what the user names may be /dev/null
            file.write(freeze(engine))
    except OSError as error:
        engine.failed(f"cannot open `{os.fsdecode(path)}'", error)


def _thaw(engine: Engine, path: bytes) -> None:
    """Load a frozen state (-R); `Stop` where m4 would."""
    from mailconf.m4.frozen import BadFrozen, thaw

    try:
        found, data = engine.find(path)
    except OSError as error:
        engine.failed(f"cannot open {os.fsdecode(path)}", error)
        raise Stop(1) from None
    try:
        thaw(engine, data)
    except BadFrozen as error:
        engine.message(f"{os.fsdecode(found)}:{error.line}: {error}", None)
        raise Stop(error.status) from None


def _check_sequence(engine: Engine) -> bool:
    if engine.options.warn_sequence:
        from mailconf.m4.regex import BadRegex, compile_pattern

        try:
            compile_pattern(engine.options.warn_sequence)
        except BadRegex as error:
            pattern = os.fsdecode(engine.options.warn_sequence)
            engine.message(f"--warn-macro-sequence: bad regular expression `{pattern}': {error}", None)
            return False
    return True


def _debug_file(engine: Engine, name: bytes) -> None:
    if not name:
        engine.debug.redirect(None, discard=True)
        return
    try:
        engine.debug.redirect(engine.environment.append(name))
    except OSError as error:
        engine.failed(f"cannot set debug file `{os.fsdecode(name)}'", error, keep_status=True)


def _act(engine: Engine, kind: str, value: bytes) -> None:
    """What one argument of the command line asks for."""
    if kind == "file":
        _file(engine, value)
    elif kind == "D":
        name, _, text = value.partition(b"=")
        engine.define(name, text)
    elif kind == "U":
        engine.macros.undefine(value)
    elif kind == "t":
        engine.debug.traced.add(value)
        engine.debug.look()
    elif kind == "s":
        engine.synclines = True
    elif kind == "stderr":
        engine.debug.redirect(None)
    else:
        _debug_file(engine, value)


def _file(engine: Engine, name: bytes) -> None:
    if name == b"-":
        engine.process(b"stdin", descriptor=0)
        return
    try:
        path, data = engine.find(name)
    except OSError as error:
        engine.clear_place()
        engine.failed(f"cannot open `{os.fsdecode(name)}'", error)
        return
    engine.process(path, data)


# -- --explain


def explain(engine: Engine, number: int) -> int:
    """Print where each piece of a line of the output comes from; 1 if there is no such line."""
    line = 1
    found: list[tuple[bytes, MacroPlace | None, int]] = []
    for text, place in zip(*engine.output.explained(), strict=True):
        offset = 0
        for part in text.splitlines(keepends=True) if b"\r" not in text else _lines(text):
            if line == number:
                found.append((part, place, offset))
            offset += len(part)
            line += part.endswith(b"\n")
    if not found:
        sys.stderr.write(f"m4: the output has no line {number}\n")
        return 1
    whole = os.fsdecode(b"".join(part for part, _, _ in found)).rstrip("\n")
    print(f"{number}: {whole}")
    last: list[str] = []
    for part, place, offset in found:
        chain = [] if place is None else _chain(MacroPlace(place.block, place.offset + offset))
        print(f"  {os.fsdecode(part)!r}")
        if chain == last and chain:
            print("    (the same)")
            continue
        for step in chain:
            print(f"    {step}")
        last = chain
    return 0


def _lines(text: bytes) -> list[bytes]:
    lines = [line + b"\n" for line in text.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return [line for line in lines if line]


def _chain(place: MacroPlace) -> list[str]:
    steps = []
    if place.block.text is not None:
        steps.append(f"in {_where(place)}")
    for origin in place.chain():
        row, column = origin.span.first
        steps.append(f"{origin.how} at {origin.span.source.name}:{row}:{column}")
    return steps


def _where(place: MacroPlace) -> str:
    span = place.span()
    row, column = span.first
    return f"{span.source.name}:{row}:{column}"
