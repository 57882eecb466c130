"""Records tests/vectors/sendmail_reports.jsonl: what sendmail reports about the messages of its cases, whole.

    python -m tests.vectors.record_sendmail_reports

Needs root: it runs with an /etc, a /home, a /dev and a name server of its own.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.vectors import store
from tests.vectors.record_recipients import alone
from tests.vectors.record_sendmail_mailers import DEVICES
from tests.vectors.sendmail_reports_cases import BASE, DNS, FILES, FOLDERS, PROBES, SITES, cases, site


def answered(command: Sequence[str | Path], asked: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a program with sendmail's options sends and reports for each case; those of a site are together."""
    sites = [[text, list(cases)] for text, cases in itertools.groupby(asked, key=lambda case: site(case["site"]))]
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder, "inputs")
        records = [[name, kind, values] for (name, kind), values in DNS.items()]
        world = {"site": FILES, "folders": FOLDERS, "probes": PROBES, "dns": records, "cases": sites}
        inputs.write_text(json.dumps(world))
        driver = Path(__file__).with_name("sendmail_reports_driver.py")
        words = alone("sh", "-c", DEVICES, "sh", sys.executable, driver, inputs, *command)
        done = subprocess.run(words, stdout=subprocess.PIPE, check=True, timeout=900, cwd="/")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def asked() -> store.Inputs:
    return store.Inputs(cases(), {"base": BASE, "sites": SITES, "files": FILES, "folders": FOLDERS, "probes": PROBES})


def main() -> None:
    store.write("sendmail_reports", store.sendmail(), __file__, answered(["/usr/sbin/sendmail"], cases()))


INPUTS = {"sendmail_reports": asked}

if __name__ == "__main__":
    main()
