"""Records tests/vectors/unreached.jsonl: which keys of a domain sendmail asks a table for, in the sites of
`unreached_cases` and in those that are in order, with the library's .cf and with our own.

    python -m tests.vectors.record_unreached

Needs root: it runs on a machine of its own, with a DNS of its own.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.live.cf_sites import MAKEMAP
from tests.live.compare_cf import ask, build, machine
from tests.live.map_tools import SENDMAIL_ROOT
from tests.vectors import store
from tests.vectors.unreached_cases import CASES, files_of, questions

_MAPS = {"virtusertable": "virtuser", "genericstable": "generics"}


def lay_out(folder: Path, case: dict[str, Any], *, mended: bool) -> None:
    """Write a site, its maps included."""
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    (folder / "queue").mkdir(mode=0o700)
    for name, text in files_of(case, mended=mended).items():
        (folder / name).write_text(text.replace("@/", f"{folder}/") if name == "sendmail.mc" else text)
    for name in ("virtusertable", "genericstable", "access", "mailertable"):
        if name in case["files"]:
            text = (folder / name).read_bytes()
            subprocess.run([MAKEMAP, "-C", "/dev/null", "hash", folder / name], input=text, check=True)


def keys(cf: Path, case: dict[str, Any]) -> list[str]:
    """The keys of the domain that the table is asked for."""
    printed = "\n".join(ask(cf, questions(case)))
    asked = re.findall(rf"map_lookup\({_MAPS[case['table']]}, (\S*?)(?:, %\d|\) => )", printed)
    return sorted({key.lower() for key in asked if key.lower().endswith("@" + case["domain"])})


def asked() -> store.Inputs:
    return store.Inputs(CASES)


def answers() -> list[dict[str, Any]]:
    found = []
    with machine(), tempfile.TemporaryDirectory(dir=SENDMAIL_ROOT) as top:
        Path(top).chmod(0o755)
        for number, case in enumerate(CASES):
            answer: dict[str, Any] = {}
            for mended in (False, True):
                folder = Path(top) / f"{number}{'-mended' * mended}"
                lay_out(folder, case, mended=mended)
                both = [keys(cf, case) for cf in build(folder)]
                answer["mended" if mended else "mistaken"] = dict(zip(("library", "own"), both, strict=True))
            found.append({"asks": answer})
    return found


def main() -> None:
    store.write("unreached", store.sendmail(), __file__, answers())


INPUTS = {"unreached": asked}

if __name__ == "__main__":
    main()
