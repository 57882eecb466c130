"""What a .mc says, as a `Site`.

Source of what a line of a .cf means: the Sendmail Installation and Operation Guide. A value is the one that m4 saw,
expanded: it is taken from the line of the .cf that the library makes of it. Its Span is the place in the .mc, or in a
file that the .mc includes, that set it (`mailconf.sendmail.mc.places`); what the library sets by itself has none.

Tables are the K lines on files and databases, the files of AliasFile, and UserDatabaseSpec, whose files are B-trees.
An alias file without a type is hash: that is what sendmail builds where it has Berkeley DB.

Domains of class R (RELAY_DOMAIN) that are addresses of networks are the Site's networks. Where the class takes in
another one (``$={VirtHost}``), its members count as well.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from mailconf.m4 import Place
from mailconf.model.limits import Limits
from mailconf.model.site import Feature, ListFile, LocalText, Masquerade, Milter, Service, Setting, Site, TableUse
from mailconf.sendmail.mc.mc import KINDS, Mc
from mailconf.sendmail.mc.places import Line
from mailconf.sendmail.mc.vocabulary import STATEMENTS
from mailconf.source import Span, decode

# What FEATUREs call their maps; other maps have their own names as roles.
ROLES = {
    "access": "access_db",
    "bcctable": "bcc",
    "ednsbl": "enhdnsbl",
    "generics": "genericstable",
    "ldapmh": "ldap_routing",
    "ldapmra": "ldap_routing",
    "uudomain": "uucpdomain",
    "virtuser": "virtusertable",
}
FILE_TYPES = frozenset({"btree", "cdb", "dbm", "hash"})  # makemap(8) builds them
# Map types that compute or ask the machine: nothing that a configuration keeps.
COMPUTED_TYPES = frozenset(
    {"arith", "bestmx", "dequote", "dns", "host", "macro", "null", "regex", "stab", "syslog", "user"}
)
# Lines whose value m4 took as an argument, which leaves no trace: the macros that set them, and the FEATURE.
_SETTERS = {
    "Fw": ("confCW_FILE", "use_cw_file"),
    "Ft": ("confCT_FILE", "use_ct_file"),
    "O QueueDirectory": ("QUEUE_DIR",),
    "O HelpFile": ("HELP_FILE",),
    "O TimeZoneSpec": ("confTIME_ZONE",),
}
_OPTION = re.compile(r" ?\s*([\w.]+)\s*(?:=\s*(.*))?", re.DOTALL)
_MAP = re.compile(r"\s*(\S+)\s+(\S+)((?:\s+-(?:\S+))*)(?:\s+(.*))?", re.DOTALL)
_CLASS_FILE = re.compile(r"(-o\s+)?(\S+)")
_NETWORK = re.compile(r"\[?(?:\d{1,3}(?:\.\d{1,3}){0,3}|IPv6:[0-9A-Fa-f:.]+)\]?\.?")
_TIME = re.compile(r"(\d+)([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def site_of(mc: Mc) -> Site:
    """The Site that a .mc describes; what is wrong in it has been reported where it was read."""
    return _Builder(mc).site()


class _Builder:
    """Sorts the lines of the .cf by what they say."""

    def __init__(self, mc: Mc) -> None:
        self.mc = mc
        self.macros: dict[str, Setting[str]] = {}
        self.classes: dict[str, list[Setting[str]]] = {}
        self.options: dict[str, Setting[str]] = {}
        self.repeated: dict[str, list[Setting[str]]] = {}  # options that may be given again, lower case
        self.files: list[ListFile] = []
        self.tables: list[TableUse] = []
        self.filters: list[Line] = []
        self.queues: list[Line] = []
        self.mailers: list[Line] = []
        readers = {"D": self._macro, "C": self._class, "F": self._file, "K": self._map, "O": self._option}
        keep = {"X": self.filters, "Q": self.queues, "M": self.mailers}
        for line in mc.lines:
            if line.letter in readers:
                readers[line.letter](line)
            elif line.letter in keep:
                keep[line.letter].append(line)
            elif line.letter == "T":
                self._members("t", line.text, line.span)

    # -- lines

    def _macro(self, line: Line) -> None:
        name, value = line.named
        self.macros[name] = Setting(value, line.span, f"D{name}")

    def _class(self, line: Line) -> None:
        name, words = line.named
        self._members(name, words, line.span)

    def _members(self, name: str, words: str, span: Span | None) -> None:
        members = self.classes.setdefault(name, [])
        members += [Setting(word, span, f"C{name}") for word in words.split()]

    def _file(self, line: Line) -> None:
        name, rest = line.named
        match = _CLASS_FILE.match(rest)
        if match:
            self.files.append(ListFile(match[2], name, bool(match[1]), line.span or self._setter(f"F{name}")))

    def _map(self, line: Line) -> None:
        match = _MAP.match(line.text)
        if match is None or match[2] in COMPUTED_TYPES:
            return
        name, kind, flags, rest = match[1], match[2], tuple((match[3] or "").split()), (match[4] or "").strip()
        self.tables.append(_table(kind, rest, ROLES.get(name, name), line.span, name, flags))

    def _option(self, line: Line) -> None:
        match = _OPTION.match(line.text)
        if match is None:
            return
        name, value = match[1], match[2] or ""
        setting = Setting(value, line.span or self._setter(f"O {name}"), name)
        self.options[name] = setting
        self.repeated.setdefault(name.lower(), []).append(setting)

    def _setter(self, line: str) -> Span | None:
        """The place of the last definition or FEATURE behind a line that leaves no trace of it."""
        names = _SETTERS.get(line, ())
        found = None
        for statement in self.mc.named("define", "FEATURE"):
            if statement.argument(1) in names:
                found = statement.span
        return found

    # -- the Site

    def site(self) -> Site:
        site = Site(
            dialect="sendmail",
            directory=self.mc.directory,
            hostname=self._macro_value("j"),
            domain=self._macro_value("m"),
            origin=self._macro_value("M") if self.macros.get("M") else self._macro_value("j"),
            listeners=self._listeners("daemonportoptions", "DAEMON_OPTIONS"),
            clients=self._listeners("clientportoptions", "CLIENT_OPTIONS"),
            transports={service.name: service for service in map(_mailer, self.mailers)},
            local_domains=self._words("w"),
            virtual_alias_domains=self._words("VirtHost"),
            smart_host=self._macro_value("S"),
            hub=self._macro_value("H"),
            local_relay=self._macro_value("R"),
            luser_relay=self._macro_value("L"),
            queue_directory=self.options.get("QueueDirectory", Setting("/var/spool/mqueue")),
            tables=self.tables + list(self._aliases()) + list(self._userdb()),
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
            features=[Feature(s.name, s.argument(1), s.arguments[1:], s.span) for s in self.mc.named(*KINDS)],
            queue_groups=[_service(line, "queue") for line in self.queues],
            options=self.options,
            macros=self.macros,
            classes=self.classes,
            list_files=self.files,
            local_texts=list(_local_texts(self.mc)),
        )
        relay = [m for m in self._all_members("R") if not _NETWORK.fullmatch(m.value)]
        networks = [m for m in self._all_members("R") if _NETWORK.fullmatch(m.value)]
        site.relay_domains, site.networks = _together(relay, "CR"), _together(networks, "CR")
        return site

    def _macro_value(self, name: str) -> Setting[str]:
        return self.macros.get(name, Setting("", None, f"D{name}"))

    def _all_members(self, name: str, seen: tuple[str, ...] = ()) -> Iterator[Setting[str]]:
        """The members of a class, those of classes that it takes in included."""
        for member in self.classes.get(name, []):
            taken = re.fullmatch(r"\$=(?:\{(.+)\}|(.))", member.value)
            if taken is None:
                yield member
            elif (other := taken[1] or taken[2]) not in seen:
                yield from self._all_members(other, (*seen, name))

    def _words(self, name: str) -> Setting[tuple[str, ...]]:
        return _together(list(self._all_members(name)), f"C{name}")

    def _masquerade(self) -> Masquerade:
        asked = {statement.argument(1) for statement in self.mc.named("FEATURE")}
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
        """The option's lines; the n-th call of the macro is behind the n-th line that says what it says."""
        calls = list(self.mc.named(macro))
        services = []
        for setting in self.repeated.get(option, []):
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
        calls = {s.argument(1): s.span for s in self.mc.named("MAIL_FILTER", "INPUT_MAIL_FILTER") if s.span}
        for line in self.filters:
            service = _service(line, "milter")
            settings = dict(service.overrides)
            socket = settings.pop("S", "")
            span = calls.get(service.name, line.span)
            yield Milter(service.name, socket, settings, service.name in used, span)

    def _option_value(self, name: str) -> str:
        return self.options[name].value if name in self.options else ""

    def _aliases(self) -> Iterator[TableUse]:
        setting = self.options.get("AliasFile")
        for word in re.split(r"\s*,\s*", setting.value if setting else ""):
            match = re.fullmatch(r"(?:([a-z]\w*):)?\s*((?:-\S+\s+)*)(.*)", word, re.DOTALL)
            if word and match and setting:
                kind = match[1] if match[1] not in (None, "implicit") else "hash"
                yield _table(kind, match[3], "aliases", setting.span, "aliases", tuple(match[2].split()))

    def _userdb(self) -> Iterator[TableUse]:
        setting = self.options.get("UserDatabaseSpec")
        for word in re.split(r"[\s,]+", setting.value if setting else ""):
            if word.startswith("/") and setting:
                yield _table("btree", word, "userdb", setting.span, "userdb", ())

    def _limits(self) -> Limits:
        """What sendmail's options say in the model's terms; options that are not set have the defaults of cf/README."""
        return Limits(
            message_size=self._number("MaxMessageSize", 0),
            header_size=self._number("MaxHeadersLength", 32768),
            recipients=self._number("MaxRecipientsPerMessage", 0),
            hop_count=self._number("MaxHopCount", 25),
            connections=self._number("MaxDaemonChildren", 0),
            connections_per_client=0,
            mailbox_size=0,
            smtpd_timeout=self._seconds("Timeout.command", 3600),
            smtp_connect_timeout=self._seconds("Timeout.connect", 300),
            smtp_helo_timeout=self._seconds("Timeout.helo", 300),
            smtp_command_timeout=self._seconds("Timeout.rcpt", 3600),
            smtp_data_timeout=self._seconds("Timeout.datablock", 3600),
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


def _together(members: list[Setting[str]], name: str) -> Setting[tuple[str, ...]]:
    """The members without repetition; the place is the first one's that the configuration names."""
    words = tuple(dict.fromkeys(member.value for member in members))
    return Setting(words, next((m.span for m in members if m.span), None), name)


def _table(kind: str, rest: str, role: str, span: Span | None, name: str, flags: tuple[str, ...]) -> TableUse:
    """The table of a K line: its file is the last word, without the suffix that the map's type gives it."""
    if kind not in FILE_TYPES:
        return TableUse(f"{kind}:{rest}", role, None, span, name, flags)
    file = rest.split()[0] if rest else ""
    suffix = ".cdb" if kind == "cdb" else ".db"
    file = file.removesuffix(suffix) if kind != "dbm" else file
    return TableUse(f"{kind}:{file}", role, file, span, name, flags)


def _settings(text: str) -> dict[str, str]:
    """``Key=value, Key=value``; the keys as they are written."""
    pairs = (part.partition("=") for part in text.split(","))
    return {key.strip(): value.strip() for key, equals, value in pairs if equals}


def _service(line: Line, kind: str) -> Service:
    name, _, rest = line.text.partition(",")
    return Service(name.strip(), kind, "", overrides=_settings(rest), span=line.span)


def _mailer(line: Line) -> Service:
    """An M line: its program is P=, its command line A=, which takes the rest of the line, commas and all."""
    head, found, command = re.sub(r"\n[ \t]+", " ", line.text).partition(" A=")
    if not found:
        head, found, command = line.text.partition(",A=")
    name, _, rest = head.partition(",")
    keys = _settings(rest)
    return Service(name.strip(), "mailer", keys.pop("P", ""), tuple(command.split()), keys, line.span)


def _local_texts(mc: Mc) -> Iterator[LocalText]:
    """What the sections of the .mc put into the .cf: their text, with the macros in it expanded.

    What FEATURE, MAILER and their kin put there does not belong to the text.
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


def _is_own_text(place: Place) -> bool:
    """Whether text stands in the .mc, or is the value of a macro that is no statement."""
    block = place.block
    while block.text is None:
        if decode(block.name) in STATEMENTS or block.parent is None:
            return False
        block = block.parent
    return block.text.included is None
