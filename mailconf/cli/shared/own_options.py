"""Our own long options of the tools of others (--root, ...), which may stand anywhere before ``--``."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailconf.files import Tree


class Missing(Exception):
    """An option has no value; the text is getopt_long's."""


def take_own(arguments: list[str], ours: Mapping[str, bool], valued: str) -> dict[str, str]:
    """Take our options off ``arguments``, a command line; what they were given, the last of each.

    ours    names with their dashes, and whether a value follows (``--root DIR`` or ``--root=DIR``)
    valued  the letters of the original's options that take a value: that value is never an option of ours

    Raises Missing.
    """
    found: dict[str, str] = {}
    kept: list[str] = []
    at = 0
    while at < len(arguments):
        word = arguments[at]
        at += 1
        if word == "--":
            kept += arguments[at - 1 :]
            break
        name, equals, value = word.partition("=")
        if name in ours and (ours[name] or not equals):
            if ours[name] and not equals:
                if at == len(arguments):
                    raise Missing(f"option '{name}' requires an argument")
                value = arguments[at]
                at += 1
            found[name] = value
            continue
        kept.append(word)
        if _wants_value(word, valued) and at < len(arguments):
            kept.append(arguments[at])
            at += 1
    arguments[:] = kept
    return found


def take_known(arguments: list[str], ours: Mapping[str, bool], valued: str) -> dict[str, str]:
    """`take_own`; an option without a value stays there, and the original's getopt complains."""
    try:
        return take_own(arguments, ours, valued) if any(word.startswith("--") for word in arguments) else {}
    except Missing:
        return {}


def take_root(arguments: list[str], valued: str) -> Tree:
    """Take ``--root DIR`` off ``arguments``; see `take_known`."""
    return root_of(take_known(arguments, {"--root": True}, valued))


def root_of(found: Mapping[str, str]) -> Tree:
    """What ``--root`` names. What is named on the command line may be a pipe."""
    from mailconf.files import Root

    return Root(found.get("--root", "/"), waits=True)


def _wants_value(word: str, valued: str) -> bool:
    """Whether ``word`` ends with an option whose value is the next word."""
    if len(word) < 2 or not word.startswith("-") or word.startswith("--"):
        return False
    for at, letter in enumerate(word[1:], 2):
        if letter in valued:
            return at == len(word)
    return False
