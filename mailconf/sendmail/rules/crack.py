"""A header's address with its address proper replaced by ``$g``: comments, names and brackets around it stay.

``Ann (at home) <ann@a.example>`` becomes ``Ann (at home) <$g>``. What would not be a phrase in a header is quoted.

Source: sendmail 8.17.1.9, ``/parse`` of its address test mode.
"""

from __future__ import annotations

from mailconf.sendmail.rules.symbols import MACRO

LONGEST = 256
_SPACES = " \t\n\v\f\r"
MUST_QUOTE = "@,;:\\()[].'"
ADDRESS = f"{MACRO}g"


def cracked(text: str, *, must_quote: str = MUST_QUOTE, colons: bool = False) -> str:
    """The text with ``$g`` in the place of the address. ``colons``: ColonOkInAddr, no groups."""
    return _Cracking(text, must_quote, colons).run()


class _Cracking:
    def __init__(self, text: str, must_quote: str, colons: bool) -> None:
        self._text = text.partition("\0")[0]
        self._must_quote = must_quote
        self._colons = colons
        self._at = 0
        self._out: list[str] = []
        self._limit = LONGEST
        self._head = self._text_head = 0  # where what is being read began, in the result and in the text
        self._copying = self._comments = self._shown_comments = self._angles = self._brackets = 0
        self._quoted = self._shown_quoted = self._closes = False
        self._put = self._quote = self._had_angle = self._had_colon = False
        self._lost = False  # something did not find room

    def _room(self) -> bool:
        return len(self._out) < self._limit <= LONGEST

    def _append(self, character: str) -> None:
        if self._room():
            self._out.append(character)
        else:
            self._lost = True

    def _next(self) -> str:
        character = self._text[self._at : self._at + 1]
        self._at += 1
        return character

    def run(self) -> str:
        while self._text[self._at : self._at + 1] in _SPACES and self._at < len(self._text):
            self._append(self._next())
        self._head = len(self._out)
        self._text_head = self._at
        while self._at < len(self._text):
            if self._take(self._next()) and self._copying <= 0 and not self._put:
                if self._out and self._out[-1] == ")":
                    self._append(" ")
                self._append(MACRO)
                self._append("g")
                self._put = True
        for open_, close in ((self._shown_quoted, '"'), (self._shown_comments, ")"), (self._closes, ">")):
            self._out += close * min(int(open_), LONGEST - len(self._out))
        return f"<{ADDRESS}>" if self._lost or len(self._out) >= LONGEST else "".join(self._out)

    def _take(self, character: str) -> bool:
        """Weigh a character; whether it is one of the address."""
        if self._copying > 0:
            self._append(character)
        if character == "\\":
            return self._escape()
        if character == '"' and self._comments <= 0:
            self._toggle_quotes()
            return False
        if self._quoted:
            return True
        if character == "(":
            self._open_comment()
        if self._comments > 0:
            if character == ")":
                self._comments -= 1
                self._copying -= 1
                if self._room():
                    self._shown_comments -= 1
                    self._limit += 1
            return False
        if character == ")" and self._copying > 0 and self._room() and len(self._out) > self._head:
            self._out.pop()
        self._brackets += (character == "[") - (character == "]")
        if character == ":" and self._angles <= 0 and self._brackets <= 0 and not self._had_colon and not self._colons:
            return self._colon(character)
        if character == ";" and self._copying <= 0 and not self._colons:
            self._append(character)
        if character in self._must_quote and self._comments <= 0:
            self._quote = True
        if character == "<":
            self._open_angle()
            return False
        if character == ">":
            self._close_angle(character)
            return False
        return True

    def _escape(self) -> bool:
        if self._comments <= 0 and not self._quoted:
            self._quote = True
        if self._at >= len(self._text):
            return True
        following = self._next()
        if self._copying > 0:
            self._append(following)
        return True

    def _toggle_quotes(self) -> None:
        self._quoted = not self._quoted
        if self._copying > 0 and self._room():
            self._limit += -1 if self._shown_quoted else 1
            self._shown_quoted = not self._shown_quoted

    def _open_comment(self) -> None:
        self._comments += 1
        if self._room():
            self._limit -= 1
            self._shown_comments += 1
            self._copying += 1
            if self._copying <= 1:
                if len(self._out) != self._head:
                    self._append(" ")
                self._append("(")

    def _back_over_blanks(self) -> None:
        """Go back to the end of what precedes the character that was just read, without blanks."""
        at = self._at - 1
        while at > 0:
            at -= 1
            if self._text[at] not in _SPACES:
                break
        else:
            at = -1
        self._at = at + 1

    def _copy_head(self, start: int, bare: int) -> None:
        """Begin anew with what has been read, quoted if it has to be; ``bare`` is where an opening quote is no use."""
        del self._out[self._head :]
        quote = self._quote
        if quote:
            self._append('"')
            self._back_over_blanks()
        for character in self._text[start : min(self._at, start + LONGEST)]:
            if quote and character == '"':
                self._append("\\")
            self._append(character)
        if not quote:
            return
        stop = self._stop
        if len(self._out) == bare:
            self._out.pop()
        else:
            self._append('"')
        while (character := self._next()) != stop:
            self._append(character)
        self._append(stop)

    def _colon(self, character: str) -> bool:
        following = self._text[self._at : self._at + 1]
        if following in (":", ".") and following:
            if self._comments <= 0 and not self._quoted:
                self._quote = True
            if self._copying > 0:
                self._append(character)
                self._append(following)
            self._at += 1
            return True
        self._had_colon = True
        self._stop = ":"
        self._copy_head(self._text_head, self._head + 1)
        while self._text[self._at : self._at + 1] in _SPACES and self._at < len(self._text):
            self._append(self._next())
        self._copying = 0
        self._put = self._quote = False
        self._head = len(self._out)
        self._text_head = self._at
        return False

    def _open_angle(self) -> None:
        if self._had_angle:
            self._quote = True
        self._had_angle = True
        self._angles = 1
        if self._room():
            if not self._closes:
                self._limit -= 1
            self._closes = True
        self._stop = "<"
        self._copy_head(self._text_head, 1)
        self._copying = 0
        self._put = self._quote = False

    def _close_angle(self, character: str) -> None:
        if self._angles > 0:
            self._angles -= 1
            if self._room():
                if self._closes:
                    self._limit += 1
                self._closes = False
        elif self._room():
            if self._copying > 0 and len(self._out) > self._head:
                self._out.pop()
            self._quote = True
            return
        self._copying += 1
        if self._copying <= 1:
            self._append(character)
