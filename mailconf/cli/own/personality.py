"""Which words `serve` speaks: those of the configuration's dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailconf.mta.personality import Personality
    from mailconf.postfix.settings.configuration import Configuration


def postfix_personality(configuration: Configuration) -> Personality:
    """Postfix's words, with the reports that ``configuration`` asks for."""
    from mailconf.mta.journal_postfix import PostfixJournal
    from mailconf.mta.personality import Personality
    from mailconf.mta.reports import Notice
    from mailconf.mta.reports_postfix import NoticeText, PostfixReports
    from mailconf.postfix.settings.notices import notice_templates
    from mailconf.smtp.wording_postfix import PostfixWording

    texts = {}
    for kind, template in notice_templates(configuration).items():
        headers = template.headers
        subject = headers["Subject"]
        texts[Notice[kind.upper()]] = NoticeText(
            headers["Charset"], headers["From"], subject, headers.get("Postmaster-Subject", subject), template.lines
        )
    return Personality(PostfixWording(), PostfixJournal(), PostfixReports(texts.__getitem__))
