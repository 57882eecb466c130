"""hosts.allow and hosts.deny: libwrap's decision, and what a daemon that asks it answers."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mailconf.model.world import User, run
from mailconf.sendmail.policy.hosts_access import ALLOW, DENY, HostsClient, access, unheeded
from mailconf.sendmail.rules.world import Trusting, Unable
from tests.sendmail.policy.smtp_dialogue import bench, exchange, policy_of
from tests.vectors import store

DECISIONS = store.load("hosts_access")
SESSIONS = store.load("sendmail_hosts").cases
GROUPS = [(text, list(group)) for text, group in itertools.groupby(SESSIONS, lambda case: case["text"])]


class Files:
    """Answers for files alone, and for the users nobody and root."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = {"/etc/group": "root:x:0:\nnogroup:x:65534:\n", **texts}

    async def read(self, file: str, trusting: Trusting) -> tuple[bytes, Sequence[str]]:
        if file not in self.texts:
            raise Unable("No such file or directory", missing=True)
        return self.texts[file].encode("latin-1"), ()

    async def user(self, name: str) -> User | None:
        return User(name, 65534, 65534, "/") if name in ("nobody", "root") else None


def decided(case: dict[str, Any]) -> str:
    """What we decide of the clients of a recorded case, as it is recorded."""
    lists = {f"FOLDER/{name}": text for name, text in DECISIONS.head.common["lists"].items()}
    texts = {"/" + name.lower(): text for name, text in lists.items()}
    files: Any = Files({ALLOW: _placed(case["allow"]), DENY: _placed(case["deny"]), **texts})
    clients = DECISIONS.head.common["clients"]
    return "".join("y" if run(access(files, "sendmail", HostsClient(*c))).granted else "n" for c in clients)


def _placed(text: str) -> str:
    return text.replace("FOLDER", "/folder")


def test_libwrap_s_decisions() -> None:
    wrong = [(case, answer) for case in DECISIONS.cases if (answer := decided(case)) != case["granted"]]
    assert not wrong, wrong[:2]
    letters = "".join(case["granted"] for case in DECISIONS.cases)
    assert min(letters.count("y"), letters.count("n")) > 500


@pytest.mark.parametrize(("text", "group"), GROUPS, ids=[str(n) for n in range(len(GROUPS))])
def test_the_daemon_s_replies(text: str, group: list[store.Case]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        place = bench(Path(folder))
        policy = policy_of(place, text)
        for case in group:
            for name in ("hosts.allow", "hosts.deny"):
                (Path(folder) / "etc" / name).write_text(case[name])
            assert exchange(place, policy, case) == case["exchange"], (case["hosts.allow"], case["hosts.deny"])


def test_commands_are_named_and_not_run() -> None:
    rules = (
        "sendmail: ALL: spawn touch /x\nsendmail, x: .test: twist /bin/echo\nother: ALL: spawn y\nALL: 1.: umask 077\n"
    )
    files: Any = Files({ALLOW: "sendmail: 10.: aclexec /bin/check: allow\n", DENY: rules})
    said = run(unheeded(files, "sendmail"))
    assert [line.split(": ")[0] for line in said] == [f"{ALLOW}, line 1", *(f"{DENY}, line {n}" for n in (1, 2, 4))]
    assert "refused" in said[0] and "refused" in said[2] and "refused" not in said[1]
    assert not run(access(files, "sendmail", HostsClient("unknown", "10.1.1.1"))).granted


def test_the_rule_that_decides_has_its_place() -> None:
    files: Any = Files({DENY: "# first\n\nALL: 10. \\\n 11.\nsendmail: .test\n"})
    found = run(access(files, "sendmail", HostsClient("x.test", "192.0.2.1")))
    assert not found.granted and found.file == DENY
    assert found.span is not None and found.span.first.line == 5


def test_files_that_name_each_other_end() -> None:
    files: Any = Files({DENY: "ALL: /a\n", "/a": "/b /a\n", "/b": "/a /b\n"})
    assert run(access(files, "sendmail", HostsClient("x.test", "192.0.2.1"))).granted
