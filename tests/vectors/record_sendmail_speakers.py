"""Records tests/vectors/sendmail_speakers.jsonl: what sendmail says to mailers that speak LMTP or SMTP.

    python -m tests.vectors.record_sendmail_speakers

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
from tests.vectors.record_sendmail_mailers import DEVICES
from tests.vectors.sendmail_speakers_cases import BASE, DNS, FILES, FOLDERS, SITES, cases, site

_FATE = re.compile(r"ID: to=(\S+?), .*dsn=([245])\.[\d.]+,")


def answered(command: Sequence[str | Path], asked: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a program with sendmail's options says and logs for each case; those of a site are together."""
    sites = [[text, list(cases)] for text, cases in itertools.groupby(asked, key=lambda case: site(case["site"]))]
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder, "inputs")
        records = [[name, kind, values] for (name, kind), values in DNS.items()]
        world = {"site": FILES, "folders": FOLDERS, "probes": [], "dns": records, "cases": sites}
        inputs.write_text(json.dumps(world))
        driver = Path(__file__).with_name("sendmail_speakers_driver.py")
        words = alone("sh", "-c", DEVICES, "sh", sys.executable, driver, inputs, *command)
        done = subprocess.run(words, stdout=subprocess.PIPE, check=True, timeout=600, cwd="/")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def comparable(answer: dict[str, Any]) -> dict[str, Any]:
    """What has to be the same of an answer: what each program was and was told, and how the status of each
    recipient begins."""
    fates = []
    for line in answer["log"]:
        found = _FATE.match(line)
        if found is not None:
            fates += [f"{to.strip('<>')} {found[2]}" for to in found[1].split(",")]
    programs = [{**each, "stdin": commands(each["stdin"])} for each in answer["programs"]]
    programs = [each for each in programs if each["stdin"]]
    return {"programs": sorted(programs, key=json.dumps), "fates": sorted(fates)}


def commands(said: str) -> list[str]:
    """What was said to a program, but for sizes and the case of what is no address."""
    lines = [re.sub(r" SIZE=\d+", "", line) for line in said.split("\n")]
    lines = [re.sub(r"(?i)^(mail from|rcpt to)(?=:)", lambda verb: verb[0].upper(), line) for line in lines]
    return [line for line in lines if line not in ("RSET", "QUIT")]


def asked() -> store.Inputs:
    files = {name: file for name, file in FILES.items() if name != "/srv/speaker"}
    return store.Inputs(cases(), {"base": BASE, "sites": SITES, "files": files, "folders": FOLDERS})


def main() -> None:
    store.write("sendmail_speakers", store.sendmail(), __file__, answered(["/usr/sbin/sendmail"], cases()))


INPUTS = {"sendmail_speakers": asked}

if __name__ == "__main__":
    main()
