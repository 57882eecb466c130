"""Finds the files that ship with mailconf: ``grammars/`` and ``templates/``.

In a checkout they stand at the top; in an installed wheel below ``mailconf/_data``.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource(kind: str, name: str) -> Path:
    """The path of file ``name`` of ``kind`` ("grammars" or "templates"); FileNotFoundError if mailconf lacks it."""
    for top in (_PACKAGE / "_data", _PACKAGE.parent):
        path = top / kind / name
        if path.is_file():
            return path
    raise FileNotFoundError(f"mailconf ships no {kind}/{name}")
