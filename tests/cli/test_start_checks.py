"""Values in main.cf that keep the table tools from starting. tests/live holds them to the original's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailconf.cli.postfix import postalias, postmap
from mailconf.postfix.parameters.start import START
from mailconf.postfix.settings import machine

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
    ("myorigin = a.test, b.test", "myorigin parameter setting must not contain multiple values: a.test, b.test"),
    ("myorigin = a.test,", "myorigin parameter setting must not contain multiple values: a.test,"),
    ("myorigin = a b\nin_flow_delay = 99", "invalid in_flow_delay: 99 (max 10)"),
    ("myorigin = a b\nmynetworks_style = x", 'unknown mynetworks mask style value "x" in "x"'),
    (
        "myorigin = a b\ndefault_verp_delimiters = -x",
        "myorigin parameter setting must not contain multiple values: a b",
    ),
    ("myorigin = /nonexistent/x", "/nonexistent/x: cannot open file: No such file or directory"),
    ("myorigin = /nonexistent/x\nmax_use = x", "/nonexistent/x: cannot open file: No such file or directory"),
    ("myorigin = /nonexistent/x\ninfo_log_address_format =", "bad string length 0 < 1: info_log_address_format = "),
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


ORIGINS = {  # a file's content -> what the tools of Postfix 3.7.11 (Debian) end with, "" where they go on
    "origin.test": "",
    " \t origin.test\r\nother.test\n": "",
    "origin.test other.test\n": "myorigin parameter setting must not contain multiple values: origin.test other.test",
    "# a comment\norigin.test\n": "myorigin parameter setting must not contain multiple values: # a comment",
    "": "myorigin file {} is empty",
    "\norigin.test\n": "myorigin file {} is empty",
    " \t\r\n": "myorigin file {} is empty",
}


@pytest.mark.parametrize("text", ORIGINS)
def test_the_file_of_the_origin(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], text: str) -> None:
    file = tmp_path / "mailname"
    file.write_bytes(text.encode())
    (tmp_path / "main.cf").write_text(f"myorigin = {file}\n")
    status = postmap.run("postmap", ["-c", str(tmp_path), "-q", "x", "static:y"])
    words = ORIGINS[text].format(file)
    assert (status, capfdbinary.readouterr().err.decode()) == (bool(words), f"postmap: fatal: {words}\n" * bool(words))


def test_the_file_of_the_origin_is_opened_with_care(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    names = {
        "linked": "file has 2 hard links",
        "link": "file is a symbolic link",
        "fifo": "cannot open file: not a regular file",
    }
    for name in ("linked", "target"):
        (tmp_path / name).write_text("origin.test\n")
    (tmp_path / "linked2").hardlink_to(tmp_path / "linked")
    (tmp_path / "link").symlink_to("target")
    tmp_path.chmod(0o777)  # also where root runs the test: others may change the folder of the link
    os.mkfifo(tmp_path / "fifo")
    for name, words in names.items():
        (tmp_path / "main.cf").write_text(f"myorigin = {tmp_path / name}\n")
        assert postmap.run("postmap", ["-c", str(tmp_path), "-q", "x", "static:y"]) == 1
        assert capfdbinary.readouterr().err.decode() == f"postmap: fatal: {tmp_path / name}: {words}\n"


def test_below_a_root_the_file_of_the_origin_may_be_a_copy(tmp_path: Path) -> None:
    (tmp_path / "etc/postfix").mkdir(parents=True)
    (tmp_path / "etc/name").write_text("origin.test\n")
    (tmp_path / "etc/mailname").symlink_to("name")
    (tmp_path / "etc/postfix/main.cf").write_text("myorigin = /etc/mailname\n")
    arguments = ["--root", str(tmp_path), "-c", "/etc/postfix", "-q", "x", "static:y"]
    assert postmap.run("postmap", arguments) == 0


def test_defaults_are_in_order(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    from mailconf.postfix.parameters.catalogue import PARAMETERS

    names = dict.fromkeys(name for name, *_ in START if name not in ("myhostname", "mydomain"))
    (tmp_path / "main.cf").write_text("".join(f"{name} = {PARAMETERS[name][1]}\n" for name in names))
    assert postmap.run("postmap", ["-c", str(tmp_path), "-q", "x", "static:y"]) == 0
    assert capfdbinary.readouterr() == (b"y\n", b"")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mydomain = a.$mail_name", "parameter myhostname: bad parameter value: box.a."),
        ("mydomain = ${inet_interfaces?{a..b}:{c.d}}", ""),
        ("mydomain = ${inet_protocols?{a..b}:{c.d}}", "parameter myhostname: bad parameter value: box.a..b"),
        ("myhostname = h.$config_directory", "parameter myhostname: bad parameter value: h.{}"),
        ("myhostname = h.i\nmydomain = $myhostname.", "parameter mydomain: bad parameter value: h.i."),
        ("max_idle = $ipc_ttl", "parameter max_idle: bad time value or unit: "),
        ("ipc_ttl = $max_idle", ""),
        ("queue_directory = ${smtpd_banner?x}", "bad string length 0 < 1: queue_directory = "),
        ("max_use = ${alias_database?x}", "bad numerical configuration: max_use = x"),
    ],
)
def test_a_reference_to_what_is_read_later(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, text: str, words: str
) -> None:
    """Programs read one parameter after the other (postmap 3.7.11; tests/live has many more)."""
    monkeypatch.setattr(machine, "node_name", lambda: "box")
    (tmp_path / "main.cf").write_text(f"{text}\n")
    status = postmap.run("postmap", ["-c", str(tmp_path), "-q", "x", "static:y"])
    assert status == (1 if words else 0)
    assert capfdbinary.readouterr().err.decode().endswith(f"{words.format(tmp_path)}\n" if words else "")
