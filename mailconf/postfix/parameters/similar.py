"""Names that may be meant where a name means nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping

_LONG = 8  # characters; a shorter name may differ in one, a longer one in two


def similar(name: str, names: Collection[str]) -> str:
    """The one of ``names`` that ``name`` may be a misspelling of, or "": other letter case, quotes, a letter or two.

    Names that only share long parts are not alike: mua_client_restrictions, smtpd_client_restrictions.
    """
    from mailconf.diagnostics import alike

    plain = name.strip("\"'")
    if plain != name or plain.lower() != name:
        for other in (plain, plain.lower()):
            if other in names:
                return other
    near = alike(name, names, n=3, cutoff=0.8)
    most = 2 if len(name) >= _LONG else 1
    return next((other for other in near if _distance(name, other) <= most), "")


def glued(name: str, names: Mapping[str, object]) -> tuple[str, str]:
    """The two of which ``name`` is made: any word, and one of ``names``, the longest there is; or ("", "")."""
    for at in range(1, len(name)):
        if name[at:] in names:
            return name[:at], name[at:]
    return "", ""


def _distance(one: str, other: str) -> int:
    """How many letters are wrong, missing, too many, or change places with the next."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, row, last = row, [i], before
        for j, found in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != found))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == found:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
