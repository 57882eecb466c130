"""The actions of access(5): how each is written, and what it entails for the message besides its delivery.

`mailconf.tables.check` reads here what may stand in a table, `mailconf.postfix.policy.access` does what an action says,
and the MTA carries out the effects.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Shape(Enum):
    """What follows the word. `grammars/access.lark` takes all but TEXT apart."""

    TEXT = "any text, or none"
    TRANSPORT = "transport:nexthop"
    HEADER = "name: text"
    ADDRESS = "user@domain"


class EffectKind(Enum):
    """What accepting a message may entail besides its delivery (access(5), "OTHER ACTIONS"); of sendmail: WAIT."""

    BCC = "bcc"  # argument: an address
    DISCARD = "discard"  # argument: optional text for the log
    FILTER = "filter"  # argument: transport:nexthop
    HOLD = "hold"  # argument: optional text for the log
    PREPEND = "prepend"  # argument: a header line
    REDIRECT = "redirect"  # argument: an address
    WAIT = "wait"  # it is attempted when the queue is run, and not before (DeliveryMode)
    WARN = "warn"  # argument: text for the log
    INFO = "info"  # argument: text for the log


class Action(NamedTuple):
    shape: Shape = Shape.TEXT
    effect: EffectKind | None = None


# By word, in upper case: they are read without regard to case.
ACTIONS = {
    "OK": Action(),
    "RELAY": Action(),  # the same; no manual has it
    "DUNNO": Action(),
    "REJECT": Action(),
    "DEFER": Action(),
    "DEFER_IF_REJECT": Action(),
    "DEFER_IF_PERMIT": Action(),
    "DISCARD": Action(effect=EffectKind.DISCARD),
    "HOLD": Action(effect=EffectKind.HOLD),
    "WARN": Action(effect=EffectKind.WARN),
    "INFO": Action(effect=EffectKind.INFO),
    "FILTER": Action(Shape.TRANSPORT, EffectKind.FILTER),
    "PREPEND": Action(Shape.HEADER, EffectKind.PREPEND),
    "REDIRECT": Action(Shape.ADDRESS, EffectKind.REDIRECT),
    "BCC": Action(Shape.ADDRESS, EffectKind.BCC),
}
