"""``mailconf serve`` as a process: mail through the built maps, reload, graceful stop."""

from __future__ import annotations

import os
import re
import signal
import smtplib
import socket
from pathlib import Path

import pytest
from served_fixture import TWO, serving
from site_fixture import ENVIRONMENT, lay_out, mailconf


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


def test_each_service_has_its_overrides(site: Path) -> None:
    master_cf = site / "etc/postfix/master.cf"
    stranger = ("203.0.113.5", "carol@example.edu", "info@example.org")
    with serving(site, TWO) as served:
        assert answers(served.ports["smtp"], *stranger)[-1][0] == 250
        assert answers(served.ports["submission"], *stranger)[-1] == (
            554,
            "5.7.1 <info@example.org>: Recipient address rejected: Access denied",
        )
        served.wait_for(r" postfix/smtpd\[\d+\]: [0-9A-F]+: client=unknown\[203\.0\.113\.5\]")
        served.wait_for(r" postfix/submission/smtpd\[\d+\]: NOQUEUE: reject: RCPT from unknown\[203\.0\.113\.5\]")

        changed = master_cf.read_text().replace("permit_mynetworks,reject", "permit_auth_destination,reject")
        master_cf.write_text(changed)
        os.kill(served.process.pid, signal.SIGHUP)
        served.wait_for(r"reload -- ")
        assert answers(served.ports["submission"], *stranger)[-1][0] == 250

        master_cf.write_text(re.sub(r"(?m)^submission inet.*\n(?:  .*\n)*", "", changed))
        os.kill(served.process.pid, signal.SIGHUP)
        served.wait_for("service submission is gone from master.cf")
        served.wait_for(r"reload -- ")
        with pytest.raises(ConnectionError):
            answers(served.ports["submission"], *stranger)
        assert answers(served.ports["smtp"], *stranger)[-1][0] == 250
        assert served.end() == 0


def test_without_options_master_cf_says_where(site: Path) -> None:
    ports = []
    for _ in range(2):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            ports.append(probe.getsockname()[1])
    master_cf = site / "etc/postfix/master.cf"
    text = re.sub(r"(?m)^smtp      inet", f"localhost:{ports[0]} inet", master_cf.read_text())
    master_cf.write_text(re.sub(r"(?m)^submission inet", f"{ports[1]} inet", text))
    with (site / "etc/postfix/main.cf").open("a") as file:
        file.write("inet_interfaces = loopback-only\n")
    with serving(site, ()) as served:
        assert served.ports == {f"localhost:{ports[0]}": ports[0]}
        served.wait_for(rf"listening on 127\.0\.0\.1:{ports[1]} for {ports[1]}$")
        with smtplib.SMTP("127.0.0.1", ports[1], timeout=30) as smtp:
            assert smtp.noop()[0] == 250
        assert served.end() == 0


def test_a_service_without_a_port_is_a_mistake(site: Path) -> None:
    with (site / "etc/postfix/master.cf").open("a") as file:
        file.write("nosuchport inet n - n - - smtpd\n")
    done = mailconf("serve", "--root", str(site), "/etc/postfix", status=1)
    assert re.search(
        r'master\.cf:\d+:1: error: the port "nosuchport" of service nosuchport is not known \[PF014\]', done.stderr
    )
    done = mailconf("serve", "--root", str(site), "/etc/postfix", "--listen", "127.0.0.1:0=imap", status=2)
    assert "there is no smtpd service imap in master.cf; there are: smtp inet, submission inet" in done.stderr


def test_settings_of_the_listener_come_from_the_configuration(site: Path) -> None:
    with (site / "etc/postfix/main.cf").open("a") as file:
        file.write("smtpd_helo_required = no\nsmtputf8_enable = no\nsmtpd_noop_commands = xnoop\n")
        file.write("smtpd_forbidden_commands = xbad, regexp:{{/^Z/ no}}\nsmtpd_authorized_xforward_hosts = 127.0.0.1\n")
        file.write("smtpd_recipient_limit = 2\nsmtpd_hard_error_limit = 4\nlocal_header_rewrite_clients =\n")
    with serving(site, TWO) as served:
        port = served.port
        with smtplib.SMTP("127.0.0.1", port, timeout=30) as smtp:
            assert smtp.docmd("XNOOP x")[0] == 250
            assert smtp.docmd("GET /")[0] == 500
            assert smtp.ehlo("c.example.com")[0] == 250
            assert not smtp.has_extn("smtputf8") and smtp.has_extn("xforward")
            assert smtp.docmd("XFORWARD NAME=x ADDR=192.0.2.1")[0] == 250
            smtp.mail("alice@example.com")
            assert [smtp.rcpt("alice@example.com")[0] for _ in range(3)] == [250, 250, 452]
            assert smtp.data("To: bob\n\nx\n")[0] == 250
        for verb in ("XBAD", "ZX"):
            with smtplib.SMTP("127.0.0.1", port, timeout=30) as smtp:
                assert smtp.docmd(verb)[0] == 221
        with smtplib.SMTP("127.0.0.1", port, timeout=30) as smtp:
            assert [smtp.docmd("FOO")[0] for _ in range(4)] == [500] * 4
            assert smtp.getreply()[0] == 421
        served.wait_for(r"qmgr\[\d+\]: [0-9A-F]+: removed")
        assert served.end() == 0
    assert any("connect from unknown[127.0.0.1]" in line for line in served.log)  # smtpd_peername_lookup = no
    assert "\nTo: bob\n" in (site / "var/mail/alice").read_text()  # not completed: the client is not local


def test_a_broken_configuration_is_not_served(site: Path) -> None:
    with (site / "etc/postfix/main.cf").open("a") as file:
        file.write("no parameter\n")
    done = mailconf("serve", "--root", str(site), "/etc/postfix", "--listen", "127.0.0.1:0", status=1)
    assert "PF002" in done.stderr


def test_what_is_no_address_is_misuse(site: Path) -> None:
    done = mailconf("serve", "--root", str(site), "/etc/postfix", "--listen", "nowhere", status=2)
    assert "nowhere is not HOST:PORT" in done.stderr


def test_the_port_of_postscreen_is_served_by_its_smtpd(site: Path) -> None:
    master_cf = site / "etc/postfix/master.cf"
    lines = master_cf.read_text().replace("smtp      inet  n       -       n       -       -       smtpd\n", "")
    smtpd = "smtpd pass - - n - - smtpd -o smtpd_relay_restrictions=reject\n"
    master_cf.write_text(f"{lines}2525 inet n - n - 1 postscreen\n{smtpd}")
    options = [word for name in ("", "=smtpd", "=587") for word in ("--listen", f"127.0.0.1:0{name}")]
    with serving(site, options) as served:
        # Without a name the service of port 25; here it does not exist, and the smtpd behind a postscreen comes next.
        assert served.ports.keys() == {"2525", "submission"}
        assert answers(served.port, "203.0.113.5", "carol@example.edu", "info@example.org")[-1] == (
            554,
            "5.7.1 <info@example.org>: Recipient address rejected: Access denied",
        )


def test_reports_are_worded_as_the_configuration_says(site: Path) -> None:
    etc = site / "etc/postfix"
    good = "failure_template = <<EOF\nSubject: It came back\n\nSorry, says $myhostname.\nEOF\n"
    (etc / "templates").write_text(good.replace("Subject", "X-Subject"))
    with (etc / "main.cf").open("a") as file:
        file.write("default_transport = smtp:[127.0.0.1]:1\nmaximal_queue_lifetime = 0\n")
        file.write("bounce_template_file = $config_directory/templates\n")
    with serving(site) as served:

        def bounced() -> str:
            """What alice reads when her mail comes back."""
            (site / "var/mail/alice").unlink(missing_ok=True)
            with smtplib.SMTP("127.0.0.1", served.port, timeout=30) as smtp:
                smtp.sendmail("alice@example.com", "e@elsewhere.example", "Subject: x\n\ny\n")
            served.wait_for(r"bounce\[\d+\]: \w+: sender non-delivery notification: \w+")
            served.wait_for(r"to=<alice@example.com>.* status=sent")
            return (site / "var/mail/alice").read_text()

        assert "\nSubject: Undelivered Mail Returned to Sender\n" in bounced()
        ignored = r'postfix/bounce\[\d+\]: warning: /etc/postfix/templates: unknown "X-Subject" header label'
        assert [line for line in served.log if re.search(ignored, line)]

        (etc / "templates").write_text(good)
        os.kill(served.process.pid, signal.SIGHUP)
        served.wait_for(r"reload -- ")
        text = bounced()
        assert "\nSubject: It came back\n" in text and "\nSorry, says mail.example.com.\n" in text

        (etc / "templates").write_text(good.replace("$myhostname", "$nosuch"))
        os.kill(served.process.pid, signal.SIGHUP)
        served.wait_for("undefined .name in failure template: Sorry, says .nosuch")
        served.wait_for("configuration not reloaded")
        assert "\nSubject: It came back\n" in bounced()
        assert served.end() == 0


def test_systemd_is_told_when_connections_are_taken(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"@mailconf-serve-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name[1:])
        systemd.setblocking(False)
        monkeypatch.setitem(ENVIRONMENT, "NOTIFY_SOCKET", name)
        with serving(site) as served:
            systemd.settimeout(30)
            assert systemd.recv(100) == b"READY=1\n"
            served.process.send_signal(signal.SIGHUP)
            served.wait_for("reload -- version mailconf")
