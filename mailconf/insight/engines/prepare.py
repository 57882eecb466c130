"""The configuration of a test file, of either dialect, ready to be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mailconf.diagnostics import Sink
from mailconf.insight.engines.subject import TS007, Options, Subject, locate

if TYPE_CHECKING:
    from mailconf.insight.cases.suite import Case, Suite
    from mailconf.insight.engines.model import Refusing
    from mailconf.insight.engines.observed import Engine


def prepare(suite: Suite, options: Options, sink: Sink) -> Subject | None:
    """The configuration, ready to be asked; None, with diagnostics, where it cannot be."""
    located = locate(suite, options, sink)
    if located is None:
        return None
    found = Sink()
    if located.dialect == "postfix":
        from mailconf.insight.engines.postfix_subject import PostfixSubject

        subject: Subject | None = PostfixSubject.load(located, suite, options, found)
    else:
        from mailconf.insight.engines.sendmail_subject import SendmailSubject

        subject = SendmailSubject.load(located, suite, options, found)
    for diagnostic in found:
        if subject is None:
            sink.add(diagnostic)
    if subject is None:
        sink.report(TS007, f"{suite.site.text} cannot be asked", suite.site.span, hint="see mailconf check")
    return subject


class EngineOptions(NamedTuple):
    """Which engine answers.

    program   the sendmail that is meant; "" for the installed one
    protocol  what the protocol refuses before the model is asked (`ModelEngine`)
    """

    name: str = "model"
    program: str = ""
    protocol: Refusing | None = None


MODEL = EngineOptions()


def start(engine: EngineOptions, subject: Subject, suite: Suite, cases: list[Case]) -> Engine:
    """The engine, ready to be asked for the ``cases`` in their order. Raises CannotStart."""
    from mailconf.insight.engines.namespace import CannotStart

    if engine.name == "model":
        from mailconf.insight.engines.model import ModelEngine

        return ModelEngine(subject) if engine.protocol is None else ModelEngine(subject, engine.protocol)
    if engine.name != subject.dialect:
        other = "Postfix" if subject.dialect == "postfix" else "sendmail"
        raise CannotStart(f"the configuration is for {other}")
    if engine.name == "postfix":
        from mailconf.insight.engines.postfix import PostfixEngine
        from mailconf.insight.engines.postfix_subject import PostfixSubject

        assert isinstance(subject, PostfixSubject)
        return PostfixEngine(subject, suite)
    from mailconf.insight.engines.sendmail import SendmailEngine
    from mailconf.insight.engines.sendmail_subject import SendmailSubject

    assert isinstance(subject, SendmailSubject)
    return SendmailEngine(subject, suite, cases, engine.program)
