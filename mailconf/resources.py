"""Finds the files that ship with mailconf: the grammars' tables and ``templates/``.

In a checkout they are at the top; in an installed wheel below ``mailconf/_data``.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource(kind: str, name: str) -> Path:
    """The path of file ``name`` of ``kind``, "grammars/tables" or "templates"; FileNotFoundError if it is missing."""
    for top in (_PACKAGE / "_data", _PACKAGE.parent):
        path = top / kind / name
        if path.is_file():
            return path
    raise FileNotFoundError(f"mailconf ships no {kind}/{name}")
