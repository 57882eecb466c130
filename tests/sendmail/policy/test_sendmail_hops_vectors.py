"""Messages go to hosts with TLS and logins as sendmail has sent them (tests/vectors/sendmail_hops.jsonl)."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailconf.model.fileworld import FileWorld
from mailconf.model.trace import Trace
from mailconf.model.verdict import Route
from mailconf.mta.journal import LogEvent
from mailconf.mta.journal_sendmail import SendmailJournal
from mailconf.mta.message import Context, Job, Message, Recipient, Result
from mailconf.mta.personality import Personality
from mailconf.mta.reports_postfix import PostfixReports
from mailconf.mta.resolver import Resolver
from mailconf.mta.smtp_client import SmtpAgent
from mailconf.mta.world import MtaWorld
from mailconf.sendmail.policy import SendmailPolicy
from mailconf.sendmail.policy.received import ReceivedField
from mailconf.sendmail.policy.recipients_disk import DiskRecipientsWorld
from mailconf.sendmail.rules.problems import Problems
from mailconf.smtp.wording_sendmail import SendmailWording
from tests.sendmail.rules.rule_bench import FOLDER, Bench
from tests.vectors import store
from tests.vectors.record_sendmail_secure import write_keys
from tests.vectors.sendmail_hops_cases import BASE
from tests.vectors.sendmail_hops_driver import Host, commands, logged, results

pytest.importorskip("OpenSSL")  # of the extra tls
CASES = store.load("sendmail_hops").cases
_SENDER = "a@mail.example.org"
MAIL = "MAIL FROM:<a@mail.example.org>"  # sendmail asks tls_rcpt behind it
_CONTENT = b"Subject: hi\n\nbody\n"


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        found = Bench(Path(folder))
        write_keys(Path(folder) / FOLDER[1:])
        yield found


def sent(bench: Bench, case: dict[str, Any], host: Host) -> list[str]:
    """The log of a message of the case that is sent to ``host``."""
    lines: list[str] = []
    text = (BASE + case["text"]).replace("PORT", str(host.port))
    book = bench.book(text, Problems(lambda problem: None))
    policy = SendmailPolicy(book, DiskRecipientsWorld(bench.root, machine=bench.machine))
    journal = SendmailJournal(12)
    hop = ReceivedField(policy.compiled)
    personality = Personality(SendmailWording(policy.hostname), journal, PostfixReports(NotImplemented), hop)

    async def main() -> list[Result]:
        world = MtaWorld(FileWorld(bench.root, trace=False), Resolver(hosts=None))
        context = Context(policy, world, lambda program, line: lines.append(line), personality)
        nexthop = f"[127.0.0.1]:{host.port}"
        to = [Recipient(each, each) for each in case["to"]]
        routes = [(each, Route("esmtp", nexthop, each.address, "default", Trace())) for each in to]
        message = Message("f891ke01000001", _SENDER, to, _CONTENT, world.now())
        job = Job(message, routes, "esmtp", nexthop, policy, world)
        return await asyncio.wait_for(SmtpAgent(context, world.resolver, root=bench.root).deliver(job), 60)

    times = {"arrival": 0.0, "since": 0.0, "begun": 0.0, "ended": 0.0}
    about = {"program": "smtp", "queue_id": "f891ke01000001", "transport": "esmtp", "size": 18, "recipients": 1}
    for result in asyncio.run(main()):
        lines += [line for _, line in journal.lines(LogEvent.DELIVERY, result=result, **times, **about)]
    return lines


def _brief(result: str) -> str:
    """The recipient and the class of its status."""
    address, status, _ = result.split(" ", 2)
    return f"{address} {status[0]}"


@pytest.mark.parametrize("case", CASES, ids=[f"{n} {case['text'][:30]!r}" for n, case in enumerate(CASES)])
def test_what_is_sent(case: dict[str, Any], bench: Bench) -> None:
    host = Host(Path(bench.root.real(FOLDER)), case["host"])
    lines = sent(bench, case, host)
    host.close()
    said = case["said"] if case["said"][-1:] != [MAIL] else case["said"][:-1]
    assert commands(host.said) == said, lines
    # What the configuration itself refuses is told with its text, which sendmail's log has in another line only.
    shown = _brief if "Stls_rcpt" in case["text"] or "never" in case["text"] else str
    assert [shown(each) for each in results(lines)] == [shown(each) for each in case["results"]]
    assert logged(lines) == case["log"]
    assert not any("secret" in line or "c2VjcmV0" in line for line in lines)
