"""Names of virtual mailboxes: paths below virtual_mailbox_base (virtual(8), postconf(5) virtual_mailbox_maps)."""

from __future__ import annotations


def below(name: str) -> str | None:
    """``name`` without ``..``; None where it leads out of the folder that it is relative to.

    A name without ``..`` stays as it is. Slashes at the start mean nothing: Postfix puts the folder before every name.
    """
    words = name.split("/")
    if ".." not in words:
        return name
    kept: list[str] = []
    for word in words:
        if word == "..":
            if not kept:
                return None
            kept.pop()
        elif word not in ("", "."):
            kept.append(word)
    # What ends in a slash, or in "." or "..", is a folder: a Maildir.
    folder = "/" if words[-1] in ("", ".", "..") else ""
    return "/".join(kept) + folder if kept else None
