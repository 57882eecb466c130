"""An installed Postfix, as ``postfix check`` looks at it: its folders, its users, who owns and who may write its files.

It is looked at only where a Postfix is installed below the root ($daemon_directory is there, and a user database) and
the configuration is its own: /etc/postfix, or one of multi_instance_directories, which shares the programs of the
first. A copy in somebody's working folder is theirs; of it, only the users that it names count. Below a root that
does not belong to root, in a tree that somebody has unpacked, owners do not count, and only permissions are looked at.

What ``postfix check`` sets right itself is not reported: folders of the queue that are missing and messages with
another name than their inode's.

Sources: postfix(1) check, postsuper(1), postconf(5) mail_owner, setgid_group, default_privs, queue_directory,
data_directory, multi_instance_directories; what ``postfix check`` of 3.7 reports of files damaged one at a time
(tests/live/test_postfix_check_live.py).
"""

from __future__ import annotations

import stat
from collections.abc import Iterator

from mailconf.check.machine.accounts import Accounts
from mailconf.check.machine.ownership import CK063, OTHERS_WRITE, OWNED_QUEUES, Files, data_folder, queue_folder
from mailconf.check.machine.trees import is_folder, itself, resolve
from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink, error
from mailconf.postfix.settings import machine
from mailconf.postfix.settings.codes import PF013
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.text.words import texts

CK060 = error("CK060", "a folder or program that Postfix needs does not exist")
"""Why: the programs of Postfix work in these folders, and stop at once where one of them is missing: no mail is
accepted, delivered or sent. This is checked where Postfix is installed below the root.

Example:
    # main.cf
    queue_directory = /var/spool/postfx

Remedy: create the folder or correct its name, which must be absolute; install Postfix again where programs are missing.

Source: postfix(1) check; postconf(5) queue_directory, command_directory, daemon_directory, meta_directory,
shlib_directory, data_directory.
"""

CK064 = error("CK064", "a user or group that Postfix needs does not exist, or is not its own")
"""Why: the programs of Postfix give up root's rights to mail_owner, setgid_group and default_privs. They stop where
such an account does not exist, and where other programs or commands of users have the same one, these could change the
mail system's files.

Example:
    # main.cf
    default_privs = postfix

Remedy: make an account of its own for each, and name it.

Source: postconf(5) mail_owner, setgid_group, default_privs; the messages of `postfix check` of
3.7.11.
"""

FOLDERS = ("queue_directory", "command_directory", "daemon_directory", "meta_directory", "shlib_directory")
_SECRETS = ("_key_file", "_chain_files")


def installation(subject: Subject, sink: Sink) -> None:
    """The folders, owners and permissions of an installed Postfix."""
    accounts = Accounts(subject.root)
    if not accounts.are_known or not _is_installed(subject):
        return
    instances = _instances(subject)
    own = subject.configuration.directory in (Configuration.STANDARD, *instances)
    _users(subject, accounts, own, sink)
    if not own:
        return
    _folders(subject, sink)
    Files(subject, accounts, sink).check(shared=subject.configuration.directory not in instances)
    _secrets(subject, sink)
    if subject.root.is_real:
        try:
            machine.check(subject.configuration.value)
        except machine.BadValue as failure:
            subject.configuration.report(failure.parameter, PF013, str(failure), "name addresses of this machine")


def _is_installed(subject: Subject) -> bool:
    """Whether there is a Postfix below the root, wherever this configuration looks for it."""
    places = {subject.configuration.value("daemon_directory"), subject.postfix.parameters["daemon_directory"][1]}
    return any(is_folder(subject.root.path(place), subject.root) for place in places)


def _instances(subject: Subject) -> list[str]:
    """The folders of further instances, which the first one names."""
    if subject.configuration.directory == Configuration.STANDARD:
        return []
    return Configuration.load(Configuration.STANDARD, Sink(), subject.root).words("multi_instance_directories")


def _users(subject: Subject, accounts: Accounts, own: bool, sink: Sink) -> None:
    """The users and groups that Postfix runs as: known, without privileges, and used by nothing else."""
    configuration = subject.configuration
    for name, problem in _problems(configuration, accounts):
        if own or configuration.is_set(name):
            span = configuration.place(name)
            hint = f"make one of its own, and set {name} to it"
            sink.report(CK064, problem, span, hint=hint)


def _problems(configuration: Configuration, accounts: Accounts) -> Iterator[tuple[str, str]]:
    """The parameter that is wrong, and what is wrong with it."""
    owner_name, group_name = configuration.value("mail_owner"), configuration.value("setgid_group")
    owner, group = accounts.user(owner_name), accounts.group(group_name)
    other_name = configuration.value("default_privs")
    other = accounts.user(other_name)
    for name, value, user in (("mail_owner", owner_name, owner), ("default_privs", other_name, other)):
        if user is None:
            yield name, f"there is no user {value}, which {name} names"
        elif 0 in user:
            yield name, f"{name} is {value}, which must not be: Postfix gives up its privileges with it"
    if group is None:
        yield "setgid_group", f"there is no group {group_name}, which setgid_group names"
    elif group == 0:
        yield "setgid_group", f"setgid_group is {group_name}, which must not be: it has privileges"
    elif (first := accounts.group_name(group)) != group_name:
        yield "setgid_group", f"{group_name}, the setgid_group, shares its number with {first}"
    if owner and (first := accounts.user_name(owner.number)) != owner_name:
        yield "mail_owner", f"{owner_name}, the mail_owner, shares its number with {first}"
    if owner and owner.group == group:
        yield "setgid_group", f"{group_name}, the setgid_group, is the group of {owner_name}, the mail_owner"
    if owner and other and owner.number == other.number:
        yield "default_privs", f"{other_name}, whom default_privs names, is the mail_owner as well"
    elif owner and other and owner.group == other.group:
        yield "default_privs", f"{other_name}, whom default_privs names, has the group of {owner_name}, the mail_owner"
    if other and other.group == group:
        yield "default_privs", f"{other_name}, whom default_privs names, has the group {group_name}, the setgid_group"


def _folders(subject: Subject, sink: Sink) -> None:
    """The folders that must be there; of the queue's own and the data folder, what is in their place."""
    root = subject.root
    for name, problem in _wrong_folders(subject):
        span = subject.configuration.place(name)
        message = f"{subject.configuration.value(name)}, the {name}, {problem}"
        hint = "create it; the name must be absolute"
        sink.report(CK060, message, span, hint=hint)
    queue = queue_folder(subject)
    for path in (queue / name for name in (*OWNED_QUEUES, "maildrop", "pid")):
        if itself(path, root) and not is_folder(path, root):
            message = f"{root.inside(path)} is no folder"
            sink.report(CK060, message, hint="remove it: Postfix makes the folder", file=str(path), tree=root)
    daemons = root.path(subject.configuration.value("daemon_directory"))
    if is_folder(daemons, root) and not itself(daemons / "master", root):
        message = f"{root.inside(daemons)}/master does not exist"
        sink.report(CK060, message, hint="install Postfix again", file=str(daemons / "master"), tree=root)


def _wrong_folders(subject: Subject) -> Iterator[tuple[str, str]]:
    root = subject.root
    for name in FOLDERS:
        value = subject.configuration.value(name)
        none = name == "shlib_directory" and value == "no"
        if value and not none and not is_folder(root.path(value), root):
            yield name, "does not exist"
    data = data_folder(subject)
    if itself(data, root) and not is_folder(data, root):
        yield "data_directory", "is no folder"
    elif not is_folder(data.parent, root):
        yield "data_directory", "is in a folder that does not exist"


def _secrets(subject: Subject, sink: Sink) -> None:
    """Private keys are not for everybody."""
    for name in subject.configuration.names():
        for text in texts(subject.configuration.value(name)) if name.endswith(_SECRETS) else ():
            path = resolve(subject.root.path(text), subject.root)
            found = itself(path, subject.root) if text.startswith("/") else []
            if any(
                stat.S_ISREG(each.status.st_mode) and each.status.st_mode & (stat.S_IROTH | OTHERS_WRITE)
                for each in found
            ):
                message = f"{text}, a private key, can be read by everybody"
                sink.report(CK063, message, subject.configuration.place(name), hint="run chmod 600 on it")
