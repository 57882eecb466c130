"""What a call of sendmail asks for: its mode, configuration, and everything that its options set.

`read_invocation` reads the command line as sendmail does; what is wrong with it is said in its words and order. It
needs no configuration: options of it (-O, -o) are handed to the `Loader` that will read one.

Source: sendmail 8.17.1.9, calls with every option, with mistakes, alone and together.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mailconf.cli.sendmail.command_line import MODES, VALUED, Option, completed, options
from mailconf.sendmail.cf.options import LETTERS
from mailconf.sendmail.rules.map_lines import time_unit_problems
from mailconf.sendmail.rules.problems import EX_OK, EX_USAGE, Problems, Stopped

if TYPE_CHECKING:
    from mailconf.files import Tree
    from mailconf.sendmail.rules.load import Loader

EX_CANTCREAT = 73
_QUEUED = "mdDpP"  # modes that -q goes with
_NOTIFY = ("success", "failure", "delay")
_HOPS = re.compile(r"[ \t\n\v\f\r]*[+-]?[0-9]*\Z")
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-Fa-f]{2})*\Z")
_LEVEL = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?(?:\.([0-9]{1,9}))?(?![0-9.])")


@dataclass
class Invocation:
    """What was asked for.

    mode     the letter after -b; "m": a message is submitted
    program  what the program was called as
    cf       the configuration, None for the usual one; ``client`` is set for the one of -Ac
    levels   of debugging, as -d has them, by category
    words    what follows the options: addresses
    sender   -f or -r; None without one
    protocol, client_name   -p
    notify   -N, None without it
    returned -R: "hdrs" or "full"; ``envelope`` -V; None without one
    expired  -T: whatever is sent has waited too long already
    given    the options of -O and -o, ``Name=value``
    queues   the values of -q, as they were given; ``quarantine`` that of -Q, None without it
    debug    the file of -D
    """

    mode: str = "m"
    program: str = "sendmail"
    cf: str | None = None
    client: bool = False
    levels: dict[int, int] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    sender: str | None = None
    full_name: str = ""
    hops: int = 0
    protocol: str = ""
    client_name: str = ""
    notify: str | None = None
    returned: str | None = None
    envelope: str | None = None
    body: str | None = None
    queues: list[str] = field(default_factory=list)
    quarantine: str | None = None
    debug: str | None = None
    from_headers: bool = False
    gateway: bool = False
    verbose: bool = False
    expired: bool = False
    given: list[str] = field(default_factory=list)

    def level(self, category: int) -> int:
        """The level of debugging of a category."""
        return self.levels.get(category, 0)


def read_levels(text: str, levels: dict[int, int]) -> None:
    """Set the levels that -d names: ``CATEGORY[-CATEGORY][.LEVEL]``, between commas."""
    for part in text.split(","):
        found = _LEVEL.match(part)
        if found is None:
            continue
        first, last = int(found[1]), int(found[2] or found[1])
        for category in range(first, min(last, 99) + 1):
            levels[category] = int(found[3]) if found[3] else 1


def first_look(name: str, mode: str, words: list[str], problems: Problems) -> Invocation:
    """The first reading: mode, configuration, levels. Raises Stopped after a message about a mode that there is not."""
    call = Invocation(mode=mode, program=name)
    value = " "
    for option in options(list(completed(words))):
        if option.letter == "?":
            break  # the second reading ends the program there
        if option.letter not in VALUED:
            value = " "  # a missing value after it is read as none at all
        elif option.value is not None:
            value = option.value
        if option.letter == "b":
            _choose_mode(call, value, problems)
        elif option.letter == "A":
            call.client = value[:1] == "c" if value[:1] in ("c", "m") else call.client
        elif option.letter == "C":
            call.cf = value
        elif option.letter == "d" and option.value is not None:
            read_levels(value, call.levels)
        elif option.letter == "D" and option.value is not None:
            call.debug = value
    return call


def _choose_mode(call: Invocation, value: str, problems: Problems) -> None:
    letter = value[:1] or "\0"
    if letter == "z":
        problems.user("Frozen configurations unsupported")
    elif letter not in MODES:
        problems.user(f"Invalid operation mode {letter}")
    else:
        call.mode = letter
        return
    raise Stopped(EX_USAGE)


class SecondReading:
    """Takes every option in its order.

    complain  takes getopt's own messages
    """

    def __init__(self, call: Invocation, loader: Loader, complain: Callable[[str], object]) -> None:
        self.call = call
        self.wrong = False  # whether a mistake ends the program
        self._loader = loader
        self._problems = loader.problems
        self._complain = complain
        self._takers: dict[str, Callable[[str], object]] = {
            "f": self._sender,
            "r": self._sender,
            "F": self._full_name,
            "h": self._hops,
            "M": self._macro,
            "N": self._notify,
            "R": self._returned,
            "V": self._envelope,
            "p": self._protocol,
            "q": self._queue,
            "Q": lambda value: self._set("quarantine", value),
            "B": lambda value: self._set("body", value),
            "X": lambda value: can_write(loader.root, value, self._problems),
            "t": lambda value: self._set("from_headers", True),
            "G": lambda value: self._set("gateway", True),
            "v": lambda value: self._set("verbose", True),
            "O": lambda value: self._option(f" {value}"),
            "o": self._option,
            "T": self._expire,
            "i": lambda value: self._option("iTrue"),
            "m": lambda value: self._option("mTrue"),
            "c": lambda value: self._option("cTrue"),
            "s": lambda value: self._option("fTrue"),
            "e": lambda value: self._option(f"e{value}"),
        }

    def read(self, words: list[str]) -> None:
        """Read the options of ``words``; the addresses are left in the invocation. Raises Stopped."""
        rest = completed(words)
        for option in options(rest):
            self._take(option)
        self.call.words = rest
        if self.wrong and self.call.mode != "t":
            raise Stopped(EX_USAGE)
        if self.wrong:
            self._problems.status = EX_USAGE

    def _take(self, option: Option) -> None:
        if option.letter == "?":
            self._complain(f"{self.call.program}: illegal option -- {option.value}")
            raise Stopped(EX_USAGE)
        if option.value is None and option.letter != "b":
            self._complain(f"{self.call.program}: option requires an argument -- {option.letter}")
            raise Stopped(EX_USAGE)
        if option.letter in "IU":
            raise Stopped(EX_USAGE)
        taker = self._takers.get(option.letter)
        if taker is not None:
            taker(option.value or "")

    def _set(self, name: str, value: str | bool) -> None:
        setattr(self.call, name, value)

    def _misuse(self, text: str) -> None:
        self._problems.user(text, about="")
        self.wrong = True

    def _option(self, text: str) -> None:
        self._loader.options.command_line(f"O{text}")
        if text.startswith(" "):
            self.call.given.append(text[1:])
        elif text[:1] in LETTERS:
            self.call.given.append(f"{LETTERS[text[0]]}={text[1:]}")

    def _expire(self, value: str) -> None:
        self._option("TT")
        self.call.expired = True

    def _sender(self, value: str) -> None:
        if self.call.sender is not None:
            self._misuse('More than one "from" person')
            return
        self.call.sender = value

    def _full_name(self, value: str) -> None:
        self.call.full_name = value

    def _hops(self, value: str) -> None:
        if not _HOPS.match(value):
            self._misuse(f"Bad hop count ({value})")
            return
        digits = value.strip()
        self.call.hops = int(digits[:9]) if digits.lstrip("+-") else 0

    def _macro(self, value: str) -> None:
        book = self._loader.book
        character, end = book.names.parse(value)
        if character:
            book.macros.set(character, value[end:])

    def _protocol(self, value: str) -> None:
        protocol, colon, client = value.partition(":")
        macros = self._loader.book.macros
        if protocol:
            macros.set("r", protocol)
        if colon and client:
            macros.set("s", client)

    def _notify(self, value: str) -> None:
        if value.lower() == "never":
            self.call.notify = value
            return
        for word in value.split(","):
            if word.lower() not in _NOTIFY:
                self._misuse("Invalid -N argument")
        self.call.notify = value

    def _returned(self, value: str) -> None:
        if self.call.returned is not None:
            self._misuse("Duplicate -R flag")
        elif value.lower() not in ("hdrs", "full"):
            self._misuse("Invalid -R value")
        else:
            self.call.returned = value.lower()

    def _envelope(self, value: str) -> None:
        if not _XTEXT.match(value):
            self._misuse("Invalid syntax in -V flag")
            return
        self.call.envelope = value

    def _queue(self, value: str) -> None:
        if self.call.mode not in _QUEUED:
            self._misuse(f"Can not use -q with -b{self.call.mode}")
            return
        self.call.queues.append(value)
        time = value.removeprefix("!").removeprefix("p")
        if not value or time[:1] in tuple("GRISLQf"):
            return
        if time.startswith("-"):
            self._misuse("Invalid -q value")
            return
        for problem in time_unit_problems(time, "m"):
            self._misuse(problem)


def check_body(call: Invocation, problems: Problems) -> bool:
    """Whether -B names a type of body; if not, it is said, and whatever is sent is sent without."""
    if call.body is None or call.body.lower() in ("7bit", "8bitmime"):
        return True
    problems.user(f"Illegal body type {call.body}", about="")
    call.body = None
    return False


def can_write(root: Tree, name: str | None, problems: Problems) -> bool:
    """Whether the file of -D or -X can be written, with the caller's rights; the exit status says it later if not."""
    if name is None or name.startswith("|"):
        return True
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        os.close(os.open(root.path(name) if name else "", flags, 0o644))
    except (OSError, ValueError) as failure:
        if problems.status == EX_OK:
            problems.status = EX_CANTCREAT
        reason = failure.strerror if isinstance(failure, OSError) else "No such file or directory"
        problems.say(f"cannot open {name}: {reason}")
        return False
    return True
