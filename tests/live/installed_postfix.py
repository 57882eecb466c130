"""The machine's Postfix, copied with all that it needs below a folder of its own, where it runs in a chroot.

There a file can be damaged in every way, without a change to the machine.
"""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
from pathlib import Path

TOOLS = (
    *("sh", "awk", "cat", "chgrp", "chmod", "chown", "cmp", "cp", "cut", "date", "dirname", "egrep", "env", "expr"),
    *(
        "find",
        "fmt",
        "grep",
        "head",
        "ln",
        "ls",
        "mkdir",
        "mv",
        "readlink",
        "rm",
        "sed",
        "sort",
        "tr",
        "true",
        "uname",
        "perl",
    ),
)
COPIED = ("/etc/postfix", "/usr/lib/postfix", "/usr/share/postfix")
FILES = ("/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/hosts", "/usr/sbin/sendmail", "/etc/services")
_LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x")
CHANGED = ("/etc", "/var", "/usr/lib/postfix", "/usr/sbin")
_SAID = re.compile(r"^(?:/usr/sbin/)?post(?:fix|super|conf|fix/[\w-]+): ((?:warning|error|fatal): .*)", re.MULTILINE)


class InstalledPostfix:
    """A copy below ``top``; `check` says what ``postfix check`` says there."""

    def __init__(self, top: Path) -> None:
        self.top = top
        top.mkdir(parents=True, exist_ok=True)
        for link in ("bin", "sbin", "lib", "lib64"):
            (top / "usr" / link).mkdir(parents=True)
            (top / link).symlink_to(f"usr/{link}")
        for folder in ("dev", "etc", "tmp", "var/spool/postfix", "var/lib", "var/log"):
            (top / folder).mkdir(parents=True, exist_ok=True)
        for name in (*COPIED, *map(str, Path("/usr/lib").glob("*-linux-gnu/perl-base"))):
            shutil.copytree(name, self.path(name), symlinks=True)
        programs = [Path(name) for tool in TOOLS if (name := shutil.which(tool))]
        programs += Path("/usr/sbin").glob("post*")
        for file in (*map(Path, FILES), *programs):
            self._copy(file)
        libraries = {name for file in (*programs, *Path("/usr/lib/postfix/sbin").glob("*")) for name in _needed(file)}
        libraries |= {str(file) for file in Path("/lib/x86_64-linux-gnu").glob("libnss_files*")}
        for name in sorted(libraries):
            self._copy(Path(name))
        (self.path("/dev/null")).write_bytes(b"")
        for program in ("postqueue", "postdrop", "postlog"):
            shutil.chown(self.path(f"/usr/sbin/{program}"), group="postdrop")
            self.path(f"/usr/sbin/{program}").chmod(0o2755)
        self.postfix("set-permissions")

    def path(self, name: str) -> Path:
        return self.top / name.lstrip("/")

    def _copy(self, file: Path) -> None:
        to = self.path(str(file))
        to.parent.mkdir(parents=True, exist_ok=True)
        if not to.exists():
            shutil.copy2(file, to)

    def postfix(self, command: str) -> str:
        """What ``postfix command`` says, which it says on a terminal only."""
        ours, its = pty.openpty()
        words = ["chroot", str(self.top), "/usr/sbin/postfix", command]
        with subprocess.Popen(words, stdin=its, stdout=its, stderr=its):
            os.close(its)
            said = b""
            while chunk := _read(ours):
                said += chunk
        os.close(ours)
        return said.decode(errors="surrogateescape").replace("\r", "")

    def check(self) -> list[str]:
        """What ``postfix check`` says, once each: "warning: words", "fatal: words"."""
        return list(dict.fromkeys(_SAID.findall(self.postfix("check"))))

    def restore(self, saved: Path) -> None:
        """Everything that a damage can have changed as it was when `save` wrote ``saved``."""
        for name in CHANGED:
            shutil.rmtree(self.path(name))
            subprocess.run(["cp", "-a", saved / name.lstrip("/"), self.path(name)], check=True)
        for name in ("/usr/lib/sendmail", "/usr/lib/f", "/nosuch"):
            self.path(name).unlink(missing_ok=True)

    def save(self, saved: Path) -> None:
        for name in CHANGED:
            (saved / name.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-a", self.path(name), saved / name.lstrip("/")], check=True)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other side is closed
        return b""


def _needed(program: Path) -> list[str]:
    said = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False).stdout
    return _LIBRARY.findall(said)
