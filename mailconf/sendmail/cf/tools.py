"""What makemap, editmap and praliases read of a .cf: options and K lines, a physical line at a time.

They are programs of their own, which know less of the format than sendmail: no continuation lines, no comments after
a line, no abbreviated names, no quotes in AliasFile, and a long line is read in pieces. What they make of each form is
compared with them (tests/live/test_sendmail_tools.py). sendmail itself, newaliases too, reads with `read_cf`.
"""

from __future__ import annotations

import os
import re

from mailconf.sendmail.cf.lines import tool_lines

_MAP_LINE = re.compile(rb"K\s*\S+\s+(\S+)")
_OPTION_LINE = re.compile(rb"O(?: (\w+)[ \t]*=[ \t]*|A[ \t]*)(.*)", re.DOTALL)


class ToolCf:
    """A .cf, which is called ``name``."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self._lines = [line for _, line in tool_lines(data) if line[:1] in (b"K", b"O")]

    def option(self, name: bytes) -> list[str]:
        """The values of all lines that set the option ``name`` (lower case), in their order."""
        values = []
        for line in self._lines:
            found = _OPTION_LINE.match(line)
            if found and (found[1] or b"aliasfile").lower() == name:
                values.append(os.fsdecode(found[2]))
        return values

    def alias_specs(self) -> list[str]:
        """The alias files as AliasFile names them (``hash:-o /etc/mail/lists``)."""
        files = []
        for value in self.option(b"aliasfile"):
            rest = value.lstrip()
            while rest:
                word, comma, rest = rest.partition(",")
                files.append(word.rstrip() if comma else word)
                rest = rest.lstrip()
        return files

    def map_type(self, name: str, *, base: bool) -> str | None:
        """The type of the first map whose file is ``name``; with ``base``, folders and suffixes do not count.

        That is what makemap's types ``cf`` and ``CF`` stand for. The file is the last word of the K line, in which
        there must be a space.
        """
        wanted = os.fsencode(name)
        for line in self._lines:
            found = _MAP_LINE.match(line)
            if found is not None and b" " in line.rstrip():
                file = line.split()[-1]
                if _same_base(file, wanted) if base else file == wanted:
                    return os.fsdecode(found[1])
        return None


def _same_base(file: bytes, name: bytes) -> bool:
    """Whether two paths are the same except for folders and suffixes, as makemap sees it: it looks at one place."""
    base = name.rpartition(b"/")[2].partition(b".")[0]
    at = file.find(base)
    rest = file[at + len(base) :]
    starts = at == 0 or (at > 0 and file[at - 1 : at] == b"/")
    return bool(base) and starts and (not rest or rest.rfind(b".") == 0)
