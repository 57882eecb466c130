"""Records what Postfix does with the tables of trust_scenarios.py, as trust.jsonl. Needs root.

python -m tests.vectors.record_trust
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.live.private_postfix import PrivatePostfix
from tests.vectors import store
from tests.vectors.record_deliveries import deliver
from tests.vectors.trust_scenarios import BASE, FILES, ROLES, scenarios


def lay_out(postfix: PrivatePostfix) -> None:
    for name in ("v", "mail"):
        (postfix.top / name).mkdir(exist_ok=True)
        (postfix.top / name).chmod(0o777)
    postfix.configure(BASE, FILES)


def answer(postfix: PrivatePostfix, name: str, table: str) -> list[list[str]]:
    """What becomes of the role's recipient when the parameter ``name`` has the value ``table``."""
    postfix.configure({**BASE, name: table})
    return deliver(postfix, ROLES[name])


def inputs() -> store.Inputs:
    cases = [{"parameter": name, "table": table, "recipient": ROLES[name]} for name, table in scenarios()]
    return store.Inputs(cases, {"base": BASE, "files": FILES})


def main() -> None:
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        lay_out(postfix)
        answers = [{"results": answer(postfix, name, table)} for name, table in scenarios()]
    store.write("trust", store.postfix(), __file__, answers)


INPUTS = {"trust": inputs}

if __name__ == "__main__":
    main()
