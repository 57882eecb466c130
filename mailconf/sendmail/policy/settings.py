"""Options of a sendmail.cf that sessions depend on, in the terms of the model.

Source: Sendmail Installation and Operation Guide 5.6; sendmail 8.17.1.9.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

from mailconf.model.limits import Limits
from mailconf.model.site import Service, Setting, Site
from mailconf.model.transport import AgentKind, ClientWays, ConnectionReuse, Transport
from mailconf.sendmail.hop_times import hop_times
from mailconf.sendmail.policy.asked_world import AskedWorld
from mailconf.sendmail.policy.deciding import Deciding
from mailconf.sendmail.policy.recipients_world import RecipientsWorld
from mailconf.sendmail.rules.book import DefinedMailer, Rulebook
from mailconf.sendmail.rules.problems import Problems, number
from mailconf.sendmail.rules.run import Engine
from mailconf.sendmail.rules.symbols import MACRO
from mailconf.smtp.ehlo import Ehlo
from mailconf.smtp.options import BareNewline, ServerOptions
from mailconf.source import Source

_ANY = 1_000_000  # what goes through too many hosts is found when it is tried
_TIME = re.compile(r"(\d{1,9})([smhdw]?)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_HEADERS = 32768
_FULL_PAUSE = 15.0  # seconds for which a daemon with MaxDaemonChildren takes nothing
_NOOPS = 20
_VERIFIERS = ("VRFY", "EXPN", "ETRN")
_GOAWAY = frozenset(("needmailhelo", "needexpnhelo", "needvrfyhelo", "noexpn", "novrfy", "noverb"))
_PORTS = {"smtp": "25", "submission": "587", "smtps": "465", "submissions": "465"}  # by the names in services(5)


class Daemon(NamedTuple):
    """One of DaemonPortOptions: its name, and the letters of its modifiers, M=.

    mode   its DeliveryMode
    """

    name: str = "MTA"
    modifiers: str = ""
    mode: str = "b"

    @property
    def flags(self) -> str:
        """``${daemon_flags}``: the modifiers, capital ones twice, with blanks between them."""
        return " ".join(letter * 2 if letter.isupper() else letter for letter in self.modifiers)

    @property
    def features(self) -> frozenset[str]:
        """The modifiers that mean what letters of ruleset srv_features do."""
        named = {"A": "A", "E": "E", "S": "S", "a": "l"}
        return frozenset(named[letter] for letter in self.modifiers if letter in named)


class Settings:
    """Reads the options of ``book``."""

    def __init__(self, book: Rulebook) -> None:
        self.book = book
        self.hostname = self.expanded("j") or "localhost"

    def expanded(self, name: str) -> str:
        """The value of a macro, with the macros in it."""
        book = self.book
        value = book.macros.named(name)
        return book.macros.expand(value, lambda message: None) if value else ""

    def number(self, name: str, default: int) -> int:
        value = self.book.options.get(name)
        return default if value is None or not value.strip() else number(value)

    def seconds(self, name: str, default: float, unit: str = "m") -> float:
        """A time; ``unit`` is that of a number without one."""
        value = self.book.options.get(name, "").strip()
        found = _TIME.findall(value)
        if not found or "".join(digits + letter for digits, letter in found) != value:
            return default
        return float(sum(int(digits) * _SECONDS[letter or unit] for digits, letter in found))

    def private(self, flag: str) -> bool:
        """Whether PrivacyOptions has a flag; goaway has most of them."""
        privacy = self.book.privacy
        return flag in privacy or ("goaway" in privacy and flag in _GOAWAY)

    @property
    def queues_only(self) -> bool:
        """Whether mail stays in the queue until it is run (DeliveryMode q and d): nothing is tried before."""
        return self.mode in ("q", "d")

    @cached_property
    def limits(self) -> Limits:
        returned = self.seconds("Timeout.queuereturn", 5 * 86400, "d")
        return Limits(
            message_size=max(self.number("MaxMessageSize", 0), 0),
            header_size=self.number("MaxHeadersLength", _HEADERS),
            recipients=max(self.number("MaxRecipientsPerMessage", 0), 0),
            hop_count=_ANY if self.queues_only else self.number("MaxHopCount", 25),
            connections=max(self.number("MaxDaemonChildren", 0), 0),
            full_pause=_FULL_PAUSE,
            connection_rate=max(self.number("ConnectionRateThrottle", 0), 0),
            connections_per_client=0,
            soft_errors=0,
            hard_errors=_ANY,
            error_sleep=0.0,
            junk_commands=1_000_000,
            mailbox_size=0,
            trace_counts=False,
            rate_window=self.seconds("ConnectionRateWindowSize", 60, "s"),
            session_timeout=self.seconds("Timeout.command", 3600),
            hop=hop_times(self.seconds),
            queue_lifetime=returned,
            bounce_lifetime=returned,
            delay_warning=self.seconds("Timeout.queuewarn", 4 * 3600, "h"),
            minimal_backoff=self.seconds("MinQueueAge", 0),
            maximal_backoff=_ANY,
            runs_are_whole=True,
        )

    @cached_property
    def protocol(self) -> ServerOptions:
        return ServerOptions(
            hostname=self.hostname,
            smtputf8=False,
            helo_for=frozenset(("MAIL",)) if self.private("needmailhelo") else frozenset(),
            bogus_helo=self.book.flag("AllowBogusHELO"),
            bare_newline=BareNewline.REJECT,
            verb=not self.private("noverb") and not self.private("noexpn"),
            noops=max(self.number("MaxNOOPCommands", _NOOPS), 0),
            closed_before_helo=frozenset(verb for verb in _VERIFIERS if self.private(f"need{verb.lower()}helo")),
            closed=frozenset(verb for verb in _VERIFIERS if self.private(f"no{verb.lower()}")),
            seven_bits=self.book.flag("SevenBitInput"),
            others_asked=self.book.filled("check_other") is not None,
        )

    def site(self) -> Site:
        book = self.book
        folder, _, _ = book.name.rpartition("/")
        options = {name: Setting(value, None, name) for name, value in book.options.items()}
        return Site(
            dialect="sendmail",
            directory=folder or "/",
            hostname=Setting(self.hostname, None, "j"),
            domain=Setting(self.expanded("m"), None, "m"),
            origin=Setting(self.expanded("M") or self.hostname, None, "M"),
            listeners=self.listeners(),
            transports={m.name: transport(m)._replace(reuse=self.reuse) for m in book.mailers.values()},
            queue_directory=Setting(book.options.get("QueueDirectory", "/var/spool/mqueue"), None, "QueueDirectory"),
            limits=self.limits,
            protocol=self.protocol,
            syslog_name="sendmail",
            mail_name="Sendmail",
            addresses_quoted=True,
            recipient_delimiter="+",
            fields_at_delivery=True,
            names_originals=False,
            recipients_backwards=True,
            options=options,
        )

    @property
    def mode(self) -> str:
        """The letter of DeliveryMode."""
        return self.book.options.get("DeliveryMode", "b")[:1]

    def daemon(self, address: str, port: str) -> Daemon:
        """The daemon that listens there; the first one where none is known to."""
        best, found = -1, Daemon(mode=self.mode)
        for service in self.listeners():
            keys = {key[:1].upper(): text for key, text in service.overrides.items()}
            number = keys.get("P", "smtp")
            fits = 2 * (_PORTS.get(number, number) == port) + (keys.get("A", "") == address)
            if fits > best:
                best = fits
                modifiers = "".join(letter for letter in keys.get("M", "") if letter.isascii() and letter.isalnum())
                found = Daemon(service.name, modifiers, keys.get("D", "")[:1] or self.mode)
        return found

    @property
    def reuse(self) -> ConnectionReuse:
        """How connections to other hosts are kept (ConnectionCacheSize, ConnectionCacheTimeout).

        A sendmail that runs the queue ends when it is through, and its connections with it; here they end soon.
        """
        idle = min(self.seconds("ConnectionCacheTimeout", 300, "m"), ConnectionReuse().idle)
        return ConnectionReuse(on_demand=self.number("ConnectionCacheSize", 1) > 0, idle=idle)

    def listeners(self) -> list[Service]:
        """What DaemonPortOptions asks for."""
        found: list[Service] = []
        for value in self.book.added.get("DaemonPortOptions", []):
            parts = tuple(filter(None, (part.strip() for part in value.split(","))))
            keys = {key.strip(): text.strip() for key, _, text in (part.partition("=") for part in parts)}
            name = next((text for key, text in keys.items() if key[:1].upper() == "N"), "")
            found.append(Service(name or f"Daemon{len(found)}", "inet", "sendmail", parts, overrides=keys))
        return found


class Compiled:
    """A configuration with what was made of it.

    book   the configuration
    files  answers what is in files, and who the users are
    source the text of the .cf, where traces are to have the rules that decide
    hear   takes the name of each ruleset that is entered, where there is a source
    """

    hear: Callable[[str], object] | None = None
    quick: Callable[[AskedWorld, Problems], Engine] | None = None  # makes the engines that need no trace

    def __init__(self, book: Rulebook, files: RecipientsWorld, source: Source | None = None) -> None:
        self.source = source
        self.book = book
        self.files = files
        self.settings = Settings(book)
        self.hostname = self.settings.hostname
        self.site = self.settings.site()

    def engine(self, world: AskedWorld, problems: Problems) -> Engine:
        """What runs the rulesets for one session or question."""
        if self.source is None and self.quick is not None:
            return self.quick(world, problems)
        deciding = Deciding(world, self.book.names, self.source, self.hear) if self.source else None
        return Engine(self.book, world, problems=problems, tracer=deciding)


_WAYS = ClientWays(skips=False)
_USER = f"{MACRO}u"
_PORT = 2  # the word of A=TCP $h 25 that is a port


def transport(mailer: DefinedMailer) -> Transport:
    """A mailer in the model's terms."""
    flags = "".join(sorted(mailer.flags))
    if mailer.path == "[FILE]":
        agent = AgentKind.FILE
    elif "z" in flags:
        agent = AgentKind.LMTP
    else:
        spoken = mailer.path in ("[IPC]", "[TCP]") or not any(_USER in word for word in mailer.arguments)
        agent = AgentKind.SMTP if spoken else AgentKind.PIPE
    words = tuple(mailer.arguments)
    if agent in (AgentKind.SMTP, AgentKind.LMTP):
        return _speaking(mailer, agent, flags, words)
    return Transport(mailer.name, agent, mailer.path, words, flags=flags)


def _speaking(mailer: DefinedMailer, agent: AgentKind, flags: str, words: tuple[str, ...]) -> Transport:
    """A mailer that speaks SMTP or LMTP: with F=a it begins with EHLO whatever it is greeted with."""
    ways = _WAYS._replace(ehlo=Ehlo.ALWAYS if "a" in flags or agent is AgentKind.LMTP else Ehlo.OFFERED)
    port = words[_PORT] if len(words) > _PORT and not mailer.path.startswith("/") else ""
    most = (mailer.recipients if "m" in flags else 1) if mailer.path.startswith("/") else None
    return Transport(mailer.name, agent, mailer.path, words, flags=flags, ways=ways, client_port=port, recipients=most)
