"""Records tests/vectors/sendmail_cf.json: what sendmail -bt says of lines of a sendmail.cf.

    python -m tests.vectors.record_sendmail_cf

Each input is a text (Latin-1), whether it goes before the head, sendmail's exit status, and the lines that sendmail
names, each with its words.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from tests.live.map_tools import versions
from tests.live.sendmail_side import LIBRARIES, TOOLS
from tests.vectors.cf_inputs import inputs, sendmail_says

TARGET = Path(__file__).parent / "sendmail_cf.json"


def main() -> None:
    recorded = []
    with tempfile.TemporaryDirectory() as folder:
        for each in inputs():
            status, said = sendmail_says(TOOLS / "sendmail", LIBRARIES, Path(folder, "x.cf"), each.data)
            recorded.append([each.text.decode("latin-1"), each.before, status, said])
    lines = ",\n".join(json.dumps(one) for one in recorded)
    TARGET.write_text(f'{{"engines": {json.dumps(versions())}, "inputs": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
