"""A program of its own that becomes another one: under another root, in a folder that its user can enter (pipe(8)).

python -I -S command_start.py TELL KEPT UID GID ROOT FOLDER PROGRAM ARGUMENT...

KEPT is 1 where LC_CTYPE in the environment is not the interpreter's own. TELL is a descriptor: what fails is written
there, ``step NUL file NUL reason``, and the exit status is that of a temporary failure. This module imports the
standard library only.
"""

from __future__ import annotations

import fcntl
import os
import sys

EX_TEMPFAIL = 75


def main(arguments: list[str]) -> None:
    """Does not return, unless something fails; then it raises SystemExit."""
    tell, kept, uid, gid = map(int, arguments[:4])
    chroot, folder, *command = arguments[4:]
    if not kept:
        os.environ.pop("LC_CTYPE", None)
    fcntl.fcntl(tell, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    step, file = "chroot", chroot
    try:
        if chroot:
            os.chroot(chroot)
            os.chdir("/")
        step, file = "setuid", str(uid)
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        step, file = "chdir", folder
        if folder:
            os.chdir(folder)
        step, file = "execute", command[0]
        os.execvp(command[0], command)
    except OSError as error:
        os.write(tell, "\0".join((step, file, error.strerror or "")).encode(errors="surrogateescape"))
        raise SystemExit(EX_TEMPFAIL) from error


if __name__ == "__main__":
    main(sys.argv[1:])
