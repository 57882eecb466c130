"""Postfix's own suites for smtpd's restrictions, and thousands of lines at random: smtpd_check beside the Policy.

``MAILCONF_PROOF=1`` asks all lines at random instead of a sample. ``pytest -s`` prints the counts.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

TOP = Path(__file__).parents[2]
sys.path[:0] = [str(TOP / "tests/live")]

import dnsmasq  # noqa: E402
from postfix_suites import program, run, source  # noqa: E402
from smtpd_lines import SIMPLE  # noqa: E402

from mailconf.smtp.path import is_closed, split_arguments  # noqa: E402
from mailconf.tables.restriction_words import ARGUMENTS  # noqa: E402

pytestmark = pytest.mark.live

PROOF = bool(os.environ.get("MAILCONF_PROOF"))
SEED, LINES = 20_26, 9000 if PROOF else 900
AT_LEAST = 20 if PROOF else 0  # of each form
# Which no list at random holds, or which are told by another word.
_RARE = {"check_etrn_access", "check_policy_service", "sleep"}
_DNS = [f"dns {kind} {what}" for kind in ("A", "MX", "NS") for what in ("found", "not found", "temporary failure")]


def _side(*arguments: str, module: str = "smtpd_side") -> str:
    """What a module of this folder prints; it has a network of its own."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.live.{module}", *arguments],
        cwd=TOP,
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_the_shipped_suites() -> None:
    """With the DNS that they mean, and with one that fails."""
    printed = _side()
    print(f"\n{printed}")
    summaries = [line for line in printed.splitlines() if line.endswith("lines agree")]
    assert len(summaries) == 26
    counts = [list(map(int, line.rpartition(": ")[2].removesuffix(" lines agree").split(" of "))) for line in summaries]
    assert all(agreeing == asked for agreeing, asked in counts), printed
    assert sum(asked for _, asked in counts) > 1100


@pytest.mark.skipif(dnsmasq.program() is None, reason="dnsmasq is not installed")
def test_our_dns_is_as_good_as_another() -> None:
    """The program answers the shipped lines alike with dnsmasq in the place of our own DNS server."""
    printed = _side("dnsmasq")
    print(f"\n{printed}")
    summaries = re.findall(r": (\d+) of (\d+) lines agree$", printed, re.MULTILINE)
    assert len(summaries) == 13 and all(agreeing == asked for agreeing, asked in summaries), printed


def test_lines_at_random() -> None:
    """Restrictions, tables, and names that the DNS knows, does not know, and cannot tell."""
    asked, counts, wrong = json.loads(_side("lines", str(SEED), str(LINES)))
    print(f"\nlines at random: {asked}, of which {asked - len(wrong)} agree")
    for form, count in sorted(counts.items()):
        print(f"{count:8} {form}")
    assert not wrong, wrong[0]
    assert asked > LINES / 2
    if PROOF:
        assert asked >= 5000
    forms = [*SIMPLE, *(word for word in ARGUMENTS if word not in _RARE), "warn_if_reject", *_DNS]
    assert not {form: counts.get(form, 0) for form in forms if counts.get(form, 0) < AT_LEAST}


def test_the_same_through_serve_and_explain() -> None:
    """The lines of servers that start: what the program, serve over a socket, explain and the Policy answer.

    Each warning that the program logs is in the log of serve.
    """
    asked, wrong = json.loads(_side(str(SEED), "14000" if PROOF else "300", module="smtpd_elsewhere"))
    print(f"\nrecipients asked, all but {len(wrong)} with the program's reply, and warnings in serve's log: {asked}")
    assert not wrong, wrong[0]
    assert asked["warnings"] > (3000 if PROOF else 50)
    assert min(asked[how] for how in ("serve", "explain", "policy")) > (5000 if PROOF else 100)


def _words_of_program(lines: list[str]) -> list[list[tuple[str, bool]]]:
    """The words of each line as smtpd_token has them, and whether their quotes and brackets are closed."""
    done = run(program("smtpd", "smtpd_token"), text="".join(f"{line}\n" for line in lines))
    found: list[list[tuple[str, bool]]] = []
    closed = True
    for text in done.stdout.decode().splitlines():
        if text.startswith("Token type:  "):
            closed = text != "Token type:  error"
        elif text.startswith("Token value: "):
            found[-1].append((text.removeprefix("Token value: "), closed))
        else:
            found.append([])
    return found


def _words_of_ours(line: str) -> list[tuple[str, bool]]:
    """Ours has FROM: and TO: in one word with what follows."""
    made: list[tuple[str, bool]] = []
    for number, word in enumerate(split_arguments(line)):
        head = re.match(r"(?i)(?:from|to):(?=.)", word) if number == 1 else None
        parts = [word[: head.end()], word[head.end() :]] if head else [word]
        made += [(part, is_closed(part)) for part in parts]
    return made


def test_words_of_a_command() -> None:
    """The shipped lines, and others at random."""
    shipped = source("smtpd/smtpd_token.in").read_text().splitlines()
    random = Random(SEED)
    letters = ["a", "b@c", "<", ">", '"', "\\", " ", "[", "]", "(", ")", ":", ",", "\t", ";", "x=y"]
    made = [f"mail from:{''.join(random.choices(letters, k=random.randint(1, 12)))}" for _ in range(2000)]
    lines = [*shipped, *(line.rstrip() for line in made)]
    wrong = [
        (line, theirs, ours)
        for line, theirs in zip(lines, _words_of_program(lines), strict=True)
        if theirs != (ours := _words_of_ours(line))
    ]
    print(f"\nsmtpd_token: {len(lines) - len(wrong)} of {len(lines)} lines agree")
    assert not wrong, wrong[:5]
