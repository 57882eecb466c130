"""Writes mailconf/postfix/parameters_data.py from the installed Postfix: what its parameters are.

    python -m tests.vectors.record_parameters

- names and defaults: ``postconf -d``. Where a default depends on the machine, mailconf computes it
  (mailconf.postfix.machine) and the data say nothing of this one.
- types: the engine writes times with their unit and booleans as yes or no.
- raw parameters, whose values are not expanded when they are read: those for which postconf does not miss an undefined
  name; read-only ones: those that it says so of.
- legacy names: they have no default of their own, but defaults refer to them and postconf knows them.
- what a database's parameters are called: the words of its manual page that postconf accepts behind ``name_``.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

TARGET = Path(__file__).parents[2] / "mailconf" / "postfix" / "parameters_data.py"
MANUALS = Path("/usr/share/doc/postfix/html")
COMPUTED = {"myhostname", "mydomain", "mynetworks", "process_id", "process_name", "config_directory"}
EVALUATED = {"compatibility_level", "mynetworks_style"}  # the engine stops when their values are wrong
DATABASES = ("ldap", "memcache", "mysql", "pgsql", "sqlite")
HEADER = '''# ruff: noqa: E501
"""What Postfix's parameters are. Written by tests/vectors/record_parameters.py from Postfix {version}; do not edit.

PARAMETERS  (type, default) by name; the types: b boolean, i integer, t time, s text
RAW         the parameters whose values are expanded only when they are used
READ_ONLY   the parameters that main.cf cannot set
LEGACY      names that have no default but that defaults refer to
DATABASES   by map type, what may stand behind NAME_ in a parameter that belongs to the table type:NAME
"""

VERSION = "{version}"
'''


class Engine:
    """The real postconf over a private configuration folder."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        (Path(folder) / "master.cf").touch()

    def run(self, main_cf: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        file = Path(self.folder) / "main.cf"
        file.write_text(main_cf, encoding="utf-8")
        os.utime(file, (1e9, 1e9))  # postconf reads a file again and again while it is new
        return subprocess.run(["postconf", "-c", self.folder, *arguments], capture_output=True, text=True, check=False)


def kind(default: str) -> str:
    if default in ("yes", "no") or re.fullmatch(r"\$\{\{.*\? \{(yes|no)\} : \{(yes|no)\}\}", default):
        return "b"
    if re.fullmatch(r"\d+", default) or re.fullmatch(r"\$\{stress\?\{\d+\}:\{\d+\}\}", default):
        return "i"
    if re.fullmatch(r"(\d+|\$\{.*\})[smhdw]", default):
        return "t"
    return "s"


def kinds_of(defaults: dict[str, str]) -> dict[str, str]:
    """A default that is another parameter's value has that one's type."""
    kinds = {name: kind(value) for name, value in defaults.items()}
    for name, value in defaults.items():
        seen = {name}
        while (at := re.fullmatch(r"\$(\w+)", value)) and at[1] in defaults and at[1] not in seen:
            seen.add(at[1])
            value = defaults[at[1]]
            kinds[name] = kinds[at[1]]
    kinds["compatibility_level"] = "s"
    return kinds


def suffixes(engine: Engine, database: str) -> list[str]:
    page = re.sub(r"<[^>]*>", "", (MANUALS / f"{database}_table.5.html").read_text(encoding="utf-8"))
    words = sorted(set(re.findall(r"\b[a-z][a-z0-9_]*\b", page)))
    main_cf = f"alias_maps = {database}:zz\n" + "".join(f"zz_{word} = 1\n" for word in words)
    unused = re.findall(r"unused parameter: zz_(\w+)=", engine.run(main_cf, "-n").stderr)
    return sorted(set(words) - set(unused))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(folder)
        defaults = {}
        for line in engine.run("", "-d").stdout.splitlines():
            name, _, value = line.partition(" =")
            defaults[name] = value.strip()
        raw, read_only = [], []
        for name in sorted(defaults.keys() - EVALUATED):
            said = engine.run(f"{name} = $zzundefined\n", "-n").stderr
            if "read-only" in said:
                read_only.append(name)
            elif "zzundefined" not in said:
                raw.append(name)
        mentioned = {name for value in defaults.values() for name in re.findall(r"\$[{(]?(\w+)", value)}
        legacy = [name for name in sorted(mentioned - defaults.keys()) if engine.run("", "-d", name).stdout]
        databases = {database: suffixes(engine, database) for database in DATABASES}
    kinds = kinds_of(defaults)
    with TARGET.open("w", encoding="utf-8") as out:
        out.write(HEADER.format(version=defaults["mail_version"]))
        out.write("\nPARAMETERS = {\n")
        for name in sorted(defaults):
            default = "" if name in COMPUTED else defaults[name]
            out.write(f"    {quoted(name)}: ({quoted(kinds[name])}, {quoted(default)}),\n")
        out.write("}\n\n")
        for title, names in (("RAW", raw), ("READ_ONLY", read_only), ("LEGACY", legacy)):
            out.write(f"{title} = frozenset({listed(names)})\n\n")
        out.write("DATABASES = {\n")
        for database in DATABASES:
            out.write(f"    {quoted(database)}: frozenset({listed(databases[database])}),\n")
        out.write("}\n")
    subprocess.run(["ruff", "format", "--quiet", str(TARGET)], check=True)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def listed(names: list[str]) -> str:
    return "(" + "".join(f"{quoted(name)}, " for name in names) + ")"


if __name__ == "__main__":
    main()
