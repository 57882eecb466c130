"""sendmail's configuration library: every .mc of it gives the same bytes through the real m4 and ours."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mailconf.m4 import System, expand
from tests.live.map_tools import SENDMAIL_ROOT

TOP = Path(__file__).parents[2]
LIBRARY = SENDMAIL_ROOT / "usr/share/sendmail/cf"
BUILT = re.compile(rb"^(##### (?:built by|in|using) ).*$", re.MULTILINE)  # user, host, folder and date
pytestmark = pytest.mark.live


def same_but_for_the_header(data: bytes) -> bytes:
    return BUILT.sub(rb"\1", data)


def names() -> list[str]:
    return sorted(str(path.relative_to(LIBRARY)) for path in LIBRARY.glob("cf/*.mc"))


def debian(name: str, folder: Path) -> Path:
    """Debian's own .mc, with the library's place in it; as installed it is /usr/share/sendmail/cf."""
    text = (LIBRARY / "debian" / name).read_text().replace("/usr/share/sendmail/cf/", f"{LIBRARY}/")
    (folder / name).write_text(text)
    return folder / name


def both(arguments: list[str], folder: Path) -> tuple[subprocess.CompletedProcess[bytes], ...]:
    ours = [sys.executable, "-m", "mailconf", "m4"]
    environment = {**os.environ, "LC_ALL": "C", "PYTHONPATH": str(TOP)}
    return tuple(
        subprocess.run([*tool, *arguments], capture_output=True, cwd=folder, env=environment, check=False)
        for tool in (["m4"], ours)
    )


def test_the_library_is_there() -> None:
    assert len(names()) == 33


@pytest.mark.parametrize("name", names() or ["missing"])
def test_every_mc_of_the_library(name: str) -> None:
    real, ours = both(["../m4/cf.m4", Path(name).name], LIBRARY / "cf")
    assert len(real.stdout) > 20_000
    assert same_but_for_the_header(ours.stdout) == same_but_for_the_header(real.stdout)
    assert (ours.stderr, ours.returncode) == (real.stderr, real.returncode)


@pytest.mark.parametrize("name", ["sendmail.mc", "submit.mc"])
def test_debians_own(name: str, tmp_path: Path) -> None:
    real, ours = both([f"-D_CF_DIR_={LIBRARY}/", str(debian(name, tmp_path))], tmp_path)
    assert len(real.stdout) > 20_000
    assert same_but_for_the_header(ours.stdout) == same_but_for_the_header(real.stdout)
    assert (ours.stderr, ours.returncode) == (real.stderr, real.returncode)


def test_every_line_of_a_sendmail_cf_leads_back_to_a_file(tmp_path: Path) -> None:
    text = debian("sendmail.mc", tmp_path).read_bytes()
    done = expand("sendmail.mc", text, environment=System(), track=True)
    assert len(done.pieces) > 1000
    files = set()
    for _, place in done.pieces:
        assert place is not None
        chain = place.chain()
        files.add(place.span().source.name)
        assert not chain or chain[-1].span.source.name == "sendmail.mc"
    assert "sendmail.mc" in files
    assert f"{LIBRARY}/m4/proto.m4" in files
