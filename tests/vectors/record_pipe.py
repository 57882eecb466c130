"""Records what pipe(8) does with the messages of pipe_scenarios.py, as pipe.jsonl. Needs root.

python -m tests.vectors.record_pipe
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.live.private_postfix import Client, PrivatePostfix
from tests.vectors import store
from tests.vectors.pipe_scenarios import LARGE, OF_REPORTS, WITNESS, Scenario, reported, scenarios

BASE = {
    "myhostname": "mail.example.com",
    "mydomain": "example.com",
    "myorigin": "example.com",
    "mydestination": "",
    "inet_interfaces": "loopback-only",
    "recipient_delimiter": "+",
    "relay_domains": "static:all",
    "mynetworks": "static:all",
    "smtpd_relay_restrictions": "permit_mynetworks, reject",
    "default_transport": "discard:",
    "relay_transport": "discard:",
    "smtpd_recipient_restrictions": "",
    "allow_min_user": "yes",
    "smtputf8_enable": "no",
    "strict_rfc821_envelopes": "no",
    "resolve_numeric_domain": "yes",
    "alias_maps": "",
    "local_header_rewrite_clients": "",
    "fast_flush_domains": "",
    "service_throttle_time": "1s",
    "export_environment": "MAIL_CONFIG LANG KEPT={a b}",
}
_RESULT = re.compile(
    r"[\w/]+/(\w+): (\w+): to=<(.*?)>, (?:orig_to=<(.*?)>, )?relay=(.*?), .*?dsn=(.*?), status=(\w+) \((.*?)(\))?\Z"
)
_LONG = 300  # of a longer text that much is kept: the log cuts it somewhere
_RECEIVED = re.compile(r"(?s)Received: .*?(\r?\n|;\t\\)(?![ \t])")


_MUCH = 20_000  # bytes of input of which the digest is kept
_CALM = 5.0  # seconds in which a service that has ended while a message was delivered is reported as such


def domain(number: int) -> str:
    return f"d{number}.test"


def filled(text: str, number: int, names: Mapping[str, str]) -> str:
    """``text`` with what stands for the case's own domain and transport, and ``names`` for others."""
    for name, value in {"@NAME@": f"t{number}", **names}.items():
        text = text.replace(name, value)
    return re.sub(r"@D\b", domain(number), text)


def services(cases: Sequence[Scenario], names: Mapping[str, str]) -> str:
    """Lines of master.cf."""
    lines = (
        f"t{number} unix - n n - 10 pipe -o syslog_name=t{number} {case.user} {case.service}".rstrip() + "\n"
        for number, case in enumerate(cases)
    )
    return "".join(filled(line, number, names) for number, line in enumerate(lines))


def parameters(cases: Sequence[Scenario], names: Mapping[str, str]) -> dict[str, str]:
    routes, aliases, settings = [], [], {}
    for number, case in enumerate(cases):
        target = filled(case.nexthop, number, names)
        routes += [f"{{{at}{domain(number)} = t{number}:{target}}}" for at in ("", ".")]
        for name, value in case.aliases.items():
            aliases.append(f"{{{filled(name, number, names)} = {filled(value, number, names)}}}")
        settings |= {f"t{number}_{name}": value for name, value in case.settings.items()}
    maps = {"transport_maps": routes, "virtual_alias_maps": aliases}
    return {**BASE, **{name: f"inline:{{{' '.join(entries)}}}" for name, entries in maps.items()}, **settings}


def lay_out(top: Path, count: int) -> None:
    """The files below ``top`` that services name."""
    (top / "witness").write_text(WITNESS)
    (top / "witness").chmod(0o644)
    for name in ("in", "out", *(f"out/t{number}" for number in range(count))):
        (top / name).mkdir(parents=True)
        (top / name).chmod(0o755 if name == "in" else 0o777)
    (top / "in" / "run").write_text('#!/bin/sh\necho "run in $(pwd | sed s#.*/##)"\nexit 67\n')
    (top / "in" / "run").chmod(0o755)


def send(
    client: Client, number: int, case: Scenario, names: Mapping[str, str], sender: str = "", notify: str = ""
) -> str:
    """Put a case's message in; its queue id. ``sender`` and ``notify`` in place of the case's own, and of none."""
    client.command("EHLO client.test")
    if case.client:
        words = " ".join(f"{name}={value}" for name, value in case.client.items())
        reply = client.command(f"XCLIENT {words}")
        assert reply.startswith("220"), reply
        client.command(f"EHLO {case.client.get('HELO', 'client.test')}")
    client.command(f"MAIL FROM:<{sender or case.sender}>")
    for recipient in case.recipients:
        reply = client.command(f"RCPT TO:<{filled(recipient, number, names)}>{notify}")
        assert reply.startswith("250"), (recipient, reply)
    client.command("DATA")
    lines = filled(case.text, number, {"@LARGE@": LARGE, **names}).split("\n")[:-1]
    body = "".join(f"{'.' if line[:1] == '.' else ''}{line}\r\n" for line in lines)
    reply = client.command(body + ".")
    assert reply.startswith("250"), reply
    return reply.rpartition(" ")[2]


def runs(folder: Path, replaced: Mapping[str, str]) -> list[dict[str, Any]]:
    """How the witness was called, in the order of its arguments."""
    found = []
    for path in folder.glob("*.json"):
        called = json.loads(_replaced(path.read_text(), replaced))
        called["input"] = re.sub(r"\A(From .*?  )\w{3} \w{3} .{16}(?=\r?\n)", r"\1TIME", _undated(called["input"]))
        if len(called["input"]) > _MUCH:
            called["input"] = hashlib.sha256(called["input"].encode("latin-1")).hexdigest()
        found.append(called)
    return sorted(found, key=lambda called: (called["argv"], called["input"]))


def _undated(text: str) -> str:
    return _RECEIVED.sub("", text, count=1)


def answers(
    lines: Sequence[str], ids: Sequence[str], folders: Sequence[Path], replaced: Mapping[str, str]
) -> list[dict[str, Any]]:
    """What is kept of each case: its runs, its results, and what pipe(8) has to say besides.

    lines     of the log, with the daemons' process numbers left out
    replaced  texts in what was seen, by what is kept of them
    """
    results: dict[str, list[list[str]]] = {}
    for line in lines:
        if match := _RESULT.match(line):
            program, queue_id, to, original, relay, dsn, status, text, _ = match.groups()
            text = _replaced(text, replaced)
            text = text if len(text) < _LONG else text[:_LONG] + "..."
            results.setdefault(queue_id, []).append([program, to, original or "", relay, dsn, status, text])
    return [
        {
            "runs": runs(folder, {queue_id: "QUEUEID", **replaced}),
            "results": sorted(results.get(queue_id, [])),
            "said": said(lines, number, replaced),
        }
        for number, (queue_id, folder) in enumerate(zip(ids, folders, strict=True))
    ]


def said(lines: Sequence[str], number: int, replaced: Mapping[str, str]) -> list[str]:
    """What the case's service has logged besides results, each once."""
    own = f"t{number}/pipe: "
    found = (line.removeprefix(own) for line in lines if line.startswith(own) and not _RESULT.match(line))
    return list(dict.fromkeys(_replaced(line, replaced) for line in found))


def _replaced(text: str, replaced: Mapping[str, str]) -> str:
    for old, new in replaced.items():
        text = text.replace(old, new)
    return text


def attempted(lines: Sequence[str], recipients: Sequence[tuple[str, int]]) -> bool:
    """Whether every recipient has a result, or its service has ended; by case its queue id and how many there are."""
    found = Counter(match[2] for line in lines if (match := _RESULT.match(line)))
    ended = {line.partition("/")[0] for line in lines if "/pipe: fatal: " in line}
    return all(found[queue_id] >= count or f"t{number}" in ended for number, (queue_id, count) in enumerate(recipients))


def inputs() -> store.Inputs:
    return store.Inputs([case.asked() for case in scenarios()], {"base": BASE, "witness": WITNESS})


def real_answers(postfix: PrivatePostfix, cases: Sequence[Scenario]) -> list[dict[str, Any]]:
    """What the real one does with all cases."""
    top = postfix.top
    names = {"@TOP@": str(top), "@PYTHON@": "/usr/bin/python3", "@USER@": "nobody", "@GROUP@": "games"}
    lay_out(top, len(cases))
    postfix.configure(parameters(cases, names), services=services(cases, names))
    since = postfix.log.stat().st_size
    ids = []
    for number, case in enumerate(cases):
        client = postfix.client()
        ids.append(send(client, number, case, names))
        client.close()
    wanted = [(queue_id, len(case.recipients)) for queue_id, case in zip(ids, cases, strict=True)]
    deadline = time.monotonic() + 200
    while not attempted(postfix.log_lines(since), wanted):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    time.sleep(_CALM)
    lines = postfix.log_lines(since)
    folders = [top / "out" / f"t{number}" for number in range(len(cases))]
    return answers(lines, ids, folders, {str(top): "@TOP@", "/usr/bin/python3": "@PYTHON@"})


NOTIFY = " NOTIFY=SUCCESS,FAILURE"
_KEPT = re.compile(r"Subject: .*Mail|<\S+>: |    \S|Final-Recipient|Action|Status|Diagnostic-Code")


def sender_of(number: int, cases: Sequence[Scenario]) -> str:
    """Where the report about a case goes."""
    return f"{number}@{domain(len(cases) - 1)}"


def report_lines(folder: Path, number: int, cases: Sequence[Scenario]) -> list[str]:
    """What the report about a case says: of its subject, of its explanation, and of its status."""
    for run in runs(folder, {}):
        if run["argv"] == [sender_of(number, cases)]:
            return [line for line in run["input"].split("\n") if _KEPT.match(line)]
    return []


def real_reports(postfix: PrivatePostfix) -> list[dict[str, Any]]:
    """What the real one reports of the cases of `reported`."""
    cases, top = reported(), postfix.top
    names = {"@TOP@": str(top), "@PYTHON@": "/usr/bin/python3", "@USER@": "nobody", "@GROUP@": "games"}
    lay_out(top, len(cases))
    postfix.configure(parameters(cases, names), services=services(cases, names))
    for number, case in enumerate(cases[:-1]):
        client = postfix.client()
        send(client, number, case, names, sender_of(number, cases), NOTIFY)
        client.close()
    folder = top / "out" / f"t{len(cases) - 1}"
    deadline = time.monotonic() + 60
    while len(list(folder.glob("*.json"))) < len(cases) - 1:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return [{"report": report_lines(folder, number, cases)} for number in range(len(cases) - 1)]


def inputs_of_reports() -> store.Inputs:
    return store.Inputs([case.asked() for case in reported()[:-1]], {"base": BASE, "of": OF_REPORTS.asked()})


def main() -> None:
    with tempfile.TemporaryDirectory() as name, PrivatePostfix(Path(name)) as postfix:
        Path(name).chmod(0o755)
        try:
            found = real_answers(postfix, scenarios())
        finally:
            if "--log" in sys.argv:
                print("\n".join(postfix.log_lines()))
    store.write("pipe", store.postfix(), __file__, found)
    with tempfile.TemporaryDirectory() as name, PrivatePostfix(Path(name)) as postfix:
        Path(name).chmod(0o755)
        told = real_reports(postfix)
    store.write("pipe_reports", store.postfix(), __file__, told)


INPUTS = {"pipe": inputs, "pipe_reports": inputs_of_reports}

if __name__ == "__main__":
    main()
