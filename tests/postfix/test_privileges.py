"""What only some clients may do (`Policy.may`). The answers are Postfix 3.7.11's, to a client at 127.0.0.1."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.model.fileworld import FileWorld
from mailconf.model.policy import Privilege
from mailconf.model.session import Session, Verified
from mailconf.model.world import Ask, LookupFailed, run
from mailconf.postfix.policy.policy import PostfixPolicy, compile_policy
from mailconf.postfix.settings.configuration import Configuration

LISTS = {
    Privilege.XCLIENT: "smtpd_authorized_xclient_hosts",
    Privilege.XFORWARD: "smtpd_authorized_xforward_hosts",
    Privilege.BARE_NEWLINES: "smtpd_forbid_bare_newline_exclusions",
    Privilege.UNLIMITED: "smtpd_client_event_limit_exceptions",
}


def policy_of(folder: Path, *lines: str) -> PostfixPolicy:
    begin = ("compatibility_level = 3.6", "myhostname = mail.example.com", "mynetworks = 127.0.0.0/8")
    (folder / "main.cf").write_text("".join(f"{line}\n" for line in (*begin, *lines)))
    (folder / "master.cf").write_text("smtp inet n - n - - smtpd\n")
    sink = Sink()
    return compile_policy(Configuration.load(str(folder), sink), sink)


def local() -> Session:
    return Session(client_name=Verified.found("localhost"), reverse_name=Verified.found("localhost"))


def may(policy: PostfixPolicy, privilege: Privilege) -> bool | None:
    """None where a table cannot tell."""
    try:
        return run(policy.may(local(), privilege, Ask(FileWorld(Root()))))
    except LookupFailed:
        return None


@pytest.mark.parametrize(("privilege", "parameter"), LISTS.items(), ids=LISTS.values())
@pytest.mark.parametrize(
    ("clients", "expected"),
    [
        ("127.0.0.1", True),
        ("192.0.2.1", False),
        ("cidr:{{127.0.0.0/8 x}}", True),
        ("inline:{{127.0.0.1=x}}", True),
        ("regexp:{{/./ x}}", True),
        ("static:all", True),
        ("fail:x", None),
        ("127.0.0.1 fail:x", True),
        ("!127.0.0.1 fail:x", False),
        ("", False),
    ],
)
def test_lists_of_clients(
    tmp_path: Path, privilege: Privilege, parameter: str, clients: str, expected: bool | None
) -> None:
    assert may(policy_of(tmp_path, f"{parameter} = {clients}"), privilege) is expected


@pytest.mark.parametrize(
    ("words", "networks", "expected", "reply"),
    [
        ("permit_inet_interfaces", "", True, 250),
        ("PERMIT_INET_INTERFACES", "", True, 250),
        ("permit_mynetworks", "127.0.0.0/8", True, 250),
        ("permit_mynetworks", "192.0.2.0/24", False, 250),
        ("permit_mynetworks", "fail:y", None, 451),
        ("permit_sasl_authenticated", "", False, 250),
        ("check_address_map fail:x", "", None, 451),
        ("check_address_map inline:{{127.0.0.1=x}}", "", True, 250),
        ("check_address_map inline:{{127.0.0=x}}", "", False, 250),
        ("check_address_map inline:{{127.0.0.1=}}", "", None, 451),
        ("check_address_map cidr:{{127.0.0.0/8 x}}", "", True, 250),
        ("inline:{{127.0.0.1=x}}", "", True, 250),
        ("nonsense", "", False, 250),
        ("nonsense permit_inet_interfaces", "", True, 250),
        ("", "", False, 250),
    ],
)
def test_whose_header_addresses_are_local(
    tmp_path: Path, words: str, networks: str, expected: bool | None, reply: int
) -> None:
    lines = [f"local_header_rewrite_clients = {words}", *([f"mynetworks = {networks}"] if networks else [])]
    policy = policy_of(tmp_path, *lines)
    assert may(policy, Privilege.LOCAL_HEADERS) is expected
    session = local()
    session.sender = "a@from.example"
    verdict = run(policy.begin(session).mail(Ask(FileWorld(Root()))))
    assert verdict.reply.code == reply
    if reply == 451:
        wrong = "4.3.5 Server configuration error" if words.endswith("=}}") else "4.3.0 Temporary lookup error"
        assert verdict.reply.lines == (wrong,)
