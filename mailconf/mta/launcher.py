"""Becomes a user and then a program: run as a program itself, before one that takes a message.

What it is told comes as JSON in its first argument, and the number of a descriptor: there it reports, as JSON, why the
program cannot be run, and nothing where it runs. In the order in which sendmail does it: the groups, the folder that is
"/", the user, the priority, the folder in which the program begins. It imports the standard library only.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any


def launch(told: dict[str, Any], report: int) -> None:
    """Replace this process by the program; returns only after a report."""
    try:
        if told["become"]:
            os.setgroups(told["groups"])
            if told["root"]:
                os.chroot(told["root"])
                os.chdir("/")
            if told["nice"]:
                os.nice(told["nice"])
            os.setresgid(told["gid"], told["gid"], told["gid"])
            os.setresuid(told["uid"], told["uid"], told["uid"])
        elif told["nice"] > 0:
            os.nice(told["nice"])
        _enter(told["folders"])
        os.umask(told["umask"])
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        path, argv = os.fsencode(told["path"]), [os.fsencode(word) for word in told["argv"]]
        environment = {os.fsencode(name): os.fsencode(value) for name, value in told["environment"].items()}
        os.execve(path, argv, environment)
    except OSError as error:
        os.write(report, json.dumps([error.errno or 0, os.strerror(error.errno or 0)]).encode())
    except ValueError as error:
        os.write(report, json.dumps([0, str(error)]).encode())


def _enter(folders: list[str]) -> None:
    for folder in folders:
        try:
            os.chdir(os.fsencode(folder))
        except OSError:
            continue
        return


if __name__ == "__main__":
    number = int(sys.argv[2])
    os.set_inheritable(number, False)
    launch(json.loads(sys.argv[1]), number)
    os._exit(71)
