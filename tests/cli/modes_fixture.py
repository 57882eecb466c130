"""Calls of the sendmail command in this process, on the site of `tests.vectors.modes_site` below a folder of a test."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from mailconf.cli.sendmail.caller import Caller
from mailconf.cli.sendmail.sendmail import start
from mailconf.files import Root
from tests.sendmail.rules.rule_bench import FixedMachine
from tests.vectors.modes_run import options
from tests.vectors.modes_site import HOST, build, empty, left, masked, our_queue

SITE = "/site"  # what FOLDER in texts stands for, below the test's folder


class Modes:
    """``run`` makes the calls of a case on a fresh site; the answers are those of `tests.vectors.modes_run.Bench`."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.top = folder
        self.site = folder / SITE[1:]
        self.site.mkdir()
        (folder / "etc").mkdir()
        self.patch = patch
        self.root = Root(folder)

    def run(self, case: dict[str, Any]) -> dict[str, Any]:
        empty(self.site)
        build(self.site, case["site"], shown=SITE)
        for name in ("passwd", "group"):
            (self.top / "etc" / name).write_bytes((self.site / name).read_bytes())
        self.patch.chdir(self.site)
        answers = [self.call(call) for call in case["calls"]]
        return {"answers": answers, "queue": our_queue(self.site), "left": left(self.site, SITE)}

    def call(self, call: dict[str, Any]) -> dict[str, Any]:
        """What one call prints, and its status."""
        words = [word.replace("FOLDER", SITE) for word in (*options(call, SITE), *call["words"])]
        out, err = io.BytesIO(), io.BytesIO()
        self.patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(call["stdin"].encode("latin-1"))))
        self.patch.setattr(sys, "stdout", io.TextIOWrapper(out, write_through=True))
        self.patch.setattr(sys, "stderr", io.TextIOWrapper(err, write_through=True))
        # What goes on behind a call, the daemon and the runs of the queue, has tests of its own, which end it.
        alone = "mailconf.cli.sendmail.daemon._in_background"
        self.patch.setattr(alone, lambda: (os.open(os.devnull, os.O_RDONLY), True))
        status = start(call["tool"], words, self.root, self.caller(call["user"]), FixedMachine(self.root, HOST))
        sys.stdout.flush()
        texts = {"out": text_of(out), "err": text_of(err)}
        self.patch.undo()
        self.patch.chdir(self.site)
        return {**texts, "status": status}

    def caller(self, login: str) -> Caller:
        user, name = next((user, name) for user, name in FixedMachine(self.root, HOST).users() if user.name == login)
        return Caller(user.uid, user.name, user.gid, user.home, name)


def text_of(data: io.BytesIO) -> str:
    """What was printed, as the recordings have it."""
    return masked(data.getvalue().decode("latin-1").replace(SITE, "FOLDER"), "FOLDER")
