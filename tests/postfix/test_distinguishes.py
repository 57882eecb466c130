"""A Policy announces whatever it looks at: each question that reaches the World, over sites and sessions at random, and
each thing that two clients or addresses are told apart by. ``pytest -s`` prints how often each form occurred."""

from __future__ import annotations

import stat
from collections import Counter, defaultdict
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from random import Random
from typing import Any

import pytest
import random_sites
from dialogue import ClosedWorld, policy_of

from mailconf.maps.core.trust import ORDINARY, Trust
from mailconf.model.address import Address
from mailconf.model.distinction import Dimension, Distinction, Form, Key
from mailconf.model.inquiry import inquire
from mailconf.model.policy import AddressPlace, Privilege, Role, Side
from mailconf.model.session import Session, Verified
from mailconf.model.world import Answer, Ask, LookupFailed, Records, User, run
from mailconf.personal import PersonalFile
from mailconf.postfix.policy import checks, dns_checks
from mailconf.postfix.policy.evaluation import RECIPIENT, Asked, Evaluation, Memory
from mailconf.postfix.policy.policy import PostfixPolicy
from mailconf.postfix.policy.rule import Reach
from mailconf.tables.words822 import addresses

SITES = 160
SESSIONS = 6
ALIKE_SITES = 60
RULE_SITES = 25
LEAST = 20
ADDRESSES = (Dimension.SENDER, Dimension.RECIPIENT)
VARIED = (Dimension.CLIENT, Dimension.NAME, Dimension.REVERSE_NAME, Dimension.HELO, *ADDRESSES)
# Users and files of the machine are another test's.
ACCOUNTS = {"ann": 1001, "bob": 1002, "joe": 1003, "root": 0}


class Watching(ClosedWorld):
    """Notes every question: what is asked, of whom, for what; and the texts that were answered."""

    def __init__(self) -> None:
        super().__init__(dns=random_sites.FIXTURES, policies={random_sites.ENDPOINT: "DUNNO"})
        self.asked: set[tuple[Form, str, str]] = set()
        self.heard: set[str] = set()

    async def lookup(self, table: str, key: str, trust: Trust = ORDINARY) -> Answer:
        answer = await super().lookup(table, key, trust)
        self.asked.add((Form.TABLE, table, key))
        self.heard.add(answer.value)
        return answer

    async def dns(self, name: str, kind: str) -> Records:
        records = await super().dns(name, kind)
        self.asked.add((Form.DNS, kind, name))
        self.heard.update(value.rpartition(" ")[2] for value in records.values)
        return records

    async def user(self, name: str) -> User | None:
        self.asked.add((Form.SYSTEM, "user", name))
        uid = ACCOUNTS.get(name)
        return None if uid is None else User(name, uid, uid, f"/home/{name}")

    async def account(self, uid: int) -> User | None:
        self.asked.add((Form.SYSTEM, "account", str(uid)))
        return User("joe", uid, uid, "/home/joe")

    async def table_owner(self, table: str) -> int | None:
        self.asked.add((Form.SYSTEM, "owner", table))
        return 1003 if "1" in table else 0

    async def file(self, path: str, user: User | None, *, follow: bool) -> PersonalFile:
        self.asked.add((Form.SYSTEM, "file", path))
        text = Path(path).read_bytes() if path.endswith("/members") else b"bob\n"
        self.heard.update(text.decode().splitlines())
        return PersonalFile(1003, stat.S_IFREG | 0o600, text)

    async def policy_service(self, endpoint: str, attributes: Mapping[str, str]) -> Answer:
        self.asked.add((Form.SERVICE, endpoint, ""))
        return await super().policy_service(endpoint, attributes)


class Said:
    """The texts of one site's sessions, by dimension."""

    def __init__(self, policy: PostfixPolicy) -> None:
        self.policy = policy
        self.texts: dict[Dimension, set[str]] = defaultdict(set)

    def add(self, session: Session, helo: str, recipients: list[str]) -> None:
        texts = self.texts
        texts[Dimension.CLIENT].add(session.client_address)
        texts[Dimension.NAME].add(session.client_name.text)
        texts[Dimension.REVERSE_NAME].add(session.reverse_name.text)
        texts[Dimension.LOGIN].add(session.sasl_username)
        texts[Dimension.HELO].update((helo, helo.removesuffix(".")))
        texts[Dimension.SENDER].update(self.forms(session.sender or ""))
        for recipient in recipients:
            texts[Dimension.RECIPIENT].update(self.forms(recipient))

    def forms(self, address: str) -> Iterator[str]:
        """An address as it was said, in its standard form, as it is resolved, and the routes that it holds."""
        yield address
        for _ in range(4):
            address = self.policy.rewriter.standard(address)
            yield address
            quiet = Ask(ClosedWorld(dns=random_sites.FIXTURES))
            yield run(self.policy.resolver.resolve(address, quiet, "")).recipient
            local = Address.split(address).local
            if set(local).isdisjoint("@!%"):
                return
            address = self.policy.rewriter.standard(local, dequoted=True)

    def heard(self, texts: set[str]) -> set[str]:
        """What came back: addresses with and without the extensions of those that were said, hosts, users; and what
        masquerade_domains makes of those that were said."""
        dimensions = (Dimension.SENDER, Dimension.RECIPIENT, Dimension.HEADER)
        said = {address for dimension in dimensions for address in self.texts[dimension]}
        locals_ = {Address.split(address).local for address in said} | {"joe+ext", "ann", "bob", "joe"}
        extensions = {"", "+ext", "-request"}
        found = texts | said
        for text in texts:
            if text.startswith("@"):
                found.update(f"{local}{text}" for local in locals_)
                continue
            for address in addresses(text):
                local, domain = Address(*address.sides())
                for extension in extensions:
                    changed = Address(local.removeprefix("\\") + extension, domain)
                    found.update((str(changed), self.policy.rewriter.standard(str(changed))))
        return found | {f"{Address.split(a).local}@here.example" for a in found if a.endswith(".here.example")}


def announced(policy: PostfixPolicy, site: random_sites.Site) -> list[Distinction]:
    return list(policy.distinguishes(site.values_of))


def unannounced(
    found: list[Distinction], world: Watching, said: Said, replies: set[str], counts: Counter[Form]
) -> list[tuple[str, str, str]]:
    """The questions that no announcement covers."""
    heard = said.heard(world.heard)
    everything = heard.union(*said.texts.values())
    delimiters = said.policy.site.recipient_delimiter
    by_text: dict[tuple[Form, str], list[Distinction]] = defaultdict(list)
    for one in found:
        for text in one.records or (one.text,):
            by_text[Form.TABLE if one.form is Form.PATTERN else one.form, text].append(one)
    known: dict[Distinction, set[str]] = {}

    def keys_of(one: Distinction) -> set[str]:
        values = said.texts[one.dimension] if one.exact else everything
        if one.form is Form.DNS and one.keys == (Key.REVERSED,):
            values = said.texts[one.dimension]
        keys = {key.casefold() for value in values for key in one.keys_of(value, delimiters)}
        if one.form is Form.DNS:
            return {f"{key.removesuffix('.')}.{one.text}".removesuffix(".") for key in keys}
        return keys

    def covers(one: Distinction, key: str) -> bool:
        if one.form is Form.SERVICE or (one.form is Form.SYSTEM and not one.keys):
            return True
        if one.dimension is Dimension.REPLY:
            return any(reply.startswith(key) for reply in replies)
        if one not in known:
            known[one] = keys_of(one)
        return key.casefold() in known[one]

    missing = []
    for form, what, key in sorted(world.asked, key=str):
        covering = next((one for one in by_text[form, what] if covers(one, key)), None)
        if covering is None:
            missing.append((form.value, what, key))
        else:
            counts[covering.form] += 1
    return missing


def ask_everything(policy: PostfixPolicy, world: Watching, random: Random, said: Said, replies: set[str]) -> None:
    """One session with all its questions, and those about its headers and privileges."""
    session, helo = random_sites.session(random), random_sites.helo(random)
    recipients = [random_sites.addresses(random) for _ in range(random.randint(1, 3))]
    said.add(session, helo, recipients)
    inquiry = inquire(policy, world, replace(session), recipients, helo=helo)
    replies.update(f"{step.verdict.reply.code} {step.verdict.reply.text}" for step in inquiry.steps)
    header = random_sites.addresses(random)
    said.texts[Dimension.HEADER].update(said.forms(header))
    for side in Side:
        with_failures(policy.rewrite(header, Role(AddressPlace.HEADER, side), Ask(world)))
    for privilege in Privilege:
        with_failures(policy.may(session, privilege, Ask(world)))
    # What an agent does, whether or not the message would get there.
    for recipient in recipients:
        route = run(policy.resolve(policy.rewriter.standard(recipient), Ask(world)))
        for transport in ("local", "virtual", "smtp", "other"):
            with_failures(policy.deliver(route._replace(transport=transport), Ask(world)))
            for side in Side:
                with_failures(policy.rewrite(recipient, Role(AddressPlace.ENVELOPE, side, transport), Ask(world)))


def with_failures(question: Coroutine[Any, Any, object]) -> None:
    with suppress(LookupFailed):
        run(question)


def make(top: Path, seed: int) -> tuple[random_sites.Site, PostfixPolicy]:
    top.mkdir()
    site = random_sites.Site(top, Random(seed))
    site.build()
    return site, policy_of(top)[0]


def test_every_question_is_announced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counts: Counter[Form] = Counter()
    keys: Counter[Key] = Counter()
    for seed in range(SITES):
        site, policy = make(tmp_path / str(seed), seed)
        world, said, replies = Watching(), Said(policy), set[str]()
        for _ in range(SESSIONS):
            ask_everything(policy, world, site.random, said, replies)
        found = announced(policy, site)
        missing = unannounced(found, world, said, replies, counts)
        assert not missing, f"site {seed}: {missing[:3]}\n{(site.top / 'main.cf').read_text()}"
        keys.update(key for one in set(found) for key in one.keys)
        for one in set(found):
            counts[one.form] += one.form in (Form.LITERAL, Form.SUFFIX, Form.NETWORK, Form.SYNTAX)
    with capsys.disabled():
        print("\nforms: " + ", ".join(f"{form.value} {counts[form]}" for form in Form))
    assert not [form for form in Form if counts[form] < LEAST]
    of_sendmail = (Key.TEMPLATE, Key.MADE)
    assert not [key for key in Key if keys[key] < LEAST and key not in of_sendmail]


def test_each_rule_announces_its_own_questions(tmp_path: Path) -> None:
    """Without what other rules announce: every restriction that takes no argument, and those of the lists."""
    asked: Counter[str] = Counter()
    for seed in range(2000, 2000 + RULE_SITES):
        site, policy = make(tmp_path / str(seed), seed)
        smtpd, random = policy.smtpd, site.random
        rules = [("", name, check) for name, check in {**checks.CHECKS, **dns_checks.CHECKS}.items()]
        for restrictions in (smtpd.client, smtpd.helo_rules, smtpd.sender, smtpd.recipient, smtpd.data_rules):
            rules += [(restrictions.who, rule.name, rule.check) for rule in restrictions.rules]
        for who, name, check in rules:
            world, said = Watching(), Said(policy)
            for _ in range(3):
                session, recipient = random_sites.session(random), random_sites.addresses(random)
                session.helo = random_sites.helo(random)
                said.add(session, session.helo, [recipient])
                evaluation = Evaluation(smtpd.settings, session, Memory(), Ask(world), "RCPT", recipient, who)
                run(check.evaluate(evaluation, Asked("x", RECIPIENT)))
            found = list(check.distinguishes(Reach(smtpd.settings, site.values_of, who)))
            missing = unannounced(found, world, said, set(), Counter())
            assert not missing, f"site {seed}, {name}: {missing[:3]}\n{(site.top / 'main.cf').read_text()}"
            asked[name.split()[0]] += len(world.asked)
    assert len([name for name in asked if asked[name]]) > 40


class Signature:
    """What the announcements of one site make of a value: two that come to the same are not told apart."""

    def __init__(self, policy: PostfixPolicy, found: list[Distinction], world: Watching) -> None:
        self.policy = policy
        self.world = world
        self.found = {
            dimension: [one for one in dict.fromkeys(found) if one.dimension is dimension] for dimension in Dimension
        }
        self.looked_up: dict[tuple[str, str], str] = {}

    def of(self, dimension: Dimension, value: str) -> str:
        return repr([self._one(one, value) for one in self.found[dimension]])

    def _one(self, one: Distinction, value: str) -> object:
        keys = [key.casefold() for key in one.keys_of(value, self.policy.site.recipient_delimiter)]
        match one.form:
            case Form.LITERAL:
                return one.text.casefold() in keys
            case Form.SUFFIX:
                return any(key.endswith(one.text.casefold()) for key in keys)
            case Form.NETWORK if one.dimension is Dimension.CLIENT:
                return value != "unknown" and ip_address(value) in ip_network(
                    one.text.replace("[", "").replace("]", "")
                )
            case Form.TABLE | Form.PATTERN:
                return [answer for key in keys if (answer := self._look_up(one.text, key))]
            case Form.DNS:
                zone = f".{one.text}" if one.text else ""
                names = [f"{key.removesuffix('.')}{zone}" for key in keys]
                return [tuple(run(self.world.dns(name, kind)))[:2] for name in names for kind in one.records]
            case Form.SYNTAX:
                return bool(value), value == "unknown", [mark in value for mark in ("@", ".", "[", "..")]
        return None

    def _look_up(self, table: str, key: str) -> str:
        if (table, key) not in self.looked_up:
            self.looked_up[table, key] = run(self.world.lookup(table, key)).value
        return self.looked_up[table, key]


def alike(random: Random, dimension: Dimension) -> list[str]:
    """Values of one dimension, many of which no rule of a site tells apart."""
    if dimension is Dimension.CLIENT:
        near = [f"192.0.2.{random.randint(1, 254)}" for _ in range(8)]
        far = ["10.1.2.4", "2001:db8:1::2", "2002::1", "127.0.0.9", "203.0.113.1", "203.0.113.2", "unknown"]
        return [*random_sites.CLIENTS, *near, *far]
    if dimension not in ADDRESSES:
        more = ["x.far.test", "y.x.far.test", "x.example", "z.here.example", "x.test", "y.test", "z.test"]
        return [*random_sites.NAMES, *more]
    domains = [*random_sites.DOMAINS, "x.rel.example", "y.rel.example", "x.none.test", "else.test", "other.test"]
    domains += ["mail.here.example", "[127.0.0.1]", "[127.0.0.9]"]
    users = ["ann", "bob", "joe+ext", "zoe", "postmaster", "jim", "jim+ext"]
    addresses_ = [f"{random.choice(users)}@{random.choice(domains)}" for _ in range(36)]
    return [*addresses_, "postmaster", "ann", "zoe"]


def codes(policy: PostfixPolicy, world: Watching, values: dict[Dimension, str]) -> list[str]:
    """The codes of the replies to a session that has these values."""
    names = [values[dimension] for dimension in (Dimension.NAME, Dimension.REVERSE_NAME)]
    verified = [Verified.unknown() if text == "unknown" else Verified.found(text) for text in names]
    session = Session(values[Dimension.CLIENT], "", *verified, sender=values[Dimension.SENDER])
    inquiry = inquire(policy, world, session, [values[Dimension.RECIPIENT]], helo=values[Dimension.HELO])
    return [" ".join(str(step.verdict.reply).split()[:2]) for step in inquiry.steps if step.verdict.reply.code >= 300]


def test_what_is_not_told_apart_is_answered_alike(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compared: Counter[Dimension] = Counter()
    for seed in range(1000, 1000 + ALIKE_SITES):
        site, policy = make(tmp_path / str(seed), seed)
        world = Watching()
        signature = Signature(policy, announced(policy, site), world)
        base = {dimension: site.random.choice(alike(site.random, dimension)) for dimension in VARIED}
        for dimension in VARIED:
            groups: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(dict)
            for value in alike(site.random, dimension):
                standard = policy.rewriter.standard(value) if dimension in ADDRESSES else value
                both = signature.of(dimension, value), signature.of(dimension, standard)
                groups[both][value] = codes(policy, world, base | {dimension: value})
            for group in groups.values():
                compared[dimension] += len(group) - 1
                assert len({tuple(answer) for answer in group.values()}) == 1, (
                    f"site {seed}, {dimension.value}: {group}\n{base}\n{(site.top / 'main.cf').read_text()}"
                )
    with capsys.disabled():
        print("\nalike: " + ", ".join(f"{dimension.value} {compared[dimension]}" for dimension in VARIED))
    assert not [dimension for dimension in VARIED if compared[dimension] < LEAST]
