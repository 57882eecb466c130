"""Records what the real postalias makes of hard alias files: tests/vectors/postalias.jsonl.

Each case is a file (bytes as Latin-1), whether UTF-8 support was on, the messages on standard error (the file is called
``T``), and the entries in the map without those that postalias adds of its own.
"""

from __future__ import annotations

import random
import subprocess
import tempfile
from pathlib import Path

from tests.vectors import store
from tests.vectors.record_postmap import MAIN_CF, configure

PIECES = [
    *(" ", " ", " ", "\t", "\r", "\v", "\f", ",", ",", ":", ";", "@", "%", "!", ".", "<", ">", "(", ")", "[", "]", "|"),
    *('"', '"', "\\", "#", "'", "/", "=", "\x01", "\x7f", "\0", "\n  ", "\n# c\n ", "\n\n\t"),
    *("b", "Word", "a.b", "x@y.z", '"q r"', '"a\\"b\\\\c"', "(com (ment))", "[1.2]", "<u@v>", "/file", ":include:/f"),
    *('"|cmd x"', "|cmd", "\\e", "\\ ", "\\,", "\xc3\xa4", "\xc3\x84", "\xff", "\xed\xa0\x80"),
]
OWN = ("@", "YP_LAST_MODIFIED", "YP_MASTER_NAME")
FILES = 16  # postalias takes two seconds for each
LINES = 150


def texts() -> list[str]:
    """Files in which half of the lines have a hard value behind a plain name, the other half a hard name."""
    chance = random.Random(21)

    def hard() -> str:
        return "".join(chance.choices(PIECES, k=chance.randint(1, 8)))

    def line(number: int) -> str:
        return f"k{number}: {hard()}" if number % 2 else f"{hard()}: v{number}"

    return ["\n".join(line(number) for number in range(LINES)) + "\n" for _ in range(FILES)]


def inputs() -> store.Inputs:
    return store.Inputs([{"text": text, "utf8": n % 4 != 3} for n, text in enumerate(texts())], {"main.cf": MAIN_CF})


def record(folder: Path, text: str) -> dict[str, object]:
    """What postalias says to ``text`` and what it stores."""
    (folder / "T").write_bytes(text.encode("latin-1"))
    (folder / "T.db").unlink(missing_ok=True)
    built = subprocess.run(["postalias", "-c", ".", "hash:T"], cwd=folder, capture_output=True, check=True)
    dump = subprocess.run(["db5.3_dump", "T.db"], cwd=folder, capture_output=True, check=True).stdout
    body = dump.split(b"HEADER=END\n")[1].split(b"DATA=END")[0].split()
    stored = [bytes.fromhex(word.decode()).removesuffix(b"\0").decode("latin-1") for word in body]
    entries = sorted(pair for pair in zip(stored[::2], stored[1::2], strict=True) if pair[0] not in OWN)
    messages = built.stderr.decode("latin-1").split("\n")[:-1]
    return {"messages": messages, "entries": entries}


def main() -> None:
    with tempfile.TemporaryDirectory() as top:
        folders = [configure(Path(top, str(utf8)), utf8) for utf8 in (False, True)]
        answers = [record(folders[case["utf8"]], case["text"]) for case in inputs().cases]
    store.write("postalias", store.postfix("db5.3-util"), __file__, answers)


INPUTS = {"postalias": inputs}

if __name__ == "__main__":
    main()
