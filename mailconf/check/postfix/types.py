"""The types of the tables that the configuration names: does Postfix know them (DATABASE_README, postconf(1) -m)?"""

from __future__ import annotations

from mailconf.check.subject import Subject
from mailconf.diagnostics import Severity, Sink, alike, declare, error, warning
from mailconf.edits import misspelled, swapped
from mailconf.maps.registry import known_types
from mailconf.maps.servers.nis import nis_domain
from mailconf.maps.types import POSTFIX, type_of, types_with
from mailconf.postfix.settings.lookup import MAX_NESTED
from mailconf.source import decode

CK077 = error("CK077", "there is no map type of that name")
"""Why: Postfix logs "error: unsupported dictionary type", and each lookup fails: a restriction answers "451 4.3.5
Server configuration error", other lookups "451 4.3.0 Temporary lookup failure" or defer the mail.

Example:
    # main.cf
    canonical_maps = regxp:/etc/postfix/canonical

Remedy: correct the type; `postconf -m` lists those of the installed Postfix.

Source: DATABASE_README, "Postfix lookup table types"; postconf(1) -m; observed with Postfix 3.7.11.
"""

CK078 = error("CK078", "a table has no name")
"""Why: the program that opens the table stops: "fatal: open dictionary: expecting "type:name" form". With
canonical_maps no client gets an answer.

Example:
    # main.cf
    canonical_maps = hash:

Remedy: write type:name, or leave the parameter empty.

Source: DATABASE_README; observed with Postfix 3.7.11.
"""

CK079 = error("CK079", "tables of tables nest too deep")
"""Why: tables such as pipemap, unionmap and randmap may be written inside one another. mailconf looks at 20 levels and
reports what is deeper, so that a check ends soon.

Example:
    a value with pipemap:{pipemap:{pipemap:{ and so on, more than 20 deep.

Remedy: name the tables themselves.

Source: DATABASE_README, pipemap and unionmap; Postfix 3.7.11 opens them as deep as its memory allows
(docs/departures.md).
"""

CK084 = warning("CK084", "a map type that the installed Postfix does not have")
"""Why: the type exists, but its package is not installed with this Postfix. Each lookup fails: smtpd answers 451,
other programs defer the mail.

Example:
    # main.cf
    canonical_maps = ldap:/etc/postfix/canonical.cf
    # /etc/postfix/dynamicmaps.cf
    # type, library, function that opens a table
    lmdb postfix-lmdb.so.1.0.1 dict_lmdb_open

Remedy: install the package of the type (postfix-ldap and the like), or use another type.

Source: dynamicmaps.cf of Postfix 3.0 and later, postconf(1) -m; DATABASE_README.
"""

CK085 = declare("CK085", Severity.NOTE, "a map type that explain and serve do not read")
"""Why: mailconf does not read tables of this type. Postfix may; explain and serve answer as if the lookup failed for
now.

Example:
    # main.cf
    canonical_maps = netinfo:/aliases

Remedy: nothing, if Postfix alone uses the table; otherwise move its content to a type that docs/maps.md lists.

Source: docs/maps.md; DATABASE_README for the types of other systems.
"""

MOST_HINTS = 20  # types for which similar ones are looked for
# Types of Postfix's that mailconf does not read itself: of other systems (DATABASE_README), and of one process.
FOREIGN_TYPES = types_with(lambda kind: POSTFIX in kind.engines and kind.foreign)
OTHER_TYPES = FOREIGN_TYPES | {"internal"}
PACKAGED_TYPES = types_with(lambda kind: POSTFIX in kind.engines and kind.packaged)
MOST_DYNAMIC = 1_000_000  # bytes of a dynamicmaps.cf


def known(subject: Subject, sink: Sink) -> None:
    """Report tables of unknown types, and those without a name."""
    opened = frozenset(known_types())
    types = {*opened, *OTHER_TYPES, *PACKAGED_TYPES}
    missing = _missing(subject)
    hints = iter(range(MOST_HINTS))
    for use in subject.site.tables:
        if use.span is None:
            continue  # a default, which names what another parameter does
        kind, name = use.table
        if str(use.table).startswith(f"{kind}:{{{kind}:{{" * (MAX_NESTED // 2)):
            message = f"{use.role}: more than {MAX_NESTED} tables of tables inside one another"
            sink.report(CK079, message, use.span, hint="Postfix opens them all; name the tables themselves")
        if kind not in types:
            few = next(hints, None) is not None
            near = alike(kind, sorted(types), n=1, cutoff=0.6) if few else []
            hint = f"did you mean {near[0]}?" if near else "postconf -m lists the types"
            meant = misspelled(kind, types) if near else ""
            fix = swapped(use.span, f"{kind}:", f"{meant}:") if meant else ()
            message = f'{use.role}: there is no map type "{kind}"'
            sink.report(CK077, message, use.span, hint=hint, fix=fix, cause=kind)
        elif kind in missing:
            message = f"{use.role}: the installed Postfix has no map type {kind}: what asks {use.table} fails with 451"
            package = f"install the package postfix-{kind}, or take" if kind in PACKAGED_TYPES else "take"
            sink.report(CK084, message, use.span, hint=f"{package} the table out of {use.role}; see postconf -m")
        elif kind in OTHER_TYPES or kind not in opened:
            message = f"{use.role}: mailconf does not read tables of type {kind}"
            sink.report(CK085, message, use.span, hint="explain and serve answer as if the table failed: 451")
        elif kind == "nis" and subject.root.is_real and (domain := nis_domain()):
            message = f"{use.role}: mailconf asks no server of the NIS domain {domain}"
            sink.report(CK085, message, use.span, hint="explain and serve answer as if the table failed: 451")
        if kind in types and not name and not type_of(kind).nameless:
            sink.report(CK078, f"{use.role}: {use.table} has no name", use.span, hint="write type:name")


def _missing(subject: Subject) -> frozenset[str]:
    """The types that the Postfix below the root does not have; none where that cannot be seen."""
    root = subject.root
    folder = root.path(subject.configuration.value("meta_directory"))
    if not root.is_folder(subject.configuration.value("daemon_directory")):
        return frozenset()
    parts = [folder / "dynamicmaps.cf"]
    try:
        parts += [folder / "dynamicmaps.cf.d" / name for name in root.list(folder / "dynamicmaps.cf.d")]
    except OSError:
        pass  # no package has put a file there
    loaded: set[str] = set()
    for number, part in enumerate(parts):
        try:
            text = decode(root.read(part, MOST_DYNAMIC))
        except OSError:
            if number == 0:
                return frozenset()  # a Postfix that has all its types built in
            continue
        words = (line.split() for line in text.splitlines() if not line.startswith("#"))
        loaded |= {found[0] for found in words if found}
    return (PACKAGED_TYPES | FOREIGN_TYPES) - loaded
