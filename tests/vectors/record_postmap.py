"""Records what the real postmap makes of hard tables: tests/vectors/postmap.jsonl.

Each case is a text (bytes as Latin-1), whether UTF-8
support was on, the messages on standard error with the table's name as ``T``, and the entries in the map.
"""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
from pathlib import Path

from tests.vectors import store

MAIN_CF = "smtputf8_enable = {}\n"
PIECES = [
    *(
        "\n",
        "\n",
        "\n",
        "\n",
        " ",
        " ",
        "  ",
        "\t",
        "\r",
        "\v",
        "\f",
        "#",
        '"',
        '"',
        "\\",
        ":",
        "\0",
        "\x1c",
        "\x7f",
        "'",
    ),
    *("k", "KEY", "a@b", "v w", "a b\n", "c d\n", "x: y z\n", '"q r" s\n', "a b\n", "#c\n", " #c\n", "  m\n"),
    *(
        "\xc3\xa4",
        "\xc3\x84",
        "\xc2\xa0",
        "\xc2\x85",
        "\xff",
        "\xc3",
        "\xe2\x82\xac",
        "\xc4\xb0",
        "\xed\xa0\x80",
        "\xf5\x80",
    ),
    *("\xc3\x9f", "\xc0\x80", "\x80", "\xe0\x80\x80", "\xf8\x88\x80\x80\x80", "\xfe\x80", "\xff\xbf", "\xc1\xbf"),
]
FIXED = [
    "",
    "a b",
    "  a b\n",
    "a b\n# c\n  d\n",
    "a b\n\n  d\n",
    "a b  \n  c\n",
    '"a b"c d\n',
    '"a\n b" c\n',
    'a"b c" d\n',
    '"a\\\\b" c\n"a\\"b" d\n"a\\',
    "a: b\na:b c\na : d\n",
    "a b\r\nc\r\n\r\n d\r\n",
    "a b\na c\nA d\n",
    "a b\0c\n d\n",
    "c d\n \0\n e\n",
    "c d\n\0\n e\n",
    "  " + "x" * 100 + "\n",
    "  " + "\xc3\xa4" * 20 + "\n",
    "  x" + "\xc3\xa4" * 20 + "\n",
    "K" * 5000 + " v\n",
    "k " + "v" * 9000 + "\n",
    "k " + "v " * 3000 + "\n " + "w" * 3000 + "\n",
    "\xef\xbb\xbfa b\n",
    "# only\n# comments\n",
]
RANDOM_CASES = 500


def texts() -> list[str]:
    chance = random.Random(20)
    random_texts = ["".join(chance.choices(PIECES, k=chance.randint(1, 30))) for _ in range(RANDOM_CASES)]
    return FIXED + random_texts


def configure(folder: Path, utf8: bool) -> Path:
    """A folder with a main.cf that looks old: Postfix's programs wait while it may still be changing."""
    folder.mkdir()
    (folder / "main.cf").write_text(MAIN_CF.format("yes" if utf8 else "no"))
    os.utime(folder / "main.cf", (10**9, 10**9))
    return folder


def inputs() -> store.Inputs:
    cases = [{"text": text, "utf8": utf8} for text in texts() for utf8 in (True, False)]
    return store.Inputs(cases, {"main.cf": MAIN_CF})


def record(folder: Path, text: str) -> dict[str, object]:
    """What postmap says to ``text`` and what it stores."""
    (folder / "T").write_bytes(text.encode("latin-1"))
    (folder / "T.db").unlink(missing_ok=True)
    built = subprocess.run(["postmap", "-c", ".", "hash:T"], cwd=folder, capture_output=True, check=True)
    dump = subprocess.run(["db5.3_dump", "T.db"], cwd=folder, capture_output=True, check=True).stdout
    body = dump.split(b"HEADER=END\n")[1].split(b"DATA=END")[0].split()
    stored = [bytes.fromhex(word.decode()).removesuffix(b"\0").decode("latin-1") for word in body]
    entries = sorted(zip(stored[::2], stored[1::2], strict=True))
    messages = built.stderr.decode("latin-1").split("\n")[:-1]
    return {"messages": messages, "entries": entries}


def main() -> None:
    with tempfile.TemporaryDirectory() as top:
        folders = {utf8: configure(Path(top, str(utf8)), utf8) for utf8 in (True, False)}
        answers = [record(folders[case["utf8"]], case["text"]) for case in inputs().cases]
    store.write("postmap", store.postfix("db5.3-util"), __file__, answers)


INPUTS = {"postmap": inputs}

if __name__ == "__main__":
    main()
