"""Values in main.cf that keep the table tools from starting. tests/live holds them to the original's."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailconf.cli import postalias, postmap
from mailconf.postfix.parameters_start import START

CASES = [
    ("soft_bounce = maybe", "bad boolean configuration: soft_bounce = maybe"),
    ("max_use = many", "bad numerical configuration: max_use = many"),
    ("max_use = 0", "invalid max_use parameter value 0 < 1"),
    ("line_length_limit = 9999999999", "bad numerical configuration: line_length_limit = 9999999999"),
    ("delay_logging_resolution_limit = 7", "invalid delay_logging_resolution_limit parameter value 7 > 6"),
    ("ipc_timeout = 1H", "parameter ipc_timeout: bad time value or unit: 1H"),
    ("ipc_timeout = $nosuch", "parameter ipc_timeout: bad time value or unit: "),
    ("max_idle = 0s", "invalid max_idle: 0 (min 1)"),
    ("in_flow_delay = 1m", "invalid in_flow_delay: 60 (max 10)"),
    ("queue_directory =\nmail_name =", "bad string length 0 < 1: mail_name = "),
    ("default_verp_delimiters = +", "bad string length 1 < 2: default_verp_delimiters = +"),
    ("inet_protocols = ipv4 ipv9", 'unknown inet_protocols value "ipv9" in "ipv4 ipv9"'),
    ("mynetworks_style = nets", 'unknown mynetworks mask style value "nets" in "nets"'),
    ("mynetworks_style = host, subnet", "bad mynetworks_style value: host, subnet; specify exactly one value"),
    ("maillog_file = /tmp/log", "maillog_file value '/tmp/log' does not match any prefix in maillog_file_prefixes"),
    ("syslog_facility = MAIL", "file {}/main.cf: parameter syslog_facility: unrecognized value: MAIL"),
    # The one that is read first is told.
    (
        "ipc_ttl = x\nsoft_bounce = x\nmax_use = x\nsmtputf8_enable = x",
        "bad boolean configuration: smtputf8_enable = x",
    ),
    ("ipc_ttl = x\nsoft_bounce = x\nmax_use = x", "bad numerical configuration: max_use = x"),
]


@pytest.mark.parametrize(("text", "words"), CASES)
@pytest.mark.parametrize("tool", [postmap, postalias])
def test_a_value_that_cannot_be(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], tool: object, text: str, words: str
) -> None:
    (tmp_path / "main.cf").write_text(f"{text}\n")
    assert tool.run("postmap", ["-c", str(tmp_path), "-q", "x", "static:y"]) == 1  # type: ignore[attr-defined]
    out, err = capfdbinary.readouterr()
    assert (out, err.decode()) == (b"", f"postmap: fatal: {words.format(tmp_path)}\n")


def test_defaults_are_in_order(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    from mailconf.postfix.parameters import PARAMETERS

    names = dict.fromkeys(name for name, *_ in START if name not in ("myhostname", "mydomain"))
    (tmp_path / "main.cf").write_text("".join(f"{name} = {PARAMETERS[name][1]}\n" for name in names))
    assert postmap.run("postmap", ["-c", str(tmp_path), "-q", "x", "static:y"]) == 0
    assert capfdbinary.readouterr() == (b"y\n", b"")
