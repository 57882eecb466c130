"""What a configuration says of a message's header and content: header checks, check_eoh, check_eom.

Source: Sendmail Installation and Operation Guide 5.1.4.9 to 5.1.4.11, 5.7; sendmail 8.17.1.9 -bD.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailconf.sendmail.policy.session_check import Check, check
from mailconf.sendmail.rules.tokens import Reading

if TYPE_CHECKING:
    from mailconf.sendmail.policy.session_state import SessionState

_FIELD = re.compile(r"([!-9;-~]+)[ \t]*:")
_LONGEST = 1_000_000  # bytes of a header that are looked at


async def check_message(session: SessionState) -> str:
    """Ask every ruleset about the message at hand; the name of the last one that was asked.

    All of them are asked, and of several refusals the last one counts.
    """
    fields, size = header(session.session.content or b"")
    limit = session.policy.site.limits.header_size
    if limit and size > limit:
        session.heard.problems.subject = ""
        session.heard.problems.user(f"Headers too large ({limit} max)", "552", "5.6.0")
        return ""
    rule = ""
    for name, value in fields:
        rule = await _field(session, name, value) or rule
    await _ask(session, "check_eoh", (str(len(fields)), str(size)))
    session.define("msg_size", str(session.session.size))
    session.define("g", session.engine.macros.named("f"))
    await _ask(session, "check_eom", (str(session.session.size),))
    return "check_eom"


async def _ask(session: SessionState, ruleset: str, arguments: tuple[str, ...]) -> None:
    await _noted(session, Check(ruleset, arguments, Reading.INTERNAL), *arguments)


async def _field(session: SessionState, name: str, value: str) -> str:
    """Ask the ruleset that the configuration has for a field."""
    headers = session.policy.book.headers
    found = headers.get(name.lower()) or headers.get("*")
    if found is None:
        return ""
    ruleset, drops_comments = found
    session.define("hdr_name", name)
    session.define("hdrlen", str(len(value)))
    session.define("currHeader", value)
    reading = Reading.INTERNAL if drops_comments else Reading.KEEPING
    await _noted(session, Check(ruleset, (value,), reading), f" {value}")
    return ruleset


async def _noted(session: SessionState, asked: Check, *shown: str) -> None:
    """Ask, and note for the log what is wanted. Here each refusal has its line, whichever counts in the end."""
    before = session.heard.count
    session.asking = session.asked_about(str(asked.ruleset), *shown)
    session.take(await check(session.engine, asked))
    refusal = session.heard.last_refusal()
    if session.heard.count > before and refusal is not None:
        session.noted.append(f"{session.asking}, reject={refusal.code} {refusal.text}")


def header(content: bytes) -> tuple[list[tuple[str, str]], int]:
    """The fields of a message, each with its value in one line, and the size of all.

    The line that ends the header counts, too; a very long header is cut.
    """
    fields: list[tuple[str, str]] = []
    size = 0
    for line in content[:_LONGEST].decode("latin-1").split("\n"):
        if line[:1] in (" ", "\t") and fields:
            name, value = fields[-1]
            fields[-1] = name, f"{value}\n{line}"
        else:
            match = _FIELD.match(line)
            if match is None:
                size += len(line) + 1
                break
            fields.append((match[1], line[match.end() :].lstrip(" \t")))
        size += len(line) + 1
    return fields, size
