"""Records what the real Postfix answers to list_scenarios.py, in the folder lists. Needs root, for a DNS of its own.

python -m tests.vectors.record_lists [--new]

With ``--new``, what the folder has an answer for is not asked again, if it is the answer of the same version.
"""

from __future__ import annotations

import sys

from tests.vectors import store
from tests.vectors.list_scenarios import scenarios
from tests.vectors.record_policy import asked, record

INPUTS = {"lists": lambda: asked(scenarios())}


def main(arguments: list[str]) -> None:
    engine, asked_for = store.postfix(), scenarios()
    known = {}
    if arguments == ["--new"]:
        stored = store.read_anyway("lists")
        assert stored.head.version == engine.version, f"the folder has the answers of {stored.head.version}"
        inputs = {case["name"]: case for case in INPUTS["lists"]().cases}
        for case in stored.cases:
            if inputs.get(case["name"]) == {name: case[name] for name in stored.head.asked}:
                known[case["name"]] = {"answers": case["answers"]}
    found = {**known, **record([scenario for scenario in asked_for if scenario.name not in known])}
    store.write("lists", engine, __file__, [found[case["name"]] for case in INPUTS["lists"]().cases])


if __name__ == "__main__":
    main(sys.argv[1:])
