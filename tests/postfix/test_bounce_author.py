"""Who writes a bounce: header_from_format in the templates, as postconf -t of Postfix 3.7.11 prints them."""

from __future__ import annotations

import pytest

from mailconf.diagnostics import Sink
from mailconf.files import Memory
from mailconf.postfix.settings.bounce_templates import TemplateError, is_obsolete
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.notices import notices

FILE = "failure_template = <<X\nFrom: me <me@example.com>\n\ntext\nX\ndelay_template = <<X\nSubject: x\n\ntext\nX\n"


def authors(value: str, sink: Sink | None = None) -> list[str]:
    text = f"header_from_format = {value}\nbounce_template_file = /etc/postfix/bounce\n"
    tree = Memory({"/etc/postfix/main.cf": text, "/etc/postfix/master.cf": "", "/etc/postfix/bounce": FILE})
    sink = Sink() if sink is None else sink
    configuration = Configuration.load("/etc/postfix", sink, tree)
    return [template.headers["From"] for template in notices(configuration, sink).templates.values()]


def test_the_author_of_a_bounce() -> None:
    standard, obsolete = "Mail Delivery System <MAILER-DAEMON>", "MAILER-DAEMON (Mail Delivery System)"
    assert authors("standard") == ["me <me@example.com>", standard, standard, standard]
    assert authors("Obsolete") == ["me <me@example.com>", obsolete, obsolete, obsolete]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("bogus", 'invalid setting: "header_from_format = bogus"'),
        ("", "bad string length 0 < 1: header_from_format = "),
    ],
)
def test_a_format_that_there_is_not(value: str, reason: str) -> None:
    with pytest.raises(TemplateError, match=reason):
        is_obsolete(value)
    sink = Sink()
    authors(value, sink)
    assert any(d.code == "PF237" and reason in d.message for d in sink)
