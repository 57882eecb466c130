"""Files and folders, as ``postfix check`` looks at them: do they exist, and who owns and may write them?

What main.cf names is looked for below the root. Owners and permissions are looked at only where a Postfix is installed
below the root ($daemon_directory is there, and a user database) and the configuration is its own: a copy in
somebody's working folder is theirs.

Sources: postfix(1) check, postconf(5) mail_owner, setgid_group, queue_directory, data_directory.
"""

from __future__ import annotations

import stat
from pathlib import Path

from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink, error, warning
from mailconf.postfix import machine
from mailconf.postfix.configuration import PF013, Configuration
from mailconf.postfix.words import texts

CK060 = error("CK060", "a folder that Postfix needs does not exist")
CK061 = warning("CK061", "a file that main.cf names does not exist")
CK062 = warning("CK062", "a file or folder has the wrong owner or group")
CK063 = warning("CK063", "a file can be written or read by others")
CK064 = error("CK064", "a user or group that Postfix needs does not exist, or is not its own")

FOLDERS = ("queue_directory", "command_directory", "daemon_directory", "data_directory", "meta_directory")
QUEUES = (
    *("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace"),
)
SETGID_PROGRAMS = ("postqueue", "postdrop")
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_FILES = ("_file", "_CAfile", "_cert_file", "_key_file", "_chain_files")
_SECRETS = ("_key_file", "_chain_files")


def existing(subject: Subject, sink: Sink) -> None:
    """Files that main.cf or an override names (certificates, keys, templates, ...)."""
    for name in subject.configuration.names():
        if not name.endswith(_FILES) or name not in subject.postfix.parameters:
            continue
        for path in texts(subject.configuration.value(name)):
            if path.startswith("/") and not path.startswith("/dev/") and not subject.root.path(path).exists():
                message = f"{path}, which {name} names, does not exist"
                sink.report(CK061, message, subject.configuration.value_span(name), hint=f"create it, or unset {name}")


def installation(subject: Subject, sink: Sink) -> None:
    """The folders, owners and permissions of an installed Postfix."""
    configuration = subject.configuration
    users = _database(subject, "/etc/passwd")
    if not users or not _is_installed(subject):
        return
    own = _is_own(subject)
    owner = _user(subject, "mail_owner", users, sink) if own or configuration.is_set("mail_owner") else None
    groups = _database(subject, "/etc/group")
    group = _user(subject, "setgid_group", groups, sink) if own or configuration.is_set("setgid_group") else None
    if not own:
        return
    _folders(subject, FOLDERS, sink)
    _permissions(subject, sink)
    for path in _queue_folders(subject):
        _owned(subject, path, owner, configuration.value("mail_owner"), sink)
    for program in SETGID_PROGRAMS:
        path = subject.root.path(configuration.value("command_directory")) / program
        if (
            group is not None
            and path.exists()
            and (path.stat().st_gid != group or not path.stat().st_mode & stat.S_ISGID)
        ):
            message = f"{subject.root.inside(path)} is not set-group-ID {configuration.value('setgid_group')}"
            sink.report(CK062, message, hint="run postfix set-permissions", file=str(path))
    if subject.root.is_real:
        try:
            machine.check(configuration.value, ())
        except ValueError as failure:
            configuration.report("inet_interfaces", PF013, str(failure), "name addresses of this machine")


def _is_installed(subject: Subject) -> bool:
    """Whether there is a Postfix below the root, wherever this configuration looks for it."""
    places = {subject.configuration.value("daemon_directory"), subject.postfix.parameters["daemon_directory"][1]}
    return any(subject.root.path(place).is_dir() for place in places)


def _is_own(subject: Subject) -> bool:
    """Whether the configuration is that of the Postfix below the root, and not a copy for another one."""
    return subject.configuration.directory == Configuration.STANDARD


def _database(subject: Subject, name: str) -> dict[str, int]:
    """The numbers by name of a passwd or group file below the root; none when it cannot be read."""
    try:
        lines = subject.read(name).splitlines()
    except OSError:
        return {}
    parts = (line.split(":") for line in lines)
    return {part[0]: int(part[2]) for part in parts if len(part) > 2 and part[2].isdigit()}


def _folders(subject: Subject, names: tuple[str, ...], sink: Sink) -> None:
    for name in names:
        path = subject.configuration.value(name)
        if path and not subject.root.path(path).is_dir():
            span = subject.configuration.value_span(name)
            file = "" if span else f"{subject.configuration.directory}/main.cf"
            sink.report(CK060, f"{path}, the {name}, does not exist", span, hint="create it", file=file)


def _user(subject: Subject, name: str, known: dict[str, int], sink: Sink) -> int | None:
    """The number of the user or group that a parameter names; None, with a diagnostic, when it will not do."""
    value = subject.configuration.value(name)
    number = known.get(value)
    others = [other for other, its in known.items() if its == number and other != value]
    problem = ""
    if number is None:
        problem = f"there is no {'user' if name == 'mail_owner' else 'group'} {value}, which {name} names"
    elif number == 0:
        problem = f"{name} is {value}, which must not be: Postfix gives up its privileges with it"
    elif others:
        problem = f"{value}, the {name}, shares its number with {others[0]}"
    if problem:
        span = subject.configuration.value_span(name)
        file = "" if span else f"{subject.configuration.directory}/main.cf"
        sink.report(CK064, problem, span, hint=f"make one of its own, and set {name} to it", file=file)
    return number


def _permissions(subject: Subject, sink: Sink) -> None:
    """The configuration belongs to root, others do not write it, and they do not read private keys."""
    folder = subject.root.path(subject.configuration.directory)
    for path in (folder, *sorted(folder.iterdir())):
        _owned(subject, path, 0, "root", sink)
        if not path.is_symlink() and path.stat().st_mode & _OTHERS_WRITE:
            message = f"{subject.root.inside(path)} can be written by its group or by everybody"
            sink.report(CK063, message, hint="run chmod go-w on it", file=str(path))
    for name in subject.configuration.names():
        for text in texts(subject.configuration.value(name)) if name.endswith(_SECRETS) else ():
            path = subject.root.path(text)
            if text.startswith("/") and path.is_file() and path.stat().st_mode & (stat.S_IROTH | _OTHERS_WRITE):
                message = f"{text}, a private key, can be read by everybody"
                sink.report(CK063, message, subject.configuration.value_span(name), hint="run chmod 600 on it")


def _queue_folders(subject: Subject) -> list[Path]:
    """The folders that belong to mail_owner, as far as they exist: master(8) makes those that are missing."""
    queue = subject.root.path(subject.configuration.value("queue_directory"))
    data = subject.root.path(subject.configuration.value("data_directory"))
    return [path for path in (data, *(queue / name for name in QUEUES)) if path.is_dir()]


def _owned(subject: Subject, path: Path, owner: int | None, name: str, sink: Sink) -> None:
    if owner is not None and path.lstat().st_uid != owner:
        message = f"{subject.root.inside(path)} does not belong to {name}"
        sink.report(CK062, message, hint=f"run chown {name} on it", file=str(path))
