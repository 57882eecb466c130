"""header_checks and body_checks do what cleanup did (tests/vectors/record_content_checks.py)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mailconf.diagnostics import Sink
from mailconf.files import Memory
from mailconf.model.distinction import Dimension
from mailconf.model.fileworld import FileWorld
from mailconf.model.session import Session
from mailconf.model.verdict import EffectKind
from mailconf.model.world import Ask, run
from mailconf.postfix.policy.content_checks import ContentChecks
from mailconf.postfix.policy.mime_pieces import Pieces
from mailconf.postfix.policy.policy import compile_policy
from mailconf.postfix.settings.configuration import Configuration
from tests.vectors.content_check_cases import BASE, groups
from tests.vectors.store import load

CASES = load("content_checks").cases
MESSAGES = [(group.parameters, group.tables, message) for group in groups() for message in group.messages]
TOP = "/etc/postfix"
TRACE = "Received: from client.example\n"
ENVELOPE = {EffectKind.FILTER: "content_filter", EffectKind.REDIRECT: "redirect_to"}
# What follows a mistake in the form of a message; the recorder knows the longer one of the checks.
_CLIENT = re.compile(r" from localhost\[127\.0\.0\.1\]; from=<.*?> to=<.*?>$")
# cleanup gives these messages a header of its own, or the blank line that they lack.
CHANGED = ("b-warn\n\nno header", "not a header\n", "X-long: ")


def configured(parameters: dict[str, str], tables: dict[str, str]) -> tuple[ContentChecks, FileWorld]:
    main = "".join(f"{name} = {value.replace('@TOP@', TOP)}\n" for name, value in {**BASE, **parameters}.items())
    tree = Memory({f"{TOP}/main.cf": main, f"{TOP}/master.cf": "", **{f"{TOP}/{n}": t for n, t in tables.items()}})
    sink = Sink()
    return ContentChecks(Configuration.load(TOP, sink, tree)), FileWorld(tree)


@pytest.mark.parametrize("number", range(len(MESSAGES)))
def test_a_message_comes_to_what_was_recorded(number: int) -> None:
    judge(*MESSAGES[number], CASES[number])


def judge(parameters: dict[str, str], tables: dict[str, str], message: str, case: dict[str, Any]) -> None:
    """AssertionError where a message comes to something else than ``case`` has of it."""
    checks, world = configured(parameters, tables)
    found = run(checks.inspect((TRACE + message).encode(), Ask(world)))
    reply = "250 2.0.0 Ok: queued as ID" if found.reply is None else str(found.reply)
    assert reply == case["reply"]
    assert [re.sub(r"Received: from client\.example", "Received: ...", note) for note in found.notes] == logged(case)
    if "queued" not in case:
        assert found.reply is not None or any(e.kind is EffectKind.DISCARD for e in found.effects)
        return
    assert case["held"] == any(effect.kind is EffectKind.HOLD for effect in found.effects)
    last = {effect.kind: effect.argument for effect in found.effects}
    assert {f"{name}: {last[kind]}" for kind, name in ENVELOPE.items() if kind in last} == {
        line for line in case["envelope"] if "recipient: " not in line
    }
    assert ("recipient: dora@example.com" in case["envelope"]) == (EffectKind.BCC in last)
    if not any(text in message for text in CHANGED):
        assert without_dropped(found.content.decode().removeprefix(TRACE)) == case["queued"]


def logged(case: dict[str, Any]) -> list[str]:
    """Without what the table has to say by itself."""
    own = ("error: open ", "warning: regexp:")
    lines = [line for line in case["log"] if not line.startswith(own)]
    return [_CLIENT.sub("", line) if line.startswith("reject: mime-error ") else line for line in lines]


def without_dropped(text: str) -> str:
    """Without the fields that cleanup drops of every message (message_drop_headers)."""
    return re.sub(r"^Content-Length: .*\n", "", text, count=1, flags=re.MULTILINE)


def test_a_mistake_in_the_form_is_logged_without_the_protocol() -> None:
    checks, world = configured({"header_checks": "regexp:{{/^X-never/ OK}}", "mime_nesting_limit": "1"}, {})
    content = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n" for n in range(4)) + "\nx\n"
    found = run(
        checks.inspect(content.encode(), Ask(world), " from a[192.0.2.1]; from=<a@b> to=<c@d> proto=ESMTP helo=<e>")
    )
    assert found.notes[-1].endswith("boundary=b3 from a[192.0.2.1]; from=<a@b> to=<c@d>")
    assert str(found.reply) == "550 5.6.0 MIME nesting exceeds safety limit"


@pytest.mark.parametrize("number", range(len(MESSAGES)))
def test_the_pieces_of_a_message_are_the_message(number: int) -> None:
    content = MESSAGES[number][2].encode()
    for mime in (True, False):
        assert b"".join(piece.raw for piece in Pieces(mime=mime).of(content)) == content


def test_many_boundaries_are_open_at_once() -> None:
    """Lines that may be boundaries are compared with all that are open."""
    opened = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(50))
    content = (opened + "\n--x\n" * 2000).encode()
    assert sum(1 for _ in Pieces().of(content)) > 4000


def test_a_service_may_leave_them_out_or_have_its_own(tmp_path: Path) -> None:
    main = "header_checks = regexp:{{/^X-a:/ REJECT main}}\n"
    master = "smtp inet n - n - - smtpd\n25 inet n - n - - smtpd\n -o receive_override_options=no_header_body_checks\n"
    master += "26 inet n - n - - smtpd\n -o cleanup_service_name=other\ncleanup unix n - n - 0 cleanup\n"
    master += "other unix n - n - 0 cleanup\n -o header_checks=\n"
    tree = Memory({f"{TOP}/main.cf": main, f"{TOP}/master.cf": master})
    configuration = Configuration.load(TOP, Sink(), tree)
    replies = {}
    for service in configuration.services[:3]:
        policy = compile_policy(configuration, Sink(), service)
        found = run(policy.inspect(Session(), b"X-a: b\n\nx\n", Ask(FileWorld(tree))))
        replies[service.name] = found.reply and found.reply.code
    assert replies == {"smtp": 550, "25": None, "26": None}


def test_what_is_looked_at_is_announced() -> None:
    checks, _ = configured({"header_checks": "regexp:/h", "body_checks": "static:DUNNO"}, {})
    found = {(one.rule, one.dimension, one.text) for one in checks.distinguishes()}
    headers = ("header_checks", "mime_header_checks", "nested_header_checks")
    assert found == {(name, Dimension.CONTENT, "regexp:/h") for name in headers} | {
        ("body_checks", Dimension.CONTENT, "static:DUNNO")
    }


def test_a_rule_that_acts_has_its_place() -> None:
    checks, world = configured({"body_checks": "regexp:@TOP@/b"}, {"b": "# rules\n/^no$/ DUNNO\n/^x/ REJECT\n"})
    ask = Ask(world)
    run(checks.inspect(b"A: b\n\nfoo\nxyz\n", ask))
    (step,) = [step for step in ask.trace.steps if step.counts]
    (entry,) = step.steps
    assert (step.subject, step.result) == ("body_checks", "550 5.7.1 message content rejected")
    assert (entry.detail, entry.result, str(entry.span)) == ("xyz", "REJECT", f"{TOP}/b:3")
