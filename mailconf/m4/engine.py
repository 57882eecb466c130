"""The expander: reads tokens, collects arguments, calls macros.

One loop does all of it, with its own stack of unfinished calls: neither recursion in a macro nor nesting of calls uses
Python's stack. The loop takes tokens that lie inside one block with the patterns of `mailconf.m4.syntax`; text between
macros is copied in whole runs. `Reader.token` is asked where a block ends in the middle of something.

The module is long because that loop is one function: every variable of it that became an attribute would cost a tenth
of the speed.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mailconf.m4 import builtins as _builtins  # noqa: F401 - fills the table
from mailconf.m4.debug import Debug
from mailconf.m4.environment import Budget, Denied, Environment
from mailconf.m4.errors import Exhausted, Fatal, Stop
from mailconf.m4.macros import BUILTINS, Builtin, Macro, Macros
from mailconf.m4.output import FLUSH_PIECES, Output
from mailconf.m4.places import Block, MacroPlace, Text, file_block
from mailconf.m4.reader import CHARACTER, STRING, WORD, Reader
from mailconf.m4.syntax import AT_COMMENT, AT_PUNCTUATION, AT_QUOTE, AT_STRING, AT_WORD
from mailconf.source import decode

if TYPE_CHECKING:
    from mailconf.diagnostics import Sink

_HINTS = {
    "steps": "look for a macro that calls itself without end",
    "depth": "look for a macro that calls itself in its own argument, or a file that includes itself",
    "size": "look for a macro whose text grows with every call",
}
UNLIMITED = 1 << 62
INCLUDES = 100  # files inside one another, where the budget bounds calls inside one another
REPORTS = 1_000  # diagnostics of a run: more than anyone reads
STACK = 200_000  # calls inside one another where the budget sets no bound: m4's own stack ends earlier

Callback = Callable[[bytes, list[Any], MacroPlace], None]


class EngineOptions:
    """What the command line sets."""

    def __init__(self) -> None:
        self.traditional = False  # -G
        self.prefix = False  # -P
        self.quiet = False  # -Q
        self.fatal_warnings = 0  # -E, -EE
        self.nesting = 0  # -L
        self.include: tuple[bytes, ...] = ()  # -I, then M4PATH
        self.warn_sequence = b""  # --warn-macro-sequence


class Engine(Reader):
    """One run of m4.

    ``write`` and ``stderr`` take output and messages as they come. ``environment`` decides what the macros may touch,
    ``budget`` how much they may use. ``track`` keeps the chain of calls that led to each byte (`Output.explained`).
    ``on_call`` hears of every macro call, with its arguments (the name first), before it is expanded. Problems go to
    ``sink`` as diagnostics, beside the message that m4 prints.

    Feed input with `process`, end with `finish`. Both raise `Stop` where m4 would exit; `Stop.status` is its status.
    """

    def __init__(
        self,
        environment: Environment,
        write: Callable[[bytes], object],
        stderr: Callable[[bytes], object],
        *,
        budget: Budget | None = None,
        options: EngineOptions | None = None,
        track: bool = False,
        on_call: Callback | None = None,
        sink: Sink | None = None,
        program: bytes = b"m4",
    ) -> None:
        super().__init__()
        self.environment = environment
        self.options = options or EngineOptions()
        self.macros = Macros()
        self.output = Output(write, track)
        self.debug = Debug(self.print_error)
        self.track = track
        self.on_call = on_call
        self.sink = sink
        self._reported = 0
        self.program = program
        self.status = 0
        self.sysval = 0
        self._at_block: Block | None = None  # the place of the call that is being carried out
        self._at = 0
        self._crossing = False  # the token that is put out went across the border of a block
        self._definitions = False  # a builtin's definition has been among the arguments of a call
        self.synclines = False
        self.wrapped: list[Block] = []
        self._stderr = stderr
        budget = budget or Budget()
        self._budget = budget
        self.bounded = budget.steps is not None
        self.calls = 0
        self.limit = UNLIMITED if budget.steps is None else budget.steps
        self.size_left = UNLIMITED if budget.size is None else budget.size
        self._depth = STACK if budget.depth is None else budget.depth
        self._frames: list[tuple[Any, ...]] = []
        self._define_builtins()

    def _define_builtins(self) -> None:
        traditional = self.options.traditional
        mark = b"m4_" if self.options.prefix else b""
        for builtin in BUILTINS.values():
            if not (traditional and builtin.gnu):
                self.macros.define(Macro(mark + builtin.name, b"", builtin))
        for name in (b"unix",) if traditional else (b"__gnu__", b"__unix__"):
            self.macros.define(Macro(name, b""))

    @property
    def here(self) -> MacroPlace | None:
        """The place of the call that is being carried out; None before the first."""
        return None if self._at_block is None else MacroPlace(self._at_block, self._at)

    def clear_place(self) -> None:
        """What is reported now has no place in a file."""
        self._at_block = None

    def define(self, name: bytes, text: bytes) -> None:
        """Define a macro from outside."""
        self.macros.define(Macro(name, text))

    # -- input

    def process(self, name: bytes, data: bytes = b"", descriptor: int = -1) -> None:
        """Expand a file's bytes (or what can be read from ``descriptor``), reported under ``name``."""
        self.spend(len(data))
        self.block = file_block(Text(name, data), 0, descriptor)
        self.stack = []
        self.ended = False
        self.output.input_changed()
        self.clear_place()
        if self.debug.has("i"):
            self.debug_message(b"input read from " + name)
        self._run()

    def finish(self) -> None:
        """Expand what m4wrap has saved and write out the diversions."""
        self.unwrap()
        self.output.divert(0)
        for number in self.output.numbers():
            self.output.undivert(number)
        self.output.finish()
        self.debug.close()

    def unwrap(self) -> None:
        """Expand what m4wrap has saved."""
        while self.wrapped:
            blocks, self.wrapped = self.wrapped, []
            self.block, self.stack = blocks[-1], blocks[:-1]
            self._run()

    def include(self, name: bytes, data: bytes) -> None:
        """Read a file's bytes before what is left of the input."""
        self.spend(len(data))
        if self.debug.has("i"):
            self.debug_message(b"input read from " + name)
        self.output.input_changed()
        self.ended = False
        old: Block | None = self.block
        while old is not None and old.pos >= len(old.data) and old.text is None and old.token is None:
            old = self.stack.pop() if self.stack else None
        if old is not None:
            self.stack.append(old)
        text = Text(name, data, self.here)
        if text.depth > INCLUDES and self._budget.depth is not None:
            raise Exhausted("depth", f"more than {INCLUDES} files inside one another", self.here)
        self.block = file_block(text)

    def file_ended(self, block: Block, below: Block | None) -> None:
        self.output.input_changed()
        if not self.debug.has("i"):
            return
        assert block.text is not None
        message = b"input exhausted\n"
        if below is not None:
            message = b"input reverted to %b, line %d\n" % self._location(MacroPlace(below, max(below.pos - 1, 0)))
        last = MacroPlace(block, len(block.data))
        self.debug_line(self.debug.prefix(b"debug", block.text.name, last.line) + message)

    def more(self, block: Block) -> Block | None:
        if block.descriptor < 0:
            return None
        self.output.flush()
        more = super().more(block)
        if more is not None:
            self.spend(len(more.data))
        return more

    def leave_input(self) -> None:
        """Leave standard input, where it can be positioned, at the first byte that has not been read."""
        for block in (self.block, *self.stack):
            if block.descriptor >= 0 and block.text is not None:
                unread = len(block.data) - block.pos
                try:
                    os.lseek(block.descriptor, -unread, os.SEEK_CUR)
                except OSError:
                    continue
                block.data = block.data[: block.pos]
                block.text.cut(block.base + block.pos)

    def find(self, name: bytes) -> tuple[bytes, bytes]:
        """A file's path and contents, sought in the current folder and the include path; OSError."""
        try:
            return name, self.environment.read(name)
        except Denied:
            raise
        except OSError as error:
            if not name:
                raise FileNotFoundError(errno.ENOENT, "") from None
            if name.startswith(b"/"):
                raise
            for folder in self.options.include:
                path = (folder + b"/" if folder else b"") + name
                try:
                    data = self.environment.read(path)
                except OSError:
                    continue
                if self.debug.has("p"):
                    self.debug_message(b"path search for `%b' found `%b'" % (name, path))
                return path, data
            raise error

    def expansion(self, data: bytes, name: bytes) -> Block:
        """A block for text that the current call leaves."""
        here = self.here
        assert here is not None
        block, at = here
        if not self.track and block.text is None and block.parent is not None:
            block, at = block.parent, block.at
        return Block(data, block, at, name)

    # -- messages

    def _location(self, place: MacroPlace | None) -> tuple[bytes, int]:
        if place is None:
            return b"", 0
        text, offset = place.file
        return text.name, text.line(offset)

    def print_error(self, text: bytes) -> None:
        """Write to standard error, after what has been put out so far."""
        self.spend(len(text))
        self.output.flush()
        self._stderr(text)

    def message(self, text: str | bytes, place: MacroPlace | None, prefix: str = "") -> None:
        """Print ``m4:FILE:LINE: text``."""
        line = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
        file, number = self._location(place)
        where = b"%b:%d: " % (file, number) if file else b""
        self.print_error(self.program + b":" + (where or b" ") + prefix.encode() + line + b"\n")

    def _report(self, kind: str, text: str, place: MacroPlace | None, hint: str = "") -> None:
        if self.sink is not None and (self._reported < REPORTS or kind == "EXHAUSTED"):
            self._reported += 1
            from mailconf.m4 import problems  # here: start-up time

            code = getattr(problems, kind)
            name = b"" if place is None else place.block.name
            length = len(name) if place is not None and place.block.text is None else 1
            self.sink.report(code, text, None if place is None else place.span(length), hint=hint)

    def warn(self, text: str, prefix: str = "Warning: ") -> None:
        """A warning of the current call; -E makes it an error."""
        self.message(text, self.here, prefix)
        self._report("WARNED", text, self.here)
        if self.options.fatal_warnings:
            self.status = 1
            if self.options.fatal_warnings > 1:
                raise Stop(1)

    def complain(self, text: str) -> None:
        """A warning that m4 prints without the word."""
        self.warn(text, "")

    def error(self, text: str) -> None:
        """An error: the run goes on and ends with status 1."""
        self.message(text, self.here)
        self._report("FAILED", text, self.here)
        self.status = 1

    def printed(self, text: bytes) -> None:
        """What a macro itself prints on standard error."""
        self.print_error(text)
        self._report("PRINTED", decode(text), self.here)

    def failed(self, text: str, error: OSError, keep_status: bool = False) -> None:
        """A request to the world outside that failed or was denied."""
        if isinstance(error, Denied):
            self.message(str(error), self.here)
            self._report("DENIED", str(error), self.here)
            self.status = 1
            return
        self.complain(f"{text}: {os.strerror(error.errno or 0)}")
        if not keep_status:
            self.status = 1

    def debug_message(self, text: bytes) -> None:
        file, line = self._location(self.here)
        self.debug_line(self.debug.prefix(b"debug", file, line) + text + b"\n")

    def debug_line(self, text: bytes) -> None:
        """Write to the debug file."""
        self.spend(len(text))
        self.debug.write(text)

    # -- the budget

    def spend(self, size: int) -> None:
        """Account for bytes produced; `Exhausted` when there are too many."""
        self.size_left -= size
        if self.size_left < 0:
            raise self._exhausted("size")

    def work(self, steps: int) -> None:
        """Account for work that a single call does."""
        self.limit -= steps
        if self.calls > self.limit:
            raise self._exhausted("steps")

    def _exhausted(self, what: str) -> Exhausted:
        limit = getattr(self._budget, what)
        text = {
            "steps": f"more than {limit} macro calls",
            "depth": f"more than {limit} calls inside one another",
            "size": f"more than {limit} bytes of text",
        }[what]
        return Exhausted(what, text, self.here)

    # -- the loop

    def _run(self) -> None:
        """Expand to the end of the input."""
        self._frames = []
        try:
            self._expand()
        except Exhausted as error:
            self.size_left = 1 << 20  # for the message
            self.message(error.message, error.place)
            self._report("EXHAUSTED", error.message, error.place, _HINTS[error.what])
            raise Stop(1) from None
        except Fatal as error:
            self.message(error.message, error.place, error.prefix)
            self._report("ENDED", error.message, error.place)
            raise Stop(1) from None

    def _emit(self, text: bytes, block: Block, offset: int, whole: bool) -> None:
        """Text for the output, when more is wanted than the text."""
        if self.synclines:
            end = MacroPlace(self.block, 0) if whole and self._crossing else MacroPlace(block, offset)
            self.output.synchronized(text, block, offset, end.file[0].name, whole)
        elif self.output.current >= 0:
            self.output.pieces.append(text)
            self.output.places.append(MacroPlace(block, offset))

    def _expand(self) -> None:
        macros, frames, output = self.macros.top, self._frames, self.output
        lookup, debug, track = macros.get, self.debug, self.track
        traditional = self.options.traditional
        nesting = self.options.nesting or UNLIMITED
        careful = track or self.synclines  # text for the output goes through _emit
        emit = self._emit

        now = self.syntax
        match_token = now.top
        block = self.block
        data, pos, size = block.data, block.pos, len(block.data)
        flush = pos  # here begins the run of text that has not been passed on
        special = careful
        parts: list[bytes] = output.pieces
        args: list[Any] = []
        depth = 0  # parentheses inside the current argument
        definition: Builtin | None = None  # the current argument is a builtin's definition
        leading = False  # white space in front of an argument went on to the block's end
        begun = (block, pos)  # where the current argument begins: its parenthesis or comma
        before = origin = block
        word, offset, opens, traced = b"", 0, False, 0

        while True:
            match = match_token(data, pos)
            kind = match.lastindex
            end = match.end()
            call: Macro | None = None
            finished: list[Any] | None = None
            mark = 0

            # 1. One token: text, the mark that ends an argument, or the name of a call.
            if kind == AT_WORD and end < size:
                leading = False
                word = match[AT_WORD]
                call = lookup(word)
                if call is None:
                    pos = end
                    continue
                opens = data[end] == 40
                if opens and not now.parentheses:
                    block.pos, self.block = end, block
                    opens = self.open_follows()
                if call.blind and not opens:
                    pos = end
                    continue
                origin, offset = block, end - len(word)
                if flush < offset:
                    if special:
                        emit(data[flush:offset], block, flush, False)
                    else:
                        parts.append(data[flush:offset])
                flush = pos = end + opens

            elif kind == AT_STRING:
                leading = False
                start = match.start(AT_STRING)
                if special:
                    if flush < start - 1:
                        emit(data[flush : start - 1], block, flush, False)
                    emit(data[start : end - 1], block, start, True)
                else:
                    if flush < start - 1:
                        parts.append(data[flush : start - 1])
                    parts.append(data[start : end - 1])
                flush = pos = end
                continue

            elif kind == AT_PUNCTUATION and not (now.partial and now.may_begin(data, end - 1)):
                leading = False
                mark = data[end - 1]
                pos = end
                if mark == 40:
                    depth += 1
                    continue
                if depth:
                    if mark == 41:
                        depth -= 1
                    continue
                if flush < end - 1:
                    parts.append(data[flush : end - 1])
                flush = end

            elif kind is None and not (now.partial and now.cut_short(data, pos) >= 0):
                # The block is read to its end.
                if flush < size:
                    if special:
                        emit(data[flush:size], block, flush, False)
                    else:
                        parts.append(data[flush:size])
                    if pos < size:
                        leading = False
                block.pos, self.block = size, block
                if block.token is not None:
                    if frames and not any(parts):
                        definition = block.token
                        self._definitions = True
                    leading = False
                    block.token = None
                elif not self.next_block():
                    if not frames:
                        return
                    raise Fatal("end of file in argument list", MacroPlace(*begun), prefix="ERROR: ")
                block = self.block
                data, pos, size = block.data, block.pos, len(block.data)
                if leading:
                    pos = now.lead(data, pos).end()
                flush = pos
                continue

            else:
                # A longer string or comment, or something that the block's end may cut.
                leading = False
                start = end
                if kind == AT_WORD:
                    start = end - len(match[AT_WORD])
                elif kind == AT_PUNCTUATION:
                    start = end - 1
                elif kind is None:
                    start = now.cut_short(data, pos)
                if flush < start:
                    if special:
                        emit(data[flush:start], block, flush, False)
                    else:
                        parts.append(data[flush:start])
                stop = -1
                if kind == AT_QUOTE:
                    stop = now.end_of_string(data, start)
                    if stop >= 0:
                        text = data[start + len(now.quote) : stop - len(now.unquote)]
                elif kind == AT_COMMENT:
                    stop = now.end_of_comment(data, start)
                    if stop >= 0:
                        text = data[start:stop]
                if stop >= 0:
                    token, origin, offset = STRING, block, start + (len(now.quote) if kind == AT_QUOTE else 0)
                    flush = pos = stop
                else:
                    before = block
                    block.pos, self.block = start, block
                    token, text, origin, offset = self.token()
                    block = self.block
                    data, pos, size = block.data, block.pos, len(block.data)
                    flush = pos
                if token == WORD:
                    call = lookup(text)
                    if call is not None:
                        opens = self.open_follows()
                        if opens or not call.blind:
                            word = text
                            if opens:
                                self.read(1)
                            block = self.block
                            data, pos, size = block.data, block.pos, len(block.data)
                            flush = pos
                        else:
                            call = None
                elif token == CHARACTER and frames and text in b"(),":
                    mark = text[0]
                    if mark == 40:
                        depth += 1
                        mark = 0
                    elif depth:
                        if mark == 41:
                            depth -= 1
                        mark = 0
                if call is None and not mark:
                    if not special:
                        parts.append(text)
                    elif stop < 0 and self.synclines:
                        self._crossing = True
                        emit(text, before, start, True)
                        self._crossing = False
                    else:
                        emit(text, origin, offset, True)
                    continue

            # 2. The end of an argument.
            if mark:
                if definition is not None:
                    args.append(definition)
                    definition = None
                else:
                    args.append(parts[0] if len(parts) == 1 else b"".join(parts))
                if mark == 44:
                    parts = []
                    begun = (block, pos - 1)
                    if now.spaces:
                        flush = pos = now.lead(data, pos).end()
                        leading = pos == size
                    else:
                        block.pos, self.block = pos, block
                        self.skip_space()
                        block = self.block
                        data, pos, size = block.data, block.pos, len(block.data)
                        flush = pos
                    continue
                finished = args
                call, word, origin, offset, traced, args, parts, depth, definition, begun = frames.pop()
                if not frames:
                    match_token = now.top
                    special = careful
                    parts = output.pieces

            # 3. The name of a call: its arguments first.
            else:
                self.calls += 1
                if self.calls > self.limit:
                    self._at_block, self._at = origin, offset
                    raise self._exhausted("steps")
                if len(frames) >= nesting:
                    raise Fatal(
                        f"recursion limit of {nesting} exceeded, use -L<N> to change it", MacroPlace(origin, offset)
                    )
                traced = 0
                if debug.watching and debug.traces(word):
                    traced = self.calls
                    if debug.has("c"):
                        self._at_block, self._at = origin, offset
                        self._trace_start(word, len(frames) + 1, traced)
                if opens:
                    if len(frames) >= self._depth:
                        if self._budget.depth is None:
                            raise Fatal("stack overflow", None)
                        self._at_block, self._at = origin, offset
                        raise self._exhausted("depth")
                    frames.append((call, word, origin, offset, traced, args, parts, depth, definition, begun))
                    begun = (block, pos - 1)
                    args, parts, depth, definition = [word], [], 0, None
                    match_token = now.argument
                    special = False
                    if now.spaces:
                        flush = pos = now.lead(data, pos).end()
                        leading = pos == size
                    else:
                        block.pos, self.block = pos, block
                        self.skip_space()
                        block = self.block
                        data, pos, size = block.data, block.pos, len(block.data)
                        flush = pos
                    continue
                finished = [word]

            # 4. The call.
            assert call is not None
            self._at_block, self._at = origin, offset
            if not frames and len(parts) > FLUSH_PIECES:
                output.flush()
            if call.builtin is None and not traced and not self._definitions and self.on_call is None:
                if call.constant:
                    text = call.text
                else:
                    pieces = call.expand(finished, now.quote, now.unquote, traditional)
                    total = sum(map(len, pieces))
                    if total > self.size_left:
                        raise self._exhausted("size")
                    text = b"".join(pieces)
                if not text:
                    continue
            else:
                block.pos, self.block = pos, block
                result = self._call(call, finished, traced, len(frames) + 1)
                block = self.block
                data, pos, size = block.data, block.pos, len(block.data)
                flush = pos
                if self.syntax is not now:
                    now = self.syntax
                    match_token = now.argument if frames else now.top
                if not frames:
                    parts = output.pieces
                if not result:
                    continue
                text = result
            self.size_left -= len(text)
            if self.size_left < 0:
                raise self._exhausted("size")
            if not track and origin.text is None and origin.parent is not None:
                origin, offset = origin.parent, origin.at
            if pos < size or block.text is not None or block.token is not None:
                block.pos = pos
                self.stack.append(block)
            self.block = block = Block(text, origin, offset, word)
            if track:
                block.defined = call.where
            data, pos, size = text, 0, len(text)
            flush = 0

    # -- calls

    def _call(self, macro: Macro, args: list[Any], traced: int, level: int) -> bytes | None:
        """Carry out a call, with everything that may accompany it, and return its expansion."""
        args = self._flattened(macro, args)
        if self.on_call is not None:
            self.on_call(args[0], args, MacroPlace(self._at_block, self._at))  # type: ignore[arg-type]
        shown = self._trace_arguments(args, level, traced) if traced else b""
        result = self.invoke(macro, args)
        if traced:
            even_empty = macro.builtin is not None and macro.builtin.name == b"patsubst"
            self._trace_end(shown, args, level, traced, result if result or even_empty else None)
        return result

    def _flattened(self, macro: Macro, args: list[Any]) -> list[Any]:
        """The arguments with definitions of builtins made empty, where the macro does not take them."""
        if (
            not self._definitions
            or (macro.builtin is not None and macro.builtin.tokens)
            or Builtin not in map(type, args)
        ):
            return args
        return [b"" if isinstance(a, Builtin) else a for a in args]

    def invoke(self, macro: Macro, args: list[Any]) -> bytes | None:
        """The expansion of ``macro`` for ``args``, the name first."""
        args = self._flattened(macro, args)
        builtin = macro.builtin
        if builtin is None:
            now = self.syntax
            pieces = macro.expand(args, now.quote, now.unquote, self.options.traditional)
            if sum(map(len, pieces)) > self.size_left:
                raise self._exhausted("size")
            return b"".join(pieces)
        count = len(args)
        if count < builtin.least:
            if not self.options.quiet:
                self.warn(f"too few arguments to builtin `{decode(args[0])}'")
            if not builtin.lenient or count < 2:
                return None
        elif builtin.most and count > builtin.most and not self.options.quiet:
            self.warn(f"excess arguments to builtin `{decode(args[0])}' ignored")
        return builtin.function(self, args)

    # -- tracing

    def _trace_prefix(self, level: int, identity: int) -> bytes:
        file, line = self._location(self.here)
        text = self.debug.prefix(b"trace", file, line) + b"-%d- " % level
        return text + b"id %d: " % identity if self.debug.has("x") else text

    def _trace_start(self, word: bytes, level: int, identity: int) -> None:
        self.debug_line(self._trace_prefix(level, identity) + word + b" ...\n")

    def _trace_arguments(self, args: list[Any], level: int, identity: int) -> bytes:
        text: bytes = self._trace_prefix(level, identity) + args[0]
        debug, now = self.debug, self.syntax
        debug.changed = False
        if len(args) > 1 and debug.has("a"):
            text += b"(" + b", ".join(debug.shown(a, now.quote, now.unquote) for a in args[1:]) + b")"
        if debug.has("c"):
            self.debug_line(text + b" -> ???\n")
            return b""
        return text

    def _trace_end(self, text: bytes, args: list[Any], level: int, identity: int, result: bytes | None) -> None:
        debug, now = self.debug, self.syntax
        if debug.has("c"):
            text = self._trace_prefix(level, identity) + args[0]
            if len(args) > 1:
                text += b"(...)"
        elif debug.changed:
            text = b""  # m4 loses what it has prepared
        if result is not None and debug.has("e"):
            text += b" -> " + debug.shown(result, now.quote, now.unquote)
        self.debug_line(text + b"\n")
