"""Records what the real Postfix answers to list_scenarios.py, in the folder lists. Needs root, for a DNS of its own.

python -m tests.vectors.record_lists
"""

from __future__ import annotations

from tests.vectors import store
from tests.vectors.list_scenarios import scenarios
from tests.vectors.record_policy import asked, record

INPUTS = {"lists": lambda: asked(scenarios())}

if __name__ == "__main__":
    store.write("lists", store.postfix(), __file__, record(scenarios()).values())
