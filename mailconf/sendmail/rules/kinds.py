"""The types of maps that there are, each with what reads its K line, opens it and answers.

cdb maps are not compiled into Debian's program: a line that names one is a mistake, unless the caller asks for them
(`kinds`). ldap, nis and nisplus are known and cannot be opened: they fail for the time being.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mailconf.sendmail.rules.kinds_computed import (
    find_arith,
    find_dequote,
    find_macro,
    find_program,
    find_regex,
    find_socket,
    find_syslog,
    find_user,
    open_user,
)
from mailconf.sendmail.rules.kinds_dns import find_bestmx, find_dns, find_host
from mailconf.sendmail.rules.kinds_stored import (
    find_database,
    find_implicit,
    find_null,
    find_sequence,
    find_stab,
    find_text,
    open_database,
    open_implicit,
    open_stab,
    open_switch,
    open_text,
)
from mailconf.sendmail.rules.map_lines import (
    parse_dns,
    parse_file,
    parse_host,
    parse_plain,
    parse_regex,
    parse_syslog,
)
from mailconf.sendmail.rules.maps import DefinedMap, MapFound, MapKind
from mailconf.sendmail.rules.problems import EX_TEMPFAIL

if TYPE_CHECKING:
    from mailconf.sendmail.rules.asking import Asking


def _sequence(map_: DefinedMap, text: str, complain: Callable[[str], object]) -> bool:
    """The reader of the file takes sequences apart, as it knows the other maps."""
    return True


def _anything(map_: DefinedMap, text: str, complain: Callable[[str], object]) -> bool:
    map_.rest = text
    map_.flags.optional = "-o" in text.split()
    return True


async def _unsupported(engine: Asking, map_: DefinedMap) -> bool:
    """A map that mailconf cannot ask; it says so by name, and the answer has to wait."""
    if not map_.flags.optional:
        engine.problems.system(f'{map_.kind.name} map "{map_.name}": {map_.kind.name} maps are not supported')
    return False


async def _never(engine: Asking, map_: DefinedMap, key: str, arguments: Sequence[str]) -> MapFound:
    return MapFound(None, EX_TEMPFAIL)


_KINDS = (
    MapKind("hash", parse_file, find_database, open_database, alias_ok=True),
    MapKind("btree", parse_file, find_database, open_database, alias_ok=True),
    MapKind("text", parse_file, find_text, open_text, alias_ok=True),
    MapKind("stab", parse_file, find_stab, open_stab, alias_ok=True),
    MapKind("implicit", parse_file, find_implicit, open_implicit, alias_ok=True),
    MapKind("user", parse_file, find_user, open_user, needs_file=False),
    MapKind("program", parse_file, find_program, alias_ok=True),
    MapKind("sequence", _sequence, find_sequence, alias_ok=True),
    MapKind("switch", parse_file, find_sequence, open_switch, alias_ok=True),
    MapKind("null", parse_file, find_null, alias_ok=True, needs_file=False),
    MapKind("socket", parse_file, find_socket, alias_ok=True),
    MapKind("bestmx", parse_file, find_bestmx, needs_file=False),
    MapKind("host", parse_host, find_host),
    MapKind("dns", parse_dns, find_dns),
    MapKind("regex", parse_regex, find_regex),
    MapKind("dequote", parse_plain, find_dequote),
    MapKind("macro", parse_plain, find_macro),
    MapKind("arith", parse_plain, find_arith),
    MapKind("syslog", parse_syslog, find_syslog),
    MapKind("userdb", parse_file, _never, _unsupported),
    MapKind("ldap", _anything, _never, _unsupported, alias_ok=True),
    MapKind("nis", parse_file, _never, _unsupported, alias_ok=True),
    MapKind("nisplus", parse_file, _never, _unsupported, alias_ok=True),
)
CDB = MapKind("cdb", parse_file, find_database, open_database, alias_ok=True)


def kinds(*, cdb: bool = False) -> dict[str, MapKind]:
    """The types by name. ``cdb``: whether the program reads cdb maps, as RHEL's and that of 8.18 do."""
    found = {kind.name: kind for kind in _KINDS}
    if cdb:
        found[CDB.name] = CDB
    return found
