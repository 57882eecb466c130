"""Records tests/vectors/newaliases.jsonl: what sendmail's newaliases says of hard alias files, and what it stores.

    python -m tests.vectors.record_newaliases

For each text (bytes as Latin-1): the exit status, the output, and the entries of the map by db5.3_dump. Needs root:
sendmail builds no map in a folder that everybody can write, and asks the name server for a host without a domain.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from tests.live.map_tools import dump
from tests.live.sendmail_side import LIBRARIES, TOOLS
from tests.live.test_sendmail_tools_newaliases import HOST, LINES, MC, NAMES, stock_cf
from tests.vectors import store


def inputs() -> store.Inputs:
    texts = [*LINES.values(), *(name + b": x\n" + name + b":y\n" for name in NAMES)]
    cases = [{"text": text.decode("latin-1")} for text in texts if len(text) < 30_000]
    return store.Inputs(cases, {"host": HOST, "mc": MC})


def run(stock: str, text: bytes) -> dict[str, object]:
    with tempfile.TemporaryDirectory(dir="/srv") as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)
        (folder / "queue").mkdir(mode=0o700)
        cf = stock.replace("QUEUE", f"{scratch}/queue").replace("AliasFile=FILE", f"AliasFile={scratch}/aliases")
        (folder / "cf").write_text(cf)
        (folder / "aliases").write_bytes(text)
        shell = f'hostname {HOST}; exec "$@"'
        command = ["unshare", "--uts", "sh", "-c", shell, "sh", str(TOOLS / "newaliases"), f"-C{scratch}/cf"]
        done = subprocess.run(command, capture_output=True, env={**os.environ, "LD_LIBRARY_PATH": LIBRARIES})
        entries = sorted(dump(folder / "aliases.db"))
        output = done.stdout.replace(scratch.encode() + b"/", b"").decode("latin-1")
    stored = [[key.decode("latin-1"), value.decode("latin-1")] for key, value in entries]
    return {"status": done.returncode, "output": output, "entries": stored}


def main() -> None:
    stock = stock_cf()
    answers = [run(stock, case["text"].encode("latin-1")) for case in inputs().cases]
    store.write("newaliases", store.sendmail(), __file__, answers)


INPUTS = {"newaliases": inputs}

if __name__ == "__main__":
    main()
