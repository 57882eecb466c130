"""Records what sendmail's daemon answers: tests/vectors/sendmail_smtp.jsonl to the dialogues of `sendmail_smtp_cases`,
sendmail_hosts.jsonl to clients under several hosts.allow and hosts.deny (`sendmail_hosts_cases`), and
sendmail_smtp@8.18.jsonl what the daemon of the next Debian answers to the dialogues, where tests/live/install-engines
could unpack it.

    python -m tests.vectors.record_sendmail_smtp [NAME]

It runs on a host of its own name, without a network: the hosts file names the clients, and no server answers for the
DNS. /etc is a copy there, since a machine without libwrap has no hosts.allow that a file could be mounted on. Needs
root.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.live.map_tools import SENDMAIL_ROOT
from tests.live.sendmail_side import LIBRARIES, TOOLS
from tests.vectors import store
from tests.vectors.record_rules import next_engine, next_sendmail
from tests.vectors.sendmail_hosts_cases import CASES as HOSTS_CASES
from tests.vectors.sendmail_smtp_cases import BASE, CASES, FILES, HOST, HOSTS, PASSWD, TABLES

_ALONE = """\
set -e
ip link set lo up
hostname "$1"
mkdir "$2/etc"
mount -t tmpfs tmpfs "$2/etc"
cp -a /etc/. "$2/etc"
mount --bind "$2/etc" /etc
for name in resolv.conf hosts passwd hosts.allow hosts.deny; do
    touch "/etc/$name"
    mount --bind "$2/$name" "/etc/$name"
done
shift 2
exec "$@"
"""
_SETTINGS = {
    "resolv.conf": "nameserver 127.0.0.1\n",
    "hosts": HOSTS,
    "passwd": PASSWD,
    "hosts.allow": "",
    "hosts.deny": "",
}
TOP = Path(__file__).parents[2]
NEXT = "sendmail_smtp@8.18"


def answered(command: Sequence[str | Path], cases: Sequence[dict[str, Any]]) -> list[list[list[str]]]:
    """What a program with sendmail's options answers to each case. FOLDER in texts is the folder."""
    with tempfile.TemporaryDirectory(dir=SENDMAIL_ROOT) as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "q").mkdir(mode=0o700)
        for file, text in {**FILES, **_SETTINGS}.items():
            (folder / file).write_text(text)
        for file, text in TABLES.items():
            (folder / file).write_text(text)
            makemap = [SENDMAIL_ROOT / "usr/sbin/makemap", "-C", "/dev/null", "hash", folder / file]
            environment = {"LD_LIBRARY_PATH": LIBRARIES}
            subprocess.run(makemap, input=text.encode(), env=environment, check=True, capture_output=True)
        alone = ["unshare", "--mount", "--net", "--uts", "sh", "-c", _ALONE, "sh", HOST, str(folder)]
        driver = [sys.executable, "-m", "tests.vectors.sendmail_smtp_driver", str(folder)]
        done = subprocess.run(
            [*alone, "env", f"LD_LIBRARY_PATH={LIBRARIES}", *driver, *command],
            input=json.dumps(cases),
            stdout=subprocess.PIPE,
            text=True,
            cwd=TOP,
            check=True,
        )
        found: list[list[list[str]]] = json.loads(done.stdout.replace(str(folder), "FOLDER"))
        return found


def _common() -> dict[str, Any]:
    return {"base": BASE, "files": FILES, "tables": TABLES, "passwd": PASSWD, "host": HOST, "hosts": HOSTS}


def asked() -> store.Inputs:
    return store.Inputs(CASES, _common())


def asked_of_hosts() -> store.Inputs:
    return store.Inputs(HOSTS_CASES, _common())


def main() -> None:
    """Record all, or those whose names are arguments."""
    for name, cases in (("sendmail_smtp", CASES), ("sendmail_hosts", HOSTS_CASES)):
        if not sys.argv[1:] or name in sys.argv[1:]:
            answers = answered([TOOLS / "sendmail"], cases)
            store.write(name, store.sendmail(), __file__, [{"exchange": exchange} for exchange in answers])
    command = next_sendmail()
    if command and (not sys.argv[1:] or NEXT in sys.argv[1:]):
        answers = answered(command, CASES)
        store.write(NEXT, next_engine(command), __file__, [{"exchange": exchange} for exchange in answers])


INPUTS = {"sendmail_smtp": asked, NEXT: asked, "sendmail_hosts": asked_of_hosts}

if __name__ == "__main__":
    main()
