"""What `mailconf test` prints: for people, as JSON, and as JUnit's XML."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mailconf.insight.compare import Difference, Outcome, Result
from mailconf.source import Span

if TYPE_CHECKING:
    from rich.console import Console

    from mailconf.insight.run import FileRun, Run

VERSION = 1  # of the JSON object


def show_run(run: Run, *, verbose: bool) -> None:
    """The failures with their reasons, and the summary, on standard output."""
    if sys.stdout.isatty():
        from rich.console import Console

        _show_on_terminal(run, Console(highlight=False, soft_wrap=True), verbose=verbose)
        return
    for file in run.files:
        for result in file.results:
            if verbose or result.outcome is not Outcome.PASSED:
                for text, _ in _lines(result):
                    sys.stdout.write(printable(text) + "\n")
    if _asked(run):
        sys.stdout.write(summary(run) + "\n")
    for line in coverage_lines(run):
        sys.stdout.write(printable(line) + "\n")


def _asked(run: Run) -> bool:
    """Whether there is anything to count: a case was asked, or none was chosen."""
    return any(file.results or file.deselected for file in run.files)


def summary(run: Run) -> str:
    """``41 cases: 40 passed, 1 failed``."""
    counts = [(run.count(outcome), outcome.value) for outcome in Outcome]
    total = sum(count for count, _ in counts)
    parts = [f"{count} {name}" for count, name in counts if count or name == "passed"]
    left = sum(file.deselected for file in run.files)
    parts += [f"{left} not chosen"] if left else []
    engine = "" if run.engine == "model" else f" ({run.engine})"
    return f"{total} {'case' if total == 1 else 'cases'}{engine}: {', '.join(parts)}"


_KINDS = {"restriction": "restrictions", "table": "lines of tables", "ruleset": "rulesets"}


def coverage_lines(run: Run) -> Iterator[str]:
    """How much of each configuration the cases have touched, and what they have not."""
    for name, found in run.coverages.items():
        counts = [f"{found.count(kind)} of {total} {_KINDS[kind]}" for kind, total in found.totals.items()]
        yield f"{name}: {', '.join(counts) or 'nothing to touch'}"
        for part in found.untouched:
            where = f"{part.file}:{part.line}" if part.line else part.file
            yield f"  {where}: {part.kind} {part.text}"


_STYLES = {Outcome.PASSED: "green", Outcome.FAILED: "bold red", Outcome.NOT_EXPRESSIBLE: "yellow"}


def _show_on_terminal(run: Run, console: Console, *, verbose: bool) -> None:
    from rich.text import Text

    for file in run.files:
        for result in file.results:
            if verbose or result.outcome is not Outcome.PASSED:
                for text, style in _lines(result):
                    console.print(Text(printable(text), style))
    if not _asked(run):
        return
    failed = bool(run.count(Outcome.FAILED)) or run.sink.failed
    seconds = sum(result.seconds for file in run.files for result in file.results)
    for line in coverage_lines(run):
        console.print(Text(printable(line)))
    console.print(Text(f"{summary(run)} in {seconds:.2f} s", "bold red" if failed else "bold green"))


def _lines(result: Result) -> Iterator[tuple[str, str]]:
    """The lines about a case, each with its style on a terminal."""
    style = _STYLES[result.outcome]
    note = f": {result.note}" if result.note else ""
    yield f"{place(result.case.span)}: {result.outcome.value}: {result.case.title}{note}", style
    for difference in result.differences:
        yield from _difference(difference)


def _difference(d: Difference) -> Iterator[tuple[str, str]]:
    yield f"  {d.what:8}  expected  {d.expected}", "green"
    yield f"            got       {d.got}", "red"
    head = "because"
    for reason in d.reasons:
        where = f"  ({reason.span})" if reason.span is not None else ""
        yield f"            {head:8}  {reason.text}{where}", "dim"
        head = ""


def place(span: Span) -> str:
    line, column = span.first
    return f"{span.source.name}:{line}:{column}"


def printable(text: str) -> str:
    """Control characters and bytes that were no UTF-8 as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


# -- JSON


def as_json(run: Run) -> str:
    document = {
        "version": VERSION,
        "engine": run.engine,
        "summary": {
            "cases": sum(len(file.results) for file in run.files),
            **{outcome.value.replace(" ", "_"): run.count(outcome) for outcome in Outcome},
        },
        "findings": [diagnostic.as_json() for diagnostic in run.sink.sorted()],
        "files": [_file(file) for file in run.files],
        "coverage": [
            {
                "site": name,
                "touched": {kind: {"touched": found.count(kind), "of": total} for kind, total in found.totals.items()},
                "untouched": [{**part._asdict(), "line": part.line or None} for part in found.untouched],
            }
            for name, found in run.coverages.items()
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _file(file: FileRun) -> dict[str, Any]:
    return {
        "file": file.file,
        "site": file.site,
        "dialect": file.dialect or None,
        "cases": [_case(result) for result in file.results],
    }


def _case(result: Result) -> dict[str, Any]:
    line, column = result.case.span.first
    return {
        "name": printable(result.case.title),
        "line": line,
        "column": column,
        "outcome": result.outcome.value,
        "note": result.note or None,
        "differences": [
            {
                "what": d.what,
                "recipient": printable(d.recipient),
                "expected": printable(d.expected),
                "got": printable(d.got),
                "place": _place(d.span),
                "because": [{"text": printable(r.text), "place": _place(r.span)} for r in d.reasons],
            }
            for d in result.differences
        ],
    }


def _place(span: Span | None) -> dict[str, Any] | None:
    if span is None:
        return None
    line, column = span.first
    return {"file": span.source.name, "line": line, "column": column}


# -- JUnit


def as_junit(run: Run) -> str:
    """A test suite a file; what an engine cannot express is skipped, what could not be looked at is an error."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>"]
    for file in run.files:
        results = file.results
        failed = sum(result.outcome is Outcome.FAILED for result in results)
        skipped = sum(result.outcome is Outcome.NOT_EXPRESSIBLE for result in results)
        seconds = sum(result.seconds for result in results)
        lines.append(
            f'  <testsuite name={_quoted(file.file)} tests="{len(results)}" failures="{failed}" errors="0" '
            f'skipped="{skipped}" time="{seconds:.3f}">'
        )
        lines += [_junit_case(file, result) for result in results]
        lines.append("  </testsuite>")
    findings = [d for d in run.sink.sorted() if d.severity.value == "error"]
    if findings:
        lines.append(
            f'  <testsuite name="mailconf test" tests="{len(findings)}" failures="0" errors="{len(findings)}">'
        )
        lines += [
            f"    <testcase classname={_quoted(d.code)} name={_quoted(d.place or d.code)}>"
            f"<error type={_quoted(d.code)} message={_quoted(d.message)}/></testcase>"
            for d in findings
        ]
        lines.append("  </testsuite>")
    return "\n".join([*lines, "</testsuites>", ""])


def _junit_case(file: FileRun, result: Result) -> str:
    from xml.sax.saxutils import escape

    name = f"{result.case.title} (line {result.case.span.line})"
    head = f'    <testcase classname={_quoted(file.file)} name={_quoted(name)} time="{result.seconds:.4f}"'
    if result.outcome is Outcome.PASSED:
        return f"{head}/>"
    if result.outcome is Outcome.NOT_EXPRESSIBLE:
        return f"{head}><skipped message={_quoted(result.note)}/></testcase>"
    text = "\n".join(printable(line) for line, _ in _lines(result))
    first = result.differences[0]
    message = f"{first.what}: expected {first.expected}, got {first.got}"
    return f"{head}><failure message={_quoted(message)}>{escape(text)}</failure></testcase>"


def _quoted(text: str) -> str:
    from xml.sax.saxutils import quoteattr

    return quoteattr(printable(text))
