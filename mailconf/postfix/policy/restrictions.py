"""Restriction lists: compiled when the configuration loads, run in their order (SMTPD_ACCESS_README).

A list is words: restrictions, some with an argument; ``type:table``, short for the list's own check_..._access; the
names of restriction classes; ``warn_if_reject`` in front of any of them. Names are read without regard to case. What is
wrong is a Diagnostic at its place in main.cf, and at run time the client's 451 "Server configuration error" when the
evaluation gets there, as in the original.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailconf.diagnostics import Sink
from mailconf.edits import Fix, misspelled, swapped
from mailconf.postfix.parameters.releases import MX_BACKUP_LEAVES, RESTRICTIONS_REMOVED
from mailconf.postfix.parameters.similar import similar
from mailconf.postfix.policy import checks, dns_checks, listings, reply_templates
from mailconf.postfix.policy.access import Access
from mailconf.postfix.policy.codes import PF201, PF202, PF203, PF204, PF205, PF207, PF220, PF221, PF239
from mailconf.postfix.policy.restriction_list import (
    Broken,
    ByAccess,
    Each,
    OfClass,
    PolicyService,
    Rule,
    RuleList,
    Telling,
)
from mailconf.postfix.policy.rule import Check, Simple
from mailconf.postfix.policy.servers import ByServers
from mailconf.postfix.policy.smtpd_settings import Settings
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.text.expand import MacroError
from mailconf.postfix.text.words import Word, split_words, table_spec, unbraced
from mailconf.source import Span
from mailconf.tables.restriction_words import ARGUMENTS, Argument, ArgumentKind

_OUTDATED = {
    "check_relay_domains": "reject_unauth_destination",
    "check_recipient_maps": "reject_unlisted_recipient",
    "permit_naked_ip_address": "permit_mynetworks",
    "reject_maps_rbl": "reject_rbl_client",
    "reject_rbl": "reject_rbl_client",
    "reject_unknown_client": "reject_unknown_client_hostname",
    "reject_unknown_hostname": "reject_unknown_helo_hostname",
    "reject_invalid_hostname": "reject_invalid_helo_hostname",
    "reject_non_fqdn_hostname": "reject_non_fqdn_helo_hostname",
    "reject_unknown_address": "reject_unknown_sender_domain",
}
# Names of them that did something else, or took other arguments, than those that took their place.
_OTHERWISE = frozenset(
    {"check_relay_domains", "permit_mx_backup", "permit_naked_ip_address", "reject_maps_rbl", "reject_rbl"}
)
# smtpd 3.7 warns that these will be removed; from 3.9 on they are server errors.
_REMOVED = frozenset({"check_relay_domains", "permit_naked_ip_address", "reject_maps_rbl"})
_MAPS_RBL = "reject_maps_rbl"
_MX_BACKUP = "permit_mx_backup"
_RBL_REPLY = "default_rbl_reply"
_NO_PROBES = frozenset({"reject_unverified_sender", "reject_unverified_recipient"})
# What makes a list safe: without one of these the server would relay (postconf(5) smtpd_relay_restrictions).
_GUARDS = frozenset(
    {
        "reject_unauth_destination",
        "defer_unauth_destination",
        "reject",
        "defer",
        "defer_if_permit",
        "check_relay_domains",
    }
)
_TABLE_CHECKS = tuple(word for word, takes in ARGUMENTS.items() if takes.kind is ArgumentKind.TABLE and not takes.by)
_MOST_HINTS = 20  # names for which similar ones are looked for
_WARN = "warn_if_reject"
_SASL_ACCESS = "check_sasl_access"
_NOBODY = "nobody"  # whose tables are never asked
_FINAL = ("permit", "defer", "reject", "check_relay_domains")  # smtpd(8) warns of what follows them
_NO_SASL = "restriction `{}' ignored: no SASL support"
_WILL_LEAVE = 'support for restriction "{}" will be removed from Postfix; use "{}" instead'
_SIMPLE: dict[str, Simple] = {**checks.CHECKS, **dns_checks.CHECKS}


class Compiler:
    """Compiles the restriction lists of one configuration."""

    def __init__(
        self, configuration: Configuration, settings: Settings, sink: Sink, class_names: frozenset[str] | None = None
    ) -> None:
        """class_names: those of smtpd_restriction_classes, where the caller has them."""
        self._configuration = configuration
        self._settings = settings
        self._sink = sink
        self._default_type = configuration.value("default_database_type")
        version = configuration.postfix.version
        self._gone = _REMOVED if version >= RESTRICTIONS_REMOVED else frozenset()
        self._outdated = {**_OUTDATED, **({_MX_BACKUP: "relay_domains"} if version >= MX_BACKUP_LEAVES else {})}
        if class_names is None:
            class_names = frozenset(configuration.words("smtpd_restriction_classes"))
        self.class_names = class_names
        self._classes: dict[str, RuleList] = {}
        self._values: dict[str, RuleList] = {}
        self._hints = iter(range(_MOST_HINTS))
        self._rbl_reply_seen = False

    def compile(self, parameter: str, who: str = "") -> RuleList:
        """The list that ``parameter`` holds; ``who`` ("client", "helo", ...) is what a bare table is asked about."""
        words = split_words(self._configuration.value(parameter))
        return RuleList(parameter, tuple(self._rules(parameter, words)), who)

    def _span(self, parameter: str, word: Word) -> Span | None:
        return self._configuration.word_span(parameter, word.text, word.offset)

    def _place(self, parameter: str, word: Word) -> Span | None:
        """Where a finding about a word belongs, also where a default has it: a class may have a parameter's name."""
        return self._span(parameter, word) or self._configuration.place(parameter)

    def _rules(self, parameter: str, words: Sequence[Word]) -> list[Rule]:
        rules: list[Rule] = []
        warn, at, final = False, 0, ""
        while at < len(words):
            word = words[at]
            name = word.text.lower()
            at += 1
            if name == "warn_if_reject":
                warn = True
                continue
            if final:
                self._sink.report(
                    PF203,
                    f'"{word.text}" in {parameter} is never reached: {final} decides before it',
                    self._place(parameter, word),
                    hint=f"move it before {final}, or remove it",
                )
                break
            argument = words[at] if at < len(words) else None
            check, used = self._check(parameter, word, argument)
            at += used
            shown = f"{word.text} {argument.text}" if used and argument else word.text
            ignored = ""
            if name in _FINAL and at < len(words):
                ignored = f"restriction `{words[at].text}' after `{name}' is ignored"
            shown = f"warn_if_reject {shown}" if warn else shown
            rules.append(Rule(shown, check, self._span(parameter, word), warn, ignored))
            final = name if name in ("permit", "reject", "defer") and not warn else ""
            warn = False
        return rules

    def _check(self, parameter: str, word: Word, argument: Word | None) -> tuple[Check, int]:
        """The check that a word stands for, and how many further words it takes."""
        name = word.text.lower()
        if name in self._gone:
            self._report_gone(parameter, word, name)
            return Broken((f'unknown smtpd restriction: "{word.text}"',)), 0
        if name in self._outdated:
            self._report_outdated(parameter, word, name)
        if name == _MAPS_RBL:
            each = Each(
                tuple(self._listed(parameter, word, "reject_rbl_client", d) for d in self._settings.rbl_domains)
            )
            return Telling(each, _WILL_LEAVE.format(name, "reject_rbl_client domain-name"), once=name), 0
        if name in _NO_PROBES:
            self._report_probe(parameter, word)
        if name in _SIMPLE:
            return _told(name, _SIMPLE[name]), 0
        if _is_table(word.text):
            return ByAccess(self._table(word.text), "", word.text), 0
        if word.text in self.class_names:  # whose names alone are read as they are written
            return OfClass(word.text, self._class_list), 0
        takes = ARGUMENTS.get(name)
        if takes is None:
            self._sink.report(
                PF201,
                f'there is no restriction "{word.text}"',
                self._place(parameter, word),
                hint=(hint := self._correction(name)),
                fix=self._corrected(parameter, word, hint),
            )
            return Broken((f'unknown smtpd restriction: "{word.text}"',)), 0
        if argument is None or not _fits(takes.kind, argument.text):
            self._report_argument(parameter, word, takes)
            return _without_argument(word.text, name, takes.kind, argument), 0
        return self._with_argument(parameter, word, takes, argument.text), 1

    def knows(self, word: str) -> bool:
        """Whether a list, or the value of an access table, may name this restriction or restriction class."""
        name = word.lower()
        if name in self._gone:
            return False
        return name in _SIMPLE or name in (_MAPS_RBL, _WARN) or word in self.class_names or name in ARGUMENTS

    def _with_argument(self, parameter: str, word: Word, takes: Argument, text: str) -> Check:
        """The restriction ``word`` with its argument."""
        if takes.kind is ArgumentKind.TABLE:
            access = self._table(text)
            if takes.by:
                return ByServers(access, takes.about, takes.by, word.text)
            by = ByAccess(access, takes.about or _NOBODY, word.text)
            no_login = word.text.lower() == _SASL_ACCESS and not self._settings.sasl
            return Telling(by, _NO_SASL.format(word.text)) if no_login else by
        if takes.kind is ArgumentKind.ZONE:
            return self._listed(parameter, word, word.text.lower(), text)
        if takes.kind is ArgumentKind.SERVICE:
            return self._policy_service(text)
        return checks.ALWAYS_DUNNO  # sleep

    def _listed(self, parameter: str, word: Word, name: str, domain: str) -> Check:
        if listings.ACTS[name] is listings.refuse_listed and not self._rbl_reply_seen:
            self._rbl_reply_seen = True
            self._check_rbl_reply()
        found = listings.Listed.of(domain, name)
        if found.pattern.problem:
            self._sink.report(
                PF239,
                f"{domain}: {found.pattern.problem}; smtpd ends when it asks this list",
                self._place(parameter, word),
                hint="write four numbers, or [n;n..m] in the place of one, as in 127.0.0.[2..11]",
            )
        return found

    def _table(self, table: str) -> Access:
        return Access(table_spec(table, self._default_type), self._compiled)

    def _class_list(self, name: str) -> RuleList:
        found = self._classes.get(name)
        if found is None:
            found = self._classes[name] = self.compile(name)
        return found

    def compile_classes(self) -> None:
        """Compile every class for its Diagnostics' sake."""
        for name in sorted(self.class_names):
            if not self._configuration.is_set(name):
                span = self._configuration.place("smtpd_restriction_classes")
                self._sink.report(
                    PF201,
                    f'the restriction class "{name}" is not defined',
                    span,
                    hint=f"add a line: {name} = ...",
                )
            self._class_list(name)

    def _compiled(self, value: str) -> RuleList:
        """Restrictions that stand in a table; they have no tables of their own."""
        rules = self._values.get(value)
        if rules is None:
            rules = self._values[value] = self._value_list(value)
        return rules

    def _value_list(self, value: str) -> RuleList:
        words = split_words(value)
        quiet = Compiler(self._configuration, self._settings, Sink())
        quiet._classes = self._classes
        return RuleList(value, tuple(quiet._rules("smtpd_restriction_classes", words)))

    def _policy_service(self, argument: str) -> Check:
        """check_policy_service: ``type:place`` or ``{ type:place, default_action=... }`` (SMTPD_POLICY_README)."""
        words = split_words(unbraced(argument), ",\t\r\n" if argument.startswith("{") else ", \t\r\n")
        endpoint = words[0].text.strip() if words else ""
        options = dict(unbraced(w.text.strip()).split("=", 1) for w in words[1:] if "=" in w.text)
        default = options.get("default_action", self._settings.policy_default_action).strip()
        return PolicyService(endpoint, default, self._compiled)

    # Diagnostics

    def _correction(self, name: str) -> str:
        """What to write instead of a restriction that there is not."""
        simple = (other for other in _SIMPLE if other not in self._gone)
        names = (*simple, *listings.ACTS, *self.class_names, "check_policy_service", *_TABLE_CHECKS)
        near = similar(name, names) if next(self._hints, None) is not None else ""
        if near:
            return f"did you mean {near}?"
        if "." in name:
            return "remove it, or write reject_rbl_client before it, if it is a list in the DNS"
        return "remove it, or define a class of that name, and name it in smtpd_restriction_classes"

    def _corrected(self, parameter: str, word: Word, hint: str) -> Fix:
        """The edit by which a misspelled restriction becomes the one that `_correction` names."""
        near = misspelled(word.text, (*_SIMPLE, *ARGUMENTS)) if hint.startswith("did you mean") else ""
        return swapped(self._place(parameter, word), word.text, near) if near else ()

    def _check_rbl_reply(self) -> None:
        """Report a default_rbl_reply that gives no refusal."""
        name, template = _RBL_REPLY, self._settings.default_rbl_reply
        span = self._configuration.place(name)
        if wrong := reply_templates.problem(template):
            hint = "see postconf(5), default_rbl_reply, for its names"
            self._sink.report(PF220, f"{name}: {wrong}; smtpd ends when a client is listed", span, hint=hint)
            return
        values = dict.fromkeys(reply_templates.RBL_NAMES, "x")
        values["rbl_code"] = str(self._settings.codes["maps_rbl_reject_code"])
        try:
            text = reply_templates.filled(template, values, self._settings.expansion_filter)
        except MacroError:
            return
        if self._configuration.is_set(name) and reply_templates.refusal_of(text) is None:
            message = f"{name} begins with no 4xx or 5xx: Postfix answers 450 4.7.1 Service unavailable instead"
            self._sink.report(PF221, message, span, hint="begin with $rbl_code and a blank")

    def _report_outdated(self, parameter: str, word: Word, name: str) -> None:
        leaves = name in _REMOVED or name == _MX_BACKUP
        self._sink.report(
            PF205,
            f"{word.text} will be removed from Postfix" if leaves else f"{word.text} is an old name",
            self._place(parameter, word),
            hint=f"write {_OUTDATED[name]}" if name in _OUTDATED else f"set {self._outdated[name]} instead",
            fix=() if name in _OTHERWISE else swapped(self._place(parameter, word), word.text, _OUTDATED.get(name, "")),
        )

    def _report_gone(self, parameter: str, word: Word, name: str) -> None:
        self._sink.report(
            PF201,
            f'there is no restriction "{word.text}" any more: it was removed in Postfix 3.9',
            self._place(parameter, word),
            hint=f"write {_OUTDATED[name]}",
        )

    def _report_probe(self, parameter: str, word: Word) -> None:
        self._sink.report(
            PF207,
            f"{word.text} needs probes, which explain does not send: it defers every address",
            self._place(parameter, word),
            hint="the real Postfix evaluates it",
        )

    def _report_argument(self, parameter: str, word: Word, takes: Argument) -> None:
        needs = takes.kind.value
        self._sink.report(
            PF202,
            f"{word.text} needs {needs} after it",
            self._place(parameter, word),
            hint=f"write {word.text} and {needs}",
        )

    def check_guard(self, *parameters: str) -> bool:
        """Whether one of these lists keeps the server from relaying for everybody (PF204 when not).

        As in the original, it is enough that the word is there; what follows ``permit`` does not count, nor the word
        after ``warn_if_reject``.
        """
        for parameter in parameters:
            warned = False
            for word in split_words(self._configuration.value(parameter)):
                warned, logged = word.text.lower() == _WARN, warned
                if word.text.lower() in _GUARDS and not logged:
                    return True
                if word.text.lower() == "permit":
                    break
        where = self._configuration
        relay, recipient = (where.value_span(f"smtpd_{of}_restrictions") for of in ("relay", "recipient"))
        self._sink.report(
            PF204,
            "smtpd does not start: neither smtpd_relay_restrictions nor smtpd_recipient_restrictions refuses mail "
            "for other domains",
            relay or recipient or where.place("smtpd_relay_restrictions"),
            hint=self._guard(*parameters),
        )
        return False

    def _guard(self, *parameters: str) -> str:
        """What to write so that the server refuses mail for other domains."""
        configuration = self._configuration
        relay = "smtpd_relay_restrictions"
        if not configuration.is_set(relay) and not configuration.value(relay):
            return f"set compatibility_level = 3.6: from 1 on, {relay} refuses such mail by default"
        for parameter in parameters:
            if any(word.text.lower() == "permit" for word in split_words(configuration.value(parameter))):
                return f"write reject_unauth_destination before permit in {parameter}"
        return f"put reject_unauth_destination at the end of {relay}"


def _fits(kind: ArgumentKind, text: str) -> bool:
    """Whether a word can be the argument of a restriction that takes one of this kind."""
    if kind is ArgumentKind.TABLE:
        return ":" in text or "/" in text
    if kind is ArgumentKind.SERVICE:
        return ":" in text
    return kind is not ArgumentKind.NUMBER or (text.isascii() and text.isdigit())


def _without_argument(written: str, name: str, kind: ArgumentKind, argument: Word | None) -> Check:
    """What a restriction does whose argument is missing, or is none."""
    if kind is ArgumentKind.ZONE:
        return Telling(checks.ALWAYS_DUNNO, f"restriction {written} requires domain name argument")
    if kind is ArgumentKind.TABLE:
        bad = written if argument is None else argument.text
        return Broken((f'restriction {name}: bad argument "{bad}": need maptype:mapname',))
    needs = "transport:server" if kind is ArgumentKind.SERVICE else "number"
    return Broken((f"restriction {name} must be followed by {needs}",))


def _told(name: str, check: Simple) -> Check:
    """``check``, with what smtpd(8) logs of a restriction that will leave Postfix."""
    if name == "permit_naked_ip_address":
        instead = "Use permit_mynetworks or permit_sasl_authenticated instead"
        return Telling(check, f"restriction {name} is deprecated. {instead}")
    return check


def _is_table(text: str) -> bool:
    head, colon, rest = text.partition(":")
    return bool(colon and head and rest) and "{" not in head and "=" not in head
