"""Records how Postfix's own library translates the names of domain_names.py, as idna@ICU.jsonl.

python -m tests.vectors.record_idna

The mapping is that of the ICU which Postfix is linked with, and changes with that. Run it on machines with different
ones (tests/machines).

The library keeps what it has translated, so that each way of mapping is asked in a process of its own.
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from typing import Any

from tests.vectors import store
from tests.vectors.domain_names import NAMES

LIBRARY = "/usr/lib/postfix/libpostfix-util.so"


def ask(transitional: bool) -> list[list[Any]]:
    """For each name: A-labels, U-labels (None where the name has no such form), and whether it is a host name."""
    library = ctypes.CDLL(LIBRARY)
    ctypes.c_int.in_dll(library, "midna_domain_transitional").value = int(transitional)
    ctypes.c_int.in_dll(library, "util_utf8_enable").value = 1
    for function in (library.midna_domain_to_ascii, library.midna_domain_to_utf8):
        function.restype, function.argtypes = ctypes.c_char_p, [ctypes.c_char_p]

    def text(data: bytes | None) -> str | None:
        return None if data is None else data.decode()

    return [
        [
            text(library.midna_domain_to_ascii(name.encode())),
            text(library.midna_domain_to_utf8(name.encode())),
            bool(library.valid_utf8_hostname(1, name.encode(), 0)),
        ]
        for name in NAMES
    ]


def inputs() -> store.Inputs:
    """Each name with both values of enable_idna2003_compatibility."""
    return store.Inputs([{"transitional": word, "name": name} for word in ("no", "yes") for name in NAMES])


def answers() -> list[dict[str, Any]]:
    found = []
    for word in ("no", "yes"):
        done = subprocess.run(
            [sys.executable, "-m", "tests.vectors.record_idna", word], check=True, capture_output=True, cwd=store.ROOT
        )
        found += [dict(zip(("ascii", "unicode", "valid"), row, strict=True)) for row in json.loads(done.stdout)]
    return found


def icu() -> str:
    """The library that Postfix is linked with: ``libicuuc.so.72``."""
    linked = subprocess.run(["ldd", LIBRARY], check=True, capture_output=True, text=True).stdout
    return next(word for word in linked.split() if word.startswith("libicuuc.so."))


def main() -> None:
    store.write(f"idna@{icu()}", store.postfix(), __file__, answers(), machine={"icu": icu()})


INPUTS = {"idna": inputs}

if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(ask(sys.argv[1] == "yes")))
    else:
        main()
