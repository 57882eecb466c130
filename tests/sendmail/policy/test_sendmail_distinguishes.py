"""A sendmail.cf announces whatever it looks at: each question of sessions at random, over several sites, is announced,
and clients that nothing announced tells apart are answered alike. ``pytest -s`` prints how often each form occurred."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from mailconf.model.distinction import Dimension, Distinction, Form, Key
from mailconf.model.policy import AddressPlace, Role, Side
from mailconf.model.recipient import Identity, Recipient
from mailconf.model.session import NO_NAME, NameOutcome, Session, Verified
from mailconf.model.world import Ask, LookupFailed, Outcome, Records, User, run
from mailconf.sendmail.policy import SendmailPolicy
from mailconf.sendmail.policy.recipients_disk import DiskRecipientsWorld
from mailconf.sendmail.policy.recipients_world import CannotRead, FileRules, UserFile
from mailconf.sendmail.rules.resolv_conf import Patience
from mailconf.sendmail.rules.world import Trusting
from tests.live.cf_sites import DNS, TABLES
from tests.sendmail.policy.own_sites import OwnSite, texts

BY_HAND = ("virtual", "delayed", "lists", "sections")
MIXED = 2
SESSIONS = 5
LEAST = 20
CLIENTS = (
    "127.0.0.1", "10.1.4.7", "10.1.5.7", "10.1.6.1", "10.1.2.3", "10.8.8.8", "192.168.3.4", "203.0.113.9", "10.2.0.1",
    "2001:db8:1::2", "2001:db8:9::1",
)  # fmt: skip
NAMES = ("h.partner.test", "spam.test", "a.b.dotc.test", "www.corp.test", "gw.far.test", "x.else.test")
DOMAINS = (
    "corp.test", "mail.corp.test", "far.test", "virt.test", "virt2.test", "gen.test", "partner.test", "x.partner.test",
    "bulk.test", "x.test", "sub.x.test", "dom.test", "a.dom.test", "old.test", "mxtous.test", "badmx.test",
    "nowhere.test", "lan.test", "Second.Test", "[10.1.2.3]", "localhost", "bithost.bitnet", "closed.test", "usr.test",
    "failmx.test",
)  # fmt: skip
USERS = (
    "ann",
    "bob",
    "joe",
    "root",
    "team",
    "prog",
    "self",
    "carl+x",
    "ann+y",
    "spammer",
    "nobody",
    "zoe",
    "Info",
    '"a b"',
)
HELOS = ("client.test", "[10.1.2.3]", "localhost", "corp.test", "bad_helo", "a.b.c.test")


def records_of(name: str, kind: str) -> Records:
    if name.endswith("servfail.example"):
        return Records(Outcome.FAILED, (), "SERVFAIL")
    known = DNS.get(name)
    values = () if known is None else tuple(value.rstrip(".") for value in known.get(kind, ()))
    return Records(Outcome.FOUND, values) if values else Records(Outcome.ABSENT, nxdomain=known is None)


class Watching(DiskRecipientsWorld):
    """The files of a site, and the DNS; it notes each question and what was answered."""

    asked: set[tuple[Form, str, str]]
    heard: set[str]

    async def find(self, kind: str, file: str, key: bytes) -> bytes | None:
        found = await super().find(kind, file, key)
        self.asked.add((Form.TABLE, f"{kind}:{file}", key.rstrip(b"\0").decode("latin-1")))
        if found is not None:
            self.heard.add(found.rstrip(b"\0").decode("latin-1"))
        return found

    async def read(self, file: str, trusting: Trusting) -> tuple[bytes, Sequence[str]]:
        self.asked.add((Form.SYSTEM, "read", file))
        return await super().read(file, trusting)

    async def dns(self, name: str, kind: str, patience: Patience | None = None) -> Records:
        records = records_of(name, kind)
        self.asked.add((Form.DNS, kind, name))
        self.heard.update(value.rpartition(" ")[2] for value in records.values)
        return records

    async def address_name(self, address: str) -> str | None:
        self.asked.add((Form.DNS, "PTR", address))
        return None

    async def user(self, name: str) -> User | None:
        self.asked.add((Form.SYSTEM, "user", name))
        return self.machine.user(name)

    async def account(self, uid: int) -> User | None:
        self.asked.add((Form.SYSTEM, "account", str(uid)))
        return await super().account(uid)

    async def full_names(self) -> Sequence[tuple[str, str]]:
        self.asked.add((Form.SYSTEM, "names", ""))
        return await super().full_names()

    async def user_file(self, file: str, reader: Identity, login: str, rules: FileRules) -> UserFile:
        self.asked.add((Form.SYSTEM, "file", file))
        raise CannotRead("No such file or directory", missing=True)


def watched(site: OwnSite) -> tuple[SendmailPolicy, Watching]:
    world = Watching(site.root, machine=site.machine)
    world.asked, world.heard = set(), set()
    return site.policy(world), world


def address(random: Random) -> str:
    local = random.choice(USERS)
    text = local if random.random() < 0.1 else f"{local}@{random.choice(DOMAINS)}"
    form = random.random()
    if form < 0.08:
        text = f"{text.replace('@', '%')}@{random.choice(DOMAINS)}"
    elif form < 0.12:
        text = f"host!{text}"
    elif form < 0.16:
        text = f"@{random.choice(DOMAINS)}:{text}"
    return text


def session_of(random: Random) -> Session:
    client, name = random.choice(CLIENTS), random.choice(NAMES)
    names = random.choice([
        (Verified.found(name), Verified.found(name)), (NO_NAME, NO_NAME),
        (Verified("unknown", NameOutcome.FORGED), Verified.found(name)),
        (Verified("unknown", NameOutcome.FAILED), Verified.found(name)),
    ])  # fmt: skip
    login = "ann" if random.random() < 0.2 else ""
    return Session(
        client, "1025", *names, "127.0.0.1", "25", "ESMTP", sasl_username=login, sasl_method="PLAIN" if login else ""
    )


def ask_everything(policy: SendmailPolicy, world: Watching, random: Random, said: dict[Dimension, set[str]]) -> None:
    """One session with all its questions, and what is done with its addresses."""
    session = session_of(random)
    answers = policy.begin(session)
    sender, recipients, header = address(random), [address(random) for _ in range(3)], address(random)
    session.helo = random.choice(HELOS)
    known = session.client_name.text if session.client_name.is_found else session.reverse_name.text
    for dimension, text in (
        (Dimension.CLIENT, session.client_address), (Dimension.NAME, known), (Dimension.REVERSE_NAME, known),
        (Dimension.HELO, session.helo), (Dimension.SENDER, sender), (Dimension.HEADER, header),
        (Dimension.LOGIN, session.sasl_username), *((Dimension.RECIPIENT, text) for text in recipients),
    ):  # fmt: skip
        said[dimension].add(text)

    def ask() -> Ask:
        return Ask(world)  # type: ignore[arg-type]

    run(answers.connect(ask()))
    run(answers.helo(ask()))
    session.sender = sender
    run(answers.mail(ask()))
    for recipient in recipients:
        session.recipient = recipient
        run(answers.rcpt(ask()))
    for verb in ("EXPN", "ETRN", "HELP"):
        session.typed = f"{verb} {recipients[0]}"
        run(answers.command(ask()))
    session.typed = ""
    run(answers.data(ask()))
    session.content, session.size = f"From: {header}\nTo: {recipients[0]}\n\nx\n".encode(), 10
    run(answers.end_of_data(ask()))
    for text in (sender, *recipients, header):
        run(policy.expand(Recipient(text), ask()))
        run(policy.resolve(text, ask()))
        for mailer in policy.site.transports:
            for side in Side:
                for place in AddressPlace:
                    with_failures(policy.rewrite(text, Role(place, side, mailer, sender=sender), ask()))


def with_failures(question: Coroutine[Any, Any, object]) -> None:
    with suppress(LookupFailed):
        run(question)


class Texts:
    """The parts that keys may be made of: of what was said and what was answered, taken apart."""

    def __init__(self, texts: set[str]) -> None:
        words: set[str] = set()
        for text in [*texts, *(text.replace('"', "") for text in texts)]:
            rest = text.rpartition(":")[2]
            words |= {text, *re.split(r"[\s,<>@%!:|\"]+", text), *re.split(r"[@%!]", text), text.rpartition("@")[0]}
            words |= {rest, rest.rpartition("@")[0]}
        words |= {word.strip(marks) for word in words for marks in (".", '"', "[]")}
        words |= {f"[{word}]" for word in words if re.fullmatch(r"[0-9a-fA-F.:]+", word)}
        words = {word.casefold() for word in words if word}
        for word in tuple(words):
            words |= {part for at in range(len(word)) if word[at] == "+" for part in (word[:at], word[at + 1 :])}
        self.words = words
        self.parents = {".".join(word.split(".")[n:]) for word in words for n in range(1, word.count(".") + 1)}
        numbers = [word for word in words if re.match("[0-9a-f]", word)]
        self.networks = {word[:at] for word in numbers for at in range(1, len(word)) if word[at] in ".:"}
        self.reversed = {".".join(reversed(word.split("."))) for word in words if re.fullmatch(r"[\d.]+", word)}

    def of(self, name: str) -> set[str]:
        more = {"parent": self.parents, "network": self.networks, "reversed": self.reversed}.get(name, self.words)
        if name == "domain":
            return self.words | self.parents
        return more | self.words if name in ("value", "local", "plain") else more


_PLACE = re.compile(r"\{([a-z]+)\}")


def made_of(template: str, key: str, texts: Texts) -> bool:
    """Whether a key is a template with parts of the texts."""
    names = _PLACE.findall(template)
    pieces = _PLACE.split(template)
    pattern = "".join(re.escape(piece) if at % 2 == 0 else "(.*)" for at, piece in enumerate(pieces))
    match = re.fullmatch(pattern, key, re.DOTALL)
    return match is not None and all(
        group in texts.of(name) or ("@" in group and all(part in texts.words for part in group.split("@")))
        for name, group in zip(names, match.groups(), strict=True)
    )


def unannounced(
    found: list[Distinction], asked: set[tuple[Form, str, str]], said: dict[Dimension, set[str]], heard: set[str],
    counts: Counter[str],
) -> Iterator[tuple[Form, str, str]]:  # fmt: skip
    """The questions that no announcement covers; counted by how exactly the others were announced."""
    everything = Texts(heard.union(*said.values()))
    of_dimension = {dimension: Texts(texts) for dimension, texts in said.items()}
    by_text: dict[tuple[Form, str], list[Distinction]] = defaultdict(list)
    for one in found:
        for text in one.records or (one.text,):
            by_text[one.form, text].append(one)

    def covers(one: Distinction, key: str) -> bool:
        texts = of_dimension[one.dimension] if one.exact and one.dimension in of_dimension else everything
        if Key.FIXED in one.keys:
            return key in one.fixed
        return any(made_of(template, key, texts) for template in one.templates)

    for form, what, key in sorted(asked, key=str):
        low = key.casefold() if what != "read" else key
        if form is Form.SYSTEM and what == "read" and (Form.TABLE, f"text:{key}") in by_text:
            counts["text file"] += 1
            continue
        candidates = by_text[form, what]
        if any(not one.keys for one in candidates):
            counts[f"{form.value} as a whole"] += 1
        elif any(covers(one, low) for one in candidates):
            counts[f"{form.value} by template"] += 1
        elif any(Key.MADE in one.keys for one in candidates):
            counts[f"{form.value} made"] += 1
        else:
            yield form, what, key


def sites() -> dict[str, str]:
    return {name: text for name, text in texts(MIXED, 7).items() if name in BY_HAND or name.startswith("mixed")}


def heard_by(policy: SendmailPolicy, world: Watching, said: dict[Dimension, set[str]]) -> set[str]:
    """What the configuration has put in the place of what was said, ``%1`` in answers being replaced."""
    details = {text.partition("@")[0].partition("+")[2] for texts_ in said.values() for text in texts_}
    made = {
        re.sub("%[0-9]", detail, text.replace("%3", f"+{detail}"))
        for text in world.heard
        if "%" in text
        for detail in details
    }
    members = {member for name in "wRGM" for member in policy.compiled.book.classes.set_of(name)}
    return world.heard | made | members | {"mail.corp.test", "masq.test"}


def test_every_question_is_announced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counts: Counter[str] = Counter()
    for number, (name, text) in enumerate(sites().items()):
        random = Random(number)
        policy, world = watched(OwnSite(tmp_path / name, text))
        said: dict[Dimension, set[str]] = defaultdict(set)
        for _ in range(SESSIONS):
            ask_everything(policy, world, random, said)
        asked = set(world.asked)
        found = list(policy.distinguishes())
        missing = list(unannounced(found, asked, said, heard_by(policy, world, said), counts))
        assert not missing, f"site {name}: {missing[:5]}"
    with capsys.disabled():
        print("\n" + ", ".join(f"{what} {count}" for what, count in sorted(counts.items())))
    assert counts["table by template"] > 10 * counts["table made"]
    assert min(counts["table by template"], counts["dns by template"], counts["system by template"]) >= LEAST


def signature(found: list[Distinction], client: str) -> list[object]:
    """What the announcements of a client's address make of it: two that come to the same are not told apart."""
    values: list[object] = []
    for one in dict.fromkeys(one for one in found if one.dimension is Dimension.CLIENT):
        keys = {key.casefold() for key in one.keys_of(client)}
        if one.form is Form.LITERAL:
            values.append(one.text in keys)
        elif one.form is Form.TABLE:
            table = {key.lower(): value for key, value in TABLES[one.text.rpartition("/")[2]].items()}
            values.append(sorted((key, table[key]) for key in keys if key in table))
        elif one.form is Form.DNS and Key.MADE not in one.keys:
            values.append([records_of(key, kind) for key in sorted(keys) for kind in one.records])
    return values


def codes(policy: SendmailPolicy, world: Watching, client: str) -> list[str]:
    session = Session(client, "1025", NO_NAME, NO_NAME, "127.0.0.1", "25", "ESMTP")
    answers = policy.begin(session)

    def ask() -> Ask:
        return Ask(world)  # type: ignore[arg-type]

    found = [run(answers.connect(ask()))]
    session.helo, session.sender = "client.test", "a@far.test"
    found += [run(answers.helo(ask())), run(answers.mail(ask()))]
    for session.recipient in ("ann@corp.test", "x@far.test"):
        found.append(run(answers.rcpt(ask())))
    return [str(verdict.reply).replace(client, "CLIENT").split(" ", 2)[0] for verdict in found]


def test_clients_that_are_not_told_apart_are_answered_alike(tmp_path: Path) -> None:
    near = [f"10.1.{n}.{m}" for n in range(2, 9) for m in (3, 7, 9)] + [f"10.{n}.2.1" for n in range(2, 12)]
    far = [f"203.0.113.{n}" for n in range(1, 9)] + ["192.168.3.4", "192.168.9.9", "8.8.8.8", "10.8.8.8"]
    compared = kinds = 0
    for name in ("delayed", "lists"):
        policy, world = watched(OwnSite(tmp_path / name, texts(0)[name]))
        found = list(policy.distinguishes())
        groups: dict[str, dict[str, list[str]]] = defaultdict(dict)
        for client in (*near, *far):
            groups[repr(signature(found, client))][client] = codes(policy, world, client)
        for group in groups.values():
            compared += len(group) - 1
            assert len({tuple(answer) for answer in group.values()}) == 1, f"site {name}: {group}"
        kinds += len({str(answer) for group in groups.values() for answer in group.values()})
    assert compared >= LEAST and kinds > 4
