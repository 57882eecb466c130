"""Who can change the content of a table: local(8) runs an alias's commands with the rights of that user.

For files it is the owner of what Postfix opens: the map, the text of rules, the file that names the server. What is
written in main.cf is root's. Tables within tables count together.
"""

from __future__ import annotations

from mailconf.files import Tree
from mailconf.maps.core.words import inside, split_braced
from mailconf.maps.reference import TableRef

_NESTING = 20


def owner(table: str, root: Tree, depth: int = 0) -> int | None:
    """The user id; 0 is root. None where it is unknown, or several users have a part in it.

    Below another root than ``/`` user ids mean nothing: it is 0.
    """
    if not root.is_real:
        return 0
    ref = TableRef.parse(table).direct
    if ref.kind.composite:
        if depth >= _NESTING:
            return None
        owners = {owner(member, root, depth + 1) for member in split_braced(inside(ref.name) or "")} - {0}
        return 0 if not owners else next(iter(owners)) if len(owners) == 1 else None
    if not ref.kind.named_file or not ref.name.startswith("/"):
        return 0
    try:
        return root.stat(ref.file).st_uid
    except OSError:
        return None
