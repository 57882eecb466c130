"""Cases that describe what a configuration does today, to hold a change against: ``mailconf test --record``.

Each client is asked with a recipient of the configuration's own and with a stranger's, each sender with a recipient of
its own, and each recipient from a stranger. What the model answers is what is expected.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mailconf.insight.cases.suite import Case, Client, Expected, Suite, TestWorld
from mailconf.insight.cases.values import ClientWords, client
from mailconf.insight.engines.model import ModelEngine
from mailconf.insight.engines.world import Zone
from mailconf.insight.material import Material, material
from mailconf.model.address import external
from mailconf.model.world import Outcome, Records
from mailconf.smtp.path import valid_hostname
from mailconf.source import Source

if TYPE_CHECKING:
    from mailconf.insight.engines.model import Refusing
    from mailconf.insight.engines.observed import Observed
    from mailconf.insight.engines.subject import Subject
    from mailconf.smtp.reply import Reply

SERVER = "mx.stranger.example"  # takes mail for every domain
MOST_CASES = 5_000
HOST = "mail.example.com"  # what the machine is called, where that is asked


def empty_suite(site: str, file: str, host: str = HOST) -> Suite:
    """A test file without cases, whose folder is that of ``file``, about the configuration in ``site``."""
    relative = os.path.relpath(site, Path(file).parent)
    source = Source(file, f"site: {relative}\n")
    return Suite(source, file, Expected(relative, source.span(6)), None, TestWorld(host=host), {}, [])


def known_domains(found: Material) -> dict[tuple[str, str], Records]:
    """A DNS in which mail for every domain of the addresses has a server."""
    domains = {address.rpartition("@")[2].lower() for address in (*found.senders, *found.recipients) if "@" in address}
    domains = {domain for domain in domains if valid_hostname(domain) and "." in domain}
    server = Records(Outcome.FOUND, (f"10 {SERVER}",))
    records = {(domain, "MX"): server for domain in sorted(domains)}
    return {**records, (SERVER, "A"): Records(Outcome.FOUND, ("203.0.113.250",))}


def questions(found: Material) -> Iterator[Case]:
    """The cases, without anything expected."""
    clients, senders, recipients = found
    asking = [client(f"c{number}", ClientWords(address)) for number, address in enumerate(clients, 1)]
    stranger, sender, outside = asking[0], senders[0], recipients[0]
    inside = next((address for address in recipients if address.startswith("postmaster@")), outside)
    seen: set[tuple[Client, str, str]] = set()
    wanted = [
        *((each, sender, to) for each in asking for to in (inside, outside)),
        *((stranger, each, inside) for each in senders),
        *((stranger, sender, each) for each in recipients),
    ]
    for each in wanted[:MOST_CASES]:
        if each not in seen:
            seen.add(each)
            yield question(*each)


def question(who: Client, sender: str, recipient: str) -> Case:
    span = Source("", "").span(0)
    title = f"{who.label}: <{external(sender)}> -> {external(recipient)}"
    return Case(title, span, who, sender, (recipient,), goes=())


def record(subject: Subject, suite: Suite, protocol: Refusing) -> str:
    """The text of a test file; ``protocol`` as `ModelEngine` has it."""
    found = material(subject)
    dns = known_domains(found)
    subject.world.zone = Zone(dns)
    engine = ModelEngine(subject, protocol)
    cases = list(questions(found))
    known = {case.client.label: case.client.address for case in cases}
    lines = [
        f"# What {suite.site.text} did when this was recorded: mailconf test --record.",
        f"site: {_text(suite.site.text)}",
        "world:",
        f"  host: {suite.world.host}",
        "  dns:",
        *(f"    {name}: {{{kind.lower()}: {_text(records.values[0])}}}" for (name, kind), records in dns.items()),
        "clients:",
        *(f"  {label}: {_text(address)}" for label, address in known.items()),
        "cases:",
        *(_case(case, engine.observe(case)) for case in cases),
        "",
    ]
    return "\n".join(lines)


def _case(case: Case, observed: Observed) -> str:
    (recipient,) = case.recipients
    reply = observed.replies[recipient]
    parts = [
        f"client: {case.client.label}",
        f"from: {_text(external(case.sender) or '<>')}",
        f"to: {_text(external(recipient))}",
        f"reply: {_reply(reply)}",
    ]
    if reply.positive and observed.goes is not None:
        ways = [str(way) for way in observed.goes.get(recipient, ())]
        parts.append(f"goes: [{', '.join(map(_text, ways))}]")
        if observed.copies:
            parts.append(f"copies: [{', '.join(_text(str(way)) for way in observed.copies)}]")
        envelopes = {pair for pair in observed.envelopes.get(recipient, ()) if any(pair)}
        if len(envelopes) == 1:
            ((sender, to),) = envelopes
            written = {"from": external(sender) or "<>", "to": external(to)}
            parts.append(f"as: {{{', '.join(f'{key}: {_text(value)}' for key, value in written.items())}}}")
    return f"  - {{{', '.join(parts)}}}"


def _reply(reply: Reply) -> str:
    """The code, and the enhanced status code where there is one."""
    has_status = reply.lines and reply.lines[0].startswith(reply.status)
    return _text(f"{reply.code} {reply.status}" if has_status and len(reply.lines) == 1 else str(reply.code))


def _text(value: str) -> str:
    """A text in double quotes, as YAML and JSON have it."""
    return json.dumps(value, ensure_ascii=False)
