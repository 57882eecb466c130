"""What a piece of code asks of the kernel, in order: writes, syncs, renames, locks, with the paths of the files.

`recorded` runs an action in a child process and traces it (ptrace(2)), so that calls of libraries written in C are seen
like those of Python. A test asks the record for an order: content is synced before its file gets its name, and the
folder after that. `check_replaced` is that question for a file that is replaced whole.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import struct
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Call:
    """A system call that succeeded.

    name   create (which opens a file, perhaps an old one), write, truncate, mode (of an owner too), sync, rename, link,
           unlink, mkdir, rmdir, read, mark, or of a lock: shared, exclusive, unlock
    path   the file or folder; of a rename or link the old name; of a mark its text
    new    the new name of a rename or link
    data   what was written
    """

    name: str
    path: str
    new: str = ""
    data: bytes = b""


def recorded(action: Callable[[], object]) -> list[Call]:
    """The calls of ``action``, which runs in a child. AssertionError when it raises; it cannot change this process.

    The test is skipped on machines whose processors or kernels (before Linux 5.3) the tracer does not know.
    """
    tracer = _Tracer(_start(action))
    result = tracer.run()
    assert result == 0, f"the recorded action ended with {result}"
    return tracer.calls


def killed(
    action: Callable[[], object], at: int, watch: Callable[[], object] = lambda: None
) -> tuple[bool, list[Call]]:
    """Run ``action`` in a child that is killed before its change ``at`` (from 0) of what is on the disk.

    Returns whether it was killed (or had ended before) and its calls. A process killed at any other moment leaves one
    of the same states; which one does not depend on how busy the machine is. ``watch`` is called before each change.
    """
    tracer = _Tracer(_start(action), at, watch)
    result = tracer.run()
    assert result in (0, -signal.SIGKILL), f"the action ended with {result}"
    return result != 0, tracer.calls


def _start(action: Callable[[], object]) -> int:
    if platform.machine() not in _MACHINES:
        pytest.skip(f"system calls of {platform.machine()} are unknown here")
    child = os.fork()
    if child == 0:
        try:
            os.setpgid(0, 0)
            if _libc.ptrace(_TRACEME, 0, None, None) != 0:
                os._exit(_NOT_TRACED)
            os.kill(os.getpid(), signal.SIGSTOP)
            action()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    return child


def mark(text: str) -> None:
    """Put a mark into the record: what the code has promised by now."""
    descriptor = os.open(os.devnull, os.O_WRONLY)
    os.write(descriptor, text.encode())
    os.close(descriptor)


def check_replaced(calls: list[Call], target: Path) -> None:
    """Every rename to ``target`` is of a file that was written and then synced; then its folder is synced."""
    renames = [at for at, call in enumerate(calls) if call.name == "rename" and call.new == str(target)]
    assert renames, f"nothing was renamed to {target}"
    for at in renames:
        check_synced(calls[:at], calls[at].path)
        after = calls[at + 1 :]
        assert Call("sync", str(target.parent)) in after, f"the folder of {target} was not synced after the rename"
        assert not [call for call in after if call.name in ("write", "truncate") and call.path == str(target)]


def check_synced(calls: list[Call], path: str) -> None:
    """The file that is at ``path`` in the end was written, whatever its name was then, and synced after that, and after
    its owner and mode were set.
    """
    done: dict[str, str] = {}
    for call in calls:
        if call.name in ("write", "truncate") or (call.name == "mode" and call.path in done):
            done[call.path] = "written"
        elif call.name == "sync" and call.path in done:
            done[call.path] = "synced"
        elif call.name == "rename" and call.path in done:
            done[call.new] = done.pop(call.path)
        elif call.name == "link" and call.path in done:
            done[call.new] = done[call.path]
    assert path in done, f"{path} was not written"
    assert done[path] == "synced", f"{path} was not synced after it was written"


# name: what its arguments are, number on x86_64, number on aarch64 (-1: no such call)
_CALLS = {
    "read": ("read fd", 0, 63),
    "pread64": ("read fd", 17, 67),
    "write": ("write fd data", 1, 64),
    "pwrite64": ("write fd data", 18, 68),
    "writev": ("write fd vector", 20, 66),
    "pwritev": ("write fd vector", 296, 70),
    "sendfile": ("write fd", 40, 71),
    "copy_file_range": ("write - - fd", 326, 285),
    "ftruncate": ("truncate fd", 77, 46),
    "fchmod": ("mode fd", 91, 52),
    "fchown": ("mode fd", 93, 55),
    "fsync": ("sync fd", 74, 82),
    "fdatasync": ("sync fd", 75, 83),
    "openat": ("create at", 257, 56),
    "mkdir": ("mkdir path", 83, -1),
    "mkdirat": ("mkdir at", 258, 34),
    "rmdir": ("rmdir path", 84, -1),
    "fcntl": ("fcntl fd", 72, 25),
    "flock": ("flock fd", 73, 32),
    "rename": ("rename path path", 82, -1),
    "renameat": ("rename at at", 264, 38),
    "renameat2": ("rename at at", 316, 276),
    "link": ("link path path", 86, -1),
    "linkat": ("link at at", 265, 37),
    "unlink": ("unlink path", 87, -1),
    "unlinkat": ("unlink at", 263, 35),
}
_MACHINES = {"x86_64": 1, "aarch64": 2}
_FORMS = {
    row[_MACHINES[platform.machine()]]: row[0].split()
    for row in _CALLS.values()
    if platform.machine() in _MACHINES and row[_MACHINES[platform.machine()]] != -1
}

_TRACEME, _SYSCALL, _SETOPTIONS, _GET_SYSCALL_INFO = 0, 24, 0x4200, 0x420E
_OPTIONS = 0x1 | 0x2 | 0x4 | 0x8 | 0x100000  # SYSGOOD, children and threads too, all die with the tracer
_ENTRY, _EXIT = 1, 2
_WALL = 0x40000000
_NOT_TRACED = 77
_SET_LOCK = {6, 7, 37, 38}  # F_SETLK, F_SETLKW and F_OFD_SETLK, F_OFD_SETLKW of fcntl(2)
_FCNTL_LOCKS = ("shared", "exclusive", "unlock")  # by l_type
_FLOCKS = {1: "shared", 2: "exclusive", 8: "unlock"}  # of flock(2)
_AT_FDCWD = -100
CHANGES = {"create", "write", "truncate", "sync", "rename", "link", "unlink", "mkdir", "rmdir"}

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


class _Tracer:
    """Follows a child, its threads and its children, until all of them have ended."""

    def __init__(self, child: int, at: int = -1, watch: Callable[[], object] = lambda: None) -> None:
        self.child = child
        self._left = at  # changes until it is killed; below 0: it is not
        self._watch = watch
        self.calls: list[Call] = []
        self._begun: dict[int, Call] = {}  # by thread
        self._known = {child}
        self._info = ctypes.create_string_buffer(88)

    def run(self) -> int:
        """The child's exit status, below 0 for a signal."""
        try:
            return self._run()
        except BaseException:
            os.kill(self.child, signal.SIGKILL)
            raise

    def _run(self) -> int:
        _, status = os.waitpid(self.child, _WALL)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == _NOT_TRACED:
            pytest.skip("the kernel lets no process be traced here")
        _libc.ptrace(_SETOPTIONS, self.child, None, _OPTIONS)
        _libc.ptrace(_SYSCALL, self.child, None, None)
        result = -1
        while True:
            try:
                thread, status = os.waitpid(-self.child, _WALL)  # the child's process group
            except ChildProcessError:
                break
            if os.WIFSTOPPED(status):
                _libc.ptrace(_SYSCALL, thread, None, self._stopped(thread, os.WSTOPSIG(status)))
            elif thread == self.child:
                result = os.waitstatus_to_exitcode(status)
        return result

    def _stopped(self, thread: int, number: int) -> int | None:
        """Look at what ``thread`` stopped for; the signal to hand on to it."""
        new = thread not in self._known
        self._known.add(thread)
        if number == signal.SIGTRAP | 0x80:
            self._at_call(thread)
            return None
        return None if number == signal.SIGTRAP or (new and number == signal.SIGSTOP) else number

    def _at_call(self, thread: int) -> None:
        if _libc.ptrace(_GET_SYSCALL_INFO, thread, len(self._info), ctypes.addressof(self._info)) <= 0:
            return
        if self._info.raw[0] == _ENTRY:
            number, *arguments = struct.unpack_from("=Q6q", self._info.raw, 24)
            call = self._call(thread, _FORMS[number], arguments) if number in _FORMS else None
            if call is not None:
                self._begin(thread, call)
        elif self._info.raw[0] == _EXIT:
            ended = self._begun.pop(thread, None)
            if ended is not None and not self._info.raw[32]:  # not an error
                self.calls.append(ended)

    def _begin(self, thread: int, call: Call) -> None:
        self._begun[thread] = call
        if call.name in CHANGES:
            self._watch()
            if self._left == 0:
                os.kill(self.child, signal.SIGKILL)
            self._left -= 1

    def _call(self, thread: int, form: list[str], arguments: list[int]) -> Call | None:
        name, paths, data = form[0], [], b""
        left = list(arguments)
        for kind in form[1:]:
            value = left.pop(0)
            if kind == "fd":
                paths.append(_link(f"/proc/{thread}/fd/{value & 0xFFFFFFFF}"))
            elif kind == "path":
                paths.append(self._path(thread, _AT_FDCWD, value))
            elif kind == "at":
                paths.append(self._path(thread, ctypes.c_int(value).value, left.pop(0)))
            elif kind == "data":
                data = self._memory(thread, value, left[0])
            elif kind == "vector":
                vector = self._memory(thread, value, 16 * left[0])
                data = b"".join(self._memory(thread, *piece) for piece in struct.iter_unpack("=QQ", vector))
        if name == "fcntl":
            if arguments[1] not in _SET_LOCK:
                return None
            name = _FCNTL_LOCKS[struct.unpack("=h", self._memory(thread, arguments[2], 2))[0]]
        elif name == "flock":
            name = _FLOCKS[arguments[1] & ~4]
        elif name == "create" and not arguments[2] & (os.O_CREAT | os.O_TRUNC):
            return None
        if name == "create" and paths == [os.devnull]:
            return None
        if name == "write" and paths == [os.devnull]:
            return Call("mark", data.decode())
        return Call(name, *paths, data=data)

    def _path(self, thread: int, folder: int, address: int) -> str:
        name = os.fsdecode(self._memory(thread, address, 4096, end=b"\0"))
        beside = "cwd" if folder == _AT_FDCWD else f"fd/{folder}"
        return os.path.normpath(os.path.join(_link(f"/proc/{thread}/{beside}"), name))  # noqa: PTH118

    @staticmethod
    def _memory(thread: int, address: int, size: int, *, end: bytes = b"") -> bytes:
        """``size`` bytes at ``address``, or those before ``end``, of which a page may be the last that there is."""
        with open(f"/proc/{thread}/mem", "rb", buffering=0) as memory:  # noqa: PTH123
            if not end:
                return os.pread(memory.fileno(), size, address)
            found = b""
            while end not in found and len(found) < size:
                place = address + len(found)
                found += os.pread(memory.fileno(), 4096 - place % 4096, place)
        return found.partition(end)[0]


def _link(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115
    except OSError:
        return ""
