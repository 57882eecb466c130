"""What decided about a recipient: a trace, in which everything stands that was asked, cut down to rows for a person.

A row has a stage (client, sender, recipient, alias, class, route, rewrite, sending, deliver), what decided there, what
came of it, and the place of that: the entry of a table before the rule that asked the table. Lists that came to nothing
are one row, what found nothing is none, and a fact that a later row has as well is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from mailconf.insight.explain.outcome import Answer
from mailconf.model.inquiry import CONTENT, Answered, Destination, Inquiry, with_onward
from mailconf.model.site import Setting, Site
from mailconf.model.trace import Step
from mailconf.model.world import Outcome
from mailconf.source import Span

STAGES = {
    "smtpd_client_restrictions": "client",
    "smtpd_helo_restrictions": "helo",
    "smtpd_sender_restrictions": "sender",
    "smtpd_relay_restrictions": "relay",
    "smtpd_recipient_restrictions": "recipient",
    "smtpd_data_restrictions": "data",
    "smtpd_end_of_data_restrictions": "content",
    "smtpd_reject_unlisted_sender": "sender",
    "smtpd_reject_unlisted_recipient": "recipient",
}
COMMANDS = {"connect": "client", "EHLO": "helo", "MAIL": "sender", "RCPT": "recipient", "DATA": "data", ".": "content"}
COMMANDS[CONTENT] = "content"
SENT = "sending"  # what is looked at where a message leaves
_TABLE = re.compile(r"[a-z0-9_-]+:\S")
_TABLE_WORD = re.compile(r" [a-z0-9_-]+:(?:\{.*|/\S*)\Z", re.DOTALL)
_REFUSED = re.compile(r"[45][0-9][0-9] ")
_MAILER = re.compile(r"\$# (?P<mailer>\S+)(?: \$@ (?P<host>.*?))?(?: \$: (?P<user>.*))?\Z")
_REFUSING_VALUE = re.compile(r"(?:REJECT|DISCARD|QUARANTINE|ERROR:|[45][0-9][0-9][ :])", re.IGNORECASE)
# What is found there says nothing about why: one value for everything, and a line of passwd(5).
_FIXED = ("static:", "unix:passwd.byname", "proxy:unix:passwd.byname")
_SHOWN_ELSEWHERE = frozenset({"dns", "hosts", "user", "check_policy_service"})
_LISTS = {
    "local": "mydestination",
    "virtual alias": "virtual_alias_domains",
    "virtual mailbox": "virtual_mailbox_domains",
    "relay": "relay_domains",
}


class Row(NamedTuple):
    """See the module. ``span`` is None where there is no place."""

    stage: str
    what: str
    result: str
    span: Span | None = None


class Decider(NamedTuple):
    """What refused: a rule, the key of the table's entry that it found, and the place of the entry or of the rule."""

    rule: str
    key: str = ""
    span: Span | None = None


def decider_of(answer: Answer) -> Decider | None:
    """What decided a refusal; None where the protocol alone did, or nothing is known."""
    last: Decider | None = None
    steps = answer.step.verdict.trace.steps
    for at, step in enumerate(steps):
        found = _refusing(step)
        last = (
            _behind(found, steps[:at]) if found is not None and step.subject.startswith("ruleset ") else found or last
        )
    if last is None and answer.step.verdict.rule:
        return Decider(answer.step.verdict.rule)
    return last


def _behind(rule: Decider, before: Sequence[Step]) -> Decider:
    """The entry of a table that made a rule of sendmail's refuse, where one did; else the rule."""
    for step in reversed(before):
        if _is_table(step) and _REFUSING_VALUE.match(step.result):
            return Decider(step.subject, step.detail, step.span)
        if step.subject.startswith("ruleset "):
            break
    return rule


def _refusing(step: Step) -> Decider | None:
    """The rule within ``step`` that refused, as deep as the trace has one."""
    if _is_table(step):
        return None
    inner = next(filter(None, map(_refusing, reversed(step.steps))), None)
    if inner is not None:
        return inner
    if _REFUSED.match(step.result) or step.result == "reject":
        entry = next((s for s in reversed(step.steps) if _is_table(s) and s.counts), None)
        if entry is not None:
            return Decider(_word(step.subject), entry.detail, entry.span or step.span)
        return Decider(step.subject, "", step.span)
    mailer = _MAILER.match(step.result)
    if step.subject.startswith("ruleset ") and mailer and mailer["mailer"] in ("error", "discard"):
        return Decider(step.subject, "", step.span)
    return None


def rows_of_commands(steps: Iterable[Answered], *, refused: Decider | None = None) -> list[Row]:
    """The rows of commands; what refused is told elsewhere, and is left out."""
    found: list[Row] = []
    for step in steps:
        stage = COMMANDS.get(step.command.partition(" ")[0], "")
        for part in step.verdict.trace.steps:
            found += _rows(part, stage, refused)
    return _once(found)


def rows_of_inspection(inquiry: Inquiry) -> list[Row]:
    """The lines of an accepted message that a check has acted upon."""
    found = inquiry.inspection
    if found is None or found.reply is not None:
        return []
    return _once(row for step in found.trace.steps for row in _rows(step, COMMANDS[CONTENT], None))


def _rows(step: Step, stage: str, refused: Decider | None) -> Iterator[Row]:
    stage = STAGES.get(step.subject, stage)
    if step.subject.endswith("_restrictions") and step.steps:
        yield from _of_list(step, stage, refused)
    elif step.steps:
        yield from _of_rule(step, stage, refused)
    else:
        yield from _of_leaf(step, stage, refused)


def _of_list(step: Step, stage: str, refused: Decider | None) -> Iterator[Row]:
    told = [row for rule in step.steps for row in _of_rule(rule, stage, refused)]
    count = len(step.steps)
    if step.result == "reject":
        yield from told
        span = step.steps[-1].span
        if refused is not None and span != refused.span:
            yield Row(stage, step.subject, f"refused by rule {count}", span)
    elif told:
        yield from told
    else:
        yield Row(stage, step.subject, f"passed ({count} rule{'s' * (count != 1)})", step.steps[0].span)


def _of_rule(rule: Step, stage: str, refused: Decider | None) -> Iterator[Row]:
    """A restriction: the entries that it found, or what it came to."""
    entries = [s for s in rule.steps if _is_table(s) and s.counts and not s.subject.startswith(_FIXED)]
    inner = [s for s in rule.steps if s.steps]
    for entry in entries:
        span = entry.span or rule.span
        told = refused is not None and (span, entry.detail) == (refused.span, refused.key)
        if not told or entry.result.startswith(Outcome.FAILED.value):
            yield Row(stage, _word(rule.subject), f"{entry.detail}: {entry.result}", span)
    for step in inner:
        yield from _of_rule(step, stage, refused)
    if rule.result == "permit" and not entries:
        by = next((s for s in rule.steps if s.subject == "mynetworks"), None)
        if by is not None:
            yield Row(stage, rule.subject, f"permitted: {by.subject} has {by.result}", by.span or rule.span)
        else:
            yield Row(stage, rule.subject, "permitted", rule.span)


def _of_leaf(step: Step, stage: str, refused: Decider | None) -> Iterator[Row]:
    if not step.counts or step.subject in _SHOWN_ELSEWHERE or step.subject.startswith(_FIXED):
        return
    if refused is not None and (step.subject, step.span) == (refused.rule, refused.span):
        return
    if refused is not None and refused.key and step.subject.startswith("ruleset ") and _refusing(step):
        return
    if step.subject.startswith("ruleset "):
        mailer = _MAILER.match(step.result)
        if mailer is None or mailer["user"] is not None or mailer["mailer"].startswith("$"):
            return  # an address that was resolved: that of the recipient is told with its route
        yield Row(stage, step.subject, mailer["mailer"], step.span)
    elif _is_table(step):
        yield Row(stage, _short(step.subject), f"{step.detail}: {_plain(step.result)}", step.span)
    elif step.subject == "file":
        return
    else:
        yield Row(stage, step.subject, " ".join(filter(None, (step.detail, step.result))), step.span)


def rows_of_destinations(
    destinations: Sequence[Destination], answer: Answer, inquiry: Inquiry, site: Site
) -> list[Row]:
    """Aliases, the route and the delivery of an accepted recipient."""
    found: list[Row] = []
    destinations = list(with_onward(destinations))
    for destination in destinations:
        found += _of_ways(destination, answer.recipient, site)
        if destination.sent is not None:
            found += [row for step in destination.sent.trace.steps for row in _rows(step, SENT, None)]
    rewritten = [row.result for row in found if row.stage == "rewrite"]
    users = dict(_users(destinations))
    several = len(answer.fates) > 1
    for fate in answer.fates:
        said = []
        if fate.uid is not None:
            said.append(f"as {users[fate.uid]} (uid {fate.uid})" if fate.uid in users else f"as uid {fate.uid}")
        if fate.sender is not None and fate.sender != _sender(inquiry) and not _among(fate.sender, rewritten):
            said.append(f"from <{fate.sender}>")
        changed = fate.recipient is not None and fate.recipient.lower() != fate.address.lower()
        if changed and not _among(fate.recipient or "", rewritten):
            said.append(f"to <{fate.recipient}>")
        if said:
            found.append(Row("deliver", fate.address if several else fate.transport, " ".join(said)))
    return _once(found)


def rows_of_failure(inquiry: Inquiry, site: Site) -> list[Row]:
    """What was found for recipients whose expansion has failed."""
    return _once(row for step in inquiry.failing.steps for row in _of_way(step, "", site))


def rows_of_copies(inquiry: Inquiry, site: Site) -> list[Row]:
    """Why there are copies, and how they go."""
    found = [row for step in inquiry.copying.steps for row in _of_leaf(step, "copy", None)]
    found = [row._replace(span=site.always_bcc.span) if row.what == "always_bcc" else row for row in found]
    for destination in with_onward(inquiry.destinations.get("", ())):
        found += _of_ways(destination, "", site)
    return _once(found)


def _of_ways(destination: Destination, recipient: str, site: Site) -> Iterator[Row]:
    """The way to a destination. Tables that are asked once Postfix has a route rewrite what leaves."""
    routed = False
    for step in destination.trace.steps:
        for row in _of_way(step, recipient, site):
            yield row._replace(stage="rewrite") if routed and not step.steps else row
        routed = routed or step.subject == "resolve"


def _among(address: str, results: Iterable[str]) -> bool:
    return any(result.endswith(f"-> {address}") for result in results)


def _of_way(step: Step, recipient: str, site: Site) -> Iterator[Row]:
    """What is told of aliases and routes."""
    entries = [s for s in step.steps if _is_table(s) and s.counts and not s.subject.startswith(_FIXED)]
    if step.subject == "resolve":
        for entry in entries:
            yield Row("route", _short(entry.subject), _leads(entry, ""), entry.span)
        if not entries:
            yield from _of_class(step, site)
    elif step.steps:
        for entry in entries:
            what = step.subject if step.subject.endswith("_maps") else _short(entry.subject)
            yield Row("alias", what, _leads(entry, recipient), entry.span)
        for other in step.steps:
            if other.subject in ("warning", "virtual_mailbox_base"):
                yield Row("deliver", other.subject, f"{other.detail} {other.result}".strip(), other.span)
            elif other.subject == "file" and other.result.startswith("-> "):
                yield Row("alias", other.detail, other.result)
    elif step.subject.startswith("ruleset "):
        mailer = _MAILER.match(step.result)
        if mailer and mailer["user"] is not None:
            host = _joined(mailer["host"] or "").rstrip(".")
            told = f"{mailer['mailer']}{f', host {host}' if host else ''}, user {_joined(mailer['user'])}"
            yield Row("route", step.subject, told, step.span)
    elif step.subject == "file" and step.result.startswith("-> "):
        yield Row("alias", step.detail, step.result)
    elif _is_table(step) and step.counts and not step.subject.startswith(_FIXED):
        yield Row("route", _short(step.subject), _leads(step, recipient), step.span)


def _of_class(step: Step, site: Site) -> Iterator[Row]:
    """By which list a domain is of its class."""
    found = re.search(r"\((.*)\)\Z", step.detail)
    parameter = _LISTS.get(found[1]) if found else None
    settings: Sequence[Setting[Sequence[str]]] = (
        site.local_domains,
        site.virtual_alias_domains,
        site.virtual_mailbox_domains,
        site.relay_domains,
    )
    domain = step.detail.rpartition(" (")[0].rpartition("@")[2]
    for name, setting in zip(_LISTS.values(), settings, strict=True):
        if found and name == parameter and domain:
            yield Row("class", parameter, f"{domain}: {found[1]}", setting.span)


def _leads(entry: Step, recipient: str) -> str:
    value = _plain(entry.result)
    return f"-> {value}" if entry.detail.lower() == recipient.lower() else f"{entry.detail} -> {value}"


def _users(destinations: Iterable[Destination]) -> Iterator[tuple[int, str]]:
    """Users of the machine that were asked about, by number."""
    for destination in destinations:
        for _, step in destination.trace.walk():
            number = step.result.removeprefix("uid ")
            if step.subject == "user" and number.isdigit():
                yield int(number), step.detail


def _sender(inquiry: Inquiry) -> str:
    """The sender as MAIL FROM named it."""
    for step in inquiry.steps:
        if step.command.startswith("MAIL FROM:<"):
            return step.command.removeprefix("MAIL FROM:<").removesuffix(">")
    return ""


def _is_table(step: Step) -> bool:
    return bool(_TABLE.match(step.subject)) and not step.steps


def _word(rule: str) -> str:
    """A restriction without the table that it asks: the place names that."""
    return rule if rule.startswith("check_policy_service") else _TABLE_WORD.sub("", rule)


def _short(table: str) -> str:
    """The name of a table; of one whose content is its name only the type."""
    kind, brace, _ = table.partition("{")
    return f"{kind}{{...}}" if brace else table


def _plain(value: str) -> str:
    """A value whose lines were joined, on one."""
    return " ".join(value.split())


def _joined(tokens: str) -> str:
    """Tokens of a workspace as the address that they are."""
    return tokens.replace(" ", "").replace("<@", "@").removesuffix(">").removesuffix(".")


def _once(rows: Iterable[Row]) -> list[Row]:
    return list(dict.fromkeys(rows))
