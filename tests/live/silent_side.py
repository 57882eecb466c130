"""What Postfix does with mistakes that need port 25 or the DNS, in a network of its own.

Run by test_silent_mistakes_live. Prints one JSON object: the name of a question, and the reply or the lines of the log.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from fixture_dns import isolate, serve
from private_postfix import Client, PrivatePostfix, free_port

ZONE = {
    "mail.corp.test": {"A": ["127.0.0.1"]},
    "backup.test": {"MX": ["10 primary.test.", "20 mail.corp.test."]},
    "primary.test": {"A": ["127.0.0.9"]},
    "1.0.0.127.list.test": {"A": ["127.0.0.2"]},
}
SITE = {
    "myhostname": "mail.corp.test",
    "mydestination": "$myhostname",
    "mynetworks": "10.0.0.0/8",
    "local_recipient_maps": "",
    "inet_interfaces": "127.0.0.1",
    "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
}
MAIL = ("EHLO mail.partner.test", "MAIL FROM:<a@partner.test>")
SCREEN = "127.0.0.1:{} inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd\n"
DNSBLOG = "dnsblog unix - - n - 0 dnsblog\n"


def say(port: int, *lines: str) -> str:
    """The answer to the last line."""
    client = Client(port)
    answer = client.greeting
    for line in lines:
        answer = client.command(line)
    client.close()
    return answer


def logged(postfix: PrivatePostfix, since: int, text: str) -> str:
    """The line of the log with ``text``, "" where there is none within 20 seconds."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        for line in postfix.log_lines()[since:]:
            if text in line:
                return line
        time.sleep(0.1)
    return ""


def main(top: Path) -> None:
    isolate()
    server = serve(ZONE)
    told: dict[str, str] = {}
    with PrivatePostfix(top) as postfix:
        trusting = {**SITE, "mynetworks": "127.0.0.0/8", "default_transport": "smtp", "relayhost": "[$myhostname]"}
        postfix.configure(trusting, services="127.0.0.1:25 inet n - n - - smtpd\n")
        since = len(postfix.log_lines())
        say(postfix.port, *MAIL, "RCPT TO:<x@far.test>", "DATA", "Subject: x\r\n\r\n.")
        told["relayhost"] = logged(postfix, since, "status=")
        backup = {"smtpd_relay_restrictions": "permit_mx_backup, reject_unauth_destination"}
        for name, more in (("backup", {}), ("networks", {"permit_mx_backup_networks": "10.0.0.0/8"})):
            postfix.configure({**SITE, **backup, **more})
            told[name] = say(postfix.port, *MAIL, "RCPT TO:<x@backup.test>")
        screen = {
            "postscreen_access_list": "",
            "postscreen_dnsbl_sites": "list.test",
            "postscreen_dnsbl_action": "enforce",
            "postscreen_greet_wait": "1s",
        }
        for threshold, services in (("none", ""), ("1", DNSBLOG), ("3", DNSBLOG)):  # a socket would stay behind
            cache = {"postscreen_cache_map": f"btree:$data_directory/screen{threshold}"}
            limit = {"postscreen_dnsbl_threshold": threshold} if services else {}
            port = free_port()
            postfix.configure({**SITE, **screen, **cache, **limit}, services=SCREEN.format(port) + services)
            since = len(postfix.log_lines())
            told[f"threshold {threshold}"] = say(port, *MAIL, "RCPT TO:<root@mail.corp.test>")
            if not services:
                told["no dnsblog"] = logged(postfix, since, "private/dnsblog")
    server.close()
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
