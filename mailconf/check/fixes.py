"""Fixes made: the edits that findings carry, applied to the texts of a configuration until nothing is left to do.

Only files of the configuration are changed: those below its folder that no symbolic link leads to, and the alias file
/etc/aliases. Of two fixes that touch each other the second waits for the next round, in which everything is checked
again over the changed texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from mailconf.diagnostics import Diagnostic, Edit
from mailconf.edits import applied
from mailconf.encoding import decode, encode
from mailconf.files import Overlay, Tree, exchange

MOST_ROUNDS = 20
ALIASES = "/etc/aliases"  # which newaliases and Postfix take by default


class Fixing:
    """The texts of the configuration in ``directory`` while they are fixed.

    fixed  the findings whose edits were made, with the places that they had then
    """

    def __init__(self, directory: str, tree: Tree) -> None:
        self.fixed: list[Diagnostic] = []
        self._tree = tree
        self._folder = tree.resolve(tree.path(directory))
        self._before: dict[str, bytes] = {}
        self._texts: dict[str, bytes] = {}
        self._rounds = 0

    @property
    def tree(self) -> Tree:
        """The configuration as it is by now."""
        return Overlay(self._tree, self._texts) if self._texts else self._tree

    def changed(self) -> list[tuple[str, bytes, bytes]]:
        """The files that have other texts by now: name, before, after."""
        return [(name, self._before[name], text) for name, text in self._texts.items() if text != self._before[name]]

    def step(self, found: Iterable[Diagnostic], names: Iterable[str]) -> bool:
        """Make the fixes of ``found`` that touch no other one. False where nothing was changed, or it takes too long.

        names  of the files of the configuration
        """
        if self._rounds == MOST_ROUNDS:
            return False
        self._rounds += 1
        known = {self._tree.place(name): name for name in names}
        taken: dict[str, list[Edit]] = {}
        for diagnostic in found:
            if diagnostic.fix and all(self._fits(edit, known, taken) for edit in diagnostic.fix):
                self.fixed.append(diagnostic)
                for edit in diagnostic.fix:
                    edits = taken.setdefault(edit.span.source.name, [])
                    if edit not in edits:
                        edits.append(edit)
        for place, edits in taken.items():
            name = known[place]
            self._texts[name] = encode(applied(decode(self._current(name)), edits))
        return bool(taken)

    def _fits(self, edit: Edit, known: dict[str, str], taken: dict[str, list[Edit]]) -> bool:
        """Whether an edit is one of a file that may be changed, was made for its text, and touches no other one."""
        place = edit.span.source.name
        name = known.get(place)
        if name is None or edit.span.origin is not None:
            return False
        for other in taken.get(place, ()):
            same = other.span.start == edit.span.start and other.span.end == edit.span.end and other.text == edit.text
            if not same and edit.span.start <= other.span.end and other.span.start <= edit.span.end:
                return False
        if place in taken:
            return taken[place][0].span.source.text == edit.span.source.text
        try:
            return self._is_ours(name) and decode(self._current(name)) == edit.span.source.text
        except (OSError, ValueError):
            return False

    def _is_ours(self, name: str) -> bool:
        real = self._tree.resolve(name)
        inside = self._tree.inside(self._tree.path(name))
        beneath = f"{self._folder.rstrip('/')}/"
        return (real.startswith(beneath) and self._is_direct(name)) or (
            inside == ALIASES and not self._tree.is_link(name)
        )

    def _is_direct(self, name: str) -> bool:
        """Whether no symbolic link below the configuration's folder leads to the file."""
        path = Path(self._tree.path(name))
        names = [str(path), *(str(above) for above in path.parents if str(above) != str(path))]
        for each in names:
            if self._tree.resolve(each) == self._folder:
                return True
            if self._tree.is_link(each):
                return False
        return False

    def _current(self, name: str) -> bytes:
        text = self._texts.get(name)
        if text is None:
            text = self._before[name] = self._tree.read(name)
        return text

    def write(self) -> list[str]:
        """Replace the files that have other texts by now; their names. Raises OSError where one cannot be replaced.

        They are left as they are where `mailconf.files.exchange` refuses.
        """
        written = []
        for name, before, after in self.changed():
            exchange(self._tree.real(name), before, after)
            written.append(self._tree.place(name))
        return written


def unified(changed: Sequence[tuple[str, bytes, bytes]], tree: Tree) -> str:
    """The changes as a unified diff, which patch -p0 takes."""
    from difflib import unified_diff

    parts: list[str] = []
    for name, before, after in changed:
        place = tree.place(name)
        lines = unified_diff(_lines(before), _lines(after), place, place)
        parts += (line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    return "".join(parts)


def _lines(text: bytes) -> list[str]:
    """The lines of a file with their ends, which are newlines alone."""
    lines = decode(text).split("\n")
    return [*(f"{line}\n" for line in lines[:-1]), *lines[-1:]] if lines[-1] else [f"{line}\n" for line in lines[:-1]]
