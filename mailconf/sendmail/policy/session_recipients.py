"""What a session asks of the recipients' side of the policy: RCPT, VRFY and EXPN.

Source: sendmail 8.17.1.9 -bD.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from mailconf.model.world import Outcome
from mailconf.sendmail.policy.recipients import LIST_MARKS, Recipients
from mailconf.sendmail.rules.addresses import Resolved

if TYPE_CHECKING:
    from mailconf.sendmail.policy.recipients_list import Addressee
    from mailconf.sendmail.policy.session_state import SessionState


class Listed(NamedTuple):
    """A final recipient, as VRFY and EXPN show it.

    name  of the user, by passwd(5)
    local an address of this host, whose name it is shown with: of a local mailer for addresses of the type rfc822 (T=)
    sure  whether its mailer is said to know its users (F=q)
    """

    user: str
    name: str = ""
    local: bool = False
    sure: bool = False

    def code(self, *, verify: bool) -> int:
        return 252 if verify and not self.sure else 250

    def shown(self, host: str) -> str:
        address = f"<{self.user}@{host}>" if self.local and "@" not in self.user else f"<{self.user}>"
        return f"{self.name} {address}" if self.name else address


class SessionRecipients:
    """The recipients of one transaction.

    waits  DeliveryMode is interactive: aliases are expanded while the client waits
    """

    def __init__(self, session: SessionState) -> None:
        self._session = session
        self._recipients = Recipients(session.engine, session.world, only_verify=session.daemon.mode != "i")

    async def accept(self, found: Resolved, text: str) -> tuple[str, bool]:
        """Take a recipient of RCPT: what it is called, and whether it has to wait.

        One that is the same as another is called as that one. What is wrong goes to the session's problems.
        """
        listed = self._recipients.list
        mark, problems = listed.mark, self._session.heard.problems
        answer = await self._recipients.take(text, found)
        if not found.settled:  # ruleset 5 would have named it again
            self._session.heard.attribute(text)
        called = text if answer.addressee is None else answer.addressee.text
        if answer.outcome is Outcome.ABSENT:
            listed.back_to(mark)
            if not answer.refusals:
                problems.user("Addressee unknown", "550", "5.1.1", text)
        return called, answer.outcome is Outcome.FAILED


async def listed(session: SessionState, text: str, *, verify: bool) -> list[Listed]:
    """The recipients that VRFY and EXPN show for a list of addresses.

    OldStyleHeaders: blanks part them until a list has shown that commas do.
    """
    recipients = Recipients(session.engine, session.world, only_verify=verify)
    session.commas = session.commas or any(mark in text for mark in LIST_MARKS)
    await recipients.add_list(text, commas=session.commas)
    session.heard.attribute(text)
    found = recipients.sendable()
    names = dict(await session.world.full_names()) if any(addressee.login for addressee in found) else {}
    return [_listed(addressee, names) for addressee in found]


def _listed(addressee: Addressee, names: Mapping[str, str]) -> Listed:
    mailer = addressee.mailer
    name = names.get(addressee.login, "") if addressee.login else ""
    local = mailer.has("l") and (mailer.types[1] or "rfc822").lower() == "rfc822"
    return Listed(addressee.user, name, local, mailer.has("q"))
