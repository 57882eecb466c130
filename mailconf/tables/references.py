"""Values in which a rule puts parts of what it matched: ``$1``, ``${1}``, ``$(1)`` (regexp_table(5), pcre_table(5)).

What such a value will be, only the lookup shows; what is certain without it is judged with something right in the
place of the references. cidr tables have no references: there ``$1`` is text.
"""

from __future__ import annotations

import re

_REFERENCE = re.compile(r"\$(?:\$|\w+|\{[^{}]*\}|\([^()]*\))")
_LITERAL = "$$"  # which is a dollar sign
# Arguments of the actions of access(5) and header_checks(5) that must have a form.
_ARGUMENTS = {
    "BCC": "user@example.com",
    "FILTER": "smtp:example.com",
    "PREPEND": "X-Name: text",
    "REDIRECT": "user@example.com",
    "REPLACE": "X-Name: text",
}
_ANY_ACTION = "DUNNO"
_ACTION = re.compile(r"\s*(\S+)(\s+)?(.*)", re.DOTALL)


def has_reference(value: str) -> bool:
    """Whether a match changes ``value``."""
    return "$" in value and any(found[0] != _LITERAL for found in _REFERENCE.finditer(value))


def settled(value: str) -> str:
    """A list of addresses, or transport:nexthop: ``$(1)`` as ``${1}``, which is read as a word and not as a comment."""
    return _REFERENCE.sub(_word, value) if "$(" in value else value


def settled_action(value: str) -> str:
    """An action with an argument that is right, where a reference is in it; any action for one that is unknown."""
    if not has_reference(value):
        return value
    action = _ACTION.fullmatch(value)
    if action is None or has_reference(action[1]):
        return _ANY_ACTION
    argument = _ARGUMENTS.get(action[1].upper())
    if argument is None or not has_reference(action[3]):
        return value
    return f"{action[1]}{action[2]}{argument}"


def _word(found: re.Match[str]) -> str:
    return f"${{{found[0][2:-1]}}}" if found[0].startswith("$(") else found[0]
