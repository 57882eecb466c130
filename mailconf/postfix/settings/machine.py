"""Defaults that depend on the machine: myhostname, mydomain, mynetworks (postconf(5)).

- myhostname: the machine's name; when it has no dot, with "." and mydomain appended.
- mydomain: myhostname without its first label; "localdomain" when it has only one.
- mynetworks: the networks of the addresses that inet_interfaces selects and inet_protocols allows, by mynetworks_style.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Value = Callable[[str], str]
    IsGiven = Callable[[str], bool]

DEFAULT_DOMAIN = "localdomain"
STYLES = ("class", "host", "subnet")
PROTOCOLS = ("all", "ipv4", "ipv6")
_BETWEEN_HOSTS = ", \t"
SETTLED = frozenset({"mydomain", "myhostname", "mynetworks"})  # parameters whose defaults `compute` has


class BadValue(ValueError):
    """A value that the engine does not accept, in its words; ``parameter`` is whose."""

    def __init__(self, parameter: str, text: str) -> None:
        super().__init__(text)
        self.parameter = parameter


def node_name() -> str:
    """The machine's own name for itself (uname(2))."""
    return os.uname().nodename


def compute(name: str, value: Value, is_given: IsGiven) -> str:
    """The default of myhostname, mydomain or mynetworks, "" for other names.

    ``value`` gives a parameter's expanded value, ``is_given`` says whether the configuration sets a name. Raises
    BadValue for values that it does not accept.
    """
    if name == "myhostname":
        node = node_name()
        return node if "." in node else f"{node}.{value('mydomain') if is_given('mydomain') else DEFAULT_DOMAIN}"
    if name == "mydomain":
        _, dot, rest = (value("myhostname") if is_given("myhostname") else node_name()).partition(".")
        return rest if dot else DEFAULT_DOMAIN
    if name == "mynetworks":
        check(value)
        style = _words(value("mynetworks_style"))[0]
        return _networks(style, _words(value("inet_interfaces"), _BETWEEN_HOSTS), _words(value("inet_protocols")))
    return ""


def check(value: Value) -> None:
    """Raise BadValue for the values that the engine needs for the default of mynetworks and cannot use."""
    interfaces, style, protocols = (value(name) for name in ("inet_interfaces", "mynetworks_style", "inet_protocols"))
    for word in _words(protocols):
        if word not in PROTOCOLS:
            raise BadValue("inet_protocols", f'unknown inet_protocols value "{word}" in "{protocols}"')
    for word in _words(style):
        if word not in STYLES:
            raise BadValue("mynetworks_style", f'unknown mynetworks mask style value "{word}" in "{style}"')
    if len(_words(style)) != 1:
        raise BadValue("mynetworks_style", f"bad mynetworks_style value: {style}; specify exactly one value")
    if _words(interfaces, _BETWEEN_HOSTS) not in (["all"], ["loopback-only"]):
        list(_selected(_words(interfaces, _BETWEEN_HOSTS)))


def _words(text: str, separators: str = ", \t\r\n") -> list[str]:
    for separator in separators:
        text = text.replace(separator, " ")
    return [word for word in text.split(" ") if word]


def _networks(style: str, interfaces: list[str], protocols: list[str]) -> str:
    import ipaddress

    versions = {4, 6} if "all" in protocols else {6 if word == "ipv6" else 4 for word in protocols}
    found: list[str] = []
    for address, prefix in _selected(interfaces):
        version = 6 if ":" in address else 4
        if version not in versions:
            continue
        if style == "host":
            prefix = 128 if version == 6 else 32
        elif style == "class" and version == 4:
            first = int(address.split(".")[0])
            prefix = 8 if first < 128 else 16 if first < 192 else 24 if first < 224 else 28
        network = ipaddress.ip_network(f"{address}/{prefix}", strict=False)
        base = str(network.network_address)
        text = f"[{base}]/{prefix}" if version == 6 else f"{base}/{prefix}"
        if text not in found:
            found.append(text)
    return " ".join(found)


def own_addresses(interfaces: list[str], protocols: list[str]) -> list[str]:
    """The addresses that inet_interfaces selects, of the families that inet_protocols allows (see classes.py)."""
    families = {"ipv4", "ipv6"} if "all" in protocols else set(protocols)
    return [a for a, _ in _selected(interfaces) if ("ipv6" if ":" in a else "ipv4") in families]


def _selected(selection: list[str]) -> Iterator[tuple[str, int]]:
    """The addresses that inet_interfaces selects, with the prefix length of the interface that has each."""
    own = interfaces()
    if selection == ["all"]:
        yield from own
        return
    if selection == ["loopback-only"]:
        yield from (pair for pair in own if pair[0] == "::1" or pair[0].startswith("127."))
        return
    known = dict(own)
    addresses = [address for word in selection for address in _resolve(word)]
    for address in addresses:
        if address not in known:
            raise BadValue("inet_interfaces", f"parameter inet_interfaces: no local interface found for {address}")
        yield address, known[address]


def _resolve(word: str) -> list[str]:
    import socket

    from mailconf.domain_names import for_resolver

    name = word.removeprefix("[").removesuffix("]")
    try:
        found = socket.getaddrinfo(for_resolver(name), None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise BadValue("inet_interfaces", f"config variable inet_interfaces: host not found: {word}") from None
    return [str(entry[4][0]) for entry in found]


def interfaces() -> list[tuple[str, int]]:
    """(address, prefix length) of the machine's interfaces that are up, IPv4 first, in the kernel's order."""
    import ctypes
    import socket

    class Sockaddr(ctypes.Structure):
        _fields_ = (("family", ctypes.c_ushort), ("data", ctypes.c_ubyte * 26))

    class Ifaddrs(ctypes.Structure):
        pass

    Ifaddrs._fields_ = (
        ("next", ctypes.POINTER(Ifaddrs)),
        ("name", ctypes.c_char_p),
        ("flags", ctypes.c_uint),
        ("address", ctypes.POINTER(Sockaddr)),
        ("netmask", ctypes.POINTER(Sockaddr)),
    )
    libc = ctypes.CDLL(None, use_errno=True)
    first = ctypes.POINTER(Ifaddrs)()
    if libc.getifaddrs(ctypes.byref(first)) != 0:
        return []
    found: list[tuple[int, str, int]] = []
    try:
        at = first
        while at:
            entry = at.contents
            at = entry.next
            if not entry.flags & 1 or not entry.address or not entry.netmask:
                continue
            family = entry.address.contents.family
            if family not in (socket.AF_INET, socket.AF_INET6):
                continue
            skip, size = (2, 4) if family == socket.AF_INET else (6, 16)
            address = bytes(entry.address.contents.data[skip : skip + size])
            mask = bytes(entry.netmask.contents.data[skip : skip + size])
            found.append((family, socket.inet_ntop(family, address), int.from_bytes(mask, "big").bit_count()))
    finally:
        libc.freeifaddrs(first)
    found.sort(key=lambda item: item[0])
    return [(address, prefix) for _, address, prefix in found]
