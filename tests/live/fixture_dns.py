"""A DNS server that answers from a mapping, and a network namespace in which it is the only one there is.

`isolate` moves the calling process into a network and mount namespace of its own (needs root), where /etc/resolv.conf
names 127.0.0.1; processes started afterwards live there too.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

_CLONE_NEWNS, _CLONE_NEWNET = 0x00020000, 0x40000000
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1

Fixtures = Mapping[str, Mapping[str, list[str]]]  # name -> type -> values, as zone files write them

# name -> type -> values; a name that is not there does not exist, one that ends in FAILING cannot be told.
FAILING = "servfail.example"
ALIAS = "CNAME"  # a name with such a record leads to that one's records
MOST_ALIASES = 16  # CNAMEs that are followed for one question
SERVFAIL = "SERVFAIL"  # in the place of values: records of this type cannot be told


def isolate() -> None:
    """Enter new namespaces; loopback is up, nothing else exists. OSError where that is not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS | _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    with socket.socket() as any_socket:  # as "ip link set lo up", which a small machine does not have
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
    instead("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:2 attempts:1\n")


def instead(place: str, text: str) -> None:
    """Put a text in the place of a file of the system, in the namespace that `isolate` has entered."""
    handle, name = tempfile.mkstemp(prefix="instead.")
    os.write(handle, text.encode())
    os.fchmod(handle, 0o644)
    os.close(handle)
    subprocess.run(["mount", "--bind", name, place], check=True)
    Path(name).unlink()


class _Listener(socket.socket):
    """Its thread ends with it; else that would hold the port until the next question."""

    thread: threading.Thread | None = None

    def close(self) -> None:
        if self.thread is not None:
            self.sendto(b"", self.getsockname())
            self.thread.join()
            self.thread = None
        super().close()


def serve(fixtures: Fixtures, *, failing: bool = False) -> socket.socket:
    """Answer on 127.0.0.1:53 until the returned socket is closed; with ``failing`` nothing can be told."""
    listener = _Listener(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", 53))
    listener.thread = threading.Thread(target=_loop, args=(listener, fixtures, failing), daemon=True)
    listener.thread.start()
    return listener


def _loop(listener: socket.socket, fixtures: Fixtures, failing: bool) -> None:
    while True:
        try:
            data, client = listener.recvfrom(4096)
        except OSError:
            return
        if not data:
            return
        try:
            listener.sendto(answer(data, fixtures, failing=failing), client)
        except OSError:
            return


def answer(data: bytes, fixtures: Fixtures, *, failing: bool = False) -> bytes:
    """The reply to a query, as a resolver that follows CNAMEs gives it.

    Each CNAME on the way is in the answer, and the response code is that of the last name (RFC 1034 4.3.2, RFC 2308
    2.1). Names that lead to themselves, or to what cannot be told, are a server failure.
    """
    query = dns.message.from_wire(data)
    reply = dns.message.make_response(query, recursion_available=True)
    question = query.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    kind = dns.rdatatype.to_text(question.rdtype)
    owner, seen = question.name, {name}
    while kind != ALIAS and not failing and not name.endswith(FAILING):
        alias = fixtures.get(name, {}).get(ALIAS)
        if not alias or alias == [SERVFAIL]:
            break
        reply.answer.append(dns.rrset.from_text(owner, 300, "IN", ALIAS, alias[0]))
        owner = dns.name.from_text(alias[0])
        name = owner.to_text(omit_final_dot=True).lower()
        if name in seen or len(seen) >= MOST_ALIASES:
            reply.answer.clear()
            failing = True
        seen.add(name)
    if failing or name.endswith(FAILING) or fixtures.get(name, {}).get(ALIAS) == [SERVFAIL]:
        reply.answer.clear()
        reply.set_rcode(dns.rcode.SERVFAIL)
    elif name not in fixtures:
        exists = any(known.endswith("." + name) for known in fixtures)
        reply.set_rcode(dns.rcode.NOERROR if exists else dns.rcode.NXDOMAIN)
    elif (values := fixtures[name].get(kind)) == [SERVFAIL]:
        reply.answer.clear()
        reply.set_rcode(dns.rcode.SERVFAIL)
    elif values:
        # One by one: the records of a set would be shuffled.
        reply.answer += [dns.rrset.from_text(owner, 300, "IN", kind, value) for value in values]
    return reply.to_wire()
