"""What a reader costs grows in proportion to its input, whatever stands in it.

For each reader of messages, commands, addresses and configuration, and for each hostile shape, the process time for n
characters is compared with that for 4n: it may be at most eight times as long. n is made as large as it takes to
measure something, so that no absolute time matters. A square costs 16 times as much.

A shape is a unit that is repeated, with the text that precedes and follows it: "before|||unit|||behind". A new reader
gets a line in `READERS`.
"""

from __future__ import annotations

import ctypes
import gc
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import pytest

from mailconf.check.sendmail import mc_text
from mailconf.diagnostics import Sink
from mailconf.domain_names import DomainNameError, to_ascii, to_unicode
from mailconf.maps.core import words as map_words
from mailconf.model import address
from mailconf.mta import header_addresses, headers, mailbox, reports_postfix
from mailconf.mta.threads_postfix import Threads
from mailconf.postfix.policy import rewrite
from mailconf.postfix.policy.included import targets_of as included_targets
from mailconf.postfix.settings import bounce_templates, hostnames, lists
from mailconf.postfix.text import expand, functions, lines, main_cf, master_cf, words
from mailconf.sendmail.mc import tree as mc_tree
from mailconf.smtp import client, parameters, path, reply
from mailconf.smtp.events import Bdat, Content, Data, Wait
from mailconf.smtp.options import ServerOptions
from mailconf.smtp.server import Connection
from mailconf.smtp.wording_postfix import PostfixWording
from mailconf.source import Source, encode
from mailconf.tables import (
    aliases,
    class_file,
    content,
    hosts_access,
    makemap,
    postmap,
    roles,
    rule_lines,
    sendmail_access,
    sendmail_aliases,
    sendmail_aliases_reader,
    sendmail_maps,
    sendmail_roles,
    transport,
    words822,
)
from mailconf.tables import lines as table_lines

ENOUGH = 0.001  # seconds of process time that can be measured
LEAST, MOST = 500, 1 << 18  # characters
TIMES = 8.0
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # mallopt(3)

Reader = Callable[[str], object]


class Row(NamedTuple):
    reader: Reader
    shapes: tuple[str, ...]
    most: int = MOST
    least: int = LEAST


def best(reader: Reader, text: str, rounds: int) -> float:
    """The least process time of a few rounds."""
    found = []
    for _ in range(rounds):
        began = time.process_time()
        reader(text)
        found.append(time.process_time() - began)
    return min(found)


@pytest.fixture(autouse=True, scope="module")
def one_heap() -> None:
    """Large pieces of memory come from the heap, not from the system, which takes many times as long above a size."""
    with suppress(OSError, AttributeError):  # another C library has no such thing
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(_M_TRIM_THRESHOLD, 1 << 30)


@pytest.fixture(autouse=True)
def no_collection() -> Iterator[None]:
    """The garbage of other tests must not be looked through while time is measured."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def growth(reader: Reader, shape: str, most: int = MOST, least: int = LEAST) -> float:
    """How many times as long 4n characters take as n do."""
    parts = shape.split("|||")
    beginning, unit, end = (["", *parts, ""] if len(parts) == 1 else [*parts, ""])[:3]

    def text(size: int) -> str:
        return beginning + unit * (size // len(unit)) + end

    size = least
    while size < most and best(reader, text(size), 3) < ENOUGH:
        size *= 2
    if size >= most and best(reader, text(size), 3) < ENOUGH:
        return 0.0  # too little to be measured
    times = TIMES + 1
    for again in range(15):  # another process may disturb a measurement, and one size may just fit into a cache
        larger = size << again // 6
        times = min(times, best(reader, text(4 * larger), 3) / best(reader, text(larger), 3))
        if times <= TIMES:
            break
    return times


# Ways to drive what is no plain function.


async def _completed(name: str) -> str:
    return f"{name}.x"


def _run(question: Coroutine[Any, Any, object]) -> None:
    with suppress(StopIteration):
        question.send(None)


def _listen(text: str, *, state: str, step: int) -> None:
    """A client that sends ``text`` in pieces of ``step`` bytes, as commands, as a message, or as a chunk."""
    connection = Connection(
        ServerOptions(message_size=0, hard_errors=1 << 30, junk_commands=1 << 30, line_length=2048), PostfixWording()
    )
    data = encode(text)
    start = ["EHLO x", "MAIL FROM:<a@b.test>", "RCPT TO:<a@b.test>"]
    start += {"command": [], "data": ["DATA"], "chunk": [f"BDAT {len(data)} LAST"]}[state]
    pieces = [line.encode() + b"\r\n" for line in start]
    pieces += [data[at : at + step] for at in range(0, len(data), step)]
    for piece in pieces:
        connection.receive_data(piece)
        while not isinstance(event := connection.next_event(), Wait):
            if not isinstance(event, Content | Bdat):
                connection.send_reply(reply.Reply.of(354 if isinstance(event, Data) else 250, "x"))


def _replies(text: str, *, step: int) -> None:
    parser, data = reply.ReplyParser(), encode(text)
    with suppress(reply.ReplyError):
        for at in range(0, len(data), step):
            parser.feed(data[at : at + step])
            while parser.next() is not None:
                pass


def _table(text: str, *, use: str) -> None:
    sink, role = Sink(), roles.table_role(use)
    entries = roles.read_table(role, Source("t", text), sink)
    roles.check_table(role, entries, sink)
    for finding in sink:
        _ = finding.span and finding.span.first


def _sendmail_table(text: str, *, role: str) -> None:
    sink = Sink()
    sendmail_roles.check_sendmail_table(role, sendmail_roles.read_sendmail_table(role, Source("t", text), sink), sink)
    for finding in sink:
        _ = finding.span and finding.span.first


def _expanded(text: str) -> None:
    with suppress(expand.MacroError):
        expand.expand(text, lambda name: "x")


def _translated(text: str) -> None:
    for function in (to_ascii, to_unicode):
        with suppress(DomainNameError):
            function(text)
    with suppress(functions.DomainError):
        functions.domain_to_ascii(text)


def _main_cf(text: str) -> None:
    for found in main_cf.read(text):
        _ = (found.start, found.end) if isinstance(found, main_cf.Definition) else found.line


def _master_cf(text: str) -> None:
    for entry in master_cf.read(text):
        _ = (entry.usable, list(master_cf.settings(entry)), list(master_cf.wrong_settings(entry)))


def _mc(text: str) -> None:
    mc_text.check_text(mc_tree.parse(Source("t", text), Sink()), Sink())


def _positions(text: str) -> None:
    source = Source("t", text)
    for at in range(0, len(text), 7):
        source.position(at)


ADDRESSES = ("<", "(", "[", '"', "\\", "a,", "a@", "a.", "a ", "<a>,", "a <", "g:a;", '"\\', '"a" ', "(a)", "a!b%", ">")
LINES = ("a\n", " a\n", "\n", "#\n ", "a b\n", "a b\n c\n", "a: b\n", "a", " ", "\r", "\0\n", "\\\n", '"', "a \\\n")
VALUES = (
    "k |||a, ",
    "k |||<",
    'k |||"',
    "k ||||a, ",
    "k |||# ",
    "k |||a:",
    "k |||[a",
    "k |||a ",
    "k |||a@",
    'k |||"\\',
)
MESSAGE = (
    "\r",
    "From \n",
    ">From a\n",
    " a\n",
    "a: b\n",
    "X: y|||\n z",
    "X: y|||\n ",
    "a:\n",
    "a",
    "\n",
    ".\n",
    "\n.\r",
)
HOSTS = ("a", "a.", "-", "1.", "\u00e4", "xn--a.", "[", ":", "aa--.")
BRACES = ("{", "}", "{a}", "{ a", "a ", ",", "${", "$(", "${a", "${a?{", "$a", "a = ", "$")

READERS: dict[str, Row] = {
    # messages
    "guard": Row(lambda text: headers.guard(encode(text)), MESSAGE),
    "fields": Row(lambda text: headers.join(*headers.split_message(encode(text))), MESSAGE),
    "fields within limits": Row(
        lambda text: [
            headers.shortened(header, 1000)
            for header in headers.Fields(encode(text), headers.HeaderLimits(1000, 2048, 100))
        ],
        MESSAGE,
    ),
    "head_of": Row(lambda text: headers.head_of(encode(text)), MESSAGE),
    "values_of": Row(lambda text: headers.values_of(encode(text), b"a"), MESSAGE),
    "addresses in headers": Row(lambda text: _run(header_addresses.rewrite_value(text, _completed)), ADDRESSES),
    "fold": Row(header_addresses.fold, ("a", "a\n", "\n", " \n")),
    "mbox": Row(lambda text: mailbox.mbox_entry(b"", encode(text), "a", 0), MESSAGE),
    "lines on the way out": Row(lambda text: client.wire_content(encode(text)), (*MESSAGE, "a" * 998 + "\n")),
    "words of a bounce": Row(reports_postfix.wrap, ("a", " ", "a ", "x |||" + " " * 80, "\t ", "a" * 80 + " ")),
    "bounce templates": Row(
        lambda text: bounce_templates.read(text, "t", lambda line: None),
        (
            "delay_template = <<E\n|||\n|||x\nE\n",
            "delay_template = <<E\n|||From: x\n|||\nx\nE\n",
            "delay_template = <<E\n\n|||x\n|||E\n",
            "delay_template = <<E\n|||x\n",
            "x_template = <<E\nE\n",
            "#\n",
        ),
    ),
    **{
        f"identity in a report of {release}": Row(
            lambda text, threads=threads: threads.identity(encode(text)),  # type: ignore[misc]
            (
                *("Message-Id: |||>", "Message-Id: |||<> ", "Message-Id: < |||> \t", "Message-Id: <>x\n"),
                *("Message-Id:||| ", "Message-Id: |||<\n ", "Message-Id: <|||\n\t<>"),
            ),
        )
        for release, threads in (("3.7", Threads(length=0)), ("3.10", Threads(whole=True)))
    },
    # commands and replies
    **{
        f"smtp {state}, {step} bytes at once": Row(partial(_listen, state=state, step=step), MESSAGE, least=1 << 13)
        for state in ("command", "data", "chunk")
        for step in (65536, 16)
    },
    "words of a command": Row(path.split_arguments, (*ADDRESSES, "MAIL |||<")),
    "address of a command": Row(partial(path.parse, empty=False), ADDRESSES),
    "parameters of MAIL": Row(
        lambda text: parameters.mail(text.split(" "), {}, smtputf8=True), ("BODY=7BIT ", "SIZE=|||1", "ENVID=|||+41")
    ),
    "parameters of RCPT": Row(lambda text: parameters.rcpt(text.split(" ")), ("NOTIFY=|||NEVER,", "ORCPT=a;|||+41")),
    "attributes": Row(lambda text: parameters.attributes("XCLIENT", text.split(" ")), ("NAME=a ", "HELO=|||+41")),
    "xtext": Row(lambda text: path.to_xtext(path.xtext(text) or ""), ("+41", "+", "a", "\u00e4")),
    "host name": Row(lambda text: (path.valid_hostname(text), path.valid_literal(text)), HOSTS),
    "replies": Row(partial(_replies, step=65536), ("250-a\n", "250 a\n", "250-|||a", "\r", "a")),
    "replies in pieces": Row(partial(_replies, step=16), ("250-a\n", "250-|||a", "\r"), least=1 << 14),
    "reply on the wire": Row(lambda text: reply.Reply.of(250, *text.split("\n")).verbatim, ("a\n", "a", "\r")),
    # addresses and names
    "external form": Row(address.external, ADDRESSES),
    "internal form": Row(address.internal, ADDRESSES),
    "words of RFC 822": Row(lambda text: words822.put_together(words822.cut(text)), ADDRESSES),
    "addresses of RFC 822": Row(lambda text: [address.plain for address in words822.addresses(text)], ADDRESSES),
    "addresses of a table": Row(rewrite.addresses, ADDRESSES),
    "domain names": Row(_translated, HOSTS),
    "host names of Postfix": Row(
        lambda text: (hostnames.valid_domain(text), hostnames.address_literal(f"[{text}]")), HOSTS
    ),
    # tables of Postfix
    "rows of a table": Row(lambda text: postmap.read_rows(encode(text), places=True), LINES),
    "rows of an alias file": Row(
        lambda text: aliases.read_alias_rows(encode(text)),
        (*LINES, "a: |||b, ", "a: |||<", 'a: |||"|b c", ', "a: |||\\b, "),
    ),
    "targets of an alias": Row(aliases.parse_alias_value, (*ADDRESSES, ":include:a, ", '"|a b", |||"|a b", |||"|a b"')),
    "included addresses": Row(included_targets, (*LINES, *ADDRESSES)),
    **{
        f"table {use}": Row(partial(_table, use=use), (*LINES, *VALUES, *(f"k{unit} v\n" for unit in HOSTS)), 1 << 16)
        for use in (
            "virtual_alias_maps",
            "canonical_maps",
            "transport_maps",
            "check_client_access",
            "relocated_maps",
            "alias_maps",
            "mynetworks",
            "mydestination",
            "header_checks",
            "body_checks",
            "sender_dependent_relayhost_maps",
        )
    },
    **{
        f"key of {use}": Row(
            partial(_table, use=use),
            tuple(f"|||{unit}||| v\n" for unit in ("a", "a.", "-", "1", "1.", "a+", "a@", "ab:")),
            1 << 15,
        )
        for use in ("virtual_alias_maps", "transport_maps", "check_client_access", "mynetworks", "mydestination")
    },
    **{
        f"rules {kind}": Row(
            lambda text, kind=kind: rule_lines.read_rules(kind, Source("t", text), Sink()),  # type: ignore[misc]
            (*LINES, "/a/ b\n", "if /a/\n", "endif\n", "/|||\\/", "!", "/a/ |||$1", "1.2.3.4/32 a\n"),
        )
        for kind in ("regexp", "pcre", "cidr")
    },
    "next hops": Row(lambda text: transport.read_nexthops(text), ("[", "a", "a,", "a:", "[a]:1 ", "#")),
    "content checks": Row(lambda text: content.read_action("header", None, text), ("a", "REJECT ", "a ", "$1")),
    # tables of sendmail
    "rows of makemap": Row(lambda text: list(makemap.read_rows(encode(text))), LINES),
    "lines of sendmail's aliases": Row(lambda text: list(sendmail_aliases.alias_lines(encode(text))), LINES),
    "name of sendmail's alias": Row(
        lambda text: sendmail_aliases.read_name(encode(text) + b":x", lambda host: True), ADDRESSES
    ),
    "targets of sendmail's alias": Row(
        sendmail_aliases_reader.read_targets, (*ADDRESSES, "|a b, ", "# ", '"|a b", |||"|a b", |||"|a b"')
    ),
    "words of a class": Row(class_file.read_word, (*HOSTS, "#", "a#", "@", "a,")),
    "hosts.allow": Row(
        lambda text: (hosts_access.read_daemons(text), hosts_access.read_rule(text)),
        ("a ", "a:", "a EXCEPT ", "\\:", ": a", "[::1] ", "1."),
    ),
    "sides of access": Row(
        lambda text: (sendmail_access.read_key(text), sendmail_access.read_value("connect:a", text)),
        (*HOSTS, "<", "a@", "ERROR:|||5.7.1:", "5 ", "a:a:|||a|||z", "a:", "|||a:|||z"),
    ),
    "sides of sendmail's maps": Row(
        lambda text: (
            sendmail_maps.read_route(".a", text),
            sendmail_maps.read_virtuser(text),
            sendmail_maps.read_generics("@a", text),
            sendmail_maps.read_domain(text),
            sendmail_maps.read_userdb_key(text),
            sendmail_maps.read_virtuser_key(text),
        ),
        (*HOSTS, "%1", "a@", "error:|||a", "<", "# ", "|||a.|||!", "|||+*|||!"),
    ),
    **{
        f"sendmail's {role}": Row(partial(_sendmail_table, role=role), (*LINES, *VALUES), 1 << 16)
        for role in ("access", "virtuser", "generics", "mailer", "domain", "userdb", "aliases", "class", "hosts")
    },
    # configuration
    "positions": Row(_positions, ("a", "\n", "a\n")),
    "logical lines": Row(lambda text: list(lines.config_lines(text)), LINES),
    "lines with NUL": Row(lambda text: list(lines.null_lines(text)), (*LINES, "a\0\n", "a\n#\0\n")),
    "lines of a table with NUL": Row(
        lambda text: list(table_lines.null_lines(encode(text))), (*LINES, "a\0\n", "a\n#\0\n")
    ),
    "main.cf": Row(_main_cf, (*LINES, "a = b\n", "a = |||b\n ", "=")),
    "master.cf": Row(
        _master_cf, (*LINES, "a b - - - - - c ||| -o a=b", "a b - - - - - c |||{", "a b - - - - - c ||| -vo a")
    ),
    "expressions": Row(_expanded, BRACES),
    "words of a value": Row(words.split_words, BRACES),
    "words of an inline table": Row(lambda text: list(map_words.split_braced(text)), BRACES),
    "pattern lists": Row(
        lambda text: [lists.PatternList.compile("x", text, kind) for kind in lists.ListKind],
        ("a ", "!", "1.2.3.4 ", "["),
    ),
    ".mc": Row(_mc, (*LINES, "dnl\n", "define(`a',", "`", "(", "`a'", "define(`a', `b')dnl\n"), 1 << 15),
}


@pytest.mark.parametrize("name", READERS)
def test_costs_grow_in_proportion(name: str) -> None:
    row = READERS[name]
    found = {shape[:40]: growth(row.reader, shape, row.most, row.least) for shape in row.shapes}
    assert {shape: round(times, 1) for shape, times in found.items() if times > TIMES} == {}


def _halves(text: str) -> int:
    return sum(len(text[at:]) for at in range(0, len(text), 8))


def _pairs(text: str) -> int:
    return sum(one == other for one in text for other in text)


@pytest.mark.parametrize("reader", [_halves, _pairs])
def test_a_square_is_seen(reader: Reader) -> None:
    assert growth(reader, "a") > TIMES
