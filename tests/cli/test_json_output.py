"""``postmap -j`` and ``postalias -j`` say what those of Postfix 3.11 said; tests/vectors/record_json_output.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mailconf.cli.postfix.json_lines import json_line
from tests.vectors.store import load

ROOT = Path(__file__).parents[2]
VECTORS = load("json_output")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.vectors.record_json_output import lay_out

    place = tmp_path_factory.mktemp("json")
    lay_out(place)
    for tool, name in (("postmap", "t"), ("postmap", "u"), ("postalias", "al")):
        assert ours(place, tool, [f"lmdb:{name}"], "") == [0, "", ""]
    return place


def ours(folder: Path, tool: str, words: list[str], stdin: str) -> list[object]:
    done = subprocess.run(
        [sys.executable, "-m", "mailconf", tool, "-c", ".", *words],
        input=stdin.encode("latin-1"),
        capture_output=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return [done.returncode, done.stdout.decode("latin-1"), done.stderr.decode("latin-1")]


def test_the_version() -> None:
    assert VECTORS.head.version.startswith("3.11.")


@pytest.mark.parametrize("case", VECTORS.cases, ids=lambda case: " ".join([case["tool"], *case["arguments"]])[:40])
def test_what_is_said(folder: Path, case: dict[str, Any]) -> None:
    expected = [case["status"], case["stdout"], case["stderr"]]
    assert ours(folder, case["tool"], case["arguments"], case["stdin"]) == expected


def test_a_line() -> None:
    assert json_line((b'"\\\x00\xff', b"\t\x7f\xc3\xa4")) == b'{"\\"\\\\\\u0000\xff": "\\t\\u007F\xc3\xa4"}'
    assert json.loads(json_line((bytes(range(128)), b"v"))) == {bytes(range(128)).decode(): "v"}


def test_many_keys_at_once(folder: Path) -> None:
    keys = [b"k%d" % n for n in range(500)]
    (folder / "m").write_bytes(b"".join(b'%b "v"\n' % key for key in keys))
    assert ours(folder, "postmap", ["lmdb:m"], "")[0] == 0
    asked = b"\n".join(keys).decode()
    expected = b"".join(b'{"%b": "\\"v\\""}\n' % key for key in keys).decode()
    assert ours(folder, "postmap", ["-jq", "-", "lmdb:m"], asked) == [0, expected, ""]
