"""Addresses through the rulesets that sendmail itself calls: parsed (3, 0, and the mailer's own), and rewritten for a
mailer (3, 1 or 2, the mailer's own, 4).

Source: Sendmail Installation and Operation Guide 5.1.3, 5.1.5; sendmail 8.17.1.9, ``/parse`` and ``/try``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mailconf.sendmail.rules.book import DefinedMailer
from mailconf.sendmail.rules.classes import folded
from mailconf.sendmail.rules.crack import ADDRESS, MUST_QUOTE, cracked
from mailconf.sendmail.rules.macros import Macros
from mailconf.sendmail.rules.maps import unquoted_key
from mailconf.sendmail.rules.problems import (
    EX_CONFIG,
    EX_NOHOST,
    EX_NOUSER,
    EX_OK,
    EX_PROTOCOL,
    EX_SOFTWARE,
    EX_TEMPFAIL,
    EX_UNAVAILABLE,
    EX_USAGE,
    coded,
)
from mailconf.sendmail.rules.run import Engine
from mailconf.sendmail.rules.symbols import HOST, MAILER, META, USER
from mailconf.sendmail.rules.tokens import LONGEST_TOKEN, Reading

NAME = 256
QUEUE_GROUP = "queuegroup"
_TEXT = 258
ERROR = DefinedMailer("*error*")
_WORDS = {
    "usage": EX_USAGE,
    "nouser": EX_NOUSER,
    "nohost": EX_NOHOST,
    "unavailable": EX_UNAVAILABLE,
    "software": EX_SOFTWARE,
    "tempfail": EX_TEMPFAIL,
    "protocol": EX_PROTOCOL,
    "config": EX_CONFIG,
}
# The exit status that an enhanced status code 5.x.y stands for, by x and y, or by x alone.
_ENHANCED = {
    "1.0": 65, "1.1": 67, "1.2": 68, "1.3": 64, "1.5": 78, "1.6": 67, "1.7": 64, "1.8": 68,
    "2.3": 65, "3": 71,
    "4.0": 74, "4.1": 75, "4.2": 74, "4.3": 75, "4.4": 76, "4.5": 75, "4.6": 78,
    "5": 76, "7": 65,
}  # fmt: skip


class Resolved(NamedTuple):
    """An address as ruleset 0 has resolved it.

    mailer   None where the address is bad for other reasons than ``$#error``
    host     "" where there is none
    user     the address for the mailer
    status   an enhanced status code that ``$#error`` gave; "" without one
    bad      whether it cannot be used
    waits    whether it has to be tried again
    settled  whether it stays local: F=@ has taken off an ``@``, and ruleset 5 is not asked
    """

    mailer: DefinedMailer | None
    host: str = ""
    user: str = ""
    status: str = ""
    bad: bool = False
    waits: bool = False
    settled: bool = False


class Parser:
    """What sendmail does with an address, on an engine.

    sender, header   whether addresses are senders', and of headers: else they are recipients', of the envelope
    """

    def __init__(self, engine: Engine, *, sender: bool = False, header: bool = False) -> None:
        self.engine = engine
        self.sender = sender
        self.header = header

    def crack(self, text: str) -> str:
        """The text with ``$g`` in the place of its address."""
        options = self.engine.book.options
        given = options.get("MustQuoteChars")
        must = MUST_QUOTE if given is None else "@,;:\\()[]" + given
        colons = "ColonOkInAddr" in options and self.engine.book.flag("ColonOkInAddr")
        if "ColonOkInAddr" not in options:
            colons = self.engine.book.level < 6
        return cracked(text, must_quote=must, colons=colons)

    async def parse(self, text: str, delimiter: str = "", *, cut: bool = True) -> tuple[Resolved | None, int]:
        """Resolve an address up to ``delimiter``, and where that is; None after a message where it is invalid.

        cut  once it is known where the address ends, messages show it without what follows
        """
        engine, problems = self.engine, self.engine.problems
        problems.subject = text
        tokens, end = engine.book.tokeniser.scan(text, problems.about, Reading.EXTERNAL, delimiter=delimiter)
        if tokens is None or not acceptable(engine, text[:end] if delimiter else text, sender=self.sender):
            return None, end
        if cut and delimiter:
            problems.subject = text[:end]
        waits = await engine.rewrite(tokens, 3) == EX_TEMPFAIL
        waits = await engine.rewrite(tokens, 0) == EX_TEMPFAIL or waits
        found = await self.build(tokens)
        complaint = _control_characters(engine, found.user, sender=self.sender)
        if complaint is not None:
            found = found._replace(user=complaint, bad=True)
        if found.bad:
            return found, end
        await self._queue_group(found.user)
        if waits:
            problems.remark("Transient parse error -- message queued for future delivery")
            found = found._replace(waits=True, status="4.4.3")
        return found, end

    async def _queue_group(self, user: str) -> None:
        """Ask the ruleset that chooses a queue group, for a recipient of the envelope."""
        engine, problems = self.engine, self.engine.problems
        number = None if self.sender or self.header else engine.book.number(QUEUE_GROUP, problems)
        if number is None:
            return
        before, problems.quiet = problems.quiet, True
        tokens = engine.scan(user)
        if tokens is not None:
            await engine.rewrite(tokens, number)
        problems.quiet = before

    async def build(self, tokens: Sequence[str]) -> Resolved:
        """What ``$#mailer $@host $:user`` comes to, with the mailer's ruleset for recipients."""
        engine, problems = self.engine, self.engine.problems
        if not tokens or tokens[0][:1] != MAILER:
            problems.system("buildaddr: no mailer in parsed address")
            return self._bad()
        name = tokens[1] if len(tokens) > 1 else ""
        at = 2
        host: list[str] | None = None
        if at < len(tokens) and tokens[at][:1] == HOST:
            host = []
            at += 1
        while at < len(tokens) and tokens[at][:1] != USER:
            if host is not None:
                host.append(tokens[at])
            at += 1
        if at >= len(tokens):
            problems.system("buildaddr: no user")
            return self._bad()
        host_text = engine.joined(host, NAME + 1) if host else ""
        rest = list(tokens[at + 1 :])
        user = engine.joined(rest, _TEXT, " ")
        if folded(name) == "error":
            return self._error(host_text if host else None, user)
        mailer = engine.book.mailers.get(folded(name))
        if mailer is None:
            problems.system(f"buildaddr: unknown mailer {name}")
            return self._bad()
        if not host and not mailer.has("l"):
            problems.system("buildaddr: no host")
            return self._bad()
        return await self._for_mailer(mailer, host_text, user, rest)

    def _bad(self, waits: bool = False) -> Resolved:
        if waits or self.engine.problems.status == EX_TEMPFAIL:
            return Resolved(None, waits=True)
        return Resolved(ERROR, bad=True)

    def _error(self, host: str | None, user: str) -> Resolved:
        """``$#error``: a message, and an exit status."""
        problems = self.engine.problems
        status = ""
        if host is None:
            problems.settle(EX_UNAVAILABLE)
        elif "." in host:
            status = host
            problems.settle(exit_status(host))
        elif host[:1].isdigit():
            problems.settle(int("".join(c for c in host if c.isdigit())[:6]))
        else:
            problems.settle(_WORDS.get(folded(host), EX_UNAVAILABLE))
        found = coded(unquoted_key(user))
        waits = False
        if found is None:
            problems.user(unquoted_key(user), "553", "5.3.0")
        else:
            code, enhanced, text = found
            problems.user(text, code, enhanced or (host if host and _is_enhanced(host) else ""))
            waits = code.startswith("4")
        if waits or problems.status == EX_TEMPFAIL:
            return Resolved(ERROR, host or "", user, status, waits=True)
        return Resolved(ERROR, host or "", user, status, bad=True)

    async def _for_mailer(self, mailer: DefinedMailer, host: str, user: str, rest: list[str]) -> Resolved:
        engine = self.engine
        text = user
        settled = mailer.has("@") and text.startswith("@")
        if settled:
            text, rest = text[1:], rest[1:]
        first = text.removeprefix('"')[:1]
        if first == "|" and mailer.has("|"):
            mailer = engine.book.mailers["prog"]
        elif first == "/" and mailer.has("/"):
            mailer = engine.book.mailers["*file*"]
        elif first == ":" and mailer.has(":"):
            plain = unquoted_key(user)
            if plain[:9].lower() == ":include:":
                return Resolved(engine.book.mailers["*include*"], host, plain[9:])
        engine.macros.set("h", host or None)
        if engine.book.level >= 10 or not (self.sender or self.header):
            await engine.rewrite(rest, 2)
            if mailer.recipient[0] > 0:
                await engine.rewrite(rest, mailer.recipient[0])
        await engine.rewrite(rest, 4)
        user = engine.joined(rest, _TEXT)
        if not mailer.has("h"):
            host = folded(host)
            engine.macros.set("h", host or None)
        if not mailer.has("u"):
            user = folded(user)
        return Resolved(mailer, host, user, settled=settled)

    async def rewrite_for(self, text: str, mailer: DefinedMailer, domain: Sequence[str] = ()) -> tuple[str, int]:
        """An address, with what is around it, rewritten for a mailer; and 75 where that has to wait.

        domain  the tokens, from the ``@`` on, that complete an address without a domain
        """
        engine = self.engine
        number = (mailer.sender if self.sender else mailer.recipient)[1 if self.header else 0]
        engine.macros.define("addr_type", f"{'h' if self.header else 'e'} {'s' if self.sender else 'r'}")
        around = ADDRESS if mailer.has("c") else self.crack(text)
        tokens = engine.scan(text, Reading.EXTERNAL)
        if tokens is None:
            return text, 0
        status = EX_OK
        if await engine.rewrite(tokens, 3) == EX_TEMPFAIL:
            status = EX_TEMPFAIL
        own = [1 if self.sender else 2, *((number,) if number > 0 else ()), 4]
        if domain and "@" not in tokens:
            tokens += domain
            own.insert(0, 3)
        for ruleset in own:
            if await engine.rewrite(tokens, ruleset) == EX_TEMPFAIL:
                status = EX_TEMPFAIL
        return self._put_around(engine.joined(tokens, NAME + 1), around), status

    def _put_around(self, address: str, around: str) -> str:
        macros: Macros = self.engine.macros.above()
        macros.set("g", address)
        return macros.expand(around, self.engine.problems.system, NAME)


def acceptable(engine: Engine, text: str, *, sender: bool = False) -> bool:
    """Whether a text may be an address: it is short, and has no bytes that are metasymbols to sendmail."""
    short = text[: LONGEST_TOKEN - 1]
    replaced = short if short.isascii() else "".join("?" if "\x80" <= c <= "\x9f" else c for c in short)
    problems = engine.problems
    if len(text) >= LONGEST_TOKEN:
        subject = problems.subject
        if subject.startswith(text):  # the message is about the same bytes, of which it sees no more
            problems.subject = short
        problems.user(f'Address "{replaced}" too long ({LONGEST_TOKEN - 1} bytes max)', "553", "5.1.0")
        problems.subject = subject
        return False
    if replaced != text:
        problems.settle(EX_USAGE)
        problems.user(f'8-bit character in mailbox address "{replaced}"', "501", "5.1.7" if sender else "5.1.3")
        return False
    return True


def _control_characters(engine: Engine, user: str, *, sender: bool = False) -> str | None:
    """The user with ``?`` in the place of what is unprintable, after a message; None where nothing is."""
    out: list[str] = []
    problem = ""
    quoted = False
    at = 0
    if len(user) > LONGEST_TOKEN - 1:
        user = user[: LONGEST_TOKEN - 1]
        engine.problems.user(f'Address "{user}" too long ({LONGEST_TOKEN - 1} bytes max)', "553", "5.1.0")
        return user
    while at < len(user):
        character = user[at]
        at += 1
        if not quoted and (character < " " or character == "\x7f"):
            problem = "non-printable character"
            out.append("?")
            continue
        if character == '"':
            quoted = not quoted
        elif character == "\\":
            if at >= len(user):
                problem = "trailing \\ character"
                out.append("?")
                break
            out.append(character)
            character = user[at]
            at += 1
        if "\x80" <= character <= "\x9f" or META.match(character):
            engine.problems.settle(EX_USAGE)
            problem = "8-bit character"
            character = "?"
        out.append(character)
    if quoted:
        problem = "unbalanced quote"
    if not problem:
        return None
    text = "".join(out)
    engine.problems.user(f'Syntax error in mailbox address "{text}" ({problem})', "501", "5.1.7" if sender else "5.1.3")
    return text


def _is_enhanced(text: str) -> bool:
    found = coded(f"550 {text} ")
    return found is not None and bool(found[1])


def exit_status(enhanced: str) -> int:
    """The exit status that an enhanced status code stands for."""
    if enhanced[:1] in ("2", "4"):
        return 0 if enhanced[0] == "2" else EX_TEMPFAIL
    if enhanced[:1] != "5":
        return EX_CONFIG
    subject, _, detail = enhanced[1:].removeprefix(".").partition(".")
    return _ENHANCED.get(f"{_number(subject)}.{_number(detail)}", _ENHANCED.get(_number(subject), EX_UNAVAILABLE))


def _number(text: str) -> str:
    """What atoi(3) reads, as text."""
    digits = text[: len(text) - len(text.lstrip("0123456789"))]
    return str(int(digits[:9] or "0"))
