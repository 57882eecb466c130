"""Records tests/vectors/cf_cases.jsonl: what sendmail made of the lines of `cf_cases`, a case a line.

python -m tests.vectors.record_cf_cases
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.live.sendmail_side import LIBRARIES, TOOLS
from tests.vectors import store
from tests.vectors.cf_cases import CASES, HEAD, Sendmail, answer


def asked() -> store.Inputs:
    cases = [{"kind": kind, "text": text, "names": names} for kind, text, names in CASES]
    return store.Inputs(cases, {"head": HEAD})


def main() -> None:
    with tempfile.TemporaryDirectory(dir=TOOLS.parent) as folder:  # sendmail reads no class file below /tmp
        sendmail = Sendmail(TOOLS / "sendmail", LIBRARIES, Path(folder))
        store.write("cf_cases", store.sendmail(), __file__, [{"answer": answer(sendmail, case)} for case in CASES])


INPUTS = {"cf_cases": asked}

if __name__ == "__main__":
    main()
