"""Runs scripts through smtpd_check and through a Policy, in a network of their own with a DNS of our choice.

    .venv/bin/python -m tests.live.smtpd_side

prints how many lines of the shipped suites agree, and those that do not; with ``dnsmasq`` how many of them the program
answers alike with that and with our own DNS. With ``lines SEED COUNT`` it writes a `Summary` of lines at random, JSON.
"""

from __future__ import annotations

import fcntl
import json
import socket
import struct
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

_TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(_TESTS / name) for name in ("live", "postfix")]

import dnsmasq  # noqa: E402
from fixture_dns import Fixtures, instead, isolate, serve  # noqa: E402
from postfix_suites import lines, program, source  # noqa: E402
from smtpd_compared import Compared, ZoneWorld, until_it_ends  # noqa: E402
from smtpd_lines import DNS, HOSTS, Asked, Counts, at_random  # noqa: E402
from smtpd_scripts import NOT_YET, Answered, Script, of_program, prepared  # noqa: E402
from smtpd_zone import ZONE  # noqa: E402

SUITES = (
    *("smtpd_check.in", "smtpd_check.in2", "smtpd_check.in4", "smtpd_check_backup.in", "smtpd_acl.in"),
    *("smtpd_addr_valid.in", "smtpd_exp.in", "smtpd_server.in", "smtpd_nullmx.in", "smtpd_dnswl.in"),
    *("smtpd_error.in", "smtpd_check_dsn.in", "smtpd_dns_filter.in"),
)
_OWN_ADDRESSES = ("168.100.3.7",)  # what one suite expects to be this machine's
_FORGET = "flush_dnsxl_cache"
_SIOCSIFADDR = 0x8916


def _add_address(number: int, address: str) -> None:
    """Give loopback a further address."""
    with socket.socket() as any_socket:
        name, packed = f"lo:{number}".encode(), socket.inet_aton(address)
        request = struct.pack("16sH2s4s8s", name, socket.AF_INET, b"", packed, b"")
        fcntl.ioctl(any_socket, _SIOCSIFADDR, request)


def enter() -> None:
    """A network in which nothing but our DNS is, and our hosts file."""
    isolate()
    instead("/etc/hosts", HOSTS)
    for number, address in enumerate(_OWN_ADDRESSES):
        _add_address(number, address)


def compare(script: Sequence[str], zone: Fixtures | None, counts: Counts | None = None) -> list[Compared]:
    """Each line that is answered, by both; `enter` has been called, and the DNS is served."""
    script = [line for line in script if line.strip() != _FORGET]
    ours = Script(ZoneWorld(zone), counts).answers(script)
    return [Compared(theirs, mine) for theirs, mine in zip(engine_answers(script), ours, strict=True)]


def engine_answers(script: Sequence[str]) -> Iterator[Answered]:
    """What smtpd_check answers. After a line that ends the program it is started again."""
    built = program("smtpd", "smtpd_check")
    todo, state = list(script), list[str]()
    while todo:
        written = lines(built, _forgetful([*state, *todo]))
        found = [answer for answer in of_program(written, str(built)) if answer.line != _FORGET]
        yield from found[len(state) :]
        if not found or found[-1].reply != "fatal":
            return
        # What was said before the line that ended it is said again to the next one.
        last = found[-1].line
        times = sum(answer.line == last for answer in found[len(state) :])  # it may have been answered before
        at = [number for number, line in enumerate(todo) if line == last][times - 1]
        state = [*state, *(line for line in todo[:at] if line.strip() and not line.startswith("#"))]
        todo = todo[at + 1 :]


def _forgetful(script: Sequence[str]) -> Iterator[str]:
    """The program remembers what lists in the DNS have answered, and says only once that one cannot be asked."""
    for line in script:
        if line.partition(" ")[0] in ("client", "helo", "mail", "rcpt"):
            yield _FORGET
        yield line


def suite(name: str) -> list[str]:
    """A shipped script, as it is run."""
    place = source(f"smtpd/{name}")
    return prepared(place.read_text().splitlines(), place.parent)


def suites(zone: Fixtures | None) -> dict[str, list[Compared]]:
    """The shipped scripts by name, with a DNS, or None for one that fails; `enter` has been called."""
    with serve(zone or {}, failing=zone is None):
        return {name: compare(suite(name), zone) for name in SUITES}


class Summary(NamedTuple):
    """Of lines at random: how many were asked, how often each form was met, and those that differ."""

    asked: int
    counts: dict[str, int]
    wrong: list[tuple[list[str], Compared]]


def summary(asked: Asked) -> Summary:
    """Scripts at random, by both; `enter` has been called."""
    counts = Counts()
    found: list[tuple[list[str], Compared]] = []
    with tempfile.TemporaryDirectory() as folder, serve(DNS):
        for script in written(asked, Path(folder)):
            pairs = until_it_ends(compare(script, DNS, counts))
            found += [(script, pair) for pair in pairs if pair.is_asked]
    for _, pair in found:
        counts.found[f"reply {pair.engine.reply[:3]}"] += 1
    return Summary(len(found), dict(counts.found), [(script, pair) for script, pair in found if not pair.agrees])


def written(asked: Asked, folder: Path) -> list[list[str]]:
    """The scripts, with their files in ``folder``."""
    for name, text in asked.files.items():
        (folder / name).write_text(text)
    return [[line.replace("@TOP@", str(folder)) for line in script] for script in asked.scripts]


def beside_dnsmasq() -> dict[str, list[tuple[Answered, Answered]]]:
    """What the program answers to the shipped scripts with our DNS, and with dnsmasq in its place."""
    with serve(ZONE):
        ours = {name: list(engine_answers(suite(name))) for name in SUITES}
    with dnsmasq.serve(ZONE):
        theirs = {name: list(engine_answers(suite(name))) for name in SUITES}
    return {name: list(zip(ours[name], theirs[name], strict=True)) for name in SUITES}


def main(arguments: list[str]) -> None:
    enter()
    if arguments == ["dnsmasq"]:
        for name, answers in beside_dnsmasq().items():
            wrong = [pair for pair in answers if pair[0] != pair[1]]
            print(f"{name}, our DNS and dnsmasq: {len(answers) - len(wrong)} of {len(answers)} lines agree")
            for pair in wrong:
                print(*pair, sep="\n    ")
        return
    if arguments[:1] == ["lines"]:
        seed, count = map(int, arguments[1:])
        json.dump(summary(at_random(seed, count)), sys.stdout)
        return
    for title, zone in (("DNS", ZONE), ("failing DNS", None)):
        for name, pairs in suites(zone).items():
            asked = [pair for pair in pairs if not pair.is_beyond and pair.ours.reply != NOT_YET]
            wrong = [pair for pair in asked if not pair.agrees]
            print(f"{name}, {title}: {len(asked) - len(wrong)} of {len(asked)} lines agree")
            for pair in wrong:
                print(f"    {pair.engine.line}")
                for side in pair:
                    print(f"        {side.reply!r} {' | '.join(side.log)}")


if __name__ == "__main__":
    main(sys.argv[1:])
