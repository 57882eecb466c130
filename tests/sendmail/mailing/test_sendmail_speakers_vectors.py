"""Whom mailers speak LMTP or SMTP with, and as whom a program for that runs, as by sendmail (sendmail_speakers.jsonl).

What is said is compared in tests/live/test_sendmail_speakers_live.py; tests/mta/test_speaking_programs.py runs some.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mailconf.cli.shared.sendmail_daemon import compiled
from mailconf.files import Root
from mailconf.model.fileworld import FileWorld
from mailconf.model.letter import Letter, Peer
from mailconf.model.recipient import Recipient
from mailconf.model.transport import AgentKind
from mailconf.model.world import Ask, run
from mailconf.sendmail.mailing.handing import spoken_to
from mailconf.sendmail.policy import SendmailPolicy
from mailconf.smtp.ehlo import Ehlo
from tests.sendmail.mailing.test_sendmail_mailers_vectors import groups_of
from tests.vectors import store
from tests.vectors.sendmail_speakers_cases import FILES, FOLDERS, PORT, SOCKET, site

CASES = store.load("sendmail_speakers").cases
RUN = [case for case in CASES if case["programs"] and case["programs"][0]["argv"][0] == "/srv/speaker"]


class Sites:
    """The Policies of the sites, each compiled when it is first asked for."""

    def __init__(self, top: Path) -> None:
        for name in FOLDERS:
            (top / name[1:]).mkdir(parents=True, exist_ok=True)
        for name, (text, *_) in FILES.items():
            (top / name[1:]).parent.mkdir(parents=True, exist_ok=True)
            (top / name[1:]).write_text(text)
        self.root = Root(top)
        self.world = FileWorld(self.root, trace=False)
        self._policies: dict[str, SendmailPolicy] = {}

    def policy(self, name: str) -> SendmailPolicy:
        if name not in self._policies:
            self.root.path(f"/etc/mail/{name}.cf").write_text(site(name))
            self._policies[name] = compiled(self.root, f"/etc/mail/{name}.cf", (), lambda problem: None)
        return self._policies[name]

    def peer(self, case: dict[str, Any]) -> tuple[str, Peer | None]:
        """The mailer of a case, and whom it speaks with."""
        policy, ask = self.policy(case["site"]), Ask(self.world)
        recipients = []
        for address in case["recipients"]:
            (recipient,) = run(policy.expand(Recipient(address, address), ask)).recipients
            recipients.append((recipient, run(policy.resolve(recipient.address, ask))))
        mailer = recipients[0][1].transport
        letter = Letter("ID", case["sender"], tuple(recipients), b"Subject: x\n\nx\n", 0.0, 0.0)
        return mailer, run(spoken_to(policy, letter, mailer, ask))


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Sites:
    return Sites(tmp_path_factory.mktemp("site"))


@pytest.mark.parametrize("case", RUN, ids=[f"{n}-{case['recipients'][0]}" for n, case in enumerate(RUN)])
def test_programs_are_run_as_the_original_runs_them(case: dict[str, Any], sites: Sites) -> None:
    mailer, peer = sites.peer(case)
    wanted = case["programs"][0]
    assert peer is not None and peer.program is not None
    program = peer.program
    assert ["/srv/speaker", *program.argv[1:]] == wanted["argv"]
    assert [f"{name}={value}" for name, value in program.environment.items()] == wanted["environment"]
    assert ([str(program.identity.uid)] * 2, [str(program.identity.gid)] * 2) == (wanted["uid"], wanted["gid"])
    assert groups_of(program) == wanted["groups"]
    transport = sites.policy(case["site"]).site.transports[mailer]
    first = wanted["stdin"].partition(" ")[0]
    assert (transport.agent is AgentKind.LMTP) == (not first or first == "LHLO")
    if first == "HELO":
        assert transport.ways.ehlo is Ehlo.OFFERED


def test_sockets_and_hosts_of_a(sites: Sites) -> None:
    asked = {case["recipients"][0].partition("@")[2]: case for case in CASES}
    _, socket = sites.peer(asked["socket.mailer"])
    assert socket is not None and socket.path == SOCKET
    _, lacking = sites.peer(asked["nosocket.mailer"])
    assert lacking is not None and lacking.problem == "No such file or directory"
    assert "stat=Deferred: No such file or directory" in asked["nosocket.mailer"]["log"][-1]
    _, host = sites.peer(asked["host.mailer"])
    assert host is not None and (host.host, host.port) == ("[127.0.0.1]", str(PORT))


def test_a_file_is_no_socket(sites: Sites, tmp_path: Path) -> None:
    from mailconf.sendmail.mailing.handing import unsafe_socket

    (tmp_path / "file").write_text("x")
    assert unsafe_socket(str(tmp_path / "file")) == "Socket operation on non-socket"
