"""A .mc for which there is no library of m4 macros, with the .cf that mailconf writes of it: what the rules look at.

A line of that .cf comes from no place of the .mc; it gets that of the statement that sets what the line sets.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mailconf.check.sendmail.subject import Written
from mailconf.diagnostics import Sink
from mailconf.sendmail.cf.lines import CfLine
from mailconf.sendmail.cf.read import read_cf
from mailconf.sendmail.emit.conf_names import CONF_NAMES
from mailconf.sendmail.emit.own_library import own_library
from mailconf.sendmail.mc.mc import Mc, read
from mailconf.sendmail.site import site_of_own
from mailconf.source import Source, Span, decode

if TYPE_CHECKING:
    from mailconf.files import Tree
    from mailconf.sendmail.mc.expansion import Expanded

_OPTIONS = {option: name for name, option, _ in CONF_NAMES}
_OPTIONS |= {"AliasFile": "ALIAS_FILE", "QueueDirectory": "QUEUE_DIR", "HelpFile": "HELP_FILE"}
_MACROS = {"j": "confDOMAIN_NAME", "S": "SMART_HOST", "H": "MAIL_HUB", "R": "LOCAL_RELAY", "L": "LUSER_RELAY"}
_STATEMENTS = {  # that set a macro, or the members of a class
    ("D", "M"): "MASQUERADE_AS",
    ("C", "w"): "LOCAL_DOMAIN",
    ("C", "M"): "MASQUERADE_DOMAIN",
    ("C", "N"): "MASQUERADE_EXCEPTION",
    ("C", "E"): "EXPOSED_USER",
    ("C", "R"): "RELAY_DOMAIN",
    ("C", "G"): "GENERICS_DOMAIN",
    ("C", "VirtHost"): "VIRTUSER_DOMAIN",
    ("C", "TrustAuthMech"): "TRUST_AUTH_MECH",
}


def own_written(path: Path, expanded: Expanded, root: Tree) -> Written | None:
    """What the .mc at ``path`` comes to with the .cf that mailconf has written; None where it cannot be read."""
    mc = read(path, own_library(), Sink(), root=root)
    if mc is None or not mc.recorded:
        return None
    cf = read_cf(Source(f"{mc.path} (expanded)", decode(expanded.cf)))
    return Written(cf, site_of_own(cf, mc, _places(mc)), root, mc, own=True)


def _places(mc: Mc) -> Callable[[CfLine], Span | None]:
    defined = {call.argument(1): call.span for call in mc.named("define") if call.arguments}
    calls = {name: list(mc.named(name)) for name in set(_STATEMENTS.values())}

    def place(line: CfLine) -> Span | None:
        letter, rest = line.text[:1], line.text[1:]
        if letter == "O":
            return defined.get(_OPTIONS.get(rest.strip().partition("=")[0].strip(), ""))
        name, value = _named(rest)
        if letter == "D" and name in _MACROS:
            return defined.get(_MACROS[name])
        found = calls.get(_STATEMENTS.get((letter, name), ""), [])
        words = value.split()
        return next((call.span for call in found if not words or any(word in call.argument(1) for word in words)), None)

    return place


def _named(text: str) -> tuple[str, str]:
    """The name of a macro or class at the beginning of ``text``, and what follows it."""
    if text.startswith("{"):
        name, _, rest = text[1:].partition("}")
        return name, rest
    return text[:1], text[1:]
