"""Whether address test mode and SMTP answer as the real sendmail's, for configurations that are made up from a seed.

    python -m tests.live.compare_draws [--sites N] [--prompts N] [--sessions N] [--mutants N] [--seed N] [--counts]
                                       [--next]

Of each two sites one is a .cf of random rules and maps, the other a .mc of FEATUREs with sections of such rules, built
by the library (`tests.live.draws`); both sides answer the same prompts. With ``--sessions`` two daemons answer the same
SMTP sessions, with ``--mutants`` both sides read so many .cf files in which one line is changed (-bt, -bv, -bs, -d0).
With ``--next`` the sendmail of the next Debian is asked. Every difference is printed, and how often each form has
occurred. Exit status: 0 without a difference.

Needs root and the packages of tests/live/install-engines.
"""

from __future__ import annotations

import argparse
import difflib
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from mailconf.diagnostics import Sink
from mailconf.sendmail.mc.expansion import expand_mc
from mailconf.sendmail.mc.library import PLACES, Library
from tests.live import cf_sites, draws, draws_smtp
from tests.live.compare_cf import LIBRARIES, LIBRARY, OURS, SENDMAIL, machine, prompts
from tests.vectors.record_rules import next_sendmail
from tests.vectors.sendmail_smtp_driver import listening, masked

FILES = {
    "list": "ann:first\nbob:two:three\n:none\nann:again\nempty:\n# x:y\nx y:blank\njoe\tz: \n",
    "helpfile": "#vers\t2\ncpyr\tx\nsmtp\tThis is the help.\nsmtp\tTopics: HELO EHLO\nhelo\tHELO <hostname>\n",
}
TABLES = {
    "table": 'ann\tann.x@far.example\nbob\t%0 and %1\nto:ann\tok\nkey\tvalue with blanks\nq\t"quoted"\n'
    "two words\tblank\ntwo_words\tline\nJOE\tupper\nab\t%1%%%2%9%x\nc\t<a@b>\nparen\t(comment)\nopen\t<x\ndots\ta..b\n"
    "a.b.c\tthree $| four\nfar.test\tto $1 $* $#local\n",
    "btable": "ann\tb1\na\tb2 %1-%2\nb\tb3%%\nx\t%0%0\ncorp.test\t<found>\n",
}
REAL: tuple[str, ...] = (str(SENDMAIL),)
_PATIENCE = 120.0  # seconds
_PORT = 3100
_ALONE = "FEATURE(`no_default_msa')dnl\n"  # the daemon listens at one place only
# What the machine said last, which the original appends to some messages (docs/departures.md).
_ERRNO = re.compile(
    "(?<=.): (?:Unknown error -30988|Message too long|(?<=not found: )No such file or directory)$", re.MULTILINE
)
_MASKS = (
    (re.compile(r"Sendmail 8\.\d+\.[\w./-]*"), "VERSION"),
    (re.compile(r"\b[0-9A-Za-z]{8}\d{6,9}\b"), "QID"),
)


class Tally:
    """How many answers agree, what differs by kind, and how often each form was drawn."""

    def __init__(self) -> None:
        self.asked = self.alike = 0
        self.differ: Counter[str] = Counter()
        self.drawn: Counter[str] = Counter()

    def compare(self, kind: str, title: str, theirs: str | None, ours: str | None) -> bool:
        self.asked += 1
        if theirs == ours:
            self.alike += 1
            return True
        self.differ[kind] += 1
        lines = difflib.unified_diff((theirs or "").splitlines(), (ours or "").splitlines(), n=2, lineterm="")
        print(f"== {title}", *(line[:400] for line in list(lines)[3:25]), sep="\n", flush=True)
        return False


def environment() -> dict[str, str]:
    return {**os.environ, "LD_LIBRARY_PATH": LIBRARIES, "TZ": "UTC"}


def write(top: Path, site: draws.Site) -> Path:
    """The .cf of a site, in a folder of its own; RuntimeError with what is wrong with its .mc."""
    folder = cf_sites.make(top, site.name, site.mc or cf_sites.MAILERS)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    for name, text in TABLES.items():
        (folder / name).write_text(text)
        makemap = [cf_sites.MAKEMAP, "-C", "/dev/null", "btree" if name == "btable" else "hash", folder / name]
        subprocess.run(makemap, input=text.encode(), check=True, capture_output=True, env=environment())
    data = site.cf.encode("latin-1")
    if not data:
        sink = Sink()
        library = Library(str(LIBRARY), dict.fromkeys(PLACES, str(LIBRARY)), given=True)
        expanded = expand_mc(folder / "sendmail.mc", library, sink)
        if expanded is None or expanded.failed:
            raise RuntimeError("; ".join(map(str, sink)))
        data = expanded.cf.replace(b"/etc/mail/", f"{folder}/".encode())
    cf = folder / "x.cf"
    cf.write_bytes(data.replace(b"FOLDER", str(folder).encode()))
    return cf


# -- address test mode


def ask(command: Sequence[str], cf: Path, lines: Sequence[str]) -> list[str]:
    """What is printed before the first prompt and after each; the last one is the exit status."""
    text, status = call(command, ["-bt", "-C", str(cf)], "\n".join([*lines, "/quit", ""]).encode("latin-1"))
    return [*prompts(re.sub("[\r\x0b\x0c\x1c-\x1e\x85]", "?", text)), f"status {status}"]


def call(command: Sequence[str], arguments: Sequence[str], data: bytes) -> tuple[str, int | str]:
    """What a call prints, without what differs each time, and its exit status."""
    try:
        done = subprocess.run(
            [*command, *arguments], input=data, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment(),
            timeout=_PATIENCE, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        return repr((late.stdout or b"")[-300:]), "TIMEOUT"
    return _ERRNO.sub("", _masked(done.stdout.decode("latin-1"))), done.returncode


def compare_prompts(cf: Path, site: draws.Site, seed: str, count: int, tally: Tally) -> None:
    lines = draws.prompts(site, seed, count, tally.drawn)
    theirs, ours = ask(REAL, cf, lines), ask(OURS, cf, lines)
    crashed = theirs[-1].startswith("status -")
    shown = ["(start)", *lines, "/quit", "(status)"]
    for position, want in enumerate(theirs[:-2] if crashed else theirs):
        got = ours[position] if position < len(ours) else None
        line = shown[position] if position < len(shown) else ""
        tally.compare(line.split(" ")[0], f"{site.name} {position}: {line[:300]!r}", want, got)


# -- SMTP


def _masked(text: str) -> str:
    text = masked(text)
    for pattern, name in _MASKS:
        text = pattern.sub(name, text)
    return text


def talk(port: int, client: str, sent: Sequence[object]) -> Iterator[tuple[str, str]]:
    """What was sent, and the reply to it: a line, a message (list), or lines that go out together (tuple)."""
    reply = ""
    with socket.create_connection(("127.0.0.1", port), _PATIENCE, source_address=(client, 0)) as connection:
        file = connection.makefile("rb")

        def heard() -> str:
            lines = []
            while True:
                line = file.readline(100_000).decode("latin-1").rstrip("\r\n")
                lines.append(_masked(line))
                if line[3:4] != "-":
                    return "\n".join(lines)

        yield "(connect)", (reply := heard())
        for each in sent:
            if reply[:3] in ("", "221", "421"):
                return
            if isinstance(each, list) and reply[:3] != "354":
                continue
            lines = [each] if isinstance(each, str) else each
            connection.sendall("".join(f"{line}\r\n" for line in lines).encode("latin-1"))  # type: ignore[attr-defined]
            for line in ["(message)"] if isinstance(each, list) else lines:  # type: ignore[attr-defined]
                yield line, (reply := heard())
                if reply[:3] in ("", "221", "421"):
                    return


class Daemon(NamedTuple):
    """A daemon with the options of its command line."""

    command: Sequence[str]
    cf: Path
    port: int
    options: Sequence[str]
    modifiers: str

    def replies(self, asked: Sequence[draws_smtp.Talk]) -> list[list[tuple[str, str]]] | str:
        """What it says in each session; or what it has printed, if it does not start."""
        folder = self.cf.parent
        (folder / f"queue{self.port}").mkdir(mode=0o700)
        places = f"Port={self.port},Addr=127.0.0.1,Name=MTA{',M=' if self.modifiers else ''}{self.modifiers}"
        words = [
            *self.command, "-bD", "-C", str(self.cf), f"-ODaemonPortOptions={places}", "-ODeliveryMode=q",
            f"-OPidFile={folder}/pid{self.port}", f"-OQueueDirectory={folder}/queue{self.port}", "-OTimeout.ident=0",
            "-OTrustedUser=root", "-ORunAsUser=root", "-ORefuseLA=10000", "-OQueueLA=10000",
            *self.options,
        ]  # fmt: skip
        with tempfile.TemporaryFile() as output:
            running = subprocess.Popen(
                words, env=environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
            try:
                end = time.monotonic() + _PATIENCE
                while not listening(self.port) and running.poll() is None and time.monotonic() < end:
                    time.sleep(0.02)
                if running.poll() is not None:
                    output.seek(0)
                    return _masked(output.read().decode("latin-1"))
                return [list(self._session(each)) for each in asked]
            finally:
                running.terminate()
                running.wait(30)

    def _session(self, asked: draws_smtp.Talk) -> Iterator[tuple[str, str]]:
        try:
            yield from talk(self.port, *asked)
        except OSError as failure:
            yield "(failure)", type(failure).__name__


def compare_sessions(cf: Path, site: draws.Site, seed: str, count: int, tally: Tally) -> None:
    asked = draws_smtp.sessions(site.name, seed, count, tally.drawn)
    options, modifiers = draws_smtp.settings(site.name, seed, str(cf.parent), tally.drawn)
    global _PORT
    _PORT += 2
    sides = [Daemon(command, cf, _PORT + at, options, modifiers) for at, command in enumerate((REAL, OURS))]
    with ThreadPoolExecutor(2) as pool:
        theirs, ours = pool.map(lambda side: side.replies(asked), sides)
    about = f"{site.name} M={modifiers} {' '.join(options)}"
    if isinstance(theirs, str) or isinstance(ours, str):
        tally.compare("(start)", about, str(theirs), str(ours))
        return
    for (client, _), want, got in zip(asked, theirs, ours, strict=True):
        for at, (sent, reply) in enumerate(want):
            other = got[at][1] if at < len(got) else None
            before = f"after {want[at - 1][0][:60]!r}" if at else ""
            verb = sent.split(":")[0].split(" ")[0][:10].upper()
            title = f"{about} {client} {at}: {sent[:120]!r} {before}"
            if not tally.compare(verb, title, reply, other) and (other is None or reply[:3] in ("221", "421")):
                break


# -- a .cf with a line that is changed

_HOW = ("drop", "twice", "less", "more", "other", "other", "put in", "put in", "cut", "turned", "word", "joined")
_PUT_IN = '$*+-@=~&|>()[]{}:#.?<"\\,;%/!\t 0129xZ\x01\x80\xe9_'
_ASKED = ("$=w", "3,0 joe@far.test", "/try esmtp joe@corp.test", "=M", "$j", "/map access x", "check_mail <a@b.c>",
          "r1 a.b c", "/parse joe", "/quit", "")  # fmt: skip


def changed(lines: Sequence[str], dice: draws.Dice) -> tuple[list[str], str]:
    """The lines of a .cf with one of them changed, and which change it is. Lines of each letter are equally likely."""
    found = list(lines)
    letters: dict[str, list[int]] = {}
    for at, line in enumerate(found):
        if line.strip() and not line.startswith("#"):
            letters.setdefault(line[0], []).append(at)
    at = dice.choice(letters[dice.pick("mutated", sorted(letters))])
    line = found[at]
    how, place, new = dice.pick("mutation", _HOW), dice.randrange(len(line)), dice.choice(_PUT_IN)
    words = line.split(" ")
    del words[dice.randrange(len(words))]
    becomes: dict[str, list[str]] = {
        "drop": [], "twice": [line, line], "less": [line[:place] + line[place + 1 :]],
        "more": [line[:place] + line[place] + line[place:]], "other": [line[:place] + new + line[place + 1 :]],
        "put in": [line[:place] + new + line[place:]], "cut": [line[:place]], "word": [" ".join(words)],
    }  # fmt: skip
    if how in becomes:
        found[at : at + 1] = becomes[how]
    elif at + 1 < len(found):
        pair = found[at : at + 2]
        found[at : at + 2] = pair[::-1] if how == "turned" else ["".join(pair)]
    return found, f"{how} {line[:100]!r}"


def compare_mutants(cfs: Sequence[Path], seed: str, count: int, tally: Tally) -> None:
    dice = draws.Dice(f"mutants/{seed}", tally.drawn)
    texts = [cf.read_text("latin-1").split("\n") for cf in cfs]
    for number in range(count):
        cf = cfs[number % len(cfs)]
        lines, how = changed(texts[number % len(cfs)], dice)
        cf.write_bytes("\n".join(lines).encode("latin-1", "replace"))
        calls = {
            "-bt": (["-bt"], "\n".join(_ASKED)), "-bv": (["-bv", "root", "joe@far.test"], ""),
            "-d0": (["-d0.1", "-bt"], "/quit\n"), "-bs": (["-bs"], ""),
        }  # fmt: skip
        for name, (arguments, data) in calls.items():
            words = [*arguments[:1], *(["-bt"] if name == "-d0" else []), "-C", str(cf), *arguments[1:]]
            words = [word for at, word in enumerate(words) if word not in words[:at]]
            theirs, ours = (call(command, words, data.encode()) for command in (REAL, OURS))
            title = f"{number} {cf.parent.name} {name}: {how}"
            tally.compare(name, title, f"{theirs[0]}\nstatus {theirs[1]}", f"{ours[0]}\nstatus {ours[1]}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="compare_draws")
    parser.add_argument("--sites", type=int, default=4)
    parser.add_argument("--prompts", type=int, default=0, help="to each site in address test mode")
    parser.add_argument("--sessions", type=int, default=0, help="with each site that has a .mc")
    parser.add_argument("--mutants", type=int, default=0, help="of the sites' .cf files")
    parser.add_argument("--seed", default=str(random.randrange(10**6)))
    parser.add_argument("--next", action="store_true", help="the sendmail of the next Debian, 8.18")
    parser.add_argument("--counts", action="store_true", help="print how often each form occurred")
    options = parser.parse_args(arguments)
    tally = Tally()
    if options.next:
        global REAL, OURS
        REAL, OURS = tuple(map(str, next_sendmail())), (*OURS, "--sendmail-version", "8.18")
    print(f"seed {options.seed}")
    with machine(), tempfile.TemporaryDirectory(prefix="draws.") as temp:
        Path(temp).chmod(0o755)
        for client in draws_smtp.CLIENTS[1:]:
            subprocess.run(["ip", "address", "add", f"{client}/32", "dev", "lo"], check=True)
        cfs = []
        for number in range(options.sites):
            maker = draws.with_features if options.sessions or number % 2 else draws.by_hand
            site = maker(f"{maker.__name__}{number}", options.seed, tally.drawn)
            if options.sessions:  # rules by dice are mistakes with which no daemon starts
                site = site._replace(mc=site.mc.split("LOCAL_CONFIG")[0].replace("FEATURE", _ALONE + "FEATURE", 1))
            try:
                cf = write(Path(temp), site)
            except RuntimeError as failure:
                print(f"{site.name}: not built: {failure}")
                continue
            cfs.append(cf)
            if options.prompts:
                compare_prompts(cf, site, options.seed, options.prompts, tally)
            if options.sessions and site.mc:
                compare_sessions(cf, site, options.seed, options.sessions, tally)
        if options.mutants:
            compare_mutants(cfs, options.seed, options.mutants, tally)
    if options.counts:
        print("\n".join(f"{count} {name!r}" for name, count in sorted(tally.drawn.items())))
    print(f"{tally.alike} of {tally.asked} alike; differ: {tally.differ.most_common(20)}")
    return int(tally.alike < tally.asked)


if __name__ == "__main__":
    sys.exit(main())
