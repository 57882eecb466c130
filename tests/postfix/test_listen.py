"""Where smtpd services listen. The families and the parsing were seen on master(8)."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from mailconf.diagnostics import Sink
from mailconf.postfix.settings import listen, machine
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.listen import MOST_FAULTS, endpoints, report_known_ports
from mailconf.postfix.settings.site import site_of


def found(top: Path, names: list[str], **parameters: str) -> tuple[list[tuple[str, int, str]], list[str]]:
    """The endpoints of services with these names, and the codes of what was reported."""
    (top / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in parameters.items()))
    (top / "master.cf").write_text("".join(f"{name} inet n - n - - smtpd\n" for name in names))
    sink = Sink()
    configuration = Configuration.load(str(top), sink)
    result = endpoints(configuration, site_of(configuration), sink)
    return [tuple(e) for e in result], [d.code for d in sink]


@pytest.fixture(autouse=True)
def both_families(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the machine has: a container often lacks ::1."""
    monkeypatch.setattr(listen, "_usable", lambda family: True)
    monkeypatch.setattr(machine, "interfaces", lambda: [("127.0.0.1", 8), ("::1", 128)])


@pytest.mark.parametrize(
    ("name", "protocols", "interfaces", "expected"),
    [
        ("2525", "all", "all", ["0.0.0.0", "::"]),
        (":2525", "ipv4", "all", ["0.0.0.0"]),
        ("2525", "ipv6", "all", ["::"]),
        ("2525", "ipv4, ipv6", "loopback-only", ["127.0.0.1", "::1"]),
        ("127.0.0.1:2525", "ipv4", "all", ["127.0.0.1"]),
        ("[::1]:2525", "all", "127.0.0.1", ["::1"]),
        ("::1:2525", "all", "all", ["::1"]),
        ("2525", "all", "127.0.0.1, [::1], 127.0.0.1", ["127.0.0.1", "::1"]),
        ("2525", "ipv4", "127.0.0.1 [::1]", ["127.0.0.1"]),
    ],
)
def test_addresses(tmp_path: Path, name: str, protocols: str, interfaces: str, expected: list[str]) -> None:
    result, codes = found(tmp_path, [name], inet_protocols=protocols, inet_interfaces=interfaces)
    assert result == [(host, 2525, name) for host in expected]
    assert codes == []


def test_a_port_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getservbyname", lambda name, protocol: {("smtp", "tcp"): 25}[name, protocol])
    assert found(tmp_path, ["127.0.0.1:smtp"]) == ([("127.0.0.1", 25, "127.0.0.1:smtp")], [])


def test_ports_without_services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A minimal machine has no /etc/services; postconf(5) known_tcp_ports names the usual ports."""

    def unknown(name: str, protocol: str) -> int:
        raise OSError("service/proto not found")

    monkeypatch.setattr(socket, "getservbyname", unknown)
    names = ["127.0.0.1:smtp", "127.0.0.1:submission", "127.0.0.1:smtps"]
    assert found(tmp_path, names) == ([("127.0.0.1", n, s) for n, s in zip((25, 587, 465), names, strict=True)], [])
    own = {"known_tcp_ports": "inner = 10025"}
    assert found(tmp_path, ["127.0.0.1:inner"], **own) == ([("127.0.0.1", 10025, "127.0.0.1:inner")], [])
    assert found(tmp_path, ["127.0.0.1:smtp"], **own) == ([], ["PF014"])


@pytest.mark.parametrize("name", ["no-such-port", "127.0.0.1:no-such-port", "65536", "99999999999", "127.0.0.1:"])
def test_a_port_that_is_none(tmp_path: Path, name: str) -> None:
    assert found(tmp_path, [name]) == ([], ["PF014"])


def test_a_host_that_has_no_address(tmp_path: Path) -> None:
    assert found(tmp_path, ["127.0.0.1:2525"], inet_protocols="ipv6") == ([], ["PF015"])
    assert found(tmp_path, ["no.host.invalid:2525"]) == ([], ["PF015"])


def test_an_interface_that_has_no_address_is_told_once(tmp_path: Path) -> None:
    interfaces = {"inet_interfaces": "no.host.invalid, 127.0.0.1", "inet_protocols": "ipv4", "mynetworks": "127.0.0.1"}
    result = found(tmp_path, ["2525", "2526"], **interfaces)
    assert result == ([("127.0.0.1", 2525, "2525"), ("127.0.0.1", 2526, "2526")], ["PF015"])


def test_a_family_that_the_machine_lacks_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "_usable", lambda family: family == socket.AF_INET)
    assert found(tmp_path, ["2525"])[0] == [("0.0.0.0", 2525, "2525")]


def told(top: Path, main: str, master: str) -> list[tuple[str, int, str]]:
    """The file, the line and the words of each report on known_tcp_ports."""
    (top / "main.cf").write_text(main)
    (top / "master.cf").write_text(master)
    sink = Sink()
    report_known_ports(Configuration.load(str(top), sink), sink)
    assert {d.code for d in sink} <= {"PF235"}
    return [
        (file.rpartition("/")[2], int(line), d.message.removeprefix("known_tcp_ports: "))
        for d in sink
        for file, line in [d.place.split(":")[:2]]
    ]


def test_known_ports_of_a_service(tmp_path: Path) -> None:
    """As smtpd and trivial-rewrite 3.7.11 were seen to warn; main.cf's list is not warned of again by each service."""
    main = "biff = 25\nknown_tcp_ports = a=$biff, b\n"
    master = (
        "2525 inet n - n - - smtpd\n -o { known_tcp_ports = smtp=25, foo, a=b }\n"
        "rewrite unix - - n - - trivial-rewrite -o myhostname=a.test\n"
        " -o known_tcp_ports=zzz\n"
        "x unix - - n - - smtp -o biff=27\n"
        "y unix - - n - - smtp -o biff=z\n"
        "z unix - - n - - smtp -o known_tcp_ports=\n"
    )
    no_number = "non-numerical service port"
    assert told(tmp_path, main, master) == [
        ("main.cf", 2, 'in " b" is not in "name = value" form'),
        ("master.cf", 2, 'in " foo" is not in "name = value" form'),
        ("master.cf", 2, f'in " a=b": {no_number}'),
        ("master.cf", 4, 'in "zzz" is not in "name = value" form'),
        ("main.cf", 2, f'in "a=z": {no_number}'),
    ]


def test_known_ports_of_many_services(tmp_path: Path) -> None:
    """Their faults count together."""
    master = "".join(f"s{n} unix - - n - - smtp -o known_tcp_ports=a{n},b\n" for n in range(MOST_FAULTS))
    assert len(told(tmp_path, "", master)) == MOST_FAULTS
