"""Writes mailconf/postfix/parameters/types.py: what the daemons of a Postfix accept as the value of each parameter.

    tests/vectors/fetch-postfix-versions sid bullseye
    python -m tests.vectors.record_parameter_types .live/postfix-versions/sid .live/postfix-versions/bullseye

The first is the newest; of older ones, the words count that parameters take under names that it no longer has. In all
else 3.5, 3.10 and 3.11 differ only in the parameters that there are.

Each daemon that names a parameter is started with ``-o NAME=VALUE`` in the root, with nothing to do; what it says to
syslog, for which this script listens in the root's /dev/log, tells what it makes of the value. Needs root.

- A word that means nothing: the daemon says that it is no number, no time or no boolean. It says something else of it:
  the parameter takes certain words, and those of its manual entry that the daemon does not complain of are the words.
- A number far too low or far too high: the daemon names the limit.
- Nothing at all: the daemon names the least length of a text.

On a busy machine messages get lost: what an earlier run found and this one did not stays. For a new start, remove
types.py.
"""

from __future__ import annotations

import itertools
import os
import re
import socket
import subprocess
import sys
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.vectors.record_parameters import COMPUTED, FOLDER, Engine, frozen, write

DAEMONS = "usr/lib/postfix/sbin"
NOT_DAEMONS = {"fsstone", "master", "nqmgr", "oqmgr", "postlogd"}
# What a parameter's own manual entry does not name, because another one's does.
OTHERS_WORDS = [
    "dotlock",
    "fcntl",
    "flock",
    "dane",
    "dane-only",
    "encrypt",
    "fingerprint",
    "half-dane",
    "may",
    "none",
    "secure",
    "verify",
]
NONSENSE = "zznonsense"
# Any user, folder, address or name of the right form is a value of these.
OPEN = frozenset(
    {
        *("address_verify_map", "default_privs", "inet_interfaces", "mail_owner", "queue_directory", "setgid_group"),
        *("smtpd_restriction_classes", "syslog_facility"),
    }
)
PATIENCE = 2.5  # seconds; a daemon that likes its configuration may wait for work
MAIN = """\
queue_directory = {0}/queue
data_directory = {0}/queue
compatibility_level = 3.6
inet_interfaces = loopback-only
mynetworks = 127.0.0.0/8
alias_maps =
local_recipient_maps =
smtp_tls_security_level = none
lmtp_tls_security_level = none
postscreen_cache_map =
address_verify_map =
smtpd_relay_restrictions = reject
proxy_read_maps =
"""
HEADER = '''"""What values Postfix's daemons take.

Written by tests/vectors/record_parameter_types.py from Postfix {version}; do not edit.

BOOLEANS  parameters that take yes or no
INTEGERS  (least, greatest) by name; None: no limit
TIMES     the least and the greatest number of seconds
CHOICES   the words that a parameter takes, and whether it takes several
FILLED    the parameters that must not be empty
TABLES    the parameters that hold tables, type:name
"""
'''


class Daemons:
    """The daemons of a Postfix below ``root``, and what they say."""

    def __init__(self, root: str) -> None:
        self.root = Path(root).resolve()
        self.work = self.root / "tmp/mailconf-types"
        for folder in ("etc", "queue"):
            (self.work / folder).mkdir(parents=True, exist_ok=True)
        self.inside = "/tmp/mailconf-types"
        (self.work / "etc/main.cf").write_text(MAIN.format(self.inside))
        (self.work / "etc/master.cf").write_text("")
        self.said: defaultdict[int, list[str]] = defaultdict(list)
        self.names = {
            path.name: path.read_bytes()
            for path in (self.root / DAEMONS).iterdir()
            if path.name not in NOT_DAEMONS and path.read_bytes()[:4] == b"\x7fELF"
        }
        log = self.root / "dev/log"
        log.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(log))
        log.chmod(0o666)
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        (self.root / "dev/log").unlink()

    def _listen(self) -> None:
        while True:
            text = self._socket.recv(65536).decode("utf-8", "replace")
            found = re.search(r"\[(\d+)\]: (.*)", text, re.DOTALL)
            if found:
                self.said[int(found[1])].append(found[2])

    def of(self, name: str) -> list[str]:
        """The daemons that name a parameter; smtpd for what all of them read."""
        client = name.partition("_")[0]
        if client in ("lmtp", "smtp"):  # one program, which reads the parameters of the name that it is called by
            return [client]
        found = [daemon for daemon, data in sorted(self.names.items(), key=_rank) if f"\0{name}\0".encode() in data]
        return found[:4] or ["smtpd"]

    def ask(self, daemon: str, name: str, value: str) -> list[str]:
        """What ``daemon`` says when ``name`` has ``value``."""
        command = ["chroot", str(self.root), f"/{DAEMONS}/{daemon}", "-S", "-o", f"{name}={value}"]
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"MAIL_CONFIG": f"{self.inside}/etc", "PATH": "/usr/sbin:/usr/bin:/bin"},
        ) as process:
            self.said.pop(process.pid, None)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
        threading.Event().wait(0.1)  # the datagram is on its way
        return self.said.pop(process.pid, [])


def _rank(daemon: tuple[str, bytes]) -> tuple[bool, str]:
    """The order in which daemons are asked: first those that read their parameters before they have work."""
    return daemon[0] not in ("smtpd", "cleanup", "local", "smtp", "virtual"), daemon[0]


def complaint(said: list[str], value: str) -> str:
    """The first message about ``value``."""
    about = (line for line in said if line.startswith(("fatal: ", "warning: ", "error: ")) and value in line)
    return next(about, "")


class Found:
    """What was found out."""

    def __init__(self) -> None:
        self.booleans: set[str] = set()
        self.integers: dict[str, tuple[int | None, int | None]] = {}
        self.times: dict[str, tuple[int | None, int | None]] = {}
        self.choices: dict[str, tuple[tuple[str, ...], bool]] = {}
        self.filled: set[str] = set()
        self.tables: set[str] = set()

    def keep(self, earlier: Path) -> None:
        """Take over what ``earlier``, a types.py, has and this has not."""
        if not earlier.is_file():
            return
        had: dict[str, Any] = {}
        exec(earlier.read_text(encoding="utf-8"), had)
        self.booleans |= had["BOOLEANS"]
        self.tables |= had["TABLES"]
        self.filled |= had["FILLED"]
        self.choices = {**had["CHOICES"], **self.choices}
        for mine, its in ((self.integers, had["INTEGERS"]), (self.times, had["TIMES"])):
            for name, (low, high) in its.items():
                now_low, now_high = mine.get(name, (None, None))
                mine[name] = (low if now_low is None else now_low, high if now_high is None else now_high)

    def written(self, version: str) -> str:
        """The text of types.py."""
        return HEADER.format(version=version) + (
            f"\nBOOLEANS = {frozen(sorted(self.booleans))}\n\n"
            f"INTEGERS: dict[str, tuple[int | None, int | None]] = {dict(sorted(self.integers.items()))!r}\n\n"
            f"TIMES: dict[str, tuple[int | None, int | None]] = {dict(sorted(self.times.items()))!r}\n\n"
            f"CHOICES: dict[str, tuple[tuple[str, ...], bool]] = {dict(sorted(self.choices.items()))!r}\n\n"
            f"TABLES = {frozen(sorted(self.tables))}\n\n"
            f"FILLED = {frozen(sorted(self.filled))}\n"
        )


def probe(daemons: Daemons, name: str, words: list[str], found: Found) -> None:
    for daemon in daemons.of(name):
        asked = (complaint(daemons.ask(daemon, name, NONSENSE), NONSENSE) for _ in range(2))  # one may get lost
        message = next((message for message in asked if message), "")
        if not message:
            continue
        if message.startswith("fatal: bad boolean configuration: " + name + " "):
            found.booleans.add(name)
        elif message.startswith("fatal: bad numerical configuration: " + name + " "):
            low = limit(daemons, daemon, name, "-2147483648", r"(?m)< (-?\d+)$")
            found.integers[name] = low, limit(daemons, daemon, name, "2147483647", r"(?m)> (\d+)$")
        elif message.startswith(f"fatal: parameter {name}: bad time value or unit"):
            low = limit(daemons, daemon, name, "0s", r"\(min (\d+)\)")
            found.times[name] = low, limit(daemons, daemon, name, "2147483646s", r"\(max (\d+)\)")
        elif 'expecting "type:name" form' in message:
            found.tables.add(name)
        elif "bad string length" not in message and name not in OPEN:
            choose(daemons, daemon, name, words, message, found)
        return
    for daemon in daemons.of(name):
        if f"fatal: bad string length 0 < 1: {name} = " in daemons.ask(daemon, name, ""):
            found.filled.add(name)
            return


def limit(daemons: Daemons, daemon: str, name: str, value: str, pattern: str) -> int | None:
    """The limit that ``daemon`` names when ``name`` is far beyond it."""
    asked = (re.search(pattern, "\n".join(daemons.ask(daemon, name, value))) for _ in range(2))  # one may get lost
    told = next((match for match in asked if match), None)
    return int(told[1]) if told else None


def choose(daemons: Daemons, daemon: str, name: str, words: list[str], message: str, found: Found) -> None:
    """The words that ``daemon`` does not complain of as it does of nonsense."""

    def refused(value: str) -> bool:
        said = daemons.ask(daemon, name, value)
        return message.replace(NONSENSE, value.split()[0]) in said or message.replace(NONSENSE, value) in said

    # A message may get lost; what is taken is asked for again.
    taken = tuple(sorted(word for word in words if not any(refused(word) for _ in range(3))))
    taken = tuple(word for word in taken if word.islower() or word.lower() not in taken)
    if not taken or len(taken) == len(words):
        print(f"{name}: {daemon} says {message!r} but takes {len(taken)} of {len(words)} words", file=sys.stderr)
        return
    if name.startswith("lmtp_") and name.replace("lmtp_", "smtp_", 1) in words:
        return  # the entry says "see smtp_...", whose words are these
    pairs = itertools.islice(itertools.pairwise(taken), 3)
    found.choices[name] = taken, any(not complaint(daemons.ask(daemon, name, f"{a}, {b}"), a) for a, b in pairs)


def manual_words(engine: Engine) -> dict[str, list[str]]:
    """The words that stand in bold in a parameter's entry of postconf(5)."""
    page = (engine.root / "usr/share/doc/postfix/html/postconf.5.html").read_text(encoding="utf-8", errors="replace")
    found: dict[str, list[str]] = {}
    for entry in re.split(r'<DT><b><a name="', page)[1:]:
        name, _, text = entry.partition('"')
        found[name] = sorted(set(re.findall(r"[A-Za-z0-9][\w.-]*", re.sub(r"<[^>]*>", " ", text))))
    return found


def recorded(root: str) -> tuple[Found, str]:
    """What the daemons of the Postfix in ``root`` take, and its version."""
    engine = Engine(root)
    lines = [line.partition(" =") for line in engine.run("", "-d").stdout.splitlines()]
    defaults = {name: value.strip() for name, _, value in lines}
    words = manual_words(engine)
    daemons = Daemons(root)
    found = Found()
    try:
        with ThreadPoolExecutor(int(os.environ.get("JOBS", "64"))) as pool:
            names = sorted(defaults.keys() - COMPUTED)
            list(
                pool.map(lambda name: probe(daemons, name, sorted({*words.get(name, []), *OTHERS_WORDS}), found), names)
            )
    finally:
        daemons.close()
    return found, defaults["mail_version"]


def main() -> None:
    newest, *older = sys.argv[1:]
    found, version = recorded(newest)
    found.keep(FOLDER / "types.py")
    for root in older:
        found.choices = {**recorded(root)[0].choices, **found.choices}
    write("types.py", found.written(version))


if __name__ == "__main__":
    main()
