"""What check says of a file of bounce templates."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailconf.check.postfix.notices import templates
from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.site import site_of

GOOD = "delay_template = <<EOF\nSubject: Late\n\nAfter $delay_warning_time_hours hours at $myhostname.\nEOF\n"


@pytest.mark.parametrize(
    ("text", "codes", "words"),
    [
        (GOOD, [], ""),
        (GOOD.replace("$myhostname", "$my_hostname"), ["PF237"], "undefined $name in delay template"),
        (GOOD.replace("_hours", "_ages"), ["PF237"], 'unrecognized suffix "ages"'),
        (GOOD.replace("<<EOF", "<<"), ["PF237"], "line 2: missing end marker after <<"),
        (GOOD.replace("Subject", "Reply-To"), ["PF238"], 'unknown "Reply-To" header label'),
        (GOOD.replace("_hours", "_days"), ["PF238"], "zero result in delay template"),
        (GOOD.replace("delay_t", "late_t"), ["PF238"], "unknown template name: late_template"),
    ],
)
def test_templates(text: str, codes: list[str], words: str, tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_text("bounce_template_file = /templates\ndelay_warning_time = 4h\n")
    (tmp_path / "master.cf").write_text("")
    (tmp_path / "templates").write_text(text)
    sink, root = Sink(), Root(tmp_path)
    configuration = Configuration.load("/", sink, root)
    subject = Subject(configuration, site_of(configuration), root, [], lambda name: True, configuration.postfix)
    templates(subject, sink)
    assert [d.code for d in sink] == codes
    assert all(d.message.startswith("/templates") for d in sink)
    assert not codes or words in next(iter(sink)).message
    assert all(d.span is not None and d.span.text == "/templates" for d in sink)


def test_a_missing_file_is_reported_by_the_rule_for_files(tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_text("bounce_template_file = /nothing\n")
    (tmp_path / "master.cf").write_text("")
    sink, root = Sink(), Root(tmp_path)
    configuration = Configuration.load("/", sink, root)
    subject = Subject(configuration, site_of(configuration), root, [], lambda name: True, configuration.postfix)
    templates(subject, sink)
    assert not list(sink)
