"""Writes mailconf/postfix/parameters_data.py from the installed Postfix: names, defaults and types.

    python -m tests.vectors.record_parameters

The defaults are those of ``postconf -d``. Where a default depends on the machine, mailconf computes it
(mailconf.postfix.machine) and the data say nothing of this one.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

TARGET = Path(__file__).parents[2] / "mailconf" / "postfix" / "parameters_data.py"
COMPUTED = {"myhostname", "mydomain", "mynetworks", "process_id", "process_name", "config_directory"}
HEADER = '''# ruff: noqa: E501
"""Postfix's parameters: (type, default) by name; b boolean, i integer, t time, s text.

Written by tests/vectors/record_parameters.py from Postfix {version}; not to be edited by hand.
"""

VERSION = "{version}"

PARAMETERS = {{
'''


def kind(default: str) -> str:
    """The type that a default gives away: the engine writes times with their unit and booleans as yes or no."""
    if default in ("yes", "no") or re.fullmatch(r"\$\{\{.*\? \{(yes|no)\} : \{(yes|no)\}\}", default):
        return "b"
    if re.fullmatch(r"\d+", default) or re.fullmatch(r"\$\{stress\?\{\d+\}:\{\d+\}\}", default):
        return "i"
    if re.fullmatch(r"(\d+|\$\{.*\})[smhdw]", default):
        return "t"
    return "s"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("main.cf", "master.cf"):
            (Path(folder) / name).touch()
        printed = subprocess.run(["postconf", "-d", "-c", folder], capture_output=True, text=True, check=True).stdout
    defaults = {}
    for line in printed.splitlines():
        name, _, value = line.partition(" =")
        defaults[name] = value.strip()
    kinds = {name: kind(value) for name, value in defaults.items()}
    for name, value in defaults.items():  # a default that is another parameter's value has its type
        seen = {name}
        while (at := re.fullmatch(r"\$(\w+)", value)) and at[1] in defaults and at[1] not in seen:
            seen.add(at[1])
            value = defaults[at[1]]
            kinds[name] = kinds[at[1]]
    version = defaults["mail_version"]
    with TARGET.open("w", encoding="utf-8") as out:
        out.write(HEADER.format(version=version))
        for name in sorted(defaults):
            default = "" if name in COMPUTED else defaults[name]
            out.write(f'    "{name}": ("{kinds[name]}", {quoted(default)}),\n')
        out.write("}\n")


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


if __name__ == "__main__":
    main()
