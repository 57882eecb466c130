"""What mail filters change of a message's envelope: sender and recipients, before it is queued (cleanup(8))."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable

from mailconf.model.address import internal
from mailconf.model.filtering import OddChange
from mailconf.mta.message import Message, Recipient
from mailconf.smtp import parameters, path
from mailconf.smtp.milter import AddRecipient, Change, ChangeSender, DeleteRecipient
from mailconf.smtp.problems import Fault

_FIRST = re.compile(r"\s*(<[^<>]*>|[^\s,;()<>]+)")


Expand = Callable[[Recipient], Awaitable[Iterable[Recipient]]]
Rewrite = Callable[[str], Awaitable[str]]
Warn = Callable[[OddChange, str], None]


async def change_envelope(
    message: Message, changes: Iterable[Change], expand: Expand, rewrite: Rewrite, warn: Warn
) -> None:
    """Carry out the changes of ``message``'s envelope in their order; other changes are passed over.

    expand   what a recipient comes to (aliases); ``rewrite`` what a sender's address does

    A recipient is removed by the address that it came with, letter by letter.
    """
    for change in changes:
        if isinstance(change, ChangeSender):
            found, _ = _address(change.address)
            message.sender = await rewrite(found) if found else ""
            _take_sender_arguments(message, change.arguments, warn)
        elif isinstance(change, DeleteRecipient):
            found, _ = _address(change.address)
            message.recipients = [each for each in message.recipients if each.origin != found]
        elif isinstance(change, AddRecipient):
            recipient = _recipient(change, warn)
            if recipient is not None:
                known = {_key(each) for each in message.recipients}
                added = [each for each in await expand(recipient) if _key(each) not in known]
                message.recipients += added


def _key(recipient: Recipient) -> tuple[str, str]:
    return recipient.address.lower(), recipient.origin.lower()


def _address(text: str) -> tuple[str, bool]:
    """An address in internal form, and whether it is all that the text has."""
    found = path.parse(text, empty=True, smtputf8=True)
    if found is not None:
        return found, True
    first = _FIRST.match(text)
    if first is None:
        return "", not text.strip()
    return internal(first[1].strip("<>")), first[0].strip() == text.strip()


def _recipient(change: AddRecipient, warn: Warn) -> Recipient | None:
    found, whole = _address(change.address)
    if not whole:
        warn(OddChange.MANY, change.address)
    if not found:
        warn(OddChange.NOBODY, change.address)
        return None
    given: dict[str, str] = {}
    for word in (change.arguments or "").split():
        read = parameters.rcpt([word])
        if isinstance(read, Fault):
            warn(OddChange.ARGUMENT, word)
        else:
            given |= read
    return Recipient(found, found, given.get("ORCPT", ""), given.get("NOTIFY", ""))


def _take_sender_arguments(message: Message, arguments: str, warn: Warn) -> None:
    for word in arguments.split():
        read = parameters.mail([word], {}, smtputf8=True)
        if isinstance(read, Fault) or read.keys() - {"RET", "ENVID", "BODY", "SMTPUTF8"}:
            warn(OddChange.SENDER_ARGUMENT, word)
            continue
        message.ret = read.get("RET", message.ret)
        message.envid = read.get("ENVID", message.envid)
