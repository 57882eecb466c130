"""What ``mailconf serve`` gives to an administrator's tools, figures and objects, and takes from systemd: sockets."""

from __future__ import annotations

import json
import os
import re
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain
from served_fixture import ONE, Served, serving
from site_fixture import ENVIRONMENT, TOP, lay_out, mailconf

SCHEMA = jsonschema.Draft202012Validator(json.loads((TOP / "docs/log.schema.json").read_text()))
Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A built site; mail for dead.example waits, as nobody is at its host."""
    main_cf = lay_out(tmp_path)
    with main_cf.open("a") as file:
        file.write("smtpd_peername_lookup = no\nrelay_transport = smtp:[127.0.0.1]:1\nrelay_domains = dead.example\n")
        file.write("smtpd_authorized_xclient_hosts = 127.0.0.1\nsmtpd_error_sleep_time = 0\n")
        file.write("relay_recipient_maps =\ndefault_transport = smtp:[127.0.0.1]:1\n")
    mailconf("build", "--root", str(tmp_path), "/etc/postfix")
    return tmp_path


def scrape(served: Served, *, accept: str = "*/*") -> Figures:
    request = urllib.request.Request(served.figures, headers={"Accept": accept})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        text, kind = answer.read().decode(), answer.headers["Content-Type"]
    assert kind.startswith("application/openmetrics-text" if "openmetrics" in accept else "text/plain")
    families = open_metrics(text) if "openmetrics" in accept else plain(text)
    return {(each.name, frozenset(each.labels.items())): each.value for one in families for each in one.samples}


def figure(figures: Figures, name: str, **labels: str) -> float:
    return figures[f"mailconf_{name}", frozenset(labels.items())]


@contextmanager
def measured(site: Path) -> Iterator[Served]:
    with serving(site, (*ONE, "--metrics", "0")) as served:
        line = next(line for line in served.log if "figures at" in line)
        served.figures = line.partition("figures at ")[2]
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/metrics", served.figures)
        yield served


def test_figures(site: Path) -> None:
    with measured(site) as served:
        before = scrape(served)
        for name in ("connections_total", "sessions"):
            assert figure(before, name, service="smtp") == 0
        with smtplib.SMTP("127.0.0.1", served.port, timeout=30) as smtp:
            smtp.sendmail("a@example.edu", ["info@example.org"], "Subject: x\n\nx\n")
            served.wait_for(r"to=<alice@example\.com>.* status=sent")
            smtp.sendmail("a@example.edu", ["b@dead.example"], "Subject: x\n\nx\n")
            served.wait_for(r"to=<b@dead\.example>.* status=deferred")
            assert smtp.docmd("XCLIENT", "ADDR=203.0.113.5 NAME=[UNAVAILABLE]")[0] == 220
            smtp.ehlo("x")
            smtp.mail("a@example.edu")
            assert smtp.rcpt("e@elsewhere.example")[0] == 554
            assert smtp.docmd("VERYLONGVERB")[0] == 500
            figures = settled(served, "deferred", 1)
            assert figure(figures, "sessions", service="smtp") == 1
        assert figure(figures, "connections_total", service="smtp") == 1
        assert figure(figures, "arrivals_total", origin="smtp") == 2
        assert figure(figures, "deliveries_total", transport="smtp", status="deferred") == 1
        sent = sum(
            v for (name, labels), v in figures.items() if "deliveries_total" in name and ("status", "sent") in labels
        )
        assert sent == figure(figures, "delivery_seconds_count", transport="local") == 3  # and always_bcc's copy
        assert figure(figures, "rejections_total", phase="RCPT", code="554") == 1
        assert figure(figures, "rejections_total", phase="OTHER", code="500") == 1
        assert figure(figures, "queue_messages", state="deferred") == 1
        assert figure(figures, "queue_messages", state="active") == 0
        assert 0 <= figure(figures, "queue_oldest_seconds", state="deferred") < 1000
        assert figure(figures, "queue_oldest_seconds", state="hold") == 0
        assert figure(figures, "queue_sync_seconds_count") >= 2
        assert figure(figures, "queue_sync_seconds_sum") > 0
        assert figures["process_resident_memory_bytes", frozenset()] > 1 << 20
        os.kill(served.process.pid, signal.SIGHUP)
        served.wait_for("reload -- ")
        mailconf("postsuper", "--root", str(site), "-h", "ALL")
        later = settled(served, "hold", 1, accept="application/openmetrics-text")
        assert figure(later, "reloads_total", result="done") == 1
        assert {name for name, _ in later} >= {name for name, _ in figures}
        assert served.end() == 0


def settled(served: Served, state: str, count: int, *, accept: str = "*/*") -> Figures:
    """The figures when so many messages are in a state; a page is given again for a second."""
    while figure(found := scrape(served, accept=accept), "queue_messages", state=state) != count:
        assert served.process.poll() is None
        time.sleep(0.05)
    return found


def test_what_a_client_says_is_no_label(site: Path) -> None:
    """The number of figures has a bound that no client can move."""
    with measured(site) as served, smtplib.SMTP("127.0.0.1", served.port, timeout=30) as smtp:
        for number in range(40):  # smtpd_hard_error_limit
            try:
                smtp.docmd(f"VERB{number}")
                smtp.docmd("EHLO", f'host{number}"}}\\.example')
                smtp.docmd("MAIL", f"FROM:<x{number}")
            except smtplib.SMTPServerDisconnected:
                break
        figures = scrape(served)
        phases = {dict(labels)["phase"] for name, labels in figures if name == "mailconf_rejections_total"}
        assert phases <= {"OTHER", "MAIL", "EHLO"} and "OTHER" in phases
        assert not any("VERB" in value or "host" in value for _, labels in figures for _, value in labels)


def test_where_figures_are_not_to_be_had(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("serve", "--root", str(site), "/etc/postfix", "--listen", "127.0.0.1:0")
    assert "is not HOST:PORT" in mailconf(*arguments, "--metrics", "here", status=2).stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = mailconf(*arguments, "--metrics", str(taken.getsockname()[1]), status=1)
        assert "fatal: " in done.stderr and "address already in use" in done.stderr.lower()


class Objects:
    """The log of a server, as objects; each is as the schema has it."""

    def __init__(self, root: Path, folder: str = "/etc/postfix") -> None:
        command = [sys.executable, "-m", "mailconf", "serve", "--root", str(root), folder, *ONE]
        self.process = subprocess.Popen([*command, "--log-format", "json"], stderr=subprocess.PIPE, env=ENVIRONMENT)
        self.watchdog = threading.Timer(60, self.process.kill)
        self.watchdog.start()
        self.seen: list[dict[str, Any]] = []

    def wait_for(self, event: str) -> dict[str, Any]:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            assert line.isascii() and line.endswith(b"\n") and not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", line)
            found = json.loads(line)
            SCHEMA.validate(found)
            self.seen.append(found)
            if found["event"] == event:
                return found["facts"] | {"lines": [f"{each['program']}: {each['text']}" for each in found["lines"]]}
        raise AssertionError(f"no {event} in {[each['event'] for each in self.seen]}")

    def end(self) -> int:
        self.process.terminate()
        self.wait_for("stopped")
        self.watchdog.cancel()
        status = self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()
        return status


def test_the_log_as_objects(site: Path) -> None:
    log = Objects(site)
    port = log.wait_for("listening")["port"]
    evil = b'<"a\\"}],\\"event\\":\\"forged\\"\x01\x7f"@x>'
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client, client.makefile("rwb") as file:
        for line in (
            b"EHLO x",
            b"MAIL FROM:" + evil,
            b"RCPT TO:<bad\xff\xc3\xa9@example.net>",
            b"RSET",
            b"\x1b[31m\xf0\x9f\x98\x80\xed\xa0\x80" + b"y" * 5000,
            b"MAIL FROM:<a@example.edu>",
            b"RCPT TO:<info@example.org>",
            b"DATA",
            b'Message-ID: <\xff"\\\x1b}@x>\r\nSubject: x\r\n\r\nx\r\n.',
            b"QUIT",
        ):
            file.write(line + b"\r\n")
            file.flush()
            while file.readline()[3:4] == b"-":
                pass
    delivery = log.wait_for("delivery")
    assert delivery["result"]["recipient"] in ("alice@example.com", "archive@example.com")
    assert delivery["result"]["status"] == "sent" and delivery["transport"] == "local"
    assert delivery["lines"][0].startswith("local: ") and "status=sent" in delivery["lines"][0]
    assert log.end() == 0
    assert "forged" not in {each["event"] for each in log.seen}
    identities = next(each["facts"]["fields"] for each in log.seen if each["event"] == "message_ids")
    assert identities == {"message-id": '<\\xff"\\\x1b}@x>'}
    refused = [each["facts"] for each in log.seen if each["event"] == "command_refused"]
    assert refused and all(len(each["text"]) < 2100 for one in log.seen for each in one["lines"])


def test_sockets_that_are_handed_over(site: Path) -> None:
    """As systemd does it: descriptors from 3 on, whose names are those of services; the process binds nothing."""
    launch = (
        "import os, sys\n"
        "first, second, *command = sys.argv[1:]\n"
        "os.dup2(int(first), 103); os.dup2(int(second), 104); os.dup2(103, 3); os.dup2(104, 4)\n"
        "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='2', LISTEN_FDNAMES='mailconf.socket:submission')\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'mailconf', *command])\n"
    )
    master_cf = site / "etc/postfix/master.cf"
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        ports = [each.getsockname()[1] for each in (one, two)]
        master_cf.write_text(re.sub(r"(?m)^smtp( +)inet", rf"{ports[0]}\1inet", master_cf.read_text()))
        numbers = [one.fileno(), two.fileno()]
        command = [sys.executable, "-c", launch, *map(str, numbers), "serve", "--root", str(site), "/etc/postfix"]
        process = subprocess.Popen(command, pass_fds=numbers, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        assert process.stderr is not None
        heard = []
        for line in process.stderr:
            heard.append(line)
            if "for submission" in line:
                break
        listening = [re.search(r"listening on 127\.0\.0\.1:(\d+) for (\S+)", line) for line in heard]
        found = {(int(each[1]), each[2]) for each in listening if each}
        assert found == {(ports[0], f"{ports[0]}"), (ports[1], "submission")}, heard
        for port, code in zip(ports, (250, 554), strict=True):
            with smtplib.SMTP("127.0.0.1", port, timeout=30) as smtp:
                smtp.ehlo("x")
                smtp.mail("a@example.edu")
                # The settings are those of the service: submission takes mail from its own networks alone.
                assert smtp.rcpt("info@example.org")[0] in ((250,) if code == 250 else (250, 554))
        process.terminate()
        process.stderr.read()
        assert process.wait() == 0
        watchdog.cancel()
        process.stderr.close()
        # Whoever has made the sockets keeps them: clients that come now wait for the next start.
        with socket.create_connection(("127.0.0.1", ports[0]), timeout=30):
            pass


def test_a_socket_of_no_service(site: Path) -> None:
    launch = (
        "import os, sys\n"
        "os.dup2(int(sys.argv[1]), 103); os.dup2(103, 3)\n"
        "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', LISTEN_FDNAMES='other')\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'mailconf', *sys.argv[2:]])\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as one:
        command = [sys.executable, "-c", launch, str(one.fileno()), "serve", "--root", str(site), "/etc/postfix"]
        done = subprocess.run(
            command, pass_fds=[one.fileno()], capture_output=True, text=True, env=ENVIRONMENT, timeout=60, check=False
        )
    assert done.returncode == 1 and "[FS003]" in done.stderr and "other" in done.stderr
