"""What the tables share that ask a database for a key: templates of queries and results, and lists of domains.

A template (parameters query, result_format, key_format, ...) has these expansions; sqlite_table(5), ldap_table(5):

    %%  a percent sign
    %s  the key, or in a result the value     %u  its part before the last @, or all of it
    %d  its part after the last @            %1 ... %9  the labels of the key's domain, the last one first
    %S %U %D  the same of the key, in a result too

A key that lacks a part that the query or the result needs is not asked for, a value that lacks one is left out. So is
an empty value. The results are joined with commas.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from mailconf.files import Tree
from mailconf.maps.core.opening import Opening
from mailconf.maps.core.table import LookupTable, TemporaryFailure
from mailconf.maps.servers.client_config import ClientConfig
from mailconf.source import decode, encode

if TYPE_CHECKING:
    pass

Quote = Callable[[bytes], bytes]

_EXPANSION = re.compile(rb"%(.?)", re.DOTALL)


class Template:
    """A parsed template; raises TemporaryFailure in the original's words when it is wrong.

    ``what`` names it in the message ("query", "result"), ``name`` the table.
    """

    def __init__(self, name: str, text: str, what: str) -> None:
        self.text = encode(text)
        self._letters = [match[1] for match in _EXPANSION.finditer(self.text)]
        if any(letter not in b"%sudSUD123456789" or not letter for letter in self._letters):
            raise TemporaryFailure(f"db_common_parse: {name}: Invalid {what} template: {text}")

    def fits(self, key: bytes) -> bool:
        """Whether the key has the parts that ``%S``, ``%U``, ``%D`` and digits stand for."""
        return all(_part(letter.lower(), key) is not None for letter in self._letters if letter in b"SUD123456789")

    def expand(self, value: bytes, key: bytes, quote: Quote = bytes) -> bytes | None:
        """The text for a value (in a query the key itself) with its parts quoted; None when a part is missing."""
        if not value:
            return None
        pieces: list[bytes] = []
        at = 0
        for match in _EXPANSION.finditer(self.text):
            pieces.append(self.text[at : match.start()])
            at = match.end()
            letter: bytes = match[1]
            part = b"%" if letter == b"%" else _part(letter.lower(), value if letter in b"sud" else key)
            if part is None:
                return None
            pieces.append(part if letter == b"%" else quote(part))
        return b"".join(pieces) + self.text[at:]


def _part(letter: bytes, text: bytes) -> bytes | None:
    """What an expansion stands for; None when it is empty or missing."""
    user, at, domain = text.rpartition(b"@")
    if letter == b"s":
        return text or None
    if letter == b"u":
        return (user if at else text) or None
    if not at:
        return None
    if letter == b"d":
        return domain or None
    labels = [label for label in domain.split(b".") if label]
    number = int(letter)
    return labels[-number] if number <= len(labels) else None


class Domains:
    """The parameter ``domain``: which keys are asked for at all.

    Its words are domain names, files of such words, and tables that have the domain as a key; ``!`` before a word
    excludes what it matches. Raises TemporaryFailure when a file or table cannot be read.
    """

    def __init__(self, text: str, opening: Opening) -> None:
        self._words: list[tuple[bool, bytes | LookupTable]] = []
        self._read(text, opening, 0)
        self._any = bool(text)

    def allow(self, key: bytes) -> bool:
        """Whether a key may be asked for. Raises TemporaryFailure."""
        if not self._any:
            return True
        user, _, domain = key.rpartition(b"@")
        if not user or not domain:
            return False
        domain = domain.lower()
        for wanted, word in self._words:
            if word == domain if isinstance(word, bytes) else word.lookup(domain) is not None:
                return wanted
        return False

    def close(self) -> None:
        for _, word in self._words:
            if not isinstance(word, bytes):
                word.close()

    def _read(self, text: str, opening: Opening, depth: int, wanted: bool = True) -> None:
        for word in re.split(r"[\s,]+", text):
            name = word.lstrip("!")
            includes = wanted is ((len(word) - len(name)) % 2 == 0)
            if not name:
                continue
            if name.startswith("/"):
                if depth > 20:
                    raise TemporaryFailure(f"{name}: files within files")
                self._read(_file(opening.root, name), opening, depth + 1, includes)
            elif ":" in name:
                self._words.append((includes, opening.open(name)))
            else:
                self._words.append((includes, encode(name.lower())))


def _file(root: Tree, name: str) -> str:
    """The words of a file without comments."""
    try:
        lines = decode(root.read(name)).split("\n")
    except OSError as problem:
        raise TemporaryFailure(f"open file {name}: {problem.strerror}") from problem
    return "\n".join(line for line in lines if not line.lstrip().startswith("#"))


class QueryTable:
    """The part of a table that is the same for all that ask a database.

    A type gives ``type``, builds `_templates` and answers `lookup` from `_asked` and `_joined`.
    """

    type: str

    def __init__(self, name: str, config: ClientConfig, opening: Opening, *, function: str) -> None:
        self.name = name
        self._function = function  # what the original's messages begin with
        self._opening = opening
        self._limit = config.number("expansion_limit", 0)
        result = config.get("result_format")
        if result is None:
            result = config.text("result_filter", "%s", least=1) if self.type == "ldap" else "%s"
        elif not result:
            config.text("result_format", least=1)
        self._result = Template(name, result, "result")
        self._domains = Domains(config.text("domain"), opening)

    def close(self) -> None:
        self._domains.close()

    def _asked(self, key: bytes) -> bytes | None:
        """The key as it is asked for; None when it is not."""
        try:
            key.decode()
        except UnicodeDecodeError:  # what databases take for text is UTF-8
            shown = f'"{decode(key)}": malformed UTF-8 or invalid codepoint'
            self._opening.warn(f"{self.type}:{self.name}: non-UTF-8 key {shown}")
            return None
        key = self._opening.folded(key.partition(b"\0")[0])
        if not self._domains.allow(key) or not self._result.fits(key):
            return None
        if not key:
            self._opening.warn(f'table "{self.type}:{self.name}": empty query string -- ignored')
        return key or None

    def _joined(self, key: bytes, values: Iterable[bytes | None]) -> bytes | None:
        """The answer that the values of a search give; None among them is a missing one."""
        found: list[bytes] = []
        for value in values:
            if value is None:
                continue
            text = value.partition(b"\0")[0]
            if not text:
                shown = decode(key)
                self._opening.warn(f'table "{self.type}:{self.name}": empty lookup result for: "{shown}" -- ignored')
                continue
            expanded = self._result.expand(text, key)
            if expanded is None:
                continue
            found.append(expanded)
            if 0 < self._limit < len(found):
                colon = "" if self.type == "sqlite" else ":"
                raise self._failed(f"Expansion limit exceeded for key{colon} '{decode(key)}'")
        return b",".join(found) if found else None

    def _failed(self, what: str) -> TemporaryFailure:
        return TemporaryFailure(f"{self._function}: {self.name}: {what}")


def sql_template(config: ClientConfig, *, functions: bool = False) -> str:
    """The parameter query, or the older ones in its place (select_function: only where there are ``functions``)."""
    query = config.text("query")
    if query:
        return query
    function = config.text("select_function") if functions else ""
    if function:
        return f"SELECT {function}('%s')"
    table = config.text("table", least=1)
    field = config.text("select_field", least=1)
    where = config.text("where_field", least=1)
    more = config.text("additional_conditions")
    return f"SELECT {field} FROM {table} WHERE {where} = '%s' {more}"
