"""Records what Postfix sends to a proxy before the queue in the sessions of proxy_filter_cases.py, and what the client
is told, as proxy_filters.jsonl: the lines that the filter gets, the replies, the lines of the log.

python -m tests.vectors.record_proxy_filters
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.live.private_postfix import QUEUE_ID, PrivatePostfix, free_port
from tests.proxy_server import ProxyServer
from tests.vectors import store
from tests.vectors.proxy_filter_cases import BASE, Case, cases
from tests.vectors.record_milters import Case as MilterCase
from tests.vectors.record_milters import await_log, converse, told

_PORT = re.compile(r"(?<= PORT=)\d+(?= |$)")
_TEXT = re.compile(r"\bwith (E?SMTP) id (?:ID|[0-9A-F]{6,}|NOQUEUE)\b|; \w{3}, +\d+ \w{3} \d{4} [\d:]+ \+0000 \(UTC\)$")


class Normal:
    """Takes out of what is recorded what is another at each run."""

    def __init__(self, addresses: dict[str, str]) -> None:
        self._addresses = addresses

    def text(self, text: str) -> str:
        for address, name in self._addresses.items():
            text = text.replace(address, name)
        return re.sub(r"\d+\.\d+ seconds", "N seconds", re.sub(QUEUE_ID, "ID", text))

    def line(self, line: str) -> str:
        """One that the filter gets."""
        line = _TEXT.sub(lambda found: f"with {found[1]} id ID" if found[1] else "; NOW", line)
        return self.text(_PORT.sub("PORT", line) if line.startswith("XFORWARD") else line)


def _told(case: Case) -> None:
    print(case.name, file=sys.stderr, flush=True)


def answered(postfix: PrivatePostfix, server: ProxyServer, normal: Normal, case: Case) -> dict[str, Any]:
    _told(case)
    server.begin(case.filter or {})
    since = postfix.log.stat().st_size if postfix.log.exists() else 0
    replies = converse(postfix.port, case.session)
    await_log(postfix, since, MilterCase(case.name, [], case.session))
    seen = server.await_end()
    lines = [line.removeprefix("postfix/") for line in postfix.log_lines(since) if line.startswith("postfix/smtpd")]
    found = {
        "seen": [[store.brief(normal.line(line)) for line in one] for one in seen],
        "replies": [normal.text(reply) for reply in replies],
        "log": told(lines, normal),  # type: ignore[arg-type]  # what is asked of it
        "queued": any(
            path for name in ("incoming", "hold") for path in (postfix.top / "queue" / name).glob("[0-9A-F]*")
        ),
    }
    postfix.drop_queue()
    return found


def configured(case: Case, server: ProxyServer, nowhere: int) -> dict[str, str]:
    address = server.address if case.filter is not None else f"127.0.0.1:{nowhere}"
    return {name: value.replace("@FILTER@", address) for name, value in {**BASE, **case.parameters}.items()}


def answers(postfix: PrivatePostfix, some: list[Case] | None = None) -> Iterator[dict[str, Any]]:
    """What becomes of each case."""
    with ProxyServer() as server:
        nowhere = free_port()
        normal = Normal({server.address: "@FILTER@", f"127.0.0.1:{nowhere}": "@FILTER@"})
        before: object = None
        for case in cases() if some is None else some:
            parameters = configured(case, server, nowhere)
            if parameters != before:
                postfix.configure({**parameters, "master_service_disable": "qmgr.unix"})
                before = parameters
            yield answered(postfix, server, normal, case)


def asked() -> store.Inputs:
    return store.Inputs([case.inputs() for case in cases()], {"base": BASE})


def main() -> None:
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        store.write("proxy_filters", store.postfix(), __file__, answers(postfix))


INPUTS = {"proxy_filters": asked}

if __name__ == "__main__":
    main()
