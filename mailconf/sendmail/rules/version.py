"""The versions of sendmail whose behaviour is recorded, and what differs between them.

8.17.1.9 (Debian 12) and 8.18.1 (Debian 13) were asked the same 6,128 prompts of address test mode and 192 mistakes of a
.cf: they differ in their own number, and in the reason why no LDAP server answers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mailconf.files import Tree

LEVEL = 10  # of configurations that it knows
VARIABLE = "MAILCONF_SENDMAIL_VERSION"
_PLACES = ("/usr/share/sendmail/cf", "/usr/share/sendmail-cf")  # of the macros, which say whose they are
_NUMBER = re.compile(rb"^DZ([0-9]+\.[0-9]+)", re.MULTILINE)
_MOST = 1 << 16  # bytes of a file


class SendmailVersion(NamedTuple):
    """A version.

    release      as it is named: 8.17
    number       as it names itself: $v
    no_ldap      why no LDAP server on this machine answers
    """

    release: str
    number: str
    no_ldap: str


VERSIONS = {
    version.release: version
    for version in (
        SendmailVersion("8.17", "8.17.1.9", "Transport endpoint is not connected"),
        SendmailVersion("8.18", "8.18.1", "Can't contact LDAP server"),
    )
}
DEFAULT = VERSIONS["8.17"]


def version_of(named: str) -> SendmailVersion:
    """The version of this release or number, "8.17" or "8.17.1.9". ValueError with what is known."""
    release = ".".join(named.split(".")[:2])
    known = VERSIONS.get(release)
    if known is None or named not in (release, known.number):
        raise ValueError(f"the version {named} of sendmail is not known; known are {', '.join(VERSIONS)}")
    return known


def chosen_version(root: Tree, named: str | None = None) -> SendmailVersion:
    """The version that is meant: ``named``, else MAILCONF_SENDMAIL_VERSION, else the installed one, else 8.17.

    An installed one that is not recorded is spoken for as 8.17. Raises ValueError.
    """
    import os

    named = named if named is not None else os.environ.get(VARIABLE) or None
    if named is not None:
        return version_of(named)
    for place in _PLACES:
        try:
            found = _NUMBER.search(root.read(f"{place}/m4/version.m4", _MOST))
        except OSError:
            continue
        if found is not None:
            return VERSIONS.get(found[1].decode(), DEFAULT)
    return DEFAULT
