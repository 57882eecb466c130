"""What is remembered of a Policy's answers: what followed from steady tables, until one of them changes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mailconf.files import Root
from mailconf.model.fileworld import FileWorld
from mailconf.model.world import Ask, Known
from mailconf.mta.resolver import Resolver
from mailconf.mta.world import MtaWorld


class Counting:
    """A question that counts how often it is put."""

    def __init__(self, ask: Ask, *tables: str, now: bool = False) -> None:
        self.ask = ask
        self.tables = tables
        self.now = now
        self.times = 0

    async def __call__(self) -> str:
        self.times += 1
        if self.now:
            self.ask.now()
        return "|".join([(await self.ask.lookup(table, "key")).value for table in self.tables])


def world_of(root: Path) -> MtaWorld:
    return MtaWorld(FileWorld(Root(root), trace=False), Resolver(hosts=None), root=Root(root))


def times(world: MtaWorld, *tables: str, now: bool = False, key: str = "k") -> tuple[int, str]:
    """How often a question that is put three times reaches the tables; the last answer."""

    async def main() -> tuple[int, str]:
        count, answer = 0, ""
        for _ in range(3):
            ask = Ask(world)
            question = Counting(ask, *tables, now=now)
            answer = await ask.remembered((key,), question)
            count += question.times
        return count, answer

    return asyncio.run(main())


def test_what_follows_from_steady_tables_is_asked_once(tmp_path: Path) -> None:
    (tmp_path / "table").write_text("key one\n")
    assert times(world_of(tmp_path), "texthash:/table", "inline:{ key=two }") == (1, "one|two")


@pytest.mark.parametrize("table", ["randmap:{ one, two }", "unix:passwd.byname", "texthash:/missing", "environ:"])
def test_what_may_change_without_a_sign_is_asked_each_time(tmp_path: Path, table: str) -> None:
    (tmp_path / "table").write_text("key one\n")
    assert times(world_of(tmp_path), "texthash:/table", table)[0] == 3


def test_the_time_makes_an_answer_pass(tmp_path: Path) -> None:
    assert times(world_of(tmp_path), "inline:{ key=two }", now=True) == (3, "two")


def test_a_table_that_changes_takes_all_answers_with_it(tmp_path: Path) -> None:
    """smtpd(8) looks for new files when a client connects."""
    table = tmp_path / "table"
    table.write_text("key one\n")
    world = world_of(tmp_path)
    assert times(world, "texthash:/table") == (1, "one")
    world.refresh()
    assert times(world, "texthash:/table") == (0, "one")
    new = tmp_path / "new"
    new.write_text("key two\n")
    new.replace(table)
    world.refresh()
    assert times(world, "texthash:/table") == (1, "two")


def test_a_change_during_a_question_is_not_overlooked(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    before = world.known

    async def question() -> str:
        world.known = Known()  # as `refresh` does
        return "old"

    async def main() -> None:
        await Ask(world).remembered(("k",), question)

    asyncio.run(main())
    assert before.answers and not world.known.answers


def test_clients_cannot_fill_the_memory(tmp_path: Path) -> None:
    world = world_of(tmp_path)

    async def main() -> None:
        async def short() -> str:
            return "x"

        async def long() -> list[str]:
            return ["x"] * 9

        await Ask(world).remembered(("a" * 601,), short)
        await Ask(world).remembered(("b",), long)
        assert not world.known.answers
        for number in range(50_000):
            await Ask(world).remembered(("c", number), short)
        assert 0 < len(world.known.answers) <= 20_000

    asyncio.run(main())
