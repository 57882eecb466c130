"""Records what sendmail's daemon answers to several clients: tests/vectors/sendmail_clients.jsonl, and what
it logs and delivers: sendmail_log.jsonl, to the cases of `sendmail_clients_cases`.

    python -m tests.vectors.record_sendmail_clients [NAME]

It runs on a host of its own name, alone on its loopback, where clients have addresses of a network and a DNS knows
them; /etc and /dev are its own. Needs root.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mailconf.diagnostics import Sink
from mailconf.sendmail.mc.expansion import expand_mc
from mailconf.sendmail.mc.library import PLACES, Library
from tests.live.map_tools import SENDMAIL_ROOT
from tests.live.sendmail_side import LIBRARIES, TOOLS
from tests.vectors import store
from tests.vectors.sendmail_clients_cases import (
    CASES,
    COMMON,
    FILES,
    HOST,
    HOSTS,
    LOG_CASES,
    MC,
    MC_END,
    NETWORK,
    PASSWD,
    SCRIPT,
    TABLES,
)
from tests.vectors.sendmail_clients_driver import fields, same

ALONE = """\
set -e
ip link set lo up
ip route add local "$1" dev lo
hostname "$2"
mkdir "$3/etc" "$3/dev"
mount -t tmpfs tmpfs "$3/etc"
cp -a /etc/. "$3/etc"
mount --bind "$3/etc" /etc
mount -t tmpfs tmpfs "$3/dev"
cp -a /dev/null /dev/zero /dev/random /dev/urandom "$3/dev"
mount --bind "$3/dev" /dev
for name in resolv.conf hosts passwd hosts.allow hosts.deny; do
    touch "/etc/$name"
    mount --bind "$3/$name" "/etc/$name"
done
shift 3
exec "$@"
"""
SETTINGS = {
    "resolv.conf": "nameserver 127.0.0.1\noptions timeout:2 attempts:1\n",
    "hosts": HOSTS,
    "passwd": PASSWD,
    "hosts.allow": "",
    "hosts.deny": "",
}
TOP = Path(__file__).parents[2]
_LIBRARY = SENDMAIL_ROOT.resolve() / "usr/share/sendmail/cf"


def library_cf(folder: Path, middle: str, beginning: str = MC) -> str:
    """The library's .cf of a case's .mc; RuntimeError with what is wrong."""
    mc = folder / "sendmail.mc"
    mc.write_text(beginning + middle + MC_END)
    sink = Sink()
    expanded = expand_mc(mc, Library(str(_LIBRARY), dict.fromkeys(PLACES, str(_LIBRARY)), given=True), sink)
    if expanded is None or expanded.failed:
        raise RuntimeError("; ".join(map(str, sink)))
    return expanded.cf.decode("latin-1")


def answered(command: Sequence[str | Path], cases: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a program with sendmail's options answers to each case, and what it logs. FOLDER in texts is the folder."""
    with tempfile.TemporaryDirectory(dir=SENDMAIL_ROOT) as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "q").mkdir(mode=0o700)
        for file, text in {**FILES, **SETTINGS}.items():
            (folder / file).write_text(text)
        for file, text in SCRIPT.items():
            (folder / file).write_text(text.replace("FOLDER", str(folder)))
            (folder / file).chmod(0o755)
        for file, text in TABLES.items():
            makemap = [SENDMAIL_ROOT / "usr/sbin/makemap", "-C", "/dev/null", "hash", folder / file]
            environment = {"LD_LIBRARY_PATH": LIBRARIES}
            subprocess.run(makemap, input=text.encode(), env=environment, check=True, capture_output=True)
        asked = [{**case, "cf": None if case["mc"] is None else library_cf(folder, case["mc"])} for case in cases]
        alone = ["unshare", "--mount", "--net", "--uts", "sh", "-c", ALONE, "sh", NETWORK, HOST, str(folder)]
        driver = [sys.executable, "-m", "tests.vectors.sendmail_clients_driver", str(folder)]
        done = subprocess.run(
            [*alone, "env", f"LD_LIBRARY_PATH={LIBRARIES}", *driver, *command],
            input=json.dumps(asked),
            stdout=subprocess.PIPE,
            text=True,
            cwd=TOP,
            check=True,
        )
        found: list[dict[str, Any]] = json.loads(done.stdout.replace(str(folder), "FOLDER"))
        return found


def asked() -> store.Inputs:
    return store.Inputs(CASES, COMMON)


def asked_for_the_log() -> store.Inputs:
    return store.Inputs(LOG_CASES, COMMON)


def main() -> None:
    """Record both files, or that which is named."""
    if sys.argv[1:] != ["sendmail_log"]:
        answers = answered([TOOLS / "sendmail"], CASES)
        store.write("sendmail_clients", store.sendmail(), __file__, [{"said": each["said"]} for each in answers])
    if sys.argv[1:] != ["sendmail_clients"]:
        answers = answered([TOOLS / "sendmail"], LOG_CASES)
        found = [{"log": same(each["log"]), "received": fields(each["mail"])} for each in answers]
        store.write("sendmail_log", store.sendmail(), __file__, found)


INPUTS = {"sendmail_clients": asked, "sendmail_log": asked_for_the_log}

if __name__ == "__main__":
    main()
