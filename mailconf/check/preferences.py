"""mailconf.toml: which findings count, beside the configuration that they are about.

::

    [check]
    select = ["PF", "TB"]                # codes, or what codes begin with; without it, all
    ignore = ["CK061"]
    fail-on = "error"                    # "warning" (as without it) or "never"
    baseline = "mailconf-baseline.json"  # findings that were there before: `mailconf.check.baseline`

    [check.per-file-ignores]
    "virtual*" = ["TB010"]               # by the file's path below the configuration's folder, or its last part

The command line's --select, --ignore, --fail-on and --baseline go before the file's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from mailconf.diagnostics import Diagnostic, Severity, Sink, error
from mailconf.files import Tree
from mailconf.source import Source

CK123 = error("CK123", "mailconf.toml cannot be read")
"""Why: what the file is to select or to ignore is not known, so that check does not say what it found: exit status 2.

Example:
    # main.cf
    smtpd_banner = $myhostname ESMTP
    # /etc/postfix/mailconf.toml
    [check]
    ignored = ["CK061"]

Remedy: correct it. Its table [check] may have select, ignore, fail-on, baseline and per-file-ignores.

Source: docs/ci.md.
"""

NAME = "mailconf.toml"
MOST = 1 << 20  # bytes of the file
_CODE = re.compile(r"[A-Z][A-Z0-9]?\d{0,3}")
_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)$")
FAILING = {"error": Severity.ERROR, "warning": Severity.WARNING, "never": None}


class Preferences(NamedTuple):
    """What counts; see the module. ``per_file`` are patterns of names with codes."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fail_on: str = "warning"
    baseline: str = ""
    per_file: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def counts(self, diagnostic: Diagnostic, directory: str) -> bool:
        """Whether a finding is selected, and not ignored; ``directory`` is the configuration's, as reports name it."""
        code = diagnostic.code
        if (self.select and not code.startswith(self.select)) or (self.ignore and code.startswith(self.ignore)):
            return False
        name = diagnostic.file if diagnostic.span is None else diagnostic.span.source.name
        inside = name.removeprefix(directory.rstrip("/") + "/")
        last = name.rpartition("/")[2]
        return not any(
            code.startswith(codes) and (fnmatchcase(inside, pattern) or fnmatchcase(last, pattern))
            for pattern, codes in self.per_file
        )

    def fails(self, found: Iterable[Diagnostic]) -> bool:
        """Whether a finding makes the command exit 1. A note never does."""
        least = FAILING[self.fail_on]
        counting = {Severity.ERROR, least} if least is not None else set()
        return any(diagnostic.severity in counting for diagnostic in found)


def is_code(text: str) -> bool:
    """Whether it can be a code or the beginning of codes."""
    return _CODE.fullmatch(text) is not None


def read_preferences(directory: str, tree: Tree, sink: Sink) -> Preferences | None:
    """Those of the configuration in ``directory``; None, with a diagnostic, where they cannot be read."""
    name = f"{directory.rstrip('/')}/{NAME}"
    try:
        data = tree.read(name, MOST)
    except FileNotFoundError:
        return Preferences()
    except (OSError, ValueError) as failure:
        reason = getattr(failure, "strerror", None) or str(failure)
        sink.report(CK123, f"{NAME} cannot be read: {reason}", file=tree.place(name), tree=tree)
        return None
    import tomllib

    source = Source(tree.place(name), data.decode("utf-8", "replace"))
    try:
        return _preferences(tomllib.loads(source.text))
    except (ValueError, RecursionError) as mistake:
        text = str(mistake) or "it is nested too deeply"
        at = _PLACE.search(text)
        span = source.line_span(min(int(at[1]), source.position(len(source.text)).line)) if at else source.span(0)
        sink.report(CK123, f"{NAME}: {_PLACE.sub('', text).strip()}", span)
        return None


def _preferences(document: dict[str, Any]) -> Preferences:
    """Raises ValueError for what means nothing."""
    unknown = [name for name in document if name != "check"]
    check = document.get("check", {})
    if not isinstance(check, dict):
        raise ValueError("check is no table")
    known = {"select", "ignore", "fail-on", "baseline", "per-file-ignores"}
    unknown += [f"check.{name}" for name in check if name not in known]
    if unknown:
        raise ValueError(f"unknown setting: {unknown[0]}")
    fail_on, baseline = check.get("fail-on", "warning"), check.get("baseline", "")
    if not isinstance(fail_on, str) or fail_on not in FAILING:
        raise ValueError("check.fail-on is one of error, warning, never")
    if not isinstance(baseline, str):
        raise ValueError("check.baseline is the name of a file")
    by_file = check.get("per-file-ignores", {})
    if not isinstance(by_file, dict):
        raise ValueError("check.per-file-ignores is no table")
    return Preferences(
        _codes("check.select", check.get("select", [])),
        _codes("check.ignore", check.get("ignore", [])),
        fail_on,
        baseline,
        tuple((name, _codes(f"check.per-file-ignores.{name}", codes)) for name, codes in by_file.items()),
    )


def _codes(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(code, str) and is_code(code) for code in value):
        raise ValueError(f"{name} is a list of codes, such as PF012, or of what codes begin with")
    return tuple(value)
