"""Wrong test files and wrong questions to explain: the place, what is wrong, what to write, and exit status 2."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailconf.cli.commands import mailconf

TOP = Path(__file__).resolve().parents[2]
SITE = f"site: {TOP}/examples/postfix/etc/postfix\n"
CASE = f"{SITE}cases:\n  - "

FILES = {
    "": "1:1: error: the file is empty [TS005]",
    "just text\n": "1:1: error: a test file is a mapping [TS003]",
    "site: [\n": "2:1: error: this is not YAML: .* [TS001]",
    SITE: "1:1: error: there is no cases [TS005]",
    f"{SITE}cases: 3\n": "2:8: error: cases is a list [TS003]",
    f"{SITE}cases: []\n": "1:1: error: there is no case [TS005]",
    "cases:\n  - {to: a@b, reply: 250}\n": "1:1: error: there is no site [TS005]",
    "site: nowhere\ncases:\n  - {to: a@b, reply: 250}\n": "1:7: error: .*nowhere is no folder [TS007]",
    f"{SITE}root: /nowhere\ncases:\n  - {{to: a@b, reply: 250}}\n": "1:7: error: .* that is missing: /nowhere [TS007]",
    f"{SITE}root: {TOP}/docs\ncases:\n  - {{to: a@b, reply: 250}}\n": "1:7: error: .* is not below .*docs [TS007]",
    f"{CASE}{{to: a@b, reply: OK}}\n": "3:22: error: reply: 'OK' is not a reply [TS004]",
    f"{CASE}{{to: a@b, reply: /(/}}\n": "3:22: error: reply: /(/ is not a regular expression: .* [TS004]",
    f"{CASE}{{reply: 250}}\n": "3:5: error: the case has no recipient [TS005]",
    f"{CASE}{{to: a b, reply: 250}}\n": "3:10: error: to: 'a b' is not a mail address [TS004]",
    f"{CASE}{{client: nobody, to: a@b, reply: 250}}\n": "3:14: error: there is no client nobody [TS006]",
    f"{CASE}{{client: 1.2.3.400, to: a@b, reply: 250}}\n": (
        "3:14: error: client: 1.2.3.400 is not an IP address [TS004]"
    ),
    f"{CASE}{{to: a@b}}\n": "3:5: error: the case expects nothing [TS005]",
    f"{CASE}{{to: a@b, goes: local}}\n": "3:21: error: goes: 'local' is not a way out [TS004]",
    f"{CASE}{{to: a@b, size: big, reply: 250}}\n": "3:21: error: size: 'big' is not a number of bytes [TS004]",
    f"{CASE}{{to: 'x@[each foreign domain]', reply: 250}}\n": (
        "3:10: error: to: there is no [each foreign domain] [TS004]"
    ),
    f"{CASE}{{to: a@b, header: nocolon, reply: 250}}\n": (
        "3:23: error: header: 'nocolon' is not a line of a header [TS004]"
    ),
    f"{CASE}{{to: a@b, becomes: {{X: y}}}}\n": "3:24: error: there is no message that could become anything [TS005]",
    f"{CASE}{{to: a@b, reply: 250, reply: 550}}\n": "3:27: error: reply is there twice [TS009]",
    f"{CASE}{{columns: to nosuch, table: 'a@b  250'}}\n": "3:15: error: a table has no column nosuch [TS002]",
    f"{CASE}table: |\n      a@b  250  local a  extra\n": (
        "4:7: error: behind to reply goes there is more: extra [TS004]"
    ),
    f"{SITE}world: {{clock: noon}}\ncases:\n  - {{to: a@b, reply: 250}}\n": (
        "2:16: error: clock: 'noon' is not a time [TS004]"
    ),
    f"{SITE}world: {{dns: {{x.test: {{srv: 1}}}}}}\ncases:\n  - {{to: a@b, reply: 250}}\n": (
        "2:24: error: x.test: srv is not a type of records that can be given [TS004]"
    ),
    f"{SITE}clients: {{a: {{name: x}}}}\ncases:\n  - {{client: a, to: a@b, reply: 250}}\n": (
        "2:14: error: client a has no address [TS005]"
    ),
    f"{SITE}clients: {{a: {{address: 192.0.2.1, service: 99}}}}\ncases:\n  - {{client: a, to: a@b, reply: 250}}\n": (
        "4:5: error: client a: master.cf has no smtpd service 99; there are: .* [TS010]"
    ),
}


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(mailconf, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.mark.parametrize("text", FILES)
def test_a_wrong_file_is_one_finding(text: str, tmp_path: Path) -> None:
    file = tmp_path / "a.test.yaml"
    file.write_text(text)
    result = run("test", str(file))
    assert result.exit_code == 2
    wanted = re.escape(FILES[text]).replace(r"\.\*", ".*")
    findings = [line for line in result.stderr.splitlines() if not line.startswith("  hint: ")]
    assert len(findings) == 1 and re.fullmatch(f"{re.escape(str(file))}:{wanted}", findings[0]), result.stderr
    assert "  hint: " in result.stderr and result.stdout == ""


QUESTIONS = {
    (): "Missing option '--to'",
    ("--to", "a b"): "Invalid value for --to: 'a b' is not a mail address",
    ("--to", "a@"): "Invalid value for --to: 'a@' is not a mail address",
    ("--to", "a@b", "--from", "x y@z"): "Invalid value for --from: 'x y@z' is not a mail address",
    ("--to", "a@b", "--client", "300.1.1.1"): "Invalid value for --client: 300.1.1.1 is not an IP address",
    ("--to", "a@b", "--client", "192.0.2.1,"): "there is no name after the comma",
    ("--to", "a@b", "--client", "192.0.2.1,a b"): "a b is not a host name",
    ("--to", "a@b", "--service", "nosuch"): "master.cf has no smtpd service nosuch; the smtpd services are: smtp inet",
    ("--to", "a@b", "--dns", "foo"): "'foo' is not NAME:TYPE or NAME:TYPE=VALUE,...",
    ("--to", "a@b", "--dns", "foo:SRV=1"): "'SRV' is not a record type that is asked for",
    ("--to", "a@b", "--dns", "foo:MX=mail"): "'mail' is not the value of an MX record",
    ("--to", "a@b", "--policy", "foo"): "'foo' is not unix:PATH=ACTION or inet:HOST:PORT=ACTION",
    ("--to", "a@b", "--expect", "MAYBE"): "'MAYBE' is neither a reply code nor one of REFUSED",
    ("--to", "a@b", "--message", "/nowhere"): "/nowhere: No such file or directory",
    ("--to", "a@b", "--message", "/"): "/: Is a directory",
    ("--to", "a@b", "--size", "-3"): "-3 is not in the range",
    ("--to", "a@b", "--sasl", "a\tb"): "'a\\tb' has a control character in it",
    ("--to", "a@b", "--helo", "x" * 3000): "it has more than 2000 characters",
    ("--to", "a@b", "--session", "/nowhere"): "--session has the dialogue",
    ("--session", "/nowhere"): "/nowhere: No such file or directory",
}


@pytest.mark.parametrize("options", QUESTIONS)
def test_a_wrong_question_is_a_usage_error(options: tuple[str, ...]) -> None:
    result = run("explain", "--root", str(TOP / "examples/postfix"), "/etc/postfix", *options)
    assert result.exit_code == 2 and result.stdout == ""
    assert QUESTIONS[options] in result.stderr


def test_results_are_printed_also_where_their_file_cannot_be_written() -> None:
    result = run("test", "--junit", "/nowhere/x.xml", str(TOP / "examples/postfix"))
    assert result.exit_code == 2
    assert "43 passed" in result.stdout and "/nowhere/x.xml: No such file" in result.stderr


def test_a_class_without_domains_is_reported(tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_text("compatibility_level = 3.6\nmyhostname = mail.example.com\nrelay_domains =\n")
    (tmp_path / "master.cf").write_text("smtp inet n - n - - smtpd\n")
    file = tmp_path / "a.test.yaml"
    file.write_text(
        "site: .\ncases:\n  - {to: 'x@[each relay domain]', reply: 250}\n  - {to: x@far.test, reply: 454}\n"
    )
    result = run("test", str(file))
    assert result.exit_code == 0 and result.stdout == "1 case: 1 passed\n"
    assert "a.test.yaml:3:5: warning: there is no relay domain: this case is not asked [TS013]" in result.stderr
