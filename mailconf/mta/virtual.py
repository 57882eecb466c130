"""The virtual delivery agent, virtual(8): mailboxes without Unix accounts. It knows no aliases, files and commands.

And two agents without a mailbox: error(8), which refuses what is routed to it with the nexthop as its reason, and
discard(8).
"""

from __future__ import annotations

from mailconf.model.verdict import DeliveryKind, Reply
from mailconf.mta.local import STATUS, Local, Words, status_of
from mailconf.mta.message import Job, Result, Status


class Virtual(Local):
    """The Agent behind ``virtual``."""

    words = Words("virtual", "delivery failed to mailbox {path}: {reason}", True, True)
    checks_loops = False

    def _limit(self, job: Job, kind: DeliveryKind) -> int:
        """Bytes: of the mailbox file, or of a single message in a Maildir (postconf(5) virtual_mailbox_limit)."""
        return job.policy.site.limits.virtual_mailbox_size


class Error:
    """The Agent behind ``error`` and ``retry``: the route's error, or the nexthop, is the reason."""

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
    """The Agent behind ``discard``: everything is delivered, to nowhere."""

    async def deliver(self, job: Job) -> list[Result]:
        text = job.nexthop or "discarded"
        return [Result(recipient, Status.SENT, "2.0.0", text, "none") for recipient, _ in job.recipients]
