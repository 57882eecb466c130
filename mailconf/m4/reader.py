"""The input as one stream of bytes, across the borders of blocks.

`Reader` keeps the stack of blocks and reads tokens byte by byte: the slow path, exact in every case. The expander's
own loop takes what the patterns of `mailconf.m4.syntax` find inside one block and comes here for the rest.
"""

from __future__ import annotations

from mailconf.m4.errors import Fatal
from mailconf.m4.places import Block, MacroPlace, read_more
from mailconf.m4.syntax import SPACES, WORD_BYTES, WORD_REST, WORD_START, Syntax, syntax

# Kinds of token
END, WORD, STRING, CHARACTER, DEFINITION = range(5)

NOTHING = -1  # what peek gives at the end of input
TOKEN = -2  # and in front of a builtin's definition


class Reader:
    """The stack of blocks: ``block`` is read first, then ``stack`` from its end."""

    def __init__(self) -> None:
        self.block = Block(b"", None, 0)
        self.stack: list[Block] = []
        self.ended = False  # the last file has been read
        self.syntax: Syntax = syntax(b"`", b"'", b"#", b"\n")

    # -- the stack

    def push(self, block: Block) -> None:
        """Read ``block`` before what is left. An exhausted expansion is forgotten, so that recursion costs nothing."""
        old = self.block
        if old.pos < len(old.data) or old.text is not None or old.token is not None:
            self.stack.append(old)
        self.block = block

    def next_block(self) -> bool:
        """Go on after the exhausted block; False at the end of all input."""
        block = self.block
        if block.text is not None:
            more = self.more(block)
            if more is not None:
                self.block = more
                return True
            below = self.stack.pop() if self.stack else None
            if below is not None:
                self.block = below
            if below is not None or not self.ended:
                self.ended = below is None
                self.file_ended(block, below)
            return below is not None
        if not self.stack:
            return False
        self.block = self.stack.pop()
        return True

    def file_ended(self, block: Block, below: Block | None) -> None:
        """Called when a file has been read to its end; reading goes on in ``below``, if at all."""

    def more(self, block: Block) -> Block | None:
        """The block that goes on where a file that is read piece by piece stopped."""
        return read_more(block) if block.descriptor >= 0 else None

    # -- bytes

    def peek(self, ahead: int = 0) -> int:
        """The byte ``ahead`` bytes in front of the next, without reading it; NOTHING or TOKEN."""
        block, below = self.block, len(self.stack)
        while True:
            at = block.pos + ahead
            if at < len(block.data):
                return block.data[at]
            if block.token is not None:
                return TOKEN
            ahead = at - len(block.data)
            if block.text is not None:
                more = self.more(block)
                if more is not None:
                    if block is self.block:
                        self.block = more
                    else:
                        self.stack[below] = more
                    block = more
                    continue
            if not below:
                return NOTHING
            below -= 1
            block = self.stack[below]

    def looking_at(self, delimiter: bytes) -> bool:
        """Whether the input goes on with ``delimiter``, which is not empty."""
        block = self.block
        if block.data.startswith(delimiter, block.pos):
            return True
        if len(block.data) - block.pos >= len(delimiter):
            return False
        return all(self.peek(i) == c for i, c in enumerate(delimiter))

    def read(self, count: int) -> bytes:
        """The next bytes; they must be there (`peek`)."""
        parts: list[bytes] = []
        while count:
            block = self.settle()
            part = block.data[block.pos : block.pos + count]
            if not part:
                break
            block.pos += len(part)
            count -= len(part)
            parts.append(part)
        return b"".join(parts)

    def settle(self) -> Block:
        """Step over exhausted blocks and return the one that holds the next byte."""
        while self.block.pos >= len(self.block.data) and self.block.token is None and self.next_block():
            pass
        return self.block

    # -- tokens

    def token(self) -> tuple[int, bytes, Block, int]:
        """The next token: its kind, text, and the block and offset of its first byte.

        A STRING is the text between quotes, or a whole comment. Fatal at an end of file inside one.
        """
        code = self.peek()
        block = self.settle()
        at = block.pos
        if code == NOTHING:
            return END, b"", block, at
        if code == TOKEN:
            return DEFINITION, b"", block, at
        now = self.syntax
        if now.comment and self.looking_at(now.comment):
            return STRING, self._comment(), block, at
        if code in WORD_START:
            return self._word()
        if now.quote and self.looking_at(now.quote):
            return STRING, self._quoted(), block, at
        return CHARACTER, self.read(1), block, at

    def _word(self) -> tuple[int, bytes, Block, int]:
        word = b""
        while True:
            block = self.settle()
            at = block.pos
            match = WORD_REST.match(block.data, at)
            assert match is not None
            word += match[0]
            block.pos = match.end()
            if block.pos < len(block.data):
                break
            if self.peek() not in WORD_BYTES:
                break
        return WORD, word, block, at

    def _comment(self) -> bytes:
        start = MacroPlace(self.block, self.block.pos)
        now = self.syntax
        parts = [self.read(len(now.comment))]
        end = now.uncomment
        while True:
            block = self.block
            found = block.data.find(end, block.pos)
            if found >= 0:
                parts.append(block.data[block.pos : found + len(end)])
                block.pos = found + len(end)
                return b"".join(parts)
            if len(end) > 1:  # the end may lie across the border
                keep = max(block.pos, len(block.data) - len(end) + 1)
                parts.append(block.data[block.pos : keep])
                block.pos = keep
                if self.looking_at(end):
                    parts.append(self.read(len(end)))
                    return b"".join(parts)
                if self.peek() >= 0:
                    parts.append(self.read(1))
                    continue
            else:
                parts.append(block.data[block.pos :])
                block.pos = len(block.data)
            if self.peek() == NOTHING:
                self._read_out()
                raise Fatal("end of file in comment", start, prefix="ERROR: ")
            self._step()

    def _quoted(self) -> bytes:
        start = MacroPlace(self.block, self.block.pos)
        now = self.syntax
        quote, unquote = now.quote, now.unquote
        self.read(len(quote))
        parts: list[bytes] = []
        level = 1
        pattern = now.quotes
        assert pattern is not None
        longest = max(len(quote), len(unquote))
        while True:
            block = self.block
            match = pattern.search(block.data, block.pos)
            border = len(block.data) - longest + 1
            if match is not None and (longest == 1 or match.start() < border):
                found = match[0]
                parts.append(block.data[block.pos : match.start()])
                block.pos = match.end()
            else:
                # The last bytes of the block, where a delimiter may lie across the border.
                keep = max(block.pos, border)
                parts.append(block.data[block.pos : keep])
                block.pos = keep
                if self.looking_at(unquote):
                    found = self.read(len(unquote))
                elif self.looking_at(quote):
                    found = self.read(len(quote))
                elif self.peek() >= 0:
                    if keep < len(block.data):
                        parts.append(self.read(1))
                    else:
                        self.settle()
                    continue
                elif self.peek() == NOTHING:
                    self._read_out()
                    raise Fatal("end of file in string", start, prefix="ERROR: ")
                else:
                    self._step()
                    continue
            if found == unquote:
                level -= 1
                if not level:
                    return b"".join(parts)
            else:
                level += 1
            parts.append(found)

    def _read_out(self) -> None:
        """Past the end of all input."""
        while self.next_block():
            pass

    def _step(self) -> None:
        """Past the border of a block; a builtin's definition inside a string or comment is dropped."""
        self.settle()
        if self.block.token is not None:
            self.block.token = None

    def skip_line(self) -> bool:
        """Past the next newline; False where the input ends first."""
        while True:
            block = self.block
            found = block.data.find(b"\n", block.pos)
            if found >= 0:
                block.pos = found + 1
                return True
            block.pos = len(block.data)
            block.token = None
            if not self.next_block():
                return False

    def skip_space(self) -> None:
        """Past white space in front of an argument, where it is no delimiter's beginning."""
        now = self.syntax
        while True:
            code = self.peek()
            if code not in SPACES:
                return
            if (now.comment and self.looking_at(now.comment)) or (now.quote and self.looking_at(now.quote)):
                return
            self.read(1)

    def open_follows(self) -> bool:
        """Whether the next token is an open parenthesis."""
        if self.peek() != ord("("):
            return False
        now = self.syntax
        return not (now.comment and self.looking_at(now.comment)) and not (now.quote and self.looking_at(now.quote))
