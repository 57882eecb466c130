"""Records tests/vectors/modes.jsonl: what sendmail's command answers in its modes, on the site of `modes_site`.

    python -m tests.vectors.record_modes

Needs root.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.live.map_tools import SENDMAIL_ROOT
from tests.live.sendmail_side import LIBRARIES, TOOLS
from tests.vectors import store
from tests.vectors.modes_cases import cases
from tests.vectors.modes_run import Bench
from tests.vectors.modes_site import ALIASES, CF, GROUP, HOST, PASSWD


def asked() -> store.Inputs:
    common = {"cf": CF, "aliases": ALIASES, "passwd": PASSWD, "group": GROUP, "host": HOST}
    return store.Inputs(cases(), common)


def real(folder: Path) -> Bench:
    """A bench whose commands are sendmail's own."""
    return Bench(folder, lambda tool: [str(TOOLS / tool)], {"LD_LIBRARY_PATH": LIBRARIES})


def answers() -> list[dict[str, Any]]:
    found = []
    with tempfile.TemporaryDirectory(dir=SENDMAIL_ROOT) as folder:
        bench = real(Path(folder))
        for case in cases():
            sys.stderr.write(f"\r{case['number']} ")
            found.append(bench.run(case))
    return found


def main() -> None:
    store.write("modes", store.sendmail(), __file__, answers())


INPUTS = {"modes": asked}

if __name__ == "__main__":
    main()
