"""Has the real smtp(8) and lmtp(8) deliver series of messages to the servers of hop_reuse.py.

Stored is what each session was sent, which messages it took, and what the log says of each message.
Run as root from the project's top: ``python -m tests.vectors.record_hop_reuse``.
"""

from __future__ import annotations

import re
import smtplib
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.certificates import self_signed
from tests.hop_server import HopServer
from tests.live.private_postfix import PrivatePostfix
from tests.vectors import store
from tests.vectors.hop_reuse import SERIES, Series

SETTINGS = {
    "myhostname": "mail.example.com",
    "mydestination": "",
    "mynetworks": "127.0.0.0/8",
    "compatibility_level": "3.6",
    "relayhost": "[127.0.0.1]:@PORT@",
    "smtp_host_lookup": "native",
    "smtp_destination_concurrency_limit": "1",
    "lmtp_destination_concurrency_limit": "1",
    "smtp_connection_cache_destinations": "127.0.0.1",
    "lmtp_connection_cache_destinations": "127.0.0.1",
    "smtp_connection_cache_time_limit": "20",  # the machine may be slow
    "lmtp_connection_cache_time_limit": "20",
    "connection_cache_ttl_limit": "20",
    "bounce_queue_lifetime": "0",
    "notify_classes": "",
    "smtp_pix_workarounds": "",
    "enable_original_recipient": "no",
}
LMTP = {"default_transport": "lmtp:inet:127.0.0.1:@PORT@", "relayhost": ""}
SERVICES = "scache unix - - n - 1 scache\ntlsproxy unix - - n - 0 tlsproxy\n"
STATUS = re.compile(r"to=<(\S+?)>, (relay=.*)$")
TIMES = re.compile(r"delay=[\d.]+, delays=[\d./]+, ")


def settings_of(series: Series, port: int) -> dict[str, str]:
    routes = ", ".join(f"{{{domain}=smtp:{nexthop}}}" for domain, nexthop in series.nexthops.items())
    table = {"transport_maps": f"inline:{{ {routes} }}"} if routes else {}
    found = {**SETTINGS, **(LMTP if series.lmtp else {}), **table, **series.settings}
    return {name: value.replace("@PORT@", str(port)) for name, value in found.items()}


def neutral(commands: list[str]) -> list[str]:
    """The commands, without sizes, and without whether the end of a connection was seen."""
    return [re.sub(r" SIZE=\d+", "", command) for command in commands if command != "<cut off>"]


def record(postfix: PrivatePostfix, series: Series, key: tuple[Path, Path]) -> dict[str, Any]:
    with HopServer(series.script, key=key) as server:
        postfix.configure(settings_of(series, server.port), services=SERVICES)
        told = []
        for number in range(series.messages):
            if number:
                time.sleep(series.pause)
            before = postfix.log.stat().st_size
            with smtplib.SMTP("127.0.0.1", postfix.port) as client:
                sender = series.senders[number % len(series.senders)]
                recipient = f"x@{series.domains[number % len(series.domains)]}"
                client.sendmail(sender, [recipient], f"Subject: m{number}\r\n\r\nx\r\n")
            deadline = time.monotonic() + 15
            while not any(" status=" in line for line in postfix.log_lines(before)):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"nothing came of it: {postfix.log_lines(before)}")
                time.sleep(0.02)
            told += [m[2] for line in postfix.log_lines(before) if (m := STATUS.search(line))]
        postfix.drop_queue()
        words = [TIMES.sub("", text).replace(str(server.port), "PORT") for text in told]
    return {"sessions": [neutral(each) for each in server.sessions], "taken": server.taken, "log": words}


def inputs() -> store.Inputs:
    cases = [{"name": name, **_plain(series)} for name, series in SERIES.items()]
    return store.Inputs(cases, {"settings": SETTINGS, "lmtp": LMTP, "services": SERVICES})


def _plain(series: Series) -> Mapping[str, Any]:
    found = series._asdict()
    return found | {
        "script": [dict(says) for says in series.script],
        "settings": dict(series.settings),
        "nexthops": dict(series.nexthops),
    }


INPUTS = {"hop_reuse": inputs}


def main() -> None:
    with tempfile.TemporaryDirectory() as top:
        Path(top).chmod(0o755)
        key = self_signed("localhost").write(Path(top), "localhost")
        with PrivatePostfix(Path(top)) as postfix:
            found = []
            for name, series in SERIES.items():
                try:
                    found.append(record(postfix, series, key))
                except Exception as error:
                    print(name, error, file=sys.stderr)
                    found.append({store.LEFT_OUT: str(error)[:200]})
            store.write("hop_reuse", store.postfix(), __file__, found)


if __name__ == "__main__":
    main()
