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
import dns.rcode
import dns.rrset

_CLONE_NEWNS, _CLONE_NEWNET = 0x00020000, 0x40000000
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1

Fixtures = Mapping[str, Mapping[str, list[str]]]  # name -> type -> values, as zone files write them

# name -> type -> values; a name that is not there does not exist, one that ends in FAILING cannot be told.
FAILING = "servfail.example"


def isolate() -> None:
    """Enter new namespaces; loopback is up, nothing else exists. OSError where that is not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS | _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    with socket.socket() as any_socket:  # as "ip link set lo up", which a small machine does not have
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
    handle, name = tempfile.mkstemp(prefix="resolv.conf.")
    os.write(handle, b"nameserver 127.0.0.1\noptions timeout:2 attempts:1\n")
    os.fchmod(handle, 0o644)
    os.close(handle)
    subprocess.run(["mount", "--bind", name, "/etc/resolv.conf"], check=True)
    Path(name).unlink()


def serve(fixtures: Fixtures) -> socket.socket:
    """Answer on 127.0.0.1:53 until the returned socket is closed."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", 53))
    threading.Thread(target=_loop, args=(listener, fixtures), daemon=True).start()
    return listener


def _loop(listener: socket.socket, fixtures: Fixtures) -> None:
    while True:
        try:
            data, client = listener.recvfrom(4096)
        except OSError:
            return
        listener.sendto(answer(data, fixtures), client)


def answer(data: bytes, fixtures: Fixtures) -> bytes:
    query = dns.message.from_wire(data)
    reply = dns.message.make_response(query, recursion_available=True)
    question = query.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    kind = dns.rdatatype.to_text(question.rdtype)
    if name.endswith(FAILING):
        reply.set_rcode(dns.rcode.SERVFAIL)
    elif name not in fixtures:
        exists = any(known.endswith("." + name) for known in fixtures)
        reply.set_rcode(dns.rcode.NOERROR if exists else dns.rcode.NXDOMAIN)
    elif values := fixtures[name].get(kind):
        reply.answer.append(dns.rrset.from_text(question.name, 300, "IN", kind, *values))
    return reply.to_wire()
