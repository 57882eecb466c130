"""Plays the dialogues of smtp_dialogues.py to the real smtpd and stores what it says to each step in smtp.json.

Those of smtpd_dialogues.py, each with its configuration, go into smtpd.json, with the lines of the log that tell of a
refusal and the count of commands at the end. The log is null where smtpd dumps core.

Run as root from the project's top: ``python tests/vectors/record_smtp.py``; names of dialogues of smtpd_dialogues.py
record these only. What depends on the machine or the moment is neutral: queue ids become QUEUEID. The configuration of
smtp_dialogues.py permits everything, so that only the protocol speaks.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "live")]

from private_postfix import PrivatePostfix, mail_version  # noqa: E402
from smtp_dialogues import DIALOGUES  # noqa: E402
from smtpd_dialogues import DIALOGUES as CONFIGURED  # noqa: E402

SETTINGS = {
    "myhostname": "mail.example.com",
    "mydestination": "localhost",
    "inet_interfaces": "127.0.0.1",
    "mynetworks": "0.0.0.0/0",
    "compatibility_level": "3.6",
    "default_transport": "discard",
    "local_transport": "discard",
    "local_recipient_maps": "",
    "alias_maps": "",
    "smtpd_authorized_xforward_hosts": "127.0.0.1",
    "smtpd_hard_error_limit": "20",
    "smtpd_junk_command_limit": "10",
    "smtpd_peername_lookup": "no",
    "smtpd_forbid_unauth_pipelining": "no",  # the dialogues do not wait
    "smtpd_forbid_bare_newline": "no",
    "smtpd_recipient_limit": "5",
    "message_size_limit": "100000",
    "smtp_dns_support_level": "disabled",
}
QUIET = 0.5
IDLE = 0.12


def read(peer: socket.socket) -> str:
    """What the server says until it pauses, with "<closed>" when it hangs up."""
    text = b""
    peer.settimeout(QUIET)
    while True:
        try:
            data = peer.recv(65536)
        except TimeoutError:
            break
        except ConnectionError:
            data = b""
        if not data:
            text += b"<closed>"
            break
        text += data
        if re.search(rb"(?:\A|\n)\d{3} [^\n]*\n\Z", text):
            peer.settimeout(IDLE)
    return re.sub(r"queued as \w+", "queued as QUEUEID", text.decode("latin-1"))


def play(port: int, steps: list[bytes]) -> list[str]:
    with socket.create_connection(("127.0.0.1", port)) as peer:
        replies = [read(peer)]
        for step in steps:
            peer.sendall(step)
            replies.append(read(peer))
            if replies[-1].endswith("<closed>"):
                break
    return replies


def told(line: str) -> str | None:
    """A line of smtpd's log that is compared: a refusal or the end of a session, without its queue id."""
    found = re.search(r"(?:\w+: )?(reject(?:_warning)?: \w[\w-]* from .*|disconnect from .*)\Z", line)
    return found[1].replace("reject: XCLIENT from", "reject: CONNECT from") if found else None


def log_of(postfix: PrivatePostfix, before: int) -> list[str] | None:
    """What smtpd logged of the session that connected last; None if it dumped core."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        entries = postfix.log_lines(before, pids=True)
        start = max((n for n, line in enumerate(entries) if ": connect from" in line), default=len(entries))
        own = [line for line in entries[start:] if line.split(": ")[0] == entries[start].split(": ")[0]]
        if any(": disconnect from" in line for line in own):
            return [text for line in own if (text := told(line.split(": ", 1)[1])) is not None]
        if any("killed by signal" in line for line in entries):
            return None
        time.sleep(0.002)
    raise TimeoutError("smtpd did not end the session")


def record_configured(postfix: PrivatePostfix, names: set[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    before_settings: object = None
    for name in sorted(names, key=lambda name: str(CONFIGURED[name].settings)):
        dialogue = CONFIGURED[name]
        if dialogue.settings != before_settings:
            postfix.configure({**SETTINGS, **dialogue.settings})
            postfix.client().close()
            time.sleep(0.2)
            before_settings = dialogue.settings
        before = postfix.log.stat().st_size
        replies = play(postfix.port, dialogue.steps)
        try:
            found[name] = {"replies": replies, "log": log_of(postfix, before)}
        except TimeoutError as error:
            raise TimeoutError(f"{name}: {error}") from None
        if found[name]["log"] is None:
            print(f"{name}: smtpd dumps core", file=sys.stderr)
            postfix.configure({**SETTINGS, **dialogue.settings})  # else it is not started again for a while
            postfix.client().close()
            time.sleep(0.2)
    return {name: found[name] for name in CONFIGURED if name in names}


def main() -> None:
    with tempfile.TemporaryDirectory() as top:
        Path(top).chmod(0o755)
        with PrivatePostfix(Path(top)) as postfix:
            if names := set(sys.argv[1:]):
                kept = json.loads((HERE / "smtpd.json").read_text())["dialogues"]
                _store("smtpd.json", {**kept, **record_configured(postfix, names)})
                return
            postfix.configure(SETTINGS)
            _store("smtp.json", {name: play(postfix.port, steps) for name, steps in DIALOGUES.items()})
            _store("smtpd.json", record_configured(postfix, set(CONFIGURED)))


def _store(name: str, found: dict[str, Any]) -> None:
    stored = {"mail_version": mail_version(), "settings": SETTINGS, "dialogues": found}
    (HERE / name).write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
