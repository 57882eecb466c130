"""What the rules of sendmail's configurations look at: a .mc with what it expands to, or a .cf without a .mc."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from mailconf.diagnostics import Sink
from mailconf.model.site import Setting, Site
from mailconf.source import Source, Span, decode
from mailconf.tables.class_file import read_class

if TYPE_CHECKING:
    from mailconf.files import Tree
    from mailconf.sendmail.cf.configuration import Cf
    from mailconf.sendmail.mc.library import Library
    from mailconf.sendmail.mc.mc import Mc, Statement


class Written:
    """A configuration, and the Site that it comes to.

    site   every value has its place in the .mc, or in the .cf where there is no .mc
    mc     None for a .cf without a .mc
    own    whether the .cf is mailconf's own, whose lines come from no place of the .mc
    """

    def __init__(self, cf: Cf, site: Site, root: Tree, mc: Mc | None = None, *, own: bool = False) -> None:
        self.cf = cf
        self.site = site
        self.root = root
        self.mc = mc
        self.own = own

    def write(self, mc: str, cf: str) -> str:
        """What a hint tells the user to write: a statement of the .mc, or a line of the .cf."""
        return cf if self.mc is None else mc

    def named(self, *names: str) -> Iterator[Statement]:
        """The calls of macros; none of a .cf."""
        return iter(()) if self.mc is None else self.mc.named(*names)

    @cached_property
    def features(self) -> dict[str, Span | None]:
        """The FEATUREs with the place of the first call of each; empty for a .cf, whose FEATUREs are not known."""
        found: dict[str, Span | None] = {}
        for feature in self.site.features:
            if feature.kind == "FEATURE":
                found.setdefault(feature.name, feature.span)
        return found

    def option(self, name: str) -> Setting[str]:
        """An option's value and place; "" where it is not set."""
        return self.site.options.get(name, Setting(""))

    def words(self, name: str) -> list[Setting[str]]:
        """The members of a class that the configuration names itself, each with its place."""
        return self.site.classes.get(name, [])

    def members(self, name: str) -> Iterator[tuple[str, Span | None]]:
        """All members of a class: of C lines at the line, of files at the word in the file."""
        for word in self.words(name):
            yield word.value, word.span
        for file in self.site.list_files:
            if file.role == name:
                yield from self._file(file.path)

    def is_filled(self, name: str) -> bool:
        """Whether a class has members, or may have: from a file that is not there to be read, a command or a map."""
        if next(self.members(name), None) is not None:
            return True
        return any(
            file.name == name and not (file.is_file and self._is_read(file.source)) for file in self.cf.class_files
        )

    def _is_read(self, path: str) -> bool:
        try:
            return self.root.is_file(path)
        except OSError:
            return False

    def _file(self, path: str) -> Iterator[tuple[str, Span | None]]:
        try:
            source = Source.read(self.root, self.root.path(path))
        except OSError:
            return
        for entry in read_class(source, Sink()):
            yield entry.key, entry.key_span


@dataclass(slots=True)
class McText:
    """A .mc that was expanded, and the library that it was expanded with."""

    mc: Mc
    library: Library
    _texts: dict[str, str] = field(default_factory=dict)

    def library_text(self, name: str) -> str:
        """The text of a file of the library; empty where there is no such file."""
        if name not in self._texts:
            try:
                self._texts[name] = decode(self.library.read(name))
            except (OSError, ValueError):
                self._texts[name] = ""
        return self._texts[name]

    def mentions(self, file: str, name: str) -> bool:
        """Whether a file of the library has the word ``name``."""
        text = self.library_text(file)
        return name in text and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None

    def own(self, *names: str) -> Iterator[Statement]:
        """The calls that the configuration makes itself, not through a FEATURE."""
        return (statement for statement in self.mc.named(*names) if statement.span.text == statement.name)
