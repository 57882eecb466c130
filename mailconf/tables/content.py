"""header_checks(5) and body_checks(5): what a rule's result does to a header, a line, or the message.

What cleanup 3.7 does not understand it logs, and the line passes as if no rule had matched. The checks of the SMTP
client (smtp_header_checks, ...) and of what milters add (milter_header_checks) know a part of the actions.
"""

from __future__ import annotations

import re
from functools import partial
from typing import NamedTuple

from mailconf.diagnostics import error
from mailconf.tables.sides import Side, SideFault, Sides, parse_side

TB100 = error("TB100", "an action of header or body checks that does not exist")
"""Why: cleanup logs a warning at an action that it does not know, and lets the line through.

Example:
    # main.cf
    header_checks = regexp:/etc/postfix/header_checks
    # /etc/postfix/header_checks
    /^Subject: free money/ REJCT

Remedy: write an action of header_checks(5).

Source: header_checks(5), "ACTIONS"; observed with Postfix 3.7.11.
"""

TB101 = error("TB101", "PREPEND or REPLACE without a text, in body checks")
"""Why: cleanup logs a warning and ignores PREPEND or REPLACE without a text.

Example:
    # main.cf
    body_checks = regexp:/etc/postfix/body_checks
    # /etc/postfix/body_checks
    /^begin/ PREPEND

Remedy: write the text after the action; IGNORE deletes the line.

Source: header_checks(5) PREPEND, REPLACE; observed with Postfix 3.7.11.
"""

TB102 = error("TB102", "an action that these header or body checks do not have")
"""Why: smtp and milter checks know fewer actions than those of cleanup. They log a warning at others and let the line
through.

Example:
    # main.cf
    smtp_header_checks = regexp:/etc/postfix/smtp_header_checks
    # /etc/postfix/smtp_header_checks
    /^X-Internal:/ REJECT

Remedy: write an action that these checks have, such as IGNORE, or move the rule to header_checks.

Source: postconf(5) smtp_header_checks, milter_header_checks; observed with Postfix 3.7.11.
"""

# header_checks(5), "not supported with".
CLIENT = frozenset({"PREPEND", "REPLACE", "IGNORE", "STRIP", "INFO", "WARN", "DUNNO", "OK"})
MILTER = frozenset(
    {"BCC", "DISCARD", "DUNNO", "OK", "FILTER", "HOLD", "IGNORE", "INFO", "PASS", "REDIRECT", "REPLACE", "REJECT"}
    | {"STRIP", "WARN"}
)
_PLAIN = re.compile(r"(?:REJECT|DISCARD|HOLD|WARN|INFO|OK|DUNNO|IGNORE|PASS|STRIP)(?:\s.*)?", re.IGNORECASE | re.DOTALL)
_PLAIN_CLIENT = re.compile(r"(?:WARN|INFO|OK|DUNNO|IGNORE|STRIP)(?:\s.*)?", re.IGNORECASE | re.DOTALL)


class Action(NamedTuple):
    """``name`` in upper case; ``argument`` as written, a text, an address, a header or transport:destination."""

    name: str
    argument: str = ""


def read_action(start: str, allowed: frozenset[str] | None, text: str) -> Side:
    """The result of a rule: an `Action`. ``start`` is header or body, ``allowed`` the possible actions, None: all."""
    tree = parse_side("checks", start, text)
    if isinstance(tree, SideFault):
        return Side(None, (tree,))
    word = text.split(None, 1)
    action = Action(word[0].upper(), word[1] if len(word) > 1 else "")
    if allowed is not None and action.name not in allowed:
        hint = "it is logged and has no effect; write it into header_checks or body_checks"
        return Side(action, (SideFault(TB102, f"these checks know no {action.name}", hint, 0, len(word[0])),))
    return Side(action)


HEADER = Sides(value=partial(read_action, "header", None), plain_value=_PLAIN)
BODY = Sides(value=partial(read_action, "body", None), plain_value=_PLAIN)
CLIENT_HEADER = Sides(value=partial(read_action, "header", CLIENT), plain_value=_PLAIN_CLIENT)
CLIENT_BODY = Sides(value=partial(read_action, "body", CLIENT), plain_value=_PLAIN_CLIENT)
MILTER_HEADER = Sides(value=partial(read_action, "header", MILTER), plain_value=_PLAIN)
