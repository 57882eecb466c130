"""Records what the real Postfix answers to policy_scenarios.py, as policy.json. Needs root, for a DNS of its own.

python tests/vectors/record_policy.py
"""

from __future__ import annotations

import json
import re
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
    """The decisions of the session that connected last; it has logged everything when it logs its end."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        lines = postfix.log_lines(before, pids=True)
        start = max((n for n, line in enumerate(lines) if ": connect from" in line), default=len(lines))
        own = [line for line in lines[start:] if line.split(": ")[0] == lines[start].split(": ")[0]]
        if any(": disconnect from" in line for line in own):
            texts = (re.sub(r"^postfix/smtpd\[\d+\]: ", "", line) for line in own)
            return [found for text in texts if (found := normal_log(text)) is not None]
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
    (HERE / "policy.json").write_text(json.dumps(found, indent=0, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
