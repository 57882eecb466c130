"""opendkim as the mail filter of serve, with a main.cf and with a sendmail.cf, and of Postfix: what one has signed, the
others find good; and what a mail filter is told of a session under TLS."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from private_postfix import PrivatePostfix, free_port, mail_version

from tests.milter_side import Ours
from tests.sendmail.policy.sendmail_milter_side import answers as sendmail_answers
from tests.vectors import record_milters
from tests.vectors.milter_cases import ENVELOPE, HELLO, Case
from tests.vectors.sendmail_milter_cases import RECEIVED

pytestmark = pytest.mark.live

TREE = Path(__file__).parents[2] / ".live" / "opendkim"
PROGRAM = TREE / "usr/sbin/opendkim"
HEADER = "Message-Id: <1@client.example>\nFrom: ann@client.example\nTo: bob@example.com\nSubject: one\n"
PLAIN = f"{HEADER}\nline 1\n\nline 2\n"
DOMAIN, SELECTOR = "client.example", "s1"


@pytest.fixture(scope="module")
def keys() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run(["openssl", "genrsa", "-out", folder / "key", "2048"], check=True, capture_output=True)
        shown = ["openssl", "rsa", "-in", folder / "key", "-pubout"]
        text = subprocess.run(shown, check=True, capture_output=True, text=True).stdout
        public = "".join(line for line in text.splitlines() if "-" not in line)
        (folder / "public").write_text(f"{SELECTOR}._domainkey.{DOMAIN} v=DKIM1; k=rsa; p={public}\n")
        yield folder


@contextmanager
def opendkim(keys: Path, mode: str) -> Iterator[int]:
    """Its port; ``mode`` is s, to sign, or v, to verify."""
    port = free_port()
    lines = [f"Mode {mode}", f"Socket inet:{port}@127.0.0.1", "Background no", "AuthservID mail.example.com"]
    lines += [f"Domain {DOMAIN}", f"Selector {SELECTOR}", f"KeyFile {keys / 'key'}", "RequireSafeKeys no"]
    lines += [f"TestPublicKeys {keys / 'public'}"] if mode == "v" else []
    lines.append(f"InternalHosts {keys / 'hosts'}")  # whose mail is signed, and not verified
    (keys / "hosts").write_text("127.0.0.1\n" if mode == "s" else "192.0.2.77\n")
    (keys / f"{mode}.conf").write_text("\n".join([*lines, ""]))
    libraries = sorted({str(path.parent) for path in TREE.rglob("*.so*")})
    environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(libraries)}
    with subprocess.Popen([PROGRAM, "-f", "-x", keys / f"{mode}.conf"], env=environment) as filter:
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except ConnectionRefusedError:
                    assert filter.poll() is None and time.monotonic() < deadline
                    time.sleep(0.02)
            yield port
        finally:
            filter.terminate()


def case(port: int, content: str, *, submitted: bool = False) -> Case:
    address = f"inet:127.0.0.1:{port}"
    parameters = {"smtpd_milters": "" if submitted else address, "non_smtpd_milters": address if submitted else ""}
    if submitted:
        arguments = ["-f", "ann@client.example", "bob@example.com", content]
        return Case("dkim", [], arguments, parameters, submitted=True)
    session = [*HELLO, *ENVELOPE, "DATA", f"{content}.", "QUIT"]
    return Case("dkim", [], session, parameters)


def content_of(answer: dict[str, Any]) -> str:
    (one,) = answer["queue"]
    content = one["content"] if "content" in one else one["header"] + "\n" + one["body"]
    assert isinstance(content, str)
    return content


def without_received(content: str) -> str:
    return re.sub(r"\AReceived: .*\n(?:[ \t].*\n)*", "", content)


def ours(top: Path, port: int, content: str, *, submitted: bool = False) -> str:
    top.mkdir()
    return content_of(next(Ours(top, mail_version()).answers([case(port, content, submitted=submitted)])))


def as_sendmail(top: Path, port: int, content: str) -> str:
    text = f"Xdkim, S=inet:{port}@127.0.0.1, T=C:60s;S:60s;R:60s;E:60s\nO InputMailFilters=dkim\n{RECEIVED}"
    session = ["EHLO client.example", "MAIL FROM:<ann@client.example>", "RCPT TO:<ann@example.org>", "DATA"]
    asked = {"name": "dkim", "filters": [], "session": [*session, f"{content}.", "QUIT"], "text": text}
    top.mkdir()
    top.chmod(0o755)
    return content_of(next(sendmail_answers(top, [asked])))


def results(content: str) -> str:
    found = re.search(r"^Authentication-Results:.*\n(?:[ \t].*\n)*", content, re.MULTILINE)
    assert found is not None, content
    return found[0]


def test_what_one_signs_the_others_find_good(keys: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        top.chmod(0o755)
        with PrivatePostfix(top / "postfix") as postfix:
            with opendkim(keys, "s") as port:
                (theirs,) = record_milters.answers(postfix, [case(port, PLAIN)])
                signed = {
                    "Postfix": content_of(theirs),
                    "ours": ours(top / "signs", port, PLAIN),
                    "ours, of a command": ours(top / "command", port, PLAIN, submitted=True),
                    "ours, sendmail.cf": as_sendmail(top / "sendmail", port, PLAIN),
                }
            bare = {who: without_received(content) for who, content in signed.items()}
            for who, content in bare.items():
                assert f"d={DOMAIN}; s={SELECTOR}" in content, who
            with opendkim(keys, "v") as port:
                found = {}
                for number, (who, content) in enumerate(bare.items()):
                    found[who, "ours"] = results(ours(top / f"v{number}", port, content))
                    found[who, "ours, sendmail.cf"] = results(as_sendmail(top / f"w{number}", port, content))
                (theirs,) = record_milters.answers(postfix, [case(port, bare["ours"])])
                found["ours", "Postfix"] = results(content_of(theirs))
                changed = bare["ours"].replace("line 1", "line 3")
                bad = results(ours(top / "bad", port, changed))
    assert all("dkim=pass" in text for text in found.values()), found
    assert found["ours", "Postfix"] == found["ours", "ours"]
    assert "dkim=fail" in bad
