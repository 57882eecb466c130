"""Tables of rules side by side with the real postmap: answers and warnings on hard tables."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from mailconf.maps.core.table import TemporaryFailure, UnsupportedMap
from mailconf.maps.registry import open_table
from mailconf.source import encode
from tests.live.rule_tables import keys, ours, random_table, theirs, utf8_folder

pytestmark = pytest.mark.live

KINDS = ["regexp", "pcre", "cidr"]


@pytest.fixture
def postfix(tmp_path: Path) -> Path:
    return utf8_folder(tmp_path / "postfix")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_hard_tables(tmp_path: Path, postfix: Path, kind: str, seed: int) -> None:
    dice = random.Random(f"{kind} {seed}")
    path = tmp_path / "table"
    for _ in range(60):
        text = random_table(kind, dice)
        path.write_bytes(encode(text))
        assert ours(kind, path, keys(kind)) == theirs(postfix, kind, path, keys(kind)), text


@pytest.mark.parametrize(
    "name",
    [
        "{ {/a/ b} , {/c/ d}}",
        "{{/a/ b}}",
        "{}",
        "{ }",
        "{ {   } {#foo} {/c/ {d}  }}",
        "{ {/a/ b} foo {/c/ d}}",
        "{ {/a/ b} {/c/ d",
        "{ {/a/ b}x {/c/ d}}",
        "{ {/a/ b}}x",
        "{ {if /c/} {/c/ x} }",
        "/no/such/file",
        "/",
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_names(postfix: Path, kind: str, name: str) -> None:
    command = ["postmap", "-c", str(postfix), "-q", "c", f"{kind}:{name}"]
    done = subprocess.run(command, capture_output=True, text=True)
    told: list[str] = []
    try:
        value = open_table(f"{kind}:{name}", warn=told.append).lookup(b"c")
    except (TemporaryFailure, UnsupportedMap) as problem:
        assert done.stderr == f"postmap: fatal: {problem}\n"
    else:
        assert done.stdout == ("" if value is None else value.decode() + "\n")
        assert done.stderr == "".join(f"postmap: warning: {line}\n" for line in told)


def test_pcre_over_its_limit_is_a_failure_where_the_original_says_no(tmp_path: Path, postfix: Path) -> None:
    path = tmp_path / "table"
    path.write_text("/^(a+)+$/ x\n")
    key = "a" * 50 + "!"
    assert theirs(postfix, "pcre", path, [key]) == ({}, [f"pcre map {path}, line 1: match limit exceeded"])
    assert ours("pcre", path, [key]) == ({key: f"failed: pcre map {path}, line 1: match limit exceeded"}, [])
