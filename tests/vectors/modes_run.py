"""Runs the calls of `modes_cases` by a command: the real sendmail, or ours as a process. Needs root and namespaces."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.vectors.modes_site import HOST, USERS, build, empty, left, masked, queued

_ALONE = """\
set -e
ip link set lo up
hostname "$1"
mount --bind "$2/resolv.conf" /etc/resolv.conf
mount --bind "$2/hosts" /etc/hosts
mount --bind "$3/passwd" /etc/passwd
mount --bind "$3/group" /etc/group
shift 3
exec "$@"
"""
_PATIENCE = 20.0  # seconds, for a reply or an end


class Bench:
    """A folder in which calls are made on a host of its own, without a network.

    program  what begins the command line of a tool of sendmail's, by its name
    """

    def __init__(self, folder: Path, program: Any, environment: dict[str, str]) -> None:
        self.folder = folder / "site"
        self.aside = folder / "aside"
        self.folder.mkdir()
        self.aside.mkdir()
        folder.chmod(0o755)
        (self.aside / "resolv.conf").write_text("nameserver 127.0.0.1\n")
        (self.aside / "hosts").write_text(f"127.0.0.1 {HOST} localhost\n")
        self.program = program
        self.environment = environment

    def run(self, case: dict[str, Any]) -> dict[str, Any]:
        """What the calls of a case print, return and leave."""
        empty(self.folder)
        build(self.folder, case["site"])
        answers = [self._call(each) for each in case["calls"]]
        return {"answers": answers, "queue": queued(self.folder), "left": left(self.folder)}

    def command(self, call: dict[str, Any]) -> list[str]:
        words = [word.replace("FOLDER", str(self.folder)) for word in call["words"]]
        namespaces = ["unshare", "--mount", "--net", "--uts", "--pid", "--fork", "--kill-child"]
        alone = [*namespaces, "sh", "-c", _ALONE, "sh", HOST, str(self.aside), str(self.folder)]
        if call.get("taken"):
            alone += ["python3", "-c", _TAKEN, str(call["taken"])]
        user = USERS[call["user"]]
        who = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
        return [*alone, *who, *self.program(call["tool"]), *options(call, str(self.folder)), *words]

    def _call(self, call: dict[str, Any]) -> dict[str, Any]:
        environment = {**self.environment, "PATH": os.environ["PATH"], "TZ": "UTC", "LC_ALL": "C"}
        words = self.command(call)
        if call.get("closed"):
            words = ["sh", "-c", 'exec "$@" <&-', "sh", *words]
        with subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=environment,
        ) as process:
            if "talk" in call:
                out, err = talk(process, call["talk"])
                status: int | str = process.wait()
            elif call.get("daemon"):
                out, err, status = self._daemon(process)
            else:
                out, err = process.communicate(call["stdin"].encode("latin-1"), timeout=_PATIENCE * 2)
                status = process.returncode
        return {"out": self._text(out), "err": self._text(err), "status": status}

    def _daemon(self, process: subprocess.Popen[bytes]) -> tuple[bytes, bytes, int | str]:
        """A daemon is stopped when its pid file is there, or when it has printed and ended."""
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end and process.poll() is None and not (self.folder / "pid").exists():
            time.sleep(0.02)
        if process.poll() is None:
            process.kill()  # unshare's child, the first process of the namespace, ends with it, and so do all others
            return *process.communicate(), "serves"
        return *process.communicate(), "serves" if (self.folder / "pid").exists() else process.returncode

    def _text(self, data: bytes) -> str:
        program = self.program("sendmail")[-1]
        return masked(data.decode("latin-1").replace(str(program), "sendmail"), self.folder)


_TAKEN = """
import os, socket, sys
taken = socket.create_server(("127.0.0.1", int(sys.argv[1])))
os.set_inheritable(taken.fileno(), True)
os.execvp(sys.argv[2], sys.argv[2:])
"""


def options(call: dict[str, Any], folder: str) -> Sequence[str]:
    """The configuration, unless the call has one."""
    if any(word.startswith("-C") for word in call["words"]):
        return ()
    return ("-C", f"{folder}/sendmail.cf")


def talk(process: subprocess.Popen[bytes], pieces: Sequence[str]) -> tuple[bytes, bytes]:
    """Send each piece after the reply to the last; what was printed in all."""
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    out = process.stdout
    seen = b""
    os.set_blocking(out.fileno(), False)

    def reply() -> bool:
        nonlocal seen
        start = len(seen)
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            ready, _, _ = select.select([out], [], [], 0.3 if complete(seen[start:]) else _PATIENCE)
            if not ready:
                return complete(seen[start:])
            data = os.read(out.fileno(), 65536)
            if not data:
                return False
            seen += data
        return False

    alive = reply()
    for piece in pieces:
        if not alive:
            break
        try:
            process.stdin.write(piece.encode("latin-1"))
            process.stdin.flush()
        except BrokenPipeError:
            break
        alive = reply()
    try:
        process.stdin.close()
    except BrokenPipeError:
        pass
    process.stdin = None
    os.set_blocking(out.fileno(), True)
    rest, err = process.communicate(timeout=_PATIENCE)
    return seen + rest, err


def complete(data: bytes) -> bool:
    """Whether the last line is the last one of a reply."""
    lines = data.split(b"\r\n" if b"\r\n" in data else b"\n")
    return len(lines) > 1 and not lines[-1] and lines[-2][3:4] != b"-"
