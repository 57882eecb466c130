"""nis: on a machine without a NIS domain, as Postfix 3.7.11 answers there; and with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailconf.cli.postfix import postalias, postmap
from mailconf.files import Root
from mailconf.maps.core.table import TemporaryFailure
from mailconf.maps.registry import open_table
from mailconf.maps.servers import nis

WARNING = "postmap: warning: dict_nis_init: NIS domain name not set - NIS lookups disabled\n"


@pytest.fixture(autouse=True)
def domain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that holds the machine's NIS domain: none."""
    file = tmp_path / "domainname"
    file.write_text("(none)\n")
    monkeypatch.setattr(nis, "DOMAIN", file)
    monkeypatch.setattr(nis, "_warned", False)
    return file


def test_without_a_domain_nothing_is_found(domain: Path) -> None:
    warned: list[str] = []
    for name in ("(none)\n", "\n", "(NONE)\n"):
        domain.write_text(name)
        assert open_table("nis:mail.aliases", warn=warned.append).lookup(b"root") is None
    domain.unlink()
    assert open_table("unionmap:{nis:a, proxy:nis:b, static:x}", warn=warned.append).lookup(b"root") == b"x"
    assert warned == [nis.NOT_SET]  # once a process


def test_with_a_domain_nobody_can_tell(domain: Path) -> None:
    domain.write_text("campus\n")
    with pytest.raises(TemporaryFailure, match="NIS domain campus"):
        open_table("nis:mail.aliases").lookup(b"root")


def test_below_another_root_the_domain_of_this_machine_does_not_count(domain: Path, tmp_path: Path) -> None:
    domain.write_text("campus\n")
    assert open_table("nis:mail.aliases", Root(tmp_path)).lookup(b"root") is None


@pytest.mark.parametrize("tool", [postmap, postalias])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-q", "root"], WARNING),
        (["-s"], WARNING + "postmap: fatal: table nis:{}: sequence operation is not supported\n"),
        (["-d", "root"], "postmap: fatal: nis:{} map requires O_RDONLY access mode\n"),
        ([], "postmap: fatal: unsupported dictionary type: nis does not support bulk-mode creation.\n"),
    ],
)
def test_the_tools(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], tool: object, options: list[str], said: str
) -> None:
    (tmp_path / "main.cf").write_text("")
    (tmp_path / "t").write_text("a: b\n")
    table = str(tmp_path / "t")
    assert tool.run("postmap", ["-c", str(tmp_path), *options, f"nis:{table}"]) == 1  # type: ignore[attr-defined]
    out, err = capfdbinary.readouterr()
    assert (out, err.decode()) == (b"", said.format(table))
