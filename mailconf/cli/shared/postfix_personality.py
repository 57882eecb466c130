"""Which words `serve` speaks: those of the configuration's dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailconf.diagnostics import Sink

if TYPE_CHECKING:
    from mailconf.mta.personality import Personality
    from mailconf.postfix.settings.configuration import Configuration


def postfix_personality(configuration: Configuration, sink: Sink) -> Personality:
    """Postfix's words, with the reports to senders that ``configuration`` asks for (PF237, PF238)."""
    from mailconf.mta.hop_postfix import PostfixHop
    from mailconf.mta.journal_postfix import PostfixJournal
    from mailconf.mta.personality import Personality
    from mailconf.mta.queue_ids import LongIds, ShortIds
    from mailconf.mta.reports import Notice
    from mailconf.mta.reports_postfix import NoticeText, PostfixReports
    from mailconf.mta.threads_postfix import Threads
    from mailconf.postfix.parameters.releases import IDENTITIES_WHOLE
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
    threads = None
    if found.are_threaded:
        whole = configuration.postfix.version >= IDENTITIES_WHOLE
        threads = Threads(whole, found.is_utf8, configuration.integer("line_length_limit"))
    reports = PostfixReports(texts.__getitem__, found.warnings, smtputf8=found.is_utf8, threads=threads)
    ids = LongIds() if configuration.boolean("enable_long_queue_ids") else ShortIds()
    return Personality(PostfixWording(), PostfixJournal(), reports, PostfixHop(), ids=ids, notices=reports)
