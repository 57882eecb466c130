"""A .mc and the .cf that it expands to, read together: the meaning of each line of the .cf, at its place in the .mc."""

from __future__ import annotations

import os
from typing import NamedTuple

from mailconf.diagnostics import Sink
from mailconf.files import Root, Tree
from mailconf.sendmail.cf.configuration import Cf
from mailconf.sendmail.cf.lines import CfLine
from mailconf.sendmail.cf.read import mistakes, read_cf
from mailconf.sendmail.cf_mistakes import report_mistakes
from mailconf.sendmail.mc import mc as mc_file
from mailconf.sendmail.mc.library import Library
from mailconf.sendmail.mc.mc import Mc
from mailconf.source import Source, Span, decode


class McConfiguration(NamedTuple):
    """A .mc that was carried out, and the content of its .cf; nothing where the .mc was not `Mc.recorded`."""

    mc: Mc
    cf: Cf

    def span(self, line: CfLine) -> Span | None:
        """The place in the .mc, or in a file that it includes, from which a line comes; None for a default."""
        return self.mc.places.of_line(line.start, line.end)


def read(
    mc: str | os.PathLike[str],
    library: Library,
    sink: Sink,
    *,
    root: Tree | None = None,
    allow_shell: bool = False,
) -> McConfiguration | None:
    """Expand and read the .mc at ``mc`` (below ``root``); what is wrong with it goes to ``sink``.

    That includes the lines of the .cf at which sendmail stops. None when there is no such file. ``allow_shell`` as for
    `mailconf.sendmail.mc.expansion.expand_mc`.
    """
    found = mc_file.read(mc, library, sink, root=root, allow_shell=allow_shell)
    if found is None:
        return None
    source = Source(f"{found.path} (expanded)", decode(found.expanded.cf))
    cf = read_cf(source) if found.recorded else Cf(source, ())
    if not found.expanded.failed:
        wrong = cf.mistakes if found.recorded else mistakes(source)
        report_mistakes(source, wrong, found.places.of_character, found.path, sink, root or Root())
    return McConfiguration(found, cf)
