"""Lays a scenario of tests/vectors/policy_scenarios.py out on disk and opens it: our Policy and its World."""

from __future__ import annotations

from pathlib import Path

from dialogue import ClosedWorld, Dialogue, dns_fixtures, policy_of
from policy_scenarios import DNS, EXAMPLE, Scenario

from mailconf.build.apply import apply
from mailconf.build.compile import compile_targets
from mailconf.build.generation import Store
from mailconf.build.plan import plan
from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.model.fileworld import FileWorld
from mailconf.postfix.policy.policy import PostfixPolicy

Difference = tuple[list[str], list[str], list[str]]

# As private_postfix.py runs it.
COMMON = {
    "compatibility_level": "3.6",
    "inet_protocols": "ipv4",
    "smtpd_authorized_xclient_hosts": "127.0.0.1",
    "alias_maps": "",
}
PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/sh\n"


def open_site(scenario: Scenario, top: Path, policy_port: int = 0) -> tuple[PostfixPolicy, FileWorld]:
    """policy_port: of the policy service that the scenario asks"""
    if scenario.example:
        return _open_example(scenario, top)
    for name, content in scenario.tables.items():
        (top / name).write_text(content.replace("@TOP@", str(top)), newline="")
    parameters = {**COMMON, **scenario.all_parameters()}
    lines = "".join(f"{name} = {value}\n" for name, value in parameters.items())
    (top / "main.cf").write_text(lines.replace("@TOP@", str(top)).replace("@POLICY@", str(policy_port)))
    (top / "master.cf").write_text("smtp inet n - n - - smtpd\n")
    policy, _ = policy_of(top)
    return policy, ClosedWorld(dns=dns_fixtures(DNS), online=bool(policy_port))


def differences(
    scenario: Scenario, recorded: list[dict[str, list[str]]], top: Path, policy_port: int = 0
) -> list[Difference]:
    """What our Policy answers and logs otherwise than ``recorded``: (session, theirs, ours)."""
    policy, world = open_site(scenario, top, policy_port)
    found: list[Difference] = []
    for session, answer in zip(scenario.sessions, recorded, strict=True):
        dialogue = Dialogue(policy, world)
        dialogue.authorize()
        pending = False
        replies = []
        for command in session:
            if command == "." and not pending:
                continue
            replies.append(dialogue.command(command))
            pending = replies[-1].startswith("354")
        theirs = [line.replace("@TOP@", str(top)) for line in answer["replies"]]
        if replies != theirs:
            found.append((session, theirs, replies))
        elif dialogue.log != [line.replace("@TOP@", str(top)) for line in answer["log"]]:
            found.append((session, answer["log"], dialogue.log))
    return found


def report(differences: list[Difference]) -> str:
    lines = [f"{len(differences)} sessions differ"]
    for session, theirs, ours in differences[:40]:
        lines.append(f"\n{session}")
        lines += [f"  real {a!r}\n  ours {b!r}" for a, b in zip(theirs, ours, strict=False) if a != b]
        if len(theirs) != len(ours):
            lines.append(f"  real {theirs[len(ours) :]}\n  ours {ours[len(theirs) :]}")
    return "\n".join(lines)


def _open_example(scenario: Scenario, top: Path) -> tuple[PostfixPolicy, FileWorld]:
    """The example with its tables built by our own writer, below a root."""
    etc = top / "etc" / "postfix"
    etc.mkdir(parents=True)
    text = (EXAMPLE / "main.cf").read_text().replace("inet_interfaces = all", "inet_interfaces = loopback-only")
    (etc / "main.cf").write_text(text + "smtpd_authorized_xclient_hosts = 127.0.0.1\n")
    (etc / "master.cf").write_text((EXAMPLE / "master.cf").read_text())
    (top / "etc" / "passwd").write_text(PASSWD)
    for name, content in scenario.tables.items():
        (top / "etc" / name if name == "aliases" else etc / name).write_text(content)
    root, sink = Root(top), Sink()
    policy, _ = policy_of(Path("/etc/postfix"), root)
    store = Store("/etc/postfix", root)
    with store.locked():
        apply(compile_targets(plan(policy.site, root, sink), root, sink, policy.smtpd.knows_restriction), store, sink)
    assert not sink.failed, [str(d) for d in sink]
    return policy, ClosedWorld(root, dns=dns_fixtures(DNS))
