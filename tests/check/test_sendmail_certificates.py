"""The files of sendmail's STARTTLS: are they there, does sendmail take the key, do the dates hold?"""

from __future__ import annotations

from pathlib import Path

import pytest

from mailconf.build.etc_mail import EtcMail
from mailconf.check.sendmail.etc_mail import check_etc_mail
from mailconf.diagnostics import Severity, Sink
from mailconf.files import Root
from tests.check.certificate_files import certificate

CF = """\
V10/Berkeley
Djmail.corp.test
O ServerCertFile=/etc/mail/cert.pem
O ServerKeyFile=/etc/mail/key.pem
O CACertFile=/etc/mail/ca.pem
O CACertPath=/etc/ssl/certs
Mlocal, P=/bin/mail, F=lsDFM, A=mail -d $u
Mprog, P=/bin/sh, F=lsD, A=sh -c $u
Mesmtp, P=[IPC], F=mDFMuX, A=TCP $h
"""


def found(top: Path, cf: str = CF, mode: int = 0o600, key: bytes = b"", without: str = "", days: int = 90) -> list[str]:
    """What check finds: line, code and message."""
    mail = top / "etc/mail"
    mail.mkdir(parents=True)
    pair = certificate(-1, days)
    for name, data in (("cert.pem", pair), ("key.pem", key or pair), ("ca.pem", pair), ("sendmail.cf", cf.encode())):
        if name != without:
            (mail / name).write_bytes(data)
    if without != "key.pem":
        (mail / "key.pem").chmod(mode)
    sink = Sink()
    check_etc_mail(EtcMail("/etc/mail", Root(top), None), sink)
    return [
        f"{d.span.line if d.span else 0} {d.code} {d.message}"
        for d in sink.sorted()
        if d.severity is not Severity.NOTE or d.code == "CK093"
    ]


def test_nothing_is_wrong_with_what_is_right(tmp_path: Path) -> None:
    assert found(tmp_path) == []


@pytest.mark.parametrize(("name", "line"), [("cert.pem", 3), ("key.pem", 4), ("ca.pem", 5)])
def test_a_file_is_missing(tmp_path: Path, name: str, line: int) -> None:
    (message,) = found(tmp_path, without=name)
    assert message.startswith(f"{line} SM033 STARTTLS is not offered")
    assert f"/etc/mail/{name}, which does not exist" in message


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_can_read(tmp_path: Path, mode: int) -> None:
    (message,) = found(tmp_path, mode=mode)
    assert message == f"4 SM048 STARTTLS is not offered: others can read or write /etc/mail/key.pem ({mode:o})"


def test_a_key_that_its_group_may_read(tmp_path: Path) -> None:
    blame = CF + "O DontBlameSendmail=GroupReadableKeyFile\n"
    assert found(tmp_path / "a", blame, mode=0o640) == []
    assert [message[:7] for message in found(tmp_path / "b", blame, mode=0o660)] == ["4 SM048"]


def test_a_key_of_another_certificate(tmp_path: Path) -> None:
    (message,) = found(tmp_path, key=certificate(-1, 90))
    assert message.startswith("4 SM048")
    assert "was not made with the certificate" in message


@pytest.mark.parametrize(("days", "words"), [(0, "expired on"), (5, "expires on")])
def test_the_dates(tmp_path: Path, days: int, words: str) -> None:
    (message,) = found(tmp_path, days=days)
    assert message.startswith("3 CK093")
    assert words in message


def test_a_key_that_cannot_be_read_is_no_crash(tmp_path: Path) -> None:
    assert found(tmp_path, key=b"\xff\0-----BEGIN PRIVATE KEY-----\n!!\n") == []
