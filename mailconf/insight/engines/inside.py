"""What a worker does first within the namespaces of `mailconf.insight.engines.namespace`: its /etc, its DNS, its loop.

This runs as root on mounts of its own; see the module named above for what ends it.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mailconf.insight.engines.world import Zone
from mailconf.model.world import Outcome, Records

_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
_MS_BIND, _MS_REMOUNT, _MS_RDONLY, _MS_REC, _MS_PRIVATE = 4096, 32, 1, 16384, 1 << 18
_KEPT = ("/proc", "/sys", "/dev", "/run")
_TTL = 300
HIDDEN = ("/home", "/var/mail", "/var/spool/mail")  # where deliveries write: empty folders instead


def _mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    words = [text.encode() for text in (source, target, kind, data)]
    if libc.mount(words[0], words[1], words[2], flags, words[3]) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)


def enter(folder: Path, files: Mapping[str, str], host: str) -> None:
    """Make the machine: loopback alone, an /etc of its own with ``files`` in it, all other disks read-only."""
    _load_all()
    _mount("none", "/", "", _MS_REC | _MS_PRIVATE)
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
    if host:
        socket.sethostname(host)
    _mount(str(folder), str(folder), "", _MS_BIND)
    etc = folder / "etc"
    shutil.copytree("/etc", etc, symlinks=True, ignore=_unreadable, dirs_exist_ok=True)
    for name, text in files.items():
        if not name.startswith("/etc/"):
            continue
        path = etc / name.removeprefix("/etc/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or path.is_dir():
            path.unlink()
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
        path.chmod(0o644)
    resolv = etc / "resolv.conf"
    if resolv.is_symlink():
        resolv.unlink()
    resolv.write_text("nameserver 127.0.0.1\noptions timeout:2 attempts:1\n")
    _mount(str(etc), "/etc", "", _MS_BIND)
    for name in HIDDEN:
        if Path(name).is_dir() and not Path(name).is_symlink():
            _mount("tmpfs", name, "tmpfs", 0, "mode=1777")
    _protect(folder)


def _load_all() -> None:
    """Load what is needed later: Python may lie in a folder that is hidden from then on."""
    import dns.message

    texts = {"A": "192.0.2.1", "AAAA": "2001:db8::1", "MX": "10 m.test", "TXT": "x", "PTR": "m.test", "NS": "m.test"}
    known = {("x.test", kind): Records(Outcome.FOUND, (text,)) for kind, text in texts.items()}
    for kind in (*texts, "CNAME", "SOA"):
        dns.message.from_wire(_answer(dns.message.make_query("x.test", kind).to_wire(), Zone(known)))
    "x".encode("idna")


def _unreadable(folder: str, names: list[str]) -> list[str]:
    """What of /etc is not copied: sockets and the like, and keys."""
    found = []
    for name in names:
        path = Path(folder, name)
        if not (path.is_symlink() or path.is_file() or path.is_dir()):
            found.append(name)
    return found


def _protect(folder: Path) -> None:
    """Mount read-only what is on the machine's disks."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        target = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), line.split()[4])
        if target.startswith((*_KEPT, *HIDDEN, "/etc", str(folder))):
            continue
        try:
            _mount("none", target, "", _MS_BIND | _MS_REMOUNT | _MS_RDONLY)
        except OSError:
            if target == "/":
                raise


def users(passwd: str, names: Mapping[str, str]) -> str:
    """A passwd file with further users, from 2001 on, whose homes are made."""
    lines = [line for line in passwd.splitlines() if line.partition(":")[0] not in names]
    lines += [f"{name}:x:{number}:{number}::{home}:/bin/sh" for number, (name, home) in enumerate(names.items(), 2001)]
    return "\n".join([*lines, ""])


def zone(records: list[list[Any]]) -> Zone:
    """A zone as it comes by JSON: name, type, outcome, values."""
    found = {(name, kind): Records(Outcome(outcome), tuple(values)) for name, kind, outcome, values in records}
    return Zone(found)


def serve_dns(answers: Zone) -> None:
    """Answer on 127.0.0.1:53 by a thread."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", 53))
    threading.Thread(target=_answer_all, args=(listener, answers), daemon=True).start()


def _answer_all(listener: socket.socket, answers: Zone) -> None:
    while True:
        data, client = listener.recvfrom(4096)
        try:
            listener.sendto(_answer(data, answers), client)
        except Exception:  # a question that cannot be read gets no answer
            continue


def _answer(data: bytes, answers: Zone) -> bytes:
    import dns.message
    import dns.name
    import dns.rcode
    import dns.rdatatype
    import dns.rrset

    query = dns.message.from_wire(data)
    reply = dns.message.make_response(query, recursion_available=True)
    question = query.question[0]
    kind = dns.rdatatype.to_text(question.rdtype)
    name = question.name.to_text(omit_final_dot=True).lower()
    found = answers.ask(name, kind)
    if found.outcome is Outcome.FAILED:
        reply.set_rcode(dns.rcode.SERVFAIL)
    elif found.outcome is Outcome.ABSENT:
        reply.set_rcode(dns.rcode.NXDOMAIN if found.nxdomain else dns.rcode.NOERROR)
    else:
        owner = question.name
        if found.owner:
            reply.answer.append(dns.rrset.from_text(owner, _TTL, "IN", "CNAME", f"{found.owner}."))
            owner = dns.name.from_text(found.owner)
        values = [_written(kind, value) for value in found.values]
        reply.answer += [dns.rrset.from_text(owner, _TTL, "IN", kind, value) for value in values]
    return reply.to_wire()


def _written(kind: str, value: str) -> str:
    """A record as a zone file has it."""
    if kind == "TXT":
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if kind in ("A", "AAAA"):
        return value
    return value if value.endswith(".") else f"{value}."


class Client:
    """Speaks SMTP line by line; an answer is a code and its lines."""

    def __init__(self, place: socket.socket) -> None:
        self._socket = place
        self._socket.settimeout(30)
        self._file = self._socket.makefile("rb")

    def reply(self) -> tuple[int, list[str]]:
        lines: list[str] = []
        while True:
            line = self._file.readline()
            text = line.decode(errors="surrogateescape").rstrip("\r\n")
            if not line or not text[:3].isdigit():
                return (421, [*lines, "connection closed"])
            lines.append(text[4:])
            if text[3:4] != "-":
                return int(text[:3]), lines

    def command(self, line: str) -> tuple[int, list[str]]:
        try:
            self._socket.sendall(line.encode(errors="surrogateescape") + b"\r\n")
            return self.reply()
        except OSError:
            return (421, ["connection closed"])

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def dialogue(client: Client, case: dict[str, Any], helo: bool = True) -> dict[str, Any]:
    """One transaction: the first refusal that concerns a recipient, else the answer to RCPT, by recipient; the last
    answer; and whether the message was taken."""
    recipients: list[str] = case["recipients"]
    replies: dict[str, tuple[int, list[str]]] = {}

    def refused(answer: tuple[int, list[str]], all_of: list[str]) -> dict[str, Any]:
        for recipient in all_of:
            replies.setdefault(recipient, answer)
        return {"replies": replies, "taken": ""}

    if helo and case["helo"] and (answer := client.command(f"EHLO {case['helo']}"))[0] >= 400:
        return refused(answer, recipients)
    size = f" SIZE={case['size']}" if case["size"] else ""
    if (answer := client.command(f"MAIL FROM:<{case['sender']}>{size}"))[0] >= 400:
        return refused(answer, recipients)
    accepted: dict[str, tuple[int, list[str]]] = {}
    for recipient in recipients:
        answer = client.command(f"RCPT TO:<{recipient}>")
        if answer[0] == 421:
            return refused(answer, recipients)
        if answer[0] >= 400:
            replies.setdefault(recipient, answer)
        else:
            accepted[recipient] = answer
    if not accepted:
        return {"replies": replies, "taken": ""}
    if (answer := client.command("DATA"))[0] >= 400:
        return refused(answer, list(accepted))
    text = case["message"] if case["message"] is not None else "Subject: test\n\ntest\n"
    lines = ["." + line if line.startswith(".") else line for line in text.rstrip("\n").split("\n")]
    if (answer := client.command("\r\n".join([*lines, "."])))[0] >= 400:
        return refused(answer, list(accepted))
    for recipient, was in accepted.items():
        replies.setdefault(recipient, was)
    return {"replies": replies, "taken": " ".join(answer[1])}


def loop(start: Callable[[dict[str, Any]], Callable[[dict[str, Any]], dict[str, Any]]]) -> None:
    """Read a line of settings, start, and answer each further line until there is none."""
    answer: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    for line in sys.stdin:
        question = json.loads(line)
        try:
            if answer is None:
                answer = start(question)
                found: dict[str, Any] = {}
            else:
                found = answer(question)
        except subprocess.CalledProcessError as failure:
            words = f"{failure.stdout or ''}{failure.stderr or ''}".strip()
            found = {"error": f"{failure.cmd[0]} ends with status {failure.returncode}: {words[-2000:]}"}
        except (OSError, RuntimeError) as failure:
            found = {"error": str(failure)}
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()
