"""Records how sendmail sends to hosts with TLS and logins: tests/vectors/sendmail_hops.jsonl, to the cases of
`sendmail_hops_cases`.

    python -m tests.vectors.record_sendmail_hops

It runs as record_sendmail_secure does. Needs root.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.live.map_tools import SENDMAIL_ROOT
from tests.live.sendmail_side import LIBRARIES, TOOLS
from tests.vectors import store
from tests.vectors.record_sendmail_clients import ALONE, SETTINGS, TOP
from tests.vectors.record_sendmail_secure import write_keys
from tests.vectors.sendmail_clients_cases import HOST, NETWORK
from tests.vectors.sendmail_hops_cases import BASE, CASES


def answered(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the real sendmail does in each case."""
    with tempfile.TemporaryDirectory(dir=SENDMAIL_ROOT) as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "q").mkdir(mode=0o700)
        for file, text in SETTINGS.items():
            (folder / file).write_text(text)
        write_keys(folder)
        alone = ["unshare", "--mount", "--net", "--uts", "sh", "-c", ALONE, "sh", NETWORK, HOST, name]
        driver = [sys.executable, "-m", "tests.vectors.sendmail_hops_driver", name, TOOLS / "sendmail"]
        done = subprocess.run(
            [*alone, "env", f"LD_LIBRARY_PATH={LIBRARIES}", *driver],
            input=json.dumps(cases),
            stdout=subprocess.PIPE,
            text=True,
            cwd=TOP,
            check=True,
        )
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found


def asked() -> store.Inputs:
    return store.Inputs(CASES, {"base": BASE})


def main() -> None:
    store.write("sendmail_hops", store.sendmail(), __file__, answered(CASES))


INPUTS = {"sendmail_hops": asked}

if __name__ == "__main__":
    main()
