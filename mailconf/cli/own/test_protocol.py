"""What the protocol itself refuses of a case, in the words of its dialect, before a configuration is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailconf.model.address import external
from mailconf.smtp.events import Refused
from mailconf.smtp.reply import Reply
from mailconf.source import encode

if TYPE_CHECKING:
    from mailconf.insight.cases.suite import Case
    from mailconf.insight.engines.subject import Subject
    from mailconf.smtp.server import Connection

_FINE = Reply.of(250, "Ok")


def refusal(subject: Subject, case: Case) -> Reply | None:
    """The reply to EHLO or MAIL where that is no command as the protocol has it; None where the configuration
    answers."""
    connection = _connection(subject)
    size = f" SIZE={case.size}" if case.size else ""
    lines = [f"MAIL FROM:<{external(case.sender)}>{size}"]
    if case.client.helo:
        lines.insert(0, f"EHLO {case.client.helo}")
    for line in lines:
        connection.receive_data(encode(f"{line}\r\n"))
        event = connection.next_event()
        if isinstance(event, Refused):
            return event.reply
        connection.send_reply(_FINE)
    return None


def _connection(subject: Subject) -> Connection:
    if subject.dialect == "sendmail":
        from mailconf.smtp.server_sendmail import SendmailConnection
        from mailconf.smtp.wording_sendmail import SendmailWording

        site = subject.site
        return SendmailConnection(site.protocol, SendmailWording(site.hostname.value, site.limits.message_size))
    from mailconf.smtp.server import Connection
    from mailconf.smtp.wording_postfix import PostfixWording

    return Connection(subject.site.protocol, PostfixWording())
