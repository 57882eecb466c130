"""What a ruleset gives where a map fails, where rules never end, and where input is not what it should be."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mailconf.model.world import Outcome, Records
from mailconf.model.world import run as drive
from mailconf.sendmail.rules.addresses import Parser
from mailconf.sendmail.rules.crack import cracked
from mailconf.sendmail.rules.problems import EX_CONFIG, EX_TEMPFAIL, Problems, Stopped
from mailconf.sendmail.rules.run import Engine
from mailconf.sendmail.rules.tokens import Reading, Tokeniser
from tests.sendmail.rules.rule_bench import Bench
from tests.vectors.rules_cases import BASE, FILES, PASSWD, TABLES


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, files=FILES, tables=TABLES, passwd=PASSWD)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    bench = Bench(tmp_path_factory.mktemp("fuzz"), files=FILES, tables=TABLES, passwd=PASSWD)
    return bench.engine(BASE)[0]


def called(engine: Engine, ruleset: str, text: str) -> tuple[str, int]:
    found = drive(engine.call(ruleset, engine.scan(text) or []))
    assert found is not None
    return engine.joined(found.workspace), found.status


RULE = "Sx\nR$*\t$: $(m $1 $: none $)\n"


@pytest.mark.parametrize(
    ("map_", "answer", "status"),
    [
        ("Km hash FOLDER/table", "value with blanks", 0),
        ("Km hash -o FOLDER/table", "value with blanks", 0),
        ("Km hash -o FOLDER/nofile", "none", 0),
        ("Km hash FOLDER/nofile", "none", EX_TEMPFAIL),
        ("Km hash FOLDER/list", "none", EX_TEMPFAIL),
        ("Km ldap -h x", "none", EX_TEMPFAIL),
        ("Km nis x", "none", EX_TEMPFAIL),
        ("Km socket inet:1@127.0.0.1", "none", EX_TEMPFAIL),
        ("Km program /bin/true", "none", EX_TEMPFAIL),
        ("Km dns -R A", "none", EX_TEMPFAIL),
        ("Km null", "none", 0),
        ("Ka hash FOLDER/nofile\nKb hash FOLDER/table\nKm sequence a b", "value with blanks", 0),  # as the original
        ("Ka hash -o FOLDER/nofile\nKb hash FOLDER/table\nKm sequence a b", "value with blanks", 0),
    ],
)
def test_a_map_that_fails_is_never_absent(bench: Bench, map_: str, answer: str, status: int) -> None:
    engine, _ = bench.engine(f"{BASE}{map_}\n{RULE}")
    assert called(engine, "x", "key") == (answer, status)


def test_a_damaged_table_fails(bench: Bench) -> None:
    file = Path(str(bench.root.real("/conf/table.db")))
    file.write_bytes(file.read_bytes()[:700])
    engine, _ = bench.engine(f"{BASE}Km hash FOLDER/table\n{RULE}")
    assert called(engine, "x", "key") == ("none", EX_TEMPFAIL)


@pytest.mark.parametrize(
    ("records", "status"),
    [
        (Records(Outcome.FOUND, ("192.0.2.1",)), 0),
        (Records(Outcome.ABSENT, nxdomain=True), 0),
        (Records(Outcome.FAILED), EX_TEMPFAIL),
    ],
)
def test_the_dns_has_three_outcomes(bench: Bench, records: Records, status: int) -> None:
    said = Problems(lambda problem: None)
    book = bench.book(f"{BASE}Km dns -R A\n{RULE}", said)
    engine = Engine(book, bench.world(records={("a.example", "A"): records}), problems=said)
    answer = records.values[0] if records.values else "none"
    assert called(engine, "x", "a.example") == (answer, status)


def test_one_book_serves_many_sessions(bench: Bench) -> None:
    book = bench.book(f"{BASE}Sx\nR$*\t$: $&{{who}}\n", Problems(lambda problem: None))
    for who in ("a", "b"):
        engine = Engine(book, bench.world(), macros=book.macros.above())
        engine.macros.define("who", who)
        assert called(engine, "x", "-") == (who, 0)
    assert book.macros.named("who") is None


def test_unknown_rulesets_have_no_answer(bench: Bench) -> None:
    engine, _ = bench.engine(BASE)
    assert drive(engine.call("check_nothing", ["a"])) is None


@pytest.mark.parametrize(
    ("rules", "status"),
    [
        ("Sx\nR$+\t$1 z\n", 0),  # "Infinite loop"
        ("Sx\nR$*\t$: $>x $1\n", EX_CONFIG),  # "excessive recursion"
        ("Sx\nR$*\t$: $>y $1 | $>y $1 | $>y $1\nSy\nR$*\t$: $>x $1 | $>x $1 | $>x $1\n", None),
        ("Sx\n" + "R$*\t$: $1 $1\n" * 40, None),
        ("Sx\nR$* $* $* $* $* $* $* $- q\tz\n", None),
    ],
    ids=["loop", "recursion", "tree", "growth", "backtracking"],
)
def test_rules_that_never_end(bench: Bench, rules: str, status: int | None) -> None:
    engine, said = bench.engine(BASE + rules)
    began = time.process_time()
    _, given_status = called(engine, "x", "q " + "a b c " * 100)
    assert time.process_time() - began < 30
    if status is not None:
        assert given_status == status
        assert said
    assert called(engine, "any", "a . b") == ("<a><b>", 0)  # the next question has steps of its own


HOSTILE = st.text(
    st.one_of(st.sampled_from('"\\()<>@,;:.$[]{}|# \t\n\0%!'), st.characters(max_codepoint=255)), max_size=60
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=HOSTILE, ruleset=st.sampled_from(("3", "parse", "any", "deep", "lookup", "check_rcpt", "calls", "expr")))
@example(text="a" * 100_000, ruleset="parse")
@example(text="a." * 50_000, ruleset="parse")
@example(text="<" * 100_000, ruleset="3")
@example(text='"' * 99_999, ruleset="any")
@example(text="(" * 100_000, ruleset="any")
def test_any_input_has_an_answer_or_a_message(engine: Engine, text: str, ruleset: str) -> None:
    tokens = engine.scan(text)
    if tokens is not None:
        found = drive(engine.call(ruleset, tokens))
        assert found is not None
        assert found.status in (0, 64, EX_TEMPFAIL, EX_CONFIG)
        assert all(found.workspace), "there are no empty tokens"
    parsed, end = drive(Parser(engine).parse(text))
    assert parsed is None or parsed.bad or parsed.mailer is not None
    assert 0 <= end <= len(text)


@settings(max_examples=200)
@given(HOSTILE, st.sampled_from(Reading), st.sampled_from((".:%@!^/[]+", "", '"\\() <', "\xff")))
def test_tokens_lose_nothing_but_blanks_and_comments(text: str, reading: Reading, operators: str) -> None:
    messages: list[str] = []
    tokens = Tokeniser(operators).tokens(text, lambda message, about: messages.append(message), reading)
    assert tokens is None or all(tokens)
    if (
        tokens is not None
        and "(" not in text
        and "\\" not in text
        and "\0" not in text
        and not messages
        and "\xff" not in text
    ):
        assert [c for c in "".join(tokens) if not c.isspace()] == [c for c in text if not c.isspace()]


@settings(max_examples=200)
@given(HOSTILE)
@example("(" * 100_000)
@example("a <" * 30_000)
def test_a_cracked_address_is_short(text: str) -> None:
    assert len(cracked(text)) <= 260


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(
        st.one_of(
            st.builds(str.__add__, st.sampled_from(tuple("RSDCFKMOXQHPVTE$# \t")), HOSTILE),
            st.sampled_from([line for line in BASE.splitlines() if line[:1] != "V"]),
        ),
        max_size=12,
    )
)
@example(lines=["Sx", "R" + "$*" * 50_000 + "\t$1"])
@example(lines=["D{x}" + "y" * 100_000, "Cw" + "z " * 50_000])
@example(lines=["Sx", "R$*\t" + "$(plain " * 10_000])
def test_any_configuration_is_read_or_complained_of(bench: Bench, lines: list[str]) -> None:
    problems = Problems(lambda problem: None)
    try:
        book = bench.book("V10\n" + "".join(f"{line}\n" for line in lines), problems, "t")
    except Stopped as stopped:
        assert stopped.status
        return
    engine = Engine(book, bench.world(), problems=problems)
    for number, rules in enumerate(book.rulesets):
        if rules:
            assert drive(engine.rewrite(["a", "@", "b"], number)) >= 0


def test_a_configuration_without_a_local_mailer_is_tried_all_the_same(bench: Bench) -> None:
    printed, status = bench.talk("V10/Berkeley\n", ["$j"])
    assert printed.startswith("No local mailer defined\nADDRESS TEST MODE")
    assert status == 70
