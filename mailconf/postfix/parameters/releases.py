"""Which version of Postfix is spoken for: the one that is named, or the one that is installed.

What a version prints and does beside its parameters is here as "since": facts measured on the engines
(tests/vectors/words_*.jsonl). This module imports little: the table tools ask it.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MEANT = "3.7"  # where no version is named and none installed
SETTING = "MAILCONF_POSTFIX_VERSION"
PROGRAMS = ("/usr/sbin/postconf", "/usr/sbin/postqueue", "/usr/sbin/postlog")

NULLS_WARNED = (3, 9)  # of every text that consists of logical lines, in these words:
NULLS = "text after null byte may be ignored"
RESTRICTIONS_REMOVED = (3, 9)  # check_relay_domains, permit_naked_ip_address, reject_maps_rbl: smtpd names this release
# As measured on 3.7 and 3.10; what lies between is counted to 3.7.
UNKNOWN_TYPES_WARNED = (3, 10)  # an unknown type of table is a warning and then a fatal error
NO_DOMAIN_SAID = (3, 10)  # postalias: "name must be local and have no domain"
MALFORMED_HIDDEN = (3, 10)  # each byte that is not part of a character of UTF-8 is logged as a question mark
ONE_FROM_LINE = (3, 10)  # of the lines "From " on top of a message only the first becomes a field
MX_BACKUP_LEAVES = (3, 10)  # smtpd warns that permit_mx_backup will be removed
REPLIES_OF_ZONES = (3, 10)  # rbl_reply_maps: after a zone with its filter, the zone alone is looked for
URI_NAMES_DATABASE = (3, 10)  # a pgsql table needs no dbname where its hosts are URIs
HELP_ANSWERED = (3, 10)  # smtpd knows HELP
BLANK_COUNTED = (3, 10)  # smtpd counts lines without a command, and those that are no UTF-8, as unknown commands
EXCESS_ENDS = (3, 10)  # smtpd reads nothing more after a line, or chunks, of far more than the limit
DEPTH_NAMED = (3, 10)  # local: "recipient nesting limit exceeded", and :include: files in each other have a limit
IDENTITIES_WHOLE = (3, 10)  # reports refer to what the whole Message-ID field begins with, and bounce complains of none
ENDINGS_NAMED = (3, 10)  # "NOQUEUE: lost connection after ...", or the queue id


def version_numbers(release: str) -> tuple[int, int]:
    """Major and minor of "3.10", "3.10.13" or, of a snapshot, "3.11-20250729". Raises ValueError."""
    parts = release.partition("-")[0].split(".")
    if len(parts) not in (2, 3) or not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError(f'"{release}" is not a version of Postfix; write it as 3.10 or 3.10.13')
    return int(parts[0]), int(parts[1])


def named_release(named: str | None = None) -> str | None:
    """The release that the user named, by ``named`` or MAILCONF_POSTFIX_VERSION; None where no one is named."""
    return (os.environ.get(SETTING) or None) if named is None else named


def chosen_release(read: Callable[[str], bytes], named: str | None = None) -> str:
    """The release to speak for: ``named``, else MAILCONF_POSTFIX_VERSION, else the installed one, else "".

    ``read`` gives a file's content or raises OSError.
    """
    named = named_release(named)
    if named is not None:
        return named
    found = installed_release(read)
    try:
        version_numbers(found)
    except ValueError:  # no version, or one of a kind of its own
        return ""
    return found


def installed_release(read: Callable[[str], bytes]) -> str:
    """The release of the Postfix on this machine, "" when no program reports it.

    ``read`` gives a file's content or raises OSError. Postfix's programs carry their release in their data.
    """
    for program in PROGRAMS:
        try:
            data = read(program)
        except OSError:
            continue
        at = data.find(b"mail_version=")
        if at >= 0:
            return data[at + 13 :].split(b"\0", 1)[0].decode("ascii", "replace")
        at = data.find(b"\0003.")
        while at >= 0:
            text = data[at + 1 : at + 20].split(b"\0", 1)[0].decode("ascii", "replace")
            if text.count(".") == 2 and all(part.isdigit() for part in text.split(".")):
                return text
            at = data.find(b"\0003.", at + 1)
    return ""
