"""Sessions of clients with mail filters and TLS, for record_milters_tls.py: ``STARTTLS`` begins it, ``!client`` before
it lets the client have a certificate, ``!1.2`` the version before the last."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tests.vectors.milter_cases import ENVELOPE, HELLO, MESSAGE, Case, answering
from tests.vectors.record_milters import Talk

_NAMES = "tls_version cipher cipher_bits cert_subject cert_issuer client_addr auth_type"
_MACROS = "i " + " ".join(f"{{{name}}}" for name in _NAMES.split())
_STAGES = ("connect", "helo", "mail", "rcpt", "data", "end_of_header", "end_of_data", "unknown_command")
TLS = {
    "smtpd_tls_security_level": "may",
    "smtpd_tls_cert_file": "@TOP@/server.pem",
    "smtpd_tls_key_file": "@TOP@/server.key",
    "smtpd_tls_CAfile": "@TOP@/ca.pem",
    "smtpd_tls_session_cache_database": "",
}
EVERYWHERE = {**TLS, **{f"milter_{stage}_macros": _MACROS for stage in _STAGES}}
REST = [*HELLO, *ENVELOPE, "DATA", MESSAGE, "QUIT"]


def cases() -> list[Case]:
    asking = {**EVERYWHERE, "smtpd_tls_ask_ccert": "yes"}
    return [
        Case("TLS", [{}], [*HELLO, "STARTTLS", *REST], TLS),
        Case("TLS, macros everywhere", [{}], [*HELLO, "STARTTLS", *REST], EVERYWHERE),
        Case("TLS 1.2", [{}], [*HELLO, "!1.2", "STARTTLS", *REST], EVERYWHERE),
        Case("TLS without a name before", [{}], ["STARTTLS", *REST], EVERYWHERE),
        Case("TLS without a name after", [{}], [*HELLO, "STARTTLS", *ENVELOPE, "QUIT"], EVERYWHERE),
        Case("TLS after a transaction", [{}], [*HELLO, ENVELOPE[0], "RSET", "STARTTLS", *REST], EVERYWHERE),
        Case("TLS after a message", [{}], [*REST[:-1], "STARTTLS", *REST], EVERYWHERE),
        Case("TLS twice", [{}], [*HELLO, "STARTTLS", *HELLO, "STARTTLS", *ENVELOPE, "QUIT"], EVERYWHERE),
        Case("TLS with a certificate", [{}], [*HELLO, "!client", "STARTTLS", *REST], asking),
        Case("TLS, asked for a certificate", [{}], [*HELLO, "STARTTLS", *REST], asking),
        Case("TLS, and H: r", [answering("H", "r")], [*HELLO, "STARTTLS", *HELLO, *ENVELOPE, "QUIT"], EVERYWHERE),
        Case("TLS, and the second H: r", [{"answers": {"H": [["c"], ["r"]]}}],
             [*HELLO, "STARTTLS", *HELLO, *ENVELOPE, "QUIT"], EVERYWHERE),
        Case("TLS, and lost", [{}], [*HELLO, "STARTTLS", *HELLO, ENVELOPE[0], "!close"], EVERYWHERE),
    ]  # fmt: skip


def talk(folder: Path) -> Talk:
    """How a client with the certificates in ``folder`` talks."""
    return partial(_talk, folder)


def _talk(folder: Path, port: int, lines: list[str]) -> list[str]:
    import socket
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    client: socket.socket = socket.create_connection(("127.0.0.1", port), timeout=120)
    replies: list[str] = []

    def reply() -> str:
        read, line = [], b""
        try:
            while byte := client.recv(1):
                line += byte
                if byte == b"\n":
                    read.append(line.decode("latin-1").rstrip("\r\n"))
                    if line[3:4] != b"-":
                        break
                    line = b""
        except OSError:
            pass
        return "|".join(read) or "closed"

    try:
        replies.append(reply())
        for line in lines:
            if line == "!close":
                break
            if line == "!client":
                context.load_cert_chain(folder / "client.pem", folder / "client.key")
            elif line == "!1.2":
                context.maximum_version = ssl.TLSVersion.TLSv1_2
            elif "\n" not in line or replies[-1].startswith("354"):
                client.sendall(line.encode("latin-1").replace(b"\n", b"\r\n") + b"\r\n")
                replies.append(reply())
                if line == "STARTTLS" and replies[-1].startswith("220"):
                    client = context.wrap_socket(client)
                if replies[-1] == "closed" or replies[-1].startswith(("221", "421")):
                    break
    finally:
        client.close()
    return replies
