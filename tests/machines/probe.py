"""What a serve that was started as docs/deploy.md says may do, and what it does with mail: ``probe.py PID``.

Run beside it, in its name spaces. Prints what it finds; an AssertionError ends it.
"""

from __future__ import annotations

import errno
import smtplib
import sys
import time
from pathlib import Path

STATE = Path("/var/lib/mailconf")
CAP_NET_BIND_SERVICE = 1 << 10


def main(pid: str) -> None:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    uids = {int(uid) for uid in status["Uid"].split()}
    assert 0 not in uids, uids
    for held in ("CapEff", "CapPrm", "CapBnd"):
        assert int(status[held], 16) == CAP_NET_BIND_SERVICE, (held, status[held])
    assert status["NoNewPrivs"] == "1"
    for folder in ("usr", "etc", "opt/mailconf", "etc/postfix"):
        try:
            Path(f"/proc/{pid}/root/{folder}/written").touch()
        except OSError as error:
            assert error.errno == errno.EROFS, (folder, error)
        else:
            raise AssertionError(f"/{folder} can be written")
    for name in ("a", "b"):
        with smtplib.SMTP("127.0.0.1", 25, timeout=20) as client:
            client.sendmail("", f"{name}@example.org", "Subject: x\n\nx\n")
    deadline = time.monotonic() + 20
    while not list((STATE / "a/new").glob("*")) and time.monotonic() < deadline:
        time.sleep(0.1)
    (message,) = (STATE / "a/new").iterdir()
    assert b"Subject: x" in message.read_bytes()
    assert message.stat().st_uid in uids and not (STATE / "b").exists()
    found = "CAP_NET_BIND_SERVICE alone, a read-only file system, mail over port 25 delivered"
    print(f"deploy: probe: uid {min(uids)}, {found}")


main(sys.argv[1])
