"""Dovecot's authentication server alone, unpacked below .live/dovecot: a socket, accounts from a file, no protocols.

Clients whose logins fail are not made to wait for the next one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

TREE = Path(__file__).parents[2] / ".live" / "dovecot"
_LIBRARIES = (
    "usr/lib/dovecot",
    "usr/lib/dovecot/modules/old-stats",
    "usr/lib/x86_64-linux-gnu",
    "lib/x86_64-linux-gnu",
)
_CONFIGURATION = """\
base_dir = {top}/run
log_path = {top}/log
protocols =
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5
auth_failure_delay = 0
default_login_user = nobody
default_internal_user = daemon
default_internal_group = daemon
libexec_dir = {tree}/usr/lib/dovecot
import_environment = LD_LIBRARY_PATH={libraries}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {top}/users
}}
userdb {{
  driver = static
  args = uid=1000 gid=1000 home=/tmp/%u
}}
service config {{
  executable = config -c {top}/dovecot.conf
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
service auth {{
  user = root
  unix_listener {socket} {{
    mode = 0666
  }}
}}
"""


class Dovecot:
    """Use as a context manager, as root. ``accounts``: passwords by name; ``socket`` is where it listens."""

    def __init__(self, top: Path, socket: Path, accounts: Mapping[str, str]) -> None:
        self.top, self.socket = top, socket
        libraries = ":".join(str(TREE / name) for name in _LIBRARIES)
        self._environment = {**os.environ, "LD_LIBRARY_PATH": libraries}
        top.mkdir(exist_ok=True)
        (top / "users").write_text("".join(f"{name}:{{PLAIN}}{password}\n" for name, password in accounts.items()))
        text = _CONFIGURATION.format(top=top, tree=TREE, libraries=libraries, socket=socket)
        (top / "dovecot.conf").write_text(text)

    def __enter__(self) -> Dovecot:
        program = [str(TREE / "usr/bin/doveconf"), "-c", str(self.top / "dovecot.conf"), "-e"]
        daemon = [str(TREE / "usr/sbin/dovecot"), "-F"]
        self._process = subprocess.Popen(
            [*program, *daemon], env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 30
        while not self.socket.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise RuntimeError(f"dovecot does not start: {self.log()}")
            time.sleep(0.02)
        return self

    def log(self) -> str:
        log = self.top / "log"
        return log.read_text() if log.exists() else ""

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
