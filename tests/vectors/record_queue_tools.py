"""Records how Postfix's tools list a queue, and what they say to calls: queue_lists.jsonl, queue_calls.jsonl.

Run as root from the project's top: ``python -m tests.vectors.record_queue_tools``. What is listed as text is listed as
JSON beside it, which is what a test makes the text of.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.live.private_postfix import PrivatePostfix, free_port
from tests.vectors import store
from tests.vectors.queue_tool_cases import CALLS, CASES, DEAD, GONE, HELD, SILENT

SETTINGS = {
    "myhostname": "mx.example.com",
    "mydestination": "example.com",
    "mynetworks": "127.0.0.0/8",
    "minimal_backoff_time": "1000s",
    "queue_run_delay": "1000s",
    "local_recipient_maps": "",
    "message_size_limit": "0",
    "fast_flush_domains": "far.example",
    "relay_domains": "far.example",
    "smtp_destination_concurrency_failed_cohort_limit": "0",
    "smtpd_recipient_restrictions": f"check_recipient_access inline:{{ {{{HELD}=HOLD}} }}, permit",
}
CALLED = """\
compatibility_level = 3.6
mail_owner = postfix
myhostname = mx.example.com
fast_flush_domains = far.example
"""
TRANSPORTS = (
    "inline:{{ {{{dead}=smtp:[127.0.0.1]:{port}}}, {{{gone}=smtp:[127.0.0.1]:{other}}},"
    " {{{silent}=smtp:[127.0.0.1]:{mute}}} }}"
)


def _settled(postfix: PrivatePostfix, waiting: int) -> list[dict[str, Any]]:
    """The list as JSON once nothing more happens: attempts that can end have ended."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = [json.loads(line) for line in _run(postfix, "postqueue", "-j").splitlines()]
        busy = [each for each in found if each["queue_name"] in ("active", "incoming")]
        recipients = [recipient for each in busy for recipient in each["recipients"]]
        left = [each for each in recipients if "delay_reason" not in each and SILENT not in each["address"]]
        if len(found) == waiting and not left:
            return found
        time.sleep(0.2)
    raise TimeoutError("the queue does not settle")


def _run(postfix: PrivatePostfix, tool: str, *words: str) -> str:
    done = subprocess.run([tool, "-c", postfix.etc, *words], capture_output=True, check=True)
    return done.stdout.decode("utf-8", "surrogateescape")


def _submit(postfix: PrivatePostfix, message: dict[str, Any]) -> str:
    client = postfix.client()
    utf8 = " SMTPUTF8" if not (message["sender"] + "".join(message["recipients"])).isascii() else ""
    client.command("EHLO client.example")
    for line in (
        f"MAIL FROM:<{message['sender']}>{utf8}",
        *(f"RCPT TO:<{to}>" for to in message["recipients"]),
        "DATA",
    ):
        reply = client.command(line)
        if reply[0] not in "23":
            raise ValueError(f"{line}: {reply}")
    reply = client.command("Subject: x\r\n\r\n" + ("y" * 68 + "\r\n") * (message["size"] // 70) + ".")
    client.close()
    found = re.search(r"queued as (\w+)", reply)
    if found is None:
        raise ValueError(reply)
    return found[1]


def lists(postfix: PrivatePostfix, cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(50)
        places = {"port": free_port(), "other": free_port(), "mute": mute.getsockname()[1]}
        for case in cases:
            subprocess.run(["postsuper", "-c", postfix.etc, "-d", "ALL"], check=True, capture_output=True)
            transports = TRANSPORTS.format(dead=DEAD, gone=GONE, silent=SILENT, **places)
            postfix.configure(
                {**SETTINGS, "enable_long_queue_ids": "yes" if case["long"] else "no", "transport_maps": transports}
            )
            ids = [_submit(postfix, message) for message in case["messages"]]
            _settled(postfix, len(ids))
            if case["expire"]:
                for queue_id in (ids[0], ids[2]):
                    subprocess.run(["postsuper", "-c", postfix.etc, "-e", queue_id], check=True, capture_output=True)
            # The order is that of the file system, the same for both.
            found.append({"text": _run(postfix, "postqueue", "-p"), "json": _run(postfix, "postqueue", "-j")})
    return found


def calls(top: Path) -> list[dict[str, Any]]:
    """On a configuration whose mail system has never run."""
    for folder in ("etc", "queue", "data"):
        (top / folder).mkdir()
    for folder in ("maildrop", "incoming", "active", "deferred", "hold", "bounce", "defer", "trace", "flush", "public"):
        (top / "queue" / folder).mkdir()
    (top / "etc/main.cf").write_text(f"{CALLED}queue_directory = {top}/queue\ndata_directory = {top}/data\n")
    (top / "etc/master.cf").write_text("")
    found = []
    for case in CALLS:
        words = case["words"] if "-c" in case["words"] else ["-c", str(top / "etc"), *case["words"]]
        done = subprocess.run([case["tool"], *words], input=case["stdin"].encode(), capture_output=True)
        found.append({"status": done.returncode, "out": done.stdout.decode(), "err": done.stderr.decode()})
    return found


INPUTS = {
    "queue_lists": lambda: store.Inputs(CASES, {"settings": SETTINGS}),
    "queue_calls": lambda: store.Inputs(CALLS, {"main.cf": CALLED}),
}


def main() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name, PrivatePostfix(Path(name)) as postfix:
        store.write("queue_lists", store.postfix(), __file__, lists(postfix, CASES))
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        store.write("queue_calls", store.postfix(), __file__, calls(Path(name)))


if __name__ == "__main__":
    main()
