"""The baseline: findings that were there when a site began to be checked, so that only new ones count.

A JSON object: ``version`` (1) and ``findings``, an object of fingerprints and how often each occurs. A fingerprint is
the SHA-256 of the code, the file's path below the configuration's folder, the message without numbers of lines, and the
text of the line, so that a finding stays the same where lines are added above it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable

from mailconf.diagnostics import Diagnostic, Sink, error
from mailconf.encoding import encode
from mailconf.files import Tree

CK124 = error("CK124", "the baseline cannot be read")
"""Why: which findings were there before is not known: exit status 2.

Example:
    # main.cf
    smtpd_banner = $myhostname ESMTP
    # /etc/postfix/mailconf.toml
    [check]
    baseline = "before.json"
    # /etc/postfix/before.json
    []

Remedy: write it again: `mailconf check --write-baseline`.

Source: docs/ci.md.
"""

VERSION = 1
_LINE = re.compile(r"\blines? [0-9]+")
MOST = 1 << 26  # bytes of the file


def fingerprint(diagnostic: Diagnostic, directory: str) -> str:
    """What the finding is the same by; ``directory`` is the configuration's, as reports name it."""
    span = diagnostic.span
    name = diagnostic.file if span is None else span.source.name
    line = "" if span is None else span.source.line(span.line)
    texts = (
        diagnostic.code,
        name.removeprefix(directory.rstrip("/") + "/"),
        _LINE.sub("line", diagnostic.message),
        line.strip(),
    )
    return hashlib.sha256(b"\0".join(map(encode, texts))).hexdigest()


def written(found: Iterable[Diagnostic], directory: str) -> bytes:
    """The content of a baseline that has these findings."""
    counts = Counter(fingerprint(diagnostic, directory) for diagnostic in found)
    return json.dumps({"version": VERSION, "findings": dict(sorted(counts.items()))}, indent=1).encode() + b"\n"


def without_known(
    found: Iterable[Diagnostic], name: str, directory: str, tree: Tree, sink: Sink
) -> tuple[list[Diagnostic], int] | None:
    """The findings that the baseline ``name`` does not have, and the number of the others.

    None, with a diagnostic, where it cannot be read.
    """
    try:
        known = _read(name, tree)
    except (OSError, ValueError, RecursionError) as failure:
        reason = getattr(failure, "strerror", None) or "it is no baseline of this version"
        sink.report(CK124, f"the baseline {name} cannot be read: {reason}", file=tree.place(name), tree=tree)
        return None
    kept: list[Diagnostic] = []
    hidden = 0
    for diagnostic in found:
        mark = fingerprint(diagnostic, directory)
        if known[mark] > 0:
            known[mark] -= 1
            hidden += diagnostic.stands_for
        else:
            kept.append(diagnostic)
    return kept, hidden


def _read(name: str, tree: Tree) -> Counter[str]:
    document = json.loads(tree.read(name, MOST))
    found = document.get("findings") if isinstance(document, dict) and document.get("version") == VERSION else None
    if not isinstance(found, dict) or not all(isinstance(count, int) for count in found.values()):
        raise ValueError("no baseline")
    return Counter(found)
