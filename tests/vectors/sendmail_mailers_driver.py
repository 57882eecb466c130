"""Runs within the machine that `record_sendmail_mailers` makes: mail is given to a daemon, and what its mailers did is
printed as JSON. The standard library alone is imported.

Each case has a daemon of its own, COMMAND -bD -C ..., whose log is what comes to /dev/log and to its standard error. A
message is over when the log has the fate of each recipient. The programs of mailers are copies of `PROBE`, which write
into /run/out what they are given.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent))

from recipients_driver import lay_out, serve

PROBE = r"""umask >/run/out/$$.umask
cat /proc/$$/cmdline >/run/out/$$.argv
cat /proc/$$/environ >/run/out/$$.env
cat /proc/$$/status >/run/out/$$.status
cut -d' ' -f19 /proc/$$/stat >/run/out/$$.nice
pwd >/run/out/$$.cwd
case "$*" in
*noread*) ;;
*) cat >/run/out/$$.stdin ;;
esac
case "$*" in
*prints*) echo "first line"; echo "second line" >&2 ;;
*speaks550*) echo "550 5.7.1 not that" ;;
*speaks5.1.6*) echo "5.1.6 has moved" ;;
esac
case "$*" in
*killed*) kill -9 $$ ;;
*terminated*) kill -15 $$ ;;
*exits*) for word in "$@"; do case "$word" in *exits*) word=${word##*exits}; exit "${word%%[!0-9]*}" ;; esac; done ;;
esac
exit 0
"""
OUT = Path("/run/out")
PORT = 2525
PATIENCE = float(os.environ.get("PATIENCE", "60"))
_PRIORITY = re.compile(r"^<\d+>\w{3} [ \d]\d \d\d:\d\d:\d\d ")
_STAMP = re.compile(r"^(?:\w{3} [ \d]\d \d\d:\d\d:\d\d \S+ )?sendmail\[\d+\]: ")
_ID = re.compile(r"\b[0-9A-Za-x]{8}\d{6,9}\b")
_CLOCK = r"\d{4} \d\d:\d\d:\d\d (?:[-+]\d{4}(?: \(\w+\))?|GMT)"
# A date may be cut at any place (L=): days have one digit, or two.
_SIGNS = {"W": r"\w", "D": r"\d", "d": r"[ \d]?"}
_CUT = r"(?:!\n )?".join(_SIGNS.get(sign, sign) for sign in "WWW, dD WWW DDDD DD:DD:DD GMT")
_DATE = re.compile(rf"{_CUT}|(?:\w{{3}}, )?[ \d]?\d \w{{3}} {_CLOCK}")
_FROM = re.compile(r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}")
_PASSED = re.compile(r"delay=(?:\d+\+)?\d\d:\d\d:\d\d")
_STAMPED = re.compile(r"\b2\d{11}\b")
_PRIORITIES = re.compile(r"\bpri=\d+")


def masked(text: str) -> str:
    """A text without ids and times."""
    text = _STAMPED.sub("STAMP", _DATE.sub("DATE", _ID.sub("ID", _PRIORITIES.sub("pri=N", text))))
    return _PASSED.sub("delay=TIME", _FROM.sub("ASCTIME", text))


class Syslog:
    """What is written to /dev/log."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("/dev/log")
        Path("/dev/log").chmod(0o666)
        self.lines: list[str] = []
        self.changed = threading.Condition()
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            text = self._socket.recv(100_000).decode("latin-1").rstrip("\n\0")
            self.add(_STAMP.sub("", _PRIORITY.sub("", text)))

    def add(self, line: str) -> None:
        with self.changed:
            self.lines.append(line)
            self.changed.notify_all()

    def await_fates(self, queue_id: str, count: int) -> bool:
        """Return when so many recipients of a message have a fate."""
        with self.changed:
            return self.changed.wait_for(lambda: self._fates(queue_id) >= count, PATIENCE)

    def _fates(self, queue_id: str) -> int:
        lines = [line for line in self.lines if line.startswith(f"{queue_id}: to=") and "stat=" in line]
        return sum(line.count(">,<") + 1 for line in lines)

    def taken(self) -> list[str]:
        with self.changed:
            lines, self.lines = self.lines, []
        return lines


def dialogue(message: dict[str, Any]) -> list[str]:
    """Give a message to the daemon: what it says to the recipients and the content."""
    with socket.create_connection(("127.0.0.1", PORT), PATIENCE) as connection:
        file = connection.makefile("rb")
        said: list[str] = []

        def ask(line: str) -> str:
            connection.sendall(line.encode("latin-1"))
            while True:
                answer = file.readline(10_000).decode("latin-1").rstrip("\r\n")
                if answer[3:4] != "-":
                    return answer

        ask("")
        ask("EHLO client.example\r\n")
        if (answer := ask(f"MAIL FROM:<{message['sender']}>\r\n"))[:3] != "250":
            return [answer]
        said += [ask(f"RCPT TO:<{recipient}>\r\n") for recipient in message["recipients"]]
        if ask("DATA\r\n")[:3] == "354":
            content = message["content"].replace("\n", "\r\n")
            content += "" if content.endswith("\n") else "\r\n"
            said.append(ask(re.sub(r"(?m)^\.", "..", content) + ".\r\n"))
        ask("QUIT\r\n")
        return said


def probed() -> list[dict[str, Any]]:
    """What the programs were given, in the order in which they ran."""
    found = []
    paths = sorted(OUT.glob("*.argv"), key=lambda path: path.stat().st_mtime_ns)
    for path in paths:

        def read(kind: str, path: Path = path) -> str:
            other = path.with_suffix(f".{kind}")
            return masked(other.read_bytes().decode("latin-1")) if other.exists() else ""

        if not path.with_suffix(".cwd").exists():  # it was not asked for, and is cut off
            continue
        status = dict(line.split(":\t", 1) for line in read("status").splitlines() if ":\t" in line)
        found.append(
            {
                "argv": read("argv").split("\0")[:-1],
                "environment": sorted(filter(None, read("env").split("\0"))),
                "uid": status["Uid"].split()[:2],
                "gid": status["Gid"].split()[:2],
                "groups": status["Groups"].split(),
                "umask": read("umask").strip(),
                "nice": read("nice").strip(),
                "cwd": read("cwd").strip(),
                "stdin": read("stdin"),
            }
        )
        for other in OUT.glob(f"{path.stem}.*"):
            other.unlink()
    return found


def found_files(names: list[str]) -> dict[str, Any]:
    """The files that a case looks at, and what lies in folders."""
    found: dict[str, Any] = {}
    for name in names:
        paths = sorted(Path(name).rglob("*")) if name.endswith("/") else [Path(name)]
        for path in paths:
            try:
                status = path.lstat()
            except OSError:
                found[str(path)] = None
                continue
            text = masked(path.read_bytes().decode("latin-1")) if stat.S_ISREG(status.st_mode) else ""
            found[str(path)] = [oct(stat.S_IMODE(status.st_mode)), status.st_uid, status.st_gid, text]
    return found


def listening() -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", PORT), 5) as connection:
        connection.recv(1000)
        return True
    return False


class Daemon:
    """What messages are given to."""

    def __init__(self, command: list[str], text: str, syslog: Syslog) -> None:
        shutil.rmtree("/var/spool/mqueue", ignore_errors=True)
        Path("/var/spool/mqueue").mkdir(mode=0o700)
        Path("/etc/mail/x.cf").write_bytes(text.encode("latin-1"))
        listen = f"-ODaemonPortOptions=Port={PORT},Addr=127.0.0.1,Name=MTA"
        words = [*command, "-bD", "-C", "/etc/mail/x.cf", listen]
        self._process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace"
        )
        self._syslog = syslog
        threading.Thread(target=self._read, daemon=True).start()
        end = time.monotonic() + PATIENCE
        while not listening() and self._process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        self.at_start = [masked(line) for line in syslog.taken()]

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._syslog.add(_STAMP.sub("", line.rstrip()))

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)


def play(case: dict[str, Any], syslog: Syslog) -> dict[str, Any]:
    """One message: what was said, what the programs and files were given, and the log."""
    lay_out(case["files"], {})
    syslog.taken()
    try:
        said = dialogue(case)
    except OSError as failure:
        said = [type(failure).__name__]
    found = _ID.search(said[-1])
    queue_id = found[0] if found else "NOQUEUE"
    awaited = not found or syslog.await_fates(queue_id, case["fates"])
    log = [masked(line) for line in syslog.taken() if line.startswith(f"{queue_id}: ")]
    said = [masked(line) for line in said]
    answer = {"said": said, "programs": probed(), "found": found_files(case["look"]), "log": log, "awaited": awaited}
    for name in (*case["files"], *case["look"]):
        shutil.rmtree(name, ignore_errors=True)
        Path(name).unlink(missing_ok=True)
    return answer


def main() -> None:
    world = json.loads(Path(sys.argv[1]).read_text())
    os.umask(0o022)
    serve({(name, kind): values for name, kind, values in world["dns"]})
    OUT.mkdir()
    OUT.chmod(0o1777)
    lay_out(world["site"], world["folders"])
    for name in world["probes"]:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{PROBE}")
        path.chmod(0o755)
    syslog = Syslog()
    answers = []
    for text, cases in world["cases"]:
        if not Path("/etc/mail/aliases.db").exists():
            Path("/etc/mail/x.cf").write_text(text)
            build = ["/usr/sbin/sendmail", "-bi", "-C", "/etc/mail/x.cf"]
            subprocess.run(build, stdout=subprocess.DEVNULL, check=True)
        daemon = Daemon(sys.argv[2:], text, syslog)
        if os.environ.get("VERBOSE"):
            sys.stderr.write("".join(f"{line}\n" for line in daemon.at_start))
        try:
            answers += [play(case, syslog) for case in cases]
        finally:
            daemon.stop()
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main()
