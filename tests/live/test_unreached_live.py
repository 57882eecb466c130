"""Domains that no lookup asks for, SM056, with sendmail's own library: as the real sendmail was seen to ask."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from map_tools import SENDMAIL_ROOT

TOP = Path(__file__).parents[2]
sys.path.insert(0, str(TOP))

from tests.vectors.store import load  # noqa: E402
from tests.vectors.unreached_cases import files_of  # noqa: E402

LIBRARY = SENDMAIL_ROOT.resolve() / "usr/share/sendmail/cf"


@pytest.mark.live
@pytest.mark.parametrize("case", load("unreached").cases, ids=lambda case: case["name"])
@pytest.mark.parametrize("mended", [False, True], ids=["mistaken", "mended"])
def test_what_sendmail_never_asks_for_is_reported(case: dict[str, Any], mended: bool, tmp_path: Path) -> None:
    folder = tmp_path / "etc/mail"
    folder.mkdir(parents=True)
    for name, text in files_of(case, mended=mended).items():
        (folder / name).write_text(text.replace("@/", "/etc/mail/") if name.endswith(".mc") else text)
    words = ["check", "--root", str(tmp_path), "--cf-library", str(LIBRARY), "/etc/mail"]
    done = subprocess.run(
        [sys.executable, "-m", "mailconf", *words], cwd=TOP, capture_output=True, text=True, check=False
    )
    found = [line for line in (done.stdout + done.stderr).splitlines() if line.endswith("[SM056]")]
    assert len(found) == (not mended), done.stdout + done.stderr
    assert bool(case["asks"]["mended" if mended else "mistaken"]["library"]) == mended
    if found:
        # Where no domain at all is looked up, the FEATURE is the mistake, and the table has none.
        place = f"/{case['table']}:{case['line']}:1: "
        assert place in found[0] or ("/sendmail.mc:" in found[0] and "without GENERICS_DOMAIN" in found[0])
