"""A refusal stays one, whatever its code is configured to be: nothing that is refused is ever answered 2xx or 3xx.

What the original makes of codes and statuses that do not fit is recorded (tests/vectors/refusal_scenarios.py, Postfix
3.7.11); here any others are tried.
"""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

import pytest

VECTORS = Path(__file__).parents[1] / "vectors"
sys.path.insert(0, str(VECTORS))

from dialogue import Dialogue  # noqa: E402
from policy_replay import open_site  # noqa: E402
from policy_scenarios import RESTRICTIONS, Scenario, mail  # noqa: E402
from refusal_scenarios import REFUSING, with_codes  # noqa: E402

from mailconf.diagnostics import Sink  # noqa: E402
from mailconf.model.fileworld import FileWorld  # noqa: E402
from mailconf.model.trace import Trace  # noqa: E402
from mailconf.model.verdict import Reply, Verdict  # noqa: E402
from mailconf.postfix.policy.checks import CHECKS  # noqa: E402
from mailconf.postfix.policy.dns_checks import CHECKS as DNS_CHECKS  # noqa: E402
from mailconf.postfix.policy.listings import ACTS, refuse_listed  # noqa: E402
from mailconf.postfix.policy.policy import compile_policy  # noqa: E402
from mailconf.postfix.policy.smtpd_settings import CODES  # noqa: E402
from mailconf.postfix.settings.configuration import Configuration  # noqa: E402

ACCEPTED = "250 2.1.5 Ok"
REFUSED = re.compile(r"[45]\d\d [45]\.\d{1,3}\.\d{1,3} ")


def replies(scenario: Scenario, folder: Path) -> list[list[str]]:
    """What each session's recipients are answered."""
    folder.mkdir(exist_ok=True)
    policy, world = open_site(scenario, folder)
    found = []
    for session in scenario.sessions:
        dialogue = Dialogue(policy, world)
        found.append([dialogue.command(line) for line in session][3:])
    return found


def test_every_restriction_with_any_code_refuses_what_it_refuses(tmp_path: Path) -> None:
    pick = random.Random("codes")
    values = [*range(390, 402), *range(596, 604), *(pick.randint(-1000, 1000) for _ in range(15)), 2**31 - 1, -(2**31)]
    good = replies(with_codes(dict.fromkeys(CODES, "554")), tmp_path / "good")
    for value in values:
        codes = {name: str(value) for name in CODES if not name.startswith("unverified_")}
        for bounced, expected in zip(replies(with_codes(codes), tmp_path / str(value)), good, strict=True):
            for reply, usual in zip(bounced, expected, strict=False):
                assert (reply == ACCEPTED) == (usual == ACCEPTED), (value, reply, usual)
                assert reply == ACCEPTED or REFUSED.match(reply) or reply == "connection closed", (value, reply)


def test_every_restriction_is_among_those_that_were_tried() -> None:
    tried = set(re.split("[, ]+", " ".join([*RESTRICTIONS, *REFUSING.values()])))
    tried |= {name for name, act in ACTS.items() if act is refuse_listed}  # one function for all of them
    # Those that need a login, and those that never refuse.
    others = re.compile(r".*login_mismatch|permit_.*|dunno|sleep")
    # An old name stands for the same function as the new one.
    functions = {check.evaluate for name, check in (*CHECKS.items(), *DNS_CHECKS.items()) if name in tried}
    tried |= {name for name, check in (*CHECKS.items(), *DNS_CHECKS.items()) if check.evaluate in functions}
    assert not [n for n in (*CHECKS, *DNS_CHECKS, *ACTS) if n not in tried and not others.fullmatch(n)]


@pytest.mark.parametrize("stage", ["client", "helo", "sender", "recipient"])
def test_no_text_of_a_table_makes_a_refusal_an_acceptance(stage: str, tmp_path: Path) -> None:
    pick = random.Random(stage)
    texts = [_text(pick) for _ in range(250)]
    rows = "".join(f"s{n}@from.example {text}\n" for n, text in enumerate(texts))
    sessions = [mail("alice@example.com", sender=f"s{n}@from.example") for n in range(len(texts))]
    parameters = {f"smtpd_{stage}_restrictions": "check_sender_access texthash:@TOP@/rows"}
    for text, (reply,) in zip(
        texts, replies(Scenario("", parameters, sessions, {"rows": rows}), tmp_path), strict=True
    ):
        permits = text.isascii() and text.isdigit()
        assert reply == ACCEPTED if permits else REFUSED.match(reply), (text, reply)


def _text(pick: random.Random) -> str:
    code = pick.choice([pick.randint(0, 1200), pick.randint(190, 620), "REJECT", "DEFER", "DEFER_IF_PERMIT", "reject"])
    numbers = [str(pick.choice([0, 1, 2, 4, 5, 7, 9, 10, 999, 1000])) for _ in range(pick.choice([3, 3, 3, 2, 4]))]
    blanks = pick.choice([" ", "  ", "\t"])
    return f"{code}{blanks}{pick.choice(['.'.join(numbers), ''])} {pick.choice(['text', '', '250 ok'])}".strip()


@pytest.mark.parametrize("code", [100, 200, 220, 250, 252, 354, 399])
def test_a_verdict_that_refuses_cannot_be_accepted(code: int) -> None:
    with pytest.raises(ValueError, match="cannot be answered"):
        Verdict(Reply.of(code, "2.1.5 Ok"), Trace(), log="RCPT from x: ...")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("", "450 4.1.1 {} unverified address: Address verification in progress"),
        ("unverified_recipient_reject_reason = gone\n", "450 4.1.1 {} unverified address: gone"),
        ("unverified_recipient_reject_reason = é" + "x" * 300, "450 4.1.1 {} unverified address: é" + "x" * 248),
        ("unverified_recipient_tempfail_action = Defer\n", "450 4.1.1 {} unverified address: Address verification"),
        ("unverified_recipient_defer_code = 250\n", "554 5.7.1 {} Access denied"),
    ],
)
def test_what_an_address_without_a_probe_is_answered(settings: str, expected: str, tmp_path: Path) -> None:
    """tests/live/test_unverified_live.py asks the original. With ``defer`` the list ends there."""
    at_once = "tempfail_action" in settings
    lists = "smtpd_recipient_restrictions = reject_unverified_recipient, reject\nsmtpd_relay_restrictions =\n"
    main_cf = f"compatibility_level = 3.6\nmydestination = here.example\nlocal_recipient_maps =\n{lists}{settings}"
    if not at_once and "code" not in settings:
        main_cf = main_cf.replace(", reject\n", ", reject_unauth_destination\n")
    (tmp_path / "main.cf").write_text(main_cf)
    (tmp_path / "master.cf").write_text("smtp inet n - n - - smtpd\n")
    policy = compile_policy(Configuration.load(str(tmp_path), Sink()), Sink())
    dialogue = Dialogue(policy, FileWorld())
    reply = [dialogue.command(line) for line in ("EHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<c@here.example>")][-1]
    assert reply.startswith(expected.format("<c@here.example>: Recipient address rejected:"))
    assert len(reply) < 400
