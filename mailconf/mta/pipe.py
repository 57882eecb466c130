"""One SMTP session on a pair of pipes, standard input and output say, with the state tables of the network's sessions.

The client's bytes and the server's go through a pair of sockets, since a file cannot be awaited. Messages are put into
the queue one by one, as commands do (`mailconf.mta.submission`); nothing is delivered from here.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from mailconf.model.policy import Policy
from mailconf.mta.intake import QueueIntake
from mailconf.mta.listener import SmtpSession
from mailconf.mta.message import Context, Message
from mailconf.mta.queue import Entrance
from mailconf.mta.queue_ids import QueueIds
from mailconf.mta.smtp_service import SmtpService
from mailconf.mta.submission import Submission

_PIECE = 65536
_PATIENCE = 10.0  # seconds, for a reader of the last replies


class _CommandQueue(Entrance):
    """The queue, as an intake wants it, for messages of a command: each goes in by itself."""

    def __init__(self, directory: Path, ids: QueueIds) -> None:
        self._directory = directory
        self._ids = ids
        self._submissions: dict[str, Submission] = {}

    def new_id(self, now: float) -> str:
        submission = Submission(self._directory, self._ids)
        queue_id = submission.queue_id(now)
        self._submissions[queue_id] = submission
        return queue_id

    async def add(self, message: Message, *, hold: bool = False, filter: str = "") -> int:
        return self._submissions.pop(message.queue_id).add_whole(message, hold=hold, filter=filter)


def submit(context: Context, directory: Path, message: Message) -> None:
    """Put a message of a command into the queue, as it comes out of the intake. Raises IntakeRefused, QueueError.

    directory  the queue's; the message gets its queue id here
    """
    queue = _CommandQueue(directory, context.personality.ids)
    intake = QueueIntake(context, queue)
    message.queue_id = queue.new_id(message.arrival)
    asyncio.run(intake.leave(message))


def talk(
    context: Context,
    policy: Policy,
    directory: Path,
    pipes: tuple[int, BinaryIO],
    begun: Callable[[SmtpSession], object] = lambda session: None,
) -> None:
    """Talk to one client until the session ends; ``context.intake`` is set here. Raises QueueError, OSError.

    directory  the queue's
    pipes      the descriptor that is read, and the stream that is written
    begun      is given the session before its greeting
    """
    context.intake = QueueIntake(context, _CommandQueue(directory, context.personality.ids))
    near, far = socket.socketpair()
    threading.Thread(target=_pump, args=(pipes[0], near), daemon=True).start()
    answers = threading.Thread(target=_print, args=(near, pipes[1]), daemon=True)
    answers.start()
    try:
        asyncio.run(_session(SmtpService(context, policy=policy), far, begun))
    finally:
        answers.join(_PATIENCE)


async def _session(service: SmtpService, pipe: socket.socket, begun: Callable[[SmtpSession], object]) -> None:
    def protocol() -> SmtpSession:
        session = SmtpSession(service)
        begun(session)
        return session

    _, session = await asyncio.get_running_loop().connect_accepted_socket(protocol, pipe)
    assert session.task is not None
    await session.task
    await asyncio.sleep(0)


def _pump(source: int, to: socket.socket) -> None:
    """What the client sends goes to the session."""
    try:
        while data := os.read(source, _PIECE):
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def _print(source: socket.socket, out: BinaryIO) -> None:
    """What the session says goes to the client."""
    try:
        while data := source.recv(_PIECE):
            out.write(data)
            out.flush()
    except OSError:
        pass
