"""Recipients: what is found, what is absent, what has to wait; kinds, owners and rights of what an alias comes to."""

from __future__ import annotations

import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mailconf.model.recipient import Identity, Recipient, RecipientKind
from mailconf.model.verdict import DeliveryKind
from mailconf.model.world import Ask, Outcome, User, run
from mailconf.sendmail.policy.recipients import MOST, Recipients
from mailconf.sendmail.policy.recipients_disk import DiskRecipientsWorld
from mailconf.sendmail.policy.recipients_list import Fate
from mailconf.sendmail.policy.recipients_world import CannotRead, FileRules
from mailconf.sendmail.rules.run import Engine
from mailconf.sendmail.rules.world import Trusting, Unable
from tests.sendmail.policy.recipients_bench import Site
from tests.vectors.store import load

COMMON: Mapping[str, Any] = load("recipients").head.common


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(Path(tmp_path_factory.mktemp("site")), COMMON)


def made(place: Path, aliases: str, files: Mapping[str, tuple[str, int, int, int]] = {}) -> Site:
    """The site with these aliases, and of .forward files only those that are given."""
    others = {name: file for name, file in COMMON["files"].items() if not name.endswith("/.forward")}
    given = {**others, "/etc/mail/aliases": (aliases, 0, 0, 0o644), **files}
    return Site(place, {**COMMON, "files": given})


@pytest.mark.parametrize("only_verify", [True, False])
@pytest.mark.parametrize(
    ("address", "outcome"),
    [
        ("bob", Outcome.FOUND),
        ("<bob@corp.test>", Outcome.FOUND),
        ("x@far.test", Outcome.FOUND),
        ("nosuch", Outcome.ABSENT),
        ("x@refused.test", Outcome.ABSENT),
        ("|/bin/cat", Outcome.ABSENT),
        ("/etc/passwd", Outcome.ABSENT),
        (":include:/etc/mail/list", Outcome.ABSENT),
        ("x@later.test", Outcome.FAILED),
        ("x@lost.test", Outcome.FAILED),
        ("lost", Outcome.FAILED),
    ],
)
def test_the_three_outcomes(site: Site, address: str, outcome: Outcome, only_verify: bool) -> None:
    answer = run(site.recipients(only_verify=only_verify).add(address))
    assert answer.outcome is outcome
    if outcome is Outcome.ABSENT:
        assert answer.refusals[0].code.startswith("5")


def test_a_user_that_is_unknown_has_sendmails_reply(site: Site) -> None:
    answer = run(site.recipients().add("nosuch"))
    (refusal,) = answer.refusals
    assert (refusal.code, refusal.enhanced, refusal.line()) == ("550", "5.1.1", "nosuch... User unknown")


def test_an_alias_is_found_and_not_expanded_where_nothing_is_delivered_at_once(site: Site) -> None:
    recipients = site.recipients(only_verify=True)
    answer = run(recipients.add("team"))
    assert answer.outcome is Outcome.FOUND and answer.addressee is not None
    assert answer.addressee.fate is Fate.VERIFIED
    assert [addressee.text for addressee in recipients.list] == ["team"]


class Failing(DiskRecipientsWorld):
    """One in which users, or the alias file, cannot be asked for."""

    fails = ""

    async def user(self, name: str) -> User | None:
        if self.fails == "users":
            raise Unable("the server is away")
        return await super().user(name)

    async def read(self, file: str, trusting: Trusting) -> tuple[bytes, Any]:
        if self.fails == "aliases" and file.endswith("aliases"):
            raise Unable("Input/output error")
        return await super().read(file, trusting)


@pytest.mark.parametrize(("fails", "spec"), [("users", ""), ("aliases", "hash:/etc/mail/nosuch")])
def test_what_cannot_be_asked_is_never_absent(site: Site, fails: str, spec: str) -> None:
    book = site.book()
    if spec:
        book.maps["aliases"].members = [book.maps["lost"]]
        book.maps["aliases"].open = True
    world = Failing(site.root, machine=site.machine)
    world.fails = fails
    answer = run(Recipients(Engine(book, world), world).add("nosuch"))
    assert answer.outcome is Outcome.FAILED


def expanded(site: Site, address: str) -> dict[str, Recipient]:
    found = run(site.policy().expand(Recipient(address, orcpt="rfc822;o", notify="NEVER"), Ask(site.model_world())))
    assert found.error is None
    return {recipient.address: recipient for recipient in found.recipients}


def test_kinds_owners_and_rights_of_an_alias(site: Site) -> None:
    found = expanded(site, "multi")
    assert {name: recipient.kind for name, recipient in found.items()} == {
        "ann": RecipientKind.ADDRESS,
        "bob": RecipientKind.ADDRESS,
        "\\joe": RecipientKind.ADDRESS,
        '"|/bin/prog a b"': RecipientKind.COMMAND,
        "/var/x": RecipientKind.FILE,
        "c@far.test": RecipientKind.ADDRESS,
        "d@far.test": RecipientKind.ADDRESS,
        "z@elsewhere.test": RecipientKind.ADDRESS,
    }
    assert found['"|/bin/prog a b"'].identity == Identity(1, 1), "an alias has the default user's rights"
    assert found["bob"].identity == Identity(3003, 3001)
    assert {recipient.origin for recipient in found.values()} == {"multi"}
    assert {(recipient.orcpt, recipient.notify) for recipient in found.values()} == {("rfc822;o", "NEVER")}
    assert {recipient.owner for recipient in expanded(site, "la").values()} == {"joe"}
    assert {recipient.owner for recipient in expanded(site, "lc").values()} == {"bob", "owner-lc"}


def test_a_users_file_gives_that_users_rights(site: Site) -> None:
    found = expanded(site, "zoe")
    assert found['"|/bin/vacation zoe"'].identity == Identity(3010, 3001)
    assert found["/home/zoe/box"].identity == Identity(3010, 3001)


def test_what_is_wrong_in_an_alias_is_an_error_of_its_own(site: Site) -> None:
    found = expanded(site, "bad")
    assert found["nosuchuser"].kind is RecipientKind.ERROR
    assert found["nosuchuser"].error == "550 5.1.1 User unknown"
    assert found["ann"].kind is RecipientKind.ADDRESS
    refused = expanded(site, "yan")
    assert refused['"|/bin/vacation yan"'].error.endswith("doesn't have a valid shell for mailing to programs")


def test_deliveries(site: Site) -> None:
    policy, world = site.policy(), site.model_world()
    wanted = {
        '"|/bin/prog a b"': (DeliveryKind.COMMAND, "/bin/prog a b"),
        "/var/x": (DeliveryKind.FILE, "/var/x"),
        "c@far.test": (DeliveryKind.TRANSPORT, "smtp:far.test"),
        "bob": (DeliveryKind.TRANSPORT, "local:"),
    }
    for address, recipient in expanded(site, "multi").items():
        route = run(policy.resolve(address, Ask(world), kind=recipient.kind))
        (item,) = run(policy.deliver(route, Ask(world), recipient=recipient)).items
        if address in wanted:
            assert (item.kind, item.target) == wanted[address]
            assert item.recipient is recipient
    wrong = expanded(site, "bad")["nosuchuser"]
    route = run(policy.resolve(wrong.address, Ask(world), kind=wrong.kind))
    (item,) = run(policy.deliver(route, Ask(world), recipient=wrong)).items
    assert item.kind is DeliveryKind.ERROR and str(item.reply) == "550 5.1.1 User unknown"


@pytest.mark.parametrize("address", ["|/bin/cat", '"|/bin/cat"', "/etc/passwd", ":include:/etc/mail/list"])
def test_no_address_becomes_a_command_or_a_file(site: Site, address: str) -> None:
    route = run(site.policy().resolve(address, Ask(site.model_world())))
    assert route.error is not None and route.error.permanent
    assert route.transport == "*error*"


def test_a_final_address_is_no_alias_any_more(site: Site) -> None:
    route = run(site.policy().resolve("ann", Ask(site.model_world())))
    assert (route.transport, route.recipient, route.error) == ("local", "ann", None)
    plus = run(site.policy().resolve("bob+box", Ask(site.model_world())))
    assert (plus.transport, plus.nexthop, plus.recipient) == ("local", "box", "bob")
    hub = run(site.policy().resolve("hubbed", Ask(site.model_world())))
    assert (hub.transport, hub.nexthop) == ("relay", "hub.test")


def test_a_file_that_only_its_reader_may_not_read(tmp_path: Path) -> None:
    site = made(tmp_path, "", {"/home/ned/.forward": ("bob\n", 3022, 3001, 0)})
    world = site.world(site.book())
    with pytest.raises(CannotRead, match="Permission denied"):
        run(world.user_file("/home/ned/.forward", Identity(3022, 3001), "ned", FileRules(must_own=True)))


def test_long_lists_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailconf.sendmail.policy.recipients.MOST", 50)
    lines = "".join(f"user{number}@far.test\n" for number in range(200))
    site = made(tmp_path, "all: :include:/etc/mail/all\n", {"/etc/mail/all": (lines, 0, 0, 0o644)})
    recipients = site.recipients()
    run(recipients.add("all"))
    assert MOST > 50
    assert len(recipients.list) == 50


# -- properties

NAMES = ("ann", "bob", "carl", "dan", "eve", "l1", "l2", "l3", "nosuch")
TARGETS = st.sampled_from(
    [*NAMES, "\\bob", '"bob"', "x@far.test", "Y@Far.Test", "|/bin/cat", "/var/x", ":include:/etc/mail/list", "bob+box",
     "x@refused.test", "x@later.test", "Ann <ann@corp.test>", "bob (note)", "<carl>", "a b", "@", '"', "<x", ""]
)  # fmt: skip
ALIASES = st.dictionaries(st.sampled_from(NAMES), st.lists(TARGETS, max_size=4), max_size=6)
FOLDERS = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_COUNT = iter(range(1_000_000))


def _plain(text: str) -> str:
    return "".join(character for character in text.lower() if character in string.ascii_lowercase + string.digits)


@FOLDERS
@given(ALIASES)
def test_every_recipient_is_named_by_somebody(tmp_path: Path, aliases: dict[str, list[str]]) -> None:
    text = "".join(f"{name}: {', '.join(targets)}\n" for name, targets in aliases.items() if any(targets))
    site = made(tmp_path / str(next(_COUNT)), text)
    named = [*NAMES, *text.splitlines(), *COMMON["files"]["/etc/mail/list"][0].splitlines()]
    for name in NAMES[:4]:
        recipients = site.recipients()
        answer = run(recipients.add(name))
        ends = recipients.sendable()
        for addressee in recipients.list:
            assert any(addressee.text.strip() in line for line in named)
            if addressee.fate.sendable and addressee.mailer.name in ("prog", "*file*", "*include*"):
                assert addressee.source is not None, "only aliases and files name commands and files"
        if answer.outcome is Outcome.FOUND and not answer.refusals:
            assert ends, "what is found goes somewhere"
        keys = [(end.mailer.name, end.host, end.user) for end in ends if end.mailer.name not in ("prog", "*error*")]
        assert len(keys) == len(set(keys)), "nobody gets a message twice"


@FOLDERS
@given(st.binary(max_size=300), st.binary(max_size=300))
def test_any_alias_file_and_any_forward_file_gives_an_answer(tmp_path: Path, aliases: bytes, forward: bytes) -> None:
    text = "list: :include:/etc/mail/any\n" + aliases.decode("latin-1")
    files = {
        "/etc/mail/any": (forward.decode("latin-1").removeprefix("->"), 0, 0, 0o644),
        "/home/eve/.forward": (forward.decode("latin-1").removeprefix("->"), 3009, 3001, 0o644),
    }
    site = made(tmp_path / str(next(_COUNT)), text, files)
    for name in ("list", "eve"):
        recipients = site.recipients()
        answer = run(recipients.add(name))
        assert answer.outcome in Outcome
        found = run(site.policy().expand(Recipient(name), Ask(site.model_world())))
        for recipient in found.recipients:
            assert recipient.origin == name


@FOLDERS
@given(st.text(alphabet=string.printable, min_size=1, max_size=60))
@example(text="0@0 <")  # sendmail 8.17.1.9 -bv: Unbalanced '<', User unknown
def test_an_address_comes_out_as_it_went_in(tmp_path: Path, text: str) -> None:
    site = made(tmp_path / str(next(_COUNT)), "nobody: /dev/null\n")
    found = run(site.policy().expand(Recipient(text), Ask(site.model_world())))
    for recipient in found.recipients:
        if recipient.kind is RecipientKind.ADDRESS:
            assert set(_plain(recipient.address)) <= set(_plain(text) + "corptest")
            route = run(site.policy().resolve(recipient.address, Ask(site.model_world())))
            doubtful = not set(text).isdisjoint('<>()"\\')  # it may be unbalanced
            assert route.error is None or (doubtful and route.error.permanent), "what is expanded has a route"
