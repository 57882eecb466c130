"""The delivery agents without a mailbox: error(8), which refuses what is routed to it, and discard(8)."""

from __future__ import annotations

from mailconf.model.verdict import Reply
from mailconf.mta.journal import Remark
from mailconf.mta.local import STATUS, status_of
from mailconf.mta.message import Context, Job, Result, Status


class Error:
    """The Agent of ``error`` and ``retry``: the route's error, or the nexthop, is the reason."""

    async def deliver(self, job: Job) -> list[Result]:
        results = []
        for recipient, route in job.recipients:
            reply = route.error or Reply.of(450 if job.transport == "retry" else 550, route.nexthop)
            dsn, text = status_of(reply)
            if reply is not route.error and dsn.endswith(".0.0"):
                dsn = "4.3.0" if job.transport == "retry" else "5.0.0"
            results.append(Result(recipient, STATUS[dsn[0]], dsn, text, "none", reply if route.error else None))
        return results


class Discard:
    """The Agent of ``discard``: everything is delivered, to nowhere."""

    def __init__(self, context: Context) -> None:
        self.context = context

    async def deliver(self, job: Job) -> list[Result]:
        text = job.nexthop or self.context.remark(Remark.DISCARDED)
        return [Result(recipient, Status.SENT, "2.0.0", text, "none") for recipient, _ in job.recipients]
