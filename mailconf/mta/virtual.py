"""The virtual delivery agent, virtual(8): mailboxes without Unix accounts. It knows no aliases, files and commands.

`Mailboxes` is the Agent of all transports that deliver to mailboxes.
"""

from __future__ import annotations

from collections.abc import Mapping

from mailconf.model.verdict import DeliveryKind
from mailconf.mta.journal import Remark
from mailconf.mta.local import AgentWays, Local
from mailconf.mta.message import Agent, Job, Result


class Virtual(Local):
    """The Agent of ``virtual``."""

    ways = AgentWays("virtual", Remark.VIRTUAL_MAILBOX_FAILED, True, True)
    checks_loops = False

    def _limit(self, job: Job, kind: DeliveryKind) -> int:
        """Bytes: of the mailbox file, or of a single message in a Maildir (postconf(5) virtual_mailbox_limit)."""
        return job.policy.site.limits_of(job.transport).virtual_mailbox_size


class Mailboxes:
    """Leaves a job to the agent that the transport's program stands for; ``usual`` is that of all other programs."""

    def __init__(self, usual: Agent, others: Mapping[str, Agent]) -> None:
        self._usual = usual
        self._others = others

    async def deliver(self, job: Job) -> list[Result]:
        transport = job.policy.site.transports.get(job.transport)
        agent = self._usual if transport is None else self._others.get(transport.program, self._usual)
        return await agent.deliver(job)
