"""The delivery agent of mailers with ``P=[FILE]``: the message is appended to the file that the address is.

It is written as the controlling user, as DefaultUser for an alias and for root, or, where the file has set-user-id or
set-group-id in its mode and no x, as its owner or group; root's does not count. What may be written is said in
`mailconf.mta.file_writer`. With SafeFileEnvironment that folder is "/" to the writer; a file below it may be named with
it or without. /dev/null takes everything.

Source: Sendmail Installation and Operation Guide 5.6 (SafeFileEnvironment, DontBlameSendmail); sendmail 8.17.1.9,
tests/vectors/sendmail_mailers.jsonl.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from typing import Any

from mailconf.files import Root
from mailconf.model.letter import Handing, Program
from mailconf.model.recipient import Identity
from mailconf.model.site import Site
from mailconf.mta.identity import Workers
from mailconf.mta.journal import LogEvent, Remark
from mailconf.mta.message import Context, Job, Status
from mailconf.mta.program import groups_of
from mailconf.mta.sendmail_mailers import Outcome, Plan, ProgramMailers, ended_with

_CANTCREAT, _TEMPFAIL = 73, "4.0.0"
_EXECUTE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


class FileMailers(ProgramMailers):
    """An `mailconf.mta.message.Agent`."""

    def __init__(self, context: Context, root: Root, plan: Plan, workers: Workers) -> None:
        super().__init__(context, root, plan)
        self._workers = workers

    async def _handed(self, job: Job, handing: Handing) -> Outcome:
        called = handing.program
        if called is None:
            return await super()._handed(job, handing)
        sent = Outcome(Status.SENT, "2.0.0", self.context.remark(Remark.IN_FILE, target=called.argv[-1]))
        name = called.argv[-1]
        if name == os.devnull:
            return sent
        if not name.startswith("/") or "\0" in name:
            return ended_with(self._journal, _CANTCREAT)
        answer = await self._written(job.policy.site, called, name, handing.data)
        if "dsn" not in answer:
            return sent
        self.context.note(LogEvent.DELIVERY_WARNING, program="file", text=f"{name}: {answer['text']}")
        if answer["dsn"].startswith("4"):
            return Outcome(Status.DEFERRED, _TEMPFAIL, f"Deferred: {answer['text']}")
        return ended_with(self._journal, _CANTCREAT)

    async def _written(self, site: Site, called: Program, name: str, data: bytes) -> dict[str, Any]:
        """The answer of the process that writes."""
        safe, blamed = _option(site, "SafeFileEnvironment").rstrip("/"), _blamed(site)
        inside = name.removeprefix(safe) if safe and name.startswith(f"{safe}/") else name
        place = str(self._root.path(safe + inside))
        identity, groups, same = _owner(place, called)
        request = {
            "kind": "file",
            "path": inside if safe else place,
            "limit": 0,
            "links": "filedeliverytosymlink" in blamed,
            "names": "filedeliverytohardlink" in blamed,
            "same": same,
        }
        top = str(self._root.path(safe)) if safe else ""
        return await self._workers.write_as(request, data, identity, groups, top)


def _option(site: Site, name: str) -> str:
    found = site.options.get(name)
    return "" if found is None else found.value.strip()


def _blamed(site: Site) -> Collection[str]:
    """What DontBlameSendmail allows, in lower case."""
    return {word.strip() for word in _option(site, "DontBlameSendmail").lower().replace(",", " ").split()}


def _owner(place: str, called: Program) -> tuple[Identity, tuple[int, ...], list[int] | None]:
    """As whom a file is written, with which groups; and its device and number, where it is the file that says so."""
    groups = tuple(groups_of(called))
    try:
        found = os.lstat(place)
    except (OSError, ValueError):
        return called.identity, groups, None
    if not stat.S_ISREG(found.st_mode) or found.st_mode & _EXECUTE:
        return called.identity, groups, None
    uid = found.st_uid if found.st_mode & stat.S_ISUID and found.st_uid else called.identity.uid
    gid = found.st_gid if found.st_mode & stat.S_ISGID and found.st_gid else called.identity.gid
    identity = Identity(uid, gid)
    if identity == called.identity:
        return identity, groups, None
    return identity, (gid,), [found.st_dev, found.st_ino]
