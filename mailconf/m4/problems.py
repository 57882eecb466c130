"""The diagnostics of a run of m4. Imported only when someone collects them."""

from __future__ import annotations

from mailconf.diagnostics import error, warning

WARNED = warning("M4001", "m4 warns")
"""Why: m4 goes on after a warning, and what it prints may be something else than was meant.

Example:
    # sendmail.mc
    define(`confLOG_LEVEL', `12', `13')dnl

Remedy: follow the hint; quote a value that has a comma.

Source: GNU m4 1.4.19; the message is its own.
"""

FAILED = error("M4002", "m4 reports an error")
"""Why: m4 cannot compute an expression, goes on without its value and ends with status 1. mailconf does not build the
.cf then.

Example:
    # sendmail.mc
    define(`confLOG_LEVEL', eval(`12++'))dnl

Remedy: correct the call that the message names.

Source: GNU m4 1.4.19; the message is its own.
"""

ENDED = error("M4003", "the input ends too early")
"""Why: m4 ends inside of a quote or of a call's arguments. The rest of the .cf is missing.

Example:
    # sendmail.mc
    include(`site.m4')dnl
    # /etc/mail/site.m4
    define(`confLOG_LEVEL', `12'

Remedy: close the quote or the parenthesis.

Source: GNU m4 1.4.19; the message is its own.
"""

EXHAUSTED = error("M4004", "a macro does not come to an end")
"""Why: the expansion does not end, or produces more than a configuration ever does. m4 would run until the memory is
used up; mailconf stops at a bound.

Example:
    # sendmail.mc
    define(`again', `again')again

Remedy: look for a macro that calls itself without end, or a file that includes itself.

Source: the bounds in mailconf/m4 (docs/departures.md).
"""

DENIED = error("M4005", "a macro asks for what is not allowed")
"""Why: a .mc can run commands and read or write any file that the user may. mailconf refuses that without
--allow-shell.

Example:
    # sendmail.mc
    syscmd(`date')dnl

Remedy: remove the call, or use --allow-shell for a configuration that you trust.

Source: docs/departures.md; GNU m4 1.4.19, whose manual describes syscmd, esyscmd and include.
"""

PRINTED = warning("M4006", "a macro prints a message")
"""Why: the library or the .mc reports something itself, with errprint. What begins with "*** ERROR" or the like is an
error, and the .cf would not do what was meant.

Example:
    # sendmail.mc
    MAILER(`local')dnl
    FEATURE(`access_db')dnl

Remedy: follow the message or the hint.

Source: the macros of sendmail 8.17, whose message it is; cf/README.
"""
