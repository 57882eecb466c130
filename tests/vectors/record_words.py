"""Records what the installed Postfix says to word_cases.py, in files of its version beside those of others.

    python -m tests.vectors.record_words

Run it on machines with different versions (tests/machines). A tool's answer is its exit status, output and messages,
all bytes as Latin-1; a dialogue's are the replies and the counts in the log's last line. Needs root.
The files are words_tables@VERSION.jsonl, words_help@VERSION.jsonl, words_content@VERSION.jsonl and
words_received@VERSION.jsonl.
"""

from __future__ import annotations

import os
import re
import smtplib
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.live.private_postfix import PrivatePostfix
from tests.vectors import store
from tests.vectors.word_cases import CONTENT, FILES, HELP, HIDING, MAIN_CF, RECIPIENTS, TABLE_COMMANDS

SETTINGS = {
    "myhostname": "mail.example.com",
    "mydestination": "localhost",
    "mynetworks": "127.0.0.0/8",
    "local_recipient_maps": "",
    "smtpd_peername_lookup": "no",
    "smtpd_hard_error_limit": "20",
    "smtpd_junk_command_limit": "3",
    "smtpd_data_restrictions": "check_client_access static:hold",
}


def table_answer(folder: Path, command: list[str]) -> dict[str, Any]:
    folder.mkdir()
    for name, text in {**FILES, "main.cf": MAIN_CF}.items():
        (folder / name).write_bytes(text.encode("latin-1"))
        os.utime(folder / name, (10**9, 10**9))  # a new text is read more than once
    words = [command[0], "-c", ".", *command[1:]]
    done = subprocess.run(words, cwd=folder, capture_output=True, input=b"a\n")
    output, messages = done.stdout.decode("latin-1"), done.stderr.decode("latin-1")
    return {"status": done.returncode, "stdout": output, "stderr": messages}


def counts_of(postfix: PrivatePostfix, since: int) -> str:
    deadline = time.monotonic() + 20
    while True:
        found = [line for line in postfix.log_lines(since) if "disconnect from" in line and "commands=0/0" not in line]
        if found:
            return found[-1].partition("disconnect from ")[2].partition(" ")[2]
        if time.monotonic() > deadline:
            raise TimeoutError("no end of the session in the log")
        time.sleep(0.02)


def dialogue(postfix: PrivatePostfix, commands: list[str]) -> dict[str, Any]:
    since = postfix.log.stat().st_size
    client = postfix.client()
    replies = [client.command(command) for command in commands]
    client.close()
    kept = [reply for reply in replies if not reply.startswith("250 mail.example.com|")]
    return {"replies": kept, "counts": counts_of(postfix, since)}


def queued(postfix: PrivatePostfix, content: str) -> str:
    """The header fields and the body of a message in the queue, without those that are ours or cleanup's."""
    found = in_queue(postfix, content, ["x@localhost"])
    return re.sub(r"(?m)^(?:Received: .*\n(?:[ \t].*\n)*|(?:Message-Id|Date|From): .*\n)", "", found, count=4)


def received(postfix: PrivatePostfix, recipients: list[str]) -> str:
    """The Received field of a message in the queue, ``ID`` for the queue's id and ``DATE`` for the time."""
    (field,) = re.findall(r"(?m)^Received: .*\n(?:[ \t].*\n)*", in_queue(postfix, "X-A: b\n", recipients))
    return re.sub(r"(id )\w+|[A-Z][a-z]{2}, .*\)$", lambda found: f"{found[1]}ID" if found[1] else "DATE", field)


def in_queue(postfix: PrivatePostfix, content: str, recipients: list[str]) -> str:
    """Header and body of a message, as it is in the queue."""
    with smtplib.SMTP("127.0.0.1", postfix.port) as client:
        client.ehlo("client.example")
        for command in ("MAIL FROM:<a@b.example>", *(f"RCPT TO:<{name}>" for name in recipients), "DATA"):
            client.docmd(command)
        client.send((content + "\nbody\n.\n").replace("\n", "\r\n").encode())
        code, text = client.getreply()
        assert code == 250, text
    queue_id = text.decode().rpartition(" ")[2]
    words = ["postcat", "-c", postfix.etc, "-bhq", queue_id]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def tables_asked() -> store.Inputs:
    return store.Inputs([{"command": command} for command in TABLE_COMMANDS], {"files": FILES, "main.cf": MAIN_CF})


def help_asked() -> store.Inputs:
    cases = [{"name": name, "commands": commands} for name, commands in HELP.items()]
    return store.Inputs(cases, {"settings": SETTINGS})


def content_asked() -> store.Inputs:
    return store.Inputs([{"content": content} for content in CONTENT], {"settings": SETTINGS})


def received_asked() -> store.Inputs:
    cases = [{"parameters": more, "recipients": recipients} for more in ({}, HIDING) for recipients in RECIPIENTS]
    return store.Inputs(cases, {"settings": SETTINGS})


def record() -> dict[str, list[dict[str, Any]]]:
    """The answers by the kind of case."""
    with tempfile.TemporaryDirectory() as top, ThreadPoolExecutor(8) as pool:
        folders = [Path(top, str(number)) for number in range(len(TABLE_COMMANDS))]
        tables = list(pool.map(table_answer, folders, TABLE_COMMANDS))
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        postfix.configure(SETTINGS)
        postfix.client().close()
        found = {
            "words_tables": tables,
            "words_help": [dialogue(postfix, commands) for commands in HELP.values()],
            "words_content": [{"queued": queued(postfix, content)} for content in CONTENT],
            "words_received": [],
        }
        for more in ({}, HIDING):
            postfix.configure({**SETTINGS, **more})
            found["words_received"] += [{"field": received(postfix, recipients)} for recipients in RECIPIENTS]
        return found


def main() -> None:
    engine = store.postfix()
    for name, answers in record().items():
        store.write(f"{name}@{engine.version}", engine, __file__, answers)


INPUTS = {
    "words_tables": tables_asked,
    "words_help": help_asked,
    "words_content": content_asked,
    "words_received": received_asked,
}

if __name__ == "__main__":
    main()
