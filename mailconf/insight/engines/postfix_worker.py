"""The worker that runs a private Postfix: started by `mailconf.insight.engines.namespace` in namespaces of its own.

smtpd(8) is asked by XCLIENT as any client. What it accepts is delivered: local(8) and virtual(8) write into empty
folders, commands of aliases go to a shell that does nothing, and every other transport is pipe(8) with a command that
prints the nexthop, which the log then has.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mailconf.insight.engines import inside

PATIENCE = 30.0  # seconds for the deliveries of a message
_SERVICES = """\
pickup     unix  n  -  n  60 1  pickup
cleanup    unix  n  -  n  -  0  cleanup
qmgr       unix  n  -  n  300 1 qmgr
rewrite    unix  -  -  n  -  -  trivial-rewrite
bounce     unix  -  -  n  -  0  bounce
defer      unix  -  -  n  -  0  bounce
trace      unix  -  -  n  -  0  bounce
verify     unix  -  -  n  -  1  verify
proxymap   unix  -  -  n  -  -  proxymap
proxywrite unix  -  -  n  -  1  proxymap
showq      unix  n  -  n  -  -  showq
flush      unix  n  -  n  1000? 0 flush
error      unix  -  -  n  -  -  error
retry      unix  -  -  n  -  -  error
anvil      unix  -  -  n  -  1  anvil
tlsmgr     unix  -  -  n  1000? 1 tlsmgr
scache     unix  -  -  n  -  1  scache
postlog    unix-dgram n - n  -  1  postlogd
"""
_OWN = {
    "queue_directory": "{top}/queue",
    "data_directory": "{top}/data",
    "maillog_file": "{top}/log",
    "maillog_file_prefixes": "/",
    "inet_interfaces": "loopback-only",
    "smtpd_authorized_xclient_hosts": "127.0.0.1",
    "smtpd_error_sleep_time": "0",
    "smtpd_junk_command_limit": "100000",
    "smtpd_hard_error_limit": "100000",
    "smtpd_soft_error_limit": "100000",
    "smtpd_client_event_limit_exceptions": "127.0.0.0/8",
    "smtpd_peername_lookup": "no",
    "local_command_shell": "/bin/true",
    "in_flow_delay": "0",
    "ipc_timeout": "10",
    "notify_classes": "",
}
_LINE = re.compile(r"^\w+ +\d+ [\d:]+ \S+ (\S+?)\[\d+\]: (\w+): (.*)$")
_TO = re.compile(r"to=<(.*?)>, (?:orig_to=<(.*?)>, )?relay=(.*?), .*?status=(\w+) \((.*)\)$")
_VIA = re.compile(r"delivered via \S+ service \((.*)\)$")


class PrivatePostfix:
    def __init__(self, told: dict[str, Any]) -> None:
        self.top = Path(told["folder"])
        self.log = self.top / "log"
        self._read = 0
        self._partial = b""
        passwd = inside.users(Path("/etc/passwd").read_text(), told["users"])
        inside.enter(self.top, {**told["files"], "/etc/passwd": passwd}, told["host"])
        for name, home in told["users"].items():
            path = Path(home)
            if str(path).startswith("/home/"):
                path.mkdir(parents=True, exist_ok=True)
                shutil.chown(path, name)
        inside.serve_dns(inside.zone(told["dns"]))
        self.etc = Path(told["directory"])
        self.ports = {name: 10025 + number for number, name in enumerate(told["services"])}
        self._write(told)
        for folder in ("queue", "data"):
            (self.top / folder).mkdir()
        shutil.chown(self.top / "data", told["owner"])
        for spec, tool in told["maps"]:
            self._run(tool, "-c", str(self.etc), spec)
        self._run("postfix", "-c", str(self.etc), "start")
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", next(iter(self.ports.values()))), 1).close()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def _run(self, *words: str) -> None:
        subprocess.run(
            words, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=60
        )

    def _write(self, told: dict[str, Any]) -> None:
        own = "".join(f"{name} = {value.format(top=self.top)}\n" for name, value in _OWN.items())
        with (self.etc / "main.cf").open("w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(_without(told["main"], set(_OWN)) + "\n" + own)
        lines = [_SERVICES]
        for name, overrides in told["services"].items():
            lines.append(f"127.0.0.1:{self.ports[name]} inet n - n - - smtpd\n")
            lines += [f"  -o {{ {key} = {value} }}\n" for key, value in overrides.items()]
        for name, program in told["transports"].items():
            if program in ("local", "virtual"):
                lines.append(f"{name} unix - n n - - {program}\n")
                lines += [f"  -o {{ {key} = {value} }}\n" for key, value in told["overrides"].get(name, {}).items()]
            elif program != "error":
                lines.append(f"{name} unix - n n - - pipe\n  user=nobody argv=/bin/echo ${{nexthop}}\n")
        (self.etc / "master.cf").write_text("".join(lines), encoding="utf-8", errors="surrogateescape")

    # -- questions

    def answer(self, case: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._answer(case)
        except (OSError, RuntimeError) as failure:
            raise RuntimeError(f"{failure}; {self._complaint()}") from failure

    def _complaint(self) -> str:
        """The last of what Postfix has logged as wrong."""
        try:
            text = self.log.read_bytes().decode(errors="replace")
        except OSError:
            return "it has logged nothing"
        found = [line for line in text.splitlines() if re.search(r"\]: (?:fatal|panic|error|warning): ", line)]
        return (found or text.splitlines() or ["it has logged nothing"])[-1][-500:]

    def _answer(self, case: dict[str, Any]) -> dict[str, Any]:
        client = inside.Client(socket.create_connection(("127.0.0.1", self.ports[case["service"]]), 30))
        try:
            client.reply()
            client.command("EHLO mailconf.test")
            words = " ".join(f"{name}={value}" for name, value in case["xclient"].items())
            greeting = client.command(f"XCLIENT {words}")
            if greeting[0] >= 400:
                return {"replies": dict.fromkeys(case["recipients"], greeting), "ways": []}
            found = inside.dialogue(client, case)
            client.command("QUIT")
        finally:
            client.close()
        queued = re.search(r"queued as (\w+)", found["taken"])
        ways = list(self._deliveries(queued[1])) if queued and case["asks_where"] else []
        return {"replies": found["replies"], "ways": ways}

    def _lines(self) -> Iterator[tuple[str, str, str]]:
        """What the log has that is new: program, queue id, text."""
        try:
            with self.log.open("rb") as file:
                file.seek(self._read)
                data = file.read()
        except FileNotFoundError:
            return
        self._read += len(data)
        *whole, self._partial = (self._partial + data).split(b"\n")
        for line in whole:
            if found := _LINE.match(line.decode(errors="surrogateescape")):
                yield found[1], found[2], found[3]

    def _deliveries(self, first: str) -> Iterator[dict[str, str]]:
        """What becomes of a message, and of those that local(8) makes of it."""
        waiting, known, origins = {first}, {first}, {first: ""}
        deadline = time.monotonic() + PATIENCE
        seen: dict[str, list[tuple[str, str]]] = {}
        deferred: set[str] = set()
        while waiting:
            for program, queue_id, text in self._lines():
                seen.setdefault(queue_id, []).append((program, text))
            for queue_id in sorted(known):
                for _, text in seen.pop(queue_id, ()):
                    if text == "removed":
                        waiting.discard(queue_id)
                    elif found := _TO.match(text):
                        to, original, relay, status, words = found.groups()
                        origin = origins[queue_id] or original or to
                        if forwarded := re.search(r"forwarded as (\w+)", words):
                            if forwarded[1] not in known:
                                known.add(forwarded[1])
                                waiting.add(forwarded[1])
                                origins[forwarded[1]] = origin
                            continue
                        if status == "deferred":
                            deferred.add(queue_id)
                        yield {"to": to, "origin": origin, "relay": relay, "status": status, "words": words}
            for queue_id in deferred & waiting:
                if any((self.top / "queue/deferred").glob(f"*/{queue_id}")):
                    waiting.discard(queue_id)
            if waiting:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"Postfix has not delivered {', '.join(sorted(waiting))} in {PATIENCE:.0f} s")
                time.sleep(0.005)


def _without(text: str, names: set[str]) -> str:
    """A main.cf without some parameters: they are given once, lest every daemon warns."""
    entries = re.split(r"(?m)^(?=[^\s#])", text)
    return "".join(entry for entry in entries if entry.partition("=")[0].strip() not in names)


if __name__ == "__main__":
    inside.loop(lambda told: PrivatePostfix(told).answer)
