"""/etc/hosts.allow and /etc/hosts.deny, which a sendmail with libwrap asks before it talks to a client (tcpd(8)).

Debian's sendmail is linked with libwrap; that of RHEL has not been since release 8, whose systems have no libwrap. The
program that is installed below the root shows which; where there is no program, the files are read. They belong to the
machine, not to the folder: for a copy of an /etc/mail elsewhere they mean nothing.
"""

from __future__ import annotations

import errno

from mailconf.diagnostics import Sink, error
from mailconf.files import Tree
from mailconf.source import Source
from mailconf.tables.sendmail_roles import read_sendmail_table

CK022 = error("CK022", "hosts.allow or hosts.deny cannot be read")
"""Why: a sendmail with libwrap asks these files before it talks to a client. It takes one that it cannot read for a
file without rules: what hosts.deny refuses is let in.

Example:
    $ mkdir /etc/hosts.deny
    $ mailconf check /etc/mail

Remedy: make it a regular file that everybody can read.

Source: hosts_access(5); observed with sendmail 8.17.1.9, which Debian links with libwrap.
"""

FOLDER = "/etc/mail"
FILES = ("/etc/hosts.allow", "/etc/hosts.deny")
PROGRAMS = (
    "/usr/libexec/sendmail/sendmail",  # Debian
    "/usr/sbin/sendmail.sendmail",  # RHEL
    "/usr/sbin/sendmail-mta",
    "/usr/lib/sendmail",
    "/usr/sbin/sendmail",
)
_LIBRARY = b"libwrap.so"


def hosts_files(directory: str, root: Tree, sink: Sink) -> None:
    """Report what is wrong with the files of the machine whose configuration is in ``directory``, if they count."""
    if directory.rstrip("/") != FOLDER:
        return
    there = [path for path in map(root.path, FILES) if root.exists(path)]
    if not there or not _are_asked(root):
        return
    for path in there:
        try:
            if not root.is_file(path):  # a pipe may never end
                raise OSError(errno.EINVAL, "it is no file")
            source = Source.read(root, path)
        except OSError as failure:
            hint = "sendmail takes it for one without rules"
            message = f"{root.inside(path)} cannot be read: {failure.strerror}"
            sink.report(CK022, message, file=str(path), tree=root, hint=hint)
            continue
        read_sendmail_table(path.name, source, sink)


def _are_asked(root: Tree) -> bool:
    found = [_reads(root, program) for program in PROGRAMS if root.is_file(program)]
    return not found or any(found)


def _reads(root: Tree, program: str) -> bool:
    try:
        return _LIBRARY in root.read(program)
    except OSError:
        return True  # unknown
