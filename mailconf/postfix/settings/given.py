"""What main.cf sets, by name, each with its place.

A main.cf may set a hundred thousand names, in lines of eight bytes. Of the first ones what was read is kept, which is
all of them in every configuration that is used; of the others, where their lines begin: they are read again when they
are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping

from mailconf.model.site import Setting
from mailconf.postfix.text import main_cf
from mailconf.source import Source

_KEPT = 4096  # names; main.cf has a thousand parameters


class MainSettings(MutableMapping[str, Setting[str]]):
    """Settings by name, in the order in which the names were set first: what main.cf has, and what is put in its place.

    `take` adds a definition of main.cf, which ``source`` holds by then.
    """

    def __init__(self) -> None:
        self.source = Source("", "")
        self._found: dict[str, Setting[str] | tuple[Setting[str], main_cf.Definition] | int] = {}

    def take(self, definition: main_cf.Definition) -> None:
        """Set a name as ``source`` has it; an earlier value is lost."""
        name = definition.name
        if len(self._found) < _KEPT:
            self._found[name] = self._setting(definition), definition
        else:
            self._found[name] = definition.logical.beginning

    def _setting(self, definition: main_cf.Definition) -> Setting[str]:
        return Setting(definition.value, self.source.span(definition.start, definition.end), definition.name)

    def _read(self, start: int) -> main_cf.Definition:
        return main_cf.definition_at(self.source.text, start, self.source.position(start).line)

    def definition(self, name: str) -> main_cf.Definition | None:
        """The line of main.cf that sets a name; None where none does."""
        found = self._found.get(name)
        if isinstance(found, int):
            return self._read(found)
        return None if found is None or isinstance(found, Setting) else found[1]

    def __getitem__(self, name: str) -> Setting[str]:
        found = self._found[name]
        if isinstance(found, int):
            return self._setting(self._read(found))
        return found if isinstance(found, Setting) else found[0]

    def __setitem__(self, name: str, setting: Setting[str]) -> None:
        self._found[name] = setting

    def __delitem__(self, name: str) -> None:
        del self._found[name]

    def __contains__(self, name: object) -> bool:
        return name in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


class Texts(MutableMapping[str, str]):
    """The unexpanded values of settings; what is changed here is changed there."""

    def __init__(self, settings: MutableMapping[str, Setting[str]]) -> None:
        self._settings = settings

    def __setitem__(self, name: str, value: str) -> None:
        self._settings[name] = Setting(value, None, name)

    def __delitem__(self, name: str) -> None:
        del self._settings[name]

    def __getitem__(self, name: str) -> str:
        return self._settings[name].value

    def __contains__(self, name: object) -> bool:
        return name in self._settings

    def __iter__(self) -> Iterator[str]:
        return iter(self._settings)

    def __len__(self) -> int:
        return len(self._settings)
