"""What a session is offered: the greeting, the keywords of EHLO, HELP, and the answers about AUTH and STARTTLS.

Which of them a client may use is the configuration's: PrivacyOptions for all, the ruleset srv_features for each.

Source: Sendmail Installation and Operation Guide 5.1.4.16 (srv_features), 5.6 (PrivacyOptions); sendmail 8.17.1.9 -bD.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from mailconf.sendmail.policy.session_check import Check, check
from mailconf.sendmail.policy.session_parameters import Offered
from mailconf.sendmail.rules.kinds_stored import trusting
from mailconf.sendmail.rules.problems import number
from mailconf.sendmail.rules.run import Engine
from mailconf.sendmail.rules.symbols import MAILER, META, without_comment
from mailconf.sendmail.rules.tokens import Reading
from mailconf.sendmail.rules.world import Unable
from mailconf.smtp.reply import Reply

if TYPE_CHECKING:
    from mailconf.sendmail.policy.session_state import SessionState
    from mailconf.sendmail.policy.settings import Compiled

# The mechanisms of this build without a library's further ones, where the configuration names none.
_MECHANISMS = "DIGEST-MD5 CRAM-MD5"
# Those that SASL's usual modules have; EXTERNAL, which is named too, needs a certificate of the client's.
_HASHES = ("1", "224", "256", "384", "512")
_KNOWN = frozenset(
    ("DIGEST-MD5", "CRAM-MD5", "PLAIN", "LOGIN", "ANONYMOUS", "NTLM", *(f"SCRAM-SHA-{h}" for h in _HASHES))
)
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


def greeting(policy: Compiled, engine: Engine, now: float) -> Reply:
    """SmtpGreetingMessage with ESMTP behind its first word."""
    text = policy.book.options.get("SmtpGreetingMessage")
    engine.macros.define("b", dated(now))
    if text is None:
        text = f"{policy.hostname} Sendmail"
    expanded = engine.macros.expand(text, engine.problems.system, _LINE)
    lines = expanded.split("\n")
    first, blank, rest = lines[0].partition(" ")
    lines[0] = f"{first} ESMTP{blank}{rest}"
    return Reply.of(220, *lines)


def dated(now: float) -> str:
    """The time as sendmail writes it: GMT, or the offset with the zone's name."""
    t = time.localtime(now)
    zone = "GMT" if not t.tm_gmtoff else time.strftime("%z (%Z)", t)
    return f"{time.strftime('%a', t)}, {t.tm_mday} {time.strftime('%b %Y %H:%M:%S', t)} {zone}"


def offered(policy: Compiled, session: SessionState) -> Offered:
    least = number(policy.book.options.get("DeliverByMin", "0") or "0")
    return Offered(
        dsn=not policy.settings.private("noreceipts") and "D" not in session.features,
        deliver_by=None if least < 0 else least,
    )


def mechanisms(policy: Compiled) -> str:
    """The mechanisms of AUTH that EHLO names."""
    wanted = policy.book.options.get("AuthMechanisms", _MECHANISMS).split()
    return " ".join(name for name in wanted if name.upper() in _KNOWN)


def keywords(policy: Compiled, session: SessionState) -> list[str]:
    """The keywords of EHLO, in the original's order."""
    private, letters = policy.settings.private, session.features
    if session.denied is not None:
        return ["ENHANCEDSTATUSCODES"]
    given = offered(policy, session)
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
        (f"AUTH {mechanisms(policy)}", mechanisms(policy) and "A" not in letters),
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
        return Reply.of(504, f'5.3.0 HELP topic "{topic}" unknown')
    return Reply.of(214, *(f"2.0.0 {line}" for line in lines), "2.0.0 End of HELP info")


def security(session: SessionState, verb: str, argument: str) -> Reply:
    """AUTH and STARTTLS, of which no exchange is served yet."""
    if verb == "STARTTLS":
        if argument:
            return Reply.of(501, "5.5.2 Syntax error (no parameters allowed)")
        if "S" in session.features:
            return Reply.of(503, "5.5.0 TLS not available")
        return Reply.of(454, "4.3.3 TLS not available after start")
    if "A" in session.features:
        return Reply.of(503, "5.3.3 AUTH not available")
    mechanism = argument.split()[0] if argument else ""
    if session.session.sender is not None:
        return Reply.of(503, "5.5.0 AUTH not permitted during a mail transaction")
    if not mechanism:
        return Reply.of(501, "5.5.2 AUTH mechanism must be specified")
    return Reply.of(504, f"5.3.3 AUTH mechanism {mechanism} not available")
