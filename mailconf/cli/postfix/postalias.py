"""``postalias``: builds, changes and queries alias databases, as postalias(1) of Postfix 3.7 does.

It is postmap (`mailconf.cli.postfix.postmap`, with its departures) for another text: `mailconf.tables.aliases` has the
format and the entries that the tool adds. With -i they replace the old ones; without it, an alias of the same name
comes first.
"""

from __future__ import annotations

import re

from mailconf.cli.postfix.postfix_tool import Messages, Tool, ToolFatal, read_settings
from mailconf.cli.postfix.postmap import run_tool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mailconf.files import Tree

TOOL = Tool(
    flags="Nfijnoprsuvw",
    usage="[-Nfinoprsuvw] [-c config_dir] [-d key] [-q key] [map_type:]file...",
    between=b":\t",
    aliases=True,
)
EX_TEMPFAIL = 75  # sysexits.h


def run(name: str, arguments: list[str]) -> int:
    """Run ``postalias arguments``; ``name`` is what the program was called as. The exit status."""
    return run_tool(TOOL, name, arguments)


def rebuild_alias_databases(
    directory: str | None, root: Tree, name: str = "newaliases", version: str | None = None
) -> int:
    """Rebuild each table of alias_database, as Postfix's newaliases(1) does; the exit status.

    ``directory`` holds main.cf (None: $MAIL_CONFIG, else /etc/postfix), ``name`` is what the program was called as,
    ``version`` the Postfix whose words are meant, where one is named.
    """
    messages = Messages(name)
    messages.root, messages.release = root, version
    try:
        messages.check_version()
        tables = read_settings(directory, root, messages).value("alias_database")
    except ToolFatal as failure:
        messages.fatal(str(failure))
        return EX_TEMPFAIL
    words = [word for word in re.split(r"[, \t\r\n]+", tables) if word]
    if not words:
        return 0
    place = ["--root", str(root.top)] if not root.is_real else []
    place += ["--postfix-version", version] if version is not None else []
    return run("postalias", [*place, *(["-c", directory] if directory else []), "--", *words])
