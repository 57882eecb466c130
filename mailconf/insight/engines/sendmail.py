"""The engine that is sendmail: a private daemon that answers the cases, in namespaces of its own, with -bv and -bt.

What it cannot be asked: clients with IPv6 addresses, a user who has logged in, a clock, copies.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

from mailconf.insight.cases.suite import Case, Going, Suite
from mailconf.insight.engines.namespace import CannotStart, Inside
from mailconf.insight.engines.observed import NotExpressible, Observed, Reason
from mailconf.insight.engines.site_files import files_of, users_of
from mailconf.model.address import external
from mailconf.model.transport import AgentKind
from mailconf.smtp.reply import Reply
from mailconf.source import decode

if TYPE_CHECKING:
    from mailconf.insight.engines.sendmail_subject import SendmailSubject

WORKER = "mailconf.insight.engines.sendmail_worker"
_STORED = ("hash", "btree", "cdb")


class SendmailEngine:
    """See `mailconf.insight.engines.observed.Engine`. Raises CannotStart.

    program  the sendmail that is meant; "" for the installed one
    """

    name = "sendmail"

    def __init__(self, subject: SendmailSubject, suite: Suite, cases: list[Case], program: str = "") -> None:
        found = program or shutil.which("sendmail", path="/usr/libexec/sendmail:/usr/lib/sm.bin:/usr/sbin")
        if found is None or not os.access(found, os.X_OK):
            raise CannotStart(f"there is no sendmail at {program}" if program else "there is no sendmail here")
        self._clock = suite.world.clock is not None
        self._mailers = [
            name
            for name, transport in subject.site.transports.items()
            if transport.agent in (AgentKind.SMTP, AgentKind.LMTP)
        ]
        world, root = suite.world, subject.root
        maps = subject.maps()
        order = [case.client.address for case in cases if ":" not in case.client.address and not case.client.auth]
        told: dict[str, Any] = {
            "files": files_of(root, subject.directory),
            "users": users_of(root) if world.users is None else dict(world.users),
            "host": subject.host,
            "dns": [[n, k, r.outcome.value, list(r.values)] for (n, k), r in world.dns.items()],
            "cf": subject.cf,
            "text": decode(root.read(subject.cf)),
            "program": os.path.realpath(found),
            "libraries": os.environ.get("LD_LIBRARY_PATH", ""),
            "maps": [[kind, file] for kind, file, is_alias in maps if kind in _STORED and not is_alias],
            "aliases": any(is_alias for *_, is_alias in maps),
            "addresses": sorted({address for address in order if not address.startswith("127.")}),
            "order": order,
        }
        self._inside = Inside(WORKER, told)

    def observe(self, case: Case) -> Observed:
        self._check(case)
        answer = self._inside.ask(
            {
                "address": case.client.address,
                "helo": case.client.helo,
                "sender": external(case.sender),
                "recipients": [external(recipient) for recipient in case.recipients],
                "size": case.size,
                "message": case.message,
                "asks_where": case.asks_where,
                "asks_as": case.as_from is not None,
                "mailers": self._mailers,
            }
        )
        observed = Observed()
        goes: dict[str, list[Going]] = {recipient: [] for recipient in case.recipients}
        observed.goes = goes
        for recipient in case.recipients:
            code, lines = answer["replies"][external(recipient)]
            observed.replies[recipient] = Reply(code, tuple(lines))
            for mailer, host, user in answer["ways"].get(external(recipient), ()):
                if not mailer:
                    goes[recipient].append(Going("bounce", "", user, local=True))
                    continue
                sent_on = mailer in self._mailers
                goes[recipient].append(Going(mailer, host.removesuffix("."), user, local=not sent_on))
                if sent_on:
                    sender = answer["senders"].get(mailer, "")
                    observed.envelopes.setdefault(recipient, []).append((sender, user))
        return observed

    def _check(self, case: Case) -> None:
        if case.becomes:
            raise NotExpressible("what becomes of a message is not read from the engine")
        if ":" in case.client.address:
            raise NotExpressible("clients of the private sendmail have IPv4 addresses")
        if case.client.auth:
            raise NotExpressible("nobody can log in to the private sendmail")
        if self._clock:
            raise NotExpressible("the time of a running sendmail cannot be set")
        if case.copies is not None:
            raise NotExpressible("sendmail makes no copies")

    def why(self, case: Case, recipient: str, *, going: bool) -> list[Reason]:
        return []

    def close(self) -> None:
        self._inside.close()
