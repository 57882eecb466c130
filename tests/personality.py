"""Postfix's words, as `serve` puts them together, for the tests of the MTA."""

from __future__ import annotations

from mailconf.mta.hop_postfix import PostfixHop
from mailconf.mta.journal_postfix import PostfixJournal
from mailconf.mta.personality import Personality
from mailconf.mta.reports import Notice
from mailconf.mta.reports_postfix import NoticeText, PostfixReports
from mailconf.postfix.settings.bounce_templates import built_in
from mailconf.smtp.wording_postfix import PostfixWording


def notice_text(notice: Notice) -> NoticeText:
    """The built-in templates, as on mail.example.com with delay_warning_time = 1h."""
    template = built_in()[notice.name.lower()]
    values = {"$myhostname": "mail.example.com", "$delay_warning_time_hours": "1", "$maximal_queue_lifetime_days": "5"}
    text = "\n".join(template.lines)
    for name, value in values.items():
        text = text.replace(name, value)
    headers = {"Postmaster-Subject": "", **template.headers}
    names = ("Charset", "From", "Subject", "Postmaster-Subject")
    return NoticeText(*(headers[name] for name in names), tuple(text.split("\n")))


REPORTS = PostfixReports(notice_text)
PERSONALITY = Personality(PostfixWording(), PostfixJournal(), REPORTS, PostfixHop(), notices=REPORTS)
