"""Every parameter that is set: does it exist, and is its value of its type (postconf(5))?"""

from __future__ import annotations

from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink, warning
from mailconf.postfix import parameters

CK001 = warning("CK001", "a parameter that is set does not exist")


def values(subject: Subject, sink: Sink) -> None:
    """Read each value as its type, which reports what does not fit (PF007, PF008, PF009), and expand it (PF006)."""
    configuration = subject.configuration
    readers = {
        parameters.BOOLEAN: configuration.boolean,
        parameters.INTEGER: configuration.integer,
        parameters.TIME: configuration.seconds,
    }
    for name in configuration.names():
        kind = parameters.PARAMETERS.get(name, (parameters.STRING, ""))[0]
        readers.get(kind, configuration.value)(name)


def names(subject: Subject, sink: Sink) -> None:
    """Names that nothing defines and nothing refers to: mostly slips of the pen."""
    configuration = subject.configuration
    classes = set(configuration.words("smtpd_restriction_classes"))
    used = _referred_to(subject)
    for name in configuration.names():
        if configuration.is_known(name) or name in classes or name in used:
            continue
        from difflib import get_close_matches

        near = get_close_matches(name, parameters.PARAMETERS, n=1, cutoff=0.8)
        hint = f"did you mean {near[0]}?" if near else "Postfix ignores it; remove it or correct its name"
        sink.report(CK001, f"there is no parameter {name}", configuration.span(name), hint=hint)


def _referred_to(subject: Subject) -> set[str]:
    """The names behind a ``$`` in any value, in main.cf or in an override of master.cf."""
    import re

    texts = [subject.configuration.raw(name) for name in subject.configuration.names()]
    texts += [value for service in subject.configuration.services for value in service.overrides.values()]
    reference = re.compile(r"\$[{(]?([A-Za-z0-9_]+)")
    return {name for text in texts for name in reference.findall(text)}
