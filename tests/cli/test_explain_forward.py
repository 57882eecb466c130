"""explain follows aliases and ~/.forward to where the mail ends, and shows what they name."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner
from site_fixture import TOP, lay_out

from mailconf.cli.own.explain import command

FORWARD = "# to both\n\\bob, joe@else.test\n\n info@example.org,\n"


def with_forward(root: Path, text: str = FORWARD) -> Path:
    home = root / "home/bob"
    home.mkdir(parents=True)
    (home / ".forward").write_text(text)
    for folder in (root, root / "home", home, home / ".forward"):
        folder.chmod(folder.stat().st_mode & ~0o022)
    return root


def ask(root: Path, etc: str, *options: str) -> str:
    base = ["--root", str(root), etc, "--client", "192.0.2.7", "--from", "alice@example.com"]
    done = CliRunner().invoke(command, [*base, *options])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.stdout


@pytest.fixture
def postfix(tmp_path: Path) -> Path:
    lay_out(tmp_path)
    return with_forward(tmp_path)


def test_a_forward_file_is_followed(postfix: Path) -> None:
    shown = ask(postfix, "/etc/postfix", "--to", "bob@example.com")
    answer = next(line for line in shown.splitlines() if line.startswith("  OK"))
    assert " ".join(answer.split()) == (
        "OK bob@example.com bob@example.com mbox /var/mail/bob; joe@else.test smtp:else.test; "
        "alice@example.com mbox /var/mail/alice"
    )
    assert re.search(r"alias +/home/bob/.forward +-> \\bob, joe@else.test, info@example.org$", shown, re.MULTILINE)
    assert re.search(
        r"alias +virtual_alias_maps +info@example.org -> alice@example.com +virtual:\d+$", shown, re.MULTILINE
    )


def test_the_document_has_where_it_goes_on(postfix: Path) -> None:
    document = json.loads(ask(postfix, "/etc/postfix", "--to", "bob@example.com", "--format", "json"))
    jsonschema.validate(document, json.loads((TOP / "docs/explain.schema.json").read_text()))
    onward = document["recipients"][0]["destinations"][0]["onward"]
    assert [further["recipient"] for further in onward] == ["joe@else.test", "info@example.org"]
    assert onward[0]["destinations"][0]["outgoing"]["recipient"] == "joe@else.test"


def test_who_forward_to_each_other_are_followed_once(postfix: Path) -> None:
    (postfix / "etc/postfix/virtual").write_text("one@example.org two@example.com\ntwo@example.org one@example.com\n")
    with (postfix / "etc/aliases").open("a") as file:
        file.write("one: one@example.org\ntwo: two@example.org\n")
    shown = ask(postfix, "/etc/postfix", "--to", "one@example.com")
    assert re.search(r"OK +one@example.com +forward one@example.org$", shown, re.MULTILINE), shown
    assert shown.count("hash:/etc/aliases ") == 3  # one, two, archive


def test_what_has_no_forward_file_shows_none(postfix: Path) -> None:
    assert ".forward" not in ask(postfix, "/etc/postfix", "--to", "alice@example.com")


def test_sendmail_shows_its_forward_file(tmp_path: Path) -> None:
    shutil.copytree(TOP / "examples/sendmail", tmp_path, dirs_exist_ok=True)
    users = (f"{user}:x:{os.getuid()}:{os.getgid()}::/home/{user}:/bin/sh\n" for user in ("alice", "bob"))
    (tmp_path / "etc/passwd").write_text("".join(users))
    root = with_forward(tmp_path)
    given = [part for name in ("example.com", "example.org", "else.test") for part in ("--dns", f"{name}:A=192.0.2.1")]
    shown = ask(root, "/etc/mail", "--to", "bob@example.com", *given)
    assert re.search(r"alias +/home/bob/.forward +-> \\bob, joe@else.test, info@example.org$", shown, re.MULTILINE), (
        shown
    )
    assert "joe@else.test  esmtp:else.test" in shown
    waits = ask(root, "/etc/mail", "--to", "bob@example.com", *given[:2], *given[4:])
    assert "DEFER    bob@example.com  after the message: 451 4.3.0" in waits
    assert re.search(r"DNS example.org +AAAA, A, MX not asked", waits) and "/home/bob/.forward" in waits
