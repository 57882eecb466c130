from __future__ import annotations

import re
from pathlib import Path

import pytest

from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.postfix.parameters.catalogue import recorded
from mailconf.postfix.policy.policy import compile_policy
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.site import site_of
from mailconf.postfix.settings.unserved import SILENT, UNSERVED, report_unserved


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
    assert set(names) <= {name for version in recorded() for name in version.parameters}


def test_what_is_set_is_told_once_a_subject(tmp_path: Path) -> None:
    main = "smtpd_milters = inet:localhost:1\nmessage_reject_characters = \\0\nmessage_strip_characters=\\1\n"
    checks = "message_reject_characters, message_strip_characters have no effect here"
    assert told(tmp_path, main) == [
        ("main.cf:1", "explain asks no mail filters (milter), serve does: smtpd_milters has no effect here"),
        ("main.cf:2", f"characters are not looked at, nor 8-bit text: {checks}"),
    ]


def test_defaults_and_what_is_switched_off_are_not_told(tmp_path: Path) -> None:
    assert told(tmp_path, "content_filter =\nsmtp_tls_security_level = none\nsmtpd_use_tls = no\n") == []
    assert told(tmp_path, "smtpd_client_message_rate_limit = 0\nsmtp_helo_name = $myhostname\n") == []


def test_an_override_is_told_where_it_stands(tmp_path: Path) -> None:
    service = "smtp inet n - n - - smtpd\n587 inet n - n - - smtpd\n  -o smtpd_milters=inet:[::1]:1\n"
    assert told(tmp_path, "", service) == [
        ("master.cf:3", "explain asks no mail filters (milter), serve does: smtpd_milters has no effect here")
    ]


def test_logins_are_told_where_dovecot_does_not_serve_them(tmp_path: Path) -> None:
    main = "smtpd_sasl_auth_enable = yes\nsmtpd_sasl_type = dovecot\n"
    assert told(tmp_path, main) == []
    (line, message), *others = told(tmp_path, "smtpd_sasl_auth_enable = yes\n")
    assert line == "main.cf:1" and "Cyrus SASL" in message and not others
    (line, message), *others = told(tmp_path, main, "smtp inet n - n - - smtpd\n  -o smtpd_sasl_type=cyrus\n")
    assert "Cyrus SASL" in message and not others


def test_what_is_done_in_part_is_told(tmp_path: Path) -> None:
    [(line, message)] = told(tmp_path, "smtpd_tls_ask_ccert = yes\n")
    assert line == "main.cf:1" and message.endswith("smtpd_tls_ask_ccert has not all of the effect here")


# What is read when there is something to read it for, and where.
READ_LATER = {
    r"enable_long_queue_ids": "mailconf/cli/shared/postfix_personality.py",
    r"address_verify_.*(?:transport|relayhost)": "mailconf/postfix/policy/policy.py",
    r"bounce_template_file|enable_threaded_bounces|header_from_format": "mailconf/postfix/settings/notices.py",
    r"smtpd_client_ipv[46]_prefix_length": "mailconf/postfix/settings/site.py",  # of versions that have it
    r"smtpd_hide_client_session": "mailconf/postfix/settings/protocol.py",
    r"smtpd_service_name": "mailconf/postfix/settings/listeners.py",
    r"(?:ex|im)port_environment|mail_owner|setgid_group": "mailconf/postfix/settings/pipe_services.py",
}


def test_every_parameter_is_read_or_named(tmp_path: Path) -> None:
    """Of every version: serve reads it, or says at the start that it has no effect, or a reason stands in SILENT."""
    names = {name for version in recorded() for name in version.parameters}
    assert {"smtpd_forbid_bare_newline", "smtpd_etrn_restrictions", "queue_minfree"} <= names
    assert len(names) > 850
    (tmp_path / "main.cf").write_text("compatibility_level = 3.6\n")
    (tmp_path / "master.cf").write_text(
        "smtp inet n - n - - smtpd\nsmtp unix - - n - - smtp\nlmtp unix - - n - - lmtp\n"
    )
    configuration = Configuration.load(str(tmp_path), Sink(), Root())
    site_of(configuration)
    compile_policy(configuration, Sink())
    named = {name for parameters in UNSERVED.values() for name in parameters}
    silent = re.compile("|".join(f"(?:{pattern})" for pattern in (*SILENT, *READ_LATER)))
    left = {name for name in names - named - configuration.asked() if not silent.match(name)}
    assert left == set()


@pytest.mark.parametrize("pattern", READ_LATER)
def test_what_is_read_later_is_there(pattern: str) -> None:
    text = Path(READ_LATER[pattern]).read_text()
    names = {name for version in recorded() for name in version.parameters if re.fullmatch(pattern, name)}
    assert any(name in text or name.partition("_")[2] in text for name in names)


def test_a_reason_for_silence_holds_for_something() -> None:
    names = {name for version in recorded() for name in version.parameters}
    for pattern in SILENT:
        assert any(re.match(pattern, name) for name in names), pattern


def test_what_an_ordinary_user_cannot_do(tmp_path: Path) -> None:
    from mailconf.postfix.settings.unserved import report_privileges

    (tmp_path / "main.cf").write_text(f"mail_spool_directory = {tmp_path}/none\n")
    (tmp_path / "master.cf").write_text("local unix - n n - - local\n")
    configuration = Configuration.load(str(tmp_path), Sink())
    sink = Sink()
    report_privileges(configuration, sink, 0)
    assert [*sink] == []
    report_privileges(configuration, sink, 12345)
    told = [d.message for d in sink]
    assert [d.code for d in sink] == ["PF236", "PF236"]
    assert "as user 12345" in told[0] and f"may not make files in {tmp_path}/none" in told[1]
    below, sink = Configuration.load("/", Sink(), Root(tmp_path)), Sink()
    report_privileges(below, sink, 12345)
    assert [*sink] == []
