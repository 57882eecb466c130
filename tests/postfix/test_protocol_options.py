"""The protocol options of a listener, as the configuration has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailconf.diagnostics import Sink
from mailconf.postfix.configuration import Configuration
from mailconf.postfix.protocol import protocol_options
from mailconf.smtp.options import Options


def options(top: Path, text: str) -> tuple[Options, list[str]]:
    (top / "main.cf").write_text(text)
    (top / "master.cf").write_text("smtp inet n - n - - smtpd\n")
    sink = Sink()
    found = protocol_options(Configuration.load(str(top), sink))
    return found, [d.code for d in sink]


def test_defaults_are_those_of_the_options(tmp_path: Path) -> None:
    assert options(tmp_path, "compatibility_level = 3.6\n") == (Options(), [])


def test_switches_and_commands(tmp_path: Path) -> None:
    text = "smtpd_helo_required = yes\nsmtputf8_enable = no\nsmtpd_noop_commands = one, TWO\n"
    assert options(tmp_path, text)[0] == Options(helo_required=True, smtputf8=False, noop_commands=("ONE", "TWO"))


# What smtpd(8) answered with 221 "I can break rules, too" when it was asked.
@pytest.mark.parametrize(
    ("value", "forbidden", "other"),
    [
        ("", "", "GET <X> FOO"),
        ("get", "GET", "<X> 1ABC POST"),
        ("HELO FOO", "FOO", "GET <X>"),
        ("FOO, static:x", "FOO BAR <X>", ""),
        ("CONNECT GET POST regexp:{{/^[^A-Z]/ Bogus}} BAZ", "CONNECT <X> 1ABC \xc3 BAZ", "FOO"),
    ],
)
def test_forbidden_commands(tmp_path: Path, value: str, forbidden: str, other: str) -> None:
    found, codes = options(tmp_path, f"smtpd_forbidden_commands = {value}\n")
    assert codes == []
    assert all(found.forbidden(verb) for verb in forbidden.split())
    assert not any(found.forbidden(verb) for verb in other.split())


def test_a_table_in_a_file_is_reported(tmp_path: Path) -> None:
    found, codes = options(tmp_path, "smtpd_forbidden_commands = hash:/etc/commands GET\n")
    assert codes == ["PF016"] and found.forbidden("GET")
