"""A compiled restriction list, and those of its rules that are made of tables, classes and policy services.

`mailconf.postfix.policy.restrictions` compiles them; `mailconf.postfix.policy.rule` says what a rule is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from mailconf.model.distinction import Dimension, Distinction, Form
from mailconf.model.session import ClientCertificate
from mailconf.postfix.policy.access import DEPTH, Access, apply, distinguished
from mailconf.postfix.policy.checks import permit
from mailconf.postfix.policy.evaluation import (
    CERTIFICATE,
    CLIENT,
    DUNNO,
    ETRN,
    HELO,
    LOGIN,
    PERMIT,
    RECIPIENT,
    REJECT,
    REVERSE_CLIENT,
    SENDER,
    Asked,
    Decision,
    Evaluation,
)
from mailconf.postfix.policy.rule import Check, Reach, recipient_class, sender_class
from mailconf.postfix.policy.servers import DIMENSIONS, never_permitting
from mailconf.source import Span

_NO_SHORTHAND = (
    "specify one of (check_client_access, check_reverse_client_hostname_access, check_helo_access, "
    "check_sender_access, check_recipient_access, check_etrn_access)"
)
_TOLD_TO_SERVICES = (
    Dimension.CLIENT,
    Dimension.NAME,
    Dimension.REVERSE_NAME,
    Dimension.HELO,
    Dimension.SENDER,
    Dimension.RECIPIENT,
    Dimension.LOGIN,
    Dimension.SESSION,
)


class Rule(NamedTuple):
    """One restriction with its argument: ``name`` as written, ``check`` what it does.

    ignored  what the log has of the restrictions after this one, which are never reached
    """

    name: str
    check: Check
    span: Span | None = None
    warn: bool = False
    ignored: str = ""  # what the log has of the words that follow this one


# Restrictions whose permissions the log may have, and what they are about; "" is what their list is about.
_PERMITS = {
    "permit": "",
    **dict.fromkeys(("permit_auth_destination", "permit_mx_backup"), RECIPIENT),
    **dict.fromkeys(
        (
            *("permit_mynetworks", "permit_inet_interfaces", "permit_naked_ip_address", "permit_sasl_authenticated"),
            *("permit_tls_clientcerts", "permit_tls_all_clientcerts"),
        ),
        CLIENT,
    ),
}


def _about(ev: Evaluation, what: str, subject: Asked) -> Asked:
    if what == CLIENT:
        return Asked(ev.client, CLIENT)
    return Asked(ev.recipient or "", RECIPIENT) if what == RECIPIENT else subject


class RuleList(NamedTuple):
    """The restrictions of one parameter."""

    parameter: str
    rules: tuple[Rule, ...]
    who: str = ""

    async def run(self, ev: Evaluation, subject: Asked) -> Decision:
        """The first decision; DUNNO when there is none."""
        for rule in self.rules:
            outer = ev.warn
            ev.warn = outer or rule.warn
            with ev.ask.trace.step(rule.name, subject.name, rule.span) as step:
                status = await rule.check.evaluate(ev, subject)
                refused = ev.refusal if status is REJECT else None
                step.result = f"{refused.code} {refused.status} {refused.text}" if refused else status.value
            if rule.ignored and (not ev.warn or rule.check.evaluate is permit):
                ev.warn_of(rule.ignored)
            ev.warn = outer
            if status is PERMIT and rule.name in _PERMITS:
                await ev.permitted(rule.name, _about(ev, _PERMITS[rule.name], subject))
            if status is not DUNNO:
                ev.rule = ev.rule or rule.name
                return status
            if ev.defer_if_permit is not None and ev.defer_if_reject is not None:
                return DUNNO  # whatever came of the rest, the client would be told to come again
        return DUNNO

    def distinguishes(self, reach: Reach) -> Iterator[Distinction]:
        """What its rules look at."""
        who, reach.who = reach.who, self.who or reach.who
        for rule in self.rules:
            for found in rule.check.distinguishes(reach):
                named = found if found.rule else found._replace(rule=rule.name)
                yield named if named.span else named._replace(span=rule.span)
        reach.who = who


@dataclass(slots=True, eq=False, repr=False)
class Broken:
    """What cannot be evaluated: the client hears of an error of the server's, the log has ``warnings``."""

    warnings: tuple[str, ...] = ()

    async def evaluate(self, ev: Evaluation, subject: Asked) -> Decision:
        return ev.server_error(*self.warnings)

    def distinguishes(self, reach: Reach) -> Iterator[Distinction]:
        return iter(())


@dataclass(slots=True, eq=False, repr=False)
class Telling:
    """A restriction of which the log has a warning each time, or once."""

    check: Check
    warning: str
    once: str = ""

    async def evaluate(self, ev: Evaluation, subject: Asked) -> Decision:
        ev.warn_of(self.warning, once=self.once)
        return await self.check.evaluate(ev, subject)

    def distinguishes(self, reach: Reach) -> Iterator[Distinction]:
        return self.check.distinguishes(reach)


@dataclass(slots=True, eq=False, repr=False)
class ByAccess:
    """check_WHO_access: which key the table is asked for, and about whom; "" is what the list is about."""

    access: Access
    who: str
    word: str

    async def evaluate(self, ev: Evaluation, subject: Asked) -> Decision:
        session, access = ev.session, self.access
        who = self.who or ev.who
        if not who:
            return ev.server_error(f'{_NO_SHORTHAND} before {subject.what} restriction "{self.word}"')
        if who == "client":
            return await access.host(ev, session.client_name.text, session.client_address, Asked(ev.client, CLIENT))
        if who == "reverse_client_hostname":
            about = Asked(session.reverse_name.text, REVERSE_CLIENT)
            status = await access.host(ev, session.reverse_name.text, session.client_address, about)
            return never_permitting(ev, status, self.word, session.reverse_name.text)
        if who == "helo":
            helo = session.helo
            return DUNNO if helo is None else await access.domain(ev, helo, Asked(helo, HELO)) or DUNNO
        if who == "sender":
            return await _mail_access(ev, access, session.sender, SENDER)
        if who == "recipient":
            return await _mail_access(ev, access, ev.recipient, RECIPIENT)
        if who == "ccert":
            return await self._certificate(ev)
        if who == "sasl":
            login = session.sasl_username
            return await access.exact(ev, login, Asked(login, LOGIN)) if login and ev.settings.sasl else DUNNO
        etrn = ev.etrn
        return await access.domain(ev, etrn, Asked(etrn, ETRN)) or DUNNO if etrn else DUNNO

    async def _certificate(self, ev: Evaluation) -> Decision:
        """The fingerprint of the client's certificate, then that of its key."""
        found = ev.session.certificate
        if found is None:
            return DUNNO
        about = Asked(found.subject, CERTIFICATE)
        status = await self.access.exact(ev, found.fingerprint, about)
        return await self.access.exact(ev, found.key_fingerprint, about) if status is DUNNO else status

    def distinguishes(self, reach: Reach) -> Iterator[Distinction]:
        who = self.who or reach.who
        if who in ("client", "reverse_client_hostname"):
            name = DIMENSIONS[who]
            yield from self.access.distinguishes_host(reach, name, Dimension.CLIENT)
        elif who == "helo":
            yield from self.access.distinguishes_host(reach, Dimension.HELO, Dimension.HELO)
        elif who == "sender":
            yield from sender_class(reach)
            yield from self.access.distinguishes_mail(reach, Dimension.SENDER)
        elif who == "recipient":
            yield from recipient_class(reach)
            yield from self.access.distinguishes_mail(reach, Dimension.RECIPIENT)
        elif who in ("ccert", "sasl"):
            yield from self.access.distinguishes_exact(reach, Dimension.LOGIN if who == "sasl" else Dimension.SESSION)


@dataclass(slots=True, eq=False, repr=False)
class Each:
    """Several restrictions in the place of one."""

    members: tuple[Check, ...]

    async def evaluate(self, ev: Evaluation, subject: Asked) -> Decision:
        for member in self.members:
            status = await member.evaluate(ev, subject)
            if status is not DUNNO:
                return status
        return DUNNO

    def distinguishes(self, reach: Reach) -> Iterator[Distinction]:
        for member in self.members:
            yield from member.distinguishes(reach)


@dataclass(slots=True, eq=False, repr=False)
class OfClass:
    """A restriction class; compiled at its first use, so that classes may name each other."""

    name: str
    compiled: Callable[[str], RuleList]

    async def evaluate(self, ev: Evaluation, subject: Asked) -> Decision:
        if ev.depth >= DEPTH:
            return ev.server_error()
        ev.depth += 1
        try:
            return await self.compiled(self.name).run(ev, subject)
        finally:
            ev.depth -= 1

    def distinguishes(self, reach: Reach) -> Iterator[Distinction]:
        entered = f"{self.name} {reach.who}"
        if entered not in reach.entered:
            reach.entered.add(entered)
            yield from self.compiled(self.name).distinguishes(reach)


@dataclass(slots=True, eq=False, repr=False)
class PolicyService:
    """check_policy_service (SMTPD_POLICY_README); ``default`` is the action where the service gives none."""

    endpoint: str
    default: str
    compiled: Callable[[str], RuleList]

    async def evaluate(self, ev: Evaluation, subject: Asked) -> Decision:
        answer = await ev.ask.policy_service(self.endpoint, policy_attributes(ev))
        action = answer.value if answer.found else self.default
        return await apply(ev, self.endpoint, action, subject, self.compiled, "policy query")

    def distinguishes(self, reach: Reach) -> Iterator[Distinction]:
        for dimension in _TOLD_TO_SERVICES:
            yield Distinction("", dimension, Form.SERVICE, self.endpoint, exact=False)
        for action in (self.default, *reach.values(self.endpoint)):
            yield from distinguished(action, self.compiled, reach)


async def _mail_access(ev: Evaluation, access: Access, address: str | None, what: str) -> Decision:
    if address is None:
        return DUNNO
    if not address:
        return await access.exact(ev, ev.settings.null_access_key, Asked("", what))
    found = await (ev.resolved_sender() if what == SENDER else ev.resolved_recipient())
    if found.failed is not None:
        return ev.lookup_failure(address, found.failed)
    status = await access.mail(ev, found.recipient.lower(), Asked(address, what))
    if status is PERMIT and what == RECIPIENT and found.routed and not ev.settings.allow_untrusted_routing:
        return DUNNO  # where the mail would go in the end, the table does not know
    return status


def policy_attributes(ev: Evaluation) -> dict[str, str]:
    """What a policy service is told (SMTPD_POLICY_README), in the original's order."""
    session = ev.session
    certificate = session.certificate or ClientCertificate()
    return {
        "request": "smtpd_access_policy",
        "protocol_state": ev.where,
        "protocol_name": session.protocol,
        "client_address": session.client_address,
        "client_name": session.client_name.text,
        "client_port": session.client_port,
        "reverse_client_name": session.reverse_name.text,
        "server_address": session.server_address,
        "server_port": session.server_port,
        "helo_name": session.helo or "",
        "sender": session.sender or "",
        "recipient": ev.recipient or "",
        "recipient_count": str(len(session.recipients) if ev.where in ("DATA", "BDAT", "END-OF-MESSAGE") else 0),
        "queue_id": session.queue_id,
        "instance": "",
        "size": str(session.size or session.sender_parameters.get("SIZE", 0)),
        "etrn_domain": ev.etrn,
        "stress": "",
        "sasl_method": session.sasl_method,
        "sasl_username": session.sasl_username,
        "sasl_sender": "",
        "ccert_subject": certificate.subject,
        "ccert_issuer": certificate.issuer,
        "ccert_fingerprint": certificate.fingerprint,
        "ccert_pubkey_fingerprint": certificate.key_fingerprint,
        "encryption_protocol": session.tls_protocol,
        "encryption_cipher": session.tls_cipher,
        "encryption_keysize": str(session.tls_bits),
        "policy_context": ev.settings.policy_context,
    }
