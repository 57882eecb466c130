"""The compiled maps take their places as one generation (`mailconf.build.generation`); failures as diagnostics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from mailconf.build.compile import Built
from mailconf.build.generation import Busy, NoPrevious, Store, Unsettled
from mailconf.build.journal import Damaged
from mailconf.build.state import BuildState
from mailconf.diagnostics import Sink, error, warning
from mailconf.files import Tree, Untrusted
from mailconf.maps.build.target import safe_target
from mailconf.maps.build.write import writable_types
from mailconf.maps.core.opening import Progress

BD003 = error("BD003", "a map cannot be written")
"""Why: the new map cannot be put in place. All maps of the build stay as they were.

Example:
    a build on a disk that is full, or in a folder that the user may not write.

Remedy: make room, or build as the owner of the folder.

Source: docs/build.md.
"""

BD006 = error("BD006", "another build is running")
"""Why: two builds at the same time would mix their maps. The second one ends without a change.

Example:
    a build while another build of the same folder runs.

Remedy: try again when the other one has finished.

Source: docs/build.md.
"""

BD007 = error("BD007", "what mailconf remembers of its builds cannot be read or written")
"""Why: without its records, mailconf knows neither what it built nor how to go back. It changes no map then.

Example:
    # main.cf
    virtual_alias_maps = hash:/etc/postfix/virtual
    # /etc/postfix/virtual
    info@example.com ann@example.com
    $ mailconf build /etc/postfix
    $ printf broken > /etc/postfix/.mailconf/journal.json
    $ mailconf build --force /etc/postfix

Remedy: remove the folder .mailconf, then build with --force.

Source: docs/build.md.
"""

BD008 = warning("BD008", "an earlier build was interrupted")
"""Why: a build that was interrupted, by a crash or a signal, left a part of its maps. The next build completes or
undoes it before it does anything else.

Example:
    a build after another one was killed while it put its maps in place.

Remedy: nothing; the message shows which of the two was done.

Source: docs/build.md.
"""

BD009 = error("BD009", "an interrupted build can be neither completed nor undone")
"""Why: the maps are of two generations: some of the interrupted build, some from before, and the backups to undo it
are gone.

Example:
    a build after another one was killed, and the folder .mailconf was removed in part.

Remedy: build with --force.

Source: docs/build.md.
"""

BD010 = error("BD010", "there is no earlier generation to go back to")
"""Why: --rollback puts the maps back that the last build replaced. mailconf keeps one generation, which does not exist:
nothing was built yet, or it was put back already.

Example:
    $ mailconf build --rollback /etc/postfix

Remedy: restore the sources from a backup, and build them.

Source: docs/build.md.
"""

BD015 = warning("BD015", "a map is written where another user can replace it, or has a second name")
"""Why: anybody who can write the map's folder can put another map in its place, and decide where mail goes. A second
name of the file keeps the old content.

Example:
    # main.cf
    virtual_alias_maps = hash:/etc/postfix/maps/virtual
    # /etc/postfix/maps/virtual
    info@example.com ann@example.com
    $ chmod 777 /etc/postfix/maps
    $ mailconf build /etc/postfix

Remedy: take the right away with chmod go-w.

Source: docs/departures.md; postfix(1) check reports such files of Postfix's own.
"""

BD016 = error("BD016", "records of builds that another user can write")
"""Why: mailconf goes by its records when it puts back or completes a build. It does not trust them where another user
can write them, and changes no map.

Example:
    # main.cf
    virtual_alias_maps = hash:/etc/postfix/virtual
    # /etc/postfix/virtual
    info@example.com ann@example.com
    $ mailconf build /etc/postfix
    $ chmod 777 /etc/postfix/.mailconf
    $ mailconf build --force /etc/postfix

Remedy: remove the folder .mailconf, or build as its owner.

Source: docs/build.md.
"""


@contextmanager
def diagnosed(store: Store, sink: Sink) -> Iterator[None]:
    """What can go wrong with the records becomes a diagnostic and ends the block."""
    folder = str(store.folder)
    try:
        yield
    except Busy as holder:
        sink.report(
            BD006,
            f"{holder} is building these maps",
            file=folder,
            tree=store.root,
            hint="try again when it has finished",
        )
    except Damaged as damage:
        sink.report(
            BD007,
            "this is not what mailconf wrote",
            file=str(damage),
            tree=store.root,
            hint="remove the folder it is in, then build with --force",
        )
    except Unsettled as lost:
        sink.report(
            BD009,
            f"the backups are gone of {lost}",
            file=folder,
            tree=store.root,
            hint="build with --force to have maps of one generation",
        )
    except NoPrevious:
        sink.report(
            BD010, "there is no generation to go back to: only the last one is kept", file=folder, tree=store.root
        )
    except Untrusted as failure:
        sink.report(
            BD016,
            f"{failure.strerror}: what it holds about earlier builds is not trusted",
            file=str(failure.filename or folder),
            tree=store.root,
            hint=f"no map was changed; remove {store.root.inside(folder)}, or build as its owner",
        )
    except OSError as failure:
        place = (
            f" ({store.root.inside(failure.filename)})" if failure.filename and str(failure.filename) != folder else ""
        )
        sink.report(BD007, f"{failure.strerror}{place}", file=folder, tree=store.root, hint="no map was changed")


def recover(store: Store, sink: Sink, *, dry_run: bool = False) -> None:
    """Settle a generation that was interrupted, and report it. The records are locked by the caller."""
    result = store.unfinished() if dry_run else store.recover()
    if result:
        verb = "would be" if dry_run else "was"
        sink.report(
            BD008, f"an earlier build was interrupted; it {verb} {result}", file=str(store.folder), tree=store.root
        )


def apply(
    compiled: Sequence[Built], store: Store, sink: Sink, progress: Callable[[str], Progress] | None = None
) -> bool:
    """Build every map, or none: one that cannot be written is reported and all keep their old content.

    The caller holds ``store.locked()`` and has recovered. ``progress`` makes a progress function for a map's name.
    Raises what `diagnosed` takes. True when the maps are in their places.
    """
    if not compiled:
        return True
    old = store.state()
    maps = dict(old.maps)
    failed = False
    _look_around(compiled, store.root, sink)
    journal = store.begin([each.target.target for each in compiled])
    try:
        for each, move in zip(compiled, journal.moves, strict=True):
            failed = not _stage(each, store.staged(move), store.root, sink, progress) or failed
            each.report(sink)
            maps[move.target] = each.record(store.root)
        if failed:
            store.undo(journal)
            return False
        store.commit(journal, BuildState(old.generation + 1, maps))
    except BaseException:  # the user's interrupt, too
        with suppress(OSError, Unsettled, Damaged):  # else it is settled by the next build
            store.recover()
        raise
    return True


def _look_around(compiled: Sequence[Built], root: Tree, sink: Sink) -> None:
    """Warn of what `mailconf.maps.build.target` warns of, of a folder once."""
    told: set[tuple[Path, str]] = set()
    for each in compiled:
        target = each.target
        if target.type not in writable_types():
            continue
        warnings: list[str] = []
        with suppress(OSError):  # a reason to refuse, which comes up when the map is written
            safe_target(target.target, warnings.append, follow=False)
        for text in warnings:
            what = text.removeprefix(f"{target.target}: ")
            if (target.target.parent, what) not in told:
                told.add((target.target.parent, what))
                span = target.uses[0].span if target.uses else None
                sink.report(BD015, f"{target.target_name}: {what}", span, file=str(target.target), tree=root)


def _stage(each: Built, staged: Path, root: Tree, sink: Sink, progress: Callable[[str], Progress] | None) -> bool:
    target = each.target
    try:
        each.stage(staged, progress(str(target.target)) if progress else None)
    except OSError as failure:
        span = target.uses[0].span if target.uses else None
        sink.report(
            BD003,
            f"{target.target_name} cannot be written: {failure.strerror}",
            span,
            hint="the old maps are as they were",
            file=str(target.target),
            tree=root,
        )
        return False
    return True
