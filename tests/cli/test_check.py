from __future__ import annotations

import json
from pathlib import Path

import pytest
from site_fixture import TOP, mailconf

BAD = sorted(path for path in (TOP / "tests/bad").iterdir() if (path / "expected").is_file())


def test_the_example_is_right(root: Path) -> None:
    mailconf("build", "--root", str(root), "/etc/postfix")
    done = mailconf("check", "--root", str(root), "/etc/postfix")
    assert (done.stdout, done.stderr) == ("/etc/postfix: 0 errors, 0 warnings\n", "")


def test_maps_that_are_missing_or_damaged(root: Path) -> None:
    mailconf("build", "--root", str(root), "/etc/postfix")
    (root / "etc/postfix/virtual.db").unlink()
    (root / "etc/postfix/generic.db").write_bytes(b"\xff" * 5000)
    done = mailconf("check", "--root", str(root), "/etc/postfix", status=1)
    assert "the map of hash:/etc/postfix/virtual has not been built yet [CK010]" in done.stderr
    assert "the map of hash:/etc/postfix/generic cannot be read" in done.stderr


def test_json_has_the_findings(root: Path) -> None:
    with (root / "etc/postfix/main.cf").open("a") as file:
        file.write("smtpd_helo_requird = yes\n")
    done = mailconf("check", "--root", str(root), "--format", "json", "/etc/postfix", status=1)
    found = [d for d in json.loads(done.stdout)["findings"] if d["code"] == "CK001"]
    assert [(d["line"], d["column"], d["hint"]) for d in found] == [
        (58, 1, "remove it: smtpd_helo_required is set in line 17")
    ]


@pytest.mark.parametrize("case", BAD, ids=lambda path: path.name)
def test_broken_input_is_named_with_its_place(case: Path) -> None:
    """Each folder of tests/bad holds a main.cf, its tables, and what check says of them (paths relative to it)."""
    expected = (case / "expected").read_text()
    done = mailconf(
        "check", "--root", str(case), "/", status=1 if "error:" in expected or "warning:" in expected else 0
    )
    assert done.stderr.replace(f"{case}/", "") == expected
