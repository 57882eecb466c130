"""Records what Postfix does with the tables of trust_scenarios.py, as trust.json. Needs root.

python tests/vectors/record_trust.py
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "live")]

from private_postfix import PrivatePostfix, mail_version  # noqa: E402
from record_deliveries import deliver  # noqa: E402
from trust_scenarios import BASE, FILES, ROLES, scenarios  # noqa: E402


def lay_out(postfix: PrivatePostfix) -> None:
    for name in ("v", "mail"):
        (postfix.top / name).mkdir(exist_ok=True)
        (postfix.top / name).chmod(0o777)
    postfix.configure(BASE, FILES)


def answer(postfix: PrivatePostfix, name: str, table: str) -> list[list[str]]:
    """What becomes of the role's recipient when the parameter ``name`` has the value ``table``."""
    postfix.configure({**BASE, name: table})
    return deliver(postfix, ROLES[name])


def main() -> None:
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        lay_out(postfix)
        recorded = [[name, table, answer(postfix, name, table)] for name, table in scenarios()]
    text = json.dumps({"mail_version": mail_version(), "answers": recorded}, indent=0)
    (HERE / "trust.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
