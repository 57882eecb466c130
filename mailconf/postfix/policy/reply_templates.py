"""Texts of replies that main.cf words: smtpd_reject_footer, default_rbl_reply, rbl_reply_maps (postconf(5)).

What the client, the DNS or a message puts into them is text: it is not expanded again, and characters that
smtpd_expansion_filter does not name become ``_``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from mailconf.model.address import Address
from mailconf.postfix.policy.evaluation import Evaluation, split_status
from mailconf.postfix.text.expand import MacroError, expand, scan
from mailconf.smtp.reply import Reply
from mailconf.source import encode

_ESCAPE = re.compile(r"\\([0-7]{1,3}|.)", re.DOTALL)
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_REFUSAL = re.compile(r"([45][0-9][0-9]) (.*)\Z", re.DOTALL | re.ASCII)


def softened(reply: Reply) -> Reply:
    """What soft_bounce makes of a refusal for good: one for the time being."""
    if reply.code < 500:
        return reply
    return Reply.of(reply.code - 100, *(f"4{line[1:]}" if line[:1] == "5" else line for line in reply.lines))


def with_footer(line: str, footer: str) -> tuple[str, ...]:
    """The lines of a refusal with a footer, which is filled in: lines of its own, or with ``\\c`` the line's end."""
    joined = footer.startswith("\\c")
    parts = (footer[2:] if joined else footer).split("\\n")
    status, remaining = split_status(line, "")
    mark = f"{status} " if remaining != line else ""
    return line + parts[0] if joined else line, *(f"{mark}{part}" for part in (parts[1:] if joined else parts))


# The names that default_rbl_reply and rbl_reply_maps may use.
RBL_NAMES = frozenset(
    {
        *("client", "client_address", "client_name", "reverse_client_name", "helo_name", "sender", "sender_name"),
        *("sender_domain", "recipient", "recipient_name", "recipient_domain", "rbl_code", "rbl_domain", "rbl_reason"),
        *("rbl_txt", "rbl_what", "rbl_class"),
    }
)


def allowed_characters(value: str) -> frozenset[str]:
    """The characters that smtpd_expansion_filter names; ``\\t``, ``\\40`` and the like are escapes as in C."""

    def plain(found: re.Match[str]) -> str:
        text = found[1]
        return chr(int(text, 8) & 0xFF) if text.isdigit() else _LETTERS.get(text, text)

    return frozenset(_ESCAPE.sub(plain, value))


def filled(template: str, values: Mapping[str, str], allowed: frozenset[str]) -> str:
    """``template`` with ``values``. Raises MacroError; a name without a value is empty."""

    def lookup(name: str) -> str | None:
        value = values.get(name)
        if value is None:
            return None
        text = encode(value).decode("latin-1")  # byte by byte, as the original
        return "".join(c if c in allowed else "_" for c in text).replace("$", "$$")

    return expand(template, lookup)


def problem(template: str) -> str:
    """Why a template of default_rbl_reply's kind cannot be expanded, or ""."""
    unknown: list[str] = []
    told: list[str] = []
    scan(template, lambda name: None if name in RBL_NAMES else unknown.append(name), told.append)
    return told[0] if told else f'there is no name "{unknown[0]}"' if unknown else ""


def refusal_of(text: str) -> tuple[int, str] | None:
    """The code and the rest of a reply that refuses; None for anything else."""
    found = _REFUSAL.match(text)
    return (int(found[1]), found[2]) if found else None


def rbl_values(ev: Evaluation, *, domain: str, reason: str, what: str, about: str) -> dict[str, str]:
    """What the names stand for. ``what`` is listed in ``domain`` as ``about`` ("Client host", ...)."""
    session = ev.session
    sender, recipient = Address.split(session.sender or ""), Address.split(ev.recipient or "")
    return {
        "client": ev.client,
        "client_address": session.client_address,
        "client_name": session.client_name.text,
        "reverse_client_name": session.reverse_name.text,
        "helo_name": session.helo or "",
        "sender": session.sender or "<>",
        "sender_name": sender.local,
        "sender_domain": sender.domain or "",
        "recipient": ev.recipient or "",
        "recipient_name": recipient.local,
        "recipient_domain": recipient.domain or "",
        "rbl_code": str(ev.settings.codes["maps_rbl_reject_code"]),
        "rbl_domain": domain,
        "rbl_reason": reason,
        "rbl_txt": reason,
        "rbl_what": what,
        "rbl_class": about,
    }


def rbl_reply(ev: Evaluation, template: str, values: Mapping[str, str], domain: str) -> str | None:
    """The reply by ``template``, or by default_rbl_reply if that cannot be expanded; None if neither can."""
    for text in (template, ev.settings.default_rbl_reply):
        wrong = problem(text)
        if not wrong:
            try:
                return filled(text, values, ev.settings.expansion_filter)
            except MacroError as failure:
                wrong = failure.messages[0]
        ev.notes.append(f"warning: bad rbl reply template for domain {domain}: {text}: {wrong}")
    return None
