"""Every file that a tool replaces: written, synced, renamed, its folder synced (tests/system_calls.py records it)."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from system_calls import Call, check_replaced, check_synced, recorded

from mailconf.cli import main
from mailconf.cli.sendmail.caller import Caller
from mailconf.maps.build.write import map_path, write_map
from tests.cli.modes_fixture import Modes

ALL = ("hash", "btree", "cdb", "lmdb")
CHANGED = ("hash", "btree", "lmdb")
BERKELEY = ("hash", "btree")
MAIN_CF = "compatibility_level = 3.6\nmyhostname = mail.example.com\nalias_database = {kind}:{folder}/t\n"
CF = "V10/Berkeley\nO DontBlameSendmail=MapInUnsafeDirPath\nO AliasFile={kind}:{folder}/t\n"
MAPS: list[tuple[str, str, tuple[str, ...]]] = [
    ("postmap", "-c . {kind}:t", ALL),
    ("postmap", "-c . -ir {kind}:t", CHANGED),
    ("postmap", "-c . -d a {kind}:t", CHANGED),
    ("postalias", "-c . {kind}:t", ALL),
    ("postalias", "-c . -ir {kind}:t", CHANGED),
    ("postalias", "-c . -d a {kind}:t", CHANGED),
    ("newaliases", "-C {folder}/main.cf", ALL),
    ("newaliases", "-C {folder}/cf", BERKELEY),
    ("makemap", "-C cf {kind} t", BERKELEY),
    ("makemap", "-C cf -d {kind} t", BERKELEY),
    ("makemap", "-C cf -o -r {kind} t", BERKELEY),
    ("editmap", "-C cf -u {kind} t a new", BERKELEY),
    ("editmap", "-C cf -x {kind} t a", BERKELEY),
]


OPTION = re.compile(r"(-[MPFeX#]) ")


def run(folder: Path, *words: str) -> None:
    """Run mailconf in ``folder``; its standard input is the file t."""
    os.chdir(folder)
    sys.stdin = Path("t").open()  # noqa: SIM115 - the process ends
    status = main(["mailconf", *words])
    assert status == 0, status


def cases() -> Iterator[object]:
    for tool, words, kinds in MAPS:
        changes = bool({"-d", "-x", "-u", "-o"} & set(words.split())) and "-d {kind}" not in words
        for kind in kinds:
            yield pytest.param(tool, words, kind, True, id=f"{tool} {words} {kind}")
            if not changes:  # which needs a map that is there
                yield pytest.param(tool, words, kind, False, id=f"{tool} {words} {kind} new")


@pytest.mark.parametrize(("tool", "words", "kind", "old"), list(cases()))
def test_maps(tmp_path: Path, tool: str, words: str, kind: str, old: bool) -> None:
    (tmp_path / "main.cf").write_text(MAIN_CF.format(kind=kind, folder=tmp_path))
    (tmp_path / "cf").write_text(CF.format(kind=kind, folder=tmp_path))
    (tmp_path / "t").write_text("a: b\nc: d\n" if "alias" in tool else "a b\nc d\n")
    path = map_path(kind, tmp_path / "t")
    if old:
        nul = False if tool in ("makemap", "editmap") else None
        write_map(kind, path, [(b"a", b"b"), (b"x", b"y")], nul=nul)
    arguments = words.format(kind=kind, folder=tmp_path).split()
    check_replaced(recorded(lambda: run(tmp_path, tool, *arguments)), path)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("main.cf", "-e myorigin=x"),
        ("main.cf", "-X myhostname"),
        ("main.cf", "-# myhostname"),
        ("master.cf", "-M -e smtp/inet=smtp inet n - n - - smtpd"),
        ("master.cf", "-P -e smtp/inet/myorigin=x"),
        ("master.cf", "-F -e smtp/inet/chroot=y"),
        ("master.cf", "-M -X smtp/inet"),
        ("master.cf", "-M -# smtp/inet"),
    ],
)
def test_postconf(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "t").touch()
    (tmp_path / "main.cf").write_text("compatibility_level = 3.6\nmyhostname = mail.example.com\n")
    (tmp_path / "master.cf").write_text("smtp inet n - n - - smtpd\nsmtp unix - - n - - smtp\n")
    options, last = OPTION.findall(words), OPTION.sub("", words)
    check_replaced(recorded(lambda: run(tmp_path, "postconf", "-c", ".", *options, last)), tmp_path / name)


def test_a_message_that_is_not_delivered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is on disk behind dead.letter, and a new dead.letter in its folder, when the program ends."""
    modes = Modes(tmp_path, monkeypatch)
    home = modes.site / "home/root"
    me = Caller(os.getuid(), "root", os.getgid(), "/site/home/root", "Somebody")
    monkeypatch.setattr(modes, "caller", lambda login: me)
    call = {"tool": "sendmail", "words": ["nosuch@refused.test"], "user": "root", "stdin": "Subject: hi\n\nbody\n"}
    calls = recorded(lambda: print(modes.run({"site": {}, "calls": [call]})))
    check_synced(calls, str(home / "dead.letter"))
    assert Call("sync", str(home)) in calls
