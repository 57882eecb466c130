"""What was asked beyond the configuration's files, the DNS and services, and what was taken for the answer."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from enum import Enum
from typing import NamedTuple

from mailconf.model.inquiry import Inquiry, with_onward
from mailconf.model.trace import Step, Trace

DNS, SERVICE = "dns", "check_policy_service"


class Basis(Enum):
    """Where an answer came from."""

    ASKED = "asked"
    GIVEN = "given"  # on the command line
    ASSUMED = "assumed"  # made up so that the question can be answered: the address of the client's HELO name
    NOT_ASKED = "not asked"


class Known(NamedTuple):
    """What an answer can be based on: domain names and endpoints whose answers were given, names that were made up."""

    online: bool = False
    names: Collection[str] = ()
    assumed: Collection[str] = ()
    services: Collection[str] = ()


class Outside(NamedTuple):
    """A question to the outside: ``subject`` is what was asked, "DNS" or "policy service"."""

    subject: str
    question: str
    answer: str
    basis: Basis


def traces_of(inquiry: Inquiry) -> Iterator[Trace]:
    """Every trace of an inquiry, in the order of the questions."""
    for step in inquiry.steps:
        yield step.verdict.trace
    yield inquiry.copying
    yield inquiry.failing
    for destinations in inquiry.destinations.values():
        for destination in with_onward(destinations):
            yield destination.trace


def outside_of(inquiry: Inquiry, known: Known) -> list[Outside]:
    """The questions, each once, in order."""
    found: dict[Outside, None] = {}
    for trace in traces_of(inquiry):
        for _, step in trace.walk():
            if step.subject in (DNS, SERVICE) and (one := _question(step, known)) is not None:
                found[one] = None
    return list(found)


def _question(step: Step, known: Known) -> Outside | None:
    if step.subject == DNS:
        name = step.detail.rpartition(" ")[0].lower().rstrip(".")
        basis = Basis.ASSUMED if name in known.assumed else Basis.GIVEN if name in known.names else None
        return Outside("DNS", step.detail, step.result, basis or _otherwise(known))
    if step.steps or not step.result:  # the restriction of the same name, of which the question is a step
        return None
    basis = Basis.GIVEN if step.detail in known.services else None
    return Outside("policy service", step.detail, step.result, basis or _otherwise(known))


def _otherwise(known: Known) -> Basis:
    return Basis.ASKED if known.online else Basis.NOT_ASKED
