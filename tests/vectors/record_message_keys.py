"""Records the lookup keys that the real postmap finds in messages: tests/vectors/message_keys.jsonl.

A case is a message (bytes as Latin-1) and, for each of `OPTIONS`, its keys.
"""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
from pathlib import Path

from tests.vectors import store

OPTIONS = ["-h", "-b", "-hb", "-hm", "-bm", "-hbm"]
MIXED = "Content-Type: multipart/mixed; boundary=xx\n"
TYPES = [
    *("multipart/mixed; boundary=xx", "multipart/mixed; boundary=x", "multipart/digest; boundary=yy", "text/plain"),
    *(
        "message/rfc822",
        "message/global",
        "message/partial",
        "message/external-body",
        "message / RFC822 foo",
        "message",
    ),
    *('MULTIPART/Digest;a=b; BOUNDARY = "x\\x" ', "multipart; boundary=yy; boundary=xx", "multipart/; boundary=xx"),
    *(
        "multipart/mixed boundary=xx",
        "multipart/mixed;\n\tboundary=\n xx",
        "multipart/mixed; (c\\)(d)) boundary=(e)xx(f)",
    ),
    *(
        'multipart/mixed; c="d;boundary=zz"; boundary=xx',
        "multipart/mixed; boundary=x@y",
        'multipart/mixed; boundary=""',
    ),
    *(
        "multipart/mixed; boundary==xx",
        "multipart/mixed; boundary=; boundary=yy",
        "multipart/mixed; boundary x;boundary=yy",
    ),
    *(
        'multipart/mixed; boundary="x\n x"',
        'multipart/mixed; boundary="x \n\tx"',
        'multipart/mixed; boundary="x\\ \n x"',
        'multipart/mixed; boundary="x\\\n x"',
        'multipart/mixed; boundary="\n xx"',
        'multipart/mixed; boundary="xx\n "',
    ),
    *(
        'multipart/mixed; boundary="x',
        "multipart/mixed; (boundary=xx",
        '"message"/rfc822',
        "multipart/mixed, boundary=xx",
    ),
    *(
        'multipart/mixed; "boundary"=xx',
        "multipart/mixed; boundary=<xx>",
        "multipart/mixed; boundary=.x",
        "\xe4; boundary=xx",
    ),
    *(
        "multipart/digest/x; boundary=yy",
        "multipart/mixed; boundary=[xx yy]",
        "multipart/mixed; boundary=x\\x",
        "message/(x)rfc822",
    ),
]
LINES = [
    *("", "", "", "", "X: y", "Subject : a", " folded", "\tmore", "text", "--xx", "--xx", "--yy", "--xx--", "--yy--"),
    *("--", "--x", "--xxtail", "--xx--tail", "--xx: y", "--.x", "--=xx", "--[xx", ": z", "\r", "--xx\r", "   "),
]
FIXED = [
    MIXED + "\n--xx\n--xx\nA: b\n--xx--\n",
    MIXED + "--xx\nA: b\n\nq\n",
    MIXED + "\n--xx\nC: d\n e",
    MIXED + "\n--xx",
    "A: b\nnot a header\nC: d\n\ne\n",
    "Content-Type: message/rfc822\n\nnot a header\nC: d\n\ne\n",
    "A: b\0c\nCont\0ent: x\n\nd\0e\n",
    "A: " + "".join("\n " + "x" * 998 for _ in range(110)) + "\nB: c\n\nq\n",
    "A: " + "y" * 110_000 + "\n z\nB: c\n\nq\n",
    *(
        "Content-Type: multipart/mixed; boundary=" + "b" * n + "\n\n--" + "b" * 2048 + "\nS: a\n\n"
        for n in (2047, 2048, 2049)
    ),
    "".join(f"Content-Type: multipart/mixed; boundary=b{n}x\n\n--b{n}x\n" for n in range(105))
    + "Z: z\n\n--b98x\nY: y\n\n--b99x\nX: x\n\n--b0x\nV: v\n\n",
]


def message(chance: random.Random) -> str:
    """Lines of whatever has a meaning."""
    lines = [
        "Content-Type: " + chance.choice(TYPES) if chance.random() < 0.25 else chance.choice(LINES)
        for _ in range(chance.randint(1, 25))
    ]
    return "\n".join(["Content-Type: " + chance.choice(TYPES), *lines, ""])


def real_keys(folder: Path, text: str, option: str) -> list[str]:
    """What the real postmap asks for; ``folder`` has a main.cf and the table "all", which answers every key."""
    command = ["postmap", "-c", str(folder), option, "-q", "-", f"regexp:{folder}/all"]
    done = subprocess.run(command, input=text.encode("latin-1"), capture_output=True)
    assert not done.stderr, done.stderr
    return done.stdout.decode("latin-1").split("\tFOUND\n")[:-1]


def lay_out(folder: Path) -> None:
    (folder / "all").write_text("/^/ FOUND\n")
    (folder / "main.cf").write_text("compatibility_level = 3.6\n")
    os.utime(folder / "main.cf", (10**9, 10**9))


# Boundaries over two lines; the lines that may be meant have one, two or no blanks.
FOLDED = [
    f'Content-Type: multipart/mixed; boundary="{text}"\n\n--x x\nA: 1\n\n--x  x\nB: 2\n\n--x\tx\nC: 3\n\n--xx\nD: 4\n\n'
    for text in ("x\n x", "x \n\tx", "x\n  x", "x\\ \n x", "x\\\n x", "\n xx", "\n x\n x", "xx\n ")
]


def inputs() -> store.Inputs:
    chance = random.Random(11)
    texts = (*FIXED[:7], *FOLDED, *(message(chance) for _ in range(150)))
    return store.Inputs([{"text": text} for text in texts])


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        lay_out(Path(name))
        answers = [
            {"keys": {option: real_keys(Path(name), case["text"], option) for option in OPTIONS}}
            for case in inputs().cases
        ]
    store.write("message_keys", store.postfix(), __file__, answers)


INPUTS = {"message_keys": inputs}

if __name__ == "__main__":
    main()
