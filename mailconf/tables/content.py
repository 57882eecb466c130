"""header_checks(5) and body_checks(5): what a rule's result does to a header, a line, or the message.

What cleanup 3.7 does not understand it logs, and the line passes as if no rule had matched. The checks of the SMTP
client (smtp_header_checks, ...) and of what milters add (milter_header_checks) know a part of the actions.
"""

from __future__ import annotations

import re
from functools import partial
from typing import NamedTuple

from mailconf.diagnostics import error
from mailconf.tables.sides import Fault, Side, Sides, parse_side

TB100 = error("TB100", "an action of header or body checks that does not exist")
TB101 = error("TB101", "PREPEND or REPLACE without a text, in body checks")
TB102 = error("TB102", "an action that these header or body checks do not have")

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
    """The result of a rule: an `Action`. ``start`` is header or body, ``allowed`` the actions there are, None: all."""
    tree = parse_side("checks", start, text)
    if isinstance(tree, Fault):
        return Side(None, (tree,))
    word = text.split(None, 1)
    action = Action(word[0].upper(), word[1] if len(word) > 1 else "")
    if allowed is not None and action.name not in allowed:
        hint = "it is logged and has no effect; write it into header_checks or body_checks"
        return Side(action, (Fault(TB102, f"these checks know no {action.name}", hint, 0, len(word[0])),))
    return Side(action)


HEADER = Sides(value=partial(read_action, "header", None), plain_value=_PLAIN)
BODY = Sides(value=partial(read_action, "body", None), plain_value=_PLAIN)
CLIENT_HEADER = Sides(value=partial(read_action, "header", CLIENT), plain_value=_PLAIN_CLIENT)
CLIENT_BODY = Sides(value=partial(read_action, "body", CLIENT), plain_value=_PLAIN_CLIENT)
MILTER_HEADER = Sides(value=partial(read_action, "header", MILTER), plain_value=_PLAIN)
