"""No name of a mailbox leads out of virtual_mailbox_base, whatever table it comes from."""

from __future__ import annotations

from pathlib import Path

import pytest
from dialogue import policy_of

from mailconf.files import Root
from mailconf.model.fileworld import FileWorld
from mailconf.model.verdict import DeliveryKind
from mailconf.model.world import Ask, run

MAIN = """\
compatibility_level = 3.6
mydestination =
virtual_mailbox_domains = vm.example
virtual_mailbox_base = /vmail
virtual_uid_maps = static:5000
virtual_gid_maps = static:5000
virtual_mailbox_maps = {table}
"""


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("box/", "/vmail/box/"),
        ("a/../box/", "/vmail/box/"),
        ("../../x/", ""),
        ("a/../../x", ""),
        ("..", ""),
    ],
)
@pytest.mark.parametrize(
    "table", ["static:{name}", "inline:{{ {{a@vm.example = {name}}} }}", "regexp:/rules", "texthash:/t"]
)
def test_paths(name: str, target: str, table: str, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "rules").write_text(f"/^a@/ {name}\n")
    (tmp_path / "t").write_text(f"a@vm.example {name}\n")
    (tmp_path / "etc/main.cf").write_text(MAIN.format(table=table.format(name=name)))
    (tmp_path / "etc/master.cf").write_text("virtual unix - n n - - virtual\n")
    policy, _ = policy_of(Path("/etc"), Root(tmp_path))
    ask = Ask(FileWorld(Root(tmp_path)))
    [item] = run(policy.deliver(run(policy.resolve("a@vm.example", ask)), ask)).items
    if target:
        assert item.target == target
    else:
        assert item.kind is DeliveryKind.ERROR
        assert str(item.reply) == "450 4.3.5 mail system configuration error"
