"""Hard configurations of tables that ask a database, shared by the recording script and the side-by-side tests.

``@DB@`` stands for the database that `make_database` makes, ``@TOP@`` for its folder.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
from pathlib import Path

from mailconf.maps.core.table import TemporaryFailure
from mailconf.maps.registry import open_table
from mailconf.source import decode, encode
from mailconf.tables.postmap import fold

ROWS = [
    ("foo@example.com", "bar@x.com", 7),
    ("foo@example.com", "second", 8),
    ("foo", "", 1),
    ("null", None, 1),
    ("q'uote", "qq", 2),
    ("é@x.com", "utf", 2),
    ("@x.com", "at", 1),
    ("u@sub.x.com", "deep", 1),
    ("int", 5, 1),
    ("two@x.com", "a@b", 1),
    ("two@x.com", "@c", 1),
    ("two@x.com", "d@", 1),
    ("pct", "100%s", 1),
    ("%", "percent", 1),
    ("back\\slash", "b\\s", 1),
    ("blob", b"AB\0C", 1),
    ("real", 1.50, 1),
    ("large", 1e100, 1),
]
KEYS = list(dict.fromkeys(str(row[0]) for row in ROWS))
KEYS += ["FOO@EXAMPLE.COM", "nothere", "foo@X.COM", "a@b.c.d", "a@b@c", "foo@", "@", "foo@.a", '"a@b"@c', "foo@a."]
KEYS += ["foo@a..b", "x y@z w", "a@d1.com", "a@d2.com", "a@sub.d1.com", "a@h.com", "';--", "foo@com"]

QUERY = "query = select v from a where k='%s'\n"
CONFIGS = [
    QUERY,
    "query = select v,n from a where k='%s'\n",
    "query = select v from a where k='%u@%d'\n",
    "query = select v from a where k='%U@%D'\n",
    "query = select '%1 %2'\n",
    "query = select '%3'\n",
    "query = select '%9'\n",
    "query = select '%u|%d|%%|%s'\n",
    "query = select '%S'\n",
    "query = select 'constant'\n",
    QUERY + "result_format = <%s>%%%S\n",
    QUERY + "result_format = %u|%d|%U|%D\n",
    QUERY + "result_format = %1.%2.%3\n",
    QUERY + "result_format = constant\n",
    QUERY + "result_format =\n",
    QUERY + "result_format = %z\n",
    QUERY + "expansion_limit = 1\n",
    QUERY + "expansion_limit = 2\n",
    QUERY + "expansion_limit = -1\n",
    QUERY + "expansion_limit = x\n",
    QUERY + "expansion_limit = 1x\n",
    QUERY + "expansion_limit =\n",
    QUERY + "expansion_limit = 2147483648\n",
    "query = select '%s'\ndomain = x.com, example.com\n",
    "query = select '%s'\ndomain = !x.com, y.com X.com\n",
    "query = select '%s'\ndomain = @TOP@/domains hash:@TOP@/table\n",
    "query = select '%s'\ndomain = /no/such/file\n",
    "query = select '%s'\ndomain = hash:/no/such\n",
    "query = select '%s'\ndomain = ,\n",
    "query = select '%s'\ndomain =\n",
    "select_field = v\ntable = a\nwhere_field = k\nadditional_conditions = and n=7\n",
    "table = a\n",
    "table = a\nselect_field = v\n",
    "query =\ntable = a\nselect_field = v\nwhere_field = k\n",
    "query = select\n  '%s'\n# comment\n\n  || 'x'\n",
    "query=select 'x'\n",
    "query = select '%s'\nbogus line\n",
    "query = select '%s'\n=x\n",
    "query = select '%s'\nfoo bar = x\n",
    "query = select '$dbpath ${dbpath} $$x'\n",
    "query = selekt\n",
    "query = select v from nosuch\n",
    "query = select '%x'\n",
    "query = select '%0'\n",
    "query = select '%\n",
    "query = select v from a where k='%s'; select 'second'\n",
    "query = select v from a where k='%s' /* ; */ and n=7\n",
    "query = select v from a where k=';' or k='%s' and n=7\n",
    "query = select 'a' || char(0) || 'b'\n",
    "query = select 'a,b' union all select ' c '\n",
    "query = select count(*), v from a group by v\n",
    "query = pragma user_version\n",
    "query = select v from a limit (select 'x')\n",
    "",
]


def make_database(folder: Path) -> Path:
    """The database, and beside it the file ``domains`` and the text ``table``."""
    path = folder / "base.db"
    with sqlite3.connect(path) as database:
        database.execute("create table a(k text, v, n int)")
        database.executemany("insert into a values (?, ?, ?)", ROWS)
    database.close()
    (folder / "domains").write_text("d1.com D2.com\n# d3.com\n")
    write_config(folder / "table", "h.com any\n")
    return path


def filled(config: str, database: Path) -> str:
    """A configuration with its places."""
    return f"dbpath = {database}\n{config}".replace("@TOP@", str(database.parent))


Answers = dict[str, str]


def write_config(path: Path, text: str) -> None:
    """Write a configuration that looks old: the original waits for one that was just written to settle."""
    path.write_text(text)
    os.utime(path, (1, 1))


def theirs(folder: Path, spec: str, asked: list[str]) -> tuple[Answers, list[str]]:
    """The real postmap's answers, and what it says: warnings, and last what ended it if it was a mistake."""
    command = ["postmap", "-c", folder, "-q", "-", spec]
    done = subprocess.run(command, input=encode("\n".join(asked)), capture_output=True)
    answers = dict(line.split("\t", 1) for line in decode(done.stdout).split("\n")[:-1])
    said = [line.split(": ", 2)[2] for line in decode(done.stderr).split("\n")[:-1]]
    # A message before the one that matters, and one behind it.
    return answers, [line for line in said if "SQL step failed" not in line and ": query error: " not in line]


def ours(spec: str, asked: list[str], *, uri_names_database: bool = True) -> tuple[Answers, list[str]]:
    """The same of ours."""
    told: list[str] = []
    answers: Answers = {}
    try:
        table = open_table(spec, fold=fold, warn=told.append, uri_names_database=uri_names_database)
        for key in asked:
            value = table.lookup(encode(key))
            if value is not None:
                answers[key] = decode(value)
        table.close()
    except TemporaryFailure as problem:
        told.append(str(problem))
    return answers, told
