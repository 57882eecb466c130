"""In which form addresses leave by a mailer: the rulesets of its S= and R=, for the envelope and for headers.

An address goes through ruleset 3, through 1 for senders or 2 for recipients, the mailer's own, and 4. ``S=a/b`` names
the one for the envelope and the one for headers. Of the mailer's flags these concern addresses in headers: ``c``, no
comments and names stay; ``C`` of the mailer that the sender's address comes to, which completes addresses without a
domain by the sender's.

A recipient of the envelope has gone through R= already when it was resolved (`mailconf.sendmail.policy.deliveries`),
and what that has given is what the next server reads.

Source: Sendmail Installation and Operation Guide 5.1.3, 5.4; sendmail 8.17.1.9 -bt ``/try``, and what it sends.
"""

from __future__ import annotations

from mailconf.model.policy import AddressPlace, Role, Side
from mailconf.sendmail.rules.addresses import Parser
from mailconf.sendmail.rules.book import DefinedMailer
from mailconf.sendmail.rules.classes import folded
from mailconf.sendmail.rules.problems import EX_TEMPFAIL
from mailconf.sendmail.rules.run import Engine
from mailconf.sendmail.rules.tokens import Reading


class Waits(Exception):
    """A map could not answer, so that the address cannot be rewritten now."""


def role_of(role: Role) -> tuple[bool, bool]:
    """Whether a role is that of a sender, and of a header."""
    return role.side is Side.SENDER, role.place is AddressPlace.HEADER


async def rewritten(
    engine: Engine, text: str, mailer: DefinedMailer, *, sender: bool, header: bool, domain: tuple[str, ...] = ()
) -> str:
    """An address, in a header with what is around it, as it leaves by a mailer. Raises Waits.

    domain  the tokens that complete an address without a domain (`sender_domain`)
    """
    parser = Parser(engine, sender=sender, header=header)
    result, status = await parser.rewrite_for(text, mailer, domain if header else ())
    if status == EX_TEMPFAIL:
        raise Waits
    return result


async def sender_domain(engine: Engine, sender: str) -> tuple[str, ...]:
    """The tokens, from the ``@`` on, by which addresses in the headers of a sender's message are completed.

    None where the mailer of the sender's address has no flag C, or the address has no domain.
    """
    parser = Parser(engine, sender=True)
    quiet, engine.problems.quiet = engine.problems.quiet, True
    try:
        found, _ = await parser.parse(sender)
        tokens = engine.scan(sender, Reading.EXTERNAL)
        if found is None or found.mailer is None or not found.mailer.has("C") or tokens is None:
            return ()
        for ruleset in (3, 1, 4):
            if await engine.rewrite(tokens, ruleset) == EX_TEMPFAIL:
                raise Waits
    finally:
        engine.problems.quiet = quiet
    at = next((at for at, token in enumerate(tokens) if token == "@"), None)
    return () if at is None else tuple(tokens[at:])


def mailer_called(engine: Engine, name: str) -> DefinedMailer | None:
    """The mailer of a name, in any letters."""
    return engine.book.mailers.get(folded(name))
