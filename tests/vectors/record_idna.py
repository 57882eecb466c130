"""Records how Postfix's own library translates the names of domain_names.py, as idna.json.

python tests/vectors/record_idna.py

The mapping is that of the ICU which Postfix is linked with, and changes with that. Run it on machines with different
ones (tests/machines).

The library keeps what it has translated, so that each way of mapping is asked in a process of its own.
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "live")]

from domain_names import NAMES  # noqa: E402
from private_postfix import mail_version  # noqa: E402

LIBRARY = "/usr/lib/postfix/libpostfix-util.so"


def ask(transitional: bool) -> list[list[Any]]:
    """For each name: A-labels, U-labels (None where there are none), and whether it is a host name."""
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


def answers() -> dict[str, Any]:
    found = {}
    for word in ("no", "yes"):
        done = subprocess.run([sys.executable, __file__, word], check=True, capture_output=True)
        found[word] = json.loads(done.stdout)
    return found


def icu() -> str:
    """The library that Postfix is linked with: ``libicuuc.so.72``."""
    linked = subprocess.run(["ldd", LIBRARY], check=True, capture_output=True, text=True).stdout
    return next(word for word in linked.split() if word.startswith("libicuuc.so."))


def different(known: dict[str, Any], found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The answers to the names that are not translated as before, by the way of mapping."""
    return {
        word: {name: new for name, old, new in zip(NAMES, known[word], found[word], strict=True) if old != new}
        for word in known
    }


def main() -> None:
    """The first ICU's answers are written whole; of another one, those that differ from them."""
    file = HERE / "idna.json"
    known: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    recorded = {"mail_version": mail_version(), "icu": icu(), "enable_idna2003_compatibility": answers()}
    if not known or known["icu"] == icu():
        known = {**recorded, "others": known.get("others", {})}
    else:
        first = known["enable_idna2003_compatibility"]
        found = different(first, recorded["enable_idna2003_compatibility"])
        known["others"][icu()] = {"mail_version": mail_version(), "enable_idna2003_compatibility": found}
    file.write_text(json.dumps(known, indent=0) + "\n")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(ask(sys.argv[1] == "yes")))
    else:
        main()
