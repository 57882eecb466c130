"""Records tests/vectors/hosts_access.jsonl: whether libwrap lets clients in, by random hosts.allow and hosts.deny.

    python -m tests.vectors.record_hosts_access

It asks the library that sendmail is linked with, hosts_ctl(3), each question in a process of its own: an option of a
rule may change or end that. Needs tests/live/install-engines, and root, for `user` and `group`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.live.sendmail_side import LIBRARIES
from tests.vectors import store
from tests.vectors.hosts_access_cases import CLIENTS, LISTS, case

CASES = 400
_ASK = """
import ctypes, json, os, sys
folder = sys.argv[1]
wrap = ctypes.CDLL("libwrap.so.0")
paths = {name: os.path.join(folder, name).encode() for name in ("allow", "deny")}
for name, path in paths.items():
    ctypes.c_char_p.in_dll(wrap, f"hosts_{name}_table").value = path
cases, clients = json.load(sys.stdin)
nothing = os.open("/dev/null", os.O_RDWR)
os.dup2(nothing, 2)
answers = []
for case in cases:
    for name, path in paths.items():
        with open(path, "w", encoding="latin-1") as file:
            file.write(case[name])
    answer = ""
    for client in clients:
        child = os.fork()
        if not child:
            os.dup2(nothing, 1)
            granted = wrap.hosts_ctl(b"sendmail", *[word.encode() for word in client])
            os._exit(10 if granted else 11)
        answer += "y" if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 10 else "n"
    answers.append(answer)
print(json.dumps(answers))
"""


def granted(cases: Sequence[dict[str, Any]]) -> list[str]:
    """For each case a letter for each of `CLIENTS`: y where it is let in."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for file, text in LISTS.items():
            (folder / file).write_text(text)
        texts = [{key: text.replace("FOLDER", name) for key, text in one.items()} for one in cases]
        done = subprocess.run(
            [sys.executable, "-c", _ASK, name],
            input=json.dumps([texts, CLIENTS]),
            env={"LD_LIBRARY_PATH": LIBRARIES},
            capture_output=True,
            text=True,
            check=True,
        )
        answers: list[str] = json.loads(done.stdout)
        return answers


def asked() -> store.Inputs:
    return store.Inputs([case(number) for number in range(CASES)], {"clients": CLIENTS, "lists": LISTS})


def main() -> None:
    answers = granted([case(number) for number in range(CASES)])
    store.write("hosts_access", store.sendmail(), __file__, [{"granted": answer} for answer in answers])


INPUTS = {"hosts_access": asked}

if __name__ == "__main__":
    main()
