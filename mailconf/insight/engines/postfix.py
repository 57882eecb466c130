"""The engine that is Postfix: a private instance that answers the cases, in namespaces of its own.

What it cannot be asked: a clock, milters and policy services that the world gives answers for, and how addresses are
written on the way out, since the transports that send mail on are recorders here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mailconf.build.plan import plan
from mailconf.diagnostics import Sink
from mailconf.insight.cases.suite import Case, Client, Going, Suite
from mailconf.insight.engines.namespace import CannotStart, Inside
from mailconf.insight.engines.observed import NotExpressible, Observed, Reason
from mailconf.insight.engines.site_files import files_of, users_of
from mailconf.insight.engines.subject import NoService
from mailconf.model.address import external
from mailconf.model.session import NameOutcome
from mailconf.smtp.reply import Reply
from mailconf.source import decode

if TYPE_CHECKING:
    from mailconf.insight.engines.postfix_subject import PostfixSubject

WORKER = "mailconf.insight.engines.postfix_worker"
_ALIASES = ("alias_maps", "alias_database")
_MAILBOXES = ("mailbox", "maildir", "create", "lock", "No such file")


class PostfixEngine:
    """See `mailconf.insight.engines.observed.Engine`. Raises CannotStart."""

    name = "postfix"

    def __init__(self, subject: PostfixSubject, suite: Suite) -> None:
        import shutil

        if shutil.which("postfix", path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
            raise CannotStart("there is no Postfix on this machine")
        self._subject = subject
        self._clock = suite.world.clock is not None
        self._services = suite.world.services
        services = {}
        for case in suite.cases:
            found = subject.service(case.client.service)
            if found is None:
                raise CannotStart("master.cf has no smtpd")
            services[case.client.service] = dict(found.overrides)
        site = subject.site
        users = suite.world.users
        told: dict[str, Any] = {
            "files": files_of(subject.root, subject.directory),
            "users": users_of(subject.root) if users is None else dict(users),
            "host": suite.world.host or site.hostname.value,
            "dns": [[n, k, r.outcome.value, list(r.values)] for (n, k), r in suite.world.dns.items()],
            "directory": subject.directory,
            "main": decode(subject.root.read(f"{subject.directory}/main.cf")),
            "services": services,
            "transports": {name: transport.program for name, transport in site.transports.items() if transport.agent},
            "overrides": {name: dict(transport.overrides) for name, transport in site.transports.items()},
            "maps": [
                [target.table, "postalias" if target.uses[0].role in _ALIASES else "postmap"]
                for target in plan(site, subject.root, Sink())
            ],
            "owner": subject.configuration.value("mail_owner"),
        }
        self._inside = Inside(WORKER, told)

    def observe(self, case: Case) -> Observed:
        self._check(case)
        try:
            self._subject.service(case.client.service)
        except NoService as missing:
            raise NotExpressible(str(missing)) from None
        answer = self._inside.ask(
            {
                "service": case.client.service,
                "xclient": _xclient(case.client),
                "helo": case.client.helo,
                "sender": external(case.sender),
                "recipients": [external(recipient) for recipient in case.recipients],
                "size": case.size,
                "message": case.message,
                "asks_where": case.asks_where,
            }
        )
        observed = Observed()
        for recipient in case.recipients:
            code, lines = answer["replies"][external(recipient)]
            observed.replies[recipient] = Reply(code, tuple(lines))
        goes: dict[str, list[Going]] = {recipient: [] for recipient in case.recipients}
        observed.goes = goes
        named: dict[str, str] = {}
        for recipient in case.recipients:
            named.setdefault(external(recipient).lower(), recipient)
        for at, way in enumerate(answer["ways"]):
            going = _going(way)
            origin = named.get(way["origin"].lower())
            if origin is None or way in answer["ways"][:at]:  # a message has one recipient once: the other is a copy
                observed.copies.append(going)
            else:
                goes[origin].append(going)
        return observed

    def _check(self, case: Case) -> None:
        if case.becomes:
            raise NotExpressible("what becomes of a message is not read from the engine")
        if self._clock:
            raise NotExpressible("the time of a running Postfix cannot be set")
        if self._services:
            raise NotExpressible("policy services are not played for a running Postfix")
        if case.as_from is not None or case.as_to is not None:
            raise NotExpressible("transports that send mail on are recorders: as is not known")

    def why(self, case: Case, recipient: str, *, going: bool) -> list[Reason]:
        return []

    def close(self) -> None:
        self._inside.close()


def _xclient(client: Client) -> dict[str, str]:
    found = {"ADDR": f"IPV6:{client.address}" if ":" in client.address else client.address}
    for attribute, name in (("NAME", client.name), ("REVERSE_NAME", client.reverse)):
        if name.is_found:
            found[attribute] = name.text
        else:
            found[attribute] = "[TEMPUNAVAIL]" if name.outcome is NameOutcome.FAILED else "[UNAVAILABLE]"
    if client.auth:
        found["LOGIN"] = client.auth
    return found


def _going(way: dict[str, str]) -> Going:
    """A delivery as the log has it."""
    relay, status, words, to = way["relay"], way["status"], way["words"], way["to"]
    if status == "bounced":
        return Going("bounce", "", to, local=True)
    if words.startswith("delivered via ") and words.endswith(")"):
        nexthop = words.partition(" service (")[2][:-1]
        return Going(relay, nexthop, to, local=False)
    if words.startswith("delivered to file: "):
        return Going(relay, "", words.removeprefix("delivered to file: "), local=True)
    if words.startswith("delivered to command: "):
        return Going(relay, "", f"|{words.removeprefix('delivered to command: ')}", local=True)
    if status == "deferred" and not any(word in words for word in _MAILBOXES):
        return Going("deferred", "", to, local=True)
    return Going(relay, "", to, local=True)
