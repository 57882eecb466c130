"""What check and build print for other programs, held against the schemas in docs/ and against peers' models."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema
import pytest
from referencing import Registry, Resource
from sarif_pydantic import Sarif
from site_fixture import TOP, mailconf

import mailconf.check.rules as declares_codes  # noqa: F401
import mailconf.cli.own.site as declares_further  # noqa: F401
from mailconf.check.results import Results
from mailconf.cli.shared import formats
from mailconf.diagnostics import Diagnostic, Edit, Related, Severity
from mailconf.source import Source

SCHEMAS = {name: json.loads((TOP / f"docs/{name}.schema.json").read_text()) for name in ("check", "build")}
REGISTRY: Registry[object] = Registry().with_resources(
    [(f"{name}.schema.json", Resource.from_contents(schema)) for name, schema in SCHEMAS.items()]
)
STRANGE = Source("/etc/a b\udcff/main.cf", "ä = \udce4 ,%:\n\x01<&>\"'\n")
FOUND = Results(
    [
        Diagnostic("FS001", Severity.ERROR, "nothing is there", file="/etc/x"),
        Diagnostic("PF012", Severity.WARNING, 'a "<\udcff>"\n,:%', STRANGE.span(4, 5), "do \x01 this"),
        Diagnostic(
            "CK001",
            Severity.NOTE,
            "only said",
            STRANGE.span(0, 9),
            related=(Related("here", STRANGE.line_span(2)),),
            fix=(Edit(STRANGE.span(0, 1), "a"), Edit(STRANGE.span(4, 5), "\udce4")),
        ),
    ],
    ignored=2,
    known=1,
)


def validate(document: object, name: str) -> None:
    checker = jsonschema.Draft202012Validator(SCHEMAS[name], registry=REGISTRY)
    checker.validate(document)


@pytest.mark.parametrize("results", [FOUND, Results([])], ids=["findings", "none"])
def test_json(results: Results) -> None:
    document = json.loads(formats.as_json(results))
    validate(document, "check")
    assert len(document["findings"]) == len(results.findings)
    assert document["summary"]["ignored"] == results.ignored


def test_sarif() -> None:
    text = formats.as_sarif(FOUND)
    run = Sarif.model_validate_json(text).runs[0]
    assert run.results is not None and [r.rule_id for r in run.results] == ["FS001", "PF012", "CK001"]
    rules = run.tool.driver.rules or []
    assert all(rules[r.rule_index or 0].id == r.rule_id for r in run.results)
    location = (run.results[1].locations or [])[0].physical_location
    assert location is not None and location.artifact_location is not None and location.region is not None
    assert location.artifact_location.uri == "file:///etc/a%20b%FF/main.cf"
    assert (location.region.start_line, location.region.start_column, location.region.end_column) == (1, 5, 6)
    assert Sarif.model_validate_json(formats.as_sarif(Results([]))).runs[0].results == []


def test_github_has_a_line_a_finding() -> None:
    lines = formats.as_github(FOUND).split("\n")
    assert lines[0] == "::error title=FS001,file=/etc/x::nothing is there"
    assert lines[1].startswith("::warning title=PF012,file=/etc/a b\\xff/main.cf,line=1,col=5,endLine=1,endColumn=6::")
    assert lines[1].endswith('a "<\\xff>"%0A,:%25 (hint: do \x01 this)')
    assert lines[2].startswith("::notice ") and lines[3:] == [""]


def test_gitlab() -> None:
    report = json.loads(formats.as_gitlab(FOUND))
    assert [each["severity"] for each in report] == ["critical", "minor", "info"]
    assert len({each["fingerprint"] for each in report}) == 3
    assert all(set(each) == {"description", "check_name", "fingerprint", "severity", "location"} for each in report)


def test_junit_can_be_read_whatever_a_file_has() -> None:
    suite = ET.fromstring(formats.as_junit(FOUND).encode())
    assert (suite.get("tests"), suite.get("failures")) == ("2", "2")
    assert [case.find("failure") is not None for case in suite] == [True, True]
    empty = ET.fromstring(formats.as_junit(Results([])).encode())
    assert (empty.get("tests"), empty.get("failures"), len(empty)) == ("1", "0", 1)


def test_build_says_what_was_built(root: Path) -> None:
    options = ("--root", str(root), "--format", "json", "/etc/postfix")
    would = json.loads(mailconf("build", *options, "--dry-run", "--exit-code", status=1).stdout)
    done, again = (json.loads(mailconf("build", *options).stdout) for _ in range(2))
    for document in (would, done, again):
        validate(document, "build")
    assert would["dry_run"] and would["built"] == done["built"] and len(done["built"]) == 8
    assert (again["built"], again["up_to_date"]) == ([], 8)
    mailconf("build", *options, "--dry-run", "--exit-code", status=0)
    with (root / "etc/postfix/virtual").open("a") as file:
        file.write("x@example.org alice@example.com\n")
    assert len(json.loads(mailconf("build", *options).stdout)["built"]) == 1
    restored = json.loads(mailconf("build", *options, "--rollback").stdout)
    validate(restored, "build")
    assert [Path(name).name for name in restored["restored"]] == ["virtual.db"]
    (root / "etc/postfix/virtual").write_text("no-value\n")
    failed = json.loads(mailconf("build", *options, status=1).stdout)
    validate(failed, "build")
    assert failed["built"] == [] and failed["findings"]


def test_the_exit_status_of_check(root: Path) -> None:
    """0 nothing found or notes alone, 1 errors or warnings, 2 misuse, or nothing to look at."""
    options = ("check", "--root", str(root), "/etc/postfix")
    assert mailconf(*options).stdout == "/etc/postfix: 0 errors, 0 warnings, 1 note\n"
    main = root / "etc/postfix/main.cf"
    main.write_text(main.read_text() + "smtpd_helo_requird = yes\n")
    mailconf(*options, status=1)
    mailconf(*options, "--fail-on", "error")
    main.write_text(main.read_text() + "mynetworks = 192.0.2.77/24\n")
    mailconf(*options, "--fail-on", "error", status=1)
    mailconf(*options, "--fail-on", "never")
    mailconf(*options, "--ignore", "CK,PF")
    mailconf(*options, "--select", "TB")
    mailconf(*options, "--select", "tb", status=2)
    mailconf("check", "--root", str(root), "/etc/nothing", status=2)
    told = mailconf("check", "--root", str(root), "--format", "json", "/etc/nothing", status=2)
    validate(json.loads(told.stdout), "check")


def test_preferences_and_a_baseline(root: Path, tmp_path: Path) -> None:
    options = ("check", "--root", str(root), "/etc/postfix")
    main = root / "etc/postfix/main.cf"
    main.write_text(main.read_text() + "smtpd_helo_requird = yes\n")
    preferences = root / "etc/postfix/mailconf.toml"
    preferences.write_text('[check]\nignore = ["CK001"]\n')
    assert mailconf(*options).stdout == "/etc/postfix: 0 errors, 0 warnings, 1 note, 1 ignored\n"
    mailconf(*options, "--ignore", "", status=1)
    preferences.write_text("[check]\nignore = 1\n")
    assert "mailconf.toml:1:1: error:" in mailconf(*options, status=2).stderr
    preferences.unlink()
    before = tmp_path / "before.json"
    mailconf(*options, "--write-baseline", str(before))
    assert mailconf(*options, "--baseline", str(before)).stdout.endswith("0 warnings, 2 in the baseline\n")
    preferences.write_text('[check]\nbaseline = "before.json"\n')
    mailconf(*options, status=2)
    (root / "etc/postfix/before.json").write_bytes(before.read_bytes())
    mailconf(*options)
    main.write_text(main.read_text() + "smtpd_helo_requred = yes\n")
    mailconf(*options, status=1)
