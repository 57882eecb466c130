"""A .cf as a whole: its items in their order, and what they come to when later ones override earlier ones.

`mailconf.sendmail.cf`, "Again", describes what a later line does to an earlier one of the same name.
"""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from typing import NamedTuple, TypeVar

from mailconf.sendmail.cf.items import (
    CfHeader,
    CfMap,
    CfMistake,
    CfOption,
    CfRule,
    EnvironmentVariable,
    Filter,
    Item,
    Macro,
    Mailer,
    Member,
    Members,
    MembersFile,
    Precedence,
    QueueGroup,
    RulesetStart,
    Version,
)
from mailconf.sendmail.cf.maps import MOST_ALIAS_FILES, alias_files, user_databases
from mailconf.source import Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")
_TRACE_HEADERS = frozenset({"received"})  # all lines of them count


class Ruleset(NamedTuple):
    """Every line of one ruleset: ``starts`` are its S lines, in whose order its rules follow each other.

    names   those that the S lines give it; a number is one of them if it was written as a name
    number  the one that the configuration gives it; None where sendmail chooses
    """

    names: tuple[str, ...]
    number: int | None
    starts: tuple[RulesetStart, ...]
    rules: tuple[CfRule, ...]


class Cf:
    """The content of a .cf.

    source  its text; ``items``: what each logical line is, mistakes included, in their order
    """

    def __init__(self, source: Source, items: tuple[Item, ...]) -> None:
        self.source = source
        self.items = items

    def all(self, kind: type[T]) -> Iterator[T]:
        """The items of one kind, in their order."""
        return (item for item in self.items if isinstance(item, kind))

    @property
    def mistakes(self) -> Iterator[CfMistake]:
        """The lines at which sendmail stops, but those that merely follow from another one."""
        return (mistake for mistake in self.all(CfMistake) if mistake.kind != "follows")

    @cached_property
    def version(self) -> Version | None:
        """The last V line."""
        return next(reversed(list(self.all(Version))), None)

    # -- options

    @cached_property
    def _options(self) -> dict[str, list[CfOption]]:
        found: dict[str, list[CfOption]] = {}
        for option in self.all(CfOption):
            found.setdefault(option.full_name.lower(), []).append(option)
        return found

    def settings(self, name: str) -> list[CfOption]:
        """Every line that sets the option ``name`` ("Timeout.queuereturn"), in any letters."""
        return self._options.get(name.lower(), [])

    def option(self, name: str) -> CfOption | None:
        """The line whose value counts: the last one. Options that add (`options.ADDING`) have `settings`."""
        return next(reversed(self.settings(name)), None)

    def value(self, name: str) -> str:
        """The value that counts; "" where the option is not set."""
        option = self.option(name)
        return option.value if option else ""

    # -- macros, classes

    @cached_property
    def macros(self) -> dict[str, Macro]:
        """The last definition of each macro."""
        return {macro.name: macro for macro in self.all(Macro)}

    @cached_property
    def classes(self) -> dict[str, list[Members]]:
        """The C and T lines of each class."""
        found: dict[str, list[Members]] = {}
        for members in self.all(Members):
            found.setdefault(members.name, []).append(members)
        return found

    @property
    def class_files(self) -> Iterator[MembersFile]:
        """The F lines: they add the words of files to their classes."""
        return self.all(MembersFile)

    def members(self, name: str) -> Iterator[Member]:
        """The words that C and T lines put into a class, those of other classes that it takes in included.

        ``$=x`` as a word takes in what class x has at that line. Words of files are not among them. Each word of a
        class is looked at once, however often the class is taken in.
        """
        stack = [(name, len(self.source.text) + 1)]
        read: dict[str, int] = {}  # by class, how many of its words have been looked at
        while stack:
            which, limit = stack[-1]
            words, at = self._words.get(which, ()), read.get(which, 0)
            if at >= len(words) or words[at][0] >= limit:
                stack.pop()
                continue
            read[which] = at + 1
            start, word = words[at]
            taken = taken_in(word.text)
            if taken:
                stack.append((taken, start))
            else:
                yield word

    @cached_property
    def _words(self) -> dict[str, list[tuple[int, Member]]]:
        """The words of each class, with the offsets at which their lines begin."""
        return {
            name: [(each.line.start, word) for each in lines for word in each.words]
            for name, lines in self.classes.items()
        }

    # -- maps, mailers and the rest

    @cached_property
    def maps(self) -> dict[str, CfMap]:
        """Each map of the K lines: a later line gives it its type, adds flags, and replaces a file if it has one."""
        found: dict[str, CfMap] = {}
        for map_ in self.all(CfMap):
            old = found.get(map_.name)
            if old is not None:
                given = {flag.text for flag in map_.flags}
                map_ = map_._replace(flags=(*(f for f in old.flags if f.text not in given), *map_.flags))
                if not map_.file:
                    map_ = map_._replace(file=old.file, rest=map_.rest or old.rest, file_span=old.file_span)
            found[map_.name] = map_
        return found

    @property
    def alias_files(self) -> list[CfMap]:
        """The files of AliasFile, in the order in which sendmail asks them; of too many the first."""
        return self._alias_files[:MOST_ALIAS_FILES]

    @property
    def excess_alias_file(self) -> CfMap | None:
        """The first alias file that is one too many: sendmail stops at it."""
        return self._alias_files[MOST_ALIAS_FILES] if len(self._alias_files) > MOST_ALIAS_FILES else None

    @cached_property
    def _alias_files(self) -> list[CfMap]:
        return list(islice(alias_files(self.settings("AliasFile")), MOST_ALIAS_FILES + 1))

    @property
    def user_databases(self) -> list[CfMap]:
        """The files of UserDatabaseSpec."""
        return list(user_databases(self.option("UserDatabaseSpec")))

    @cached_property
    def mailers(self) -> dict[str, Mailer]:
        """The last definition of each mailer, by its name in lower case, in the order of the first ones."""
        return {mailer.name.lower(): mailer for mailer in self.all(Mailer)}

    @cached_property
    def queue_groups(self) -> dict[str, QueueGroup]:
        """The last definition of each queue group."""
        return {group.name: group for group in self.all(QueueGroup)}

    @cached_property
    def filters(self) -> dict[str, Filter]:
        """The first definition of each mail filter: sendmail stops at a second one."""
        return _firsts((each.name, each) for each in self.all(Filter))

    @cached_property
    def headers(self) -> list[CfHeader]:
        """The headers that are added: of several lines the last one, but of Received all."""
        found: dict[object, CfHeader] = {}
        for header in self.all(CfHeader):
            if not header.ruleset:
                name = header.name.lower()
                key: object = id(header) if name in _TRACE_HEADERS else name
                found.pop(key, None)
                found[key] = header
        return list(found.values())

    @cached_property
    def header_checks(self) -> dict[str, CfHeader]:
        """By name in lower case ("*" for all others), the last line that names a ruleset to check it with."""
        return {header.name.lower(): header for header in self.all(CfHeader) if header.ruleset}

    @cached_property
    def precedences(self) -> dict[str, Precedence]:
        """By name in lower case, the first line for it."""
        return _firsts((each.name.lower(), each) for each in self.all(Precedence))

    @cached_property
    def environment(self) -> dict[str, EnvironmentVariable]:
        """The last line with a value for each name; one without a value changes nothing that was set."""
        found: dict[str, EnvironmentVariable] = {}
        for each in self.all(EnvironmentVariable):
            if each.value is not None or each.name not in found:
                found[each.name] = each
        return found

    @cached_property
    def trusted_users(self) -> list[Member]:
        """Class t: users who may set the sender of a message."""
        return list(self.members("t"))

    @cached_property
    def rulesets(self) -> list[Ruleset]:
        """The rulesets in the order of their first S lines; a second S line of the same one adds to it."""
        numbers: dict[str, int] = {}
        starts: dict[int | str, list[RulesetStart]] = {}
        rules: dict[int | str, list[CfRule]] = {}
        key: int | str = ""
        for item in self.items:
            if isinstance(item, RulesetStart):
                number = item.number if item.number is not None else numbers.get(item.name)
                if number is None:
                    key = item.name
                else:
                    key = numbers[item.name] = number
                starts.setdefault(key, []).append(item)
            elif isinstance(item, CfRule):
                rules.setdefault(key, []).append(item)
        return [
            Ruleset(
                tuple(dict.fromkeys(start.name for start in found)),
                key if isinstance(key, int) else None,
                tuple(found),
                tuple(rules.get(key, ())),
            )
            for key, found in starts.items()
        ]

    def ruleset(self, name: str) -> Ruleset | None:
        """The ruleset of this name or number; names count as they are written."""
        return next((found for found in self.rulesets if name in found.names or name == str(found.number)), None)


def _firsts(pairs: Iterable[tuple[str, T]]) -> dict[str, T]:
    """Of several values of a name the first."""
    found: dict[str, T] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found


def taken_in(word: str) -> str:
    """The class that a word of a C line stands for (``$=x``, ``$={name}``); "" for a plain word."""
    if not word.startswith("$="):
        return ""
    name = word[2:]
    return name[1 : name.find("}")] if name.startswith("{") and "}" in name else name[:1]
