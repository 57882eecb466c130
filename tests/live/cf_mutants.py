"""Faults in our rules that a sample of tests/live/compare_cf.py must find: each changes one rule of a template.

    python -m tests.live.cf_mutants [--sample N] [--seed N] [SITE...]

Prints for each how many questions of its site are answered otherwise than with the library's .cf. Exit status: 0 when
each fault is found, and none without a fault by more than `tests.live.test_own_cf_live.BOUND`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from mailconf.resources import resource
from tests.live import cf_sites
from tests.live.compare_cf import Side, asked_of, build, compare, machine, write_own


class Mutant(NamedTuple):
    """A rule of a template, what it is changed into, and the site whose questions must show it."""

    site: str
    template: str
    rule: str
    becomes: str


MUTANTS = (
    Mutant("everyday", "routing.j2", "R$* , $+\t$@ path\n", ""),
    Mutant("everyday", "routing.j2", "R$* , $* $| $+ $|\t$@ path\n", ""),
    Mutant("session", "security.j2", "R< $+ > CN : $={cert_altnames}\t$@ OK\n", ""),
    Mutant("decnet", "rewriting.j2", "Rnode < $* : $* > $*\t$: $1 : $2 : : $3\n", ""),
    Mutant("everyday", "masquerading.j2", "R$* $| *HERE*\t$@ $1 < @ $M . >", "R$* $| *HERE*\t$@ $1 < @ $j . >"),
    Mutant("everyday", "routing.j2", "R< .none > < $+ > < $* > $*\t$@ $>Mailertable < $1 > < $2 > $3\n", ""),
    Mutant("virtual", "routing.j2", "$(virtuser $1 + * @ $4", "$(virtuser $1 + + @ $4"),
    Mutant("names", "masquerading.j2", "R< named > $*\t$: $1 < @ *HERE* >", "R< named > $*\t$: $1 < @ $j . >"),
    Mutant("secure", "access.j2", "R< ? > < $- . $+ > < $- $- > < $* > < $* >\t$@", "R< ? > < nobody >\t$@"),
    Mutant("secure", "security.j2", "$(arith l $@ $2 $@ $3 $) + $4", "$(arith l $@ $3 $@ $2 $) + $4"),
    Mutant("secure", "security.j2", "R< $&{auth_authen} > $*\t$@ identical\n", ""),
    Mutant("secure", "checks.j2", "R< client > $=R $*\t$@ RELAY", "R< client > $=R\t$@ RELAY"),
    Mutant("secure", "checks.j2", "RFORGED $| $*\t$#error $@ 5.7.1 $:", "RFORGED $| nobody\t$#error $@ 5.7.1 $:"),
    Mutant("delayed", "security.j2", "$@ $(arith l $@ $2 $@ $1 $)", "$@ $(arith l $@ $1 $@ $2 $)"),
    Mutant("relays", "routing.j2", " >> $@ + $2 $: $1 + *", " >> $@ + $2 $: $1"),
    Mutant("uucp", "agents.j2", "R$* < @ $=w . >\t$@ $1\n", ""),
    Mutant("controls", "checks.j2", "R$+ $| $| $* <BAD> $*\t", "R$+ $| $| <BAD> $*\t"),
)  # fmt: skip


def changed(mutant: Mutant) -> Callable[[str, str], bytes]:
    """`mailconf.resources.resource` with the fault; ValueError if the template does not have the rule."""

    def read(*path: str) -> bytes:
        data = resource(*path)
        if path[-1] != f"sendmail/{mutant.template}":
            return data
        text = data.decode()
        if mutant.rule not in text:
            raise ValueError(f"{mutant.template} has no rule {mutant.rule!r}")
        return text.replace(mutant.rule, mutant.becomes, 1).encode()

    return read


def main() -> int:
    parser = argparse.ArgumentParser(prog="cf_mutants")
    parser.add_argument("--sample", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("sites", nargs="*", help="the faults of these sites alone")
    options = parser.parse_args()
    found = 0
    mutants = [mutant for mutant in MUTANTS if not options.sites or mutant.site in options.sites]
    with machine(), tempfile.TemporaryDirectory(prefix="cf-mutants.") as top:
        Path(top).chmod(0o755)
        for folder in cf_sites.make_all(Path(top), sorted({mutant.site for mutant in mutants})):
            library, own = build(folder.resolve())
            asked = asked_of(folder, library, options.sample, options.seed, 2000)
            # One list of answers for all faults of a site: what the library's .cf says does not change.
            sound = compare(folder, asked, (Side("library", library), Side("own", own)), 0)
            differ = f"{sound.asked - sound.alike} of {sound.asked} differ"
            print(f"{folder.name} as it is: {differ}; {sound.fewest()}", flush=True)
            for mutant in (mutant for mutant in mutants if mutant.site == folder.name):
                with mock.patch("mailconf.sendmail.emit.render.resource", changed(mutant)):
                    faulty = write_own(folder.resolve())
                count = compare(folder, asked, (Side("library", library), Side("faulty", faulty)), 0)
                more = (count.asked - count.alike) - (sound.asked - sound.alike)
                found += more > 0
                rule = mutant.rule.strip().replace("\t", " -> ")
                print(f"{folder.name}: {more} more differ with {mutant.template} {rule!r} changed", flush=True)
    print(f"{found} of {len(mutants)} faults found")
    return int(found < len(mutants))


if __name__ == "__main__":
    sys.exit(main())
