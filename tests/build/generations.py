"""A site of a map of each type, whose tables all say which generation they are of; builds that may be killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

from mailconf.build.apply import apply
from mailconf.build.compile import compile_targets
from mailconf.build.generation import Store
from mailconf.build.plan import Target, plan
from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.maps.reference import TableRef
from mailconf.maps.registry import open_table
from mailconf.model.site import Setting, Site, TableUse

TABLES = ("hash:/etc/mail/one", "btree:/etc/mail/two", "cdb:/etc/other/three", "lmdb:/etc/other/four")
MAPS = ("etc/mail/one.db", "etc/mail/two.db", "etc/other/three.cdb", "etc/other/four.lmdb")
ENTRIES = 40


def site(tables: tuple[str, ...] = TABLES) -> Site:
    empty = Setting("")
    uses = [TableUse(TableRef.parse(table), "virtual_alias_maps", table.partition(":")[2]) for table in tables]
    return Site("postfix", "/etc/mail", hostname=empty, domain=empty, origin=empty, tables=uses)


def write_sources(root: Path, generation: int, entries: int = ENTRIES) -> None:
    for table in TABLES:
        path = Root(root).path(table.partition(":")[2])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"user{n}@example.com  generation{generation}@example.org\n" for n in range(entries)))


def store(root: Path, step: Callable[[str], None] = lambda name: None) -> Store:
    return Store("/etc/mail", Root(root), step)


def planned(root: Path, *, force: bool = False) -> list[Target]:
    return plan(site(), Root(root), Sink(), force=force)


def build(root: Path, step: Callable[[str], None] = lambda name: None, *, sink: Sink | None = None) -> str:
    """Build all maps anew; what became of an earlier, interrupted build."""
    sink = Sink() if sink is None else sink
    records = store(root, step)
    with records.locked():
        result = records.recover()
        apply(compile_targets(planned(root, force=True), Root(root), sink, lambda word: False), records, sink)
    return result


def recover(root: Path, step: Callable[[str], None] = lambda name: None) -> str:
    records = store(root, step)
    with records.locked():
        return records.recover()


def generations(root: Path) -> list[str]:
    """The generation that each map is of, "" when there is no map. AssertionError when a map is not whole."""
    found = []
    for table, name in zip(TABLES, MAPS, strict=True):
        if not (root / name).exists():
            found.append("")
            continue
        opened = open_table(table, Root(root))
        try:
            first = opened.lookup(b"user0@example.com")
            assert first is not None
            entries = dict(opened.entries())
        finally:
            opened.close()
        assert set(entries.values()) == {first}, f"{name} is not whole"
        found.append(first.decode().partition("@")[0].removeprefix("generation"))
    return found


def leftovers(root: Path) -> list[str]:
    """Files that a finished build leaves nobody."""
    allowed = {"lock", "state.json", "generation.json"}
    hidden = [path for path in root.rglob("*") if path.is_file() and "mailconf" in str(path.relative_to(root))]
    return sorted(
        str(path.relative_to(root)) for path in hidden if path.name not in allowed and path.parent.name != "previous"
    )


class Killer:
    """A step function that ends the process, as SIGKILL does, at step ``at`` (from 0)."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, name: str) -> None:
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1


def killed(action: Callable[[Callable[[str], None]], object], at: int) -> bool:
    """Run ``action`` in a child that dies at step ``at``; False when it was through before."""
    child = os.fork()
    if child == 0:
        try:
            action(Killer(at))
        except BaseException:
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL)
    return status != 0
