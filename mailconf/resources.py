"""Reads the files that ship with mailconf: the grammars' tables and ``templates/``.

In a checkout they are at the top; in an installed wheel below ``mailconf/_data``.
"""

from pathlib import Path

from mailconf.files import Root

_PACKAGE = Path(Root().resolve(__file__)).parent


def resource(kind: str, name: str) -> bytes:
    """The path of file ``name`` of ``kind``, "grammars/tables" or "templates"; FileNotFoundError if it is missing."""
    for top in (_PACKAGE / "_data", _PACKAGE.parent):
        try:
            return Root().read(top / kind / name)
        except FileNotFoundError:
            pass
    raise FileNotFoundError(f"mailconf ships no {kind}/{name}")
