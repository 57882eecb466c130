"""Records what the real Postfix answers to policy_scenarios.py, in the folder policy. Needs root, for a DNS of its own.

python -m tests.vectors.record_policy

Of a Postfix with another version than that of the folder policy, the sessions that it answers otherwise are written to
policy_others@VERSION.jsonl. Run it on machines with other versions (tests/machines).
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from tests.live.fixture_dns import isolate, serve
from tests.live.private_postfix import PrivatePostfix
from tests.postfix.dialogue import normal_log, normal_reply
from tests.vectors import store
from tests.vectors.policy_scenarios import DNS, EXAMPLE, Scenario, scenarios
from tests.vectors.policy_server import PolicyServer
from tests.vectors.refusal_scenarios import refusals
from tests.vectors.transcripts import folder_name

Answers = list[dict[str, list[str]]]


def asked(asked_of: list[Scenario]) -> store.Inputs:
    """The scenarios in the order of their folders; of an example, main.cf without its comments."""
    cases = [
        {
            "name": scenario.name,
            "main.cf": scenario.main_cf(),
            "tables": scenario.tables,
            "service": scenario.answers,
            "sessions": scenario.sessions,
        }
        for scenario in sorted(asked_of, key=lambda scenario: folder_name(scenario.name))
    ]
    return store.Inputs(cases, {"dns": DNS})


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


def record(scenarios: list[Scenario]) -> dict[str, dict[str, Answers]]:
    """The answers to each scenario's sessions by its name, in the order of their folders."""
    isolate()
    recorded: dict[str, dict[str, Answers]] = {}
    with serve(DNS), tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        for scenario in scenarios:
            with PolicyServer(scenario.answers) as policy:
                configure(postfix, scenario, policy.port)
                answers = [hold(session, postfix) for session in scenario.sessions]
            recorded[scenario.name] = {"answers": answers}
            print(f"{scenario.name}: {len(answers)} sessions", file=sys.stderr)
    return {name: recorded[name] for name in sorted(recorded, key=folder_name)}


def main(arguments: list[str]) -> None:
    """Without arguments, all anew; with ``-``, what standard input asks, on standard output, by name."""
    if arguments == ["-"]:
        json.dump(record([Scenario(**fields) for fields in json.load(sys.stdin)]), sys.stdout)
        return
    found, engine = record(_all()), store.postfix()
    if engine.version == store.read_anyway("policy").head.version:
        store.write("policy", engine, __file__, found.values())
        return
    known = {case["name"]: case["answers"] for case in store.load("policy").cases}
    answers = [{"otherwise": different(known[name], answer["answers"])} for name, answer in found.items()]
    store.write(f"policy_others@{engine.version}", engine, __file__, answers)


def different(known: Answers, found: Answers) -> dict[str, dict[str, list[str]]]:
    """By the session's number, the answers in ``found`` that differ from ``known``."""
    pairs = enumerate(zip(known, found, strict=True))
    return {str(number): new for number, (old, new) in pairs if old != new}


def others_asked() -> store.Inputs:
    """The same scenarios, by their digests: the folder policy has them in full."""
    whole = asked(_all())
    cases = [{"name": case["name"], "inputs": store.digest([case], {})} for case in whole.cases]
    return store.Inputs(cases, whole.common)


def _all() -> list[Scenario]:
    return [*scenarios(), *refusals()]


INPUTS = {"policy": lambda: asked(_all()), "policy_others": others_asked}

if __name__ == "__main__":
    main(sys.argv[1:])
