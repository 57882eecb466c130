"""The entries of docs/diagnostics.md, which stand below the declarations of the codes (docs/explanations.py)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mailconf.check.rules import check
from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.site import site_of
from tests.check.test_hints import MAIN, MASTER

TOP = Path(__file__).parents[2]
sys.path.insert(0, str(TOP / "docs"))

from explanations import Declaration, declarations, explanation  # noqa: E402

# Modules of check/ whose codes have no entry yet. A new module does not join them, and one that is done leaves.
NOT_YET = {
    "mailconf/check/machine/installation.py",
    "mailconf/check/machine/ownership.py",
    "mailconf/check/maps.py",
    "mailconf/check/postfix/arguments.py",
    "mailconf/check/postfix/files.py",
    "mailconf/check/postfix/forms.py",
    "mailconf/check/postfix/parameters.py",
    "mailconf/check/postfix/tables.py",
    "mailconf/check/postfix/trust.py",
    "mailconf/check/postfix/types.py",
    "mailconf/check/sendmail/etc_mail.py",
    "mailconf/check/sendmail/hosts_access.py",
    "mailconf/check/sendmail/mailers.py",
    "mailconf/check/sendmail/mc.py",
    "mailconf/check/sendmail/mc_head.py",
    "mailconf/check/sendmail/mc_text.py",
}
GOOD = "Why: w.\n\nExample:\n    a\n\n    b\n\nRemedy: r\n  s.\n\nSource: t.\n"
FILES = {"# main.cf": "main.cf", "# master.cf": "master.cf"}
DECLARED = list(declarations())
WITH_A_FILE = [d for d in DECLARED if d.explanation and d.explanation.example.partition("\n")[0] in FILES]


def test_every_code_of_a_rule_has_an_entry() -> None:
    without = {d.module for d in DECLARED if d.module.startswith("mailconf/check/") and d.explanation is None}
    assert without == NOT_YET


def test_codes_are_found_with_their_entries() -> None:
    found = {d.code: d for d in DECLARED}
    assert found["CK081"].module == "mailconf/check/postfix/reply_codes.py"
    assert found["PF201"].explanation is None
    assert len(WITH_A_FILE) >= 5


def test_the_parts_of_an_entry() -> None:
    assert explanation(GOOD, "XX001") == ("w.", "a\n\nb", "r s.", "t.")


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("Why: w.", "W."),
        GOOD.replace("Why: w.", "Why:"),
        GOOD.replace("Remedy: r\n  s.\n\n", ""),
        GOOD.replace("Source: t.\n", ""),
        GOOD.replace("Source: t.", "Source: t.\n\nMore."),
        "Remedy: r.\n\n" + GOOD.replace("Remedy: r\n  s.\n\n", ""),
    ],
)
def test_an_entry_without_one_of_its_parts_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="XX001"):
        explanation(text, "XX001")


@pytest.mark.parametrize("declared", WITH_A_FILE, ids=lambda declared: declared.code)
def test_the_example_has_the_finding(declared: Declaration, tmp_path: Path) -> None:
    assert declared.explanation
    heading, _, lines = declared.explanation.example.partition("\n")
    texts = {"main.cf": MAIN, "master.cf": MASTER}
    assert declared.code not in codes(tmp_path / "without", texts)
    texts[FILES[heading]] += f"{lines}\n"
    assert declared.code in codes(tmp_path / "with", texts)


def codes(top: Path, texts: dict[str, str]) -> set[str]:
    """The codes of what check finds in an /etc/postfix of these files, with a Postfix that has all common programs."""
    etc, programs = top / "etc/postfix", top / "usr/lib/postfix/sbin"
    etc.mkdir(parents=True)
    programs.mkdir(parents=True)
    for line in MASTER.splitlines():
        (programs / line.split()[7]).touch()
    for name, text in texts.items():
        (etc / name).write_text(text)
    root, sink = Root(top), Sink()
    configuration = Configuration.load("/etc/postfix", sink, root)
    check(configuration, site_of(configuration), root, sink)
    return {diagnostic.code for diagnostic in sink}
