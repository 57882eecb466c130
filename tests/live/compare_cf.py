"""Whether our own sendmail.cf decides as the library's does, under the real sendmail in address test mode.

    python -m tests.live.compare_cf [--sample N] [--seed N] [--random N] [-v] [--sites NAME,...] [--mixed N]
                                       [--interpreter] [--report PAGE] [FOLDER...]

A FOLDER has a sendmail.mc and its tables, as tests/live/cf_sites.py makes them; without one, those sites are made and
compared, and ``--mixed`` generated ones. Beside a FOLDER only those of ``--mixed`` and ``--sites`` are made.

From each .mc both .cf files are made, and the questions of tests/live/cf_questions.py are put to both; ``--sample``
chooses so many of them, some of every kind and every form of address; how many of each there were is printed. Compared
are the answer's last line and its status; of a check that refuses nothing the text does not matter. With
``--interpreter`` our own .cf is asked for twice, of the real sendmail and of `mailconf sendmail`. With ``--report`` the
numbers are written into that page of docs/, anew after each site, so that a long comparison can be read while it runs.

Needs root and the packages of tests/live/install-engines. Exit status: 0 all alike.
"""

from __future__ import annotations

import argparse
import collections
import ctypes
import itertools
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mailconf.diagnostics import Sink
from mailconf.sendmail.emit.own_library import own_library
from mailconf.sendmail.emit.render import own_cf
from mailconf.sendmail.mc.expansion import expand_mc
from mailconf.sendmail.mc.library import PLACES, Library
from mailconf.sendmail.mc.mc import read
from tests.live import cf_sites
from tests.live.cf_questions import MAILERS, Question, questions
from tests.live.fixture_dns import isolate, serve
from tests.live.map_tools import SENDMAIL_ROOT

SENDMAIL = SENDMAIL_ROOT.resolve() / "usr/libexec/sendmail/sendmail"
LIBRARY = SENDMAIL_ROOT.resolve() / "usr/share/sendmail/cf"
LIBRARIES = ":".join(map(str, SENDMAIL_ROOT.resolve().glob("usr/lib/*-linux-gnu*")))
OURS = (str(Path(sys.executable).with_name("mailconf")), "sendmail")
_CLONE_NEWUTS = 0x04000000
_BATCH = 400  # questions to one process
_NOISE = re.compile(r"\.D(\{(auth_\w+|verify|cert_\w+|daemon_flags)\}$|s|\{(client_ptr|mail_\w+)\})")  # not shown
_AT_LEAST = 20  # of each kind of question, form of address, key of a table, and mailer in a sample, if it is large
# Rulesets of which only what they refuse counts; of others, a result that is no $# is the same as none.
CHECKS = re.compile(r"(?:translate,)*(?:check|tls_(?:server|client|rcpt)|try_tls|trust_auth|RateControl|ConnControl)")
VALUES = re.compile(r"(?:translate,)*(?:srv_features|clt_features|authinfo|greet_pause|queuegroup)")


def build(folder: Path) -> tuple[Path, Path]:
    """Both .cf files of a folder; RuntimeError with what is wrong."""
    sink = Sink()
    library = Library(str(LIBRARY), dict.fromkeys(PLACES, str(LIBRARY)), given=True)
    expanded = expand_mc(folder / "sendmail.mc", library, sink)
    if expanded is None or expanded.failed:
        raise RuntimeError("; ".join(map(str, sink)))
    return _write(folder, "library.cf", expanded.cf), write_own(folder)


def write_own(folder: Path) -> Path:
    """Our own .cf of a folder; RuntimeError with what is wrong."""
    sink = Sink()
    mc = read(folder / "sendmail.mc", own_library(), sink)
    ours = None if mc is None or mc.expanded.failed else own_cf(mc, sink)
    if ours is None:
        raise RuntimeError("; ".join(map(str, sink)))
    return _write(folder, "own.cf", ours)


def _write(folder: Path, name: str, text: bytes) -> Path:
    """The library names some files only by MAIL_SETTINGS_DIR, which a site may leave as it is."""
    (folder / name).write_bytes(text.replace(b"/etc/mail/", f"{folder}/".encode()))
    return folder / name


def prompts(text: str) -> list[str]:
    """What was printed after each prompt; the first is what precedes them."""
    found = [""]
    for line in text.splitlines(keepends=True):
        while line.startswith("> "):
            found.append("")
            line = line[2:]
        found[-1] += line
    return found


def ask(cf: Path, lines: Sequence[str], command: Sequence[str] = (str(SENDMAIL),)) -> list[str]:
    """The answer of a sendmail to each line."""
    data = "\n".join(lines).encode("latin-1") + b"\n/quit\n"
    environment = {**os.environ, "LD_LIBRARY_PATH": LIBRARIES}
    done = subprocess.run(
        [*command, "-bt", "-C", cf],
        input=data,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        check=False,
    )
    return prompts(re.sub("[\r\x0b\x0c\x1c-\x1e\x85]", "?", done.stdout.decode("latin-1")))[1:]


def decision(line: str, answer: str) -> str:
    """What an answer comes to."""
    lines = answer.strip("\n").split("\n")
    if "ndefined ruleset" in lines[-1] or "nknown ruleset" in lines[-1]:
        return "accepts" if CHECKS.match(line) else "nothing"
    problems = [re.sub(r" \(\d+\)", "", each) for each in lines if " status " in each]
    if line == "=M":
        return "\n".join(sorted(re.sub(r"^mailer \d+ ", "", each) for each in lines))
    if line.startswith("/try"):
        return " ".join(each for each in lines if each.startswith(("Rcode", "mailer"))) + " ".join(problems)
    last = next((each for each in reversed(lines) if "returns:" in each), lines[-1])
    result = last.partition("returns:")[2].strip() if "returns:" in last else last
    if "tls_rcpt" in line:  # of an address that cannot be parsed the library's keeps what it was about to ask
        result = result.partition(" $| ")[0].rstrip()
    if CHECKS.match(line) and not result.startswith(("$# error", "$# discard")):
        result = "accepts"
    elif VALUES.match(line) and not result.startswith("$#"):
        result = "nothing"
    return " ".join([result, *problems])


def worse(library: str, own: str) -> bool:
    """Whether ours accepts what the library's refuses."""
    return own == "accepts" and library.startswith("$#")


def mailers_of(cf: Path) -> list[str]:
    names = re.findall(r"^M([\w-]+)", cf.read_text("latin-1"), re.MULTILINE)
    return [name for name in MAILERS if name in names]


class Count:
    """How many questions were asked and answered alike, by what they are about, and how many ours alone accepts."""

    def __init__(self) -> None:
        self.asked = self.alike = self.accepting = 0
        self.labels: collections.Counter[str] = collections.Counter()
        self.differ: collections.Counter[str] = collections.Counter()

    def add(self, other: Count) -> None:
        self.asked += other.asked
        self.alike += other.alike
        self.accepting += other.accepting
        self.labels.update(other.labels)
        self.differ.update(other.differ)

    def table(self) -> Iterator[str]:
        """The numbers of questions by what they are about, and of the answers that differ."""
        for name, number in sorted(self.labels.items()):
            yield f"{name}: {number} asked, {self.differ[name]} differ"

    def fewest(self) -> str:
        """What was asked least."""
        name, number = min(self.labels.items(), key=lambda pair: (pair[1], pair[0]))
        return f"{len(self.labels)} kinds, forms, keys and mailers; fewest questions: {number} of {name!r}"


def chosen_of(asked: list[Question], sample: int, seed: int) -> list[Question]:
    """``sample`` questions, as many as there are or `_AT_LEAST` of everything that they are about among them.

    A small sample has less of each. The others are in equal parts of routing, of rewriting, of the checks and of the
    rest, as far as there are so many.
    """
    if not sample or sample >= len(asked):
        return asked
    mixed = random.Random(seed).sample(asked, len(asked))
    places: dict[str, list[int]] = {}
    for position, question in enumerate(mixed):
        for label in question.labels:
            places.setdefault(label, []).append(position)
    least, first = _AT_LEAST, _enough(mixed, places, _AT_LEAST)
    while len(first) > sample and least > 1:
        least -= 1
        first = _enough(mixed, places, least)
    rest: dict[str, list[Question]] = {"3": [], "/": [], "c": [], "": []}
    for position, question in enumerate(mixed):
        if position not in first:
            rest[question.kind[0] if question.kind[0] in rest else ""].append(question)
    turns = itertools.chain.from_iterable(itertools.zip_longest(*rest.values()))
    return [*(mixed[position] for position in first), *filter(None, turns)][:sample]


def _enough(mixed: Sequence[Question], places: Mapping[str, Sequence[int]], least: int) -> dict[int, None]:
    """The places of questions of which everything that they are about is there ``least`` times, if there are so many.

    What is rare comes first: its questions count for what is common as well.
    """
    seen: collections.Counter[str] = collections.Counter()
    first: dict[int, None] = {}
    for label in sorted(places, key=lambda label: (len(places[label]), label)):
        for position in places[label]:
            if seen[label] >= least:
                break
            if position not in first:
                first[position] = None
                seen.update(mixed[position].labels)
    return first


def asked_of(folder: Path, cf: Path, sample: int, seed: int, random_addresses: int) -> list[Question]:
    """The questions about a site."""
    asked = questions(folder, random_addresses, seed, mailers_of(cf), max(sample, 500) if sample else 0)
    if "delay_checks" in (folder / "sendmail.mc").read_text("latin-1"):
        delayed = [each for each in asked if each.kind.split()[0] in ("check_rcpt", "check_mail", "check_relay")]
        asked += [
            Question([*lines[:-1], lines[-1].replace("check_", "check", 1)], f"{kind} delayed", form, about)
            for lines, kind, form, about in delayed
        ]
    return chosen_of(asked, sample, seed)


class Side(NamedTuple):
    """One of the two that are compared: its name, the .cf and the sendmail that reads it."""

    name: str
    cf: Path
    command: Sequence[str] = (str(SENDMAIL),)


def answers_of(side: Side, asked: Sequence[Question]) -> Iterator[str]:
    """What each question comes to."""
    for start in range(0, len(asked), _BATCH):
        batch = asked[start : start + _BATCH]
        answers = ask(side.cf, [line for question in batch for line in question.lines], side.command)
        position = -1
        for question in batch:
            position += len(question.lines)
            yield decision(question.lines[-1], answers[position] if position < len(answers) else "")


def compare(folder: Path, asked: list[Question], pair: tuple[Side, Side], show: int) -> Count:
    """Put the questions to both sides; print ``show`` of the differences."""
    count = Count()
    names = [f"{side.name:<11}" for side in pair]
    for question, library, own in zip(asked, *(answers_of(side, asked) for side in pair), strict=True):
        count.asked += 1
        count.labels.update(question.labels)
        if library == own:
            count.alike += 1
            continue
        count.accepting += worse(library, own)
        count.differ.update(question.labels)
        if show > 0:
            show -= 1
            text = " ; ".join(line for line in question.lines if not _NOISE.match(line))
            print(f"{folder.name}: {text}\n    {names[0]} {library}\n    {names[1]} {own}")
    return count


_REPORT = """\
# Our own sendmail.cf beside the library's

<!-- Written by tests/live/compare_cf.py; not to be edited by hand. -->

Both .cf files of each site were asked the same questions, in address test mode of the real sendmail 8.17.1.9: where an
address goes, what it becomes for each mailer, and what the rulesets of an SMTP session decide about clients that are
plain, authenticated or have TLS. The sites are in `tests/live/cf_sites.py`; "mixed" ones are parts chosen at random.
What differs is in [departures.md](departures.md#a-sendmailcf-of-our-own).

`{command}`

| site | decisions | alike | differ | accepted by ours alone |
|---|---|---|---|---|
{rows}

By what was asked:

| question | decisions | differ |
|---|---|---|
{kinds}
"""


def write_report(page: Path, sites: Sequence[tuple[str, Count]], total: Count, options: argparse.Namespace) -> None:
    """Write the numbers of the sites that have been compared into a page."""
    rows = [
        f"| {name} | {count.asked:,} | {count.alike:,} | {count.asked - count.alike} | {count.accepting} |"
        for name, count in [*sites, ("**all**", total)]
    ]
    kinds = [
        f"| {name.removeprefix('kind ')} | {number:,} | {total.differ[name]} |"
        for name, number in sorted(total.labels.items())
        if name.startswith("kind ")
    ]
    known = {"--sample": options.sample, "--seed": options.seed, "--random": options.random, "--mixed": options.mixed}
    words = [f"{name} {value}" for name, value in known.items() if value]
    command = " ".join(["python -m tests.live.compare_cf", *words])
    page.write_text(_REPORT.format(command=command, rows="\n".join(rows), kinds="\n".join(kinds)))


def machine() -> socket.socket:
    """Become a machine named mail.corp.test, alone with a DNS of the sites' names."""
    isolate()
    ctypes.CDLL(None).unshare(_CLONE_NEWUTS)
    socket.sethostname("mail.corp.test")
    with tempfile.NamedTemporaryFile("w", suffix=".hosts", delete=False) as hosts:
        hosts.write("127.0.0.1 mail.corp.test localhost\n")
    Path(hosts.name).chmod(0o644)
    subprocess.run(["mount", "--bind", hosts.name, "/etc/hosts"], check=True)
    return serve(cf_sites.DNS)


def main() -> int:
    parser = argparse.ArgumentParser(prog="compare_cf")
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--random", type=int, default=2000)
    parser.add_argument("--sites", default="")
    parser.add_argument("--mixed", type=int, default=0, help="so many generated sites as well")
    parser.add_argument(
        "--interpreter", dest="ours", action="store_true", help="ours, on our own .cf, with sendmail on it"
    )
    parser.add_argument("--report", type=Path, help="write the numbers into this page")
    parser.add_argument("-v", dest="show", type=int, default=0, const=30, nargs="?")
    options = parser.parse_args()
    with machine(), tempfile.TemporaryDirectory(prefix="compare-cf.") as top:
        Path(top).chmod(0o755)
        names = options.sites.split(",") if options.sites else []
        if options.folders and not names:
            names = list(cf_sites.generated(options.mixed, options.seed)) or ["none"]
        folders = [*options.folders, *cf_sites.make_all(Path(top), names, options.mixed, options.seed)]
        total = Count()
        sites: list[tuple[str, Count]] = []
        for folder in folders:
            try:
                pair = build(folder.resolve())
            except RuntimeError as failure:
                print(f"{folder.name}: not built: {failure}")
                continue
            asked = asked_of(folder, pair[0], options.sample, options.seed, options.random)
            own = Side("own", pair[1])
            sides = (own, Side("interpreter", pair[1], OURS)) if options.ours else (Side("library", pair[0]), own)
            count = compare(folder, asked, sides, options.show)
            total.add(count)
            sites.append((folder.name, count))
            if options.report:
                write_report(options.report, sites, total, options)
            print(f"{folder.name}: {count.alike} of {count.asked} alike, {count.accepting} accepted", flush=True)
        print("\n".join(total.table()))
        share = f"{100 * total.alike / max(total.asked, 1):.2f} %"
        print(f"all: {total.alike} of {total.asked} alike ({share}), {total.accepting} accepted by ours alone")
    return int(total.alike < total.asked)


if __name__ == "__main__":
    sys.exit(main())
