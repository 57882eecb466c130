"""The smtp and lmtp agents against scripted servers: who is tried, what is sent, what the results say."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from client_fixture import CONTENT, FakeResolver, deliver, found
from mta_fixture import FakePolicy
from scripted_server import ScriptedServer

from mailconf.model.limits import HopTimes, Limits
from mailconf.model.policy import AddressPlace, Role, Side
from mailconf.model.trace import Trace
from mailconf.model.transport import HostLookup
from mailconf.model.verdict import Inspection, Reply
from mailconf.model.world import Ask, Outcome, Records
from mailconf.mta.message import Recipient, Result
from mailconf.ports import Ports
from mailconf.smtp.nexthop import BadNexthop, Nexthop


def words(result: Result) -> tuple[str, str, str, str]:
    return result.status.value, result.dsn, result.relay, result.text


def dns(**names: Records) -> FakeResolver:
    """``mx_example=...``: an MX record; ``a_host=...``: an A record of host.example."""
    kinds = {}
    for key, records in names.items():
        kind, _, name = key.partition("_")
        kinds[f"{name}.example", kind.upper()] = records
    return FakeResolver(kinds)


def test_delivered() -> None:
    with ScriptedServer({".": "250 2.0.0 Ok: queued as 1"}) as server:
        (result,) = deliver(f"[127.0.0.1]:{server.port}", Recipient("x@y.example", "X@y.example"))
        assert server.ended.wait(10)
    assert words(result) == ("sent", "2.0.0", f"127.0.0.1[127.0.0.1]:{server.port}", "250 2.0.0 Ok: queued as 1")
    (session,) = server.sessions
    size = len(CONTENT) + CONTENT.count(b"\n")
    assert session == [
        "EHLO mail.example.com",
        f"MAIL FROM:<a@b.example> SIZE={size}",
        "RCPT TO:<x@y.example> ORCPT=rfc822;X@y.example",
        "DATA",
        CONTENT.replace(b"\n.", b"\n..").replace(b"\n", b"\r\n").decode(),
        "QUIT",
    ]


def test_dsn_parameters_travel() -> None:
    with ScriptedServer({}) as server:
        recipient = Recipient("x@y.example", "x@y.example", "rfc822;o@y.example", "NEVER")
        deliver(f"[127.0.0.1]:{server.port}", recipient, ret="HDRS", envid="e+3D", body="8BITMIME", sender="")
    assert server.sessions[0][1].startswith("MAIL FROM:<> SIZE=")
    assert server.sessions[0][1].endswith(" BODY=8BITMIME RET=HDRS ENVID=e+3D")
    assert server.sessions[0][2] == "RCPT TO:<x@y.example> NOTIFY=NEVER ORCPT=rfc822;o@y.example"


def test_hosts_are_tried_by_preference() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with ScriptedServer({}) as server:
        resolver = dns(
            mx_y=found("10 dead.example", "20 sink.example"), a_dead=found("127.0.0.2"), a_sink=found("127.0.0.1")
        )
        (result,) = deliver(f"y.example:{server.port}", "x@y.example", resolver=resolver)
    assert words(result)[:3] == ("sent", "2.0.0", f"sink.example[127.0.0.1]:{server.port}")
    resolver = dns(mx_y=found("10 dead.example"), a_dead=found("127.0.0.1"))
    (result,) = deliver(f"y.example:{port}", "x@y.example", resolver=resolver)
    assert words(result) == (
        "deferred",
        "4.4.1",
        "none",
        f"connect to dead.example[127.0.0.1]:{port}: Connection refused",
    )


def test_who_was_put_off_is_tried_at_the_next_host() -> None:
    with ScriptedServer({"RCPT": ["250 ok", "450 4.2.0 later", "250 ok"], "EHLO": "250 sink.example"}) as server:
        resolver = FakeResolver({("y.example", "A"): found("127.0.0.1"), ("z", "A"): found("127.0.0.1")})
        resolver.records["y.example", "MX"] = found("10 one.example", "20 two.example")
        resolver.records["one.example", "A"] = resolver.records["two.example", "A"] = found("127.0.0.1")
        server.script["RCPT"] = ["250 ok", "450 4.2.0 later"]
        results = deliver(f"y.example:{server.port}", "a@y.example", "b@y.example", resolver=resolver)
    assert [r.status.value for r in results] == ["sent", "sent"]
    assert [len([c for c in s if c.startswith("RCPT")]) for s in server.sessions] == [2, 1]


def exchangers(*hosts: tuple[str, str]) -> FakeResolver:
    """Exchangers of y.example in this order, each a name and its address."""
    records = {("y.example", "MX"): found(*(f"{10 * n} {name}" for n, (name, _) in enumerate(hosts, 1)))}
    return FakeResolver(records | {(name, "A"): found(address) for name, address in hosts})


def test_two_hosts_that_greet_are_tried_and_no_third() -> None:
    """postconf(5) smtp_mx_session_limit, 2 by default: a host that was not reached does not count."""
    one, two, three = (f"{name}.example" for name in ("one", "two", "three"))
    with ScriptedServer({"RCPT": "450 4.2.0 later", "EHLO": "250 sink.example"}) as server:
        resolver = exchangers((one, "127.0.0.1"), (two, "127.0.0.1"), (three, "127.0.0.1"))
        (result,) = deliver(f"y.example:{server.port}", "x@y.example", resolver=resolver)
    assert len(server.sessions) == 2
    assert (result.status.value, result.relay) == ("deferred", f"{two}[127.0.0.1]:{server.port}")
    with ScriptedServer({"RCPT": "450 4.2.0 later", "EHLO": "250 sink.example"}) as server:
        resolver = exchangers((one, "127.0.0.2"), (two, "127.0.0.1"), (three, "127.0.0.1"))
        (result,) = deliver(f"y.example:{server.port}", "x@y.example", resolver=resolver)
    assert len(server.sessions) == 2
    assert (result.status.value, result.relay) == ("deferred", f"{three}[127.0.0.1]:{server.port}")


@pytest.mark.parametrize(
    ("resolver", "nexthop", "expected"),
    [
        (dns(), "y.example", ("bounced", "5.4.4", "Name service error for name=y.example type=AAAA: Host not found")),
        (
            dns(mx_y=Records(Outcome.FAILED)),
            "y.example",
            ("deferred", "4.4.3", "Name service error for name=y.example type=MX: Host not found, try again"),
        ),
        (
            dns(),
            "\u2603.example",
            ("bounced", "5.4.4", "Name service error for name=xn--n3h.example type=AAAA: Host not found"),
        ),
        (dns(), "[h.example]", ("bounced", "5.4.4", "Name service error for name=h.example type=AAAA: Host not found")),
        (
            dns(mx_y=found("10 h.example"), a_h=Records(Outcome.FAILED)),
            "y.example",
            ("deferred", "4.4.3", "Name service error for name=h.example type=A: Host not found, try again"),
        ),
        (
            dns(txt_y=found("x")),
            "y.example",
            ("bounced", "5.4.4", "name=y.example type=AAAA: Host found but no data record of requested type"),
        ),
        (dns(mx_y=found("0 ")), "y.example", ("bounced", "5.1.0", "Domain y.example does not accept mail (nullMX)")),
        (
            dns(mx_y=found("10 mail.example.com")),
            "y.example",
            ("bounced", "5.4.6", "mail for y.example loops back to myself"),
        ),
    ],
)
def test_no_host(resolver: FakeResolver, nexthop: str, expected: tuple[str, str, str]) -> None:
    (result,) = deliver(nexthop, "x@y.example", resolver=resolver)
    assert (result.status.value, result.dsn, result.relay) == (*expected[:2], "none")
    assert result.text.endswith(expected[2])


LOST, FAILS = "20 lost.example", Records(Outcome.FAILED)
NOT_FOUND = "Host or domain name not found. Name service error for name="


@pytest.mark.parametrize(
    ("lookup", "nexthop", "expected"),
    [
        # The DNS alone, as it is by default: what the hosts file has does not count.
        (HostLookup(), "listed.example", ("bounced", "5.4.4", f"{NOT_FOUND}listed.example type=AAAA: Host not found")),
        (
            HostLookup(types=("A",)),
            "[listed.example]",
            ("bounced", "5.4.4", f"{NOT_FOUND}listed.example type=A: Host not found"),
        ),
        (HostLookup(dns=False, native=True), "[listed.example]", "127.0.0.1"),
        (HostLookup(dns=False, native=True), "listed.example", "127.0.0.1"),
        (
            HostLookup(dns=False, native=True, types=("AAAA",)),
            "[listed.example]",
            ("bounced", "5.4.4", "unable to look up host listed.example: Name or service not known"),
        ),
        # Both: the hosts file has what the DNS does not have, but not what the DNS cannot be asked for.
        (HostLookup(native=True), "[listed.example]", "127.0.0.1"),
        (HostLookup(native=True), "[known.example]", "127.0.0.2"),
        (
            HostLookup(native=True),
            "[fails.example]",
            ("deferred", "4.4.3", f"{NOT_FOUND}fails.example type=A: Host not found, try again"),
        ),
        (HostLookup(dns=False, native=True), "[fails.example]", "127.0.0.1"),
        # No exchangers are asked for.
        (HostLookup(mx=False, dns=False, native=True), "away.example", "127.0.0.1"),
        (HostLookup(native=True), "away.example", "127.0.0.2"),
        (
            HostLookup(dns=False, native=True),
            "[lost.example]",
            ("bounced", "5.4.4", "unable to look up host lost.example: Name or service not known"),
        ),
        (
            HostLookup(dns=False, native=True),
            "[empty.example]",
            ("bounced", "5.3.0", "unable to look up host empty.example: No address associated with hostname"),
        ),
        (
            HostLookup(dns=False, native=True),
            "[broken.example]",
            ("deferred", "4.4.4", "unable to look up host broken.example: Temporary failure in name resolution"),
        ),
        (
            HostLookup(dns=False),
            "[known.example]",
            ("deferred", "4.3.0", "unknown mail transport error (no way to look up hosts)"),
        ),
        # Of several exchangers the last one is named, and mail waits if one of them could not be asked for.
        (
            HostLookup(types=("A",)),
            "lostfirst.example",
            ("deferred", "4.4.3", f"{NOT_FOUND}broken.example type=A: Host not found, try again"),
        ),
        (
            HostLookup(types=("A",)),
            "failfirst.example",
            ("deferred", "4.4.4", f"{NOT_FOUND}lost.example type=A: Host not found"),
        ),
    ],
)
def test_where_hosts_are_looked_for(lookup: HostLookup, nexthop: str, expected: tuple[str, ...] | str) -> None:
    """postconf(5) smtp_host_lookup, smtp_dns_support_level; tests/live/smtp_hosts_side.py asks the original."""
    resolver = dns(
        a_known=found("127.0.0.2"),
        a_fails=FAILS,
        a_broken=FAILS,
        txt_empty=found("x"),
        mx_away=found("10 known.example"),
        mx_lostfirst=found("10 lost.example", "20 broken.example"),
        mx_failfirst=found("10 broken.example", LOST),
    )
    resolver.listed = "127.0.0.1 listed.example fails.example away.example\n127.0.0.9 known.example\n"
    (result,) = deliver(f"{nexthop}:1", "x@y.example", resolver=resolver, lookup=lookup)
    if isinstance(expected, str):
        host = "known" if expected == "127.0.0.2" else nexthop.strip("[]").removesuffix(".example")
        expected = ("deferred", "4.4.1", f"connect to {host}.example[{expected}]:1: Connection refused")
    assert (result.status.value, result.dsn, result.text) == expected


def test_a_server_that_is_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        nexthop = f"[127.0.0.1]:{server.getsockname()[1]}"
        (result,) = deliver(nexthop, "x@y.example", limits=Limits(hop=HopTimes(greeting=0.2)))
    text = "conversation with 127.0.0.1[127.0.0.1] timed out while receiving the initial server greeting"
    assert words(result)[:2] == ("deferred", "4.4.2") and result.text == text


@pytest.mark.parametrize("lmtp", [False, True])
def test_a_transport_has_a_name_of_its_own(lmtp: bool) -> None:
    for name, said in (("", "mail.example.com"), ("helo.example", "helo.example")):
        with ScriptedServer({}) as server:
            deliver(f"[127.0.0.1]:{server.port}", "x@y.example", lmtp=lmtp, name=name)
        assert server.sessions[0][0] == f"{'LHLO' if lmtp else 'EHLO'} {said}"


def test_utf8_needs_a_server_that_speaks_it() -> None:
    with ScriptedServer({"EHLO": "250-sink.example\n250 SMTPUTF8"}) as server:
        (result,) = deliver(f"[127.0.0.1]:{server.port}", "é@y.example")
        assert result.status.value == "sent" and server.sessions[0][1] == "MAIL FROM:<a@b.example> SMTPUTF8"
    with ScriptedServer({}) as server:
        (result,) = deliver(f"[127.0.0.1]:{server.port}", "é@y.example")
    text = "SMTPUTF8 is required, but was not offered by host 127.0.0.1[127.0.0.1]"
    assert words(result) == ("bounced", "5.6.7", f"127.0.0.1[127.0.0.1]:{server.port}", text)


class Generic(FakePolicy):
    """smtp_generic_maps as a function: local.example becomes shown.example, for smtp only."""

    async def rewrite(self, address: str, role: Role, ask: Ask) -> str:
        assert role.transport in ("smtp", "lmtp")
        if role.transport == "smtp" and (role.place is AddressPlace.HEADER or role.side is Side.SENDER):
            return address.replace("@local.example", "@shown.example")
        return address


HARD = (
    b'From: "Doe, John" <john@local.example> (at work)\nTo: a@local.example, (c) "q q"@local.example,\n'
    b" Group: b@local.example, <c@y.example>;\nSubject: john@local.example\nX-To: a@local.example\n"
    b"Reply-To: <@route:j@local.example>\nResent-Sender: s@local.example\nCc: broken <a@local.example\n"
    b"\njohn@local.example\n"
)


def test_outgoing_addresses_are_rewritten_in_their_places() -> None:
    with ScriptedServer({}) as server:
        nexthop = f"[127.0.0.1]:{server.port}"
        deliver(nexthop, "x@local.example", sender="john@local.example", policy=Generic, content=HARD)
    session = server.sessions[0]
    assert session[1].startswith("MAIL FROM:<john@shown.example>") and session[2].startswith(
        "RCPT TO:<x@local.example>"
    )
    content = session[4].replace("\r\n", "\n")
    assert 'From: "Doe, John" <john@shown.example>(at work)\n' in content
    assert '"q q"@shown.example' in content and "(c)" in content and "<c@y.example>" in content
    assert "\nSubject: john@local.example\n" in content and "\nX-To: a@local.example\n" in content
    assert "s@shown.example" in content and content.endswith("\n\njohn@local.example\n")


class Failing(FakePolicy):
    async def rewrite(self, address: str, role: Role, ask: Ask) -> str:
        raise RuntimeError("hash:/etc/postfix/generic: lookup error")


def test_addresses_that_cannot_be_rewritten_defer_the_mail() -> None:
    (result,) = deliver("[127.0.0.1]:1", "x@y.example", policy=Failing)
    text = "address rewriting failed: hash:/etc/postfix/generic: lookup error"
    assert words(result) == ("deferred", "4.3.0", "none", text)


class Inspecting(FakePolicy):
    """Takes the first line out of what leaves, and cannot answer where there is a second."""

    async def inspect_sent(self, transport: str, content: bytes, ask: Ask) -> Inspection:
        first, _, rest = content.partition(b"\n")
        reply = None if rest.startswith(b"\n") else Reply.of(451, "4.3.0 local data error")
        return Inspection(reply, (), rest, (f"strip: header {first.decode()}",), Trace())


def test_what_leaves_is_inspected() -> None:
    with ScriptedServer({}) as server:
        nexthop = f"[127.0.0.1]:{server.port}"
        (result,) = deliver(nexthop, "x@y.example", policy=Inspecting, content=b"X-A: b\n\nx\n")
        assert result.status.value == "sent"
        assert server.sessions[0][4].replace("\r\n", "\n") == "\nx\n"
        (result,) = deliver(nexthop, "x@y.example", policy=Inspecting, content=b"X-A: b\nX-B: c\n\nx\n")
        assert words(result) == ("deferred", "4.3.0", "none", "local data error")
        assert len(server.sessions) == 1


def test_what_needs_no_change_is_sent_as_it_was() -> None:
    content = b'From:   (x)  "Odd"   <a@y.example>\nTo:a@y.example ,b@y.example\n\n' + bytes(range(128, 256)) + b"\n"
    with ScriptedServer({}) as server:
        deliver(f"[127.0.0.1]:{server.port}", "x@y.example", policy=Generic, content=content)
    assert server.sessions[0][4].replace("\r\n", "\n") == content.decode("latin-1")


def test_lmtp_over_a_unix_socket(tmp_path: Path) -> None:
    script = {"LHLO": "250-s\n250 PIPELINING", ".": ["250 2.1.5 one", "552 5.2.2 over quota"]}
    with ScriptedServer(script, path=tmp_path / "s") as server:
        first, second = deliver(f"unix:{tmp_path}/s", "a@y", "b@y", lmtp=True)
    assert (first.status.value, first.text) == ("sent", "250 2.1.5 one")
    assert (second.status.value, second.dsn) == ("bounced", "5.2.2")
    assert server.sessions[0][0] == "LHLO mail.example.com"


@pytest.mark.parametrize(
    ("text", "lmtp", "expected"),
    [
        ("y.example", False, ("y.example", 25, False, "")),
        ("y.example:26", False, ("y.example", 26, False, "")),
        ("y.example:submission", False, ("y.example", 587, False, "")),
        ("[y.example]", False, ("y.example", 25, True, "")),
        ("[192.0.2.1]:2525", False, ("192.0.2.1", 2525, True, "")),
        ("[IPv6:2001:db8::1]:26", False, ("2001:db8::1", 26, True, "")),
        ("[2001:db8::1]", False, ("2001:db8::1", 25, True, "")),
        ("y.example", True, ("y.example", 24, True, "")),
        ("inet:y.example:2003", True, ("y.example", 2003, True, "")),
        ("inet:[192.0.2.1]:2003", True, ("192.0.2.1", 2003, True, "")),
        ("unix:/run/lmtp", True, ("", 0, True, "/run/lmtp")),
    ],
)
def test_nexthops(text: str, lmtp: bool, expected: tuple[str, int, bool, str]) -> None:
    nexthop = Nexthop.parse(text, lmtp=lmtp, ports=Ports())
    assert (nexthop.host, nexthop.port, nexthop.direct, nexthop.path) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("y.example:no-such-port", "unknown service: no-such-port/tcp"),
        (":submision", "missing host information in server description: :submision"),
        ("y.example:58x7", "garbage after numerical service in server description: y.example:58x7"),
        ("[y.example]:0", "bad network port: 0 for destination: [y.example]:0"),
        ("[y.example]:65536", "bad network port: 65536 for destination: [y.example]:65536"),
        ("y.example.", "valid hostname or network address required in server description: y.example."),
        ("-y.example", "valid hostname or network address required in server description: -y.example"),
        ("[ipv6:y.example]", "malformed IPv6 address in server description: [ipv6:y.example]"),
        ("[y.example", 'missing "]" in server description: [y.example'),
        ("[y.example]x", 'garbage after "]" in server description: [y.example]x'),
        ("", "missing host information in server description: "),
    ],
)
def test_a_nexthop_that_is_no_host_and_port_delays_the_mail(text: str, reason: str) -> None:
    """smtp 3.7 ends with these words, and the queue manager puts the message off: it never goes to another port."""
    resolver = dns(mx_y=found("10 sink.example"), a_sink=found("127.0.0.1"), a_y=found("127.0.0.1"))
    (result,) = deliver(text, "a@y.example", resolver=resolver)
    assert (result.status.value, result.dsn) == ("deferred", "4.3.0")
    assert result.text == f"unknown mail transport error ({reason})"
    with pytest.raises(BadNexthop):
        Nexthop.parse(text, lmtp=False, ports=Ports())


def test_several_nexthops() -> None:
    resolver = dns(
        mx_y=found("10 sink.example"), a_sink=found("127.0.0.1"), mx_gone=Records(Outcome.ABSENT, (), nxdomain=True)
    )
    with ScriptedServer({}) as server:
        (result,) = deliver("gone.example, y.example", "x@y.example", port=str(server.port), resolver=resolver)
        assert result.status.value == "sent"
        (result,) = deliver("y.example\tno:such", "x@y.example", port=str(server.port), resolver=resolver)
        assert result.status.value == "sent"
    (result,) = deliver("gone.example, no:such", "x@y.example", resolver=resolver)
    assert (result.status.value, result.dsn) == ("deferred", "4.3.0")


def test_the_port_of_a_transport() -> None:
    for lmtp in (False, True):
        with ScriptedServer({}) as server:
            (result,) = deliver("[127.0.0.1]", "x@y.example", port=str(server.port), lmtp=lmtp)
            resolver = dns(mx_y=found("10 sink.example"), a_sink=found("127.0.0.1"), a_y=found("127.0.0.1"))
            (other,) = deliver("y.example", "x@y.example", port=str(server.port), resolver=resolver, lmtp=lmtp)
        assert [r.relay.rpartition(":")[2] for r in (result, other)] == [str(server.port)] * 2
    (result,) = deliver("[127.0.0.1]", "x@y.example", port="no-such-port")
    assert result.text == "unknown mail transport error (unknown service: no-such-port/tcp)"
    ports = Ports.of("sink=2525")
    assert Nexthop.parse("[y.example]:26", lmtp=False, ports=ports, default="sink").port == 26
    assert Nexthop.parse("[y.example]", lmtp=True, ports=ports, default="sink").port == 2525


def test_the_ports_that_the_configuration_names() -> None:
    ports = Ports.of("smtp=2525, inner=10025")
    assert Nexthop.parse("y.example", lmtp=False, ports=ports).port == 2525
    assert Nexthop.parse("y.example:inner", lmtp=False, ports=ports).port == 10025
    assert Nexthop.parse("y.example", lmtp=True, ports=ports).port == 24
