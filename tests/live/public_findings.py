"""What check finds in a folder of configurations that other people have published, and how often each code.

usage: .venv/bin/python tests/live/public_findings.py FOLDER [--show CODE] [--cf-library DIR]

FOLDER has main.cf and .mc files in folders of their own, at any depth: each is checked as it lies, as a repository is
(docs/ci.md). The configurations are not part of the project. The first column is the number of configurations that have
the finding, the second their share, the third the number of findings; with --show the findings of a code follow, for
somebody to judge whether each is true.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MAILCONF = (sys.executable, "-m", "mailconf")


def configurations(folder: Path) -> Iterator[tuple[Path, str]]:
    """The folders that hold a configuration, and what a machine calls them."""
    for path in sorted(folder.rglob("main.cf")):
        yield path.parent, "/etc/postfix"
    for parent in sorted({path.parent for path in folder.rglob("*.mc")}):
        yield parent, "/etc/mail"


def findings(folder: Path, known_as: str, library: str) -> list[dict[str, Any]]:
    """What check reports. Raises RuntimeError where it does not end as it should."""
    command = [*MAILCONF, "check", "--as", known_as, str(folder), "--format", "json"]
    environment = {**os.environ, **({"MAILCONF_CF_LIBRARY": library} if library else {})}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{folder}: status {done.returncode}: {done.stderr[-300:]}")
    found: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--show", action="append", default=[], metavar="CODE")
    parser.add_argument("--cf-library", default="", metavar="DIR")
    options = parser.parse_args()
    having: dict[tuple[str, str], set[Path]] = defaultdict(set)
    count: Counter[tuple[str, str]] = Counter()
    shown: list[str] = []
    checked = list(configurations(options.folder))
    for folder, known_as in checked:
        for each in findings(folder, known_as, options.cf_library):
            key = each["severity"], each["code"]
            having[key].add(folder)
            count[key] += 1
            if each["code"] in options.show or "all" in options.show:
                shown.append(f"{each['file']}:{each['line']}: {each['code']} {each['message']}")
    print(f"{len(checked)} configurations, {sum(count.values())} findings")
    for key in sorted(having, key=lambda key: (-len(having[key]), key)):
        severity, code = key
        print(f"{len(having[key]):4} {len(having[key]) / len(checked):5.0%} {count[key]:4}  {severity:7} {code}")
    print(*shown, sep="\n", end="\n" if shown else "")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
