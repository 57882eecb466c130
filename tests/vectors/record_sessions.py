"""Records what the real Postfix answers to session_scenarios.py: tests/vectors/sessions.jsonl. Needs root.

python -m tests.vectors.record_sessions
"""

from __future__ import annotations

from tests.vectors import store
from tests.vectors.record_policy import asked, record
from tests.vectors.session_scenarios import scenarios

INPUTS = {"sessions": lambda: asked(scenarios())}

if __name__ == "__main__":
    store.write("sessions", store.postfix(), __file__, record(scenarios()).values())
