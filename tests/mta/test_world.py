"""The MTA's World: tables that were replaced are opened anew."""

from __future__ import annotations

import asyncio
from pathlib import Path

from mailconf.files import replace
from mailconf.model.fileworld import FileWorld
from mailconf.mta.resolver import Resolver
from mailconf.mta.world import MtaWorld


def test_a_table_that_was_replaced_is_opened_anew(tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_text("key old\n")
    table = f"texthash:{path}"

    async def main() -> None:
        world = MtaWorld(FileWorld(), Resolver(hosts=None))
        assert (await world.lookup(table, "key")).value == "old"
        with replace(path) as file:
            file.write(b"key new\n")
        assert (await world.lookup(table, "key")).value == "old"
        world.refresh()
        assert (await world.lookup(table, "key")).value == "new"
        path.unlink()
        world.refresh()
        assert (await world.lookup(table, "key")).failed

    asyncio.run(main())
