"""A private instance of the real Postfix below one directory, for recording scripts and side-by-side tests.

Nothing of the machine's own Postfix is touched: queue, data and configuration lie below ``top``. ``@TOP@`` in
parameters and files stands for that directory.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

MASTER = """\
{listen}   inet  n  -  n  -  -  smtpd
pickup     unix  n  -  n  60 1  pickup
cleanup    unix  n  -  n  -  0  cleanup
qmgr       unix  n  -  n  300 1 qmgr
rewrite    unix  -  -  n  -  -  trivial-rewrite
bounce     unix  -  -  n  -  0  bounce
defer      unix  -  -  n  -  0  bounce
trace      unix  -  -  n  -  0  bounce
verify     unix  -  -  n  -  1  verify
proxymap   unix  -  -  n  -  -  proxymap
smtp       unix  -  -  n  -  -  smtp
relay      unix  -  -  n  -  -  smtp
lmtp       unix  -  -  n  -  -  lmtp
showq      unix  n  -  n  -  -  showq
error      unix  -  -  n  -  -  error
retry      unix  -  -  n  -  -  error
discard    unix  -  -  n  -  -  discard
local      unix  -  n  n  -  -  local
virtual    unix  -  n  n  -  -  virtual
anvil      unix  -  -  n  -  1  anvil
tlsmgr     unix  -  -  n  1000? 1 tlsmgr
postlog    unix-dgram n - n  -  1  postlogd
"""

BASE = {
    "queue_directory": "@TOP@/queue",
    "data_directory": "@TOP@/data",
    "command_directory": "/usr/sbin",
    "daemon_directory": "/usr/lib/postfix/sbin",
    "mail_owner": "postfix",
    "setgid_group": "postdrop",
    "maillog_file": "@TOP@/log",
    "maillog_file_prefixes": "/",
    "compatibility_level": "3.6",
    "inet_protocols": "ipv4",
    "smtpd_authorized_xclient_hosts": "127.0.0.1",
    "smtpd_error_sleep_time": "0",
    "smtpd_junk_command_limit": "10000",
    "smtpd_hard_error_limit": "10000",
    "smtpd_soft_error_limit": "10000",
    "smtpd_client_event_limit_exceptions": "127.0.0.0/8",
    "mailbox_size_limit": "0",
    "virtual_mailbox_limit": "0",
    "notify_classes": "",
    "alias_maps": "",
    "mail_spool_directory": "@TOP@/mail",
    "in_flow_delay": "0",  # else a queue file waits a second when nobody empties the queue
    "ipc_timeout": "5",
    "backwards_bounce_logfile_compatibility": "no",
}

# In replies and logs. Five digits of the time, and the inode's: on a new file system there are few.
QUEUE_ID = r"(?<=queued as )[0-9A-F]{6,}\b|\b[0-9A-F]{6,}(?=: )"


def mail_version() -> str:
    """The installed Postfix's version; raises FileNotFoundError where there is none."""
    return subprocess.run(
        ["postconf", "-d", "-h", "mail_version"], check=True, capture_output=True, text=True
    ).stdout.strip()


def _end_properly() -> None:
    """A script that is asked to end by SIGTERM ends by an exception, so that the daemons that it has started do too."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _last_entries(text: str) -> str:
    """A main.cf without the entries that later ones override.

    Every daemon warns of those when it starts. postlogd, too: once the others have said enough, it waits for itself.
    """
    entries = re.split(r"(?m)^(?=[^\s#])", text)
    names = [entry.partition("=")[0].strip() for entry in entries]
    last = {name: number for number, name in enumerate(names)}
    return "".join(entry for number, entry in enumerate(entries) if last[names[number]] == number)


class PrivatePostfix:
    """Use as a context manager; `configure` may be called again while it runs, and starts it anew."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.etc = top / "etc"
        self.log = top / "log"
        self.port = free_port()
        self._running = False

    def __enter__(self) -> PrivatePostfix:
        for folder in (self.etc, self.top / "queue", self.top / "data", self.top / "mail"):
            folder.mkdir(parents=True, exist_ok=True)
        at = self.top
        while at != at.parent:  # the daemons run as postfix and must reach their folders
            if at.stat().st_uid == os.geteuid():
                at.chmod(at.stat().st_mode | 0o011)
            at = at.parent
        shutil.chown(self.top / "data", "postfix")
        self.configure({})
        _end_properly()
        try:
            self._start()
        except BaseException:
            if self._running:
                self._postfix("stop")
            raise
        return self

    def _start(self) -> None:
        """The old master may still hold its lock for a moment: then the new one does not start."""
        deadline = time.monotonic() + 20
        while True:
            try:
                self._postfix("start")
                break
            except subprocess.CalledProcessError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        self._running = True
        self._await_port()

    def __exit__(self, *_: object) -> None:
        self._postfix("stop")

    def configure(
        self, parameters: dict[str, str], files: dict[str, str] | None = None, text: str = "", services: str = ""
    ) -> None:
        """Write main.cf (``text`` and then the parameters) and ``files`` (names below ``top``); no table is built.

        services  further lines of master.cf
        """
        for name, content in (files or {}).items():
            path = self.top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            self._replace(path, content)
        merged = {**BASE, **parameters}
        body = _last_entries(text + "\n" + "".join(f"{name} = {value}\n" for name, value in merged.items()))
        self._replace(self.etc / "master.cf", MASTER.format(listen=f"127.0.0.1:{self.port}") + services)
        self._replace(self.etc / "main.cf", body)
        if self._running:
            self._postfix("stop")
            self._start()

    def _replace(self, path: Path, text: str) -> None:
        """Whole or not at all: a daemon that is starting must not read half of it."""
        new = path.with_name(path.name + ".new")
        new.write_text(self.fill(text), encoding="utf-8", errors="surrogateescape")
        new.replace(path)

    def fill(self, text: str) -> str:
        return text.replace("@TOP@", str(self.top))

    def postmap(self, *specs: str) -> None:
        """Build tables with the real postmap or, for aliases, postalias."""
        for spec in specs:
            tool = "postalias" if "aliases" in spec else "postmap"
            subprocess.run([tool, "-c", str(self.etc), self.fill(spec)], check=True, capture_output=True)

    def client(self) -> Client:
        """A connected client that has read the greeting; see `_rewrite_service` for why it may need a second try."""
        for _ in range(50):
            try:
                client = Client(self.port)
            except (ConnectionResetError, ConnectionRefusedError):
                continue
            if client.greeting != "connection closed":
                return client
            client.close()
        raise ConnectionError("smtpd does not answer")

    def resolve(self, address: str, sender: str = "") -> dict[str, str]:
        """trivial-rewrite(8)'s answer to "resolve": transport, nexthop, recipient, flags."""
        return self._rewrite_service({"request": "resolve", "sender": sender, "address": address})

    def canonify(self, address: str, context: str = "local") -> str:
        """trivial-rewrite(8)'s answer to "rewrite"."""
        answer = self._rewrite_service({"request": "rewrite", "rule": context, "address": address})
        return answer["address"]

    def _rewrite_service(self, request: dict[str, str]) -> dict[str, str]:
        """A daemon that ends at a reload may drop the connection: ask the next one, as Postfix's own clients do."""
        for _ in range(50):
            try:
                if answer := self._ask_rewrite(request):
                    return answer
            except (ConnectionResetError, BrokenPipeError):
                pass
        raise ConnectionError("trivial-rewrite does not answer")

    def _ask_rewrite(self, request: dict[str, str]) -> dict[str, str]:
        with socket.socket(socket.AF_UNIX) as service:
            service.settimeout(10)
            service.connect(str(self.top / "queue/private/rewrite"))
            fields = "".join(f"{name}\0{value}\0" for name, value in request.items()) + "\0"
            service.sendall(fields.encode())
            data = b""
            while data.count(b"\0\0") < 1 or not self._complete(data):
                chunk = service.recv(65536)
                if not chunk:
                    break
                data += chunk
        return self._attributes(data)

    @staticmethod
    def _complete(data: bytes) -> bool:
        return data.endswith(b"\0\0") and (b"address\0" in data or b"recipient\0" in data or b"flags\0" in data)

    @staticmethod
    def _attributes(data: bytes) -> dict[str, str]:
        words = data.decode().split("\0")
        found: dict[str, str] = {}
        at = 0
        while at + 1 < len(words):
            if words[at] == "":
                at += 1
                continue
            found[words[at]] = words[at + 1]
            at += 2
        return found

    def queue_ids(self) -> list[str]:
        out = subprocess.run(
            ["postqueue", "-c", str(self.etc), "-j"], check=True, capture_output=True, text=True
        ).stdout
        return re.findall(r'"queue_id": "(\w+)"', out)

    def drop_queue(self) -> None:
        """Remove every message from the queue."""
        subprocess.run(["postsuper", "-c", str(self.etc), "-d", "ALL"], check=True, capture_output=True)

    def log_lines(self, since: int = 0, *, pids: bool = False) -> list[str]:
        """The log's lines from byte ``since`` on, without time and host: ``postfix/smtpd: text``, or with the pid."""
        if not self.log.exists():
            return []
        with self.log.open("rb") as log:
            log.seek(since)
            data = log.read().decode(errors="surrogateescape")
        kept = r"\1\2: " if pids else r"\1: "
        return [re.sub(r"^\w+ +\d+ [\d:]+ \S+ (\S+?)(\[\d+\]): ", kept, line) for line in data.splitlines()]

    def _postfix(self, command: str) -> None:
        subprocess.run(
            ["postfix", "-c", str(self.etc), command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def _await_port(self) -> None:
        """Wait until master listens. To connect would start an smtpd before the tables that it opens are built."""
        deadline = time.monotonic() + 20
        while not _listens(self.port):
            if time.monotonic() > deadline:
                raise ConnectionRefusedError(f"nobody listens on port {self.port}")
            time.sleep(0.01)


def _listens(port: int) -> bool:
    """Whether a socket of 127.0.0.1 listens on the port: state 0A in proc(5) /proc/net/tcp."""
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return any(row[1] == f"0100007F:{port:04X}" and row[3] == "0A" for row in rows)


class Client:
    """Speaks SMTP line by line: `command` sends one line and returns the reply, ``code`` and lines joined by ``|``."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._file = self._socket.makefile("rb")
        self.greeting = self.reply()

    def reply(self) -> str:
        lines = []
        while True:
            line = self._file.readline()
            if not line:
                return "|".join([*lines, "connection closed"])
            text = line.decode(errors="surrogateescape").rstrip("\r\n")
            lines.append(text[4:])
            if text[3:4] != "-":
                return f"{text[:3]} " + "|".join(lines)

    def command(self, line: str) -> str:
        try:
            self._socket.sendall(line.encode(errors="surrogateescape") + b"\r\n")
            return self.reply()
        except OSError:
            return "connection closed"

    def close(self) -> None:
        self._file.close()
        self._socket.close()
