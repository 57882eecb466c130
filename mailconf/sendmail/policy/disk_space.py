"""Whether the disk of the queue has room: MinFreeBlocks, and the size that MAIL announces.

Without room a session is offered all that it usually is, and everything but NOOP, RSET, HELO and QUIT is refused for
now.

Source: Sendmail Installation and Operation Guide 5.6 (MinFreeBlocks); sendmail 8.17.1.9 -bD.
"""

from __future__ import annotations

from mailconf.sendmail.policy.recipients_world import RecipientsWorld
from mailconf.sendmail.policy.settings import Settings
from mailconf.smtp.reply import Reply

FULL = Reply.of(452, "4.4.5 Insufficient disk space; try again later")
_LEAST = 100  # blocks, by default


async def has_room(settings: Settings, world: RecipientsWorld, size: int = 0) -> bool:
    """Whether MinFreeBlocks are free beside a message of ``size`` bytes; True where that cannot be found out."""
    least = max(settings.number("MinFreeBlocks", _LEAST), 0)
    if not least and size <= 0:
        return True
    space = await world.free_space(settings.book.options.get("QueueDirectory") or "/var/spool/mqueue")
    return space is None or size // space.block_size + least <= space.blocks
