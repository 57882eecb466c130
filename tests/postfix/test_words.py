"""The table tools and smtpd speak the words of the version that is named (tests/vectors/record_words.py)."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mailconf.cli import main
from mailconf.cli.postfix.postfix_tool import Messages
from mailconf.diagnostics import Sink
from mailconf.model.fileworld import FileWorld
from mailconf.model.session import NO_NAME
from mailconf.model.world import run
from mailconf.mta.answers import Answers
from mailconf.mta.headers import guard, join, split_message
from mailconf.mta.journal_figures import counted
from mailconf.mta.message import Context, Message
from mailconf.mta.smtp_service import SmtpService
from mailconf.postfix.parameters.catalogue import parameter_set
from mailconf.postfix.parameters.releases import MEANT, SETTING, chosen_release, version_numbers
from mailconf.postfix.policy.policy import PostfixPolicy, compile_policy
from mailconf.postfix.settings.configuration import Configuration
from mailconf.smtp.events import Wait
from mailconf.smtp.server import Connection
from tests.personality import PERSONALITY

VECTORS = Path(__file__).parent.parent / "vectors"
sys.path.insert(0, str(VECTORS))

from word_cases import CONTENT, FILES, HELP, HIDING, MAIN_CF, RECIPIENTS, TABLE_COMMANDS  # noqa: E402

from tests.vectors.store import load  # noqa: E402

VERSIONS = ("3.10.13", "3.7.11")
TABLES, HELPS, CONTENTS, RECEIVED = (
    {version: load(f"words_{kind}@{version}") for version in VERSIONS}
    for kind in ("tables", "help", "content", "received")
)
SETTINGS = "mydestination = localhost\nmynetworks = 127.0.0.0/8\nlocal_recipient_maps =\nrelay_domains = y.example\n"


def test_versions_before_and_after_the_words_changed_are_recorded() -> None:
    recorded = [vectors.head.version for kind in (TABLES, HELPS, CONTENTS, RECEIVED) for vectors in kind.values()]
    assert [version_numbers(version) for version in recorded] == [(3, 10), (3, 7)] * 4


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in {**FILES, "main.cf": MAIN_CF}.items():
        (tmp_path / name).write_bytes(text.encode("latin-1"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Input:
    """Standard input that ends at once behind one key."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(b"a\n")
        self.buffer = path.open("rb")


@pytest.mark.parametrize("number", range(len(TABLE_COMMANDS)), ids=[" ".join(words) for words in TABLE_COMMANDS])
@pytest.mark.parametrize("version", VERSIONS)
def test_table_tools(
    folder: Path, version: str, number: int, monkeypatch: pytest.MonkeyPatch, capfdbinary: Any
) -> None:
    tool, *arguments = TABLE_COMMANDS[number]
    monkeypatch.setattr(sys, "stdin", Input(folder / "stdin"))
    monkeypatch.setenv(SETTING, "3.10" if version.startswith("3.7") else "3.7")  # the option counts, not this
    status = main([tool, "--postfix-version", version, "-c", ".", *arguments])
    out, messages = capfdbinary.readouterr()
    recorded = TABLES[version].cases[number]
    expected = (recorded["status"], recorded["stdout"], recorded["stderr"])
    assert (status, out.decode("latin-1"), messages.decode("latin-1")) == expected


def policy_of(folder: Path, version: str, parameters: Mapping[str, str] = {}) -> PostfixPolicy:
    more = "".join(f"{name} = {value}\n" for name, value in parameters.items())
    (folder / "main.cf").write_text(MAIN_CF + SETTINGS + more)
    (folder / "master.cf").write_text("smtp inet n - n - - smtpd\n")
    sink = Sink()
    return compile_policy(Configuration.load(str(folder), sink, postfix=parameter_set(version)), sink)


@pytest.mark.parametrize("name", HELP)
@pytest.mark.parametrize("version", VERSIONS)
def test_help(tmp_path: Path, version: str, name: str) -> None:
    policy = policy_of(tmp_path, version)
    context = Context(policy, FileWorld(), lambda program, text: None, PERSONALITY, None)
    connection = Connection(SmtpService(context).options(), PERSONALITY.wording)
    answers = Answers(context, policy, connection, context.note)
    run(answers.connect())
    replies = []
    for command in HELP[name]:
        connection.receive_data(command.encode() + b"\r\n")
        while not isinstance(event := connection.next_event(), Wait):
            replies += [connection.send_reply(reply).decode() for reply in run(answers.answer(event))]
    said = [reply.removesuffix("\r\n") for reply in replies if "\r\n250" not in reply]
    recorded = HELPS[version].keyed("name")[name]
    assert (said, counted(connection.counts, bare_lf=connection.bare_lf)) == (recorded["replies"], recorded["counts"])


@pytest.mark.parametrize("number", range(len(CONTENT)))
@pytest.mark.parametrize("version", VERSIONS)
def test_from_lines_on_top_of_a_message(tmp_path: Path, version: str, number: int) -> None:
    options = SmtpService(
        Context(policy_of(tmp_path, version), FileWorld(), lambda program, text: None, PERSONALITY)
    ).options()
    content = (CONTENT[number] + "\nbody\n").encode()
    fields, rest = split_message(guard(content, options.from_lines))
    assert join(fields, rest).decode() == CONTENTS[version].cases[number]["queued"]


class Queue:
    """An intake that keeps the last message."""

    content = b""

    def new_queue_id(self) -> str:
        return "0123456789"

    async def accept(self, message: Message) -> None:
        self.content = message.content


@pytest.mark.parametrize("number", range(2 * len(RECIPIENTS)))
@pytest.mark.parametrize("version", VERSIONS)
def test_the_received_field(tmp_path: Path, version: str, number: int) -> None:
    hidden, case = divmod(number, len(RECIPIENTS))
    policy = policy_of(tmp_path, version, HIDING if hidden else {})
    queue = Queue()
    context = Context(policy, FileWorld(), lambda program, text: None, PERSONALITY, queue)
    connection = Connection(SmtpService(context).options(), PERSONALITY.wording)
    answers = Answers(context, policy, connection, context.note)
    answers.session.client_name, answers.session.client_address = NO_NAME, "127.0.0.1"
    run(answers.connect())
    recipients = "".join(f"RCPT TO:<{name}>\r\n" for name in RECIPIENTS[case])
    for text in ("EHLO client.example\r\n", "MAIL FROM:<a@b.example>\r\n", recipients, "DATA\r\n", "X-A: b\r\n.\r\n"):
        connection.receive_data(text.encode())
        while not isinstance(event := connection.next_event(), Wait):
            for reply in run(answers.answer(event)):
                connection.send_reply(reply)
    field = re.sub(rb"[A-Z][a-z]{2}, .*\)\n", b"DATE\n", queue.content.removesuffix(b"X-A: b\n"))
    assert field.decode().replace("0123456789", "ID") == RECEIVED[version].cases[number]["field"]


def test_defaults_are_those_of_the_version(tmp_path: Path) -> None:
    for version, forbidden in (("3.7", False), ("3.10", True)):
        context = Context(policy_of(tmp_path, version), FileWorld(), lambda program, text: None, PERSONALITY)
        assert SmtpService(context).options().forbid_pipelining is forbidden


def test_the_type_that_is_not_named_is_the_version_s_default(folder: Path) -> None:
    for version, name in (("3.10", "t.db"), ("3.11", "t.cdb")):
        assert main(["postmap", "--postfix-version", version, "-c", ".", "t"]) == 0
        assert (folder / name).exists()
        (folder / name).unlink()


def test_which_version_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    def installed(name: str) -> bytes:
        return b"\0mail_version=3.9.1\0"

    def missing(name: str) -> bytes:
        raise FileNotFoundError

    monkeypatch.delenv(SETTING)
    assert chosen_release(installed) == "3.9.1" and chosen_release(missing) == ""
    assert chosen_release(installed, "3.10") == "3.10"
    monkeypatch.setenv(SETTING, "3.11")
    assert chosen_release(installed) == chosen_release(missing) == "3.11" and chosen_release(missing, "3.5") == "3.5"
    assert version_numbers("3.11-20250729") == (3, 11)


def test_the_installed_version_is_read_when_it_matters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mailconf.files import Root

    monkeypatch.delenv(SETTING)
    messages = Messages("postmap")
    messages.root = Root(str(tmp_path))
    (tmp_path / "usr/sbin").mkdir(parents=True)
    (tmp_path / "usr/sbin/postconf").write_bytes(b"\0mail_version=3.10.2\0")
    assert messages.version == (3, 10)
    (tmp_path / "usr/sbin/postconf").write_bytes(b"\0mail_version=none\0")
    other = Messages("postmap")
    other.root = messages.root
    assert other.version == version_numbers(MEANT)


@pytest.mark.parametrize("tool", ["postmap", "postalias", "newaliases"])
def test_what_is_no_version_is_refused(folder: Path, tool: str, capfd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_CONFIG", ".")
    assert main([tool, "--postfix-version", "new", *(["hash:t"] if tool != "newaliases" else [])]) != 0
    assert capfd.readouterr().err == f'{tool}: fatal: "new" is not a version of Postfix; write it as 3.10 or 3.10.13\n'
