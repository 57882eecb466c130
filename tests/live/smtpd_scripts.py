"""Scripts of smtpd_check, the test program of Postfix's restrictions, answered by a Policy as well.

A script is lines: a parameter and its value, the restrictions of a stage, or what a client does (``client NAME
ADDRESS``, ``helo``, ``mail``, ``rcpt``). The program keeps what it was told before, in no order that a protocol asks
for, so a Policy is compiled for the parameters as they are, and is asked about a session that is kept beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Protocol

from mailconf.diagnostics import Sink
from mailconf.files import Memory
from mailconf.model.session import NameOutcome, Session, Verified
from mailconf.model.trace import Trace
from mailconf.model.verdict import Verdict
from mailconf.model.world import Ask, World, run
from mailconf.postfix.policy.evaluation import Evaluation
from mailconf.postfix.policy.evaluation import Memory as Remembered
from mailconf.postfix.policy.policy import PostfixPolicy, compile_policy
from mailconf.postfix.policy.resolve import Resolution
from mailconf.postfix.policy.smtpd import PostfixSession
from mailconf.postfix.settings.configuration import Configuration

STAGES = ("client", "helo", "sender", "relay", "recipient")
_LISTS = {f"{stage}_restrictions": f"smtpd_{stage}_restrictions" for stage in STAGES}
_BOOLEAN = frozenset(
    {
        "smtpd_delay_reject",
        "allow_untrusted_routing",
        "show_user_unknown_table_name",
        "smtpd_reject_unlisted_sender",
        "smtpd_reject_unlisted_recipient",
        "smtpd_client_port_logging",
    }
)
# The parameters as the program has them: it reads no main.cf, and expands no name in a default.
PARAMETERS = {
    "compatibility_level": "3.6",
    "myhostname": "mx.example.com",
    "myorigin": "mx.example.com",
    "mydestination": "localhost",
    "inet_protocols": "ipv4",
    "mynetworks": "",
    "relay_domains": "",
    "alias_maps": "",
    "local_recipient_maps": "",
    "virtual_alias_maps": "",
    "virtual_alias_domains": "",
    "virtual_mailbox_domains": "",
    "smtputf8_enable": "no",
    "smtpd_relay_before_recipient_restrictions": "no",
    "smtpd_relay_restrictions": "",
    "smtpd_recipient_restrictions": "",
    "append_dot_mydomain": "no",
    "swap_bangpath": "no",
    "allow_percent_hack": "no",
    "append_at_myorigin": "yes",
}
_OUTCOMES = {"2": NameOutcome.FOUND, "4": NameOutcome.FAILED, "5": NameOutcome.ABSENT, "6": NameOutcome.FORGED}
_RAW = frozenset({"default_rbl_reply", "smtpd_expansion_filter"})
_FILES = re.compile(r"\b(hash|btree|regexp|cidr|texthash):([\w./-]+)")
_QUEUE_ID = "<queue id>: "
# The program evaluates a stage at its command in any case, which smtpd(8) leaves to RCPT.
NOT_YET = "with RCPT"
_QUESTIONS = frozenset({"helo", "mail", "rcpt"})


class Counted(Protocol):
    """What looks at the traces of the answers."""

    def add(self, trace: Trace) -> None: ...


class Answered(NamedTuple):
    """What a line of a script came to: the reply, and what was logged before it."""

    line: str
    reply: str
    log: tuple[str, ...]


def words(line: str) -> list[str]:
    """The words of a line as the program has them: separated by white space, but for what braces enclose."""
    found, depth, word = [], 0, ""
    for letter in line:
        if letter in " \t\r\n" and depth == 0:
            if word:
                found.append(word)
            word = ""
            continue
        depth += {"{": 1, "}": -1 if depth else 0}.get(letter, 0)
        word += letter
    return [*found, word] if word else found


def prepared(lines: Iterable[str], folder: Path) -> list[str]:
    """A script whose files are named by their whole paths, so that both sides find them; indexed files are text."""

    def placed(found: re.Match[str]) -> str:
        kind = "texthash" if found[1] in ("hash", "btree") else found[1]
        return f"{kind}:{(folder / found[2]).resolve()}"

    return [_FILES.sub(placed, line) for line in lines]


def of_program(output: Iterable[str], name: str) -> Iterator[Answered]:
    """What smtpd_check has written, a line of its script at a time. One that ended it has the reply ``fatal``."""
    line: str | None = None
    found: list[str] = []
    for text in [*output, ">>> "]:
        if not text.startswith(">>> "):
            found.append(text)
            continue
        if line is not None and found:
            logged = [entry.partition(": ")[2] for entry in found if entry.startswith(f"{name}: ")]
            said = [entry for entry in found if not entry.startswith(f"{name}: ")]
            reply = "\n".join(said) if said else "fatal"
            yield Answered(line, reply, tuple(entry.removeprefix(_QUEUE_ID) for entry in logged))
        line, found = text[4:], []


class _Unlooked(Evaluation):
    """The program is asked about addresses that smtpd(8) refuses for their syntax before any restriction, and goes on
    after DISCARD."""

    __slots__ = ()

    @property
    def discarding(self) -> bool:
        return False

    async def resolved(self, address: str, sender: str) -> Resolution:
        return replace(await Evaluation.resolved(self, address, sender), bad=False)


class _Fleeting(Remembered):
    """The program knows nothing of messages that are held."""

    __slots__ = ()
    hold = property(lambda self: False, lambda self, value: None)


class _Restricted(PostfixSession):
    def evaluation(self, ask: Ask, where: str, recipient: str | None = None) -> Evaluation:
        ev = PostfixSession.evaluation(self, ask, where, recipient)
        ev.__class__ = _Unlooked
        return ev


class Script:
    """A Policy in the place of smtpd_check; `answers` gives what it answers to the lines of a script."""

    def __init__(self, world: World, counts: Counted | None = None) -> None:
        self.world = world
        self.counts = counts
        self.parameters = dict(PARAMETERS)
        self.classes: dict[str, str] = {}
        localhost = Verified.found("localhost")
        self.session = Session(client_name=localhost, reverse_name=localhost)
        self.memory = _Fleeting()
        self.warned: set[str] = set()
        self.where = "CONNECT"
        self._compiled: dict[str, PostfixPolicy] = {}

    def answers(self, lines: Iterable[str]) -> Iterator[Answered]:
        """The lines that the program echoes and answers, without comments."""
        for line in lines:
            split = words(line)
            if not line.startswith("#") and split:
                yield self._answer(line, split)

    def main_cf(self) -> str:
        """The configuration as it is now."""
        values = {**self.parameters, "smtpd_restriction_classes": " ".join(self.classes), **self.classes}
        return "".join(f"{name} = {value}\n" for name, value in values.items() if value or name in self.parameters)

    def _policy(self) -> PostfixPolicy:
        text = self.main_cf()
        found = self._compiled.get(text)
        if found is None:
            sink = Sink()
            tree = Memory({"/etc/postfix/main.cf": text, "/etc/postfix/master.cf": ""})
            configuration = Configuration.load("/etc/postfix", sink, tree)
            found = self._compiled[text] = compile_policy(configuration, sink)
            found.smtpd.guarded = True  # the program does not look
            found.smtpd.settings.warned = self.warned  # it warns once, whatever changes
        return found

    def _answer(self, line: str, split: list[str]) -> Answered:
        name, session = split[0].lower(), self.session
        if len(split) in (3, 4) and name == "client":
            outcome = NameOutcome.FAILED if split[1] == "unknown" else NameOutcome.FOUND
            outcome = _OUTCOMES[split[3]] if len(split) == 4 else outcome
            session.client_name = session.reverse_name = Verified(split[1], outcome)
            session.client_address = split[2]
            return self._asked(line, "connect")
        if len(split) == 1:
            return self._alone(line, name)
        if len(split) != 2:
            return Answered(line, "bad command", ())
        if name in _QUESTIONS:
            return self._command(line, name, split[1])
        known = self._set(name, split[1])
        return Answered(line, "OK" if known else "bad command", ())

    def _alone(self, line: str, name: str) -> Answered:
        if name == "rewrite":
            policy = self._policy()
            ev = self._own(policy).evaluation(Ask(self.world), self.where)
            return _answered(line, run(policy.smtpd.header_context(ev)))
        return Answered(line, "OK" if name == "flush_dnsxl_cache" else "bad command", ())

    def _set(self, name: str, value: str) -> bool:
        if name == "restriction_class":
            cls, _, rest = value.partition(",")
            self.classes[cls] = self._escaped(rest)
        elif name in _LISTS:
            self.parameters[_LISTS[name]] = self._escaped(value)
        elif name in ("reverse_client_restrictions", "fingerprint"):
            return False
        else:
            if name in _BOOLEAN:
                value = "no" if value == "0" else "yes"
            self.parameters[name] = value if name in _RAW else self._escaped(value)
        return True

    @staticmethod
    def _escaped(value: str) -> str:
        return value.replace("$", "$$")

    def _command(self, line: str, name: str, value: str) -> Answered:
        session = self.session
        if name == "helo":
            session.helo = value
            return self._asked(line, "helo")
        address = value.removeprefix("<").removesuffix(">") if value.startswith("<") else value
        if name == "mail":
            session.sender = address
            return self._asked(line, "mail")
        session.recipient = address
        found = self._asked(line, "rcpt")
        session.recipient = None
        return found

    def _own(self, policy: PostfixPolicy) -> PostfixSession:
        own = _Restricted(policy.smtpd, self.session)
        own.memory = self.memory
        return own

    def _asked(self, line: str, question: str) -> Answered:
        own = self._own(self._policy())
        if question != "rcpt" and self.parameters.get("smtpd_delay_reject", "yes") == "yes":
            return Answered(line, NOT_YET, ())
        self.where = question.upper()
        verdict: Verdict = run(getattr(own, question)(Ask(self.world)))
        if self.counts is not None:
            self.counts.add(verdict.trace)
        self.memory.denied = self.memory.discard = False  # of which the program knows nothing
        return _answered(line, verdict)


def _answered(line: str, verdict: Verdict | None) -> Answered:
    if verdict is None:
        return Answered(line, "OK", ())
    log = [*verdict.notes, *([f"reject: {verdict.log}"] if verdict.log else [])]
    reply = "OK" if verdict.reply.positive else f"{verdict.reply.code} {verdict.reply.lines[0]}"
    return Answered(line, reply, tuple(log))
