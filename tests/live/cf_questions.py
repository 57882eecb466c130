"""What is asked of two .cf files that have to decide alike: lines for sendmail -bt, made from a site's own tables.

The addresses of a site are every key of its tables in many forms, and random ones of the parts of those keys.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

TABLES = (
    "access", "virtusertable", "genericstable", "mailertable", "domaintable", "aliases", "bitdomain", "uudomain"
)  # fmt: skip
LISTS = ("local-host-names", "relay-domains", "virtuser-domains", "trusted-users")
MAILERS = (
    "local",
    "prog",
    "smtp",
    "esmtp",
    "smtp8",
    "dsmtp",
    "relay",
    "procmail",
    "cyrusv2",
    "uucp",
    "suucp",
    "uucp-old",
    "uucp-new",
    "uucp-dom",
    "uucp-uudom",
)


def _words(text: str, between: str | None = None) -> list[str]:
    return text.split(between)


LOCALS = _words(
    "joe ann root postmaster MAILER-DAEMON JOE Ann+Tag ann+ ann+a+b x a.b.c a/b \\joe 12345 -x + +x . a..b % ! a% %b a!"
    " !b user%host.test user%a.test%b.test host!user a!b!user far.test!u |/bin/cat /etc/passwd :include:/x =?x?= a@b"
)
MORE_LOCALS = ['"quoted local"', '"a@b"', '"joe"', '""', "jo e", "a;b", "a:b", "a::b", "J\xf6rg"]
DOMAINS = _words(
    "localhost localhost.localdomain [127.0.0.1] [10.1.2.3] [IPv6:2001:db8::1] [name.test] 10.1.2.3 far.test FAR.Test"
    " far.test. far.test.. .far.test far..test nxdomain.test -bad.test under_score.test test corp mail.corp.test"
    " x.REDIRECT REDIRECT far.test.REDIRECT host.UUCP x.BITNET x.FAX www.corp.test a.far.test far.test!u corp.test:25"
    " badmx.test badmx2.test badmx3.test goodmx.test failmx.test mail.UUCP hub.UUCP gw.far.test.UUCP neigh1.UUCP"
    " badmx4.test ynone.UUCP zed.UUCP bithost.BITNET uuhost.UUCP neigh2.UUCP"
)
SYNTAX = _words(
    '|<>|@|<|>|"|:;|list:;|@@|a@|@b|a@b@c|a@@b.test|@a@|a@@|joe@corp.test@|group: a@b.test;|<<a@b.test>>|a@[|a@.|a^b'
    "|a=b|Joe User <joe@corp.test> (comment)|joe @ corp.test|x <a@b.test> y|<@a.test:b@c.test>|a@[1.2.3.4|a@b/c.test"
    "|<@a.test,@b.test:c@d.test>|a@b c.test|@a.test:@b.test:c@d.test|@[IPv6:2001:db8::1]:c@d.test|@a.test:|@:a"
    "|@a.test COMMA @b.test:c@d.test|@a.test COMMA c@d.test|g:@a.test:b@c.test|g:@a.test COMMA @b.test:c@d.test"
    "|a:b:c@d.test|a::b@c.test|:a|a@[1.2.3.4][5.6.7.8]|a@[[1.2.3.4]]|a@[b]c]|a@x[1.2.3.4]|a@[1.2.3.4].UUCP|a@[]"
    "|a@[far..test]|joe:a@[1.2.3.4]|joe:a@[IPv6:1::2]|a@[IPV6:1::2]|node::joe|x.test::a::b|a%b::c|a::b%c"
    "|a!b::c|a::b!c|::a|a::|joe@node.DECNET|:INCLUDE:/x|@far.test!a|@corp.test!a|<a:;>"
    "|x <list: a;> y|<a@b.test;>|a@b.test;;|[old.test::x!corp.test",
    "|",
)
# Domains of tests/live/cf_sites.py whose MX lists differ: what is in them matters to some FEATUREs.
MX_DOMAINS = _words("badmx.test badmx2.test badmx3.test badmx4.test goodmx.test failmx.test mxtous.test far.test")
# Which questions ask a table: those of routing, of names, of the checks.
ASKED_BY = {
    "genericstable": "/try",
    "virtusertable": "3,0",
    "mailertable": "3,0",
    "domaintable": "3,0",
    "bitdomain": "3,0",
    "uudomain": "3,0",
    "access": "check_",
    "DNS": "check_mail",
}
HELOS = ("helo.test", "helo.test", "[10.1.2.3]", "corp.test", "short", "")
RECIPIENTS, SENDERS = 120, 90  # for each client in each mode
RESOLVED = ("OK", "FAIL", "TEMP", "FORGED")


class Key(NamedTuple):
    """A key of a table or list of a site, and the name of that file."""

    file: str
    word: str


def keys_of(folder: Path) -> list[Key]:
    """Every key of the tables and lists of a site."""
    keys: dict[Key, None] = {}
    for name in (*TABLES, *LISTS):
        path = folder / name
        for line in path.read_text("latin-1").splitlines() if path.exists() else ():
            word = re.split(r"[\t ]" if name != "aliases" else r"[\t :]", line, maxsplit=1)[0]
            if word and not word.startswith("#") and "<" not in word:
                keys[Key(name, word)] = None
    return list(keys)


def parts_of(keys: Iterable[Key]) -> tuple[list[str], list[str]]:
    """The users and the domains that keys name."""
    locals_, domains = dict.fromkeys([*LOCALS, *MORE_LOCALS]), dict.fromkeys(DOMAINS)
    for key in keys:
        user, at, domain = _untagged(key.word).rpartition("@")
        if at:
            locals_[user.replace("*", "tag") or "someone"] = None
        if domain and ("." in domain or at):
            domains[domain.lstrip(".")] = None
        elif domain and not at:
            locals_[domain] = None
    return list(locals_), list(domains)


def _untagged(word: str) -> str:
    return re.sub(r"^\w+:(?=[^:])", "", word)


class Question(NamedTuple):
    """lines   those that set macros or flags, then the one that is answered
    kind    what is asked, as the report counts it
    form    how the address was made from a key; "" for questions without one
    about   what else a sample must have enough of: the key whose table is asked, the mailer and whose domain it is
    """

    lines: list[str]
    kind: str
    form: str = ""
    about: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Everything by which questions are counted."""
        return (f"kind {self.kind}", *([f"form {self.form}"] if self.form else []), *self.about)


class Made(NamedTuple):
    """How an address was made: its form, and the key that it comes from ("" for one without)."""

    form: str
    key: str = ""


def addresses(folder: Path, count: int, seed: int) -> dict[str, Made]:
    """Every key in every form, and ``count`` random addresses: how each was made, by the address."""
    keys = keys_of(folder)
    locals_, domains = parts_of(keys)
    found = {address: Made("syntax") for address in SYNTAX}
    for key in keys:
        for word in _addressed(key):
            for form, address in forms(word).items():
                found.setdefault(address, Made(form, f"{key.file} {key.word}"))
    for domain in MX_DOMAINS:
        for form, address in forms(f"joe@{domain}").items():
            found.setdefault(address, Made(form, f"DNS {domain}"))
    for local, domain in itertools.product(("joe", "nobody+tag"), domains):
        for form, address in forms(f"{local}@{domain}").items():
            found.setdefault(address, Made(form))
    chosen = random.Random(f"{seed}/{folder.name}")
    for _ in range(count):
        local, domain, other = chosen.choice(locals_), chosen.choice(domains), chosen.choice(domains)
        found.setdefault(chosen.choice(list(forms(f"{local}@{domain}", other).values())), Made("random"))
    return {address: made for address, made in found.items() if "\n" not in address}


def _addressed(key: Key) -> Iterator[str]:
    """A key as an address or a domain; one of a user alone with the domains whose users a table may name."""
    word = _untagged(key.word)
    yield word
    if "*" in word or "++" in word:
        yield re.sub(r"\*|(?<=\+)\+", "box", word)
    if key.file in ("genericstable", "aliases", "trusted-users") and "@" not in word:
        yield from (f"{word}@{domain}" for domain in ("corp.test", "gen.test", "far.test"))
        yield f"{word}+box@corp.test"
    elif word.endswith("@"):
        yield from (f"{word}{domain}" for domain in ("corp.test", "far.test"))


def forms(word: str, other: str = "corp.test") -> dict[str, str]:
    """A key in every form, by the form's name; without an @ it is a domain, with the user joe."""
    user, at, domain = word.rpartition("@")
    found = {"as is": word, "capitals": word.upper()}
    if not at:
        user, domain = "joe", word.lstrip(".")
        found["with a user"] = f"{user}@{domain}"
    return found | {
        "+detail": f"{user}+detail@{domain}",
        "trailing dot": f"{user}@{domain}.",
        "in < >": f"<{user}@{domain}>",
        "source route": f"<@{other}:{user}@{domain}>",
        "percent": f"{user}%{domain}@{other}",
        "bang": f"{domain}!{user}",
        "bang and @": f"{domain}!{user}@{other}",
        "quoted": f'"{user}"@{domain}',
        "literal": f"{user}@[{domain}]",
        "subdomain": f"{user}@sub.{domain}",
        "parent": f"{user}@{domain.partition('.')[2] or domain}",
        "two @": f"{user}@{domain}@{other}",
        "route of two": f"<@{other} COMMA @a.test:{user}@{domain}>",
        "route with colons": f"@{other}:@a.test:{user}@{domain}",
        "group": f"group: {user}@{domain};",
        "group in < >": f"x <group: {user}@{domain};>",
        "two literals": f"{user}@[{domain}][10.1.2.3]",
        "host.UUCP": f"{user}@{domain.rstrip('.')}.UUCP",
        "comma": f"{user} COMMA {domain}@{other}",
        "comma after": f"{user}@{domain} COMMA {other}",
        "comma without @": f"{user} COMMA {domain}",
        "two and one colon": f"{user}:{domain}::{other}",
    }


def clients(folder: Path) -> dict[tuple[str, str], str]:
    """Names and addresses of clients: those of the access table and of the relay domains, and some others.

    With each is the key that it comes from, "" for the others.
    """
    found = {
        ("x.client.test", "10.1.2.3"): "",
        ("localhost", "127.0.0.1"): "",
        ("", "0"): "",
        ("", ""): "",
        ("[10.8.8.8]", "10.8.8.8"): "",
        ("corp.test", "10.66.1.2"): "",
        ("v6.test", "IPv6:2001:db8:2::5"): "",
        ("localhost", "IPv6:::1"): "",
    }
    for file, key in keys_of(folder):
        word, label = key.removeprefix("Connect:"), f"client {file} {key}"
        if re.fullmatch(r"\d+(\.\d+){0,3}", word):
            found["c.test", ".".join((word.split(".") + ["9"] * 4)[:4])] = label
        elif word.startswith("IPv6:"):
            found["c6.test", f"{word}::5"] = label
        elif "@" not in word and "." in word and (word != key or key.startswith(".") or ":" not in key):
            label = label if file in ("access", "relay-domains") else ""
            found.setdefault((f"h.{word.lstrip('.')}", "10.9.9.9"), label)
            found.setdefault((word.lstrip("."), "10.9.9.8"), label)
    return found


def questions(folder: Path, count: int, seed: int, mailers: Iterable[str], most: int = 0) -> list[Question]:
    """Every question about a site; a comma, which -bt cannot take, comes from the site's ruleset ``translate``.

    ``most``, unless 0, is how many of the addresses each mailer is asked about with each of its flags.
    """
    asked = addresses(folder, count, seed)
    tables = (folder / "sendmail.mc").read_text("latin-1")

    def question(lines: list[str], kind: str, made: Made, *about: str) -> Question:
        file = made.key.partition(" ")[0]
        asks = file in ASKED_BY and kind.startswith(ASKED_BY[file]) and (file in tables or file == "DNS")
        return Question(lines, kind, made.form, (*about, *([f"key {made.key}"] if asks else [])))

    found = [Question(["=M"], "=M")]
    found += [question([f"{_called(address)}3,0 {address}"], "3,0", made) for address, made in asked.items()]
    typed = {address: made for address, made in asked.items() if address.strip() and "COMMA" not in address}
    for flags, mailer in itertools.product(("HS", "HR", "ES", "ER"), mailers):
        set_flags = f"/tryflags {flags}"
        some = random.Random(f"{seed}/{flags}/{mailer}").sample(list(typed), min(len(typed), most or len(typed)))
        for one in some:
            made = typed[one]
            about = f"mailer {mailer} {flags} {_whose(one)}"
            found.append(question([set_flags, f"/try {mailer} {one}"], f"/try {flags}", made, about))
    chosen = random.Random(f"{seed}/clients/{folder.name}")
    envelope = {one if one.startswith("<") else f"<{one}>": made for one, made in asked.items()}
    for (name, address), key in clients(folder).items():
        about_client = [f".D{{client_name}}{name}", f".D{{client_addr}}{address}", f".D{{client_ptr}}{name}"]
        found.append(Question([*about_client, f"translate,check_relay {name} $| {address}"], "check_relay"))
        for mode in ("plain", "AUTH", "TLS"):
            lines = [*about_client, f".D{{client_resolve}}{chosen.choice(RESOLVED)}", *session(mode, chosen)]
            for rcpt in chosen.sample(list(envelope), min(len(envelope), RECIPIENTS)):
                asks = f"{_called(rcpt)}check_rcpt {rcpt}"
                found.append(question([*lines, asks], f"check_rcpt {mode}", envelope[rcpt], *filter(None, [key])))
            for sender in chosen.sample(list(envelope), min(len(envelope), SENDERS)):
                asks = f"{_called(sender)}check_mail {sender}"
                lines_of_sender = [*lines, *by(sender.strip("<>")), asks]
                found.append(question(lines_of_sender, f"check_mail {mode}", envelope[sender]))
    for _ in range(200):
        sender, rcpt = chosen.choice(list(asked)), chosen.choice(list(asked))
        found.append(Question([f"translate,check_compat {sender} $| {rcpt}"], "check_compat"))
    for sender, rcpt in itertools.product(("a@b.test", "A@B.test", "<a@b.test>"), ("c", "d", "e", "f", "E")):
        found.append(Question([f"translate,check_compat {sender} $| {rcpt}@d.test"], "check_compat"))
    forms_of = {address: made.form for address, made in asked.items()}
    return [*found, *sessions(folder, forms_of, chosen)]


def _whose(address: str) -> str:
    """Whose domain an address seems to have, as a sample counts it."""
    domain = address.rstrip(".>").rpartition("@")[2].lower()
    if "@" not in address:
        return "without a domain"
    return "of this machine" if domain in ("corp.test", "mail.corp.test", "localhost") else "of others"


def _called(address: str) -> str:
    return "translate," if "COMMA" in address else ""


STATES = _words("OK NO FAIL NONE NOT TEMP PROTOCOL CONFIG SOFTWARE DANE_FAIL TRUSTED CLEAR X")
TLS_RULESETS = ("try_tls", "srv_features", "clt_features", "tls_srv_features", "tls_clt_features", "authinfo")
LIMITS = ("RateControl", "ConnControl", "greet_pause", "check_other")
PEERS = _words("tls tlsc no encr both cn")  # of which the access table has entries for TLS
COMMANDS = _words("Subject: x|From : y|NOOP|FOO: bar|foo bar|VERB a:b|:|GET / HTTP|Received: from a by b|x|X-Y: z", "|")


def sessions(folder: Path, asked: Mapping[str, str], chosen: random.Random) -> Iterator[Question]:
    """Questions of the rulesets of TLS, AUTH and limits, by the macros that they look at."""
    machines = [
        *clients(folder),
        *((f"{name}.test", "10.1.2.3") for name in PEERS),
    ]
    machines += [("h.tls.test", "10.3.0.1"), ("unknown.test", "10.3.4.5"), ("unknown.test", "10.4.4.5")]
    machines += [("auth.test", "10.1.2.3"), ("one.test", "10.2.0.1"), ("two.test", "10.2.0.2")]
    machines += [("three.test", "10.3"), ("four.test", "10.4")]
    keys = keys_of(folder)
    yield from limits(("", ""))
    yield from limits(("x.test", ""))
    for name, address in filter(all, machines):
        peer = [f".D{{{side}_{what}}}{value}" for side in ("client", "server")
                for what, value in (("name", name), ("addr", address))]  # fmt: skip
        pair = f"{name} $| {address}"
        for ruleset in TLS_RULESETS:
            said = f"translate,{ruleset} {pair}" if ruleset.startswith("tls_") else f"{ruleset} x"
            yield Question([*peer, said], ruleset)
        yield from limits((name, address), keys)
        yield Question([*peer, f"translate,greet_pause {pair}"], "greet_pause")
        for _ in range(40 if name.partition(".")[0] in PEERS else 4):
            state = chosen.choice(STATES)
            macros = [*peer, *certificate(chosen)]
            yield Question([*macros, f"tls_server {state}"], "tls_server")
            for command in ("MAIL", "STARTTLS"):
                yield Question([*macros, f"translate,tls_client {state} $| {command}"], "tls_client")
            rcpt = chosen.choice(["rcpt@tls.test", "some@far.test", "x@cn.test", *asked])
            yield Question([*macros, f".D{{verify}}{state}", f"{_called(rcpt)}tls_rcpt {rcpt}"], "tls_rcpt")
    for name, first, bits in itertools.product(("cn.test", "both.test"), ("mx.test", "cn.test"), ("56", "256")):
        peer = [f".D{{{side}_name}}{name}" for side in ("client", "server")]
        macros = [*peer, ".D{verify}OK", f".D{{cn_subject}}{first}", f".D{{cipher_bits}}{bits}"]
        macros += [".C{cert_altnames}cn.test"]
        yield Question([*macros, "tls_rcpt x@cn.test"], "tls_rcpt", "", ("names of a certificate",))
        yield Question([*macros, "translate,tls_client OK $| MAIL"], "tls_client", "", ("names of a certificate",))
    for kind, user, other in itertools.product(
        ("", "PLAIN"), ("joe", "ann@corp.test"), ("joe", "<joe>", "ann@corp.test")
    ):
        macros = [f".D{{auth_type}}{kind}", f".D{{auth_authen}}{user}", f".D{{auth_author}}{other}"]
        yield from (Question([*macros, f"trust_auth {word}"], "trust_auth") for word in (other, user, "bob"))
    for command, digit in itertools.product(COMMANDS, "25"):
        yield Question([f"translate,check_other {command} $| {digit}"], "check_other")
    for address, form in asked.items():
        if chosen.random() < 0.1 and address.strip():
            yield Question([f"{_called(address)}queuegroup {address}"], "queuegroup", form)
    for user in dict.fromkeys([*LOCALS, "bob", "nobody", *(key.split("@")[0] for key in asked if ":" not in key)]):
        if user and not set(user) & set('<>,"!%@ '):
            yield Question([f"5 {user}"], "5")
            yield Question([f"5 @ {user}"], "5")


def limits(client: tuple[str, str], keys: Iterable[Key] = ()) -> Iterator[Question]:
    """Questions of the limits of a client, by its numbers of connections; not every client has an address."""
    name, address = client
    about = [f".D{{client_name}}{name}", f".D{{client_addr}}{address}"]
    tags = {"RateControl": "ClientRate:", "ConnControl": "ClientConn:"}
    for ruleset, number in itertools.product(tags, (0, 1, 2, 3, 4, 6)):
        own = [key.word for key in keys if key.word.removeprefix(tags[ruleset]) in (name, address) and name]
        counts = [f".D{{client_rate}}{number}", f".D{{client_connections}}{number}"]
        labels = tuple(f"key access {word}" for word in own if word.startswith(tags[ruleset]))
        yield Question([*about, *counts, f"{ruleset} x"], ruleset, "", labels)


def certificate(chosen: random.Random) -> list[str]:
    """The macros of a TLS session."""
    return [
        f".D{{cipher_bits}}{chosen.choice(('', '0', '56', '112', '128', '256'))}",
        f".D{{cn_subject}}{chosen.choice(('mx.cn.test', 'cn.test', 'joe', ''))}",
        f".D{{cert_subject}}/CN={chosen.choice(('joe', 'ann'))}",
        f".D{{cert_issuer}}/CN={chosen.choice(('CA', 'other'))}",
        f".C{{cert_altnames}}{chosen.choice(('cn.test', 'both.test', 'h.tls.test'))}",
    ]


def by(sender: str) -> list[str]:
    """The macros of a sender: with OSTYPE(debian) the library's .cf asks for one that only Debian's sendmail sets."""
    return [f".Df{sender}", f".D{{mail_from}}<{sender}>"]


def session(mode: str, chosen: random.Random) -> list[str]:
    """The macros of a session that is plain, authenticated, or has TLS."""
    kind = chosen.choice(("PLAIN", "CRAM-MD5")) if mode == "AUTH" else ""
    user = "joe" if mode == "AUTH" else ""
    verify = chosen.choice(("OK", "NO", "FAIL")) if mode == "TLS" else ""
    lines = [f".D{{auth_type}}{kind}", f".D{{auth_authen}}{user}", f".D{{auth_author}}{user}", f".D{{verify}}{verify}"]
    name = "/CN=" + chosen.choice(("joe", "ann")) if mode == "TLS" else ""
    lines += [f".D{{cert_subject}}{name}", f".D{{cert_issuer}}{'/CN=CA' if mode == 'TLS' else ''}"]
    lines += [f".D{{daemon_flags}}{chosen.choice(('', '', '', 'a', 'u', 'f'))}", f".Ds{chosen.choice(HELOS)}"]
    sender = chosen.choice(("joe@corp.test", "x@far.test", ""))
    host = {"joe@corp.test": "corp.test.", "x@far.test": "far.test.", "": ""}[sender]
    mailer = "local" if host == "corp.test." else "esmtp"
    return [*lines, *by(sender), f".D{{mail_addr}}{sender}", f".D{{mail_host}}{host}", f".D{{mail_mailer}}{mailer}"]
