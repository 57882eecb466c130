"""Which format a table of sendmail's has, by the role in which the configuration names it; `roles` is Postfix's.

A role is one of `SENDMAIL`, or what the .mc or the file calls it: ``virtuser`` (as the map of the .cf),
``virtusertable`` (FEATURE and file). `sendmail_format` finds the format, `read_sendmail_table` reads and checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from mailconf.diagnostics import Sink
from mailconf.source import Source
from mailconf.tables import hosts_access, sendmail_access, sendmail_maps
from mailconf.tables.class_file import read_class, read_word
from mailconf.tables.entry import Entry
from mailconf.tables.makemap_reader import read_makemap
from mailconf.tables.sendmail_aliases_reader import read_sendmail_aliases, read_targets
from mailconf.tables.sides import ANYTHING, Sides, check_sides

Reader = Callable[[Source, Sink], Sequence[Entry]]


class Format(NamedTuple):
    """A format of sendmail's: how the text is cut into entries, and how their sides are read."""

    name: str
    read: Reader = read_makemap
    sides: Sides = ANYTHING


SENDMAIL: dict[str, Format] = {
    format.name: format
    for format in (
        Format("access", sides=sendmail_access.ACCESS),
        Format("authinfo", sides=sendmail_access.LOGINS),
        Format("virtuser", sides=sendmail_maps.VIRTUSER),
        Format("generics", sides=sendmail_maps.GENERICS),
        Format("mailer", sides=sendmail_maps.MAILER),
        Format("domain", sides=sendmail_maps.DOMAIN),
        Format("userdb", sides=sendmail_maps.USERDB),
        Format("aliases", read_sendmail_aliases, Sides(value=read_targets)),
        Format("class", read_class, Sides(key=read_word, easy_keys=True)),
        Format("hosts", hosts_access.read_hosts, hosts_access.HOSTS_ACCESS),
        Format("other"),
    )
}
# What else they are called: FEATUREs, maps of the .cf, traditional files. The class files have a word a line.
ALSO = {
    "access_db": "access",
    "virtusertable": "virtuser",
    "genericstable": "generics",
    "mailertable": "mailer",
    "domaintable": "domain",
    "alias": "aliases",
    "hosts.allow": "hosts",
    "hosts.deny": "hosts",
    "local-host-names": "class",
    "relay-domains": "class",
    "trusted-users": "class",
    "generics-domains": "class",
    "virtuser-domains": "class",
    "default-auth-info": "other",
    "bitdomain": "other",
    "uucpdomain": "other",
    "uudomain": "other",
}


def sendmail_format(role: str) -> Format:
    """The format of a role; under an unknown name, a table of keys and values that mean anything ("other")."""
    return SENDMAIL[ALSO.get(role, role if role in SENDMAIL else "other")]


def read_sendmail_table(role: str, source: Source, sink: Sink) -> Sequence[Entry]:
    """The entries of a table of /etc/mail in its role; what is wrong with their form or their meaning goes to ``sink``.

    role    see `sendmail_format`
    source  the text, named as reports are to name it: ``Source.read(path)``

    The entries are in the file's order, keys as written, duplicates (which are not reported here) included. Of a class
    file each word is an entry with an empty value, of hosts.allow each rule is one with the daemons as its key.
    """
    entries = sendmail_format(role).read(source, sink)
    check_sendmail_table(role, entries, sink)
    return entries


def check_sendmail_table(role: str, entries: Iterable[Entry], sink: Sink) -> None:
    """Report what is wrong with the meaning of ``entries``, which `Format.read` of the role gave, or one like it."""
    check_sides(sendmail_format(role).sides, entries, sink)
