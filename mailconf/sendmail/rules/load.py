"""Reads a sendmail.cf whole, line by line, as sendmail does: into a `Rulebook`.

The lines are those of `mailconf.sendmail.cf.lines`. Each is taken with the macros that are defined by then; what is
wrong with it is reported in sendmail's words and order, and reading goes on. `Stopped` ends it where sendmail exits.

`load` also does what follows the file: the names of the machine, class w and m, the mailers that always exist.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace

from mailconf.files import Tree
from mailconf.sendmail.cf.items import is_map_spec
from mailconf.sendmail.cf.lines import WORD, CfLine, folded_lines
from mailconf.sendmail.cf.quotes import unquoted
from mailconf.sendmail.rules.book import AddedHeader, Rulebook
from mailconf.sendmail.rules.class_files import add_file
from mailconf.sendmail.rules.classes import folded
from mailconf.sendmail.rules.compile import check_rule
from mailconf.sendmail.rules.kinds import kinds
from mailconf.sendmail.rules.load_equates import read_filter, read_mailer, read_queue
from mailconf.sendmail.rules.load_options import Options
from mailconf.sendmail.rules.machine import Machine
from mailconf.sendmail.rules.map_lines import parse_file, sequence_words
from mailconf.sendmail.rules.maps import DefinedMap, MapFlags, MapKind
from mailconf.sendmail.rules.problems import EX_OSFILE, Problems, Stopped, number, shortened
from mailconf.sendmail.rules.symbols import CALL, IN_CLASS, META
from mailconf.sendmail.rules.version import DEFAULT, LEVEL, SendmailVersion
from mailconf.source import Source, encode

_SPACES = " \t\n\v\f\r"
_MOST_LINE = 2047
_MOST_PRIORITIES = 25
_MOST_MEMBERS = 12
_HEADER_NAME = 100
_FILE_NAME = 83
MAILERS = (
    "prog, P=/bin/sh, F=lsouDq9, T=X-Unix/X-Unix/X-Unix, A=sh -c $u",
    "*file*, P=[FILE], F=lsDFMPEouq9, T=X-Unix/X-Unix/X-Unix, A=FILE $u",
    "*include*, P=/dev/null, F=su, A=INCLUDE $u",
)


def load(
    root: Tree,
    name: str,
    problems: Problems,
    *,
    mode: str = "d",
    cdb: bool = False,
    runs: bool = False,
    machine: Machine | None = None,
    version: SendmailVersion = DEFAULT,
    given: Sequence[str] = (),
    verbose: bool = False,
) -> Rulebook:
    """The configuration in the file ``name``; Stopped where sendmail would not go on at all.

    mode     sendmail's, the letter after -b; in address test mode ("t") it reports some mistakes that else are none
    cdb      whether cdb maps can be read
    runs     whether commands of lines F are run
    machine  the machine whose names, users and services count; else this one
    version  the version of sendmail whose words are meant
    given    options of the command line, ``Name=value``: what the file sets of them does not count
    verbose  whether -v is given, with which it says what it says in address test mode
    """
    loader = Loader(root, machine or Machine(root), problems, mode=mode, cdb=cdb, runs=runs, version=version)
    loader.begin()
    loader.talks = loader.testing or verbose
    for option in given:
        loader.options.command_line(f"O {option}")
    return loader.load(name)


def open_cf(root: Tree, name: str, problems: Problems) -> Source:
    """The text of a configuration; Stopped, after a message, where there is none that can be read."""
    try:
        if not name:
            raise FileNotFoundError(2, os.strerror(2))
        if not root.is_file(name) and root.exists(name):
            problems.place = f"{shortened(name, _FILE_NAME)}: line 0"
            problems.system("not a plain file")
            raise Stopped(EX_OSFILE)
        return Source.read(root, name, name)
    except OSError as failure:
        problems.place = f"{shortened(name, _FILE_NAME)}: line 0"
        problems.system("cannot open", failure.strerror or str(failure))
        raise Stopped(EX_OSFILE) from failure


def load_source(
    source: Source, machine: Machine, problems: Problems, *, mode: str = "d", cdb: bool = False, runs: bool = False
) -> Rulebook:
    """What `load` returns, of a text that has been read; its other files are those of the machine's tree."""
    loader = Loader(machine.root, machine, problems, mode=mode, cdb=cdb, runs=runs)
    loader.begin()
    return loader.load_source(source)


class Loader:
    """One file as it is read; `begin`, options of the command line (`Options.given`), then `load`."""

    def __init__(
        self,
        root: Tree,
        machine: Machine,
        problems: Problems,
        *,
        mode: str = "d",
        cdb: bool = False,
        runs: bool = False,
        version: SendmailVersion = DEFAULT,
    ) -> None:
        self.root = root
        self.source = Source("", "")
        self.machine = machine
        self.problems = problems
        self.mode = mode
        self.runs = runs
        self.testing = self.talks = mode == "t"
        self.named: Callable[[str], None] = lambda name: None  # called with each name that an interface has given
        self.after_names: Callable[[], None] = lambda: None  # called when the file is read, before it is judged
        self.book = Rulebook("", problems, version)
        self.kinds = kinds(cdb=cdb)
        self.options = Options(self)
        self._ruleset: int | None = None
        self._flags: dict[tuple[object, ...], MapFlags] = {}
        self._alias_files = 0
        self._readers: dict[str, Callable[[str], None]] = {
            "R": self._rule,
            "S": self._ruleset_line,
            "D": self._macro,
            "H": self._header,
            "C": self._class,
            "T": self._trusted,
            "F": self._class_file,
            "M": self._mailer,
            "O": self.options.line,
            "P": self._priority,
            "Q": lambda text: read_queue(self, text[1:]),
            "V": self._version,
            "K": self._map,
            "E": self._environment,
            "X": lambda text: read_filter(self, text[1:]),
        }

    def load(self, name: str) -> Rulebook:
        """Read the file ``name`` after `begin`, and do what follows it; Stopped as `load`."""
        return self.load_source(open_cf(self.root, name, self.problems))

    def load_source(self, source: Source) -> Rulebook:
        """What `load` returns, of a text that has been read."""
        self.source = source
        self.book.name = source.name
        self.read()
        self.finish()
        return self.book

    # -- before and after the file

    def begin(self) -> None:
        """What is there before the file is read."""
        book = self.book
        for line in MAILERS:
            read_mailer(self, book.names.marked(line))
        book.macros.set("v", book.version.number)
        book.macros.define("opMode", self.mode)
        if self.mode in _SUBMITTING:
            book.names.character("daemon_flags")
        names = self.machine.names()
        for macro in "wj":
            book.macros.set(macro, names.host)
        book.classes.add("w", names.host)
        _, dot, domain = names.host.partition(".")
        if dot and domain:
            book.macros.set("m", domain)
        book.macros.set("k", names.node)
        book.classes.add("k", names.node)
        book.classes.add("w", names.node)
        for name in names.others:
            book.classes.add("w", name)

    def read(self) -> None:
        name = shortened(self.source.name, _FILE_NAME)
        for line in folded_lines(self.source):
            if line.text:
                self.problems.place = f"{name}: line {line.last}"
                self._line(line)
        self.problems.place = ""

    def finish(self) -> None:
        """What follows the file: maps that always exist, names of the machine, mailers, classes of its own."""
        book, problems = self.book, self.problems
        if "host" not in book.maps:
            self.define_map("host host -a. -D" if book.level >= 2 else "host host")
        if "aliases.files" not in book.maps:
            self.define_map("aliases.files null")
        if "aliases" not in book.maps:
            self.define_map("aliases switch aliases")
        self._own_names()
        self.after_names()
        if book.level > LEVEL:
            about = f"exceeds sendmail version {book.version.number} functionality ({LEVEL})"
            problems.system(f"Warning: .cf version level ({book.level}) {about}")
        self.options.check()
        if book.level < LEVEL and self.talks:
            about = f"sendmail {book.version.number} supports version {LEVEL}, .cf file is version {book.level}"
            problems.remark(f"Warning: .cf file is out of date: {about}")
        host = self.expanded(book.names.marked("$j")) or "localhost"
        if "." not in host and self.talks:
            problems.remark(f"WARNING: local host name ({host}) is not qualified; see cf/README: WHO AM I?")
        book.classes.add("w", host)
        if "local" not in book.mailers:
            problems.system("No local mailer defined")
        self._adjust_mailers()
        for character, words in _OWN_CLASSES:
            name = book.names.character(character)
            for word in words:
                book.classes.add(name, word)

    def _own_names(self) -> None:
        book = self.book
        domain = self.expanded(book.names.marked("$m"))
        if domain:
            book.classes.add("m", domain)
        probe = book.options.get("DontProbeInterfaces")
        if probe is not None and probe.lower() != "loopback" and book.flag("DontProbeInterfaces"):
            return
        for interface in self.machine.interfaces(loopback=(probe or "").lower() != "loopback"):
            if not book.classes.has("w", interface.address):
                book.classes.add("w", interface.address)
                self.named(interface.address)
            for name in interface.names:
                if not book.classes.has("w", name):
                    book.classes.add("w", name)
                    book.classes.add("w", f"[{name}]")
                    self.named(name)

    def _adjust_mailers(self) -> None:
        mailers, level = self.book.mailers, self.book.level
        for name in ("prog", "*file*"):
            mailers[name].flags.discard("m")
            mailers[name].flags.update("o" if level < 6 else "")
        local = mailers.get("local")
        if local is not None and level < 6:
            local.flags.update("Aw5:|/@")
        if level < 7:
            for name in ("local", "prog", "*file*"):
                if name in mailers:
                    mailers[name].flags.add("q")

    # -- lines

    def _line(self, line: CfLine) -> None:
        text = line.text if line.text.isascii() else encode(line.text).decode("latin-1")
        text = self.book.names.marked(text)
        if not text or text[0] == "#":
            return
        reader = self._readers.get(text[0])
        if reader is None:
            self._unknown(text)
        else:
            self._number = line.last
            reader(text)

    def _unknown(self, text: str) -> None:
        self.problems.system(f'unknown configuration line "{text}"')

    def expanded(self, text: str) -> str:
        """The text with the macros that are defined by now."""
        if META.search(text) is None:
            return text[:_MOST_LINE]
        return self.book.macros.expand(text, self.problems.system, _MOST_LINE)

    def _rule(self, text: str) -> None:
        if self._ruleset is None:
            self.problems.system(f'missing valid ruleset for "{text}"')
            return
        tab = text.find("\t", 1)
        if tab < 0:
            self.problems.system(f'invalid rewrite line "{text}" (tab expected)')
            return
        left = self.expanded(text[1:tab])
        right = self.expanded(text[tab:].lstrip("\t").partition("\t")[0])
        book = self.book
        tokeniser, keeping = book.tokeniser, book.level >= 9
        check_rule(tokeniser.side(left, keeping), tokeniser.side(right, keeping), self.problems.system)
        book.add_rule(self._ruleset, left, right, self._number)

    def _ruleset_line(self, text: str) -> None:
        self._ruleset, _ = self.book.read_number(self.expanded(text[1:]), self.problems, enter=True)
        if self._ruleset is not None and self.book.rulesets[self._ruleset] and self.testing:
            self.problems.say(f"WARNING: Ruleset {text[1:]} has multiple definitions")

    def _macro(self, text: str) -> None:
        character, end = self.book.names.parse(text, 1)
        if character:
            self.book.macros.set(character, unquoted(text[end:])[:_MOST_LINE])

    def _class(self, text: str) -> None:
        character, end = self.book.names.parse(text, 1)
        if character:
            self.add_words(character, self.expanded(text[end:]))

    def _trusted(self, text: str) -> None:
        self.add_words("t", text[1:])

    def add_words(self, character: str, text: str) -> None:
        """Add the words of a text to a class; ``$=x`` is what class x has now."""
        for found in WORD.finditer(text):
            word = found[0]
            if word[0] == IN_CLASS:
                if word[1:2]:
                    self.book.classes.take_in(character, word[1])
            else:
                self.book.classes.add(character, word)

    def _class_file(self, text: str) -> None:
        character, end = self.book.names.parse(text, 1)
        if not character:
            return
        rest = text[end:].lstrip(_SPACES)
        optional = rest.startswith("-o")
        if optional:
            words = rest.split(None, 1)
            rest = words[1] if len(words) > 1 else ""
        add_file(self, character, rest, optional=optional, is_map=is_map_spec(rest))

    def _mailer(self, text: str) -> None:
        read_mailer(self, text[1:])

    def _priority(self, text: str) -> None:
        if len(self.book.priorities) >= _MOST_PRIORITIES:
            self.problems.system(f"too many P lines, {_MOST_PRIORITIES} max")
            return
        name, equals, value = text[1:].partition("=")
        if not equals:
            self._unknown(text)
            return
        self.book.priorities.setdefault(name.lower(), number(value))

    def _version(self, text: str) -> None:
        rest = text[1:].lstrip(_SPACES)
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        if not digits:
            self.problems.system(f'invalid argument to V line: "{text[1:21]}"')
            return
        book = self.book
        book.level = int(digits[:9])
        if book.level >= 5:
            short, dot, _ = (book.macros.get("w") or "").partition(".")
            if dot:
                book.macros.set("w", short)
        if rest[len(digits) :].startswith("/"):
            vendor = rest[len(digits) + 1 :]
            end = next((at for at, c in enumerate(vendor) if not (c.isascii() and c.isalpha())), len(vendor))
            if vendor[:end].lower() != "berkeley":
                self.problems.system(f'invalid V line vendor code: "{vendor[:end]}"')

    def _environment(self, text: str) -> None:
        name, equals, value = text[1:].partition("=")
        if equals or name not in self.book.environment:
            self.book.environment[name] = value if equals else None

    def _header(self, text: str) -> None:
        """A header line: which ruleset checks it, or what is added where a message has no such field."""
        line = rest = text[1:]
        condition = ""
        if rest.startswith("?"):
            condition, mark, after = rest[1:].partition("?")
            if not mark or not _is_condition(condition):
                self._header_mistake(line)
                return
            rest = after
            line = line[: len(line) - len(after) - 1]  # as far as it was read, in messages
        end = next((at for at, c in enumerate(rest) if not "!" <= c <= "~" or c == ":"), len(rest))
        name, value = rest[:end], rest[end:].lstrip(_SPACES)
        if not name or not value.startswith(":"):
            self._header_mistake(line)
            return
        if len(name) > _HEADER_NAME:
            return
        call = self.expanded(value[1:])[:49].lstrip(_SPACES)
        if call.startswith(CALL):
            keeps = call[1:2] == "+"
            ruleset = call[2:] if keeps else call[1:]
            number, end = self.book.read_number(ruleset, self.problems, enter=True)
            if number is not None and number > 0:
                self.book.headers[name.lower()] = ruleset[:end].strip(_SPACES), not keeps
        else:
            self.book.added_headers.append(AddedHeader(condition, name, value[1:].lstrip(_SPACES)))

    def _header_mistake(self, line: str) -> None:
        self.problems.system(f'header syntax error, line "{line}"', code="553", enhanced="5.3.0")

    # -- maps

    def _map(self, text: str) -> None:
        self.define_map(self.expanded(text[1:]))

    def define_map(self, text: str) -> DefinedMap | None:
        """Define a map by the text of a K line; None after a message where that is not possible."""
        text = text.lstrip(_SPACES)
        end = _word_end(text, 0, "_.")
        if not end:
            self.problems.system("readcf: config K line: no map name")
            return None
        name, rest = text[:end], text[end + 1 :].lstrip(_SPACES)
        end = _word_end(rest, 0, "")
        if not end:
            self.problems.system(f"readcf: config K line, map {name}: no map class")
            return None
        kind = self.kinds.get(rest[:end].lower())
        if kind is None:
            self.problems.system(f"readcf: map {name}: class {rest[:end]} not available")
            return None
        map_ = self.book.maps.get(folded(name))
        if map_ is None:
            key = name if folded(name) == name else folded(name)  # one text in memory instead of two
            map_ = self.book.maps[key] = DefinedMap(name, kind)
        map_.kind = kind
        self.fill_map(map_, rest[end + 1 :].lstrip(_SPACES))
        return map_

    def fill_map(self, map_: DefinedMap, text: str) -> None:
        """Read the arguments of a map."""
        map_.flags = replace(map_.flags)
        if map_.kind.parse is parse_file:
            map_.flags.blank = self.book.blank
        if map_.kind.name == "sequence":
            self._sequence(map_, text)
            map_.valid = True
        elif map_.kind.parse(map_, text, self.problems.system):
            map_.valid = True
        flags = map_.flags
        map_.flags = self._flags.setdefault(tuple(getattr(flags, each) for each in flags.__slots__), flags)

    def _sequence(self, map_: DefinedMap, text: str) -> None:
        members: list[DefinedMap | None] = []
        for name in sequence_words(text):
            member = self.book.maps.get(folded(name))
            if member is None:
                self.problems.system(f"Sequence map {map_.name}: unknown member map {name}")
            elif len(members) >= _MOST_MEMBERS:
                about = f"too many member maps ({_MOST_MEMBERS} max)"
                self.problems.system(f"Sequence map {map_.name}: {about}")
            else:
                members.append(member)
        map_.members = members

    def add_aliases(self, kind: str, spec: str) -> None:
        """An alias file: a map "Alias0", "Alias1", ..., and one that asks them all. Without a type it is "implicit"."""
        files = self.book.maps.get("aliases.files")
        if files is None or files.kind.name != "sequence":
            files = self.define_map("aliases.files sequence")
        found: MapKind | None = self.kinds.get(kind.lower() or "implicit")
        if found is None:
            self.problems.system(f"setalias: unknown alias class {kind}")
        elif not found.alias_ok:
            self.problems.system(f"setalias: map class {kind} can't handle aliases")
        elif files is not None:
            map_ = DefinedMap(f"Alias{self._alias_files}", found, alias=True)
            self.book.maps[folded(map_.name)] = map_
            self.fill_map(map_, spec)
            if not kind:
                self.book.untyped_aliases.add(map_.name)
            if map_.valid:
                files.members = [*files.members, map_]
                self._alias_files += 1


_SUBMITTING = ("m", "s")  # modes in which {daemon_flags} is known before the configuration
_OWN_CLASSES = (
    ("n", ("multipart/signed",)),
    ("s", ("rfc822",)),
    ("e", ("7bit", "8bit", "binary")),
    ("checkMIMEFieldHeaders", ("content-disposition", "content-type")),
    ("checkMIMETextHeaders", ("content-description",)),
    (
        "checkMIMEHeaders",
        ("content-disposition", "content-id", "content-transfer-encoding", "content-type", "mime-version"),
    ),
    ("persistentMacros", ("r", "s", "_", "{if_addr}", "{daemon_flags}")),
)


def _word_end(text: str, at: int, also: str) -> int:
    """Where a word of letters and digits ends, after whose first character those of ``also`` may come; 0 for none."""
    if not (text[at : at + 1].isascii() and text[at : at + 1].isalnum()):
        return 0
    while at < len(text) and text[at].isascii() and (text[at].isalnum() or text[at] in also):
        at += 1
    return at


def _is_condition(text: str) -> bool:
    """Whether what is between the question marks of a header line are flags, or one macro."""
    if text[:1] and META.match(text):
        return len(text) == 2
    return text.isascii()
