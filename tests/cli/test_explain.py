from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from site_fixture import mailconf


@pytest.fixture
def built(root: Path) -> Path:
    mailconf("build", "--root", str(root), "/etc/postfix")
    return root


def explain(root: Path, *options: str, status: int = 0) -> dict[str, Any]:
    done = mailconf("explain", "--root", str(root), "/etc/postfix", "--format", "json", *options, status=status)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def last_reply(answer: dict[str, Any]) -> str:
    return f"{answer['steps'][-1]['code']} {answer['steps'][-1]['reply'][0]}"


def places(trace: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """The name of the file and the line of every step that has a place, depth first."""
    found = []
    for step in trace:
        if step["place"]:
            found.append((Path(step["place"]["file"]).name, step["place"]["line"]))
        found += places(step["steps"])
    return found


def test_an_alias_is_followed_to_the_mailbox(built: Path) -> None:
    answer = explain(built, "--client", "203.0.113.5", "--from", "carol@example.edu", "--to", "info@example.org")
    assert answer["accepted"]
    named, copies = answer["recipients"]
    (destination,) = named["destinations"]
    assert (destination["recipient"], destination["transport"], destination["class"]) == (
        "alice@example.com",
        "local",
        "local",
    )
    assert [(d["kind"], d["target"]) for d in destination["deliveries"]] == [("mbox", "/var/mail/alice")]
    assert ("virtual", 2) in places(destination["trace"])
    assert copies["recipient"] is None
    assert [d["recipient"] for d in copies["destinations"]] == ["archive@example.com"]


def test_a_refusal_names_the_entry(built: Path) -> None:
    answer = explain(built, "--client", "198.51.100.9", "--from", "w@example.biz", "--to", "info@example.org")
    assert not answer["accepted"]
    assert last_reply(answer) == (
        "554 5.7.1 <unknown[198.51.100.9]>: Client host rejected: Your network sends us nothing but spam"
    )
    assert places(answer["steps"][-1]["trace"])[-1] == ("client_access", 2)


def test_relaying_is_refused_to_strangers_and_rewritten_for_friends(built: Path) -> None:
    away = ("--from", "root@example.com", "--to", "x@elsewhere.example")
    assert last_reply(explain(built, "--client", "203.0.113.5", *away)) == (
        "554 5.7.1 <x@elsewhere.example>: Relay access denied"
    )
    answer = explain(built, "--client", "192.0.2.7", *away)
    (destination,) = answer["recipients"][0]["destinations"]
    assert (destination["transport"], destination["nexthop"]) == ("smtp", "elsewhere.example")
    assert destination["outgoing"] == {"recipient": "x@elsewhere.example", "sender": "hostmaster@example.com"}


def test_a_service_of_master_cf_answers_with_its_own_settings(built: Path) -> None:
    options = ("--client", "203.0.113.5", "--from", "a@example.edu", "--to", "info@example.org")
    assert explain(built, *options)["accepted"]
    assert last_reply(explain(built, *options, "--service", "submission")) == (
        "554 5.7.1 <info@example.org>: Recipient address rejected: Access denied"
    )
    mailconf("explain", "--root", str(built), "/etc/postfix", *options, "--service", "none", status=2)


def test_too_big(built: Path) -> None:
    answer = explain(built, "--size", "999999999", "--from", "a@example.edu", "--to", "info@example.org")
    assert last_reply(answer) == "552 5.3.4 Message size exceeds fixed limit"


def test_text_shows_what_decided_and_in_full_what_did_not(built: Path) -> None:
    options = ["--client", "198.51.100.9", "--from", "w@example.biz", "--to", "info@example.org"]
    short = mailconf("explain", "--root", str(built), "/etc/postfix", *options).stdout
    assert "REJECT Your network sends us nothing but spam" in short
    assert "not found" not in short
    full = mailconf("explain", "--root", str(built), "/etc/postfix", *options, "--full").stdout
    assert "hash:/etc/postfix/client_access 198.51.100.9 -> not found" in full


def test_an_unbuilt_map_is_a_temporary_failure(root: Path) -> None:
    answer = explain(root, "--client", "203.0.113.5", "--from", "a@example.edu", "--to", "info@example.org")
    assert last_reply(answer).startswith("451 4.3.5 <unknown[203.0.113.5]>: Client host rejected: Server configuration")


def test_a_broken_configuration_is_reported_and_answered_all_the_same(root: Path) -> None:
    with (root / "etc/postfix/main.cf").open("a") as file:
        file.write("smtpd_client_restrictions = nonsense\n")
    answer = explain(root, "--from", "a@example.edu", "--to", "info@example.org", status=1)
    assert last_reply(answer).startswith("451 4.3.5 Server configuration error")


def test_what_was_not_asked_says_so_and_can_be_given(built: Path) -> None:
    main_cf = built / "etc/postfix/main.cf"
    with main_cf.open("a") as file:
        file.write(
            "smtpd_recipient_restrictions = reject_rbl_client zen.example, check_policy_service unix:p, permit\n"
        )
    message = ("--client", "203.0.113.9", "--from", "carol@example.edu", "--to", "info@example.org")
    listed = "9.113.0.203.zen.example:A"

    unasked = explain(built, *message)
    assert last_reply(unasked).startswith("451 4.3.5 ")
    assert "temporary failure: not asked in this run" in json.dumps(unasked["steps"])

    assert explain(built, *message, "--dns", listed, "--policy", "unix:p=DUNNO")["accepted"]
    assert last_reply(explain(built, *message, "--dns", f"{listed}=127.0.0.2")) == (
        "554 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using zen.example"
    )
    assert "no thanks" in last_reply(explain(built, *message, "--dns", listed, "--policy", "unix:p=REJECT no thanks"))
    for wrong in (("--dns", "zen.example=1"), ("--policy", "unix:p")):
        mailconf("explain", "--root", str(built), "/etc/postfix", *message, *wrong, status=2)
