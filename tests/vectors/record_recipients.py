"""Records tests/vectors/recipients.jsonl: what sendmail -bv answers on the site of `recipients_cases`.

    python -m tests.vectors.record_recipients

Needs root: it runs with an /etc, a /home and a name server of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.live.map_tools import SENDMAIL_ROOT
from tests.vectors import store
from tests.vectors.recipients_cases import (
    CF,
    DNS,
    FILES,
    FOLDERS,
    GROUP,
    HOST,
    PASSWD,
    SHELLS,
    TABLES,
    cases,
)

# $0 is a folder with usr/, etc/ and home/; the rest is the command.
ALONE = """\
set -e
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir -p /mnt/usr/sbin /mnt/etc /mnt/work
ln -s ../libexec/sendmail/sendmail /mnt/usr/sbin/sendmail
mount -t overlay overlay -o "lowerdir=/mnt/usr:$SENDMAIL/usr:/usr" /usr
mount -t overlay overlay -o "lowerdir=$SENDMAIL/etc:/etc,upperdir=/mnt/etc,workdir=/mnt/work" /etc
for folder in /home /run /var/spool; do mount -t tmpfs -o mode=755 tmpfs "$folder"; done
rm -rf /etc/mail
mkdir -p /run/sendmail/stampdir
ip link set lo up
hostname mail.corp.test
exec "$@"
"""
_SETTINGS = {
    "/etc/resolv.conf": "nameserver 127.0.0.1\n",
    "/etc/hosts": f"127.0.0.1 {HOST} localhost\n",
    "/etc/passwd": PASSWD,
    "/etc/group": GROUP,
    "/etc/shells": SHELLS,
    "/etc/mail/sendmail.cf": CF,
}


def site(given: Mapping[str, tuple[str, int, int, int]]) -> dict[str, Any]:
    """The machine's files and the given ones with owner, group and mode, as JSON has them."""
    return {**{name: (text, 0, 0, 0o644) for name, text in _SETTINGS.items()}, **given}


def alone(*command: str | Path) -> list[str]:
    """A command on a machine of its own."""
    words = ["env", f"SENDMAIL={SENDMAIL_ROOT.resolve()}", "unshare", "--mount", "--net", "--uts", "sh", "-c", ALONE]
    return [*words, "sh", *map(str, command)]


def ask(lines: list[dict[str, Any]], files: Mapping[str, tuple[str, int, int, int]] = FILES) -> list[dict[str, Any]]:
    """The answers to calls on a site with these files, in their order."""
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder, "inputs")
        records = [[name, kind, values] for (name, kind), values in DNS.items()]
        world = {"site": site(files), "folders": FOLDERS, "tables": TABLES, "dns": records, "calls": lines}
        inputs.write_text(json.dumps(world))
        driver = Path(__file__).with_name("recipients_driver.py")
        done = subprocess.run(
            alone(sys.executable, driver, inputs), stdout=subprocess.PIPE, check=True, timeout=600, cwd="/"
        )
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def asked() -> store.Inputs:
    files = {name: list(file) for name, file in FILES.items()}
    common = {"cf": CF, "files": files, "passwd": PASSWD, "group": GROUP, "shells": SHELLS, "host": HOST}
    return store.Inputs(cases(), {**common, "tables": TABLES, "folders": {k: list(v) for k, v in FOLDERS.items()}})


def main() -> None:
    store.write("recipients", store.sendmail(), __file__, ask(cases()))


INPUTS = {"recipients": asked}

if __name__ == "__main__":
    main()
