"""A comment after a value is one finding, whatever Postfix takes its words for."""

from __future__ import annotations

import pytest

from mailconf.check.causes import joined
from mailconf.check.rules import check
from mailconf.diagnostics import Severity, Sink
from mailconf.files import Memory
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.site import site_of
from tests.check.test_hints import MAIN, MASTER


def found(text: str) -> list[tuple[str, int, Severity]]:
    """What check shows for lines after those of `MAIN`: code, line after them, severity."""
    root = Memory({"/etc/postfix/main.cf": MAIN + text, "/etc/postfix/master.cf": MASTER})
    sink = Sink()
    configuration = Configuration.load("/etc/postfix", sink, root)
    check(configuration, site_of(configuration), root, sink)
    first = MAIN.count("\n")
    return [(d.code, d.span.line - first, d.severity) for d in joined(sink.sorted()) if d.span and d.code != "CK013"]


ERROR = ("CK073", 1, Severity.ERROR)


@pytest.mark.parametrize(
    "line",
    [
        "smtpd_helo_required = yes # clients that send none are refused",
        "mailbox_size_limit = 0 # none",
        "minimal_backoff_time = 300s # five minutes",
        "smtp_tls_ciphers = high # no others",
        "smtp_tls_security_level = may # if possible",
        "relayhost = [mail.example.net]:587 # the provider",
        "smtpd_sasl_security_options = noanonymous # and nothing else",
        "virtual_alias_maps = cidr:/etc/postfix/virtual # of all domains",
        "always_bcc = ann@example.com # the archive",
        "smtpd_sender_restrictions = reject_non_fqdn_sender # no short names at all",
    ],
)
def test_a_comment_after_a_value_is_one_error(line: str) -> None:
    assert [each for each in found(line) if each[0] not in ("CK030", "PF260")] == [ERROR]


def test_the_words_of_later_lines_are_judged() -> None:
    text = "smtpd_sender_restrictions = reject_non_fqdn_sender, # no short names\n  reject_foo\n"
    assert found(text) == [ERROR, ("PF201", 2, Severity.ERROR)]


def test_what_stands_before_the_comment_is_judged() -> None:
    text = "smtpd_sender_restrictions = reject_foo # no short names\n"
    assert [each[0] for each in found(text)] == ["PF201", "CK073"]


def test_another_line_keeps_its_finding() -> None:
    text = "smtpd_banner = $myhostname ESMTP # ours\nmailbox_size_limit = ten\n"
    assert found(text) == [("CK073", 1, Severity.WARNING), ("PF008", 2, Severity.ERROR)]


def test_a_list_of_patterns_ends_there() -> None:
    told = found("debug_peer_list = 127.0.0.1 # us\n")
    assert ("PF229", 1, Severity.WARNING) in told
    assert "CK073" not in [code for code, _, _ in told]
