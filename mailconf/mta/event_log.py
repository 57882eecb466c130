"""The log as objects: one JSON object a line for each event, with the lines that the engine would have written.

docs/log.schema.json describes them. ``version`` changes when a field gets another meaning or goes; fields may be added.

What clients, hosts and messages say stays inside its JSON string: an object is ASCII on one line, control characters
are escaped, bytes that are no UTF-8 stand there as the text ``\\xNN``. Every string, list and line has a bound. What
could be a secret is in no fact: of the objects that events bring only the fields that are named here are taken.
"""

from __future__ import annotations

import json
import math
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from mailconf.model.session import Session, Verified
from mailconf.model.verdict import Reply, Verdict
from mailconf.mta.journal import Line, LogEvent
from mailconf.mta.log import Stream, neutral
from mailconf.mta.message import Result
from mailconf.smtp.events import Refused

VERSION = 1
TEXT = 2000  # characters of a string
ITEMS = 100  # of a list
LINE = 65_536  # characters of an object: what is longer has no facts
_UNPRINTABLE = re.compile("[\ud800-\udfff]")
_OMITTED = {(LogEvent.RESPONSE_TOO_LONG, "text"), (LogEvent.LOGIN_FAILED, "reply")}  # may hold what a client typed

_RESULT = ("status", "dsn", "text", "relay", "reply", "setup", "uses")
_SESSION = (
    "client_address", "client_port", "client_name", "reverse_name", "server_address", "server_port", "protocol", "helo",
    "sender", "sasl_method", "sasl_username", "tls_protocol", "tls_cipher", "tls_bits",
)  # fmt: skip


class EventLog:
    """Writes an object a call to standard error, as `mailconf.mta.log.Log` does with lines.

    hostname  the machine's name, whole
    clock     seconds since the epoch
    write     takes lines in the place of standard error
    """

    def __init__(
        self,
        *,
        hostname: str = "localhost",
        clock: Callable[[], float] = time.time,
        pid: int | None = None,
        write: Callable[[bytes], object] | None = None,
    ) -> None:
        self._hostname = hostname
        self._clock = clock
        self._pid = os.getpid() if pid is None else pid
        self._stream = Stream(lambda lost: self._object("lines_lost", {"count": lost}, ()))
        self._write = write or (lambda data: self._stream.write(data))

    def __call__(self, program: str, text: str) -> None:
        """A line that belongs to no event."""
        self._write(self._object("line", {}, ((program, text),)) + b"\n")

    def event(self, event: LogEvent, facts: Mapping[str, Any], lines: Sequence[Line]) -> None:
        given = {name: value for name, value in facts.items() if (event, name) not in _OMITTED}
        self._write(self._object(event.name.lower(), given, lines) + b"\n")

    def _object(self, name: str, facts: Mapping[str, Any], lines: Sequence[Line]) -> bytes:
        now = datetime.fromtimestamp(self._clock(), UTC)
        values: dict[str, Any] = {
            "version": VERSION,
            "time": now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03}Z",
            "host": _text(self._hostname),
            "pid": self._pid,
            "event": name,
            "facts": {key: plain for key, value in facts.items() if (plain := _plain(value)) is not _NOTHING},
            "lines": [_line(*line) for line in lines[:ITEMS]],
        }
        data = json.dumps(values, separators=(",", ":"))
        if len(data) > LINE:
            short = {**values, "facts": {}, "lines": values["lines"][:1], "shortened": True}
            data = json.dumps(short, separators=(",", ":"))
        return data.replace("\x7f", "\\u007f").encode("ascii")


_NOTHING = object()


def _line(program: str, text: str) -> dict[str, str]:
    """What `mailconf.mta.log.Log` would have written, without its time, host and number of the process."""
    return {"program": _text(program), "text": _text(neutral(text))}


def _text(value: str) -> str:
    if len(value) > TEXT:
        value = value[:TEXT] + "..."
    return _UNPRINTABLE.sub(_escaped, value)


def _escaped(found: re.Match[str]) -> str:
    """``\\xNN`` for a byte that is no UTF-8."""
    code = ord(found[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


def _plain(value: Any, depth: int = 0) -> Any:
    """What JSON has of a fact; `_NOTHING` of what is no fact for a log."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, Verified | Reply):
        return _text(str(value))
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bytes):
        return _text(value[: TEXT + 1].decode("utf-8", "backslashreplace"))
    if isinstance(value, BaseException):
        return _text(f"{type(value).__name__}: {value}")
    if isinstance(value, Mapping | list | tuple | set | frozenset) and depth < 3 and not hasattr(value, "_fields"):
        return _several(value, depth + 1)
    return _object_of(value)


def _several(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping):
        found = {_text(str(key)): _plain(each, depth) for key, each in list(value.items())[:ITEMS]}
        return {key: each for key, each in found.items() if each is not _NOTHING}
    items = sorted(value, key=repr) if isinstance(value, set | frozenset) else value
    plain = [_plain(each, depth) for each in items[:ITEMS]]
    return [each for each in plain if each is not _NOTHING]


def _object_of(value: Any) -> Any:
    """The fields that are named here, of the kinds of objects that are known here."""
    if isinstance(value, Result):
        about = {"recipient": _text(value.recipient.address), "original": _text(value.recipient.original)}
        return about | {name: _plain(getattr(value, name)) for name in _RESULT}
    if isinstance(value, Session):
        return {name: _plain(getattr(value, name)) for name in _SESSION if getattr(value, name) not in (None, "", 0)}
    if isinstance(value, Verdict):
        return {"reply": _text(str(value.reply)), "rule": _text(value.rule), "log": _text(value.log)}
    if isinstance(value, Refused):
        return {"verb": _text(value.verb), "problem": _plain(value.problem), "reply": _text(str(value.reply))}
    return _NOTHING
