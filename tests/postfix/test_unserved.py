from __future__ import annotations

from pathlib import Path

from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.postfix.configuration import Configuration
from mailconf.postfix.parameters import PARAMETERS
from mailconf.postfix.site import site_of
from mailconf.postfix.unserved import UNSERVED, report_unserved


def told(folder: Path, main_cf: str, master_cf: str = "") -> list[tuple[str, str]]:
    """Where and what is reported."""
    (folder / "main.cf").write_text(main_cf)
    (folder / "master.cf").write_text(master_cf)
    sink = Sink()
    configuration = Configuration.load(str(folder), sink, Root())
    assert not sink.failed
    report_unserved(configuration, site_of(configuration).listeners, sink)
    return [(f"{Path(d.span.source.name).name}:{d.span.line}", d.message) for d in sink.sorted() if d.span]


def test_the_table_names_parameters() -> None:
    names = [name for parameters in UNSERVED.values() for name in parameters]
    assert len(names) == len(set(names))
    assert set(names) <= PARAMETERS.keys()


def test_what_is_set_is_told_once_a_subject(tmp_path: Path) -> None:
    assert told(tmp_path, "smtpd_milters = inet:localhost:1\nbody_checks = regexp:/a\nheader_checks=regexp:/b\n") == [
        ("main.cf:1", "mail filters (milter) are not asked: smtpd_milters has no effect here"),
        ("main.cf:2", "headers and bodies are not inspected: body_checks, header_checks have no effect here"),
    ]


def test_defaults_and_what_is_switched_off_are_not_told(tmp_path: Path) -> None:
    assert told(tmp_path, "content_filter =\nsmtp_tls_security_level = none\nsmtpd_use_tls = no\n") == []
    assert told(tmp_path, "smtpd_client_message_rate_limit = 0\nsmtp_tcp_port = smtp\n") == []


def test_an_override_is_told_where_it_stands(tmp_path: Path) -> None:
    service = "smtp inet n - n - - smtpd\n587 inet n - n - - smtpd\n  -o smtpd_tls_security_level=encrypt\n"
    assert told(tmp_path, "", service) == [
        ("master.cf:3", "there is no TLS: smtpd_tls_security_level has no effect here")
    ]
