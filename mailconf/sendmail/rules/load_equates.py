"""Lines of ``key=value`` parts: mailers (M), queue groups (Q), mail filters (X)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mailconf.sendmail.cf.quotes import end_of_value, unquoted
from mailconf.sendmail.rules.book import DefinedMailer
from mailconf.sendmail.rules.classes import folded
from mailconf.sendmail.rules.map_lines import time_unit_problems
from mailconf.sendmail.rules.problems import number
from mailconf.sendmail.rules.symbols import MACRO

if TYPE_CHECKING:
    from mailconf.sendmail.rules.load import Loader

_SPACES = " \t\n\v\f\r"
_MOST_MAILERS = 25
_MOST_WORDS = 256
_SMTP_LINE = 990
_DIGITS = "0123456789"
_NAME = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_SOCKETS = {"unix": "unix", "local": "unix", "": "unix", "inet": "inet", "inet6": "inet6"}


class _NoEquals(Exception):
    """A part without ``=``; the parts before it are taken."""


def _name(text: str) -> tuple[str, int]:
    """The name at the beginning of a line, and where its parts begin."""
    at = 0
    while at < len(text) and text[at] != "," and text[at] not in _SPACES:
        at += 1
    return text[:at], at + 1


def _equates(text: str, at: int) -> Iterator[tuple[str, str]]:
    """The letter and the value of each part."""
    while at < len(text):
        while at < len(text) and (text[at] == "," or text[at] in _SPACES):
            at += 1
        letter = text[at : at + 1]
        while at < len(text) and text[at] not in "=,":
            at += 1
        if text[at : at + 1] != "=":
            raise _NoEquals
        at += 1
        while at < len(text) and text[at] in _SPACES:
            at += 1
        end = end_of_value(text, at)
        yield letter, unquoted(text[at:end])
        at = end


# -- mailers


def read_mailer(loader: Loader, text: str) -> None:
    """A line M without its letter, with macros marked."""
    problems = loader.problems
    name, at = _name(text)
    if not name:
        problems.system("name required for mailer")
        return
    mailer = DefinedMailer(name)
    mailer.recipients = 0
    try:
        for letter, value in _equates(text, at):
            if not _MailerField(loader, mailer).set(letter, value):
                return
    except _NoEquals:
        problems.system(f"mailer {name}: `=' expected")
        return
    if _is_whole(loader, mailer):
        _enter(loader, mailer)


class _MailerField:
    """Sets one field of a mailer; what is wrong with it is reported."""

    def __init__(self, loader: Loader, mailer: DefinedMailer) -> None:
        self._loader = loader
        self._mailer = mailer
        self._problems = loader.problems

    def set(self, letter: str, value: str) -> bool:
        """Whether the rest of the line is read."""
        mailer = self._mailer
        if letter in "SR" and letter:
            return self._rulesets(letter, value)
        if letter == "P":
            mailer.path = value or mailer.path
        elif letter == "F":
            mailer.flags.update(flag for flag in value if flag not in _SPACES)
        elif letter == "A":
            mailer.arguments = value.split()[:_MOST_WORDS] or mailer.arguments
        elif letter in ("M", "m", "r", "L", "N"):
            self._numeric(letter, number(value))
        elif letter == "T":
            self._types(value)
        elif letter == "U":
            self._user(value)
        elif letter == "W":
            for problem in time_unit_problems(value, "s"):
                self._problems.user(problem)
        elif letter == "Q" and value:
            self._queue(value)
        elif letter in _TEXTS:
            field, what = _TEXTS[letter]
            if value and field:
                setattr(mailer, field, value)
            else:
                self._problems.system(f"mailer {mailer.name}: null {what}")
        else:
            self._problems.system(f"M{mailer.name}: unknown mailer equate {letter}=")
        return True

    def _numeric(self, letter: str, value: int) -> None:
        mailer = self._mailer
        if letter == "M":
            mailer.largest = value
        elif letter == "m":
            mailer.messages = value
        elif letter == "r":
            mailer.recipients = value
        elif letter == "L":
            mailer.line = max(value, 0)
        else:
            mailer.nice = value

    def _rulesets(self, letter: str, value: str) -> bool:
        book = self._loader.book
        envelope, end = book.read_number(value, self._problems, enter=True)
        if envelope is None:
            return False
        header: int | None = envelope
        if value[end : end + 1] == "/":
            header, _ = book.read_number(value[end + 1 :], self._problems, enter=True)
        if letter == "S":
            self._mailer.sender = envelope, envelope if header is None else header
        else:
            self._mailer.recipient = envelope, envelope if header is None else header
        return header is not None

    def _types(self, value: str) -> None:
        mta, slash, rest = value.partition("/")
        address, second, diagnostic = rest.partition("/")
        del slash, second
        self._mailer.types = mta or "dns", address or "rfc822", diagnostic or "smtp"

    def _queue(self, value: str) -> None:
        if value not in self._loader.book.queues and value != "mqueue":
            self._problems.system(f"mailer {self._mailer.name}: unknown queue {value}")
        else:
            self._mailer.queue = value

    def _user(self, value: str) -> None:
        """``U=user:group``, each a name or a number."""
        mailer, problems, machine = self._mailer, self._problems, self._loader.machine
        if value[:1] in _DIGITS and value:
            digits = value[: len(value) - len(value.lstrip(_DIGITS))]
            mailer.user, rest = int(digits[:9]), value[len(digits) :].lstrip(_SPACES)[1:]
        else:
            end = next((at for at, c in enumerate(value) if c not in _NAME), len(value))
            name, rest = value[:end], value[end:].lstrip(_SPACES)[1:]
            if not name:
                problems.system(f"mailer {mailer.name}: null user name")
                return
            user = machine.user(name)
            if user is None:
                problems.system(f"readcf: mailer U= flag: unknown user {name}")
                return
            mailer.user, mailer.group = user.uid, user.gid
        rest = rest.lstrip(_SPACES)
        if not rest:
            return
        if rest[0] in _DIGITS:
            mailer.group = number(rest)
            return
        end = next((at for at, c in enumerate(rest) if c not in _NAME and c != "."), len(rest))
        if not rest[:end]:
            problems.system(f"mailer {mailer.name}: null group name")
            return
        group = machine.group(rest[:end])
        if group is None:
            problems.system(f"readcf: mailer U= flag: unknown group {rest[:end]}")
        else:
            mailer.group = group


_TEXTS = {
    "E": ("end_of_line", "end-of-line string"),
    "D": ("folder", "working directory"),
    "C": ("charset", "charset"),
    "/": ("root", "root directory"),
    "Q": ("", "queue"),
}


def _is_whole(loader: Loader, mailer: DefinedMailer) -> bool:
    """Whether a mailer has what it needs; what is wrong is reported."""
    problems, name, words = loader.problems, mailer.name, mailer.arguments
    if not words:
        problems.system(f"M{name}: A= argument required")
    elif not mailer.path:
        problems.system(f"M{name}: P= argument required")
    elif folded(name) not in loader.book.mailers and len(loader.book.mailers) >= _MOST_MAILERS:
        problems.system(f"too many mailers defined ({_MOST_MAILERS} max)")
    elif mailer.path == "[TCP]":
        problems.system(f"M{name}: P=[TCP] must be replaced by P=[IPC]")
    elif mailer.path == "[IPC]" and len(words) < 2:
        problems.system(f"M{name}: too few parameters for [IPC] mailer")
    elif mailer.path == "[FILE]" and len(words) != 2:
        problems.system(f"M{name}: too {'few' if len(words) < 2 else 'many'} parameters for [FILE] mailer")
    elif mailer.path == "[FILE]" and words[0] != "FILE":
        problems.system(f"M{name}: first argument in [FILE] mailer must be FILE")
    else:
        return True
    return False


def _enter(loader: Loader, mailer: DefinedMailer) -> None:
    words = mailer.arguments
    if mailer.recipients <= 0:
        mailer.recipients = 100
    if mailer.has("L") and not mailer.line:
        mailer.line = _SMTP_LINE
    if mailer.path == "[IPC]":
        if words[0] not in ("TCP", "FILE"):
            loader.problems.say(f"M{mailer.name}: Warning: first argument in [IPC] mailer must be TCP or FILE")
        mta, address, diagnostic = mailer.types
        mailer.types = mta or "dns", address or "rfc822", diagnostic or ("x-unix" if words[0] == "FILE" else "smtp")
    if not mailer.end_of_line:
        mailer.end_of_line = "\n" if any(f"{MACRO}u" in word for word in words) else "\r\n"
    known = loader.book.mailers.get(folded(mailer.name))
    mailer.number = len(loader.book.mailers) if known is None else known.number
    loader.book.mailers[folded(mailer.name)] = mailer


# -- queue groups


def read_queue(loader: Loader, text: str) -> None:
    """A line Q without its letter."""
    problems = loader.problems
    if not text:
        problems.system("name required for queue")
        return
    name, at = _name(text)
    fields: dict[str, str] = {}
    try:
        for letter, value in _equates(text, at):
            if letter == "P" and not value:
                problems.system(f"queue {name}: empty path name")
            elif letter == "I":
                for problem in time_unit_problems(value, "m"):
                    problems.user(problem)
            elif letter not in tuple("PFNRJr"):
                problems.system(f"Q{name}: unknown queue equate {letter}=")
            fields[letter] = value
    except _NoEquals:
        problems.system(f"queue {name}: `=' expected")
        return
    loader.book.queues[name] = fields


# -- mail filters


def read_filter(loader: Loader, text: str) -> None:
    """A line X without its letter."""
    problems = loader.problems
    name, at = _name(text)
    if not name:
        problems.system("name required for mail filter")
        return
    fields: dict[str, str] = {}
    try:
        for letter, value in _equates(text, at):
            if letter == "T":
                _filter_times(loader, name, value)
            elif letter not in ("S", "F"):
                problems.system(f"X{name}: unknown filter equate {letter}=")
            fields[letter] = fields.get(letter, "") + value if letter == "F" else value
    except _NoEquals:
        problems.system(f"X{name}: `=' expected")
        return
    _check_socket(loader, name, fields.get("S", ""))
    if name in loader.book.filters:
        problems.system(f"X{name}: duplicate filter definition")
    else:
        loader.book.filters[name] = fields


def _filter_times(loader: Loader, name: str, text: str) -> None:
    at = 0
    while at < len(text):
        while at < len(text) and (text[at] == ";" or text[at] in _SPACES):
            at += 1
        letter = text[at : at + 1]
        colon = text.find(":", at)
        if colon < 0:
            loader.problems.system(f"X{name}, T=: `:' expected")
            return
        end = text.find(";", colon)
        end = len(text) if end < 0 else end
        if letter not in tuple("CSRE"):
            loader.problems.system(f"X{name}: unknown filter timeout {letter}")
        else:
            for problem in time_unit_problems(text[colon + 1 : end].lstrip(_SPACES), "s"):
                loader.problems.user(problem)
        at = end


def _check_socket(loader: Loader, name: str, address: str) -> None:
    """Whether the address of a filter's socket can be one."""
    problems = loader.problems
    if not address:
        problems.system(f"X{name}: empty or missing socket information")
        return
    protocol, colon, place = address.partition(":")
    if not colon:
        protocol, place = "unix", address
    family = _SOCKETS.get(protocol.lower())
    if family is None:
        import errno

        problems.system(f"X{name}: unknown socket type {protocol}", errno.EPROTONOSUPPORT)
        return
    if family == "unix":
        if len(place) >= 108:
            import errno

            problems.system(f"X{name}: local socket name {place} too long", errno.EINVAL)
        return
    port, at, host = place.partition("@")
    if not at:
        problems.system(f"X{name}: bad address {place} (expected port@host)")
    elif port[:1] not in _DIGITS and loader.machine.port(port) is None:
        problems.system(f"X{name}: unknown port name {port}")
    else:
        _check_host(loader, name, family, host)


def _check_host(loader: Loader, name: str, family: str, host: str) -> None:
    import socket

    from mailconf.sendmail.rules.names import is_address

    if host.startswith("["):
        inside, bracket, _ = host[1:].partition("]")
        if not bracket or not is_address(inside):
            loader.problems.system(f'X{name}: Invalid numeric domain spec "{host}"')
    elif not loader.machine.has_host(host, socket.AF_INET6 if family == "inet6" else socket.AF_INET):
        loader.problems.system(f"X{name}: Unknown host name {host}")
