"""A .mc, or a .cf that is there without one, as a `Site`.

Source of what a line of a .cf means: the Sendmail Installation and Operation Guide. A value is the one that m4 saw,
expanded: it is taken from the line of the .cf that the library makes of it. Its Span is the place in the .mc, or in a
file that the .mc includes, that set it (`mailconf.sendmail.mc.places`); what the library sets by itself has no place.

Tables are the K lines on files and databases, the files of AliasFile, and UserDatabaseSpec, whose files are B-trees.
An alias file without a type is hash: that is what sendmail builds where it has Berkeley DB.

Domains of class R (RELAY_DOMAIN) that are addresses of networks are the Site's networks. Where the class takes in
another one (``$={VirtHost}``), its members count as well.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator

from mailconf.m4 import MacroPlace
from mailconf.model.limits import Limits
from mailconf.model.site import (
    Feature,
    ListFile,
    LocalText,
    Masquerade,
    Milter,
    Service,
    Setting,
    Site,
)
from mailconf.model.transport import AgentKind, Transport
from mailconf.sendmail.cf.configuration import Cf
from mailconf.sendmail.cf.items import CfOption, Filter, Macro, Mailer, MembersFile, QueueGroup
from mailconf.sendmail.cf.lines import BLANKS, WORD, CfLine
from mailconf.sendmail.configuration import McConfiguration
from mailconf.sendmail.hop_times import hop_times
from mailconf.sendmail.mc.mc import KINDS, Mc, Statement
from mailconf.sendmail.mc.vocabulary import STATEMENTS
from mailconf.sendmail.tables import configured_tables, table_use
from mailconf.source import Span, decode

# Lines whose value m4 took as an argument, which leaves no trace: the macros that set them, and the FEATURE.
_SETTERS = {
    "Fw": ("confCW_FILE", "use_cw_file"),
    "Ft": ("confCT_FILE", "use_ct_file"),
    "O QueueDirectory": ("QUEUE_DIR",),
    "O HelpFile": ("HELP_FILE",),
    "O TimeZoneSpec": ("confTIME_ZONE",),
}
_NETWORK = re.compile(r"\[?(?:\d{1,3}(?:\.\d{1,3}){0,3}|IPv6:[0-9A-Fa-f:.]+)\]?\.?")
_TIME = re.compile(r"(\d+)([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def site_of(configuration: McConfiguration) -> Site:
    """The Site that a .mc describes; what is wrong in it has been reported where it was read."""
    return _Builder(configuration.cf, configuration.span, configuration.mc).site(configuration.mc.directory)


def site_of_cf(cf: Cf, directory: str) -> Site:
    """The Site that a .cf describes for which there is no .mc: places are in the .cf, FEATUREs are not known."""
    return _Builder(cf, lambda line: line.span()).site(directory)


def site_of_own(cf: Cf, mc: Mc, place: Callable[[CfLine], Span | None]) -> Site:
    """The Site of a .mc and of a .cf that the library has not made of it; ``place``: where a line was asked for."""
    return _Builder(cf, place, mc).site(mc.directory)


class _Builder:
    """Puts the .cf into the model's terms."""

    def __init__(self, cf: Cf, place: Callable[[CfLine], Span | None], mc: Mc | None = None) -> None:
        self.mc = mc
        self.cf = cf
        self._place = place
        self._spans: dict[int, Span | None] = {}
        self.macros = {name: self._macro(macro) for name, macro in self.cf.macros.items()}
        self.options = {option.full_name: self._option(option) for option in self.cf.all(CfOption)}

    # -- lines

    def span(self, line: CfLine) -> Span | None:
        """The place of a line; each is found out once, for a line may have many words."""
        if line.start not in self._spans:
            self._spans[line.start] = self._place(line)
        return self._spans[line.start]

    def _macro(self, macro: Macro) -> Setting[str]:
        return Setting(macro.value.strip(BLANKS), self.span(macro.line), f"D{macro.name}")

    def _option(self, option: CfOption) -> Setting[str]:
        name = option.full_name
        return Setting(option.value, self.span(option.line) or self._setter(f"O {name}"), name)

    def _settings(self, name: str) -> list[Setting[str]]:
        return [self._option(option) for option in self.cf.settings(name)]

    def _class(self, name: str) -> list[Setting[str]]:
        return [
            Setting(word.text, self.span(members.line), f"C{name}")
            for members in self.cf.classes.get(name, ())
            for word in members.words
        ]

    def _list_file(self, members: MembersFile) -> ListFile:
        span = self.span(members.line) or self._setter(f"F{members.name}")
        return ListFile(members.source, members.name, members.optional, span)

    def _setter(self, line: str) -> Span | None:
        """The place of the last definition or FEATURE that led to a line without leaving a trace in it."""
        names = _SETTERS.get(line, ())
        found = None
        for statement in self._named("define", "FEATURE"):
            if statement.argument(1) in names:
                found = statement.span
        return found

    def _named(self, *names: str) -> Iterator[Statement]:
        return iter(()) if self.mc is None else self.mc.named(*names)

    # -- the Site

    def site(self, directory: str) -> Site:
        site = Site(
            dialect="sendmail",
            directory=directory,
            hostname=self._macro_value("j"),
            domain=self._macro_value("m"),
            origin=self._macro_value("M") if self.macros.get("M") else self._macro_value("j"),
            listeners=self._listeners("DaemonPortOptions", "DAEMON_OPTIONS"),
            clients=self._listeners("ClientPortOptions", "CLIENT_OPTIONS"),
            transports={mailer.name: self._mailer(mailer) for mailer in self.cf.mailers.values()},
            local_domains=self._words("w"),
            virtual_alias_domains=self._words("VirtHost"),
            smart_host=self._macro_value("S"),
            hub=self._macro_value("H"),
            local_relay=self._macro_value("R"),
            luser_relay=self._macro_value("L"),
            queue_directory=self.options.get("QueueDirectory", Setting("/var/spool/mqueue")),
            tables=[table_use(map_, self.span) for map_ in configured_tables(self.cf)],
            limits=self._limits(),
            syslog_name="sendmail",
            mail_name="Sendmail",
            recipient_delimiter="+",
            masquerade=self._masquerade(),
            generics_domains=self._words("G"),
            local_users=self._words("L"),
            trusted_users=self._words("t"),
            trusted_auth_mechanisms=self._words("TrustAuthMech"),
            milters=list(self._milters()),
            features=[Feature(s.name, s.argument(1), s.arguments[1:], s.span) for s in self._named(*KINDS)],
            queue_groups=[self._service(group, "queue") for group in self.cf.queue_groups.values()],
            options=self.options,
            macros=self.macros,
            classes={name: self._class(name) for name in self.cf.classes},
            list_files=[self._list_file(file) for file in self.cf.class_files if file.is_file],
            local_texts=[] if self.mc is None else list(_local_texts(self.mc)),
        )
        members = self._all_members("R")
        relay = [m for m in members if not _NETWORK.fullmatch(m.value)]
        networks = [m for m in members if _NETWORK.fullmatch(m.value)]
        site.relay_domains, site.networks = _together(relay, "CR"), _together(networks, "CR")
        return site

    def _macro_value(self, name: str) -> Setting[str]:
        return self.macros.get(name, Setting("", None, f"D{name}"))

    def _all_members(self, name: str) -> list[Setting[str]]:
        """The members of a class, those of classes that it takes in included."""
        return [Setting(word.text, self.span(word.line), f"C{name}") for word in self.cf.members(name)]

    def _words(self, name: str) -> Setting[tuple[str, ...]]:
        return _together(self._all_members(name), f"C{name}")

    def _masquerade(self) -> Masquerade:
        asked = {statement.argument(1) for statement in self._named("FEATURE")}
        return Masquerade(
            name=self._macro_value("M"),
            domains=self._words("M"),
            exceptions=self._words("N"),
            users=self._words("E"),
            subdomains="masquerade_entire_domain" in asked,
            envelope="masquerade_envelope" in asked,
            recipients="allmasquerade" in asked,
            limited="limited_masquerade" in asked,
            local="local_no_masquerade" not in asked,
        )

    def _listeners(self, option: str, macro: str) -> list[Service]:
        """The option's lines; the n-th call of the macro made the n-th line that has its text."""
        calls = list(self._named(macro))
        services = []
        for setting in self._settings(option):
            call = next((c for c in calls if c.argument(1).strip() == setting.value.strip()), None)
            if call is not None:
                calls.remove(call)
            keys = _settings(setting.value)
            name = keys.get("Name", keys.get("N", ""))
            span = call.span if call else setting.span
            parts = tuple(filter(None, (part.strip() for part in setting.value.split(","))))
            services.append(Service(name, "inet", "sendmail", parts, overrides=keys, span=span))
        return services

    def _milters(self) -> Iterator[Milter]:
        used = [name.strip() for name in self._option_value("InputMailFilters").split(",")]
        calls = {s.argument(1): s.span for s in self._named("MAIL_FILTER", "INPUT_MAIL_FILTER") if s.span}
        for each in self.cf.filters.values():
            service = self._service(each, "milter")
            settings = dict(service.overrides)
            socket = settings.pop("S", "")
            span = calls.get(service.name, service.span)
            yield Milter(service.name, socket, settings, service.name in used, span)

    def _service(self, item: QueueGroup | Filter, kind: str) -> Service:
        keys = {equate.key: equate.written.strip(BLANKS) for equate in item.equates}
        return Service(item.name, kind, "", overrides=keys, span=self.span(item.line))

    def _mailer(self, mailer: Mailer) -> Transport:
        """An M line: its program is P=, its command line A=, its user U=, the size of its messages M=."""
        keys = {equate.key: equate.written.strip(BLANKS) for equate in mailer.equates if equate.letter not in "AP"}
        command = tuple(WORD.findall(mailer.get("A")))
        program, flags, most = mailer.get("P"), mailer.flags, mailer.get("M").strip(BLANKS)
        return Transport(
            name=mailer.name,
            agent=_agent(program, flags),
            program=program,
            argv=command,
            user=mailer.get("U").strip(BLANKS),
            flags=flags,
            limits=self._limits()._replace(message_size=int(most)) if most.isdigit() and int(most) else None,
            overrides=keys,
            span=self.span(mailer.line),
        )

    def _option_value(self, name: str) -> str:
        return self.cf.value(name)

    def _limits(self) -> Limits:
        """sendmail's options in the model's terms; options that are not set have the defaults of cf/README."""
        return Limits(
            message_size=self._number("MaxMessageSize", 0),
            header_size=self._number("MaxHeadersLength", 32768),
            recipients=self._number("MaxRecipientsPerMessage", 0),
            hop_count=self._number("MaxHopCount", 25),
            connections=self._number("MaxDaemonChildren", 0),
            connections_per_client=0,
            mailbox_size=0,
            session_timeout=self._seconds("Timeout.command", 3600),
            hop=hop_times(self._seconds),
            queue_lifetime=self._seconds("Timeout.queuereturn", 5 * 86400),
            bounce_lifetime=self._seconds("Timeout.queuereturn", 5 * 86400),
            delay_warning=self._seconds("Timeout.queuewarn", 4 * 3600),
            minimal_backoff=self._seconds("MinQueueAge", 0),
        )

    def _number(self, name: str, default: int) -> int:
        value = self._option_value(name)
        return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else default

    def _seconds(self, name: str, default: float) -> float:
        """A time with units; one without is in the option's own unit and is not interpreted."""
        value = self._option_value(name)
        if not re.fullmatch(rf"(?:{_TIME.pattern})+", value):
            return default
        return float(sum(int(number) * _SECONDS[unit] for number, unit in _TIME.findall(value)))


def _agent(program: str, flags: str) -> AgentKind:
    """What P= and F= of a mailer come to: [IPC] connects, [FILE] writes the file that the address is; F=z is LMTP."""
    if program == "[FILE]":
        return AgentKind.FILE
    if "z" in flags:
        return AgentKind.LMTP
    return AgentKind.SMTP if program in ("[IPC]", "[TCP]") else AgentKind.PIPE


def _together(members: list[Setting[str]], name: str) -> Setting[tuple[str, ...]]:
    """The members without repetition; the place is the first one's that the configuration names."""
    words = tuple(dict.fromkeys(member.value for member in members))
    return Setting(words, next((m.span for m in members if m.span), None), name)


def _settings(text: str) -> dict[str, str]:
    """``Key=value, Key=value``; the keys as they are written."""
    pairs = (part.partition("=") for part in text.split(","))
    return {key.strip(): value.strip() for key, equals, value in pairs if equals}


def _local_texts(mc: Mc) -> Iterator[LocalText]:
    """What the sections of the .mc put into the .cf: their text, with the macros in it expanded.

    What FEATURE, MAILER and similar macros put there does not belong to the text.
    """
    sections = list(mc.document.sections())
    starts = [section.call.span.end for section in sections]
    ends = [section.nodes[-1].span.end if section.nodes else 0 for section in sections]
    texts: list[list[str]] = [[] for _ in sections]
    for data, place in mc.expanded.pieces:
        if place is None or not sections or not _is_own_text(place):
            continue
        source, at, _, _ = mc.expanded.span(place)
        number = bisect_right(starts, at) - 1
        if source.name == mc.path and number >= 0 and at < ends[number]:
            texts[number].append(decode(data))
    for section, text in zip(sections, texts, strict=True):
        yield LocalText(section.call.name, "".join(text).removeprefix("\n"), section.call.span)


def _is_own_text(place: MacroPlace) -> bool:
    """Whether text is in the .mc, or is the value of a macro that is no statement."""
    block = place.block
    while block.text is None:
        if decode(block.name) in STATEMENTS or block.parent is None:
            return False
        block = block.parent
    return block.text.included is None
