"""Which mail filters (milters) a message passes, and what each is told: a Policy's answer to `Policy.filters`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from mailconf.smtp.reply import Reply

_NONE: Mapping[str, str] = MappingProxyType({})
_NO_LISTS: Mapping[str, tuple[str, ...]] = MappingProxyType({})


class FilterDefault(Enum):
    """What is done without a filter that cannot be asked."""

    TEMPFAIL = "tempfail"
    ACCEPT = "accept"
    REJECT = "reject"
    QUARANTINE = "quarantine"
    SHUTDOWN = "shutdown"
    BROKEN = "the configuration has no such word"


class FilterSettings(NamedTuple):
    """One filter.

    name            as the log calls it
    address         "inet:host:port" or "unix:/path"; "" where the configuration has no address
    timeouts        seconds: for the connection and the negotiation, for an answer to a command, for one to a part of a
                    message
    version         of the protocol that it is offered, 2, 3, 4 or 6
    header_replies  whether it answers each field
    """

    name: str
    address: str
    default: FilterDefault = FilterDefault.TEMPFAIL
    connect_timeout: float = 30.0
    command_timeout: float = 30.0
    content_timeout: float = 300.0
    version: int = 6
    header_replies: bool = True


class FilterHabits(NamedTuple):
    """How a dialect treats filters.

    aborts_always       the end of each message is told; else that of one that is given up before its content
    takes_leave         a filter that is not asked any more in the session is told so
    ends_sessions       a filter may end the session
    tells_empty_macros  macros are told even where there are none
    tells_refused       refused recipients are told to those that want to know
    names_addresses     replies to MAIL and RCPT have the address in them, and a client that is refused when it connects
                        or because of its name is refused at every command
    keeps_names         a field that is changed keeps the letters of its name, another one of a name comes first
    inserts_after       a field is put in after the one of its number, our own field being number 0
    is_local            there is no client: the mail is this host's own
    """

    aborts_always: bool = True
    takes_leave: bool = False
    ends_sessions: bool = True
    tells_empty_macros: bool = True
    tells_refused: bool = True
    names_addresses: bool = False
    keeps_names: bool = False
    inserts_after: bool = False
    is_local: bool = False


class Filtering(NamedTuple):
    """The filters in their order, and how they are treated.

    macros    names of macros by stage: connect, helo, mail, rcpt, data, end_of_header, end_of_data, unknown_command
    values    of macros that do not depend on the session
    defaults  of macros that have no value
    """

    filters: tuple[FilterSettings, ...] = ()
    macros: Mapping[str, tuple[str, ...]] = _NO_LISTS
    values: Mapping[str, str] = _NONE
    defaults: Mapping[str, str] = _NONE
    habits: FilterHabits = FilterHabits()


NO_FILTERS = Filtering()


class Do(Enum):
    """What is to be done after a question."""

    CONTINUE = "go on"
    SKIP = "go on, and spare the filter the rest of the body"
    REFUSE = "refuse with the reply"
    DISCARD = "take the message, and drop it"
    HOLD = "hold the message"
    SHUTDOWN = "end the session"


class Outcome(NamedTuple):
    """``again``: the filter has said so before, about the session."""

    do: Do
    reply: Reply | None = None
    again: bool = False


GO_ON = Outcome(Do.CONTINUE)


class OddChange(Enum):
    """What is unusual about a filter's change of an envelope."""

    MANY = "more than one address is added at once"
    NOBODY = "an empty address is added"
    ARGUMENT = "there is no such parameter of RCPT"
    SENDER_ARGUMENT = "there is no such parameter of MAIL"
