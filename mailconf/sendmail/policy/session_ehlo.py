"""What a session is offered: the greeting, the keywords of EHLO, HELP, and the answers about AUTH and STARTTLS.

Which of them a client may use is the configuration's: PrivacyOptions for all, the ruleset srv_features for each.

Source: Sendmail Installation and Operation Guide 5.1.4.16 (srv_features), 5.6 (PrivacyOptions); sendmail 8.17.1.9 -bD.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mailconf.sendmail.policy.logins import left_to, offered_to
from mailconf.sendmail.policy.session_check import Check, check
from mailconf.sendmail.policy.session_parameters import Offered
from mailconf.sendmail.rules.kinds_stored import trusting
from mailconf.sendmail.rules.problems import number
from mailconf.sendmail.rules.run import Engine
from mailconf.sendmail.rules.symbols import MAILER, META, without_comment
from mailconf.sendmail.rules.tokens import Reading
from mailconf.sendmail.rules.world import Unable
from mailconf.smtp.events import Auth
from mailconf.smtp.reply import Reply

if TYPE_CHECKING:
    from mailconf.sendmail.policy.session_state import SessionState
    from mailconf.sendmail.policy.settings import Compiled

_NAME = 32  # characters of a mechanism's name in a reply
_LINE = 2047
_LONGEST_PAUSE = 300.0  # seconds


def joined(given: Collection[str], letters: Sequence[str]) -> frozenset[str]:
    """The letters that hold: those of a ruleset, of which the last word counts, over those that were given."""
    found = set(given)
    for letter in letters:
        found.discard(letter.swapcase())
        found.add(letter)
    return frozenset(found)


async def features(engine: Engine, peer: str) -> Sequence[str] | None:
    """The letters of ruleset srv_features: a capital one takes something away. None where that cannot be told now.

    Of each word the first letter counts; a small one must stand alone.
    """
    checked = await check(engine, Check("srv_features", (peer, ""), Reading.KEEPING))
    workspace = checked.workspace
    if len(workspace) < 2 or workspace[0][:1] != MAILER:
        return ()
    if workspace[1][:4].upper() == "TEMP":
        return None
    return [word[0] for word in workspace[1:] if word[:1].isupper() or len(word) == 1]


async def greet_pause(engine: Engine, name: str, address: str) -> float:
    """The seconds for which the greeting waits, by ruleset greet_pause, which has them in milliseconds."""
    checked = await check(engine, Check("greet_pause", (name, address)))
    workspace = checked.workspace
    if len(workspace) < 2 or workspace[0][:1] != MAILER:
        return 0.0
    return min(max(number(workspace[1]), 0) / 1000, _LONGEST_PAUSE)


def greeting(policy: Compiled, engine: Engine) -> Reply:
    """SmtpGreetingMessage with ESMTP behind its first word."""
    text = policy.book.options.get("SmtpGreetingMessage")
    if text is None:
        text = f"{policy.hostname} Sendmail"
    expanded = engine.macros.expand(text, engine.problems.system, _LINE)
    lines = expanded.split("\n")
    first, blank, rest = lines[0].partition(" ")
    lines[0] = f"{first} ESMTP{blank}{rest}"
    return Reply.of(220, *lines)


def offered(policy: Compiled, session: SessionState) -> Offered:
    least = number(policy.book.options.get("DeliverByMin", "0") or "0")
    return Offered(
        dsn=not policy.settings.private("noreceipts") and "D" not in session.features,
        deliver_by=None if least < 0 else least,
    )


def keywords(policy: Compiled, session: SessionState) -> list[str]:
    """The keywords of EHLO, in the original's order."""
    private, letters = policy.settings.private, session.features
    if session.denied is not None:
        return ["ENHANCEDSTATUSCODES"]
    given = offered(policy, session)
    mechanisms = " ".join(offered_to(policy, session))
    limit = policy.site.limits.message_size
    lines = [
        ("ENHANCEDSTATUSCODES", True),
        ("PIPELINING", "P" not in letters),
        ("EXPN", not private("noexpn") and "X" not in letters),
        ("VERB", not private("noexpn") and not private("noverb") and not letters & {"B", "X"}),
        ("8BITMIME", True),
        (f"SIZE {limit}" if limit else "SIZE", True),
        ("DSN", given.dsn),
        ("ETRN", not private("noetrn") and "E" not in letters),
        (f"AUTH {mechanisms}", mechanisms and "A" not in letters),
        ("STARTTLS", "S" not in letters and session.can_begin_tls),
        (f"DELIVERBY {given.deliver_by}" if given.deliver_by else "DELIVERBY", given.deliver_by is not None),
        ("HELP", True),
    ]
    return [text for text, shown in lines if shown]


async def help_about(session: SessionState, topic: str) -> Reply:
    """HELP, by the lines of HelpFile that begin with the topic."""
    book, engine = session.policy.book, session.engine
    file = book.options.get("HelpFile")
    data = b""
    if file is not None:
        trust = trusting(engine)._replace(unsafe_folders=book.blames("helpfileinunsafedirpath"), links=True)
        try:
            data, _ = await engine.world.read(file or "helpfile", trust)
        except Unable:
            file = None
    if file is None:
        return Reply.of(502, f"5.3.0 Sendmail {book.version.number} -- HELP not implemented")
    wanted = topic.lower() or "smtp"
    lines = []
    for line in data.decode("latin-1").split("\n"):
        word, text = [*re.split(r"[ \t]", line, maxsplit=1), ""][:2]
        if word.lower() == wanted and not line.startswith("#"):
            marked = book.names.marked(without_comment(text))
            lines.append(engine.macros.expand(marked, engine.problems.system, _LINE) if META.search(marked) else marked)
    if not lines:
        return Reply.of(504, f'5.3.0 HELP topic "{topic.lower()}" unknown')
    return Reply.of(214, *(f"2.0.0 {line}" for line in lines), "2.0.0 End of HELP info")


class Security(NamedTuple):
    """The reply to AUTH or STARTTLS; ``login`` is what is to be tried in its place."""

    reply: Reply
    login: Auth | None = None


def security(session: SessionState, verb: str, argument: str) -> Security:
    """AUTH and STARTTLS."""
    if verb == "STARTTLS":
        return Security(_starttls(session, argument))
    mechanism, _, initial = argument.partition(" ")
    refusal = _no_login(session, mechanism)
    if refusal is not None:
        return Security(refusal)
    login = Auth(mechanism, initial.strip() or None)
    return Security(Reply.of(504, f"5.3.3 AUTH mechanism {mechanism[:_NAME]} not available"), login)


def _starttls(session: SessionState, argument: str) -> Reply:
    if argument:
        return Reply.of(501, "5.5.2 Syntax error (no parameters allowed)")
    if "S" in session.features:
        return Reply.of(503, "5.5.0 TLS not available")
    if not session.can_begin_tls:
        return Reply.of(454, "4.3.3 TLS not available after start")
    if session.session.sender is not None:
        return Reply.of(503, "5.5.0 TLS not permitted during a mail transaction")
    return Reply.of(220, "2.0.0 Ready to start TLS")


def _no_login(session: SessionState, mechanism: str) -> Reply | None:
    """Why a client cannot log in; None where it can try."""
    if "A" in session.features or not left_to(session.policy, session):
        return Reply.of(503, "5.3.3 AUTH not available")
    if session.session.sasl_username:
        return Reply.of(503, "5.5.0 Already Authenticated")
    if session.session.sender is not None:
        return Reply.of(503, "5.5.0 AUTH not permitted during a mail transaction")
    if not mechanism:
        return Reply.of(501, "5.5.2 AUTH mechanism must be specified")
    known = {name.upper() for name in offered_to(session.policy, session)}
    if mechanism.upper() not in known or not session.session.logins_ready:
        return Reply.of(504, f"5.3.3 AUTH mechanism {mechanism[:_NAME]} not available")
    return None
