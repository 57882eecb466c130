"""Plays the dialogues of smtp_dialogues.py to the real smtpd and stores what it says to each step in smtp.jsonl.

Those of smtpd_dialogues.py, each with its configuration, go into smtpd.jsonl, with the lines of the log that tell of a
refusal and the count of commands at the end. The log is null where smtpd dumps core.

Run as root from the project's top: ``python -m tests.vectors.record_smtp``; names of dialogues of smtpd_dialogues.py
record these only. What depends on the machine or the moment is neutral: queue ids become QUEUEID. The configuration of
smtp_dialogues.py permits everything, so that only the protocol speaks.
"""

from __future__ import annotations

import re
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.live.private_postfix import PrivatePostfix
from tests.vectors import store
from tests.vectors.pauses import said
from tests.vectors.smtp_dialogues import DIALOGUES
from tests.vectors.smtpd_dialogues import DIALOGUES as CONFIGURED

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
    return re.sub(r"queued as \w+", "queued as QUEUEID", said(peer, QUIET, IDLE))


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


def plain_asked() -> store.Inputs:
    cases = [{"name": name, "steps": [store.brief(step) for step in steps]} for name, steps in DIALOGUES.items()]
    return store.Inputs(cases, {"settings": SETTINGS})


def configured_asked() -> store.Inputs:
    cases = [
        {"name": name, "settings": dict(each.settings), "steps": [store.brief(step) for step in each.steps]}
        for name, each in CONFIGURED.items()
    ]
    return store.Inputs(cases, {"settings": SETTINGS})


def main() -> None:
    with tempfile.TemporaryDirectory() as top:
        Path(top).chmod(0o755)
        with PrivatePostfix(Path(top)) as postfix:
            if names := set(sys.argv[1:]):
                kept = {case["name"]: case for case in store.read_anyway("smtpd").cases}
                found = {**kept, **record_configured(postfix, names)}
            else:
                postfix.configure(SETTINGS)
                plain = [{"replies": play(postfix.port, steps)} for steps in DIALOGUES.values()]
                store.write("smtp", store.postfix(), __file__, plain)
                found = record_configured(postfix, set(CONFIGURED))
    answers = [{key: found[name][key] for key in ("replies", "log")} for name in CONFIGURED]
    store.write("smtpd", store.postfix(), __file__, answers)


INPUTS = {"smtp": plain_asked, "smtpd": configured_asked}

if __name__ == "__main__":
    main()
