"""Values with parts of a match: what is right for some match is not complained of (Postfix 3.7.11)."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailconf.check.postfix.tables import contents
from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.site import site_of
from mailconf.tables.references import has_reference, settled, settled_action

RIGHT = {
    "header_checks": (
        *("REPLACE $1", "PREPEND ${1}", "REDIRECT $(1)", "BCC $1@$2", "FILTER $1", "FILTER smtp:[$1]", "REJECT $1"),
        *("REDIRECT ${1}_x$2", "PREPEND X-$1: $2", "$1", "$1 text", "5${1}0 text", "IGNORE $1", "replace $1"),
    ),
    "smtp_header_checks": ("REPLACE $1", "PREPEND ${1}: $2", "$1"),
    "milter_header_checks": ("REPLACE $1", "BCC $(1)"),
    "body_checks": ("REPLACE $1", "PREPEND $1", "REDIRECT $1"),
    "smtpd_sender_restrictions = check_sender_access": (
        *("PREPEND $1", "REDIRECT ${1}@example.com", "BCC $1", "FILTER $1:$2", "$1", "550 $1", "4$1 later"),
    ),
    "virtual_alias_maps": ("$1", "$1, $2", "${1}@example.com", "$(1)@example.com", '"$1"@example.com', "@$1", "$1$2"),
    "sender_canonical_maps": ("$1", "$(1)@$2"),
}
WRONG = {
    "header_checks": {"PREPEND $$1": "TB012", "REJCT $1": "TB100", "PREPEND text": "TB012"},
    "smtp_header_checks": {"BCC $1": "TB102"},
    "body_checks": {"BCC": "TB013"},
    "smtpd_sender_restrictions = check_sender_access": {"REJCT $1": "TB010", "REPLACE $1": "TB010"},
    "virtual_alias_maps": {"|$1": "TB022"},
    # Postfix skips these rules: a result may not hold text of the address (tests/vectors/trust.jsonl).
    "transport_maps": {"$1": "TB170", "smtp:[$1]:25": "TB170", "$(1):[$2]": "TB170", "smtp x": "TB090"},
    "sender_dependent_relayhost_maps": {"$1": "TB170", "[${1}]:25": "TB170"},
}


def found(top: Path, parameter: str, kind: str, values: list[str]) -> dict[str, str]:
    """The codes of what is reported of a table with ``values``."""
    (top / "etc").mkdir()
    assignment = parameter if "=" in parameter else f"{parameter} ="
    (top / "etc/main.cf").write_text(f"compatibility_level = 3.6\n{assignment} {kind}:/etc/table\n")
    (top / "etc/master.cf").write_text("")
    (top / "etc/table").write_text("".join(f"/^(.)(.){at}$/ {value}\n" for at, value in enumerate(values)))
    root, sink = Root(top), Sink()
    configuration = Configuration.load("/etc", sink, root)
    contents(Subject(configuration, site_of(configuration), root, (), lambda word: False), sink)
    return {
        values[d.span.line - 1]: d.code for d in sink if d.span is not None and d.span.source.name.endswith("table")
    }


@pytest.mark.parametrize("kind", ["regexp", "pcre"])
@pytest.mark.parametrize("parameter", RIGHT)
def test_no_false_alarm(parameter: str, kind: str, tmp_path: Path) -> None:
    assert found(tmp_path, parameter, kind, list(RIGHT[parameter])) == {}


@pytest.mark.parametrize("parameter", WRONG)
def test_what_no_match_makes_right(parameter: str, tmp_path: Path) -> None:
    assert found(tmp_path, parameter, "regexp", list(WRONG[parameter])) == WRONG[parameter]


def test_cidr_tables_have_no_references(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/main.cf").write_text("smtpd_client_restrictions = check_client_access cidr:/etc/table\n")
    (tmp_path / "etc/master.cf").write_text("")
    (tmp_path / "etc/table").write_text("192.0.2.1 PREPEND $1\n")
    root, sink = Root(tmp_path), Sink()
    configuration = Configuration.load("/etc", sink, root)
    contents(Subject(configuration, site_of(configuration), root, (), lambda word: False), sink)
    assert [d.code for d in sink if d.span is not None and d.span.source.name.endswith("table")] == ["TB012"]


def test_the_parts() -> None:
    assert [has_reference(text) for text in ("$1", "${1}", "$(1)", "$$", "$", "$$$1")] == [
        *(True, True, True, False, False, True)
    ]
    assert settled("$(1)@x, $(12)") == "${1}@x, ${12}"
    assert settled_action("bcc  $1") == "bcc  user@example.com"
    assert settled_action("REJECT $1") == "REJECT $1"
