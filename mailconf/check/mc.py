"""What is wrong with a .mc: mistakes that m4 and the library pass over in silence, or report in words that do not help.

`check_mc` reads the .mc as `mailconf build` does, which reports what m4 and the library print, and runs the rules: over
the text as people write it (`TEXT_RULES`), and over what it expands to (`SITE_RULES`). Without the library only the
text is looked at.

What each mistake really does was found with GNU m4, the library of sendmail 8.17 and sendmail itself: a blank before a
parenthesis makes the call one without arguments, and the arguments text of the .cf; a name that no macro has becomes
text of the .cf; "#" begins no comment behind cf.m4; an unquoted comma ends an argument, and the library looks at no
more arguments than it wants; an option that the library does not read changes nothing; sendmail stops at a port's key
whose first letter it does not know, at a map's type that it does not have, at a mail filter without a socket.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mailconf.diagnostics import Diagnostic, Related, Sink, error, warning
from mailconf.files import Root
from mailconf.model.site import Service, Site
from mailconf.sendmail.expansion import SM902
from mailconf.sendmail.library import Library
from mailconf.sendmail.mc import COMPUTED_TYPES, KINDS, Mc, Statement, read, site_of
from mailconf.sendmail.mc_tree import Call, Document, Kind, Node, parse
from mailconf.sendmail.vocabulary import BLIND, SECTIONS, STATEMENTS, SWEEPING
from mailconf.source import Source, Span

if TYPE_CHECKING:
    from mailconf.grammar import Grammar

SM003 = error("SM003", "a name in a .mc in quotes that are not m4's")
SM004 = error("SM004", "a blank between a macro and its parenthesis")
SM005 = error("SM005", "a call in a .mc of a macro that does not exist")
SM006 = error("SM006", "a dnl in a .mc that runs into a word")
SM007 = warning("SM007", 'a macro that is called in a line behind "#", which is no comment')
SM008 = error("SM008", "an argument in a .mc that nothing looks at")
SM009 = warning("SM009", "an option in a .mc that the library does not read")
SM010 = warning("SM010", "an option in a .mc without a value")
SM011 = warning("SM011", "a definition in a .mc that comes too early or too late")
SM012 = warning("SM012", "text in a .mc that becomes part of the .cf's head")
SM013 = warning("SM013", "a FEATURE that has no effect any more")
SM014 = error("SM014", "DAEMON_OPTIONS or CLIENT_OPTIONS that sendmail does not understand")
SM015 = error("SM015", "a mail filter that sendmail does not understand")
SM016 = error("SM016", "two daemons on one port")
SM017 = warning("SM017", "a quoted text in a .mc that holds statements")
SM019 = warning("SM019", "text that the macro before it drops")
SM018 = error("SM018", "a map of a type that sendmail does not have, or without a file")

_ORDER = "cf/README has the order VERSIONID, OSTYPE, DOMAIN, FEATURE, define, MAILER, LOCAL_..."
_WORDS = STATEMENTS | SECTIONS | {"define", "undefine", "include", "sinclude", "divert", "ifdef", "ifelse"}
_ONE = SWEEPING | {"CLIENT_OPTIONS", "DAEMON_OPTIONS", "MASQUERADE_AS", "VERSIONID"}
_MOST = {**dict.fromkeys(_ONE, 1), "INPUT_MAIL_FILTER": 2, "MAIL_FILTER": 2, "MODIFY_MAILER_FLAGS": 2, "QUEUE_GROUP": 2}
_OBSOLETE = {"notsticky": "it is the default; FEATURE(`stickyhost') asks for what was the default once"}
_PORTS = {"smtp": "25", "": "25", "submission": "587", "msa": "587", "smtps": "465", "submissions": "465"}
# sendmail looks at the first letter of a key only. Name, Addr, Family, Port, ...
_PORT_KEYS = frozenset("acdfilmnpqrs")
_FILTER_KEYS = frozenset("FST")
_SOCKETS = ("inet:", "inet6:", "local:", "unix:")
# Some of them depend on how sendmail was built.
_MAP_TYPES = COMPUTED_TYPES | frozenset(
    ["arpa", "btree", "cdb", "dbm", "hash", "hesiod", "implicit", "ldap", "netinfo", "nis", "nisplus", "ph", "program",
     "sequence", "socket", "switch", "text", "userdb"]
)  # fmt: skip
_OPTION = re.compile(r"\bconf[A-Z][A-Z0-9_]*\b")
_HINTS = [  # for what the library prints
    (re.compile(r"FEATURE\(\) should be before MAILER\(\)"), f"move it before every MAILER; {_ORDER}"),
    (re.compile(r"should be before LOCAL_"), f"move the MAILERs before it; {_ORDER}"),
    (re.compile(r"No system type defined"), "write OSTYPE(`linux')dnl, or your system's name, before every FEATURE"),
    (re.compile(r"requires FEATURE\(`?access_db"), "write FEATURE(`access_db')dnl before it"),
    (re.compile(r"MAILER\(.*\) already included"), "remove one of the two; another FEATURE may ask for it as well"),
    (re.compile(r"must (?:occur|appear) (?:before|after)|should be defined before"), f"change the order; {_ORDER}"),
]


def check_mc(mc: str | os.PathLike[str], library: Library | None, sink: Sink, *, root: Root | None = None) -> Mc | None:
    """Report everything that is wrong with the .mc at ``mc`` (below ``root``) into ``sink``.

    Gives what was read, for `mailconf.sendmail.mc.site_of`; None without the library, or, with a diagnostic, when the
    file cannot be read. Nothing is run or written, and nothing is read but the .mc's folder and the library.
    """
    found = Sink()
    read_mc = _read(mc, library, found, root or Root())
    if isinstance(read_mc, Mc):
        assert library is not None
        subject = Subject(read_mc, library, site_of(read_mc))
        for rule in TEXT_RULES:
            rule(read_mc.document, found)
        for site_rule in SITE_RULES:
            site_rule(subject, found)
    elif read_mc is not None:
        for rule in TEXT_RULES:
            rule(read_mc, found)
    for diagnostic in _settled(found):
        sink.add(diagnostic)
    return read_mc if isinstance(read_mc, Mc) else None


def _read(mc: str | os.PathLike[str], library: Library | None, sink: Sink, root: Root) -> Mc | Document | None:
    if library is not None:
        return read(mc, library, sink, root=root)
    path = root.path(mc)
    try:
        return parse(Source.read(path), sink)
    except OSError as failure:
        sink.report(SM902, f"{path} cannot be read: {failure.strerror}", file=str(path))
        return None


def _settled(found: Sink) -> Iterator[Diagnostic]:
    """Without what m4 says about a mistake that has a better name here, with hints for what the library says."""
    unclosed = any(d.code in ("SM001", "SM002") for d in found)
    named = {(d.span.source.name, d.span.line) for d in found if d.code in ("SM003", "SM004") and d.span}
    for d in found:
        if unclosed and d.code == "M4003" and "end of file in" in d.message:
            continue
        if d.span and d.message.startswith("cannot open") and (d.span.source.name, d.span.line) in named:
            continue
        hint = next((hint for pattern, hint in _HINTS if pattern.search(d.message)), "")
        yield replace(d, hint=hint) if hint and not d.hint else d


# -- the text


def quotes(document: Document, sink: Sink) -> None:
    """SM003: the name of a FEATURE and its kin in quotes that m4 does not know."""
    from lark.exceptions import UnexpectedInput

    for call in _calls(document):
        if call.name not in KINDS or not call.arguments:
            continue
        place = call.arguments[0].place
        if re.fullmatch(r"`[^`']*'|[\w.+-]*", place.text):
            continue
        try:
            _values().parse(place.text)
        except UnexpectedInput as failure:
            mistake = _values().mistake(failure)
            if mistake is not None:
                sink.report(SM003, mistake.message, place, hint=mistake.hint)


def words(document: Document, sink: Sink) -> None:
    """SM004, SM005, SM006, SM012: text that was meant as a call, and other text that nobody meant for the .cf."""
    diversion, reported = "0", -1
    nodes = document.nodes
    for at, node in enumerate(nodes):
        if isinstance(node, Call):
            if node.name in SECTIONS:
                diversion = node.name
            elif node.name == "divert":
                diversion = node.literal(1) or "0"
            if node.arguments is None and node.name in _WORDS and _blank_parenthesis(nodes, at):
                _report_blank(node.name_span, node.name, sink)
                reported = at + 1
        elif node.kind is Kind.TEXT and not diversion.startswith("-"):
            begins = at == 0 or isinstance(nodes[at - 1], Call) or nodes[at - 1].text.endswith("\n")
            is_called = at + 1 < len(nodes) and nodes[at + 1].kind is Kind.QUOTED
            for line in _lines(node.span)[0 if begins and at != reported else 1 :]:
                _text_line(line, diversion, is_called and line.end == node.span.end, document.names, sink)


def _text_line(line: Span, diversion: str, is_called: bool, names: Set[str], sink: Sink) -> None:
    text = line.text
    glued = re.match(r"dnl[A-Za-z0-9_]+|([A-Z_][A-Z_0-9]*)dnl\b", text)
    if glued and (glued[1] is None or glued[1] in names):
        span = line.source.span(line.start, line.start + glued.end())
        hint = (
            "put a blank behind dnl" if glued[1] is None else f"write {glued[1]} without dnl, or a blank between them"
        )
        sink.report(SM006, f"{glued[0]} is one word to m4, which puts it into the .cf", span, hint=hint)
        return
    head = re.match(r"([A-Za-z_]\w*)([ \t]*)\(", text)
    if head is not None:
        span = line.source.span(line.start, line.start + len(head[1]))
        if head[2] and head[1] in _WORDS & BLIND:
            _report_blank(span, head[1], sink)
            return
        near = _nearest(head[1], _WORDS) if head[1] not in names else ""
        if near or (is_called and head.end() == len(text) and not head[2]):
            hint = f"did you mean {near}?" if near else "define it before, or correct its name"
            sink.report(SM005, f"there is no macro {head[1]}; its call becomes text of the .cf", span, hint=hint)
            return
    if diversion == "0" and text.strip() and not text.lstrip().startswith("#"):
        word = re.fullmatch(r"([A-Za-z_]\w*)\s*", text)
        near = _nearest(word[1], _WORDS) if word else ""
        hint = f"did you mean {near}?" if near else "write LOCAL_CONFIG before text that belongs into the .cf"
        span = line.source.span(line.start, line.start + len(text.rstrip()))
        sink.report(SM012, "this text goes as it is into the head of the .cf, before its version", span, hint=hint)


def _report_blank(span: Span, name: str, sink: Sink) -> None:
    message = f"m4 takes the parenthesis behind {name} for text, not for the call's arguments"
    sink.report(SM004, message, span, hint=f"write {name}( without a blank")


def _blank_parenthesis(nodes: tuple[Node, ...], at: int) -> bool:
    behind = nodes[at + 1] if at + 1 < len(nodes) else None
    return behind is not None and re.match(r"[ \t]+\(", behind.text) is not None


def _lines(span: Span) -> list[Span]:
    lines, at = [], span.start
    for line in span.text.split("\n"):
        lines.append(span.source.span(at, at + len(line)))
        at += len(line) + 1
    return lines


def comments(document: Document, sink: Sink) -> None:
    """SM007: statements in lines that begin with "#" behind the place where comments end."""
    text = document.nodes[0].span.source.text if document.nodes else ""
    for node in document.nodes:
        if isinstance(node, Call) and node.name in _WORDS:
            start = text.rfind("\n", 0, node.span.start) + 1
            if text.startswith("#", start):
                message = f'm4 has no comments behind cf.m4: {node.name} is called, though its line begins with "#"'
                sink.report(SM007, message, node.name_span, hint="begin the line with dnl")


def swallowed(document: Document, sink: Sink) -> None:
    """SM017: quotes outside of calls over several lines with what looks like statements in them; SM019."""
    for node in document.nodes:
        if isinstance(node, Call) and node.behind.strip() and not node.behind.lstrip().startswith(("dnl", "#")):
            source, start = node.span.source, node.span.end - len(node.behind.lstrip())
            span = source.span(start, start + len(node.behind.strip()))
            message = f"{node.name} drops what stands behind it on its line"
            sink.report(SM019, message, span, hint="write it in a line of its own")
        if node.kind is not Kind.QUOTED or "\n" not in node.content:
            continue
        held = re.search(r"^(?:dnl\b|([A-Za-z_]\w*)\()", node.content, re.MULTILINE)
        if held and (held[1] is None or held[1] in document.names):
            span = node.span.source.span(node.span.start, node.span.start + 1)
            last = node.span.last.line
            message = f"the quote that begins here ends in line {last}: what stands between is text, not called"
            sink.report(SM017, message, span, hint="a ` in a comment begins a quote, too; begin comments with dnl")


def _calls(document: Document) -> Iterator[Call]:
    """The calls of a text, those in the branches of conditions included."""
    for call in document.calls():
        yield call
        if call.name in ("ifdef", "ifelse"):
            for argument in call.arguments or ():
                for node in argument.nodes:
                    if node.kind is Kind.QUOTED and "(" in node.content:
                        yield from _calls(document.inside(node))


TEXT_RULES: tuple[Callable[[Document, Sink], None], ...] = (quotes, words, comments, swallowed)


# -- what it expands to


@dataclass(slots=True)
class Subject:
    """A .mc that was expanded, and the library that it was expanded with."""

    mc: Mc
    library: Library
    site: Site
    _texts: dict[str, str] = field(default_factory=dict)

    def library_text(self, name: str) -> str:
        """A file of the library, "" where there is none."""
        if name not in self._texts:
            try:
                text = Path(self.library.folder, name).read_text(encoding="utf-8", errors="replace")
            except OSError:
                text = ""
            self._texts[name] = text
        return self._texts[name]

    def own(self, *names: str) -> Iterator[Statement]:
        """The calls that the configuration makes itself, not through a FEATURE."""
        return (statement for statement in self.mc.named(*names) if statement.span.text == statement.name)


def arguments(subject: Subject, sink: Sink) -> None:
    """SM008: more arguments than the macro looks at."""
    for call in subject.own(*_MOST):
        most = _MOST[call.name]
        if len(call.arguments) > most and any(call.arguments[most:]):
            lost = ", ".join(filter(None, (argument.strip() for argument in call.arguments[most:])))
            message = f"{call.name} does not look at `{lost}': a comma outside of quotes ends an argument"
            sink.report(SM008, message, call.span, hint=f"write {call.name}(`...') with the commas inside the quotes")


def options(subject: Subject, sink: Sink) -> None:
    """SM009, SM010: options that nobody reads, and such without a value."""
    known: set[str] | None = None
    for call in subject.own("define"):
        name = call.argument(1)
        if not _OPTION.fullmatch(name):
            continue
        if len(call.arguments) < 2:
            message = f"{name} is set to nothing: the .cf gets the option without a value"
            sink.report(SM010, message, call.span, hint=f"write define(`{name}', `value')dnl")
        if re.search(rf"\b{name}\b", subject.library_text("m4/proto.m4")):
            continue
        known = _known_options(subject) if known is None else known
        used = len(re.findall(rf"\b{name}\b", subject.mc.document.text)) > 1
        if name not in known and not used:
            near = _nearest(name, known)
            hint = f"did you mean {near}?" if near else "remove it or correct its name"
            sink.report(SM009, f"the library does not read {name}: it changes nothing", call.span, hint=hint)


def _known_options(subject: Subject) -> set[str]:
    """Every option that a file of the library mentions."""
    known: set[str] = set()
    for kind in ("m4", "feature", "mailer", "ostype", "domain", "hack", "debian"):
        for name in subject.library.available(kind):
            known.update(_OPTION.findall(subject.library_text(f"{kind}/{name}.m4")))
    return known


def order(subject: Subject, sink: Sink) -> None:
    """SM011: definitions that a later OSTYPE, DOMAIN or FEATURE replaces, or behind the MAILER that reads them."""
    own: dict[str, Statement] = {}
    mailers: dict[str, Statement] = {}
    for call in subject.mc.statements:
        is_own = call.span.text == call.name
        if call.name == "MAILER":
            mailers.setdefault(call.argument(1), call)
        if call.name != "define":
            continue
        name, value = call.argument(1), call.argument(2)
        if not is_own:
            earlier = own.pop(name, None)
            if earlier is not None and earlier.argument(2) != value and not name.startswith("_"):
                message = f"{name} is set again by {call.span.text} in line {call.span.line}: this value is lost"
                related = (Related("set again here", call.span),)
                sink.report(SM011, message, earlier.span, hint=f"move it behind that; {_ORDER}", related=related)
            continue
        own[name] = call
        if name.startswith("_") or re.search(rf"\b{re.escape(name)}\b", subject.library_text("m4/proto.m4")):
            continue
        for mailer, made in mailers.items():
            if re.search(rf"\b{re.escape(name)}\b", subject.library_text(f"mailer/{mailer}.m4")):
                message = f"MAILER({mailer}) has read {name} before it is set here: this value has no effect"
                related = (Related("read here", made.span),)
                sink.report(SM011, message, call.span, hint=f"move it before the MAILER; {_ORDER}", related=related)
                break


def features(subject: Subject, sink: Sink) -> None:
    """SM013: FEATUREs that say what is the case anyway."""
    for call in subject.own("FEATURE"):
        hint = _OBSOLETE.get(call.argument(1))
        if hint:
            sink.report(SM013, f"FEATURE({call.argument(1)}) has no effect any more", call.span, hint=hint)


def daemons(subject: Subject, sink: Sink) -> None:
    """SM014, SM016: what sendmail would not understand of its ports, and two daemons on one of them."""
    for macro, option in (("DAEMON_OPTIONS", "DaemonPortOptions"), ("CLIENT_OPTIONS", "ClientPortOptions")):
        for call in subject.own(macro):
            for part in filter(None, (part.strip() for part in call.argument(1).split(","))):
                key, equals, _ = part.partition("=")
                if not equals:
                    message = f"`{part}' in {macro} has no value: sendmail does not look at it"
                    sink.report(SM014, message, call.span, hint="write Key=value, parted with commas")
                elif key[:1].lower() not in _PORT_KEYS:
                    message = f"{option} has no key {key}: sendmail does not start"
                    hint = "the keys are Name, Port, Addr, Family, Modify, Listen, InputMailFilters and others"
                    sink.report(SM014, message, call.span, hint=hint)
    seen: dict[tuple[str, str, str], Service] = {}
    for service in subject.site.listeners:
        keys = {key[:1].lower(): value for key, value in service.overrides.items()}
        port = keys.get("p", "").lower()
        at = (keys.get("f", "inet").lower(), keys.get("a", "").lower(), _PORTS.get(port, port))
        other = seen.setdefault(at, service)
        span = service.span or other.span
        if other is not service and span is not None:
            message = f"two daemons, {other.name or 'one'} and {service.name or 'another'}, on port {at[2]}"
            hint = "give them different ports or addresses"
            if service.span is None:
                message += ": the library adds its own"
                hint = "write FEATURE(`no_default_msa')dnl before DAEMON_OPTIONS"
            sink.report(SM016, message, span, hint=hint)


def filters(subject: Subject, sink: Sink) -> None:
    """SM015: mail filters without a socket that sendmail can use."""
    hint = "write for example INPUT_MAIL_FILTER(`name', `S=local:/run/name.sock, F=T')dnl"
    for milter in subject.site.milters:
        wrong = sorted(key for key in milter.settings if key[:1] not in _FILTER_KEYS)
        if wrong:
            sink.report(SM015, f"a mail filter has no key {wrong[0]}: it has S, F and T", milter.span, hint=hint)
        if not milter.socket:
            sink.report(SM015, f"the mail filter {milter.name} has no socket (S=)", milter.span, hint=hint)
        elif not milter.socket.startswith(_SOCKETS):
            message = f"the mail filter {milter.name} has a socket that is neither inet:, inet6: nor local:"
            sink.report(SM015, message, milter.span, hint=hint)
        elif milter.socket.startswith("inet") and "@" not in milter.socket:
            message = f"the mail filter {milter.name} has no host in its socket"
            sink.report(SM015, message, milter.span, hint="write inet:port@host")
    known = {milter.name for milter in subject.site.milters}
    used = subject.site.options.get("InputMailFilters")
    for name in filter(None, (name.strip() for name in (used.value if used else "").split(","))):
        if used is not None and name not in known:
            sink.report(SM015, f"there is no mail filter {name}", used.span, hint="name it with MAIL_FILTER first")


def maps(subject: Subject, sink: Sink) -> None:
    """SM018: maps that sendmail cannot open because their specification is none."""
    for table in subject.site.tables:
        kind, _, rest = table.table.partition(":")
        if kind not in _MAP_TYPES:
            message = f"sendmail has no maps of type {kind}"
            hint = f"write the type first: hash {kind}" if "/" in kind else "write hash, btree or cdb, and the file"
            sink.report(SM018, message, table.span, hint=hint)
        elif not rest:
            sink.report(
                SM018, f"the map {table.name} has no file", table.span, hint=f"write {kind} /etc/mail/{table.name}"
            )


SITE_RULES: tuple[Callable[[Subject, Sink], None], ...] = (
    arguments, options, order, features, daemons, filters, maps,
)  # fmt: skip


def _nearest(name: str, known: Iterable[str]) -> str:
    """The most similar name that is known, "" when none is similar."""
    from difflib import get_close_matches

    folded = {other.upper(): other for other in sorted(known)}
    if name.upper() in folded:
        return folded[name.upper()]
    near = get_close_matches(name.upper(), folded, n=1, cutoff=0.8)
    return folded[near[0]] if near else ""


@cache
def _values() -> Grammar:
    from mailconf.grammar import Grammar

    return Grammar("mc_value")
