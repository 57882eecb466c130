from __future__ import annotations

from pathlib import Path

from mailconf.diagnostics import Sink
from mailconf.model.site import Site
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.site import site_of


def site(folder: Path, text: str, services: str = "") -> Site:
    (folder / "main.cf").write_text(text)
    (folder / "master.cf").write_text(services)
    return site_of(Configuration.load(str(folder), Sink()))


def test_masquerading_and_the_relay_for_unknown_users(tmp_path: Path) -> None:
    found = site(
        tmp_path,
        "masquerade_domains = !keep.example.org example.org\nmasquerade_exceptions = root\n"
        "masquerade_classes = header_sender\nluser_relay = postmaster\n",
    )
    masquerade = found.masquerade
    assert (masquerade.domains.value, masquerade.exceptions.value) == (("example.org",), ("keep.example.org",))
    assert masquerade.domains.span and masquerade.domains.span.line == 1
    assert (masquerade.users.value, masquerade.envelope, masquerade.recipients) == (("root",), False, False)
    assert (found.luser_relay.value, found.luser_relay.span and found.luser_relay.span.line) == ("postmaster", 4)


def test_milters(tmp_path: Path) -> None:
    found = site(tmp_path, "smtpd_milters = inet:localhost:1 { unix:/run/m, default_action = accept }\n")
    assert [(m.socket, m.settings, m.used, m.span and m.span.first.column) for m in found.milters] == [
        ("inet:localhost:1", {}, True, 17),
        ("unix:/run/m", {"default_action": "accept"}, True, 34),
    ]


def test_the_port_of_each_transport(tmp_path: Path) -> None:
    services = (
        "smtp unix - - n - - smtp\nout unix - - n - - smtp -o smtp_tcp_port=$submit\nlmtp unix - - n - - lmtp\n"
        "in unix - - n - - lmtp -o lmtp_tcp_port=2003 -o smtp_tcp_port=1\nlocal unix - n n - - local\n"
    )
    assert site(tmp_path, "", services).client_ports == {"smtp": "smtp", "out": "", "lmtp": "24", "in": "2003"}
    found = site(tmp_path, "smtp_tcp_port = 2525\nsubmit = 587\n", services)
    assert found.client_ports == {"smtp": "2525", "out": "587", "lmtp": "24", "in": "2003"}
