"""pgsql and mysql tables side by side with the real postmap, over real servers."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pymysql
import pytest

from mailconf.postfix.parameters.releases import URI_NAMES_DATABASE, version_numbers
from tests.live.database_servers import LIBRARIES, TEXTS, mariadb, postfix, postgresql
from tests.live.private_postfix import mail_version
from tests.live.query_tables import KEYS, ours, theirs, write_config

pytestmark = pytest.mark.live

QUERY = "query = select v from a where k='%s' order by n\n"
CONFIGS = [
    QUERY,
    "query = select v, n from a where k='%s' order by n\n",
    "query = select v from a where k='%u@%d' order by n\n",
    "query = select concat('%1', '.', '%2')\n",
    QUERY + "result_format = <%s> %U %%\n",
    QUERY + "domain = x.com\n",
    QUERY + "expansion_limit = 1\n",
    "table = a\nselect_field = v\nwhere_field = k\nadditional_conditions = order by n\n",
    "query = selekt\n",
    "query = select 1 from nosuch\n",
    "query = update a set n = n where k = 'none'\n",
    QUERY + "expansion_limit = x\n",
    QUERY.replace("%s", "%z"),
    "table = a\n",
    QUERY + "dbname =\n",
    QUERY + "hosts = 127.0.0.1:1\n",
]
MORE = {
    "pgsql": [
        QUERY + "hosts = 127.0.0.1:1 127.0.0.1:@PORT@\n",
        "select_function = upper\n",
        "query = select 1; select 2\n",
        QUERY + "hosts = postgresql://mail@127.0.0.1:@PORT@/mail\n",
        QUERY + "hosts = postgresql://mail@127.0.0.1:@PORT@/mail\ndbname =\n",
        QUERY + "hosts = inet:127.0.0.1:@PORT@ postgresql://mail@127.0.0.1:@PORT@/mail\ndbname =\n",
        QUERY + "hosts = postgresql://[\n",
    ],
    "mysql": [
        QUERY + "hosts = 127.0.0.1:1 127.0.0.1:@PORT@\n",
        "query = select 1; select 2\n",
        "query = update a set n = n where k = 'none'\nrequire_result_set = no\n",
        QUERY + "require_result_set = maybe\n",
    ],
}
CASES = [(kind, config) for kind, more in MORE.items() for config in [*CONFIGS, *more]]


def fill_pgsql(port: int) -> Callable[[], None]:
    def fill() -> None:
        try:
            with psycopg.connect(f"host=127.0.0.1 port={port} user=mail dbname=postgres", autocommit=True) as first:
                first.execute("create database mail")
        except psycopg.OperationalError as problem:
            raise OSError(problem) from problem
        with psycopg.connect(f"host=127.0.0.1 port={port} user=mail dbname=mail") as database:
            database.execute("create table a (k text, v text, n int)")
            database.cursor().executemany("insert into a values (%s, %s, %s)", TEXTS)

    return fill


def fill_mysql(port: int) -> Callable[[], None]:
    def fill() -> None:
        socket.create_connection(("127.0.0.1", port)).close()
        with pymysql.connect(host="127.0.0.1", port=port, user="mail", charset="utf8mb4") as database:
            cursor = database.cursor()
            cursor.execute("create database mail")
            cursor.execute("create table mail.a (k varchar(99), v varchar(99), n int) default charset utf8mb4")
            cursor.executemany("insert into mail.a values (%s, %s, %s)", TEXTS)

    return fill


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    folder = tmp_path_factory.mktemp("servers")
    with postgresql(folder / "pgsql", fill_pgsql) as pgsql, mariadb(folder / "mysql", fill_mysql) as mysql:
        yield {"pgsql": pgsql, "mysql": mysql}


def plain(line: str) -> str:
    """A message without what the client libraries word differently."""
    line = line.split("\n")[0].split("?")[0].replace("pgsql query failed: fatal error from host ", "query failed")
    line = re.sub(r"^(pgsql|mysql):\S+: query failed.*", "query failed", line)
    return re.sub(r"^query failed.*", "query failed", re.sub(r"(connect to \S+ server \S+:).*", r"\1", line))


@pytest.mark.parametrize(("kind", "config"), CASES)
def test_configurations(
    tmp_path: Path, ports: dict[str, int], monkeypatch: pytest.MonkeyPatch, kind: str, config: str
) -> None:
    port = ports[kind]
    path = tmp_path / "t.cf"
    text = f"hosts = 127.0.0.1:{port}\nuser = mail\ndbname = mail\n{config.replace('@PORT@', str(port))}"
    lines = dict(line.split("=", 1) for line in text.splitlines())  # the last one of a name counts, without a warning
    write_config(path, "".join(f"{name}={value}\n" for name, value in lines.items()))
    # The real pgsql of this version speaks LATIN1 and finds no other letters.
    keys = [key for key in KEYS if key.isascii()]
    newer = version_numbers(mail_version()) >= URI_NAMES_DATABASE
    our_answers, our_words = ours(f"{kind}:{path}", keys, uri_names_database=newer)
    monkeypatch.setenv("LD_LIBRARY_PATH", LIBRARIES)
    answers, words = theirs(postfix(tmp_path / "postfix"), f"{kind}:{path}", keys)
    # A host that is down is told once by us and once for each key by the original, which tries them at random.
    assert {plain(line) for line in our_words if "server 127.0.0.1:1:" not in line} == {
        plain(line) for line in words if "server 127.0.0.1:1:" not in line
    }
    if answers:
        assert our_answers == answers
