"""``pcre`` tables: Perl compatible regular expressions (pcre_table(5)), answered by the PCRE2 library.

The library is the system's libpcre2-8, reached through ctypes: it is the one that the site's Postfix uses, so answers
and error texts are the same. (No wheel of it offers all the options that a table can set.) Without it, opening a table
raises UnsupportedMap. The calls are those of pcre2api(3); the optimising compiler is not used, as in Postfix.

Flags: ``i`` ignore case (on), ``s`` the dot matches newlines (on), ``m`` ``^`` and ``$`` match at lines, ``x`` no
whitespace in the pattern counts, ``A`` anchored, ``E`` ``$`` only at the very end, ``U`` ungreedy; ``X`` is ignored
with a warning, as it means nothing in PCRE2.

Departure: a search that reaches the library's match limit, or takes more than `HEAP_LIMIT` of memory, is a temporary
failure. The original logs it and goes on as if the pattern had not matched, which lets mail through.
"""

from __future__ import annotations

import ctypes
import re
from contextlib import suppress
from functools import cache
from typing import Any, ClassVar

from mailconf.maps.core.table import TemporaryFailure, UnsupportedMap
from mailconf.maps.patterns.late import needle
from mailconf.maps.patterns.patterns import BadExpression, PatternTable, Spans
from mailconf.maps.patterns.rules import quoted

CASELESS, DOTALL, EXTENDED, MULTILINE = 0x8, 0x20, 0x80, 0x400
ANCHORED, DOLLAR_ENDONLY, UNGREEDY = 0x80000000, 0x10, 0x40000

HEAP_LIMIT = 65_536  # KiB

_NAMES = ("libpcre2-8.so.0", "libpcre2-8.0.dylib", "libpcre2-8.so")
_NO_MATCH = -1
_UNSET = ctypes.c_size_t(-1).value
_INFO_CAPTURE_COUNT = 4
_OBSOLETE = ord("X")


class Pcre(PatternTable):
    """A table of Perl compatible regular expressions."""

    type = "pcre"
    flags: ClassVar = {
        ord("i"): CASELESS,
        ord("m"): MULTILINE,
        ord("s"): DOTALL,
        ord("x"): EXTENDED,
        ord("A"): ANCHORED,
        ord("E"): DOLLAR_ENDONLY,
        ord("U"): UNGREEDY,
        _OBSOLETE: 0,
    }
    default: ClassVar = CASELESS | DOTALL
    letters: ClassVar = re.compile(rb"[^ \t\n\v\f\r]*")
    zero_index: ClassVar = "out of range"
    unclosed: ClassVar = "ignoring"
    memory: ClassVar = (1_000, 12)

    def _flag(self, line: int, letter: int) -> int:
        if letter == _OBSOLETE:
            self._warn(line, f"ignoring obsolete regexp option {quoted(bytes([letter]))}")
        return super()._flag(line, letter)

    def _needle_of(self, pattern: bytes, options: int) -> bytes:
        return b"" if options & EXTENDED else needle(pattern)

    def _compile(self, pattern: bytes, options: int) -> PcreExpression:
        return PcreExpression(pattern, options)


class PcreExpression:
    """A compiled pattern: see `mailconf.maps.patterns.patterns.Expression`. Threads may share it."""

    def __init__(self, pattern: bytes, options: int) -> None:
        self._code: Any = None
        self._library = library = _library()
        error, offset = ctypes.c_int(), ctypes.c_size_t()
        code = library.compile(pattern, len(pattern), options, ctypes.byref(error), ctypes.byref(offset), None)
        if code is None:
            raise BadExpression(f"error in regex at offset {offset.value}: {library.error(error.value)}")
        self._code = code
        count = ctypes.c_uint32()
        library.info(code, _INFO_CAPTURE_COUNT, ctypes.byref(count))
        self.groups = count.value

    def match(self, subject: bytes) -> Spans | None:
        library = self._library
        data = library.new_match_data(self._code, None)
        try:
            status = library.match(self._code, subject, len(subject), 0, 0, data, library.context)
            if status < 0:
                if status == _NO_MATCH:
                    return None
                raise TemporaryFailure(library.error(status))
            places = library.spans(data)[: 2 * (self.groups + 1)]
        finally:
            library.free_match_data(data)
        return [(-1, -1) if a == _UNSET else (a, b) for a, b in zip(places[::2], places[1::2], strict=True)]

    def __del__(self) -> None:
        if self._code is not None:
            self._library.free(self._code)


class _Library:
    """The functions of libpcre2-8 that are needed."""

    def __init__(self) -> None:
        pointer, integer, size, u32 = ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t, ctypes.c_uint32
        library = _load()

        def function(name: str, result: Any, *arguments: Any) -> Any:
            found = getattr(library, f"pcre2_{name}_8")
            found.restype, found.argtypes = result, arguments
            return found

        self.compile = function("compile", pointer, ctypes.c_char_p, size, u32, pointer, pointer, pointer)
        self.free = function("code_free", None, pointer)
        self.info = function("pattern_info", integer, pointer, u32, pointer)
        self.new_match_data = function("match_data_create_from_pattern", pointer, pointer, pointer)
        self.free_match_data = function("match_data_free", None, pointer)
        self.spans = function("get_ovector_pointer", ctypes.POINTER(size), pointer)
        self.match = function("match", integer, pointer, ctypes.c_char_p, size, size, u32, pointer, pointer)
        self._message = function("get_error_message", integer, integer, pointer, size)
        self.context = function("match_context_create", pointer, pointer)(None)
        with suppress(AttributeError):  # a library before 10.30 searches on the stack, which has its own limit
            function("set_heap_limit", integer, pointer, u32)(self.context, HEAP_LIMIT)

    def error(self, status: int) -> str:
        text = ctypes.create_string_buffer(256)
        self._message(status, text, len(text))
        return text.value.decode("ascii", "replace")


def _load() -> ctypes.CDLL:
    for name in _NAMES:
        with suppress(OSError):
            return ctypes.CDLL(name)
    raise UnsupportedMap("unsupported dictionary type: pcre (the library libpcre2-8 is not installed)")


@cache
def _library() -> _Library:
    return _Library()
