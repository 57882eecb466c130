r"""A .mc into a .cf: m4 in process, confined, with the library of macros (`mailconf.sendmail.mc.library`).

The .cf is what ``m4 X.mc`` prints, run in the folder of the .mc, or ``m4 LIBRARY/m4/cf.m4 X.mc`` for one that does not
include the library itself. The lines of its header that hold user, host and date are ours: the library has a shell
write them (sh/makeinfo.sh, through syscmd and a temporary file); the shell's words are answered here, without a shell.
SOURCE_DATE_EPOCH, seconds since 1970, takes the place of the clock (https://reproducible-builds.org/specs).

Unless ``allow_shell`` is given, no command is run, nothing is written, and nothing is read but the configuration's own
folder and the library. A budget bounds steps, depth and bytes in either case.

Every message of m4 makes the result unfit for use: it goes on and exits 0 after most mistakes, among them those that
the library finds. Only what the library calls a warning or a note itself remains one. Messages have the line of the
configuration that led to them; the place in the library where they were raised is given beside it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from mailconf.diagnostics import Diagnostic, Related, Severity, Sink, alike, error
from mailconf.files import Root, Tree
from mailconf.m4 import Budget, Engine, MacroPlace, Stop
from mailconf.m4.places import Block
from mailconf.sendmail.mc.library import START, Library, is_library, is_present, library_for
from mailconf.sendmail.mc.sandbox import Header, LibraryFound, Probe, Read, Sandbox
from mailconf.source import Source, Span, decode, encode

SM901 = error("SM901", "sendmail's library of m4 macros is not installed")
"""Why: sendmail's macros, m4/cf.m4 and the others, make a .cf of a .mc. Without them mailconf checks only the text of
the .mc, and cannot build the .cf.

Example:
    $ mailconf check --cf-library /nosuch /etc/mail

Remedy: install the package sendmail-cf, or name the folder of the macros with --cf-library. build takes mailconf's own
rulesets (--own-cf) where a machine has no library at all.

Source: cf/README; docs/mc.md.
"""

SM902 = error("SM902", "a .mc cannot be read")
"""Why: the content of the .mc is unknown, and its .cf is not built.

Example:
    $ mkdir /etc/mail/submit.mc
    $ mailconf check /etc/mail

Remedy: make it a regular file that mailconf may read.

Source: docs/mc.md.
"""

SM030 = error("SM030", "a .mc that keeps the library from writing the rest of the .cf")
"""Why: the library writes the rules and mailers of the .cf when m4 has read the whole .mc. m4exit, or a text of m4wrap
without a newline at its end, keeps it from doing so: the .cf has no rules.

Example:
    # sendmail.mc
    m4exit

Remedy: remove m4exit; end the text of m4wrap with a newline.

Source: GNU m4 1.4.19, m4wrap and m4exit; cf/m4/cf.m4 of sendmail 8.17.
"""

NO_LIBRARY = (  # what to do
    "install the package sendmail-cf, or name the library's folder with --cf-library; "
    "one that the .mc names is used where only root can write to it; --own-cf asks for mailconf's own rulesets"
)

_WEIGHT = re.compile(r"[\s*]*(?:(?:(warning|note)|error):\s*)?", re.IGNORECASE)  # the library's word before a message
_NAMED = re.compile(r"\b(?:FEATURE|MAILER|HACK|OSTYPE|DOMAIN)\(`?(\w[\w.-]*)|\b(conf[A-Z][A-Z_]+)")
_READING = re.compile(r"reading (.*) is not allowed", re.DOTALL)
_MISSING = re.compile(r"cannot open `(.*/(\w+)/([^/']*)\.m4)'")
_NO_NEWLINE = "end of file treated as newline"
_NAME = re.compile(rb"[^\s`'(),]+")
_TRACED = 3_000  # calls and pieces that are deeper than this are a runaway macro's: they are not kept, or without place
# The largest .mc files take some thousands of calls, and give less than a hundred kilobytes.
BUDGET = Budget(steps=300_000, depth=1_000, size=16 << 20)
_PROBE = Budget(steps=30_000, depth=1_000, size=4 << 20)  # to find whether a .mc includes the library


class Call(NamedTuple):
    """A macro call as it was carried out: its arguments expanded, in the order in which m4 carries calls out.

    words  the name and the arguments, as m4 has them: bytes, or a builtin's definition
    depth  0 in the .mc itself; one more for each macro whose text, and each file whose text, has the call
    place  for `Expanded.span`
    """

    name: str
    words: list[Any]
    place: MacroPlace
    depth: int

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments as text; "" for a builtin's definition."""
        return tuple(decode(word) if isinstance(word, bytes) else "" for word in self.words[1:])


@dataclass(slots=True)
class Expanded:
    """What came of a .mc.

    cf      the text of the .cf; not to be installed when ``failed``
    calls   every call that was carried out, when they were recorded; of long chains of calls, not the last
    reads   every file that had a part in it, the .mc first
    pieces  the .cf in pieces with the place that each came from (None: m4's own), when they were tracked

    includes  whether the .mc reads the library's m4/cf.m4 itself; else m4 was given that first
    library  that it was expanded with

    When it was ``exhausted``, the budget was spent: there is no text, and there are no calls.
    """

    cf: bytes
    calls: list[Call]
    reads: list[Read]
    failed: bool
    exhausted: bool
    includes: bool
    pieces: list[tuple[bytes, MacroPlace | None]]
    _span: Callable[[MacroPlace, int], Span] = field(repr=False)
    library: Library = field(repr=False)

    def span(self, place: MacroPlace, length: int = 0) -> Span:
        """The place as reports name it: in the configuration's own text, at the call that led to it."""
        return self._span(place, length)


def expand_mc(
    mc: str | os.PathLike[str],
    library: Library,
    sink: Sink,
    *,
    root: Tree | None = None,
    data: bytes | None = None,
    record: bool = False,
    track: bool = False,
    allow_shell: bool = False,
    header: Header | None = None,
    budget: Budget | None = None,
) -> Expanded | None:
    """Expand the .mc at ``mc`` (below ``root``); None, with a diagnostic, when it cannot be read.

    data    the text to expand instead of what the file holds (an editor's)
    record  keep every call; track: keep where each piece of the .cf came from. Both cost time.
    """
    root = root or Root()
    path = Path(os.path.abspath(root.path(mc)))  # noqa: PTH100 - symbolic links stay what they are
    folder = root.inside(path.parent)
    path = root.path(root.inside(path))  # as reports name it
    header = header or Header.of_this_run()

    environment = Sandbox(folder, root, library, header, allow_shell=allow_shell)
    environment.admit(str(path))
    name = os.fsencode(path.name)
    try:
        text = environment.read(name) if data is None else data
    except OSError as failure:
        reason = failure.strerror or str(failure)
        hint = "put a copy of the file in its place (cp -p), or use --allow-shell" if "hard link" in reason else ""
        sink.report(SM902, f"{root.inside(path)} cannot be read: {reason}", file=str(path), tree=root, hint=hint)
        return None
    included = _included_library(name, text, Probe(folder, root, library, header, allow_shell=False))
    start = _asked_for(included, folder, library)
    environment.use((library_for(start, library, root) if start else library) or library)
    return _Run(environment, path, track or record, record, budget).expand(text, bool(included), sink)


def library_of(mc: Path, library: Library | None, root: Tree) -> Library | None:
    """The library to expand the .mc at ``mc`` with: ``library``, or the one that the .mc names.

    None where it does not exist. The .mc is run up to where it includes one, if its text does not name ``library``.
    """
    start = _start_of(mc, library, root)
    return library_for(start, library, root) if start else library


def is_refused(mc: Path, root: Tree) -> bool:
    """Whether the .mc at ``mc`` names a library that is there, but is not used because others can write to it."""
    start = _start_of(mc, None, root)
    return bool(start) and library_for(start, None, root) is None and is_present(start, root)


def _start_of(mc: Path, library: Library | None, root: Tree) -> str:
    """The m4/cf.m4 that the .mc asks for, as a whole path; "" where it asks for none, or for that of ``library``."""
    path = Path(os.path.abspath(root.path(mc)))  # noqa: PTH100 - symbolic links stay what they are
    header = Header("", "", 0)
    probe = Probe(root.inside(path.parent), root, library or Library("", {}), header, allow_shell=False)
    probe.admit(str(path))
    try:
        text = Sandbox.read(probe, os.fsencode(path.name))
    except OSError:  # who expands it reports that
        return ""
    named = list(_starts(text))
    if library is not None and named and all(library.holds(name) for name in named):
        return ""
    return _asked_for(_included_library(os.fsencode(path.name), text, probe), probe.folder, library)


def _starts(text: bytes) -> Iterator[str]:
    """The names in a text that end with the library's m4/cf.m4."""
    end = START.encode()
    if end in text:
        for name in _NAME.finditer(text):
            before, found, _ = name[0].rpartition(end)
            if found:
                yield os.fsdecode(before + found)


def _asked_for(included: str, folder: str, library: Library | None) -> str:
    """The m4/cf.m4 for a .mc in ``folder`` that includes ``included``, or, if that is "", no m4/cf.m4.

    A .mc in the folder cf of sendmail's sources is expanded with the library that it is part of (cf/cf/Makefile)."""
    top, _, name = folder.rpartition("/")
    if not included and name == "cf" and (library is None or not library.given):
        return f"{top}/{START}"
    return included


def _included_library(name: bytes, text: bytes, probe: Probe) -> str:
    """The m4/cf.m4 that the .mc reads itself, as a whole path, or ""; found by running it up to there."""
    engine = Engine(probe, lambda _: None, lambda _: None, budget=_PROBE)
    try:
        engine.process(name, text)
    except LibraryFound as found:
        return str(found)
    except Stop:
        pass
    return ""


class _Run:
    """One expansion: the engine, what it recorded, and the way back from its places to the configuration's text."""

    def __init__(self, sandbox: Sandbox, path: Path, track: bool, record: bool, budget: Budget | None) -> None:
        self.sandbox = sandbox
        self.path = path
        self.calls: list[tuple[list[Any], MacroPlace]] = []
        self._found = Sink()
        self._output: list[bytes] = []
        self._sources: dict[int, tuple[Source, Source]] = {}
        self._engine = Engine(
            sandbox,
            self._output.append,
            lambda _: None,
            budget=budget or BUDGET,
            track=track,
            on_call=self._called if record else None,
            sink=self._found,
        )
        self._track = track

    def _called(self, name: bytes, arguments: list[Any], place: MacroPlace) -> None:
        self.calls.append((arguments, place))

    def expand(self, text: bytes, includes: bool, sink: Sink) -> Expanded:
        engine, sandbox = self._engine, self.sandbox
        status, read = 1, -1
        try:
            if not includes:
                start = os.fsencode(sandbox.library.start)
                engine.process(start, sandbox.read(start))
            engine.process(os.fsencode(self.path.name), text)
            read, wrapped, here = sandbox.library_reads, list(engine.wrapped), None
            engine.finish()
            status = engine.status
        except Stop as stop:
            status = stop.status
            if read < 0:  # m4exit, or a mistake that ends m4
                read, wrapped, here = sandbox.library_reads, list(engine.wrapped), engine.here
            engine.output.finish()
        found = self._problems()
        if status == 0 and read == sandbox.library_reads:
            found += self._unfinished(wrapped, here)
        for diagnostic in found:
            sink.add(diagnostic)
        failed = status != 0 or any(d.severity is Severity.ERROR for d in found)
        reads = list(sandbox.reads.values())
        if any(d.code == "M4004" for d in found):
            return Expanded(b"", [], reads, True, True, includes, [], self.span, sandbox.library)
        depth_of = _Depths()
        calls = _calls(self.calls, depth_of)
        pieces = [
            (text, place if place is not None and depth_of(place.block) <= _TRACED else None)
            for text, place in (zip(*engine.output.explained(), strict=True) if self._track else ())
        ]
        text = b"".join(self._output)
        return Expanded(text, calls, reads, failed, False, includes, pieces, self.span, sandbox.library)

    # -- places

    def span(self, place: MacroPlace, length: int = 0) -> Span:
        """See `Expanded.span`."""
        return self._home(place.span(length))

    def _home(self, span: Span) -> Span:
        """The place in the configuration's own text that led to ``span``; without one, ``span`` itself."""
        at = span
        while self.sandbox.is_library(at.source.name) and at.origin is not None:
            at = at.origin.span
        return self._named(at)

    def _named(self, span: Span) -> Span:
        """The same place, its file under the name that reports use."""
        source = span.source
        if id(source) not in self._sources:
            named = Source(str(self.sandbox.root.shown(self.sandbox.path(source.name))), source.text)
            self._sources[id(source)] = (source, named)  # the old one, too: its id is not to be used again
        return Span(self._sources[id(source)][1], span.start, span.end, span.origin)

    # -- messages

    def _unfinished(self, wrapped: list[Block], here: MacroPlace | None) -> Iterator[Diagnostic]:
        """What is wrong where the library was to write the rest at the end, and has not been asked for it.

        wrapped  what m4wrap had saved when the .mc ended; here: where m4exit has ended it
        """

        def is_library(block: Block) -> bool:
            return self.sandbox.is_library(decode(MacroPlace(block, 0).file[0].name))

        if not any(b"include" in block.data and is_library(block) for block in wrapped):
            return
        message, hint = "the library's last part is never read: the .cf would lack its rules", ""
        place = here or next((MacroPlace(block, 0) for block in wrapped if not is_library(block)), None)
        if here is not None:
            message, hint = f"m4 ends here; {message}", "remove m4exit"
        elif place is not None:
            hint = "m4 joins texts that m4wrap has saved: end this one with a newline"
        span = self._mc().line_span(1) if place is None else self.span(place)
        yield Diagnostic(SM030.name, SM030.severity, message, span, hint)

    def _problems(self) -> list[Diagnostic]:
        problems: dict[tuple[object, ...], Diagnostic] = {}
        last = None  # a message without an end: the library prints some of them in pieces
        for found in self._found:
            message = " ".join(found.message.split())
            problem = self._problem(found, message)
            if last and _place(last[0]) == _place(problem) and found.code == "M4006":
                problems.pop(_identity(last[0]), None)
                message = f"{last[1]} {message}"
                problem = self._problem(found, message)
            last = None if found.code != "M4006" or found.message.endswith("\n") else (problem, message)
            if message:
                problems.setdefault(_identity(problem), problem)
        return list(problems.values())

    def _problem(self, found: Diagnostic, message: str) -> Diagnostic:
        """What m4 reported, at the configuration's line, with the weight that it has for a build."""
        severity, hint = Severity.ERROR, found.hint or self._hint(found)
        message = message.replace(f"{self.sandbox.library.folder}/", f"{self.sandbox.library_name}/")
        weight = _WEIGHT.match(message) if found.code == "M4006" else None
        if weight:
            message = message[weight.end() :]
            severity = Severity.WARNING if weight[1] else Severity.ERROR
        elif found.code == "M4001" and message.endswith(_NO_NEWLINE):  # the .cf is as it would be with one
            severity = Severity.WARNING
            hint = "end the last line of the file with a newline"
        if found.span is None:
            return Diagnostic(found.code, severity, message, self._mc().line_span(1), hint)
        home = self._home(found.span)
        related: tuple[Related, ...] = ()
        if self.sandbox.is_library(found.span.source.name):
            related = (Related("the library reports it here", self._named(found.span)),)
            home = self._cause(message, home, found.span)
        return Diagnostic(found.code, severity, message, home, hint, related)

    def _hint(self, found: Diagnostic) -> str:
        if found.code == "M4005" and "hard link" in found.message:
            return "give the configuration a copy of the file (cp -p), or build with --allow-shell"
        if found.code == "M4005":
            return self._refused(_READING.fullmatch(found.message))
        missing = _MISSING.search(found.message)
        if missing is None or not self.sandbox.is_library(missing[1]):
            return ""
        near = alike(missing[3], self.sandbox.library.available(missing[2]), 1)
        known = f"; did you mean `{near[0]}'?" if near else ""
        return f"the library has no {missing[2]} `{missing[3]}'{known}"

    def _refused(self, reading: re.Match[str] | None) -> str:
        """What to do where something is not allowed: for the library at an unknown place, not --allow-shell."""
        trusted = "use --allow-shell if you trust the configuration with your files and commands"
        if reading is None:
            return trusted
        if not reading[1].endswith(f"/{START}"):
            return f"put the file into the folder of the .mc; or {trusted}"
        folder = self.sandbox.path(reading[1]).removesuffix(f"/{START}")
        if is_library(folder, self.sandbox.root):
            return f"this is another library than the one in use: name it with --cf-library {folder}"
        return f"there is no library of sendmail's macros; write include(`{self.sandbox.library.name}/{START}')dnl"

    def _cause(self, message: str, home: Span, raised: Span) -> Span:
        """The place to report what the library finds at its end, when the whole .mc has been read.

        Then no call led to it; the message names what did.
        """
        if not any(START in step.span.source.name for step in (raised.origin.chain() if raised.origin else ())):
            return home
        mc = self._mc()
        for match in _NAMED.finditer(message):
            word = match[1] or match[2]
            call = re.search(rf"^(?![ \t]*dnl\b).*?\b({re.escape(word)})\b", mc.text, re.MULTILINE)
            if call:
                return mc.span(call.start(1), call.end(1))
        return home if home.source.name == mc.name else mc.line_span(1)

    def _mc(self) -> Source:
        for _, source in self._sources.values():
            if source.name == str(self.path):
                return source
        return Source(str(self.path), decode(self.sandbox.read(encode(self.path.name))))


def _identity(problem: Diagnostic) -> tuple[object, ...]:
    """Equal for problems that read the same except for the library's line."""
    return problem.code, problem.message, *_place(problem)


def _place(problem: Diagnostic) -> tuple[str, int]:
    """The place without what led there, which may be a chain of files too long to be compared."""
    return (problem.file, 0) if problem.span is None else (problem.span.source.name, problem.span.start)


class _Depths:
    """How deep blocks are: each asked for once, for a runaway macro makes a chain of hundreds of thousands."""

    def __init__(self) -> None:
        self._known: dict[Block, int] = {}

    def __call__(self, block: Block) -> int:
        chain = []
        while block not in self._known:
            chain.append(block)
            up = block.parent if block.text is None else block.text.included and block.text.included.block
            if up is None:
                self._known[block] = 0
                chain.pop()
                break
            block = up
        depth = self._known[block]
        for each in reversed(chain):
            depth += 1
            self._known[each] = depth
        return depth


def _calls(recorded: list[tuple[list[Any], MacroPlace]], depth_of: _Depths) -> list[Call]:
    calls = []
    for arguments, place in recorded:
        depth = depth_of(place.block)
        if depth <= _TRACED:
            calls.append(Call(decode(arguments[0]), arguments, place, depth))
    return calls
