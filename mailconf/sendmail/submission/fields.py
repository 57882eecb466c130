"""The fields that a message gets from the lines H of a configuration, in front of its own.

A line's field is added unless the message has one of that name that is not empty; Received always is. Lines of
``Resent-`` fields count where the message has such a field. A line with flags of mailers (``H?D?``) is for those
mailers; in a queue it is not known who delivers, so that here a line counts whose flags almost all mailers have: D, F,
M. What only mailers with P or x want (Return-Path, Full-Name) is theirs to add.

Source: sendmail 8.17.1.9, what it puts into its queue; Sendmail Installation and Operation Guide 5.1.4 H lines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mailconf.sendmail.rules.book import AddedHeader, Rulebook
from mailconf.sendmail.rules.macros import Macros
from mailconf.sendmail.rules.symbols import MACRO, META
from mailconf.sendmail.submission.reading import Field

_USUAL = frozenset("DFM")
_FORCED = frozenset(("received",))
_RESENT = "resent-"
_RECIPIENTS = frozenset(("to", "cc", "bcc", "apparently-to"))
_RESENT_RECIPIENTS = frozenset(("resent-to", "resent-cc", "resent-bcc"))
_BLIND = frozenset(("bcc", "resent-bcc"))
_QUOTED = re.compile(r"[\\\"]")
_SPECIALS = set('()<>@,;:\\".[]')
_MOST = 8192  # characters of a field that is added


def is_resent(fields: Sequence[Field]) -> bool:
    """Whether somebody has sent the message again, so that its ``Resent-`` fields say to whom."""
    return any(field.key.startswith(_RESENT) for field in fields)


def recipient_fields(fields: Sequence[Field]) -> list[Field]:
    """The fields that name the recipients (-t)."""
    wanted = _RESENT_RECIPIENTS if is_resent(fields) else _RECIPIENTS
    return [field for field in fields if field.key in wanted]


def without_blind(fields: Sequence[Field]) -> list[Field]:
    """The fields that others may see."""
    return [field for field in fields if field.key not in _BLIND]


def quoted_name(name: str) -> str:
    """A full name as a phrase: in quotes where it has characters that mean something else in an address."""
    if not any(character in _SPECIALS - {"."} for character in name):
        return name
    return '"' + _QUOTED.sub(lambda found: "\\" + found[0], name) + '"'


def added_fields(book: Rulebook, macros: Macros, own: Sequence[Field], *, also: str = "") -> list[Field]:
    """The fields that the configuration adds to a message that has the fields ``own``.

    also   flags whose lines count besides those of the usual ones
    """
    present = {field.key for field in own if field.value.strip()}
    resent = is_resent(own)
    found = []
    for line in book.added_headers:
        key = line.name.lower()
        if key.startswith(_RESENT) and not resent:
            continue
        if key in present and key not in _FORCED:
            continue
        if not wanted(line, macros, _USUAL | set(also)):
            continue
        value = macros.expand(line.value, lambda message: None)[:_MOST]
        if value:
            found.append(Field(line.name, f" {value}"))
    return found


def kept_fields(book: Rulebook, own: Sequence[Field]) -> list[Field]:
    """The message's own fields, without empty ones that the configuration would give a value."""
    filled = {line.name.lower() for line in book.added_headers}
    return [field for field in own if field.value.strip() or field.key not in filled]


def wanted(line: AddedHeader, macros: Macros, flags: frozenset[str] | set[str]) -> bool:
    """Whether the condition of a line H holds: one of ``flags`` is in it, or its macro has a value."""
    if not line.condition:
        return True
    if META.match(line.condition):
        return line.condition[:1] == MACRO and bool(macros.get(line.condition[1:2]))
    return bool(set(line.condition) & flags)


def without_recipients(fields: Sequence[Field], action: str, named: Sequence[str]) -> Field | None:
    """What NoRecipientAction adds to a message without any field of recipients; None for nothing."""
    if any(field.key in _RECIPIENTS | _RESENT_RECIPIENTS for field in fields):
        return None
    action = action.lower()
    if action == "add-to":
        return Field("To", " " + ", ".join(named))
    if action == "add-apparently-to":
        return Field("Apparently-To", " " + ", ".join(named))
    if action == "add-bcc":
        return Field("Bcc", "  ")
    if action == "add-to-undisclosed":
        return Field("To", " undisclosed-recipients:;")
    return None


def text_of(fields: Sequence[Field]) -> bytes:
    """The fields as a message has them, each line ended by LF."""
    return b"".join(f"{field.name}:{field.value}\n".encode("latin-1", "replace") for field in fields)
