"""How mailers that are programs are called and what they read, as by sendmail 8.17.1.9 (sendmail_mailers.jsonl).

The vectors have the whole way: a message by SMTP, the program's own view of itself, the log. Here the plan is asked
without a daemon, and no program runs; tests/live/test_sendmail_mailers_live.py goes the whole way.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mailconf.cli.shared.sendmail_daemon import compiled
from mailconf.files import Root
from mailconf.model.fileworld import FileWorld
from mailconf.model.letter import Handing, Letter, Program
from mailconf.model.recipient import Recipient, RecipientKind
from mailconf.model.session import Session, Verified
from mailconf.model.verdict import Route
from mailconf.model.world import Ask, run
from mailconf.mta.hop import Hop
from mailconf.mta.journal import LogEvent
from mailconf.mta.journal_sendmail import SendmailJournal
from mailconf.mta.message import Result
from mailconf.mta.program import Ended
from mailconf.mta.sendmail_mailers import came_to
from mailconf.sendmail.mailing.handing import handings
from mailconf.sendmail.policy import SendmailPolicy
from mailconf.sendmail.policy.received import ReceivedField
from tests.vectors import store
from tests.vectors.record_sendmail_mailers import comparable
from tests.vectors.sendmail_mailers_cases import FILES, FOLDERS, GROUP, HOST, PASSWD, site
from tests.vectors.sendmail_mailers_driver import masked

ARRIVAL = 1_796_066_705.0  # Mon, 30 Nov 2026: folded lines have the length of those that were recorded
ID = "6AUJWYaB012345"
_DROPPED = ("Return-Path", "Content-Length", "Bcc")  # what a message loses when it comes in
CASES = [case for case in store.load("sendmail_mailers").cases if case["recipients"][0].lower().endswith(".mailer")]
RUN = [case for case in CASES if case["programs"] and "exits" not in case["recipients"][0]]
ENDED = [case for case in CASES if len(case["recipients"]) == 1 and case["sender"] == ""]


class Sites:
    """The Policies of the sites, each compiled when it is first asked for."""

    def __init__(self, top: Path) -> None:
        for name in FOLDERS:
            (top / name[1:]).mkdir(parents=True, exist_ok=True)
        for name, (text, *_) in FILES.items():
            (top / name[1:]).parent.mkdir(parents=True, exist_ok=True)
            (top / name[1:]).write_text(text)
        self.root = Root(top)
        self.world = FileWorld(self.root, trace=False)
        self.alias: Recipient | None = None
        self._policies: dict[str, SendmailPolicy] = {}

    def policy(self, name: str) -> SendmailPolicy:
        if name not in self._policies:
            self.root.path(f"/etc/mail/{name}.cf").write_text(site(name))
            self._policies[name] = compiled(self.root, f"/etc/mail/{name}.cf", (), lambda problem: None)
        return self._policies[name]

    def handed(self, case: dict[str, Any]) -> list[Handing]:
        """What is done with the message of a case."""
        policy, ask = self.policy(case["site"]), Ask(self.world)
        ends: dict[str, list[tuple[Recipient, Route]]] = {}
        for address in case["recipients"]:
            asked = self.alias or Recipient(address, address)
            for recipient in run(policy.expand(asked, ask)).recipients:
                route = run(policy.resolve(recipient.address, ask, kind=recipient.kind))
                ends.setdefault(route.transport, []).append((recipient, route))
        name = Verified.found(HOST)
        session = Session("127.0.0.1", client_name=name, reverse_name=name, helo="client.example", protocol="ESMTP")
        hop = Hop(ID, ARRIVAL, session, tuple(case["recipients"]))
        fields = ReceivedField(policy.compiled).received(hop, policy.site)
        lines = [line for line in case["content"].split("\n") if not line.startswith(_DROPPED)]
        rest = "\n".join(lines)
        head, _, _ = rest.partition("\n\n")
        set_off = "" if rest.startswith("\n") or ":" in head.partition("\n")[0] else "\n"
        content = f"{fields}\n{set_off}{rest}".encode("latin-1")
        found = []
        for transport, recipients in ends.items():
            letter = Letter(ID, case["sender"], tuple(recipients), content, ARRIVAL, ARRIVAL, session)
            found += run(handings(policy, letter, transport, ask))
        return found


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Sites:
    return Sites(tmp_path_factory.mktemp("site"))


def groups_of(program: Program) -> list[str]:
    """The groups that a process has, by the vectors' file of groups."""
    found = set(program.groups)
    if program.login:
        members = [line.split(":") for line in GROUP.splitlines()]
        found |= {int(number) for _, _, number, names in members if program.login in names.split(",")}
        found.add(next(int(line.split(":")[3]) for line in PASSWD.splitlines() if line.startswith(f"{program.login}:")))
    return [str(number) for number in sorted(found)]


def shown(handing: Handing) -> dict[str, Any]:
    """A handing as the vectors have what a program sees."""
    program = handing.program
    assert program is not None
    script = ["/bin/sh", program.path, *program.argv[1:]] if program.path == "/srv/probe" else list(program.argv)
    folders = [folder for folder in program.folders if folder in ("/home", "/home/ann", "/srv", "/")]
    return {
        "argv": [masked(word) for word in script],
        "environment": sorted(f"{name}={value}" for name, value in program.environment.items()),
        "uid": [str(program.identity.uid)] * 2,
        "gid": [str(program.identity.gid)] * 2,
        "groups": groups_of(program),
        "umask": "0022",
        "nice": str(program.nice),
        "cwd": folders[0] if folders else "/var/spool/mqueue",
        "stdin": masked(handing.data.decode("latin-1")),
    }


@pytest.mark.parametrize("case", RUN, ids=[f"{n}-{case['recipients'][0]}" for n, case in enumerate(RUN)])
def test_programs_are_called_as_the_original_calls_them(case: dict[str, Any], sites: Sites) -> None:
    found = [shown(handing) for handing in sites.handed(case)]
    wanted = comparable(case)["programs"]
    if "noread" in case["recipients"][0]:
        found = [{**each, "stdin": ""} for each in found]
    assert sorted(found, key=json.dumps) == wanted


FILED = [
    case
    for case in store.load("sendmail_mailers").cases
    if case["site"] == "files" and case["recipients"] == ["file"] and "stat=Sent" in case["log"][-1]
]


@pytest.mark.parametrize("case", FILED, ids=lambda case: repr(case["files"].get("/var/box/file")))
def test_what_a_file_gets(case: dict[str, Any], sites: Sites) -> None:
    """The alias of these cases is not asked here: what it comes to is given."""
    path = "/var/box/file"
    sites.alias = Recipient(path, "file", kind=RecipientKind.FILE)
    try:
        (handing,) = sites.handed(case)
    finally:
        sites.alias = None
    assert handing.program is not None and handing.program.argv == ("FILE", path)
    before = case["files"].get(path, [""])[0]
    assert before + masked(handing.data.decode("latin-1")) == case["found"][path][3]


def test_a_message_that_is_too_big_is_refused(sites: Sites) -> None:
    (case,) = (case for case in CASES if case["recipients"] == ["ann@small.mailer"])
    (handing,) = sites.handed(case)
    assert handing.program is None and handing.refusal == ("5.2.3", 69)
    assert "dsn=5.2.3" in comparable(case)["log"][0]


def ended_by(address: str) -> Ended:
    """How the program that the vectors' messages are given to has ended."""
    if address.startswith(("killed", "terminated")):
        return Ended(-9 if address.startswith("killed") else -15)
    _, exits, status = address.partition("@")[0].partition("exits")
    return Ended(int(status) if exits else 0, b"first line\nsecond line\n" if address.startswith("prints") else b"")


@pytest.mark.parametrize("case", ENDED, ids=[case["recipients"][0] for case in ENDED])
def test_what_an_exit_status_comes_to(case: dict[str, Any], sites: Sites) -> None:
    """The lines of the log, with what became of the recipient."""
    journal = SendmailJournal()
    (handing,) = sites.handed(case)
    assert handing.program is not None
    name = case["recipients"][0].partition("@")[2].removesuffix(".mailer")
    recipient = Recipient(case["recipients"][0], case["recipients"][0])
    events, outcome = came_to(journal, name, handing.program, ended_by(recipient.address))
    lines = [text for event, facts in events for _, text in journal.lines(event, queue_id="ID", **facts)]
    result = Result(recipient, outcome.status, outcome.dsn, outcome.text, f"{name}.mailer", outcome.reply)
    times = {"arrival": 0.0, "since": 0.0, "begun": 0.0, "ended": 0.0}
    facts = {"program": "x", "queue_id": "ID", "result": result, "transport": name, "size": 1, "recipients": 1, **times}
    lines += [text for _, text in journal.lines(LogEvent.DELIVERY, **facts)]
    got = comparable({"log": [masked(line) for line in lines], "said": [], "programs": [], "found": {}})
    assert got["log"] == comparable(case)["log"]
