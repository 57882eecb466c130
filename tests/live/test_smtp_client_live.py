"""Our smtp and lmtp agents beside the real ones: the same servers get the same commands and cause the same log."""

from __future__ import annotations

import json
import re
import smtplib
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from private_postfix import PrivatePostfix, free_port

sys.path.insert(0, str(Path(__file__).parent.parent / "mta"))

from client_fixture import CONTENT, deliver
from mta_fixture import FakePolicy
from scripted_server import EHLO, Script, ScriptedServer

from mailconf.model.policy import Role
from mailconf.model.world import Ask
from mailconf.mta.message import Recipient

pytestmark = pytest.mark.live

PARAMETERS = {
    "myhostname": "mail.example.com",
    "mydestination": "",
    "mynetworks": "127.0.0.0/8",
    "compatibility_level": "3.6",
    "smtp_generic_maps": "regexp:@TOP@/etc/generic",
    "smtp_dns_support_level": "enabled",
    "bounce_queue_lifetime": "0",
    "notify_classes": "",
    "smtp_pix_workarounds": "",
    "enable_original_recipient": "no",
    "smtp_host_lookup": "native",
    "transport_maps": "texthash:@TOP@/etc/transport",
    "smtpd_client_connection_count_limit": "0",
    "max_use": "100",
    "smtp_destination_concurrency_limit": "20",
}

CASES: dict[str, Script] = {
    "accepted": {},
    "accepted, without extensions": {"EHLO": "250 sink.example"},
    "helo": {"EHLO": "502 5.5.1 what", "HELO": "250 sink.example"},
    "greeting 554": {"banner": "554 go away"},
    "greeting 421": {"banner": "421 4.3.2 later"},
    "greeting of several lines": {"banner": "220-sink.example\n220 ESMTP"},
    "no greeting": {"banner": "<close>"},
    "ehlo 421": {"EHLO": "421 4.7.0 later"},
    "ehlo and helo 550": {"EHLO": "550 no", "HELO": "550 5.7.1 no"},
    "lost in ehlo": {"EHLO": "<close>"},
    "mail 550": {"MAIL": "550 5.7.1 no\n550 never".replace("550 5", "550-5")},
    "mail 450": {"MAIL": "450 later"},
    "mail 550, one by one": {"MAIL": "550 5.7.1 no", "EHLO": "250 sink.example"},
    "rcpt 550": {"RCPT": ["550 5.1.1 no such user", "250 ok"]},
    "rcpt 450, one by one": {"RCPT": ["250 2.1.5 ok", "450 4.2.0 greylisted"], "EHLO": "250-sink.example\n250 DSN"},
    "all rcpt refused, data taken": {"RCPT": "550 5.1.1 no"},
    "all rcpt refused, data refused": {"RCPT": "550 5.1.1 no", "DATA": "554 5.5.1 no recipients"},
    "rcpt 421": {"RCPT": "421 4.7.0 enough"},
    "lost in mail": {"MAIL": "<close>"},
    "lost in rcpt": {"RCPT": ["250 ok", "<close>"], "EHLO": "250 sink.example"},
    "data 554": {"DATA": "554 5.7.1 no"},
    "lost in data": {"DATA": "<close>", "EHLO": "250 sink.example"},
    "end 550": {".": "550 5.7.1 spam"},
    "end 451": {".": "451 4.3.0 disk"},
    "lost at the end": {".": "<close>"},
    "end 250 of several lines": {".": "250-2.0.0 one\n250 2.0.0 two"},
    "status that does not fit": {"RCPT": "550 4.1.1 no"},
    "loop": {"EHLO": "250-mail.example.com\n250 PIPELINING"},
}
LMTP = {
    "accepted": {"LHLO": EHLO},
    "one of two at the end": {"LHLO": EHLO, ".": ["250 2.1.5 ok", "552 5.2.2 over quota"]},
    "rcpt": {"LHLO": "250 sink.example", "RCPT": ["550 5.1.1 no", "250 2.1.5 ok"]},
    "refused": {"LHLO": "500 5.5.1 no"},
}
SOCKET = "lmtp over a unix socket"
NOBODY = "nobody listens"
PORT = "smtp_tcp_port or lmtp_tcp_port"  # the nexthop has none
LMTP[SOCKET] = {"LHLO": EHLO}
CASES[PORT], LMTP[PORT] = {}, {"LHLO": EHLO}
HARD = (
    b'From: "Doe, John" <john@local.example> (at work)\nTo: a@local.example, (c) "q q"@local.example,\n'
    b" Group: b@local.example, <c@y.example>;\nSubject: john@local.example\nX-To: a@local.example\n"
    b"Reply-To: <j@local.example>\nDate: Sun, 22 Nov 2026 13:55:05 +0000\n"
    b"Message-Id: <1@b.example>\n\njohn@local.example\n" + b"l" * 3000 + b"\n"
)
GENERIC = "generic"
LOCALS = ("x", "z")
STATUS = re.compile(r"/[sl]mtp\[\d+\]: \w+: to=<([^>]*)>, .*?relay=(\S+), .*?dsn=([\d.]+), status=(\w+) \((.*)\)$")

Said = tuple[dict[str, tuple[str, ...]], list[list[str]]]


class Generic(FakePolicy):
    """What smtp_generic_maps says below."""

    async def rewrite(self, address: str, role: Role, ask: Ask) -> str:
        return address.replace("@local.example", "@shown.example")


def domain(kind: str, number: int) -> str:
    return f"{kind}{number}.example"


class Stage:
    """Every case's server, and where it listens."""

    def __init__(self, top: Path) -> None:
        self.servers: dict[tuple[str, str], ScriptedServer] = {}
        self.nexthops: dict[tuple[str, str], str] = {}
        for kind, cases in (("smtp", {**CASES, GENERIC: {}}), ("lmtp", LMTP)):
            for name, script in cases.items():
                path = top / "socket" if name == SOCKET else None
                server = self.servers[kind, name] = ScriptedServer(script, path=path)
                where = f"inet:127.0.0.1:{server.port}" if path is None and kind == "lmtp" else ""
                if name == PORT:
                    where = "[127.0.0.1]"
                self.nexthops[kind, name] = where or (f"unix:{path}" if path else f"[127.0.0.1]:{server.port}")
        self.nexthops["smtp", NOBODY] = f"[127.0.0.1]:{free_port()}"
        self.domains = {key: domain(key[0], number) for number, key in enumerate(self.nexthops)}

    def neutral(self, key: tuple[str, str], words: tuple[str, ...]) -> tuple[str, ...]:
        """Without what differs between two runs: the port, the domain of the case."""
        port = self.servers[key].port if key[1] == PORT else self.nexthops[key].rpartition(":")[2]
        return tuple(re.sub(rf":{port}\b", ":PORT", word).replace(self.domains[key], "DOMAIN") for word in words)

    def commands(self, key: tuple[str, str]) -> list[list[str]]:
        """What the sessions so far said, without the message's size and the headers that were added; forgets them."""
        if key not in self.servers:
            return []
        assert self.servers[key].ended.wait(20)
        self.servers[key].ended.clear()
        sessions, self.servers[key].sessions = self.servers[key].sessions, []
        plain = [[re.sub(r" SIZE=\d+", " SIZE=n", text) for text in session] for session in sessions]
        cut = [[text[text.index("From: ") :] if "From: " in text else text for text in session] for session in plain]
        return [
            [line for text in session for line in text.replace(self.domains[key], "DOMAIN").split("\r\n")]
            for session in cut
        ]


def content(name: str) -> bytes:
    return HARD if name == GENERIC else CONTENT


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ExitStack() as stack:
        top = tmp_path_factory.mktemp("servers")
        for folder in (top, *top.parents[:2]):
            folder.chmod(0o755)
        stage = Stage(top)
        for server in stage.servers.values():
            stack.enter_context(server)
        yield stage


@pytest.fixture(scope="module")
def real(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Said]:
    """What the real agents logged and sent, case by case; all of them at once."""
    transport = "".join(f"{stage.domains[key]} {key[0]}:{nexthop}\n" for key, nexthop in stage.nexthops.items())
    with PrivatePostfix(tmp_path_factory.mktemp("postfix")) as postfix:
        ports = {kind: stage.servers[kind, PORT].port for kind in ("smtp", "lmtp")}
        named = {
            "smtp_tcp_port": "sink",
            "known_tcp_ports": f"smtp=25, sink={ports['smtp']}",
            "lmtp_tcp_port": str(ports["lmtp"]),
        }
        postfix.configure(
            PARAMETERS | named,
            {"etc/transport": transport, "etc/generic": "/^(.*)@local\\.example$/ $1@shown.example\n"},
        )
        for key, name in stage.domains.items():
            with smtplib.SMTP("127.0.0.1", postfix.port, local_hostname="c.example") as client:
                sender = "john@local.example" if key[1] == GENERIC else "a@b.example"
                client.sendmail(sender, [f"{local}@{name}" for local in LOCALS], content(key[1]).decode())
        wanted = {f"{local}@{name}" for local in LOCALS for name in stage.domains.values()}
        deadline = time.monotonic() + 60
        while True:
            text = postfix.log.read_text()
            found = {m[1]: m.groups()[1:] for line in text.splitlines() if (m := STATUS.search(line))}
            if wanted <= set(found):
                break
            assert time.monotonic() < deadline, wanted - set(found)
            time.sleep(0.05)
    said = {}
    for key, name in stage.domains.items():
        words = {local: stage.neutral(key, found[f"{local}@{name}"]) for local in LOCALS}
        said[key] = words, stage.commands(key)
    return said


def ours(stage: Stage, key: tuple[str, str]) -> Said:
    generic = key[1] == GENERIC
    recipients = [f"{local}@{stage.domains[key]}" for local in LOCALS]
    sender = "john@local.example" if generic else "a@b.example"
    results = deliver(
        stage.nexthops[key],
        *[Recipient(r, r) for r in recipients],
        lmtp=key[0] == "lmtp",
        sender=sender,
        content=content(key[1]),
        policy=Generic if generic else FakePolicy,
        port=str(stage.servers[key].port) if key[1] == PORT else "",
    )
    words = {
        r.recipient.address.partition("@")[0]: stage.neutral(key, (r.relay, r.dsn, r.status.value, r.text))
        for r in results
    }
    return words, stage.commands(key)


def shown(said: Said) -> list[str]:
    """As lines, so that a difference can be read."""
    return json.dumps(said, indent=1).splitlines()


@pytest.mark.parametrize("name", [*CASES, GENERIC, NOBODY])
def test_smtp(stage: Stage, real: dict[tuple[str, str], Said], name: str) -> None:
    assert shown(ours(stage, ("smtp", name))) == shown(real["smtp", name])


@pytest.mark.parametrize("name", LMTP)
def test_lmtp(stage: Stage, real: dict[tuple[str, str], Said], name: str) -> None:
    assert shown(ours(stage, ("lmtp", name))) == shown(real["lmtp", name])
