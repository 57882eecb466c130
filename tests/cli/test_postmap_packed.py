"""postmap and postalias report and store the same where entries are packed and where each is an object."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from mailconf.arrays import arrays
from mailconf.cli.postfix import postalias, postmap
from mailconf.tables import packed

pytestmark = pytest.mark.skipif(arrays() is None, reason="numpy is not installed")
TEXTS = {
    "nothing": b"",
    "no entry": b"a\n\0\n b\n\xff\n#x\n\0",
    "comments with NULs": b"#\0\n#\n",
    "NULs before the first line": b"#\0\n\n" + b"#\n" * 40 + b"a b\n",
    "NULs between lines": b"a b\nc d\0e\n#\0\n\nf \0g\nh\0 i\na j\n",
    "NULs in a quote": b'"a\0" b\nc "d\0\n',
    "not UTF-8 behind a NUL": b"a b\0\xff\n\xff b\0\nc\0\xff d\n",
    "duplicates": b"a b\nA c\na: d\n",
    "aliases": b"a: b\na: c\0d\n\0\n#\0\ne@f: g\nh\n",
}


def run(folder: Path, tool: str, version: str, text: bytes, incremental: bool, patch: pytest.MonkeyPatch) -> int:
    (folder / "t").write_bytes(text)
    words = ["--postfix-version", version, "-c", str(folder), *(["-i"] if incremental else []), f"hash:{folder}/t"]
    patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    return {"postmap": postmap, "postalias": postalias}[tool].run(tool, words)


@pytest.mark.parametrize("incremental", [False, True], ids=["", "-i"])
@pytest.mark.parametrize("version", ["3.7", "3.10"])
@pytest.mark.parametrize("tool", ["postmap", "postalias"])
def test_alike(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tool: str,
    version: str,
    incremental: bool,
) -> None:
    monkeypatch.setattr("mailconf.tables.aliases.time", lambda: 0, raising=False)
    monkeypatch.setattr("mailconf.cli.postfix.postmap_build.time", lambda: 0)
    for name, text in TEXTS.items():
        found = []
        for large in (1 << 22, 0):
            folder = tmp_path / f"{name} {large}"
            folder.mkdir()
            (folder / "main.cf").write_text("compatibility_level = 3.6\n")
            with monkeypatch.context() as patch:
                patch.setattr(packed, "MANY", large)
                patch.setattr(packed, "_BLOCK", 16 if not large else 1 << 18)
                patch.setattr(packed, "_SMALL_BLOCK", 16 if not large else 1 << 16)
                status = [run(folder, tool, version, text, incremental, patch) for _ in range(2)]
            said = capfd.readouterr().err.replace(str(folder), "")
            postmap.run("postmap", ["-c", str(folder), "-s", f"hash:{folder}/t"])
            found.append((status, said, sorted(capfd.readouterr().out.splitlines())))
        assert found[0] == found[1], name
