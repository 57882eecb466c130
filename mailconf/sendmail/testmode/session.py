"""A session of address test mode: the commands, line by line.

RULESET,RULESET,... ADDRESS   the address through rulesets      .Dmacro value   .Cclass words   define
=SRULESET   =M                rules, mailers                    $m   $=c        a macro, a class
/try MAILER ADDRESS           rewritten for a mailer            /tryflags [HE][SR]
/parse ADDRESS                resolved                          /map NAME KEY   a lookup
/mx HOST   /canon HOST        the DNS                           -dLEVELS        -d21 rules, -d60 maps
?   /quit
"""

from __future__ import annotations

import re
from collections.abc import Callable

from mailconf.model.world import run
from mailconf.sendmail.rules.addresses import ERROR, Parser, acceptable
from mailconf.sendmail.rules.book import Rulebook
from mailconf.sendmail.rules.classes import folded
from mailconf.sendmail.rules.kinds_stored import trusting
from mailconf.sendmail.rules.names import canonical, exchangers
from mailconf.sendmail.rules.problems import EX_OK, Problems
from mailconf.sendmail.rules.run import Engine
from mailconf.sendmail.rules.symbols import IN_CLASS, META, shown, without_comment
from mailconf.sendmail.rules.tokens import Reading
from mailconf.sendmail.rules.world import RulesWorld, Unable
from mailconf.sendmail.testmode.listing import mailer_lines, rule_lines
from mailconf.sendmail.testmode.printing import Printer

GREETING = "ADDRESS TEST MODE (ruleset 3 NOT automatically invoked)\nEnter <ruleset> <address>\n"
PROMPT = "> "
LINE = 2047  # bytes that are read at once
_LONGEST_HOST = 255
_SPACES = " \t\n\v\f\r"
_LEVELS = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?(?:\.([0-9]{1,9}))?")
_RULES, _MAPS = 21, 60
_TRYING = {"H": ("header", True), "E": ("header", False), "S": ("sender", True), "R": ("sender", False)}


class TestModeSession:
    """One session.

    write     takes what is printed
    problems  whose messages are printed too, and which has the exit status
    """

    def __init__(self, book: Rulebook, world: RulesWorld, problems: Problems, write: Callable[[str], object]) -> None:
        self.book = book
        self.problems = problems
        self._write = write
        self._printer = Printer(book.names, write)
        self.engine = Engine(book, world, problems=problems, tracer=self._printer, verbose=2)
        self.engine.macros.define("addr_type", "e r")
        self.engine.macros.define("deliveryMode", "i")
        self.engine.macros.define("quarantine", "")
        self._trying = {"header": False, "sender": False}
        self._slash = {
            "mx": self._mx,
            "canon": self._canon,
            "map": self._map,
            "try": self._try,
            "tryflags": self._try_flags,
            "parse": self._parse,
        }

    def answer(self, line: str) -> bool:
        """Carry out a line; False where it ends the session."""
        line = line.partition("\0")[0].partition("\n")[0].lstrip(" ")
        first = line[:1]
        if not line or first == "#":
            return True
        if first == "?":
            self._help()
        elif first == ".":
            self._define(line)
        elif first == "=":
            self._list(line)
        elif first == "-":
            self._option(line)
        elif first == "$":
            self._show(line)
        elif first == "/":
            return self._command(line)
        else:
            self._rulesets(line)
        return True

    # -- settings

    def _define(self, line: str) -> None:
        kind = line[1:2]
        if kind == "D":
            character, end = self.book.names.parse(line, 2)
            if character:
                self.engine.macros.set(character, self._marked(line[end:]))
        elif kind == "C":
            if line[2:]:
                self._add_words(line)
        elif not kind:
            self._write("Usage: .[DC]macro value(s)\n")
        else:
            self._write(f'Unknown "." command {line}\n')

    def _add_words(self, line: str) -> None:
        character, end = self.book.names.parse(line, 2)
        if not character:
            return
        text = self.engine.macros.expand(self._marked(line[end:]), self.problems.system, LINE)
        for word in re.findall(r"[^ \t\n\v\f\r]+", text):
            if word[0] == IN_CLASS:
                if word[1:2]:
                    self.book.classes.take_in(character, word[1])
            else:
                self.book.classes.add(character, word)

    def _marked(self, text: str) -> str:
        text = without_comment(text) if self.book.level >= 3 else text.rstrip(_SPACES) or text[:1]
        return self.book.names.marked(text)

    def _list(self, line: str) -> None:
        kind = line[1:2]
        if kind == "S":
            number = self.book.number(line[2:], self.problems)
            if number is None:
                self._write(f"Undefined ruleset {line[2:]}\n")
                return
            for text in rule_lines(self.book, number):
                self._write(text)
        elif kind == "M":
            for text in mailer_lines(self.book):
                self._write(text)
        elif not kind:
            self._write("Usage: =Sruleset or =M\n")
        else:
            self._write(f'Unknown "=" command {line}\n')

    def _option(self, line: str) -> None:
        kind = line[1:2]
        if kind == "d":
            self.set_levels(line[2:])
        elif not kind:
            self._write("Usage: -d{debug arguments}\n")
        else:
            self._write(f'Unknown "-" command {line}\n')

    def set_levels(self, text: str) -> None:
        """Levels of debugging, ``21.12,60.1``; categories that are no ranges of rules and maps show nothing."""
        for first, last, level in _LEVELS.findall(text or "0-99.1"):
            low, high = int(first), int(last or first)
            value = int(level) if level else 1
            if low <= _RULES <= high:
                self._printer.rules = value
            if low <= _MAPS <= high:
                self._printer.maps = value

    def _show(self, line: str) -> None:
        if line[1:2] == "=":
            character, _ = self.book.names.parse(line, 2)
            if character:
                for word in self.book.classes.words(character):
                    self._write(f"{word}\n")
            return
        character, _ = self.book.names.parse(line, 1)
        if character:
            value = self.engine.macros.get(character)
            self._write("Undefined\n" if value is None else f"{shown(value, self.book.names)}\n")

    # -- rulesets

    def _rulesets(self, line: str) -> None:
        line = line.lstrip(_SPACES)
        end = next((at for at, c in enumerate(line) if c in _SPACES), -1)
        if end < 0:
            self._write("No address!\n")
            return
        rulesets, text = line[:end], line[end + 1 :]
        if not acceptable(self.engine, text):
            return
        reading = Reading.KEEPING if self.book.level >= 9 else Reading.EXTERNAL
        while True:
            tokens, end = self.book.tokeniser.scan(text, self.problems.about, reading, delimiter=",")
            if tokens is not None:
                self._run(rulesets, tokens)
            if end >= len(text):
                return
            text = text[end + 1 :]

    def _run(self, rulesets: str, tokens: list[str]) -> None:
        while rulesets:
            number = self.book.number(rulesets, self.problems)
            if number is None:
                self._write(f"Undefined ruleset {rulesets}\n")
                return
            status = run(self.engine.rewrite(tokens, number))
            if status != EX_OK:
                self._write(f"== Ruleset {rulesets} ({number}) status {status}\n")
            rulesets = rulesets.partition(",")[2]

    # -- commands with a slash

    def _command(self, line: str) -> bool:
        line = line.rstrip(_SPACES)
        at = next((at for at, c in enumerate(line) if c in " \t"), len(line))
        word, rest = line[:at], line[at:].lstrip(_SPACES)
        if word == "/":
            self._write("Usage: /[canon|map|mx|parse|try|tryflags]\n")
        elif folded(word) == "/quit":
            return False
        else:
            command = self._slash.get(folded(word[1:]))
            if command is None:
                self._write(f'Unknown "/" command {word}\n')
            else:
                command(rest)
        return True

    def _mx(self, host: str) -> None:
        if not host:
            self._write("Usage: /mx address\n")
            return
        found = run(exchangers(self.engine, host, fallback=True))
        if found.null:
            self._write(f"getmxrr({host}) returns null MX (See RFC7505)\n")
        else:
            self._write(f"getmxrr({host}) returns {found.known} value(s):\n")
        for name in found.hosts:
            self._write(f"\t{name}\n")

    def _canon(self, host: str) -> None:
        if not host:
            self._write("Usage: /canon address\n")
        elif len(host) > _LONGEST_HOST:
            self._write("Name too long\n")
        else:
            found = run(canonical(self.engine, host, mx=not self.engine.wildcard_mx))
            self._write(f"getcanonname({host}) returns {found.name or found.tried}\n")

    def _map(self, text: str) -> None:
        if not text:
            self._write("Usage: /map mapname key\n")
            return
        end = next((at for at, c in enumerate(text) if c in _SPACES), -1)
        if end < 0:
            self._write("No key specified\n")
            return
        name, key = text[:end], text[end + 1 :]
        map_ = self.book.maps.get(folded(name))
        if map_ is None:
            self._write(f'Map named "{name}" not found\n')
        elif not map_.open and not run(self.engine.open_map(map_)):
            self._write(f'Map named "{name}" not open\n')
        else:
            self._write(f"map_lookup: {name} ({key}) ")
            found = run(self.engine.find(map_, key, [key]))
            result = "no match" if found.value is None else f"returns {found.value}"
            self._write(f"{result} ({found.status})\n")

    def _parser(self) -> Parser:
        return Parser(self.engine, sender=self._trying["sender"], header=self._trying["header"])

    def _kind(self) -> str:
        where = "header" if self._trying["header"] else "envelope"
        return f"{where} {'sender' if self._trying['sender'] else 'recipient'}"

    def _try(self, text: str) -> None:
        at = next((at for at, c in enumerate(text) if c in " \t"), len(text))
        name, address = text[:at], text[at:].lstrip(_SPACES)
        if not address:
            self._write("Usage: /try mailer address\n")
            return
        mailer = self.book.mailers.get(folded(name))
        if mailer is None:
            self._write(f"Unknown mailer {name}\n")
            return
        self._write(f"Trying {self._kind()} address {address} for mailer {name}\n")
        result, status = run(self._parser().rewrite_for(address, mailer))
        self._write(f"Rcode = {status}, addr = {result}\n")
        self.problems.subject = ""

    def _try_flags(self, text: str) -> None:
        if not text:
            self._write("Usage: /tryflags [Hh|Ee][Ss|Rr]\n")
            return
        for letter in text:
            if letter.upper() in _TRYING and letter.isascii():
                what, value = _TRYING[letter.upper()]
                self._trying[what] = value
        kind = f"{'h' if self._trying['header'] else 'e'} {'s' if self._trying['sender'] else 'r'}"
        self.engine.macros.define("addr_type", kind)

    def _parse(self, text: str) -> None:
        if not text:
            self._write("Usage: /parse address\n")
            return
        parser = self._parser()
        self._write(f"Cracked address = {shown(parser.crack(text), self.book.names)}\nParsing {self._kind()} address\n")
        found, _ = run(parser.parse(text))
        self.problems.subject = ""
        if found is None:
            self._write("Cannot parse\n")
            return
        name = (found.mailer or ERROR).name
        host = f"host {found.host}, " if found.host else ""
        self._write(f"mailer {name}, {host}user {found.user}\n")

    # -- help

    def _help(self) -> None:
        file = self.book.options.get("HelpFile")
        data = b""
        if file is not None:
            trust = trusting(self.engine)._replace(
                unsafe_folders=self.book.blames("helpfileinunsafedirpath"), links=True
            )
            try:
                data, _ = run(self.engine.world.read(file or "helpfile", trust))
            except Unable:
                file = None
        if file is None:
            self.problems.remark(f"Sendmail {self.book.version.number} -- HELP not implemented", "502")
            return
        found = False
        for line in data.decode("latin-1").split("\n"):
            if line.startswith("-bt"):
                found = True
                text = re.split(r"[ \t]", line, maxsplit=1)[-1]
                marked = self.book.names.marked(without_comment(text))
                if META.search(marked):
                    marked = self.engine.macros.expand(marked, self.problems.system, LINE)
                self.problems.remark(marked, "214")
        if found:
            self.problems.remark("End of HELP info", "214")
        else:
            self.problems.remark('HELP topic "-bt" unknown', "504")
