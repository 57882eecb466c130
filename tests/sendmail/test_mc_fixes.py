"""Fixes of a .mc: each removes the finding that carries it and adds none."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailconf.check.sendmail.mc import check_mc
from mailconf.diagnostics import Diagnostic, Sink
from mailconf.edits import applied
from mailconf.sendmail.mc.library import Library
from tests.sendmail.mc_library import library as write_library
from tests.sendmail.mc_mistakes import FRAME, MISTAKES, Mistake

FIXED = {"SM003", "SM004", "SM005", "SM006", "SM019"}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return write_library(tmp_path_factory.mktemp("library"))


def found(path: Path, text: str, library: Library) -> list[Diagnostic]:
    path.write_text(text)
    sink = Sink()
    check_mc(path, library, sink)
    return sink.sorted()


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: f"{m.code}-{m.text[:25]}")
def test_a_fix_removes_its_finding_and_adds_none(mistake: Mistake, tmp_path: Path, library: Library) -> None:
    path = tmp_path / "sendmail.mc"
    text = FRAME[0] + mistake.text + FRAME[1]
    before = found(path, text, library)
    for diagnostic in before:
        if diagnostic.fix:
            assert diagnostic.code in FIXED
            assert all(edit.span.source.text == text for edit in diagnostic.fix)
            after = {(d.code, d.message) for d in found(path, applied(text, diagnostic.fix), library)}
            assert (diagnostic.code, diagnostic.message) not in after
            assert after <= {(d.code, d.message) for d in before}


def test_every_code_with_a_fix_has_a_mistake(tmp_path: Path, library: Library) -> None:
    texts = (FRAME[0] + mistake.text + FRAME[1] for mistake in MISTAKES)
    assert {d.code for text in texts for d in found(tmp_path / "sendmail.mc", text, library) if d.fix} == FIXED
