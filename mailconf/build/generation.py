"""A build of several maps is one generation: all of its maps take their places, or no map does.

The steps, each durable before the next begins; what a crash in between leaves is settled by the next build:

1. the journal lists the maps that are coming ("staging"); each is written complete beside its target;
2. the old maps are kept, as hard links (copies where links are not possible) in ``.mailconf/next``;
3. the journal has the digests of the new maps ("renaming"); each is renamed to its target;
4. the journal is marked "done"; ``state.json`` is written, ``next`` becomes ``previous``, the journal goes away.

Found in "staging", the generation is undone; in "renaming", it is completed when every new map is whole and undone
otherwise; "undoing" goes on undoing, which ends in "staging"; "done" goes on with step 4. Each of these may be
interrupted and begun again.

A rollback is a generation too: its new maps are the previous generation's, and it keeps nothing to roll back to.

The folder ``.mailconf`` is its owner's alone (0700), and a lock on ``.mailconf/lock`` (fcntl(2)) keeps builds apart.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from mailconf.build.journal import NAME as JOURNAL
from mailconf.build.journal import (
    Damaged,
    Journal,
    Move,
    Phase,
    read_json,
    remove_journal,
    write_json,
)
from mailconf.build.state import FOLDER, NAME, BuildState, stat_of
from mailconf.files import Tree, TreePlace, distrust, sync_folder

_BACKUPS = "next"
_PREVIOUS = "previous"
_LIST = "generation.json"  # beside backups: {"moves": [...], "state": {...}}

Step = Callable[[str], None]


class Busy(Exception):
    """Another build is running; the text names it."""


class Unsettled(Exception):
    """A generation could be neither completed nor undone: a backup is missing. The text names the maps."""


class NoPrevious(Exception):
    """There is no earlier generation."""


class Store:
    """The records of one configuration, and the generations that they describe.

    directory  the configuration's folder, as the configuration calls it
    step       called with a name before each step that changes a file: where a test lets the program die

    Methods pass on OSError; those that read records raise Damaged.
    """

    def __init__(self, directory: str, root: Tree, step: Step = lambda name: None) -> None:
        self.root = root
        self.folder = root.path(directory) / FOLDER
        self._step = step

    @contextmanager
    def locked(self, *, create: bool = True) -> Iterator[None]:
        """Hold the records until the end; without ``create``, nothing happens when they do not exist. Raises Busy."""
        if create:
            self.folder.mkdir(mode=0o700, exist_ok=True)
        elif not self.folder.exists():
            yield
            return
        self._distrust()
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if create else 0)
        try:
            descriptor = os.open(self.folder / "lock", flags, 0o600)
        except FileNotFoundError:
            yield
            return
        try:
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):  # fcntl(2): EAGAIN or EACCES
                holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
                raise Busy(f"process {holder}" if holder.isdigit() else "another process") from None
            if create:
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
                for name in (JOURNAL, NAME):
                    _discard_parts(self.folder / name)
            yield
        finally:
            os.close(descriptor)

    def _distrust(self) -> None:
        """Untrusted when somebody else could have written what we are about to do."""
        status = self.folder.lstat()
        if not stat.S_ISDIR(status.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        distrust(status, self.folder)

    def state(self) -> BuildState:
        return BuildState.load(self.folder, self.root)

    @property
    def is_unfinished(self) -> bool:
        """Whether there is a journal: a generation that was interrupted, or one that is just being built."""
        try:
            return (self.folder / JOURNAL).exists()
        except OSError:  # not ours to look at: a build that has anything to do will report it
            return False

    def unfinished(self) -> str:
        """What is to be done about a generation that was interrupted: "completed", "undone", or "" (no one was)."""
        journal = Journal.load(self.folder)
        if journal is None:
            return ""
        completes = journal.phase is Phase.DONE or (journal.phase is Phase.RENAMING and self._all_whole(journal))
        return "completed" if completes else "undone"

    def recover(self) -> str:
        """Complete or undo a generation that was interrupted; returns what `unfinished` returned. Raises Unsettled."""
        journal = Journal.load(self.folder)
        if journal is None:
            return ""
        result = self.unfinished()
        if result == "undone":
            self.undo(journal)
        elif journal.phase is Phase.DONE:
            self._finish(journal)
        else:
            self._rename(journal)
        return result

    def begin(self, targets: Sequence[Path]) -> Journal:
        """Announce new maps for ``targets``; each is then to be written to its `staged` place."""
        self._remove(_BACKUPS)
        moves = [Move(self.root.inside(path), _staged_name(path, number)) for number, path in enumerate(targets)]
        journal = Journal(Phase.STAGING, tuple(moves), self.state())
        self._save(journal)
        return journal

    def staged(self, move: Move) -> Path:
        return self.root.path(move.target).with_name(move.staged)

    def commit(self, journal: Journal, state: BuildState) -> None:
        """All maps of ``journal`` are staged: let them take their places. ``state`` is what is to be remembered.

        On OSError the old maps are in their places again, or will be after the next `recover`.
        """
        old = self.state()
        self._step("digest")
        moves = [
            replace(m, digest=self.root.digest(TreePlace(self.staged(m))) if m.staged else "") for m in journal.moves
        ]
        moves = self._back_up(moves, old)
        self._rename_or_undo(replace(journal, phase=Phase.RENAMING, moves=tuple(moves), state=state))

    def undo(self, journal: Journal) -> None:
        """The old maps in their places, and nothing else left. Raises Unsettled when a backup is missing."""
        lost = []
        if journal.phase in (Phase.RENAMING, Phase.UNDOING):
            self._save(journal.at(Phase.UNDOING))
            for move in journal.moves:
                self._step(f"put back {move.target}")
                if not self._put_back(move):
                    lost.append(move.target)
            self._sync(journal)
            if lost:
                (self.folder / NAME).unlink(missing_ok=True)  # its content is no longer true
            self._save(journal.at(Phase.STAGING))  # from here on the backups go away
        for move in journal.moves:
            self._step(f"discard {move.staged}")
            if move.staged:
                _discard(self.staged(move))
        self._sync(journal)
        self._remove(_BACKUPS)
        self._step("close the journal")
        remove_journal(self.folder)
        if lost:
            raise Unsettled(", ".join(lost))

    def rollback(self) -> list[Move]:
        """Put the maps of the previous generation in their places; the moves made. Raises NoPrevious."""
        old, state = self.previous()
        begun = self.begin([self.root.path(move.target) for move in old])
        # A map that the previous generation did not have goes away.
        moves = [new if was.backup else replace(new, staged="") for new, was in zip(begun.moves, old, strict=True)]
        journal = replace(begun, moves=tuple(moves), keep=False)
        self._save(journal)
        try:
            for new, was in zip(moves, old, strict=True):
                if was.backup:
                    self._step(f"stage {new.target}")
                    _link(self.folder / _PREVIOUS / was.backup, self.staged(new))
            self.commit(journal, state)
        except OSError:
            with suppress(OSError, Unsettled):
                self.recover()
            raise
        return moves

    def previous(self) -> tuple[list[Move], BuildState]:
        """The maps that a rollback would put back (a move without a backup: take away). Raises NoPrevious."""
        path = self.folder / _PREVIOUS / _LIST
        data = read_json(path)
        if data is None:
            raise NoPrevious
        try:
            return [Move.from_json(move) for move in data["moves"]], BuildState.from_json(data["state"])
        except (ValueError, KeyError, TypeError) as problem:
            raise Damaged(str(path)) from problem

    # The steps

    def _back_up(self, moves: list[Move], old: BuildState) -> list[Move]:
        """Keep the maps that are there now; the moves with the backups' names."""
        folder = self.folder / _BACKUPS
        folder.mkdir(mode=0o700)
        kept = []
        for number, move in enumerate(moves):
            self._step(f"back up {move.target}")
            target = self.root.path(move.target)
            there = os.path.lexists(target)
            if there:
                _link(target, folder / str(number))
            kept.append(replace(move, backup=str(number) if there else ""))
        listed = [Move(move.target, backup=move.backup) for move in kept]
        previous = Journal(Phase.DONE, tuple(listed), old)
        self._step("list the backups")
        write_json(folder / _LIST, previous.as_json())
        sync_folder(self.folder)
        return kept

    def _rename_or_undo(self, journal: Journal) -> None:
        self._save(journal)
        try:
            self._rename(journal)
        except OSError:
            now = Journal.load(self.folder)
            if now is not None and now.phase is Phase.RENAMING:
                self.undo(now)
            raise

    def _rename(self, journal: Journal) -> None:
        """Step 3, from wherever it was interrupted."""
        for move in journal.moves:
            self._step(f"rename {move.target}")
            target = self.root.path(move.target)
            if not move.staged:
                target.unlink(missing_ok=True)
                continue
            with suppress(FileNotFoundError):
                self.staged(move).replace(target)
            self.staged(move).unlink(missing_ok=True)  # rename(2) does nothing between two names of one file
        self._sync(journal)
        maps = dict(journal.state.maps)
        for move in journal.moves:
            if move.staged and move.target in maps:
                now = stat_of(self.root.path(move.target).stat())
                maps[move.target] = maps[move.target]._replace(digest=move.digest, stat=now)
        done = replace(journal, phase=Phase.DONE, state=replace(journal.state, maps=maps))
        self._save(done)
        self._finish(done)

    def _finish(self, journal: Journal) -> None:
        """Step 4, from wherever it was interrupted."""
        self._step("write the state")
        write_json(self.folder / NAME, journal.state.as_json())
        backups = self.folder / _BACKUPS
        if not journal.keep:
            self._remove(_BACKUPS)
            self._remove(_PREVIOUS)
        elif backups.exists():
            self._remove(_PREVIOUS)
            self._step("keep the previous generation")
            backups.rename(self.folder / _PREVIOUS)
        self._step("close the journal")
        remove_journal(self.folder)

    def _all_whole(self, journal: Journal) -> bool:
        """Whether every new map is there: still staged, or in its place."""
        for move in journal.moves:
            if not move.staged:
                continue
            staged = self.staged(move)
            try:
                if (
                    self.root.digest(TreePlace(staged if staged.exists() else self.root.path(move.target)))
                    != move.digest
                ):
                    return False
            except FileNotFoundError:
                return False
        return True

    def _put_back(self, move: Move) -> bool:
        target = self.root.path(move.target)
        if not move.backup:
            target.unlink(missing_ok=True)
            return True
        temporary = target.with_name(_staged_name(target, 0) + "-old")
        temporary.unlink(missing_ok=True)
        try:
            _link(self.folder / _BACKUPS / move.backup, temporary)
        except FileNotFoundError:
            return False
        temporary.replace(target)
        temporary.unlink(missing_ok=True)  # as in _rename
        return True

    def _save(self, journal: Journal) -> None:
        self._step(f"journal: {journal.phase.value}")
        journal.save(self.folder)

    def _remove(self, name: str) -> None:
        """Remove a folder of backups."""
        folder = self.folder / name
        if folder.exists():
            # The list goes first: a folder without one is no generation.
            for path in sorted(folder.iterdir(), key=lambda path: path.name != _LIST):
                self._step(f"remove {name}/{path.name}")
                path.unlink()
            folder.rmdir()
            sync_folder(self.folder)

    def _sync(self, journal: Journal) -> None:
        for folder in sorted({self.root.path(move.target).parent for move in journal.moves}):
            with suppress(FileNotFoundError):
                sync_folder(folder)


def _staged_name(target: Path, number: int) -> str:
    return f".{os.fsdecode(os.fsencode(target.name)[:150])}.mailconf-{number}"


def _discard(staged: Path) -> None:
    staged.unlink(missing_ok=True)
    _discard_parts(staged)


def _discard_parts(target: Path) -> None:
    """Remove what an interrupted `mailconf.files.replace` has left of a file."""
    with suppress(FileNotFoundError):  # the folder may be gone
        for path in list(target.parent.iterdir()):
            if path.name.startswith(f".{target.name}.") and not path.is_dir():
                path.unlink(missing_ok=True)


def _link(old: Path, new: Path) -> None:
    """A second name for the file; a durable copy where the file system has no links or the kernel forbids one."""
    try:
        os.link(old, new, follow_symlinks=False)
    except FileExistsError:
        new.unlink()
        os.link(old, new, follow_symlinks=False)
    except OSError as problem:
        if problem.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
            raise
        _copy(old, new)


def _copy(old: Path, new: Path) -> None:
    import shutil

    shutil.copy2(old, new, follow_symlinks=False)
    status = old.lstat()
    with suppress(PermissionError):
        os.chown(new, status.st_uid, status.st_gid, follow_symlinks=False)
    if not new.is_symlink():
        with new.open("rb") as file:
            os.fsync(file.fileno())
