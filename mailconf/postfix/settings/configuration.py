"""A Postfix configuration as the programs see it: main.cf and master.cf read, defaults filled in, values expanded.

`Configuration.load` never fails: what is wrong becomes Diagnostics, and the default is used. `for_service` gives the
view of one service, with master.cf's ``-o`` overrides.

Sources: postconf(5) (syntax, parameters, defaults), master(5).
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import suppress

from mailconf.diagnostics import Code, Severity, Sink
from mailconf.edits import Fix, lines_removed, swapped
from mailconf.files import Root, Tree
from mailconf.model.site import Service, Setting
from mailconf.ports import Ports
from mailconf.postfix.parameters.catalogue import (
    BASE,
    PARAMETERS,
    ParameterSet,
    ServiceParameters,
    default_unit,
    integer_value,
    parameter_set,
    time_value,
)
from mailconf.postfix.parameters.releases import chosen_release
from mailconf.postfix.settings.codes import (
    PF001,
    PF002,
    PF003,
    PF004,
    PF005,
    PF006,
    PF007,
    PF008,
    PF009,
    PF010,
    PF011,
    PF012,
    PF013,
    PF017,
    PF018,
    PF228,
    PF233,
)
from mailconf.postfix.settings.corrections import (
    boolean_meant,
    first_service,
    first_setting,
    override_braced,
    time_meant,
)
from mailconf.postfix.settings.given import MainSettings, Texts
from mailconf.postfix.settings.host_names import hostname_problem
from mailconf.postfix.settings.machine import BadValue
from mailconf.postfix.settings.start_checks import problems, settling
from mailconf.postfix.settings.values import Values
from mailconf.postfix.text import main_cf, master_cf, words
from mailconf.postfix.text.expand import MAX_STEPS, MacroError
from mailconf.postfix.text.lines import MAX_FILE, MAX_MASTER
from mailconf.source import Source, Span, decode, encode

HOST_NAMES = ("myhostname", "mydomain")
PATIENCE, FEW_STEPS = 1, 2_000  # so many values may take MAX_STEPS without an end; then they get only a few
MAX_SEARCHED = 20_000  # characters of a value with $-expressions in which the places of its words are looked for
MAX_LIST = 64_000_000  # bytes of a file that a list names
MOST_MISTAKES = 100  # lines of master.cf whose mistake is looked for with the grammar, which takes its time
_REMEMBERED, _FEW = 5_000, 20  # services whose settings are read once, if they set no more than so many
_ASSIGN = 'write "name = value"; a continuation line begins with a blank'
_MISTAKES = {
    main_cf.NO_EQUALS: (PF002, 'this line has no "="', _ASSIGN),
    main_cf.NO_NAME: (PF003, 'there is no parameter name before "="', _ASSIGN),
    main_cf.ORPHAN: (PF004, "this line begins with a blank and continues nothing; it is ignored", "remove the blank"),
}


class Configuration:
    """One configuration; see the module. Values are strings as the file has them unless a method describes another
    form.

    services  as master(8) knows them; ``entries`` are those lines of master.cf that define a service, lost ones too
    sources   the files that could be read, by their names
    postfix   the version whose parameters, defaults and words are meant
    """

    STANDARD = "/etc/postfix"

    directory: str
    root: Tree
    services: list[Service]
    entries: master_cf.Entries
    sources: dict[str, Source]

    def __init__(self, directory: str, root: Tree, sink: Sink, postfix: ParameterSet = BASE) -> None:
        self.directory = directory
        self.postfix = postfix
        self.root = root
        self.services = []
        self.entries = master_cf.Entries("")
        self.sources = {}
        self._sink = sink
        self._main = MainSettings()
        self._set: MutableMapping[str, Setting[str]] = self._main
        self._own: dict[str, Setting[str]] = {}  # what a service sets, before what main.cf does
        self._of_services = ServiceParameters(parameters=postfix.parameters)
        self._reported: set[tuple[str, str, int]] = set()
        self._values = _Values(self)
        self._given_up = 0
        self._asked: set[str] = set()
        self._of_some_service: set[str] = set()  # what services set
        self._set_by: dict[int, tuple[master_cf.Override, ...]] = {}  # of services, by where their lines begin
        self._with_references: dict[str, bool] = {}
        self._told_mistakes = 0
        self._ports: tuple[str, Ports] | None = None

    @classmethod
    def load(
        cls,
        directory: str,
        sink: Sink,
        root: Tree | None = None,
        *,
        overrides: Mapping[str, str] | None = None,
        postfix: ParameterSet | None = None,
    ) -> Configuration:
        """The configuration in ``directory`` (as the configuration calls it: below ``root``).

        overrides: parameters that take the place of main.cf's, like postconf's -o. ``postfix`` is the version that is
        meant; without, the one that MAILCONF_POSTFIX_VERSION names or that is installed below ``root``. What is wrong
        goes to ``sink``. Raises ValueError where the environment names what is no version.
        """
        root = Root() if root is None else root
        if postfix is None:
            postfix = parameter_set(chosen_release(root.read))
        self = cls(root.inside(directory), root, sink, postfix)
        main = self._read("main.cf", MAX_FILE, PF001)
        if main is not None:
            self._take_main(main)
        for name, value in (overrides or {}).items():
            self._set[name] = Setting(value, Span(Source("<command line>", f"{name}={value}"), 0, len(name)), name)
        master = self._read("master.cf", MAX_MASTER, PF010)
        if master is not None:
            self._take_master(master)
        return self

    def _read(self, name: str, most: int, code: Code) -> Source | None:
        path = self.root.path(self.directory) / name
        try:
            self.sources[name] = Source(str(path), decode(self.root.read(path, most)))
            return self.sources[name]
        except OSError as failure:
            if name == "master.cf" and isinstance(failure, FileNotFoundError) and not self.root.covers(path):
                return None
            hint = f"put a {name} there that can be read"
            self._sink.report(code, f"cannot be read: {failure.strerror}", file=str(path), tree=self.root, hint=hint)
            return None

    def _take_main(self, source: Source) -> None:
        self._main.source = source
        for found in main_cf.read(source.text):
            if isinstance(found, main_cf.BrokenLine):
                code, message, hint = _MISTAKES[found.problem]
                span = source.span(found.logical.place(0), found.logical.end)
                fix = first_setting(source, span.start, self.postfix.parameters) if code is PF004 else ()
                self._sink.report(code, message, span, hint=hint, fix=fix)
                continue
            earlier = self._main.get(found.name)
            if earlier is not None and earlier.span is not None:
                same, line = earlier.value == found.value, earlier.span.line
                rest = f", to the value of line {line}" if same else f"; the earlier value, line {line}, is lost"
                span = source.span(found.start, found.end)
                fix = lines_removed(span) if same else ()
                severity = Severity.NOTE if same else None  # of which Postfix logs nothing
                message = f"{found.name} is set again{rest}"
                self._sink.report(PF005, message, span, hint="remove one of the two", fix=fix, severity=severity)
            self._main.take(found)

    def _take_master(self, source: Source) -> None:
        self.entries = master_cf.Entries(source.text)
        services: dict[tuple[str, str], Service] = {}
        for entry in master_cf.read(source.text):
            for problem in entry.problems:
                self._report_problem(entry, problem, source)
            for problem in master_cf.wrong_settings(entry):
                span = source.span(problem.start, problem.end)
                hint = "write -o name=value without blanks, or -o { name = value }"
                fix = override_braced(span, self.postfix.parameters)
                self._sink.report(PF018, problem.message, span, hint=hint, fix=fix)
            if entry.usable:  # no other one is kept: there may be one for two bytes
                service = _service(entry, source)
                self.entries.add(entry)
                self._of_services.add(service.name, service.program)
                self._take_service(service, services)
        self.services = list(services.values())
        self._of_some_service.update(*(service.overrides for service in self.services))

    def _report_problem(self, entry: master_cf.ServiceEntry, problem: master_cf.ServiceProblem, source: Source) -> None:
        span = source.span(problem.start, problem.end)
        if not problem.fatal:
            if "attribute name" in problem.message:
                return  # PF018 reports it
            if problem.message == main_cf.ORPHAN:
                fix = first_service(source, span.start)
                self._sink.report(PF012, problem.message, span, hint="remove the blank", fix=fix)
                return
            hint = "close the brace where the argument ends, as in -o { name = value }"
            if "after '}'" in problem.message:
                hint = "remove what follows the brace that closes the first one, or put a blank before it"
            self._sink.report(PF233, f"Postfix does not start: {problem.message}", span, hint=hint)
            return
        from mailconf.postfix.text.master_cf_tree import mistake

        self._told_mistakes += 1
        first = self._told_mistakes <= MOST_MISTAKES and problem is next(p for p in entry.problems if p.fatal)
        found = mistake(entry) if first else None
        message = f"{problem.message}: {found.message}" if found else problem.message
        self._sink.report(PF011, message, span, hint=found.hint if found else "see master(5)")

    def _take_service(self, service: Service, services: dict[tuple[str, str], Service]) -> None:
        """Of two services with the same name and type, master(8) remembers the last."""
        other = services.pop((service.name, service.kind), None)
        if other is not None:
            line = other.span.line if other.span else 0
            message = f"the service {service.name} {service.kind} is defined again; the one in line {line} is lost"
            same = other.span is not None and service.span is not None and other.span.text == service.span.text
            fix = lines_removed(service.span) if same else ()
            self._sink.report(PF017, message, service.span, hint="remove one of the two", fix=fix)
        services[service.name, service.kind] = service

    def is_known(self, name: str) -> bool:
        """Whether ``name`` is a parameter that Postfix or a service in master.cf defines."""
        return name in self.postfix.parameters or name in self._of_services

    def service_parameter(self, name: str) -> tuple[str, str] | None:
        """(type, default) of a parameter that exists because of a service of master.cf."""
        return self._of_services.get(name)

    def names(self) -> Iterable[str]:
        """The names that main.cf (or an override) sets, in the file's order."""
        return self._set.keys()

    def texts(self) -> MutableMapping[str, str]:
        """The unexpanded values that main.cf (or an override) sets, by their names."""
        return Texts(self._set)

    def is_set(self, name: str) -> bool:
        return name in self._set

    def span(self, name: str) -> Span | None:
        """Where ``name`` is set: its name and value; None for a default."""
        found = self._set.get(name)
        return found.span if found else None

    def value_span(self, name: str, start: int = 0, end: int | None = None) -> Span | None:
        """The place of the characters ``start`` to ``end`` of the unexpanded value; None for a default."""
        found, definition = self._set.get(name), self._main.definition(name)
        if found is None or found.span is None or definition is None or name in self._own:
            return self.span(name)
        end = len(definition.value) if end is None else end
        last = definition.place(end - 1) + 1 if end > start else definition.place(start)
        return found.span.source.span(definition.place(start), last)

    def word_span(self, name: str, word: str, offset: int) -> Span | None:
        """The place of a word of the expanded value: exact where the value has no $-expression, else its raw form's."""
        if not self.has_references(name):
            return self.value_span(name, offset, offset + len(word))
        raw = self.raw(name)
        at = raw.find(word) if len(raw) < MAX_SEARCHED else -1
        return self.value_span(name, at, at + len(word)) if at >= 0 else self.value_span(name)

    def place(self, name: str, start: int = 0, end: int | None = None) -> Span | None:
        """Where a finding about the value belongs: `value_span`, or the first line of main.cf where it is a default.

        None only where there is no main.cf.
        """
        source = self.sources.get("main.cf")
        return self.value_span(name, start, end) or (source.span(0) if source is not None else None)

    def path(self, name: str) -> str:
        """The file ``name`` of the configuration folder, as reports name it: below the root."""
        return str(self.root.path(self.directory) / name)

    def raw(self, name: str) -> str:
        """The unexpanded value; the default if unset, "" if there is no such parameter."""
        found = self._given(name)
        return self.default(name) if found is None else found

    def has_references(self, name: str) -> bool:
        """Whether the unexpanded value has $-expressions; quick for a value of a megabyte, too."""
        found = self._with_references.get(name)
        if found is None:
            found = self._with_references[name] = "$" in self.raw(name)
        return found

    def default(self, name: str) -> str:
        """The unexpanded default of ``name``; those that depend on the machine are computed."""
        found = self._values.default(name)
        if found is None:  # what this version does not have works as in the one that mailconf is written after
            return PARAMETERS[name][1] if name in PARAMETERS else ""
        return found

    def _given(self, name: str) -> str | None:
        found = self._set.get(name)
        # Of the user's own names, of which there may be a hundred thousand, those that services set, too.
        if found is None or name in self.postfix.parameters or name in self._of_some_service:
            self._asked.add(name)
        return found.value if found else None

    def _fixed_default(self, name: str) -> str | None:
        """The default that ``name`` has on each machine; None where there is no such parameter."""
        if name == "config_directory":
            return self.directory
        found = self.postfix.parameters.get(name) or self._of_services.get(name)
        return found[1] if found else None

    def value(self, name: str) -> str:
        """The value with every $-expression expanded; of the names of the machine, what programs settle at the start.

        Where that is no host name, no program starts, which `check` reports.
        """
        if name in HOST_NAMES and self.has_references(name):
            with suppress(MacroError):
                settled = self._values.settled(name)
                if not hostname_problem(encode(settled)):
                    return settled
        return self.expand(self.raw(name), name)

    def expand(self, text: str, name: str = "") -> str:
        """``text``, which is in the value of ``name``, expanded; "" where it cannot be (PF006)."""
        try:
            return self._values.expand(text, MAX_STEPS if self._given_up < PATIENCE else FEW_STEPS)
        except MacroError as failure:
            self._given_up += failure.given_up
            if not self.is_set(name) and "compatibility level" in failure.messages[0]:
                name = "compatibility_level"  # a default asks for it; that is where the mistake is
            self.report(name, PF006, f"{name}: {failure.messages[0]}", 'see postconf(5), "expressions"')
            return self.expand(self.default(name), name) if self.is_set(name) and text == self.raw(name) else ""

    def setting(self, name: str) -> Setting[str]:
        """The expanded value with the place that set it."""
        return Setting(self.value(name), self.span(name), name)

    def start_problems(self) -> Iterator[tuple[str, str]]:
        """The parameters whose values keep every program from starting, with what is wrong, in Postfix's order.

        It is wrong as programs see it, who read one parameter after the other; see `start_checks`.
        """
        path = f"{self.directory}/main.cf"
        try:
            for name, problem in problems(self._values, path, self.root):
                if problem:
                    yield name, problem.removeprefix(f"file {path}: ")
                elif any(self.is_set(other) for other in HOST_NAMES):
                    yield from self._host_name_problems()
        except (MacroError, BadValue):
            return  # reported where the value itself is asked for

    def _host_name_problems(self) -> Iterator[tuple[str, str]]:
        for name in HOST_NAMES:
            settled = self._values.settled(name)
            if hostname_problem(encode(settled)):
                yield name, f'{name} comes to "{settled}", which is no host name'

    def origin(self) -> str:
        """The domain of bare addresses: myorigin or, where it names a file, the first line of the file.

        PF228 where Postfix's programs end; then myhostname.
        """
        from mailconf.postfix.settings.origin import BadOrigin, check_origin, read_origin

        try:
            value = self.value("myorigin")
            origin = read_origin(value, self.root)
            check_origin(origin)
        except BadOrigin as problem:
            if self.root.covers(value) or not value.startswith("/"):
                hint = "Postfix does not start; write one domain, or name its file"
                self.report("myorigin", PF228, str(problem), hint)
            return self.value("myhostname")
        return origin

    def boolean(self, name: str) -> bool:
        """yes or no, in any case; anything else is PF007 and the default's value."""
        return bool(self._checked(name, _boolean, PF007, "is neither yes nor no", "write yes or no", boolean_meant))

    def integer(self, name: str) -> int:
        """A decimal number; anything else is PF008 and the default's value."""
        return int(self._checked(name, integer_value, PF008, "is not a number", "write a whole number"))

    def seconds(self, name: str) -> float:
        """A time in seconds: a number and s, m, h, d or w; without, the parameter's default unit. Else PF009."""
        unit = default_unit(name, self.postfix.parameters)

        def read(text: str) -> float | None:
            return time_value(text, unit)

        return self._checked(name, read, PF009, "is not a time", "write a whole number and s, m, h, d or w", time_meant)

    def read_list(self, path: str) -> str:
        """The text of a file that a list names in the place of its words. Raises OSError."""
        return decode(self.root.read(path, MAX_LIST))

    def list_words(self, name: str) -> Sequence[str]:
        """The words of a pattern list, those of the files that it names included; ``!`` before what is excluded."""
        from mailconf.postfix.settings.lists import ListReader, ListWords

        found = ListReader(self.read_list).words(self.value(name))
        return ListWords(f"{'!' * word.exclude}{word.text}" for word in found if not word.problem)

    @property
    def ports(self) -> Ports:
        """How names of ports are resolved: known_tcp_ports, then services(5)."""
        value = self.value("known_tcp_ports")
        if self._ports is None or self._ports[0] != value:
            self._ports = value, Ports.of(value, self.root)
        return self._ports[1]

    def words(self, name: str) -> list[str]:
        """The expanded value's words: separated by commas and blanks, ``{...}`` held together."""
        return words.texts(self.value(name))

    def _checked(
        self,
        name: str,
        read: Callable[[str], float | None],
        code: Code,
        wrong: str,
        hint: str,
        meant: Callable[[str], str] | None = None,
    ) -> float:
        """The value by ``read``; ``meant`` gives the text that is certainly meant by a wrong one, or ""."""
        text = self.value(name)
        found = read(text)
        if found is None and not self.is_set(name):
            return 0  # a default that cannot be expanded, which is reported where it cannot
        if found is None:
            better = meant(text) if meant is not None else ""
            fix = self.swapped(name, text, better) if better else ()
            self.report(name, code, f'the value "{text}" of {name} {wrong}', hint, fix)
            found = read(self.expand(self.default(name), name))
        return 0 if found is None else found

    def swapped(self, name: str, old: str, new: str) -> Fix:
        """The edits by which ``old``, the whole value as written or a word that is there once, becomes ``new``."""
        raw = self.raw(name)
        if not self.is_set(name) or raw.count(old) != 1:
            return ()
        if name in self._own:  # the place is that of name=value
            span = self.span(name)
            return swapped(span, old, new, span.text.find(old)) if span and span.text.count(old) == 1 else ()
        return swapped(self.value_span(name, raw.find(old), raw.find(old) + len(old)), old, new)

    def report(self, name: str, code: Code, message: str, hint: str, fix: Fix = ()) -> None:
        span = self.place(name)
        key = (name, code.name, span.start if span else -1)
        if key in self._reported:
            return
        self._reported.add(key)
        self._sink.report(code, message, span, hint=hint, file=self.path("main.cf"), tree=self.root, fix=fix)

    def is_reported(self, name: str) -> bool:
        """Whether the value of ``name`` was found wrong when it was asked for."""
        return any(reported == name for reported, _, _ in self._reported)

    def asked(self) -> frozenset[str]:
        """The names whose values have been looked at; a service that sets no one of them sees what was seen."""
        return frozenset(self._asked)

    def for_service(self, service: Service) -> Configuration:
        """This configuration as ``service`` sees it."""
        other = Configuration(self.directory, self.root, self._sink, self.postfix)
        other.services = self.services
        other._of_services = self._of_services
        other._reported = self._reported
        other._set_by = self._set_by
        own: dict[str, Setting[str]] = {}
        other._own = own
        other._main, other._set = self._main, ChainMap(own, self._set)
        other.entries, other.sources = self.entries, self.sources
        own.update((name, Setting(value, service.span, name)) for name, value in service.overrides.items())
        if own and service.span is not None:
            source = service.span.source
            for setting in self._settings_of(service.span):
                span = source.span(setting.word.start, setting.word.end)
                own[setting.name] = Setting(setting.value, span, setting.name)
        own["service_name"] = Setting(service.name, service.span, "service_name")
        own["process_name"] = Setting(service.program, service.span, "process_name")
        return other

    def _settings_of(self, line: Span) -> tuple[master_cf.Override, ...]:
        """What the ``-o`` of a service's line set. Every check asks for it, so that of _REMEMBERED services is kept."""
        found = self._set_by.get(line.start)
        if found is None:
            found = tuple(master_cf.settings(master_cf.entry_at(line.source.text, line.start)))
            if len(self._set_by) < _REMEMBERED and len(found) <= _FEW:
                self._set_by[line.start] = found
        return found

    def views(self) -> Iterator[tuple[Configuration, Iterable[str]]]:
        """This configuration with the names that it sets; then as each service sees it that sets some, with those."""
        yield self, self.names()
        for service in self.services:
            if service.overrides:
                yield self.for_service(service), service.overrides


class _Values(Values):
    """The values, where what is wrong with the machine's networks is reported."""

    __slots__ = ("_report",)

    def __init__(self, owner: Configuration) -> None:
        version = owner.postfix.version
        super().__init__(owner._given, owner._fixed_default, settling=settling, version=lambda: version)
        self._report = owner.report

    def default(self, name: str) -> str | None:
        try:
            return super().default(name)
        except BadValue as failure:
            hint = "see postconf(5) mynetworks, mynetworks_style, inet_interfaces"
            self._report(failure.parameter, PF013, str(failure), hint)
        except MacroError:
            pass  # reported where the value itself is asked for
        return ""


def _service(entry: master_cf.ServiceEntry, source: Source) -> Service:
    overrides = {setting.name: setting.value for setting in master_cf.settings(entry)}
    return Service(
        name=entry.name,
        kind=entry.type,
        program=entry.fields[master_cf.COMMAND].text,
        arguments=tuple(word.text for word in entry.words),
        overrides=overrides,
        span=source.span(entry.logical.place(0), entry.logical.end),
    )


def _boolean(text: str) -> int | None:
    word = text.lower()
    return 1 if word == "yes" else 0 if word == "no" else None
