"""What an /etc/mail is built into, and what of it is stale: each .mc into its .cf, each table into its map.

Tables are those that a .cf names (``K`` lines, AliasFile, UserDatabaseSpec), and those in the folder that carry a
traditional name (`TRADITIONAL`). The .cf that counts is the one that will be in place when the build is done: where a
.mc is stale it is expanded to plan, and the expansion names the tables. A folder without a .mc has its .cf
from elsewhere.

A .cf is stale as make(1) sees it: it is missing, or the .mc, or any file that its expansion reads, is newer. It is also
stale when one of them does not hold what the .cf was built from, and when it was built with sendmail's library of m4
macros and would now be one of our own, or the other way round. Of a .cf that mailconf has not built, only the .mc's
time is known.

A map without its text is left alone: it may be built elsewhere. Where neither is there, sendmail needs it unless the
map is optional (``-o``), and that is an error.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from mailconf.build.plan import BD001, BD004, BD005, Target, is_wanted, map_staleness, report_no_file
from mailconf.build.state import FOLDER, BuildState, Record
from mailconf.diagnostics import Severity, Sink
from mailconf.files import Tree, TreePlace
from mailconf.maps.build.write import EXTENSIONS
from mailconf.maps.reference import TableRef
from mailconf.model.site import TableUse
from mailconf.sendmail.cf.configuration import Cf
from mailconf.sendmail.cf.maps import ALIASES
from mailconf.sendmail.cf.read import mistakes, read_tables
from mailconf.sendmail.mc.library import START, Library, is_part, library_for
from mailconf.sendmail.tables import ROLES, configured_tables, table_use
from mailconf.source import Source, Span, decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailconf.sendmail.mc.expansion import Expanded

CF = "cf"  # the type of a target that is a .cf
# sendmail/cf/README; the types that FEATURE gives them.
TRADITIONAL = {
    "access": "hash",
    ALIASES: "hash",
    "authinfo": "hash",
    "bitdomain": "hash",
    "domaintable": "hash",
    "genericstable": "hash",
    "mailertable": "hash",
    "userdb": "btree",
    "uudomain": "hash",
    "virtusertable": "hash",
}
_TYPES = ("btree", "cdb", "hash")


@dataclass(slots=True)
class EtcMail:
    """The folder as the configuration calls it, and what was found there.

    library     what a .mc is expanded with that names no other one (`library_of`); None where it is not installed
    only        no other library than ``library`` is used: the user has named one that is not there
    own         every .cf is one of our own, also where a library is installed
    expanded    by the .mc's name, what came of each that was expanded
    """

    directory: str
    root: Tree
    library: Library | None
    allow_shell: bool = False
    only: bool = False
    own: bool = False
    expanded: dict[str, tuple[Expanded, Sink]] = field(default_factory=dict)
    texts: list[Cf] = field(default_factory=list)  # of the last plan
    places: dict[TableRef | str, Span] | None = None  # where the .mc files name tables, as soon as anybody asks

    @property
    def folder(self) -> Path:
        return self.root.path(self.directory)

    def sources(self) -> list[str]:
        """The names of the .mc files, sendmail.mc first; empty where the folder cannot be read."""
        try:
            found = self.root.list(self.directory)
        except OSError:
            return []
        names = [name for name in found if name.endswith(".mc") and not name.startswith(".")]
        return sorted(names, key=lambda name: (name != "sendmail.mc", name))

    def host_names(self) -> set[bytes]:
        """This machine's names, as the configuration that was planned has them."""
        from mailconf.sendmail.host_names import host_names

        texts = self.texts or [_cf("", b"")]
        return set().union(*(host_names(cf, self.root) for cf in texts))

    def library_of(self, name: str) -> Library | None:
        """The library for the .mc called ``name``; None where it is missing: then the .mc cannot be expanded."""
        from mailconf.sendmail.mc.expansion import library_of

        return None if self.only else library_of(self.folder / name, self.library, self.root)

    def is_own(self, name: str) -> bool | None:
        """Whether the .cf of the .mc called ``name`` is one of our own; None where it cannot be built at all."""
        from mailconf.sendmail.mc.expansion import is_refused

        if self.own:
            return True
        if self.library_of(name) is not None:
            return False
        return None if self.only or is_refused(self.folder / name, self.root) else True

    def place(self, use: TableUse) -> Span | None:
        """Where a table is named: in a .mc, if that can be found out, else in the .cf. The first answer is slow."""
        if self.places is None:
            self.places = self._places()
        return self.places.get(use.table) or self.places.get(use.role) or use.span

    def _places(self) -> dict[TableRef | str, Span]:
        """By the table, and by its role where the .cf is one of our own, whose lines come from no place of a .mc."""
        from mailconf.sendmail.configuration import read
        from mailconf.sendmail.site import site_of

        places: dict[TableRef | str, Span] = {}
        for name in self.sources():
            library = self.library_of(name)
            if self.is_own(name):
                places = {**self.own_places(name), **places}
            elif library is not None and (found := read(self.folder / name, library, Sink(), root=self.root)):
                tables = site_of(found).tables
                places.update((table.table, table.span) for table in tables if table.span is not None)
        return places

    def own_places(self, name: str) -> dict[TableRef | str, Span]:
        """The FEATUREs of a .mc, and its ALIAS_FILE; the first line stands for an alias file that it does not name."""
        from mailconf.sendmail.emit.own_library import own_library
        from mailconf.sendmail.mc.mc import read

        found = read(self.folder / name, own_library(), Sink(), root=self.root)
        if found is None:
            return {}
        places: dict[TableRef | str, Span] = {
            ALIASES: Source.read(self.root, TreePlace(found.path), found.path).line_span(1)
        }
        places.update((each.argument(1), each.span) for each in found.named("FEATURE"))
        defined = [each.span for each in found.named("define") if each.argument(1) == "ALIAS_FILE"]
        return {**places, ALIASES: defined[-1]} if defined else places

    def inputs(self) -> list[Path]:
        """The files that decide what is built, tables' texts apart: each .mc, what they read, traditional names."""
        paths = [self.folder / name for name in (*self.sources(), *TRADITIONAL)]
        for record in BuildState.load(self.folder / FOLDER, self.root).maps.values():
            paths += [path for path in self._places_of(record).values() if path is not None]
        for expanded, _ in self.expanded.values():
            paths += [Path(read.path) for read in expanded.reads]
        return paths

    # -- the plan

    def plan(self, sink: Sink, *, force: bool = False, map_type: str = "", names: Sequence[str] = ()) -> list[Target]:
        """Everything that is built, .cf files first; a target without a reason is up to date.

        names   what the caller will choose of it: a .mc that is stale, but not asked for, need not be in order, and
                only of what is asked for is reported what is wrong
        """
        state = BuildState.load(self.folder / FOLDER, self.root)
        targets: dict[Path, Target] = {}
        texts: list[Cf] = []
        for name in self.sources():
            target = self._cf_target(name, state, force)
            targets[target.target] = target
        tables = not all(any(target.is_called(name) for target in targets.values()) for name in names)
        for target in list(targets.values()):
            if is_wanted(names, target.source, target.target):
                report_no_file(self.root, target.target, None, sink)
                lines = self._lines(target, sink)
            else:
                lines = self._old_lines(target)
                if lines is None and tables:  # before the first .cf, the .mc names the tables
                    lines = self._lines(target, Sink())
            if lines is not None:
                texts.append(lines)
        if not targets:
            cf = self.folder / "sendmail.cf"
            texts = [_cf(str(cf), self.root.read(cf))] if self.root.is_file(cf) else []
        self.texts = texts
        planner = _Tables(self, state, sink, force, map_type, targets, names)
        for lines in texts:
            planner.add(lines)
        planner.add_traditional()
        return list(targets.values())

    def _cf_target(self, name: str, state: BuildState, force: bool) -> Target:
        source = self.folder / name
        target = source.with_suffix(".cf")
        record = state.maps.get(self.root.inside(target))
        reason, foreign = self._staleness(source, target, record)
        return Target(self.root.inside(target), CF, source, target, (), "forced" if force else reason, foreign)

    def _staleness(self, source: Path, target: Path, record: Record | None) -> tuple[str, bool]:
        reason, foreign = map_staleness(self.root, source, target, CF, record)
        if reason == "no map yet":
            reason = f"no {target.name} yet"
        try:
            if reason or record is None:
                return reason, foreign
            built = self.root.stat(target).st_mtime_ns
            places = self._places_of(record)
            for name, was in record.inputs.items():
                path = places[name]
                if path is None:
                    continue
                where = TreePlace(path)  # it may be a library's, which lies elsewhere
                if self.root.exists(where) and self.root.stat(where).st_mtime_ns > built:
                    return f"{name} is newer", foreign
                if not foreign and not was.is_in(where, self.root):
                    return f"{name} has changed", foreign
            if not foreign:
                return self._other_library(source, record), foreign
        except OSError:
            return "it cannot be read", foreign
        return "", foreign

    def _other_library(self, source: Path, record: Record) -> str:
        """Why a .cf is stale whose library of m4 macros has come or gone since it was built; "" if it is not.

        Where the library has gone, a .cf that our own cannot replace stays: it is as good as it was.
        """
        was_own = not any(name.endswith(f"/{START}") for name in record.inputs)
        own = self.is_own(source.name)
        if own is None or own is was_own:
            return ""
        if was_own:
            return "it was built without sendmail's library of m4 macros"
        expanded = None if self.own else self.expand(source, Sink())
        if self.own or (expanded is not None and not expanded.failed):
            return "it was built with sendmail's library of m4 macros"
        return ""

    def _places_of(self, record: Record) -> dict[str, Path | None]:
        """Where the inputs are; None for a library's file where that library is not there now."""
        start = next((name for name in record.inputs if name.endswith(f"/{START}")), "")
        library = library_for(start, self.library, self.root) if start and not self.only else self.library
        lost = "" if library is not None and library.holds(start) else start.removesuffix(f"/{START}")
        own = self.directory.rstrip("/") + "/"
        places: dict[str, Path | None] = {}
        for name in record.inputs:
            known = name.startswith(own) if library is None else not is_part(name, lost)
            where = str(self.root.path(name)) if library is None else library.locate(name, self.root)
            places[name] = Path(where) if known else None
        return places

    def _lines(self, target: Target, sink: Sink) -> Cf | None:
        """The content of the .cf, as it is or as it will be; None when it cannot be known."""
        if target.reason:
            expanded = self.expand(target.source, sink)
            return None if expanded is None else self._cf(str(target.target), expanded.cf)
        return self._old_lines(target)

    def _old_lines(self, target: Target) -> Cf | None:
        try:
            data = self.root.read(target.target) if self.root.is_file(target.target) else None
            return None if data is None else self._cf(str(target.target), data)
        except OSError:
            return None  # building it reports the fault

    def _cf(self, name: str, data: bytes) -> Cf:
        """What the text of a .cf names; that of the last plan, where it had the same text."""
        text = decode(data)
        for known in self.texts:
            if known.source.name == name and known.source.text == text:
                return known
        return read_tables(Source(name, text))

    def know(self, name: str, expanded: Expanded) -> None:
        """Somebody has expanded the .mc called ``name``, and has reported what is wrong with it."""
        self.expanded[name] = replace(expanded, calls=[], pieces=[]), Sink()

    def expand(self, source: Path, sink: Sink) -> Expanded | None:
        """The expansion of a .mc, carried out once as long as nothing that it reads changes."""
        from mailconf.sendmail.mc.expansion import NO_LIBRARY, SM901, expand_mc

        known = self.expanded.get(source.name)
        if known is None or not all(read.is_current() for read in known[0].reads):
            if self.is_own(source.name):
                return self._expand_own(source, sink)
            library = self.library_of(source.name)
            if library is None:
                sink.report(
                    SM901,
                    f"{self.root.inside(source)} cannot be expanded: there is no library of m4 macros for sendmail",
                    file=str(source),
                    tree=self.root,
                    hint=NO_LIBRARY,
                )
                return None
            found = Sink()
            expanded = expand_mc(source, library, found, root=self.root, allow_shell=self.allow_shell)
            if expanded is not None and not expanded.failed:
                self._judge(source, expanded, found)
            if expanded is None:
                for diagnostic in found:
                    sink.add(diagnostic)
                return None
            known = self.expanded[source.name] = expanded, found
        for diagnostic in known[1]:
            sink.add(diagnostic)
        return known[0]

    def _expand_own(self, source: Path, sink: Sink) -> Expanded | None:
        """What our own templates make of a .mc; the last of `expand`."""
        from mailconf.sendmail.emit.render import own_expansion

        found = Sink()
        expanded = own_expansion(source, found, root=self.root, asked=self.own, allow_shell=self.allow_shell)
        for diagnostic in found:
            sink.add(diagnostic)
        if expanded is not None:
            self.expanded[source.name] = expanded, found
        return expanded

    def _judge(self, source: Path, expanded: Expanded, sink: Sink) -> None:
        """Report the lines of a .cf that sendmail does not take; where they come from takes a second expansion."""
        if next(mistakes(Source(source.name, decode(expanded.cf))), None) is None:
            return
        from mailconf.sendmail.cf_mistakes import CODES
        from mailconf.sendmail.configuration import read

        found = Sink()
        read(source, expanded.library, found, root=self.root, allow_shell=self.allow_shell)
        for diagnostic in found:
            if diagnostic.code in CODES:
                sink.add(diagnostic)


class _Tables:
    """Collects the tables, each once."""

    def __init__(
        self,
        owner: EtcMail,
        state: BuildState,
        sink: Sink,
        force: bool,
        map_type: str,
        targets: dict[Path, Target],
        names: Sequence[str],
    ) -> None:
        self.owner = owner
        self.root = owner.root
        self.state = state
        self.sink = sink
        self.force = force
        self.map_type = map_type
        self.targets = targets
        self.names = names

    def add(self, cf: Cf) -> None:
        """The tables that a .cf names."""
        for map_ in configured_tables(cf):
            use = table_use(map_, lambda line: line.span())
            if use.table.type in _TYPES and map_.file.startswith("/"):
                self._add(use, is_optional=map_.is_optional, has_nul=map_.has_nul)

    def add_traditional(self) -> None:
        """The tables that no .cf names, but that are there under a name everybody knows."""
        for name, kind in TRADITIONAL.items():
            file = f"{self.owner.directory.rstrip('/')}/{name}"
            if self.root.is_file(file):
                use = TableUse(TableRef(kind, file), ROLES.get(name, name), file)
                self._add(use, is_optional=True, has_nul=name == ALIASES)

    def _add(self, use: TableUse, *, is_optional: bool, has_nul: bool) -> None:
        assert use.source is not None
        named = use.table.type
        kind = self.map_type or named
        source = self.root.path(use.source)
        target = source.with_name(source.name + EXTENSIONS[kind])
        sink = self.sink if is_wanted(self.names, source, target) else Sink()
        known = self.targets.get(target)
        if known is not None:
            self._again(known, use, kind, sink)
            return
        if not _exists(self.root, source):
            if not is_optional and not self.root.exists(target) and self.root.covers(source):
                # Without aliases sendmail works, though not as meant; without another map it defers all mail.
                sink.report(
                    BD001,
                    f"{use.source}, the source of {use.table}, does not exist",
                    self.owner.place(use),
                    hint=f"create {use.source}, or give the map the flag -o",
                    severity=Severity.WARNING if use.role == ALIASES else None,
                )
            return
        if use.span is not None and kind != named:
            sink.report(
                BD004,
                f"{use.role} names {use.table}; the map is built as {kind}",
                self.owner.place(use),
                hint=f"write {kind} in the .mc for sendmail to read it",
            )
        odd = Sink()
        report_no_file(self.root, target, None, odd)
        if next(iter(odd), None) is not None:  # the place takes an expansion of the .mc
            report_no_file(self.root, target, use.span and self.owner.place(use), sink)
        record = self.state.maps.get(self.root.inside(target))
        reason, foreign = map_staleness(self.root, source, target, kind, record)
        reason = "forced" if self.force else reason
        self.targets[target] = Target(f"{kind}:{use.source}", kind, source, target, (use,), reason, foreign, has_nul)

    def _again(self, known: Target, use: TableUse, kind: str, sink: Sink) -> None:
        """A table that another line, or another .cf, names too."""
        if known.type == kind or use.span is None:
            if use not in known.uses and use.span is not None:
                self.targets[known.target] = known.also(use)
            return
        sink.report(
            BD005,
            f"{use.table} and {known.table} would both be {self.root.inside(known.target)}",
            self.owner.place(use),
            hint="name the table with one type everywhere",
        )


def _cf(name: str, data: bytes) -> Cf:
    return read_tables(Source(name, decode(data)))


def _exists(root: Tree, source: Path) -> bool:
    try:
        return root.is_file(source)
    except OSError:
        return True  # it may be there: reading it reports the fault
