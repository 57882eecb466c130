"""Which configurations the arguments of ``mailconf check`` mean, and in which tree each is read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import click

from mailconf.cli.own.site import is_etc_mail
from mailconf.files import Mounted, Overlay, Root, Tree

MOST_ABOVE = 16  # folders above a file in which its configuration is looked for


class CheckedSite(NamedTuple):
    """A configuration: its folder as the configuration calls it, the tree, and what the summary calls it."""

    directory: str
    tree: Tree
    shown: str


def sites_of(paths: tuple[str, ...], root: str, known_as: str | None) -> list[CheckedSite]:
    """The configurations, each once. Raises click.UsageError.

    A folder is a configuration of the machine, or below ``root``; with ``known_as``, and for each file, it is a folder
    with nothing beside it (`Mounted`). One file with the name of a file is that file over the machine's others.
    """
    if known_as is not None and not known_as.startswith("/"):
        raise click.UsageError(f"--as {known_as}: the name begins with a slash, as in /etc/postfix.")
    if known_as is not None and root != "/":
        raise click.UsageError("--as and --root are two ways to say where a configuration lies: give one.")
    folders = [path for path in paths if not Root(root).is_file(path)]
    files = [path for path in paths if path not in folders]
    if known_as is not None and len(paths) == 1 and files and "." in Path(known_as).name:
        return [_over(files[0], known_as)]
    found = {path: _folder(path, root, known_as) for path in folders}
    for path in files:
        folder = _above(Root(root).path(path), root)
        found.setdefault(str(folder), _mounted(folder, known_as))
    if known_as is not None and len(found) > 1:
        raise click.UsageError(f"--as {known_as}: there are {len(found)} configurations, which cannot all be that one.")
    return list(found.values())


def _folder(path: str, root: str, known_as: str | None) -> CheckedSite:
    return CheckedSite(path, Root(root), path) if known_as is None else _mounted(Path(path), known_as)


def _mounted(folder: Path, known_as: str | None) -> CheckedSite:
    if known_as is None:
        postfix = Root().exists(folder / "main.cf") or not is_etc_mail(folder, Root())
        known_as = "/etc/postfix" if postfix else "/etc/mail"
    return CheckedSite(known_as, Mounted(folder, known_as), str(folder))


def _above(path: Path, root: str) -> Path:
    """The nearest folder above a file in which there is a configuration; the file's own where there is none."""
    folder = path.parent
    for _ in range(MOST_ABOVE):
        if Root().is_file(folder / "main.cf") or is_etc_mail(folder, Root()):
            return folder
        if folder == folder.parent or str(folder) == root:
            break
        folder = folder.parent if folder != Path() else Path()
        if folder == Path():
            break
    if Root().is_file(folder / "main.cf") or is_etc_mail(folder, Root()):
        return folder
    return path.parent


def _over(path: str, known_as: str) -> CheckedSite:
    """The machine's configuration with the file ``path`` in the place of ``known_as``."""
    try:
        text = Root().read(path)
    except OSError as failure:
        raise click.UsageError(f"{path}: {failure.strerror}.") from failure
    folder = os.path.dirname(known_as)  # noqa: PTH120 - a name of the configuration, not of this disk
    return CheckedSite(folder, Overlay(Root(), {known_as: text}), path)
