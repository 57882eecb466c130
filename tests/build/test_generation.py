"""All maps of a build or none, whatever happens in between."""

from __future__ import annotations

import errno
import json
import os
import random
import resource
import shutil
from collections.abc import Callable
from pathlib import Path

import generations as g
import pytest
from system_calls import CHANGES, Call, check_replaced, check_synced, killed, mark, recorded

from mailconf.build.apply import apply, diagnosed
from mailconf.build.compile import compile_targets
from mailconf.build.generation import NoPrevious
from mailconf.build.state import BuildState
from mailconf.diagnostics import Sink
from mailconf.files import Root

TOP = Path(__file__).resolve().parents[2]
MAP_WITH_TWO_NAMES = "etc/other/second.cdb"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A site at its first generation, with sources for the second."""
    g.write_sources(tmp_path, 0)
    g.build(tmp_path)
    g.write_sources(tmp_path, 1)
    g.build(tmp_path)
    g.write_sources(tmp_path, 2)
    return tmp_path


def rollback(root: Path, step: object = None) -> None:
    records = g.store(root, step) if callable(step) else g.store(root)
    with records.locked():
        records.recover()
        records.rollback()


def one_generation(root: Path) -> str:
    found = set(g.generations(root))
    assert len(found) == 1, f"maps of several generations: {found}"
    return found.pop()


def test_a_build_and_its_records(root: Path) -> None:
    assert one_generation(root) == "1"
    g.build(root)
    assert one_generation(root) == "2"
    assert g.leftovers(root) == []
    assert (root / "etc/mail/.mailconf").stat().st_mode & 0o777 == 0o700
    assert [target.reason for target in g.planned(root)] == ["", "", "", ""]


def test_progress_is_told_for_each_map(root: Path) -> None:
    told: list[tuple[str, int, int]] = []
    records = g.store(root)
    with records.locked():
        compiled = compile_targets(g.planned(root, force=True), Root(root), Sink(), lambda word: False)
        apply(compiled, records, Sink(), lambda name: lambda done, total: told.append((Path(name).name, done, total)))
    finished = {name for name, done, total in told if done == total == g.ENTRIES}
    assert finished == {Path(name).name for name in g.MAPS}


def test_killed_at_every_step(root: Path) -> None:
    results = []
    at = 0
    while g.killed(lambda step: g.build(root, step), at):
        g.generations(root)
        before = one_generation_after(root, results)
        assert before in ("1", "2")
        g.write_sources(root, 1)
        g.build(root)
        assert one_generation(root) == "1"
        assert g.leftovers(root) == []
        g.write_sources(root, 2)
        at += 1
    assert at > 20
    assert {"completed", "undone"} <= set(results)
    assert one_generation(root) == "2"


def one_generation_after(root: Path, results: list[str]) -> str:
    results.append(g.recover(root))
    assert g.leftovers(root) == []
    return one_generation(root)


def test_killed_at_every_step_of_a_recovery(root: Path) -> None:
    at = 0
    while g.killed(lambda step: g.build(root, step), at):
        again = 0
        while g.killed(lambda step: g.recover(root, step), again):
            g.generations(root)
            again += 1
        one_generation(root)
        assert g.leftovers(root) == []
        at += 3


@pytest.mark.parametrize("lost", range(4))
def test_a_new_map_that_is_not_whole_undoes_the_generation(root: Path, lost: int) -> None:
    at = 0
    undone = 0
    while g.killed(lambda step: g.build(root, step), at):
        staged = [path for path in root.rglob(".*.mailconf-*") if path.name.endswith(f"-{lost}")]
        for path in staged:
            path.write_bytes(path.read_bytes()[:100])
        again = 0
        while g.killed(lambda step: g.recover(root, step), again):  # each of which is interrupted, too
            again += 1
        if staged:
            assert one_generation(root) == "1"
            undone += 1
        assert g.leftovers(root) == []
        g.write_sources(root, 1)
        g.build(root)
        g.write_sources(root, 2)
        at += 4
    assert undone


def test_first_maps_are_undone_to_none(tmp_path: Path) -> None:
    g.write_sources(tmp_path, 1)
    at = 0
    seen = set()
    while g.killed(lambda step: g.build(tmp_path, step), at):
        g.recover(tmp_path)
        seen.add(one_generation(tmp_path))
        for name in g.MAPS:
            (tmp_path / name).unlink(missing_ok=True)
        at += 1
    assert seen == {"", "1"}


def test_rollback_and_no_second_one(root: Path) -> None:
    digests = [Root().digest(root / name) for name in g.MAPS]
    g.build(root)
    rollback(root)
    assert [Root().digest(root / name) for name in g.MAPS] == digests
    assert g.leftovers(root) == []
    with pytest.raises(NoPrevious):
        rollback(root)
    assert one_generation(root) == "1"
    assert {target.reason for target in g.planned(root)} <= {"the source is newer", "the source has changed"}
    assert all(target.reason and not target.foreign for target in g.planned(root))


def test_rollback_takes_new_maps_away(tmp_path: Path) -> None:
    g.write_sources(tmp_path, 1)
    g.build(tmp_path)
    rollback(tmp_path)
    assert g.generations(tmp_path) == ["", "", "", ""]


def test_rollback_killed_at_every_step(root: Path) -> None:
    g.build(root)
    at = 0
    while g.killed(lambda step: rollback(root, step), at):
        g.generations(root)
        g.recover(root)
        assert g.leftovers(root) == []
        if one_generation(root) == "1":
            g.build(root)
        assert one_generation(root) == "2"
        at += 1
    assert at > 20
    assert one_generation(root) == "1"


def test_killed_at_random_moments(tmp_path: Path) -> None:
    """A process that builds one generation after the other; each kill hits another moment of a build."""
    dice = random.Random(20)
    g.write_sources(tmp_path, 0)
    g.build(tmp_path)
    done = 0

    def work() -> None:
        for generation in (done + 1, done + 2):
            g.write_sources(tmp_path, generation)
            g.build(tmp_path)
            mark(str(generation))

    whole = sum(call.name in CHANGES for call in recorded(work))
    done = 2
    interrupted = 0
    for _ in range(30):
        was_killed, calls = killed(work, dice.randrange(whole))
        assert was_killed
        done = max([done, *(int(call.path) for call in calls if call.name == "mark")])
        g.generations(tmp_path)
        interrupted += bool(g.recover(tmp_path))
        assert one_generation(tmp_path) in (str(done), str(done + 1))
        assert g.leftovers(tmp_path) == []
        done = int(one_generation(tmp_path))
    assert interrupted > 10


def test_every_file_of_a_build_is_durable_when_it_counts(root: Path) -> None:
    """New maps are on disk before the journal says so, that is before the first of them takes its place."""
    calls = recorded(lambda: g.build(root))
    targets = [root / name for name in g.MAPS]
    records = root / "etc/mail/.mailconf"
    for path in (*targets, records / "state.json", records / "journal.json"):
        check_replaced(calls, path)
    taken = [at for at, call in enumerate(calls) if call.name == "rename" and call.new in map(str, targets)]
    assert len(taken) == len(targets)
    folder = Call("sync", str(records))
    journals = [at for at, call in enumerate(calls) if call.new == str(records / "journal.json")]
    before = [at for at in journals if at < taken[0]]
    after = [at for at in journals if at > taken[-1]]
    assert len(before) == 2 and len(after) == 1  # staging, renaming; done
    for at in taken:
        check_synced(calls[: before[-1]], calls[at].path)
    assert folder in calls[before[-1] : taken[0]]
    for path in targets:
        assert Call("sync", str(path.parent)) in calls[taken[-1] : after[0]]
    [backups] = [at for at, call in enumerate(calls) if call.new == str(records / "next/generation.json")]
    assert backups < before[-1]
    assert Call("sync", str(records / "next")) in calls[backups : before[-1]]
    assert folder in calls[backups : before[-1]]


@pytest.mark.parametrize("call", ["fsync", "link", "open", "replace"])
def test_a_full_disk_at_every_call(root: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """From some moment on no call succeeds; when there is room again, the next build is as if nothing had been."""
    owner, name = (Path, "replace") if call == "replace" else (os, call)
    real = getattr(owner, name)
    at = 0
    while True:
        left, failed = at, False

        def full(*arguments: object, **options: object) -> object:
            nonlocal left, failed
            if left == 0:
                failed = True
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            left -= 1
            return real(*arguments, **options)

        sink = Sink()
        with monkeypatch.context() as patched, diagnosed(g.store(root), sink):
            patched.setattr(owner, name, full)
            g.build(root, sink=sink)
        g.generations(root)
        if not failed:
            break
        assert [d.code for d in sink] and {d.code for d in sink} <= {"BD002", "BD003", "BD007"}
        g.recover(root)
        assert one_generation(root) in ("1", "2")
        assert g.leftovers(root) == []
        at += 1
    assert at > 3
    assert one_generation(root) == "2"


@pytest.mark.parametrize("room", [0, 100, 1000, 9000, 13_000, 20_000, 40_000])
def test_files_that_the_system_lets_grow_no_further(root: Path, room: int) -> None:
    """A limit of the kernel's (setrlimit(2)) in place of a full disk: whoever writes, the library or we, meets it."""
    g.write_sources(root, 2, entries=2000)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
            sink = Sink()
            with diagnosed(g.store(root), sink):
                g.build(root, sink=sink)
            status = 0 if sink.failed else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    g.recover(root)
    assert one_generation(root) == "1"
    assert g.leftovers(root) == []
    g.build(root)
    assert one_generation(root) == "2"


def test_an_interrupt_is_settled_at_once(root: Path) -> None:
    def interrupted(name: str) -> None:
        if name == "rename /etc/mail/two.db":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        g.build(root, _once(interrupted))
    assert one_generation(root) == "2"
    assert g.leftovers(root) == []


def _once(step: Callable[[str], None]) -> Callable[[str], None]:
    """``step`` until it has raised."""
    active = True

    def wrapped(name: str) -> None:
        nonlocal active
        if active:
            try:
                step(name)
            except BaseException:
                active = False
                raise

    return wrapped


def test_a_rename_that_fails_puts_the_old_maps_back(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.replace

    def refused(self: Path, target: Path) -> Path:
        if self.name.endswith(".mailconf-2"):
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(self))
        return real(self, target)

    sink = Sink()
    with monkeypatch.context() as patched, diagnosed(g.store(root), sink):
        patched.setattr(Path, "replace", refused)
        g.build(root, sink=sink)
    assert [d.code for d in sink] == ["BD007"]
    assert one_generation(root) == "1"
    assert g.leftovers(root) == []


def test_one_map_that_cannot_be_written_keeps_all_old_ones(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mailconf.build import compile as module

    real = module.write_map

    def full(type: str, *arguments: object, **options: object) -> object:
        if type == "cdb":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(type, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "write_map", full)
    sink = Sink()
    g.build(root, sink=sink)
    assert [(d.code, d.hint) for d in sink] == [("BD003", "the old maps are as they were")]
    assert one_generation(root) == "1"
    assert g.leftovers(root) == []


def test_copies_where_there_are_no_links(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object, **options: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", refused)
    g.build(root)
    assert one_generation(root) == "2"
    rollback(root)
    assert one_generation(root) == "1"


def test_a_copy_is_durable_where_there_are_no_links(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The backup of a map is on disk before a new one takes the map's place."""

    def refused(*arguments: object, **options: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", refused)
    calls = recorded(lambda: g.build(root))
    taken = next(at for at, call in enumerate(calls) if call.name == "rename" and call.new == str(root / g.MAPS[0]))
    for number in range(len(g.MAPS)):
        check_synced(calls[:taken], str(root / f"etc/mail/.mailconf/next/{number}"))


def test_two_builds_at_once(root: Path) -> None:
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        with g.store(root).locked():
            os.write(ready[1], b".")
            os.read(go[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    sink = Sink()
    with diagnosed(g.store(root), sink):
        g.build(root, sink=sink)
    os.write(go[1], b".")
    os.waitpid(child, 0)
    assert [str(d) for d in sink] == [
        f"{root}/etc/mail/.mailconf: error: process {child} is building these maps [BD006]"
    ]
    g.build(root)
    assert one_generation(root) == "2"
    for descriptor in (*ready, *go):
        os.close(descriptor)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b"[]",
        b"null",
        b'{"phase": "staging", "moves": [{"target": "/etc/mail/one.db", "staged": "../x", "digest": "", "backup": ""}],'
        b' "keep": true, "state": {"generation": 1, "maps": {}}}',
    ],
)
def test_a_journal_that_is_none(root: Path, text: bytes) -> None:
    (root / "etc/mail/.mailconf/journal.json").write_bytes(text)
    sink = Sink()
    with diagnosed(g.store(root), sink):
        g.build(root, sink=sink)
    assert [d.code for d in sink] == ["BD007"]
    assert one_generation(root) == "1"


def test_records_that_others_can_write_are_not_believed(root: Path) -> None:
    (root / "etc/mail/.mailconf").chmod(0o777)
    sink = Sink()
    with diagnosed(g.store(root), sink):
        g.build(root, sink=sink)
    assert [(d.code, d.file, d.message.partition(":")[0]) for d in sink] == [
        ("BD016", f"{root}/etc/mail/.mailconf", "other users can write to it")
    ]
    assert one_generation(root) == "1"


@pytest.mark.parametrize("kind", ["writable", "link", "pipe"])
def test_a_journal_that_others_can_have_written_is_not_carried_out(root: Path, kind: str) -> None:
    journal = root / "etc/mail/.mailconf/journal.json"
    move = {"target": "/etc/mail/one.db", "staged": "", "digest": "", "backup": ""}
    planted = {"phase": "undoing", "keep": True, "moves": [move], "state": {"generation": 1, "maps": {}}}
    if kind == "pipe":
        os.mkfifo(journal)
    else:
        file = journal if kind == "writable" else root / "planted"
        file.write_text(json.dumps(planted))
        file.chmod(0o666)
    if kind == "link":
        journal.symlink_to(root / "planted")
    sink = Sink()
    with diagnosed(g.store(root), sink):
        g.build(root, sink=sink)
    assert [d.code for d in sink] == ["BD016" if kind == "writable" else "BD007"]
    assert one_generation(root) == "1"


@pytest.mark.parametrize("kind", ["writable", "link", "pipe", "large"])
def test_a_state_that_others_can_have_written_counts_as_none(
    root: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = root / "etc/mail/.mailconf"
    state = folder / "state.json"
    assert BuildState.load(folder, Root()).maps
    if kind == "writable":
        state.chmod(0o602)
    elif kind == "link":
        state.rename(folder / "other")
        state.symlink_to("other")
    elif kind == "pipe":
        state.unlink()
        os.mkfifo(state)
    else:
        monkeypatch.setattr("mailconf.build.state.LARGEST", 10)
    assert BuildState.load(folder, Root()) == BuildState()


def test_lost_backups_are_reported_once(root: Path) -> None:
    def last_rename(name: str) -> None:
        if name == "rename /etc/other/four.lmdb":
            os._exit(9)

    child = os.fork()
    if child == 0:
        g.build(root, last_rename)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    for path in [*(root / "etc/mail/.mailconf/next").glob("[0-9]"), *root.rglob(".four*.mailconf-*")]:
        path.unlink()
    sink = Sink()
    with diagnosed(g.store(root), sink):
        g.build(root, sink=sink)
    assert [d.code for d in sink] == ["BD009"]
    g.build(root)
    assert one_generation(root) == "2"
    assert g.leftovers(root) == []


def test_a_folder_that_is_gone_blocks_nothing(root: Path) -> None:
    at = 0
    while g.killed(lambda step: g.build(root, step), at):
        shutil.rmtree(root / "etc/other")
        sink = Sink()
        with diagnosed(g.store(root), sink):
            g.recover(root)
        assert {d.code for d in sink} <= {"BD009"}
        assert g.recover(root) == ""
        g.write_sources(root, 2)
        g.build(root)
        assert one_generation(root) == "2"
        assert g.leftovers(root) == []
        at += 3


def test_what_others_can_replace_is_told_once_a_folder(root: Path) -> None:
    (root / "etc/mail").chmod(0o775)
    (root / MAP_WITH_TWO_NAMES).hardlink_to(root / "etc/other/three.cdb")
    sink = Sink()
    g.build(root, sink=sink)
    assert one_generation(root) == "2"
    assert sorted((d.code, d.message.removeprefix(str(root))) for d in sink) == [
        ("BD015", "/etc/mail/one.db: the folder can be written by its group"),
        ("BD015", "/etc/other/three.cdb: the file has other names: they keep the old map"),
    ]
    sink = Sink()
    (root / "etc/mail").chmod(0o755)
    g.build(root, sink=sink)
    assert list(sink) == []
