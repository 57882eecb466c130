"""Who owns the files of an installed Postfix, who may write them, and what lies in its queue that should not.

See mailconf.check.machine.installation. Where many files of a folder have the same fault, the first are named, and the
others counted.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable
from pathlib import Path

from mailconf.check.machine.accounts import Accounts
from mailconf.check.machine.trees import FoundFile, is_file, is_folder, itself, resolve, walk
from mailconf.check.subject import Subject
from mailconf.diagnostics import Code, Sink, warning
from mailconf.files import Tree, TreePlace

CK062 = warning("CK062", "a file or folder has the wrong owner or group")
"""Why: a file of the mail system that belongs to another user can be changed by that user: programs and configuration
decide what runs with root's rights. The queue's folders that do not belong to mail_owner cannot be used by Postfix.

Example:
    $ chown nobody /etc/postfix/main.cf

Remedy: give the file to the owner that the message names; `postfix set-permissions` sets all of them.

Source: postfix(1) check, set-permissions; the warnings of `postfix check` of 3.7.11 ("not owned by root").
"""

CK063 = warning("CK063", "a file can be written or read by others")
"""Why: everybody on the machine can change the file, or read a private key. Who can write the configuration of Postfix
can run commands with the rights of others.

Example:
    $ chmod 666 /etc/postfix/main.cf

Remedy: take the right away with chmod go-w, of a private key with chmod 600.

Source: postfix(1) check; the warnings of `postfix check` of 3.7.11 ("group or other writable"); TLS_README on private
keys.
"""

CK065 = warning("CK065", "a symbolic link leads out of its folder, or to nothing")
"""Why: the file to which a symbolic link leads may lie where others can write; its owner and mode are not those of the
link. A link that leads to nothing is a file that is missing.

Example:
    $ ln -s /home/ann/transport /etc/postfix/transport

Remedy: put the file itself there, or remove the link.

Source: postfix(1) check; the warnings of `postfix check` of 3.7.11 ("symlink leaves directory").
"""

CK066 = warning("CK066", "a copy in the queue folder, for chrooted services, differs from the file")
"""Why: services with y in the chroot column see the copies in the queue folder in place of /etc and /lib. After a
change of the original, such as of resolv.conf, they go on with the old copy.

Example:
    # /etc/resolv.conf
    nameserver 192.0.2.1
    # /var/spool/postfix/etc/resolv.conf
    nameserver 192.0.2.99

Remedy: copy the file again, or start Postfix with a script that does so.

Source: master(5) chroot; BASIC_CONFIGURATION_README, "Running Postfix daemon processes chrooted"; `postfix check` of
3.7.11.
"""

CK067 = warning("CK067", "a file in the queue is damaged, or is no message")
"""Why: Postfix moves a queue file that it cannot read to the queue corrupt, and never delivers it. A file with another
name than a queue file has was put there by somebody else.

Example:
    $ touch /var/spool/postfix/deferred/message.txt

Remedy: look at a damaged message with postcat(1), then remove it or move it to maildrop; remove other files.

Source: postsuper(1); postfix(1) check, which reports damaged messages.
"""

CK068 = warning("CK068", "there are two different sendmail programs")
"""Why: programs hand mail to /usr/sbin/sendmail or /usr/lib/sendmail. Where the two are different programs, a part of
the mail goes to another mail system than was meant.

Example:
    # /usr/sbin/sendmail
    the program of Postfix
    # /usr/lib/sendmail
    the program that was there before

Remedy: replace one of the two by a symbolic link to the other.

Source: `postfix check` of 3.7.11, which compares the two.
"""

OWNED_QUEUES = (
    *("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "public", "saved"),
    "trace",
)
GROUP_FOLDERS = ("public", "maildrop")
SETGID_PROGRAMS = ("postqueue", "postdrop")
COPIES = ("bin", "etc", "lib", "sbin", "usr")
SENDMAILS = ("/usr/lib/sendmail", "/usr/sbin/sendmail")
# Queues whose files postsuper(1) looks at.
MESSAGES = ("active", "bounce", "defer", "deferred", "flush", "hold", "incoming", "maildrop")
MOST_NAMED = 10  # files with the same fault in the same tree that are named one by one

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_SETGID_MODE = stat.S_ISGID | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH
_MESSAGE = re.compile("[0-9A-Za-z_]{2,}")
_MAKEDEFS = "makedefs.out"  # Debian's is a link


class Files:
    """The files of one installation; what is wrong with them goes to ``sink``."""

    def __init__(self, subject: Subject, accounts: Accounts, sink: Sink) -> None:
        self._subject = subject
        self._sink = sink
        configuration = subject.configuration
        self._owner_name = configuration.value("mail_owner")
        self._group_name = configuration.value("setgid_group")
        owner = accounts.user(self._owner_name)
        self._owner = owner.number if owner else None
        self._group = accounts.group(self._group_name)
        root = subject.root
        self._owners_count = root.is_real or root.stat(TreePlace(root.top), follow=False).st_uid == 0
        self._queue = queue_folder(subject)

    def check(self, *, shared: bool) -> None:
        """Look at all of them; ``shared``: also at the programs, which several instances have in common."""
        self._root_folders()
        for tree in self._root_trees(shared=shared):
            self._root_tree(tree)
        self._data_tree()
        for name in (*OWNED_QUEUES, "maildrop"):
            self._queue_tree(name)
        self._group_files(shared=shared)
        self._copies()
        if shared:
            self._sendmails()

    def _root_folders(self) -> None:
        for path in (self._queue, self._queue / "pid"):
            found = itself(path, self._subject.root)
            self._owned(path, found, 0, "root")
            self._writable(path, (each for each in found if each.status.st_mode & OTHERS_WRITE))

    def _root_trees(self, *, shared: bool) -> list[Path]:
        """The trees that belong to root, without those that lie in another one."""
        configuration, root = self._subject.configuration, self._subject.root
        names = [configuration.directory]
        if shared:
            names += [configuration.value(name) for name in ("daemon_directory", "meta_directory", "shlib_directory")]
        paths = sorted({root.path(name) for name in names if name.startswith("/")})
        return [path for path in paths if not any(path != other and path.is_relative_to(other) for other in paths)]

    def _root_tree(self, tree: Path) -> None:
        root = self._subject.root
        files = list(walk(tree, root, at=resolve(tree, root)))
        self._owned(tree, files, 0, "root")
        followed = list(walk(tree, root, follow=True, at=resolve(tree, root)))
        self._writable(tree, (each for each in followed if each.behind and each.behind.st_mode & OTHERS_WRITE))
        lost = [each.path for each in followed if each.behind is None]
        self._report(CK065, tree, lost, "is a symbolic link to nothing", "remove it, or make what it leads to")
        leaving = [each.path for each in files if each.is_link and _leaves(root, each.place)]
        hint = "put the file itself there: anybody who can write the file that the link names can change Postfix"
        self._report(CK065, tree, leaving, "is a symbolic link that leads out of its folder", hint)

    def _data_tree(self) -> None:
        root = self._subject.root
        path = data_folder(self._subject)
        files = list(walk(path, root, at=resolve(path, root)))
        self._owned(path, files, self._owner, self._owner_name)
        links = [each for each in files if each.is_link]
        self._report(CK065, path, (each.path for each in links), "is a symbolic link", "remove it")
        self._writable(path, (each for each in files if each.status.st_mode & OTHERS_WRITE and not each.is_link))

    def _group_files(self, *, shared: bool) -> None:
        if self._group is None or not self._owners_count:
            return
        root = self._subject.root
        folder = root.path(self._subject.configuration.value("command_directory"))
        programs = [each for name in SETGID_PROGRAMS for each in itself(folder / name, root)] if shared else []
        folders = [each for name in GROUP_FOLDERS for each in itself(self._queue / name, root)]
        for each in (*programs, *folders):
            if each.status.st_gid != self._group:
                hint = "run postfix set-permissions"
                self._report(CK062, each.path, [each.path], f"does not belong to the group {self._group_name}", hint)
        for each in programs:
            if each.status.st_mode & _SETGID_MODE != _SETGID_MODE:
                message = f"is not set-group-ID {self._group_name}, or not everybody may run it"
                self._report(CK062, each.path, [each.path], message, "run postfix set-permissions")

    def _copies(self) -> None:
        """What chrooted services see of the machine (postconf(5) queue_directory, master(5) chroot)."""
        root = self._subject.root
        for name in COPIES:
            top = self._queue / name
            if not is_folder(top, root):
                continue
            files = list(walk(top, root))
            self._owned(top, files, 0, "root")
            for path in (each.path for each in files if stat.S_ISREG(each.status.st_mode)):
                original = resolve(root.path("/" + str(path.relative_to(self._queue))), root)
                if is_file(original, root) and not _same(root, path, original):
                    message = f"{root.inside(path)} and {root.inside(original)} differ"
                    hint = "copy it again: services that run chrooted read the copy"
                    self._sink.report(CK066, message, hint=hint, file=str(path), tree=root)

    def _queue_tree(self, name: str) -> None:
        """One of the queues. A file in maildrop belongs to the user who sends the mail."""
        path = self._queue / name
        files = list(walk(path, self._subject.root))
        owned = files[:1] if name == "maildrop" else files
        self._owned(path, (each for each in owned if not _is_channel(each)), self._owner, self._owner_name)
        if name == "corrupt":
            damaged = (each.path for each in files if stat.S_ISREG(each.status.st_mode))
            hint = "look at it with postcat(1); then remove it, or move it to maildrop to try again"
            self._report(CK067, path, damaged, "is a damaged message", hint)
        if name in MESSAGES:
            others = (each.path for each in files if not stat.S_ISDIR(each.status.st_mode))
            strange = (path for path in others if not _MESSAGE.fullmatch(path.name))
            self._report(CK067, path, strange, "is no message: no queue file has such a name", "remove it")

    def _sendmails(self) -> None:
        root = self._subject.root
        one, other = (resolve(root.path(name), root) for name in SENDMAILS)
        if is_file(one, root) and is_file(other, root) and not _same(root, one, other):
            message = f"{SENDMAILS[0]} and {SENDMAILS[1]} differ"
            hint = "replace one by a symbolic link to the other, else programs hand mail to two systems"
            self._sink.report(CK068, message, hint=hint, file=str(root.path(SENDMAILS[0])), tree=root)

    def _owned(self, tree: Path, files: Iterable[FoundFile], owner: int | None, name: str) -> None:
        if owner is None or not self._owners_count:
            return
        wrong = (each.path for each in files if each.status.st_uid != owner)
        self._report(CK062, tree, wrong, f"does not belong to {name}", f"run chown {name} on it")

    def _writable(self, tree: Path, files: Iterable[FoundFile]) -> None:
        paths = (each.path for each in files)
        self._report(CK063, tree, paths, "can be written by its group or by everybody", "run chmod go-w on it")

    def _report(self, code: Code, tree: Path, paths: Iterable[Path], words: str, hint: str) -> None:
        """The same of several files of a tree: the first are named, the others counted."""
        inside = self._subject.root.inside
        paths = list(paths)
        few = paths if len(paths) <= MOST_NAMED + 1 else paths[:MOST_NAMED]
        for path in few:
            self._sink.report(code, f"{inside(path)} {words}", hint=hint, file=str(path), tree=self._subject.root)
        if len(few) < len(paths):
            message = f"the same of {len(paths) - len(few)} other files below {inside(tree)}: {words}"
            self._sink.report(code, message, hint=hint, file=str(tree), tree=self._subject.root)


def queue_folder(subject: Subject) -> Path:
    return resolve(subject.root.path(subject.configuration.value("queue_directory")), subject.root)


def data_folder(subject: Subject) -> Path:
    """A relative one lies in the queue folder, where Postfix works."""
    name = subject.configuration.value("data_directory")
    return subject.root.path(name) if name.startswith("/") else queue_folder(subject) / name


def _is_channel(found: FoundFile) -> bool:
    return stat.S_ISFIFO(found.status.st_mode) or stat.S_ISSOCK(found.status.st_mode)


def _leaves(root: Tree, link: Path) -> bool:
    return link.name != _MAKEDEFS and "/" in root.link(TreePlace(link))


def _same(root: Tree, one: Path, other: Path) -> bool:
    try:
        places = [TreePlace(path) for path in (one, other)]
        sizes, digests = map(root.stat, places), map(root.digest, places)
        return len({status.st_size for status in sizes}) == 1 and len(set(digests)) == 1
    except OSError:
        return True  # as far as can be seen
