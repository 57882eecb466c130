"""Our code in the place of the test programs of src/util and src/global: the same arguments, the same lines.

Each function of `STAND_INS` takes a program's arguments and the lines of its standard input, and gives the lines that
the program would write. What a program says of itself (owners, warnings) is left out on both sides, `answers` drops it.
Run as a script, it is a program that the shipped scripts can call.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from ipaddress import IPv4Address
from pathlib import Path

from mailconf.diagnostics import Sink
from mailconf.files import Memory
from mailconf.maps.core.table import LookupTable, TemporaryFailure, UnsupportedMap
from mailconf.maps.core.utf8 import is_utf8, lookup_utf8
from mailconf.maps.registry import open_table
from mailconf.model.address import Address, external, internal, quote_local, split_extension
from mailconf.model.fileworld import FileWorld
from mailconf.model.world import Ask, LookupFailed, run
from mailconf.mta.journal_figures import rounded
from mailconf.postfix.policy.policy import PostfixPolicy, compile_policy
from mailconf.postfix.settings.answer_pattern import AnswerPattern
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.hostnames import valid_hostname as is_hostname
from mailconf.postfix.settings.hostnames import valid_ipv4, valid_ipv6
from mailconf.postfix.settings.lists import ListKind, PatternList
from mailconf.postfix.settings.lookup import Tables
from mailconf.postfix.text.expand import MacroError, expand
from mailconf.smtp.nexthop import BadNexthop
from mailconf.smtp.nexthop import host_port as read_host_port
from mailconf.source import decode, encode
from mailconf.tables.postmap import fold

_ABOUT_ITSELF = re.compile(r"owner=|(?:\S*/)?\w+: (?:warning|error|info|fatal|panic): |dict flags ")
_COMMANDS = re.compile(r"> |>> |<< ")


def answers(lines: Iterable[str]) -> list[str]:
    """The lines that answer a question."""
    return [line for line in lines if not _ABOUT_ITSELF.match(line)]


def policy(text: str) -> PostfixPolicy:
    """The Policy of a main.cf."""
    tree = Memory({"/etc/postfix/main.cf": text, "/etc/postfix/master.cf": ""})
    return compile_policy(Configuration.load("/etc/postfix", Sink(), tree), Sink())


def ask() -> Ask:
    return Ask(FileWorld(trace=False))


# src/util


def valid_hostname(_: Sequence[str], lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield f"{line}: host {is_hostname(line)}, address {valid_ipv4(line) or valid_ipv6(line)}"


def host_port(_: Sequence[str], lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield f">> {line}"
        if not line.startswith("#"):
            try:
                host, port = read_host_port(line, "default-service")
                yield f"host {host} port {port}"
            except BadNexthop:
                pass


def ip_match(_: Sequence[str], lines: Sequence[str]) -> Iterator[str]:
    """A pattern, and addresses that it may match."""
    for line in lines:
        yield f"> {line}"
        words = [] if line.startswith("#") else line.split()
        pattern = AnswerPattern.parse(words[0]) if words else None
        if pattern is None:
            continue
        yield "Error" if pattern.problem else "Code"
        for address in words[1:]:
            if not _is_ipv4(address):
                yield f"bad address syntax: {address}"
            elif not pattern.problem:
                yield f"Match {address}: {'yes' if pattern.accepts(address) else 'no'}"


def _is_ipv4(text: str) -> bool:
    try:
        return bool(IPv4Address(text))
    except ValueError:
        return False


def casefold(_: Sequence[str], lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        command, _, text = line.partition(" ")
        if command == "fold":
            yield f'"{text}" ->fold "{decode(fold(encode(text)))}"'


def format_tv(_: Sequence[str], lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield f">> {line}"
        if line and not line.startswith("#"):
            value, significant, decimals = line.split()
            whole = int(float(value))
            rest = int((float(value) - whole) * 1_000_000)
            yield rounded(whole * 1_000_000 + rest, significant=int(significant), decimals=int(decimals))


def mac_expand(_: Sequence[str], lines: Sequence[str]) -> Iterator[str]:
    """Blocks of ``name = value``, and of templates; an empty line ends each."""
    values: dict[str, str] = {}
    defining = True
    for line in lines:
        yield f"<< {line}"
        if not line:
            defining = not defining
            if defining:
                values = {}
                yield ""
        elif defining:
            words = re.findall(r"[^\s=]+", line)
            values[words[0]] = words[1].replace("$", "$$") if len(words) > 1 else ""
        else:
            try:
                yield f"result={expand(line, values.get)}"
            except MacroError:
                yield "error"
    if not defining:
        yield ""


class _DictOpen:
    def __init__(self, name: str, flags: Sequence[str]) -> None:
        words = {word for flag in flags for word in flag.split(",")}
        self._name, self._utf8 = name, "utf8_request" in words
        self._table: LookupTable | None = None
        try:
            self._table = open_table(
                name,
                files="src_rhs_is_file" in words,
                fold=fold if "fold_fix" in words else None,
                utf8=self._utf8,
            )
        except (TemporaryFailure, UnsupportedMap):
            pass

    def get(self, key: str) -> str:
        if self._utf8 and not is_utf8(encode(key)):
            return f"{key}: not found"
        if self._table is None:
            return f"{key}: error"
        try:
            value = lookup_utf8(self._table, self._name, encode(key)) if self._utf8 else self._table.lookup(encode(key))
        except TemporaryFailure:
            return f"{key}: error"
        return f"{key}: not found" if value is None else f"{key}={decode(value)}"


def dict_open(arguments: Sequence[str], lines: Sequence[str]) -> Iterator[str]:
    """``type:name read [flags]``, and ``get KEY`` on each line."""
    name, _, *flags = arguments
    table = _DictOpen(name, flags)
    for line in lines:
        yield f"> {line}"
        words = line.split(" ", 1)
        if words[0] == "get" and len(words) > 1 and words[1]:
            yield table.get(re.split("[ =]", words[1].strip(" "))[0].replace('\\"', '"'))


# Pattern lists


def _list(value: str, kind: ListKind) -> PatternList:
    def read(path: str) -> str:
        return decode(Path(path).read_bytes())

    return PatternList.compile("command line", value, kind, parents=True, read=read)


def _outcome(ask_it: Callable[[], bool]) -> str:
    try:
        return "YES" if ask_it() else "NO"
    except LookupFailed:
        return "ERROR"


def namadr_list(arguments: Sequence[str], _: Sequence[str]) -> Iterator[str]:
    patterns, name, address = arguments
    found = _list(patterns, ListKind.HOST)
    yield f"{name}/{address}: {_outcome(lambda: run(found.match_host(ask(), name, address)))}"


def _named(arguments: Sequence[str], kind: ListKind) -> Iterator[str]:
    patterns, name = arguments
    found = _list(patterns, kind)
    yield f"{name}: {_outcome(lambda: run(found.match(ask(), name)))}"


def string_list(arguments: Sequence[str], _: Sequence[str]) -> Iterator[str]:
    return _named(arguments, ListKind.STRING)


def domain_list(arguments: Sequence[str], _: Sequence[str]) -> Iterator[str]:
    return _named(arguments, ListKind.DOMAIN)


def cleanup_masquerade(arguments: Sequence[str], _: Sequence[str]) -> Iterator[str]:
    """``EXCEPTIONS DOMAINS ADDRESS``, the address in external form."""
    exceptions, domains, address = arguments
    yield from ("----------", f"exceptions: {exceptions}", f"masq_list:  {domains}", f"address:    {address}")
    made = policy(f"masquerade_exceptions = {exceptions.replace('$', '$$')}\nmasquerade_domains = {domains}\n")
    try:
        yield f"result:     {external(run(made.rewriter._masqueraded(internal(address), ask())))}"
        yield "errs:       0"
    except LookupFailed:
        yield "failed"


# Addresses


def quote_822_local(_: Sequence[str], lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        command, _, text = line.partition(" ")
        text = "" if text == "<>" else text
        if command == "quote":
            yield f"'{text}' quoted '{external(text) or quote_local(text)}'"
        elif command == "unquote":
            yield f"'{text}' unquoted '{internal(text)}'"


def fold_addr(_: Sequence[str], lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        words = line.split()
        if len(words) == 2 and words[0] == "all":
            yield f'"{words[1]}" -> "{decode(fold(encode(words[1])))}"'


_LOCAL = "myhostname = localhost.localdomain\nmydomain = localdomain\nrecipient_delimiter = +\n"


class MailAddrFind:
    """The commands of mail_addr_find: echo, maps, test."""

    def __init__(self) -> None:
        self._policy = policy(f"{_LOCAL}myorigin = localdomain\nmydestination = localhost.localdomain\n")
        self._tables = Tables([])

    def answer(self, line: str) -> str | None:
        """What is written of a test, None for one whose forms no table is asked with."""
        form, query, out, strategy, key = line.split(":")[:5]
        if query not in ("external", "external-first") or strategy != "default":
            return None
        asked = internal(key) if form == "external" else key
        search = self._policy.rewriter.search
        try:
            found = run(search.find(ask(), self._tables, asked, internal=query == "external-first"))
        except LookupFailed:
            return f"{form}:{key} -{query}-> {out}:(try again) (null extension)"
        value = "(not found)" if found is None else found.answer.value
        value = internal(value) if out == "internal" and found is not None else value
        extension = found.extension if found is not None else ""
        return f"{form}:{key} -{query}-> {out}:{value} ({extension or 'null extension'})"

    def maps(self, value: str) -> None:
        self._tables = Tables.of(value, "hash")


def mail_addr_find(_: Sequence[str], lines: Sequence[str]) -> Iterator[str]:
    program = MailAddrFind()
    for line in lines:
        command, _, text = line.partition(" ")
        if command == "maps":
            program.maps(text.strip())
        elif command == "test" and (answer := program.answer(text)) is not None:
            yield answer


def mail_addr_crunch(_: Sequence[str], lines: Sequence[str]) -> Iterator[str]:
    """The form of what is given, that of what is written, an extension, and lines of addresses: what a table that has
    such a line makes of an address with that extension."""
    given, written, extension, *values = lines
    made = policy(f"{_LOCAL}myorigin = localdomain\n")
    for value in values:
        text = external(value) if given == "internal" else value
        tables = Tables.of(f"inline:{{ {{k@example.com = {text}}} }}", "hash")
        address = f"k{extension}@example.com"
        for found in run(made.rewriter.map_all(ask(), tables, address, propagate=True)):
            yield f"|{external(found) if written == 'external' else found}|"


def address_driver(_: Sequence[str], lines: Sequence[str]) -> Iterator[str]:
    """The questions of address_driver.c."""
    for line in lines:
        what, *fields = line.split("\t")
        if what == "strip":
            delimiters, address = fields
            rest, extension = without_extension(address, delimiters)
            yield "(nothing)" if rest == address else f"{rest}|{extension}"
        elif what == "crunch":
            extension, given, written, value = fields
            yield "".join(mail_addr_crunch((), (given, written, extension, value)))
        else:
            delimiter, propagate, given, _, written, tables, address = fields
            yield _mapped(delimiter, propagate == "1", given, written, tables, address)


def _mapped(delimiter: str, propagate: bool, given: str, written: str, tables: str, address: str) -> str:
    made = policy(f"recipient_delimiter = {delimiter}\nmyorigin = localdomain\nmydomain = localdomain\n")
    asked = internal(address) if given == "external" else address
    try:
        found = run(made.rewriter.map_all(ask(), Tables.of(tables, "hash"), asked, propagate=propagate))
    except LookupFailed:
        return "(try again)"
    return "".join(f"|{external(one) if written == 'external' else one}|" for one in found) or "(nothing)"


def without_extension(address: str, delimiters: str) -> tuple[str, str]:
    """An address without what follows the first delimiter in its local part, and that."""
    user, domain = Address.split(address)
    local, extension = split_extension(user, delimiters, bounce="double-bounce")
    return str(Address(local, domain)), extension


def transport(arguments: Sequence[str], lines: Sequence[str]) -> Iterator[str]:
    """``TABLES``, and an address and what is expected on each line."""
    made = policy(f"{_LOCAL}myorigin = localhost.localdomain\nmydestination = localhost.localdomain\n")
    tables, search = Tables.of(arguments[0], "hash"), made.rewriter.search
    for line in lines:
        address, *expected = line.split(":")
        domain = Address.split(address).domain or ""
        try:
            found = run(search.find_transport(ask(), tables, address, subdomains=False))
            answer = found.answer if found else run(tables.find(ask(), "*", partial=True))
        except LookupFailed:
            yield f"{address}:{domain} -> (try again)"
            continue
        if answer is None:
            yield f"{address}:{domain} -> (not found)"
        elif expected:
            channel, _, nexthop = answer.value.partition(":")
            hop = nexthop or (domain if channel else "") or domain
            yield f"{address}:{domain} -> {channel or 'DEFAULT'}:{hop} "


STAND_INS: dict[str, Callable[[Sequence[str], Sequence[str]], Iterator[str]]] = {
    made.__name__: made
    for made in (
        *(valid_hostname, host_port, ip_match, casefold, format_tv, mac_expand, dict_open, namadr_list, string_list),
        *(domain_list, cleanup_masquerade, quote_822_local, fold_addr, mail_addr_find, mail_addr_crunch),
        *(address_driver, transport),
    )
}

if __name__ == "__main__":
    program, *given = sys.argv[1:]
    text = "" if program.endswith("_list") or program == "cleanup_masquerade" else decode(sys.stdin.buffer.read())
    for written in STAND_INS[program](given, text.splitlines()):
        sys.stdout.buffer.write(encode(written) + b"\n")
