"""Sessions of a SendmailPolicy: what no recorded dialogue shows, and any bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailconf.model.transport import ConnectionReuse
from mailconf.model.verdict import EffectKind
from mailconf.mta.queue_ids import DateIds, ShortIds
from mailconf.mta.rates import Rates
from mailconf.sendmail.policy import SendmailPolicy
from mailconf.sendmail.rules import run as engine_run
from tests.sendmail.policy.smtp_dialogue import Dialogue, bench, policy_of
from tests.sendmail.rules.rule_bench import Bench

GOOD = "127.0.0.2"
HELLO, MAIL, RCPT = "EHLO client.example", "MAIL FROM:<a@far.example>", "RCPT TO:<ann@example.org>"
CHECKS = """Scheck_mail
R$* bad $*\t$#error $@ 5.7.1 $: "550 5.7.1 no"
Scheck_rcpt
R$* < $* > $*\t$: $2
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return bench(tmp_path_factory.mktemp("smtp"))


def said(dialogue: Dialogue, *lines: str) -> list[str]:
    return [str(reply) for line in lines for reply in dialogue.send(f"{line}\r\n".encode("latin-1"))]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [HELLO, MAIL, RCPT, "DATA", ".", "RSET", "VERB", "EXPN team", "VRFY ann", "ETRN x", "AUTH x"]
            ),
            st.builds(
                "{} {}".format,
                st.sampled_from(["MAIL FROM:", "RCPT TO:", "VRFY", "EXPN", "HELO", "EHLO", "ETRN", "HELP", "AUTH"]),
                st.text(st.characters(min_codepoint=0, max_codepoint=255), max_size=40),
            ),
            st.text(st.characters(min_codepoint=0, max_codepoint=255), max_size=40),
        ),
        max_size=8,
    )
)
def test_any_bytes_are_answered(place: Bench, lines: list[str]) -> None:
    """Every command has a reply of three digits, and nothing ends in an exception."""
    dialogue = Dialogue(place, policy_of(place, CHECKS), GOOD)
    for line in lines:
        for reply in dialogue.send(line.encode("latin-1") + b"\r\n"):
            assert reply.code == 50 or 200 <= reply.code <= 599
            assert reply.wire(controls=True).count(b"\n") == len(reply.lines)
    assert not dialogue.defects


@pytest.mark.parametrize("size", [1, 2, 7])
def test_replies_do_not_depend_on_how_bytes_come(place: Bench, size: int) -> None:
    steps = (HELLO,), (MAIL, RCPT, "DATA"), ("Subject: x", "", "..a", ".", "QUIT")
    sent = ["".join(f"{line}\r\n" for line in step).encode() for step in steps]
    policy = policy_of(place, "")
    whole = Dialogue(place, policy, GOOD)
    pieces = Dialogue(place, policy, GOOD)
    expected = [str(reply) for data in sent for reply in whole.send(data)]
    found = [str(r) for data in sent for at in range(0, len(data), size) for r in pieces.send(data[at : at + size])]
    assert [reply[:3] for reply in expected] == ["250", "250", "250", "354", "250", "221"]
    assert found == expected
    assert [m.content.rpartition(b"\n\n")[2] for m in pieces.intake.messages] == [b".a\n"]


def test_rulesets_without_end_are_a_temporary_failure(place: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_run, "STEPS", 200)
    loop = "Sone\nR$*\t$: $>two $1\nR$*\t$: $>two $1\nStwo\nR$*\t$: $>three $1\nR$*\t$: $>three $1\nSthree\n"
    loop += "".join("R$*\t$: x $1\nR$* x $*\t$: $1 $2\n" for _ in range(40)) + "Scheck_mail\nR$*\t$: $>one $1\n"
    dialogue = Dialogue(place, policy_of(place, loop), GOOD)
    assert said(dialogue, HELLO, MAIL)[-1].startswith("4")


@pytest.mark.parametrize(
    ("ruleset", "kind"), [("$#discard $: d", EffectKind.DISCARD), ("$#error $@ quarantine $: odd", EffectKind.HOLD)]
)
def test_what_a_check_wants_is_done_with_the_message(place: Bench, ruleset: str, kind: EffectKind) -> None:
    policy = policy_of(place, f"O DeliveryMode=b\nScheck_rcpt\nR$*\t{ruleset}\n")
    dialogue = Dialogue(place, policy, GOOD)
    said(dialogue, HELLO, MAIL, RCPT, "DATA", "Subject: x", "", "y", ".")
    assert kind in [effect.kind for effect in dialogue.intake.messages[0].effects]


def test_a_message_of_another_transaction_is_not_discarded(place: Bench) -> None:
    policy = policy_of(place, "O DeliveryMode=b\nScheck_rcpt\nR< bob $* >\t$#discard $: d\n")
    dialogue = Dialogue(place, policy, GOOD)
    for user in ("bob", "ann"):
        said(dialogue, MAIL, f"RCPT TO:<{user}@example.org>", "DATA", "", "y", ".")
    first, second = dialogue.intake.messages
    assert [effect.kind for effect in first.effects if effect.kind is EffectKind.DISCARD]
    assert not second.effects


def test_a_refused_recipient_can_be_named_again(place: Bench) -> None:
    dialogue = Dialogue(place, policy_of(place, ""), GOOD)
    replies = said(dialogue, HELLO, MAIL, *["RCPT TO:<nowhere@example.org>"] * 2, RCPT, RCPT)
    assert [reply[:3] for reply in replies[2:]] == ["550", "550", "250", "250"]


def test_maps_that_come_back_are_asked_again(tmp_path: Path) -> None:
    found = bench(tmp_path)
    policy: SendmailPolicy = policy_of(
        found, 'Scheck_mail\nR$*\t$: $(failing x $: no $)\nRthere\t$#error $: "550 there"\n'
    )
    dialogue = Dialogue(found, policy, GOOD)
    assert said(dialogue, HELLO, MAIL)[-1].startswith("250")
    database = tmp_path / "conf/gone.db"
    from mailconf.maps.database.bdb_hash_writer import write_hash

    with database.open("xb") as file:
        write_hash(file, [b"x"], [b"there"])
    database.chmod(0o644)
    assert said(Dialogue(found, policy, GOOD), HELLO, MAIL)[-1] == "550 5.0.0 <a@far.example>... there"


def test_many_clients_are_counted_within_the_window() -> None:
    now = [0.0]
    rates = Rates(60.0, lambda: now[0])
    assert [rates.note("a"), rates.note("b"), rates.note("a")] == [(1, 1), (1, 2), (2, 3)]
    now[0] = 61.0
    assert rates.note("a") == (1, 1)


@given(st.integers(0, 10**9), st.floats(0, 2e9))
def test_a_queue_id_has_its_number(serial: int, now: float) -> None:
    for ids in (ShortIds(), DateIds()):
        assert ids.serial(ids.make(now, serial)) == serial


@pytest.mark.parametrize("hello", ["EHLO x", "HELO x"])
def test_who_does_not_wait_for_the_answer_to_hello_is_not_served(place: Bench, hello: str) -> None:
    dialogue = Dialogue(place, policy_of(place, ""), GOOD)
    assert said(dialogue, f"{hello}\r\n{MAIL}") == ["554 5.5.0 SMTP protocol error", "550 5.0.0 Command rejected"]
    assert said(dialogue, RCPT, "NOOP") == ["550 5.0.0 Command rejected", "250 2.0.0 OK"]


def test_content_that_does_not_wait_for_354_ends_the_session(place: Bench) -> None:
    dialogue = Dialogue(place, policy_of(place, ""), GOOD)
    replies = said(dialogue, HELLO, MAIL, RCPT, "DATA\r\nSubject: x\r\n\r\ny\r\n.", "NOOP")
    assert replies[3:] == ["554 5.5.0 SMTP protocol error"]
    assert not dialogue.intake.messages


@pytest.mark.parametrize("command", ["GET / HTTP/1.1", "post", "CONNECT x:25", "USER"])
def test_the_first_command_of_another_protocol_ends_the_session(place: Bench, command: str) -> None:
    first = Dialogue(place, policy_of(place, ""), GOOD)
    assert said(first, command, "NOOP")[0].startswith("421 4.7.0 mail.example.org Rejecting open proxy ")
    second = Dialogue(place, policy_of(place, ""), GOOD)
    assert [reply[:3] for reply in said(second, "NOOP", command, "NOOP")] == ["250", "500", "250"]


@pytest.mark.parametrize(
    ("text", "reuse"),
    [
        ("", ConnectionReuse(True, 2.0)),
        ("O ConnectionCacheSize=0\n", ConnectionReuse(False, 2.0)),
        ("O ConnectionCacheSize=2\nO ConnectionCacheTimeout=1s\n", ConnectionReuse(True, 1.0)),
        ("O ConnectionCacheTimeout=5m\n", ConnectionReuse(True, 2.0)),
    ],
)
def test_how_connections_to_other_hosts_are_kept(place: Bench, text: str, reuse: ConnectionReuse) -> None:
    policy = policy_of(place, f"{text}Mesmtp, P=[IPC], F=mDFMuXa, A=TCP $h\n")
    assert policy.site.transports["esmtp"].reuse == reuse
