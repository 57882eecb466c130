"""What explain prints as JSON is as docs/explain.schema.json has it, whatever it is asked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner
from site_fixture import TOP, lay_out

from mailconf.cli.own.explain import command
from mailconf.insight.explain.document import VERSION
from mailconf.insight.explain.outcome import Outcome
from mailconf.insight.explain.outside import Basis

SCHEMA = json.loads((TOP / "docs/explain.schema.json").read_text())
ASKED = {
    "answered": ("--to", "info@example.org", "--to", "sales@example.org", "--expect", "OK"),
    "refused": ("--client", "198.51.100.9", "--to", "x@else.test"),
    "too big": ("--size", "999999999", "--to", "info@example.org"),
    "service": ("--service", "submission", "--sasl", "ann", "--to", "x@else.test"),
    "relayed": ("--client", "192.0.2.7", "--from", "root@example.com", "--to", "x@else.test"),
    "dialogue": ("--session", "-"),
}
DIALOGUE = "EHLO a.test\nMAIL FROM:<>\nRCPT TO:<root@example.com>\nDATA\n\n.\nQUIT\n"


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    found = {"/etc/postfix": tmp_path_factory.mktemp("postfix"), "/etc/mail": tmp_path_factory.mktemp("sendmail")}
    lay_out(found["/etc/postfix"])
    shutil.copytree(TOP / "examples/sendmail", found["/etc/mail"], dirs_exist_ok=True)
    return found


@pytest.mark.parametrize("folder", ["/etc/postfix", "/etc/mail"])
@pytest.mark.parametrize("name", ASKED)
def test_json_is_as_its_schema_has_it(sites: dict[str, Path], folder: str, name: str) -> None:
    if folder == "/etc/mail" and name == "service":
        pytest.skip("sendmail has one service alone")
    arguments = ["--root", str(sites[folder]), folder, "--format", "json", *ASKED[name]]
    done = CliRunner().invoke(command, arguments, input=DIALOGUE)
    document = json.loads(done.stdout)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert ("dialogue" in document) == (name == "dialogue")


def test_the_schema_lists_what_the_program_knows() -> None:
    assert SCHEMA["properties"]["version"]["const"] == VERSION
    assert set(SCHEMA["$defs"]["outcome"]["enum"]) == {outcome.value for outcome in Outcome}
    assert set(SCHEMA["$defs"]["outside"]["properties"]["basis"]["enum"]) == {basis.value for basis in Basis}


def test_a_document_with_another_field_is_not_valid(sites: dict[str, Path]) -> None:
    arguments = ["--root", str(sites["/etc/postfix"]), "/etc/postfix", "--format", "json", "--to", "info@example.org"]
    document = json.loads(CliRunner().invoke(command, arguments).stdout)
    document["answers"][0]["more"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(document)
