"""TLS over memory: whole, byte by byte, with what follows it; what is no TLS; what the first messages tell."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailconf.smtp.certificates import BadCertificate, KeyKind, fingerprint, key_kind, public_key
from mailconf.smtp.hellos import Exchange, exchange
from mailconf.smtp.tls import TlsFailed, TlsLayer
from tests.certificates import Authority, Pair, self_signed

NAME = "mail.example.com"


@pytest.fixture(scope="module")
def pair() -> Pair:
    return self_signed(NAME)


@pytest.fixture(scope="module")
def server_context(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair.write(tmp_path_factory.mktemp("tls"), "server"))
    return context


def client_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def exchanged(left: TlsLayer, right: TlsLayer, step: int = 1 << 20) -> tuple[bytes, bytes]:
    """What each has said to the other when nothing is left to carry, ``step`` bytes at a time."""
    heard = [b"", b""]
    while True:
        moved = False
        for number, (sender, receiver) in enumerate(((left, right), (right, left))):
            data = sender.data_to_send()
            for at in range(0, len(data), step):
                heard[number] += receiver.receive_data(data[at : at + step])
                moved = True
        if not moved:
            return heard[0], heard[1]


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_a_conversation(step: int, server_context: ssl.SSLContext) -> None:
    keys = [KeyKind("EC", "prime256v1")]
    server = TlsLayer(server_context, server_side=True, keys=keys)
    client = TlsLayer(client_context(), server_side=False)
    assert exchanged(client, server, step) == (b"", b"")
    assert client.established and server.established
    client.send(b"EHLO x\r\n" * 5000)
    server.send(b"250 ok\r\n")
    assert exchanged(client, server, step) == (b"EHLO x\r\n" * 5000, b"250 ok\r\n")
    facts = server.facts()
    assert (facts.protocol, facts.bits, facts.certificate) == ("TLSv1.3", 256, b"")
    group = "X25519MLKEM768" if ssl.OPENSSL_VERSION_INFO >= (3, 5) else "X25519"
    assert facts.exchange == Exchange(group, ("ECDSA", "prime256v1", "SHA256"))
    client.close()
    exchanged(client, server, step)
    assert server.closed


def test_what_is_said_with_the_last_of_the_handshake(server_context: ssl.SSLContext) -> None:
    server, client = TlsLayer(server_context, server_side=True), TlsLayer(client_context(), server_side=False)
    server.receive_data(client.data_to_send())
    client.receive_data(server.data_to_send())
    client.send(b"EHLO x\r\n")
    assert server.receive_data(client.data_to_send()) == b"EHLO x\r\n"


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.0\r\n\r\n", b"RSET\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 70_000, b"\0" * 99]
)
def test_what_is_no_tls(data: bytes, server_context: ssl.SSLContext) -> None:
    server = TlsLayer(server_context, server_side=True)
    with pytest.raises(TlsFailed) as failed:
        server.receive_data(data)
    assert str(failed.value) and not server.established and not failed.value.untrusted


def test_what_is_altered_on_the_way(server_context: ssl.SSLContext) -> None:
    server, client = TlsLayer(server_context, server_side=True), TlsLayer(client_context(), server_side=False)
    exchanged(client, server)
    client.send(b"MAIL FROM:<>\r\n")
    data = bytearray(client.data_to_send())
    data[-1] ^= 1
    with pytest.raises(TlsFailed):
        server.receive_data(bytes(data))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=3000))
def test_any_bytes_of_a_client_end_in_failure_or_wait(data: bytes) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server = TlsLayer(context, server_side=True)
    try:
        assert server.receive_data(data) == b""
    except TlsFailed:
        pass
    assert not server.established


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.binary(max_size=400))
def test_any_hellos_tell_something_or_nothing(received: bytes, sent: bytes) -> None:
    assert isinstance(exchange(received, sent, [KeyKind("RSA", "2048 bits")]), Exchange)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 600), st.integers(0, 255))
def test_any_certificate_is_read_or_bad(data: bytes, at: int, byte: int) -> None:
    good = bytearray(ssl.PEM_cert_to_DER_cert(GOOD.certificate.decode()))
    good[at % len(good)] = byte
    for each in (data, bytes(good), bytes(good[: at % len(good)])):
        try:
            key_kind(each)
        except BadCertificate:
            pass


GOOD = self_signed(NAME)


def test_what_a_certificate_is_known_by() -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    for pair, kind in (
        (GOOD, KeyKind("EC", "prime256v1")),
        (Authority().issue(NAME, rsa_key=True), KeyKind("RSA", "2048 bits")),
    ):
        known = x509.load_pem_x509_certificate(pair.certificate)
        der = known.public_bytes(Encoding.DER)
        assert fingerprint(der, "sha256") == known.fingerprint(hashes.SHA256()).hex(":").upper()
        spki = known.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        assert public_key(der) == spki
        assert key_kind(der) == kind


def test_handshakes_are_no_burden_in_memory(server_context: ssl.SSLContext, tmp_path: Path) -> None:
    """A client that never ends its first message is not kept beyond what the library keeps."""
    server = TlsLayer(server_context, server_side=True)
    hello = b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" + b"x" * 16_379
    with pytest.raises(TlsFailed):
        for _ in range(100):
            server.receive_data(hello)
