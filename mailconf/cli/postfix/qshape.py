"""``qshape``: how old the mail in the queue is, by domains, as qshape(1) of Postfix shows it.

Options, words and exit status are the original's; ``--root DIR`` and ``--postfix-version V`` are ours. Departures:

- Messages are those of mailconf's queue; a queue is named by its name, or by its path below queue_directory.
- The queue is read at once. On a terminal the screen is not cleared, and nothing is shown before the end: ``-N`` is
  accepted and has no effect.
- Domains with the same count, whose names are as long as each other, are in the order of the alphabet.
"""

from __future__ import annotations

import math
import re
import string
import sys
import time

from mailconf.cli.postfix.queue_tool import NULL, QueueTool, printed
from mailconf.encoding import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mailconf.mta.control import Listing

FLAGS, VALUED = "lhps", "cwbtmnN"
_TOTAL = "TOTAL"
_NARROWEST = 18  # columns of a domain
_TOP = 20  # domains that a terminal gets
_MOST_BUCKETS = 1000
_DIES = 255
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_NUMBER = re.compile(r"\s*(\d+)(?:\.\d*)?")
_DOTS = re.compile(r"\.?(.+?)\.?\Z", re.DOTALL)
_BELOW = re.compile(r"\.?[^.]+\.(.*\.)")
USAGE = """\
Usage: {name} [ -s ] [ -p ] [ -m <min_subdomains> ] [ -l ]
\t[ -b <bucket_count> ] [ -t <bucket_time> ] [ -w <terminal_width> ]
\t[ -N <batch_msg_count> ] [ -n <batch_top_domains> ]
\t[ -c <config_directory> ] [ <queue_name> ... ]
The 's' option shows sender domain counts.
The 'p' option shows address counts by for parent domains.
Parent domains are shown with a leading '.' before the domain name.
Parent domains are only shown if the domain is not a TLD, and at
least <min_subdomains> (default 5) subdomains are shown in the output.

The bucket age ranges in units of <bucket_time> minutes are
[0,1), [1,2), [2,4), [4,8), [8, 16), ... i.e.:
\tthe first bucket is [0, bucket_time) minutes
\tthe second bucket is [bucket_time, 2*bucket_time) minutes
\tthe third bucket is [2*bucket_time, 4*bucket_time) minutes...
'-l' makes the ages linear, the number of buckets shown is <bucket_count>

The default summary is for the incoming and active queues. An explicit
list of queue names can be given on the command line. Non-absolute queue
names are interpreted relative to the Postfix queue directory. Use
<config_directory> to specify a non-default Postfix instance.  Values of
the main.cf queue_directory parameter that use variable expansions are
not supported. If necessary, use explicit absolute paths for all queues.
"""


class Shape:
    """The table: messages by domain and age.

    buckets  ages, the last of which has no end; ``tick`` minutes make up the first
    linear   each lasts as long as the first; otherwise all that came before it
    senders  of senders; otherwise of recipients
    parents  parent domains are counted, too; those with at least ``least`` subdomains are shown
    """

    def __init__(
        self,
        *,
        buckets: int = 10,
        tick: int = 5,
        linear: bool = False,
        senders: bool = False,
        parents: bool = False,
        least: int = 5,
        width: int = 80,
    ) -> None:
        self._buckets = buckets
        self._tick = tick
        self._linear = linear
        self._senders = senders
        self._parents = parents
        self._least = least
        self._width = width
        self._counts: dict[str, list[int]] = {_TOTAL: [0] * (buckets + 1)}
        self._subdomains: dict[str, int] = {}

    def add(self, age: float, sender: str, recipients: Iterable[str]) -> None:
        """Count a message that is ``age`` seconds old."""
        bucket = self._bucket(age)
        for address in [sender] if self._senders else recipients:
            self._count(_TOTAL, bucket)
            self._count_domains(_domain(address), bucket)

    def _count(self, name: str, bucket: int) -> bool:
        """Whether the name is new."""
        new = name not in self._counts
        row = self._counts.setdefault(name, [0] * (self._buckets + 1))
        row[0] += 1
        row[bucket] += 1
        return new

    def _count_domains(self, domain: str, bucket: int) -> None:
        new = False
        while True:
            here = self._count(domain, bucket)
            if new:
                self._subdomains[domain] = self._subdomains.get(domain, 0) + 1
            new = here
            found = _BELOW.match(domain) if self._parents else None
            if found is None:
                return
            domain = f".{domain[found.start(1) :]}"

    def _bucket(self, age: float) -> int:
        """The column of an age; the first is 1."""
        units = age / (60 * self._tick)
        if units < 1:
            return 1
        bucket = int(units + 1) if self._linear else 2 + int(math.log(units) / math.log(2))
        return min(bucket, self._buckets)

    def _heads(self) -> list[str]:
        heads, begun = ["T"], 0
        for bucket in range(1, self._buckets + 1):
            if bucket == self._buckets:
                heads.append(f"{begun}+")
                break
            begun += begun if begun and not self._linear else self._tick
            heads.append(str(begun))
        return heads

    def lines(self, most: int = 0) -> Iterator[str]:
        """The table; ``most`` rows of it, 0 for all."""
        heads = self._heads()
        widths = [max(len(head), len(str(total))) for head, total in zip(heads, self._counts[_TOTAL], strict=True)]
        widths = [width + 1 if width > 2 else 3 for width in widths]
        left = max(self._width - sum(widths), _NARROWEST)

        def line(name: str, cells: list[str]) -> str:
            return _fitted(name, left) + "".join(f"{cell:>{n}}" for cell, n in zip(cells, widths, strict=True))

        yield line("", heads)
        shown = [name for name in self._counts if name[:1] != "." or self._subdomains.get(name, 0) >= self._least]
        shown.sort(key=lambda name: (-self._counts[name][0], len(encode(name)), name != _TOTAL, name))
        for name in shown[: most or None]:
            yield line(name, [str(count) for count in self._counts[name]])


def _fitted(name: str, width: int) -> str:
    data = encode(name)
    if len(data) <= width:
        return " " * (width - len(data)) + name
    mark = ".+" if data.startswith(b".") else "+"
    return mark + data[len(data) - width + len(mark) :].decode(errors="surrogateescape")


def _domain(address: str) -> str:
    """What a message counts for: the domain in small letters, without dots at its ends."""
    name = address.translate(_LOWER).rpartition("@")[2].replace("..", ".") if address else NULL
    found = _DOTS.match(name)
    return found[1] if found else name


class _Misuse(Exception):
    """The usage is to be printed, after a message where there is one."""


def run(name: str, arguments: list[str]) -> int:
    """Run ``qshape arguments``; ``name`` is what the program was called as. The exit status."""
    from mailconf.cli.postfix.postfix_tool import take_settings

    tool = QueueTool(name, "", "", "", _DIES)
    words = list(arguments)
    root = take_settings(words, VALUED, tool.messages)
    try:
        options = _options(words)
    except _Misuse as mistake:
        sys.stderr.write(f"{name}: {mistake}\n" if str(mistake) else "")
        sys.stderr.write(USAGE.format(name=name))
        return _DIES
    directory = options.get("c")
    return tool.run_in(directory or None, root, tool.messages.release, lambda: _show(tool, options, words))


def _options(words: list[str]) -> dict[str, str]:
    """Take the options off ``words``, as Perl's getopts does. Raises _Misuse."""
    found: dict[str, str] = {}
    while words and words[0][:1] == "-" and len(words[0]) > 1:
        letter, rest = words[0][1], words[0][2:]
        if words[0] == "--":
            del words[0]
            break
        if letter in VALUED:
            del words[0]
            found[letter] = rest or (words.pop(0) if words else "")
        elif letter in FLAGS:
            found[letter] = "1"
            words[0:1] = [f"-{rest}"] if rest else []
        else:
            raise _Misuse("" if "h" in found else f"Unknown option: {letter}")
    if "h" in found:
        raise _Misuse
    return found


def _number(options: dict[str, str], letter: str, usual: int, *, above: int = 0) -> int:
    """The value of an option as Perl reads a number; the usual one where it is not more than ``above``."""
    found = _NUMBER.match(options.get(letter, ""))
    value = int(found[1][:9]) if found else 0
    return value if value > above else usual


def shape_of(options: dict[str, str]) -> Shape:
    """The empty table that the options ask for."""
    return Shape(
        buckets=min(_number(options, "b", 10), _MOST_BUCKETS),
        tick=_number(options, "t", 5),
        linear="l" in options,
        senders="s" in options,
        parents="p" in options,
        least=_number(options, "m", 5),
        width=_number(options, "w", 80, above=80),
    )


def _show(tool: QueueTool, options: dict[str, str], words: list[str]) -> int:
    shape = shape_of(options)
    names = _queues(tool, words or ["incoming", "active"])
    queue = tool.queue()
    try:
        now = time.time()
        for each in queue.listings():
            _add(shape, each, names, now)
    finally:
        queue.close()
    most = 0
    if sys.stdout.isatty():
        most = _number(options, "n", _TOP) if "n" in options else _TOP
    printed(shape.lines(most))
    return 0


def _add(shape: Shape, each: Listing, names: set[str], now: float) -> None:
    if each.queue.value in names:
        shape.add(now - each.arrival, each.sender, (recipient.address for recipient in each.recipients))


def _queues(tool: QueueTool, words: list[str]) -> set[str]:
    """The queues that words name; one that there is not is reported. Raises ToolFatal."""
    from mailconf.mta.control import QueueName

    known = {name.value for name in QueueName} | {"maildrop", "corrupt"}
    directory = tool.configured().value("queue_directory").rstrip("/")
    found = set()
    for word in words:
        name = word.removeprefix(f"{directory}/").rstrip("/")
        if name not in known:
            sys.stderr.write(f"Can't stat {word}: No such file or directory\n")
        found.add(name)
    return found
