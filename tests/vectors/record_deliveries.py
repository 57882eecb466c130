"""Records what local and virtual do with the recipients of delivery_scenarios.py, as deliveries.json. Needs root.

python tests/vectors/record_deliveries.py
"""

from __future__ import annotations

import json
import os
import pwd
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "live")]

from delivery_scenarios import BASE, FILES, scenarios  # noqa: E402
from private_postfix import PrivatePostfix, mail_version  # noqa: E402

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


def record() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        lay_out(postfix)
        answers = []
        for scenario in scenarios():
            postfix.configure({**BASE, **scenario.parameters})
            answers.append({recipient: deliver(postfix, recipient) for recipient in scenario.recipients})
    return {"mail_version": mail_version(), "deliveries": answers}


if __name__ == "__main__":
    (HERE / "deliveries.json").write_text(json.dumps(record(), indent=0, ensure_ascii=False) + "\n")
