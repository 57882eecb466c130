"""What the *_dns_reply_filter parameters leave of the DNS's answers, for smtpd(8), smtp(8) and lmtp(8) alike.

A table is asked for each record as text, ``example.com. 300 IN MX 10 mail.example.com.``, with the name that has it,
which is not the one that was asked for if that is an alias; its one action is IGNORE (postconf(5)
smtpd_dns_reply_filter).
"""

from __future__ import annotations

from typing import NamedTuple

from mailconf.model.policy import Kept
from mailconf.model.world import Ask, LookupFailed, Outcome, Records
from mailconf.postfix.settings.lookup import Tables

_NAMES = ("MX", "NS")  # types whose data ends in a host name


class DnsFilter(NamedTuple):
    """The tables of a parameter."""

    parameter: str
    tables: Tables

    def __bool__(self) -> bool:
        return bool(self.tables)

    async def keep(self, ask: Ask, name: str, kind: str, records: Records) -> Kept:
        """What is left of the records of type ``kind`` that were found for ``name``."""
        if not self.tables or records.outcome is not Outcome.FOUND:
            return Kept(records)
        kept: list[str] = []
        notes: list[str] = []
        for value in records.values:
            dot = "." if kind in _NAMES else ""
            text = f"{records.owner or name}. {records.ttl or 0} IN {kind} {value}{dot}"
            try:
                answer = await self.tables.find(ask, text)
            except LookupFailed:
                return Kept(_broken(records), tuple(notes))
            if answer is None:
                kept.append(value)
            elif (answer.value.split(maxsplit=1) or [""])[0].upper() == "IGNORE":
                notes.append(f"ignoring DNS RR: {text}")
            else:
                notes.append(f'warning: {self.parameter}: unknown DNS filter action: "{answer.value}"')
                return Kept(_broken(records), tuple(notes))
        outcome = Outcome.FOUND if kept else Outcome.ABSENT
        return Kept(records._replace(outcome=outcome, values=tuple(kept)), tuple(notes))


def _broken(records: Records) -> Records:
    return records._replace(outcome=Outcome.FAILED, values=())
