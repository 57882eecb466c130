"""Rules and mailers as ``=S`` and ``=M`` list them."""

from __future__ import annotations

from collections.abc import Iterator

from mailconf.sendmail.rules.book import DefinedMailer, Rulebook
from mailconf.sendmail.rules.symbols import shown


def rule_lines(book: Rulebook, number: int) -> Iterator[str]:
    """The rules of a ruleset, as they are after the file has been read."""
    for rule in book.rulesets[number]:
        left = "".join(f"{shown(token, book.names)} " for token in rule.left)
        right = "".join(f"{shown(token, book.names)} " for token in rule.right)
        yield f"R{left}\t\t{right}\n"


def mailer_lines(book: Rulebook) -> Iterator[str]:
    """The mailers in the order of their numbers."""
    for mailer in sorted(book.mailers.values(), key=lambda mailer: mailer.number):
        yield mailer_line(book, mailer)


def mailer_line(book: Rulebook, mailer: DefinedMailer) -> str:
    senders = "/".join(map(book.shown_name, mailer.sender))
    recipients = "/".join(map(book.shown_name, mailer.recipient))
    flags = "".join(sorted(flag for flag in mailer.flags if flag < "\x80"))
    types = "/".join("<undefined>" if kind is None else kind for kind in mailer.types)
    charset = f" C={mailer.charset}" if mailer.charset else ""
    arguments = " ".join(shown(word, book.names) for word in mailer.arguments)
    return (
        f"mailer {mailer.number} ({mailer.name}): P={mailer.path} S={senders} R={recipients} M={mailer.largest} "
        f"U={mailer.user}:{mailer.group} F={flags} L={mailer.line} E={shown(mailer.end_of_line, book.names)}{charset} "
        f"T={types} r={mailer.recipients} A={arguments}\n"
    )
