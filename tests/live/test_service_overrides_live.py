"""What ``-o`` sets for a service of master.cf that delivers: the real Postfix and ours, side by side."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from private_postfix import PrivatePostfix

TESTS = Path(__file__).parent.parent
sys.path.insert(0, str(TESTS / "mta"))

from scripted_server import ScriptedServer  # noqa: E402

from mailconf.diagnostics import Sink  # noqa: E402
from mailconf.model.address import external  # noqa: E402
from mailconf.model.fileworld import FileWorld  # noqa: E402
from mailconf.model.inquiry import inquire  # noqa: E402
from mailconf.model.session import Session, Verified  # noqa: E402
from mailconf.postfix.policy.policy import compile_policy  # noqa: E402
from mailconf.postfix.settings.configuration import Configuration  # noqa: E402

pytestmark = pytest.mark.live

GENERIC = "inline:{{{{joe@here.example={0}@{0}.example}}, {{ann@{0}.example=other@{0}.example}}}}"
# Transports, and what each has of its own; of local and virtual, the recipient of what is forwarded tells.
SERVICES = {
    "common": "smtp",
    "own": "smtp -o { smtp_generic_maps = " + GENERIC.format("own") + " } -o smtp_helo_name=helo.own.example",
    "none": "smtp -o smtp_generic_maps=",
    "renamed": "smtp -o myhostname=renamed.example",
    "cut": "smtp -o { smtp_generic_maps = inline:{{joe=cut@cut.example}} }",
    "lists": "local -o { alias_maps = inline:{{ann=forwarded@common.example}} }",
    "plain": "local",
}


@pytest.fixture(scope="module")
def postfix() -> Iterator[PrivatePostfix]:
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as private:
        yield private


def test_deliveries_of_services_with_settings_of_their_own(postfix: PrivatePostfix) -> None:
    with ScriptedServer({}) as server:
        hop = f"[127.0.0.1]:{server.port}"
        routes = ", ".join(f"{{{name}.example={name}:{hop}}}" for name in SERVICES)
        postfix.configure(
            {
                "myhostname": "mail.here.example",
                "mydestination": "",
                "myorigin": "here.example",
                "alias_maps": "inline:{{ann=plain@common.example}}",
                "transport_maps": f"inline:{{{routes}}}",
                "smtp_generic_maps": GENERIC.format("common"),
                "smtpd_relay_restrictions": "permit_mynetworks, reject",
            },
            services="".join(
                f"{name} unix - {'n' if 'local' in args else '-'} n - - {args}\n" for name, args in SERVICES.items()
            ),
        )
        sink = Sink()
        configuration = Configuration.load(str(postfix.etc), sink)
        policy = compile_policy(configuration, sink)
        assert not sink.failed
        for name in SERVICES:
            before = len(server.sessions)
            server.ended.clear()
            client = postfix.client()
            for command in ("EHLO x", "MAIL FROM:<joe@here.example>", f"RCPT TO:<ann@{name}.example>", "DATA"):
                reply = client.command(command)
            assert reply.startswith("354")
            client.command("Subject: x\r\n\r\nx\r\n.")
            client.close()
            assert server.ended.wait(30), name
            [session] = server.sessions[before:]
            session_of = Session(client_name=Verified.found("localhost"), sender="joe@here.example")
            world = FileWorld()
            found = inquire(policy, world, session_of, [f"ann@{name}.example"])
            [destination] = found.destinations[f"ann@{name}.example"]
            if destination.deliveries:  # local(8) sends it on
                [delivery] = destination.deliveries
                forwarded = inquire(policy, world, session_of, [delivery.target])
                [destination] = forwarded.destinations[delivery.target]
            transport = destination.route.transport
            assert session[0] == f"EHLO {policy.site.client_name(transport)}", name
            assert session[1].startswith(f"MAIL FROM:<{external(destination.outgoing_sender)}>"), name
            assert session[2].startswith(f"RCPT TO:<{external(destination.outgoing)}>"), name
