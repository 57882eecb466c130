"""Findings in the formats that other programs read.

json    an object with ``version``, ``summary`` and ``findings``; its schema is docs/check.schema.json
sarif   SARIF 2.1.0 (OASIS), for code scanning
github  workflow commands of GitHub Actions, a line a finding
gitlab  GitLab's Code Quality report
junit   JUnit's XML, a test case a finding
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mailconf.diagnostics import CODES, Diagnostic, Edit, Severity
from mailconf.encoding import encode

if TYPE_CHECKING:
    from mailconf.check.results import Results
    from mailconf.source import Span

VERSION = 2  # of the JSON object; the first was a list of findings
_SARIF = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
_GITHUB = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_GITLAB = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.NOTE: "info"}


def as_json(results: Results) -> str:
    findings = [diagnostic.as_json() for diagnostic in results.findings]
    fixed = [diagnostic.as_json() for diagnostic in results.fixed]
    return _text({"version": VERSION, "summary": results.summary(), "findings": findings, "fixed": fixed})


def as_sarif(results: Results) -> str:
    from mailconf import __version__

    codes = sorted({d.code for d in results.findings})
    places = {code: at for at, code in enumerate(codes)}
    driver = {
        "name": "mailconf",
        "semanticVersion": __version__,
        "rules": [
            {
                "id": code,
                "shortDescription": {"text": CODES[code].title},
                "defaultConfiguration": {"level": _SARIF[CODES[code].severity]},
                **_help(code),
            }
            for code in codes
        ],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif(d, places[d.code]) for d in results.findings],
    }
    schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
    return _text({"$schema": schema, "version": "2.1.0", "runs": [run]})


def _help(code: str) -> dict[str, Any]:
    """What `mailconf rule` and docs/checks/ say of a code: a page of its own that a helpUri could name is nowhere."""
    from mailconf.check.explanations import PACKAGE, declarations, entry_text

    found = next(declarations(PACKAGE, code), None)
    return {} if found is None or found.explanation is None else {"help": {"text": entry_text(found)}}


def _sarif(d: Diagnostic, rule: int) -> dict[str, Any]:
    message = f"{d.message}. Hint: {d.hint}" if d.hint else d.message
    result: dict[str, Any] = {
        "ruleId": d.code,
        "ruleIndex": rule,
        "level": _SARIF[d.severity],
        "message": {"text": _readable(message)},
    }
    if d.span is not None:
        result["locations"] = [{"physicalLocation": _location(d.span)}]
    elif d.file:
        result["locations"] = [{"physicalLocation": {"artifactLocation": {"uri": _uri(d.file)}}}]
    if d.related:
        result["relatedLocations"] = [
            {"id": n, "physicalLocation": _location(other.span), "message": {"text": _readable(other.message)}}
            for n, other in enumerate(d.related, 1)
        ]
    if d.fix:
        by_file: dict[str, list[Edit]] = {}
        for edit in d.fix:
            by_file.setdefault(edit.span.source.name, []).append(edit)
        changes = [
            {
                "artifactLocation": {"uri": _uri(name)},
                "replacements": [
                    {"deletedRegion": _region(edit.span), "insertedContent": {"text": _readable(edit.text)}}
                    for edit in edits
                ],
            }
            for name, edits in by_file.items()
        ]
        result["fixes"] = [{"description": {"text": _readable(d.hint or d.message)}, "artifactChanges": changes}]
    return result


def _location(span: Span) -> dict[str, Any]:
    return {"artifactLocation": {"uri": _uri(span.source.name)}, "region": _region(span)}


def _region(span: Span) -> dict[str, int]:
    (line, column), last = span.first, span.last
    return {"startLine": line, "startColumn": column, "endLine": last.line, "endColumn": last.column}


def _uri(name: str) -> str:
    from urllib.parse import quote

    path = quote(encode(name), safe="/-._~!$&'()*+,;=@")
    return f"file://{path}" if path.startswith("/") else path


def as_github(results: Results) -> str:
    return "".join(map(_github, results.findings))


def _github(d: Diagnostic) -> str:
    values = {"title": d.code}
    if d.span is not None:
        (line, column), last = d.span.first, d.span.last
        values |= {"file": d.span.source.name, "line": str(line), "col": str(column), "endLine": str(last.line)}
        if last.line == line:
            values["endColumn"] = str(max(last.column, column))
    elif d.file:
        values["file"] = d.file
    properties = ",".join(f"{name}={_escaped(value, ',:')}" for name, value in values.items())
    text = f"{d.message} (hint: {d.hint})" if d.hint else d.message
    return f"::{_GITHUB[d.severity]} {properties}::{_escaped(text)}\n"


def _escaped(text: str, further: str = "") -> str:
    """As the runner takes them apart: ``%`` and line ends are escaped, in properties ``,`` and ``:`` as well."""
    return "".join(f"%{ord(c):02X}" if c in "%\r\n" + further else c for c in _readable(text))


def as_gitlab(results: Results) -> str:
    return _text([_gitlab(d) for d in results.findings])


def _gitlab(d: Diagnostic) -> dict[str, Any]:
    name, line = (d.file, 1) if d.span is None else (d.span.source.name, d.span.line)
    text = f"{d.message} ({d.hint})" if d.hint else d.message
    mark = hashlib.sha256(b"\0".join(map(encode, (d.code, name, str(line), d.message)))).hexdigest()
    return {
        "description": _readable(text),
        "check_name": d.code,
        "fingerprint": mark,
        "severity": _GITLAB[d.severity],
        "location": {"path": _readable(name), "lines": {"begin": line}},
    }


def as_junit(results: Results) -> str:
    from xml.sax.saxutils import escape, quoteattr

    counting = [d for d in results.findings if d.severity is not Severity.NOTE]
    head = f'<testsuite name="mailconf check" tests="{max(1, len(counting))}" failures="{len(counting)}">'
    cases = [
        f"  <testcase classname={quoteattr(_xml(_file(d)))} name={quoteattr(_xml(f'{d.place}{d.code}'))}>"
        f"<failure type={quoteattr(d.code)} message={quoteattr(_xml(d.message))}>"
        f"{escape(_xml(f'{d}{chr(10)}hint: {d.hint}' if d.hint else str(d)))}</failure></testcase>"
        for d in counting
    ]
    if not cases:
        cases = ['  <testcase classname="mailconf" name="check"/>']
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *cases, "</testsuite>", ""])


def _file(d: Diagnostic) -> str:
    return (d.file if d.span is None else d.span.source.name) or "configuration"


def _xml(text: str) -> str:
    """What XML can have: other characters as escapes (XML 1.0, 2.2)."""
    return "".join(c if c in "\t\n" or " " <= c <= "\ud7ff" or c > "\uffff" else repr(c)[1:-1] for c in _readable(text))


def _readable(text: str) -> str:
    """Bytes that are no UTF-8 as escapes, so that every format can be written."""
    if text.isascii():
        return text
    return "".join(f"\\x{ord(c) - 0xDC00:02x}" if "\udc80" <= c <= "\udcff" else c for c in text)


def _text(document: object) -> str:
    return json.dumps(document, indent=2) + "\n"


FORMATS: dict[str, Callable[[Results], str]] = {
    "json": as_json,
    "sarif": as_sarif,
    "github": as_github,
    "gitlab": as_gitlab,
    "junit": as_junit,
}
"""Who prints what; "text" is `mailconf.cli.shared.report`'s."""


def names() -> Sequence[str]:
    return ("text", *FORMATS)
