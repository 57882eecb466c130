"""A command's way to hand mail to the MTA of another user (`mailconf.mta.drop`)."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from mailconf.mta.control.place import DROP, reachable
from mailconf.mta.message import Message
from mailconf.mta.queue.entry import QueueError

PATIENCE = 600.0  # seconds that an answer is waited for
_LONGEST = 1 << 16  # bytes of an answer


def hand_in(directory: Path, message: Message) -> str:
    """Give a message to the MTA that runs on the queue below ``directory``; its queue id. It is durable then.

    Raises QueueError where it is refused, and OSError where no MTA can be reached.
    """
    request = {
        "from": message.sender,
        "to": [[recipient.address, recipient.notify] for recipient in message.recipients],
        "size": len(message.content),
        "body": message.body,
        "ret": message.ret,
        "envid": message.envid,
        "name": message.full_name,
        "local": bool(message.local),
    }
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(PATIENCE)
        with reachable(directory, DROP) as path:
            connection.connect(str(path))
        refusal: OSError | None = None
        try:
            connection.sendall(json.dumps(request).encode() + b"\n" + message.content)
        except (BrokenPipeError, ConnectionResetError) as error:
            refusal = error  # the answer says why
        with connection.makefile("rb") as answers:
            answer = _answer(answers.readline(_LONGEST))
    if answer is None:
        raise refusal or ConnectionResetError("the mail system has hung up")
    if "id" not in answer:
        raise QueueError(answer.get("error", "the mail system does not answer"))
    return answer["id"]


def _answer(line: bytes) -> dict[str, str] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
