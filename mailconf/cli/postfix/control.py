"""``postfix``: starts, stops and asks about ``mailconf serve``, as postfix(1) of Postfix 3.7 does about its own.

Commands: start, start-fg, stop, reload, abort, flush, status, check. Options, messages and exit statuses are the
original's; ``--root DIR`` and ``--postfix-version V`` are ours. As there, messages of the script go to the log
(syslogd(8), or maillog_file), and to standard error if that is a terminal.

What runs is found by the control socket in the queue's folder, whose other end the kernel names: no number in a file
is believed. ``start`` runs serve without a terminal, writes its number to pid/master.pid below queue_directory, and
gives it the lock of that file, so that the original does not start beside it, nor this beside the original.

Departures: the owner of queue_directory may use it, not root alone; ``check`` prints each warning once; ``stop`` waits
for `PATIENCE` seconds before it uses force, as serve lets clients and deliveries end; other commands of the original
(set-permissions, upgrade-configuration, logrotate, tls) are refused.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import stat
import subprocess
import sys
from contextlib import contextmanager, suppress

from mailconf.cli.postfix.postfix_tool import Messages, Settings, ToolFatal, getopt, read_settings, take_settings
from mailconf.cli.postfix.postqueue import run_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailconf.files import Tree

PATIENCE = 15  # seconds from SIGTERM to SIGKILL
_LOOKS = 0.05  # seconds between looks at a server that starts
_SCRIPT = "postfix-script"
_USAGE = "usage: postfix [-c config_dir] [-Dv] command"
_COMMANDS = "start (or stop, reload, abort, flush, check, status, set-permissions, upgrade-configuration, logrotate)"
_NOT_RUNNING = "the Postfix mail system is not running"
# What `mailconf check` says of an installation, and what the original says of the same.
_SAYS = tuple(
    (re.compile(ours), theirs)
    for ours, theirs in (
        (r"(.*) does not belong to the group (\S+)", r"not owned by group \2: \1"),
        (r"(.*) does not belong to (\S+)", r"not owned by \2: \1"),
        (r"(.*) can be written by its group or by everybody", r"group or other writable: \1"),
        (r"(.*) is not set-group-ID .*", r"not set-gid or not owner+group+world executable: \1"),
        (r"(.*) is a symbolic link that leads out of its folder", r"symlink leaves directory: \1"),
        (r"(.*) is a damaged message", r"damaged message: \1"),
        (r"(.*) is no message: .*", r"bogus file name: \1"),
    )
)
_OF_THE_MACHINE = frozenset(("CK062", "CK063", "CK065", "CK066", "CK067", "CK068"))


def run(name: str, arguments: list[str]) -> int:
    """Run ``postfix arguments``; ``name`` is what the program was called as. The exit status."""
    from mailconf.mta.queue.entry import QueueError

    messages = Messages(name.rpartition("/")[2])
    words = list(arguments)
    root = take_settings(words, "c", messages)
    directory: str | None = None
    try:
        messages.check_version()
        for letter, value in getopt(messages.program, words, "Dv", "c"):
            if letter == "?":
                raise ToolFatal(_USAGE)
            if letter == "c":
                directory = value
                if not value.startswith("/"):
                    raise ToolFatal("-c requires absolute pathname")
        settings = read_settings(directory, root, messages)
        return _Control(directory, root, messages, settings).run(words[0] if words else "")
    except (ToolFatal, QueueError) as failure:
        messages.fatal(str(failure))
        return 1


class _Control:
    """One call, about the configuration in a folder."""

    def __init__(self, directory: str | None, root: Tree, messages: Messages, settings: Settings) -> None:
        from mailconf.files import Root

        if not isinstance(root, Root):
            raise ToolFatal("a mail system runs on the disk")
        self._directory = directory or os.environ.get("MAIL_CONFIG") or "/etc/postfix"
        self._root = root
        self._messages = messages
        self._settings = settings
        self._queue = root.path(settings.value("queue_directory"))

    def run(self, command: str) -> int:
        """The exit status. Raises ToolFatal, QueueError."""
        self._check_user()
        act = {
            "start": self._start,
            "start-fg": self._start_here,
            "stop": self._stop,
            "reload": self._reload,
            "abort": self._abort,
            "status": self._status,
            "check": self._check,
        }.get(command)
        if command == "flush":
            return run_in(self._directory, self._root, self._messages.release, "f")
        if act is None:
            return self._say("fatal", f"unknown command: '{command}'. Usage: postfix {_COMMANDS}")
        return act()

    def _check_user(self) -> None:
        """Raises ToolFatal."""
        owner = 0
        with suppress(OSError):
            owner = self._queue.stat().st_uid
        if os.geteuid() not in (0, owner):
            self._messages._write("error: ", "to submit mail, use the Postfix sendmail command")
            raise ToolFatal("the postfix command is reserved for the superuser")

    # Messages

    def _say(self, kind: str, text: str) -> int:
        """Write a message of the script's to the log and the terminal; the exit status that follows from it."""
        line = f"{kind}: {text}" if kind else text
        self._log(line)
        if on_terminal():
            Messages(f"{self._settings.value('syslog_name')}/{_SCRIPT}")._write("", line)
        return 1 if kind == "fatal" else 0

    def _log(self, text: str) -> None:
        from mailconf.mta.log import Log, SystemLog

        name = self._settings.value("syslog_name")
        place = self._log_place()
        with suppress(OSError):
            if place == "syslog":
                SystemLog(name=name)(_SCRIPT, text)
            else:
                log = Log(self._root.path(place), hostname=self._settings.value("myhostname"), name=name)
                log(_SCRIPT, text)
                log.close()

    def _log_place(self) -> str:
        """Where serve is to log: maillog_file, or "syslog"."""
        return self._settings.value("maillog_file") or "syslog"

    # Commands

    def _running(self) -> int | None:
        """The number of the process that serves the queue. Raises QueueError."""
        from mailconf.mta.control.client import server_of

        return server_of(self._queue)

    def _status(self) -> int:
        pid = self._running()
        if pid is None:
            self._say("", _NOT_RUNNING)
            return 1
        return self._say("", f"the Postfix mail system is running: PID: {pid}")

    def _reload(self) -> int:
        with self._told("refreshing", signal.SIGHUP) as server:
            return 1 if server is None else 0

    def _stop(self) -> int:
        return self._end("stopping", signal.SIGTERM)

    def _abort(self) -> int:
        return self._end("aborting", signal.SIGQUIT)

    @contextmanager
    def _told(self, doing: str, number: signal.Signals) -> Iterator[int | None]:
        """Send a signal to the server; a descriptor of its process (pidfd_open(2)), None where none runs."""
        pid = self._running()
        if pid is None:
            self._say("fatal", _NOT_RUNNING)
            yield None
            return
        try:
            server = os.pidfd_open(pid)
        except OSError as failure:
            raise ToolFatal(f"process {pid}: {failure.strerror}") from failure
        try:
            self._say("", f"{doing} the Postfix mail system")
            _send(server, number)
            yield server
        finally:
            os.close(server)

    def _end(self, doing: str, number: signal.Signals) -> int:
        """Have the server end, by force where it does not."""
        with self._told(doing, number) as server:
            if server is None:
                return 1
            for second in range(PATIENCE):
                if _ends(server, 1.0):
                    return 0
                if second:
                    self._say("", "waiting for the Postfix mail system to terminate")
            self._say("warning", "stopping the Postfix mail system with force")
            _send(server, signal.SIGKILL)
            return 0 if _ends(server, 5.0) else 1

    def _serve(self) -> list[str]:
        """The command that serves the configuration."""
        words = [sys.executable, "-P", "-m", "mailconf", "serve", self._directory, "--root", str(self._root.path("/"))]
        place = self._log_place()
        if place != "/dev/stdout":
            words += ["--log", place]
        if self._messages.release is not None:
            words += ["--postfix-version", self._messages.release]
        return words

    def _may_start(self) -> bool:
        """Whether nothing runs, and the configuration is good; what is wrong is said."""
        if self._running() is not None:
            self._say("fatal", "the Postfix mail system is already running")
            return False
        return self._check() == 0

    def _start(self) -> int:
        if not self._may_start():
            return 1
        lock = self._locked()
        if lock < 0:
            return self._say("fatal", "the Postfix mail system is already running")
        self._say("", "starting the Postfix mail system")
        nothing = subprocess.DEVNULL
        server = subprocess.Popen(
            self._serve(), stdin=nothing, stdout=nothing, stderr=nothing, cwd="/", start_new_session=True,
            pass_fds=[lock],
        )  # fmt: skip
        os.ftruncate(lock, 0)
        os.write(lock, f"{server.pid:>32}\n".encode())
        os.close(lock)  # the server has it
        ended = os.pidfd_open(server.pid)
        try:
            while not _ends(ended, _LOOKS):
                if self._running() == server.pid:
                    server.returncode = 0  # it goes on without us
                    return 0
        finally:
            os.close(ended)
        server.wait()
        return self._say("fatal", "mail system startup failed")

    def _start_here(self) -> int:
        if not self._may_start():
            return 1
        words = self._serve()
        sys.stdout.flush()
        sys.stderr.flush()
        return os.execv(words[0], words)

    def _locked(self) -> int:
        """The file pid/master.pid, locked; -1 where another process has its lock. Raises ToolFatal."""
        import fcntl

        path = self._queue / "pid" / "master.pid"
        try:
            path.parent.mkdir(mode=0o755, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            found = os.open(path, flags | os.O_NONBLOCK, 0o600)
        except OSError as failure:
            raise ToolFatal(f"open lock file {path}: {failure.strerror}") from failure
        about = os.fstat(found)
        if not stat.S_ISREG(about.st_mode) or about.st_uid not in (0, os.geteuid()) or about.st_nlink != 1:
            os.close(found)
            raise ToolFatal(f"open lock file {path}: not a regular file of its own")
        try:
            fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(found)
            return -1
        return found

    def _check(self) -> int:
        """What is wrong with the configuration and the installation, in the original's words where it has some."""
        words = [sys.executable, "-P", "-m", "mailconf", "check", self._directory, "--format", "json"]
        words += ["--root", str(self._root.path("/"))]
        if self._messages.release is not None:
            words += ["--postfix-version", self._messages.release]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        try:
            findings = json.loads(done.stdout)["findings"]
        except (ValueError, KeyError) as failure:
            raise ToolFatal(f"the configuration cannot be checked: status {done.returncode}") from failure
        errors = [found for found in findings if found["severity"] == "error"]
        for found in findings:
            if found["code"] in _OF_THE_MACHINE:
                self._say("warning", _in_their_words(found["message"]))
            elif found in errors and found["code"].startswith("CK"):  # serve starts all the same
                self._say("warning", f"{found['file']}: {found['message']} [{found['code']}]")
        errors = [found for found in errors if not found["code"].startswith("CK")]
        for found in errors[:1]:  # the original ends at the first
            self._say("fatal", f"{found['file']}: {found['message']} [{found['code']}]")
        return 1 if errors else 0


def on_terminal() -> bool:
    """Whether a person reads standard error."""
    with suppress(OSError, ValueError):
        return sys.stderr.isatty()
    return False


def _in_their_words(message: str) -> str:
    for ours, theirs in _SAYS:
        if found := ours.fullmatch(message):
            return found.expand(theirs)
    return message


def _send(server: int, number: signal.Signals) -> None:
    """Raises ToolFatal."""
    try:
        signal.pidfd_send_signal(server, number)
    except ProcessLookupError:
        pass  # it has ended meanwhile
    except OSError as failure:
        raise ToolFatal(f"kill: {failure.strerror}") from failure


def _ends(server: int, seconds: float) -> bool:
    """Whether a process ends within some seconds."""
    poll = select.poll()
    poll.register(server, select.POLLIN)
    return bool(poll.poll(int(seconds * 1000)))
