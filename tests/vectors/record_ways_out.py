"""Has the real smtp(8) go the ways of ways_out.py: ways_out.jsonl.

Run as root from the project's top: ``python -m tests.vectors.record_ways_out``. Of each case there are the log's lines
of smtp(8), and the sessions of both servers, each with the address that it came from.
"""

from __future__ import annotations

import re
import smtplib
import socket
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.live.private_postfix import PrivatePostfix
from tests.mta.scripted_server import ScriptedServer
from tests.vectors import store
from tests.vectors.ways_out import WAYS, Case

SETTINGS = {
    "myhostname": "mail.example.com",
    "mydestination": "",
    "mynetworks": "127.0.0.0/8",
    "compatibility_level": "3.6",
    "default_transport": "smtp:[127.0.0.1]:@A@",
    "local_header_rewrite_clients": "",
    "smtp_host_lookup": "native",
    "smtp_tls_security_level": "none",
    "smtp_pix_workarounds": "",
    "enable_original_recipient": "no",
    "smtp_connection_cache_on_demand": "no",
    "header_checks": "regexp:{{/^Received:/ IGNORE}}",
    "smtpd_peername_lookup": "no",
}


class Server(ScriptedServer):
    """One that notes where its clients come from."""

    def attend(self, peer: socket.socket) -> None:
        name, number = peer.getpeername()[0], len(self.sessions)
        super().attend(peer)
        self.sessions[number].insert(0, f"from {name}")


def filled(settings: Mapping[str, str], first: int, second: int) -> dict[str, str]:
    return {name: text.replace("@A@", str(first)).replace("@B@", str(second)) for name, text in settings.items()}


def neutral(line: str, first: int, second: int) -> str:
    line = re.sub(rf":{first}\b", ":@A@", re.sub(rf":{second}\b", ":@B@", line))
    line = re.sub(r"\b[0-9A-F]{9,12}\b(?=:)", "QUEUEID", line)
    return re.sub(r"delay=[\d.]+, delays=[\d./]+", "delay=TIME", line)


def send(postfix: PrivatePostfix, case: Case) -> None:
    with smtplib.SMTP("127.0.0.1", postfix.port) as client:
        client.ehlo("c.example")
        options = ["BODY=8BITMIME"] if not case.content.isascii() else []
        client.sendmail("a@b.example", list(case.recipients), case.content, options)


def log_of(postfix: PrivatePostfix, before: int) -> list[str]:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = postfix.log_lines(before)
        if any(re.search(r"qmgr.*removed|status=deferred", line) for line in found):
            break
        time.sleep(0.02)
    time.sleep(0.05)
    kept = [re.sub(r"^\w+/(?:\w+/)?(\w+)(\[\d+\])?: ", r"\1: ", line) for line in postfix.log_lines(before)]
    return [line for line in kept if line.startswith(("smtp: ", "error: "))]


def record(postfix: PrivatePostfix, cases: Mapping[str, Case]) -> list[dict[str, Any]]:
    found = []
    for case in cases.values():
        with Server(dict(case.first)) as first, Server(dict(case.second)) as second:
            ports = first.port, second.port
            postfix.configure(filled({**SETTINGS, **case.settings}, *ports))
            before = postfix.log.stat().st_size if postfix.log.exists() else 0
            send(postfix, case)
            log = [neutral(line, *ports) for line in log_of(postfix, before)]
            postfix.drop_queue()
        found.append({"log": log, "at_first": first.sessions, "at_second": second.sessions})
    return found


def inputs() -> store.Inputs:
    cases = [
        {
            "name": name,
            "settings": dict(case.settings),
            "first": dict(case.first),
            "second": dict(case.second),
            "content": store.brief(case.content),
            "recipients": list(case.recipients),
        }
        for name, case in WAYS.items()
    ]
    return store.Inputs(cases, {"settings": SETTINGS})


INPUTS = {"ways_out": inputs}


def main() -> None:
    with tempfile.TemporaryDirectory() as top:
        Path(top).chmod(0o755)
        with PrivatePostfix(Path(top)) as postfix:
            store.write("ways_out", store.postfix(), __file__, record(postfix, WAYS))


if __name__ == "__main__":
    main()
