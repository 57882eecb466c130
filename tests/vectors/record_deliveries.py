"""Records what local and virtual do with the recipients of delivery_scenarios.py, as deliveries.jsonl. Needs root.

python -m tests.vectors.record_deliveries
"""

from __future__ import annotations

import os
import pwd
import re
import tempfile
import time
from pathlib import Path

from tests.live.private_postfix import PrivatePostfix
from tests.vectors import store
from tests.vectors.delivery_scenarios import BASE, FILES, scenarios

_RESULT = re.compile(
    r"postfix/(\w+): (\w+): to=<(.*?)>, (?:orig_to=<.*?>, )?relay=.*?, dsn=(.*?), status=(\w+) \((.*)\)\Z"
)
_FORWARDED = re.compile(r"forwarded as (\w+)\Z")


def lay_out(postfix: PrivatePostfix) -> None:
    for name, mode in (("fw", 0o755), ("v", 0o777), ("out", 0o777), ("maildirs", 0o777)):
        (postfix.top / name).mkdir(exist_ok=True)
        (postfix.top / name).chmod(mode)
    postfix.configure(BASE, FILES)
    postfix.postmap("hash:@TOP@/aliases")
    for path in (postfix.top / "fw").iterdir():
        user = pwd.getpwnam(path.name.partition(".")[0])
        os.chown(path, user.pw_uid, user.pw_gid)
        path.chmod(0o644)


def deliver(postfix: PrivatePostfix, recipient: str) -> list[list[str]]:
    """(agent, address, dsn, status, text) of each result; for what was sent anew ("forward", sender, *recipients)."""
    before = postfix.log.stat().st_size
    client = postfix.client()
    for line in ("EHLO x", "MAIL FROM:<s@sender.example>", f"RCPT TO:<{recipient}>", "DATA"):
        client.command(line)
    queue_id = client.command("Subject: x\r\n\r\nfoo\r\n.").rpartition(" ")[2]
    client.close()
    lines = _await(postfix, before, f"postfix/qmgr: {queue_id}: removed", queue_id)
    found = []
    for line in lines:
        match = _RESULT.match(line)
        if match and match[2] == queue_id:
            agent, _, address, dsn, status, text = match.groups()
            if forwarded := _FORWARDED.match(text):
                anew = forwarded[1]
                lines_anew = _await(postfix, before, f"postfix/qmgr: {anew}: removed", anew)
                sender = next(m[1] for x in lines_anew if (m := re.match(rf"postfix/qmgr: {anew}: from=<(.*?)>", x)))
                results = (m for x in lines_anew if (m := _RESULT.match(x)) and m[2] == anew)
                found.append(["forward", sender, *sorted({m[3] for m in results})])
            else:
                found.append([agent, address, dsn, status, text.replace(str(postfix.top), "@TOP@")])
    return sorted(found)


def _await(postfix: PrivatePostfix, before: int, line: str, queue_id: str) -> list[str]:
    """The log once it has ``line``, or once the message was deferred."""
    deadline = time.monotonic() + 20
    deferred = re.compile(rf"postfix/\w+: {queue_id}: to=.*status=(deferred|SOFTBOUNCE)")
    while time.monotonic() < deadline:
        lines = postfix.log_lines(before)
        if line in lines:
            return lines
        if any(deferred.match(x) for x in lines):
            time.sleep(0.3)
            return postfix.log_lines(before)
        time.sleep(0.01)
    raise TimeoutError(line)


def inputs() -> store.Inputs:
    cases = [
        {"scenario": number, "parameters": scenario.parameters, "recipient": recipient}
        for number, scenario in enumerate(scenarios())
        for recipient in scenario.recipients
    ]
    return store.Inputs(cases, {"base": BASE, "files": FILES})


def main() -> None:
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        lay_out(postfix)
        answers = []
        for scenario in scenarios():
            postfix.configure({**BASE, **scenario.parameters})
            answers += [{"results": deliver(postfix, recipient)} for recipient in scenario.recipients]
    store.write("deliveries", store.postfix(), __file__, answers)


INPUTS = {"deliveries": inputs}

if __name__ == "__main__":
    main()
