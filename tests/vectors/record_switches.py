"""Plays the cases of switch_dialogues.py to the real smtpd and stores replies and log lines: switches.jsonl.

Run as root from the project's top: ``python -m tests.vectors.record_switches``; with names only those cases are played,
and shown.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.live.private_postfix import PrivatePostfix
from tests.vectors import store
from tests.vectors.record_auth import write_certificates
from tests.vectors.record_rates import SETTINGS, record
from tests.vectors.switch_dialogues import SWITCHES


def _inputs() -> store.Inputs:
    brief = [
        {
            "name": name,
            "settings": dict(case.settings),
            "sessions": [[store.brief(step) for step in steps] for steps in case.sessions],
        }
        for name, case in SWITCHES.items()
    ]
    return store.Inputs(brief, {"settings": SETTINGS})


INPUTS = {"switches": _inputs}


def main() -> None:
    names = sys.argv[1:]
    chosen = {name: case for name, case in SWITCHES.items() if not names or name in names}
    with tempfile.TemporaryDirectory() as top:
        Path(top).chmod(0o755)
        with PrivatePostfix(Path(top)) as postfix:
            write_certificates(Path(top))
            answers = record(postfix, chosen)
    if not names:
        store.write("switches", store.postfix(), __file__, answers)
    for answer in answers if names else []:
        for session in answer["answers"]:
            print("---", *map(repr, session["replies"]), *session["log"], sep="\n")


if __name__ == "__main__":
    main()
