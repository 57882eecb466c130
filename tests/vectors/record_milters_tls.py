"""Records what Postfix sends to mail filters in sessions under TLS, as milters_tls.jsonl; in the form of
record_milters.py.

python -m tests.vectors.record_milters_tls
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.live.private_postfix import PrivatePostfix
from tests.vectors import record_milters, store
from tests.vectors.milter_cases import BASE
from tests.vectors.milter_tls_cases import cases, talk
from tests.vectors.record_auth import write_certificates


def asked() -> store.Inputs:
    return store.Inputs([case.inputs() for case in cases()], {"base": BASE})


def answers(postfix: PrivatePostfix) -> Iterator[dict[str, Any]]:
    write_certificates(postfix.top)
    return record_milters.answers(postfix, cases(), talk(postfix.top))


def main() -> None:
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        store.write("milters_tls", store.postfix(), __file__, answers(postfix))


INPUTS = {"milters_tls": asked}

if __name__ == "__main__":
    main()
