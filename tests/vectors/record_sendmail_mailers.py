"""Records tests/vectors/sendmail_mailers.jsonl: what sendmail's mailers do with the messages of their cases.

    python -m tests.vectors.record_sendmail_mailers

Needs root: it runs with an /etc, a /home, a /dev and a name server of its own.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.vectors import store
from tests.vectors.record_recipients import alone
from tests.vectors.sendmail_mailers_cases import BASE, DNS, FILES, FOLDERS, PROBES, SITES, cases, site

_NAMED = re.compile(r"(ID: to=)(.*?)(, (?:ctladdr=.*, )?delay=.*)")
DEVICES = """\
set -e
mkdir /run/dev
mount -t tmpfs -o mode=755 tmpfs /run/dev
cp -a /dev/null /dev/zero /dev/random /dev/urandom /dev/full /run/dev
mount --bind /run/dev /dev
exec "$@"
"""


def answered(command: Sequence[str | Path], asked: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a program with sendmail's options does with the message of each case; those of a site are together."""
    sites = [[text, list(cases)] for text, cases in itertools.groupby(asked, key=lambda case: site(case["site"]))]
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder, "inputs")
        records = [[name, kind, values] for (name, kind), values in DNS.items()]
        world = {"site": FILES, "folders": FOLDERS, "probes": PROBES, "dns": records}
        world |= {"cases": sites}
        inputs.write_text(json.dumps(world))
        driver = Path(__file__).with_name("sendmail_mailers_driver.py")
        words = alone("sh", "-c", DEVICES, "sh", sys.executable, driver, inputs, *command)
        done = subprocess.run(words, stdout=subprocess.PIPE, check=True, timeout=600, cwd="/")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def comparable(answer: dict[str, Any]) -> dict[str, Any]:
    """What has to be the same of an answer.

    A line of the log for several recipients counts as one for each; ``reply=`` is left out, which is the exit status of
    a mailer that was not run.
    """
    log = []
    for line in answer["log"]:
        named = _NAMED.match(line)
        if named is not None:
            log += [f"{named[1]}{each}{named[3].replace(', reply=69', '')}" for each in named[2].split(",<")]
        elif "SYSERR" in line or "unsafe" in line:
            log.append(line)
    return {
        "said": answer["said"],
        "programs": sorted(answer["programs"], key=lambda each: json.dumps(each)),
        "found": answer["found"],
        "log": sorted(line.replace("to=<", "to=").replace(">,", ",", 1) for line in log),
    }


def asked() -> store.Inputs:
    common = {"base": BASE, "sites": SITES, "files": FILES, "folders": FOLDERS, "probes": PROBES}
    return store.Inputs(cases(), common)


def main() -> None:
    store.write("sendmail_mailers", store.sendmail(), __file__, answered(["/usr/sbin/sendmail"], cases()))


INPUTS = {"sendmail_mailers": asked}

if __name__ == "__main__":
    main()
