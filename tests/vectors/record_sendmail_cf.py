"""Records tests/vectors/sendmail_cf.jsonl: what sendmail -bt says of lines of a sendmail.cf.

    python -m tests.vectors.record_sendmail_cf

Each input is a text (Latin-1), whether it goes before the head, sendmail's exit status, and the lines that sendmail
names, each with its words.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.live.sendmail_side import LIBRARIES, TOOLS
from tests.vectors import store
from tests.vectors.cf_inputs import HEAD, inputs, sendmail_says


def asked() -> store.Inputs:
    cases = [{"text": each.text.decode("latin-1"), "before": each.before} for each in inputs()]
    return store.Inputs(cases, {"head": HEAD.decode("latin-1")})


def main() -> None:
    answers = []
    with tempfile.TemporaryDirectory() as folder:
        for each in inputs():
            status, said = sendmail_says(TOOLS / "sendmail", LIBRARIES, Path(folder, "x.cf"), each.data)
            answers.append({"status": status, "said": said})
    store.write("sendmail_cf", store.sendmail(), __file__, answers)


INPUTS = {"sendmail_cf": asked}

if __name__ == "__main__":
    main()
