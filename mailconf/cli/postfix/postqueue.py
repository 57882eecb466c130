"""``postqueue``: lists and flushes the queue of mailconf's MTA, as postqueue(1) of Postfix 3.7 does its own.

Options, messages and exit status are the original's; ``--root DIR`` and ``--postfix-version V`` are ours. Departures:

- Messages that an MTA has put aside at the same time are listed in the order of their arrival; the original's order is
  that of the file system.
- ``-s`` attempts what is left for exactly this domain, whenever it came; the original remembers what was deferred while
  flush(8) ran.
- ``-v`` is accepted and has no effect.
"""

from __future__ import annotations

import errno
import os

from mailconf.cli.postfix.postfix_tool import ToolFatal
from mailconf.cli.postfix.queue_tool import QUEUE_ID, QueueTool, in_order, json_lines, lines, printed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mailconf.files import Tree

_USAGE = "postqueue -f | postqueue -i queueid | postqueue -j | postqueue -p | postqueue -s site"
EX_UNAVAILABLE = 69


def run(name: str, arguments: list[str]) -> int:
    """Run ``postqueue arguments``; ``name`` is what the program was called as. The exit status."""
    tool = QueueTool(name, "fjpv", "cis", _USAGE, EX_UNAVAILABLE)
    return tool.run(arguments, lambda options, words: _work(tool, options, words))


def run_in(directory: str | None, root: Tree, release: str | None, mode: str, value: str = "") -> int:
    """Run ``postqueue -MODE VALUE`` on the configuration in a folder (None: the usual one); the exit status."""
    tool = QueueTool("postqueue", "", "", _USAGE, EX_UNAVAILABLE)
    return tool.run_in(directory, root, release, lambda: _work(tool, [(mode, value)], []))


def _work(tool: QueueTool, options: list[tuple[str, str]], words: list[str]) -> int:
    modes = [each for each in options if each[0] != "v"]
    if len(modes) != 1 or words:
        raise tool.usage()
    ((mode, value),) = modes
    tool.configured()
    if mode in "pj":
        return listed(tool, json=mode == "j")
    return flushed(tool, mode, value)


def listed(tool: QueueTool, *, json: bool = False) -> int:
    """Print the list of the queue. Raises ToolFatal, QueueError."""
    queue = tool.queue()
    if queue.stopped:
        reason = f"Connect to the Postfix showq service: {queue.stopped}"
        tool.messages.warn(f"Mail system is down -- accessing queue directly ({reason})")
    try:
        found = in_order(queue.listings())
    finally:
        queue.close()
    assert tool.settings is not None
    long_ids = tool.settings.value("enable_long_queue_ids").lower() == "yes"
    printed(json_lines(found) if json else lines(found, long_ids=long_ids))
    return 0


def flushed(tool: QueueTool, mode: str, value: str) -> int:
    """Have mail attempted: all of it (f), a message (i), what is for a site (s). Raises ToolFatal, QueueError."""
    if mode == "i" and not QUEUE_ID.match(value):
        raise ToolFatal(f'Cannot flush queue ID - invalid name: "{value}"')
    if mode == "s" and not _is_destination(value):
        raise ToolFatal(f'Cannot flush mail queue - invalid destination: "{value}"')
    if mode == "s" and not tool.is_flushed_for(value):
        raise ToolFatal(f'Flush service is not configured for destination "{value}"')
    queue = tool.queue()
    try:
        if queue.stopped:
            if mode != "f":
                tool.messages.warn(f"connect to public/flush: {queue.stopped}")
            elif queue.stopped == os.strerror(errno.ENOENT):
                tool.messages.warn(f"unable to look up public/qmgr: {queue.stopped}")
            raise ToolFatal("Cannot flush mail queue - mail system is down")
        if mode == "f":
            queue.flush()
        elif mode == "i":
            queue.attempt(value)
        else:
            queue.site(value)
    finally:
        queue.close()
    return 0


def _is_destination(site: str) -> bool:
    """Whether it is a domain, or an address in brackets."""
    import ipaddress

    from mailconf.encoding import encode
    from mailconf.postfix.settings.host_names import hostname_problem

    if site[:1] == "[" and site[-1:] == "]":
        inside = site[1:-1]
        family = ipaddress.IPv6Address if inside[:5].lower() == "ipv6:" else ipaddress.IPv4Address
        try:
            family(inside[5:] if family is ipaddress.IPv6Address else inside)
        except ValueError:
            return False
        return True
    return not hostname_problem(encode(site))
