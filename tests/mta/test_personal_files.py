"""Whose files local and virtual open, and with whose rights: what Postfix did (personal.jsonl), ours does too.

Files of several owners need root. The cases that another user can lay out are in tests/core/test_personal.py.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mta_fixture import Mta

VECTORS = Path(__file__).parents[1] / "vectors"
sys.path[:0] = [str(VECTORS), str(VECTORS.parent / "live"), str(VECTORS.parent / "postfix")]

from dialogue import policy_of  # noqa: E402
from personal_scenarios import ALIASES, BASE, CASES, Case, lay_out, state  # noqa: E402

from mailconf.diagnostics import Sink  # noqa: E402
from mailconf.files import Root  # noqa: E402
from mailconf.maps.build.write import write_map  # noqa: E402
from mailconf.model.fileworld import FileWorld  # noqa: E402
from mailconf.mta.message import Recipient  # noqa: E402
from mailconf.mta.resolver import Resolver  # noqa: E402
from mailconf.mta.world import MtaWorld  # noqa: E402
from mailconf.source import Source, encode  # noqa: E402
from mailconf.tables.aliases import read_aliases  # noqa: E402
from mailconf.tables.postmap import fold  # noqa: E402
from tests.vectors.store import load  # noqa: E402

RECORDED = load("personal").keyed("name")
MASTER = "".join(f"{name} unix - n n - - {name}\n" for name in ("local", "virtual", "discard"))
_RESULT = re.compile(r"(\w+): (\w+): to=<(.*?)>, (?:orig_to=<.*?>, )?relay=.*?, dsn=(.*?), status=(\w+) \((.*)\)\Z")

# Where ours is stricter (docs/departures.md), or finds the same fault in another step.
LINK = "file is a symbolic link"
DENIED = "mail system configuration error"
OTHERWISE = {
    "include of a user's link to a secret": [["local", "inc@example.com", "5.3.5", "bounced", DENIED]],
    "file that leads nowhere": ("cannot open file: No such file or directory", LINK),
    "local mailbox that leads to a secret": ("cannot open file: Permission denied", LINK),
    "virtual mailbox that leads to a secret": ("cannot open file: Permission denied", LINK),
    "include that is empty": None,  # the original takes the message and delivers it nowhere, without a word
    # An mbox of virtual users below a folder that only root may write: no lock either way.
    "virtual spool of root, mailbox of another": None,
    "virtual spool of root, link": None,
}


@pytest.fixture
def top() -> Iterator[Path]:
    """A folder that other users reach, which pytest's own is not."""
    if os.geteuid() != 0:
        pytest.skip("files of several owners need root")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def answer(top: Path, case: Case) -> tuple[list[list[str]], list[str]]:
    lay_out(top, case)
    (top / "etc").mkdir(exist_ok=True)
    (top / "queue").mkdir(exist_ok=True)
    parameters = {**BASE, "queue_directory": str(top / "queue"), "compatibility_level": "3.6", **case.parameters}
    lines = "".join(f"{name} = {value}\n" for name, value in parameters.items())
    (top / "etc/main.cf").write_text(lines.replace("@TOP@", str(top)))
    (top / "etc/master.cf").write_text(MASTER)
    (top / "aliases").write_text(ALIASES.replace("@TOP@", str(top)))
    entries = read_aliases(Source.read(Root(), top / "aliases"), Sink())
    write_map("hash", top / "aliases.db", [(fold(encode(e.key)), encode(e.value)) for e in entries])
    os.chown(top / "aliases.db", case.aliases, case.aliases)
    policy, _ = policy_of(top / "etc")
    return asyncio.run(asyncio.wait_for(_deliver(top, policy, case.recipient), 60))


async def _deliver(top: Path, policy: Any, recipient: str) -> tuple[list[list[str]], list[str]]:
    mta = Mta(top, Root("/"))
    mta.context.policy = policy
    mta.context.world = MtaWorld(FileWorld(), Resolver(), lambda: mta.world.time)
    async with mta:
        address = recipient if "@" in recipient else f"{recipient}@example.com"
        queue_id = await mta.send("s@sender.example", Recipient(address, address))
        found = []
        for line in mta.lines:
            match = _RESULT.match(line)
            if match and match[2] == queue_id:
                agent, _, to, dsn, status, text = match.groups()
                if forwarded := re.match(r"forwarded as (\w+)", text):
                    anew = [m for m in map(_RESULT.match, mta.lines) if m and m[2] == forwarded[1]]
                    found.append(["forward", "s@sender.example", *sorted({m[3] for m in anew})])
                else:
                    found.append([agent, to, dsn, status, text.replace(str(top), "@TOP@")])
        warned = [line.replace(str(top), "@TOP@") for line in mta.lines if re.match(r"(local|virtual): warning", line)]
        return sorted(found), warned


@pytest.mark.parametrize("name", CASES)
def test_as_recorded(name: str, top: Path) -> None:
    recorded = RECORDED[name]
    other = OTHERWISE.get(name, ())
    if other is None:
        return
    results, warned = answer(top, CASES[name])
    expected = recorded["results"]
    if isinstance(other, list):
        expected = other
    elif other:
        expected = [[*first, text.replace(*other)] for *first, text in expected]
    assert [_timeless(result) for result in results] == [_timeless(result) for result in expected]
    if not isinstance(other, list):
        assert state(top) == recorded["state"]
        assert [w for w in warned if "lock file" not in w] == [_plain(w) for w in recorded["warnings"]]


def _timeless(result: list[str]) -> list[str]:
    return [re.sub(r"/tmp/\d+\.\S+:", "/tmp/NAME:", text) for text in result]


def _plain(warning: str) -> str:
    """A recorded warning as we word it: without the queue id and the flags of a table."""
    return re.sub(r"\(0,.*\)$", "", warning.removeprefix("postfix/").replace("ID: ", ""))
