from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from site_fixture import mailconf

from mailconf.cli.own.explain import command


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
    line = next(line for line in short.splitlines() if "REFUSED" in line)
    assert "554 5.7.1 Client host rejected: Your network sends us nothing but spam" in line
    assert line.endswith("client_access:2  check_client_access: 198.51.100")
    assert "not found" not in short
    full = mailconf("explain", "--root", str(built), "/etc/postfix", *options, "--full").stdout
    assert "hash:/etc/postfix/client_access 198.51.100.9 -> not found" in full


MESSAGE = ("--client", "203.0.113.5", "--from", "a@example.edu", "--to", "info@example.org")


def run(root: Path, *options: str, status: int = 0) -> tuple[str, str]:
    done = mailconf("explain", "--root", str(root), "/etc/postfix", *options, status=status)
    return done.stdout, done.stderr


def test_the_source_of_an_unbuilt_map_is_read_with_a_note(root: Path) -> None:
    out, err = run(root, *MESSAGE)
    assert "  OK       info@example.org     -> alice@example.com  mbox /var/mail/alice" in out
    assert re.search(r"virtual_alias_maps +-> alice@example.com +virtual:2$", out, re.MULTILINE)
    assert "etc/aliases" in err  # of the aliases' format
    # One cause, one remedy: one finding, which names each table that was asked, and no other.
    (line,) = [line for line in err.splitlines() if "[PF231]" in line]
    assert ": note: 5 maps have not been built: their sources were read instead" in line
    assert re.search(r"^  \S+main\.cf:38:22: hash:/etc/postfix/virtual$", err, re.MULTILINE)
    assert "/etc/postfix/generic" not in err


def test_a_single_unbuilt_map_is_named_in_the_note(root: Path) -> None:
    mailconf("build", "--root", str(root), "/etc/postfix", status=0)
    (root / "etc/postfix/virtual.db").unlink()
    _, err = run(root, *MESSAGE)
    assert "note: hash:/etc/postfix/virtual has not been built: its source was read instead" in err


def test_an_unbuilt_map_within_others_is_read_too(root: Path) -> None:
    with (root / "etc/postfix/main.cf").open("a") as file:
        file.write("virtual_alias_maps = unionmap:{proxy:hash:/etc/postfix/virtual}\n")
    out, err = run(root, *MESSAGE)
    assert re.search(r"virtual_alias_maps +-> alice@example.com", out)
    assert re.search(r"\[PF231\]\n(  \S+: hash:\S+\n)*  \S+: hash:/etc/postfix/virtual\n", err)


def test_a_mistake_in_the_source_of_an_unbuilt_map_is_reported(root: Path) -> None:
    with (root / "etc/postfix/client_access").open("a") as file:
        file.write("192.0.2.77 REJCT\n")
    assert "[TB010]" in run(root, *MESSAGE, status=1)[1]


def test_a_map_that_is_older_than_its_source_answers_with_a_note(built: Path) -> None:
    (built / "etc/postfix/virtual").write_text("info@example.org bob@example.com\n")
    out, err = run(built, *MESSAGE)
    assert re.search(r"virtual_alias_maps +-> alice@example.com", out)
    assert "the map of hash:/etc/postfix/virtual does not have the content of its source" in err
    assert "[PF232]" in err


def test_no_source_is_a_temporary_failure(root: Path) -> None:
    (root / "etc/postfix/client_access").unlink()
    answer = explain(root, *MESSAGE)
    assert last_reply(answer).startswith("451 4.3.5 <unknown[203.0.113.5]>: Client host rejected: Server configuration")


def test_the_first_line_says_as_whom_it_asked(built: Path) -> None:
    first = run(built, "--to", "info@example.org")[0].splitlines()[0]
    assert first == (
        "Asked as: 127.0.0.1 (localhost), EHLO mail.sender.example (assumed), from <>, service smtp:25, DNS not asked"
    )
    options = ("--client", "mail.a.test[2001:DB8::1]", "--helo", "", "--from", "<a@b.test>", "--sasl", "alice")
    first = run(built, *options, "--service", "587", "--to", "info@example.org")[0].splitlines()[0]
    assert first == (
        "Asked as: 2001:db8::1 (mail.a.test), no EHLO, from <a@b.test>, logged in as alice, "
        "service submission:587, DNS not asked"
    )
    asked = explain(built, "--client", "::ffff:192.0.2.1", "--to", "info@example.org")["asked"]
    assert asked["client"] == {"address": "192.0.2.1", "name": "unknown"}
    assert (asked["service"]["name"], asked["service"]["type"], asked["service"]["place"]["line"]) == (
        "smtp",
        "inet",
        5,
    )


@pytest.mark.parametrize(
    ("restrictions", "options"),
    [
        ("reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname", ()),
        ("reject_unknown_helo_hostname", ()),
        ("reject_unknown_helo_hostname", ("--client", "2001:db8::1")),
        ("check_helo_access inline:{localhost=REJECT, example.com=REJECT, .example.com=REJECT}", ()),
        ("check_helo_access inline:{{mail.example.com=REJECT}}", ()),
    ],
)
def test_ordinary_rules_take_the_helo_that_is_made_up(root: Path, restrictions: str, options: tuple[str, ...]) -> None:
    with (root / "etc/postfix/main.cf").open("a") as file:
        file.write(f"smtpd_helo_required = yes\nsmtpd_helo_restrictions = {restrictions}\n")
    done = here(root, *options, "--from", "a@example.edu", "--to", "info@example.org")
    assert "\n  OK       info@example.org" in done.output


WRONG = {
    "foo is not an IP address": ("--client", "foo"),
    "1.2.3 is not an IP address": ("--client", "1.2.3"),
    "01.2.3.4 is not an IP address": ("--client", "01.2.3.4"),
    "fe80::1%eth0 is not an IP address": ("--client", "fe80::1%eth0"),
    "a b is not a host name": ("--client", "192.0.2.1,a b"),
    "there is no name after the comma": ("--client", "192.0.2.1,"),
    "a client has an IP address": ("--client", "unix:"),
    "has a control character": ("--helo", "a\rb"),
    "501 5.1.7 Bad sender address syntax": ("--from", "a@[x"),
    "501 5.1.3 Bad recipient address syntax": ("--to", "no domain"),
    "'' is not a mail address": ("--to", ""),
    "'a@-b.test' is not a mail address": ("--to", "a@-b.test"),
    "'a@[1.2.3]' is not a mail address": ("--to", "a@[1.2.3]"),
    "more than 2000 characters": ("--from", "a" * 3000),
    "is not a record type that is asked for": ("--dns", "zen.example:B"),
    "is not NAME:TYPE": ("--dns", "zen example:A"),
    "x is not an address of type A": ("--dns", "zen.example:A=x"),
    "is not the value of an MX record": ("--dns", "a.example:MX=mx.a.example"),
    "is not unix:PATH=ACTION or inet:HOST:PORT=ACTION": ("--policy", "private/policyd=DUNNO"),
    "'inet:x:1=' is not unix:PATH": ("--policy", "inet:x:1="),
    "-1": ("--size", "-1"),
    "'FINE' is neither a reply code nor one of REFUSED, DEFER,": ("--expect", "FINE"),
    "'999' is neither a reply code": ("--expect", "999"),
    "cleanup runs cleanup, not smtpd": ("--service", "cleanup"),
    "the smtpd services are: smtp inet, submission inet": ("--service", "26"),
}


def here(root: Path, *options: str) -> Result:
    """The command in this process, which is sooner done."""
    return CliRunner().invoke(command, ["--root", str(root), "/etc/postfix", *options], terminal_width=1000)


@pytest.mark.parametrize("words", WRONG)
def test_what_can_mean_nothing_is_a_usage_error(root: Path, words: str) -> None:
    done = here(root, "--to", "info@example.org", *WRONG[words])
    assert done.exit_code == 2
    assert words in " ".join(done.output.split())


def test_addresses_are_shown_as_they_are_sent(built: Path) -> None:
    out, _ = run(built, "--from", "Carol <c@example.edu>", "--to", '"a b"@example.org', "--transcript")
    assert "> MAIL FROM:<c@example.edu>" in out
    assert '> RCPT TO:<"a b"@example.org>' in out


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


def behind_postscreen(root: Path, options: str = "") -> None:
    """Let port 25 be postscreen's, as POSTSCREEN_README has it."""
    master_cf = root / "etc/postfix/master.cf"
    lines = master_cf.read_text().splitlines(keepends=True)
    changed = "".join("# " + line if line.startswith("smtp      inet") else line for line in lines)
    smtpd = f"smtpd pass - - n - - smtpd\n{options}"
    master_cf.write_text(f"{changed}smtp inet n - n - 1 postscreen\n{smtpd}dnsblog unix - - n - 0 dnsblog\n")


def test_port_25_is_asked_through_postscreen(root: Path) -> None:
    behind_postscreen(root, "  -o smtpd_relay_restrictions=reject\n")
    with (root / "etc/postfix/main.cf").open("a") as file:
        file.write("postscreen_greet_action = enforce\n")
    for options in ((), ("--service", "smtpd"), ("--service", "smtp"), ("--service", "25")):
        answer = json.loads(here(root, *MESSAGE, *options, "--format", "json").stdout)
        service = answer["asked"]["service"]
        assert (service["name"], service["type"]) == ("smtpd", "pass")
        assert (service["behind"]["name"], service["behind"]["program"]) == ("smtp", "postscreen")
        assert last_reply(answer) == "554 5.7.1 <info@example.org>: Recipient address rejected: Access denied"
    done = here(root, *MESSAGE)
    assert "service smtpd behind smtp:25 (postscreen), DNS not asked\n" in done.output
    assert "postscreen_greet_action" not in done.output
    assert "service submission:587, DNS" in here(root, *MESSAGE, "--service", "submission").output
    with (root / "etc/postfix/main.cf").open("a") as file:
        file.write("postscreen_access_list = cidr:{{203.0.113.5 reject}}\npostscreen_denylist_action = enforce\n")
    denied = json.loads(here(root, *MESSAGE, "--format", "json").stdout)
    assert last_reply(denied) == "550 5.3.2 Service currently unavailable"


def test_a_postscreen_whose_smtpd_is_a_comment(built: Path) -> None:
    behind_postscreen(built)
    master_cf = built / "etc/postfix/master.cf"
    master_cf.write_text(master_cf.read_text().replace("smtpd pass", "#smtpd pass"))
    out, err = run(built, *MESSAGE, status=1)
    assert 'smtp runs postscreen, which hands clients to "smtpd": master.cf has no such service [PF230]' in err
    assert out.splitlines()[0].endswith("service submission:587, DNS not asked")


def test_an_origin_in_a_file(built: Path) -> None:
    with (built / "etc/postfix/main.cf").open("a") as file:
        file.write("myorigin = /etc/mailname\nsmtpd_recipient_restrictions =\nsmtpd_sender_restrictions =\n")
    options = ("--client", "192.0.2.7", "--from", "carol", "--to", "alice")
    _, err = run(built, *options, status=1)
    assert "/etc/mailname: cannot open file: No such file or directory [PF228]" in err
    (built / "etc/mailname").write_text("example.com\n")
    out, _ = run(built, *options)
    assert re.search(r"  OK +alice +-> alice@example.com +mbox /var/mail/alice", out)


def test_aliases_by_default(built: Path) -> None:
    """The default of alias_maps ends in nis:mail.aliases; without a NIS domain that table knows nothing."""
    main_cf = built / "etc/postfix/main.cf"
    lines = main_cf.read_text().splitlines(keepends=True)
    main_cf.write_text("".join(line for line in lines if not line.startswith("alias_maps")))
    options = ("--client", "203.0.113.5", "--from", "carol@example.edu", "--to")
    assert explain(built, *options, "alice@example.com")["accepted"]
    assert last_reply(explain(built, *options, "nobody-of-that-name@example.com")).startswith("550 5.1.1 ")
