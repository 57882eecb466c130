"""Which smtpd of a master.cf is meant: by default, by a name, and behind postscreen."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailconf.diagnostics import Sink
from mailconf.ports import Ports
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.listen import endpoints
from mailconf.postfix.settings.listeners import all_smtpds, called, default_service, label, report_missing
from mailconf.postfix.settings.site import site_of

# As mailcow, docker-mailserver and many who followed POSTSCREEN_README have it.
POSTSCREEN = """\
# smtp inet n - y - - smtpd
smtp inet n - y - 1 postscreen
smtpd pass - - y - - smtpd
  -o smtpd_helo_restrictions=permit_mynetworks
dnsblog unix - - y - 0 dnsblog
tlsproxy unix - - y - 0 tlsproxy
submission inet n - y - - smtpd
  -o syslog_name=postfix/submission
smtps inet n - y - - smtpd
127.0.0.1:10025 inet n - n - - smtpd
"""


def load(folder: Path, master_cf: str, main_cf: str = "") -> Configuration:
    (folder / "main.cf").write_text(main_cf)
    (folder / "master.cf").write_text(master_cf)
    return Configuration.load(str(folder), Sink())


def chosen(folder: Path, lines: str, name: str = "") -> str | None:
    services = all_smtpds(load(folder, lines))
    found = called(services, name, Ports()) if name else default_service(services, Ports())
    return found.title if found else None


@pytest.mark.parametrize(
    ("lines", "title"),
    [
        (POSTSCREEN, "smtpd pass behind smtp inet (postscreen)"),
        ("submission inet n - y - - smtpd\nsmtp inet n - y - - smtpd\n", "smtp inet"),
        ("587 inet n - y - - smtpd\n25 inet n - y - - smtpd\n", "25 inet"),
        ("127.0.0.1:10025 inet n - y - - smtpd\n192.0.2.1:smtp inet n - y - - smtpd\n", "192.0.2.1:smtp inet"),
        ("127.0.0.1:smtp inet n - y - - smtpd\n[2001:db8::1]:25 inet n - y - - smtpd\n", "[2001:db8::1]:25 inet"),
        ("[::1]:25 inet n - y - - smtpd\nsubmission inet n - y - - smtpd\n", "[::1]:25 inet"),
        (":smtp inet n - y - - smtpd\n", ":smtp inet"),
        ("submission inet n - y - - smtpd\nsmtpd pass - - y - - smtpd\n", "smtpd pass"),
        ("2525 inet n - y - - smtpd\nsmtp unix - - y - - smtp\n", "2525 inet"),
        ("in unix n - y - - smtpd\n", "in unix"),
        ("smtp unix - - y - - smtp\n", None),
        ("smtp inet n - y - 1 postscreen\nsubmission inet n - y - - smtpd\n", "submission inet"),
        (
            "smtp inet n - y - 1 postscreen -o smtpd_service_name=inner\ninner pass - - y - - smtpd\n",
            "inner pass behind smtp inet (postscreen)",
        ),
        (
            "127.0.0.1:25 inet n - y - 1 postscreen\n192.0.2.1:25 inet n - y - 1 postscreen\n"
            "smtpd pass - - - - - smtpd",
            "smtpd pass behind 192.0.2.1:25 inet (postscreen)",
        ),
    ],
)
def test_the_service_of_port_25(tmp_path: Path, lines: str, title: str | None) -> None:
    assert chosen(tmp_path, lines) == title


BEHIND = "smtpd pass behind smtp inet (postscreen)"


@pytest.mark.parametrize(
    ("name", "title"),
    [
        *((name, BEHIND) for name in ("smtp", "smtpd", "25", ":25", "smtpd/pass", "smtpd pass", "smtp/inet")),
        *((name, "submission inet") for name in ("submission", "587", "submission/inet")),
        *((name, "127.0.0.1:10025 inet") for name in ("127.0.0.1:10025", "10025")),
        *((name, None) for name in ("smtp/unix", "dnsblog", "26", "nosuch", "70000", "")),
    ],
)
def test_a_service_by_its_names(tmp_path: Path, name: str, title: str | None) -> None:
    found = called(all_smtpds(load(tmp_path, POSTSCREEN)), name, Ports())
    assert (found.title if found else None) == title


def test_a_port_means_the_service_that_strangers_reach(tmp_path: Path) -> None:
    lines = "127.0.0.1:smtp inet n - y - - smtpd\n192.0.2.1:smtp inet n - y - - smtpd\n"
    assert chosen(tmp_path, lines, "smtp") == chosen(tmp_path, lines, "25") == "192.0.2.1:smtp inet"
    assert chosen(tmp_path, lines, "127.0.0.1:smtp") == "127.0.0.1:smtp inet"


def test_clients_connect_to_postscreen_and_are_served_as_its_smtpd_says(tmp_path: Path) -> None:
    main_cf = "inet_interfaces = all\ninet_protocols = ipv4\n"
    configuration = load(tmp_path, POSTSCREEN.replace("smtp inet n - y - 1", "2525 inet n - y - 1"), main_cf)
    site = site_of(configuration)
    first = site.listeners[0]
    assert (first.name, first.kind, first.overrides) == (
        "smtpd", "pass", {"smtpd_helo_restrictions": "permit_mynetworks"},
    )  # fmt: skip
    sink = Sink()
    assert endpoints(configuration, site, sink)[0] == ("0.0.0.0", 2525, "2525")
    assert configuration.for_service(first).value("service_name") == "smtpd"
    assert label(first) == "2525"
    report_missing(configuration, sink)
    assert not sink.failed


def test_a_postscreen_without_its_smtpd(tmp_path: Path) -> None:
    configuration = load(tmp_path, "smtp inet n - y - 1 postscreen\nsmtpd unix - - y - - smtpd\n")
    sink = Sink()
    report_missing(configuration, sink)
    assert [(d.code, d.span and d.span.line) for d in sink] == [("PF230", 1)]
    assert [label(service) for service in all_smtpds(configuration)] == ["smtpd/unix"]
