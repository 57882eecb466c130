"""The lines that smtpd_check answers, through ``mailconf serve``, through explain's questions, and by the Policy alone.

    .venv/bin/python -m tests.live.smtpd_elsewhere SEED COUNT

prints as JSON how many recipients were asked of each, and those that are answered otherwise; and how many warnings the
program logs for recipients that serve answers alike, each of which is to be in serve's log. One server runs, which
reads the configuration of each script anew. A client is told by XCLIENT, so that those are left out whom XCLIENT cannot
tell; so are names in HELO that smtpd(8) changes, addresses that it refuses for their syntax, and messages that it
throws away, after which the program goes on.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

_TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(_TESTS / name) for name in ("live", "postfix", "cli")]

from fixture_dns import serve  # noqa: E402
from private_postfix import Client  # noqa: E402
from served_fixture import Served, serving  # noqa: E402
from smtpd_compared import ZoneWorld  # noqa: E402
from smtpd_lines import DNS, HOSTS, at_random  # noqa: E402
from smtpd_scripts import Answered, Script, words  # noqa: E402
from smtpd_side import engine_answers, enter  # noqa: E402

from mailconf.diagnostics import Sink  # noqa: E402
from mailconf.files import Root  # noqa: E402
from mailconf.model.inquiry import inquire  # noqa: E402
from mailconf.model.session import Session, Verified  # noqa: E402
from mailconf.model.transaction import HELO_NEUTRAL  # noqa: E402
from mailconf.postfix.policy.policy import compile_policy  # noqa: E402
from mailconf.postfix.settings.configuration import Configuration  # noqa: E402

_SERVED = "smtpd_authorized_xclient_hosts = 127.0.0.1\nsmtpd_error_sleep_time = 0\nsmtpd_hard_error_limit = 1000\n"
_LIMIT = 3600  # seconds after which the server is ended
_WARNING = re.compile(r" postfix/smtpd\[\d+\]: (?:[0-9A-F]+: )?warning: (.*)")
_SAID_ONCE = "warning: support for restriction "  # by a process, which may have been said to another client
_SYNTAX = ("501 5.1.3 ", "501 5.1.7 ", "501 5.5.4 ", "501 Syntax")


class Group(NamedTuple):
    """A session up to its recipients, with what the program answered to each of those."""

    name: str
    address: str
    helo: str
    sender: str
    recipients: list[Answered]


def groups(answers: Iterator[Answered]) -> Iterator[Group]:
    """The sessions of a script whose lists wait for RCPT."""
    name = address = helo = sender = ""
    found: list[Answered] = []
    for answer in answers:
        said = words(answer.line)
        if answer.reply == "fatal":  # the program has forgotten what was before
            break
        if said[0] in ("client", "helo", "mail") and found:
            yield Group(name, address, helo, sender, found)
            found = []
        if said[0] == "client":
            name = said[1] if said[3:] in ([], ["2"]) and said[1] != "unknown" else ""
            address = said[2]
        elif said[0] == "helo":
            helo = said[1]
        elif said[0] == "mail":
            sender = said[1].strip("<>")
        elif said[0] == "rcpt" and name and helo.translate(HELO_NEUTRAL) == helo:
            if any(entry.startswith("discard:") for entry in answer.log):
                return
            found.append(answer)
    if found:
        yield Group(name, address, helo, sender, found)


def _explained(policy_root: Path, group: Group) -> list[str]:
    """What explain is told of each recipient; the questions of a Policy, one message for each."""
    sink, root = Sink(), Root(policy_root)
    policy = compile_policy(Configuration.load("/etc/postfix", sink, root), sink)
    replies = []
    for answer in group.recipients:
        client = Verified.found(group.name)
        session = Session(group.address, client_name=client, reverse_name=client, sender=group.sender)
        told = inquire(policy, ZoneWorld(DNS, root), session, [words(answer.line)[1]], helo=group.helo)
        steps = [step for step in told.steps if step.command.startswith("RCPT")]
        replies.append(str(steps[0].verdict.reply) if steps else str(told.steps[-1].verdict.reply))
    return replies


def _served(client: Client, group: Group) -> list[str]:
    address = f"IPV6:{group.address}" if ":" in group.address else group.address
    for line in (
        f"XCLIENT NAME={group.name} REVERSE_NAME={group.name} ADDR={address}",
        *(f"HELO {group.helo}", f"MAIL FROM:<{group.sender}>"),
    ):
        reply = client.command(line)
        if not reply.startswith("2"):
            return [reply] * len(group.recipients)
    replies: list[str] = []
    for answer in group.recipients:
        replies.append(client.command(f"RCPT TO:<{words(answer.line)[1]}>"))
        if replies[-1].startswith(("421 ", "521 ")):
            break  # smtpd(8) ends the session; its test program does not
    return replies


def _same(theirs: str, ours: str) -> bool:
    return ours.startswith("250 ") if theirs == "OK" else ours == theirs


class Compared:
    """What was asked, and what differs: of whom, the line, the program's answer, the other one, the script."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.counts = {
            "scripts": 0,
            "scripts with which serve does not start": 0,
            "serve": 0,
            "warnings": 0,
            "explain": 0,
            "policy": 0,
        }
        self.wrong: list[tuple[str, str, str, str, Sequence[str]]] = []

    def add(self, how: str, theirs: Answered, ours: str, script: Sequence[str]) -> None:
        reply = ours.replace("/tables/", f"{self.root}/tables/")
        if reply.startswith(_SYNTAX):
            return
        self.counts[how] += 1
        if not _same(theirs.reply, reply):
            self.wrong.append((how, theirs.line, theirs.reply, reply, script))

    def add_log(self, answers: Sequence[Answered], logged: Sequence[str], script: Sequence[str]) -> None:
        """``logged``: what serve has logged for the recipients of ``answers``."""
        text = "\n".join(logged).replace(":/tables/", f":{self.root}/tables/")
        ours = Counter(_WARNING.findall(text))
        for answer in answers:
            for entry in answer.log:
                text = entry.removeprefix("warning: ").removeprefix("fatal: ")
                if text == entry or entry.startswith(_SAID_ONCE):
                    continue
                self.counts["warnings"] += 1
                if not ours[text]:
                    self.wrong.append(("warnings", answer.line, entry, " / ".join(ours), script))
                ours[text] -= 1


def _starts(root: Path) -> bool:
    sink = Sink()
    policy = compile_policy(Configuration.load("/etc/postfix", sink, Root(root)), sink)
    return not sink.failed and policy.smtpd.guarded


def _script(found: Compared, script: Sequence[str], servers: ExitStack, served: list[Served]) -> None:
    root = found.root
    ours = Script(ZoneWorld(DNS, Root(root)))
    policy = list(ours.answers(line.replace("@TOP@", "/tables") for line in script))
    (root / "etc/postfix/main.cf").write_text(ours.main_cf() + _SERVED)
    if not _starts(root):
        found.counts["scripts with which serve does not start"] += 1
        return
    found.counts["scripts"] += 1
    if served:
        os.kill(served[0].process.pid, signal.SIGHUP)
        said = served[0].wait_for("(not reloaded|reload -- version)")
        assert said[1] != "not reloaded", ours.main_cf()
    else:
        served.append(servers.enter_context(serving(root, limit=_LIMIT)))
    answers = list(engine_answers([line.replace("@TOP@", f"{root}/tables") for line in script]))
    for group in groups(iter(answers)):
        client = Client(served[0].port)
        client.command("HELO localhost")
        before = len(served[0].log)
        replies = {"serve": _served(client, group), "explain": _explained(root, group)}
        client.close()
        served[0].wait_for("disconnect from ")
        told = [a for a, r in zip(group.recipients, replies["serve"], strict=False) if not r.startswith(_SYNTAX)]
        found.add_log(told, served[0].log[before:], script)
        for how, each in replies.items():
            for answer, reply in zip(group.recipients, each, strict=False):
                found.add(how, answer, reply, script)
    for theirs, mine in zip(answers, policy, strict=False):
        if theirs.reply == "fatal":
            break
        if words(theirs.line)[0] == "rcpt":
            found.add("policy", theirs, "250 2.1.5 Ok" if mine.reply == "OK" else mine.reply, script)


def main(seed: int, lines: int) -> None:
    enter()
    made = at_random(seed, lines, orderly=True)
    with serve(DNS), tempfile.TemporaryDirectory() as top, ExitStack() as servers:
        root = Path(top)
        root.chmod(0o755)
        for folder in ("etc/postfix", "tables", "var/spool"):
            (root / folder).mkdir(parents=True)
        for name, text in made.files.items():
            (root / "tables" / name).write_text(text)
        (root / "etc/hosts").write_text(HOSTS)
        (root / "etc/postfix/master.cf").write_text("smtp inet n - n - - smtpd\n")
        found, served = Compared(root), list[Served]()
        for script in made.scripts:
            _script(found, script, servers, served)
    json.dump([found.counts, found.wrong], sys.stdout)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
