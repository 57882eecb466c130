"""Records what sendmail's daemon answers to clients with TLS and logins, and what it logs about them:
tests/vectors/sendmail_secure.jsonl, to the cases of `sendmail_secure_cases`.

    python -m tests.vectors.record_sendmail_secure

Certificates are made anew each time; names in them stay. It runs as record_sendmail_clients does. Needs root.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.certificates import Authority, Pair, self_signed
from tests.live.map_tools import SENDMAIL_ROOT
from tests.live.sendmail_side import LIBRARIES, TOOLS
from tests.vectors import store
from tests.vectors.record_sendmail_clients import ALONE, SETTINGS, TOP, library_cf
from tests.vectors.sendmail_clients_cases import FILES, HOST, NETWORK, TABLES
from tests.vectors.sendmail_secure_cases import BASE, CASES, MC


def write_keys(folder: Path) -> None:
    """The certificates of the cases, with their keys."""
    authority, other = Authority(), Authority("Other CA")
    (folder / "ca.pem").write_bytes(authority.pem)
    server = authority.issue("mail.example.org")
    pairs = {
        "server": server,
        "rsa": authority.issue("mail.example.org", rsa_key=True),
        "client": authority.issue("client.example.net", "other.example.net"),
        "stranger": other.issue("stranger.example.net"),
        "self": self_signed("self.example.net"),
        "expired": authority.issue("late.example.net", valid=False),
        "odd": authority.issue("odd !\"#$%&'()*,-./:;<=>?@[\\]^_`{|}~+y"),
        "foreign": authority.issue("b\u00fccher\t"),
    }
    for name, pair in pairs.items():
        pair.write(folder, name)
    locked(server).write(folder, "locked")
    (folder / "junk").write_text("junk\n")
    (folder / "junk").chmod(0o600)
    (folder / "both.pem").write_bytes(server.certificate + server.key)
    (folder / "both.pem").chmod(0o600)
    for name, mode in (("readable.key", 0o644), ("group.key", 0o640), ("writable.pem", 0o666)):
        (folder / name).write_bytes(server.key if name.endswith("key") else server.certificate)
        (folder / name).chmod(mode)


def locked(pair: Pair) -> Pair:
    """With its key behind a password."""
    from cryptography.hazmat.primitives import serialization as form

    key = form.load_pem_private_key(pair.key, None)
    data = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.BestAvailableEncryption(b"secret"))
    return pair._replace(key=data)


def answered(command: Sequence[str | Path], cases: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a program with sendmail's options answers to each case, and what it logs. FOLDER in texts is the folder."""
    with tempfile.TemporaryDirectory(dir=SENDMAIL_ROOT) as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "q").mkdir(mode=0o700)
        for file, text in {**FILES, **SETTINGS}.items():
            (folder / file).write_text(text)
        for file, text in TABLES.items():
            makemap = [SENDMAIL_ROOT / "usr/sbin/makemap", "-C", "/dev/null", "hash", folder / file]
            environment = {"LD_LIBRARY_PATH": LIBRARIES}
            subprocess.run(makemap, input=text.encode(), env=environment, check=True, capture_output=True)
        write_keys(folder)
        asked = [{**case, "cf": None if case["mc"] is None else library_cf(folder, case["mc"], MC)} for case in cases]
        alone = ["unshare", "--mount", "--net", "--uts", "sh", "-c", ALONE, "sh", NETWORK, HOST, str(folder)]
        driver = [sys.executable, "-m", "tests.vectors.sendmail_secure_driver", str(folder)]
        done = subprocess.run(
            [*alone, "env", f"LD_LIBRARY_PATH={LIBRARIES}", *driver, *command],
            input=json.dumps(asked),
            stdout=subprocess.PIPE,
            text=True,
            cwd=TOP,
            check=True,
        )
        found: list[dict[str, Any]] = json.loads(done.stdout.replace(str(folder), "FOLDER"))
        return found


def asked() -> store.Inputs:
    return store.Inputs(CASES, {"base": BASE, "mc": MC, "files": FILES, "tables": TABLES})


def main() -> None:
    answers = answered([TOOLS / "sendmail"], CASES)
    store.write("sendmail_secure", store.sendmail(), __file__, answers)


INPUTS = {"sendmail_secure": asked}

if __name__ == "__main__":
    main()
