"""sendmail's words for the log: all that is named has some, and they use the facts that are named."""

from __future__ import annotations

import inspect
import re

import pytest

from mailconf.model.session import NO_NAME, NameOutcome, Session, Verified
from mailconf.mta import journal_sendmail
from mailconf.mta.journal import LogEvent, Remark
from mailconf.mta.journal_sendmail import SendmailJournal, duration
from mailconf.mta.message import Recipient, Result, Status
from mailconf.smtp.reply import Reply


@pytest.mark.parametrize("event", LogEvent)
def test_each_event_has_its_words(event: LogEvent) -> None:
    texts, makers, silent = journal_sendmail._TEXTS, journal_sendmail._LINES, journal_sendmail._SILENT
    assert [event in texts, event in makers, event in silent].count(True) == 1
    if event in texts:
        assert set(re.findall(r"{(\w+)", texts[event][1])) <= set(event.facts)
    if event in makers:
        assert set(inspect.signature(makers[event]).parameters) == set(event.facts)


@pytest.mark.parametrize("remark", Remark)
def test_each_remark_has_its_words(remark: Remark) -> None:
    assert (remark in journal_sendmail._REMARKS) is not (remark is Remark.COMMAND_EXIT)
    assert set(re.findall(r"{(\w+)", journal_sendmail._REMARKS.get(remark, ""))) <= set(remark.facts)


def lines(result: Result, level: int = 9) -> list[str]:
    facts = {"program": "smtp", "queue_id": "Q", "result": result, "arrival": 0.0, "since": 1.0, "begun": 5.0}
    rest = {"ended": 100_000.0, "transport": "esmtp", "size": 18, "recipients": 2}
    return [text for _, text in SendmailJournal(level).lines(LogEvent.DELIVERY, **facts, **rest)]


def test_what_became_of_a_recipient() -> None:
    """The words that sendmail 8.17.1.9 has for it."""
    journal = SendmailJournal()
    about = "to=<a@far.example>, delay=1+03:46:40, xdelay=1+03:46:35, mailer=esmtp, pri=60018, "
    sent = journal.remark(Remark.ACCEPTED, reply=Reply.of(250, "2.0.0 accepted"))
    someone = Recipient("a@far.example", "a@far.example")
    result = Result(someone, Status.SENT, "2.0.0", sent, "gw.far.example[10.1.1.21]:25")
    assert lines(result) == [f"Q: {about}relay=gw.far.example. [10.1.1.21], dsn=2.0.0, stat=Sent (accepted)"]
    assert lines(result, 7) == []
    refused = journal.remark(Remark.CONNECT_FAILED, relay="far.example[10.1.1.21]:25", reason="Connection refused")
    deferred = journal.remark(Remark.SUSPENDED, reason=refused)
    for text in (refused, deferred):
        result = Result(someone, Status.DEFERRED, "4.4.1", text, "none")
        assert lines(result) == [f"Q: {about}dsn=4.4.1, stat=Deferred: Connection refused by far.example."]
    unknown = journal.remark(Remark.COMMAND_EXIT, status=67)
    result = Result(someone, Status.BOUNCED, "5.1.1", unknown, "none")
    assert lines(result, 7) == [f"Q: {about}dsn=5.1.1, stat=User unknown"]


def test_clients() -> None:
    journal = SendmailJournal()
    name = Verified.found("good.example.net")
    assert journal.client(Session("10.1.1.2", client_name=name, reverse_name=name)) == "good.example.net [10.1.1.2]"
    assert journal.client(Session("10.1.1.2", client_name=NO_NAME)) == "[10.1.1.2]"
    forged = Session("2001:db8::1", client_name=Verified.unknown(NameOutcome.FORGED), reverse_name=name)
    assert journal.client(forged) == "good.example.net [IPv6:2001:db8::1] (may be forged)"


def test_durations() -> None:
    assert [duration(s) for s in (-1, 0, 3661.9, 86399, 86400)] == [
        "00:00:00", "00:00:00", "01:01:01", "23:59:59", "1+00:00:00",
    ]  # fmt: skip
