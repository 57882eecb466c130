"""Access by the hosts of a name: check_*_{a,mx,ns}_access (postconf(5)), observed with Postfix 3.7.11.

What these tables say of a stranger's servers never permits anything: an OK is a mistake in the configuration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mailconf.model.distinction import Dimension, Distinction, Form, Key
from mailconf.model.session import UNKNOWN
from mailconf.postfix.policy import rule
from mailconf.postfix.policy.access import Access
from mailconf.postfix.policy.dns_lookup import Lookup, LookupStatus, addresses, lookup
from mailconf.postfix.policy.evaluation import (
    CLIENT,
    DUNNO,
    HELO,
    PERMIT,
    RECIPIENT,
    REVERSE_CLIENT,
    SENDER,
    Asked,
    Decision,
    Evaluation,
)
from mailconf.postfix.policy.rule import Reach
from mailconf.postfix.settings.hostnames import address_literal, valid_host_address

_MOST_ADDRESSES = 100  # of all servers of a name

# The dimension of whom a restriction with an argument is about.
DIMENSIONS = {
    "address": Dimension.CLIENT,
    "client": Dimension.NAME,
    "reverse_client_hostname": Dimension.REVERSE_NAME,
    "helo": Dimension.HELO,
    "sender": Dimension.SENDER,
    "recipient": Dimension.RECIPIENT,
}


def about_whom(ev: Evaluation, who: str) -> tuple[str, Asked]:
    """The name or address that a check is about, "" where there is none, and the text for the reply."""
    session = ev.session
    if who == "client":
        return _known(session.client_name.text), Asked(ev.client, CLIENT)
    if who == "reverse_client_hostname":
        name = session.reverse_name.text
        return _known(name), Asked(name, REVERSE_CLIENT)
    if who == "helo":
        return session.helo or "", Asked(session.helo or "", HELO)
    address, what = (session.sender, SENDER) if who == "sender" else (ev.recipient, RECIPIENT)
    return address or "", Asked(address or "", what)


def _known(name: str) -> str:
    return "" if name.lower() == UNKNOWN else name


def never_permitting(ev: Evaluation, status: Decision, restriction: str, target: str) -> Decision:
    """``status`` of a restriction whose table may not permit: what it looks at is in a stranger's hands."""
    if status is not PERMIT or ev.discarding:
        return status
    return ev.server_error(
        f"restriction {restriction} returns OK for {target}",
        "this is not allowed for security reasons",
        "use DUNNO instead of OK if you want to make an exception",
    )


@dataclass(slots=True, eq=False, repr=False)
class ByServers:
    """check_WHO_KIND_access: the access table is asked for the servers of a name, and for their addresses.

    who   whose name; ``kind`` the records that name the servers: "A" (the name itself), "MX", "NS"
    word  the restriction as it is written
    """

    access: Access
    who: str
    kind: str
    word: str

    async def evaluate(self, ev: Evaluation, subject: Asked) -> Decision:
        target, about = about_whom(ev, self.who)
        if not target:
            return DUNNO
        return never_permitting(ev, await self._decision(ev, target, about) or DUNNO, self.word, target)

    async def _decision(self, ev: Evaluation, target: str, about: Asked) -> Decision | None:
        """What the table has for one of the servers; None where it has none."""
        domain = target.rpartition("@")[2]
        if domain.startswith("["):
            literal = address_literal(domain)
            return await self.access.address(ev, literal, about) if literal and self.kind != "NS" else None
        budget = _MOST_ADDRESSES
        for host in await self._servers(ev, domain, target):
            if valid_host_address(host):
                status = await self.access.address(ev, host, about)
                if status is not None:
                    return status
                continue
            if self.kind != "A":
                status = await self.access.domain(ev, host, about)
                if status is not None:
                    return status
            found = await addresses(ev, host)
            if not found.values and self.kind != "A":
                text = f"Unable to look up {self.kind} host {host} for {about.what} {about.name}: {found.problem}"
                ev.warn_of(text)
            for address in found.values:
                budget -= 1
                if budget < 0:
                    self._too_many(ev, about)
                    return None
                status = await self.access.address(ev, address, about)
                if status is not None:
                    return status
        return None

    def _too_many(self, ev: Evaluation, about: Asked) -> None:
        limit = f"server address count limit ({_MOST_ADDRESSES}) exceeded"
        rest = f"for {about.what} {about.name} -- ignoring the remainder"
        ev.warn_of(f"check_server_access: {self.kind} {limit} {rest}")

    async def _servers(self, ev: Evaluation, domain: str, target: str) -> tuple[str, ...]:
        """The hosts whose names and addresses are looked up."""
        if self.kind == "A":
            return (domain,)
        found = await lookup(ev, domain, self.kind)
        if found.status is LookupStatus.NULL_MX:
            return ()
        if found.status is LookupStatus.NOT_FOUND and self.kind == "MX":
            return (domain,)
        asked = domain
        if found.status is LookupStatus.NOT_FOUND:
            asked, found = await self._above(ev, domain, found)
        if found.status is not LookupStatus.OK:
            ev.warn_of(f"Unable to look up {self.kind} host for {asked or target}: {found.problem}")
            return ()
        return tuple(value.rpartition(" ")[2] for value in found.values)

    async def _above(self, ev: Evaluation, domain: str, found: Lookup) -> tuple[str, Lookup]:
        """The name servers of the nearest domain above that has some; the domain that was asked for last, or ""."""
        while True:
            _, dot, domain = domain.partition(".")
            if not dot or not domain:
                return "", found
            found = await lookup(ev, domain, self.kind)
            if found.status is not LookupStatus.NOT_FOUND:
                return domain, found

    def distinguishes(self, reach: Reach) -> Iterator[Distinction]:
        dimension = DIMENSIONS[self.who]
        records = ("A", "AAAA") if self.kind == "A" else (self.kind, "A", "AAAA")
        keys = (Key.DOMAIN, Key.PARENTS) if self.kind == "NS" else (Key.DOMAIN,)
        yield Distinction("", dimension, Form.DNS, "", keys, exact=False, records=records)
        yield from rule.dns_filter(reach)
        yield from self.access.distinguishes_host(reach, dimension, dimension, exact=False)
