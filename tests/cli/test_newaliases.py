"""newaliases, sendmail's kind: what the real one said (tests/vectors/record_newaliases.py), and whose it is."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailconf.tables.sendmail_aliases import alias_lines, read_name, value_of
from tests.cli.sendmail_fixture import Tools
from tests.vectors.store import load

VECTORS = load("newaliases")
CF = "O AliasFile=aliases\nO DontBlameSendmail=MapInUnsafeDirPath\nO DontProbeInterfaces=True\n"
PIECES = [
    b"a",
    b"B",
    b'"',
    b":",
    b" ",
    b"\t",
    b"\n",
    b"\n",
    b"\\",
    b"(",
    b")",
    b"<",
    b">",
    b"@",
    b",",
    b"\0",
    b"\xe4",
    b"#",
]


@pytest.fixture
def tools(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Tools:
    made = Tools(tmp_path, capfdbinary, monkeypatch)
    (tmp_path / "cf").write_text(CF)
    return made


@pytest.mark.parametrize("case", VECTORS.cases, ids=lambda case: repr(case["text"])[:80])
def test_as_recorded(tools: Tools, case: dict[str, Any]) -> None:
    tools.patch.setattr(os, "uname", lambda: SimpleNamespace(nodename=VECTORS.head.common["host"]))
    (tools.folder / "aliases").write_bytes(case["text"].encode("latin-1"))
    assert tools.run("newaliases") == (case["status"], case["output"], "")
    stored = [[key.decode("latin-1"), value.decode("latin-1")] for key, value in tools.entries("aliases.db")]
    assert stored == case["entries"]


def test_class_w_is_local(tools: Tools) -> None:
    (tools.folder / "names").write_text("One.example\n# two.example\nthree.example # comment\n")
    (tools.folder / "cf").write_text(CF + f"Cwfour.example five.example\nFw{tools.folder}/names\nCxsix.example\n")
    hosts = ["one.example", "two.example", "three.example", "four.example", "FIVE.example", "six.example"]
    text = "".join(f"{host.partition('.')[0]}@{host}: x\n" for host in hosts)
    (tools.folder / "aliases").write_text(text)
    status, out, _ = tools.run("newaliases")
    assert status == 70
    assert [line for line in out.splitlines() if "non-local" in line] == [
        "aliases: line 2: two@two.example... cannot alias non-local names",
        "aliases: line 6: six@six.example... cannot alias non-local names",
    ]
    assert [key for key, _ in tools.entries("aliases.db")] == [b"@\0", b"five\0", b"four\0", b"one\0", b"three\0"]


def test_the_configuration_is_read_as_sendmail_reads_it(tools: Tools) -> None:
    """Lines that continue, comments behind a line, abbreviations, quotes: newaliases is sendmail."""
    for name in ("one", "two", "three,four", "five"):
        (tools.folder / name).write_text(f"{name[:3]}: x\n")
    (tools.folder / "cf").write_text(
        "V10/Berkeley\nO DontBlame=MapInUnsafeDirPath # no\nO DontProbeInterfaces=True\n"
        'O AliasF=one,\n\ttwo # no\n O LogLevel=1\nO AliasFile=hash:"three,four"\n'
    )
    status, out, _ = tools.run("newaliases")
    assert status == 0
    lines = out.splitlines()
    assert (lines[0], len(lines)) == ("one: 1 aliases, longest 1 bytes, 4 bytes total", 3)
    assert lines[1] == "two: 1 aliases, longest 1 bytes, 4 bytes total"
    assert lines[2] == 'newaliases: cannot open "three,four": No such file or directory'
    assert tools.entries("one.db") == [(b"@\0", b"@\0"), (b"one\0", b"x\0")]


def test_at_most_128_alias_files(tools: Tools) -> None:
    (tools.folder / "aliases").write_text("a: b\n")
    for count, status in ((128, 0), (129, 70)):
        names = ",".join(f"none{n}" for n in range(1, count))
        (tools.folder / "cf").write_text(f"V10\n{CF.replace('=aliases', '=aliases,' + names)}")
        ended, out, _ = tools.run("newaliases")
        assert ended == status
        assert (out == "cf: line 2: Too many alias databases defined, 128 max\n") is (status != 0)


def test_the_configuration_says_whose_it_is(tools: Tools) -> None:
    tools.patch.delenv("MAIL_CONFIG", raising=False)
    (tools.folder / "etc/mail").mkdir(parents=True)
    (tools.folder / "etc/mail/sendmail.cf").write_text(CF.replace("=aliases", "=hash:/etc/mail/aliases"))
    (tools.folder / "etc/mail/aliases").write_text("a: b\n")
    root = ("--root", str(tools.folder))
    said = "/etc/mail/aliases: 1 aliases, longest 1 bytes, 2 bytes total\n"
    status, out, err = tools.run("newaliases", *root, cf=None)
    assert (status, out.splitlines(keepends=True)[-1], err) == (0, said, "")
    assert tools.entries("etc/mail/aliases.db") == [(b"@", b"@"), (b"a", b"b")]

    (tools.folder / "etc/postfix").mkdir()
    (tools.folder / "etc/postfix/main.cf").write_text("compatibility_level = 3.6\nalias_database = hash:/etc/aliases\n")
    (tools.folder / "etc/aliases").write_text("c: d\n")
    assert tools.run("newaliases", *root, cf=None) == (0, "", "")
    assert (b"c\0", b"d\0") in tools.entries("etc/aliases.db")
    for named in ("/etc/postfix", "/etc/postfix/main.cf"):
        assert tools.run("newaliases", *root, "-C", named, cf=None) == (0, "", "")
    assert tools.run("newaliases", *root, "-C", "/etc/mail/sendmail.cf", cf=None)[1].endswith(said)


def test_no_configuration(tools: Tools) -> None:
    said = "none: line 0: cannot open: No such file or directory\n"
    assert tools.run("newaliases", cf="none") == (72, said, "")


@given(data=st.lists(st.sampled_from(PIECES)).map(b"".join))
def test_any_text_is_read(data: bytes) -> None:
    for line in alias_lines(data):
        if not line.problem and b":" in line.text:
            name = read_name(line.text, lambda host: host == b"a")
            assert line.text.startswith(name.written.strip(b" \t")) or line.text.lstrip(b" \t").startswith(name.written)
            assert bool(name.error) or name.key == name.key.lower()
            assert line.text.endswith(value_of(line.text))
