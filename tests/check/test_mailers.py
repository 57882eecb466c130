"""Mailers that a mailertable or a relay names and no MAILER defines."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailconf.build.etc_mail import EtcMail
from mailconf.check.sendmail.etc_mail import check_etc_mail
from mailconf.diagnostics import Diagnostic, Sink
from mailconf.files import Root
from mailconf.sendmail.mc.library import Library
from tests.sendmail.mc_library import library as write_library

MC = "OSTYPE(`linux')dnl\nFEATURE(`no_default_msa')dnl\n{relay}MAILER(`local')dnl\nMAILER(`smtp')dnl\n"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return write_library(tmp_path_factory.mktemp("library"))


def found(folder: Path, library: Library, table: str, relay: str = "") -> list[Diagnostic]:
    (folder / "sendmail.mc").write_text(MC.replace("{relay}", relay))
    (folder / "mailertable").write_text(table)
    sink = Sink()
    check_etc_mail(EtcMail(str(folder), Root(), library), sink)
    return [d for d in sink.sorted() if d.code == "CK021"]


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("nosuch:host", "write the name of a mailer: *file*, *include*, error, "),
        ("esmpt:host", "did you mean esmtp?"),
        ("SMTP:host", "write MAILER(`smtp')dnl into the .mc"),
        ("Discard:", "DISCARD in the access table"),
        ("nosuch:user@host", "write the name of a mailer"),
    ],
)
def test_a_mailer_that_nobody_defines(tmp_path: Path, library: Library, value: str, hint: str) -> None:
    (diagnostic,) = found(tmp_path, library, f"# comment\na.example\tesmtp:host\nb.example\t{value}\n")
    assert diagnostic.span and diagnostic.span.first == (3, 11)
    assert Path(diagnostic.span.source.name).name == "mailertable"
    assert f"mailer {value.partition(':')[0].lower()}," in diagnostic.message.lower()
    assert hint in diagnostic.hint


@pytest.mark.parametrize(
    "value", ["esmtp:host", "ESMTP:host", "local:user", "prog:x", "*file*:/x", "error:5.1.1:550 no", "ERROR:nouser no"]
)
def test_mailers_that_there_are(tmp_path: Path, library: Library, value: str) -> None:
    assert not found(tmp_path, library, f"a.example\t{value}\n")


def test_a_relay(tmp_path: Path, library: Library) -> None:
    define = "define(`SMART_HOST', `{}')dnl\n"
    for value in ("host.example", "[192.0.2.1]", "esmtp:[host.example]", "[IPv6:2001:db8::1]", "local:user"):
        assert not found(tmp_path, library, "", define.format(value))
    (diagnostic,) = found(tmp_path, library, "", define.format("nosuch:[host.example]"))
    assert diagnostic.message == "SMART_HOST names the mailer nosuch, which no MAILER defines"
    assert diagnostic.span and diagnostic.span.line == 3


def test_nothing_is_said_where_the_mailers_are_unknown(tmp_path: Path) -> None:
    """Without the library, and with a feature that our own .cf lacks."""
    (tmp_path / "sendmail.mc").write_text(MC.replace("{relay}", "FEATURE(`ldap_routing')dnl\n"))
    (tmp_path / "mailertable").write_text("a.example\tnosuch:host\n")
    sink = Sink()
    check_etc_mail(EtcMail(str(tmp_path), Root(), None), sink)
    assert "CK021" not in {d.code for d in sink}
