"""Defaults that depend on the machine: myhostname, mydomain, mynetworks (postconf(5)).

- mydomain: myhostname without its first label; "localdomain" when that leaves nothing.
- myhostname: the machine's name; when it has no dot, with ".$mydomain" appended.
- mynetworks: the networks of the machine's interfaces, or of the addresses in inet_interfaces, by mynetworks_style.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEFAULT_DOMAIN = "localdomain"


def node_name() -> str:
    """The machine's own name for itself, as uname(2) has it."""
    return os.uname().nodename


def default_hostname(domain: Callable[[], str]) -> str:
    """The default of myhostname; ``domain`` gives mydomain where main.cf sets it, "" otherwise."""
    name = node_name()
    if "." in name:
        return name
    return f"{name}.{domain() or DEFAULT_DOMAIN}"


def default_domain(hostname: str) -> str:
    """The default of mydomain, from myhostname."""
    _, dot, rest = hostname.partition(".")
    return rest if dot and rest else DEFAULT_DOMAIN


def default_networks(style: str, interfaces: list[str], protocols: list[str]) -> str:
    """The default of mynetworks.

    style       the value of mynetworks_style: "host", "subnet" or "class"
    interfaces  the words of inet_interfaces
    protocols   the words of inet_protocols
    """
    versions = {4, 6} if "all" in protocols else {6 if word == "ipv6" else 4 for word in protocols}
    found: list[str] = []
    for address, prefix in _addresses(interfaces):
        text = _network(address, prefix, style)
        if (6 if ":" in address else 4) in versions and text not in found:
            found.append(text)
    return " ".join(found)


def _network(address: str, prefix: int, style: str) -> str:
    import ipaddress

    if ":" in address:
        length = 128 if style == "host" else prefix
        return "[{}]/{}".format(*str(ipaddress.ip_network(f"{address}/{length}", strict=False)).split("/"))
    if style == "host":
        length = 32
    elif style == "class":
        first = int(address.split(".")[0])
        length = 8 if first < 128 else 16 if first < 192 else 24 if first < 224 else 28
    else:
        length = prefix
    return str(ipaddress.ip_network(f"{address}/{length}", strict=False))


def own_addresses(interfaces: list[str], protocols: list[str]) -> list[str]:
    """The addresses that inet_interfaces selects, of the families that inet_protocols allows."""
    families = {"ipv4", "ipv6"} if "all" in protocols else set(protocols)
    return [a for a, _ in _addresses(interfaces) if ("ipv6" if ":" in a else "ipv4") in families]


def _addresses(interfaces: list[str]) -> Iterator[tuple[str, int]]:
    """The addresses that inet_interfaces selects, with the prefix length of the machine's interface that has each."""
    own = list(_interfaces())
    for word in interfaces:
        if word == "all":
            yield from own
        elif word == "loopback-only":
            yield from (pair for pair in own if pair[0] == "::1" or pair[0].startswith("127."))
        else:
            plain = word.strip("[]")
            yield from (pair for pair in own if pair[0] == plain)


def _interfaces() -> Iterator[tuple[str, int]]:
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
        return
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
            prefix = int.from_bytes(mask, "big").bit_count()
            found.append((family, socket.inet_ntop(family, address), prefix))
    finally:
        libc.freeifaddrs(first)
    for _, address_text, prefix in sorted(found, key=lambda item: item[0]):
        yield address_text, prefix
