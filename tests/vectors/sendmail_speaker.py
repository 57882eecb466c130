#!/usr/bin/python3 -IS
"""A program that takes mail by LMTP or SMTP on its standard input, and does what its first argument says.

It writes to /run/out what it is, and what was said to it. The standard library alone is imported.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

OUT = "/run/out"
_KEYWORDS = ["host.example", "ENHANCEDSTATUSCODES", "PIPELINING", "8BITMIME", "SIZE", "DSN"]


def talk(mode: str, lines: BinaryIO, out: BinaryIO, said: list[str]) -> None:
    """Speak with a client. ``said`` gets its commands, and the content as one item."""

    def answer(text: str) -> None:
        out.write(text.replace("\n", "\r\n").encode() + b"\r\n")
        out.flush()

    if mode == "banner554":
        answer("554 5.3.2 closed")
        return
    if mode == "banner421":
        answer("421 4.3.2 later")
        return
    if mode == "silent":
        lines.read()
        return
    if mode == "garbage":
        answer("what?")
    answer("220 host.example ready")
    taken: list[str] = []
    lmtp = False
    while line := lines.readline(100_000):
        text = line.decode("latin-1").rstrip("\r\n")
        said.append(text)
        verb = text.partition(" ")[0].upper()
        name = text.partition("<")[2].partition("@")[0].partition(">")[0]
        if mode == f"die{verb.lower()}":
            return
        if mode == f"hang{verb.lower()}":
            time.sleep(3600)
        if mode == f"refuse{verb.lower()}":
            answer("550 5.7.1 not that")
        elif mode == f"defer{verb.lower()}":
            answer("451 4.3.0 not now")
        elif verb in ("LHLO", "EHLO", "HELO"):
            lmtp = verb == "LHLO"
            if mode == "flood":
                for _ in range(20_000):
                    answer("250-X" + "x" * 60)
            words = ["host.example"] if mode == "plain" or verb == "HELO" else _KEYWORDS
            answer("\n".join(f"250{' ' if word is words[-1] else '-'}{word}" for word in words))
        elif verb == "MAIL":
            taken = []
            answer("250 2.1.0 sender ok")
        elif verb == "RCPT":
            if name.startswith("no"):
                answer("550 5.1.1 no such user")
            elif name.startswith("wait"):
                answer("450 4.2.1 later")
            else:
                taken.append(name)
                answer("250 2.1.5 recipient ok")
        elif verb == "DATA":
            if not taken:
                answer("503 5.5.1 no recipients")
                continue
            answer("354 go")
            content = b""
            while (piece := lines.readline()) not in (b".\r\n", b".\n", b""):
                content += piece
            said.append(content.decode("latin-1"))
            if mode == "dieend":
                return
            for each in taken if lmtp else taken[:1]:
                full = each.startswith("full")
                late = each.startswith("late")
                answer("552 5.2.2 full" if full else "452 4.2.2 busy" if late else f"250 2.1.5 {each} ok")
        elif verb == "QUIT":
            answer("221 2.0.0 bye")
            return
        else:
            answer("250 2.0.0 ok")


def note(said: list[str], put: Callable[[str, str], None]) -> None:
    """Leave word of this process."""
    put("argv", "\0".join(sys.argv) + "\0")
    put("env", Path("/proc/self/environ").read_text("latin-1"))
    put("status", Path("/proc/self/status").read_text("latin-1"))
    put("umask", f"{os.umask(0o22):04o}")
    put("nice", str(os.nice(0)))
    put("stdin", "\n".join(said))
    put("cwd", str(Path.cwd()))


def main() -> None:
    said: list[str] = []
    Path(OUT, f"{os.getpid()}.begun").touch()
    try:
        if sys.argv[1] == "exits75":
            sys.exit(75)
        if sys.argv[1] == "exits0":
            return
        talk(sys.argv[1], sys.stdin.buffer, sys.stdout.buffer, said)
    except OSError as failure:
        said.append(type(failure).__name__)
    finally:

        def put(kind: str, text: str) -> None:
            Path(OUT, f"{os.getpid()}.{kind}").write_text(text, "latin-1")

        note(said, put)


if __name__ == "__main__":
    main()
