"""Domains in a virtusertable or genericstable whose keys no lookup ever asks for.

sendmail asks these tables for addresses of some domains alone: those of a class. The rule runs the rulesets on
addresses of each domain that is in no such class (`mailconf.sendmail.rules.questions`), in several forms, with the
tables as they are and without their entries, and with three kinds of name servers. What is never asked for then is
reported, with what would make it count, which has been tried as well.

There is no finding where the answer cannot be known: where a rule that asks the table was not seen to ask it, where
rules make up domains that are in no class, where a map or a class is filled by a program or a server, or where the
budget ends.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mailconf.build.compile import read_source
from mailconf.diagnostics import Related, Sink, warning
from mailconf.source import Source, decode, encode
from mailconf.tables.class_file import read_class
from mailconf.tables.sendmail_roles import sendmail_format

if TYPE_CHECKING:
    from mailconf.build.etc_mail import EtcMail
    from mailconf.build.plan import Target
    from mailconf.check.sendmail.asked_domains import Examined
    from mailconf.check.sendmail.subject import Written
    from mailconf.files import Tree
    from mailconf.sendmail.cf.configuration import Cf
    from mailconf.source import Span
    from mailconf.tables.entry import Entry

SM056 = warning("SM056", "a domain in a virtusertable or genericstable for which no lookup asks")
"""Why: sendmail looks addresses up in a virtusertable only if their domain is in class w (local-host-names) or in class
VirtHost (VIRTUSER_DOMAIN), and in a genericstable only if it is in class G (GENERICS_DOMAIN) or the machine's own name.
An entry for another domain changes nothing.

Example:
    # sendmail.mc
    define(`confDOMAIN_NAME', `mail.example.org')dnl
    FEATURE(`virtusertable')dnl
    VIRTUSER_DOMAIN(`example.org')dnl
    # /etc/mail/virtusertable
    info@example.org    alice
    info@example.net    alice

Remedy: add the domain to the class, in the .mc or in the class file that it names, or remove the entries.

Source: cf/README, "VIRTUAL HOSTING" and FEATURE(genericstable); the lookups of sendmail 8.17.1.9, -bt -d60.
"""

_MOST_TABLE = 4 << 20  # bytes of a text that is looked at
_SHOWN = 3  # domains of a message
_MOST_DOMAINS = 200  # that are examined
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*")


class _Kind(NamedTuple):
    """A kind of table.

    classes   those whose domains may be asked for; the first is the one that the table has for itself
    statement, feature   what adds a domain to it; the FEATURE that has subdomains count
    """

    role: str
    classes: tuple[str, ...]
    statement: str
    feature: str


_KINDS = (
    _Kind("virtusertable", ("VirtHost", "w"), "VIRTUSER_DOMAIN", "virtuser_entire_domain"),
    _Kind("genericstable", ("G",), "GENERICS_DOMAIN", "generics_entire_domain"),
)


def unreached(etc_mail: EtcMail, targets: Iterable[Target], subjects: Sequence[Written], sink: Sink) -> None:
    """Report domains that are never asked for, each at its first entry. Needs the plan's texts (`EtcMail.plan`).

    Where the class of a table has no members at all, the FEATURE is the place: one finding, with the entries beside it.
    """
    targets = list(targets)
    for kind in _KINDS:
        for target in targets:
            if kind.role in target.roles:
                for number, cf in enumerate(etc_mail.texts):
                    subject = subjects[number] if number < len(subjects) else None
                    _Table(kind, etc_mail, cf, target, subject).report(targets, sink)


class _Table:
    """One table as one .cf asks it."""

    def __init__(self, kind: _Kind, etc_mail: EtcMail, cf: Cf, target: Target, subject: Written | None) -> None:
        self.kind, self.cf, self.target = kind, cf, target
        self.subject = subject
        self.etc_mail = etc_mail
        self.root = etc_mail.root
        self.map = next((use.name for use in target.uses if use.name in cf.maps), "")

    def report(self, targets: Iterable[Target], sink: Sink) -> None:
        """Report the table's domains; ``targets`` are all tables, whose texts count."""
        entries = _entries(self.root, self.target) if self.map else None
        if not entries:
            return
        suspects = self._suspects(entries)
        if not suspects or len(suspects) > _MOST_DOMAINS:
            return
        from mailconf.check.sendmail.asked_domains import Examined

        tables = {}
        for target in targets:
            if "aliases" not in target.roles and (found := _entries(self.root, target)) is not None:
                tables[target.source_name] = {encode(entry.key.lower()): encode(entry.value) for entry in found}
        examined = Examined.of(
            self.cf, self.root, self._host(), self.map, self.target.source_name, tables, self.kind.classes
        )
        if examined is None:
            return
        never = {
            domain: of_domain
            for domain, of_domain in suspects.items()
            if examined.is_never_asked(domain, [entry.key.rpartition("@")[0] for entry in of_domain])
        }
        if never and (place := self._empty()) is not None:
            self._whole_table(place, never, sink)
            return
        for domain, of_domain in never.items():
            self._finding(domain, of_domain, examined, sink)

    # -- what is looked at

    def _suspects(self, entries: Iterable[Entry]) -> dict[str, list[Entry]]:
        """The domains that are in none of the classes as they are written, each with its entries."""
        known = {word for name in self.kind.classes for word in self._members(name)}
        found: dict[str, list[Entry]] = {}
        for entry in entries:
            local, at, domain = entry.key.rpartition("@")
            folded = domain.lower()
            if at and folded not in known and _NAME.fullmatch(domain) and local.isascii():
                found.setdefault(folded, []).append(entry)
        return found

    def _members(self, name: str) -> Iterator[str]:
        yield from (word.text.lower() for word in self.cf.members(name))
        for file in self.cf.class_files:
            if file.name == name and file.is_file:
                yield from (word.lower() for word in _words(self.root, file.source))

    def _host(self) -> str:
        """The machine's name; "" where it is not known."""
        if self.root.is_real:
            name = socket.gethostname()
            return self._full(name)
        try:
            text = self.root.read("/etc/hostname", 1 << 12).decode("ascii", "replace")
        except OSError:
            return ""
        return self._full(text.strip())

    def _full(self, name: str) -> str:
        try:
            text = self.root.read("/etc/hosts", 1 << 20).decode("latin-1")
        except OSError:
            text = ""
        for line in text.splitlines():
            words = line.partition("#")[0].split()[1:]
            if name in words:
                return next((word for word in words if "." in word), name)
        return name

    # -- what is said

    def _finding(self, domain: str, entries: list[Entry], examined: Examined, sink: Sink) -> None:
        table, first = self.kind.role, entries[0]
        more = len(entries) - 1
        others = f" ({more} more {'entry has' if more == 1 else 'entries have'} this domain)" if more else ""
        unless = "" if self._host() or self._has_name() else ", unless it is the machine's own name"
        where = " or ".join(f"{{{name}}}" if len(name) > 1 else name for name in self.kind.classes)
        message = f"no lookup in the {table} asks for {domain}, which is not in class {where}{unless}{others}"
        sink.report(SM056, message, first.key_span, hint=self._hint(domain, entries, examined))

    def _empty(self) -> Span | None:
        """The place of the FEATURE, if the only class whose domains count has no members."""
        if self.subject is None or len(self.kind.classes) > 1 or self.subject.is_filled(self.kind.classes[0]):
            return None
        return self.subject.features.get(self.kind.role)

    def _whole_table(self, place: Span, never: Mapping[str, list[Entry]], sink: Sink) -> None:
        """The one finding of a table for whose domains nothing was written at all."""
        table, statement = self.kind.role, self.kind.statement
        names = ", ".join(list(never)[:_SHOWN]) + (", ..." if len(never) > _SHOWN else "")
        message = f"FEATURE({table}) without {statement} is for the machine's own name alone, not for {names}"
        hint = f"write {statement}(`{' '.join(list(never)[:_SHOWN])}')dnl"
        related = tuple(Related("never looked up", found[0].key_span) for found in list(never.values())[:_SHOWN])
        sink.report(SM056, message, place, hint=hint, related=related)

    def _hint(self, domain: str, entries: list[Entry], examined: Examined) -> str:
        """What makes the domain count, as far as that has been seen to be so."""
        locals_ = [entry.key.rpartition("@")[0] for entry in entries]
        names = examined.book.names
        name = next(
            (n for n in self.kind.classes if examined.is_asked_with(names.character(n), domain, domain, locals_)), ""
        )
        if not name:
            return "remove the entries, or let a rule of the .cf ask for them"
        parents = [domain.split(".", count)[-1] for count in range(1, domain.count(".") + 1)]
        held = set(self._members(self.kind.classes[0]))
        above = next((parent for parent in parents if parent in held), "")
        words = [self._adding(name, domain)]
        if name == "VirtHost" and any(self._files("w")):
            words.append(self._adding("w", domain))
        if above:
            words.append(f"write FEATURE(`{self.kind.feature}')dnl, by which the domains below {above} count")
        return ", or ".join(words)

    def _has_name(self) -> bool:
        """Whether the .cf says what the machine is called."""
        return re.search(r"^Dj(?!\$w)", self.cf.source.text, re.MULTILINE) is not None

    def _files(self, name: str) -> Iterator[str]:
        return (file.source for file in self.cf.class_files if file.name == name and file.is_file)

    def _adding(self, name: str, domain: str) -> str:
        """What adds a domain to a class."""
        file = next(self._files(name), "")
        if file:
            return f"add {domain} to {file}"
        if not self.etc_mail.sources():
            return f"add the line C{{{name}}}{domain}" if len(name) > 1 else f"add the line C{name}{domain}"
        return f"write {'LOCAL_DOMAIN' if name == 'w' else self.kind.statement}(`{domain}')dnl"


def _entries(root: Tree, target: Target) -> Sequence[Entry] | None:
    """The entries of a table's text; None where it cannot be read, which is reported where it is built, or is large."""
    read = read_source(root, target, Sink())
    if read is None or len(read.data) > _MOST_TABLE:
        return None
    role = next((role for role in target.roles), "other")
    return sendmail_format(role).read(Source(str(target.source), decode(read.data)), Sink())


def _words(root: Tree, name: str) -> Iterator[str]:
    """The words of a class file; none where it cannot be read."""
    try:
        source = Source.read(root, name)
    except OSError:
        return
    for entry in read_class(source, Sink()):
        yield entry.key
