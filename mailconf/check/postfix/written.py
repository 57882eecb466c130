"""Where a word of an expanded value is written, and the views of a configuration that its programs have.

A word of a value may come from another parameter: ``mynetworks = 127.0.0.0/8 $office``. A finding about it belongs
where somebody wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mailconf.check.subject import Subject
from mailconf.model.site import Service
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.text.expand import references
from mailconf.postfix.text.words import scan
from mailconf.source import Span

MOST_STEPS = 20  # references that are followed


def place_of(view: Configuration, name: str, word: str, offset: int = 0) -> Span | None:
    """The place of ``word``, which is at ``offset`` of the expanded value of ``name``, where it is written."""
    found: Span | None
    if not view.has_references(name):
        found = view.word_span(name, word, offset)
        return found or view.place(name)
    names, seen = [name], {name}
    while names and len(seen) < MOST_STEPS:
        each = names.pop(0)
        raw = view.raw(each)
        if word in raw and view.is_set(each):
            return view.word_span(each, word, raw.find(word)) or view.place(each)
        names += [other for other in references(raw) if other not in seen]
        seen.update(names)
    return view.place(name)


class Seen(NamedTuple):
    """A configuration as one service sees it; ``service`` is None where there is no master.cf."""

    view: Configuration
    service: Service | None


def seen_by(subject: Subject, *programs: str) -> list[Seen]:
    """What the services that run one of ``programs`` see; main.cf itself where master.cf has no service at all."""
    configuration = subject.configuration
    if not configuration.services:
        return [Seen(configuration, None)]
    return [
        Seen(view_of(configuration, service), service)
        for service in configuration.services
        if service.program in programs
    ]


def view_of(configuration: Configuration, service: Service) -> Configuration:
    """The configuration as ``service`` sees it: itself, where the service overrides nothing."""
    return configuration.for_service(service) if service.overrides else configuration


def is_on(view: Configuration, name: str) -> bool:
    """Whether a parameter of yes and no is yes."""
    return view.value(name).lower() == "yes"


def setter(view: Configuration, names: Iterable[str]) -> str:
    """The first of ``names`` that somebody has set, else the first."""
    listed = list(names)
    return next((name for name in listed if view.is_set(name)), listed[0])


def each_word(view: Configuration, name: str) -> Iterator[tuple[str, int]]:
    """The words of the expanded value with their offsets."""
    for word in scan(view.value(name)):
        yield word.text, word.offset
