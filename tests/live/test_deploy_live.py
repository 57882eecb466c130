"""serve with what examples/deploy gives it: CAP_NET_BIND_SERVICE alone, a read-only file system, no services(5).

Needs root and unshare(1), for namespaces of its own: the machine's files and ports are not touched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="namespaces need root"),
]
TOP = Path(__file__).parents[2]
UID = 54321
MAIN_CF = """\
compatibility_level = 3.6
myhostname = mail.example.com
inet_protocols = ipv4
alias_maps =
alias_database =
queue_directory = {top}/state
virtual_mailbox_domains = example.org
virtual_mailbox_base = {top}/state
virtual_mailbox_maps = inline:{{a@example.org=a/}}
virtual_uid_maps = static:54321
virtual_gid_maps = static:54321
"""
MASTER_CF = "smtp inet n - n - - smtpd\nvirtual unix - n n - - virtual\n"
# Brings the interface lo up (SIOCSIFFLAGS, IFF_UP), as ip(8) would, which a small machine does not have.
LOOPBACK = 'import fcntl, socket, struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh14x", b"lo", 1))'
SCRIPT = """\
set -e
/usr/bin/python3 -c '{loopback}'
mount --bind {top}/state {top}/state
[ ! -e /etc/services ] || mount --bind {top}/empty /etc/services
mount -o remount,bind,ro /
if touch /usr/written 2>/dev/null; then echo the file system can be written; exit 1; fi
caps=-all,+net_bind_service
setpriv --reuid {uid} --regid {uid} --clear-groups --inh-caps=$caps --ambient-caps=$caps --bounding-set=$caps \\
    --no-new-privs env -i PYTHONPATH={path} PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m mailconf serve {top} \\
    2>{top}/state/log &
for _ in $(seq 100); do grep -q 'listening on' {top}/state/log && break; sleep 0.1; done
/usr/bin/python3 -c 'import smtplib; smtplib.SMTP("127.0.0.1", 25).sendmail("", "a@example.org", "Subject: x")'
for _ in $(seq 100); do grep -q 'removed$' {top}/state/log && break; sleep 0.1; done
kill $!
wait $!
"""


def test_serve_with_one_capability(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "empty").touch()
    os.chown(tmp_path / "state", UID, UID)
    for folder in (tmp_path, *tmp_path.parents):
        if str(folder) not in ("/", "/tmp"):
            folder.chmod(folder.stat().st_mode | 0o055)
    (tmp_path / "main.cf").write_text(MAIN_CF.format(top=tmp_path))
    (tmp_path / "master.cf").write_text(MASTER_CF)
    path = f"{TOP}:{sysconfig.get_path('purelib')}"
    script = SCRIPT.format(top=tmp_path, uid=UID, path=path, loopback=LOOPBACK)
    command = ["unshare", "--mount", "--net", "sh", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    file = tmp_path / "state/log"
    log = file.read_text() if file.exists() else "no log"
    assert (done.returncode, done.stdout + done.stderr) == (0, ""), log
    assert "listening on 0.0.0.0:25 for smtp" in log
    assert "status=sent (delivered to maildir)" in log
    assert len(list((tmp_path / "state/a/new").iterdir())) == 1
