"""What the modules of postmap share: its command line, and what main.cf adds to it."""

from __future__ import annotations

from mailconf.files import Root, Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from mailconf.cli.postfix.postfix_tool import Tool


class TableOptions:
    """The command line, and what main.cf adds to it."""

    def __init__(self, tool: Tool) -> None:
        self.tool = tool
        self.flags: set[str] = set()
        self.directory: str | None = None
        self.delete: str | None = None
        self.query: str | None = None
        self.nul: bool | None = None  # as the type wants it
        self.root: Tree = Root(waits=True)
        self.utf8 = False
        self.value: Callable[[str], str] = lambda name: ""  # of a parameter of main.cf, expanded
        self.default_type = ""
        self.hostname = ""  # for the entries that postalias adds
        self.repeated: Literal["warned", "first", "last"] = "warned"  # which value of a key counts
        self.limits: dict[str, int] = {}  # those of `mailconf.cli.postfix.message_keys`, with -h and -b

    @property
    def line(self) -> Callable[[tuple[bytes, bytes]], bytes]:
        """How -s and -q - print an entry, without a newline."""
        if "j" in self.flags:
            from mailconf.cli.postfix.json_lines import json_line

            return json_line
        return self.tool.between.join

    def fold(self, key: bytes) -> bytes:
        if key.isascii():
            return key.lower()
        from mailconf.tables.postmap import fold

        return fold(key, utf8=self.utf8)
