"""hosts.allow(5) and hosts.deny(5), which sendmail asks through libwrap: ``daemons : clients [: option ...]``.

As libwrap 7.6 reads them, with the options of hosts_options(5):

- A line is a rule. A backslash at its end joins the next one to it; ``#`` in the first column starts a comment, and
  only there; an empty line is ignored. A line longer than `LIMIT` bytes, or the last one without a newline, ends the
  file: that rule and those after it are ignored.
- Daemons and clients end at the first colon that is in no brackets, an option at one that no backslash precedes.
- A list's words are separated by blanks and commas; ``EXCEPT`` takes off what the list after it matches.
- A client is ALL, LOCAL, KNOWN, UNKNOWN or PARANOID, a host's name, ``.domain``, the beginning of an address with its
  dot (``192.0.2.``), ``net/mask``, ``net/length``, ``[ipv6]/length``, a pattern with ``*`` and ``?``, ``/file``,
  ``@netgroup`` or ``user@host``; a daemon ALL, a name, or ``name@host``.

What is wrong in a rule's options denies the service; a rule that matches nothing is ignored without a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address
from typing import NamedTuple

from mailconf import possessive
from mailconf.diagnostics import Sink, error, warning
from mailconf.source import Source, decode
from mailconf.tables.check import TB025
from mailconf.tables.entry import Entry
from mailconf.tables.lines import Text
from mailconf.tables.sides import Side, SideFault, Sides

TB160 = error("TB160", "a rule of hosts.allow without a colon")
"""Why: libwrap ignores a rule without a colon, with a warning in the log. What it was to refuse is let in.

Example:
    # /etc/hosts.deny
    sendmail 192.0.2.1
    $ mailconf check /etc/mail

Remedy: write daemons, a colon and clients: sendmail: 192.0.2.1

Source: hosts_access(5), "ACCESS CONTROL RULES"; observed with libwrap 7.6.
"""

TB161 = error("TB161", "a line at which libwrap stops reading hosts.allow")
"""Why: libwrap reads a rule into a buffer of 2048 bytes, and stops reading at a longer one and at a last line without
a newline. The rules from there on are ignored.

Example:
    $ printf 'sendmail: 192.0.2.1' > /etc/hosts.deny
    $ mailconf check /etc/mail

Remedy: end each line with a newline; divide a long rule into several, or name a file with the clients.

Source: hosts_access(5); observed with libwrap 7.6.
"""

TB162 = warning("TB162", "a list of hosts.allow that matches nothing")
"""Why: a rule with an empty list, or with nothing after EXCEPT, matches no client.

Example:
    # /etc/hosts.deny
    sendmail:
    $ mailconf check /etc/mail

Remedy: write ALL or a list.

Source: hosts_access(5), "PATTERNS" and "OPERATORS".
"""

TB163 = error("TB163", "an option of hosts.allow that does not exist, or is not complete")
"""Why: at an option that it does not know, or that lacks its value, libwrap logs an error and refuses every client
that the rule matches, in hosts.allow too.

Example:
    # /etc/hosts.allow
    sendmail: ALL: sewerity mail.info
    $ mailconf check /etc/mail

Remedy: correct the option.

Source: hosts_options(5); observed with libwrap 7.6.
"""

TB164 = error("TB164", "an option of hosts.allow after the one that has to be the last")
"""Why: allow, deny and twist have to be the last option of a rule. Where another one follows, libwrap logs an error
and refuses every client that the rule matches.

Example:
    # /etc/hosts.allow
    sendmail: ALL: allow: severity mail.info
    $ mailconf check /etc/mail

Remedy: move it to the end of the rule.

Source: hosts_options(5); observed with libwrap 7.6.
"""

TB165 = warning("TB165", "a pattern of hosts.allow that matches nothing")
"""Why: no client matches the pattern, so that the rule has no effect: the beginning of an address ends with a dot.

Example:
    # /etc/hosts.deny
    sendmail: 192.0.2
    $ mailconf check /etc/mail

Remedy: write the pattern as the hint shows, here 192.0.2. with a dot.

Source: hosts_access(5), "PATTERNS"; observed with libwrap 7.6.
"""

LIMIT = 2046  # bytes of a rule, without its newline

_PART = re.compile(r"[^ \t\n\r,]+")
_OPTION = possessive.compile(r"(?:\\:|[^:])*+", re.DOTALL)
# Option: whether it takes a value (None: it may).
OPTIONS: dict[str, bool | None] = {
    "aclexec": True,
    "allow": False,
    "banners": True,
    "deny": False,
    "group": True,
    "keepalive": False,
    "linger": True,
    "nice": None,
    "rfc931": None,
    "setenv": True,
    "severity": True,
    "spawn": True,
    "twist": True,
    "umask": True,
    "user": True,
}
_LAST = frozenset({"allow", "deny", "twist"})


class HostList(NamedTuple):
    """Patterns, and those that take off from what they match."""

    words: tuple[str, ...]
    excepted: HostList | None = None


class Option(NamedTuple):
    name: str
    value: str = ""


class HostsRule(NamedTuple):
    """What follows a rule's daemons."""

    clients: HostList
    options: tuple[Option, ...] = ()


def read_hosts(source: Source, sink: Sink) -> list[Entry]:
    """The rules of a file, in its order: the list of daemons as the key, what follows its colon as the value."""
    text = Text(source)
    entries = []
    for start, joined, whole in _lines(text.data):
        end = start + len(joined)
        span = text.span(start, min(end, len(text.data)))
        if not whole:
            hint = f"this rule and all after it are ignored; end each line with a newline, within {LIMIT} bytes"
            sink.report(TB161, "libwrap stops reading here", span, hint=hint)
            break
        line = decode(joined.partition(b"\0")[0])
        if line.startswith("#") or not line.strip():
            continue
        colon = _colon(line)
        if colon == len(line):
            hint = "libwrap ignores this line; write daemons : clients"
            sink.report(TB160, "there is no colon in this rule", span, hint=hint)
            continue
        key, value = line[:colon], line[colon + 1 :]
        lead, skipped = len(key) - len(key.lstrip()), len(value) - len(value.lstrip())
        value_at = start + len(line[: colon + 1 + skipped].encode("utf-8", "surrogateescape"))
        begin = start + len(line[:lead].encode("utf-8", "surrogateescape"))
        places = (text.offset(begin), text.offset(min(value_at, end)), text.offset(end))
        entries.append(Entry(key.strip(), value.strip(), source, *places))
    return entries


def _lines(data: bytes) -> Iterator[tuple[int, bytes, bool]]:
    """Where each rule starts, its text with blanks for a backslash and newline that join it, and whether it ends."""
    at = 0
    while at < len(data):
        start, parts, room = at, [], LIMIT + 1
        while True:
            stop = data.find(b"\n", at, at + room)
            if stop < 0:
                parts.append(data[at : at + room])
                yield start, b"".join(parts), False
                return
            joined = stop > at and data[stop - 1 : stop] == b"\\"
            if not joined:
                parts.append(data[at:stop])
                at = stop + 1
                break
            parts.append(data[at : stop - 1] + b"  ")  # as long as what it stands for: places stay right
            room -= stop - at - 1
            at = stop + 1
        yield start, b"".join(parts), True


def read_daemons(text: str) -> Side:
    """The list of daemons: a `HostList`."""
    return _read_list(text, 0, of_clients=False)


def read_rule(text: str) -> Side:
    """What follows the daemons: a `HostsRule`."""
    fields = list(_fields(text))
    (at, clients), options = fields[0], fields[1:]
    listed = _read_list(clients, at, of_clients=True)
    read, faults = [], list(listed.faults)
    for n, (place, field) in enumerate(options):
        option, reason = _option(field)
        if option is None:
            faults.append(SideFault(TB163, *reason, place, max(len(field), 1)))
            break
        read.append(option)
        if option.name in _LAST and n < len(options) - 1:
            hint = "libwrap denies the service; write it at the end of the rule"
            faults.append(SideFault(TB164, f"{option.name} has to be the last option", hint, place, len(field)))
            break
    return Side(HostsRule(listed.meaning, tuple(read)), tuple(faults))


def _colon(text: str) -> int:
    """Where the first colon is before which as many brackets have been opened as closed; the length without one."""
    depth = 0
    for at, character in enumerate(text):
        if character == ":" and not depth:
            return at
        depth += (character == "[") - (character == "]")
    return len(text)


def _fields(text: str) -> Iterator[tuple[int, str]]:
    """The clients and the options, each with its place."""
    at, end = 0, _colon(text)
    while True:
        field = text[at:end]
        yield at + len(field) - len(field.lstrip()), field.strip()
        if end >= len(text):
            return
        at = end + 1
        found = _OPTION.match(text, at)
        assert found is not None  # it matches the empty text
        end = found.end()


def _option(text: str) -> tuple[Option | None, tuple[str, str]]:
    words = re.split(r"[ \t]*=[ \t]*|[ \t]+", text, maxsplit=1)
    name, value = words[0].lower(), words[1] if len(words) > 1 else ""
    known = f"libwrap denies the service; the options are {', '.join(sorted(OPTIONS))}"
    if name not in OPTIONS:
        return None, (f"there is no option {words[0]}" if name else "there is no option after this colon", known)
    wants = OPTIONS[name]
    if wants and not value:
        return None, (f"the option {name} needs a value", "libwrap denies the service; write the value after it")
    if wants is False and value:
        return None, (f"the option {name} takes no value", "libwrap denies the service; write it alone")
    if name == "umask" and not re.fullmatch(r"\+?0*[0-7]{1,3}", value):
        return None, (
            f"{value} is no octal number up to 777",
            "libwrap denies the service; write for example umask 022",
        )
    return Option(name, value), ("", "")


def _read_list(text: str, shift: int, *, of_clients: bool) -> Side:
    faults: list[SideFault] = []
    lists: list[list[str]] = [[]]
    commented = False
    for found in _PART.finditer(text):
        word, at = found[0], shift + found.start()
        if word.upper() == "EXCEPT":
            lists.append([])
            continue
        if word.startswith("#"):
            hint = "a comment is a line of its own; here each of its words is a pattern"
            if not commented:
                faults.append(SideFault(TB025, f'"{word}" starts no comment', hint, at, len(word)))
            commented = True
        lists[-1].append(word)
        if of_clients and not commented and (hint := _client_fault(word)):
            faults.append(SideFault(TB165, f"{word} matches nothing", hint, at, len(word)))
    if not lists[0]:
        what = "clients" if of_clients else "daemons"
        faults.append(
            SideFault(TB162, f"this rule has no {what}", "write ALL, or a list of them", shift, max(len(text), 1))
        )
    elif not lists[-1]:
        faults.append(SideFault(TB162, "nothing follows EXCEPT", "write what is excepted", shift, len(text)))
    made: HostList | None = None
    for words in reversed(lists):
        made = HostList(tuple(words), made)
    return Side(made, tuple(faults))


_OCTETS = re.compile(r"[0-9]+(?:\.[0-9]+){0,2}")
_ADDRESS = re.compile(r"[0-9]+(?:\.[0-9]+){3}")
_NET = re.compile(r"([0-9.]+)/([0-9.]*)")
_NET6 = re.compile(r"\[([^\]]*)\](?:/(.*))?")


def _client_fault(word: str) -> str:
    """What to write instead of a pattern that no client matches; empty when it can match."""
    user, at, host = word.rpartition("@")
    word = host if at and user else word
    if _OCTETS.fullmatch(word):
        return f"write {word}. for the addresses that begin so"
    if found := _NET.fullmatch(word):
        return _net_fault(found[1], found[2])
    if found := _NET6.fullmatch(word):
        return _net6_fault(found[1], found[2])
    if _ADDRESS.fullmatch(word):
        try:
            IPv4Address(word)
        except AddressValueError:
            return "write four octets up to 255, without leading zeros"
        return ""
    if word.startswith("!"):
        return "write EXCEPT before the list of what is not meant"
    if re.fullmatch(r"(?:[0-9]+\.){4,}", word):
        return "leave out the dot at the end"
    if word.startswith(".") and re.search(r"[*?]", word):
        return "write either .domain or a pattern with * and ?"
    return ""


def _net_fault(net: str, mask: str) -> str:
    try:
        address = int(IPv4Address(net))
        bits = int(IPv4Address(mask)) if "." in mask else int(IPv4Network(f"0.0.0.0/{int(mask)}").netmask)
    except ValueError:
        return "write net/length or net/mask, 192.0.2.0/24"
    if mask == "255.255.255.255":
        return f"write {net}"
    if bits == 0 and "." not in mask:
        return "write ALL"
    if address & ~bits:
        return f"bits are set after the prefix: write {IPv4Address(address & bits)}/{mask}"
    return ""


def _net6_fault(net: str, length: str | None) -> str:
    try:
        IPv6Address(net)
    except AddressValueError:
        return "write [address] or [address]/length"
    if length is not None and not (length.isascii() and length.isdigit() and int(length[:9]) <= 128):
        return "write a length up to 128 after the brackets"
    return ""


HOSTS_ACCESS = Sides(read_daemons, read_rule)
