"""What is set: does the parameter exist, is its value of its type, does what it refers to exist (postconf(1), (5))?

Of main.cf and of the ``-o`` settings in master.cf. Much of this is what postconf warns of, in one version or another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink, error, warning
from mailconf.postfix import parameters
from mailconf.postfix.configuration import PF006, Configuration
from mailconf.postfix.expand import references, scan
from mailconf.postfix.lines import null_lines
from mailconf.postfix.parameters import ParameterSet, recorded
from mailconf.postfix.parameters_history import SINCE
from mailconf.postfix.postconf import Fatal, Postconf, Scope
from mailconf.postfix.value_types import TABLE, type_of
from mailconf.postfix.words import SEPARATORS, split

CK001 = warning("CK001", "a parameter that is set does not exist")
CK070 = warning("CK070", "a value refers to a name that is not defined")
CK071 = warning("CK071", "a parameter that will be removed is set")
CK072 = warning("CK072", "a parameter is set that Postfix sets itself")
CK073 = warning("CK073", "there is a comment behind a value")
CK074 = warning("CK074", "a file holds bytes of value 0")
CK075 = error("CK075", "a value is not what its parameter takes")
CK076 = error("CK076", "a table is not of the form type:name")
CK082 = error("CK082", "a value is of a newer version of Postfix")

_REFERENCE = re.compile(r"\$[{(]?\s*(\w+)", re.ASCII)
# Words that a parameter takes only since a later version than its others.
_NEW_WORDS = {("smtpd_forbid_bare_newline", "note"): (3, 9)}
_MOST_HINTS = 20  # names for which similar ones are looked for


class _Names(Postconf):
    """What postconf(1) knows of a configuration; mistakes do not stop it."""

    def expand(self, text: str, values: Mapping[str, str]) -> str:
        try:
            return super().expand(text, values)
        except Fatal:
            return ""

    def _compute_defaults(self) -> None:
        pass

    def _register_classes(self, values: Mapping[str, str], scope: Scope | None) -> None:
        try:
            super()._register_classes(values, scope)
        except Fatal:
            pass


def names(subject: Subject, sink: Sink) -> None:
    """Names that nothing defines: of parameters that are set, and behind a ``$``."""
    configuration = subject.configuration
    known = _Names(configuration.directory, lambda _: None, subject.read, subject.postfix)
    known.values = {name: configuration.raw(name) for name in configuration.names()}
    known.take_services(configuration.entries)
    known.register_users()
    scopes = {(scope.entry.name, scope.entry.type): scope for scope in known.services}
    hints = iter(range(_MOST_HINTS))
    for view, given in _views(configuration):
        scope = None if view is configuration else scopes.get((view.raw("service_name"), given.kind))
        for name in given.names:
            _name(name, view, known, scope, sink, hints)


class _Given(NamedTuple):
    """What one place sets: ``kind`` is the type of a service, "" for main.cf."""

    names: tuple[str, ...]
    kind: str = ""


def _views(configuration: Configuration) -> Iterator[tuple[Configuration, _Given]]:
    """The configuration, and as the services that set something see it, each with what is set there."""
    yield configuration, _Given(tuple(configuration.names()))
    for service in configuration.services:
        if service.overrides:
            yield configuration.for_service(service), _Given(tuple(service.overrides), service.kind)


def _name(name: str, view: Configuration, known: _Names, scope: Scope | None, sink: Sink, hints: Iterator[int]) -> None:
    postfix = known.postfix
    if name in postfix.read_only:
        sink.report(CK072, f"{name} is set by Postfix; this has no effect", view.span(name), hint="remove it")
        return
    if not known.is_parameter(name) and not (scope and name in scope.used):
        message, hint = _unknown(name, postfix, hints)
        sink.report(CK001, message, view.span(name), hint=hint)
    elif name in postfix.deprecated:
        hint = f"instead, {postfix.deprecated[name]}"
        sink.report(CK071, f"{name} will be removed from Postfix", view.span(name), hint=hint)
    if not known.is_raw(name):
        _references(name, view, known, sink, hints)
    if name in postfix.parameters and not known.is_raw(name):
        _comment(name, view, sink)


def _unknown(name: str, postfix: ParameterSet, hints: Iterator[int]) -> tuple[str, str]:
    """What to say of a name that this version of Postfix does not know."""
    others = [version for version in recorded() if name in version.parameters]
    if others:
        newer = others[0].version > postfix.version
        when = f"it is new in {_minor(others[0])}" if newer else f"the last to have it was {_minor(others[-1])}"
        return f"Postfix {_minor(postfix)} has no parameter {name}: {when}", "remove it, or run the other version"
    if name in SINCE:
        return f"Postfix has no parameter {name} any more", "remove it: it has no effect"
    from difflib import get_close_matches

    near = get_close_matches(name, postfix.parameters, n=1, cutoff=0.8) if next(hints, None) is not None else []
    hint = f"did you mean {near[0]}?" if near else "Postfix ignores it; remove it or correct its name"
    return f"there is no parameter {name}", hint


def _minor(version: ParameterSet) -> str:
    return ".".join(str(number) for number in version.version)


def _references(name: str, view: Configuration, known: _Names, sink: Sink, hints: Iterator[int]) -> None:
    value = view.raw(name)
    places: dict[str, tuple[int, int]] | None = None
    for other in dict.fromkeys(references(value)) if "$" in value else ():
        if known.is_parameter(other) or view.is_set(other):
            continue
        if places is None:
            places = {found[1]: found.span() for found in reversed(list(_REFERENCE.finditer(value)))}
        span = view.value_span(name, *places.get(other, (0, None)))
        from difflib import get_close_matches

        few = next(hints, None) is not None
        near = get_close_matches(other, known.postfix.parameters, n=1, cutoff=0.8) if few else []
        hint = f"did you mean ${near[0]}?" if near else f"add a line: {other} = ..."
        sink.report(CK070, f"{name} refers to {other}, which is not defined", span, hint=hint)


def _comment(name: str, view: Configuration, sink: Sink) -> None:
    value = view.raw(name)
    for word in split(value, SEPARATORS) if "#" in value else ():
        if word.text.startswith("#"):
            span = view.value_span(name, word.offset, len(value))
            message = f'"{word.text}" in the value of {name} begins no comment: it is part of the value'
            sink.report(CK073, message, span, hint="put the comment on a line of its own")
            return


def nulls(subject: Subject, sink: Sink) -> None:
    """Bytes of value 0, behind which a line is not read."""
    for source in subject.configuration.sources.values():
        for first, _, _ in null_lines(source.text):
            sink.report(CK074, "a byte of value 0 ends this line", source.line_span(first), hint="remove it")


def values(subject: Subject, sink: Sink) -> None:
    """Each value: can it be expanded (PF006), and is it of its type (PF007, PF008, PF009, CK075, CK076)?"""
    for view, given in _views(subject.configuration):
        for name in given.names:
            _value(name, view, subject.postfix, sink)


def _value(name: str, view: Configuration, postfix: ParameterSet, sink: Sink) -> None:
    found = postfix.parameters.get(name) or view.service_parameter(name)
    if found is None and name in postfix.legacy:  # what has another name now takes what it always took
        found = parameters.STRING, ""
    if found is None:
        _own_value(name, view)
    if found is None or name in postfix.raw:
        return
    kind = type_of(name, found[0], postfix.parameters)
    readers = {parameters.BOOLEAN: view.boolean, parameters.INTEGER: view.integer, parameters.TIME: view.seconds}
    readers.get(kind.kind, view.value)(name)
    text = view.value(name)
    if kind.kind == TABLE:
        _tables(name, text, view, sink)
    elif (since := _NEW_WORDS.get((name, text.lower()))) and postfix.version < since:
        message = f'the value "{text}" of {name} is there since Postfix {since[0]}.{since[1]}'
        sink.report(CK082, message, view.value_span(name), hint=f"this is {postfix.release}: write another value")
    elif (problem := kind.problem(text)) and not kind.is_malformed(text):
        message = f'the value "{text}" of {name} {problem}'
        sink.report(CK075, message, view.value_span(name), hint=f"{name} takes {kind}")


def _own_value(name: str, view: Configuration) -> None:
    """A value of a name of the user's own: it counts where others refer to it, and is only read here."""
    told: list[str] = []
    scan(view.raw(name), lambda _: None, told.append)
    if told:
        view.report(name, PF006, f"{name}: {told[0]}", 'see postconf(5), "expressions"')


def _tables(name: str, text: str, view: Configuration, sink: Sink) -> None:
    """Words that name no table; alias_database's may go without a type."""
    for word in split(text):
        if ":" not in word.text and name != "alias_database":
            message = f'"{word.text}" in {name} names no table'
            sink.report(CK076, message, view.value_span(name), hint="write type:name, as in hash:/etc/postfix/table")
