"""dnsmasq in the place of our own DNS server, in the network that `fixture_dns.isolate` has entered."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import dns.exception
import dns.message
import dns.query
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from fixture_dns import Fixtures

_TTL = 300  # as our server has it


def program() -> str | None:
    """Where it is, None where it is not installed."""
    return shutil.which("dnsmasq", path="/usr/sbin:/usr/bin:/sbin:/bin")


def configuration(zone: Fixtures) -> str:
    """A zone in its words: addresses as hosts, all else as records in the form of the wire."""
    lines = ["no-resolv", "no-hosts", "port=53", "listen-address=127.0.0.1", "bind-interfaces", "user=root"]
    lines += ["pid-file=", f"local-ttl={_TTL}", "address=/#/"]  # what is not here does not exist
    for name, kinds in zone.items():
        for kind, values in kinds.items():
            for value in values:
                if kind in ("A", "AAAA"):
                    lines.append(f"host-record={name},{value}")
                else:
                    number = dns.rdatatype.from_text(kind)
                    data = dns.rdata.from_text(dns.rdataclass.IN, number, value).to_wire()
                    assert data is not None
                    lines.append(f"dns-rr={name},{int(number)},{data.hex()}")
        if not {"A", "AAAA", "TXT"} & kinds.keys():
            lines.append(f"txt-record={name},x")  # else the name would not exist for questions of another type
    return "\n".join([*lines, ""])


@contextmanager
def serve(zone: Fixtures) -> Iterator[None]:
    """Answer on 127.0.0.1:53 until the block ends."""
    found = program()
    assert found is not None
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(configuration(zone))
        file.flush()
        with subprocess.Popen([found, "--keep-in-foreground", f"--conf-file={file.name}"]) as server:
            try:
                _await(server, next(iter(zone)))
                yield
            finally:
                server.terminate()


def _await(server: subprocess.Popen[bytes], name: str) -> None:
    """Wait until it answers."""
    deadline = time.monotonic() + 20
    while server.poll() is None and time.monotonic() < deadline:
        try:
            dns.query.udp(dns.message.make_query(name, "A"), "127.0.0.1", timeout=1)
            return
        except (OSError, dns.exception.DNSException):
            time.sleep(0.05)
    raise RuntimeError("dnsmasq does not answer")
