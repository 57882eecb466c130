"""Records tests/vectors/cf_cases.jsonl: what sendmail made of the lines of `cf_cases`, a case a line.

python -m tests.vectors.record_cf_cases
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from tests.live.map_tools import versions
from tests.live.sendmail_side import LIBRARIES, TOOLS
from tests.vectors.cf_cases import CASES, Sendmail, answer

TARGET = Path(__file__).parent / "cf_cases.jsonl"


def main() -> None:
    with tempfile.TemporaryDirectory(dir=TOOLS.parent) as folder:  # sendmail reads no class file below /tmp
        sendmail = Sendmail(TOOLS / "sendmail", LIBRARIES, Path(folder))
        recorded = [[*case, answer(sendmail, case)] for case in CASES]
    lines = [{"engines": versions()}, *recorded]
    TARGET.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


if __name__ == "__main__":
    main()
