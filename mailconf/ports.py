"""The number of a TCP port: its own, by postconf(5) known_tcp_ports (Postfix 3.6 and later), or by services(5).

known_tcp_ports is a list, with commas, of ``name = number`` and ``name = other name = number``. It comes before
services(5), which a small machine does not have. What the original takes of a list with mistakes was seen on postmap
3.7: an entry with a bad number or a blank within a word is left out; of the names of one entry, only those that are
empty, numbers, or defined before.

Departure: a number above 65535 is no port; the original takes it modulo 65536.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from mailconf.files import Root, Tree

KNOWN_BY_DEFAULT = "lmtp=24, smtp=25, smtps=submissions=465, submission=587"
LARGEST = 65535
MOST_BYTES = 1 << 22  # of a file services(5)

_NO_FORM = 'is not in "name = value" form'
_BLANK = " \t\r\n\f\v"


class PortFault(NamedTuple):
    """What is wrong with an entry of known_tcp_ports, in the original's words.

    start, end  its place in the value
    """

    entry: str
    problem: str
    start: int
    end: int

    def __str__(self) -> str:
        between = " " if self.problem == _NO_FORM else ": "
        return f'in "{self.entry}"{between}{self.problem}'


def read_known(text: str) -> tuple[dict[str, int], list[PortFault]]:
    """The ports by name that a value of known_tcp_ports defines, and the mistakes in it."""
    found: dict[str, int] = {}
    faults: list[PortFault] = []
    at = 0
    for entry in text.split(","):
        if entry:
            problems = _read_entry(entry, found)
            faults += [PortFault(entry, problem, at, at + len(entry)) for problem in problems]
        at += len(entry) + 1
    return found, faults


def _read_entry(entry: str, found: dict[str, int]) -> list[str]:
    *names, number = (word.strip(_BLANK) for word in entry.split("="))
    if not names:
        return [_NO_FORM]
    if not number:
        return ['missing port value after "="']
    if _has_blank(number):
        return ["whitespace in port number"]
    if not _is_number(number):
        return ["non-numerical service port"]
    problems = []
    for name in names:
        if not name:
            problems.append('missing service name before "="')
        elif _has_blank(name):
            problems.append("whitespace in service name")
        elif _is_number(name):
            problems.append("numerical service name")
        elif name in found:
            problems.append("duplicate service name")
        else:
            found[name] = _value(number)
    return problems


def _has_blank(word: str) -> bool:
    return any(character in _BLANK for character in word)


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit()


def _value(digits: str) -> int:
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) <= 5 else LARGEST + 1


_DEFAULT = read_known(KNOWN_BY_DEFAULT)[0]


class Ports(NamedTuple):
    """How the names of ports are resolved.

    known  what known_tcp_ports defines
    root   where services(5) is looked for: /etc/services below it; where the file is missing, the machine's
    """

    known: Mapping[str, int] = _DEFAULT
    root: Tree = Root()

    @classmethod
    def of(cls, known_tcp_ports: str, root: Tree | None = None) -> Ports:
        """Those of a configuration with this value of known_tcp_ports."""
        return cls(read_known(known_tcp_ports)[0], Root() if root is None else root)

    def number(self, name: str) -> int | None:
        """The TCP port, 0 to 65535, of this number or name; None where it is not known."""
        if _is_number(name):
            found: int | None = _value(name)
        elif name in self.known:
            found = self.known[name]
        else:
            found = self._by_services(name)
        return found if found is not None and found <= LARGEST else None

    def _by_services(self, name: str) -> int | None:
        if not name:
            return None
        if not self.root.is_real:
            try:
                return _in_services(self.root.read("/etc/services", MOST_BYTES), name)
            except OSError:
                pass  # the root has no such file of its own
        import socket

        try:
            return socket.getservbyname(name, "tcp")
        except (OSError, UnicodeError, ValueError):
            return None


def _in_services(data: bytes, name: str) -> int | None:
    """services(5): ``name port/tcp aliases``."""
    wanted = name.encode(errors="surrogateescape")
    import re

    for match in re.finditer(rb"^[ \t]*([^\s#]+)[ \t]+([0-9]{1,20})/tcp\b([^\n#]*)", data, re.MULTILINE):
        if wanted == match[1] or wanted in match[3].split():
            return _value(match[2].decode())
    return None
