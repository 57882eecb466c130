"""POSIX regular expressions by the C library's regcomp() and regexec(), in the C locale.

Python's ``re`` is another language: it takes the first alternative where POSIX takes the longest match, and knows other
escapes. The layout of the C structures differs between libraries; it is found out once, with a pattern whose answer is
known. Neither function can be interrupted or bounded: see `mailconf.maps.patterns.regexp` for what is done about it.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any

from mailconf.maps.core.table import TemporaryFailure
from mailconf.maps.patterns.patterns import BadExpression, Spans

EXTENDED, IGNORE_CASE, NEWLINE = 1, 2, (4 if sys.platform.startswith("linux") else 8)

_NO_MATCH = 1
_SPACE_FOR_REGEX = 512  # bytes; regex_t takes 64 in glibc, 32 to 88 elsewhere
_LC_ALL_MASK = 0x1FBF if sys.platform.startswith("linux") else 0x7F


class PosixExpression:
    """A compiled pattern; raises BadPattern with the library's words. Threads may share it."""

    def __init__(self, pattern: bytes, options: int) -> None:
        self._free: Any = None
        self._regex = ctypes.create_string_buffer(_SPACE_FOR_REGEX)
        library = _library()
        with library.c_locale():
            status = library.c.regcomp(self._regex, pattern, options)
        if status != 0:
            raise BadExpression(library.error(status, self._regex))
        self._library, self._free = library, library.c.regfree
        self.groups = library.count_groups(self._regex)
        self._spans = library.offset * (2 * (self.groups + 1))

    def match(self, subject: bytes) -> Spans | None:
        """The leftmost longest match in a subject without NUL: see `mailconf.maps.patterns.patterns.Expression`."""
        spans = self._spans()
        with self._library.c_locale():
            status = self._library.c.regexec(self._regex, subject, self.groups + 1, spans, 0)
        if status == 0:
            return list(zip(spans[::2], spans[1::2], strict=True))
        if status == _NO_MATCH:
            return None
        raise TemporaryFailure(self._library.error(status, self._regex))

    def __del__(self) -> None:
        if self._free is not None:
            self._free(self._regex)


class _Library:
    """The C library's functions, and what its structures look like."""

    def __init__(self) -> None:
        pointer, integer, size, text = ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t, ctypes.c_char_p
        self.c: Any = ctypes.CDLL(None)
        for name, result, *arguments in (
            ("regcomp", integer, pointer, text, integer),
            ("regexec", integer, pointer, text, size, pointer, integer),
            ("regerror", size, integer, pointer, text, size),
            ("regfree", None, pointer),
            ("newlocale", pointer, integer, text, pointer),
            ("uselocale", pointer, pointer),
        ):
            function = getattr(self.c, name)
            function.restype, function.argtypes = result, arguments
        self._locale = self.c.newlocale(_LC_ALL_MASK, b"C", None)
        self._probe()

    def c_locale(self) -> _Locale:
        return _Locale(self.c.uselocale, self._locale)

    def error(self, status: int, regex: Any) -> str:
        """The library's words for a status."""
        text = ctypes.create_string_buffer(256)
        with self.c_locale():
            self.c.regerror(status, regex, text, len(text))
        return text.value.decode("ascii", "replace")

    def count_groups(self, regex: Any) -> int:
        """How many groups a compiled pattern has."""
        return ctypes.c_size_t.from_buffer(regex, self._groups_at).value

    def _probe(self) -> None:
        """Find the width of regoff_t and the place of re_nsub with a pattern of 5 groups."""
        regex = ctypes.create_string_buffer(_SPACE_FOR_REGEX)
        spans = (ctypes.c_int32 * 32)()
        if self.c.regcomp(regex, b"(b)(c)(d)(e)(f)", EXTENDED) or self.c.regexec(regex, b"abcdef", 6, spans, 0):
            raise TemporaryFailure("the C library has no POSIX regular expressions")
        self.offset: Any = ctypes.c_int32 if list(spans[:4]) == [1, 6, 1, 2] else ctypes.c_int64
        places = [at for at in (48, 0, 8) if ctypes.c_size_t.from_buffer(regex, at).value == 5]
        self.c.regfree(regex)
        if not places:
            raise TemporaryFailure("the C library's regular expressions have an unknown layout")
        self._groups_at = places[0]


class _Locale:
    """The C locale for this thread, for as long as the block lasts."""

    def __init__(self, uselocale: Any, locale: int) -> None:
        self._use, self._locale = uselocale, locale

    def __enter__(self) -> None:
        self._before = self._use(self._locale)

    def __exit__(self, *_: object) -> None:
        self._use(self._before)


@cache
def _library() -> _Library:
    return _Library()
