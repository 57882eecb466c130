"""The worker that runs a private sendmail: started by `mailconf.insight.engines.namespace` in namespaces of its own.

A daemon answers SMTP to clients that connect from their own addresses, which loopback has there, and only queues what
it accepts. Where mail goes is asked by ``-bv``, and how a sender is written on the way out by ``-bt``.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import socket
import struct
import subprocess
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mailconf.insight.engines import inside

PORT = 25
AHEAD = 16  # connections that are opened before they are needed: a greeting may have to wait (greet_pause)
_SIOCSIFADDR = 0x8916
_DELIVERABLE = re.compile(r"^(.*)\.\.\. deliverable: mailer ([^,\s]+)(?:, host (.*?))?(?:, user (.*))?$")
_TRIED = re.compile(r"^Rcode = 0, addr = (.*)$", re.MULTILINE)


class PrivateSendmail:
    def __init__(self, told: dict[str, Any]) -> None:
        self.top = Path(told["folder"])
        passwd = inside.users(Path("/etc/passwd").read_text(), told["users"])
        hosts = f"127.0.0.1 localhost\n127.0.1.1 {told['host']}\n"
        inside.enter(self.top, {**told["files"], "/etc/passwd": passwd, "/etc/hosts": hosts}, told["host"])
        inside.serve_dns(inside.zone(told["dns"]))
        (self.top / "q").mkdir(mode=0o700)
        self._cf = Path(told["cf"])
        self._cf.write_text(told["text"], encoding="utf-8", errors="surrogateescape")
        self._program = told["program"]
        self._environment = {**os.environ, "LD_LIBRARY_PATH": told["libraries"]}
        queue = f"-OQueueDirectory={self.top}/q"
        load = ["-ORefuseLA=100000", "-OQueueLA=100000"]  # however busy the machine is
        fixed = ["-ODontProbeInterfaces=True", "-OStatusFile=", *load]
        self._options = [queue, f"-OPidFile={self.top}/pid", *fixed]
        for kind, file in told["maps"]:
            self._make_map(kind, file)
        if told["aliases"]:
            self._run("-bi")
        for number, address in enumerate(told["addresses"]):
            _add_address(number, address)
        daemon = ["-bD", f"-ODaemonPortOptions=Port={PORT},Addr=0.0.0.0,Name=MTA", "-ODeliveryMode=q"]
        self._errors = self.top / "errors"
        with self._errors.open("wb") as errors:
            self._daemon = subprocess.Popen(
                [self._program, "-C", str(self._cf), *self._options, *daemon],
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                env=self._environment,
            )
        self._await()
        self._pool = ThreadPoolExecutor(AHEAD)
        self._coming: deque[str] = deque(told["order"])
        self._open: deque[tuple[str, Future[tuple[inside.Client, tuple[int, list[str]]]]]] = deque()

    def _await(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
            if any(row[1].endswith(f":{PORT:04X}") and row[3] == "0A" for row in rows):
                return
            if self._daemon.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"sendmail does not listen: {self._errors.read_text(errors='replace')[-1000:]}")
            time.sleep(0.02)

    def _run(self, *words: str, given: str = "") -> str:
        command = [self._program, "-C", str(self._cf), *self._options, *words]
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, errors="replace", timeout=120, env=self._environment
        )
        if done.returncode not in (0, 64, 67, 68, 69, 70, 75, 77):  # sysexits.h: -bv reports the address by it
            raise RuntimeError(f"sendmail {' '.join(words)} ends with {done.returncode}: {done.stderr[-500:]}")
        return done.stdout

    def _make_map(self, kind: str, file: str) -> None:
        folders = [str(Path(self._program).parent), "/usr/sbin", "/usr/libexec/sendmail"]
        makemap = shutil.which("makemap", path=":".join(folders))
        if makemap is None:
            raise RuntimeError("there is no makemap beside sendmail")
        with Path(file).open("rb") as text:
            words = [makemap, "-C", str(self._cf), kind, file]
            subprocess.run(words, stdin=text, check=True, capture_output=True, env=self._environment, timeout=120)

    # -- questions

    def _connect(self, address: str) -> tuple[inside.Client, tuple[int, list[str]]]:
        place = socket.create_connection((address_of_server(), PORT), 60, source_address=(address, 0))
        client = inside.Client(place)
        return client, client.reply()

    def _next(self, address: str) -> tuple[inside.Client, tuple[int, list[str]]]:
        """A connection of a client that was greeted."""
        while len(self._open) < AHEAD and self._coming:
            coming = self._coming.popleft()
            self._open.append((coming, self._pool.submit(self._connect, coming)))
        if self._open and self._open[0][0] == address:
            return self._open.popleft()[1].result()
        return self._connect(address)

    def answer(self, case: dict[str, Any]) -> dict[str, Any]:
        client, greeting = self._next(case["address"])
        try:
            if greeting[0] >= 400:
                return {"replies": dict.fromkeys(case["recipients"], greeting), "ways": {}, "senders": {}}
            found = inside.dialogue(client, case)
            client.command("QUIT")
        finally:
            client.close()
        ways: dict[str, list[list[str]]] = {}
        senders: dict[str, str] = {}
        if found["taken"] and case["asks_where"]:
            for recipient in case["recipients"]:
                if found["replies"][recipient][0] < 400:
                    ways[recipient] = self._verified(recipient)
            if case["asks_as"]:
                for mailer in sorted({way[0] for some in ways.values() for way in some} & set(case["mailers"])):
                    senders[mailer] = self._tried(mailer, case["sender"])
        return {"replies": found["replies"], "ways": ways, "senders": senders}

    def _verified(self, recipient: str) -> list[list[str]]:
        """What -bv says: mailer, host and user of each end; mailer "" for what cannot be delivered."""
        found = []
        for line in self._run("-bv", "--", recipient).splitlines():
            if ways := _DELIVERABLE.match(line):
                found.append([ways[2], ways[3] or "", ways[4] or ""])
            elif " ... " not in line and "... " in line:
                found.append(["", "", line.partition("... ")[0]])
        return found

    def _tried(self, mailer: str, sender: str) -> str:
        output = self._run("-bt", given=f"/tryflags ES\n/try {mailer} {sender or '<>'}\n")
        found = _TRIED.findall(output)
        return found[-1] if found else ""


def address_of_server() -> str:
    return "127.0.0.1"


def _add_address(number: int, address: str) -> None:
    """Let loopback have a further address."""
    request = struct.pack("16sHH4s8x", f"lo:{number}".encode(), socket.AF_INET, 0, socket.inet_aton(address))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        fcntl.ioctl(asking, _SIOCSIFADDR, request)


if __name__ == "__main__":
    inside.loop(lambda told: PrivateSendmail(told).answer)
