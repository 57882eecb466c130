"""The command lines of services: check stops where the daemons of Postfix 3.7.11 stop (tests/vectors)."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailconf.check.postfix.arguments import arguments
from mailconf.check.subject import Subject
from mailconf.diagnostics import Diagnostic, Severity, Sink
from mailconf.files import Root
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.site import site_of
from tests.vectors.service_arguments import CASES, UNKNOWN, UNSTARTED

CODES = {
    "unexpected command-line": "CK086",
    "unknown attribute": "CK086",
    "invalid option": "CK087",
    'invalid "-o': "PF018",
    "missing user=": "CK052",
    "unknown flag": "CK053",
    "user= command-line": "CK089",
    "request to deliver": "CK089",
    "get_service_attr: unknown username: ": "CK089",
    "unknown user name: ": "CK089",
}
OURS = {*CODES.values(), "PF233"}


def found(folder: Path, arguments_line: str) -> list[Diagnostic]:
    (folder / "etc").mkdir()
    (folder / "etc/main.cf").write_text("compatibility_level = 3.6\n")
    (folder / "etc/master.cf").write_text(f"t unix - n n - 1 {arguments_line}\n")
    root, sink = Root(folder), Sink()
    configuration = Configuration.load("/etc", sink, root)
    arguments(Subject(configuration, site_of(configuration), root, (), lambda word: True), sink)
    return [diagnostic for diagnostic in sink if diagnostic.code in OURS]


@pytest.mark.parametrize("line", CASES)
def test_where_the_daemon_stops(line: str, tmp_path: Path) -> None:
    said = CASES[line]
    diagnostics = found(tmp_path, line)
    if not said:
        assert diagnostics == []
        return
    code = next(code for words, code in CODES.items() if said.startswith(words))
    [diagnostic] = diagnostics
    assert (diagnostic.code, diagnostic.severity) == (code, Severity.ERROR)
    assert diagnostic.hint
    assert diagnostic.span is not None
    if code == "CK086":
        word = said.removeprefix(UNKNOWN).partition("argument: ")[2] or said.removeprefix(UNKNOWN)
        assert diagnostic.span.text.strip("{}") in word or word == "}"


@pytest.mark.parametrize("line", UNSTARTED)
def test_where_the_master_stops(line: str, tmp_path: Path) -> None:
    [diagnostic] = found(tmp_path, line)
    assert (diagnostic.code, diagnostic.severity) == ("PF233", Severity.ERROR)
    assert UNSTARTED[line] in diagnostic.message
    assert diagnostic.hint


def test_postscreen_does_not_look(tmp_path: Path) -> None:
    [diagnostic] = found(tmp_path, "postscreen -o myhostname=a b")
    assert (diagnostic.code, diagnostic.severity) == ("CK086", Severity.WARNING)


# A line and what the hint makes of it.
REMEDIES = {
    "smtpd -o smtpd_client_restrictions=permit_mynetworks, reject -o mydomain=x": (
        "write -o { smtpd_client_restrictions = permit_mynetworks, reject } where",
        "smtpd -o { smtpd_client_restrictions = permit_mynetworks, reject } -o mydomain=x",
    ),
    "smtpd -o smtpd_banner = a": ("-o { name = value }", "smtpd -o { smtpd_banner = a }"),
    "smtpd smtpd_banner=a": ("write -o smtpd_banner=a", "smtpd -o smtpd_banner=a"),
    "smtpd –o smtpd_banner=a": ("write -o", "smtpd -o smtpd_banner=a"),
    "smtpd -o 'smtpd_banner=a b'": ("-o { name = value }", "smtpd -o { smtpd_banner = a b }"),
    "smtpd -O smtpd_banner=a": ("-o name=value", "smtpd -o smtpd_banner=a"),
    "pipe flags= R user=nobody argv=x": ("write flags=R", "pipe flags=R user=nobody argv=x"),
    "pipe flags = R user=nobody argv=x": ("write flags=value", "pipe flags=R user=nobody argv=x"),
    "pipe user= nobody argv=x": ("write user=nobody", "pipe user=nobody argv=x"),
    "pipe user=nobody b argv=x": ("remove it", "pipe user=nobody argv=x"),
    "smtpd -o {smtpd_banner=a, b": ("close the brace", "smtpd -o {smtpd_banner=a, b}"),
    "smtpd -o {smtpd_banner=a}}": ("remove what follows", "smtpd -o {smtpd_banner=a}"),
}


@pytest.mark.parametrize("line", REMEDIES)
def test_the_hint_helps(line: str, tmp_path: Path) -> None:
    hint, written = REMEDIES[line]
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
    assert any(hint in diagnostic.hint for diagnostic in found(tmp_path / "before", line))
    assert found(tmp_path / "after", written) == []
