"""TLS and logins of a listener where something goes wrong: servers that are silent or gone, clients that stop."""

from __future__ import annotations

import socket
import ssl
import time
from pathlib import Path

import pytest
from secured_fixture import SecuredListener
from smtpd_fixture import Peer

from tests.auth_server import PASSWORD, AuthServer, encoded, plain
from tests.certificates import Authority

LOGIN = {
    "myhostname": "mail.example.com",
    "mynetworks": "192.0.2.0/24",
    "inet_protocols": "ipv4",
    "compatibility_level": "3.6",
    "local_recipient_maps": "",
    "alias_maps": "",
    "smtpd_sasl_auth_enable": "yes",
    "smtpd_sasl_type": "dovecot",
    "smtpd_sasl_path": "auth",
}


def with_key(folder: Path, name: str = "mail.example.com") -> dict[str, str]:
    certificate, key = Authority().issue(name).write(folder, "server")
    return {
        **{name: value for name, value in LOGIN.items() if "sasl" not in name},
        "smtpd_tls_security_level": "may",
        "smtpd_tls_cert_file": str(certificate),
        "smtpd_tls_key_file": str(key),
    }


def context() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    return made


def test_no_server_to_ask(tmp_path: Path) -> None:
    """smtpd(8) ends without a word; ours says when to come again, and the log why."""
    with SecuredListener(tmp_path, LOGIN) as ours:
        peer = Peer(ours.port)
        assert peer.greeting == "421 4.3.0 mail.example.com Server local data error"
        assert peer.say("EHLO x") == "<closed>"
        ours.await_line("SASL: Connect to Dovecot auth socket")
        with AuthServer(tmp_path / "auth"):
            assert Peer(ours.port).greeting.startswith("220")


@pytest.mark.parametrize("hello", [b"VERSION\t2\t0\n", b"x" * 70_000, b"VERSION\t1\t2\nDONE\n"])
def test_a_server_that_is_of_no_use(tmp_path: Path, hello: bytes) -> None:
    with AuthServer(tmp_path / "auth", hello=hello), SecuredListener(tmp_path, LOGIN) as ours:
        assert Peer(ours.port).greeting.startswith("421 4.3.0")


def test_a_server_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs its client a refusal for the time being, and the others nothing."""
    monkeypatch.setattr("mailconf.mta.smtp_service.LoginServer", impatient)
    with AuthServer(tmp_path / "auth") as server, SecuredListener(tmp_path, LOGIN) as ours:
        waiting, other = Peer(ours.port), Peer(ours.port)
        waiting.send(b"AUTH PLAIN " + plain("silent").encode() + b"\r\n")
        assert other.say("NOOP") == "250 2.0.0 Ok"
        assert waiting.reply() == (
            "454 4.7.0 Temporary authentication failure: Connection lost to authentication server"
        )
        assert waiting.say(f"AUTH PLAIN {plain('ann')}") == "235 2.7.0 Authentication successful"
        assert sum(line.startswith("VERSION") for line in server.asked) == 2


def impatient(settings: object, root: object) -> object:
    from mailconf.mta.logins import LoginServer

    return LoginServer(settings, root, patience=0.3)  # type: ignore[arg-type]


def test_logins_side_by_side(tmp_path: Path) -> None:
    """Over one connection; whoever is in the middle of one is not given another's answer."""
    with AuthServer(tmp_path / "auth") as server, SecuredListener(tmp_path, LOGIN) as ours:
        peers = [Peer(ours.port) for _ in range(20)]
        for peer in peers:
            assert peer.say("AUTH LOGIN") == "334 VXNlcm5hbWU6"
        for number, peer in enumerate(peers):
            assert peer.say(encoded(f"user{number}")) == "334 UGFzc3dvcmQ6"
        for number, peer in reversed(list(enumerate(peers))):
            wanted = "235" if number % 2 else "535"
            assert peer.say(encoded(PASSWORD if number % 2 else "x")).startswith(wanted)
        assert sum(line.startswith("VERSION") for line in server.asked) == 1
        assert sorted(int(line.split("user")[-1]) for line in ours.lines if "failed" in line) == list(range(0, 20, 2))


def test_a_client_that_hangs_up_in_a_login(tmp_path: Path) -> None:
    with AuthServer(tmp_path / "auth") as server, SecuredListener(tmp_path, LOGIN) as ours:
        peer = Peer(ours.port)
        assert peer.say("AUTH LOGIN").startswith("334")
        peer.close()
        ours.await_line("lost connection after AUTH")
        deadline = time.monotonic() + 10
        while "CANCEL\t1" not in server.asked:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_no_password_in_the_log(tmp_path: Path) -> None:
    with AuthServer(tmp_path / "auth"), SecuredListener(tmp_path, LOGIN) as ours:
        peer = Peer(ours.port)
        peer.say(f"AUTH PLAIN {plain('ann', 'hunter2')}")
        peer.say(f"AUTH PLAIN {plain('gone', 'hunter2')}")
        peer.say(f"AUTH FOO {plain('ann', 'hunter2')}")
        peer.say("AUTH LOGIN")
        peer.say(encoded("ann"))
        peer.say(encoded("hunter2"))
        peer.say("QUIT")
        ours.await_line("disconnect from")
        shown = "\n".join(ours.lines)
    assert "hunter2" not in shown and plain("ann", "hunter2") not in shown and encoded("hunter2") not in shown


def test_a_client_that_says_nothing_in_the_handshake(tmp_path: Path) -> None:
    with SecuredListener(tmp_path, {**with_key(tmp_path), "smtpd_starttls_timeout": "1s"}) as ours:
        peer = Peer(ours.port)
        assert peer.say("STARTTLS") == "220 2.0.0 Ready to start TLS"
        peer.send(b"\x16\x03\x01")
        assert peer.file.read() == b""
        ours.await_line("timeout after STARTTLS")


def test_a_client_that_hangs_up_in_the_handshake(tmp_path: Path) -> None:
    with SecuredListener(tmp_path, with_key(tmp_path)) as ours:
        peer = Peer(ours.port)
        peer.say("STARTTLS")
        peer.close()
        ours.await_line("lost connection after STARTTLS")
        ours.await_line("starttls=0/1")


def test_a_tls_client_that_does_not_read(tmp_path: Path) -> None:
    """It is cut off after smtpd_timeout, as one without TLS."""
    limits = {"smtpd_timeout": "1s", "smtpd_junk_command_limit": "1000000", "smtpd_hard_error_limit": "1000000"}
    with SecuredListener(tmp_path, {**with_key(tmp_path), **limits}) as ours:
        peer = Peer(ours.port)
        peer.say("STARTTLS")
        wrapped = context().wrap_socket(peer.socket)
        wrapped.settimeout(0.5)
        deadline = time.monotonic() + 30
        with pytest.raises((TimeoutError, OSError)):
            while time.monotonic() < deadline:
                wrapped.sendall(b"EHLO x\r\n" * 1000)
        ours.await_line("timeout after EHLO")
        wrapped.close()


def test_big_messages_under_tls(tmp_path: Path) -> None:
    with SecuredListener(tmp_path, {**with_key(tmp_path), "mydestination": "localhost"}) as ours:
        peer = Peer(ours.port)
        peer.say("STARTTLS")
        wrapped = context().wrap_socket(peer.socket)
        body = b"x" * 70 + b"\r\n"
        wrapped.sendall(b"EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<x@localhost>\r\nDATA\r\n")
        wrapped.sendall(b"Subject: x\r\n\r\n" + body * 50_000 + b".\r\nQUIT\r\n")
        with wrapped.makefile("rb") as file:
            said = file.read()
        assert b"250 2.0.0 Ok: queued" in said and said.endswith(b"221 2.0.0 Bye\r\n")
        assert ours.intake.messages[0].size > 70 * 50_000


def test_a_renewed_certificate(tmp_path: Path) -> None:
    """A reload loads it; sessions under way are not disturbed."""
    settings = with_key(tmp_path, "old.example.com")
    with SecuredListener(tmp_path, settings) as ours:
        before = Peer(ours.port)
        with_key(tmp_path, "new.example.com")
        assert name_of(Peer(ours.port)) == "old.example.com"
        ours.reload()
        assert name_of(Peer(ours.port)) == "new.example.com"
        assert name_of(before) == "old.example.com"


def name_of(peer: Peer) -> str:
    from cryptography import x509

    assert peer.say("STARTTLS").startswith("220")
    with context().wrap_socket(peer.socket) as wrapped:
        der = wrapped.getpeercert(binary_form=True)
    assert der is not None
    return str(x509.load_der_x509_certificate(der).subject.rfc4514_string()).removeprefix("CN=")


def test_many_clients_in_the_middle_of_the_handshake(tmp_path: Path) -> None:
    with SecuredListener(tmp_path, {**with_key(tmp_path), "smtpd_client_connection_count_limit": "0"}) as ours:
        stuck = []
        for _ in range(60):
            peer = Peer(ours.port)
            peer.say("STARTTLS")
            peer.send(b"\x16\x03\x01\x02\x00")
            stuck.append(peer)
        assert name_of(Peer(ours.port)) == "mail.example.com"
        for peer in stuck:
            peer.socket.shutdown(socket.SHUT_RDWR)
