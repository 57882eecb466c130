"""The MTA's World: tables that were replaced are opened anew."""

from __future__ import annotations

import asyncio
from pathlib import Path

from mailconf.files import replace
from mailconf.model.fileworld import FileWorld
from mailconf.mta.hosts import matches
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


def test_lists_of_clients() -> None:
    patterns = ("!192.0.2.7", "192.0.2.0/24", "[2001:db8::]/32", ".example.com", "mx.example.net", "hash:/x")
    for name, address, expected in (
        ("unknown", "192.0.2.8", True),
        ("a.example.com", "192.0.2.7", False),
        ("unknown", "2001:db8::5", True),
        ("A.example.com", "198.51.100.1", True),
        ("example.com", "198.51.100.1", False),
        ("mx.example.net", "unknown", True),
        ("unknown", "unknown", False),
    ):
        assert matches(patterns, name, address) is expected, (name, address)
    assert matches(("static:all",), "x", "y") and not matches((), "x", "127.0.0.1")
