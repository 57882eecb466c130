"""Sessions made up from a seed, for a configuration: put to the model and to the engine, whose answers must agree.

Clients, senders and recipients are those that the configuration tells apart (`mailconf.insight.material`); each
address may be written in another form: in capitals, with an extension, with a %, without a domain, in quotes.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from mailconf.cli.own.test_protocol import refusal
from mailconf.diagnostics import Sink
from mailconf.insight.cases.suite import Case, Going
from mailconf.insight.cases.values import ClientWords, client
from mailconf.insight.engines.model import ModelEngine
from mailconf.insight.engines.observed import NotExpressible, Observed
from mailconf.insight.engines.prepare import EngineOptions, prepare, start
from mailconf.insight.engines.subject import Options, Subject
from mailconf.insight.material import Material, material
from mailconf.insight.record import empty_suite, known_domains, question
from mailconf.model.address import external

FORMS: dict[str, Callable[[str, str], str]] = {
    "as it is": lambda local, domain: f"{local}@{domain}",
    "capitals": lambda local, domain: f"{local.upper()}@{domain.upper()}",
    "an extension": lambda local, domain: f"{local}+ext@{domain}",
    "a subdomain": lambda local, domain: f"{local}@sub.{domain}",
    "percent": lambda local, domain: f"{local}%{domain}@else.stranger.example",
    "percent here": lambda local, domain: f"{local}%else.stranger.example@{domain}",
    "no domain": lambda local, domain: local,
    "an unknown user": lambda local, domain: f"nosuch.{local}@{domain}",
    "a bang": lambda local, domain: f"else.stranger.example!{local}@{domain}",
}
HELOS = ("mail.stranger.example", "bad_name!", "[203.0.113.9]", "localhost", "x")


def sessions(found: Material, seed: int, count: int, counts: Counter[str]) -> list[Case]:
    """So many cases; ``counts`` is how often each form has occurred."""
    dice = random.Random(seed)
    cases = []
    while len(cases) < count:
        address = dice.choice(found.clients)
        helo = dice.choice(HELOS) if dice.random() < 0.2 else HELOS[0]
        sender, sender_form = _written(dice, dice.choice(found.senders), 0.2)
        size = dice.choice((*[0] * 12, 1000, 20_480_000, 26_214_400, 30_000_000))
        recipients = []
        forms = [f"sender: {sender_form}", f"helo: {helo}", f"size: {size}"]
        for _ in range(dice.choice((1, 1, 1, 2, 3))):
            recipient, form = _written(dice, dice.choice(found.recipients), 0.5)
            if recipient and recipient not in recipients:
                recipients.append(recipient)
                forms.append(f"recipient: {form}")
        if not recipients:
            continue
        counts.update(forms)
        counts[f"recipients: {len(recipients)}"] += 1
        who = client("c", ClientWords(address, helo=helo))
        asked = question(who, sender, recipients[0])
        cases.append(
            replace(asked, recipients=tuple(recipients), size=size, title=f"{seed}/{len(cases)} {asked.title}")
        )
    return cases


def _written(dice: random.Random, address: str, odds: float) -> tuple[str, str]:
    local, at, domain = address.rpartition("@")
    if not at or dice.random() >= odds:
        return address, "as it is" if address else "null"
    form = dice.choice(list(FORMS))
    return FORMS[form](local, domain), form


_QUEUE = re.compile(r"(?<=queued as )\w+")


def shown(observed: Observed, case: Case) -> list[str]:
    """What is compared: the replies, and where each recipient and the copies go."""
    lines = []
    for recipient in case.recipients:
        reply = " ".join(str(observed.replies[recipient]).split())
        ways: Sequence[Going] = (observed.goes or {}).get(recipient, ())
        lines.append(f"{external(recipient)}: {_QUEUE.sub('QUEUEID', reply)} -> {_ways(ways)}")
    return [*lines, f"copies: {_ways(observed.copies)}"]


def _ways(ways: Sequence[Going]) -> str:
    return ", ".join(sorted(f"{way.transport}:{way.nexthop} {way.address}" for way in ways))


def compare(site: Path, dialect: str, seed: int, count: int, program: str = "") -> tuple[int, list[str], Counter[str]]:
    """How many sessions agree, how the others differ, and how often each form occurred."""
    sink = Sink()
    suite = empty_suite(str(site), str(site / "generated.test.yaml"))
    subject: Subject | None = prepare(suite, Options(), sink)
    assert subject is not None, [str(d) for d in sink]
    found = material(subject)
    suite.world.dns = known_domains(found)
    subject = prepare(suite, Options(), sink)
    assert subject is not None
    counts: Counter[str] = Counter()
    cases = sessions(found, seed, count, counts)
    suite.cases = cases
    model = ModelEngine(subject, refusal)
    engine = start(EngineOptions(dialect, program), subject, suite, cases)
    agree, different = 0, []
    try:
        for case in cases:
            ours = shown(model.observe(case), case)
            try:
                theirs = shown(engine.observe(case), case)
            except NotExpressible:
                counts["not expressible"] += 1
                continue
            if ours == theirs:
                agree += 1
                counts.update(f"reply: {line.partition(': ')[2][:3]}" for line in ours[:-1])
            else:
                who = f"{case.client.address} helo {case.client.helo} size {case.size} from <{external(case.sender)}>"
                pairs = [f"    model  {a}\n    engine {b}" for a, b in zip(ours, theirs, strict=True) if a != b]
                different.append("\n".join([f"  {case.title}: {who}", *pairs]))
    finally:
        engine.close()
    return agree, different, counts
