"""Certificates whose time is over, and a submission service without AUTH: what the real smtpd does."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator

import pytest
from private_postfix import PrivatePostfix

from tests.check.certificate_files import certificate

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def postfix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivatePostfix]:
    with PrivatePostfix(tmp_path_factory.mktemp("certificates")) as private:
        yield private


@pytest.mark.parametrize(("first", "last", "verified"), [(-20, -10, False), (10, 20, False), (-10, 100, True)])
def test_smtpd_offers_a_certificate_of_any_date(postfix: PrivatePostfix, first: int, last: int, verified: bool) -> None:
    pem = certificate(first, last, "localhost")
    since = postfix.log.read_text()
    postfix.configure(
        {"smtpd_tls_chain_files": "@TOP@/etc/chain.pem", "smtpd_tls_security_level": "may"},
        {"etc/chain.pem": pem.decode()},
    )
    assert start_tls(postfix.port, None) == ""
    said = postfix.log.read_text().removeprefix(since)
    assert not re.search(r"postfix/smtpd\[\d+\]: (warning|fatal)", said), said
    problem = start_tls(postfix.port, pem.decode())
    assert verified == (problem == "") and (verified or re.search("has expired|not yet valid", problem))


def start_tls(port: int, trusted: str | None) -> str:
    """Why a client that trusts the certificate (None: that does not look) refuses to go on, or ""."""
    context = ssl.create_default_context(cadata=trusted) if trusted else ssl._create_unverified_context()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        file = client.makefile("rb")
        file.readline()
        client.sendall(b"STARTTLS\r\n")
        assert file.readline().startswith(b"220")
        try:
            context.wrap_socket(client, server_hostname="localhost").close()
        except ssl.SSLCertVerificationError as failure:
            return failure.verify_message
    return ""


def test_without_sasl_there_is_no_auth(postfix: PrivatePostfix) -> None:
    restrictions = "permit_mynetworks, reject_unauth_destination"
    postfix.configure({"mynetworks": "192.0.2.0/24", "smtpd_relay_restrictions": restrictions})
    client = postfix.client()
    assert "AUTH" not in str(client.command("EHLO x"))
    assert "503 5.5.1 Error: authentication not enabled" in str(client.command("AUTH PLAIN AHgAeA=="))
    client.command("MAIL FROM:<>")
    assert "Relay access denied" in str(client.command("RCPT TO:<a@b.example>"))
    client.close()
