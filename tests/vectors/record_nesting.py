"""Records which chains of aliases and :include: files (nesting_cases.py) the installed Postfix delivers. Needs root.

    python -m tests.vectors.record_nesting

Run it on machines with different versions (tests/machines); each version's answers are a file nesting@VERSION.jsonl.
An answer is the results, as record_deliveries.py has them, and the warnings that local(8) logged.
"""

from __future__ import annotations

import os
import pwd
import tempfile
from pathlib import Path
from typing import Any

from tests.live.private_postfix import PrivatePostfix
from tests.vectors import store
from tests.vectors.nesting_cases import PARAMETERS, cases, files, name
from tests.vectors.record_deliveries import deliver

WARNING = "postfix/local: warning: "


def lay_out(postfix: PrivatePostfix) -> None:
    for folder, mode in (("fw", 0o755), ("out", 0o777), ("mail", 0o1777)):
        (postfix.top / folder).mkdir(exist_ok=True)
        (postfix.top / folder).chmod(mode)
    postfix.configure(PARAMETERS, files())
    postfix.postmap("hash:@TOP@/aliases")
    os.chown(postfix.top / "fw/games", pwd.getpwnam("games").pw_uid, -1)


def answer(postfix: PrivatePostfix, case: dict[str, Any]) -> dict[str, Any]:
    since = postfix.log.stat().st_size
    results = deliver(postfix, f"{name(case)}@mail.example.com")
    lines = postfix.log_lines(since)
    warnings = [line.removeprefix(WARNING) for line in lines if line.startswith(WARNING)]
    return {"results": results, "warnings": [text.replace(str(postfix.top), "@TOP@") for text in warnings]}


def inputs() -> store.Inputs:
    return store.Inputs(cases(), {"parameters": PARAMETERS, "files": store.brief(str(sorted(files().items())))})


def main() -> None:
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        lay_out(postfix)
        answers = [answer(postfix, case) for case in cases()]
    engine = store.postfix()
    store.write(f"nesting@{engine.version}", engine, __file__, answers)


INPUTS = {"nesting": inputs}

if __name__ == "__main__":
    main()
