"""Records what ``-j`` of postmap and postalias of Postfix 3.11 prints: tests/vectors/json_output.jsonl.

The engine is that of tests/vectors/fetch-postfix-versions (sid). A case is a command line of a tool behind ``-c .``,
its standard input, and status, output and messages, all bytes as Latin-1. The folder has the texts of `TEXTS` and
their maps, made by the same engine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.vectors import store

HERE = Path(__file__).parent
SID = store.ROOT / ".live/postfix-versions/sid"
MAIN_CF = "compatibility_level = 3.6\ndefault_database_type = lmdb\n"
TEXTS = {
    "t": 'a b\nC D "e" \\ x\n"x y" z\nÄ äe€\nt a\tb\nn a/b<>&\x7f\x01\n',
    "u": "a 2\nq r\nlong " + "v" * 3000 + "\n",
    "al": 'root: a\n"x y": "|b c"\n',
}
ALL_BYTES = "".join(f"k{chr(c)}x\n" for c in range(1, 256) if c != 10)
CASES: list[tuple[str, list[str], str]] = [
    ("postmap", ["-jq", "a", "lmdb:t"], ""),
    ("postmap", ["-jq", "A", "lmdb:t"], ""),
    ("postmap", ["-jq", "a\nb\f\v", "static:v\tw"], ""),
    ("postmap", ["-jq", "none", "lmdb:t"], ""),
    ("postmap", ["-jq", "a", "lmdb:t", "lmdb:none"], ""),
    ("postmap", ["-jq", "none", "lmdb:t", "lmdb:none"], ""),
    ("postmap", ["-jq", "a", "inline:{a=}"], ""),
    ("postmap", ["-jq", "a", "static:x"], ""),
    ("postmap", ["-jq", "-", "inline:{a=}"], "a\n"),
    ("postmap", ["-jq", "-", "lmdb:t", "lmdb:u"], 'a\nx\nC\n\xc3\x84\nq\n"x y"\nn\nt\nlong'),
    ("postmap", ["-jq", "-", "lmdb:t"], "none\n"),
    ("postmap", ["-jq", "-", "lmdb:t"], ""),
    ("postmap", ["-jq", "-", "static:v"], ALL_BYTES),
    ("postmap", ["-ujq", "-", "static:v"], ALL_BYTES),
    ("postmap", ["-jfq", "-", "lmdb:t"], "C\nc\n"),
    ("postmap", ["-jhbq", "-", "static:v"], "Subject: a\n b\n\nbody\n"),
    ("postmap", ["-jhq", "-", "static:v"], ""),
    ("postmap", ["-js", "lmdb:t"], ""),
    ("postmap", ["-jjs", "lmdb:u", "lmdb:t"], ""),
    ("postmap", ["-js", "inline:{a=}"], ""),
    ("postmap", ["-js", "static:x"], ""),
    ("postmap", ["-js", "lmdb:none"], ""),
    ("postmap", ["-js"], ""),
    ("postmap", ["-Fjs", "lmdb:u"], ""),
    ("postmap", ["-jq", "a"], ""),
    ("postmap", ["-j"], ""),
    ("postmap", ["-j", "lmdb:t"], ""),
    ("postmap", ["-jb", "lmdb:t"], ""),
    ("postmap", ["-jd", "a", "lmdb:t"], ""),
    ("postmap", ["-j", "-i", "lmdb:t"], ""),
    ("postmap", ["-jc", "/none", "lmdb:t"], ""),
    ("postalias", ["-jfq", "root", "lmdb:al"], ""),
    ("postalias", ["-jq", "-", "lmdb:al"], "root\nx y\n@\nnone\n"),
    ("postalias", ["-j", "lmdb:al"], ""),
]


class Engine:
    """Postfix 3.11 in a folder of its own."""

    def __init__(self) -> None:
        subprocess.run([HERE / "fetch-postfix-versions", "sid"], check=True, stdout=subprocess.DEVNULL)
        self.folder = SID / "tmp/mailconf-json"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        lay_out(self.folder)
        for tool, name in (("postmap", "t"), ("postmap", "u"), ("postalias", "al")):
            assert self.run(tool, [f"lmdb:{name}"], "") == [0, "", ""]

    def run(self, tool: str, arguments: list[str], stdin: str) -> list[object]:
        shell = ["sh", "-c", f'cd /{self.folder.relative_to(SID)}; exec "$@"', "sh", tool, "-c", "."]
        return said(["chroot", str(SID), *shell, *arguments], stdin)

    def engine(self) -> store.Engine:
        version = self._inside("postconf", "-dh", "mail_version")
        release = self._inside("dpkg-query", "-W", "-f", "${Version}", "postfix")
        return store.Engine("Postfix", version, {"postfix": release})

    def _inside(self, *command: str) -> str:
        done = subprocess.run(["chroot", SID, *command], capture_output=True, check=True, text=True)
        return done.stdout.strip()


def lay_out(folder: Path) -> None:
    """The files of every case."""
    for name, text in TEXTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "main.cf").write_text(MAIN_CF)
    os.utime(folder / "main.cf", (10**9, 10**9))


def said(command: list[str], stdin: str, folder: Path | None = None) -> list[object]:
    """Status, output and messages of a command."""
    done = subprocess.run(command, input=stdin.encode("latin-1"), capture_output=True, cwd=folder)
    return [done.returncode, done.stdout.decode("latin-1"), done.stderr.decode("latin-1")]


def inputs() -> store.Inputs:
    cases = [dict(zip(("tool", "arguments", "stdin"), case, strict=True)) for case in CASES]
    return store.Inputs(cases, {"main.cf": MAIN_CF, "texts": TEXTS})


def main() -> None:
    engine = Engine()
    answers = (dict(zip(("status", "stdout", "stderr"), engine.run(*case), strict=True)) for case in CASES)
    store.write("json_output", engine.engine(), __file__, answers)


INPUTS = {"json_output": inputs}


if __name__ == "__main__":
    main()
