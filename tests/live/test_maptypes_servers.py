"""tcp, socketmap and memcache tables side by side with the real postmap: the same server answers both."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mailconf.maps.core.table import TemporaryFailure
from mailconf.maps.registry import open_table
from mailconf.postfix.parameters.releases import version_numbers
from tests.live.private_postfix import mail_version
from tests.live.query_tables import write_config
from tests.live.rule_tables import utf8_folder

sys.path.append(str(Path(__file__).parents[1] / "maps"))
import table_server
import test_memcache
import test_socketmap
import test_tcp

pytestmark = pytest.mark.live

SPEC = {"tcp": "tcp:127.0.0.1:{}", "socketmap": "socketmap:inet:127.0.0.1:{}:map"}
READ: dict[str, Callable[..., bytes]] = {"tcp": table_server.lines, "socketmap": table_server.netstrings}
SCRIPT = {"tcp": test_tcp, "socketmap": test_socketmap}
# The original tries these ten times, a second apart.
SLOW = {"larger", "unended", "gone"}
EMPTY_OK = version_numbers(mail_version()) >= (3, 10)
CASES = [(kind, key) for kind, script in SCRIPT.items() for key in script.REPLIES if kind != "tcp" or key not in SLOW]


@pytest.mark.parametrize(("kind", "key"), [*CASES, ("tcp", "A b%\u00e9\x7f"), ("socketmap", "A b%\u00e9\x7f")])
def test_answers(tmp_path: Path, kind: str, key: str) -> None:
    postfix = utf8_folder(tmp_path / "postfix")
    with table_server.scripted(READ[kind], SCRIPT[kind].answer) as server:
        spec = SPEC[kind].format(server.place)
        done = subprocess.run(["postmap", "-c", postfix, "-q", key, spec], capture_output=True)
        table = open_table(spec)
        try:
            value = table.lookup(key.encode())
        except TemporaryFailure as problem:
            assert b": fatal: table " in done.stderr
            said = done.stderr.decode().split("\n")[0].removeprefix("postmap: warning: ")
            assert str(problem) == said or "query error" in said
        else:
            said = b"" if value is None else value + b"\n"
            # docs/departures.md: "OK" without a space
            assert done.stdout == said or (key == "bare" and EMPTY_OK and (done.stdout, said) == (b"\n", b""))
        table.close()
    assert server.requests[: len(server.requests) // 2] == server.requests[len(server.requests) // 2 :]


@pytest.mark.parametrize("key", [*test_memcache.REPLIES, "a b", "A", "k" * 300])
def test_memcache_answers(tmp_path: Path, key: str) -> None:
    postfix = utf8_folder(tmp_path / "postfix")
    with table_server.scripted(test_memcache.read, test_memcache.answer) as server:
        write_config(tmp_path / "t.cf", test_memcache.config(server.place))
        spec = f"memcache:{tmp_path / 't.cf'}"
        done = subprocess.run(["postmap", "-c", postfix, "-q", key, spec], capture_output=True)
        table = open_table(spec, fold=bytes.lower)
        try:
            value = table.lookup(key.encode())
        except TemporaryFailure:
            assert b": fatal: table " in done.stderr
        else:
            assert done.stdout == (b"" if value is None else value + b"\n")
            assert b": fatal: " not in done.stderr
        table.close()
    assert server.requests[: len(server.requests) // 2] == server.requests[len(server.requests) // 2 :]
