"""mailconf check --fix and --diff: what they print, what they write, and their exit status."""

from __future__ import annotations

import json
import os
from difflib import unified_diff
from pathlib import Path

import pytest
from site_fixture import mailconf

from tests.check.test_hints import MASTER

MAIN = """\
compatibility_level = 3.6
myhostname = "mail.example.com"
mydestination = $myhostname # localhost
relayhost = [mail.example.net]:submision # provider
alias_maps =
 alias_database = hahs:/etc/aliases
biff = off
smtpd_recipient_restrictions = permit_mynetwork, reject_unknown_client
# mailconf: ignore[PF999] nothing
hopcount_limit = many
"""
FIXED = """\
compatibility_level = 3.6
myhostname = mail.example.com
# localhost
mydestination = $myhostname
# provider
relayhost = [mail.example.net]:submission
alias_maps =
alias_database = hash:/etc/aliases
biff = no
smtpd_recipient_restrictions = permit_mynetworks, reject_unknown_client_hostname
hopcount_limit = many
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "main.cf").write_text(MAIN)
    (tmp_path / "master.cf").write_text(MASTER)
    return tmp_path


def test_diff_shows_what_fix_does(folder: Path) -> None:
    shown = mailconf("check", "--as", "/etc/postfix", "--diff", str(folder), status=1)
    assert (folder / "main.cf").read_text() == MAIN
    name = f"{folder}/main.cf"
    assert shown.stdout == "".join(unified_diff(MAIN.splitlines(True), FIXED.splitlines(True), name, name))
    mailconf("check", "--as", "/etc/postfix", "--fix", str(folder), status=1)
    assert (folder / "main.cf").read_text() == FIXED
    again = mailconf("check", "--as", "/etc/postfix", "--diff", str(folder), status=1)  # hopcount_limit is left
    assert again.stdout == ""


def test_fix_says_what_it_did_and_what_is_left(folder: Path) -> None:
    done = mailconf("check", "--as", "/etc/postfix", "--fix", str(folder), status=1)
    lines = done.stderr.splitlines()
    assert f'{folder}/main.cf:7:8: fixed: the value "off" of biff is neither yes nor no [PF007]' in lines
    assert sum(": fixed: " in line for line in lines) == 10
    assert [line for line in lines if ": error: " in line or ": warning: " in line] == [
        f'{folder}/main.cf:11:18: error: the value "many" of hopcount_limit is not a number [PF008]'
    ]
    assert done.stdout == f"{folder}: 1 error, 0 warnings, 10 fixed\n"
    assert "0 warnings\n" in mailconf("check", "--as", "/etc/postfix", "--fix", str(folder), status=1).stdout


def test_a_site_that_is_fixed_wholly_has_status_0(folder: Path) -> None:
    (folder / "main.cf").write_text("compatibility_level = 3.6\nmyhostname = mail.example.com\nbiff = off\n")
    mailconf("check", "--as", "/etc/postfix", "--diff", str(folder), status=1)
    mailconf("check", "--as", "/etc/postfix", "--fix", str(folder))
    mailconf("check", "--as", "/etc/postfix", "--diff", str(folder))


def test_without_either_the_summary_names_them(folder: Path) -> None:
    done = mailconf("check", "--as", "/etc/postfix", str(folder), status=1)
    assert "can be corrected: --diff shows how, --fix does it" in done.stdout


def test_what_is_not_reported_is_not_fixed(folder: Path) -> None:
    (folder / "main.cf").write_text(MAIN.replace("biff", "# mailconf: ignore[PF007] we like it\nbiff"))
    mailconf("check", "--as", "/etc/postfix", "--fix", "--select", "PF007,CK121", str(folder))
    text = (folder / "main.cf").read_text()
    assert "biff = off" in text and '"mail.example.com"' in text and "PF999" not in text


def test_json_holds_what_was_fixed(folder: Path) -> None:
    done = mailconf("check", "--as", "/etc/postfix", "--fix", "--format", "json", str(folder), status=1)
    document = json.loads(done.stdout)
    assert document["summary"]["fixed"] == len(document["fixed"]) == 10
    (quotes,) = [found for found in document["fixed"] if found["code"] == "PF286"]
    assert [(edit["line"], edit["column"], edit["text"]) for edit in quotes["fix"]] == [(2, 14, "mail.example.com")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--fix", "--diff"], "give one of them"),
        (["--fix", "--write-baseline", "x"], "give one of them"),
        (["--diff", "--format", "json"], "no other --format"),
    ],
)
def test_misuse(arguments: list[str], words: str, folder: Path) -> None:
    assert words in mailconf("check", *arguments, str(folder), status=2).stderr
    assert (folder / "main.cf").read_text() == MAIN


def test_one_file_in_the_place_of_the_machines_is_only_shown(folder: Path) -> None:
    arguments = ("check", "--as", "/etc/postfix/main.cf", str(folder / "main.cf"))
    assert "give --diff" in mailconf(*arguments, "--fix", status=2).stderr
    assert "+biff = no\n" in mailconf(*arguments, "--diff", status=1).stdout


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_cannot_be_replaced(folder: Path) -> None:
    folder.chmod(0o555)
    done = mailconf("check", "--as", "/etc/postfix", "--fix", str(folder), status=2)
    folder.chmod(0o755)
    assert "Permission denied" in done.stderr and (folder / "main.cf").read_text() == MAIN


def test_an_etc_mail(tmp_path: Path) -> None:
    (tmp_path / "sendmail.mc").write_text(
        "include(`/usr/share/sendmail/cf/m4/cf.m4')\nOSTYPE(`linux')dnl\ndefine(`ALIAS_FILE', `/etc/mail/aliases')dnl\n"
        "FEATURE('access_db')dnl\ndnlNo relay\nMAILER(`local')dnl\nMAILER (`smtp')dnl\n"
    )
    (tmp_path / "access").write_text("Conect:192.0.2.1 REJECT\n  # a comment\n")
    (tmp_path / "aliases").write_bytes(
        b"\xef\xbb\xbfpostmaster: root\nlist: |/usr/local/bin/list -a\nbob carol\nMAILER-DAEMON: postmaster\n"
    )
    done = mailconf("check", "--as", "/etc/mail", "--fix", str(tmp_path))
    assert done.stdout.startswith(f"{tmp_path}: 0 errors, 0 warnings")
    assert (tmp_path / "access").read_text() == "Connect:192.0.2.1 REJECT\n# a comment\n"
    assert (tmp_path / "aliases").read_text() == (
        'postmaster: root\nlist: "|/usr/local/bin/list -a"\nbob: carol\nMAILER-DAEMON: postmaster\n'
    )
    assert (tmp_path / "sendmail.mc").read_text().splitlines()[3:] == [
        "FEATURE(`access_db')dnl",
        "dnl No relay",
        "MAILER(`local')dnl",
        "MAILER(`smtp')dnl",
    ]


def test_one_cause_is_one_finding_and_fixed_everywhere(folder: Path) -> None:
    text = "compatibility_level = 3.6\nmyhostname = a.example\nmydomain = a.example\nmyorigin = $mydomian\n"
    (folder / "main.cf").write_text(f"{text}relay_domains = $mydomian\nmail_name = $none x\nsmtp_helo_name = $none.x\n")
    arguments = ("check", "--as", "/etc/postfix", "--select", "CK070", "--format")
    found = json.loads(mailconf(*arguments, "json", str(folder), status=1).stdout)["findings"]
    assert [(each["line"], [other["line"] for other in each["related"]]) for each in found] == [(4, [5]), (6, [7])]
    sarif = json.loads(mailconf(*arguments, "sarif", str(folder), status=1).stdout)["runs"][0]["results"]
    assert [len(each["relatedLocations"]) for each in sarif] == [1, 1]
    mailconf("check", "--as", "/etc/postfix", "--select", "CK070", "--fix", str(folder), status=1)
    assert (folder / "main.cf").read_text().count("$mydomain\n") == 2
