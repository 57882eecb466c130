"""Which keys rulesets ask: the record of inputs, suppositions and budgets (`mailconf.sendmail.rules.questions`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailconf.model.world import Outcome
from mailconf.sendmail.rules.book import Rulebook
from mailconf.sendmail.rules.problems import Problems
from mailconf.sendmail.rules.questions import (
    Asked,
    Budget,
    Calls,
    Probe,
    Question,
    Supposed,
    Way,
    everywhere,
    nowhere,
    questions,
    ways,
)
from tests.sendmail.rules.rule_bench import Bench

CF = """\
V10/Berkeley
O OperatorChars=.:%@!^/[]+
Djmail.example.org
Cwlocalhost example.org
C{Virt}v.example
Kone hash -o FOLDER/one
Ktwo hash -o FOLDER/two
Kboth sequence one two
Kldap ldap -k (a=%s)
Mlocal, P=/bin/true, F=lsDFM, S=10/20, R=30/40, A=true $u
Mprog, P=/bin/true, F=lsDFM, A=true $u
Mesmtp, P=[IPC], F=mDFM, S=10/20, R=30/40, A=TCP $h
S3
R$+ @ $+\t$: $1 < @ $2 >
R$+ < @ $+ >\t$: $1 < @ $[ $2 $] >
S0
R$+ < @ $={Virt} >\t$: < $(one $1@$2 $: ! $) > $1 < @ $2 >
R< ! > $+ < @ $+ >\t$: < $(two $2 $: ! $) > $1 < @ $2 >
R< ! > $+\t$#esmtp $@ x $: $1
R< $+ > $*\t$#local $: $1
R$*\t$: $>other $1
R$*\t$#local $: $1
Sother
R$*\t$: $(both $1 $: $1 $)
S20
R$+ @ $+\t$: $(two from.$2 $: $1@$2 $)
Scheck_compat
R$* $| $*\t$: $(one $1.$2 $: no $)
Sdir
R$*\t$: $(ldap $1 $)
Scheck_mail
R$*\t$: $>dir $1
"""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def book_of(bench: Bench) -> Rulebook:
    return bench.book(CF, Problems(lambda problem: None))


def asked(bench: Bench, *inputs: Probe, budget: Budget | None = None, **supposed: object) -> Asked:
    tables = {"/conf/one": {}, "/conf/two": {}}
    world = Supposed(bench.root, machine=bench.machine, **{"tables": tables, **supposed})  # type: ignore[arg-type]
    return questions(book_of(bench), inputs, world, budget or Budget())


def test_a_question_has_its_map_key_ruleset_and_line(bench: Bench) -> None:
    found = asked(bench, Probe("ann@v.example"), Probe("bob@V.Example"))
    line = {text: number for number, text in enumerate(CF.splitlines(), 1)}
    first = next(number for text, number in line.items() if "$(one $1@$2" in text)
    assert found.complete
    assert found.questions[Question("one", "ann@v.example", "0", first)] == Probe("ann@v.example")
    assert Question("two", "v.example", "0", first + 1) in found.questions
    assert list(found.keys("ONE")) == ["ann@v.example", "bob@V.Example"]


def test_what_is_found_decides_what_follows(bench: Bench) -> None:
    tables = {"/conf/one": {b"ann@v.example": b"ann"}, "/conf/two": {}}
    assert "v.example" not in list(asked(bench, Probe("ann@v.example"), tables=tables).keys("two"))


def test_members_of_a_sequence_are_asked(bench: Bench) -> None:
    found = asked(bench, Probe("x@far.example"))
    assert list(found.keys("both")) == list(found.keys("one")) == list(found.keys("two")) == ["x<@far.example>"]


def test_names_are_as_the_name_server_is_supposed(bench: Bench) -> None:
    assert "x<@far.example.>" in list(asked(bench, Probe("x@far.example"), dns=everywhere()).keys("both"))
    assert "x<@far.example>" in list(asked(bench, Probe("x@far.example"), dns=nowhere).keys("both"))
    assert everywhere("mx.example")("a.example", "MX").values == ("10 mx.example",)
    assert everywhere()("a.example", "MX").values == ("10 a.example",)
    assert everywhere()("a.example", "CNAME").outcome is Outcome.ABSENT


def test_ways(bench: Bench) -> None:
    calls = Calls(book_of(bench))
    assert calls.ways_to("one") == [Way(), Way("check_compat")]
    assert calls.ways_to("two") == [Way(), Way("", "local", True, True)]
    assert calls.ways_to("ldap") == [Way("check_mail")]
    assert not calls.ways_to("nosuch")
    assert Way("", "prog", True, True) in dict(ways(calls.book))
    assert Way("", "esmtp", True, True) not in dict(ways(calls.book))


def test_a_header_sender_and_two_arguments(bench: Bench) -> None:
    inputs = [Probe("a@b.example", Way("", "esmtp", True, True)), Probe("a $| b", Way("check_compat"))]
    found = asked(bench, *inputs)
    assert list(found.keys("two")) == ["from.b.example>"]
    assert list(found.keys("one")) == ["a.b"]
    assert not list(asked(bench, Probe("a@b.example", Way("", "esmtp", True, False))).keys("two"))


def test_a_map_that_cannot_answer_is_named(bench: Bench) -> None:
    found = asked(bench, Probe("a", Way("check_mail")))
    assert found.failed == {"ldap"} and found.complete


def test_a_budget_ends(bench: Bench) -> None:
    budget = Budget(steps=2)
    found = asked(bench, Probe("x@far.example"), Probe("ann@v.example"), budget=budget)
    assert not found.complete and budget.ended
    assert not list(found.keys("one"))


def test_the_order_of_inputs_and_time_do_not_matter(bench: Bench) -> None:
    inputs = [Probe(f"u{number}@{domain}") for number in range(5) for domain in ("v.example", "far.example")]
    first, second = asked(bench, *inputs), asked(bench, *reversed(inputs))
    assert first.questions.keys() == second.questions.keys()
    assert list(first.questions) == list(asked(bench, *inputs).questions)


def test_suppositions_are_put_together(bench: Bench) -> None:
    found = asked(bench, Probe("x@far.example"), dns=everywhere())
    found.take_in(asked(bench, Probe("x@far.example"), Probe("a", Way("check_mail"))))
    assert list(found.keys("both")) == ["x<@far.example.>", "x<@far.example>"]
    assert found.failed == {"ldap"}
