"""The types of lookup tables: everything that is known of each, and nowhere else.

Postfix's are those of DATABASE_README and ``postconf -m``, sendmail's the map classes of ``sendmail -d0.4`` and of the
Sendmail Installation and Operation Guide. A new type is a record here and a module; docs/maps.md comes from both.
"""

from __future__ import annotations

from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

POSTFIX, SENDMAIL = "postfix", "sendmail"
BOTH = (POSTFIX, SENDMAIL)


class MapType(NamedTuple):
    """A type of lookup tables.

    engines   whose type it is
    opener    what opens a table of it, ``module:name`` below mailconf.maps; "" where mailconf does not read it
    suffix    of the file that the built map is; "" where the table's name is the file's
    writer    what writes maps of it; ``packed`` the same from packed entries, ``many`` where keys have several values
    reader    the class that reads such a file without being a table: for maps that are changed, and listed
    nul       postmap(1) without -N and -n ends keys and values with a NUL
    package   the Python package that the writer needs, where it is one that not every system has
    fixed     postmap(1)'s message when it is asked to change a map in place
    built     maps of it are built from a text of the table's name, whether by mailconf or not
    text      the table is a text that is read when it is opened
    pattern   it is asked for whole keys, never for parts of an address (regexp_table(5), cidr_table(5), tcp_table(5))
    composite its name lists other tables
    nameless  its name has no meaning, or is not needed
    may_block a lookup may wait for a network or a lock
    steady    the same key has the same answer as long as its file, or its name, does not change
    unproven  anyone can answer who takes the server's place: not for security-sensitive data
    packaged  it comes in a package of its own and is loaded where dynamicmaps.cf names it (postconf(5) meta_directory)
    foreign   it belongs to other systems than Linux
    configured  a name that is a path is a file which describes where the data is, or the data itself (sqlite)
    """

    engines: tuple[str, ...] = (POSTFIX,)
    opener: str = ""
    suffix: str = ""
    writer: str = ""
    packed: str = ""
    many: str = ""
    reader: str = ""
    nul: bool = True
    package: str = ""
    fixed: str = ""
    built: bool = False
    text: bool = False
    pattern: bool = False
    composite: bool = False
    nameless: bool = False
    may_block: bool = False
    steady: bool = False
    unproven: bool = False
    packaged: bool = False
    foreign: bool = False
    configured: bool = False

    @property
    def stored(self) -> bool:
        """Whether keys are strings that are in a text, as they are or built into a map."""
        return self.built or (self.text and not self.pattern)

    @property
    def named_file(self) -> bool:
        """Whether its name, where it is a path, is a file's, except for the suffix."""
        return self.built or self.text or self.configured


_CDB_IS_FIXED = (
    "dict_cdb_open: inappropriate open flags for cdb database - specify O_RDONLY or O_WRONLY|O_CREAT|O_TRUNC"
)

TYPES: dict[str, MapType] = {
    "btree": MapType(
        BOTH,
        "database.btree:open_table",
        ".db",
        "database.bdb_btree_writer:write_btree",
        "build.packed_bdb:write_btree",
        "database.bdb_values:write_btree_values",
        "database.bdb_btree:BtreeFile",
        built=True,
        steady=True,
    ),
    "cdb": MapType(
        BOTH,
        "database.cdb:open_table",
        ".cdb",
        "database.cdb_writer:write_cdb",
        "build.packed_cdb:write_cdb",
        reader="database.cdb:CdbFile",
        nul=False,
        fixed=_CDB_IS_FIXED,
        built=True,
        steady=True,
        packaged=True,
    ),
    "cidr": MapType(opener="patterns.cidr:Cidr", text=True, pattern=True, steady=True),
    "dbm": MapType(BOTH, suffix=".pag", built=True, foreign=True),
    "environ": MapType(opener="simple.environ:open_table", nameless=True),
    "fail": MapType(opener="simple.fail:open_table", nameless=True),
    "hash": MapType(
        BOTH,
        "database.hash:open_table",
        ".db",
        "database.bdb_hash_writer:write_hash",
        "build.packed_bdb:write_hash",
        "database.bdb_values:write_hash_values",
        "database.bdb_hash:HashFile",
        built=True,
        steady=True,
    ),
    "inline": MapType(opener="simple.inline:open_table", steady=True),
    "internal": MapType(nameless=True),
    "ldap": MapType(BOTH, "servers.ldap:LdapTable", configured=True, may_block=True, packaged=True),
    "lmdb": MapType(
        opener="database.lmdb:open_table",
        suffix=".lmdb",
        writer="database.lmdb_writer:write_lmdb",
        packed="build.packed_lmdb:write_lmdb",
        reader="database.lmdb:LmdbFile",
        package="lmdb",
        built=True,
        packaged=True,
    ),
    "memcache": MapType(opener="servers.memcache:MemcacheTable", configured=True, may_block=True, unproven=True),
    "mongodb": MapType(packaged=True),
    "mysql": MapType(opener="servers.mysql:MysqlTable", configured=True, may_block=True, packaged=True),
    "netinfo": MapType(BOTH, foreign=True),
    "nis": MapType(BOTH, "servers.nis:open_table"),
    "nisplus": MapType(BOTH, foreign=True),
    "pcre": MapType(opener="patterns.pcre:Pcre", text=True, pattern=True, packaged=True, steady=True),
    "pgsql": MapType(opener="servers.pgsql:PgsqlTable", configured=True, may_block=True, packaged=True),
    "pipemap": MapType(opener="simple.combined:PipeTable", composite=True),
    "proxy": MapType(may_block=True),
    "randmap": MapType(opener="simple.randmap:open_table"),
    "regexp": MapType(opener="patterns.regexp:Regexp", text=True, pattern=True, steady=True),
    "sdbm": MapType(suffix=".pag", built=True, packaged=True, foreign=True),
    "socketmap": MapType(opener="servers.socketmap:SocketmapTable", may_block=True, unproven=True),
    "sqlite": MapType(opener="servers.sqlite:SqliteTable", configured=True, may_block=True, packaged=True),
    "static": MapType(opener="simple.static:open_table", nameless=True, steady=True),
    "tcp": MapType(opener="servers.tcp:TcpTable", pattern=True, may_block=True, unproven=True),
    "texthash": MapType(opener="simple.texthash:open_table", text=True, steady=True),
    "unionmap": MapType(opener="simple.combined:UnionTable", composite=True),
    "unix": MapType(opener="simple.accounts:AccountTable"),
}
UNKNOWN = MapType(())


def type_of(name: str) -> MapType:
    """What is known of the type ``name``; `UNKNOWN` where there is no such type."""
    return TYPES.get(name, UNKNOWN)


def types_with(has: Callable[[MapType], object]) -> frozenset[str]:
    """The names of the types that ``has`` is true of."""
    return frozenset(name for name, kind in TYPES.items() if has(kind))


# What the name of a map has behind that of its source, for the types that are built from a text.
EXTENSIONS = {name: kind.suffix for name, kind in TYPES.items() if kind.writer}
