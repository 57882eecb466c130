"""The diagnostics of a run of m4. Imported only when someone collects them."""

from __future__ import annotations

from mailconf.diagnostics import error, warning

WARNED = warning("M4001", "m4 warns")
FAILED = error("M4002", "m4 reports an error")
ENDED = error("M4003", "the input ends too early")
EXHAUSTED = error("M4004", "a macro does not come to an end")
DENIED = error("M4005", "a macro asks for what is not allowed")
PRINTED = warning("M4006", "a macro prints a message")
