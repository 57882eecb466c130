"""Where the real smtp(8) and lmtp(8), and ours, deliver to, with a DNS and a hosts file of our own: by
*_host_lookup and *_dns_support_level, and when *_dns_reply_filter drops records.

    .venv/bin/python -m tests.live.smtp_hosts_side

prints as JSON both sides: by recipient domain what became of it, and what was logged of the filter.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
import time
from pathlib import Path

_TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(_TESTS / name) for name in ("live", "mta")]

from client_fixture import CONTENT  # noqa: E402
from fixture_dns import Fixtures, instead, isolate, serve  # noqa: E402
from mta_fixture import FakeWorld  # noqa: E402
from private_postfix import PrivatePostfix  # noqa: E402
from scripted_server import EHLO, ScriptedServer  # noqa: E402

from mailconf.diagnostics import Sink  # noqa: E402
from mailconf.hosts_file import HostsFile  # noqa: E402
from mailconf.model.fileworld import FileWorld  # noqa: E402
from mailconf.model.trace import Trace  # noqa: E402
from mailconf.model.transport import AgentKind  # noqa: E402
from mailconf.model.verdict import Route  # noqa: E402
from mailconf.model.world import Ask  # noqa: E402
from mailconf.mta.message import Context, Job, Message, Recipient  # noqa: E402
from mailconf.mta.resolver import Resolver  # noqa: E402
from mailconf.mta.smtp_client import SmtpAgent  # noqa: E402
from mailconf.postfix.policy.policy import PostfixPolicy, compile_policy  # noqa: E402
from mailconf.postfix.settings.configuration import Configuration  # noqa: E402
from tests.personality import PERSONALITY  # noqa: E402

ZONE: Fixtures = {
    "good.example": {"A": ["127.0.0.1"]},
    "hidden.example": {"A": ["127.0.0.66"]},
    "word.example": {"A": ["127.0.0.77"]},
    "two.example": {"A": ["127.0.0.66", "127.0.0.1"]},
    "plain.example": {"MX": ["10 good.example."]},
    "mxdrop.example": {"MX": ["10 bad.example."]},
    "mxhalf.example": {"MX": ["10 bad.example.", "20 good.example."]},
    "adrop.example": {"MX": ["10 hidden.example."]},
    "ahalf.example": {"MX": ["10 hidden.example.", "20 good.example."]},
    "mxtwo.example": {"MX": ["10 two.example."]},
    "mxword.example": {"MX": ["10 word2.example."]},
    "tword.example": {"MX": ["10 word.example."]},
    "nullmx.example": {"MX": ["0 ."]},
    "alias.example": {"CNAME": ["hidden.example."]},
    "aliasmx.example": {"CNAME": ["mxdrop.example."]},
    "toalias.example": {"MX": ["10 alias.example."]},
    "plainalias.example": {"CNAME": ["plain.example."]},
    # hosts, of which some are in the hosts file
    "empty.example": {"TXT": ['"x"']},
    "fails.example": {"A": ["SERVFAIL"], "AAAA": ["SERVFAIL"]},
    "afails.example": {"A": ["SERVFAIL"]},
    "elsewhere.example": {"A": ["127.0.0.1"]},
    "tolisted.example": {"MX": ["10 listed.example."]},
    "lostfirst.example": {"MX": ["10 lost.good.example.", "20 fails.example."]},
    "failfirst.example": {"MX": ["10 fails.example.", "20 lost.good.example."]},
    "lostboth.example": {"MX": ["10 lost.good.example.", "20 empty.example."]},
    "lostlisted.example": {"MX": ["10 lost.good.example.", "20 listed.example."]},
}
HOSTS = """127.0.0.1 localhost listed.example fails.example listed.empty.example
127.0.0.55 elsewhere.example
::1 six.example
"""
_FILTER = (
    "/ MX 10 bad/ ignore\n/ IN A 127.0.0.66$/ IGNORE this\n/127\\.0\\.0\\.77/ oops now\n/word2/ x\n/ MX 0 / ignore\n"
)
_LMTP = "/^good\\.example\\. 300 IN A 127\\.0\\.0\\.1$/ ignore\n"
SERVICES = {
    "own": "smtp -o smtp_dns_reply_filter=",
    "other": "smtp -o smtp_dns_reply_filter=regexp:@TOP@/etc/lmtp",
    "failing": "smtp -o smtp_dns_reply_filter=fail:x",
    "ownlmtp": "lmtp -o lmtp_dns_reply_filter=",
    "native": "smtp -o smtp_host_lookup=native",
    "both": "smtp -o smtp_host_lookup=native,dns",
    "nodns": "smtp -o smtp_dns_support_level=Disabled",
    "disabled": "smtp -o disable_dns_lookups=yes",
    "enabled": "smtp -o disable_dns_lookups=yes -o smtp_dns_support_level=enabled",
    "all": "smtp -o inet_protocols=all",
    "nativeall": "smtp -o inet_protocols=all -o smtp_host_lookup=native",
    "nativelmtp": "lmtp -o lmtp_host_lookup=native",
}
LISTED = ("listed", "six", "fails", "elsewhere", "lost", "empty", "tolisted", "lostfirst", "failfirst", "lostboth")
_STATUS = re.compile(r"/[sl]mtp\[\d+\]: \w+: to=<([^>]*)>, .*?relay=(\S+), .*?dsn=([\d.]+), status=(\w+) \((.*)\)$")
_SAID = re.compile(r"/[sl]mtp\[\d+\]: (ignoring DNS RR: .*|warning: .*(?:filter|lookup).*)$")


def _routes(port: int) -> dict[str, str]:
    """By the domain of a recipient, the transport and the nexthop."""
    found = {name: f"smtp:{name}:{port}" for name in ZONE}
    for name in ("mxdrop", "adrop", "good"):
        found[f"own.{name}.example"] = f"own:{name}.example:{port}"
    for name in ("plain", "mxdrop"):
        found[f"other.{name}.example"] = f"other:{name}.example:{port}"
    found["failing.example"] = f"failing:plain.example:{port}"
    found["direct.example"] = f"smtp:[hidden.example]:{port}"
    found["lmtp.example"] = f"lmtp:inet:good.example:{port}"
    for service in ("smtp", "native", "both", "nodns", "disabled", "enabled", "all", "nativeall"):
        for name in (
            *LISTED,
            "lostlisted",
            "[listed",
            "[six",
            "[fails",
            "[elsewhere",
            "[lost",
            "[127.0.0.1",
            "[localhost",
        ):
            host = name.removeprefix("[")
            host = f"{host}.example" if host.isalpha() and host != "localhost" else host
            written = f"[{host}]" if name.startswith("[") else host
            word = host.partition(".")[0] if "example" in host else f"is{host.replace('.', '-')}"
            found[f"{word}.{'direct' if name != host and name[0] == '[' else 'domain'}.{service}.example"] = (
                f"{service}:{written}:{port}"
            )
    for service in ("lmtp", "nativelmtp"):
        for host in ("listed.example", "fails.example", "localhost", "elsewhere.example"):
            found[f"{host.partition('.')[0]}.{service}.example"] = f"{service}:inet:{host}:{port}"
    found["ownlmtp.example"] = f"ownlmtp:inet:good.example:{port}"
    return found


def _neutral(text: str, port: int) -> str:
    return re.sub(rf":{port}\b", ":PORT", text)


def _real(postfix: PrivatePostfix, routes: dict[str, str], port: int) -> tuple[dict[str, list[str]], list[str]]:
    for name in routes:
        client = postfix.client()
        for command in ("EHLO x", "MAIL FROM:<a@b.example>", f"RCPT TO:<x@{name}>", "DATA"):
            reply = client.command(command)
        assert reply.startswith("354"), reply
        client.command("Subject: x\r\n\r\nx\r\n.")
        client.close()
    deadline = time.monotonic() + 60
    while True:
        lines = postfix.log.read_text().splitlines()
        found = {m[1].partition("@")[2]: list(m.groups()[1:]) for m in map(_STATUS.search, lines) if m}
        if set(routes) <= set(found):
            break
        assert time.monotonic() < deadline, set(routes) - set(found)
        time.sleep(0.05)
    said = {m[1] for m in map(_SAID.search, lines) if m}
    return {name: [_neutral(text, port) for text in words] for name, words in found.items() if name in routes}, sorted(
        said
    )


async def _ours(policy: PostfixPolicy, routes: dict[str, str], port: int) -> tuple[dict[str, list[str]], list[str]]:
    said: set[str] = set()
    found = {}
    for name in routes:
        recipient = Recipient(f"x@{name}", f"x@{name}")
        route = await policy.resolve(recipient.address, Ask(FileWorld()))
        world = FileWorld()
        context = Context(policy, world, lambda program, text: said.add(text), PERSONALITY)
        agent = SmtpAgent(context, Resolver(hosts=HostsFile()), lmtp=policy.agent(route.transport) is AgentKind.LMTP)
        message = Message("QID", "a@b.example", [recipient], CONTENT, FakeWorld().now())
        job = Job(
            message,
            [(recipient, Route(route.transport, route.nexthop, recipient.address, "", Trace()))],
            route.transport,
            route.nexthop,
            policy,
            world,
        )
        (result,) = await agent.deliver(job)
        found[name] = [_neutral(text, port) for text in (result.relay, result.dsn, result.status.value, result.text)]
    return found, sorted(text for text in said if _SAID.search(f"/smtp[1]: {text}"))


def main() -> None:
    isolate()
    instead("/etc/hosts", HOSTS)
    server = ScriptedServer({"LHLO": EHLO})
    with serve(ZONE), server, tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        routes = _routes(server.port)
        postfix.configure(
            {
                "myhostname": "mail.here.example",
                "mydestination": "",
                "transport_maps": "texthash:@TOP@/etc/transport",
                "smtp_dns_reply_filter": "regexp:@TOP@/etc/filter",
                "lmtp_dns_reply_filter": "regexp:@TOP@/etc/lmtp",
                "smtpd_relay_restrictions": "permit_mynetworks, reject",
                "bounce_queue_lifetime": "0",
            },
            {
                "etc/transport": "".join(f"{name} {route}\n" for name, route in routes.items()),
                "etc/filter": _FILTER,
                "etc/lmtp": _LMTP,
            },
            services="".join(f"{name} unix - - n - - {what}\n" for name, what in SERVICES.items()).replace(
                "@TOP@", top
            ),
        )
        real = _real(postfix, routes, server.port)
        sink = Sink()
        policy = compile_policy(Configuration.load(str(postfix.etc), sink), sink)
        assert not sink.failed
        ours = asyncio.run(_ours(policy, routes, server.port))
    json.dump({"real": real, "ours": ours}, sys.stdout)


if __name__ == "__main__":
    main()
