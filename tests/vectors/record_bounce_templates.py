"""Writes bounce_templates_data.py of mailconf.postfix.parameters from the installed Postfix: its built-in templates.

    python -m tests.vectors.record_bounce_templates

The templates are what ``postconf -t ''`` prints. bounce(8) knows only some parameters that main.cf does not set: those
whose name ``postconf -b`` expands.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mailconf.postfix.parameters.catalogue import PARAMETERS

TARGET = Path(__file__).parents[2] / "mailconf" / "postfix" / "parameters" / "bounce_templates_data.py"
HEADER = '''"""Postfix's built-in bounce templates, and which parameters bounce(8) knows of its own.

Written by tests/vectors/record_bounce_templates.py from Postfix {version}; do not edit.
"""

TEMPLATES: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {templates!r}

KNOWN = frozenset({known!r})
'''


def postconf(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["postconf", *arguments], capture_output=True, text=True, check=False)


def templates(folder: str) -> dict[str, tuple[dict[str, str], tuple[str, ...]]]:
    found = {}
    for block in postconf("-c", folder, "-t", "").stdout.split("_template = <<EOF\n")[1:]:
        headers, _, rest = block.partition("\n\n")
        body = rest.split("\nEOF\n")[0]
        found[block] = (dict(line.split(": ", 1) for line in headers.split("\n")), tuple(body.split("\n")))
    return dict(zip(("failure", "delay", "success", "verify"), found.values(), strict=True))


def is_known(folder: str, name: str) -> bool:
    path = Path(folder) / f"template {name}"
    path.write_text(f"failure_template = <<EOF\n\n|${name}|\nEOF\n", encoding="utf-8")
    os.utime(path, (10**9, 10**9))
    return "undefined $name" not in postconf("-c", folder, "-b", str(path)).stderr


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("main.cf", "master.cf"):
            (Path(folder) / name).touch()
            os.utime(Path(folder) / name, (10**9, 10**9))
        data = templates(folder)
        with ThreadPoolExecutor(32) as pool:  # a fatal error costs a second of sleep
            answers = pool.map(lambda name: is_known(folder, name), PARAMETERS)
            known = [name for name, yes in zip(PARAMETERS, answers, strict=True) if yes]
    version = postconf("-dh", "mail_version").stdout.strip()
    TARGET.write_text(HEADER.format(version=version, templates=data, known=tuple(known)), encoding="utf-8")
    subprocess.run(["ruff", "format", "--quiet", str(TARGET)], check=True)


if __name__ == "__main__":
    main()
