"""The wheel holds what the program needs besides its code, and works where there is no checkout."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(TOP)]
    subprocess.run(command, check=True)
    (built,) = folder.glob("mailconf-*.whl")
    return built


def test_grammars_and_templates_are_in_it(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert not [name for name in names if name.endswith((".lark", ".yaml", "generate.py"))]
    for kind in ("grammars/tables", "templates"):
        for path in filter(Path.is_file, (TOP / kind).rglob("*")):
            assert f"mailconf/_data/{path.relative_to(TOP)}" in names


def test_it_runs_where_it_is_installed(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", str(wheel)], check=True, cwd=tmp_path)
    (tmp_path / "main.cf").write_text("virtual_alias_maps = hash:/virtual\nnonsense\n")
    (tmp_path / "virtual").write_text("a@ b\n")
    done = subprocess.run(
        [tmp_path / "venv/bin/mailconf", "check", "--root", tmp_path, "/"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 1
    assert "[PF002]" in done.stderr
    assert "[TB020]" in done.stderr
