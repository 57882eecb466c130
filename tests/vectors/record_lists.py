"""Records what the real Postfix answers to list_scenarios.py, as lists.json. Needs root, for a DNS of its own.

python tests/vectors/record_lists.py
"""

from __future__ import annotations

import json

from list_scenarios import scenarios
from record_policy import HERE, record

if __name__ == "__main__":
    text = json.dumps(record(scenarios()), indent=0, ensure_ascii=False)
    (HERE / "lists.json").write_text(text + "\n")
