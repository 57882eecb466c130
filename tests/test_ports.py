"""Names of TCP ports. The answers and the warnings are those of postmap 3.7.11, asked for a tcp: table at that port."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from mailconf.files import Root
from mailconf.ports import Ports, read_known

ANSWERS = [
    ("foo=2525", "foo", 2525),
    ("foo=2525", "FOO", None),
    ("foo=bar=2525", "foo", 2525),
    ("foo=bar=2525", "bar", 2525),
    ("foo=bar=x=2525", "foo", 2525),
    ("foo = 2525 ,\tbar\t=\t2526  ", "bar", 2526),
    ("foo=2525,,bar=2526", "bar", 2526),
    ("foo=002525", "foo", 2525),
    ("foo=00000000000000002525", "foo", 2525),
    ("foo=99999999999999999999", "foo", None),
    ("smtp=2525", "smtp", 2525),
    ("25=2525", "25", 25),
    ("fo.o-_=2525", "fo.o-_", 2525),
    ("b\u00e4r=2526", "b\u00e4r", 2526),
    ("foo=0", "foo", 0),
    ("foo=65535", "foo", 65535),
    ("", "", None),
    ("foo=65536", "foo", None),  # the original takes it modulo 65536
    ("", "65535", 65535),
    ("", "65536", None),
]
WARNINGS = [
    ("foo", ['in "foo" is not in "name = value" form'], {}),
    ("foo=bar", ['in "foo=bar": non-numerical service port'], {}),
    ("foo=+2525", ['in "foo=+2525": non-numerical service port'], {}),
    ("foo=", ['in "foo=": missing port value after "="'], {}),
    ("=2525", ['in "=2525": missing service name before "="'], {}),
    ("foo==2525", ['in "foo==2525": missing service name before "="'], {"foo": 2525}),
    ("foo=25 25", ['in "foo=25 25": whitespace in port number'], {}),
    ("fo o=2525, bar=2526", ['in "fo o=2525": whitespace in service name'], {"bar": 2526}),
    ("foo=1 bar=2", ['in "foo=1 bar=2": whitespace in service name'], {"foo": 2}),
    ("25=foo=2525", ['in "25=foo=2525": numerical service name'], {"foo": 2525}),
    ("foo=1, ,bar=2", ['in " " is not in "name = value" form'], {"foo": 1, "bar": 2}),
    ("25=2525", ['in "25=2525": numerical service name'], {}),
    ("foo=2525, foo=2526", ['in " foo=2526": duplicate service name'], {"foo": 2525}),
    ("a=a=2525", ['in "a=a=2525": duplicate service name'], {"a": 2525}),
    ("a=1, b=a=2525", ['in " b=a=2525": duplicate service name'], {"a": 1, "b": 2525}),
    (", =, bar=2526", ['in " =": missing port value after "="'], {"bar": 2526}),
]


@pytest.fixture(autouse=True)
def no_services(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without /etc/services."""

    def unknown(name: str, protocol: str) -> int:
        raise OSError("service/proto not found")

    monkeypatch.setattr(socket, "getservbyname", unknown)


@pytest.mark.parametrize(("known", "name", "number"), ANSWERS)
def test_numbers(known: str, name: str, number: int | None) -> None:
    assert Ports.of(known).number(name) == number


@pytest.mark.parametrize(("known", "warnings", "found"), WARNINGS)
def test_mistakes(known: str, warnings: list[str], found: dict[str, int]) -> None:
    ports, faults = read_known(known)
    assert [str(fault) for fault in faults] == warnings
    assert ports == found
    assert all(known[fault.start : fault.end] == fault.entry for fault in faults)


def test_the_names_that_a_new_installation_knows() -> None:
    names = ("lmtp", "smtp", "smtps", "submissions", "submission", "http")
    assert [Ports().number(name) for name in names] == [24, 25, 465, 465, 587, None]


def test_services_below_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getservbyname", lambda name, protocol: {("here", "tcp"): 7}[name, protocol])
    root = Root(tmp_path)
    assert Ports(root=root).number("here") == 7  # the root has none of its own
    (tmp_path / "etc").mkdir()
    services = "#no 1/tcp\nfoo\t2525/udp\nfoo\t2526/tcp\tbar baz # qux\nsmtp 2527/tcp\nbig 70000/tcp\n"
    (tmp_path / "etc/services").write_text(services)
    names = ("no", "foo", "bar", "baz", "qux", "smtp", "big", "here", "FOO")
    assert [Ports(root=root).number(name) for name in names] == [None, 2526, 2526, 2526, None, 25, None, None, None]
    assert Ports({}, root).number("smtp") == 2527
