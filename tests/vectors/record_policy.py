"""Records what the real Postfix answers to policy_scenarios.py, as policy.json. Needs root, for a DNS of its own.

python tests/vectors/record_policy.py

Of a Postfix with another version than policy.json's, the sessions that it answers otherwise are written to
policy_others.json, under its version. Run it on machines with other versions (tests/machines).
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "live"), str(HERE.parent / "postfix"), str(HERE.parents[1])]

from dialogue import normal_log, normal_reply  # noqa: E402
from fixture_dns import isolate, serve  # noqa: E402
from policy_scenarios import DNS, EXAMPLE, Scenario, scenarios  # noqa: E402
from policy_server import PolicyServer  # noqa: E402
from private_postfix import PrivatePostfix, mail_version  # noqa: E402
from refusal_scenarios import refusals  # noqa: E402


def configure(postfix: PrivatePostfix, scenario: Scenario, policy_port: int) -> None:
    if not scenario.example:
        parameters = scenario.all_parameters()
        filled = {name: value.replace("@POLICY@", str(policy_port)) for name, value in parameters.items()}
        postfix.configure(filled, scenario.tables)
        return
    text = (
        (EXAMPLE / "main.cf")
        .read_text()
        .replace("/etc/", "@TOP@/etc/")
        .replace("inet_interfaces = all", "inet_interfaces = loopback-only")
    )
    for name, content in scenario.tables.items():
        path = postfix.top / "etc" / (name if name == "aliases" else f"postfix/{name}")
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        postfix.postmap(f"hash:{path}")
    postfix.configure({"alias_maps": "hash:@TOP@/etc/aliases"}, text=text)


def hold(session: list[str], postfix: PrivatePostfix) -> dict[str, list[str]]:
    """One session's replies and its decisions in the log."""
    before = postfix.log.stat().st_size
    client = postfix.client()
    replies = []
    pending = False
    for command in session:
        if command == "." and not pending:
            continue
        line = "foo\r\n." if command == "." else command
        reply = client.command(line)
        pending = reply.startswith("354")
        replies.append(normal_reply(reply))
    client.close()
    return {"replies": replies, "log": _settled(postfix, before)}


def _settled(postfix: PrivatePostfix, before: int) -> list[str]:
    """The decisions of the first session with a command; it has logged everything when it logs its end.

    Connections that only looked whether smtpd is there log theirs at any time.
    """
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        sessions: dict[str, list[str]] = {}  # by process
        for line in postfix.log_lines(before, pids=True):
            process, _, text = line.partition(": ")
            if text.startswith("connect from"):
                sessions[process] = []
            elif process in sessions:
                sessions[process].append(text)
                if text.startswith("disconnect from") and not text.endswith(" commands=0/0"):
                    return [found for text in sessions[process] if (found := normal_log(text)) is not None]
        time.sleep(0.002)
    raise TimeoutError("smtpd did not end the session")


def record(asked: list[Scenario]) -> dict[str, Any]:
    isolate()
    recorded = []
    with serve(DNS), tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        for scenario in asked:
            with PolicyServer(scenario.answers) as policy:
                configure(postfix, scenario, policy.port)
                answers = [hold(session, postfix) for session in scenario.sessions]
            recorded.append({"name": scenario.name, "answers": answers})
            print(f"{scenario.name}: {len(answers)} sessions", file=sys.stderr)
    return {"mail_version": mail_version(), "scenarios": recorded}


def main(arguments: list[str]) -> None:
    """Without arguments, policy.json anew; with ``-``, what standard input asks, on standard output."""
    if arguments == ["-"]:
        json.dump(record([Scenario(**fields) for fields in json.load(sys.stdin)]), sys.stdout)
        return
    found = record([*scenarios(), *refusals()])
    known = json.loads((HERE / "policy.json").read_text()) if (HERE / "policy.json").exists() else found
    if found["mail_version"] == known["mail_version"]:
        (HERE / "policy.json").write_text(json.dumps(found, indent=0, ensure_ascii=False) + "\n")
        return
    file = HERE / "policy_others.json"
    others = json.loads(file.read_text()) if file.exists() else {}
    others[found["mail_version"]] = different(known["scenarios"], found["scenarios"])
    file.write_text(json.dumps(others, indent=0, ensure_ascii=False) + "\n")


def different(known: list[dict[str, Any]], found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By the scenario's name and the session's number, the answers in ``found`` that differ from ``known``."""
    made: dict[str, dict[str, Any]] = {}
    for first, other in zip(known, found, strict=True):
        assert first["name"] == other["name"]
        for number, (old, new) in enumerate(zip(first["answers"], other["answers"], strict=True)):
            if old != new:
                made.setdefault(other["name"], {})[str(number)] = new
    return made


if __name__ == "__main__":
    main(sys.argv[1:])
