"""main.cf: ``name = value`` on logical lines (mailconf.postfix.text.lines); blanks around both go.

`read` is the hand-written reader of the start-up path. The grammar (grammars/main_cf.lark) keeps comments and layout as
well; a property test shows that both find the same definitions, places and mistakes.

A later definition of a name replaces the earlier one; the engine warns. A line without ``=`` or without a name stops
the engine; here it is a `BrokenLine` and reading goes on.
"""

from __future__ import annotations

from mailconf.postfix.text.lines import BLANKS, NO_EQUALS, NO_NAME, ORPHAN, LogicalLine, config_lines, split_name_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NO_EQUALS", "NO_NAME", "ORPHAN", "BrokenLine", "Definition", "definition_of", "read"]


class Definition:
    """One ``name = value``; ``value`` is unexpanded, without newlines. ``at`` is where the value begins in the line."""

    __slots__ = ("at", "logical", "name", "value")

    def __init__(self, name: str, value: str, logical: LogicalLine, at: int) -> None:
        self.name = name
        self.value = value
        self.logical = logical
        self.at = at

    @property
    def line(self) -> int:
        return self.logical.line

    @property
    def start(self) -> int:
        """The offset of the name in the file."""
        return self.logical.place(0)

    @property
    def end(self) -> int:
        """The offset in the file after the value, or after the equals sign where the value is empty."""
        if self.value:
            return self.place(len(self.value) - 1) + 1
        return self.logical.place(self.logical.text.index("=")) + 1

    def place(self, at: int) -> int:
        """The offset in the file of the value's character ``at``."""
        return self.logical.place(self.at + at)


class BrokenLine:
    """A logical line that defines nothing; ``problem`` is ORPHAN, NO_EQUALS or NO_NAME."""

    __slots__ = ("logical", "problem")

    def __init__(self, problem: str, logical: LogicalLine) -> None:
        self.problem = problem
        self.logical = logical

    @property
    def line(self) -> int:
        return self.logical.line

    @property
    def text(self) -> str:
        return self.logical.text


def read(text: str) -> Iterator[Definition | BrokenLine]:
    """The meaning of the lines of a main.cf, in order."""
    for logical in config_lines(text):
        yield definition_of(logical)


def definition_at(text: str, start: int, line: int) -> Definition:
    """The definition that `read` gives of the logical line that begins at ``start``, in the line of this number."""
    logical = next(config_lines(text, start, line))
    definition = definition_of(logical)
    assert isinstance(definition, Definition)
    return definition


def definition_of(logical: LogicalLine) -> Definition | BrokenLine:
    """The definition on a logical line, or what is wrong with it."""
    if logical.orphan:
        return BrokenLine(ORPHAN, logical)
    line = logical.text
    pair = split_name_value(line)
    if isinstance(pair, str):
        return BrokenLine(pair, logical)
    rest = line[line.index("=") + 1 :]
    return Definition(pair[0], pair[1], logical, len(line) - len(rest.lstrip(BLANKS)))
