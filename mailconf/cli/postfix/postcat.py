"""``postcat``: shows messages of the queue of mailconf's MTA, as postcat(1) of Postfix 3.7 does.

Options, messages and exit status are the original's; ``--root DIR`` and ``--postfix-version V`` are ours. Departures:

- Only ``-q`` finds messages: ours have no files of their own. A file is a queue file of Postfix, and none of those.
- ``-d`` and ``-o`` (types and offsets of records) are accepted and have no effect; the fields of message_size that
  describe Postfix's file are 0. ``-v`` has no effect.
- Of the original's named attributes those are shown whose facts the queue keeps.
"""

from __future__ import annotations

import os
import sys
import time

from mailconf.cli.postfix.postfix_tool import ToolFatal
from mailconf.cli.postfix.queue_tool import QUEUE_ID, QueueTool
from mailconf.encoding import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailconf.mta.control import Shown

_USAGE = (
    "postcat [-b (body text)] [-c config_dir] [-d (decimal record type)] [-e (envelope records)]"
    " [-h (header text)] [-q (access queue)] [-v] [file(s)...]"
)
_DIGITS = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"


def run(name: str, arguments: list[str]) -> int:
    """Run ``postcat arguments``; ``name`` is what the program was called as. The exit status."""
    tool = QueueTool(name, "bdehoqv", "c", _USAGE, 1)
    return tool.run(arguments, lambda options, words: _work(tool, options, words))


def _work(tool: QueueTool, options: list[tuple[str, str]], words: list[str]) -> int:
    letters = {letter for letter, _ in options}
    parts = letters & set("beh") or set("beh")
    tool.configured()
    if "q" not in letters:
        _no_files(tool, words)
        return 0
    queue = None
    try:
        for queue_id in words:
            if not QUEUE_ID.match(queue_id):
                raise ToolFatal(f"bad mail queue ID: {queue_id}")
            queue = queue or tool.queue()
            found = queue.show(queue_id)
            if found is None:
                raise ToolFatal(f"open queue file {queue_id}: {os.strerror(2)}")
            _write(*found, parts)
    finally:
        if queue is not None:
            queue.close()
    return 0


def _no_files(tool: QueueTool, words: list[str]) -> None:
    """Files that are named, or standard input, are no queue files."""
    if not words:
        if sys.stdin.buffer.read(1):
            tool.messages.warn("stdin: input is not a valid queue file")
        return
    for word in words:
        try:
            tool.root.read(word, 1)
        except OSError as failure:
            raise ToolFatal(f"open {word}: {failure.strerror}") from failure
        tool.messages.warn(f"{word}: input is not a valid queue file")


def _write(about: Shown, content: bytes, parts: set[str]) -> None:
    """Write the envelope (e), the header (h) and the body (b) of a message."""
    path, out = encode(_path(about)), sys.stdout.buffer
    header, body = _halves(content)
    if "e" in parts:
        out.write(b"*** ENVELOPE RECORDS %b ***\n" % path)
        for line in _envelope(about):
            out.write(encode(line) + b"\n")
        out.write(b"*** MESSAGE CONTENTS %b ***\n" % path)
    if "h" in parts:
        out.write(header)
    if "b" in parts:
        out.write(body)
    if "e" in parts:
        out.write(b"*** HEADER EXTRACTED %b ***\n" % path)
        out.write(b"*** MESSAGE FILE END %b ***\n" % path)
    out.flush()


def _halves(content: bytes) -> tuple[bytes, bytes]:
    """The header, and the body with the empty line before it."""
    at = 0 if content.startswith(b"\n") else content.find(b"\n\n") + 1
    if at == 0 and not content.startswith(b"\n"):
        at = len(content)
    return content[:at], content[at:] + (b"" if content.endswith(b"\n") or not content else b"\n")


def _path(about: Shown) -> str:
    """The message's file in the original's queue, of which deferred/ has folders within."""
    name = about.queue.value
    return f"{name}/{_hash(about.id)}/{about.id}" if name == "deferred" else f"{name}/{about.id}"


def _hash(queue_id: str) -> str:
    """The folder of a message: the first hexadecimal digit of the microseconds in its id."""
    before, marker, _ = queue_id.rpartition("z")
    digits = before[-4:]
    if marker and len(before) > 9 and all(digit in _DIGITS for digit in digits):
        number = 0
        for digit in digits:
            number = number * len(_DIGITS) + _DIGITS.index(digit)
        return f"{number:05X}"[0]
    return queue_id[0]


def _envelope(about: Shown) -> Iterator[str]:
    """Its records, in the original's order and words."""
    when = time.asctime(time.localtime(about.arrival))
    sizes = (about.size, 0, len(about.recipients), 0, about.size, 0)
    yield f"message_size: {' '.join(f'{size:15}' for size in sizes)}"
    yield f"message_arrival_time: {when}"
    yield f"create_time: {when}"
    if about.envid:
        yield f"named_attribute: envelope_id={about.envid}"
    if about.ret:
        yield f"named_attribute: ret_flags={ {'FULL': 1, 'HDRS': 2}.get(about.ret.upper(), 0) }"
    if about.body:
        encoding = {"7BIT": "7bit", "8BITMIME": "8bit"}.get(about.body.upper(), about.body)
        yield f"named_attribute: encoding={encoding}"
    yield f"named_attribute: log_ident={about.id}"
    yield f"named_attribute: rewrite_context={'local' if about.local else 'remote'}"
    yield f"sender: {about.sender}"
    if about.session is not None:
        yield from _session(about.session)
    if about.filter:
        yield f"content_filter: {about.filter}"
    for address, original, orcpt, done in about.recipients:
        whole = original if "@" in original else address  # the original completes it first
        yield f"named_attribute: dsn_orig_rcpt={orcpt or f'rfc822;{whole}'}"
        yield f"original_recipient: {original or address}"
        yield f"{'done_recipient' if done else 'recipient'}: {address}"


def _session(facts: dict[str, str]) -> Iterator[str]:
    name, address, port = facts["client_name"], facts["client_address"], facts["client_port"]
    helo, protocol = facts["helo"] or "", facts["protocol"]
    login = facts["sasl_method"], facts["sasl_username"]
    named = {
        "log_client_name": name,
        "log_client_address": address,
        "log_client_port": port,
        "log_message_origin": f"{name}[{address}]",
        "log_helo_name": helo,
        "log_protocol_name": protocol,
        "sasl_method": login[0],
        "sasl_username": login[1],
        "client_name": name,
        "reverse_client_name": facts["reverse_name"],
        "client_address": address,
        "client_port": port,
        "server_address": facts["server_address"],
        "server_port": facts["server_port"],
        "helo_name": helo,
        "protocol_name": protocol,
        "client_address_type": "10" if ":" in address else "2",
    }
    for key, value in named.items():
        if value:
            yield f"named_attribute: {key}={value}"
