"""The output of ``postconf --explain NAME`` about a parameter (ours, not the original's).

Its type, default and value, where main.cf sets it and which services of master.cf override it, the names and tables
that it refers to and the values that refer to it, since when it exists, and where its default changed.
"""

from __future__ import annotations

from mailconf.maps.reference import TableRef
from mailconf.postfix.parameters import catalogue as parameters
from mailconf.postfix.parameters.history import SINCE
from mailconf.postfix.parameters.value_types import type_of
from mailconf.postfix.postconf.values import Postconf
from mailconf.postfix.text import main_cf
from mailconf.postfix.text.expand import references
from mailconf.postfix.text.words import texts, unbraced

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_NOT_TABLES = frozenset({"inet", "unix", "local", "smtp", "lmtp", "relay", "http", "https"})


def explain(known: Postconf, name: str, main_text: str, master_text: str) -> list[str]:
    """The lines about ``name``, empty when it means nothing at all; the texts are main.cf's and master.cf's."""
    facts = list(_facts(known, name, main_text, master_text))
    return [name, *(f"    {label:<10} {text}" for label, text in facts)] if facts else []


def suggestion(known: Postconf, name: str) -> str:
    """A parameter whose name is much like ``name``, or ""."""
    from mailconf.diagnostics import alike

    return next(iter(alike(name, known.names({"builtin", "service", "user"}), n=1, cutoff=0.8)), "")


def _facts(known: Postconf, name: str, main_text: str, master_text: str) -> Iterator[tuple[str, str]]:
    overrides = list(_overrides(known, name, master_text))
    users = list(_users(known, name))
    found = known.postfix.parameters.get(name) or known.of_services.get(name)
    elsewhere = [version for version in parameters.recorded() if name in version.parameters]
    if not (
        found or known.is_parameter(name) or name in known.values or overrides or users or elsewhere or name in SINCE
    ):
        return
    if found:
        yield "type", str(type_of(name, found[0], known.postfix.parameters))
        yield "default", known.default(name, {}) or "(empty)"
    elif name in known.postfix.legacy:
        yield "type", "an old name without a default of its own"
    elif elsewhere or name in SINCE:
        yield "type", f"none: Postfix {known.postfix.release} has no such parameter"
    elif name in known.users:
        yield "type", "text of your own"
    else:
        yield "type", "none: nothing defines it" if users else "none: no parameter, and nothing refers to it"
    if name in known.postfix.raw:
        yield "expanded", "when it is used"
    if name in known.postfix.read_only:
        yield "set by", "Postfix itself"
    elif name in known.values:
        yield "set to", known.raw(name, known.values) or "(empty)"
        yield "in", _place(known, name, main_text)
    value = known.raw(name, known.values)
    if "$" in value and name not in known.postfix.raw:
        value = known.expand(value, known.values)
        yield "value", value or "(empty)"
    yield from overrides
    yield from _referred(known, name, value)
    if users:
        yield "used by", ", ".join(users)
    if name in SINCE:
        yield "since", f"Postfix {SINCE[name]}"
    yield from _changes(name)


def _referred(known: Postconf, name: str, value: str) -> Iterator[tuple[str, str]]:
    """The names in the unexpanded value and the tables in the expanded one."""
    names = dict.fromkeys(references(known.raw(name, known.values)))
    if names:
        words = (other if known.is_parameter(other) else f"{other} (not defined)" for other in names)
        yield "refers to", ", ".join(words)
    tables = [word for word in map(unbraced, texts(value)) if _is_table(word)]
    if tables:
        yield "tables", ", ".join(dict.fromkeys(tables))


def _is_table(word: str) -> bool:
    return TableRef.looks_like_one(word) and TableRef.parse(word).type not in _NOT_TABLES


def _users(known: Postconf, name: str) -> Iterator[str]:
    """The settings whose values refer to ``name``, those of services with their service."""
    yield from (other for other, value in known.values.items() if name in references(value))
    for scope in known.services:
        for other, value in scope.values.items():
            if name in references(value):
                yield f"{scope.name}/{scope.type}/{other}"


def _overrides(known: Postconf, name: str, master_text: str) -> Iterator[tuple[str, str]]:
    """What ``-o`` sets ``name`` to, service by service."""
    for scope in known.services:
        for override in scope.entry.overrides:
            if override.name == name:
                line = master_text.count("\n", 0, override.word.start) + 1
                service = f"{scope.name}/{scope.type}"
                yield "override", f"{override.value or '(empty)'}, for {service}: {known.master_file}, line {line}"


def _place(known: Postconf, name: str, main_text: str) -> str:
    place = "the command line"
    for found in main_cf.read(main_text):
        if isinstance(found, main_cf.Definition) and found.name == name and found.value == known.values[name]:
            place = f"{known.main_file}, line {found.line}"
    return place


def _changes(name: str) -> Iterator[tuple[str, str]]:
    """Where a recorded version differs from the one before."""
    before: tuple[tuple[str, str] | None, str] | None = None
    for version in parameters.recorded():
        now = (version.parameters.get(name), version.deprecated.get(name, ""))
        if before is not None and now != before and name not in ("mail_version", "mail_release_date"):
            (found, instead), (earlier, earlier_instead) = now, before
            if found is None and earlier is not None:
                yield version.release, "not there"
            elif found is not None and found != earlier:
                yield version.release, f"{'new, the' if earlier is None else 'the'} default is {found[1] or '(empty)'}"
            if instead and not earlier_instead:
                yield version.release, f"deprecated: instead, {instead}"
        before = now
