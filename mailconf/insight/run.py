"""Test files found, read, and run: what `mailconf test` does before it prints anything."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mailconf.diagnostics import Sink, error, warning
from mailconf.files import Root, Tree
from mailconf.insight.cases.read import read_suite
from mailconf.insight.compare import Outcome, Result, kind_meant, run_cases, spread
from mailconf.insight.coverage import Coverage, Touched, coverage
from mailconf.insight.engines.model import ModelEngine
from mailconf.insight.engines.namespace import CannotStart
from mailconf.insight.engines.prepare import MODEL, EngineOptions, prepare, start
from mailconf.insight.engines.subject import TS010, NoService, Options, Subject
from mailconf.source import Source

if TYPE_CHECKING:
    from mailconf.insight.cases.suite import Case, Suite

TS008 = error("TS008", "a test file that is missing or cannot be read")
"""Why: nothing was tested.

Example:
    $ mailconf test /etc/postfix/mail.test.yaml

Remedy: name the file, or a folder in which there are files whose names end in .test.yaml.

Source: docs/testing.md.
"""

TS012 = error("TS012", "the engine that is to answer cannot be run")
"""Why: no case of the file was asked.

Example:
    `mailconf test --engine postfix` on a machine without Postfix, or by a user who is not root.

Remedy: run it as root on a machine with the engine, or use --engine model.

Source: docs/testing.md.
"""

TS013 = warning("TS013", "a case about each domain of a class that has none")
"""Why: the case is not asked, and the test passes without it.

Example:
    # /etc/postfix/main.cf
    mydestination = example.com
    # /etc/postfix/mail.test.yaml
    site: .
    cases:
      - {to: "postmaster@[each virtual mailbox domain]", reply: 250}
      - {to: ann@else.test, reply: 554}
    $ mailconf test /etc/postfix/mail.test.yaml

Remedy: remove the case, or name the domains.

Source: docs/testing.md.
"""

ENDINGS = (".test.yaml", ".test.yml")
MOST_FILES = 10_000
MOST_DEPTH = 32
MOST_BYTES = 8 << 20


@dataclass(slots=True)
class FileRun:
    """What became of the cases of one file; ``dialect`` is "" where its configuration could not be asked."""

    file: str
    site: str = ""
    dialect: str = ""
    results: list[Result] = field(default_factory=list)
    deselected: int = 0


@dataclass(slots=True)
class Run:
    """Everything: the files in order, and what could not be looked at."""

    engine: str
    files: list[FileRun] = field(default_factory=list)
    sink: Sink = field(default_factory=Sink)
    coverages: dict[str, Coverage] = field(default_factory=dict)  # by the configuration's folder

    def count(self, outcome: Outcome) -> int:
        return sum(result.outcome is outcome for file in self.files for result in file.results)

    @property
    def status(self) -> int:
        """0 every case that was asked passed, 1 one failed, 2 something, or everything, could not be asked."""
        if self.sink.failed:
            return 2
        if self.count(Outcome.FAILED):
            return 1
        return 0 if self.count(Outcome.PASSED) else 2


def test_files(names: Sequence[str], tree: Tree, sink: Sink) -> list[str]:
    """The files that are meant, each once: those named, and those of the folders that are."""
    found: dict[str, None] = {}
    for name in names or (".",):
        place = tree.place(name)
        if tree.is_folder(name):
            below = list(_below(place))
            if not below:
                hint = f"name the file, or give it a name that ends in {ENDINGS[0]}"
                sink.report(TS008, f"there is no test file in {place}", file=place, tree=tree, hint=hint)
            found.update(dict.fromkeys(below))
        else:
            found[place] = None
    return list(found)


def _below(folder: str) -> Iterable[str]:
    disk = Root()
    waiting = [(os.path.normpath(folder), 0)]
    count = 0
    while waiting:
        at, depth = waiting.pop()
        try:
            names = disk.list(at)
        except OSError:
            continue
        for name in sorted(names):
            place = name if at == "." else f"{at.rstrip('/')}/{name}"
            if name.endswith(ENDINGS) and disk.is_file(place):
                count += 1
                if count > MOST_FILES:
                    return
                yield place
        folders = [name for name in names if not name.startswith(".") and "." not in name]
        for name in sorted(folders, reverse=True):
            place = name if at == "." else f"{at.rstrip('/')}/{name}"
            if depth < MOST_DEPTH and disk.is_folder(place) and not disk.is_link(place):
                waiting.append((place, depth + 1))


def load_suite(file: str, sink: Sink) -> Suite | None:
    try:
        data = Root().read(file, MOST_BYTES)
    except OSError as failure:
        message = f"{file} cannot be read: {failure.strerror}"
        sink.report(TS008, message, file=file, tree=Root(), hint="name a test file")
        return None
    from mailconf.source import decode

    return read_suite(Source(file, decode(data)), sink)


def chosen(cases: Iterable[Case], pattern: str) -> list[Case]:
    """The cases whose names have ``pattern`` in them, whatever the case of its letters."""
    wanted = pattern.lower()
    return [case for case in cases if wanted in case.title.lower()]


def run_files(
    files: Sequence[str],
    options: Options,
    engine: EngineOptions = MODEL,
    *,
    pattern: str = "",
    covering: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Run:
    """Run the cases of all files.

    pattern  which cases are chosen by their names
    covering find out what no case has touched; the engine is the model then
    """
    run = Run(engine.name)
    work: list[tuple[FileRun, Suite, Subject, list[Case]]] = []
    for file in files:
        suite = load_suite(file, run.sink)
        if suite is None:
            continue
        found = FileRun(file, suite.site.text)
        run.files.append(found)
        subject = prepare(suite, options, run.sink)
        if subject is None or not _knows_services(suite, subject, run.sink):
            continue
        found.dialect = subject.dialect
        cases = list(spread(suite.cases, subject))
        _report_empty(suite, subject, run.sink)
        kept = chosen(cases, pattern)
        found.deselected = len(cases) - len(kept)
        work.append((found, suite, subject, kept))
    touched: dict[str, Touched] = {}
    total, done = sum(len(cases) for *_, cases in work), 0
    for found, suite, subject, cases in work:
        try:
            asked = start(engine, subject, suite, cases)
        except CannotStart as reason:
            run.sink.report(
                TS012, f"{engine.name} cannot be asked: {reason}", suite.site.span, hint="use --engine model"
            )
            continue
        try:
            seen = touched.setdefault(subject_name(suite), Touched())
            if covering:
                subject.hear_rulesets(seen.rulesets.add)
            for result in run_cases(cases, asked):
                found.results.append(result)
                done += 1
                progress(done, total)
                if covering and isinstance(asked, ModelEngine):
                    for trace in asked.traces(result.case):
                        seen.take(trace)
            if covering:
                run.coverages[subject_name(suite)] = coverage(subject, seen)
        except CannotStart as reason:
            run.sink.report(TS012, f"{engine.name} has failed: {reason}", suite.site.span, hint="use --engine model")
        finally:
            asked.close()
    return run


def subject_name(suite: Suite) -> str:
    """The folder of a test file's configuration, as it is named from here."""
    return os.path.normpath(Path(suite.file).parent / suite.site.text)


def _report_empty(suite: Suite, subject: Subject, sink: Sink) -> None:
    """Report the cases that are about each domain of a class without domains."""
    for case in suite.cases:
        kind = kind_meant(case)
        if kind and not subject.domains(kind):
            hint = "remove the case, or name the domains"
            sink.report(TS013, f"there is no {kind} domain: this case is not asked", case.span, hint=hint)


def _knows_services(suite: Suite, subject: Subject, sink: Sink) -> bool:
    """Whether the services of all clients are there; reported once each."""
    told: set[str] = set()
    for case in suite.cases:
        name = case.client.service
        if name in told:
            continue
        try:
            subject.policy(name)
        except NoService as missing:
            told.add(name)
            hint = "write the name or the port of an smtpd of master.cf"
            sink.report(TS010, f"client {case.client.label}: {missing}", case.span, hint=hint)
    return not told
