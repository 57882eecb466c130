"""What is set: does the parameter exist, is its value of its type, does what it refers to exist (postconf(1), (5))?

Of main.cf and of the ``-o`` settings in master.cf. postconf warns of most of this, in one version or another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from mailconf.check.postfix.written import place_of
from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink, error, warning
from mailconf.edits import Fix, blanks_removed, comment_moved, misspelled, swapped
from mailconf.postfix.parameters import catalogue as parameters
from mailconf.postfix.parameters.catalogue import (
    TIME_LIMIT,
    TRANSPORT_SUFFIXES,
    ParameterSet,
    ServiceParameters,
    recorded,
)
from mailconf.postfix.parameters.history import SINCE
from mailconf.postfix.parameters.similar import glued, similar
from mailconf.postfix.parameters.value_types import TABLE, type_of
from mailconf.postfix.postconf.values import Postconf, PostconfFatal, Scope
from mailconf.postfix.settings.codes import PF006
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.text.expand import references, scan
from mailconf.postfix.text.lines import null_lines
from mailconf.postfix.text.words import SEPARATORS, split_words
from mailconf.source import Span

CK001 = warning("CK001", "a parameter that is set does not exist")
"""Why: Postfix ignores a name that it does not know, and does not log it: the setting that was meant keeps its
default. The name may be misspelled, belong to another version of Postfix, or be made for a transport or service
(NAME_destination_recipient_limit, NAME_time_limit) that master.cf does not define.

Example:
    # main.cf
    smtpd_recipent_limit = 500

Remedy: correct the name, remove the line, or define the service that it is made for; a name of your own is no mistake
where another value refers to it.

Source: postconf(1), which warns of unused parameters since Postfix 2.9; postconf(5) for the names and the versions that
have them.
"""

CK070 = warning("CK070", "a value refers to a name that is not defined")
"""Why: a reference to a name that nothing defines stands for an empty text. Where that leaves a list or a restriction
empty, Postfix permits or refuses something else than was meant, and does not log it.

Example:
    # main.cf
    smtpd_banner = $myhostnme ESMTP

Remedy: correct the name, define it in main.cf, or take the reference out of the value.

Source: postconf(5), "The general format of the main.cf file"; postconf(1) of 3.7.11 warns of undefined parameters in
the same places.
"""

CK071 = warning("CK071", "a parameter that will be removed is set")
"""Why: the parameter still works, but a later version of Postfix will not have it: after that upgrade the setting is
ignored and nothing is logged.

Example:
    # main.cf
    smtp_use_tls = yes
    $ mailconf check --postfix-version 3.11 /etc/postfix

Remedy: set the parameter that the hint names; both may be set while the old version is in use.

Source: postconf(1) of Postfix 3.9 and later, which prints the same advice; DEPRECATION_README.
"""

CK072 = warning("CK072", "a parameter is set that Postfix sets itself")
"""Why: Postfix sets this parameter itself when a program starts, and ignores the line in main.cf. The line has
no effect and is misleading.

Example:
    # main.cf
    process_name = smtpd

Remedy: remove the line.

Source: postconf(5) process_name, process_id, service_name and the others that are described as read-only.
"""

CK073 = warning("CK073", "there is a comment after a value")
"""Why: in main.cf only a line that begins with # is a comment. After a value, # and the words that follow are a part
of the value: a relay host, a file or a number of that name does not exist.

Example:
    # main.cf
    relayhost = [mail.example.net] # the provider

Remedy: put the comment on a line of its own.

Source: postconf(5), "The general format of the main.cf file".
"""

CK074 = warning("CK074", "a file holds bytes of value 0")
r"""Why: Postfix reads lines as C strings: what follows a byte of value 0 in its line is not read. Such bytes come from
editors that save UTF-16, and from disks after a crash.

Example:
    $ printf 'relayhost = [mail.example.net]\0:587\n' >> /etc/postfix/main.cf

Remedy: remove the byte; save the file as UTF-8.

Source: observed with postconf(1) of Postfix 3.7.11.
"""

CK075 = error("CK075", "a value is not what its parameter takes")
"""Why: a program of Postfix stops when it reads a value outside of what the parameter takes: "fatal: invalid
hopcount_limit parameter value 0 < 1". It is started again and again, and the mail that needs it waits.

Example:
    # main.cf
    hopcount_limit = 0

Remedy: write a value that the hint describes.

Source: postconf(5), the parameter; the limits are those that Postfix 3.7.11 applies when its programs start.
"""

CK076 = error("CK076", "a table is not of the form type:name")
"""Why: a parameter that names tables takes type:name. At a word without a type the program stops: "fatal: open
dictionary: expecting "type:name" form". With canonical_maps no client gets an answer.

Example:
    # main.cf
    canonical_maps = /etc/postfix/canonical

Remedy: write the type and a colon before the name, as in hash:/etc/postfix/canonical.

Source: postconf(5), the parameter; DATABASE_README, "Postfix lookup table types"; observed with Postfix 3.7.11.
"""

PF234 = warning("PF234", "a value holds what looks like the next setting")
"""Why: a line of main.cf that begins with a blank continues the value before it, and so does a setting whose newline
is lost. The value gets text that does not belong to it, and the parameter that was meant keeps its default.

Example:
    # main.cf
    smtpd_banner = $myhostname ESMTP
     mydomain = example.com

Remedy: begin the setting in the first column of a line of its own.

Source: postconf(5), "The general format of the main.cf file", on continuation lines.
"""

CK082 = error("CK082", "a value is of a newer version of Postfix")
"""Why: some parameters take further words in later versions of Postfix. A program of an older version stops at a word
that it does not know: "fatal: bad parameter value".

Example:
    # main.cf
    smtpd_forbid_bare_newline = note

Remedy: write a value of the version in use, or name the version that is meant with --postfix-version.

Source: postconf(5) smtpd_forbid_bare_newline, which takes note since Postfix 3.9; observed with Postfix 3.7.11.
"""

# The pattern lists that the Policy reads: what is wrong in them is reported where it compiles them.
POLICY_LISTS = frozenset(
    {"mydestination", "mynetworks", "permit_mx_backup_networks", "relay_domains", "smtpd_authorized_xclient_hosts"}
    | {"smtpd_authorized_xforward_hosts", "virtual_alias_domains", "virtual_mailbox_domains"}
)
_REFERENCE = re.compile(r"\$[{(]?\s*(\w+)", re.ASCII)
_SETTING = re.compile(r"(\w+)[ \t]*=(?![=~])", re.ASCII)
# Words that a parameter takes only since a later version than its others.
_NEW_WORDS = {("smtpd_forbid_bare_newline", "note"): (3, 9)}
_TRANSPORTS = ("smtp", "relay", "lmtp", "local", "virtual", "error")
_MOST_HINTS = 20  # names for which similar ones are looked for
_LONGEST_NAME = 200  # characters; nothing longer is taken for two names without a newline between them
# What master.cf of a new installation refers to and leaves to the site.
_FOR_MUAS = {
    "mua_client_restrictions": "permit_sasl_authenticated, reject",
    "mua_helo_restrictions": "permit_mynetworks, reject_invalid_helo_hostname",
    "mua_sender_restrictions": "reject_non_fqdn_sender",
}


# The transports that every master.cf defines: their parameters count where master.cf is not here.
_USUAL = ServiceParameters((name, "smtp" if name == "relay" else name) for name in _TRANSPORTS)
# How hints of names begin that a master.cf could explain.
_WITHOUT_SERVICES = ("remove it, or define the ", "Postfix ignores it; ")


class _Names(Postconf):
    """What postconf(1) knows of a configuration; mistakes do not stop it."""

    knows_services = True  # False where master.cf, whose services may read such parameters, is not here

    def expand(self, text: str, values: Mapping[str, str]) -> str:
        try:
            return super().expand(text, values)
        except PostconfFatal:
            return ""

    def _compute_defaults(self) -> None:
        pass

    def _register_classes(self, values: Mapping[str, str], scope: Scope | None) -> None:
        try:
            super()._register_classes(values, scope)
        except PostconfFatal:
            pass


def names(subject: Subject, sink: Sink) -> None:
    """Names that nothing defines: of parameters that are set, and after a ``$``."""
    configuration = subject.configuration
    known = _Names(configuration.directory, lambda _: None, subject.read, subject.postfix)
    known.values = configuration.texts()
    known.take_services(configuration.entries)
    known.register_users()
    known.knows_services = "master.cf" in configuration.sources
    scopes = {(scope.name, scope.type): scope for scope in known.services}
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
    if not known.is_parameter(name) and not (scope and scope.uses(name)):
        message, hint = _unknown(name, view, postfix, hints)
        if known.knows_services or not hint.startswith(_WITHOUT_SERVICES):
            meant = misspelled(name, postfix.parameters) if hint.startswith("did you mean") else ""
            fix = swapped(view.span(name), name, meant) if meant and not view.is_set(meant) else ()
            sink.report(CK001, message, view.span(name), hint=hint, fix=fix)
    elif name in postfix.deprecated:
        hint = f"instead, {postfix.deprecated[name]}"
        sink.report(CK071, f"{name} will be removed from Postfix", view.span(name), hint=hint)
    if not known.is_raw(name):
        _references(name, view, known, sink, hints)
    if (name in postfix.parameters or _of_service(name, view) is not None) and not known.is_raw(name):
        _comment(name, view, sink)
        _next_setting(name, view, postfix, sink)


def _unknown(name: str, view: Configuration, postfix: ParameterSet, hints: Iterator[int]) -> tuple[str, str]:
    """Message and hint for a name that this version of Postfix does not know."""
    others = [version for version in recorded() if name in version.parameters]
    if others:
        newer = others[0].version > postfix.version
        when = f"it is new in {_minor(others[0])}" if newer else f"the last to have it was {_minor(others[-1])}"
        return f"Postfix {_minor(postfix)} has no parameter {name}: {when}", "remove it, or run the other version"
    if name in SINCE:
        return f"Postfix has no parameter {name} any more", "remove it: it has no effect"
    return f"there is no parameter {name}", _correction(name, view, postfix, hints)


def _correction(name: str, view: Configuration, postfix: ParameterSet, hints: Iterator[int]) -> str:
    """What to do with a name that no Postfix has."""
    near = similar(name, postfix.parameters) if next(hints, None) is not None else ""
    if near and view.is_set(near):
        span = view.span(near)
        return f"remove it: {near} is set in line {span.line}" if span else f"remove it: {near} is set"
    if near:
        return f"did you mean {near}?"
    suffix = next((suffix for suffix in TRANSPORT_SUFFIXES if name.endswith(suffix)), "")
    if suffix or name.endswith(TIME_LIMIT):
        service = name.removesuffix(suffix or TIME_LIMIT)
        others = [
            other.name for other in view.services if other.name + (suffix or TIME_LIMIT) not in postfix.parameters
        ]
        alike = similar(service, others)
        if alike:
            return f"did you mean {alike}{suffix or TIME_LIMIT}?"
        kind = "transport" if suffix else "pipe or spawn service"
        return f"remove it, or define the {kind} {service} in master.cf: without it, it has no effect"
    first, second = glued(name, postfix.parameters) if len(name) <= _LONGEST_NAME else ("", "")
    if first in postfix.parameters:
        return f"put {first} and {second} on lines of their own"
    return "Postfix ignores it; remove it or correct its name"


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
        span = view.place(name, *places.get(other, (0, None)))
        hint = _definition(other, name, view, known, hints)
        meant = misspelled(other, known.postfix.parameters) if hint.startswith("did you mean") else ""
        fix = swapped(span, other, meant, span.text.find(other)) if meant and span and other in span.text else ()
        sink.report(CK070, f"{name} refers to {other}, which is not defined", span, hint=hint, fix=fix, cause=other)


def _definition(other: str, name: str, view: Configuration, known: _Names, hints: Iterator[int]) -> str:
    """What to do about ``$other`` in the value of ``name``, which nothing defines."""
    parameters = known.postfix.parameters
    near = similar(other, parameters) if next(hints, None) is not None else ""
    if near and near != name and name not in references(view.raw(near)):
        return f"did you mean ${near}?"
    if other in _FOR_MUAS:
        return f"add a line to main.cf: {other} = {_FOR_MUAS[other]}"
    first, second = glued(other, parameters) if len(other) <= _LONGEST_NAME else ("", "")
    if first and (first in parameters or view.is_set(first)):
        return f"end the line after ${first}, and put {second} on a line of its own"
    return f"define {other} in main.cf, or take ${other} out"


def _next_setting(name: str, view: Configuration, postfix: ParameterSet, sink: Sink) -> None:
    """A setting whose line does not begin where it should: a newline is lost, or it begins with a blank."""
    value = view.raw(name)
    environment = name.endswith("_environment")  # which holds settings of its own
    for found in _SETTING.finditer(value) if "=" in value and not environment else ():
        word, at = found[1], found.start(1)
        if len(word) > _LONGEST_NAME or value.count("{", 0, at) > value.count("}", 0, at):
            return
        before, other = ("", word) if word in postfix.parameters else glued(word, postfix.parameters)
        if not other or (not before and at and value[at - 1] not in " \t"):
            continue
        span = view.place(name, at + len(before), found.end())
        hint = f"put {other} on a line of its own, which begins with it"
        fix = _own_line(span, other) if not view.is_set(other) else ()
        sink.report(PF234, f"the value of {name} contains {other} =, which sets nothing", span, hint=hint, fix=fix)
        return


def _own_line(span: Span | None, other: str) -> Fix:
    """The setting at ``span``, which lies in the value before it, begins a line of main.cf."""
    if span is None or not span.text.startswith(other) or not _is_main(span):
        return ()
    before = span.source.text[span.source.offset(span.line) : span.start]
    if not before.strip(" \t"):
        return blanks_removed(span.source, span.start)
    blanks = before[len(before.rstrip(" \t")) :]
    return swapped(span, f"{blanks}{other}", f"\n{other}", -len(blanks))


def _comment(name: str, view: Configuration, sink: Sink) -> None:
    if name in POLICY_LISTS:
        return  # there it ends the list (PF229)
    value = view.raw(name)
    for word in split_words(value, SEPARATORS) if "#" in value else ():
        if word.text.startswith("#"):
            span = view.place(name, word.offset, len(value))
            message = f'"{word.text}" in the value of {name} begins no comment: it is part of the value'
            prose = name.endswith(("_banner", "_reply", "_template"))  # in which it may be meant
            fix = comment_moved(span) if view.span(name) and not prose and _is_main(span) else ()
            sink.report(CK073, message, span, hint="put the comment on a line of its own", fix=fix)
            return


def _is_main(span: Span | None) -> bool:
    """Whether it is a place in main.cf."""
    return span is not None and span.source.name.endswith("main.cf")


def nulls(subject: Subject, sink: Sink) -> None:
    """Bytes of value 0, after which a line is not read."""
    for source in subject.configuration.sources.values():
        for first, _, _ in null_lines(source.text):
            sink.report(CK074, "a byte of value 0 ends this line", source.line_span(first), hint="remove it")


def values(subject: Subject, sink: Sink) -> None:
    """Each value: can it be expanded (PF006), and is it of its type (PF007, PF008, PF009, CK075, CK076)?"""
    for view, given in _views(subject.configuration):
        for name in given.names:
            _value(name, view, subject.postfix, sink)


def _of_service(name: str, view: Configuration) -> tuple[str, str] | None:
    """(type, default) of a parameter of a service; without a master.cf, of one that every master.cf has."""
    return view.service_parameter(name) if view.services else _USUAL.get(name)


def _value(name: str, view: Configuration, postfix: ParameterSet, sink: Sink) -> None:
    found = postfix.parameters.get(name) or _of_service(name, view)
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
        sink.report(CK082, message, view.place(name), hint=f"this is {postfix.release}: write another value")
    elif (problem := kind.problem(text)) and not kind.is_malformed(text):
        message = f'the value "{text}" of {name} {problem}'
        hint, cause = f"{name} takes {kind}", ""
        if not text:
            hint, cause = f"{hint}; without the line, Postfix uses its default", f"{_emptied_by(name, view)} is empty"
        sink.report(CK075, message, view.place(name), hint=hint, cause=cause)


def _emptied_by(name: str, view: Configuration) -> str:
    """The parameter whose empty value makes that of ``name`` empty: itself, or one to which it refers."""
    others = references(view.raw(name))
    return next((other for other in others if view.is_set(other) and not view.value(other)), name)


def _own_value(name: str, view: Configuration) -> None:
    """A value of a name of the user's own: it counts where others refer to it, and is only read here."""
    told: list[str] = []
    scan(view.raw(name), lambda _: None, told.append)
    if told:
        view.report(name, PF006, f"{name}: {told[0]}", 'see postconf(5), "expressions"')


def _tables(name: str, text: str, view: Configuration, sink: Sink) -> None:
    """Words that name no table; alias_database's may go without a type."""
    for word in split_words(text):
        if ":" not in word.text and name != "alias_database":
            message = f'"{word.text}" in {name} names no table'
            place = place_of(view, name, word.text, word.offset)
            sink.report(CK076, message, place, hint="write type:name, as in hash:/etc/postfix/table")
