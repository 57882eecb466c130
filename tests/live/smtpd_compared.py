"""What smtpd_check and a Policy answer to the lines of a script, side by side; a World with the DNS of a mapping."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fixture_dns import ALIAS, FAILING, SERVFAIL, Fixtures
from smtpd_lines import HOSTS, IPV6
from smtpd_scripts import NOT_YET, Answered

from mailconf.files import Tree
from mailconf.hosts_file import HostsFile
from mailconf.model.fileworld import FileWorld
from mailconf.model.world import Outcome, Records

_BEYOND = ("address rewriting is disabled", *(f"unable to convert address {address}" for address in IPV6))
_SAID_ONCE = "warning: support for restriction "  # with RCPT alone, one may have been said already


class ZoneWorld(FileWorld):
    """A World whose DNS is a mapping, as `fixture_dns.answer` has it; None fails for every name. HOSTS is its file."""

    def __init__(self, zone: Fixtures | None, root: Tree | None = None) -> None:
        super().__init__(root, trace=False, hosts=HostsFile.of(HOSTS))
        self.zone = zone

    async def dns(self, name: str, kind: str) -> Records:
        return records(self.zone, name, kind)


def records(zone: Fixtures | None, name: str, kind: str) -> Records:
    folded, owner = name.lower().rstrip("."), ""
    while target := (zone or {}).get(folded, {}).get(ALIAS):
        owner = target[0].rstrip(".")
        folded = owner.lower()
    if zone is None or folded.endswith(FAILING):
        return Records(Outcome.FAILED, (), "server failure")
    if folded not in zone:
        exists = any(known.endswith("." + folded) for known in zone)
        return Records(Outcome.ABSENT, nxdomain=not exists)
    values = zone[folded].get(kind, [])
    if values == [SERVFAIL]:
        return Records(Outcome.FAILED, (), "server failure")
    if not values:
        return Records(Outcome.ABSENT)
    plain = [value.strip('"').removesuffix(".") if value != "0 ." else value for value in values]
    if kind == "MX":
        plain.sort(key=lambda value: int(value.split()[0]))
    return Records(Outcome.FOUND, tuple(plain), ttl=300, owner=owner)


class Compared(NamedTuple):
    """The answers to one line."""

    engine: Answered
    ours: Answered

    @property
    def is_asked(self) -> bool:
        """Whether the line puts a question that the program can answer."""
        asked = self.engine.line.partition(" ")[0] in ("client", "helo", "mail", "rcpt")
        return asked and self.ours.reply != NOT_YET and not self.is_beyond

    @property
    def is_beyond(self) -> bool:
        """Whether the program ended because it rewrites no addresses, and has no IPv6."""
        return self.engine.reply == "fatal" and self.engine.log[-1].endswith(_BEYOND)

    @property
    def agrees(self) -> bool:
        """Whether reply and log are the same."""
        if self.engine.reply == "fatal":
            # The program ends, and its client is told to come again; ours goes on, and says the same to the client.
            *before, last = self.engine.log
            said = [*before, last.replace("fatal: ", "warning: ", 1)]
            return self.ours.reply.startswith("451 4.3.5 ") and said == list(self.ours.log[: len(said)])
        return self.engine.reply == self.ours.reply and _kept(self.engine) == _kept(self.ours)


def _kept(side: Answered) -> list[str]:
    """The lines of the log; in which order a warning and a refusal come does not count."""
    return sorted(entry for entry in side.log if not entry.startswith(_SAID_ONCE))


def until_it_ends(pairs: Sequence[Compared]) -> Iterator[Compared]:
    """The pairs up to the line that ends the program: it has forgotten what was before."""
    for pair in pairs:
        yield pair
        if pair.engine.reply == "fatal":
            return
