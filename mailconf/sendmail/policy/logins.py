"""Who knows the clients' logins, by a sendmail.cf and the SASL library's Sendmail.conf.

A line of Sendmail.conf is ``key: value``, one that begins with "#" a comment. Of the keys count pwcheck_method,
auxprop_plugin, mech_list, sasldb_path and saslauthd_path.

Source: Sendmail Installation and Operation Guide 5.6 (AuthMechanisms, AuthOptions, AuthRealm); Cyrus SASL 2.1.28.
"""

from __future__ import annotations

import re
import stat
from typing import TYPE_CHECKING, NamedTuple

from mailconf.model.security import SaslLogins
from mailconf.sendmail.policy.keys import trusted_folders
from mailconf.sendmail.rules.safe_path import check_file
from mailconf.sendmail.rules.world import Unable
from mailconf.smtp.sasl_server import MECHANISMS, left

if TYPE_CHECKING:
    from mailconf.files import Root
    from mailconf.sendmail.policy.session_state import SessionState
    from mailconf.sendmail.policy.settings import Compiled
    from mailconf.sendmail.rules.book import Rulebook

_PLACES = ("/etc/sasl2", "/etc/sasl", "/usr/lib/sasl2")
_DATABASE, _SOCKET = "/etc/sasldb2", "/run/saslauthd/mux"
_INSTALLED = MECHANISMS - {"EXTERNAL"} | {"NTLM", "ANONYMOUS"}  # the library's usual modules
_LINE = re.compile(r"([A-Za-z0-9_]+):[ \t]*(.*?)[ \t]*\Z")
_MOST = 65_536  # bytes of Sendmail.conf
# The mechanisms of this build without a library's further ones, where the configuration names none.
_USUAL = "EXTERNAL GSSAPI KERBEROS_V4 DIGEST-MD5 CRAM-MD5"


class Found(NamedTuple):
    """``logins`` is None where nobody can log in; ``lines`` are for the log."""

    logins: SaslLogins | None
    lines: tuple[str, ...] = ()


def logins(book: Rulebook, root: Root, hostname: str) -> Found:
    """Who knows the logins."""
    try:
        told = _told(root)
    except ValueError as error:
        return Found(None, (f"AUTH is not served: {error}",))
    plugin = told.get("auxprop_plugin", "sasldb").split()
    database = told.get("sasldb_path", _DATABASE) if "sasldb" in plugin else ""
    lines = []
    if database and root.exists(database):
        try:
            _check(book, root, database)
        except Unable as unable:
            lines.append(f"error: safesasl({database}) failed: {unable.reason}")
            database = ""
    mechanisms = told.get("mech_list")
    return Found(
        SaslLogins(
            realm=book.options.get("AuthRealm", "").strip() or hostname,
            methods=tuple(told.get("pwcheck_method", "auxprop").split()),
            database=database,
            socket=told.get("saslauthd_path", _SOCKET),
            mechanisms=None if mechanisms is None else frozenset(mechanisms.upper().split()),
        ),
        tuple(lines),
    )


def _told(root: Root) -> dict[str, str]:
    """The values of the first Sendmail.conf that there is. Raises ValueError for one that has another form."""
    for place in _PLACES:
        name = f"{place}/Sendmail.conf"
        if not root.is_file(name):
            continue
        try:
            text = root.read(name, _MOST).decode("latin-1")
        except OSError as failure:
            raise ValueError(f"{name} cannot be read: {failure.strerror}") from failure
        found: dict[str, str] = {}
        for line in text.splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            match = _LINE.match(line)
            if match is None:
                raise ValueError(f"{name} has a line of another form")
            found[match[1].lower()] = match[2]
        return found
    return {}


def _check(book: Rulebook, root: Root, name: str) -> None:
    """Raises Unable for a file of passwords that others can read or write."""
    check_file(root, name, trusted_folders(book))
    mode = root.stat(name).st_mode
    if mode & stat.S_IRGRP and not book.blames("groupreadablesasldbfile"):
        raise Unable("Group readable file")
    if mode & stat.S_IWGRP and not book.blames("groupwritablesasldbfile"):
        raise Unable("Group writable file")
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        raise Unable("World readable file")


def count(known: SaslLogins | None) -> int:
    """How many mechanisms the library has: with one more AUTH than that a client waits."""
    return len(_INSTALLED if known is None or known.mechanisms is None else known.mechanisms & _INSTALLED)


def left_to(policy: Compiled, session: SessionState) -> frozenset[str]:
    """The mechanisms by which a client could log in, as far as the library goes; in upper case."""
    options = policy.book.options.get("AuthOptions", "").replace(",", " ")
    found = left(options, secured=bool(session.session.tls_protocol))
    known = policy.site.logins
    if isinstance(known, SaslLogins) and known.mechanisms is not None:
        found &= known.mechanisms | {"EXTERNAL"}
    return found if session.macros.named("verify") == "OK" else found - {"EXTERNAL"}


def offered_to(policy: Compiled, session: SessionState) -> list[str]:
    """Those of them that the configuration allows, as it writes them."""
    left_ = left_to(policy, session)
    wanted = policy.book.options.get("AuthMechanisms", _USUAL).split()
    return [name for name in wanted if name.upper() in left_]
