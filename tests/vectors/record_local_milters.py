"""Records what Postfix sends to mail filters about messages of the sendmail command, and what comes of their answers,
as local_milters.jsonl; in the form of record_milters.py.

python -m tests.vectors.record_local_milters
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.live.private_postfix import PrivatePostfix
from tests.vectors import store
from tests.vectors.local_milter_cases import cases
from tests.vectors.milter_cases import BASE
from tests.vectors.record_milters import answers


def asked() -> store.Inputs:
    return store.Inputs([case.inputs() for case in cases()], {"base": BASE})


def main() -> None:
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        store.write("local_milters", store.postfix(), __file__, answers(postfix, cases()))


INPUTS = {"local_milters": asked}

if __name__ == "__main__":
    main()
