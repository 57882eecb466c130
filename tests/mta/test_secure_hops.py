"""Deliveries with TLS and logins go as with the real smtp(8) (tests/vectors/secure_hops.jsonl)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from client_fixture import CONTENT, FakeResolver

from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.model.fileworld import FileWorld
from mailconf.model.security import HopAsked
from mailconf.model.trace import Trace
from mailconf.model.verdict import Route
from mailconf.model.world import Ask, run
from mailconf.mta.message import Context, Job, Message, Recipient, Result
from mailconf.mta.smtp_client import SmtpAgent
from mailconf.mta.world import MtaWorld
from mailconf.postfix.parameters.catalogue import recorded
from mailconf.postfix.policy.policy import PostfixPolicy, compile_policy
from mailconf.postfix.settings.configuration import Configuration
from tests.auth_server import encoded
from tests.personality import PERSONALITY
from tests.secure_server import neutral
from tests.vectors.record_secure_hops import filled, server_of, write_certificates
from tests.vectors.secure_hops import HOPS
from tests.vectors.store import load

VECTORS = load("secure_hops")
RECORDED = VECTORS.keyed("name")
# Here a password is looked up before the connection is made.
UNMADE = ("passwords that cannot be looked up",)
MASTER = "smtp inet n - n - - smtpd\nsmtp unix - - n - - smtp\nrelay unix - - n - - smtp\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("hops")
    write_certificates(top)
    return top


def policy_of(folder: Path, settings: dict[str, str]) -> PostfixPolicy:
    (folder / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
    (folder / "master.cf").write_text(MASTER)
    sink = Sink()
    return compile_policy(Configuration.load(str(folder), sink), sink)


def deliver(folder: Path, settings: dict[str, str], nexthop: str, waited: float = 0.0) -> tuple[Result, list[str]]:
    """What becomes of a message that came ``waited`` seconds ago, and the log."""
    lines: list[str] = []

    async def main() -> Result:
        policy = policy_of(folder, settings)
        resolver = FakeResolver(listed="127.0.0.1 localhost\n")
        world = MtaWorld(FileWorld(), resolver)
        context = Context(policy, world, lambda program, text: lines.append(text), PERSONALITY)
        to = Recipient("x@y.example", "")
        message = Message("QID", "a@b.example", [to], CONTENT, world.now() - waited)
        job = Job(
            message, [(to, Route("smtp", nexthop, to.address, "default", Trace()))], "smtp", nexthop, policy, world
        )
        (result,) = await asyncio.wait_for(SmtpAgent(context, resolver, root=Root()).deliver(job), 30)
        return result

    return asyncio.run(main()), lines


def status_line(result: Result) -> str:
    return f"to=<x@y.example>, relay={result.relay}, dsn={result.dsn}, status={result.status.value} ({result.text})"


def test_the_recording_is_of_these_hops() -> None:
    assert VECTORS.head.version == "3.7.11"
    assert set(RECORDED) == set(HOPS) and len(RECORDED) > 80


@pytest.mark.parametrize("name", RECORDED)
def test_as_recorded(name: str, folder: Path) -> None:
    hop, answered = HOPS[name], RECORDED[name]
    with server_of(hop, folder) as server:
        settings = filled({**VECTORS.head.common["settings"], **hop.settings}, folder, server.port)
        result, lines = deliver(folder, settings, f"[localhost]:{server.port}")
    mine = status_line(result).replace(str(server.port), "PORT")
    theirs = next(line for line in answered["log"] if " status=" in line)
    assert mine == theirs.replace("to=<x@y.example>, orig_to=<x@y.example>", "to=<x@y.example>"), (
        lines,
        server.sessions,
    )
    (sessions,) = answered["sessions"][:1] or [[]]  # a bounce is sent in the next one
    ours = [neutral(each) for each in server.sessions]
    if name in UNMADE:
        assert ours == []
    elif result.text == "Server certificate not verified":
        assert [[command for command in each if command != "<TLS>"] for each in ours] == [
            [command for command in sessions if command != "<TLS>"]
        ]
    else:
        assert ours == ([sessions] if sessions else [])
        assert any("TLS connection established" in line for line in lines) == ("<TLS>" in sessions)
    assert not any("secret" in line or encoded("\0ann\0secret") in line for line in lines)


@pytest.mark.parametrize(
    ("settings", "waited", "status"),
    [
        ({"smtp_tls_security_level": "may"}, 301.0, "sent"),
        ({"smtp_tls_security_level": "may"}, 290.0, "deferred"),
        ({"smtp_tls_security_level": "encrypt"}, 301.0, "deferred"),
        ({"smtp_tls_security_level": "may", **HOPS["plain"].settings}, 301.0, "deferred"),
    ],
)
def test_in_the_clear_after_a_failed_handshake(
    folder: Path, settings: dict[str, str], waited: float, status: str
) -> None:
    """Only where that is allowed, nothing secret is said, and the message has waited for minimal_backoff_time."""
    with server_of(HOPS["may, no handshake"], folder) as server:
        common = filled({**VECTORS.head.common["settings"], **settings}, folder, server.port)
        result, _ = deliver(folder, common, f"[localhost]:{server.port}", waited)
    assert result.status.value == status, result
    assert not any("<TLS>" in session for session in server.sessions)


def test_no_password_in_a_trace(folder: Path) -> None:
    """Nor a table that has it in its name; the steps are there all the same."""
    (folder / "passwords").write_text("localhost ann:hunter2\n")
    for table in ("inline:{localhost=ann:hunter2}", f"texthash:{folder}/passwords", "static:ann:hunter2"):
        policy = policy_of(folder, {"smtp_sasl_auth_enable": "yes", "smtp_sasl_password_maps": table})
        ask = Ask(FileWorld())
        found = run(policy.security(HopAsked("smtp", "localhost", "localhost", 25, "localhost", "a@b.example"), ask))
        assert found.login is not None and found.login.credentials.password == "hunter2"
        assert "hunter2" not in f"{ask.trace.steps} {found}" and len(ask.trace.steps) == 1
        assert any("localhost" in step.detail for step in ask.trace.steps)


def test_a_delimiter_of_its_own(folder: Path) -> None:
    settings = {
        "smtp_sasl_auth_enable": "yes",
        "smtp_sasl_password_maps": "inline:{localhost=a:b!c}",
        "smtp_sasl_password_result_delimiter": "!",
    }
    (folder / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
    newest = recorded()[-1]
    policy = compile_policy(Configuration.load(str(folder), Sink(), postfix=newest), Sink())
    found = run(policy.security(HopAsked("smtp", "x", "localhost", 25, "x", ""), Ask(FileWorld())))
    assert found.login is not None and tuple(found.login.credentials) == ("a:b", "c")
