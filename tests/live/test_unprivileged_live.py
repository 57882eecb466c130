"""serve as a real ordinary user: what that user may do is done, all other mail waits (4.3.0), and the start says so.

Needs root and unshare(1), for accounts and a network of its own; serve runs without any capability.
"""

from __future__ import annotations

import os
import re
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
ME, OTHER = 54321, 54322
MAIN_CF = """\
compatibility_level = 3.6
myhostname = mail.example.com
mydestination = example.com
inet_protocols = ipv4
queue_directory = {top}/queue
mail_spool_directory = {top}/spool
{more}
alias_database =
alias_maps = inline:{{{{cmd="|touch {top}/me/made"}}, {{file={top}/spool/file}}, {{null=/dev/null}}, {{list=:include:{top}/other/list}}}}
virtual_mailbox_domains = example.org
virtual_mailbox_base = {top}
virtual_mailbox_maps = inline:{{mine@example.org=me/a/, theirs@example.org=other/b/, below@example.org=other/c}}
virtual_uid_maps = inline:{{mine@example.org=54321, theirs@example.org=54322, below@example.org=54321}}
virtual_gid_maps = static:54321
"""  # noqa: E501
MASTER_CF = "smtp inet n - n - - smtpd\nvirtual unix - n n - - virtual\nlocal unix - n n - - local\n"
PASSWD = """\
root:x:0:0::/root:/bin/sh
nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin
me:x:54321:54321::{top}/me:/bin/sh
forwards:x:54321:54321::{top}/forwards:/bin/sh
other:x:54322:54322::{top}/other:/bin/sh
"""
# Brings the interface lo up (SIOCSIFFLAGS, IFF_UP), as ip(8) would, which a small machine does not have.
LOOPBACK = 'import fcntl, socket, struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh14x", b"lo", 1))'
SCRIPT = """\
set -e
/usr/bin/python3 -c '{loopback}'
mount --bind {top}/passwd /etc/passwd
setpriv --reuid {uid} --regid {uid} --clear-groups --bounding-set=-all --no-new-privs \\
    env -i PYTHONPATH={path} PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m mailconf serve {top}/etc \\
    --listen 127.0.0.1:2525 2>{top}/log &
while ! grep -q 'listening on' {top}/log; do kill -0 $! && sleep 0.1; done
/usr/bin/python3 - {recipients} <<'END'
import smtplib, sys
with smtplib.SMTP("127.0.0.1", 2525) as client:
    for recipient in sys.argv[1:]:
        client.sendmail("", recipient, "Subject: x\\r\\n\\r\\nx")
END
while [ "$(grep -c status= {top}/log)" -lt {count} ]; do kill -0 $! && sleep 0.1; done
kill $!
wait $!
"""
WAITS = "4.3.0 deferred"
SENT = "2.0.0 sent"


def serve(top: Path, recipients: list[str], more: str = "") -> tuple[dict[str, str], str]:
    """What becomes of a message to each, and the log."""
    for name in ("etc", "queue", "spool", "me", "forwards", "other"):
        (top / name).mkdir()
    for name, uid in {"queue": ME, "me": ME, "forwards": ME, "other": OTHER}.items():
        os.chown(top / name, uid, uid)
    (top / "other").chmod(0o700)
    (top / "forwards/.forward").write_text(f"|touch {top}/me/forwarded\n")
    os.chown(top / "forwards/.forward", ME, ME)
    (top / "other/list").write_text("mine@example.org\n")
    for folder in (top, *top.parents):
        if str(folder) not in ("/", "/tmp"):
            folder.chmod(folder.stat().st_mode | 0o055)
    (top / "etc/main.cf").write_text(MAIN_CF.format(top=top, more=more))
    (top / "etc/master.cf").write_text(MASTER_CF)
    (top / "passwd").write_text(PASSWD.format(top=top))
    (top / "log").touch()
    path = f"{TOP}:{sysconfig.get_path('purelib')}"
    facts = {"uid": ME, "path": path, "loopback": LOOPBACK, "count": len(recipients)}
    script = SCRIPT.format(top=top, recipients=" ".join(recipients), **facts)
    command = ["unshare", "--mount", "--net", "sh", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    log = (top / "log").read_text()
    assert (done.returncode, done.stdout + done.stderr) == (0, ""), log
    became = {}
    for to, origin, dsn, status in re.findall(r"to=<(.*?)>,(?: orig_to=<(.*?)>,)? .*dsn=(\S+), status=(\w+)", log):
        became[origin or to] = f"{dsn} {status}"
    return became, log


def test_mail_for_others_waits(tmp_path: Path) -> None:
    expected = {
        "me@example.com": WAITS,  # no file can be made in the spool
        "other@example.com": WAITS,
        "root@example.com": WAITS,
        "forwards@example.com": SENT,  # the user's own command
        "cmd@example.com": WAITS,  # nobody's
        "file@example.com": WAITS,
        "list@example.com": WAITS,  # in a folder that only its owner reads
        "null@example.com": SENT,
        "mine@example.org": SENT,
        "theirs@example.org": WAITS,
        "below@example.org": WAITS,  # one's own mailbox in another user's folder
    }
    became, log = serve(tmp_path, list(expected))
    assert became == expected, log
    said = [line for line in log.splitlines() if "[PF236]" in line]
    assert len(said) == 2 and log.index(said[1]) < log.index("listening on")
    assert f"serve runs as user {ME}, not as root" in said[0] and f"may not make files in {tmp_path}/spool" in said[1]
    assert (tmp_path / "me/forwarded").exists() and not (tmp_path / "me/made").exists()
    assert len(list((tmp_path / "me/a/new").iterdir())) == 1
    assert list((tmp_path / "spool").iterdir()) == [] and [x.name for x in (tmp_path / "other").iterdir()] == ["list"]


def test_own_mail_is_delivered_at_home(tmp_path: Path) -> None:
    became, log = serve(tmp_path, ["me@example.com", "other@example.com"], "home_mailbox = Maildir/")
    assert became == {"me@example.com": SENT, "other@example.com": WAITS}, log
    assert len(list((tmp_path / "me/Maildir/new").iterdir())) == 1
    assert [line.partition("warning: ")[2][:11] for line in log.splitlines() if "[PF236]" in line] == ["serve runs "]
