"""TLS and logins with real parts on the other side: Dovecot, swaks, openssl s_client, Postfix's client and server."""

from __future__ import annotations

import re
import smtplib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dovecot_server import Dovecot
from private_postfix import PrivatePostfix

sys.path.insert(0, str(Path(__file__).parent.parent / "mta"))

from secured_fixture import SecuredListener
from test_auth_vectors import play
from test_secure_hops import deliver

from tests.auth_server import encoded, plain
from tests.vectors import record_auth
from tests.vectors.record_auth import write_certificates

pytestmark = pytest.mark.live

ANN = ("--auth-user", "ann", "--auth-password", "secret")
ACCOUNTS = {"ann": "secret", "bob": "pass word"}
SERVER = {
    "myhostname": "mail.example.com",
    "mydestination": "localhost",
    "inet_interfaces": "127.0.0.1",
    "inet_protocols": "ipv4",
    "mynetworks": "192.0.2.0/24",
    "compatibility_level": "3.6",
    "default_transport": "discard",
    "local_transport": "discard",
    "local_recipient_maps": "",
    "alias_maps": "",
    "smtpd_peername_lookup": "no",
    "smtpd_sasl_auth_enable": "yes",
    "smtpd_sasl_type": "dovecot",
    "smtpd_relay_restrictions": "permit_sasl_authenticated, reject_unauth_destination",
    "smtpd_sasl_authenticated_header": "yes",
    "smtpd_tls_received_header": "yes",
    "smtpd_tls_security_level": "may",
    "smtpd_tls_session_cache_database": "",
}


@pytest.fixture(scope="module")
def top() -> Iterator[Path]:
    # Not below pytest's folder: every pytest that starts closes that one to other users, Postfix's among them.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        write_certificates(folder)
        yield folder


@pytest.fixture(scope="module")
def dovecot(top: Path) -> Iterator[Dovecot]:
    with Dovecot(top / "dovecot", top / "auth", ACCOUNTS) as server:
        yield server


def settings(top: Path, **others: str) -> dict[str, str]:
    keys = {"smtpd_tls_cert_file": f"{top}/server.pem", "smtpd_tls_key_file": f"{top}/server.key"}
    return {**SERVER, **keys, "smtpd_sasl_path": f"{top}/auth", **others}


@pytest.fixture(scope="module")
def ours(top: Path, dovecot: Dovecot) -> Iterator[SecuredListener]:
    folder = top / "ours"
    folder.mkdir()
    with SecuredListener(folder, settings(top)) as listener:
        yield listener


@pytest.fixture(scope="module")
def postfix(top: Path, dovecot: Dovecot) -> Iterator[PrivatePostfix]:
    with PrivatePostfix(top / "postfix") as real:
        real.configure(settings(top))
        yield real


def swaks(port: int, *words: str) -> subprocess.CompletedProcess[str]:
    fixed = ["--server", "127.0.0.1", "--port", str(port), "--from", "ann@b.test", "--to", "x@away.test"]
    return subprocess.run(["swaks", *fixed, *words], check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(("mechanism", "tls"), [("PLAIN", ("--tls",)), ("LOGIN", ()), ("CRAM-MD5", ("--tls",))])
def test_swaks_logs_in(ours: SecuredListener, mechanism: str, tls: tuple[str, ...]) -> None:
    before = len(ours.intake.messages)
    login = ("--auth", mechanism, "--auth-user", "bob", "--auth-password")
    found = swaks(ours.port, *tls, *login, "pass word")
    assert found.returncode == 0, found.stdout + found.stderr
    content = ours.intake.messages[before].content.decode()
    assert ("with ESMTPSA id" if tls else "with ESMTPA id") in content and "(Authenticated sender: bob)" in content
    refused = swaks(ours.port, *tls, *login, "wrong")
    assert refused.returncode and "535 5.7.8" in refused.stdout
    assert len(ours.intake.messages) == before + 1


def real_replies(postfix: PrivatePostfix, steps: list[bytes], top: Path) -> list[str]:
    """What the real smtpd says, but for XCLIENT, which it offers to us."""
    return [re.sub(r"250-XCLIENT[^\n]*\n", "", reply) for reply in record_auth.play(postfix.port, steps, top)]


def test_the_real_smtpd_says_the_same_with_dovecot(ours: SecuredListener, postfix: PrivatePostfix, top: Path) -> None:
    bob = plain("bob", "pass word")
    dialogues = [
        [f"AUTH PLAIN {plain('ann')}", "MAIL FROM:<ann@b.test>", "RCPT TO:<x@away.test>", "QUIT"],
        [f"AUTH PLAIN {plain('nobody')}", f"AUTH PLAIN {bob}", "QUIT"],
        ["AUTH LOGIN", encoded("ann"), "*", "AUTH PLAIN =", "AUTH PLAIN AGFubg", "QUIT"],
        ["AUTH PLAIN", "", "AUTH LOGIN x", "AUTH LOGIN", "!", f"AUTH PLAIN {plain('ann', identity='bob')}", "QUIT"],
    ]
    for dialogue in dialogues:
        steps = [f"{line}\r\n".encode() for line in ("EHLO c.example", *dialogue)]
        real = real_replies(postfix, steps, top)
        assert play(ours.port, steps, real, top) == real


def openssl(port: int, said: str, *words: str) -> str:
    fixed = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-starttls", "smtp", "-crlf", "-quiet"]
    found = subprocess.run([*fixed, *words], input=said, capture_output=True, text=True, timeout=30, check=False)
    return found.stdout


def test_openssl_speaks_to_us(ours: SecuredListener, top: Path) -> None:
    verified = ["-CAfile", str(top / "ca.pem"), "-verify_return_error", "-verify_hostname", "mail.example.com"]
    for version in ("-tls1_2", "-tls1_3"):
        found = openssl(ours.port, "EHLO x\nQUIT\n", *verified, version)
        assert "221 2.0.0 Bye" in found and "STARTTLS" not in found.partition("250-mail.example.com")[2]
    assert "221" not in openssl(ours.port, "QUIT\n", "-no_tls1_2", "-no_tls1_3")
    assert "221" not in openssl(ours.port, "QUIT\n", *verified[:-1], "mail.other.example")


def test_swaks_in_wrapper_mode(top: Path, dovecot: Dovecot) -> None:
    folder = top / "wrapped"
    folder.mkdir()
    with SecuredListener(folder, settings(top, smtpd_tls_wrappermode="yes")) as wrapped:
        found = swaks(wrapped.port, "--tls-on-connect", "--auth", "PLAIN", *ANN)
        assert found.returncode == 0, found.stdout
        assert "with ESMTPSA" in wrapped.intake.messages[0].content.decode()


def test_postfix_delivers_to_us(top: Path, ours: SecuredListener) -> None:
    """Its client verifies our certificate and logs in; the message comes under TLS, with the account."""
    before = len(ours.intake.messages)
    with PrivatePostfix(top / "client") as client:
        client.configure(
            {
                "myhostname": "client.example.com",
                "mydestination": "",
                "mynetworks": "127.0.0.0/8",
                "relayhost": f"[localhost]:{ours.port}",
                "smtp_host_lookup": "native",
                "smtp_tls_security_level": "secure",
                "smtp_tls_secure_cert_match": "mail.example.com",
                "smtp_tls_CAfile": f"{top}/ca.pem",
                "smtp_sasl_auth_enable": "yes",
                "smtp_sasl_security_options": "noanonymous",
                "smtp_sasl_password_maps": "inline:{ {localhost=bob:pass word} }",
            }
        )
        with smtplib.SMTP("127.0.0.1", client.port) as session:
            session.sendmail("a@b.example", ["x@y.example"], "Subject: x\r\n\r\nx\r\n")
        deadline = time.monotonic() + 20
        while not any(" status=" in line for line in client.log_lines()):
            assert time.monotonic() < deadline, client.log_lines()
            time.sleep(0.05)
        assert any("status=sent" in line for line in client.log_lines()), client.log_lines()
    content = ours.intake.messages[before].content.decode()
    assert "with ESMTPSA id" in content and "(Authenticated sender: bob)" in content


@pytest.mark.parametrize("mechanism", ["PLAIN", "CRAM-MD5"])
def test_we_deliver_to_postfix(top: Path, postfix: PrivatePostfix, mechanism: str) -> None:
    folder = top / f"sender-{mechanism}"
    folder.mkdir()
    out = {
        "smtp_host_lookup": "native",
        "smtp_tls_security_level": "verify",
        "smtp_tls_verify_cert_match": "mail.example.com",
        "smtp_tls_CAfile": f"{top}/ca.pem",
        "smtp_sasl_auth_enable": "yes",
        "smtp_sasl_security_options": "noanonymous",
        "smtp_sasl_password_maps": "inline:{ {localhost=bob:pass word} }",
        "smtp_sasl_mechanism_filter": mechanism,
        "smtp_tls_loglevel": "1",
    }
    result, lines = deliver(folder, {"myhostname": "me.example.com", **out}, f"[localhost]:{postfix.port}")
    assert (result.status.value, result.dsn) == ("sent", "2.0.0"), (result, lines)
    assert any("Verified TLS connection established" in line for line in lines)
    assert any(f"sasl_method={mechanism}, sasl_username=bob" in line for line in postfix.log_lines())
    wrong_one = {**out, "smtp_sasl_password_maps": "inline:{ localhost=bob:x }"}
    wrong, _ = deliver(folder, wrong_one, f"[localhost]:{postfix.port}")
    assert (wrong.status.value, wrong.dsn) == ("deferred", "4.7.8")


def test_injection_beside_postfix(top: Path, postfix: PrivatePostfix, ours: SecuredListener) -> None:
    """What is sent in one packet behind STARTTLS is carried out by neither, whatever it is."""
    for behind in (b"MAIL FROM:<evil@b.test>\r\n", b"QUIT\r\n", b"AUTH PLAIN\r\n", b"EHLO"):
        steps = [b"EHLO c.example\r\n", b"STARTTLS\r\n" + behind, b"<TLS>", b"RCPT TO:<x@localhost>\r\n"]
        real = real_replies(postfix, steps, top)
        assert play(ours.port, steps, real, top)[2:] == real[2:]
        assert real[-1] == "503 5.5.1 Error: need MAIL command\r\n"
