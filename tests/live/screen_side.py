"""The real postscreen and ours beside each other, in a network of its own. Run by test_screen_live.

Prints what differs, a line each, and last how many sessions were played.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent.parent / "mta"), str(Path(__file__).parents[2])]

from fixture_dns import isolate, serve  # noqa: E402
from private_postfix import PrivatePostfix  # noqa: E402
from test_screen_vectors import Differences  # noqa: E402

from tests.vectors.record_auth import write_certificates  # noqa: E402
from tests.vectors.record_screen import SETTINGS, record  # noqa: E402
from tests.vectors.screen_dialogues import DNS, SCREENED  # noqa: E402

CASES = (
    "passes",
    "speaks too early, refused",
    "access list, nested",
    "weights, threshold 3",
    "another deep test, and other faults",
    "TLS is needed",
)


def main(top: Path) -> None:
    isolate()
    played = 0
    folder = top / "ours"
    folder.mkdir()
    write_certificates(folder)
    with serve(DNS), PrivatePostfix(top / "postfix") as postfix:
        write_certificates(postfix.top)
        for name in CASES:
            case = SCREENED[name]
            (recorded,) = record(postfix, {name: case})
            for difference in Differences(folder, name, case, recorded["answers"], SETTINGS).find():
                print(f"{name}: {difference}")
            played += len(case.sessions)
    print(played)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
