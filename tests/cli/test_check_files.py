"""check of files as they lie in a repository, and as the machine's (--as)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from site_fixture import TOP, mailconf

ABSENT = """
myorigin = /etc/mailname
smtp_tls_security_level = may
smtp_tls_CAfile = /srv/ca.crt
relay_domains = hash:/srv/relay, texthash:/srv/text, /srv/list
header_checks = pcre:/srv/checks
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(TOP / "examples/postfix/etc/postfix", tmp_path / "mail/postfix")
    shutil.copytree(TOP / "examples/sendmail/etc/mail", tmp_path / "mail/sendmail")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def codes(*arguments: str, status: int = 0) -> set[str]:
    found = json.loads(mailconf("check", *arguments, "--format", "json", status=status).stdout)["findings"]
    return {each["code"] for each in found}


def test_files_are_checked_with_their_site(repository: Path) -> None:
    assert codes("mail/postfix/main.cf") == {"CK013"}
    done = mailconf("check", "mail/postfix/main.cf", "mail/postfix/virtual")
    assert done.stdout == "mail/postfix: 0 errors, 0 warnings, 1 note\n"  # once
    with (repository / "mail/postfix/virtual").open("a") as file:
        file.write("no-value\n")
    done = mailconf("check", "mail/postfix/main.cf", status=1)
    assert "mail/postfix/virtual:" in done.stderr and "hash:/etc/postfix/virtual" not in done.stdout


def test_what_is_elsewhere_is_neither_looked_for_nor_missing(repository: Path) -> None:
    main = repository / "mail/postfix/main.cf"
    kept = [line for line in main.read_text().splitlines() if not line.startswith(("myorigin", "relay_domains"))]
    main.write_text("\n".join(kept) + ABSENT)
    assert codes("mail/postfix/main.cf") == {"CK013"}
    assert codes("--as", "/etc/postfix", "mail/postfix") == {"CK013"}
    with main.open("a") as file:
        file.write("sender_canonical_maps = hash:/etc/postfix/canonical\n")
    assert codes("mail/postfix/main.cf", status=1) == {"CK013", "BD001"}


def test_both_dialects_at_once(repository: Path) -> None:
    done = mailconf("check", "mail/postfix/main.cf", "mail/sendmail/access", "--fail-on", "error")
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == ["mail/postfix", "mail/sendmail"]


def test_a_file_that_belongs_to_nothing(repository: Path) -> None:
    (repository / "notes.txt").write_text("x\n")
    assert "no sendmail or Postfix configuration" in mailconf("check", "notes.txt", status=2).stderr


def test_misuse(repository: Path) -> None:
    for words in (
        ("--as", "etc/postfix", "mail/postfix"),
        ("--as", "/etc/postfix", "--root", "mail", "postfix"),
        ("--as", "/etc/postfix", "mail/postfix", "mail/sendmail"),
        ("--as", "/etc/postfix/main.cf", "mail/none"),
        ("mail/postfix/main.cf", "mail/sendmail/access", "--write-baseline", "x.json"),
        (),
    ):
        done = mailconf("check", *words, status=2)
        assert done.stdout == "" and done.stderr


def test_a_file_in_the_place_of_one_of_a_folder(repository: Path) -> None:
    """Ansible's ``validate``: the new file lies elsewhere under another name."""
    new = repository / "new"
    folder = repository / "mail/postfix"
    new.write_text((folder / "main.cf").read_text().replace("/etc/postfix", str(folder)))
    name = f"{folder}/main.cf"
    old = codes("--as", name, "new", "--select", "CK001")
    assert old == set()
    new.write_text(new.read_text() + "smtpd_helo_requird = yes\n")
    assert codes("--as", name, "new", "--select", "CK001", status=1) == {"CK001"}


ALONE = """
compatibility_level = 3.6
relay_domains = hash:/etc/postfix/relay
relay_recipient_maps = hash:/etc/postfix/users
header_checks = pcre:/etc/postfix/checks
dovecot_destination_recipient_limit = 1
mua_client_restrictions = permit
smtpd_tls_cert_file = /etc/postfix/cert.pem
smtpd_tls_key_file = /etc/postfix/key.pem
smtpd_relay_restrictions = permit_mynetworks, reject_unverified_recipient, reject_unauth_destination
"""


def test_of_a_main_cf_alone_nothing_else_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main.cf").write_text(ALONE)
    (tmp_path / "README.md").write_text("This is our main.cf.\n")
    assert codes("main.cf") <= {"PF207", "CK013"}
    (tmp_path / "main.cf").write_text(ALONE + "mydestinatoin = example.org\n")
    assert "CK001" in codes("main.cf", status=1)  # whatever master.cf says, this is a misspelling
    (tmp_path / "master.cf").write_text("smtp inet n - n - - smtpd\n")
    assert "CK001" in codes("main.cf", status=1)
    (tmp_path / "virtual").write_text("a@example.org b\n")  # where tables are, others are missing
    assert {"BD001", "CK030", "CK061"} <= codes("main.cf", status=1)


def test_of_a_mc_alone_nothing_else_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sendmail.mc").write_text(
        "OSTYPE(`linux')dnl\nFEATURE(`access_db')dnl\nFEATURE(`use_cw_file')dnl\nMAILER(`smtp')dnl\n"
    )
    assert codes("sendmail.mc") <= {"CK013", "SM055"}
    (tmp_path / "virtusertable").write_text("a@example.org b\n")
    assert "BD001" in codes("sendmail.mc", status=1)
