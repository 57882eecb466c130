"""The virtual delivery agent, virtual(8): mailboxes without Unix accounts. It knows no aliases, files and commands."""

from __future__ import annotations

from mailconf.model.verdict import DeliveryKind
from mailconf.mta.journal import Remark
from mailconf.mta.local import AgentWays, Local
from mailconf.mta.message import Job


class Virtual(Local):
    """The Agent of ``virtual``."""

    ways = AgentWays("virtual", Remark.VIRTUAL_MAILBOX_FAILED, True, True)
    checks_loops = False

    def _limit(self, job: Job, kind: DeliveryKind) -> int:
        """Bytes: of the mailbox file, or of a single message in a Maildir (postconf(5) virtual_mailbox_limit)."""
        return job.policy.site.limits_of(job.transport).virtual_mailbox_size
