"""CK093: certificates that are not valid today. CK094: nobody can look."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mailconf.check.rules import check
from mailconf.diagnostics import Severity, Sink
from mailconf.files import Root
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.site import site_of
from tests.check.certificate_files import certificate
from tests.check.test_hints import MAIN, MASTER

CHAIN = "smtpd_tls_chain_files = /etc/postfix/chain.pem\n"


def found(top: Path, pem: bytes, text: str = CHAIN) -> list[tuple[str, str, str]]:
    etc = top / "etc/postfix"
    etc.mkdir(parents=True)
    (etc / "main.cf").write_text(f"{MAIN}smtpd_tls_security_level = may\n{text}")
    (etc / "master.cf").write_text(MASTER)
    (etc / "chain.pem").write_bytes(pem)
    sink = Sink()
    configuration = Configuration.load("/etc/postfix", sink, Root(top))
    check(configuration, site_of(configuration), configuration.root, sink)
    return [(d.code, d.severity.value, d.message) for d in sink if d.code in ("CK091", "CK093", "CK094")]


@pytest.mark.parametrize(
    ("first", "last", "words", "severity"),
    [
        (-20, -10, "the certificate in /etc/postfix/chain.pem expired on ", Severity.WARNING),
        (10, 20, "the certificate in /etc/postfix/chain.pem is valid only from ", Severity.WARNING),
        (-10, 13, "the certificate in /etc/postfix/chain.pem expires on ", Severity.NOTE),
        (-10, 15, "", None),
    ],
)
def test_dates(first: int, last: int, words: str, severity: Severity | None, tmp_path: Path) -> None:
    said = found(tmp_path, certificate(first, last))
    assert [(code, level) for code, level, _ in said] == ([("CK093", severity.value)] if severity else [])
    assert all(message.startswith(f"smtpd_tls_chain_files: {words}") for _, _, message in said)


def test_each_certificate_of_a_file_is_looked_at_once(tmp_path: Path) -> None:
    good, bad = certificate(-10, 100), certificate(-20, -10)
    key = b"-----BEGIN"
    text = "smtpd_tls_cert_file = /etc/postfix/chain.pem\nsmtpd_tls_key_file = /etc/postfix/chain.pem\n"
    text += "smtp_tls_cert_file = /etc/postfix/chain.pem\nsmtp_tls_key_file = /etc/postfix/chain.pem\n"
    issuer = key + bad.split(key)[2]
    said = [message for code, _, message in found(tmp_path, good + issuer, text) if code == "CK093"]
    assert len(said) == 1 and "certificate 2 in /etc/postfix/chain.pem expired" in said[0]


def test_without_the_package_that_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pem = certificate(-20, -10)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    said = found(tmp_path, pem)
    assert [(code, level) for code, level, _ in said] == [("CK094", "note")]


def test_a_site_without_certificates_loads_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    assert found(tmp_path, b"", "") == []
