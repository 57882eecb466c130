"""What the engines' logs and answers are taken for, and the DNS that they are given."""

from __future__ import annotations

from pathlib import Path

import dns.message
import dns.rcode
import pytest

from mailconf.files import Mounted, Overlay
from mailconf.insight.cases.suite import Going
from mailconf.insight.engines import inside
from mailconf.insight.engines.postfix import _going
from mailconf.insight.engines.postfix_worker import _TO, _without
from mailconf.insight.engines.sendmail_worker import _DELIVERABLE
from mailconf.insight.engines.site_files import files_of
from mailconf.insight.engines.world import Zone
from mailconf.model.world import Outcome, Records


@pytest.mark.parametrize(
    ("words", "status", "expected"),
    [
        ("delivered via smtp service ([gw.test]:25)", "sent", Going("smtp", "[gw.test]:25", "a@b.test")),
        ("delivered to mailbox", "sent", Going("smtp", "", "a@b.test", local=True)),
        ("delivered to file: /var/x", "sent", Going("smtp", "", "/var/x", local=True)),
        ("delivered to command: /bin/x y", "sent", Going("smtp", "", "|/bin/x y", local=True)),
        ('unknown user: "a"', "bounced", Going("bounce", "", "a@b.test", local=True)),
        ("alias database unavailable", "deferred", Going("deferred", "", "a@b.test", local=True)),
        ("maildir delivery failed: create maildir file", "deferred", Going("smtp", "", "a@b.test", local=True)),
    ],
)
def test_a_delivery_in_the_log(words: str, status: str, expected: Going) -> None:
    times = "delay=0.1, delays=0/0/0/0, dsn=2.0.0"
    line = f"to=<a@b.test>, orig_to=<c@d.test>, relay=smtp, {times}, status={status} ({words})"
    found = _TO.match(line)
    assert found is not None
    to, original, relay, state, text = found.groups()
    assert original == "c@d.test"
    way = {"to": to, "origin": original, "relay": relay, "status": state, "words": text}
    assert _going(way) == expected


def test_parameters_are_taken_out_whole() -> None:
    text = "a = 1\n# b\nb = 2,\n  3\nc = 4\nb = 5\n"
    assert _without(text, {"b"}) == "a = 1\n# b\nc = 4\n"


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("alice... deliverable: mailer local, user alice", ("local", None, "alice")),
        ("a@b.test... deliverable: mailer esmtp, host b.test., user a@b.test", ("esmtp", "b.test.", "a@b.test")),
        ("/dev/null... deliverable: mailer *file*, user /dev/null", ("*file*", None, "/dev/null")),
        ("nosuch... User unknown", None),
    ],
)
def test_what_bv_prints(line: str, parts: tuple[str, str | None, str] | None) -> None:
    found = _DELIVERABLE.match(line)
    assert (found and found.groups()[1:]) == parts


def test_the_dns_of_a_world_over_the_wire() -> None:
    def records(*values: str) -> Records:
        return Records(Outcome.FOUND, values)

    answers = Zone(
        {
            ("a.test", "MX"): records("10 m.a.test"),
            ("a.test", "TXT"): records('x "y"'),
            ("c.test", "CNAME"): records("a.test"),
            ("slow.test", "*"): Records(Outcome.FAILED),
            ("deep.b.test", "A"): records("192.0.2.1"),
            ("loop.test", "CNAME"): records("loop.test"),
        }
    )

    def ask(name: str, kind: str) -> tuple[str, list[str]]:
        wire = inside._answer(dns.message.make_query(name, kind).to_wire(), answers)
        reply = dns.message.from_wire(wire)
        return dns.rcode.to_text(reply.rcode()), [str(item) for rrset in reply.answer for item in rrset]

    assert ask("a.test", "MX") == ("NOERROR", ["10 m.a.test."])
    assert ask("A.Test", "TXT") == ("NOERROR", ['"x \\"y\\""'])
    assert ask("c.test", "MX") == ("NOERROR", ["a.test.", "10 m.a.test."])
    assert ask("a.test", "A") == ("NOERROR", [])
    assert ask("b.test", "A") == ("NOERROR", [])
    assert ask("none.test", "A") == ("NXDOMAIN", [])
    assert ask("slow.test", "A")[0] == ask("loop.test", "A")[0] == "SERVFAIL"


def test_users_are_added_to_those_of_the_machine() -> None:
    assert inside.users("root:x:0:0::/:\nann:x:1:1::/:\n", {"ann": "/home/ann"}).splitlines() == [
        "root:x:0:0::/:",
        "ann:x:2001:2001::/home/ann:/bin/sh",
    ]


def test_an_engine_gets_the_files_of_a_folder_that_stands_for_another(tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_text("x = y\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/table").write_text("a b\n")
    root = Overlay(Mounted(tmp_path, "/etc/postfix"), {"/etc/passwd": b"ann:x:1000:1000::/home/ann:/bin/sh\n"})
    assert files_of(root, "/etc/postfix") == {"/etc/postfix/main.cf": "x = y\n", "/etc/postfix/sub/table": "a b\n"}
