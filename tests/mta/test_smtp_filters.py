"""smtp_dns_reply_filter and lmtp_dns_reply_filter: a Policy filters what the agents are told of the DNS."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from client_fixture import CONTENT, FakeResolver, found
from mta_fixture import FakeWorld
from scripted_server import EHLO, ScriptedServer

from mailconf.diagnostics import Sink
from mailconf.model.distinction import Dimension
from mailconf.model.fileworld import FileWorld
from mailconf.model.trace import Trace
from mailconf.model.transport import AgentKind
from mailconf.model.verdict import Route
from mailconf.model.world import Records
from mailconf.mta.message import Context, Job, Message, Recipient
from mailconf.mta.smtp_client import SmtpAgent
from mailconf.postfix.policy.policy import PostfixPolicy, compile_policy
from mailconf.postfix.settings.configuration import Configuration
from tests.personality import PERSONALITY

MAIN = """\
compatibility_level = 3.6
myhostname = mail.here.example
smtp_dns_reply_filter = pcre:{{/ MX 10 bad/ ignore}, {/ A 127.0.0.66$$/ IGNORE this}, {/127.0.0.77/ oops now}}
lmtp_dns_reply_filter = pcre:{{/^good\\.example\\. 300 IN A 127/ ignore}}
"""
MASTER = """\
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
own unix - - n - - smtp -o smtp_dns_reply_filter=
failing unix - - n - - smtp -o smtp_dns_reply_filter=fail:x
"""
DROPS, BROKEN = "DNS reply filter drops all results", "Invalid DNS reply filter syntax"
SENT = ("2.0.0", "250 2.0.0 Ok")


@pytest.fixture
def policy(tmp_path: Path) -> PostfixPolicy:
    (tmp_path / "main.cf").write_text(MAIN)
    (tmp_path / "master.cf").write_text(MASTER)
    sink = Sink()
    found = compile_policy(Configuration.load(str(tmp_path), sink), sink)
    assert not [str(finding) for finding in sink]
    return found


def named(name: str, kind: str, *values: str) -> tuple[tuple[str, str], Records]:
    return (f"{name}.example", kind), found(*values)._replace(ttl=300)


RECORDS = dict(
    [
        named("good", "A", "127.0.0.1"),
        named("hidden", "A", "127.0.0.66"),
        named("half", "A", "127.0.0.66", "127.0.0.1"),
        named("two", "A", "127.0.0.66"),
        named("two", "AAAA", "::ffff:127.0.0.1"),
        named("word", "A", "127.0.0.77"),
        (("alias.example", "A"), found("127.0.0.66")._replace(ttl=300, owner="hidden.example")),
        (("other.example", "A"), found("127.0.0.1")._replace(ttl=300, owner="good.example")),
        named("wordtwo", "A", "127.0.0.66"),
        named("wordtwo", "AAAA", "::127.0.0.77"),
        named("mxdrop", "MX", "10 bad.example"),
        named("mxhalf", "MX", "10 bad.example", "20 good.example"),
        named("adrop", "MX", "10 hidden.example"),
        named("ahalf", "MX", "10 hidden.example", "20 good.example"),
        named("null", "MX", "10 bad.example", "10 "),
    ]
)


@pytest.mark.parametrize(
    ("transport", "name", "what", "logged"),
    [
        ("smtp", "good", SENT, ()),
        ("smtp", "half", SENT, ("ignoring DNS RR: half.example. 300 IN A 127.0.0.66",)),
        ("smtp", "two", SENT, ("ignoring DNS RR: two.example. 300 IN A 127.0.0.66",)),
        ("smtp", "mxhalf", SENT, ("ignoring DNS RR: mxhalf.example. 300 IN MX 10 bad.example.",)),
        ("smtp", "ahalf", SENT, ("ignoring DNS RR: hidden.example. 300 IN A 127.0.0.66",)),
        (
            *("smtp", "hidden", ("4.7.0", f"Error looking up name=hidden.example type=A: {DROPS}")),
            ("ignoring DNS RR: hidden.example. 300 IN A 127.0.0.66",),
        ),
        (
            *("smtp", "mxdrop", ("4.7.0", f"Error looking up name=mxdrop.example type=MX: {DROPS}")),
            ("ignoring DNS RR: mxdrop.example. 300 IN MX 10 bad.example.",),
        ),
        (
            *("smtp", "adrop", ("4.7.0", f"Error looking up name=hidden.example type=A: {DROPS}")),
            ("ignoring DNS RR: hidden.example. 300 IN A 127.0.0.66",),
        ),
        (
            *("smtp", "word", ("4.4.3", f"Error looking up name=word.example type=A: {BROKEN}")),
            ('warning: smtp_dns_reply_filter: unknown DNS filter action: "oops now"',),
        ),
        # That all was dropped says more than that a filter is broken (dns_lookup(3)).
        (
            *("smtp", "wordtwo", ("4.7.0", f"Error looking up name=wordtwo.example type=A: {DROPS}")),
            (
                "ignoring DNS RR: wordtwo.example. 300 IN A 127.0.0.66",
                'warning: smtp_dns_reply_filter: unknown DNS filter action: "oops now"',
            ),
        ),
        # An alias: the record is of the name to which it leads.
        (
            *("smtp", "alias", ("4.7.0", f"Error looking up name=alias.example type=A: {DROPS}")),
            ("ignoring DNS RR: hidden.example. 300 IN A 127.0.0.66",),
        ),
        (
            *("lmtp", "other", ("4.7.0", f"Error looking up name=other.example type=A: {DROPS}")),
            ("ignoring DNS RR: good.example. 300 IN A 127.0.0.1",),
        ),
        ("smtp", "null", ("5.1.0", "Domain null.example does not accept mail (nullMX)"), ()),
        (
            *("failing", "good", ("4.4.3", f"Error looking up name=good.example type=A: {BROKEN}")),
            ('warning: fail:x lookup error for "good.example. 300 IN A 127.0.0.1"',),
        ),
        (
            *("own", "hidden", ("4.4.1", "connect to hidden.example[127.0.0.66]:PORT: Connection refused")),
            ("connect to hidden.example[127.0.0.66]:PORT: Connection refused",),
        ),
        (
            *("lmtp", "good", ("4.7.0", f"Error looking up name=good.example type=A: {DROPS}")),
            ("ignoring DNS RR: good.example. 300 IN A 127.0.0.1",),
        ),
    ],
)
def test_what_an_agent_is_told(
    policy: PostfixPolicy, transport: str, name: str, what: tuple[str, str], logged: tuple[str, ...]
) -> None:
    said: list[tuple[str, str]] = []

    async def main(port: int) -> tuple[str, str]:
        world = FileWorld()
        context = Context(policy, world, lambda program, text: said.append((program, text)), PERSONALITY)
        lmtp = policy.agent(transport) is AgentKind.LMTP
        agent = SmtpAgent(context, FakeResolver(RECORDS), lmtp=lmtp)
        recipient = Recipient("x@y.example", "x@y.example")
        nexthop = f"{name}.example:{port}"
        route = Route(transport, nexthop, recipient.address, "default", Trace())
        message = Message("QID", "a@b.example", [recipient], CONTENT, FakeWorld().now())
        (result,) = await agent.deliver(Job(message, [(recipient, route)], transport, nexthop, policy, world))
        return result.dsn, result.text.replace(f":{port}", ":PORT")

    with ScriptedServer({"LHLO": EHLO}) as server:
        assert asyncio.run(main(server.port)) == what
    kept = [
        (program, text.replace(f":{server.port}:", ":PORT:")) for program, text in said if not text.startswith("QID: ")
    ]
    # Both types are asked for each host; a filter that fails says so for each.
    assert list(dict.fromkeys(kept)) == [("lmtp" if transport == "lmtp" else "smtp", text) for text in logged]


def test_a_filter_is_announced(policy: PostfixPolicy) -> None:
    rules = {found.rule for found in policy.distinguishes() if found.dimension is Dimension.ANSWER}
    assert rules == {"smtp_dns_reply_filter", "lmtp_dns_reply_filter"}
