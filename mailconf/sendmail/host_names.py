"""The names of this machine, as a .cf has them: class w, and what sendmail adds to it by itself."""

from __future__ import annotations

import os
from collections.abc import Iterator

from mailconf.diagnostics import Sink
from mailconf.files import Tree
from mailconf.sendmail.cf.configuration import Cf
from mailconf.source import Source, encode
from mailconf.tables.class_file import read_class

CLASS = "w"


def host_names(cf: Cf, root: Tree) -> set[bytes]:
    """The names in lower case; files of class w are read below ``root``, commands and maps are not asked.

    Departure: the name server is not asked for further names.
    """
    names = {b"localhost", os.fsencode(os.uname().nodename).lower()}
    if cf.value("DontProbeInterfaces")[:1].lower() not in ("t", "y"):
        names.add(b"[127.0.0.1]")
    names.update(encode(word.text).lower() for word in cf.members(CLASS))
    for file in cf.class_files:
        if file.name == CLASS and file.is_file:
            names.update(_words(root, file.source))
    return names


def _words(root: Tree, name: str) -> Iterator[bytes]:
    """The words of a class file; empty where it cannot be read."""
    try:
        source = Source.read(root, name)
    except OSError:
        return
    for entry in read_class(source, Sink()):
        yield encode(entry.key).lower()
