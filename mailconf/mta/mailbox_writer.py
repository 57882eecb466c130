"""Writes what is asked for into mailboxes: in threads, many messages at a time, and as a process under an identity.

Writing happens under the recipient's user and group. A process cannot do that for one of its threads, so a root MTA
starts this file as a program, once for each identity: `serve` drops the privileges and answers what comes through its
standard input. The file therefore imports the standard library only, and `mailconf.mta.mailbox`, which does the same.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import itertools
import json
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable
from typing import Any

if __name__ == "__main__":  # without site packages: mailconf is found where this file is
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))  # noqa: PTH100, PTH120

from mailconf.mta.file_writer import append_to_file
from mailconf.mta.mailbox import Entry, Failure, Threads, append_all, maildir_all

_Request = tuple[int, dict[str, Any], bytes]  # its number, what is asked for, the message
_Answer = tuple[int, dict[str, Any]]
_AT_ONCE = 64  # messages that share the syncs of a mailbox


class Writer:
    """Carries out requests in threads. Those for one mailbox are carried out in their order; those that come while
    others are under way are done together, with one lock and one sync for all.

    report  is called in a thread with the answers of requests that were done together
    """

    def __init__(self, report: Callable[[list[_Answer]], None], threads: int = 32) -> None:
        self._report = report
        self._threads = Threads(threads)
        self._lock = threading.Lock()
        self._nothing = threading.Condition(self._lock)
        self._waiting: dict[str, list[_Request]] = {}  # by the path of a mailbox that is being written to

    def put(self, number: int, request: dict[str, Any], data: bytes) -> None:
        path = request["path"]
        with self._lock:
            waiting = self._waiting.get(path)
            if waiting is not None:
                waiting.append((number, request, data))
                return
            self._waiting[path] = [(number, request, data)]
        self._threads.put(functools.partial(self._serve, path))

    def _serve(self, path: str) -> None:
        """Do what waits for one mailbox, until there is nothing more."""
        while True:
            with self._lock:
                waiting = self._waiting[path]
                some, self._waiting[path] = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
                if not some:
                    del self._waiting[path]
                    self._nothing.notify_all()
                    return
            answers = perform_all([(request, data) for _, request, data in some])
            self._report([(number, answer) for (number, _, _), answer in zip(some, answers, strict=True)])

    def finish(self) -> None:
        """Returns when everything that was put has been reported."""
        with self._lock:
            self._nothing.wait_for(lambda: not self._waiting)


def perform(request: dict[str, Any], data: bytes) -> dict[str, Any]:
    """Carry out ``{"kind": "mbox" or "maildir", "path": ..., "limit": ...}``; the answer has warnings or a failure.

    A failure for lack of a permission has "denied": whose fault that is depends on who asked.
    With "mbox" there are "required", and "mailbox" and "owner" where it is one: see `append`. With "file" there are
    "links", "names" and "same": see `append_to_file`.
    """
    return perform_all([(request, data)])[0]


def perform_all(requests: list[tuple[dict[str, Any], bytes]]) -> list[dict[str, Any]]:
    """`perform` for requests of one path, in their order; those that ask for the same are carried out together."""
    answers: list[dict[str, Any]] = []
    for _, group in itertools.groupby(requests, key=lambda each: [each[0].get(name) for name in _WAYS]):
        same = list(group)
        try:
            answers += _performed(same[0][0], [Entry(data, request["limit"]) for request, data in same])
        except Failure as failure:
            answers += [_answer(failure)] * len(same)
        except Exception as error:  # of any kind: the messages were not delivered
            text = f"unexpected error: {type(error).__name__}: {error}"
            answers += [{"dsn": "4.3.0", "text": text}] * len(same)
    return answers


_WAYS = ("kind", "path", "required", "mailbox", "owner", "links", "names", "same")


def _performed(request: dict[str, Any], entries: list[Entry]) -> list[dict[str, Any]]:
    warnings: list[str] = []
    if request["kind"] == "maildir":
        failures = maildir_all(request["path"], entries)
    elif request["kind"] == "file":
        ways = {name: request[name] for name in ("links", "names", "same")}
        failures = append_to_file(request["path"], entries, **ways)
    else:
        failures, warnings = append_all(
            request["path"],
            entries,
            required=request["required"],
            mailbox=request.get("mailbox", False),
            owner=request.get("owner"),
        )
    return [{"warnings": warnings} if failure is None else _answer(failure) for failure in failures]


def _answer(failure: Failure) -> dict[str, Any]:
    warned = {"warnings": [failure.warning]} if failure.warning else {}
    denied = {"denied": True} if _is_denied(failure.__cause__) else {}
    return {"dsn": failure.dsn, "text": failure.text, **warned, **denied}


def _is_denied(cause: BaseException | None) -> bool:
    return isinstance(cause, OSError) and cause.errno in (errno.EACCES, errno.EPERM, errno.EROFS)


# The worker process

_HEAD = struct.Struct(">QII")


def packed(number: int, head: dict[str, Any], data: bytes = b"") -> bytes:
    """A request or an answer as it is sent."""
    text = json.dumps(head).encode()
    return _HEAD.pack(number, len(text), len(data)) + text + data


class Unpacker:
    """Takes what was `packed` apart."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[_Request]:
        """What is whole now."""
        self._buffer += data
        found, at = [], 0
        while len(self._buffer) - at >= _HEAD.size:
            number, head, length = _HEAD.unpack_from(self._buffer, at)
            start = at + _HEAD.size
            if len(self._buffer) < start + head + length:
                break
            text = self._buffer[start : start + head]
            at = start + head + length
            found.append((number, json.loads(text), bytes(self._buffer[at - length : at])))
        if at:
            del self._buffer[:at]
        return found


def serve(uid: int, gid: int, root: str, groups: list[int]) -> None:
    """Become the user permanently and answer what comes through the socket that is standard input, until it ends.

    root  the folder that is "/" from then on; "" for none
    """
    os.setgroups(groups)
    if root:
        os.chroot(root)
        os.chdir("/")
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    os.umask(0o077)
    pipe = socket.socket(fileno=0)
    sending = threading.Lock()

    def report(answers: list[_Answer]) -> None:
        with sending, contextlib.suppress(OSError):  # the MTA is gone: what was delivered is delivered again
            pipe.sendall(b"".join(packed(number, answer) for number, answer in answers))

    writer, unpacker = Writer(report), Unpacker()
    while piece := pipe.recv(1 << 18):
        for number, request, data in unpacker.feed(piece):
            writer.put(number, request, data)
    writer.finish()


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], [int(group) for group in sys.argv[4:]])
