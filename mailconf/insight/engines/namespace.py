"""A machine of its own for an engine: network, processes and mounts that end with it.

`Inside` starts a worker of ours by unshare(1), with the network, the processes and the mounts unshared. The worker's
process is the first of its process namespace, and dies with the command that has started it: then everything dies that
it has started, and nothing of it stays. What is on the machine's disks is read-only there, except for the worker's own
folder; /etc is a copy.

The two talk in lines of JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PATIENCE = 60.0  # seconds for one answer


class CannotStart(Exception):
    """The engine cannot be run here; the message says why."""


def _reachable(folder: str) -> str:
    """The folder, if every user can come to it; else /tmp: daemons that are not root have their queues there."""
    path = Path(folder).absolute()
    ways = (path, *path.parents)
    return folder if all(way.stat().st_mode & 0o001 for way in ways) else "/tmp"


class Inside:
    """A worker, ``module`` of this package, that has started; ``close`` ends it and all that it has started.

    settings  what it is told first, as JSON has it
    """

    def __init__(self, module: str, settings: dict[str, Any]) -> None:
        if sys.platform != "linux" or shutil.which("unshare") is None:
            raise CannotStart("a private engine needs Linux and the program unshare (util-linux)")
        if os.geteuid() != 0:
            raise CannotStart("only root can give an engine a network and mounts of its own")
        self._folder = tempfile.mkdtemp(prefix="mailconf-test.", dir=_reachable(tempfile.gettempdir()))
        # The engine's own programs run as other users and must reach their folders.
        Path(self._folder).chmod(0o755)
        package = Path(__file__).resolve().parents[3]
        words = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--uts"]
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHONPATH": str(package),
            "LC_ALL": "C",
            "TZ": "UTC",
        }
        self._process = subprocess.Popen(
            [*words, sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
            errors="surrogateescape",
            start_new_session=True,
        )
        try:
            self.ask({**settings, "folder": self._folder})
        except BaseException:
            self.close()
            raise

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """One question and its answer. Raises CannotStart where there is none."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError as failure:
            raise CannotStart(f"the engine has ended: {failure.strerror}") from failure
        if not line:
            raise CannotStart("the engine has ended without an answer")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise CannotStart(str(answer["error"]))
        return answer

    def close(self) -> None:
        process = self._process
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    pass
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
