"""Records what Postfix does with the files of personal_scenarios.py, as personal.jsonl. Needs root.

python -m tests.vectors.record_personal
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.live.private_postfix import QUEUE_ID, PrivatePostfix
from tests.vectors import store
from tests.vectors.personal_scenarios import ALIASES, BASE, CASES, Case, lay_out, state
from tests.vectors.record_deliveries import deliver


def prepare(postfix: PrivatePostfix) -> None:
    postfix.configure(BASE, {"aliases": ALIASES})
    postfix.postmap("hash:@TOP@/aliases")


def answer(postfix: PrivatePostfix, case: Case) -> dict[str, Any]:
    """The results, the agents' warnings, and what was written."""
    lay_out(postfix.top, case)
    database = postfix.top / "aliases.db"
    restart = bool(case.parameters) or database.stat().st_uid != case.aliases
    os.chown(database, case.aliases, case.aliases)
    if restart:
        postfix.configure({**BASE, **case.parameters})
    before = postfix.log.stat().st_size
    results = deliver(postfix, case.recipient if "@" in case.recipient else f"{case.recipient}@example.com")
    warned = [line for line in postfix.log_lines(before) if re.match(r"postfix/(local|virtual): (warning|fatal)", line)]
    if case.parameters:
        postfix.configure(BASE)
    words = [re.sub(QUEUE_ID, "ID", line.replace(str(postfix.top), "@TOP@")) for line in warned]
    return {"results": results, "warnings": words, "state": state(postfix.top)}


def inputs() -> store.Inputs:
    cases = [{"name": name, **asdict(case)} for name, case in CASES.items()]
    return store.Inputs(cases, {"base": BASE, "aliases": ALIASES})


def main() -> None:
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        prepare(postfix)
        answers = [answer(postfix, case) for case in CASES.values()]
    store.write("personal", store.postfix(), __file__, answers)


INPUTS = {"personal": inputs}

if __name__ == "__main__":
    main()
