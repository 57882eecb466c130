"""Records what Postfix does with the files of personal_scenarios.py, as personal.json. Needs root.

python tests/vectors/record_personal.py
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "live")]

from personal_scenarios import ALIASES, BASE, CASES, Case, lay_out, state  # noqa: E402
from private_postfix import QUEUE_ID, PrivatePostfix, mail_version  # noqa: E402
from record_deliveries import deliver  # noqa: E402


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


def main() -> None:
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        prepare(postfix)
        recorded = {name: answer(postfix, case) for name, case in CASES.items()}
    text = json.dumps({"mail_version": mail_version(), "cases": recorded}, indent=1)
    (HERE / "personal.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
