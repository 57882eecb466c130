"""hosts.allow and hosts.deny of a machine with sendmail: whether they count, and what is wrong in them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailconf.build.etc_mail import EtcMail
from mailconf.check.sendmail.etc_mail import check_etc_mail
from mailconf.diagnostics import Diagnostic, Sink
from mailconf.files import Root

ALLOW = "sendmail: .example.com\nsendmail .example.org\n"
DENY = "sendmail: 192.0.2 : twist /bin/echo no : allow\n"


@pytest.fixture
def top(tmp_path: Path) -> Path:
    (tmp_path / "etc/mail").mkdir(parents=True)
    (tmp_path / "etc/mail/sendmail.cf").write_text("Cwlocalhost\n")
    (tmp_path / "etc/hosts.allow").write_text(ALLOW)
    (tmp_path / "etc/hosts.deny").write_text(DENY)
    return tmp_path


def found(top: Path, directory: str = "/etc/mail") -> list[Diagnostic]:
    sink = Sink()
    check_etc_mail(EtcMail(directory, Root(top), None), sink)
    return [d for d in sink.sorted() if "hosts." in d.place]


def test_mistakes_have_places(top: Path) -> None:
    told = [(Path(d.span.source.name).name, d.code, d.span.first) for d in found(top) if d.span and d.hint]
    assert told == [
        ("hosts.allow", "TB160", (2, 1)),
        ("hosts.deny", "TB165", (1, 11)),
        ("hosts.deny", "TB164", (1, 21)),
    ]


@pytest.mark.parametrize(
    ("program", "words", "count"),
    [
        ("usr/libexec/sendmail/sendmail", b"\0libwrap.so.0\0", True),
        ("usr/sbin/sendmail.sendmail", b"\0libmilter.so.1\0", False),
        ("usr/sbin/sendmail", b"Postfix", False),
    ],
)
def test_the_program_tells_whether_they_count(top: Path, program: str, words: bytes, count: bool) -> None:
    (top / program).parent.mkdir(parents=True)
    (top / program).write_bytes(b"\x7fELF" + words)
    assert bool(found(top)) == count


def test_a_copy_of_the_folder_elsewhere(top: Path) -> None:
    (top / "etc/mail").rename(top / "srv")
    assert not found(top, "/srv")


def test_files_that_are_none(top: Path) -> None:
    (top / "etc/hosts.allow").unlink()
    os.mkfifo(top / "etc/hosts.allow")  # nobody will ever write to it
    (top / "etc/hosts.deny").unlink()
    (diagnostic,) = found(top)
    assert (diagnostic.code, diagnostic.file) == ("CK022", str(top / "etc/hosts.allow"))
    (top / "etc/hosts.allow").unlink()
    assert not found(top)
