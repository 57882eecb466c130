"""Addresses on the way out against what sendmail wrote: tests/vectors/sendmail_rewriting.jsonl."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mailconf.model.policy import AddressPlace, Role, Side
from mailconf.model.world import Ask, run
from mailconf.sendmail.policy.rewriting import rewritten, sender_domain
from mailconf.sendmail.rules.run import Engine
from tests.sendmail.policy.recipients_bench import Site
from tests.vectors.sendmail_rewriting_cases import SENDERS_FIELDS
from tests.vectors.store import load

RECORDED = load("sendmail_rewriting")
COMMON = RECORDED.head.common
TRIED = [case for case in RECORDED.cases if case["how"] == "try"]
SENT = [case for case in RECORDED.cases if case["how"] == "send"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    files = {"/etc/mail/generics": (COMMON["generics"], 0, 0, 0o644), "/etc/mail/aliases": ("", 0, 0, 0o644)}
    common = {**COMMON, "files": files, "tables": {"/etc/mail/generics": "hash"}, "folders": {}, "shells": ""}
    return Site(Path(tmp_path_factory.mktemp("rewriting")), common)


def engine_of(site: Site) -> Engine:
    book = site.book()
    return Engine(book, site.world(book))


@pytest.mark.parametrize("mailer", dict.fromkeys(case["mailer"] for case in TRIED))
def test_tried_addresses_are_as_sendmail_writes_them(site: Site, mailer: str) -> None:
    engine = engine_of(site)
    found = {}
    wanted = {}
    for case in (case for case in TRIED if case["mailer"] == mailer):
        sender, header = "S" in case["flags"], "H" in case["flags"]
        known = engine.book.mailers[mailer]
        key = case["flags"], case["address"]
        found[key] = run(rewritten(engine, case["address"], known, sender=sender, header=header))
        wanted[key] = case["said"]
    assert found == wanted


@pytest.mark.parametrize("sender", dict.fromkeys(case["sender"] for case in SENT))
def test_headers_and_envelopes_are_as_sendmail_sends_them(site: Site, sender: str) -> None:
    engine = engine_of(site)
    found: dict[Any, Any] = {}
    wanted: dict[Any, Any] = {}
    for case in (case for case in SENT if case["sender"] == sender):
        mailer = engine.book.mailers[case["mailer"]]
        domain = run(sender_domain(engine, sender))
        key = case["mailer"], case["field"], case["address"]
        side = case["field"] in SENDERS_FIELDS
        text = run(rewritten(engine, case["address"], mailer, sender=side, header=True, domain=domain))
        plain = "" if sender == "<>" else sender
        mail = run(rewritten(engine, plain, mailer, sender=True, header=False)) if plain else ""
        found[key] = f"<{mail}>", text
        wanted[key] = re.sub(" (SIZE|BODY)=.*", "", case["mail"]), case["said"]
    assert found == wanted


def test_the_policy_rewrites_for_a_role(site: Site) -> None:
    policy = site.policy()
    ask = Ask(site.model_world())
    for case in TRIED:
        plain = re.fullmatch(r"[A-Za-z@.]+", case["address"])
        if plain is None or case["flags"] == "ER":
            continue
        place = AddressPlace.HEADER if "H" in case["flags"] else AddressPlace.ENVELOPE
        side = Side.SENDER if "S" in case["flags"] else Side.RECIPIENT
        assert run(policy.rewrite(case["address"], Role(place, side, case["mailer"]), ask)) == case["said"]
        assert run(policy.rewrite(case["address"], Role(place, side), ask)) == case["address"]


def test_recipients_of_the_envelope_are_sent_as_their_routes_have_them(site: Site) -> None:
    policy = site.policy()
    for case in SENT:
        domain = "far.test" if case["mailer"] == "smtp" else f"{case['mailer']}.test"
        route = run(policy.resolve(f"Target@{domain}", Ask(site.model_world())))
        role = Role(AddressPlace.ENVELOPE, Side.RECIPIENT, route.transport)
        outgoing = run(policy.rewrite(route.recipient, role, Ask(site.model_world())))
        assert (route.transport, route.nexthop) == (case["mailer"], "sink.test")
        assert case["rcpt"] == [f"<{outgoing}>"]
