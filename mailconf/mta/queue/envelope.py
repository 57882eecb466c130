"""What a record says of a message beside its content, as JSON: its envelope, and what became of its recipients.

Text that is no UTF-8 has its bytes as surrogates (`mailconf.source.decode`), which JSON writes in ASCII: every address
survives. The keys are in the specification, `mailconf.mta.queue`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

from mailconf.model.recipient import Identity, RecipientKind
from mailconf.model.session import UNKNOWN, NameOutcome, Session, Verified
from mailconf.model.verdict import Reply
from mailconf.mta.message import Message, Recipient, Result
from mailconf.mta.queue.entry import AFTER, Queued, QueueEntry, RecipientState

# What the queue does not keep of a session.
_OF_THE_MOMENT = ("objection", "withheld", "content", "mechanisms", "certificate", "certificate_asked")
_SESSION = [known.name for known in fields(Session) if known.name not in _OF_THE_MOMENT]
_NAMES = ("client_name", "reverse_name")  # text, outcome

_UNTIL_A_RUN = 1e9  # seconds until an attempt of what waits for a run of the queue
Outcomes = dict[str, list[Any]]  # by the recipient's place, in decimal: state, tries, dsn, text, relay, code, reply


class Broken(Exception):
    """A record's text is not what this program writes."""


def dump(values: dict[str, Any]) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode()


def load(data: bytes) -> dict[str, Any]:
    """The values of a record; raises Broken."""
    try:
        values = json.loads(data.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise Broken(str(error)) from error
    if not isinstance(values, dict):
        raise Broken("a record holds no names")
    return values


# What `dump` writes of a string without quotes and backslashes, and of a number. A quote within one has a backslash
# before it: what looks like a key is one.
_PLAIN = re.compile(rb'\{"id":"([ !#-\[\]-~]*)",')
_NEXT = re.compile(rb',"next":(-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)[,}]')
_CHANGES = re.compile(rb',"(?:hold|warned|expire|state|came)":')


def plain_envelope(text: bytes) -> dict[str, Any] | None:
    """What `Holdings` keeps of an ADD, taken from its text; None where there is more to it, or it is not what `dump`
    writes: then `load` it. A start reads 100,000 of them."""
    begin, due = _PLAIN.match(text), _NEXT.search(text)
    if begin is None or due is None or _CHANGES.search(text) or not text.endswith(b"}"):
        return None
    return {"id": begin[1].decode("ascii"), "next": float(due[1])}


def plain_state(text: bytes) -> bytes:
    """The state of a RESULT that has nothing else, as it is written; b"" for others."""
    whole = text.startswith(b'{"state":{"') and text.endswith(b"]}}") and b'},"' not in text
    return text[len(b'{"state":') : -1] if whole else b""


def envelope(message: Message, *, size: int, body: int, hold: bool, filter: str, came: str = "") -> dict[str, Any]:
    """The values of an ADD for a message whose recipients are all pending.

    size  as SMTP counts it; ``body``: bytes of the body as it lies here
    came  the name under which it lay elsewhere before: who sees it there again knows that it is here
    """
    values: dict[str, Any] = {
        "id": message.queue_id,
        "from": message.sender,
        "at": message.arrival,
        "to": [_recipient(recipient) for recipient in message.recipients],
        "size": size,
        "bytes": body,
        "next": message.arrival + (_UNTIL_A_RUN if message.waits else 0.0),
        "local": bool(message.local),
    }
    optional = {"body": message.body, "ret": message.ret, "envid": message.envid, "filter": filter, "came": came}
    optional["report"] = message.report
    values |= {name: value for name, value in optional.items() if value}
    if hold:
        values["hold"] = True
    if message.session is not None:
        values["session"] = _session(message.session)
    if message.unseen:
        values["unseen"] = [message.user, message.full_name]
    return values


def body_size(content: bytes) -> int:
    """Bytes of a message's body: what follows its first empty line."""
    at = 0 if content.startswith(b"\n") else content.find(b"\n\n") + 1
    return len(content) - at - 1 if at or content.startswith(b"\n") else 0


_TEXTS = ("original", "orcpt", "notify", "owner", "error", "controller")  # of a recipient


def _recipient(recipient: Recipient) -> dict[str, Any]:
    values: dict[str, Any] = {"address": recipient.address}
    for name in _TEXTS:
        if value := getattr(recipient, name):
            values[name] = value
    if recipient.kind is not RecipientKind.ADDRESS:
        values["kind"] = recipient.kind.value
    if recipient.identity is not None:
        values["identity"] = list(recipient.identity)
    return values


def _session(session: Session) -> dict[str, Any]:
    kept = {name: getattr(session, name) for name in _SESSION}
    if not session.forwarded:
        del kept["forwarded"]
    for name in _NAMES:
        kept[name] = kept[name].text, kept[name].outcome.value
    return kept


def entry(serial: int, values: dict[str, Any], content: bytes = b"") -> QueueEntry:
    """The message of an ADD with its outcomes; raises Broken."""
    try:
        outcomes = values.get("state", {})
        recipients = [_queued(n, one, outcomes.get(str(n))) for n, one in enumerate(values["to"])]
        message = Message(
            values["id"],
            values["from"],
            [queued.recipient for queued in recipients],
            content,
            values["at"],
            values.get("body", ""),
            values.get("ret", ""),
            values.get("envid", ""),
            session_of(values.get("session")),
            local=values["local"],
            report=values.get("report", ""),
        )
        if "unseen" in values:
            message.unseen = True
            message.user, message.full_name = values["unseen"]
        flags = bool(values.get("hold")), bool(values.get("warned"))
        found = QueueEntry(
            serial, message, recipients, values["next"], *flags, values.get("filter", ""), values["size"]
        )
        found.expire, found.body = bool(values.get("expire")), int(values.get("bytes", values["size"]))
        return found
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise Broken(f"{type(error).__name__}: {error}") from error


def fresh_entry(serial: int, message: Message, *, size: int, body: int, filter: str) -> QueueEntry:
    """What `entry` makes of the record of a message that was just added, without a record."""
    recipients = [Queued(place, recipient) for place, recipient in enumerate(message.recipients)]
    known = replace(message, content=b"", effects=(), checks=None, local=bool(message.local))
    return QueueEntry(serial, known, recipients, message.arrival, filter=filter, size=size, body=body)


def session_of(kept: dict[str, Any] | None) -> Session | None:
    """The session that a message came by, from its record."""
    if kept is None:
        return None
    known = {name: value for name, value in kept.items() if name in _SESSION}
    for name in _NAMES:
        if name in known:
            known[name] = _verified(known[name])
    return Session(**known)


def _verified(stored: str | list[str]) -> Verified:
    """A client's name. Before names had outcomes, the queue kept the text alone."""
    if isinstance(stored, str):
        return Verified.unknown() if stored == UNKNOWN else Verified.found(stored)
    text, outcome = stored
    return Verified(text, NameOutcome(outcome))


def _queued(place: int, values: dict[str, Any], outcome: list[Any] | None) -> Queued:
    names = {name: values[name] for name in _TEXTS if name in values}
    recipient = Recipient(values["address"], **names)
    if "kind" in values:
        recipient.kind = RecipientKind(values["kind"])
    if "identity" in values:
        uid, gid = values["identity"]
        recipient.identity = Identity(uid, gid)
    if outcome is None:
        return Queued(place, recipient)
    state, tries, dsn, text, relay, code, reply = outcome
    said = Reply(code, tuple(reply)) if code else None
    return Queued(place, recipient, RecipientState(state), tries, dsn, text, relay, said)


def outcome_of(result: Result, tries: int) -> list[Any]:
    """What is kept of an attempt's result; ``tries`` attempts have been made."""
    reply = result.reply
    code, lines = (reply.code, list(reply.lines)) if reply else (0, [])
    return [int(AFTER[result.status]), tries, result.dsn, result.text, result.relay, code, lines]


def kept_outcome(queued: Queued) -> list[Any]:
    """What is kept of a recipient whose outcome is known."""
    code, lines = (queued.reply.code, list(queued.reply.lines)) if queued.reply else (0, [])
    return [int(queued.state), queued.tries, queued.dsn, queued.text, queued.relay, code, lines]


PENDING: list[Any] = [0, 0, "", "", "", 0, []]


def outcomes_after(
    before: Outcomes, results: Iterable[tuple[int, Result]], *, again: bool, told: Iterable[int] = ()
) -> Outcomes:
    """What is new of a message's recipients after an attempt, by the arguments of `Queue.put_off`."""
    new = {str(id): outcome_of(result, before.get(str(id), PENDING)[1] + (not again)) for id, result in results}
    for id in map(str, told):
        new[id] = [int(RecipientState.DONE), *(new.get(id) or before.get(id, PENDING))[1:]]
    return new


def pending_anew(before: Outcomes) -> Outcomes:
    """What is new of a message's recipients where those that were deferred are pending."""
    deferred = {id: outcome for id, outcome in before.items() if outcome[0] == RecipientState.DEFERRED}
    return {id: [int(RecipientState.PENDING), *outcome[1:]] for id, outcome in deferred.items()}
