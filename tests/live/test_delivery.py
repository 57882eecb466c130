"""The queue side beside the real Postfix: the same messages give the same mailboxes, headers, bounces and log lines."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from private_postfix import PrivatePostfix, mail_version

TESTS = Path(__file__).parent.parent
sys.path.insert(0, str(TESTS / "vectors"))
sys.path.insert(0, str(TESTS / "mta"))

from record_mailbox import ALIASES, CASES, PARAMETERS, await_removed, delivered, log, send  # noqa: E402
from test_mailbox_vectors import run  # noqa: E402

from mailconf.files import Root  # noqa: E402
from mailconf.model.recipient import Identity  # noqa: E402
from mailconf.mta.identity import Workers  # noqa: E402
from mailconf.postfix.parameters.releases import ONE_FROM_LINE, version_numbers  # noqa: E402

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def postfix() -> Iterator[PrivatePostfix]:
    # Not below pytest's folder: every pytest that starts closes that one to other users, Postfix's among them.
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as private:
        private.configure(PARAMETERS, {"etc/aliases": ALIASES})
        private.postmap("hash:@TOP@/etc/aliases")
        yield private


def real(postfix: PrivatePostfix, case: tuple[str, list[str], list[str], str]) -> tuple[dict[str, str], list[str]]:
    mail = postfix.top / "mail"
    mail.mkdir(exist_ok=True)
    mail.chmod(0o1777)
    since = postfix.log.stat().st_size
    send(postfix.port, *case)
    await_removed(postfix, since)
    found = delivered(mail), log(postfix, since)
    for path in sorted(mail.rglob("*"), reverse=True):
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink()
    mail.rmdir()
    return found


def ours(top: Path, case: tuple[str, list[str], list[str], str]) -> tuple[dict[str, str], list[str]]:
    names = ("sender", "recipients", "options", "text")
    from_lines = version_numbers(mail_version()) < ONE_FROM_LINE
    return asyncio.run(asyncio.wait_for(run(top, dict(zip(names, case, strict=True)), from_lines), 60))


@pytest.mark.parametrize("name", CASES)
def test_the_same_mailboxes_and_log(postfix: PrivatePostfix, tmp_path: Path, name: str) -> None:
    assert ours(tmp_path, CASES[name]) == real(postfix, CASES[name])


PIECES = (
    "a", "bb", "c.d", "e@f", '"q r"', "(c1)", "(c (n) 2)", ",", ",", ", ", ":", ";", "<g>", "<h@i>", " ", " ", " ",
    "\n ", ".", "Mr.", "<j (k) l>", "[1.2.3.4]", "m@[1.2.3.4]", "<>", "=?utf-8?q?n?=",
)  # fmt: skip


def random_headers(seed: int, count: int) -> list[str]:
    """Values made of what addresses are made of; none begins or ends a line with white space alone."""
    dice = random.Random(seed)
    values = []
    while len(values) < count:
        value = "".join(dice.choice(PIECES) for _ in range(dice.randint(1, 9)))
        lines = value.split("\n")
        if all(line.strip() for line in lines) and value == value.strip():
            values.append(value)
    return values


@pytest.mark.parametrize("seed", range(8))
def test_random_address_lists_are_rewritten_alike(postfix: PrivatePostfix, tmp_path: Path, seed: int) -> None:
    lines = "".join(f"To: {value}\nX-N: {n}\n" for n, value in enumerate(random_headers(seed, 120)))
    case = ("a@example.org", ["games@example.com"], [], f"{lines}\nbody\n")
    (expected, _), (found, _) = real(postfix, case), ours(tmp_path, case)
    pairs = zip(found["games"].split("X-N"), expected["games"].split("X-N"), strict=True)
    assert [pair for pair in pairs if pair[0] != pair[1]] == []


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users reach."""
    with tempfile.TemporaryDirectory() as top:
        Path(top).chmod(0o755)
        yield Path(top)


def test_a_root_mta_writes_as_the_recipient(open_folder: Path) -> None:
    assert os.geteuid() == 0, "the live tests run as root"
    spool = open_folder / "mail"
    spool.mkdir()
    spool.chmod(0o1777)

    async def main() -> None:
        workers = Workers(Root("/"))
        mbox = {"kind": "mbox", "path": str(spool / "box"), "limit": 0, "required": False}
        folder = {"kind": "maildir", "path": str(spool / "dir"), "limit": 0}
        for request in (mbox, folder):
            assert await workers.write(request, b"From x\n\n", Identity(65534, 65534)) == {"warnings": []}
        roots = open_folder / "roots"
        roots.mkdir(mode=0o755)
        answer = await workers.write({**mbox, "path": str(roots / "box")}, b"From x\n\n", Identity(65534, 65534))
        assert answer == {"warnings": [f"unable to create lock file {roots}/box.lock: Permission denied"]}
        theirs = open_folder / "theirs"
        theirs.write_bytes(b"not yours")
        theirs.chmod(0o600)
        refused = await workers.write({**mbox, "path": str(theirs)}, b"x", Identity(65534, 65534))
        assert refused["text"] == "cannot open file: Permission denied"
        await workers.close()

    asyncio.run(main())
    for path in (open_folder / "roots" / "box", spool / "box", spool / "dir", next((spool / "dir" / "new").iterdir())):
        assert (path.stat().st_uid, path.stat().st_gid) == (Identity(65534, 65534))
