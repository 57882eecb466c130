"""What the sides of entries mean, format by format; that the engines do so is for tests/live."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from mailconf.grammar import Grammar
from mailconf.tables import content, hosts_access, sendmail_access, sendmail_maps, transport
from mailconf.tables.aliases import AliasKind, AliasTarget
from mailconf.tables.content import Action
from mailconf.tables.hosts_access import HostList, HostsRule, Option
from mailconf.tables.sendmail_access import AccessAction, AccessKey
from mailconf.tables.sendmail_aliases_reader import read_targets
from mailconf.tables.sendmail_maps import MailerRoute
from mailconf.tables.sendmail_maps import MapTarget as Address
from mailconf.tables.sides import Side, SideFault, parse_side
from mailconf.tables.transport import Hop, Transport

GRAMMAR_FILES = Path(__file__).parents[2] / "grammars"


def codes(side: Side) -> list[str]:
    return [fault.code.name for fault in side.faults]


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("smtp", Transport("smtp", "")),
        (":", Transport("", "")),
        ("local:", Transport("local", "")),
        (":[h.test]", Transport("", "[h.test]", (Hop("h.test", "", mx=False),))),
        ("smtp:h.test", Transport("smtp", "h.test", (Hop("h.test"),))),
        ("smtp:[h.test]:25", Transport("smtp", "[h.test]:25", (Hop("h.test", "25", mx=False),))),
        ("smtp:[::1]:", Transport("smtp", "[::1]:", (Hop("::1", "", mx=False),))),
        ("relay: a:smtp, b", Transport("relay", "a:smtp, b", (Hop("a", "smtp"), Hop("b")))),
        ("lmtp:unix:/run/x", Transport("lmtp", "unix:/run/x", (Hop("unix:/run/x", "", mx=False),))),
        ("lmtp:inet:h:24", Transport("lmtp", "inet:h:24", (Hop("h", "24"),))),
        ("error:5.1.1 gone", Transport("error", "5.1.1 gone", status="5.1.1")),
        ("retry:later", Transport("retry", "later")),
        ("procmail:a [b", Transport("procmail", "a [b")),
    ],
)
def test_transports(text: str, meaning: Transport) -> None:
    assert transport.read_transport(text) == Side(meaning)


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("smtp host", "TB090", ""),
        ("smtp :h", "TB090", ""),
        ("[h.test]", "TB090", ""),
        ("smtp:[h.test", "TB091", "[h.test"),
        ("smtp:h:25:26", "TB092", "h:25:26"),
        ("smtp:2001:db8::1", "TB092", "2001:db8::1"),
        ("smtp:[h]x", "TB092", "[h]x"),
        ("smtp:inet:h:25", "TB092", "inet:h:25"),
        ("smtp:[h] # the relay", "TB025", "#"),
    ],
)
def test_transports_that_are_wrong(text: str, code: str, place: str) -> None:
    (fault,) = transport.read_transport(text).faults
    assert (fault.code.name, text[fault.at : fault.at + fault.length]) == (code, place)


def test_tables_of_senders() -> None:
    assert transport.read_relayhost("[h]:587").meaning == (Hop("h", "587", mx=False),)
    assert transport.read_relayhost("dunno") == Side(())
    assert transport.read_sender_transport("DUNNO") == Side(Transport("", ""))
    assert codes(transport.read_relayhost("smtp:[h]:587")) == ["TB092"]


@pytest.mark.parametrize("key", ["a@b.test", "b.test", ".b.test", "*", "localhost", "a+b@c", "[192.0.2.1]"])
def test_keys_of_transports(key: str) -> None:
    assert transport.read_transport_key(key).faults == ()


@pytest.mark.parametrize("key", ["@b.test", "a@", "*.b.test", "*@b.test", "b.test.", "<a@b.test>", "<>", "a@.b.test"])
def test_keys_that_no_transport_is_looked_up_for(key: str) -> None:
    assert codes(transport.read_transport_key(key)) == ["TB016"]


@pytest.mark.parametrize(
    "text", ["REJECT", "reject no", "Discard", "PREPEND X-A: b", "REPLACE X-A:", "FILTER a:b", "PASS"]
)
def test_content_checks(text: str) -> None:
    words = text.split(None, 1)
    assert content.read_action("header", None, text) == Side(Action(words[0].upper(), *words[1:]))


@pytest.mark.parametrize(
    ("start", "text", "code"),
    [
        ("header", "REJCT", "TB100"),
        ("header", "550 no", "TB100"),
        ("header", "DEFER", "TB100"),
        ("header", "PREPEND X", "TB012"),
        ("header", "REPLACE", "TB012"),
        ("body", "REPLACE", "TB101"),
        ("body", "FILTER smtp", "TB011"),
        ("body", "BCC joe", "TB013"),
    ],
)
def test_content_checks_that_are_wrong(start: str, text: str, code: str) -> None:
    assert codes(content.read_action(start, None, text)) == [code]


def test_content_checks_of_the_client_know_less() -> None:
    assert content.read_action("body", content.CLIENT, "REPLACE x").faults == ()
    assert codes(content.read_action("header", content.CLIENT, "REJECT no")) == ["TB102"]
    assert codes(content.read_action("header", content.MILTER, "PREPEND X: y")) == ["TB102"]


@pytest.mark.parametrize(
    ("key", "value", "meaning"),
    [
        ("From:spam.test", "ERROR:5.7.1:550 go", AccessAction("ERROR", "5.7.1", "550 go")),
        ("spam.test", "error:550 go", AccessAction("ERROR", "", "550 go")),
        ("spam.test", "550 go", AccessAction("REPLY", "", "550 go")),
        ("spam.test", "reject \r", AccessAction("REJECT")),
        ("To:x@", "RELAY", AccessAction("RELAY")),
        ("x", "QUARANTINE:look at it", AccessAction("QUARANTINE", "", "look at it")),
        ("Connect:10", "SKIP", AccessAction("SKIP")),
        ("Spam:abuse@", "FRIEND", AccessAction("FRIEND")),
        ("ClientRate:", "10", AccessAction("LIMIT", "", "10")),
        ("TLS_Srv:x", "PERM+VERIFY:112+CN:x++CI:y", AccessAction("VERIFY", "", "PERM+VERIFY:112+CN:x++CI:y")),
        ("tls_clt:", "encr:128", AccessAction("ENCR", "", "encr:128")),
        ("CERTISSUER:x", "SUBJECT", AccessAction("SUBJECT", "", "SUBJECT")),
        ("Own:x", "whatever", AccessAction("", "", "whatever")),
    ],
)
def test_sendmail_access(key: str, value: str, meaning: AccessAction) -> None:
    assert sendmail_access.read_value(key, value) == Side(meaning)


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("x", "REJCT", "TB061"),
        ("x", "OK # a friend", "TB061"),
        ("x", "QUARANTINE", "TB061"),
        ("From:x", "FRIEND", "TB061"),
        ("x", "ERROR:", "TB062"),
        ("x", "ERROR:5.7.1:", "TB062"),
        ("x", "ERROR:5.7.1 550 no", "TB068"),
        ("GreetPause:x", "five", "TB063"),
        ("Spam:x", "OK", "TB064"),
        ("TLS_Clt:x", "ENCRYPT:128", "TB065"),
        ("TLS_Clt:x", "ENCR", "TB065"),
        ("TLS_Clt:x", "VERIFY 112", "TB065"),
        ("CERTSUBJECT:x", "SUBJECT", "TB067"),
    ],
)
def test_sendmail_access_that_is_wrong(key: str, value: str, code: str) -> None:
    assert codes(sendmail_access.read_value(key, value)) == [code]


@pytest.mark.parametrize(
    ("key", "meaning", "wrong"),
    [
        ("From:Spam.Test", AccessKey("from", "Spam.Test"), []),
        ("10.2", AccessKey("", "10.2"), []),
        ("IPv6:2001:db8", AccessKey("", "IPv6:2001:db8"), []),
        ("[10.0.0.1]", AccessKey("", "[10.0.0.1]"), []),
        ("TLS_Clt:", AccessKey("tls_clt", ""), []),
        ("user+*@", AccessKey("", "user+*@"), []),
        ("Own:x", AccessKey("own", "x"), []),
        ("From:", AccessKey("from", ""), ["TB060"]),
        ("Form:x", AccessKey("form", "x"), ["TB066"]),
        ("10.2.", AccessKey("", "10.2."), ["TB016"]),
        ("10.2.0.0/16", AccessKey("", "10.2.0.0/16"), ["TB014"]),
        ("2001:db8::1", AccessKey("", "2001:db8::1"), ["TB016"]),
        ("From:@a.test", AccessKey("from", "@a.test"), ["TB016"]),
        ("*.a.test", AccessKey("", "*.a.test"), ["TB016"]),
        ("a.test.", AccessKey("", "a.test."), ["TB016"]),
        ("<>", AccessKey("", "<>"), ["TB016"]),
    ],
)
def test_keys_of_sendmail_access(key: str, meaning: AccessKey, wrong: list[str]) -> None:
    side = sendmail_access.read_key(key)
    assert (side.meaning, codes(side)) == (meaning, wrong)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("joe", Address("joe")),
        ("%1-%2%3@w.test", Address("%1-%2%3@w.test")),
        ('"joe bob"@w.test', Address('"joe bob"@w.test')),
        ("Joe B <joe@w.test>", Address("joe@w.test")),
        ("local:joe", Address("joe")),
        ("error:nouser 550 No", Address(code="nouser", text="550 No")),
        ("ERROR:5.7.0:550 No", Address(code="5.7.0", text="550 No")),
    ],
)
def test_virtusers(text: str, meaning: Address) -> None:
    assert sendmail_maps.read_virtuser(text) == Side(meaning)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("joe, bob", "TB130"),
        ("joe@", "TB130"),
        ("|/bin/cmd", "TB022"),
        (":include:/x", "TB022"),
        ("joe # the boss", "TB025"),
        ("%4@x", "TB133"),
        ("error:nouser", "TB131"),
        ("error:5.7.0 550 No", "TB131"),
        ("error:550 No", "TB131"),
    ],
)
def test_virtusers_that_are_wrong(text: str, code: str) -> None:
    assert codes(sendmail_maps.read_virtuser(text)) == [code]


def test_generics() -> None:
    assert sendmail_maps.read_generics("@a.test", "%1@b.test") == Side(Address("%1@b.test"))
    assert codes(sendmail_maps.read_generics("joe", "%1@b.test")) == ["TB133"]
    assert codes(sendmail_maps.read_generics("joe", "a, b")) == ["TB130"]


def test_keys_of_virtusers_and_generics() -> None:
    for key in ("a@b.test", "@b.test", "a+*@b.test", "a++@b.test", "+*@b.test", "++@b.test", "a+d@b.test"):
        assert sendmail_maps.read_virtuser_key(key).faults == ()
        assert sendmail_maps.read_generics_key(key).faults == ()
    assert sendmail_maps.read_generics_key("joe").faults == ()
    for key in ("joe", "b.test", "*@b.test", "a@b.test.", "a@", "<a@b.test>", "@.b.test"):
        assert codes(sendmail_maps.read_virtuser_key(key)) == ["TB016"]


@pytest.mark.parametrize(
    ("key", "value", "meaning"),
    [
        ("a", "smtp:h.test", MailerRoute("smtp", "h.test")),
        (".a", "esmtp:%1.h", MailerRoute("esmtp", "%1.h")),
        ("a", "local:", MailerRoute("local")),
        ("a", "error:5.7.0:550 No", MailerRoute("error", "550 No", "5.7.0")),
        ("a", "error:nouser:550 No", MailerRoute("error", "550 No", "nouser")),
        ("a", "error:No", MailerRoute("error", "No")),
        ("a", "discard:", MailerRoute("discard")),
        ("a", "esmtp:[h]", MailerRoute("esmtp", "[h]")),
    ],
)
def test_mailers(key: str, value: str, meaning: MailerRoute) -> None:
    assert sendmail_maps.read_route(key, value) == Side(meaning)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("h.test", "TB140"),
        ("[10.0.0.1]", "TB140"),
        ("smtp:", "TB141"),
        ("error:", "TB141"),
        ("error:nouser 550 No", "TB142"),
        ("smtp:%1.h", "TB133"),
        ("smtp:h # relay", "TB025"),
    ],
)
def test_mailers_that_are_wrong(value: str, code: str) -> None:
    assert codes(sendmail_maps.read_route("a", value)) == [code]


def test_domains_and_userdb() -> None:
    assert sendmail_maps.read_domain("new.test") == Side("new.test")
    assert codes(sendmail_maps.read_domain("x@new.test")) == ["TB132"]
    assert codes(sendmail_maps.read_domain_key(".old.test")) == ["TB016"]
    assert sendmail_maps.read_userdb_key("joe:maildrop") == Side(("joe", "maildrop"))
    assert (
        codes(sendmail_maps.read_userdb_key("joe")) == codes(sendmail_maps.read_userdb_key("joe:office")) == ["TB150"]
    )


def test_targets_of_sendmail_aliases() -> None:
    side = read_targets('joe, "|/bin/cmd a b", /var/x, :include: /etc/list, \\bob, "a, b"@c')
    assert side == Side(
        (
            AliasTarget(AliasKind.ADDRESS, "joe"),
            AliasTarget(AliasKind.COMMAND, "/bin/cmd a b"),
            AliasTarget(AliasKind.FILE, "/var/x"),
            AliasTarget(AliasKind.INCLUDE, "/etc/list"),
            AliasTarget(AliasKind.ADDRESS, "\\bob"),
            AliasTarget(AliasKind.ADDRESS, '"a, b"@c'),
        )
    )
    for text, code in [("|/bin/cmd a", "TB056"), ("joe bob", "TB034"), (":include:x", "TB033"), (",", "TB035")]:
        assert codes(read_targets(text)) == [code]
    assert codes(read_targets("joe, bob # the boss")) == ["TB025"]


def test_rules_of_hosts_allow() -> None:
    assert hosts_access.read_daemons("ALL EXCEPT imapd, pop3d").meaning == HostList(
        ("ALL",), HostList(("imapd", "pop3d"))
    )
    assert hosts_access.read_rule("192.0.2., [2001:db8::]/32 : spawn (echo a\\:b) & : allow") == Side(
        HostsRule(HostList(("192.0.2.", "[2001:db8::]/32")), (Option("spawn", "(echo a\\:b) &"), Option("allow")))
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("192.0.2", "TB165"),
        ("192.0.2.1/24", "TB165"),
        ("0.0.0.0/0", "TB165"),
        ("[2001:db8::/32]", "TB165"),
        ("!192.0.2.1", "TB165"),
        ("", "TB162"),
        ("ALL EXCEPT", "TB162"),
        ("ALL # all", "TB025"),
        ("ALL : /bin/echo", "TB163"),
        ("ALL : user", "TB163"),
        ("ALL : allow : keepalive", "TB164"),
    ],
)
def test_rules_of_hosts_allow_that_are_wrong(text: str, code: str) -> None:
    assert codes(hosts_access.read_rule(text)) == [code]


GRAMMARS = ("access", "virtual", "generic", "transport", "checks", "sendmail_access", "sendmail_maps")


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_broken_input_names_the_mistake_that_it_is_an_example_of(grammar: str) -> None:
    for mistake in yaml.safe_load((GRAMMAR_FILES / f"{grammar}.bad.yaml").read_text()):
        starts = [mistake["start"]] if "start" in mistake else Grammar(grammar).starts
        for start in starts:
            for example in mistake["examples"]:
                found = parse_side(grammar, start, example)
                assert isinstance(found, SideFault), (start, example)
                assert (found.code.name, found.hint) == (mistake["code"], mistake["hint"]), (start, example)
