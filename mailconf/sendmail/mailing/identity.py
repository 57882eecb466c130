"""As whom a mailer runs: DefaultUser, U=, F=S and F=o, and the controlling user of a command or file.

| mailer | user and group | further groups |
|---|---|---|
| [FILE], and the user is root | DefaultUser's | none |
| F=o, and the recipient is a user of this host, or a user's file named it | the user's | the user's |
| F=S | root; the group of U=, or root's | the user's, or none |
| U= | those of U= | DefaultUser's |
| others | DefaultUser's | none |

Source: Sendmail Installation and Operation Guide 5.4, 5.6 (DefaultUser); sendmail 8.17.1.9,
tests/vectors/sendmail_mailers.jsonl.
"""

from __future__ import annotations

from typing import NamedTuple

from mailconf.model.recipient import Identity, Recipient, RecipientKind
from mailconf.model.world import User
from mailconf.sendmail.mailing.content import FILE
from mailconf.sendmail.policy.asked_world import AskedWorld
from mailconf.sendmail.policy.recipients_files import default_identity
from mailconf.sendmail.rules.book import DefinedMailer
from mailconf.sendmail.rules.run import Engine
from mailconf.sendmail.rules.world import Unable

_ROOT = 0


class Rights(NamedTuple):
    """As whom a program runs, and the home of the user whose mail it is; see `mailconf.model.letter.Program`.

    shown  a user's own rights as the log has them; None for the mail system's
    """

    identity: Identity
    groups: tuple[int, ...]
    login: str = ""
    home: str = ""
    shown: Identity | None = None


async def rights_of(engine: Engine, world: AskedWorld, mailer: DefinedMailer, recipient: Recipient) -> Rights:
    """With whose rights a mailer's program is run for a recipient."""
    user = await _user(world, recipient)
    login, home, own = (user.name, user.home, (user.gid,)) if user is not None else ("", "", ())
    default = await default_identity(engine)
    shown = recipient.identity
    if recipient.kind is not RecipientKind.ADDRESS and shown == default:
        shown = Identity(default.uid, _ROOT)  # in the log the alias has no group
    if not mailer.has("o"):
        shown = None
    if mailer.path == FILE and recipient.identity is not None and recipient.identity.uid == _ROOT:
        return Rights(default, (default.gid,), shown=shown)
    if mailer.has("o") and not mailer.has("S") and recipient.identity is not None:
        return Rights(recipient.identity, own or (recipient.identity.gid,), login, home, shown)
    if mailer.has("S"):
        identity = Identity(_ROOT, mailer.group if mailer.group >= 0 else _ROOT)
        return Rights(identity, own or (_ROOT,), login, home, shown)
    if mailer.user >= 0:
        identity = Identity(mailer.user, mailer.group if mailer.group >= 0 else default.gid)
        return Rights(identity, (default.gid,), "", home)
    return Rights(default, (default.gid,), "", home)


async def _user(world: AskedWorld, recipient: Recipient) -> User | None:
    if recipient.identity is None:
        return None
    try:
        return await world.account(recipient.identity.uid)
    except Unable:
        return None
