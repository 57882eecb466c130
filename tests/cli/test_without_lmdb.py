"""Where the Python package lmdb is missing: what writes lmdb maps says so, and all else works, reading them included.

What postmap(1) says of a type whose package is not installed is Debian's Postfix 3.7.11.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from site_fixture import ENVIRONMENT, TOP
from site_fixture import mailconf as with_lmdb

SAID = (
    "fatal: unsupported dictionary type: lmdb. Is the postfix-lmdb package installed? "
    "(mailconf writes it with the Python package lmdb, which cannot be imported)\n"
)


@pytest.fixture
def hidden(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a Python that cannot import lmdb."""
    folder = tmp_path_factory.mktemp("hidden")
    (folder / "lmdb.py").write_text("raise ImportError('there is no lmdb here')\n")
    return {**ENVIRONMENT, "PYTHONPATH": f"{folder}:{TOP}"}


@pytest.fixture
def mapped(root: Path) -> Iterator[Path]:
    """The example with an lmdb map that has not been built."""
    main = root / "etc/postfix/main.cf"
    main.write_text(main.read_text().replace("hash:/etc/postfix/virtual", "lmdb:/etc/postfix/virtual"))
    main.write_text(main.read_text().replace("hash:/etc/postfix/generic", "lmdb:/etc/postfix/generic"))
    yield root


def run(hidden: dict[str, str], *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "mailconf", *words]
    done = subprocess.run(program, capture_output=True, text=True, env=hidden, input=stdin, timeout=60, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.mark.parametrize(
    "words",
    [
        ["postmap", "lmdb:{}/etc/postfix/virtual"],
        ["postmap", "-i", "lmdb:{}/etc/postfix/virtual"],
        ["postalias", "lmdb:{}/etc/aliases"],
        ["newaliases", "-C", "{}/etc/postfix"],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_tools_that_write(mapped: Path, hidden: dict[str, str], words: list[str]) -> None:
    main = mapped / "etc/postfix/main.cf"
    main.write_text(re.sub("alias_database = .*", f"alias_database = lmdb:{mapped}/etc/aliases", main.read_text()))
    done = run(hidden, *[word.format(mapped) for word in words], stdin="a b\n")
    name = "postalias" if words[0] == "newaliases" else words[0]
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(f"{name}: {SAID}") or done.stderr.endswith(f"{words[0]}: {SAID}")
    assert not list(mapped.rglob("*.lmdb"))


def test_a_key_is_not_deleted_and_the_map_stays(mapped: Path, hidden: dict[str, str]) -> None:
    name = f"lmdb:{mapped}/etc/postfix/virtual"
    with_lmdb("postmap", name)
    before = (mapped / "etc/postfix/virtual.lmdb").read_bytes()
    done = run(hidden, "postmap", "-d", "info@example.org", name)
    assert (done.returncode, done.stderr) == (1, f"postmap: {SAID}")
    assert (mapped / "etc/postfix/virtual.lmdb").read_bytes() == before
    assert sorted(path.name for path in (mapped / "etc/postfix").iterdir() if "lmdb" in path.name) == ["virtual.lmdb"]


def test_tools_that_read(mapped: Path, hidden: dict[str, str]) -> None:
    name = f"lmdb:{mapped}/etc/postfix/virtual"
    with_lmdb("postmap", name)
    assert run(hidden, "postmap", "-q", "info@example.org", name).stdout == "alice@example.com\n"
    assert len(run(hidden, "postmap", "-s", name).stdout.splitlines()) == 5
    keys = "info@example.org\n" * 20_000  # so many that the library would be asked
    assert run(hidden, "postmap", "-q", "-", name, stdin=keys).stdout.count("alice@example.com") == 20_000


def test_check_and_build_name_the_package_once(mapped: Path, hidden: dict[str, str]) -> None:
    where = ("--root", str(mapped), "/etc/postfix")
    message = "maps of type lmdb cannot be written: the Python package lmdb cannot be imported [BD020]"
    checked = run(hidden, "check", *where)
    assert checked.returncode == 1
    assert [line.partition(": ")[2] for line in checked.stderr.splitlines() if "BD020" in line] == [
        f"warning: {message}"
    ]
    for option in (("--dry-run",), ()):
        built = run(hidden, "build", *option, *where)
        assert built.returncode == 1
        found = [line.partition(": ") for line in built.stderr.splitlines() if "BD020" in line]
        assert [words for _, _, words in found] == [f"error: {message}"]
        assert re.fullmatch(rf"{re.escape(str(mapped))}/etc/postfix/main\.cf:[0-9]+:[0-9]+", found[0][0])
    assert not list(mapped.rglob("*.db"))
    assert run(hidden, "build", *where, "--map-type", "hash").returncode == 0
    assert "BD020" in run(hidden, "build", *where, "--map-type", "lmdb").stderr
    with_lmdb("build", *where)
    for command in ("build", "check"):
        done = run(hidden, command, *where)
        assert (done.returncode, "BD020" in done.stderr) == (0, False)


def test_explain_and_serve(mapped: Path, hidden: dict[str, str]) -> None:
    where = ("--root", str(mapped), "/etc/postfix")
    with_lmdb("build", *where)
    said = run(hidden, "explain", *where, "--to", "info@example.org").stdout
    assert re.search(r"virtual_alias_maps +-> alice@example\.com +virtual:2$", said, re.MULTILINE)
    program = [sys.executable, "-m", "mailconf", "serve", *where, "--listen", "127.0.0.1:0"]
    server = subprocess.Popen(program, env=hidden, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    lines = []
    for line in server.stderr:
        lines.append(line)
        if "listening on" in line:
            os.kill(server.pid, signal.SIGTERM)
    assert server.wait(60) == 0, lines
    assert any("listening on" in line for line in lines) and not any("Traceback" in line for line in lines)
