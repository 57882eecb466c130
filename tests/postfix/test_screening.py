"""What postscreen's parameters mean, as far as no client has to be played: lists in the DNS, words, times."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from dialogue import ClosedWorld

from mailconf.diagnostics import Sink
from mailconf.model.inquiry import inquire
from mailconf.model.screening import Listing
from mailconf.model.session import Session
from mailconf.model.world import Ask, Outcome, Records, run
from mailconf.postfix.policy.policy import PostfixPolicy, compile_policy
from mailconf.postfix.policy.screening import PostfixScreener
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.listeners import listeners
from mailconf.postfix.settings.screening import ListedSite, report_screening
from mailconf.smtp.screening import Action, Test

MASTER = "25 inet n - n - 1 postscreen{}\nsmtpd pass - - n - - smtpd\n"
MAIN = {
    "myhostname": "mail.example.com",
    "mydestination": "example.com",
    "local_recipient_maps": "",
    "mynetworks": "",
    "smtpd_relay_restrictions": "reject_unauth_destination",
}
ZONE = {"2.2.0.192.bl.example": Records(Outcome.FOUND, ("127.0.0.2",), ttl=300)}


def policy_of(folder: Path, parameters: Mapping[str, str], overrides: str = "") -> PostfixPolicy:
    (folder / "main.cf").write_text("".join(f"{k} = {v}\n" for k, v in {**MAIN, **parameters}.items()))
    (folder / "master.cf").write_text(MASTER.format(overrides))
    sink = Sink()
    configuration = Configuration.load(str(folder), sink)
    return compile_policy(configuration, sink, listeners(configuration)[0])


def screener_of(folder: Path, parameters: Mapping[str, str], overrides: str = "") -> PostfixScreener:
    screener = policy_of(folder, parameters, overrides).screener
    assert screener is not None
    return screener


@pytest.mark.parametrize(
    ("word", "zone", "weight", "problem"),
    [
        ("bl.example", "bl.example", 1, ""),
        ("bl.example*-3", "bl.example", -3, ""),
        ("bl.example=127.0.0.[2..4]*+2", "bl.example", 2, ""),
        ("bl.example*", "bl.example", 0, 'bad DNSBL weight factor "" in "bl.example*"'),
        ("bl.example*2x", "bl.example", 0, 'bad DNSBL weight factor "2x" in "bl.example*2x"'),
        ("=127.0.0.2", "", 1, 'bad DNSBL domain name "" in "=127.0.0.2"'),
    ],
)
def test_sites(word: str, zone: str, weight: int, problem: str) -> None:
    found = ListedSite.parse(word)
    assert (found.zone, found.weight, found.problem) == (zone, weight, problem)


def test_overrides_are_those_of_its_own_line(tmp_path: Path) -> None:
    parameters = {"postscreen_greet_action": "ignore", "postscreen_bare_newline_enable": "yes"}
    overrides = " -o postscreen_greet_action=drop -o postscreen_bare_newline_enable=no"
    assert screener_of(tmp_path, parameters).screening.actions == {
        Test.GREETING: Action.IGNORE,
        Test.LINE_ENDS: Action.IGNORE,
    }
    assert screener_of(tmp_path, parameters, overrides).screening.actions == {Test.GREETING: Action.DROP}


def test_a_value_that_is_none_lets_nobody_in(tmp_path: Path) -> None:
    assert screener_of(tmp_path, {"postscreen_greet_action": "ignor"}).screening.actions[Test.GREETING] is Action.DROP


def test_values_with_which_it_does_not_start(tmp_path: Path) -> None:
    parameters = {"postscreen_dnsbl_sites": "bl.example*2, bl.example*x, =127.0.0.2", "postscreen_greet_action": "no"}
    policy_of(tmp_path, parameters, " -o postscreen_dnsbl_action=Drop")
    sink = Sink()
    configuration = Configuration.load(str(tmp_path), sink)
    report_screening(configuration, listeners(configuration), sink)
    start = "postscreen does not start"
    assert [found.message for found in sink] == [
        f'{start} with the value "no" of postscreen_greet_action',
        f'{start} with the value "Drop" of postscreen_dnsbl_action',
        f'{start}: bad DNSBL weight factor "x" in "bl.example*x"',
        f'{start}: bad DNSBL domain name "" in "=127.0.0.2"',
    ]


@pytest.mark.parametrize(
    ("ttls", "seconds"),
    [((None,), 60.0), ((30,), 60.0), ((600, 300), 300.0), ((600, None), 60.0), ((99_999,), 3600.0)],
)
def test_how_long_a_rank_holds(tmp_path: Path, ttls: tuple[int | None, ...], seconds: float) -> None:
    screener = screener_of(tmp_path, {"postscreen_dnsbl_sites": "bl.example"})
    listings = [Listing("bl.example", "x", ("127.0.0.2",), ttl) for ttl in ttls]
    assert run(screener.rank(listings, Ask(ClosedWorld()))).seconds == seconds


def told(folder: Path, parameters: Mapping[str, str], client: str) -> list[str]:
    """What an inquiry says of a client's mail: commands and replies."""
    policy = policy_of(folder, parameters)
    world = ClosedWorld(dns={(name, "A"): records for name, records in ZONE.items()})
    inquiry = inquire(policy, world, Session(client, sender="a@b.test"), ["x@example.com"])
    return [f"{step.command}: {step.verdict.reply}" for step in inquiry.steps]


def test_who_is_denied_or_listed_gets_no_further(tmp_path: Path) -> None:
    denied = {"postscreen_access_list": "inline:{192.0.2.9=reject}", "postscreen_dnsbl_sites": "bl.example"}
    drop = {"postscreen_denylist_action": "drop", "postscreen_dnsbl_action": "drop"}
    enforce = {"postscreen_denylist_action": "enforce", "postscreen_dnsbl_action": "enforce"}
    listed = "5.7.1 Service unavailable; client [192.0.2.2] blocked using bl.example"
    assert told(tmp_path, denied | drop, "192.0.2.9") == ["connect: 521 5.3.2 Service currently unavailable"]
    assert told(tmp_path, denied | drop, "192.0.2.2") == [f"connect: 521 {listed}"]
    command = "RCPT TO:<x@example.com>: 550 "
    assert told(tmp_path, denied | enforce, "192.0.2.9") == [f"{command}5.3.2 Service currently unavailable"]
    assert told(tmp_path, denied | enforce, "192.0.2.2") == [f"{command}{listed}"]
    for client, settings in (("192.0.2.3", enforce), ("192.0.2.2", {}), ("192.0.2.9", {})):
        assert told(tmp_path, denied | settings, client)[-1].startswith(".: 250 ")
