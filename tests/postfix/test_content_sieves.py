"""Lines of a message that no rule can match are not looked up one by one, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailconf.diagnostics import Sink
from mailconf.files import Memory
from mailconf.maps.registry import open_table
from mailconf.model.fileworld import FileWorld
from mailconf.model.verdict import Inspection
from mailconf.model.world import Answer, Ask, run
from mailconf.postfix.policy.content_checks import ContentChecks
from mailconf.postfix.policy.mime_pieces import Pieces
from mailconf.postfix.settings.configuration import Configuration

RULES = """\
/^X-Spam: yes/ REJECT spam
if /^Subject:/
/Viagra$/ WARN pills
/cheap/ HOLD
endif
if !/^Received:/
/ALL CAPS/ WARN caps
endif
!/^[A-Z]/ INFO {}
"""


class Watched(FileWorld):
    """Remembers the keys that are looked up; ``sifts`` is whether it knows what cannot be found."""

    def __init__(self, rules: str, *, sifts: bool = True) -> None:
        super().__init__(Memory({"/rules": rules}), trace=False)
        self.keys: list[str] = []
        self.sifts = sifts

    async def lookup(self, table: str, key: str, *rest: object) -> Answer:
        self.keys.append(key)
        return await super().lookup(table, key, *rest)  # type: ignore[arg-type]

    def sieve(self, table: str, *rest: object):  # type: ignore[no-untyped-def]
        return super().sieve(table, *rest) if self.sifts else None  # type: ignore[arg-type]


def inspected(world: Watched, content: bytes, main_cf: str) -> Inspection:
    root = Memory({"/etc/postfix/main.cf": main_cf, "/etc/postfix/master.cf": ""})
    checks = ContentChecks(Configuration.load("/etc/postfix", Sink(), root))
    return run(checks.inspect(content, Ask(world)))


BOTH = "header_checks = regexp:/rules\nbody_checks = regexp:/rules\n"
LINES = st.sampled_from(
    [b"X-Spam: yes\n", b"Subject: cheap viagra\n", b"subject: PILLS\n", b"Received: all caps\n", b"To: a\n", b" all\n",
     b"\n", b"body All Caps\n", b"lower\n", b"\xff\n", b"\0X-Spam: yes\n", b"x-spam: YES it is\n", b"end"]
)  # fmt: skip


@pytest.mark.parametrize("last", ["", "!/^[A-Z]/ INFO lower\n", "/./ INFO something\n", "/a(b|/ WARN broken\n"])
@given(lines=st.lists(LINES, max_size=8))
@settings(max_examples=60)
def test_an_inspection_comes_to_the_same(last: str, lines: list[bytes]) -> None:
    content = b"".join(lines)
    rules = RULES.rpartition("!")[0] + last
    with_sieve = inspected(Watched(rules), content, BOTH)
    without = inspected(Watched(rules, sifts=False), content, BOTH)
    assert with_sieve[:4] == without[:4]


def test_only_lines_that_may_be_found_are_looked_up() -> None:
    rules = RULES.rpartition("!")[0]
    header = b"".join(b"X-Header-%d: some value\n" % n for n in range(2000))
    world = Watched(rules)
    assert inspected(world, header + b"\nbody\n", BOTH).content == header + b"\nbody\n"
    assert world.keys == []
    content = header + b"Subject: cheap\n\nbody ALL CAPS\n"
    assert [effect.kind.value for effect in inspected(world, content, BOTH).effects] == ["hold"]
    assert world.keys == ["Subject: cheap", "body ALL CAPS"]


def test_one_rule_of_which_nothing_is_known_has_every_line_looked_up() -> None:
    world = Watched(RULES.format("lower"))
    inspected(world, b"A: b\n\nlower\nUpper\n", BOTH)
    assert world.keys == ["A: b", "lower", "Upper"]


@pytest.mark.parametrize(("size", "looked"), [(0, 4), (1, 1), (7, 1), (8, 2), (13, 2), (14, 3)])
def test_beyond_the_limit_no_line_of_a_body_is_looked_up(size: int, looked: int) -> None:
    """postconf(5) body_checks_size_limit."""
    world = Watched("/^[^:]*$/ WARN line\n")
    content = b"A: b\n\n" + b"line 1\n" + b"line2\n" + b"line3\n" + b"line4\n"
    found = inspected(world, content, f"body_checks = regexp:/rules\nbody_checks_size_limit = {size}\n")
    assert (len(found.notes), found.content) == (looked, content)


@given(st.binary(max_size=200), st.integers(0, 50))
def test_pieces_are_the_message(content: bytes, longest: int) -> None:
    assert b"".join(piece.raw for piece in Pieces().of(content, longest)) == content


@given(st.text(alphabet="ab|()*+?.\\[]^$!{}1 X", min_size=1, max_size=12), st.text(alphabet="abABxX1 ", max_size=12))
def test_whatever_is_found_passes_the_sieve(pattern: str, text: str) -> None:
    for kind in ("regexp", "pcre"):
        table = open_table(f"{kind}:/rules", Memory({"/rules": f"/{pattern}/ found\n/certain/ other\n"}))
        sieve = table.sieve()  # type: ignore[attr-defined]
        if sieve is not None and table.lookup(text.encode()) is not None:
            assert sieve.search(text.lower().encode())


def test_many_rules_are_not_sifted(tmp_path: Path) -> None:
    rules = "".join(f"/word{n}/ WARN\n" for n in range(65))
    assert open_table("regexp:/rules", Memory({"/rules": rules})).sieve() is None  # type: ignore[attr-defined]
    fewer = rules.rpartition("/word64")[0]
    assert open_table("regexp:/rules", Memory({"/rules": fewer})).sieve() is not None  # type: ignore[attr-defined]
