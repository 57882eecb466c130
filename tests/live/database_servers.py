"""Private PostgreSQL and MariaDB servers on loopback, and Postfix's modules for them, unpacked below .live/servers.

The servers refuse to run as root; then they run as nobody. Each holds the rows of `tests.live.query_tables` in a table
``a`` of the database ``mail`` and lets anybody in.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.live.private_postfix import free_port
from tests.live.query_tables import ROWS, write_config

TREE = Path(os.environ.get("MAILCONF_SERVERS_ROOT") or Path(__file__).parents[2] / ".live" / "servers")
LIBRARIES = ":".join(map(str, [*TREE.glob("usr/lib/*-linux-gnu"), *TREE.glob("lib/*-linux-gnu")]))
ENVIRONMENT = {**os.environ, "LD_LIBRARY_PATH": LIBRARIES}
TEXTS = [(key, value, number) for key, value, number in ROWS if value is None or isinstance(value, str)]


def as_nobody(command: list[str | Path], folder: Path) -> list[str]:
    """The command, for another user where this is root; ``folder`` becomes that user's."""
    words = list(map(str, command))
    if os.geteuid() != 0:
        return words
    at = folder
    os.chown(folder, 65534, 65534)
    while at != at.parent:
        at.chmod(at.stat().st_mode | 0o011)
        at = at.parent
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *words]


@contextmanager
def postgresql(folder: Path, client: Callable[[int], Callable[[], None]]) -> Iterator[int]:
    """Serve while the block lasts; the port."""
    folder.mkdir()
    (program,) = TREE.glob("usr/lib/postgresql/*/bin")
    (share,) = TREE.glob("usr/share/postgresql/*")
    data, port = folder / "data", free_port()
    setup = [program / "initdb", "-D", data, "-U", "mail", "-A", "trust", "-L", share, "-E", "UTF8", "--no-locale"]
    subprocess.run(as_nobody([*setup, "--no-sync"], folder), check=True, capture_output=True, env=ENVIRONMENT)
    listen = ["-k", folder, "-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
    with _running(as_nobody([program / "postgres", "-D", data, *listen], folder), folder, client(port), signal.SIGQUIT):
        yield port


@contextmanager
def mariadb(folder: Path, client: Callable[[int], Callable[[], None]]) -> Iterator[int]:
    """Serve while the block lasts; the port."""
    folder.mkdir()
    (folder / "data").mkdir()
    if os.geteuid() == 0:
        os.chown(folder / "data", 65534, 65534)
    port = free_port()
    command: list[str | Path] = [TREE / "usr/sbin/mariadbd", "--no-defaults", f"--datadir={folder / 'data'}"]
    command += [f"--lc-messages-dir={TREE}/usr/share/mysql", "--skip-grant-tables", f"--port={port}"]
    command += ["--bind-address=127.0.0.1", f"--socket={folder / 's'}", f"--pid-file={folder / 'pid'}"]
    command += ["--skip-log-bin", "--innodb=OFF", "--default-storage-engine=MyISAM"]
    with _running(as_nobody(command, folder), folder, client(port), signal.SIGTERM):
        yield port


@contextmanager
def _running(command: list[str], folder: Path, fill: Callable[[], None], ending: signal.Signals) -> Iterator[None]:
    """Run a server and fill its database as soon as it answers."""
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=ENVIRONMENT)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                fill()
                break
            except OSError as problem:
                if server.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError((folder / "log").read_text(errors="replace")) from problem
        yield
    finally:
        server.send_signal(ending)
        server.wait()


def postfix(folder: Path) -> Path:
    """A configuration of a Postfix that has the modules of pgsql and mysql."""
    folder.mkdir()
    modules = "".join(
        f"{kind}\t{TREE}/usr/lib/postfix/postfix-{kind}.so\tdict_{kind}_open\n" for kind in ("pgsql", "mysql")
    )
    write_config(folder / "dynamicmaps.cf", modules)
    write_config(folder / "main.cf", f"compatibility_level = 3.6\nmeta_directory = {folder}\n")
    return folder
