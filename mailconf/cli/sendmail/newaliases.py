"""``newaliases``: rebuilds the maps of the alias files, as newaliases(1) does: sendmail's or Postfix's.

Which of the two it is, the configuration decides: Postfix's where there is an /etc/postfix/main.cf (or ``MAIL_CONFIG``
is set), sendmail's elsewhere; ``-C`` names either a sendmail.cf or a main.cf (or its folder). ``--root DIR`` (ours)
reads and writes every absolute path below DIR; ``--postfix-version V`` (ours) names the Postfix whose words are meant.

sendmail's is the sendmail command itself, which begins with the mode -bi under this name
(`mailconf.cli.sendmail.alias_rebuild`). A configuration without mailers, with which the original does nothing, is taken
here for what it says of alias files: AliasFile, TrustedUser, DontBlameSendmail and class w count, and names are
resolved by built-in rules (`mailconf.tables.sendmail_aliases`). A map is replaced whole; the original truncates it
first.
"""

from __future__ import annotations

import os
import re
import sys

from mailconf.cli.postfix.postfix_tool import Messages, take_settings
from mailconf.cli.sendmail.sendmail_tool import (
    DEFAULT_CF,
    EX_OK,
    EX_SOFTWARE,
    EX_USAGE,
    Stop,
    getopt,
    read_cf_data,
    say,
    trusted_user,
    valued,
)
from mailconf.sendmail.cf.maps import MOST_ALIAS_FILES
from mailconf.sendmail.cf.read import read_tables
from mailconf.sendmail.host_names import host_names
from mailconf.source import Source, decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from mailconf.cli.sendmail.sendmail_map import Map
    from mailconf.files import Tree
    from mailconf.sendmail.cf.configuration import Cf
    from mailconf.tables.sendmail_aliases import Line

EX_OSFILE, EX_TEMPFAIL = 72, 75
MAIN_CF = "/etc/postfix/main.cf"
LETTERS = "A:B:b:C:cD:d:e:F:f:GgH:h:IiL:M:mN:nO:o:p:Q:q:R:r:sTtUV:vX:x"  # sendmail's
_PREFIX = "newaliases"  # of messages, under any name by which the program was called
_CLASSES = ("hash", "btree", "implicit")
# Other classes of this build: nothing is built for them.
_LOOKED_UP = (
    "text",
    "null",
    "host",
    "user",
    "stab",
    "program",
    "sequence",
    "switch",
    "dequote",
    "bestmx",
    "dns",
    "macro",
)
_QUOTED = 203  # bytes of a line in a message
# What sendmail prints of a byte: seven bits, or a question mark where they would be a control character.
_SEVEN_BITS = bytes(c if c < 0x80 else c & 0x7F if c >= 0xA0 else 0x3F for c in range(256))


def run(name: str, arguments: list[str]) -> int:
    """Run ``newaliases arguments``; ``name`` is what the program was called as. The exit status."""
    arguments = list(arguments)
    messages = Messages(name)
    root = take_settings(arguments, valued(LETTERS), messages)
    words = list(arguments)
    cf_name = None
    wrong: list[str] = []
    plain = True  # no option but -C
    for letter, value in getopt(name, arguments, LETTERS, tell=lambda _: None):
        if letter == "?":
            wrong.append(value)
        if letter == "C":
            cf_name = value
        plain = plain and letter == "C"
    directory = postfix_directory(cf_name, root)
    if directory is None and (not plain or _has_mailers(cf_name or DEFAULT_CF, root)):
        from mailconf.cli.sendmail.caller import caller_of
        from mailconf.cli.sendmail.sendmail import start

        return start(name, words, root, caller_of(root))
    if wrong:
        return misuse(name, wrong, postfix=directory is not None)
    if directory is not None:
        return _postfix(name, directory, root, messages.release)
    try:
        name = cf_name or DEFAULT_CF
        cf = read_tables(Source(name, decode(read_cf_data(_PREFIX, name, root))))
    except Stop as stop:
        _tell(f"{cf_name or DEFAULT_CF}: line 0: cannot open: {str(stop).rpartition(': ')[2]}")
        return EX_OSFILE
    return Sendmail(cf, root).run()


def _has_mailers(cf_name: str, root: Tree) -> bool:
    """Whether a sendmail.cf defines mailers, without which sendmail itself does nothing."""
    try:
        return re.search(rb"^M", read_cf_data(_PREFIX, cf_name, root), re.MULTILINE) is not None
    except Stop:
        return False


def misuse(name: str, wrong: list[str], *, postfix: bool) -> int:
    """Complain of options as sendmail's program or Postfix's does, which reads its command line twice."""
    if not postfix:
        letter = wrong[0]
        what = "option requires an argument" if letter in LETTERS.replace(":", "") else "illegal option"
        say(f"{name}: {what} -- {letter}")
        return EX_USAGE
    name = name.rpartition("/")[2]
    for letter in [*wrong, wrong[0]]:
        what = "option requires an argument" if letter in LETTERS.replace(":", "") else "invalid option"
        say(f"{name}: {what} -- '{letter}'")
    say(f"{name}: fatal: usage: {name} [options]")
    return EX_TEMPFAIL


def postfix_directory(named: str | None, root: Tree) -> str | None:
    """The folder of the main.cf that is to be obeyed: "" for the usual one, None where it is a sendmail.cf."""
    if named is None:
        return "" if "MAIL_CONFIG" in os.environ or root.exists(MAIN_CF) else None
    if os.path.basename(named) == "main.cf":  # noqa: PTH119
        return os.path.dirname(named) or "."  # noqa: PTH120
    return named if root.exists(f"{named}/main.cf") else None


def _postfix(name: str, directory: str, root: Tree, version: str | None) -> int:
    """Postfix's: the tables of alias_database."""
    from mailconf.cli.postfix.postalias import rebuild_alias_databases

    return rebuild_alias_databases(directory or None, root, name.rpartition("/")[2], version)


def _tell(text: str | bytes) -> None:
    sys.stdout.flush()
    data = text if isinstance(text, bytes) else os.fsencode(text)
    sys.stdout.buffer.write(data.translate(_SEVEN_BITS))
    sys.stdout.buffer.write(b"\n")


class Sendmail:
    """All alias files of a configuration."""

    def __init__(self, cf: Cf, root: Tree) -> None:
        self.cf = cf
        self.root = root
        self.status = EX_OK
        self.trusted = trusted_user(option.value for option in cf.settings("TrustedUser"))
        blame = ",".join(option.value for option in cf.settings("DontBlameSendmail"))
        self.allowed = {word.lower() for word in re.split(r"[\s,]+", blame)}
        self.hosts = host_names(cf, root)

    def run(self) -> int:
        files = []
        for file in self.cf.alias_files:
            if file.type in _CLASSES:
                files.append(file)
            elif file.type not in _LOOKED_UP:
                _tell(f"{self.cf.source.name}: line {file.line.last}: setalias: unknown alias class {file.type}")
                self.fail(EX_SOFTWARE)
        excess = self.cf.excess_alias_file
        if excess is not None:
            much = f"Too many alias databases defined, {MOST_ALIAS_FILES} max"
            _tell(f"{self.cf.source.name}: line {excess.line.last}: {much}")
            self.fail(EX_SOFTWARE)
        if self.status:
            return self.status
        for file in files:
            self._rebuild(file.type, file.file, nul=file.has_nul, optional=file.is_optional)
        return self.status

    def fail(self, status: int) -> None:
        """The first failure's status counts."""
        self.status = self.status or status

    def _rebuild(self, kind: str, file: str, *, nul: bool, optional: bool) -> None:
        from mailconf.cli.sendmail.sendmail_map import find_map
        from mailconf.sendmail.safefile import Refused, Safety

        shared = bool(self.allowed & {"groupwritablealiasfile", "worldwritablealiasfile"})
        text = Safety(self.root, self.trusted, links=True, shared=shared, warn=lambda _: None)
        try:
            text.check(file, write=False, create=False)
            data = self.root.read(file)
        except (Refused, OSError) as reason:
            if not (optional and isinstance(reason, Refused) and reason.number == 2):
                words = reason.strerror if isinstance(reason, OSError) else str(reason)
                _tell(b"%b: cannot open %b: %b" % tuple(map(os.fsencode, (_PREFIX, file, words or ""))))
            return
        unsafe = "mapinunsafedirpath" in self.allowed
        group = "groupwritabledirpathsafe" not in self.allowed
        folders: Literal["warn", "refuse"] = "warn" if unsafe else "refuse"
        safety = Safety(self.root, self.trusted, folders=folders, group=group, warn=_tell)
        try:
            target = find_map(kind, file, safety, self.root, write=True, create=True, new=True)
            self._write(target, data, file, nul)
        except (Refused, OSError):
            _tell(f"WARNING: cannot open alias database {file}")
            _tell(f"Cannot create database for alias file {file}")
            self.fail(EX_SOFTWARE)

    def _write(self, target: Map, data: bytes, file: str, nul: bool) -> None:
        from mailconf.maps.build.write import Columns, write_map

        aliases = Aliases(file, self)
        with target.locked():
            aliases.read(data)
            table = aliases.table
            at = table.pop(b"@", b"@")
            columns = Columns([b"@", *table], [at, *table.values()])
            table.clear()  # while the map is written there need not be both
            source = target.status(self.trusted, umask=0)
            write_map(target.kind, target.path, columns, source=source, nul=nul)
        count, longest, total = aliases.count, aliases.longest, aliases.total
        _tell(f"{file}: {count} aliases, longest {longest} bytes, {total} bytes total")


class Aliases:
    """The content of one alias file."""

    def __init__(self, file: str, owner: Sendmail) -> None:
        self.file = file
        self.owner = owner
        self.table: dict[bytes, bytes] = {}
        self.count = self.longest = self.total = 0

    def read(self, data: bytes) -> None:
        from mailconf.tables.sendmail_aliases import alias_lines

        for line in alias_lines(data):
            if line.problem:
                self._complain(line.number, line.problem.encode())
            else:
                self._alias(line)

    def _alias(self, line: Line) -> None:
        from mailconf.tables import sendmail_aliases as syntax

        if b":" not in line.text:
            return self._complain(line.number, syntax.NO_COLON.encode())
        name = syntax.read_name(line.text, self.owner.hosts.__contains__)
        for warning in name.warnings:
            if warning.startswith("8-bit"):
                self._complain(line.number, warning.encode("latin-1"), EX_USAGE)
            else:
                self._say(line.number, b"%b... %b" % (_shortened(line.text), warning.encode()))
        if name.error == syntax.ILLEGAL_NAME:
            return self._complain(line.number, b"%b... %b" % (line.text[:40], name.error.encode()))
        if name.error:
            if name.error in syntax.USAGE_ERRORS:
                self._complain(line.number, b"%b... %b" % (name.written, name.error.encode()), EX_USAGE)
            return self._complain(line.number, b"%b... %b" % (name.written, syntax.NOT_LOCAL.encode()))
        value = syntax.value_of(line.text)
        if not value:
            return self._complain(line.number, b"%b... %b" % (line.text[:40], syntax.NO_VALUE.encode()))
        if name.key in self.table:
            self._say(line.number, b"%b... Warning: duplicate alias name %b" % (_shortened(name.written), name.key))
        self.table[name.key] = value
        self.count += 1
        self.longest = max(self.longest, len(value))
        self.total += len(name.key) + len(value)
        return None

    def _say(self, line: int, text: bytes) -> None:
        _tell(b"%b: line %d: %b" % (os.fsencode(self.file), line, text))

    def _complain(self, line: int, text: bytes, status: int = EX_SOFTWARE) -> None:
        self._say(line, text)
        self.owner.fail(status)


def _shortened(text: bytes) -> bytes:
    """A text as the original's messages quote it: of a long one, what it begins and ends with."""
    half = _QUOTED // 2
    return text if len(text) < _QUOTED else text[: half - 1] + b"..." + text[-half + 1 :]
