"""What a .mc asks for, in the terms in which our sendmail.cf is written.

`wanted` takes what was recorded (`mailconf.sendmail.emit.facts`) and reports what we do not have; the templates ask a
`Wanted` and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from mailconf.diagnostics import Code, Sink, alike, error
from mailconf.sendmail.emit import support
from mailconf.sendmail.emit.conf_names import CONF_NAMES
from mailconf.sendmail.emit.facts import Fact, Facts
from mailconf.sendmail.emit.mailers import MailerLine, mailer_lines
from mailconf.sendmail.emit.support import Support, SupportState
from mailconf.sendmail.emit.systems import WITH_BOTH_FAMILIES
from mailconf.source import Span

SM050 = error("SM050", "a FEATURE that our own sendmail.cf does not have")
"""Why: the .cf would decide otherwise than the .mc asks: mailconf builds none.

Example:
    # sendmail.mc
    FEATURE(`ldap_routing')dnl
    $ mailconf build --own-cf /etc/mail

Remedy: remove the FEATURE, or build with sendmail's library of m4 macros, which has it (the package sendmail-cf).

Source: docs/sendmail-features.md.
"""

SM051 = error("SM051", "a MAILER that our own sendmail.cf does not have")
"""Why: addresses for the mailer could not be delivered: mailconf builds no .cf.

Example:
    # sendmail.mc
    MAILER(`usenet')dnl
    $ mailconf build --own-cf /etc/mail

Remedy: remove the MAILER, or build with sendmail's library of m4 macros, which has it (the package sendmail-cf).

Source: docs/sendmail-features.md.
"""

SM052 = error("SM052", "an OSTYPE or DOMAIN that our own sendmail.cf does not have")
"""Why: what it sets is unknown: the places of files, the program that delivers. mailconf builds no .cf.

Example:
    # sendmail.mc
    DOMAIN(`Berkeley.EDU')dnl
    $ mailconf build --own-cf /etc/mail

Remedy: name a similar system, or write what the DOMAIN sets into the .mc; or build with sendmail's library of m4
macros.

Source: docs/sendmail-features.md.
"""

SM053 = error("SM053", "a macro or a name that our own sendmail.cf does not have")
"""Why: the .cf would lack what the line asks for: mailconf builds none.

Example:
    # sendmail.mc
    HACK(`cssubdomain')dnl
    $ mailconf build --own-cf /etc/mail

Remedy: remove the line, or build with sendmail's library of m4 macros, which has it (the package sendmail-cf).

Source: docs/sendmail-features.md.
"""

SM054 = error("SM054", "an argument with which our own sendmail.cf cannot do what is asked")
"""Why: the FEATURE is there, but not with this argument; the .cf would decide otherwise than the .mc asks.

Example:
    # sendmail.mc
    FEATURE(`access_db', `LDAP')dnl
    $ mailconf build --own-cf /etc/mail

Remedy: give another argument, or build with sendmail's library of m4 macros (the package sendmail-cf).

Source: docs/sendmail-features.md.
"""

_KINDS = {
    "FEATURE": (support.FEATURES, SM050),
    "MAILER": (support.MAILERS, SM051),
    "OSTYPE": (support.OSTYPES, SM052),
    "DOMAIN": (support.DOMAINS, SM052),
}
_SAME = {"blacklist_recipients": "blocklist_recipients"}
_NEED_ACCESS = frozenset(
    "blocklist_recipients compat_check conncontrol lookupdotdomain queuegroup ratecontrol relay_mail_from".split()  # noqa: SIM905
)
# The arguments that are known, by their number from 1 for the FEATURE's name; "" is a missing one.
_ARGUMENTS: dict[str, dict[int, tuple[str, ...]]] = {
    "access_db": {3: ("", "skip"), 4: ("",)},
    "delay_checks": {2: ("", "friend", "hater")},
    "relay_mail_from": {2: ("", "domain")},
    "nouucp": {2: ("reject", "nospecial")},
    "nopercenthack": {2: ("reject", "nospecial")},
    "nocanonify": {2: ("", "canonify_hosts")},
    "ratecontrol": {2: ("", "nodelay"), 3: ("", "terminate")},
    "conncontrol": {2: ("", "nodelay"), 3: ("", "terminate")},
}
# Names that the library reads for options and for the mailers that we have.
_OURS = re.compile(
    r"conf[A-Z][A-Z0-9_]+|(?:LOCAL_MAILER|LOCAL_SHELL|(?:|E|D)SMTP_MAILER|SMTP8_MAILER|RELAY_MAILER|PROCMAIL_MAILER"
    r"|CYRUSV2_MAILER|UUCP_MAILER|LOCAL_PROG)_[A-Z_]+"
)
_KNOWN = {**dict.fromkeys(name for name, _, _ in CONF_NAMES), **support.VALUES}
# As RFC 5321 4.4 has it: from whom, by whom, with what, for whom, when.
_RECEIVED = (
    "$?sfrom $s $.$?_($?s$|from $.$_)\n\t$.$?{auth_type}(authenticated$?{auth_ssf} bits=${auth_ssf}$.)\n\t$."
    "by $j ($v/$Z)$?r with $r$. id $i$?{tls_version}\n\t(version=${tls_version} cipher=${cipher} bits=${cipher_bits}"
    " verify=${verify})$.$?u\n\tfor $u; $|;\n\t$.$b"
)
_SPECIAL = ("LDAP", "NIS")  # arguments of FEATUREs with a table that name a server


@dataclass(slots=True)
class Wanted:
    """What the templates ask.

    values    of the names that a .mc defines
    features  the arguments of each FEATURE, by its name; of one that is called more than once, of the last call
    facts     every call
    mailers   the lines of the mailers
    """

    values: Mapping[str, str]
    features: dict[str, tuple[str, ...]]
    facts: Facts
    mailers: list[MailerLine] = field(default_factory=list)

    def has(self, *features: str) -> bool:
        """Whether one of the FEATUREs is asked for."""
        return any(feature in self.features for feature in features)

    def argument(self, feature: str, number: int) -> str:
        """Argument ``number`` of a FEATURE, from 1 for the one after its name; "" if it is missing."""
        arguments = self.features.get(feature, ())
        return arguments[number - 1] if number <= len(arguments) else ""

    def value(self, name: str, otherwise: str = "") -> str:
        return self.values.get(name, otherwise)

    def words(self, statement: str) -> list[str]:
        """The first arguments of every call of a statement, such as EXPOSED_USER."""
        return [fact.argument(1) for fact in self.facts.named(statement)]

    def table(self, feature: str, name: str) -> str:
        """The type and file of a FEATURE's table, as a K line has them."""
        given = self.argument(feature, 1)
        return given or f"{self.value('DATABASE_MAP_TYPE')} {self.value('MAIL_SETTINGS_DIR')}{name}"

    def options(self) -> list[tuple[str, str]]:
        """Each option of the .cf with its value, "=" before it, in an order in which sendmail can read them."""
        found = []
        for name, option, _ in CONF_NAMES:
            if name not in self.values or name == "confINPUT_MAIL_FILTERS":
                continue
            value = self.values[name]
            if name != "confTIME_ZONE":
                found.append((option, f"={value}" if value else ""))
            elif value != "USE_SYSTEM":
                found.append((option, "=" if value == "USE_TZ" else f"={value}"))
        return found

    # -- what the parts of the .cf are made of

    @property
    def queue_directory(self) -> str:
        return self.value("QUEUE_DIR", "/var/spool/mqueue")

    @property
    def daemons(self) -> list[str]:
        """Where the daemon listens; a program that submits does not."""
        found = ["Name=NoMTA, Addr=127.0.0.1, M=E"] if self.has("msp") else []
        found += self.words("DAEMON_OPTIONS")
        if not found and any(name in WITH_BOTH_FAMILIES for name in self.words("OSTYPE")):
            found = ["Name=MTA-v4, Family=inet", "Name=MTA-v6, Family=inet6"]
        found += [] if found else ["Name=MTA"]
        return [*found, *([] if self.has("no_default_msa", "msp") else ["Port=587, Name=MSA, M=E"])]

    @property
    def filters(self) -> list[tuple[str, str]]:
        """Name and equates of each mail filter."""
        return [(f.argument(1), f.argument(2)) for f in self.facts.named("INPUT_MAIL_FILTER", "MAIL_FILTER")]

    @property
    def milter_macros(self) -> list[tuple[str, str]]:
        """The macros that filters get, by their event."""
        events = ("connect", "helo", "envfrom", "envrcpt", "data", "eom", "eoh")
        known = [(event, self.value(f"confMILTER_MACROS_{event.upper()}")) for event in events]
        return [pair for pair in known if pair[1]] if self.filters else []

    @property
    def queue_groups(self) -> list[tuple[str, str]]:
        return [(f.argument(1), f.argument(2)) for f in self.facts.named("QUEUE_GROUP")]

    @property
    def masquerade(self) -> str:
        return next(reversed(self.words("MASQUERADE_AS")), "")

    @property
    def masquerades(self) -> bool:
        """Whether senders get another domain; the macro may also be set in LOCAL_CONFIG."""
        texts = (self.facts.head, self.facts.sections["LOCAL_CONFIG"])
        return bool(self.masquerade) or any(line.startswith("DM") for text in texts for line in text.splitlines())

    @property
    def mta_host(self) -> str:
        """To whom a program that submits hands its mail; in [ ], for which no MX is asked."""
        return (self.argument("msp", 1) or "[localhost]") if self.has("msp") else ""

    @property
    def access_table(self) -> str:
        """The access table; a lookup that fails is marked, so that it is not taken for an absent key."""
        kind, _, rest = self.table("access_db", "access").partition(" ")
        return f"{kind} {rest}" if "-T<TMPF>" in rest else f"{kind} -T<TMPF> {rest}"

    @property
    def received(self) -> str:
        return self.value("confRECEIVED_HEADER", _RECEIVED)

    @property
    def from_header(self) -> str:
        return self.value("confFROM_HEADER", "$?x$x <$g>$|$g$.")

    @property
    def canonify_hosts(self) -> bool:
        return self.argument("nocanonify", 1) == "canonify_hosts"

    @property
    def local_mailer(self) -> str:
        return self.value("confLOCAL_MAILER", "local")

    @property
    def smtp_mailer(self) -> str:
        return self.value("confSMTP_MAILER", "esmtp")

    @property
    def relay_mailer(self) -> str:
        return self.value("confRELAY_MAILER", "relay")

    @property
    def local_relays(self) -> bool:
        """Whether there is a relay for users of this machine."""
        return any(self.value(name) for name in ("LUSER_RELAY", "LOCAL_RELAY", "MAIL_HUB"))

    @property
    def uucp(self) -> bool:
        """Whether there are mailers for UUCP."""
        return "uucp" in self.words("MAILER")

    @property
    def uucp_and_smtp(self) -> bool:
        """Whether there are those mailers for UUCP that write addresses with domains."""
        return self.uucp and "smtp" in self.words("MAILER")

    @property
    def other_networks(self) -> bool:
        """Whether there is a way to networks whose names are not in the DNS."""
        relays = ("UUCP_RELAY", "BITNET_RELAY", "DECNET_RELAY", "FAX_RELAY")
        return self.uucp or any(self.value(name) for name in relays)

    @property
    def neighbours(self) -> list[str]:
        """The machines that SITE names."""
        return self.words("SITE")

    @property
    def refused_marks(self) -> list[str]:
        """The marks of a route in a recipient's user for which nothing is relayed, but for known clients."""
        marks = (("nouucp", "!"), ("nopercenthack", "%"))
        return [mark for feature, mark in marks if self.argument(feature, 1) == "reject"]

    @property
    def completed(self) -> list[tuple[str, bool]]:
        """Classes whose domains count as complete names, and whether those below them do as well."""
        found = []
        if self.has("virtusertable"):
            found.append(("{VirtHost}", self.has("virtuser_entire_domain")))
        if self.has("genericstable"):
            found.append(("G", self.has("generics_entire_domain")))
        return found

    def limit_code(self, feature: str) -> str:
        """The reply code of ratecontrol and conncontrol: 421 ends the session."""
        return "421" if self.argument(feature, 2) == "terminate" else "452"

    def asks_local(self, ruleset: str) -> bool:
        """Whether a section, such as LOCAL_TLS_CLIENT, adds rules to a ruleset."""
        return any(self.facts.named(f"LOCAL_{ruleset.upper()}"))

    @property
    def delays(self) -> bool:
        return self.has("delay_checks")

    @property
    def reject_message(self) -> str:
        return self.value("confREJECT_MSG", '"550 Access denied"')

    @property
    def recipient_message(self) -> str:
        return self.value("confRCPTREJ_MSG", '"550 Mailbox disabled for this recipient"')

    @property
    def relay_message(self) -> str:
        proper = ". Proper authentication required." if self.words("TRUST_AUTH_MECH") else ""
        return self.value("confRELAY_MSG", f'"550 Relaying denied{proper}"')

    @property
    def blocklists(self) -> list[Blocklist]:
        """Lists in the DNS of clients from which no mail is taken."""
        found = []
        for fact in self.facts.named("FEATURE"):
            feature, zone, message, failing = (*fact.arguments, "", "", "", "")[:4]
            if feature not in ("dnsbl", "enhdnsbl"):
                continue
            zone = zone or "blackholes.mail-abuse.org"
            message = message or f'"550 Rejected: " $&{{client_addr}} " listed at {zone}"'
            results = fact.arguments[4:] if feature == "enhdnsbl" else ()
            map_name = "dnsbl" if feature == "dnsbl" else "ednsbl"
            found.append(Blocklist(map_name, zone, message, failing, results or ("$+",)))
        return found


class Blocklist(NamedTuple):
    """A list in the DNS: the map, its zone, the reply, what a failing lookup does ("t": a temporary refusal), and the
    answers, as they are in a rule, for which a client is refused."""

    map: str
    zone: str
    message: str
    failing: str
    results: tuple[str, ...]


def wanted(facts: Facts, sink: Sink) -> Wanted:
    """What the .mc asks for; what we do not have is reported to ``sink``, and then nothing is to be built."""
    features: dict[str, tuple[str, ...]] = {}
    for fact in facts.calls:
        _check(fact, sink)
        if fact.name == "FEATURE":
            features[_SAME.get(fact.argument(1), fact.argument(1))] = fact.arguments[1:]
    for name, known in support.VALUES.items():
        if known.state is SupportState.LACKING and name in facts.values:
            _report(sink, SM053, f"our own sendmail.cf does not have {name}", known, facts.defined.get(name))
    for name, span in facts.defined.items():
        if _OURS.fullmatch(name) and name not in _KNOWN:
            _report(sink, SM053, f"our own sendmail.cf does not have {name}", None, span, _KNOWN, name)
    found = Wanted(facts.values, features, facts)
    _combinations(found, sink)
    found.mailers = mailer_lines(facts, found.has, found.argument)
    return found


def _combinations(site: Wanted, sink: Sink) -> None:
    """Report FEATUREs that do nothing without another one, and arguments that we do not have."""
    for fact in site.facts.named("FEATURE"):
        feature = _SAME.get(fact.argument(1), fact.argument(1))
        needs_access = feature in _NEED_ACCESS or (feature == "delay_checks" and fact.argument(2))
        if needs_access and not site.has("access_db"):
            message = f"FEATURE(`{feature}') does nothing without FEATURE(`access_db')"
            sink.report(SM054, message, fact.span, hint="add FEATURE(`access_db')dnl")
        if feature in ("ratecontrol", "conncontrol") and fact.argument(2) == "nodelay" and not site.delays:
            message = f"FEATURE(`{feature}', `nodelay') does nothing without FEATURE(`delay_checks')"
            sink.report(SM054, message, fact.span, hint="remove `nodelay'")
        for number, known in _ARGUMENTS.get(feature, {}).items():
            if fact.argument(number) not in known:
                message = f"FEATURE(`{feature}') is not supported with `{fact.argument(number)}'"
                sink.report(SM054, message, fact.span, hint="use sendmail's library of m4 macros (--cf-library)")


def _check(fact: Fact, sink: Sink) -> None:
    """Report a call of which we cannot do what it asks."""
    if fact.name in _KINDS:
        names, code = _KINDS[fact.name]
        name = fact.argument(1)
        known = names.get(name)
        if known is None or known.state is SupportState.LACKING:
            _report(
                sink, code, f"our own sendmail.cf does not have {fact.name}(`{name}')", known, fact.span, names, name
            )
        elif fact.name == "FEATURE" and fact.argument(2) in _SPECIAL:
            sink.report(
                SM054,
                f"FEATURE(`{name}') is not supported with a table of {fact.argument(2)}",
                fact.span,
                hint="name a file",
            )
        return
    known = support.STATEMENTS.get(fact.name) or support.SECTIONS.get(fact.name)
    if known is not None and known.state is SupportState.LACKING:
        _report(sink, SM053, f"our own sendmail.cf does not have {fact.name}", known, fact.span)


def _report(
    sink: Sink,
    code: Code,
    message: str,
    known: Support | None,
    span: Span | None,
    names: Iterable[str] | None = None,
    name: str = "",
) -> None:
    near = alike(name, list(names or ()), 1) if known is None and name else []
    hint = f"did you mean `{near[0]}'?" if near else "build with sendmail's library of m4 macros (--cf-library)"
    note = f": {known.note}" if known is not None and known.note else ""
    sink.report(code, message + note, span, hint=hint)
