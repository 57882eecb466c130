"""Records tests/vectors/sendmail_rewriting.jsonl: what `sendmail_rewriting_cases` become in address test mode, and on
the wire to a server on the loopback.

    python -m tests.vectors.record_sendmail_rewriting

Needs root.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.vectors import store
from tests.vectors.recipients_cases import GROUP, HOST, PASSWD
from tests.vectors.record_recipients import alone
from tests.vectors.sendmail_rewriting_cases import CF, GENERICS, cases

_FILES = {
    "/etc/resolv.conf": "nameserver 127.0.0.1\n",
    "/etc/hosts": f"127.0.0.1 {HOST} localhost\n127.0.0.2 sink.test\n",
    "/etc/passwd": PASSWD,
    "/etc/group": GROUP,
    "/etc/mail/sendmail.cf": CF,
    "/etc/mail/generics": GENERICS,
    "/etc/mail/aliases": "nobody: /dev/null\n",
}


def ask(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The answers to cases, in their order."""
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder, "inputs")
        site = {name: (text, 0, 0, 0o644) for name, text in _FILES.items()}
        inputs.write_text(json.dumps({"site": site, "cases": lines}))
        driver = Path(__file__).with_name("sendmail_rewriting_driver.py")
        done = subprocess.run(alone(sys.executable, driver, inputs), stdout=subprocess.PIPE, check=True, cwd="/")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def asked() -> store.Inputs:
    return store.Inputs(cases(), {"cf": CF, "generics": GENERICS, "passwd": PASSWD, "group": GROUP, "host": HOST})


def main() -> None:
    store.write("sendmail_rewriting", store.sendmail(), __file__, ask(cases()))


INPUTS = {"sendmail_rewriting": asked}

if __name__ == "__main__":
    main()
