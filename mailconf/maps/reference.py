"""Table references: ``type:name``, as configurations of both worlds write it, taken apart in this one place."""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from mailconf.maps.types import MapType

    class _Parts(NamedTuple):
        type: str
        name: str
else:  # the module typing takes a tool longer to load than all else that it needs
    _Parts = namedtuple("_Parts", ("type", "name"))

PROXY = "proxy"


class TableRef(_Parts):
    """A lookup table as a configuration names it. ``proxy:type:name`` has the type proxy and the name type:name."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str, default_type: str = "") -> TableRef:
        """``type:name``; a name alone is of the default type. Nothing is checked: type or name may be empty."""
        kind, colon, name = text.partition(":")
        return cls(kind, name) if colon else cls(default_type, text)

    @classmethod
    def looks_like_one(cls, text: str) -> bool:
        """Whether ``text`` in a list of other things is a table: ``type:name``, the type letters, digits, hyphens."""
        found = cls.parse(text)
        word = found.type.replace("-", "")
        return bool(found.name) and word.isalnum() and not found.type[0].isdigit()

    @classmethod
    def of_word(cls, word: str, default_type: str) -> TableRef:
        """A word of main.cf: a bare file name, which may contain a colon, has the default type (postconf(5)
        default_database_type)."""
        found = cls.parse(word)
        return cls(default_type, word) if not found.type or set("/{") & set(found.type) else found

    def __str__(self) -> str:
        return f"{self.type}:{self.name}"

    @property
    def kind(self) -> MapType:
        """What is known of its type."""
        from mailconf.maps.types import type_of  # here: start-up time

        return type_of(self.type)

    @property
    def direct(self) -> TableRef:
        """The table that proxymap(8) opens for ``proxy:table``; any other as it is."""
        if self.type != PROXY:
            return self
        name, at, prefix = self.name, 0, f"{PROXY}:"
        while name.startswith(prefix, at):
            at += len(prefix)
        found = self.parse(name[at:])
        return found if found.type != PROXY else self.parse(found.name)

    @property
    def file(self) -> str:
        """The file that the table is, without looking whether its type keeps one."""
        return self.name + self.kind.suffix
