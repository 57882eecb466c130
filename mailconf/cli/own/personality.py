"""Which words `serve` speaks: those of the configuration's dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailconf.diagnostics import Sink

if TYPE_CHECKING:
    from mailconf.mta.personality import Personality
    from mailconf.postfix.settings.configuration import Configuration


def postfix_personality(configuration: Configuration, sink: Sink) -> Personality:
    """Postfix's words, with the reports to senders that ``configuration`` asks for (PF237, PF238)."""
    from mailconf.mta.journal_postfix import PostfixJournal
    from mailconf.mta.personality import Personality
    from mailconf.mta.reports import Notice
    from mailconf.mta.reports_postfix import NoticeText, PostfixReports
    from mailconf.postfix.settings.notices import notices
    from mailconf.smtp.wording_postfix import PostfixWording

    found = notices(configuration, sink)
    texts = {}
    for kind, template in found.templates.items():
        headers = template.headers
        subject = headers["Subject"]
        texts[Notice[kind.upper()]] = NoticeText(
            charset=headers["Charset"],
            author=headers["From"],
            subject=subject,
            postmaster_subject=headers.get("Postmaster-Subject", subject),
            lines=template.lines,
            warnings=template.warnings,
        )
    reports = PostfixReports(texts.__getitem__, found.warnings, smtputf8=found.is_utf8, threaded=found.are_threaded)
    return Personality(PostfixWording(), PostfixJournal(), reports)
