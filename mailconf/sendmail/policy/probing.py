"""Sessions that show what a configuration asks: their values are recognised in whatever it makes of them.

Each value is made of words that are nowhere else, or of one such word and a domain of a class. The sessions are led
under several suppositions: tables as they are and empty, a DNS that has each name and one that has none, clients that
are known and unknown. The result depends on the configuration alone; neither network nor machine is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from mailconf.model.distinction import PARTS, Dimension, Form
from mailconf.model.policy import AddressPlace, Role, Side
from mailconf.model.recipient import Identity, Recipient
from mailconf.model.session import NO_NAME, NameOutcome, Session, Verified
from mailconf.model.world import Ask, LookupFailed, Records, User, run
from mailconf.sendmail.policy import deliveries
from mailconf.sendmail.policy.asked_world import AskedWorld
from mailconf.sendmail.policy.recipients_world import CannotRead, FileRules, FreeSpace, UserFile
from mailconf.sendmail.policy.session import SendmailSession
from mailconf.sendmail.policy.settings import Compiled
from mailconf.sendmail.rules.questions import Zone, everywhere, nowhere, ways
from mailconf.sendmail.rules.symbols import IN_CLASS, NOT_IN_CLASS
from mailconf.sendmail.rules.world import Ran, Trusting, Unable

if TYPE_CHECKING:
    from mailconf.sendmail.policy.recipients_world import RecipientsWorld

_MOST_DOMAINS = 24  # of classes that are tried
_MOST_WORDS = 24
_WORD = re.compile(r"[A-Z]{2,}")
_DOMAIN = re.compile(r"(?=.*[A-Za-z])[\w-]+(\.[\w-]+)+")
_DELIMITERS = "+"
_V4, _V6 = "198.51.100.77", "2001:db8:51::77"
_SENDER = "qsend+qsext@qsdom.qssub.qstop"
_RECIPIENT = "qrcpt+qrext@qrdom.qrsub.qrtop"
_HEADER = "qhead+qhext@qhdom.qhsub.qhtop"
_NAME, _REVERSE, _HELO, _LOGIN = "qname.qnsub.qntop", "qback.qbsub.qbtop", "qhelo.qgsub.qgtop", "qlogin"
_FORGED, _FAILED = Verified(_REVERSE, NameOutcome.FORGED), Verified("unknown", NameOutcome.FAILED)
_VALUES = (_SENDER, _RECIPIENT, _HEADER, _NAME, _REVERSE, _HELO, _LOGIN)
# The words of which values are made: what has one of them and is no template has been made of a value.
_PARTS_OF_VALUES = re.compile("|".join(re.findall(r"q[a-z]+", " ".join(_VALUES))))
_OF_CLIENTS = ("network", "reversed", "value")
_OF_ADDRESSES = ("detail", "plain", "domain", "parent", "address", "network")
_OF_WORDS = {"s": Dimension.SENDER, "r": Dimension.RECIPIENT, "h": Dimension.HEADER}


class Seen(NamedTuple):
    """What was asked: the form and text of a Distinction, with one key as a template; "" for one that is no template.

    records  the types that the DNS was asked for
    """

    form: Form
    text: str
    dimension: Dimension
    template: str
    records: tuple[str, ...] = ()


class _Probe(NamedTuple):
    """The values of one session."""

    client: str = _V4
    name: Verified = Verified.found(_NAME)
    reverse: Verified = Verified.found(_NAME)
    sender: str = _SENDER
    recipient: str = _RECIPIENT
    login: str = ""

    @property
    def values(self) -> dict[Dimension, str]:
        return {
            Dimension.CLIENT: self.client,
            Dimension.NAME: self.name.text if self.name.is_found else "",
            Dimension.REVERSE_NAME: self.reverse.text if not self.name.is_found and self.reverse.is_found else "",
            Dimension.HELO: _HELO,
            Dimension.SENDER: self.sender,
            Dimension.RECIPIENT: self.recipient,
            Dimension.HEADER: _HEADER,
            Dimension.LOGIN: self.login,
        }


def observed(compiled: Compiled) -> set[Seen]:
    """What the sessions were seen to ask."""
    found: set[Seen] = set()
    everyday, special = list(_everyday(compiled)), list(_of_domains(compiled))
    for empty in (True, False):
        for zone in (everywhere(), nowhere):
            imagined = _Imagined(compiled.files, zone, empty=empty)
            copy = Compiled(compiled.book, imagined)
            copy.site = compiled.site
            for probe in everyday if empty is (zone is nowhere) else (*everyday, *special):
                imagined.asked.clear()
                _lead(copy, probe, imagined)
                read = _Reader(probe.values)
                found.update(seen for asked in imagined.asked for seen in read.seen(asked, known=empty))
    for word in _words(compiled):
        for told in (Dimension.RECIPIENT, Dimension.SENDER):
            imagined = _Imagined(compiled.files, everywhere(), empty=True)
            copy = Compiled(compiled.book, imagined)
            copy.site = compiled.site
            for probe in _short(compiled):
                imagined.asked.clear()
                imagined.says = word.encode("latin-1"), "qrcpt" if told is Dimension.RECIPIENT else "qsend"
                _converse(copy, probe, imagined)
                read = _Reader(probe.values)
                found.update(seen for asked in imagined.asked for seen in read.seen(asked, known=True))
    return found


def _words(compiled: Compiled) -> list[str]:
    """Words that rules compare with what tables answer, such as RELAY: those in capital letters."""
    found = {
        token for rules in compiled.book.rulesets for rule in rules for token in rule.left if _WORD.fullmatch(token)
    }
    return sorted(found)[:_MOST_WORDS]


def _own(compiled: Compiled) -> str:
    """A recipient of the machine's own."""
    names = sorted(name for name in compiled.book.classes.set_of("w") if _DOMAIN.fullmatch(name))
    return f"qrcpt+qrext@{(names or ['localhost'])[0]}"


def _short(compiled: Compiled) -> Iterator[_Probe]:
    recipient = _own(compiled)
    for client in (_V4, _V6):
        yield _Probe(client, recipient=recipient)
        yield _Probe(client, NO_NAME, NO_NAME, recipient=recipient)
    yield _Probe(name=_FORGED, reverse=Verified.found(_REVERSE), recipient=recipient)
    yield _Probe(login=_LOGIN)


def _everyday(compiled: Compiled) -> Iterator[_Probe]:
    """Clients of each kind, and addresses of each form."""
    for recipient in (_RECIPIENT, _own(compiled)):
        for client in (_V4, _V6):
            yield _Probe(client, recipient=recipient)
            yield _Probe(client, NO_NAME, NO_NAME, recipient=recipient)
        yield _Probe(login=_LOGIN, recipient=recipient)
        yield _Probe(name=_FORGED, reverse=Verified.found(_REVERSE), recipient=recipient)
        yield _Probe(name=_FAILED, reverse=Verified.found(_REVERSE), recipient=recipient)
    yield _Probe(name=_FORGED, reverse=Verified.found(_REVERSE), sender="", login=_LOGIN)
    yield _Probe(_V6, _FORGED, Verified.found(_REVERSE))
    yield _Probe(sender="", recipient="qrcpt")
    yield _Probe(sender="qsend+qsext", recipient="qrcpt+qrext")
    yield _Probe(recipient="qrcpt@qrdom")
    yield _Probe(sender="qsend@[203.0.113.44]", recipient="qrcpt@[203.0.113.55]")
    yield _Probe(sender="qsend@[IPv6:2001:db8:44::4]", recipient="qrcpt@[IPv6:2001:db8:55::5]")
    yield _Probe(sender="qsdom!qsend", recipient="qrdom!qrcpt")


def _of_domains(compiled: Compiled) -> Iterator[_Probe]:
    """Addresses of domains that classes have, and of subdomains of theirs."""
    for domain in _domains(compiled):
        yield _Probe(recipient=f"qrcpt+qrext@{domain}")
        yield _Probe(sender=f"qsend+qsext@{domain}", recipient=f"qrcpt+qrext@qrdom.{domain}")
        yield _Probe(sender=f"qsend@qsdom.{domain}", recipient=f"qrcpt@{domain}")


def _domains(compiled: Compiled) -> list[str]:
    """A domain of each class that a rule looks at."""
    book = compiled.book
    names = {
        token[1]
        for rules in book.rulesets
        for rule in rules
        for token in rule.left
        if token[:1] in (IN_CLASS, NOT_IN_CLASS) and len(token) > 1
    }
    found: dict[str, None] = {}
    for name in sorted(names):
        members = sorted(word for word in book.classes.set_of(name) if _DOMAIN.fullmatch(word))
        found.update(dict.fromkeys(members[:2]))
    return list(found)[:_MOST_DOMAINS]


class _Asked(NamedTuple):
    form: Form
    text: str
    key: str
    records: tuple[str, ...] = ()


class _Imagined:
    """A `RecipientsWorld`, and as much of a `World` as a Policy of sendmail's asks, that notes what is asked.

    empty  whether tables have no entries
    says   what tables have for keys with a word in them, and that word; nothing without one
    """

    def __init__(self, files: RecipientsWorld, zone: Zone, *, empty: bool) -> None:
        self._files = AskedWorld(files)
        self._zone = zone
        self.empty = empty
        self.says = b"", ""
        self.asked: set[_Asked] = set()

    async def open_table(self, kind: str, file: str, trusting: Trusting) -> Sequence[str]:
        return await self._files.open_table(kind, file, trusting)

    async def find(self, kind: str, file: str, key: bytes) -> bytes | None:
        self.asked.add(_Asked(Form.TABLE, f"{kind}:{file}", key.rstrip(b"\0").decode("latin-1")))
        value, word = self.says
        if word and word.encode() in key:
            return value
        return None if self.empty else await self._files.find(kind, file, key)

    async def read(self, file: str, trusting: Trusting) -> tuple[bytes, Sequence[str]]:
        return await self._files.read(file, trusting)

    async def free_space(self, folder: str) -> FreeSpace | None:
        return None

    async def changed(self, file: str) -> float | None:
        return await self._files.changed(file)

    async def hosts(self) -> bytes:
        return b""

    async def services(self, service: str) -> Sequence[str]:
        return await self._files.services(service)

    async def dns(self, name: str, kind: str, patience: object = None) -> Records:
        self.asked.add(_Asked(Form.DNS, "", name, (kind,)))
        return self._zone(name, kind)

    async def search_domains(self) -> Sequence[str]:
        return ()

    async def address_name(self, address: str) -> str | None:
        return None

    async def user(self, name: str) -> User | None:
        return None

    async def account(self, uid: int) -> User | None:
        return None

    async def user_file(self, file: str, reader: Identity, login: str, rules: FileRules) -> UserFile:
        raise CannotRead("No such file or directory", missing=True)

    def place_of(self, file: str, key: bytes) -> None:
        return None

    async def full_names(self) -> Sequence[tuple[str, str]]:
        return ()

    async def run(self, command: Sequence[str]) -> Ran:
        raise Unable("nothing is run here")

    async def ask_socket(self, address: str, request: bytes, timeout: float) -> bytes:
        raise Unable("nothing is asked here")

    async def log(self, priority: str, text: str) -> None:
        """Nothing is logged."""

    def now(self) -> float:
        return 0.0


def _lead(compiled: Compiled, probe: _Probe, world: _Imagined) -> None:
    """One session with all its questions, and what is done with its addresses."""
    _converse(compiled, probe, world)
    for address in filter(None, (probe.sender, probe.recipient)):
        run(deliveries.expand(compiled, Recipient(address), Ask(world)))  # type: ignore[arg-type]
        run(deliveries.resolve(compiled, address, Ask(world)))  # type: ignore[arg-type]
        if world.empty:
            _rewritten(compiled, address, probe, Ask(world))  # type: ignore[arg-type]


def _converse(compiled: Compiled, probe: _Probe, world: _Imagined) -> None:
    """One session with all its questions."""
    session = Session(
        probe.client, "1025", probe.name, probe.reverse, "192.0.2.1", "25", "ESMTP", sasl_username=probe.login,
        sasl_method="PLAIN" if probe.login else "",
    )  # fmt: skip
    answers = SendmailSession(compiled, session)

    def ask() -> Ask:
        return Ask(world)  # type: ignore[arg-type]

    run(answers.connect(ask()))
    answers.denied = None
    session.helo = _HELO
    run(answers.helo(ask()))
    session.sender = probe.sender
    run(answers.mail(ask()))
    session.recipient = probe.recipient
    run(answers.rcpt(ask()))
    run(answers.vrfy(ask()))
    session.typed = f"EXPN {probe.recipient}"
    run(answers.command(ask()))
    session.typed = ""
    run(answers.data(ask()))
    names = sorted({"from", *compiled.book.headers} - {"*"})
    fields = "".join(f"{name}: {_HEADER}\n" for name in (*names, "x-q"))
    session.content, session.size = f"{fields}\nx\n".encode(), len(fields)
    run(answers.end_of_data(ask()))


def _rewritten(compiled: Compiled, address: str, probe: _Probe, ask: Ask) -> None:
    side = Side.SENDER if address == probe.sender else Side.RECIPIENT
    for way, _ in ways(compiled.book):
        if way.mailer and way.sender is (side is Side.SENDER):
            place = AddressPlace.HEADER if way.header else AddressPlace.ENVELOPE
            role = Role(place, side, way.mailer)
            with suppress(LookupFailed):
                run(deliveries.rewrite(compiled, address, role, ask))


class _Reader:
    """Makes templates of the keys of one session."""

    def __init__(self, values: Mapping[Dimension, str]) -> None:
        self._marks: dict[str, tuple[Dimension, str]] = {}
        for dimension, value in values.items():
            address = dimension in (Dimension.SENDER, Dimension.RECIPIENT, Dimension.HEADER)
            client = dimension is Dimension.CLIENT
            names = _OF_ADDRESSES if address else _OF_CLIENTS if client else ("parent", "value")
            for name in names:
                for text in PARTS[name](value, _DELIMITERS) if value else ():
                    self._keep(dimension, name, text)
            if address and "!" in value:
                self._keep(dimension, "hop", value.partition("!")[0])
                self._keep(dimension, "rest", value.partition("!")[2])
            if address:
                self._keep(dimension, "local", value.partition("@")[0])
        texts = sorted(self._marks, key=lambda text: (-len(text), text))
        self._pattern = re.compile("(?<![a-z0-9])(?:" + "|".join(map(re.escape, texts)) + ")(?![a-z0-9])")

    def _keep(self, dimension: Dimension, name: str, text: str) -> None:
        """A part of a value; a parent that is a class's own, or that two values have, says nothing."""
        if text and (name != "parent" or _PARTS_OF_VALUES.search(text)):
            self._marks.setdefault(text.lower(), (dimension, name))

    def seen(self, asked: _Asked, *, known: bool) -> Iterator[Seen]:
        """What a key is made of. ``known``: whether nothing but the configuration and the values can be in it."""
        dimensions: set[Dimension] = set()

        def part(match: re.Match[str]) -> str:
            dimension, name = self._marks[match[0]]
            dimensions.add(dimension)
            return f"{{{name}}}"

        template = self._pattern.sub(part, asked.key.lower())
        rest = re.sub(r"\{[a-z]+\}", "", template)
        left = _PARTS_OF_VALUES.search(rest)
        if left is not None:
            dimensions |= {_OF_WORDS.get(left[0][1], Dimension.NAME)}
        if not dimensions:
            if known:
                yield Seen(asked.form, asked.text, Dimension.SESSION, template, asked.records)
            return
        whole = left is None and len(dimensions) == 1
        for dimension in dimensions:
            yield Seen(asked.form, asked.text, dimension, template if whole else "", asked.records)
