"""What sendmail has to say while it reads a configuration and runs rules, and the exit status that comes of it.

Messages are in sendmail's words. A `CfProblem` also has the reply code and the enhanced status, which a server answers
with and which are not printed on a terminal.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import NamedTuple

from mailconf.sendmail.rules.symbols import plain

EX_OK, EX_USAGE, EX_DATAERR, EX_NOUSER, EX_NOHOST = 0, 64, 65, 67, 68
EX_UNAVAILABLE, EX_SOFTWARE, EX_OSERR, EX_OSFILE, EX_TEMPFAIL, EX_PROTOCOL, EX_CONFIG = 69, 70, 71, 72, 75, 76, 78
EX_NOTFOUND = EX_NOHOST

_SHORT = 203  # characters of a text in a message
_WITH_SUBJECT = ("050", "250", "252", "450", "550", "553")
_ENHANCED = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: |$)")
_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]{1,18})")
_CODE = re.compile(r"([2-6][0-9]{2})[ -]")


def shortened(text: str, most: int = _SHORT) -> str:
    """A text of fewer than ``most`` characters as it is, others with dots in the place of their middle."""
    if len(text) < most:
        return text
    half = (min(most, _SHORT) - 3) // 2
    return f"{text[:half]}...{text[len(text) - half :]}"


class Stopped(Exception):
    """sendmail exits, with ``status``."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class CfProblem(NamedTuple):
    """One message.

    text      the message itself
    code      the reply code; "050" for a remark
    enhanced  the enhanced status code; "" where there is none
    subject   the address that it is about; "" without one
    place     "FILE: line N" while a file is read
    error     errno(3), whose text follows; its text where the error is sendmail's own
    grave     whether it is sendmail's fault or the configuration's, and not the user's
    """

    text: str
    code: str = "554"
    enhanced: str = ""
    subject: str = ""
    place: str = ""
    error: int | str = 0
    grave: bool = True

    def line(self) -> str:
        """The line that a terminal shows."""
        place = f"{self.place}: " if self.place else ""
        subject = f"{plain(shortened(self.subject))}... " if self.subject and self.code in _WITH_SUBJECT else ""
        reason = os.strerror(self.error) if isinstance(self.error, int) and self.error else self.error
        line = f"{place}{subject}{plain(self.text)}" + (f": {reason}" if reason else "")
        if not self.grave:
            return line
        shown, end, _ = line.partition("\0")  # a byte 128 of the configuration, which ends the line
        return shown + ("\x7f" if end else "")


class Problems:
    """Passes problems on and works out the exit status.

    hear     takes each problem
    status   what the program would exit with now
    subject  the address that is being worked on
    place    "FILE: line N" while a file is read
    quiet    whether what is wrong with addresses is kept back
    count    how often something was reported, kept back or not, or a status was asked for
    """

    def __init__(self, hear: Callable[[CfProblem], object]) -> None:
        self.hear = hear
        self.status = EX_OK
        self.subject = ""
        self.place = ""
        self.quiet = False
        self.count = 0

    def system(self, text: str, error: int | str = 0, code: str = "", enhanced: str = "") -> None:
        """Something is wrong with the configuration or the machine."""
        self.count += 1
        if self.status == EX_OK:
            self.status = EX_OSERR if error else EX_SOFTWARE
        code = code or ("451" if error else "554")
        self.hear(CfProblem(text, code, enhanced, place=self.place, error=error))

    def user(self, text: str, code: str = "550", enhanced: str = "", about: str | None = None) -> None:
        """Something is wrong with an address: ``about``, or the one that is being worked on."""
        self.count += 1
        if not self.quiet:
            subject = self.subject if about is None else about
            self.hear(CfProblem(text, code, enhanced or f"{code[0]}.0.0", subject, self.place, grave=False))

    def about(self, text: str, about: str) -> None:
        """What a tokeniser reports of a text."""
        self.user(text, "553", about=about)

    def remark(self, text: str, code: str = "050") -> None:
        """Something that is no error."""
        self.count += 1
        self.hear(CfProblem(text, code, "", self.subject, self.place, grave=False))

    def say(self, text: str) -> None:
        """A line that is printed as it is, without a place."""
        self.count += 1
        self.hear(CfProblem(text, "", grave=False))

    def settle(self, status: int) -> None:
        """Take ``status`` for the exit status, unless a graver one is there."""
        self.count += 1
        if self.status in (EX_OK, EX_TEMPFAIL):
            self.status = status


def coded(text: str) -> tuple[str, str, str] | None:
    """The reply code, the enhanced status ("" without one) and the rest of a text that begins with a code."""
    found = _CODE.match(text)
    if found is None or text[3] != " ":
        return None
    rest = text[4:]
    enhanced = _ENHANCED.match(rest)
    if enhanced is None or not rest[enhanced.end() - 1 :].startswith(" "):
        return found[1], "", rest
    return found[1], enhanced[1], rest[enhanced.end() :]


def number(text: str) -> int:
    """What atoi(3) reads of a text."""
    found = _NUMBER.match(text)
    return int(found[1]) if found else 0
