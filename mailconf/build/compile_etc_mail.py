"""The files of an /etc/mail into what is built from them; every mistake is reported and nothing is written.

A table is read as makemap(8) reads it, an alias file as newaliases(1) does; both build a map from what is left when
there are mistakes, here they stop the build. Keys are folded to lower case, as make(1) has makemap do.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mailconf.build.compile import Built, Compiled, content_of, read_source
from mailconf.build.etc_mail import CF, EtcMail
from mailconf.build.plan import Target
from mailconf.build.state import Input, Record, settled
from mailconf.diagnostics import Code, Related, Sink, error, warning
from mailconf.files import Tree, replace
from mailconf.maps.build.target import safe_target
from mailconf.maps.build.write import Duplicates
from mailconf.maps.core.opening import Progress
from mailconf.sendmail.cf.maps import ALIASES
from mailconf.sendmail.mc.expansion import Expanded
from mailconf.source import Source, decode, encode
from mailconf.tables.entry import Entry
from mailconf.tables.packed import Packed
from mailconf.tables.reader import repeated
from mailconf.tables.sendmail_aliases_reader import read_sendmail_aliases
from mailconf.tables.sendmail_roles import check_sendmail_table, sendmail_format

BD012 = error("BD012", "a key that a table for makemap has already")
"""Why: makemap reports a key that it has already, keeps the first entry and fails with status 65, as does the build.
Keys are compared without regard to capitals.

Example:
    # sendmail.mc
    FEATURE(`access_db')dnl
    # /etc/mail/access
    Connect:192.0.2.1 REJECT
    connect:192.0.2.1 OK

Remedy: remove one of the two.

Source: makemap(8); observed with makemap 8.17.1.9.
"""

BD013 = warning("BD013", "a name that an alias file has already")
"""Why: newaliases reports a name that it has already and keeps the last one. Mail does not go where the first one
leads.

Example:
    # sendmail.mc
    define(`ALIAS_FILE', `/etc/mail/aliases')dnl
    # /etc/mail/aliases
    info: ann
    info: bob

Remedy: remove one of the two, or write both addresses after one name.

Source: sendmail's aliases(5); observed with newaliases 8.17.1.9.
"""

_MAP_MODE = 0o640  # what makemap and newaliases give a new map
_CF_MODE = 0o644


@dataclass(frozen=True, slots=True)
class CompiledCf:
    """A .cf: what its .mc has become."""

    target: Target
    expanded: Expanded
    root: Tree

    @property
    def amount(self) -> str:
        lines = self.expanded.cf.count(b"\n")
        return "1 line" if lines == 1 else f"{lines} lines"

    def stage(self, staged: Path, progress: Progress | None) -> None:
        safe_target(self.target.target, None, follow=False)
        owner, mode = _owner_and_mode(self.root, self.target.target, _CF_MODE)
        with replace(staged, owner=owner, mode=mode) as file:
            file.write(self.expanded.cf)

    def report(self, sink: Sink) -> None:
        """Nothing: the expansion has reported everything."""

    def record(self, root: Tree) -> Record:
        mc, *others = self.expanded.reads
        assert mc.status is not None
        inputs = {
            read.name: Input(read.digest, settled(read.status, read.read_at) if read.status else ()) for read in others
        }
        stat = settled(mc.status, mc.read_at)
        return Record(CF, root.inside(self.target.source), mc.digest, stat, "", inputs=inputs)


def compile_etc_mail(etc_mail: EtcMail, targets: Iterable[Target], sink: Sink) -> list[Built]:
    """What each target is to hold. The plan has reported the mistakes in the .mc files."""
    built: list[Built] = []
    for target in targets:
        if target.type == CF:
            expanded = etc_mail.expand(target.source, Sink())
            if expanded is not None:
                built.append(CompiledCf(target, expanded, etc_mail.root))
            continue
        read = read_source(etc_mail.root, target, sink)
        if read is None:
            continue
        source = Source(str(target.source), decode(read.data))
        entries: Packed | dict[bytes, bytes]
        if ALIASES in target.roles:
            entries = _aliases(source, etc_mail.host_names(), sink)
        else:
            entries = _entries(target.roles[0], source, sink)
        owner, mode = _owner_and_mode(etc_mail.root, target.target, _MAP_MODE)
        status = os.stat_result((mode, 0, 0, 0, *owner, 0, 0, 0, 0))
        built.append(Compiled(target, entries, status, read.digest, read.stat, target.nul))
    return built


def _owner_and_mode(root: Tree, target: Path, new: int) -> tuple[tuple[int, int], int]:
    """Those of the old file; a new one is ours, with the group of a folder that hands it on."""
    try:
        old = root.stat(target)
    except FileNotFoundError:
        folder = root.stat(target.parent)
        return (os.geteuid(), folder.st_gid if folder.st_mode & 0o2000 else os.getegid()), new
    return (old.st_uid, old.st_gid), old.st_mode & 0o7777


def _entries(role: str, source: Source, sink: Sink) -> Packed | dict[bytes, bytes]:
    entries = sendmail_format(role).read(source, sink)
    check_sendmail_table(role, entries, sink)
    for known, entry in repeated(entries, lambda key: decode(encode(key).lower())):
        _report_again(BD012, known, entry, "makemap keeps the first and fails; remove one of the two", sink)
    return content_of(entries, bytes.lower)


def _aliases(source: Source, hosts: set[bytes], sink: Sink) -> Packed | dict[bytes, bytes]:
    """What newaliases makes of an alias file; the last of several aliases of a name counts."""
    entries = read_sendmail_aliases(source, sink, hosts.__contains__)
    check_sendmail_table(ALIASES, entries, sink)
    for known, entry in repeated(entries, str):
        _report_again(BD013, known, entry, "the last one counts; remove one of the two", sink)
    complete = b"@", b"@"  # by this entry sendmail knows that the map is complete
    return content_of(entries, bytes, Duplicates.LAST, complete)


def _report_again(code: Code, first: Entry, entry: Entry, hint: str, sink: Sink) -> None:
    related = (Related("first given here", first.key_span),)
    sink.report(code, f"the table has {entry.key!r} already", entry.key_span, hint=hint, related=related)
