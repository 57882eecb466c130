"""Records what smtpd_check answers to scripts of ours: tests/vectors/smtpd_lines.jsonl.

Each case is a script and what the program answered to each of its lines: the reply, and what it logged; up to the line
that ends the program, if there is one. The common part has the files below @TOP@ and the DNS. Run it as root, with
Postfix's test programs built (tests/live/build-postfix-suites).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.vectors import store
from tests.vectors.smtpd_scenarios import SCENARIOS

sys.path[:0] = [str(Path(__file__).parents[1] / "live")]

from smtpd_lines import DNS, Asked, at_random  # noqa: E402

SEED, LINES = 20_26, 900


def asked() -> Asked:
    """The scripts by hand, and some at random."""
    found = at_random(SEED, LINES)
    return Asked([*SCENARIOS, *found.scripts], found.files)


def inputs() -> store.Inputs:
    found = asked()
    return store.Inputs([{"script": script} for script in found.scripts], {"files": found.files, "dns": DNS})


INPUTS = {"smtpd_lines": inputs}


def main() -> None:
    from fixture_dns import serve
    from postfix_suites import tree
    from smtpd_scripts import Answered
    from smtpd_side import engine_answers, enter, written

    enter()
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, serve(DNS):

        def plain(answer: Answered) -> dict[str, Any]:
            return {
                "line": answer.line.replace(folder, "@TOP@"),
                "reply": answer.reply,
                "log": [entry.replace(folder, "@TOP@") for entry in answer.log],
            }

        for script in written(asked(), Path(folder)):
            answers = []
            for answer in engine_answers(script):
                answers.append(plain(answer))
                if answer.reply == "fatal":
                    break  # the program has forgotten what was before
            found.append({"answers": answers})
    release = next(tree().parent.glob("postfix_*.dsc")).name.removeprefix("postfix_").removesuffix(".dsc")
    engine = store.Engine("Postfix (smtpd_check)", release.partition("-")[0], {"postfix, as source": release})
    store.write("smtpd_lines", engine, __file__, found)


if __name__ == "__main__":
    main()
