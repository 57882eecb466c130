"""What the typed readings of /etc/mail's tables say happens is what sendmail's rulesets do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mailconf.diagnostics import Severity, Sink
from mailconf.files import Root
from mailconf.source import Source
from mailconf.tables import class_file, sendmail_access, sendmail_maps
from mailconf.tables.aliases import AliasKind
from mailconf.tables.sendmail_aliases_reader import read_targets
from mailconf.tables.sendmail_roles import ALSO, SENDMAIL, read_sendmail_table
from mailconf.tables.sides import Side
from tests.live.map_tools import SENDMAIL_ROOT
from tests.live.sendmail_tables import AddressTest

pytestmark = pytest.mark.live

EXAMPLE = Path(__file__).parents[2] / "examples/sendmail/etc/mail"
CLASS_FILES = [
    "a.test\n# b.test\n  c.test\n\td.test\r\nE.Test # boss\nf.test g.test\n\n \nlast.test",
    "  # x\n #y\n#z\nh.test#i\n\"q w\" x\n(com) y\n<ang>\nu@x\n!neg\ntrail.\nutf\u00e9.test\n\udcff\udc80\n",
    "nul\0x\nafter\n\0\n\\back\n" + "y" * 2100 + " tail\nend\n",
    "".join("z" * n + "\n" for n in (2045, 2046, 2047, 2048, 2049, 4100)),
    "",
]  # fmt: skip


def stripped(text: str) -> str:
    return re.sub(r"\s", "", text)


def codes(side: Side) -> set[str]:
    return {fault.code.name for fault in side.faults}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> AddressTest:
    return AddressTest(tmp_path_factory.mktemp("sendmail"), CLASS_FILES)


@pytest.mark.parametrize("number", range(len(CLASS_FILES)))
def test_class_files(engine: AddressTest, number: int) -> None:
    words = class_file.read_class(Source("t", CLASS_FILES[number]), Sink())
    assert {word.key for word in words} == engine.class_words(f"{{Own{number}}}")


ACTIONS = [
    *("OK", "ok", "RELAY", "REJECT", "reject  ", "DISCARD", "Discard", "REJCT", "OK # friend", "OK x", "HATER"),
    *("ERROR:5.7.1:550 go away", "error:5.7.1:go", "ERROR:550 x", 'ERROR:"550 x"', "ERROR:5.7.1 550 x", "ERROR:421 y"),
    *("550 No", "554", '"550 x"', "550", "QUARANTINE:look", "QUARANTINE", "5.7.1 x", "FRIEND", "quarantine:x y"),
]  # fmt: skip


@pytest.mark.parametrize("ending", ["", "\r"])
def test_actions_of_the_access_table(engine: AddressTest, ending: str) -> None:
    engine.write("access", "".join(f"From:v{n}.test\t{value}{ending}\n" for n, value in enumerate(ACTIONS)))
    answers = engine.ask([f"checkmail <u@v{n}.test>" for n in range(len(ACTIONS))])
    for value, answer in zip(ACTIONS, answers, strict=True):
        side = sendmail_access.read_value("From:x", value + ending)
        assert answer == expected_of(side, value), value


def expected_of(side: Side, value: str) -> str:
    if side.meaning is None:  # the mail is refused with the value for a text
        assert codes(side) == {"TB061"}
        return "$#error$:" + stripped(value)
    name, status, text = side.meaning
    return {
        "OK": f"$#{stripped(value)}",
        "RELAY": f"$#{stripped(value)}",
        "REJECT": '$#error$@5.7.1$:"550Accessdenied"',
        "DISCARD": "$#discard$:discard",
        "QUARANTINE": f"$#error$@quarantine$:{stripped(text)}",
        "ERROR": (f"$#error$@{status}" if status else "$#error") + f"$:{stripped(text)}",
        "REPLY": f"$#error$:{stripped(text)}",
    }[name]


REQUIREMENTS = [
    *("VERIFY", "verify", "VERIFY:112", "VERIFY:x", "ENCR:128", "encr:1", "PERM+VERIFY", "TEMP+ENCR:5"),
    *("ENCRYPT:128", "ENCR", "ENCR:x", "VERIFY 112", "PERM VERIFY", "OK", "PERM+ENCR", "VERIFY+", "PERM+TEMP+VERIFY"),
    *("PERM + VERIFY", "REJECT", "VERIFY+CN", "VERIFY+CN:x", "ENCR:112+CN++CI:x", "PERM+ENCR:128 # x"),
]  # fmt: skip


def test_requirements_of_tls(engine: AddressTest) -> None:
    """A client that has not authenticated itself meets those that are none, and no other."""
    answers = engine.ask([f"TestTLS NO {value}" for value in REQUIREMENTS])
    for value, answer in zip(REQUIREMENTS, answers, strict=True):
        side = sendmail_access.read_value("TLS_Clt:x", value)
        requires = side.meaning is not None and side.meaning.name != "OK"
        assert answer.startswith("$#error" if requires else "OK"), value


KEYS = [
    ("10.2", "A <10.2.2.3> <?> <+ Connect> <>"),
    ("Connect:10.21", "A <10.21.2.3> <?> <+ Connect> <>"),
    ("10.3.", "A <10.3.2.3> <?> <+ Connect> <>"),
    ("10.4.0.0/16", "A <10.4.2.3> <?> <+ Connect> <>"),
    ("[10.5.0.1]", "D <[10.5.0.1]> <?> <+ Connect> <>"),
    ("IPv6:2001:db8::1", "A <IPv6:2001:db8::1> <?> <+ Connect> <>"),
    ("IPv6:2001:db8:4", "A <IPv6:2001:db8:4:1:1:1:1:3> <?> <+ Connect> <>"),
    ("2001:db8::2", "A <IPv6:2001:db8::2> <?> <+ Connect> <>"),
    ("IPv6:2001:db8:5::/48", "A <IPv6:2001:db8:5::1> <?> <+ Connect> <>"),
    ("Connect:host.test", "D <sub.host.test> <?> <+ Connect> <>"),
    ("Connect:dot.test.", "D <dot.test> <?> <+ Connect> <>"),
    ("Connect:*.star.test", "D <a.star.test> <?> <+ Connect> <>"),
    ("From:foo@", "checkmail <foo@h.test>"),
    ("From:bar+*@", "checkmail <bar+x@h.test>"),
    ("From:u@full.test", "checkmail <u@full.test>"),
    ("From:w+*@plus.test", "checkmail <w+d@plus.test>"),
    ("From:@at.test", "checkmail <u@at.test>"),
    ("From:*@at2.test", "checkmail <u@at2.test>"),
    ("From:<u@angle.test>", "checkmail <u@angle.test>"),
    ("From:end.test.", "checkmail <u@end.test>"),
    ("From:u@.sub.test", "checkmail <u@a.sub.test>"),
    ("<>", "checkmail <>"),
]


def test_keys_of_the_access_table(engine: AddressTest) -> None:
    engine.write("access", "".join(f"{key}\tREJECT\n" for key, _ in KEYS))
    answers = engine.ask([question for _, question in KEYS])
    for (key, question), answer in zip(KEYS, answers, strict=True):
        found = "REJECT" in answer or "denied" in answer
        assert found is not bool(sendmail_access.read_key(key).faults), (key, question, answer)


def test_friends_and_limits(engine: AddressTest) -> None:
    values = ("FRIEND", "friend", "OK", "FRIEND x", "HATER")
    engine.write("access", "".join(f"Spam:s{n}@t.test\t{value}\n" for n, value in enumerate(values)))
    answers = engine.ask([f"check_rcpt <s{n}@t.test>" for n in range(len(values))])
    for value, answer in zip(values, answers, strict=True):
        side = sendmail_access.read_value("Spam:x", value)
        assert ("SPAMFRIEND" in answer) is (side.meaning is not None and side.meaning.name == "FRIEND"), value


VIRTUSERS = [
    *("joe", "%1@w.test", '"joe bob"', "joe+x@w.test", "Joe <joe@w.test>", "<joe@w.test>", "local:bob"),
    *("joe@[10.0.0.1]", "joe, bob", "joe@", "list:;", "%4@x"),
    *("error:nouser 550 No such user", "error:5.7.0:550 No", "ERROR:5.7.0:550 No", "error:unavailable 550 x y"),
    *("error:nouser", "error:5.7.0 550 no", "error:550 No", "error:5.7.0:"),
]  # fmt: skip


def test_values_of_the_virtusertable(engine: AddressTest) -> None:
    domains = [f"v{n}.test" for n in range(len(VIRTUSERS))]
    engine.write("virtuser-domains", "".join(f"{domain}\n" for domain in domains), "")
    table = [f"@{domain}\t{value}\n" for domain, value in zip(domains, VIRTUSERS, strict=True)]
    engine.write("virtusertable", "".join(table))
    for value, answer in zip(VIRTUSERS, engine.ask([f"3,0 u@{domain}" for domain in domains]), strict=True):
        side = sendmail_maps.read_virtuser(value)
        if side.meaning is None:
            assert answer.startswith("$#error"), (value, answer)
            code = value.partition(":")[2].split()
            assert not (code and answer.startswith(f"$#error$@{code[0]}$:550")), (value, answer)
        elif side.meaning.code:
            assert answer == f"$#error$@{side.meaning.code}$:{stripped(side.meaning.text)}"
        else:
            assert answer.startswith("$#error") is ("TB133" in codes(side)), (value, answer)


def test_keys_of_the_virtusertable(engine: AddressTest) -> None:
    asked = {
        "a@k.test": "a@k.test",
        "b+d@k.test": "b+d@k.test",
        "c+*@k.test": "c+d@k.test",
        "e++@k.test": "e+d@k.test",
        "+*@k2.test": "x+d@k2.test",
        "++@k3.test": "x+d@k3.test",
        "@k4.test": "x@k4.test",
        "joe": "joe@k.test",
        "k5.test": "x@k5.test",
        "*@k6.test": "x@k6.test",
        "@k7.test.": "x@k7.test",
        "f@": "f@k.test",
        "<g@k.test>": "g@k.test",
        "@.k8.test": "x@a.k8.test",
    }
    engine.write("virtuser-domains", "".join(f"{n}.test\n" for n in ("k", *(f"k{m}" for m in range(2, 9)))), "")
    engine.write("virtusertable", "".join(f"{key}\tfound\n" for key in asked))
    answers = engine.ask([f"3,0 {address}" for address in asked.values()])
    for key, answer in zip(asked, answers, strict=True):
        assert (answer == "$#local$:found") is not bool(sendmail_maps.read_virtuser_key(key).faults), (key, answer)


def test_parameters_of_the_virtusertable(engine: AddressTest) -> None:
    engine.write("virtuser-domains", "p.test\n", "")
    engine.write("virtusertable", "u@p.test\t%1-%2-%3@a.test\nw+*@p.test\t%1-%2@b.test\n")
    assert engine.ask(["3,0 w+d@p.test", "3,0 u+d@p.test"]) == [
        "$#esmtp$@b.test.$:w-d<@b.test.>",
        "$#esmtp$@a.test.$:u-d-+d<@a.test.>",
    ]


ROUTES = [
    *("smtp:relay.test", "esmtp:[10.0.0.1]", "esmtp:[a.test]:2525", "smtp:a.test:b.test", "smtp: sp.test"),
    *("procmail:/etc/rc", "local:"),
    *("error:5.7.1:550 No", "error:nouser:550 No", "error:just text", "error:nouser No", "error:550 no"),
    *("relay.test", "[10.0.0.1]", "smtp:", "error:", "smtp"),
]  # fmt: skip


def test_values_of_the_mailertable(engine: AddressTest) -> None:
    engine.write("mailertable", "".join(f"m{n}.test\t{value}\n" for n, value in enumerate(ROUTES)))
    answers = engine.ask([f"3,0 u@m{n}.test" for n in range(len(ROUTES))])
    for n, (value, answer) in enumerate(zip(ROUTES, answers, strict=True)):
        side = sendmail_maps.read_route(f"m{n}.test", value)
        usual = f"$#esmtp$@m{n}.test.$:u<@m{n}.test.>"
        if side.meaning is None:
            assert (answer == usual) if codes(side) == {"TB140"} else (">u<@" in answer), (value, answer)
        elif side.meaning.mailer == "error":
            code = f"$@{side.meaning.code}" if side.meaning.code else ""
            assert answer == f"$#error{code}$:{stripped(side.meaning.host)}"
        else:
            host = side.meaning.host or f"u@m{n}.test"
            assert answer.startswith(f"$#{side.meaning.mailer}$@{stripped(host)}$:"), (value, answer)


def test_keys_of_the_mailertable(engine: AddressTest) -> None:
    asked = {
        "k.test": "k.test",
        ".s.test": "a.b.s.test",
        "e.test.": "e.test",
        "@a.test": "a.test",
        "*.w.test": "a.w.test",
        "[10.1.1.1]": "[10.1.1.1]",
    }
    engine.write("mailertable", "".join(f"{key}\tsmtp:found\n" for key in asked))
    answers = engine.ask([f"3,0 u@{domain}" for domain in asked.values()])
    for key, answer in zip(asked, answers, strict=True):
        assert ("$@found$" in answer) is not bool(sendmail_maps.read_mailer_key(key).faults), (key, answer)


def test_domaintable(engine: AddressTest) -> None:
    values = ("new.test", "new.test.", "[10.0.0.1]", "x@new.test", "new.test other.test")
    keys = {"k.test": "k.test", ".s.test": "a.s.test", "e.test.": "e.test", "@a.test": "a.test"}
    rows = [*((f"d{n}.test", value) for n, value in enumerate(values)), *((key, "found.test") for key in keys)]
    engine.write("domaintable", "".join(f"{key}\t{value}\n" for key, value in rows))
    answers = engine.ask([f"3 u@d{n}.test" for n in range(len(values))])
    for value, answer in zip(values, answers, strict=True):
        right = re.fullmatch(r"u<@[^@<>]+\.>", answer) is not None and "testother" not in answer
        assert right is (sendmail_maps.read_domain(value).meaning is not None), (value, answer)
    for key, answer in zip(keys, engine.ask([f"3 u@{domain}" for domain in keys.values()]), strict=True):
        assert ("found" in answer) is not bool(sendmail_maps.read_domain_key(key).faults), (key, answer)


def test_genericstable(engine: AddressTest) -> None:
    values = {"a": "A.User@x.test", "b": "other", "d": "joe@", "e": "x, y", "f": "J <j@x.test>", "c": "%1@x.test"}
    keys = {"k@g.test": "k@g.test", "w+*@g.test": "w+d@g.test", "@h.test": "z@h.test", "n@g.test.": "n@g.test"}
    engine.write("generics-domains", "g.test\nh.test\n", "")
    rows = [*values.items(), *((key, "found@x.test") for key in keys)]
    engine.write("genericstable", "".join(f"{key}\t{value}\n" for key, value in rows))
    said = engine.sendmail("-bt", input="/tryflags HS\n" + "".join(f"/try esmtp {key}\n" for key in values))
    results = re.findall(r"^Rcode = \d+, addr = (.*)$", said, re.MULTILINE)
    for (key, value), result in zip(values.items(), results, strict=True):
        single = re.fullmatch(r"[^@,]+@[^@,]+", result) is not None
        assert single is not bool(sendmail_maps.read_generics(key, value).faults), (value, result)
    said = engine.sendmail("-bt", input="/tryflags HS\n" + "".join(f"/try esmtp {key}\n" for key in keys.values()))
    for key, result in zip(keys, re.findall(r"^Rcode = \d+, addr = (.*)$", said, re.MULTILINE), strict=True):
        assert ("found" in result) is not bool(sendmail_maps.read_generics_key(key).faults), (key, result)


ALIASES = {
    "cmd1": "|/bin/echo a b",
    "cmd2": '"|/bin/echo a b"',
    "cmd3": '|"/bin/echo a b"',
    "inc1": ":include:@TOP@/list",
    "inc2": '":include:@TOP@/list"',
    "inc3": ":include: @TOP@/list",
    "file": "@TOP@/out",
    "two": "alice, bob",
    "one": "alice bob",
    "note": "alice (the boss), bob",
    "hash": "alice, bob # the boss",
    "quoted": '"quoted user", bob',
}
_SAYS: dict[AliasKind, Callable[[list[str]], bool]] = {
    AliasKind.COMMAND: lambda lines: "mailer prog" in lines[0],
    AliasKind.FILE: lambda lines: "mailer *file*" in lines[0],
    AliasKind.INCLUDE: lambda lines: ":include:" in lines[0],
    AliasKind.ADDRESS: lambda lines: "User unknown" in lines[0],
}


def test_targets_of_aliases(engine: AddressTest) -> None:
    values = {name: value.replace("@TOP@", str(engine.top)) for name, value in ALIASES.items()}
    engine.write("aliases", "".join(f"{name}: {value}\n" for name, value in values.items()), "")
    (engine.top / "list").write_text("alice\n")
    (engine.top / "list").chmod(0o666)  # such a list is not opened, which is said
    for name, lines in engine.verify(list(values)).items():
        side = read_targets(values[name])
        assert _SAYS[side.meaning[0].kind](lines), (name, lines)
        if "TB056" in codes(side):
            assert "user |/bin/echo.a.b" in lines[0]
        elif "TB025" in codes(side):
            assert any("#" in line for line in lines)
        else:
            assert len(lines) == len(side.meaning), (name, lines)


def test_nothing_but_addresses_in_the_virtusertable(engine: AddressTest) -> None:
    values = ("|/bin/cmd", str(engine.top / "out"), f":include:{engine.top}/list")
    engine.write("virtuser-domains", "n.test\n", "")
    engine.write("virtusertable", "".join(f"u{n}@n.test\t{value}\n" for n, value in enumerate(values)))
    engine.write("aliases", "", "")
    for lines, value in zip(engine.verify([f"u{n}@n.test" for n in range(3)]).values(), values, strict=True):
        assert "Cannot mail directly to" in lines[0]
        assert codes(sendmail_maps.read_virtuser(value)) == {"TB022"}


def test_userdb(engine: AddressTest) -> None:
    keys = {"joe:maildrop": "joe", "ann:office": "ann", "bob": "bob"}
    engine.write("userdb", "".join(f"{key}\tinside@other.test\n" for key in keys), "btree")
    engine.write("aliases", "", "")
    for key, lines in zip(keys, engine.verify(list(keys.values())).values(), strict=True):
        assert ("inside@other.test" in lines[0]) is not bool(sendmail_maps.read_userdb_key(key).faults), (key, lines)


@pytest.mark.parametrize(
    "folder", [EXAMPLE, SENDMAIL_ROOT / "usr/share/sendmail/examples/db"], ids=["ours", "debian's"]
)
def test_tables_that_are_right(folder: Path) -> None:
    """Every table of examples/sendmail/etc/mail, and of those that the package installs, is read without a warning."""
    read = []
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name in (*SENDMAIL, *ALSO):
            sink = Sink()
            read += read_sendmail_table(path.name, Source.read(Root(), path), sink)
            assert [str(d) for d in sink if d.severity is not Severity.NOTE] == []
    assert read != []
