"""The file of bounce templates: can reports be made with it, and is each of its templates used?"""

from __future__ import annotations

from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink
from mailconf.postfix.settings.notices import notices


def templates(subject: Subject, sink: Sink) -> None:
    """Report what is wrong with the file (PF237) and with a template (PF238); that it is missing, CK061 says."""
    path = subject.configuration.value("bounce_template_file")
    try:
        there = bool(path) and subject.root.exists(path)
    except OSError:
        there = True  # it cannot be looked at: that is reported
    if there:
        notices(subject.configuration, sink)
