"""What Postfix's tools for the queue share: the way to the queue of mailconf's MTA, names of messages, their listing.

They work on the queue below queue_directory: through the MTA that runs on it (`mailconf serve`), or on its files where
none does. Who may not read that folder (mode 0700, the MTA's) may not use them; the original's are set-group-ID.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress

from mailconf.cli.postfix.postfix_tool import Messages, Settings, ToolFatal, getopt, read_settings, take_settings
from mailconf.encoding import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mailconf.files import Tree
    from mailconf.mta.control import Listing
    from mailconf.mta.control.client import QueueAccess

QUEUE_ID = re.compile(r"[0-9A-Za-z_]+\Z")
NULL = "MAILER-DAEMON"  # stands for the null sender

_ID, _LONG_ID = 11, 17  # columns of a queue id
_REASON = 78  # the column in which a reason ends
_ESCAPES = {ord(c): e for c, e in zip('"\\\b\f\n\r\t', ('\\"', "\\\\", "\\b", "\\f", "\\n", "\\r", "\\t"), strict=True)}
_CONTROLS = {**{n: f"\\u{n:04X}" for n in (*range(32), 127)}, **_ESCAPES}


class QueueTool:
    """One run of such a tool.

    name      what it was called as
    flags     the letters of its options without a value, ``valued`` those with one, ``c`` among them
    misuse    its usage, for a fatal message; ``status`` is the exit status after one
    """

    def __init__(self, name: str, flags: str, valued: str, misuse: str, status: int) -> None:
        self.messages = Messages(name.rpartition("/")[2])
        self._flags = flags
        self._valued = valued
        self._misuse = misuse
        self.status = status
        self.directory: str | None = None
        self._root: Tree | None = None  # once the command line is read
        self.settings: Settings | None = None

    def run(self, arguments: list[str], work: Callable[[list[tuple[str, str]], list[str]], int]) -> int:
        """Run ``work`` with the options, in their order, and the words that follow them; the exit status."""
        words = list(arguments)
        self._root = take_settings(words, self._valued, self.messages)

        def read() -> int:
            options = []
            for letter, value in getopt(self.messages.program, words, self._flags, self._valued):
                if letter == "?":
                    raise self.usage()
                if letter == "c":
                    self.directory = value
                else:
                    options.append((letter, value))
            return work(options, words)

        return self._guarded(read)

    def run_in(self, directory: str | None, root: Tree, release: str | None, work: Callable[[], int]) -> int:
        """Run ``work`` for another tool, on the configuration in a folder; the exit status."""
        self.directory, self._root = directory, root
        self.messages.root, self.messages.release = root, release
        return self._guarded(work)

    def _guarded(self, work: Callable[[], int]) -> int:
        from mailconf.mta.queue.entry import QueueError

        try:
            self.messages.check_version()
            return work()
        except (ToolFatal, QueueError) as failure:
            self.messages.fatal(str(failure))
            return self.status

    @property
    def root(self) -> Tree:
        """Where absolute paths lie."""
        assert self._root is not None
        return self._root

    def usage(self) -> ToolFatal:
        return ToolFatal(f"usage: {self._misuse}")

    def configured(self) -> Settings:
        """main.cf; raises ToolFatal."""
        if self.settings is None:
            assert self._root is not None
            self.settings = read_settings(self.directory, self._root, self.messages)
        return self.settings

    def queue(self) -> QueueAccess:
        """The queue; raises ToolFatal, QueueError."""
        from mailconf.files import Root
        from mailconf.mta.control.client import open_queue

        settings = self.configured()
        if not isinstance(self._root, Root):
            raise ToolFatal("a queue is on the disk")
        return open_queue(self._root.path(settings.value("queue_directory")))

    def is_flushed_for(self, site: str) -> bool:
        """Whether mail for a site may be asked for (postconf(5) fast_flush_domains). Raises ToolFatal."""
        from mailconf.model.fileworld import FileWorld
        from mailconf.model.world import Ask, LookupFailed, run
        from mailconf.postfix.settings.lists import ListKind, PatternList

        settings = self.configured()
        parents = "fast_flush_domains" in re.split(r"[\s,]+", settings.value("parent_domain_matches_subdomains"))

        def read(path: str) -> str:
            from mailconf.encoding import decode

            assert self._root is not None
            return decode(self._root.read(path))

        listed = PatternList.compile(
            "fast_flush_domains", settings.value("fast_flush_domains"), ListKind.DOMAIN, parents=parents, read=read
        )
        try:
            return run(listed.match(Ask(FileWorld(self._root)), site))
        except LookupFailed as failure:
            raise ToolFatal(f"fast_flush_domains: {failure}") from failure


def lines(listings: Iterable[Listing], *, long_ids: bool) -> Iterator[str]:
    """A list of the queue as postqueue -p prints it, by lines."""
    from mailconf.model.address import external

    count = size = 0
    indent = " " * (47 if long_ids else 41)
    for each in listings:
        if not count:
            yield _HEADS[long_ids]
        count += 1
        size += each.size
        marks = {"active": "*", "hold": "!"}.get(each.queue.value, "") + "#" * each.expire
        when = time.asctime(time.localtime(each.arrival))
        sender = external(each.sender) or NULL
        if long_ids:
            yield f"{each.id + marks:<{_LONG_ID}} {each.size:8} {when:.19} {sender}"
        else:
            yield f"{each.id + marks:<{_ID}} {each.size:7} {when:.20} {sender}"
        for reason, addresses in _by_reason(each):
            if reason:
                yield f"{f'({reason})':>{_REASON}}"
            for address in addresses:
                yield f"{indent}{external(address) or NULL}"
        yield ""
    if count:
        yield f"-- {size // 1024} Kbytes in {count} Request{'s' * (count > 1)}."
    else:
        yield "Mail queue is empty"


_HEADS = {
    False: "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------",
    True: "----Queue ID----- --Size-- ---Arrival Time---- --Sender/Recipient------",
}


def _by_reason(each: Listing) -> list[tuple[str, list[str]]]:
    """The recipients that share a reason, those without one last."""
    found: dict[str, list[str]] = {}
    for recipient in each.recipients:
        found.setdefault(recipient.reason, []).append(recipient.address)
    without = found.pop("", None)
    groups = list(found.items())
    if without is not None:
        groups.append(("reason unavailable" if groups else "", without))
    return groups


def json_lines(listings: Iterable[Listing]) -> Iterator[str]:
    """A list of the queue as postqueue -j prints it, an object a line."""
    from mailconf.model.address import external

    for each in listings:
        recipients = ", ".join(
            f'{{"address": {_quoted(external(address) or NULL)}, "delay_reason": {_quoted(reason)}}}'
            if reason and reason != "reason unavailable"
            else f'{{"address": {_quoted(external(address) or NULL)}}}'
            for reason, addresses in _by_reason(each)
            for address in addresses
        )
        yield (
            f'{{"queue_name": "{each.queue.value}", "queue_id": {_quoted(each.id)}, '
            f'"arrival_time": {int(each.arrival)}, "message_size": {each.size}, '
            f'"forced_expire": {"true" if each.expire else "false"}, '
            f'"sender": {_quoted(external(each.sender) or NULL)}, "recipients": [{recipients}]}}'
        )


def _quoted(text: str) -> str:
    return f'"{text.translate(_CONTROLS)}"'


def printed(lines: Iterable[str]) -> None:
    """Write lines to standard output, as bytes; raises ToolFatal where that fails."""
    import sys

    from mailconf.cli.shared.streams import drop_output

    try:
        for line in lines:
            sys.stdout.buffer.write(encode(line) + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as failure:
        with suppress(OSError):
            drop_output()
        raise ToolFatal(f"output write error: {failure.strerror}") from failure


def in_order(listings: Iterable[Listing]) -> list[Listing]:
    """The messages as showq(8) lists them: those under way, new ones, those that wait, those on hold."""
    from mailconf.mta.control import QueueName

    rank = {queue: n for n, queue in enumerate(QueueName)}
    return sorted(listings, key=lambda each: rank[each.queue])
