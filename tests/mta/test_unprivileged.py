"""serve without root: what root could deliver waits; nothing bounces for want of a permission (docs/serve.md)."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path
from typing import Any

import pytest

from mailconf import personal
from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.model.fileworld import FileWorld
from mailconf.model.recipient import Identity
from mailconf.model.trace import Trace
from mailconf.model.verdict import DeliveryKind, Route
from mailconf.model.world import Ask, User, run
from mailconf.mta import mailbox
from mailconf.mta.identity import Workers
from mailconf.postfix.policy.policy import compile_policy
from mailconf.postfix.settings.configuration import Configuration

ME = 12345


@pytest.fixture(autouse=True)
def not_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: ME)


def write(path: Path | str, uid: int | None, *, root: str = "/", kind: str = "mbox") -> dict[str, Any]:
    async def main() -> dict[str, Any]:
        workers = Workers(Root(root))
        try:
            request = {"kind": kind, "path": str(path), "limit": 0, "required": False, "mailbox": path != os.devnull}
            return await workers.write(request, b"From a\n\nx\n", Identity(uid, uid))
        finally:
            await workers.close()

    return asyncio.run(asyncio.wait_for(main(), 30))


@pytest.mark.parametrize("kind", ["mbox", "maildir"])
@pytest.mark.parametrize("uid", [0, ME + 1, None])  # None is nobody, as whom files of aliases(5) are written
def test_mail_for_another_user_waits(tmp_path: Path, kind: str, uid: int | None) -> None:
    answer = write(tmp_path / "box", uid, kind=kind)
    assert answer["dsn"] == "4.3.0" and answer["text"].endswith("without root privileges")
    assert list(tmp_path.iterdir()) == []


def test_mail_for_oneself_is_delivered(tmp_path: Path) -> None:
    assert write(tmp_path / "box", ME) == {"warnings": []}
    assert write(tmp_path / "dir", ME, kind="maildir") == {"warnings": []}
    assert (tmp_path / "box").read_bytes() == b"From a\n\nx\n"


def test_everybody_may_discard() -> None:
    assert write(os.devnull, None) == {"warnings": []}


@pytest.mark.parametrize("root", ["/", "below"])
@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_what_is_not_permitted_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: str, number: int) -> None:
    """One's own mailbox in /var/mail, where only root and the group mail make files."""
    (tmp_path / "below").mkdir()

    def refused(*_: object, **__: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(mailbox.os, "open", refused)
    answer = write(tmp_path / "box", ME, root="/" if root == "/" else str(tmp_path / root))
    assert answer["dsn"] == "4.3.0" and os.strerror(number) in answer["text"]


def test_other_failures_are_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()
    assert write(tmp_path / "box", ME)["dsn"] == "5.2.0"


def test_root_is_refused_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by local 3.7: what not even root may write bounces."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    def refused(*_: object, **__: object) -> int:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(mailbox.os, "open", refused)
    assert write(tmp_path / "box", 0)["dsn"] == "5.2.0"


def test_a_file_that_another_user_may_read_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """An :include: file that only its owner reads: the mail waits; where the user cannot read it either, it bounces."""
    refused = personal.PersonalFile(mode=0o100600, reason=os.strerror(errno.EACCES))
    monkeypatch.setattr(personal, "_read", lambda path, follow: refused)
    assert [personal.look("/x", user).unknown for user in (None, (ME + 1, 1), (ME, 1))] == [True, True, False]


def test_mail_for_such_a_file_waits(tmp_path: Path) -> None:
    class Unreadable(FileWorld):
        async def file(self, path: str, user: User | None, *, follow: bool) -> personal.PersonalFile:
            return personal.PersonalFile(mode=0o100600, reason="Permission denied", unknown=True)

    main_cf = "myhostname = a.test\nmydestination = a.test\nalias_maps = inline:{list=:include:/list}\n"
    (tmp_path / "main.cf").write_text(main_cf)
    (tmp_path / "master.cf").write_text("local unix - n n - - local\n")
    policy = compile_policy(Configuration.load(str(tmp_path), Sink()), Sink())
    route = Route("local", "a.test", "list@a.test", "local", Trace())
    found = run(policy.deliver(route, Ask(Unreadable()), sender="a@b.test"))
    (item,) = found.items
    assert item.kind is DeliveryKind.ERROR and item.reply is not None and item.reply.code == 451
    assert found.warnings == ("/list: cannot be read without root privileges",)
