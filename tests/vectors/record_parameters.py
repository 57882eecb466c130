"""Writes what Postfix's parameters are into mailconf/postfix, from the engines of several versions.

    tests/vectors/fetch-postfix-versions
    python -m tests.vectors.record_parameters .live/postfix-versions/*

data.py comes from the installed Postfix, versions.py has where others (below the given roots, in
a chroot) differ from it, history.py what the newest one's manual says of "since when".

- names and defaults: ``postconf -d``. Where a default depends on the machine, mailconf computes it
  (mailconf.postfix.settings.machine) and the data say nothing of this one.
- types: the engine writes times with their unit and booleans as yes or no.
- raw parameters, whose values are not expanded when they are read: those for which postconf does not miss an undefined
  name; read-only ones: those that it says so of.
- legacy names: they have no default of their own, but defaults refer to them and postconf knows them.
- deprecated ones: those that it says so of, with what it says to use.
- what a database's parameters are called: the words of its manual page that postconf accepts behind ``name_``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "mailconf" / "postfix" / "parameters"
MANUALS = "usr/share/doc/postfix/html"
COMPUTED = {"myhostname", "mydomain", "mynetworks", "process_id", "process_name", "config_directory"}
EVALUATED = {"compatibility_level", "mynetworks_style"}  # the engine stops when their values are wrong
DATABASES = ("ldap", "memcache", "mysql", "pgsql", "sqlite")
WRITTEN = "Written by tests/vectors/record_parameters.py from Postfix"
BASE_HEADER = f'''# ruff: noqa: E501
"""What Postfix's parameters are. {WRITTEN} {{version}}; do not edit.

PARAMETERS  (type, default) by name; the types: b boolean, i integer, t time, s text
RAW         the parameters whose values are expanded only when they are used
READ_ONLY   the parameters that main.cf cannot set
LEGACY      names that have no default but that defaults refer to
DATABASES   by map type, what may follow NAME_ in a parameter that belongs to the table type:NAME
"""

VERSION = "{{version}}"
'''
VERSIONS_HEADER = f'''# ruff: noqa: E501
"""Where other versions' parameters differ from data. {WRITTEN} {{versions}}; do not edit.

By version: the full version, the parameters that differ (None: absent), and, where they differ, the other sets;
``deprecated`` has postconf's advice what to use instead.
"""

from typing import Any

VERSIONS: dict[str, dict[str, Any]] = {{data}}
'''
HISTORY_HEADER = f'''"""Since when parameters exist, as postconf(5) has it.

{WRITTEN} {{version}}; do not edit.
"""

SINCE: dict[str, str] = {{data}}
'''


class Engine:
    """A real postconf: the installed one, or the one below ``root``."""

    def __init__(self, root: str) -> None:
        self.root = Path(root)
        self.prefix = [] if root == "/" else ["chroot", root]
        self.scratch = Path(tempfile.mkdtemp(dir=self.root / "tmp"))
        self._numbers = count()

    def run(self, main_cf: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        folder = self.scratch / str(next(self._numbers))
        folder.mkdir()
        for name, text in (("main.cf", main_cf), ("master.cf", "")):
            (folder / name).write_text(text, encoding="utf-8")
            os.utime(folder / name, (10**9, 10**9))  # postconf reads a file again and again while it is new
        inside = "/" + str(folder.relative_to(self.root))
        command = [*self.prefix, "postconf", "-c", inside, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def manual(self, page: str) -> str:
        text = (self.root / MANUALS / page).read_text(encoding="utf-8", errors="replace")
        return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", text))


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
    words = sorted(set(re.findall(r"\b[a-z][a-z0-9_]*\b", engine.manual(f"{database}_table.5.html"))))
    main_cf = f"alias_maps = {database}:zz\n" + "".join(f"zz_{word} = 1\n" for word in words)
    unused = re.findall(r"unused parameter: zz_(\w+)=", engine.run(main_cf, "-n").stderr)
    return sorted(set(words) - set(unused))


def probe(engine: Engine, name: str, default: str) -> tuple[str, str]:
    """("raw", "read only" or "") and what the engine says to use instead of the parameter."""
    deprecated = re.search(r"will be removed; instead, (.*)", engine.run(f"{name} = {default}\n", "-n").stderr)
    instead = deprecated[1] if deprecated else ""
    if name in EVALUATED:
        return "", instead
    said = engine.run(f"{name} = $zzundefined\n", "-n").stderr
    if "read-only" in said:
        return "read only", instead
    return "" if "zzundefined" in said else "raw", instead


def record(root: str) -> dict[str, Any]:
    """Everything about one version."""
    engine = Engine(root)
    defaults = {}
    for line in engine.run("", "-d").stdout.splitlines():
        name, _, value = line.partition(" =")
        defaults[name] = value.strip()
    mentioned = {name for value in defaults.values() for name in re.findall(r"\$[{(]?(\w+)", value)}
    legacy = [name for name in sorted(mentioned - defaults.keys()) if engine.run("", "-d", name).stdout]
    names = sorted([*defaults, *legacy])
    with ThreadPoolExecutor(16) as pool:  # a fatal error costs a second of sleep
        probed = dict(
            zip(names, pool.map(lambda name: probe(engine, name, defaults.get(name, "")), names), strict=True)
        )
    kinds = kinds_of(defaults)
    return {
        "version": defaults["mail_version"],
        "parameters": {name: (kinds[name], "" if name in COMPUTED else defaults[name]) for name in sorted(defaults)},
        "raw": sorted(name for name in defaults if probed[name][0] == "raw"),
        "read_only": sorted(name for name in defaults if probed[name][0] == "read only"),
        "legacy": legacy,
        "databases": {database: suffixes(engine, database) for database in DATABASES},
        "deprecated": {name: instead for name, (_, instead) in probed.items() if instead},
    }


def since(root: str) -> dict[str, str]:
    """What postconf(5) says of the version in which a parameter came: a paragraph that begins so, in no list.

    In lists it says since when certain values are taken.
    """
    page = (Path(root) / MANUALS / "postconf.5.html").read_text(encoding="utf-8", errors="replace")
    found = {}
    for entry in re.split(r'<DT><b><a name="', page)[1:]:
        name = entry.split('"')[0]
        for paragraph in re.split(r"</?p>", _outside_lists(entry)):
            text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", paragraph)).strip().replace("&ge; ", "")
            at = re.match(
                r"(?:This (?:feature|parameter)|It) (?:is|was) (?:available|introduced) (?:in|with|as of) "
                r"(?:the )?(?i:Postfix)(?: version)? ?(\d[\d.]*\d)",
                text,
            )
            if at:
                found.setdefault(name, at[1])
    return found


def _outside_lists(text: str) -> str:
    while True:
        shorter = re.sub(r"<(dl|ul|ol|table|blockquote|pre)\b(?:(?!<\1\b).)*?</\1>", "", text, flags=re.DOTALL)
        if shorter == text:
            return text
        text = shorter


def write(name: str, text: str) -> None:
    path = FOLDER / name
    path.write_text(text, encoding="utf-8")
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", str(path)], check=True)


def frozen(names: list[str]) -> str:
    return f"frozenset({tuple(names)!r})"


def written(data: dict[str, Any]) -> str:
    """A version's difference as Python text."""
    fields = []
    for field, value in data.items():
        if field in ("raw", "read_only", "legacy"):
            text = frozen(value)
        elif field == "databases":
            text = "{" + ", ".join(f"{kind!r}: {frozen(names)}" for kind, names in value.items()) + "}"
        else:
            text = repr(value)
        fields.append(f"{field!r}: {text}")
    return "{" + ", ".join(fields) + "}"


def main() -> None:
    base = record("/")
    others = sorted((record(root) for root in sys.argv[1:]), key=lambda data: release(data["version"]))
    parameters = base["parameters"]
    text = BASE_HEADER.format(version=base["version"]) + f"\nPARAMETERS = {parameters!r}\n\n"
    for title in ("raw", "read_only", "legacy"):
        text += f"{title.upper()} = {frozen(base[title])}\n\n"
    text += "DATABASES = {" + ", ".join(f"{kind!r}: {frozen(v)}" for kind, v in base["databases"].items()) + "}\n"
    write("data.py", text)
    versions = {}
    for data in others:
        own = data["parameters"]
        changed = {name: own.get(name) for name in {**parameters, **own} if own.get(name) != parameters.get(name)}
        kept = {field: value for field, value in data.items() if value != base[field] and field != "parameters"}
        versions[".".join(data["version"].split(".")[:2])] = {**kept, "parameters": dict(sorted(changed.items()))}
    body = "{" + ", ".join(f"{version!r}: {written(data)}" for version, data in versions.items()) + "}"
    write("versions.py", VERSIONS_HEADER.format(versions=", ".join(d["version"] for d in others), data=body))
    newest = others[-1]["version"]
    root = next(root for root in sys.argv[1:] if record_version(root) == newest)
    write("history.py", HISTORY_HEADER.format(version=newest, data=repr(dict(sorted(since(root).items())))))


def record_version(root: str) -> str:
    return Engine(root).run("", "-dh", "mail_version").stdout.strip()


def release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


if __name__ == "__main__":
    main()
