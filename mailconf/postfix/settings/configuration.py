"""A Postfix configuration as the programs see it: main.cf and master.cf read, defaults filled in, values expanded.

`Configuration.load` never fails: what is wrong becomes Diagnostics, and the default stands in. `for_service` gives the
view of one service, with master.cf's ``-o`` overrides.

Sources: postconf(5) (syntax, parameters, defaults), master(5).
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence

from mailconf.diagnostics import Code, Sink, error, warning
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
from mailconf.postfix.settings import machine
from mailconf.postfix.text import main_cf, master_cf, words
from mailconf.postfix.text.expand import MAX_STEPS, MacroError, expand
from mailconf.postfix.text.lines import MAX_FILE, MAX_MASTER
from mailconf.source import Source, Span, decode

PF001 = error("PF001", "main.cf cannot be read")
PF002 = error("PF002", "a line of main.cf has no =")
PF003 = error("PF003", "a line of main.cf has no parameter name")
PF004 = warning("PF004", "a file's first line begins with a blank and is ignored")
PF005 = warning("PF005", "a parameter is set again")
PF006 = error("PF006", "a value's $-expression cannot be expanded")
PF007 = error("PF007", "a value is not yes or no")
PF008 = error("PF008", "a value is not a number")
PF009 = error("PF009", "a value is not a time")
PF010 = error("PF010", "master.cf cannot be read")
PF011 = error("PF011", "a line of master.cf is wrong")
PF012 = warning("PF012", "the first line of master.cf begins with a blank and is ignored")
PF013 = error("PF013", "mynetworks cannot be computed")
PF017 = warning("PF017", "a service is defined again")
PF018 = error("PF018", "a service is given a parameter in a form that stops it")
PF233 = error("PF233", "the braces of an argument in master.cf do not hold it together")
PF228 = error("PF228", "myorigin is not one domain, or its file cannot be read")

PATIENCE, FEW_STEPS = 1, 2_000  # so many values may take MAX_STEPS without an end; then they get only a few
MAX_SEARCHED = 20_000  # characters of a value with $-expressions in which the places of its words are looked for
MAX_LIST = 64_000_000  # bytes of a file that a list names
MOST_MISTAKES = 100  # lines of master.cf whose mistake is looked for with the grammar, which takes its time
_ASSIGN = 'write "name = value"; a continuation line begins with a blank'
_MISTAKES = {
    main_cf.NO_EQUALS: (PF002, 'this line has no "="', _ASSIGN),
    main_cf.NO_NAME: (PF003, 'there is no parameter name before "="', _ASSIGN),
    main_cf.ORPHAN: (PF004, "this line begins with a blank and continues nothing; it is ignored", "remove the blank"),
}


class Configuration:
    """One configuration; see the module. Values are strings as the file has them unless a method says otherwise.

    services  as master(8) knows them; ``entries`` are those lines of master.cf that define a service, lost ones too
    sources   the files that could be read, by their names
    postfix   the version whose parameters, defaults and words are meant
    """

    STANDARD = "/etc/postfix"

    directory: str
    root: Tree
    services: list[Service]
    entries: list[master_cf.ServiceEntry]
    sources: dict[str, Source]

    def __init__(self, directory: str, root: Tree, sink: Sink, postfix: ParameterSet = BASE) -> None:
        self.directory = directory
        self.postfix = postfix
        self.root = root
        self.services = []
        self.entries = []
        self.sources = {}
        self._sink = sink
        self._set: MutableMapping[str, Setting[str]] = {}
        self._definitions: dict[str, main_cf.Definition] = {}
        self._own: dict[str, Setting[str]] = {}  # what a service sets, before what main.cf does
        self._of_services = ServiceParameters(parameters=postfix.parameters)
        self._reported: set[tuple[str, str, int]] = set()
        self._overrides: dict[tuple[str, str], dict[str, Setting[str]]] = {}
        self._computing: set[str] = set()
        self._given_up = 0
        self._asked: set[str] = set()
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
            self._definitions.pop(name, None)
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
            hint = f"put a {name} there that can be read"
            self._sink.report(code, f"cannot be read: {failure.strerror}", file=str(path), tree=self.root, hint=hint)
            return None

    def _take_main(self, source: Source) -> None:
        for found in main_cf.read(source.text):
            if isinstance(found, main_cf.BrokenLine):
                code, message, hint = _MISTAKES[found.problem]
                span = source.span(found.logical.place(0), found.logical.end)
                self._sink.report(code, message, span, hint=hint)
                continue
            span = source.span(found.start, found.end)
            earlier = self._set.get(found.name)
            if earlier is not None and earlier.span is not None:
                message = f"{found.name} is set again; the earlier value, line {earlier.span.line}, is lost"
                self._sink.report(PF005, message, span, hint="remove one of the two")
            self._set[found.name] = Setting(found.value, span, found.name)
            self._definitions[found.name] = found

    def _take_master(self, source: Source) -> None:
        self.entries = []
        services: dict[tuple[str, str], Service] = {}
        for entry in master_cf.read(source.text):
            for problem in entry.problems:
                self._report_problem(entry, problem, source)
            for problem in master_cf.wrong_settings(entry):
                span = source.span(problem.start, problem.end)
                hint = "write -o name=value without blanks, or -o { name = value }"
                self._sink.report(PF018, problem.message, span, hint=hint)
            if entry.usable:  # no other one is kept: there may be one for two bytes
                self.entries.append(entry)
                self._take_service(_service(entry, source), services)
                self._overrides[entry.name, entry.type] = {
                    setting.name: Setting(
                        setting.value, source.span(setting.word.start, setting.word.end), setting.name
                    )
                    for setting in master_cf.settings(entry)
                }
        self.services = list(services.values())
        self._of_services = ServiceParameters(self.entries, self.postfix.parameters)

    def _report_problem(self, entry: master_cf.ServiceEntry, problem: master_cf.Problem, source: Source) -> None:
        span = source.span(problem.start, problem.end)
        if not problem.fatal:
            if "attribute name" in problem.message:
                return  # PF018 says it
            if problem.message == main_cf.ORPHAN:
                self._sink.report(PF012, problem.message, span, hint="remove the blank")
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
            self._sink.report(PF017, message, service.span, hint="remove one of the two")
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

    def is_set(self, name: str) -> bool:
        return name in self._set

    def span(self, name: str) -> Span | None:
        """Where ``name`` is set: its name and value; None for a default."""
        found = self._set.get(name)
        return found.span if found else None

    def value_span(self, name: str, start: int = 0, end: int | None = None) -> Span | None:
        """The place of the characters ``start`` to ``end`` of the unexpanded value; None for a default."""
        found, definition = self._set.get(name), self._definitions.get(name)
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
        self._asked.add(name)
        found = self._set.get(name)
        return found.value if found else self.default(name)

    def has_references(self, name: str) -> bool:
        """Whether the unexpanded value has $-expressions; quick for a value of a megabyte, too."""
        found = self._with_references.get(name)
        if found is None:
            found = self._with_references[name] = "$" in self.raw(name)
        return found

    def default(self, name: str) -> str:
        """The unexpanded default of ``name``; those that depend on the machine are computed."""
        if name == "config_directory":
            return self.directory
        if name in machine.COMPUTED:
            return self._computed(name)
        # What this version does not have works as in the one that mailconf is written after.
        found = self.postfix.parameters.get(name) or self._of_services.get(name) or PARAMETERS.get(name)
        return found[1] if found else ""

    def _computed(self, name: str) -> str:
        if name in self._computing:
            return ""
        self._computing.add(name)
        try:
            return machine.compute(name, self._early_value, self._set)
        except ValueError as failure:
            self.report(name, PF013, str(failure), "see postconf(5) mynetworks, mynetworks_style, inet_interfaces")
        except MacroError:
            pass  # reported where the value itself is asked for
        finally:
            self._computing.discard(name)
        return ""

    def _early_value(self, name: str) -> str:
        """A value as the engine sees it when it computes defaults: main.cf's settings know only each other."""
        if name not in self._set:
            return self.expand(self.default(name), name)
        return expand(self._set[name].value, lambda other: self._set[other].value if other in self._set else None)

    def value(self, name: str) -> str:
        """The value with every $-expression expanded."""
        return self.expand(self.raw(name), name)

    def expand(self, text: str, name: str = "") -> str:
        """``text``, which stands in the value of ``name``, expanded; "" where it cannot be (PF006)."""
        try:
            return expand(text, self._lookup, steps=MAX_STEPS if self._given_up < PATIENCE else FEW_STEPS)
        except MacroError as failure:
            self._given_up += failure.given_up
            if not self.is_set(name) and "compatibility level" in failure.messages[0]:
                name = "compatibility_level"  # a default asks for it; that is where the mistake is
            self.report(name, PF006, f"{name}: {failure.messages[0]}", 'see postconf(5), "expressions"')
            return self.expand(self.default(name), name) if self.is_set(name) and text == self.raw(name) else ""

    def _lookup(self, name: str) -> str | None:
        self._asked.add(name)
        if name in self._set or self.is_known(name):
            return self.raw(name)
        return None

    def setting(self, name: str) -> Setting[str]:
        """The expanded value with the place that set it."""
        return Setting(self.value(name), self.span(name), name)

    def origin(self) -> str:
        """The domain of bare addresses: myorigin or, where it names a file, the first line of the file.

        PF228 where Postfix's programs end; then myhostname.
        """
        from mailconf.postfix.settings.origin import BadOrigin, check_origin, read_origin

        try:
            origin = read_origin(self.value("myorigin"), self.root)
            check_origin(origin)
        except BadOrigin as problem:
            self.report("myorigin", PF228, str(problem), "Postfix does not start; write one domain, or name its file")
            return self.value("myhostname")
        return origin

    def boolean(self, name: str) -> bool:
        """yes or no, in any case; anything else is PF007 and the default's value."""
        return bool(self._checked(name, _boolean, PF007, "is neither yes nor no", "write yes or no"))

    def integer(self, name: str) -> int:
        """A decimal number; anything else is PF008 and the default's value."""
        return int(self._checked(name, integer_value, PF008, "is not a number", "write a whole number"))

    def seconds(self, name: str) -> float:
        """A time in seconds: a number and s, m, h, d or w; without, the parameter's default unit. Else PF009."""
        unit = default_unit(name, self.postfix.parameters)

        def read(text: str) -> float | None:
            return time_value(text, unit)

        return self._checked(name, read, PF009, "is not a time", "write a whole number and s, m, h, d or w")

    def read_list(self, path: str) -> str:
        """The text of a file that stands in a list for the words in it. Raises OSError."""
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

    def _checked(self, name: str, read: Callable[[str], float | None], code: Code, wrong: str, hint: str) -> float:
        text = self.value(name)
        found = read(text)
        if found is None and not self.is_set(name):
            return 0  # a default that cannot be expanded, which is told where it cannot
        if found is None:
            self.report(name, code, f'the value "{text}" of {name} {wrong}', hint)
            found = read(self.expand(self.default(name), name))
        return 0 if found is None else found

    def report(self, name: str, code: Code, message: str, hint: str) -> None:
        span = self.place(name)
        key = (name, code.name, span.start if span else -1)
        if key in self._reported:
            return
        self._reported.add(key)
        self._sink.report(code, message, span, hint=hint, file=self.path("main.cf"), tree=self.root)

    def asked(self) -> frozenset[str]:
        """The names whose values have been looked at; a service that sets none of them sees what was seen."""
        return frozenset(self._asked)

    def for_service(self, service: Service) -> Configuration:
        """This configuration as ``service`` sees it."""
        other = Configuration(self.directory, self.root, self._sink, self.postfix)
        other.services = self.services
        other._of_services = self._of_services
        other._reported = self._reported
        own: dict[str, Setting[str]] = {}
        other._own = own
        other._set, other._definitions = ChainMap(own, self._set), self._definitions
        other.entries, other.sources, other._overrides = self.entries, self.sources, self._overrides
        places = self._overrides.get((service.name, service.kind), {})
        for name, value in service.overrides.items():
            own[name] = places.get(name) or Setting(value, service.span, name)
        own["service_name"] = Setting(service.name, service.span, "service_name")
        own["process_name"] = Setting(service.program, service.span, "process_name")
        return other


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
