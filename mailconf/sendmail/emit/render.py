"""The text of our sendmail.cf: templates/sendmail/*.j2 with a `Wanted`."""

from __future__ import annotations

import os
import re
from dataclasses import replace

from mailconf.diagnostics import Severity, Sink, declare
from mailconf.files import Tree
from mailconf.resources import resource
from mailconf.sendmail.emit.facts import facts_of
from mailconf.sendmail.emit.model import Wanted, wanted
from mailconf.sendmail.emit.own_library import own_library
from mailconf.sendmail.emit.rulesets import numbered
from mailconf.sendmail.mc.expansion import Expanded
from mailconf.sendmail.mc.mc import Mc, read
from mailconf.source import encode

SM055 = declare("SM055", Severity.NOTE, "a .cf is written with mailconf's own rulesets")
"""Why: sendmail's library of m4 macros is not installed. mailconf then writes the .cf by itself; it decides as the
library's does, as far as docs/sendmail-features.md says.

Example: on a machine without the package sendmail-cf, ``mailconf build /etc/mail`` reports each .mc.

Remedy: nothing; install the package sendmail-cf for the library's .cf, or ask for our own with --own-cf.

Source: docs/sendmail-features.md.
"""

_TOP = "sendmail.cf.j2"
_SECTION = "\x04"  # around the name of a section, until our rulesets have their numbers


def own_cf(mc: Mc, sink: Sink) -> bytes | None:
    """The .cf for a .mc that was read with `mailconf.sendmail.emit.own_library`; None if we have not all."""
    before = Sink()
    model = wanted(facts_of(mc), before)
    for diagnostic in before:
        sink.add(diagnostic)
    return None if before.failed else encode(render(model))


def own_expansion(
    mc: str | os.PathLike[str], sink: Sink, *, root: Tree, asked: bool, allow_shell: bool = False
) -> Expanded | None:
    """As `mailconf.sendmail.mc.expansion.expand_mc`, with our own .cf; ``asked``: not for want of a library.

    None when there is no such file; ``failed``, and without text, when it asks for what we do not have.
    """
    library = own_library()
    found = read(mc, library, sink, root=root, allow_shell=allow_shell)
    if found is None:
        return None
    text = None if found.expanded.failed else own_cf(found, sink)
    if text is not None and not asked:
        message = "there is no library of m4 macros for sendmail: the .cf has mailconf's own rulesets"
        sink.report(SM055, message, file=found.path, tree=root)
    reads = [each for each in found.expanded.reads if each.tree is not library.tree]
    failed = text is None
    return replace(found.expanded, cf=text or b"", calls=[], reads=reads, failed=failed, pieces=[])


def render(model: Wanted) -> str:
    """The text of the .cf."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: resource("templates", f"sendmail/{name}").decode()),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        # "{{" and "{#" would be macros and classes of the .cf.
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        line_statement_prefix="%%",
    )  # fmt: skip
    sections = model.facts.sections
    places = replace(model.facts, sections={name: f"{_SECTION}{name}{_SECTION}" for name in sections})
    text = environment.get_template(_TOP).render(site=model, has=model.has, value=model.value, facts=places)
    text = numbered(text, "\n".join(sections.values()))
    text = re.sub(f"{_SECTION}(\\w+){_SECTION}", lambda match: sections[match[1]], text)
    return re.sub(r"\n{3,}", "\n\n", text)
