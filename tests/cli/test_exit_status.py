"""docs/exit-status.md: each status of each command of our own, as the command gives it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from served_fixture import serving
from site_fixture import TOP, lay_out, mailconf

from mailconf.cli.names import COMMANDS

PAGE = (TOP / "docs/exit-status.md").read_text(encoding="utf-8")
ROWS = {name: cells.split(" | ") for name, cells in re.findall(r"^\| (\w+) \| (.*) \|$", PAGE, re.MULTILINE)}
CLEAN = "compatibility_level = 3.6\nmyhostname = mail.example.com\nalias_maps =\nalias_database =\n"
SITE = ("--root", "{root}", "/etc/postfix")
NONE = ("--root", "{root}", "/etc/none")
ASKED = ("--from", "a@b.example", "--to", "alice@example.com")


def nothing(root: Path) -> None:
    """The site is as it is."""


def built(root: Path) -> None:
    mailconf("build", "--root", str(root), "/etc/postfix")


def broken(root: Path) -> None:
    with (root / "etc/postfix/main.cf").open("a") as file:
        file.write("no parameter\n")


def quoted(root: Path) -> None:
    with (root / "etc/postfix/main.cf").open("a") as file:
        file.write('mail_name = "x\n')
        file.write("biff = off\n")


def table_missing(root: Path) -> None:
    with (root / "etc/postfix/main.cf").open("a") as file:
        file.write("canonical_maps = hash:/etc/postfix/none\n")


def closed(root: Path) -> None:
    with (root / "etc/postfix/main.cf").open("a") as file:
        file.write("smtpd_client_restrictions = reject\n")


def wrong_preferences(root: Path) -> None:
    (root / "etc/postfix/mailconf.toml").write_text("[check]\nignored = 1\n")


CASES: list[tuple[int, Callable[[Path], None], tuple[str, ...]]] = [
    (0, nothing, ("build", *SITE)),
    (0, built, ("build", *SITE)),
    (0, nothing, ("build", "--dry-run", *SITE)),
    (1, nothing, ("build", "--dry-run", "--exit-code", *SITE)),
    (0, built, ("build", "--dry-run", "--exit-code", *SITE)),
    (1, table_missing, ("build", *SITE)),
    (2, nothing, ("build", *NONE)),
    (2, nothing, ("build", "--exit-code", *SITE)),
    (0, built, ("check", *SITE)),
    (1, broken, ("check", *SITE)),
    (0, broken, ("check", "--fail-on", "never", *SITE)),
    (1, quoted, ("check", "--diff", "--fail-on", "never", *SITE)),
    (2, nothing, ("check", *NONE)),
    (2, nothing, ("check", "--format", "none", *SITE)),
    (2, wrong_preferences, ("check", *SITE)),
    (2, nothing, ("check", "--baseline", "{root}/none", *SITE)),
    (0, built, ("explain", *ASKED, *SITE)),
    (1, broken, ("explain", *ASKED, *SITE)),
    (0, built, ("explain", "--expect", "OK", *ASKED, *SITE)),
    (1, built, ("explain", "--expect", "REFUSED", *ASKED, *SITE)),
    (2, nothing, ("explain", "--expect", "WHATEVER", *ASKED, *SITE)),
    (2, nothing, ("explain", *ASKED, *NONE)),
    (2, nothing, ("explain", "--client", "nobody", *ASKED, *SITE)),
    (0, nothing, ("makefile", *SITE)),
    (1, broken, ("makefile", *SITE)),
    (2, nothing, ("makefile", *NONE)),
    (2, nothing, ("makefile",)),
    (0, nothing, ("rule", "PF204")),
    (0, nothing, ("rule",)),
    (2, nothing, ("rule", "XX999")),
    (0, nothing, ("test", "{root}/mail.test.yaml")),
    (1, closed, ("test", "{root}/mail.test.yaml")),
    (2, nothing, ("test", "{root}/none.yaml")),
    (1, broken, ("serve", "--listen", "127.0.0.1:0", *SITE)),
    (2, nothing, ("serve", "--listen", "127.0.0.1:0", *NONE)),
    (2, nothing, ("serve", "--listen", "nowhere", *SITE)),
]


@pytest.mark.parametrize(
    ("status", "prepare", "arguments"), CASES, ids=lambda v: " ".join(v) if isinstance(v, tuple) else ""
)
def test_a_status(status: int, prepare: Callable[[Path], None], arguments: tuple[str, ...], tmp_path: Path) -> None:
    lay_out(tmp_path)
    prepare(tmp_path)
    mailconf(*(word.format(root=tmp_path) for word in arguments), status=status)


def test_serve_ends_as_asked(tmp_path: Path) -> None:
    lay_out(tmp_path)
    built(tmp_path)
    with serving(tmp_path) as served:
        assert served.end() == 0


def test_the_page_has_each_command_and_the_cases_each_of_its_statuses() -> None:
    assert ROWS.keys() - {"command"} == COMMANDS.keys()
    listed = {(name, status) for name in COMMANDS for status, cell in enumerate(ROWS[name]) if cell != "-"}
    assert {(arguments[0], status) for status, _, arguments in CASES} | {("serve", 0)} == listed
