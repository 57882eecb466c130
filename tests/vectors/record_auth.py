"""Plays the dialogues of auth_dialogues.py to the real smtpd and stores replies and log lines in auth.jsonl.

Run as root from the project's top: ``python -m tests.vectors.record_auth``. The server of Dovecot's protocol is
tests/auth_server.py, the certificates are made up anew each time. What depends on the moment is neutral: queue ids,
times, ports; of the handshake the log's line is kept as far as no certificate decides.
"""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.auth_server import AuthServer
from tests.certificates import Authority
from tests.live.private_postfix import PrivatePostfix
from tests.vectors import store
from tests.vectors.auth_dialogues import DIALOGUES, HANDSHAKES, TLS_12, TLS_CLIENT
from tests.vectors.pauses import said
from tests.vectors.record_smtp import IDLE, QUIET

SETTINGS = {
    "myhostname": "mail.example.com",
    "mydestination": "localhost",
    "inet_interfaces": "127.0.0.1",
    "mynetworks": "192.0.2.0/24",
    "compatibility_level": "3.6",
    "default_transport": "discard",
    "local_transport": "discard",
    "local_recipient_maps": "",
    "alias_maps": "",
    "smtpd_hard_error_limit": "20",
    "smtpd_peername_lookup": "no",
    "smtpd_forbid_unauth_pipelining": "no",
    "smtpd_forbid_bare_newline": "no",
    "smtpd_tls_loglevel": "1",
    "header_checks": "regexp:{{/^Received:/ HOLD}}",
}


def write_certificates(folder: Path) -> None:
    """server.pem and .key, client.pem and .key, ca.pem, chain.pem."""
    authority = Authority()
    server = authority.issue("mail.example.com")
    server.write(folder, "server")
    authority.issue("client.example.com").write(folder, "client")
    (folder / "ca.pem").write_bytes(authority.pem)
    (folder / "chain.pem").write_bytes(server.key + server.certificate)
    (folder / "chain.pem").chmod(0o600)


def client_context(step: bytes, folder: Path) -> ssl.SSLContext:
    """For one of `HANDSHAKES`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if step == TLS_CLIENT:
        context.load_cert_chain(folder / "client.pem", folder / "client.key")
    if step == TLS_12:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def fingerprints(folder: Path) -> dict[str, str]:
    """Of the client's certificate, and of its public key, as Postfix writes them."""
    certificate = x509.load_pem_x509_certificate((folder / "client.pem").read_bytes())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    found = {"@CLIENT@": certificate.public_bytes(Encoding.DER), "@CLIENT_KEY@": key}
    return {name: hashlib.sha256(data).digest().hex(":").upper() for name, data in found.items()}


def filled(settings: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The settings with paths and fingerprints."""
    found = {"@TOP@": str(folder), **fingerprints(folder)}
    return {key: reduce(lambda text, name: text.replace(name, found[name]), found, settings[key]) for key in settings}


def read(peer: socket.socket) -> str:
    """What the server says until it pauses, with "<closed>" when it hangs up."""
    return re.sub(r"queued as \w+", "queued as QUEUEID", said(peer, QUIET, IDLE))


def play(port: int, steps: list[bytes], folder: Path) -> list[str]:
    peer: socket.socket = socket.create_connection(("127.0.0.1", port))
    replies = [read(peer)] if steps[0] not in HANDSHAKES else []
    try:
        for step in steps:
            if step in HANDSHAKES:
                peer.settimeout(5)
                peer = client_context(step, folder).wrap_socket(peer)
                replies.append(read(peer))
            else:
                try:
                    peer.sendall(step)
                except (ConnectionError, ssl.SSLError):
                    pass
                replies.append(read(peer))
            if replies[-1].endswith("<closed>"):
                break
    except OSError as error:
        replies.append(f"<{type(error).__name__}>")
    finally:
        peer.close()
    return replies


def neutral(line: str) -> str:
    """Without ids and dates. From 3.5 on OpenSSL agrees on X25519 with ML-KEM-768, before on the former."""
    line = line.replace("key-exchange X25519MLKEM768", "key-exchange X25519")
    line = re.sub(r"\b[0-9A-F]{9,12}\b", "QUEUEID", line)
    return re.sub(r"; \w+, \d+ \w+ \d+ [\d:]+ \S+ \(\w+\)", "; DATE", line)


def received(postfix: PrivatePostfix, queue_id: str) -> str:
    """The Received field of a message on hold."""
    command = ["postcat", "-c", str(postfix.etc), "-qh", queue_id]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return neutral(re.match(r"Received:.*(?:\n[ \t].*)*", text)[0])  # type: ignore[index]


def log_of(postfix: PrivatePostfix, before: int) -> list[str]:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        entries = postfix.log_lines(before, pids=True)
        if any(": disconnect from" in line for line in entries):
            break
        time.sleep(0.01)
    time.sleep(0.05)
    kept = [neutral(re.sub(r"^\w+/(\w+)(\[\d+\])?: ", r"\1: ", line)) for line in postfix.log_lines(before)]
    return [line for line in kept if line.startswith("smtpd: ")]


def record(postfix: PrivatePostfix, server: AuthServer) -> list[dict[str, Any]]:
    found: dict[str, Any] = {}
    before_settings: object = None
    for name in sorted(DIALOGUES, key=lambda name: str(DIALOGUES[name].settings)):
        dialogue = DIALOGUES[name]
        if dialogue.settings != before_settings:
            postfix.configure({**SETTINGS, **filled(dialogue.settings, postfix.top)})
            before_settings = dialogue.settings
        before = postfix.log.stat().st_size if postfix.log.exists() else 0
        asked = len(server.asked)
        replies = play(postfix.port, dialogue.steps, postfix.top)
        log = [line.replace(str(postfix.top), "@TOP@") for line in log_of(postfix, before)]
        answers = {"replies": replies, "log": log, "asked": server.asked[asked:], "received": ""}
        if b"DATA\r\n" in dialogue.steps and (ids := postfix.queue_ids()):
            answers["received"] = received(postfix, ids[-1])
            postfix.drop_queue()
        found[name] = answers
    return [found[name] for name in DIALOGUES]


def inputs() -> store.Inputs:
    cases = [
        {"name": name, "settings": dict(each.settings), "steps": [store.brief(step) for step in each.steps]}
        for name, each in DIALOGUES.items()
    ]
    return store.Inputs(cases, {"settings": SETTINGS})


INPUTS = {"auth": inputs}


def main() -> None:
    with tempfile.TemporaryDirectory() as top:
        Path(top).chmod(0o755)
        with PrivatePostfix(Path(top)) as postfix:
            write_certificates(Path(top))
            with AuthServer(Path(top) / "queue/private/auth") as server:
                store.write("auth", store.postfix(), __file__, record(postfix, server))


if __name__ == "__main__":
    main()
