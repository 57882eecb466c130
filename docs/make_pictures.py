"""Writes the pictures of a terminal in docs/pictures: what the commands of `PICTURES` print on a copy of the examples.

Run as ``python docs/make_pictures.py``; ``--check`` only reports which pictures are not what it would write.
tests/test_pictures.py runs the check. The commands run in this process, on a screen of `WIDTH` columns, so that a
picture depends on nothing but the program, the examples and the release of rich.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path

from rich.console import Console
from rich.text import Text

TOP = Path(__file__).resolve().parents[1]
FOLDER = TOP / "docs/pictures"
WIDTH = 112
# name -> commands; those in SILENT make the site that the others are shown on.
PICTURES = {
    "check": ["mailconf check --root site /etc/postfix"],
    "explain": [
        "mailconf explain --root site /etc/postfix --client 203.0.113.50 --from carol@example.edu "
        "--to info@example.org --to x@elsewhere.example",
    ],
    "test": ["mailconf test -k nameless site"],
}
SILENT = ["mailconf build --root site /etc/postfix"]
# What is added to main.cf, and to client_access, before a picture.
MISTAKES = {
    "check": ("smtpd_helo_requird = yes\n", "198.51.100.99  REJCT\n"),
    "test": ("mynetworks = 127.0.0.0/8 192.0.2.0/24 203.0.113.0/24\n",),
}
_TIME = re.compile(r" in [0-9.]+ s\b")  # how long something took, which no picture has


class Screen(io.StringIO):
    """Standard output and standard error of a program on a terminal."""

    def isatty(self) -> bool:
        return True


def run(command: str) -> str:
    """What a command of mailconf's shows on a terminal, with the codes for colours and links."""
    from mailconf.cli.commands import run as mailconf

    screen = Screen()
    with redirect_stdout(screen), redirect_stderr(screen), suppress(SystemExit):
        mailconf(shlex.split(command)[1:])
    return _TIME.sub("", screen.getvalue())


@contextmanager
def on_a_terminal(folder: Path) -> Iterator[None]:
    """In ``folder``, with the variables of a terminal."""
    before, at = dict(os.environ), Path.cwd()
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "MAILCONF_CF_LIBRARY", "MAIL_CONFIG"):
        os.environ.pop(name, None)
    os.environ.update(COLUMNS=str(WIDTH), LINES="50", TERM="xterm-256color", MAILCONF_POSTFIX_VERSION="3.7")
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(at)
        os.environ.clear()
        os.environ.update(before)


def picture(name: str) -> str:
    """The picture of that name, as SVG."""
    out = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    with tempfile.TemporaryDirectory() as scratch:
        site = Path(scratch) / "site"
        shutil.copytree(TOP / "examples/postfix", site)
        with on_a_terminal(Path(scratch)):
            for command in SILENT:
                run(command)
            for file, text in zip(("main.cf", "client_access"), MISTAKES.get(name, ()), strict=False):
                with (site / "etc/postfix" / file).open("a") as opened:
                    opened.write(text)
            for command in PICTURES[name]:
                out.print(Text.assemble(("$ ", "bold green"), (command, "bold")), soft_wrap=False)
                out.print(Text.from_ansi(run(command)))
    return out.export_svg(title=f"mailconf {name}", unique_id=f"mailconf-{name}")


def main() -> int:
    stale = []
    for name in PICTURES:
        path, svg = FOLDER / f"{name}.svg", picture(name)
        if not path.is_file() or path.read_text(encoding="utf-8") != svg:
            stale.append(path)
    for path in stale:
        if "--check" not in sys.argv[1:]:
            path.parent.mkdir(exist_ok=True)
            path.write_text(picture(path.stem), encoding="utf-8")
        print(f"{path.relative_to(TOP)} {'is out of date' if '--check' in sys.argv[1:] else 'written'}")
    return 1 if stale and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
