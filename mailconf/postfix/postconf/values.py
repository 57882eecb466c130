"""What postconf(1) knows of a configuration: values, defaults, and which names mean something.

A name means something when it is built in, belongs to a service in master.cf, or is the user's and used. It is used

- as ``$name`` in a value of main.cf or of a service's ``-o`` (postconf looks at every value, used or not);
- in smtpd_restriction_classes;
- as ``NAME_suffix`` where a built-in parameter names a table ``type:NAME`` of a database (`DATABASES`).

A service's ``-o`` settings are a scope of their own: a name that they define is theirs, in their values and, for the
purpose of "used", in main.cf's. The engine's warnings come out in the order of its hash tables (`hash_order`).

Departure: the engine reads main.cf again and again while it is less than a second old, and warns each time.
"""

from __future__ import annotations

import errno
import os
import sys

from mailconf.encoding import decode, encode
from mailconf.postfix.parameters.catalogue import BASE, ServiceParameters, default_unit, time_value
from mailconf.postfix.parameters.releases import NULLS, NULLS_WARNED
from mailconf.postfix.postconf.hashorder import hash_order
from mailconf.postfix.settings import machine
from mailconf.postfix.settings.values import Values
from mailconf.postfix.text import main_cf, master_cf
from mailconf.postfix.text.expand import MacroError, scan
from mailconf.postfix.text.lines import MAX_MASTER, null_lines, shortened, split_name_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping

    from mailconf.postfix.parameters.catalogue import ParameterSet
    from mailconf.postfix.text.master_cf import Entries, ServiceEntry

BUILTIN, SERVICE, USER = "builtin", "service", "user"
SEPARATORS = ", \t\r\n"
DEFAULT_DIRECTORY = "/etc/postfix"
SORTED_SINCE = (3, 11)
COMMENTS_SINCE = (3, 8)
# Defaults that are postconf's own.
FIXED: dict[str, Callable[[Postconf], str]] = {
    "config_directory": lambda _: DEFAULT_DIRECTORY,
    "process_name": lambda postconf: postconf.program,
    "process_id": lambda _: str(os.getpid()),
}
MAX_TABLES_TEXT = 200_000  # characters of one value that are searched for tables, those in braces once for each level


class PostconfFatal(Exception):
    """postconf stops with these words."""


class Scope:
    """The ``-o`` settings of one service, and which of the names that they define are used.

    Entries of the same name and type share their ``values`` from the first on that has any, as in the original.
    """

    __slots__ = ("_entries", "_number", "_used", "name", "program", "type", "values")

    def __init__(self, entries: Entries, number: int, entry: ServiceEntry, values: dict[str, str]) -> None:
        """``entry`` is that of the ``number`` in ``entries``, which reads it anew: it is not kept."""
        self._entries = entries
        self._number = number
        self.name = entry.name
        self.type = sys.intern(entry.type)
        self.program = sys.intern(entry.fields[master_cf.COMMAND].text)
        self.values = values
        self._used: set[str] | None = None

    @property
    def entry(self) -> ServiceEntry:
        return self._entries[self._number]

    def use(self, name: str) -> None:
        """Note that ``name`` is used."""
        if self._used is None:
            self._used = set()
        self._used.add(name)

    def uses(self, name: str) -> bool:
        return self._used is not None and name in self._used


class Postconf:
    """One configuration in ``directory``; warnings go to ``warn``, without the program's name."""

    def __init__(
        self,
        directory: str,
        warn: Callable[[str], None],
        read: Callable[[str], str],
        postfix: ParameterSet = BASE,
    ) -> None:
        """``read`` gives the text of a file named as the configuration names it, or raises OSError."""
        self.postfix = postfix
        self.directory = directory
        self.main_file = f"{directory}/main.cf"
        self.master_file = f"{directory}/master.cf"
        self.values: MutableMapping[str, str] = {}
        self.services: list[Scope] = []
        self.of_services = ServiceParameters()
        self.users: set[str] = set()
        self.program: str = "postconf"
        self._warn = warn
        self._read = read
        self.told_deprecated = False
        self._tables_read: set[str] = set()
        self._scopes: dict[str, list[Scope]] = {}  # the services that set a name

    # Reading

    def read_main(self) -> None:
        """Read main.cf. Raises Fatal as the engine does: at the first line that defines nothing."""
        self._read_file(self.main_file, self.values)

    def _read_file(self, name: str, values: MutableMapping[str, str]) -> None:
        try:
            text = self._read(name)
        except OSError as failure:
            doing = "read" if isinstance(failure, IsADirectoryError) else "open"
            raise PostconfFatal(f"{doing} {name}: {failure.strerror}") from None
        nulls = self._nulls(text)
        for found in main_cf.read(text):
            self._tell_null(name, nulls.pop(found.line, ""))
            if isinstance(found, main_cf.BrokenLine):
                if found.problem != main_cf.ORPHAN:
                    raise PostconfFatal(f'{name}, line {found.line}: {found.problem}: "{found.text}"')
                self._warn(f'{name}: {found.problem}: "{shortened(found.logical)}"')
                continue
            if values.get(found.name, found.value) != found.value:
                self._warn(f"{name}, line {found.line}: overriding earlier entry: {found.name}={values[found.name]}")
            values[found.name] = found.value
        for lines in nulls.values():
            self._tell_null(name, lines)

    def _nulls(self, text: str) -> dict[int, str]:
        """The messages about bytes of value 0, by the line where a logical line begins; nothing before Postfix 3.9."""
        if self.postfix.version < NULLS_WARNED:
            return {}
        return {first: words for first, _, words in null_lines(text)}

    def _tell_null(self, name: str, lines: str) -> None:
        if lines:
            self._warn(f"{name}, line {lines}: {NULLS}")

    def override(self, text: str) -> None:
        """``-o name=value``."""
        found = split_name_value(text)
        if isinstance(found, str):
            raise PostconfFatal(f"invalid parameter override: {text}: {found}")
        self.values[found[0]] = found[1]

    def read_master(self, *, required: bool) -> None:
        """Read master.cf; when it is missing, warn, or with ``required`` stop."""
        try:
            text = self._read(self.master_file)
            if len(text) > MAX_MASTER:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        except IsADirectoryError:
            text = ""  # reading fails, which the original does not notice
        except OSError as failure:
            message = f"open {self.master_file}: {failure.strerror}"
            if required:
                raise PostconfFatal(message) from None
            self._warn(message)
            return
        entries = master_cf.Entries(text)
        self._take(entries, self._usable(text, entries))

    def _usable(self, text: str, entries: Entries) -> Iterator[ServiceEntry]:
        """The entries that the engine takes, each of which is put into ``entries``. Raises Fatal."""
        nulls = self._nulls(text)
        for entry in master_cf.read(text):
            self._tell_null(self.master_file, nulls.pop(entry.line, ""))
            for problem in entry.problems:
                words = problem.engine.replace(master_cf.FILE, self.master_file)
                if problem.fatal:
                    raise PostconfFatal(words)
                self._warn(words)
            if entry.usable:
                entries.add(entry)
                yield entry
        for lines in nulls.values():
            self._tell_null(self.master_file, lines)

    def take_services(self, entries: Entries) -> None:
        """Take ``entries``, all usable, for master.cf's."""
        self._take(entries, entries)

    def _take(self, entries: Entries, each: Iterable[ServiceEntry]) -> None:
        """Take ``each`` of ``entries``."""
        shared: dict[tuple[str, str], dict[str, str]] = {}
        for number, entry in enumerate(each):
            key = (entry.name, entry.type)
            if own := {override.name: override.value for override in entry.overrides}:
                shared.setdefault(key, {}).update(own)
            self.services.append(Scope(entries, number, entry, shared.get(key, {})))
        self.of_services = ServiceParameters(
            ((scope.name, scope.program) for scope in self.services), self.postfix.parameters
        )

    # Values

    def is_known(self, name: str) -> bool:
        """Whether ``name`` is not the user's."""
        return name in self.postfix.parameters or name in self.postfix.legacy or name in self.of_services

    def is_parameter(self, name: str) -> bool:
        """Whether ``name`` means anything here."""
        return self.is_known(name) or name in self.users

    def is_set(self, name: str) -> bool:
        """Whether main.cf sets ``name``, and the engine lets it."""
        return name in self.values and name not in self.postfix.read_only

    def is_raw(self, name: str) -> bool:
        """Whether the engine keeps the value of ``name`` unexpanded."""
        return name in self.postfix.raw

    def of(self, values: Mapping[str, str]) -> Values:
        """The values where ``values`` are set: main.cf's, or what a service sees."""
        given = self._given_by_main if values is self.values else values.get
        return _Values(self, given)

    def _given_by_main(self, name: str) -> str | None:
        return None if name in self.postfix.read_only else self.values.get(name)

    def fixed_default(self, name: str) -> str | None:
        """The default that a parameter has on each machine; None for a name without one."""
        if name in FIXED:
            return FIXED[name](self)
        found = self.postfix.parameters.get(name) or self.of_services.get(name)
        return found[1] if found else None

    def default(self, name: str, values: Mapping[str, str]) -> str:
        """The default of a parameter where ``values`` are set; "" for a name without one. Raises Fatal."""
        return self._caught(lambda: self.of(values).default(name) or "")

    def raw(self, name: str, values: Mapping[str, str]) -> str:
        """The unexpanded value where ``values`` are set. Raises Fatal."""
        return self._caught(lambda: self.of(values).raw(name) or "")

    def _caught(self, ask: Callable[[], str]) -> str:
        try:
            return ask()
        except machine.BadValue as failure:
            raise PostconfFatal(str(failure)) from None
        except MacroError as failure:
            raise self.failed(failure) from None

    def value(self, name: str) -> str:
        """The expanded value of a parameter. Raises Fatal."""
        return self.expand(self.raw(name, self.values), self.values)

    def seconds(self, name: str) -> int:
        """The value of a time parameter. Raises Fatal."""
        text = self.value(name)
        found = time_value(text, default_unit(name, self.postfix.parameters))
        if found is None:
            raise PostconfFatal(f"parameter {name}: bad time value or unit: {text}")
        return found

    def bounce_value(self, name: str) -> str | None:
        """The expanded value of what bounce(8) knows: what main.cf sets, and some parameters of its own."""
        from mailconf.postfix.parameters.bounce_templates_data import KNOWN

        return self.value(name) if name in self.values or name in KNOWN else None

    def expand(self, text: str, values: Mapping[str, str]) -> str:
        """``text`` expanded over ``values`` and the defaults. Raises Fatal."""
        return self._caught(lambda: self.of(values).expand(text))

    def failed(self, failure: MacroError, where: str = "") -> PostconfFatal:
        """The error that postconf ends with; its warnings are given."""
        if failure.fatal:
            return PostconfFatal(failure.messages[0])
        for message in failure.messages:
            self._warn(message)
        return PostconfFatal(f"{where}macro processing error")

    def scope_values(self, scope: Scope) -> Mapping[str, str]:
        """What a service sees: its own settings over main.cf's."""
        from collections import ChainMap

        return ChainMap(scope.values, {"service_name": scope.name, "process_name": scope.program}, self.values)

    # Names

    def register_users(self) -> None:
        """Find the user's parameters that are used; warn of names that are not defined."""
        for service in self.services:
            for name in service.values:
                self._scopes.setdefault(name, []).append(service)
        self.users |= {name for name in self.postfix.legacy if self._is_given(name)}
        for scope in (*self.services, None):
            if scope is None:
                self._compute_defaults()
            values = scope.values if scope else self.values
            self._register_classes(values, scope)
            self._scan_values(values, scope)

    def _is_given(self, name: str) -> bool:
        """Whether main.cf or a service sets a name."""
        return name in self.values or name in self._scopes

    def _compute_defaults(self) -> None:
        """Compute the defaults that depend on values, as the engine does at this point. Raises Fatal for wrong ones.

        The default of myhostname holds the value of mydomain, and the other way round; what they come to is read for
        references like main.cf's values.
        """
        self._scan_default("myhostname", "mydomain")
        if "mynetworks" not in self.values:
            try:
                machine.check(lambda name: self.of(self.values).at(name, nothing_known))
            except machine.BadValue as failure:
                raise PostconfFatal(str(failure)) from None
        self._scan_default("mydomain", "myhostname")

    def _scan_default(self, name: str, source: str) -> None:
        """Scan the default of ``name``, which comes from ``source``."""
        if source in self.values and name not in self.values:
            text = self.default(name, self.values)
            scan(text, lambda other: self._use(other, None), self._warn, version=self.postfix.version)

    def _scan_values(self, values: Mapping[str, str], scope: Scope | None) -> None:
        file = self.master_file if scope else self.main_file

        def seen(name: str) -> None:
            self._use(name, scope)

        for name in hash_order(values, self.postfix.version):
            if name in self.postfix.read_only:
                self._warn(f"{file}: read-only parameter assignment: {name}={values[name]}")
                if scope:
                    del scope.values[name]
                continue
            if name in self.postfix.raw:
                continue
            value = values[name]
            scan(value, seen, self._warn, version=self.postfix.version)
            if name in self.postfix.parameters or name in self.of_services:
                seen_values = self.scope_values(scope) if scope else values
                self._scan_tables(self.expand(value, seen_values), scope)

    def _use(self, name: str, scope: Scope | None) -> None:
        """The user refers to ``name``."""
        if self.is_known(name) and name not in self.postfix.legacy:
            return
        if scope is not None and name in scope.values:
            scope.use(name)
            return
        found = self._use_if_defined(name, scope)
        if not found and name not in self.postfix.legacy:
            self._warn(f"{self.master_file if scope else self.main_file}: undefined parameter: {name}")

    def _use_if_defined(self, name: str, scope: Scope | None) -> bool:
        found = False
        if name in self.values:
            self.users.add(name)
            found = True
        if scope is None:
            for other in self._scopes.get(name, ()):
                if name in other.values:
                    other.use(name)
                    found = True
        return found

    def _register_classes(self, values: Mapping[str, str], scope: Scope | None) -> None:
        """The classes that smtpd_restriction_classes names; its value is expanded without the defaults."""
        if "smtpd_restriction_classes" not in values:
            return
        seen = self.scope_values(scope) if scope else self.values
        for name in _split(self.of(seen).at("smtpd_restriction_classes", nothing_known)):
            self._use(name, scope)

    def _scan_tables(self, value: str, scope: Scope | None) -> None:
        """Find the database tables that an expanded value names, in braces as well, as far as MAX_TABLES_TEXT goes."""
        left = MAX_TABLES_TEXT
        pending = [(value, master_cf.split_words(value, SEPARATORS))]
        while pending:
            text, words = pending[-1]
            word, at = next(words, ("#", -1))
            if at < 0 or (word.startswith("#") and self._tell_comment(word, text, at, scope)):
                pending.pop()
                continue
            group = self._scan_word(word, scope)
            if group:
                inner, problem = master_cf.unbrace(group)
                if problem:
                    self._warn(f"{self._group_place(scope)}: {problem}")
                left -= len(inner)
                if left > 0 and (":" in inner or "{" in inner or "#" in inner):
                    pending.append((inner, master_cf.split_words(inner, SEPARATORS)))

    def _tell_comment(self, word: str, text: str, at: int, scope: Scope | None) -> bool:
        """Warn of what looks like a comment after a value; False before Postfix 3.8, which did not look for it."""
        if self.postfix.version < COMMENTS_SINCE:
            return False
        behind = at + len(word) + 1
        rest = decode(encode(text[behind : behind + 20])[:20])
        file = self.master_file if scope else self.main_file
        self._warn(f"{file}: #comment after other text is not allowed: {word} {rest}...")
        return True

    def _group_place(self, scope: Scope | None) -> str:
        """What messages about a table in braces name: the file, since Postfix 3.8 with its folder, and the service."""
        folder = self.postfix.version >= COMMENTS_SINCE
        if scope is None:
            return self.main_file if folder else "main.cf"
        return f"{self.master_file if folder else 'master.cf'}:{scope.name}/{scope.type}"

    def _scan_word(self, word: str, scope: Scope | None) -> str:
        """Use the table that ``word`` names; the part in braces that is to be looked into, "" without braces."""
        if word.startswith("{"):
            return word
        if ":" not in word:
            return ""
        from mailconf.maps.reference import PROXY, TableRef  # it takes a millisecond

        kind, name = TableRef.parse(word)
        while kind == PROXY:
            if ":" not in name:
                return ""
            kind, name = TableRef.parse(name)
        if name.startswith("{"):  # also after a colon alone
            return name
        if kind in self.postfix.databases:
            self._use_database(kind, name, scope)
        return ""

    def _use_database(self, kind: str, name: str, scope: Scope | None) -> None:
        if not name.startswith("/"):
            for suffix in self.postfix.databases[kind]:
                full = f"{name}_{suffix}"
                if not self._is_given(full):
                    continue
                if scope is not None and full in scope.values:
                    scope.use(full)
                else:
                    self._use_if_defined(full, scope)
            return
        if f"{kind}:{name}" in self._tables_read:
            return
        self._tables_read.add(f"{kind}:{name}")
        values: dict[str, str] = {}
        try:
            self._read(name)
        except IsADirectoryError:
            self._warn(f'open "{kind}" configuration "{name}": not a regular file')
            return
        except OSError as failure:
            self._warn(f'open "{kind}" configuration "{name}": {failure.strerror}')
            return
        self._read_file(name, values)
        for other in hash_order(values, self.postfix.version):
            if other not in self.postfix.databases[kind]:
                self._warn(f"{kind}:{name}: unused parameter: {other}={values[other]}")

    def complaints_of_main(self) -> Iterator[str]:
        """The warnings about main.cf's settings that nothing uses, or that will go."""
        for name in self._walk(self.values):
            if not self.is_parameter(name):
                yield f"{self.main_file}: unused parameter: {name}={self.values[name]}"
            elif name in self.postfix.deprecated:
                yield self._deprecated(self.main_file, name)

    def complaints_of_master(self) -> Iterator[str]:
        """The same about services' settings."""
        for scope in self.services:
            for name in self._walk(scope.values):
                if not self.is_parameter(name) and not scope.uses(name):
                    yield f"{self.master_file}: unused parameter: {name}={scope.values[name]}"
                elif name in self.postfix.deprecated:
                    yield self._deprecated(self.master_file, name)

    def _walk(self, values: Mapping[str, str]) -> list[str]:
        """The order of such warnings: from 3.11 on sorted, before that the hash table's."""
        return sorted(values) if self.postfix.version >= SORTED_SINCE else hash_order(values, self.postfix.version)

    def _deprecated(self, file: str, name: str) -> str:
        self.told_deprecated = True
        return f'{file}: support for parameter "{name}" will be removed; instead, {self.postfix.deprecated[name]}'

    def names(self, classes: set[str], *, only_set: bool = False) -> list[str]:
        """The parameters of the classes, BUILTIN, SERVICE and USER, sorted; ``only_set``: those that main.cf sets."""
        if only_set:
            kinds = ((BUILTIN, self.postfix.parameters), (SERVICE, self.of_services), (USER, self.users))
            wanted = [names for kind, names in kinds if kind in classes]
            given = (name for name in self.values if self.is_set(name))
            return sorted((name for name in given if any(name in names for names in wanted)), key=encode)
        found: list[str] = []
        if BUILTIN in classes:
            found += self.postfix.parameters
        if SERVICE in classes:
            found += self.of_services
        if USER in classes:
            found += self.users
        return sorted(set(found), key=encode)


class _Values(Values):
    """The values as postconf shows them: it computes the machine's from what main.cf sets alone."""

    __slots__ = ("_owner",)

    def __init__(self, owner: Postconf, given: Callable[[str], str | None]) -> None:
        version = owner.postfix.version
        super().__init__(given, owner.fixed_default, settling=lambda _: nothing_known, version=lambda: version)
        self._owner = owner

    def default(self, name: str) -> str | None:
        found = super().default(name)
        return f"{found} " if name == "mynetworks" and found else found  # the engine's ends so; -j shows it

    def at(self, name: str, is_known: Callable[[str], bool]) -> str:
        """Raises Fatal in the words for the dictionary of what main.cf sets."""
        try:
            return super().at(name, is_known)
        except MacroError as failure:
            raise self._owner.failed(failure, "dictionary mail_dict: " if self.is_given(name) else "") from None


def nothing_known(_: str) -> bool:
    """No default is known."""
    return False


def _split(text: str) -> list[str]:
    for separator in SEPARATORS[:1] + SEPARATORS[2:]:
        text = text.replace(separator, " ")
    return [word for word in text.split(" ") if word]
