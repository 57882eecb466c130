"""Vectors: what an engine answered to inputs of ours. The one place that reads and writes their files.

A file is ``NAME.jsonl``: the first line is the head, each line after it a case, a JSON object that holds what was asked
and what was answered. Scenarios of SMTP are folders instead, see transcripts.py; their head is ``NAME/head.json``.

The head:

    engine, version   what was asked, and its version
    packages          the releases of the packages that took part, by dpkg; null where that was not recorded
    script            the recording script
    asked             the fields of a case that are inputs; the others are answers
    common            inputs that all cases have in common: base configuration, files
    machine           what of the machine the answers depend on
    inputs            SHA-256 of the inputs

A recording script declares its inputs: its ``INPUTS`` maps the name of each of its files (what follows "@" is left
out, it tells files of several versions apart) to a function that returns `Inputs`. `load` compares three digests: that
in the head, that of the inputs in the file, that of the script's inputs today. They differ where somebody edited a
script's inputs, or a file, after the engine was asked; then `Outdated` is raised, and no test runs on such answers.

To record something new: write record_NAME.py, with a function that returns the inputs, ``INPUTS`` and a ``main`` that
asks the engine and calls `write`; run it as ``python -m tests.vectors.record_NAME``; read it in a test by `load`. To
change an input: change it in the script and run the script again. Nobody edits the files.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.vectors import transcripts

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LEFT_OUT = "left out"
LONG = 2000

Case = dict[str, Any]


class Outdated(AssertionError):
    """A file of vectors is not what its script would record of today's inputs."""


@dataclass(frozen=True)
class Inputs:
    """What is put to an engine: each case by itself, and what all of them have in common."""

    cases: Sequence[Mapping[str, Any]]
    common: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Engine:
    name: str
    version: str
    packages: Mapping[str, str | None]


@dataclass(frozen=True)
class Head:
    engine: str
    version: str
    packages: dict[str, str | None]
    script: str
    asked: list[str]
    common: dict[str, Any]
    machine: dict[str, Any]
    inputs: str

    @property
    def module(self) -> str:
        return self.script.removesuffix(".py").replace("/", ".")


@dataclass(frozen=True)
class Vectors:
    """``cases`` are those that have an answer, ``left_out`` those of which the engine gave none, with the reason."""

    head: Head
    cases: list[Case]
    left_out: list[Case] = field(default_factory=list)

    def keyed(self, *names: str) -> dict[Any, Case]:
        """The cases by the value of a field, or by the values of several, which no other case has."""
        found: dict[Any, Case] = {}
        for case in self.cases:
            key = case[names[0]] if len(names) == 1 else tuple(case[name] for name in names)
            assert found.setdefault(key, case) is case, f"two cases have the {names} {key}"
        return found

    def by(self, name: str) -> dict[Any, list[Case]]:
        """The cases by the value of a field, in their order."""
        found: dict[Any, list[Case]] = {}
        for case in self.cases:
            found.setdefault(case[name], []).append(case)
        return found


def load(name: str, folder: Path = HERE) -> Vectors:
    """The vectors ``name``; raises `Outdated` where their inputs are no longer those that were recorded."""
    head, lines = _read(name, folder)
    recorded = [{key: line.get(key) for key in head.asked} for line in lines]
    again = f"Record again: python -m {head.module}"
    if digest(recorded, head.common) != head.inputs:
        raise Outdated(f"{name}: its inputs were edited by hand after {head.script} recorded them. {again}")
    today = inputs_of(name, head.module)
    if digest(today.cases, today.common) != head.inputs:
        raise Outdated(f"{name}: {_difference(head, recorded, today)} {again}")
    return Vectors(head, *_divided(lines))


def read_anyway(name: str, folder: Path = HERE) -> Vectors:
    """What is stored, whatever its inputs, for a script that records some of it again."""
    head, lines = _read(name, folder)
    return Vectors(head, *_divided(lines))


def versions_of(name: str, folder: Path = HERE) -> list[str]:
    """What follows "@" in the names of the files ``name@...``."""
    return sorted(path.stem.partition("@")[2] for path in folder.glob(f"{name}@*.jsonl"))


def write(
    name: str,
    engine: Engine,
    script: str,
    answers: Iterable[Mapping[str, Any]],
    *,
    machine: Mapping[str, Any] | None = None,
    folder: Path = HERE,
) -> None:
    """Store what was answered to each of the script's inputs, in their order.

    script: the recording script's ``__file__``
    answers: by name; ``{LEFT_OUT: reason}`` where the engine gave none
    """
    path = str(Path(script).resolve().relative_to(ROOT))
    asked = inputs_of(name, path.removesuffix(".py").replace("/", "."))
    names = list(asked.cases[0])
    assert all(list(case) == names for case in asked.cases), "the cases of a file have the same fields"
    head = Head(
        engine=engine.name,
        version=engine.version,
        packages=dict(engine.packages),
        script=path,
        asked=names,
        common=dict(asked.common),
        machine=dict(machine or {}),
        inputs=digest(asked.cases, asked.common),
    )
    lines = [{**case, **answer} for case, answer in zip(asked.cases, answers, strict=True)]
    if (folder / name).is_dir():
        transcripts.write(folder / name, lines)
        text = json.dumps(asdict(head), indent=1)
        (folder / name / "head.json").write_text(f"{text}\n", encoding="ascii")
    else:
        text = "".join(f"{json.dumps(line)}\n" for line in (asdict(head), *lines))
        (folder / f"{name}.jsonl").write_text(text, encoding="ascii")


def inputs_of(name: str, module: str) -> Inputs:
    """The inputs that a recording script has today for its file ``name``."""
    found: Inputs = import_module(module).INPUTS[name.partition("@")[0]]()
    return Inputs(_plain(list(found.cases)), _plain(dict(found.common)))


def digest(cases: Iterable[Mapping[str, Any]], common: Mapping[str, Any]) -> str:
    """Of the inputs: a line of JSON for what is common and for each case, with sorted names."""
    lines = (json.dumps(one, sort_keys=True) + "\n" for one in (common, *cases))
    return hashlib.sha256("".join(lines).encode("ascii")).hexdigest()


def brief(text: str | bytes) -> Any:
    """A long text by its length and digest, for inputs that their file need not hold; bytes as Latin-1."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    if len(data) > LONG:
        return {"length": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return text if isinstance(text, str) else text.decode("latin-1")


def installed(*packages: str) -> dict[str, str | None]:
    """The releases of installed packages, as dpkg has them."""
    command = ["dpkg-query", "-W", "-f", "${Version}"]
    return {
        name: subprocess.run([*command, name], check=True, capture_output=True, text=True).stdout for name in packages
    }


def postfix(*packages: str) -> Engine:
    """The installed Postfix; ``packages`` took part as well."""
    command = ["postconf", "-dh", "mail_version"]
    version = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    return Engine("Postfix", version, installed("postfix", *packages))


def sendmail() -> Engine:
    """The sendmail that is unpacked for tests/live, with what reads its maps."""
    from tests.live.map_tools import versions

    release = versions()["sendmail"]
    return Engine("sendmail", release.partition("-")[0], {"sendmail": release, **installed("db5.3-util")})


def _read(name: str, folder: Path) -> tuple[Head, list[Case]]:
    if (folder / name).is_dir():
        fields_, lines = json.loads((folder / name / "head.json").read_text("ascii")), transcripts.read(folder / name)
    else:
        text = (folder / f"{name}.jsonl").read_text("ascii")
        fields_, *lines = map(json.loads, text.splitlines())
    if set(fields_) != {each.name for each in fields(Head)}:
        raise Outdated(f"{name}: the head has not the fields that store.py names")
    return Head(**fields_), lines


def _divided(lines: list[Case]) -> tuple[list[Case], list[Case]]:
    return [line for line in lines if LEFT_OUT not in line], [line for line in lines if LEFT_OUT in line]


def _plain(value: Any) -> Any:
    """As JSON has it."""
    return json.loads(json.dumps(value))


def _difference(head: Head, recorded: list[Case], today: Inputs) -> str:
    """The first place in which today's inputs are others than those that were recorded."""
    said = f"the inputs of {head.script} were changed after the recording of {head.engine} {head.version}:"
    for key in sorted({*head.common, *today.common}):
        if head.common.get(key) != today.common.get(key):
            return f"{said} common {key!r} differs."
    for number, (old, new) in enumerate(zip(recorded, today.cases, strict=False)):
        if old != new:
            return f"{said} case {number} was {_shortened(old)}, is {_shortened(new)}."
    return f"{said} {len(recorded)} cases were recorded, there are {len(today.cases)}."


def _shortened(case: Mapping[str, Any]) -> str:
    text = json.dumps(case)
    return text if len(text) < 300 else f"{text[:300]}..."
