from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from site_fixture import ENVIRONMENT, mailconf

from mailconf.files import Root
from mailconf.maps.registry import open_table

MAPS = ("client_access", "sender_access", "recipient_access", "virtual", "vmailbox", "relay_recipients", "generic")


def build(root: Path, *options: str, status: int = 0) -> str:
    return mailconf("build", "--root", str(root), *options, "/etc/postfix", status=status).stdout


def maps(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in root.rglob("*.db")}


def test_every_map_is_built_once_and_then_only_when_stale(root: Path) -> None:
    first = build(root)
    assert "built hash:/etc/postfix/virtual: 5 entries (no map yet)" in first
    assert first.endswith("8 maps built, 0 up to date\n")
    assert sorted(maps(root)) == sorted([f"{name}.db" for name in (*MAPS, "aliases")])
    assert build(root) == "0 maps built, 8 up to date\n"

    virtual = root / "etc/postfix/virtual"
    future = (root / "etc/postfix/virtual.db").stat().st_mtime + 3600
    os.utime(virtual, (future, future))
    assert build(root) == (
        "built hash:/etc/postfix/virtual: 5 entries (the source is newer)\n1 map built, 7 up to date\n"
    )
    assert build(root, "--force").endswith("8 maps built, 0 up to date\n")


def test_what_was_built_answers(root: Path) -> None:
    build(root)
    virtual = open_table("hash:/etc/postfix/virtual", Root(root))
    assert virtual.lookup(b"info@example.org") == b"alice@example.com"
    assert virtual.lookup(b"nobody@example.org") is None
    aliases = open_table("hash:/etc/aliases", Root(root))
    assert aliases.lookup(b"team") == b"alice, bob"


def test_a_dry_run_writes_nothing(root: Path) -> None:
    assert build(root, "--dry-run").endswith("8 maps would build, 0 up to date\n")
    assert maps(root) == {}


def test_a_mistake_in_one_table_leaves_every_old_map(root: Path) -> None:
    build(root)
    before = maps(root)
    with (root / "etc/postfix/generic").open("a") as file:
        file.write("new@example.com other@example.com\n")
    with (root / "etc/postfix/client_access").open("a") as file:
        file.write("203.0.113.9 REJCT\n")
    done = mailconf("build", "--root", str(root), "--force", "/etc/postfix", status=1)
    assert "client_access:5:13: error: REJCT is neither an action nor a restriction [TB010]" in done.stderr
    assert "nothing was built" in done.stderr
    assert maps(root) == before


def test_a_broken_main_cf_builds_nothing(root: Path) -> None:
    with (root / "etc/postfix/main.cf").open("a") as file:
        file.write("this is no parameter\n")
    done = mailconf("build", "--root", str(root), "/etc/postfix", status=1)
    assert "[PF002]" in done.stderr
    assert maps(root) == {}


# The file, what its lines begin with that are taken out, what is added, what is reported. postmap(1) of Postfix 3.7.11
# stops at PF008 and PF228, and builds maps with the others (tests/live/test_build_live.py).
FAULTS = {
    "PF204": ("main.cf", "compatibility_level", "smtpd_relay_restrictions =", "smtpd does not start"),
    "PF206": ("main.cf", "mynetworks", "mynetworks = 192.0.2.77/24", "non-null host address bits"),
    "PF008": ("main.cf", "message_size_limit", "message_size_limit = abc", "not a number"),
    "PF201": ("main.cf", "none", "smtpd_data_restrictions = nonsense, reject", "there is no restriction"),
    "PF228": ("main.cf", "myorigin", "myorigin = /nonexistent", "cannot open file"),
    "PF011": ("master.cf", "none", "garbage", "bad field count"),
}


@pytest.mark.parametrize("code", FAULTS)
def test_a_fault_on_which_no_map_depends_is_shown_and_stops_nothing(root: Path, code: str) -> None:
    name, removed, line, words = FAULTS[code]
    kept = [each for each in (root / "etc/postfix" / name).read_text().splitlines() if not each.startswith(removed)]
    (root / "etc/postfix" / name).write_text("\n".join([*kept, line, ""]))
    done = mailconf("build", "--root", str(root), "/etc/postfix")
    assert done.stdout.endswith("8 maps built, 0 up to date\n")
    assert f"[{code}]" in done.stderr and words in done.stderr and ": error: " not in done.stderr
    assert len(maps(root)) == 8
    found = json.loads(mailconf("build", "--root", str(root), "--force", "--format", "json", "/etc/postfix").stdout)[
        "findings"
    ]
    assert {each["severity"] for each in found if each["code"] == code} == {"warning"}
    assert mailconf("check", "--root", str(root), "/etc/postfix", status=1)


def test_a_fault_in_a_source_stops_all_whatever_else_is_wrong(root: Path) -> None:
    with (root / "etc/postfix/main.cf").open("a") as file:
        file.write("mynetworks = 192.0.2.77/24\n")
    (root / "etc/postfix/virtual").write_text("no-value\n")
    done = mailconf("build", "--root", str(root), "/etc/postfix", status=1)
    assert "[PF206]" in done.stderr and "nothing was built" in done.stderr
    assert maps(root) == {}
    assert build(root, "--dry-run", status=1) == ""


def test_one_map_where_the_sources_of_others_are_missing(root: Path) -> None:
    (root / "etc/postfix/virtual").unlink()
    done = mailconf("build", "--root", str(root), "/etc/postfix", status=1)
    assert "/etc/postfix/virtual, the source of hash:/etc/postfix/virtual, does not exist [BD001]" in done.stderr
    done = mailconf("build", "--root", str(root), "/etc/postfix", "aliases")
    assert (done.stdout.splitlines()[-1], done.stderr) == ("1 map built, 0 up to date", "")
    assert list(maps(root)) == ["aliases.db"]
    done = mailconf("build", "--root", str(root), "/etc/postfix", "virtual", status=1)
    assert "[BD001]" in done.stderr and "[BD014]" not in done.stderr


def test_what_is_no_file_where_a_map_should_be(root: Path) -> None:
    build(root)
    place = root / "etc/postfix/virtual.db"
    for kind, make in (("a folder", Path.mkdir), ("a pipe", os.mkfifo)):
        place.rmdir() if place.is_dir() else place.unlink()
        make(place)
        later = place.with_name("virtual").stat().st_mtime + 3600
        os.utime(place, (later, later))
        for options in ((), ("--dry-run",), ("--force",), ("virtual",)):
            done = mailconf("build", "--root", str(root), "/etc/postfix", *options, status=1)
            assert f": error: /etc/postfix/virtual.db is {kind} [BD017]" in done.stderr
        assert "[BD017]" in mailconf("check", "--root", str(root), "/etc/postfix", status=1).stderr
        assert mailconf("build", "--root", str(root), "/etc/postfix", "aliases").stdout.endswith("1 up to date\n")
    (root / "etc/postfix/generic").unlink()
    os.mkfifo(root / "etc/postfix/generic")
    done = mailconf("build", "--root", str(root), "--force", "/etc/postfix", status=1)
    assert "the source of hash:/etc/postfix/generic, does not exist [BD001]" in done.stderr


def test_what_killed_tools_have_left_is_removed(root: Path) -> None:
    left = root / "etc/postfix/.virtual.db.1.0123abcd"
    for line in ("8 maps built, 0 up to date\n", "0 maps built, 8 up to date\n"):
        left.write_bytes(b"half a map")
        build(root, "--dry-run")
        assert left.exists()
        assert build(root).endswith(line)
        assert not left.exists()


def test_a_folder_without_a_configuration(tmp_path: Path) -> None:
    done = mailconf("build", str(tmp_path), status=2)
    assert "no sendmail or Postfix configuration" in done.stderr
    assert mailconf("build", str(tmp_path / "none"), status=2).stderr


def test_rollback_goes_back_one_generation_and_no_further(root: Path) -> None:
    build(root)
    before = maps(root)
    with (root / "etc/postfix/virtual").open("a") as file:
        file.write("new@example.org alice@example.com\n")
    assert "built hash:/etc/postfix/virtual: 6 entries" in build(root)
    built = maps(root)
    assert build(root, "--rollback", "--dry-run") == (
        "/etc/postfix/virtual.db would be restored\n1 map would be as in the generation before\n"
    )
    assert maps(root) == built != before
    assert build(root, "--rollback") == ("/etc/postfix/virtual.db restored\n1 map as in the generation before\n")
    assert maps(root) == before
    again = mailconf("build", "--root", str(root), "--rollback", "/etc/postfix", status=1)
    assert "there is no generation to go back to" in again.stderr
    assert maps(root) == before
    assert "built hash:/etc/postfix/virtual: 6 entries" in build(root)


def test_rollback_needs_no_configuration_that_can_be_read(root: Path) -> None:
    build(root)
    (root / "etc/postfix/main.cf").write_text("this is no parameter\n")
    assert "removed: it did not exist" in build(root, "--rollback")
    assert maps(root) == {}
    mailconf("build", "--root", str(root), "--rollback", "--force", "/etc/postfix", status=2)


def test_rollback_where_nothing_was_ever_built(root: Path) -> None:
    done = mailconf("build", "--root", str(root), "--rollback", "/etc/postfix", status=1)
    assert "[BD010]" in done.stderr
    assert not (root / "etc/postfix/.mailconf").exists()


def test_a_map_type_of_ones_own_choice(root: Path) -> None:
    done = mailconf("build", "--root", str(root), "--map-type", "cdb", "/etc/postfix")
    assert "built cdb:/etc/postfix/virtual: 5 entries (no map yet)" in done.stdout
    assert (
        "main.cf:38:22: warning: virtual_alias_maps names hash:/etc/postfix/virtual; the map is built as cdb [BD004]"
        in done.stderr
    )
    assert sorted(path.name for path in root.rglob("*.cdb")) == sorted([f"{n}.cdb" for n in (*MAPS, "aliases")])
    assert maps(root) == {}
    virtual = open_table("cdb:/etc/postfix/virtual", Root(root))
    assert virtual.lookup(b"info@example.org") == b"alice@example.com"
    mailconf("build", "--map-type", "texthash", str(root), status=2)


def interrupt(root: Path, step: str) -> None:
    """A build of every map that dies just before ``step``."""
    program = (
        "import os, sys\n"
        "from mailconf.build import generation\n"
        "def die(self, name):\n"
        f"    if name == {step!r}: os._exit(9)\n"
        "init = generation.Store.__init__\n"
        "def patched(self, directory, root):\n"
        "    init(self, directory, root, lambda name: die(self, name))\n"
        "generation.Store.__init__ = patched\n"
        "from mailconf.cli import main\n"
        f"main(['mailconf', 'build', '--force', '--root', {str(root)!r}, '/etc/postfix'])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], env=ENVIRONMENT, capture_output=True, check=False)
    assert done.returncode == 9, done.stderr


def test_the_next_build_settles_an_interrupted_one(root: Path) -> None:
    build(root)
    interrupt(root, "rename /etc/postfix/virtual.db")
    dry = mailconf("build", "--root", str(root), "--dry-run", "/etc/postfix")
    assert "an earlier build was interrupted; it would be completed [BD008]" in dry.stderr
    assert list(root.rglob("*.mailconf-*"))
    done = mailconf("build", "--root", str(root), "/etc/postfix")
    assert "an earlier build was interrupted; it was completed [BD008]" in done.stderr
    assert done.stdout == "0 maps built, 8 up to date\n"
    assert not list(root.rglob("*.mailconf-*"))
    interrupt(root, "digest")
    undone = mailconf("build", "--root", str(root), "/etc/postfix")
    assert "it was undone" in undone.stderr
    assert mailconf("build", "--root", str(root), "/etc/postfix").stderr == ""


def test_an_interrupted_build_is_settled_whatever_else_is_wrong(root: Path) -> None:
    build(root)
    interrupt(root, "rename /etc/postfix/virtual.db")
    (root / "etc/postfix/generic").unlink()
    done = mailconf("build", "--root", str(root), "/etc/postfix", status=1)
    assert "[BD001]" in done.stderr
    assert "it was completed" in done.stderr
    assert not list(root.rglob("*.mailconf-*"))


def test_a_map_that_somebody_else_built_is_no_work_of_ours(root: Path) -> None:
    build(root)
    with (root / "etc/postfix/virtual").open("a") as file:
        file.write("new@example.org alice@example.com\n")
    mailconf("postmap", "--root", str(root), "hash:/etc/postfix/virtual")
    done = mailconf("build", "--root", str(root), "/etc/postfix")
    assert done.stdout == "0 maps built, 8 up to date\n"
    assert "virtual.db: note: another program has changed this map since it was built [BD011]" in done.stderr


def test_a_folder_for_the_records_that_cannot_be_made(root: Path) -> None:
    (root / "etc/postfix/.mailconf").write_text("a file\n")
    done = mailconf("build", "--root", str(root), "/etc/postfix", status=1)
    assert "[BD007]" in done.stderr
    assert maps(root) == {}


def test_with_nothing_to_do_little_is_imported(root: Path) -> None:
    build(root)
    program = (
        "import sys\n"
        "from mailconf.cli import main\n"
        "try:\n"
        f"    main(['mailconf', 'build', '--root', {str(root)!r}, '/etc/postfix'])\n"
        "finally:\n"
        "    print(sorted({'lark', 'yaml', 'rich', 'jinja2', 'lmdb', 'sqlite3', 'mailconf.postfix.policy.policy'}\n"
        "                 & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert done.stdout == "0 maps built, 8 up to date\n[]\n"


def test_a_progress_bar_on_a_terminal_only(root: Path) -> None:
    (root / "etc/postfix/virtual").write_text(
        "".join(f"user{n}@example.org  alice@example.com\n" for n in range(30_000))
    )
    program = (
        "from mailconf.cli import main\nfrom mailconf.cli.shared import progress\n"
        "progress.DELAY = 0\n"
        f"main(['mailconf', 'build', '--root', {str(root)!r}, '/etc/postfix'])\n"
    )
    command = [sys.executable, "-c", program]
    ours, theirs = os.openpty()
    child = subprocess.Popen(command, env={**ENVIRONMENT, "TERM": "xterm"}, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            shown += os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
    os.close(ours)
    assert b"8 maps built" in child.communicate()[0]
    assert b"reading the tables" in shown
    plain = mailconf("build", "--force", "--root", str(root), "/etc/postfix")
    assert plain.stderr == ""


def test_one_map_that_is_asked_for(root: Path) -> None:
    assert build(root, "--dry-run").endswith("8 maps would build, 0 up to date\n")
    done = mailconf("build", "--root", str(root), "/etc/postfix", "virtual", "/etc/aliases.db")
    assert done.stdout.endswith("2 maps built, 0 up to date\n")
    assert sorted(maps(root)) == ["aliases.db", "virtual.db"]
    assert "[BD014]" in mailconf("build", "--root", str(root), "/etc/postfix", "virtul", status=1).stderr


def test_watch(root: Path) -> None:
    command = [sys.executable, "-m", "mailconf", "build", "--root", str(root), "--watch", "--interval", "0.05"]
    process = subprocess.Popen([*command, "/etc/postfix"], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
    assert process.stdout is not None
    lines = iter(process.stdout)
    assert "8 maps built, 0 up to date\n" in lines
    with (root / "etc/postfix/virtual").open("a") as file:
        file.write("new@example.org alice@example.com\n")
    assert next(lines).startswith("built hash:/etc/postfix/virtual: 6 entries")
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    assert process.wait() == 130
    mailconf("build", "--root", str(root), "--watch", "--force", "/etc/postfix", status=2)
