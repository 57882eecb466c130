"""Has the real smtp(8) deliver to the servers of secure_hops.py; stores what it sends and what it logs.

Run as root from the project's top: ``python -m tests.vectors.record_secure_hops``.
"""

from __future__ import annotations

import hashlib
import re
import smtplib
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.certificates import Authority, self_signed
from tests.live.private_postfix import PrivatePostfix
from tests.secure_server import SecureServer, neutral
from tests.vectors import store
from tests.vectors.secure_hops import HOPS, Hop

SETTINGS = {
    "myhostname": "mail.example.com",
    "mydestination": "",
    "mynetworks": "127.0.0.0/8",
    "compatibility_level": "3.6",
    "relayhost": "[localhost]:@PORT@",
    "smtp_host_lookup": "native",
    "smtp_tls_loglevel": "1",
    "bounce_queue_lifetime": "0",
    "notify_classes": "",
    "smtp_pix_workarounds": "",
    "enable_original_recipient": "no",
}


def write_certificates(folder: Path) -> None:
    """ca.pem; pairs for localhost, another host, a wildcard, an expired one, one that nobody vouches for."""
    authority = Authority()
    (folder / "ca.pem").write_bytes(authority.pem)
    authority.issue("localhost").write(folder, "localhost")
    authority.issue("mail.other.example").write(folder, "other")
    authority.issue("*.wild.example").write(folder, "wild")
    authority.issue("localhost", valid=False).write(folder, "expired")
    self_signed("localhost").write(folder, "self")


def server_of(hop: Hop, folder: Path) -> SecureServer:
    key = folder / f"{hop.certificate}.pem", folder / f"{hop.certificate}.key"
    return SecureServer(hop.script, key, handshake=hop.handshake, wrapper=hop.wrapper)


def filled(settings: Mapping[str, str], folder: Path, port: int) -> dict[str, str]:
    certificate = x509.load_pem_x509_certificate((folder / "localhost.pem").read_bytes())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    whole = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest().hex(":")
    found = {
        "@TOP@": str(folder),
        "@PORT@": str(port),
        "@LOCALHOST@": whole.upper(),
        "@LOCALHOST_SMALL@": whole,
        "@LOCALHOST_KEY@": hashlib.sha256(key).digest().hex(":").upper(),
    }
    return {key: reduce(lambda text, name: text.replace(name, found[name]), found, settings[key]) for key in settings}


def told(lines: list[str], port: int) -> list[str]:
    """The smtp client's lines: how the message went, and what it had to say about TLS and logins."""
    kept = []
    for line in lines:
        if not line.startswith("postfix/smtp: "):
            continue
        text = re.sub(r"\A[0-9A-F]{6,}: |delay=[\d.]+, delays=[\d./]+, ", "", line.removeprefix("postfix/smtp: "))
        text = re.sub(r"\b[0-9A-F]{9,12}: ", "", text)
        kept.append(text.replace(str(port), "PORT"))
    return kept


def record(postfix: PrivatePostfix, hop: Hop) -> dict[str, Any]:
    with server_of(hop, postfix.top) as server:
        postfix.configure(filled({**SETTINGS, **hop.settings}, postfix.top, server.port))
        before = postfix.log.stat().st_size
        with smtplib.SMTP("127.0.0.1", postfix.port) as client:
            client.sendmail("a@b.example", ["x@y.example"], "Subject: x\r\n\r\nx\r\n")
        deadline = time.monotonic() + 15
        while not any(" status=" in line for line in postfix.log_lines(before)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"nothing came of it: {postfix.log_lines(before)}")
            time.sleep(0.02)
        time.sleep(0.1)
        found = told(postfix.log_lines(before), server.port)
        postfix.drop_queue()
        return {"sessions": [neutral(each) for each in server.sessions], "log": found}


def inputs() -> store.Inputs:
    cases = [{"name": name, "settings": dict(hop.settings)} for name, hop in HOPS.items()]
    return store.Inputs(cases, {"settings": SETTINGS})


INPUTS = {"secure_hops": inputs}


def main() -> None:
    with tempfile.TemporaryDirectory() as top:
        Path(top).chmod(0o755)
        with PrivatePostfix(Path(top)) as postfix:
            write_certificates(Path(top))
            found = []
            for name, hop in HOPS.items():
                try:
                    found.append(record(postfix, hop))
                except Exception as error:
                    print(name, error, file=sys.stderr)
                    found.append({store.LEFT_OUT: str(error)[:200]})
            store.write("secure_hops", store.postfix(), __file__, found)


if __name__ == "__main__":
    main()
