"""Values that name files, tables of types that are not there, and postscreen: ours beside the real Postfix."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / name) for name in ("vectors", "live", "postfix", "cli")]

from list_scenarios import ORIGINS, scenarios  # noqa: E402
from policy_replay import differences, report  # noqa: E402
from private_postfix import MASTER, PrivatePostfix  # noqa: E402
from site_fixture import mailconf  # noqa: E402
from test_rewriting_vectors import open_policy  # noqa: E402

from mailconf.model.address import external  # noqa: E402

pytestmark = pytest.mark.live


def test_some_of_the_recorded_answers_are_still_given(tmp_path: Path) -> None:
    """Every eighth scenario, recorded anew in a process with a DNS of its own."""
    asked = scenarios()[::8]
    done = subprocess.run(
        [sys.executable, "-m", "tests.vectors.record_policy", "-"],
        cwd=TESTS.parent,
        input=json.dumps([vars(scenario) for scenario in asked]),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    recorded = json.loads(done.stdout)
    for number, scenario in enumerate(asked):
        folder = tmp_path / str(number)
        folder.mkdir()
        found = differences(scenario, recorded[scenario.name]["answers"], folder)
        assert not found, f"{scenario.name}: {report(found)}"


class Screened(PrivatePostfix):
    """Its port is postscreen's, and the smtpd behind it has a setting of its own."""

    def __init__(
        self, top: Path, smtpd: str = "smtpd pass - - n - - smtpd -o smtpd_relay_restrictions=reject\n"
    ) -> None:
        super().__init__(top)
        self.smtpd = smtpd

    def master(self) -> str:
        first = MASTER.partition("\n")[2]
        return f"127.0.0.1:{self.port} inet n - n - 1 postscreen\n{self.smtpd}{first}"

    def configure(self, parameters: dict[str, str], files: dict[str, str] | None = None, text: str = "") -> None:
        running, self._running = self._running, False
        super().configure(parameters, files)
        (self.etc / "master.cf").write_text(self.master())
        self._running = running
        if running:
            self._postfix("stop")
            self._start()


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not below pytest's folder: every pytest that starts closes that one to other users, Postfix's among them.
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def test_a_client_comes_through_postscreen_to_its_smtpd(folder: Path) -> None:
    with Screened(folder) as postfix:
        client = postfix.client()
        theirs = [client.command(line) for line in ("EHLO a.test", "MAIL FROM:<a@b.test>", "RCPT TO:<root@localhost>")]
        client.close()
        options = ("--from", "a@b.test", "--to", "root@localhost", "--format", "json")
        answer = json.loads(mailconf("explain", str(postfix.etc), *options).stdout)
    assert answer["asked"]["service"]["behind"]["program"] == "postscreen"
    ours = [f"{step['code']} {'|'.join(step['reply'])}" for step in answer["steps"][2:]]
    assert (
        ours == theirs[1:] == ["250 2.1.0 Ok", "554 5.7.1 <root@localhost>: Recipient address rejected: Access denied"]
    )


@pytest.mark.parametrize("name", list(ORIGINS)[::3])  # the others are recorded
def test_the_origin_of_bare_addresses(name: str, folder: Path, tmp_path: Path) -> None:
    parameters = {"myorigin": "@TOP@/origin", "myhostname": "mail.example.com"}
    (folder / "origin").write_text(ORIGINS[name], newline="")
    (tmp_path / "origin").write_text(ORIGINS[name], newline="")
    with PrivatePostfix(folder) as postfix:
        postfix.configure(parameters)
        theirs = [postfix.canonify(address) for address in ("root", "root@host", "")]
    policy = open_policy(tmp_path, {**parameters, "myorigin": str(tmp_path / "origin")})
    assert [external(policy.rewriter.standard(address)) for address in ("root", "root@host", "")] == theirs


@pytest.mark.parametrize("tool", ["postmap", "postalias"])
@pytest.mark.parametrize("kind", ["nis", "nosuch"])
@pytest.mark.parametrize("options", [("-q", "root"), ("-s",), ("-d", "root"), (), ("-q", "-")], ids=" ".join)
def test_the_tools_and_types_that_are_not_there(tmp_path: Path, tool: str, kind: str, options: tuple[str, ...]) -> None:
    (tmp_path / "main.cf").write_text("compatibility_level = 3.6\nmyhostname = a.example.com\n")
    (tmp_path / "t").write_text("a: b\n")
    arguments = ["-c", str(tmp_path), *options, f"{kind}:{tmp_path}/t"]

    def said(*command: str) -> tuple[int, str, str]:
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False, input="x\ny\n")
        return done.returncode, done.stdout, done.stderr

    assert said(sys.executable, "-m", "mailconf", tool) == said(tool)


FILES = {
    "missing": None,
    "empty": "",
    "empty line": "\na.test\n",
    "two words": "a.test b.test\n",
    "hard links": "a.test\n",
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_the_origin_that_stops_the_tools(tmp_path: Path, name: str) -> None:
    text, file = FILES[name], tmp_path / "mailname"
    if text is not None:
        file.write_text(text)
    if name == "hard links":
        (tmp_path / "other").hardlink_to(file)
    (tmp_path / "main.cf").write_text(f"compatibility_level = 3.6\nmyhostname = a.example.com\nmyorigin = {file}\n")
    arguments = ["-c", str(tmp_path), "-q", "x", "static:y"]

    def said(*command: str) -> tuple[int, str, str]:
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    for tool in ("postmap", "postalias"):
        theirs = said(tool)
        assert theirs[0] == 1
        assert said(sys.executable, "-m", "mailconf", tool) == theirs
