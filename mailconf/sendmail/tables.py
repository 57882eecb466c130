"""The tables of a .cf, as the model names them: which file a map is built from, and in which role it is asked.

A role is what the FEATURE is called that makes the map; other maps have their own names as roles.
"""

from __future__ import annotations

from mailconf.maps.reference import TableRef
from mailconf.maps.types import SENDMAIL, type_of
from mailconf.model.site import TableUse
from mailconf.sendmail.cf.lines import WORD
from mailconf.sendmail.cf.maps import BUILT_AS, COMPUTED_TYPES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mailconf.sendmail.cf.configuration import Cf
    from mailconf.sendmail.cf.items import CfMap
    from mailconf.sendmail.cf.lines import CfLine
    from mailconf.source import Span

ROLES = {
    "access": "access_db",
    "bcctable": "bcc",
    "ednsbl": "enhdnsbl",
    "generics": "genericstable",
    "ldapmh": "ldap_routing",
    "ldapmra": "ldap_routing",
    "uudomain": "uucpdomain",
    "virtuser": "virtusertable",
}
_SUFFIXES = {
    "btree": ".db",
    "cdb": ".cdb",
    "dbm": "",
    "hash": ".db",
}  # what a file's name may have, and its text has not


def configured_tables(cf: Cf) -> Iterator[CfMap]:
    """The maps that a configuration keeps: those of K lines, then of AliasFile, then of UserDatabaseSpec."""
    yield from (map_ for map_ in cf.maps.values() if map_.type not in COMPUTED_TYPES)
    yield from cf.alias_files
    yield from cf.user_databases


def table_use(map_: CfMap, place: Callable[[CfLine], Span | None]) -> TableUse:
    """A map in the model's terms: "type:name", with the type that is built; ``place`` is where a line is.

    A map on a file is called as the text that it is built from; others by all that follows the words with a hyphen.
    """
    kind = BUILT_AS.get(map_.type, map_.type)
    role = ROLES.get(map_.name, map_.name)
    known = type_of(kind)
    if not known.built or SENDMAIL not in known.engines:
        flags, rest = _words(map_.arguments)
        return TableUse(TableRef(kind, rest), role, None, place(map_.line), map_.name, flags)
    flags = tuple(flag.text for flag in map_.flags)
    file = map_.file.removesuffix(known.suffix)
    return TableUse(TableRef(kind, file), role, file, place(map_.line), map_.name, flags)


def _words(arguments: str) -> tuple[tuple[str, ...], str]:
    """What a map that is no file has after its type: words that begin with a hyphen, and all from the next one on."""
    flags: list[str] = []
    at = 0
    while found := WORD.search(arguments, at):
        if not found[0].startswith("-"):
            return tuple(flags), arguments[found.start() :]
        flags.append(found[0])
        at = found.end()
    return tuple(flags), ""
