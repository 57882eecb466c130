"""A machine on which sendmail's packages are installed, as commands see it: the tree that install-engines has unpacked
lies over /usr and /etc in namespaces of their own, and what they write below /etc goes to a folder of the test.

Needs root, or a kernel that lets users make namespaces with overlays. A missing engine FAILS.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.live.map_tools import SENDMAIL_ROOT

TOP = Path(__file__).parents[2]
LIBRARY = SENDMAIL_ROOT / "usr/share/sendmail/cf"
_SETUP = """\
set -e
mount -t overlay overlay -o "lowerdir=$WORLD/usr:$SENDMAIL/usr:/usr" /usr
mount -t overlay overlay -o "lowerdir=$SENDMAIL/etc:/etc,upperdir=$WORLD/etc,workdir=$WORLD/work" /etc
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /var/spool
mkdir -p /run/sendmail/stampdir /var/spool/mqueue
hostname mail.example.com
"""

USERS = ("smmta", "smmsp", "alice", "bob")  # sendmail's, and those of the example


class World:
    """``etc`` is what lies over /etc: a file that a command writes as /etc/mail/x is ``etc / "mail/x"``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.etc = folder / "etc"
        (folder / "usr/sbin").mkdir(parents=True)
        (folder / "usr/sbin/sendmail").symlink_to("../libexec/sendmail/sendmail")
        (folder / "work").mkdir()
        self.etc.mkdir()
        for name, line in (("passwd", "{0}:x:{1}:{1}::/:/bin/false\n"), ("group", "{0}:x:{1}:\n")):
            users = "".join(
                line.format(user, number)
                for user, number in (("smmta", 2001), ("smmsp", 2002), ("alice", 2003), ("bob", 2004))
            )
            (self.etc / name).write_text(Path("/etc", name).read_text() + users)

    def install(self, site: Path) -> Path:
        """Copy a site to /etc/mail; the folder."""
        shutil.copytree(site, self.etc / "mail")
        return self.etc / "mail"

    def run(self, *command: str | Path, input: str = "", status: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run a command there; AssertionError when it does not exit with ``status``."""
        environment = {
            **os.environ,
            "LC_ALL": "C",
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHONPATH": str(TOP),
            "SENDMAIL": str(SENDMAIL_ROOT.resolve()),
            "WORLD": str(self._folder),
        }
        namespaces = ["unshare", "--mount", "--uts", *(["--map-root-user"] if os.geteuid() != 0 else [])]
        words = [*namespaces, "sh", "-c", _SETUP + 'exec "$@"', "world", *map(str, command)]
        done = subprocess.run(words, input=input, capture_output=True, text=True, env=environment, check=False)
        assert status is None or done.returncode == status, f"{command}: {done.stdout}{done.stderr}"
        return done

    def shell(self, script: str, status: int | None = 0) -> subprocess.CompletedProcess[str]:
        return self.run("sh", "-c", script, status=status)

    def mailconf(self, *arguments: str, status: int | None = 0) -> subprocess.CompletedProcess[str]:
        return self.run(*mailconf_words(arguments), status=status)


def mailconf_words(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "mailconf", *arguments]
