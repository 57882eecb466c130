"""``mailconf serve`` as a process: mail through the built maps, reload, graceful stop."""

from __future__ import annotations

import os
import re
import signal
import smtplib
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from site_fixture import ENVIRONMENT, lay_out, mailconf


class Served:
    """A running ``mailconf serve``; its log is read as it comes."""

    def __init__(self, root: Path, *options: str) -> None:
        command = [sys.executable, "-m", "mailconf", "serve", "--root", str(root), "/etc/postfix", *options]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
        self.watchdog = threading.Timer(60, self.process.kill)
        self.watchdog.start()
        self.log: list[str] = []
        self.port = int(self.wait_for(r"listening on 127\.0\.0\.1:(\d+)")[1])

    def wait_for(self, pattern: str) -> re.Match[str]:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line.rstrip("\n"))
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"{pattern} is not in the log:\n" + "\n".join(self.log))

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        os.kill(self.process.pid, number)
        assert self.process.stderr is not None
        self.log += [line.rstrip("\n") for line in self.process.stderr]
        return self.process.wait()


@contextmanager
def serving(root: Path) -> Iterator[Served]:
    served = Served(root, "--listen", "127.0.0.1:0")
    try:
        yield served
    finally:
        served.watchdog.cancel()
        served.process.kill()
        served.process.wait()
        if served.process.stderr:
            served.process.stderr.close()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A built site that lets the tests be any client."""
    main_cf = lay_out(tmp_path)
    with main_cf.open("a") as file:
        file.write("smtpd_authorized_xclient_hosts = 127.0.0.1\nsmtpd_peername_lookup = no\n")
    mailconf("build", "--root", str(tmp_path), "/etc/postfix")
    return tmp_path


def answers(port: int, client: str, sender: str, recipient: str) -> list[tuple[int, str]]:
    """The replies to MAIL, RCPT and, when these are taken, the message."""
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as smtp:
        smtp.ehlo("test.example.com")
        assert smtp.docmd("XCLIENT", f"ADDR={client} NAME=[UNAVAILABLE]")[0] == 220
        smtp.ehlo("client.example.edu")
        replies = [smtp.mail(sender), smtp.rcpt(recipient)]
        if replies[-1][0] == 250:
            replies.append(smtp.data("Subject: hello\n\nGood day.\n"))
    return [(code, text.decode()) for code, text in replies]


def test_mail_is_delivered_refused_and_told(site: Path) -> None:
    with serving(site) as served:
        code, text = answers(served.port, "203.0.113.5", "carol@example.edu", "info@example.org")[-1]
        assert code == 250
        assert re.fullmatch(r"2\.0\.0 Ok: queued as [0-9A-F]+", text)
        served.wait_for(r"to=<alice@example\.com>, orig_to=<info@example\.org>, relay=local, .*status=sent")
        served.wait_for(r"qmgr\[\d+\]: [0-9A-F]+: removed")

        assert answers(served.port, "198.51.100.9", "w@example.biz", "info@example.org")[-1] == (
            554,
            "5.7.1 <unknown[198.51.100.9]>: Client host rejected: Your network sends us nothing but spam",
        )
        assert answers(served.port, "203.0.113.5", "d@example.edu", "e@elsewhere.example")[-1] == (
            554,
            "5.7.1 <e@elsewhere.example>: Relay access denied",
        )
        assert served.end() == 0
    mailbox = (site / "var/mail/alice").read_text()
    assert "X-Original-To: info@example.org\nDelivered-To: alice@example.com\n" in mailbox
    assert mailbox.endswith("\nGood day.\n\n")
    assert "Good day." in (site / "var/mail/archive").read_text()


def test_a_bad_reload_changes_nothing_and_a_good_one_does(site: Path) -> None:
    main_cf = site / "etc/postfix/main.cf"
    good = main_cf.read_text()
    refused = ("203.0.113.5", "d@example.edu", "e@elsewhere.example")
    with serving(site) as served:
        main_cf.write_text(good + "smtpd_client_restrictions = permit_mynetwork\n")
        os.kill(served.process.pid, signal.SIGHUP)
        served.wait_for("configuration not reloaded")
        assert any("PF201" in line for line in served.log)
        assert answers(served.port, *refused)[-1][0] == 554

        main_cf.write_text(good + "relay_domains = partner.example, elsewhere.example\nrelay_recipient_maps =\n")
        os.kill(served.process.pid, signal.SIGHUP)
        served.wait_for(r"reload -- ")
        with smtplib.SMTP("127.0.0.1", served.port, timeout=30) as smtp:
            smtp.ehlo("test.example.com")
            smtp.docmd("XCLIENT", "ADDR=203.0.113.5 NAME=[UNAVAILABLE]")
            smtp.ehlo("client.example.edu")
            smtp.mail("d@example.edu")
            assert smtp.rcpt("e@elsewhere.example")[0] == 250
        assert served.end() == 0


def test_a_broken_configuration_is_not_served(site: Path) -> None:
    with (site / "etc/postfix/main.cf").open("a") as file:
        file.write("no parameter\n")
    done = mailconf("serve", "--root", str(site), "/etc/postfix", "--listen", "127.0.0.1:0", status=1)
    assert "PF002" in done.stderr


def test_what_is_no_address_is_misuse(site: Path) -> None:
    done = mailconf("serve", "--root", str(site), "/etc/postfix", "--listen", "nowhere", status=2)
    assert "nowhere is not HOST:PORT" in done.stderr
