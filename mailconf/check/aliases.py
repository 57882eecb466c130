"""Alias files of either engine: aliases that lead back to themselves, lists and programs that are not there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mailconf.diagnostics import Related, error
from mailconf.tables.aliases import AliasKind, AliasTarget

if TYPE_CHECKING:
    from mailconf.diagnostics import Sink
    from mailconf.files import Tree
    from mailconf.tables.entry import Entry

CK116 = error("CK116", "a list that an alias includes, and that is not there")
"""Why: mail for the alias is returned, or waits. sendmail: "Cannot open", "cannot open include file"; Postfix: "mail
system configuration error", with "unable to lookup :include: file" in the log.

Example:
    # sendmail.mc
    define(`ALIAS_FILE', `/etc/mail/aliases')dnl
    # /etc/mail/aliases
    team: :include:/etc/mail/team

Remedy: create the file, or correct its name.

Source: aliases(5) of Postfix and of sendmail; observed with sendmail 8.17.1.9 -bv and Postfix 3.7.11.
"""

CK117 = error("CK117", "a program that an alias runs, and that is not there")
"""Why: the mail is taken, and comes to nobody: sendmail returns it when the program is to be run, Postfix tries again
until it is too old ("fatal: execvp ...: No such file or directory", status=deferred).

Example:
    # sendmail.mc
    define(`ALIAS_FILE', `/etc/mail/aliases')dnl
    # /etc/mail/aliases
    list: "|/etc/mail/list-program"

Remedy: install the program, or correct its name.

Source: aliases(5) of Postfix and of sendmail; observed with Postfix 3.7.11.
"""

CK118 = error("CK118", "aliases that lead to one another and nowhere else")
"""Why: no user gets the mail. sendmail returns it: "aliasing/forwarding loop broken"; so does Postfix: "alias database
loop for ...".

Example:
    # sendmail.mc
    define(`ALIAS_FILE', `/etc/mail/aliases')dnl
    # /etc/mail/aliases
    info: sales
    sales: info

Remedy: let one of them lead to a user.

Source: aliases(5) of both; observed with sendmail 8.17.1.9 -bv and Postfix 3.7.11.
"""

_MOST = 100_000  # aliases among which loops are looked for
_MOST_KEPT = 1000  # names of which it is remembered whether there is such a file


class Alias(NamedTuple):
    """An alias with its targets, as its engine takes them apart."""

    entry: Entry
    targets: Sequence[AliasTarget]


class TakenApart:
    """The aliases of a file, each taken apart whenever it is asked for: as objects, many take fifty times the file."""

    def __init__(self, entries: Sequence[Entry], targets: Callable[[Entry], Sequence[AliasTarget]]) -> None:
        self._entries = entries
        self._targets = targets

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Alias]:
        return (Alias(entry, self._targets(entry)) for entry in self._entries)


def files(aliases: Iterable[Alias], root: Tree, sink: Sink) -> None:
    """CK116, CK117: files in folders that are there; of other folders a copy of a configuration knows nothing."""
    absent = _Absent(root)
    for entry, targets in aliases:
        for target in targets:
            if target.kind is AliasKind.INCLUDE and absent(target.text):
                message = f"{entry.key} includes {target.text}, which does not exist"
                sink.report(CK116, message, entry.value_span, hint="create the file, or correct its name")
            elif target.kind is AliasKind.COMMAND:
                words = target.text.split()
                if words and absent(words[0]):
                    message = f"{entry.key} runs {words[0]}, which does not exist"
                    sink.report(CK117, message, entry.value_span, hint="install the program, or correct its name")


def is_absent(name: str, root: Tree) -> bool:
    """Whether a file is not there, in a folder that is: of other folders a copy of a configuration knows nothing."""
    return _Absent(root)(name)


class _Absent:
    """The same for many names.

    Many aliases name the same program, or files of one folder: what is known of either is kept for a while.
    """

    def __init__(self, root: Tree) -> None:
        self._root = root
        self._files: dict[str, bool] = {}
        self._folders: dict[str, bool] = {}

    def __call__(self, name: str) -> bool:
        found = self._files.get(name)
        if found is None:
            found = self._is_absent(name)
            _keep(self._files, name, found)
        return found

    def _is_absent(self, name: str) -> bool:
        root = self._root
        if not name.startswith("/") or "$" in name or not root.covers(name):
            return False
        folder = os.path.dirname(name)  # noqa: PTH120
        there = self._folders.get(folder)
        try:
            if there is None:
                there = root.exists(folder)
                _keep(self._folders, folder, there)
            return there and not root.exists(name)
        except OSError:
            return False


def _keep(known: dict[str, bool], name: str, found: bool) -> None:
    if len(known) >= _MOST_KEPT:
        known.clear()
    known[name] = found


def loops(aliases: TakenApart, local: Callable[[str], str], sink: Sink) -> None:
    """CK118: circles of two or more aliases that have no other target; ``local``: an address as an alias, or ""."""
    if len(aliases) > _MOST:
        return
    only: dict[str, str] = {}  # where each leads
    for entry, targets in aliases:
        if len(targets) == 1 and targets[0].kind is AliasKind.ADDRESS:
            only[entry.key.lower()] = local(targets[0].text)
        else:
            only.pop(entry.key.lower(), None)
    seen: set[str] = set()
    circles = [circle for name in only if len(circle := _circle(name, only, seen)) > 1]
    within = {name for circle in circles for name in circle}
    spans = {entry.key.lower(): entry.span for entry, _ in aliases if entry.key.lower() in within} if within else {}
    for first, *others in circles:
        message = f"{' -> '.join([first, *others, first])}: mail for {first} goes round, and is returned"
        related = tuple(Related("and on from here", spans[other]) for other in others)
        sink.report(CK118, message, spans[first], hint="let one of them lead to a user", related=related)


def _circle(name: str, only: Mapping[str, str], seen: set[str]) -> list[str]:
    """The circle that a name is in or leads to, if it has not been seen."""
    way: dict[str, None] = {}
    while name in only and name not in seen:
        if name in way:
            names = list(way)
            seen.update(names)
            return names[names.index(name) :]
        way[name] = None
        name = only[name]
    seen.update(way)
    return []
