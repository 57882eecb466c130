"""What is remembered between cases changes no answer: sessions of clients, files, and what rulesets have made."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailconf.cli.own.test_protocol import refusal
from mailconf.diagnostics import Sink
from mailconf.files import Memory
from mailconf.insight.cases.suite import Case
from mailconf.insight.compare import spread
from mailconf.insight.engines.model import ModelEngine
from mailconf.insight.engines.prepare import prepare
from mailconf.insight.engines.remembering_rules import MOST_WAYS, Known, RememberingEngine
from mailconf.insight.engines.sendmail_subject import SendmailSubject
from mailconf.insight.engines.subject import Options, Subject
from mailconf.insight.run import load_suite
from mailconf.model.world import run
from mailconf.sendmail.rules.disk_world import DiskWorld
from mailconf.sendmail.rules.load import load
from mailconf.sendmail.rules.problems import CfProblem, Problems
from mailconf.sendmail.rules.run import DEPTH

EXAMPLES = Path(__file__).parents[2] / "examples"


def prepared(dialect: str) -> tuple[Subject, list[Case]]:
    sink = Sink()
    suite = load_suite(str(EXAMPLES / dialect / "mail.test.yaml"), sink)
    assert suite is not None
    subject = prepare(suite, Options(), sink)
    assert subject is not None
    return subject, list(spread(suite.cases, subject))


@pytest.mark.parametrize("dialect", ["postfix", "sendmail"])
def test_a_case_is_answered_alike_after_all_the_others(dialect: str) -> None:
    subject, cases = prepared(dialect)
    together = ModelEngine(subject, refusal)
    first = [together.observe(case) for case in cases]
    again = [together.observe(case) for case in reversed(cases)]
    if isinstance(subject, SendmailSubject):
        subject._policy.compiled.quick = None  # each is asked with an engine that remembers nothing
    alone = [ModelEngine(subject, refusal).observe(case) for case in cases]
    assert first == alone
    assert again[::-1] == alone


# -- rulesets

CF = """V10/Berkeley
C{Here}a b
Kput macro
Klots arith
SPlain
R$+\t$: $1 is $&{colour}
SPut
R$+\t$: $(put {shade} $@ $1 $) $1
SOuter
R$+\t$: $>Plain $1
SWrong
R$+\t$: $(nothere $1 $)
SLots
R$+\t$: $(lots r $@ 1 $@ 1000000 $)
SDown
Rx $+\t$@ $>Down $1
"""


class Rules:
    """Engines over CF that share what is known."""

    def __init__(self) -> None:
        tree = Memory({"/etc/mail/sendmail.cf": CF})
        self.book = load(tree, "/etc/mail/sendmail.cf", Problems(lambda problem: None))
        self.world = DiskWorld(tree)
        self.known: Known = {}

    def ask(self, ruleset: str, text: str, **macros: str) -> tuple[str, list[str], RememberingEngine]:
        """What comes of a text, what is reported, and the engine."""
        heard: list[CfProblem] = []
        engine = RememberingEngine(self.known, self.book, self.world, Problems(heard.append))
        for name, value in macros.items():
            engine.macros.define(name, value)
        called = run(engine.call(ruleset, text.split()))
        assert called is not None
        return " ".join(called.workspace), [problem.text for problem in heard], engine


def test_a_macro_that_a_ruleset_reads_is_compared_through_calls() -> None:
    rules = Rules()
    assert rules.ask("Outer", "sky", colour="blue")[0] == "sky is blue"
    assert rules.ask("Outer", "sky", colour="grey")[0] == "sky is grey"
    assert rules.ask("Outer", "sky", colour="blue")[0] == "sky is blue"
    assert rules.ask("Outer", "sky")[0] == "sky is"


def test_a_macro_that_a_ruleset_defines_is_defined_each_time() -> None:
    rules = Rules()
    for _ in range(2):
        *_, engine = rules.ask("Put", "dark")
        assert engine.macros.named("shade") == "dark"
    assert len(rules.known) == 1


def test_a_report_is_made_each_time() -> None:
    rules = Rules()
    first, again = rules.ask("Wrong", "x"), rules.ask("Wrong", "x")
    assert first[1] == again[1] == ["rewrite: map nothere not found"]


def test_lots_are_drawn_each_time() -> None:
    rules = Rules()
    assert len({rules.ask("Lots", "x")[0] for _ in range(4)}) > 1


def test_what_is_known_does_not_lead_deeper_than_calls_may_go() -> None:
    rules = Rules()
    assert rules.ask("Down", "x " * (DEPTH - 2) + "y")[1] == []  # leaves each shorter one behind
    reported = rules.ask("Down", "x " * (DEPTH + 5) + "y")[1]
    rules.known.clear()
    assert reported == rules.ask("Down", "x " * (DEPTH + 5) + "y")[1] != []


def test_ways_of_a_workspace_are_bounded() -> None:
    rules = Rules()
    for number in range(3 * MOST_WAYS):
        assert rules.ask("Plain", "sky", colour=f"c{number}")[0] == f"sky is c{number}"
    assert all(len(ways) <= MOST_WAYS for ways in rules.known.values())
