"""Speaks SMTP with a SendmailPolicy through the protocol's state table and the MTA's answers, without sockets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mailconf.model.fileworld import FileWorld
from mailconf.model.session import NO_NAME, Verified
from mailconf.model.world import run
from mailconf.mta.answers import Answers
from mailconf.mta.hop_postfix import PostfixHop
from mailconf.mta.journal_postfix import PostfixJournal
from mailconf.mta.message import Context, Message
from mailconf.mta.personality import Personality
from mailconf.mta.queue_ids import DateIds
from mailconf.mta.reports_postfix import PostfixReports
from mailconf.sendmail.policy import SendmailPolicy
from mailconf.sendmail.policy.recipients_disk import DiskRecipientsWorld
from mailconf.sendmail.rules.problems import Problems
from mailconf.sendmail.rules.version import DEFAULT, SendmailVersion
from mailconf.smtp.events import Content, Wait
from mailconf.smtp.reply import Reply
from mailconf.smtp.server_sendmail import SendmailConnection
from mailconf.smtp.wording_sendmail import SendmailWording
from tests.sendmail.rules.rule_bench import FOLDER, Bench
from tests.vectors.sendmail_smtp_cases import BASE, FILES, HOST, HOSTS, PASSWD, TABLES
from tests.vectors.sendmail_smtp_driver import masked


class Kept:
    """An Intake that keeps messages."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def new_queue_id(self) -> str:
        return DateIds().make(1e9, len(self.messages))

    async def accept(self, message: Message) -> None:
        self.messages.append(message)


def bench(place: Path) -> Bench:
    found = Bench(place, files=FILES, tables=TABLES, passwd=PASSWD, host=HOST)
    (place / "etc/hosts").write_text(HOSTS)
    return found


def policy_of(bench: Bench, text: str, version: SendmailVersion = DEFAULT) -> SendmailPolicy:
    """The Policy of the base configuration and what is added to it."""
    book = bench.book(BASE + text, Problems(lambda problem: None), version=version)
    return SendmailPolicy(book, DiskRecipientsWorld(bench.root, machine=bench.machine))


class Dialogue:
    """One session of a client by its address; its name is that of the hosts file."""

    def __init__(self, bench: Bench, policy: SendmailPolicy, client: str) -> None:
        self.intake = Kept()
        words = SendmailWording(policy.hostname, policy.site.limits.message_size)
        journal, hop = PostfixJournal(), PostfixHop()
        personality = Personality(words, journal, PostfixReports(NotImplemented), hop, SendmailConnection, DateIds())
        world = FileWorld(bench.root, trace=False)
        context = Context(policy, world, lambda program, text: None, personality, self.intake)
        site = policy.site
        options = site.protocol._replace(
            message_size=site.limits.message_size, recipients=site.limits.recipients, hard_errors=10_000
        )
        self.connection = SendmailConnection(options, words)
        self.defects: list[dict[str, Any]] = []
        self.answers = Answers(context, policy, self.connection, self._note)
        session = self.answers.session
        session.client_address = session.server_address = client
        session.server_address = "127.0.0.1"
        names = dict(line.split()[:2] for line in HOSTS.splitlines())
        session.client_name = session.reverse_name = Verified.found(names[client]) if client in names else NO_NAME
        run(self.answers.authorize())
        self.verdict = run(self.answers.connect())
        self.greeting = self.verdict.reply

    def hurry(self) -> None:
        """The client talks before it is greeted."""
        if self.verdict.hasty is not None:
            self.answers.session.hasty = True
            self.greeting, self.connection.denied = self.verdict.hasty

    def _note(self, event: object, **facts: Any) -> None:
        if "error" in facts:
            self.defects.append(facts)

    def send(self, data: bytes) -> list[Reply]:
        """What is answered to bytes."""
        self.connection.receive_data(data)
        found: list[Reply] = []
        while True:
            event = self.connection.next_event()
            if isinstance(event, Wait):
                return found
            if isinstance(event, Content):
                self.answers.take(event.data)
                continue
            replies = run(self.answers.answer(event))
            found += self.answers.remarks
            self.answers.remarks.clear()
            for reply in replies:
                self.connection.send_reply(reply)
                found.append(reply)
                if reply.code == 421:
                    self.connection.close()


def exchange(bench: Bench, policy: SendmailPolicy, case: dict[str, Any]) -> list[list[str]]:
    """A case's dialogue, as the recorder has it."""
    dialogue = Dialogue(bench, policy, case["client"])
    if case["lines"][0].startswith("early:"):
        dialogue.hurry()
    out = [["(connect)", _shown(dialogue.greeting)]]
    waiting: list[Reply] = []
    for line in case["lines"]:
        if out[-1][1][:3] in ("", "221", "421"):
            break
        if isinstance(line, list):
            if out[-1][1][:3] != "354":
                continue
            label, data = "(message)", "".join(f"{part}\r\n" for part in line)
        else:
            label = "(early)" if line.startswith("early:") else line
            data = line[4:] if line.startswith("raw:") else f"{line.removeprefix('early:')}\r\n"
        waiting += dialogue.send(data.encode("latin-1"))
        out.append([label, _shown(waiting.pop(0)) if waiting else ""])
    assert not dialogue.defects
    return out


def _shown(reply: Reply) -> str:
    text = reply.wire(controls=True).decode("latin-1").rstrip("\r\n").replace("\r\n", "\n")
    return masked(text.replace(FOLDER, "FOLDER"))
