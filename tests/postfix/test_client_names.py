"""Clients whose names are not there, and those whose names may be found later.

The replies are Postfix 3.7.11's, with unknown_client_reject_code = 550 and names by XCLIENT.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.model.fileworld import FileWorld
from mailconf.model.session import Session, Verified
from mailconf.model.world import Ask, run
from mailconf.postfix.policy.policy import compile_policy
from mailconf.postfix.settings.configuration import Configuration

NAMES = {"[UNAVAILABLE]": (None, False), "[TEMPUNAVAIL]": (None, True), "a.example": ("a.example", False)}


def session(name: str, reverse: str = "") -> Session:
    found = Session(client_name=Verified.found("localhost"), reverse_name=Verified.found("localhost"))
    given = {"NAME": name, **({"REVERSE_NAME": reverse} if reverse else {})}
    temporary = {attribute for attribute, text in given.items() if NAMES[text][1]}
    found.take_names({attribute: NAMES[text][0] for attribute, text in given.items()}, temporary)
    return found


@pytest.mark.parametrize(
    ("name", "reverse", "client", "reversed_client"),
    [
        ("[UNAVAILABLE]", "", 550, 0),  # the reverse name stays
        ("[UNAVAILABLE]", "[UNAVAILABLE]", 550, 550),
        ("[UNAVAILABLE]", "[TEMPUNAVAIL]", 550, 450),
        ("[UNAVAILABLE]", "a.example", 550, 0),
        ("[TEMPUNAVAIL]", "", 450, 0),
        ("[TEMPUNAVAIL]", "[UNAVAILABLE]", 450, 550),
        ("[TEMPUNAVAIL]", "[TEMPUNAVAIL]", 450, 450),
        ("a.example", "", 0, 0),
        ("a.example", "[UNAVAILABLE]", 0, 550),
        ("a.example", "[TEMPUNAVAIL]", 0, 450),
    ],
)
def test_what_an_unknown_client_is_answered(
    tmp_path: Path, name: str, reverse: str, client: int, reversed_client: int
) -> None:
    (tmp_path / "master.cf").write_text("smtp inet n - n - - smtpd\n")
    for restriction, code in (("client", client), ("reverse_client", reversed_client)):
        (tmp_path / "main.cf").write_text(
            "compatibility_level = 3.6\nmyhostname = mx.example.com\nsmtpd_delay_reject = no\n"
            f"unknown_client_reject_code = 550\nsmtpd_client_restrictions = reject_unknown_{restriction}_hostname\n"
        )
        sink = Sink()
        policy = compile_policy(Configuration.load(str(tmp_path), sink), sink)
        verdict = run(policy.begin(session(name, reverse)).connect(Ask(FileWorld(Root()))))
        assert verdict.reply.code == (code or 220)
