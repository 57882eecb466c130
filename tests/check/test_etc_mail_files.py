"""Files of an /etc/mail that sendmail reads otherwise than they are meant: a byte order mark, a sendmail.cf alone."""

from __future__ import annotations

from pathlib import Path

from mailconf.build.etc_mail import EtcMail
from mailconf.check.sendmail.etc_mail import check_etc_mail
from mailconf.diagnostics import Diagnostic, Sink
from mailconf.files import Root
from mailconf.sendmail.mc.library import Library
from tests.sendmail.mc_library import library as write_library

FEATURES = "FEATURE(`no_default_msa')dnl\nFEATURE(`use_cw_file')dnl\nFEATURE(`access_db')dnl\n"
MC = f"OSTYPE(`linux')dnl\n{FEATURES}MAILER(`local')dnl\n"


def found(top: Path, library: Library | None) -> list[Diagnostic]:
    sink = Sink()
    check_etc_mail(EtcMail("/etc/mail", Root(top), library), sink)
    return sink.sorted()


def test_a_byte_order_mark(tmp_path: Path) -> None:
    """makemap and newaliases 8.17.1.9 store it with the first key, sendmail takes it into the class."""
    mail = tmp_path / "etc/mail"
    mail.mkdir(parents=True)
    (mail / "sendmail.mc").write_text(MC)
    texts = {"access": "a.example REJECT\n", "aliases": "root: joe\n", "local-host-names": "a.example\n"}
    for name, text in texts.items():
        (mail / name).write_text(text)
    library = write_library(tmp_path / "library")
    assert [d for d in found(tmp_path, library) if d.severity.value == "error"] == []
    for name, text in texts.items():
        (mail / name).write_text("\ufeff" + text)
    errors = [d for d in found(tmp_path, library) if d.severity.value == "error"]
    assert [(d.code, d.span and d.span.source.name) for d in errors] == [("SM026", str(mail / name)) for name in texts]


def test_a_sendmail_cf_alone(tmp_path: Path) -> None:
    mail = tmp_path / "etc/mail"
    mail.mkdir(parents=True)
    (mail / "sendmail.cf").write_text("V10\nDmexample.org\n\n  Cwa\nSx\nRa  b\n")
    assert [(d.code, d.span and d.span.line) for d in found(tmp_path, None)] == [("SM023", 4), ("SM024", 6)]
