"""explain on an /etc/mail: the example site, whose sendmail.cf and maps are not built."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from site_fixture import TOP, mailconf

DNS = ("--dns", "sender.example:A=192.0.2.3", "--dns", "example.org:A=192.0.2.4", "--dns", "example.net:A=192.0.2.5")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("site")
    shutil.copytree(TOP / "examples/sendmail", root, dirs_exist_ok=True)
    lines = [f"{name}:x:{uid}:100::/home/{name}:/bin/sh\n" for name, uid in (("alice", 1001), ("bob", 1002))]
    (root / "etc/passwd").write_text("".join(lines))
    return root


def explain(root: Path, *options: str, status: int = 0) -> dict[str, Any]:
    base = ("--root", str(root), "/etc/mail", "--format", "json", "--from", "x@sender.example", *DNS)
    done = mailconf("explain", *base, *options, status=status)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def steps(trace: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [found for step in trace for found in (step, *steps(step["steps"]))]


def placed(trace: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """File and line of the steps that have a place, with the text that is there."""
    found = set()
    for step in steps(trace):
        if step["place"]:
            path = Path(step["place"]["file"])
            line = path.read_text().splitlines()[step["place"]["line"] - 1] if path.exists() else ""
            found.add((path.name, line.strip()))
    return found


def test_an_alias_comes_to_its_recipients_each_with_its_place(site: Path) -> None:
    answer = explain(site, "--to", "team@example.com")
    assert answer["accepted"]
    assert answer["steps"][-1]["code"] == 250
    (named,) = answer["recipients"]
    found = {d["recipient"]: d for d in named["destinations"]}
    assert {name: d["transport"] for name, d in found.items()} == {
        "alice": "local",
        "bob": "local",
        "carol@example.net": "esmtp",
    }
    assert found["carol@example.net"]["outgoing"] == {
        "recipient": "carol@example.net",
        "sender": "alice.adams@example.com",
    }, "mail to the list comes from its owner"
    first = named["destinations"][0]["trace"]
    assert ("aliases", "team: alice, bob,") in placed(first)
    assert ("aliases", "owner-team: alice") in placed(first)
    decided = [step for step in steps(first) if step["subject"].startswith("ruleset ")]
    assert any(step["result"].startswith("$# local") and step["place"]["line"] > 1 for step in decided)


def test_a_line_of_a_table_that_refuses_has_its_place(site: Path) -> None:
    answer = explain(site, "--to", "old@example.org")
    assert not answer["accepted"]
    last = answer["steps"][-1]
    assert (last["code"], last["reply"]) == (
        550,
        ["5.1.1 <old@example.org>... This address is no longer in use"],
    )
    assert any(name == "virtusertable" and line.startswith("old@example.org") for name, line in placed(last["trace"]))
    assert any(step["result"].startswith("$# error") for step in steps(last["trace"]))


def test_a_user_that_is_not_there(site: Path) -> None:
    answer = explain(site, "--to", "nobody@example.com")
    assert answer["steps"][-1]["reply"] == ["5.1.1 <nobody@example.com>... User unknown"]


def test_a_file_of_an_alias_is_a_delivery(site: Path) -> None:
    (named,) = explain(site, "--to", "noreply@example.com")["recipients"]
    (destination,) = named["destinations"]
    assert [(d["kind"], d["target"]) for d in destination["deliveries"]] == [("file", "/dev/null")]


def test_what_cannot_be_asked_has_to_wait(site: Path) -> None:
    answer = explain(site, "--to", "y@unasked.example")
    assert not answer["accepted"]
    (rcpt,) = [step for step in answer["steps"] if step["command"].startswith("RCPT")]
    assert rcpt["reply"] == ["2.1.5 <y@unasked.example>... Recipient ok (will queue)"]
    assert answer["failure"].startswith("4")


def test_a_cf_and_maps_that_are_built_are_what_is_asked(site: Path, tmp_path: Path) -> None:
    root = tmp_path / "built"
    shutil.copytree(site, root)
    mailconf("build", "--root", str(root), "--own-cf", "/etc/mail")
    base = ("--root", str(root), "/etc/mail", "--format", "json", "--from", "x@sender.example", *DNS)
    done = mailconf("explain", *base, "--to", "info@example.org")
    assert "SM060" not in done.stderr
    (named,) = json.loads(done.stdout)["recipients"]
    (destination,) = named["destinations"]
    assert (destination["recipient"], destination["transport"]) == ("info@example.org", "local")
    assert any(name == "virtusertable" for name, _ in placed(destination["trace"]))


def test_text_names_the_rule_and_the_line(site: Path) -> None:
    base = ("--root", str(site), "/etc/mail", "--from", "x@sender.example", *DNS)
    done = mailconf("explain", *base, "--to", "team@example.com")
    assert re.search(r"hash:/etc/mail/aliases +team -> alice, bob, carol@example.net +aliases:8$", done.stdout, re.M)
    assert "OK       team@example.com" in done.stdout
    assert "SM060" in done.stderr
    assert "no service of master.cf" not in done.stdout


def test_an_entry_that_refuses_stands_beside_the_answer(site: Path) -> None:
    base = ("--root", str(site), "/etc/mail", "--from", "x@sender.example", *DNS)
    done = mailconf("explain", *base, "--to", "old@example.org", "--expect", "550")
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("  REFUSED")]
    assert "550 5.1.1 This address is no longer in use" in line
    assert line.endswith("virtusertable:4  hash:/etc/mail/virtusertable: old@example.org")
    assert "expected 550: met" in done.stdout
    mailconf("explain", *base, "--to", "old@example.org", "--expect", "OK", status=1)


def test_what_the_dns_was_asked_is_listed(site: Path) -> None:
    base = ("--root", str(site), "/etc/mail", "--from", "x@sender.example", *DNS)
    done = mailconf("explain", *base, "--to", "y@unasked.example")
    assert re.search(r"DNS sender\.example +A 192\.0\.2\.3; no AAAA, CNAME +\(given\)", done.stdout)
    assert re.search(r"DNS unasked\.example +AAAA, A, MX not asked, taken for a temporary failure", done.stdout)
    assert "\n  DEFER    y@unasked.example  after the message: 451" in done.stdout


def test_a_cf_that_sendmail_refuses_is_reported(tmp_path: Path) -> None:
    (tmp_path / "etc/mail").mkdir(parents=True)
    (tmp_path / "etc/mail/sendmail.cf").write_text("V10/Berkeley\nO DeliveryMode=z\n")
    done = mailconf("explain", "--root", str(tmp_path), "/etc/mail", "--to", "ann", status=1)
    assert "SM061" in done.stderr + done.stdout
    assert "Unknown delivery mode z" in done.stderr + done.stdout


def test_sendmail_has_no_services(site: Path) -> None:
    done = mailconf("explain", "--root", str(site), "/etc/mail", "--to", "ann", "--service", "smtp", status=2)
    assert "--service" in done.stderr
    named = ("--postfix-version", "3.10")
    done = mailconf("explain", "--root", str(site), "/etc/mail", "--to", "ann", *named, status=2)
    assert "--postfix-version" in done.stderr
