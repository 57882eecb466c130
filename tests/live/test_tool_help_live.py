"""The help of the tools names the options that the originals' manual pages have, and no others of theirs."""

from __future__ import annotations

import gzip
import re
import subprocess
from pathlib import Path

import pytest

from mailconf.cli.shared.completion import options

POSTFIX = Path("/usr/share/man/man1")
SENDMAIL = Path(__file__).resolve().parents[2] / ".live/sendmail/usr/share/man/man8"
# j and q of postconf and postmap are of Postfix 3.11 and later, and q of some 3.10 (https://www.postfix.org/postconf.1.html).
NEWER = {"postconf": set("jq"), "postmap": {"j"}, "postalias": {"j"}}


def manual(path: Path) -> set[str]:
    """The letters that a manual page describes: a paragraph each, in groff's man macros."""
    text = gzip.decompress(path.read_bytes()).decode().replace("\\-", "-")
    return set(re.findall(r'^\.(?:IP|B|BI) "?(?:\\fB)?-([\w#])(?![\w-]* flag)', text, re.MULTILINE)) | set(
        re.findall(r"^\.B -\w\|-(\w)", text, re.MULTILINE)
    )


@pytest.mark.live
@pytest.mark.parametrize("tool", ["postconf", "postmap", "postalias", "makemap", "editmap", "praliases"])
def test_the_options_of_the_manual_pages(tool: str) -> None:
    page = POSTFIX / f"{tool}.1.gz" if tool.startswith("post") else SENDMAIL / f"{tool}.8.gz"
    theirs = manual(page)
    assert len(theirs) > 1
    ours = {name[1] for name, _, _ in options(tool) if not name.startswith("--")}
    assert ours - (NEWER.get(tool, set()) - theirs) == theirs


@pytest.mark.live
@pytest.mark.parametrize("page", ["makemap.8", "editmap.8", "praliases.8"])
def test_which_of_sendmails_options_take_a_value(page: str) -> None:
    """The synopsis: ``.RB [ -C`` goes on with the value, ``.RB [ -N ]`` does not."""
    text = gzip.decompress((SENDMAIL / f"{page}.gz").read_bytes()).decode().replace("\\-", "-")
    theirs = set(re.findall(r"^\.RB \[ -(\w)$", text, re.MULTILINE))
    assert {name[1] for name, value, _ in options(page.partition(".")[0]) if value and name[1] != "-"} == theirs


@pytest.mark.live
def test_m4() -> None:
    said = subprocess.run(["m4", "--help"], capture_output=True, text=True, check=True).stdout
    rows = [line for line in said.splitlines() if re.match(r" +-", line)]
    theirs = {
        name for row in rows for name in re.findall(r"(?<![\w-])(--?[A-Za-z][\w-]*)", row.partition("   ")[0] or row)
    }
    ours = {name for name, _, _ in options("m4")} - {"--explain", "-o", "--error-output"}  # the last two: info m4
    assert ours == theirs
