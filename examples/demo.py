"""``make demo``: a site is checked, built and served, and three messages show what it does to mail, and why.

Everything happens below .demo/ and on the loopback interface. Each answer is compared with what ``mailconf explain``
answers without sending anything: one policy answers both.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
SCRATCH = TOP / ".demo"
MAILCONF = [sys.executable, "-m", "mailconf"]
SITE = ["--root", str(SCRATCH.relative_to(TOP)), "/etc/postfix"]

MESSAGES = [
    ("a customer writes to an alias", "203.0.113.50", "shop.example.edu", "carol@example.edu", "info@example.org"),
    ("a spammer's network calls", "198.51.100.23", "cheap.example.biz", "win@example.biz", "info@example.org"),
    ("a stranger wants to relay", "203.0.113.51", "host.example.edu", "dave@example.edu", "erin@elsewhere.example"),
]


def main() -> None:
    lay_out()
    run("build", *SITE)
    run("check", *SITE)
    # The demo plays clients from all over the world by XCLIENT, which the site's owner would not allow.
    options = ["--root", SITE[1], "-c", SITE[2]]
    run("postconf", *options, "-e", "smtpd_authorized_xclient_hosts = 127.0.0.1", "smtpd_peername_lookup = no")
    run("postmap", "--root", SITE[1], "-c", SITE[2], "-q", "info@example.org", "hash:/etc/postfix/virtual")

    title("mailconf serve " + " ".join([*SITE, "--listen", "127.0.0.1:0"]))
    server = subprocess.Popen(
        [*MAILCONF, "serve", *SITE, "--listen", "127.0.0.1:0"], cwd=TOP, stderr=subprocess.PIPE, text=True
    )
    try:
        host, port = wait_for(server, r"listening on ([\d.]+):(\d+)").groups()
        for what, *message in MESSAGES:
            send(what, host, int(port), *message)
            wait_for(server, r"qmgr.*: removed" if message[1] == "shop.example.edu" else r"NOQUEUE: reject: ")
    finally:
        server.send_signal(signal.SIGTERM)
        for line in server.stderr or []:
            print("  " + line, end="")
        status = server.wait(timeout=30)
    print(f"  the server ended with status {status}")
    for mailbox in ("alice", "archive"):
        title(f"the content of /var/mail/{mailbox} now")
        print((SCRATCH / "var/mail" / mailbox).read_text())
    if status:
        sys.exit(status)


def lay_out() -> None:
    """A root of its own, in which the site's two users are the user who runs the demo."""
    shutil.rmtree(SCRATCH, ignore_errors=True)
    shutil.copytree(TOP / "examples/postfix", SCRATCH)
    (SCRATCH / "var/mail").mkdir(parents=True)
    (SCRATCH / "etc/passwd").write_text(
        "".join(f"{user}:x:{os.getuid()}:{os.getgid()}::/home/{user}:/bin/sh\n" for user in ("alice", "bob"))
    )
    print(f"The demo runs as {user_name()} below {SCRATCH.relative_to(TOP)}/.")


def user_name() -> str:
    """The caller's name; a user id in a container often has none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"


def title(text: str) -> None:
    print(f"\n=== {text}", flush=True)


def run(*arguments: str) -> None:
    title("mailconf " + " ".join(arguments))
    subprocess.run([*MAILCONF, *arguments], cwd=TOP, check=True)


def wait_for(server: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    """The first log line that matches; lines on the way to it are shown."""
    assert server.stderr is not None
    for line in server.stderr:
        print("  " + line, end="", flush=True)
        if found := re.search(pattern, line):
            return found
    sys.exit(f"the server ended before it logged {pattern}")


def send(what: str, host: str, port: int, client: str, helo: str, sender: str, recipient: str) -> None:
    title(f"{what}: client {client}, from {sender}, to {recipient}")
    with smtplib.SMTP(host, port, timeout=30) as smtp:
        smtp.ehlo("demo.example.com")
        smtp.docmd("XCLIENT", f"ADDR={client} NAME=[UNAVAILABLE]")
        smtp.ehlo(helo)
        code, words = smtp.mail(sender)
        if code == 250:
            code, words = smtp.rcpt(recipient)
        told = f"{code} {words.decode()}"
        if code == 250:
            code, words = smtp.data(f"From: {sender}\nTo: {recipient}\nSubject: {what}\n\nGood day.\n")
    print(f"the server said: {code} {words.decode()}")

    question = ["--client", client, "--helo", helo, "--from", sender, "--to", recipient]
    print("mailconf explain " + " ".join([*SITE, *question]))
    subprocess.run([*MAILCONF, "explain", *SITE, *question], cwd=TOP, check=True)
    answer = subprocess.run(
        [*MAILCONF, "explain", *SITE, *question, "--format", "json"],
        cwd=TOP,
        check=True,
        capture_output=True,
        text=True,
    )
    explained = [f"{step['code']} {' '.join(step['reply'])}" for step in json.loads(answer.stdout)["steps"]]
    if told not in explained:
        sys.exit(f"explain does not show the server's answer: {told}")


if __name__ == "__main__":
    socket.setdefaulttimeout(30)
    main()
