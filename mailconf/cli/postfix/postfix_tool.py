"""What Postfix's table tools share: getopt, their messages, and the few parameters of main.cf that they read.

Kept apart from mailconf.postfix.settings.configuration, which knows all parameters and their places, because ``postmap
-q`` must answer before a person notices that it started.
"""

from __future__ import annotations

import os
import sys

from mailconf.encoding import decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mailconf.files import Tree

DEFAULT_DIRECTORY = "/etc/postfix"
NAMES = ("myhostname", "mydomain")
_LARGEST_PROGRAM = 1 << 26  # bytes of a program in which its version is looked for


class Tool:
    """What sets one of the table tools apart from the others.

    flags       the letters of the options without a value; ``cdq`` take one
    between     what -s and -q - print between a key and its value
    aliases     the text is aliases(5), and entries of the tool's own join its map
    """

    def __init__(self, *, flags: str, usage: str, between: bytes = b"\t", aliases: bool = False) -> None:
        self.flags = flags
        self.usage = usage
        self.between = between
        self.aliases = aliases


class ToolFatal(Exception):
    """The tool cannot go on; the message is the original's, without prefix."""


class Messages:
    """Writes warnings and fatal errors as Postfix's programs do on standard error.

    root, release  where the Postfix is whose words are meant, and which it is where that was named

    Departure: nothing goes to syslog; the original writes each message there as well.
    """

    def __init__(self, program: str) -> None:
        self.program = program
        self.utf8 = False
        self.root: Tree | None = None
        self.release: str | None = None
        self.version_known: tuple[int, int] | None = None
        self._release: str | None = None

    @property
    def version(self) -> tuple[int, int]:
        """Major and minor of the Postfix whose words are meant; looked for when it first matters."""
        if self.version_known is None:
            from mailconf.postfix.parameters.releases import MEANT, version_numbers

            self.version_known = version_numbers(self.known_release or MEANT)
        return self.version_known

    @property
    def known_release(self) -> str:
        """The release of the Postfix that is meant; "" where none is installed, or one of a kind of its own."""
        if self._release is None:
            from mailconf.postfix.parameters.releases import chosen_release, version_numbers

            try:
                self._release = chosen_release(self._program, self.release)
                version_numbers(self._release)
            except ValueError:
                self._release = ""
        return self._release

    def check_version(self) -> None:
        """Raise Fatal where a person named what is no version."""
        from mailconf.postfix.parameters.releases import named_release, version_numbers

        try:
            version_numbers(named_release(self.release) or "3.7")
        except ValueError as mistake:
            raise ToolFatal(str(mistake)) from mistake

    def _program(self, name: str) -> bytes:
        from mailconf.files import read_here

        return read_here(name, _LARGEST_PROGRAM) if self.root is None else self.root.read(name)

    def warn(self, text: str | bytes) -> None:
        self._write("warning: ", text)

    def fatal(self, text: str | bytes) -> None:
        self._write("fatal: ", text)

    def plain(self, text: str | bytes) -> None:
        self._write("", text)

    def _write(self, kind: str, text: str | bytes) -> None:
        data = encode(text) if isinstance(text, str) else text
        sys.stderr.flush()
        sys.stderr.buffer.write(f"{self.program}: {kind}".encode() + self._printable(data) + b"\n")
        sys.stderr.buffer.flush()

    def _printable(self, data: bytes) -> bytes:
        if data.isascii() or not self.utf8:
            return printable(data, self.utf8)
        from mailconf.postfix.parameters.releases import MALFORMED_HIDDEN

        return printable(data, True, self.version >= MALFORMED_HIDDEN)


def printable(data: bytes, utf8: bool, strict: bool = False) -> bytes:
    """``data`` as Postfix logs it: a question mark for each byte that is not printable.

    With ``utf8``, a byte from 0xc2 to 0xfe keeps itself and all the continuation bytes after it, if there is one; with
    ``strict`` (Postfix 3.10) only what is a character of UTF-8 stays.
    """
    if data.isascii():
        if data.isalnum():
            return data
        return bytes(c if 32 <= c < 127 else 63 for c in data)
    if utf8 and strict:
        unprintable = dict.fromkeys((*range(32), 127, *range(0xDC80, 0xDD00)), "?")
        return data.decode("utf-8", "surrogateescape").translate(unprintable).encode()
    out = bytearray()
    keep = False
    for at, c in enumerate(data):
        if c < 0x80:
            keep = False
            out.append(c if 32 <= c < 127 else 63)
            continue
        continuation = c < 0xC0
        if not continuation:
            keep = utf8 and 0xC2 <= c < 0xFF and at + 1 < len(data) and 0x80 <= data[at + 1] < 0xC0
        out.append(c if keep else 63)
    return bytes(out)


def getopt(program: str, arguments: list[str], flags: str, valued: str) -> Iterator[tuple[str, str]]:
    """The options that ``arguments`` begin with, as getopt(3) reads them; takes them off the list.

    ``flags`` are the letters without a value, ``valued`` those with one. A wrong option is reported in getopt's words
    on standard error and yielded as ("?", letter).
    """
    while arguments and len(arguments[0]) > 1 and arguments[0].startswith("-"):
        word = arguments.pop(0)
        if word == "--":
            return
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in flags:
                yield letter, ""
            elif letter not in valued:
                sys.stderr.write(f"{program}: invalid option -- '{letter}'\n")
                yield "?", letter
            elif letters or arguments:
                yield letter, letters or arguments.pop(0)
                letters = ""
            else:
                sys.stderr.write(f"{program}: option requires an argument -- '{letter}'\n")
                yield "?", letter


def take_settings(arguments: list[str], valued: str, messages: Messages) -> Tree:
    """Take our own options ``--root DIR`` and ``--postfix-version V`` off ``arguments``; see `take_known`."""
    from mailconf.cli.shared.own_options import root_of, take_known

    found = take_known(arguments, {"--root": True, "--postfix-version": True}, valued)
    messages.release = found.get("--postfix-version")
    messages.root = root_of(found)
    return messages.root


class Settings:
    """The parameters that a table tool needs; ``value`` gives any other, expanded. It raises Fatal."""

    def __init__(self, utf8: bool, default_type: str, value: Callable[[str], str]) -> None:
        self.utf8 = utf8
        self.default_type = default_type
        self.value = value

    def number(self, name: str, least: int) -> int:
        """The value of a parameter that is a number of at least ``least``."""
        text = self.value(name)
        if not text.isascii() or not text.isdigit():
            raise ToolFatal(f"bad numerical configuration: {name} = {text}")
        if int(text) < least:
            raise ToolFatal(f"invalid {name} parameter value {text} < {least}")
        return int(text)


def read_settings(directory: str | None, root: Tree, messages: Messages) -> Settings:
    """Read main.cf in ``directory`` (None: $MAIL_CONFIG, else /etc/postfix). Raises Fatal.

    Departure: a machine without /etc/postfix/main.cf gets the defaults of a new installation instead of an error.
    """
    from mailconf.postfix.text import main_cf
    from mailconf.postfix.text.expand import MacroError

    directory = directory or os.environ.get("MAIL_CONFIG")
    values: dict[str, str] = {}
    path = f"{directory or DEFAULT_DIRECTORY}/main.cf"
    try:
        text = decode(root.read(path))
    except OSError as failure:
        if directory is not None or not isinstance(failure, FileNotFoundError):
            raise ToolFatal(f"open {path}: {failure.strerror}") from failure
        text = "compatibility_level = 3.6"
    nulls = null_warnings(path, text, messages) if "\0" in text else {}
    for found in main_cf.read(text):
        if warning := nulls.pop(found.line, ""):
            messages.warn(warning)
        if isinstance(found, main_cf.BrokenLine):
            if found.problem != main_cf.ORPHAN:
                raise ToolFatal(f'{path}, line {found.line}: {found.problem}: "{found.text}"')
            messages.warn(f'{path}: {found.problem}: "{decode(shortened(encode(found.text)))}"')
            continue
        if found.name in values:
            messages.warn(f"{path}, line {found.line}: overriding earlier entry: {found.name}={values[found.name]}")
        values[found.name] = found.value
    for warning in nulls.values():
        messages.warn(warning)

    parameters: dict[str, tuple[str, str]] = {}  # those of the version that is meant

    def default(name: str) -> str | None:
        if name == "config_directory":
            return directory or DEFAULT_DIRECTORY
        if not parameters:
            from mailconf.postfix.parameters.catalogue import parameter_set

            parameters.update(parameter_set(messages.known_release).parameters)
        return parameters[name][1] if name in parameters else None

    from mailconf.postfix.settings.start_checks import known_to, problems, settling
    from mailconf.postfix.settings.values import Values

    known = Values(values.get, default, settling=settling, version=lambda: messages.version)

    def failed(failure: MacroError) -> ToolFatal:
        for message in failure.messages[: None if not failure.fatal else -1]:
            messages.warn(message)
        return ToolFatal(failure.messages[-1] if failure.fatal else "dictionary mail_dict: macro processing error")

    def value(name: str) -> str:
        try:
            return known.at(name, known_to(name))
        except MacroError as failure:
            raise failed(failure) from failure

    messages.utf8 = value("smtputf8_enable").lower() == "yes"
    try:
        for name, problem in problems(known, path, root):
            if problem:
                raise ToolFatal(problem)
            if not values.keys().isdisjoint(NAMES):
                _check_names({name: value(name) for name in NAMES}, path, messages)
    except MacroError as failure:
        raise failed(failure) from failure
    if "known_tcp_ports" in values:
        from mailconf.ports import read_known

        for fault in read_known(value("known_tcp_ports"))[1]:
            messages.warn(f"known_tcp_ports: {fault}")
    return Settings(messages.utf8, value("default_database_type"), value)


def null_warnings(path: str, text: str, messages: Messages) -> dict[int, str]:
    """The messages about the NULs of a file, by the line where the logical line begins; nothing before Postfix 3.9."""
    from mailconf.postfix.parameters.releases import NULLS, NULLS_WARNED
    from mailconf.postfix.text.lines import null_lines

    if messages.version < NULLS_WARNED:
        return {}
    return {first: f"{path}, line {lines}: {NULLS}" for first, _, lines in null_lines(text)}


def _check_names(names: dict[str, str], path: str, messages: Messages) -> None:
    """Raise Fatal when myhostname or mydomain cannot be one."""
    from mailconf.postfix.settings.host_names import hostname_problem

    for name, text in names.items():
        if not text:
            raise ToolFatal(f"bad string length 0 < 1: {name} = ")
    for name, text in names.items():
        problem = hostname_problem(encode(text))
        if problem:
            messages.warn(b"valid_hostname: " + problem)
            raise ToolFatal(f"file {path}: parameter {name}: bad parameter value: {text}")


def shortened(line: bytes) -> bytes:
    """The first 30 bytes of a line, as Postfix quotes it in a message: up to a NUL."""
    return line[:30].partition(b"\0")[0] + (b"..." if len(line) > 30 else b"")
