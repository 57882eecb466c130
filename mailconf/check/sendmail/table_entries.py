"""The entries of an /etc/mail's tables beside the configuration that asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mailconf.build.compile import read_source
from mailconf.check import aliases
from mailconf.check.sendmail.access import refused_recipients, relaying_senders, unasked_tags
from mailconf.check.sendmail.alias_users import known_users, lost_aliases, lost_virtual_users
from mailconf.check.sendmail.own_host import mailertable
from mailconf.check.sendmail.relaying import whole_domains
from mailconf.diagnostics import Sink
from mailconf.sendmail.cf.maps import ALIASES
from mailconf.sendmail.host_names import host_names
from mailconf.source import Source, decode
from mailconf.tables.sendmail_aliases_reader import read_sendmail_aliases, read_targets
from mailconf.tables.sendmail_roles import sendmail_format

if TYPE_CHECKING:
    from mailconf.build.etc_mail import EtcMail
    from mailconf.build.plan import Target
    from mailconf.check.sendmail.subject import Written
    from mailconf.sendmail.cf.configuration import Cf
    from mailconf.tables.entry import Entry

_MOST = 16 << 20  # bytes of a text that is looked at


def entries(subject: Written, cf: Cf, targets: Sequence[Target], etc_mail: EtcMail, sink: Sink) -> None:
    """Report entries of the tables that one .cf names: they are read once, and only if a rule asks for them."""
    mine = [target for target in targets if any(use.name in cf.maps for use in target.uses)]
    for target in mine:
        if "access_db" in target.roles:
            found = _read(etc_mail, target, "access_db")
            for use in target.uses:
                if use.name in cf.maps:
                    relaying_senders(cf, cf.maps[use.name].file, found, subject, sink)
                    refused_recipients(cf, cf.maps[use.name].file, found, subject, sink)
                    unasked_tags(subject.cf, found, sink)
            whole_domains(found, subject, sink)
        if "mailertable" in target.roles:
            mailertable(_read(etc_mail, target, "mailertable"), subject, sink)
    _users(subject, cf, targets, etc_mail, sink)


def _users(subject: Written, cf: Cf, targets: Sequence[Target], etc_mail: EtcMail, sink: Sink) -> None:
    named = {map_.file for map_ in cf.alias_files}
    files = [target for target in targets if ALIASES in target.roles and target.source_name in named]
    if not named:
        return
    texts = [(target, _aliases(etc_mail, target)) for target in files]
    own = {decode(name) for name in host_names(cf, etc_mail.root)} | {subject.site.hostname.value.lower()}
    for _, found in texts:
        _targets(found, own, etc_mail, sink)
    known = known_users(subject, (found for _, found in texts), complete=len(files) == len(named))
    if known is None:
        return
    for _, found in texts:
        lost_aliases(found, known, own.__contains__, sink)
    for target in targets:
        if "virtusertable" in target.roles:
            lost_virtual_users(_read(etc_mail, target, "virtusertable"), known, sink)


def _targets(found: Sequence[Entry], own: set[str], etc_mail: EtcMail, sink: Sink) -> None:
    """What holds of the aliases of both engines."""

    def local(address: str) -> str:
        name, at, domain = address.lower().rpartition("@")
        return "" if at and domain not in own else name if at else domain

    taken_apart = aliases.TakenApart(found, lambda entry: read_targets(entry.value).meaning or ())
    aliases.files(taken_apart, etc_mail.root, sink)
    aliases.loops(taken_apart, local, sink)


def _read(etc_mail: EtcMail, target: Target, role: str) -> Sequence[Entry]:
    """The entries of a table; nothing where it cannot be read, which who builds it reports, or is large."""
    read = read_source(etc_mail.root, target, Sink())
    if read is None or len(read.data) > _MOST:
        return ()
    return sendmail_format(role).read(Source(str(target.source), decode(read.data)), Sink())


def _aliases(etc_mail: EtcMail, target: Target) -> Sequence[Entry]:
    read = read_source(etc_mail.root, target, Sink())
    if read is None or len(read.data) > _MOST:
        return ()
    source = Source(str(target.source), decode(read.data))
    return read_sendmail_aliases(source, Sink(), etc_mail.host_names().__contains__)
