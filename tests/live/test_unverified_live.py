"""reject_unverified_sender and reject_unverified_recipient before a probe has a result: the real smtpd(8) and ours."""

from __future__ import annotations

import sys
import tempfile
from itertools import product
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / name) for name in ("live", "postfix")]

from dialogue import Dialogue  # noqa: E402
from private_postfix import Client, PrivatePostfix  # noqa: E402

from mailconf.diagnostics import Sink  # noqa: E402
from mailconf.files import Root  # noqa: E402
from mailconf.model.fileworld import FileWorld  # noqa: E402
from mailconf.postfix.policy.policy import compile_policy  # noqa: E402
from mailconf.postfix.settings.configuration import Configuration  # noqa: E402

pytestmark = pytest.mark.live

LISTS = (
    "{}, reject_unauth_destination, permit",
    "{}, reject",
    "warn_if_reject {}, reject_unauth_destination, permit",
    "{}, reject_non_fqdn_sender, permit_mynetworks, reject_unauth_destination",
)
SETTINGS: tuple[dict[str, str], ...] = (
    {},
    {"tempfail_action": "Defer"},
    {"reject_reason": "gone for good"},
    {"reject_reason": "é" + "x" * 300, "tempfail_action": "defer"},
    {"defer_code": "451"},
    {"defer_code": "250"},
)


def test_replies() -> None:
    asked = []
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        for (number, settings), what in product(enumerate(SETTINGS), ("sender", "recipient")):
            services = "".join(
                f"127.0.0.1:{postfix.port + 1 + at} inet n - n - - smtpd -o {{ smtpd_recipient_restrictions = "
                f"{restrictions.format(f'reject_unverified_{what}')} }}\n"
                for at, restrictions in enumerate(LISTS)
            )
            parameters = {f"unverified_{what}_{name}": value for name, value in settings.items()}
            parameters |= {
                "myhostname": "mail.here.example",
                "mydestination": "here.example",
                "local_recipient_maps": "",
                "smtpd_relay_restrictions": "",
                "address_verify_poll_count": "1",
                "address_verify_map": "",
            }
            postfix.configure(parameters, services=services)
            for at, restrictions in enumerate(LISTS):
                lines = [
                    "EHLO client.example",
                    f"MAIL FROM:<s{number}{at}{what}@far.example>",
                    f"RCPT TO:<r{number}{at}{what}@here.example>",
                ]
                asked.append((lines, restrictions, what, settings, _real(postfix.port + 1 + at, lines)))
                ours = _ours(postfix, at, lines)
                assert ours == asked[-1][4], asked[-1]
    replies = {answer[-1] for *_, answer in asked}
    print(f"\nunverified addresses: {len(asked)} of {len(asked)} sessions agree, {len(replies)} replies")
    assert len(asked) == 48 and len({reply[:3] for reply in replies}) == 4  # 250, 450, 451, 554


def _real(port: int, lines: list[str]) -> list[str]:
    client = Client(port)
    replies = [client.command(line) for line in lines]
    client.close()
    return replies[1:]


def _ours(postfix: PrivatePostfix, at: int, lines: list[str]) -> list[str]:
    sink = Sink()
    configuration = Configuration.load(str(postfix.etc), sink, Root())
    service = [service for service in configuration.services if service.program == "smtpd"][1 + at]
    policy = compile_policy(configuration, sink, service)
    policy.smtpd.guarded = True
    dialogue = Dialogue(policy, FileWorld())
    return [dialogue.command(line) for line in lines][1:]
