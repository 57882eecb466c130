"""What is said of a configuration that means something else to another version of Postfix."""

from __future__ import annotations

from pathlib import Path

import pytest
from dialogue import policy_of

REMOVED = {
    "check_relay_domains": "reject_unauth_destination",
    "permit_naked_ip_address": "permit_mynetworks",
    "reject_maps_rbl": "reject_rbl_client",
}
MX_BACKUP = "permit_mx_backup"


def found(top: Path, words: str) -> list[tuple[str, str, str]]:
    """The code, the message and the hint of each report on restrictions."""
    (top / "main.cf").write_text(
        f"compatibility_level = 3.6\nmyhostname = a.example\nsmtpd_recipient_restrictions = {words}\n"
    )
    (top / "master.cf").write_text("smtp inet n - n - - smtpd\n")
    return [(d.code, d.message, d.hint or "") for d in policy_of(top)[1] if d.code in ("PF201", "PF205")]


@pytest.mark.parametrize("word", REMOVED)
def test_restrictions_that_were_removed(tmp_path: Path, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By 3.9, as smtpd 3.10.13 says; each of them is a server error then (policy_others@3.10.13), in tables as well."""
    hint = f"write {REMOVED[word]}"
    monkeypatch.setenv("MAILCONF_POSTFIX_VERSION", "3.8.1")
    assert found(tmp_path, word) == [("PF205", f"{word} will be removed from Postfix", hint)]
    assert policy_of(tmp_path)[0].smtpd.knows_restriction(word)
    monkeypatch.setenv("MAILCONF_POSTFIX_VERSION", "3.9.0")
    message = f'there is no restriction "{word.upper()}" any more: it was removed in Postfix 3.9'
    assert found(tmp_path, word.upper()) == [("PF201", message, hint)]
    assert not policy_of(tmp_path)[0].smtpd.knows_restriction(word)


def test_a_removed_restriction_is_never_proposed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILCONF_POSTFIX_VERSION", "3.8.1")
    assert "check_relay_domains" in found(tmp_path, "check_relay_domain")[0][2]
    monkeypatch.setenv("MAILCONF_POSTFIX_VERSION", "3.10.13")
    assert "check_relay_domains" not in found(tmp_path, "check_relay_domain")[0][2]


def test_a_restriction_that_will_be_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """smtpd 3.7.11 does not warn of permit_mx_backup, 3.10.13 does, and does what it did."""
    monkeypatch.setenv("MAILCONF_POSTFIX_VERSION", "3.7.11")
    assert found(tmp_path, MX_BACKUP) == []
    monkeypatch.setenv("MAILCONF_POSTFIX_VERSION", "3.10.13")
    assert found(tmp_path, MX_BACKUP) == [
        ("PF205", f"{MX_BACKUP} will be removed from Postfix", "set relay_domains instead")
    ]
    assert policy_of(tmp_path)[0].smtpd.knows_restriction(MX_BACKUP)
