"""Records tests/vectors/sendmail_tools.jsonl: what makemap, editmap and praliases of sendmail say and store.

    python -m tests.vectors.record_sendmail_tools

Each scenario is a list of steps in one folder; a case is a step: a tool, its arguments, what it reads, and then
its exit status, its output, its messages, and the maps of the folder by db5.3_dump. All bytes are kept as Latin-1.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from tests.live.map_tools import SENDMAIL_ROOT, dump
from tests.vectors import store

CF = "V10/Berkeley\nO AliasFile=hash:al, none,tree\nKx btree -T<TMPF> /etc/mail/foo\nKy hash -o bar\n"

Step = tuple[str, list[str], str]


def scenarios() -> dict[str, list[Step]]:
    """The steps of each scenario."""
    texts = {
        "blank lines": "# c\n\n   \n\t\n#\nA\tB C  D \nb c #d\n\n\n",
        "leading space": "a b\n c d\ne f\n\tg h\n\r\n",
        "carriage returns": "a b\r\nc\td\r\ne\r\nf \r\n",
        "no values": "a\nFOO\nBar\xff\nb \nc\t\t\nd e\n",
        "nul": "a\0x b\nc d\0e\nf\0\n\0\ng h\n#i\0\nj k\0l",
        "duplicates": "a b\na c\nA d\nq\nb e\n x\nB z\n\nb y\n",
        "empty": "",
        "long": "a " + "x" * 1021 + "\nb c\nb d\nc " + "x" * 3000 + "\n",
        "quotes": '"a b" c\na\\ b c\n\xc3\x84\xd6 x\n\xff y\n\xa0z y\n',
        "delimiters": "a b: c d \nB:c:d\n c:d\n:x\n::\nq\nx,,y\nz, y , \nw;v\n;u t\n",
    }
    options = [[], ["-e"], ["-f"], ["-r"], ["-N"], ["-v"], ["-d"], ["-v", "-d", "-r"], ["-t:"], ["-e", "-t,"], ["-D;"]]
    found: dict[str, list[Step]] = {
        name: [("makemap", [*words, "hash", "t"], text) for words in options] for name, text in texts.items()
    }
    for kind in ("hash", "btree", "implicit"):
        found[f"{kind}: add and list"] = [
            ("makemap", [kind, "t"], "a b\nc d\n"),
            *(("makemap", ["-o", *words, kind, "t"], "a x\ne f\ne g\n") for words in ([], ["-r"], ["-N"], ["-d"])),
            ("makemap", ["-o", "hash", "t"], "new 1\n"),
            ("makemap", ["-o", "btree", "t"], "new 1\n"),
            ("makemap", ["-u", kind, "t"], ""),
            ("makemap", ["-u", "-t:", kind, "t.db"], ""),
            ("makemap", ["-u", kind, "none"], ""),
            ("makemap", ["-o", kind, "none"], ""),
            *(
                ("editmap", words.split(), "")
                for words in (
                    *(f"-q {kind} t a", f"-q {kind} t A", f"-q -f {kind} t A", f"-q -N {kind} t a", f"-u {kind} t A n"),
                    *(f"-q {kind} t a", f"-x {kind} t A", f"-x {kind} t a", f"-x -N {kind} t a", f"-u {kind} new k v"),
                    *(f"-x {kind} newer k", f"-q {kind} t", f"-u {kind} t a", f"-q -x {kind} t a", f"-Z {kind} t a"),
                )
            ),
        ]
        if kind != "implicit":
            found[f"{kind}: several values"] = [
                ("makemap", ["-d", kind, "t"], "a b\na c\nb d\n"),
                ("makemap", ["-o", kind, "t"], "a k\nz l\n"),
                ("makemap", ["-o", "-r", kind, "t"], "a z\nz l\n"),
                ("makemap", ["-o", "-d", kind, "t"], "a 3\nz 3\n"),
                ("makemap", ["-u", kind, "t"], ""),
                ("editmap", ["-u", kind, "t", "a", "new"], ""),
                ("editmap", ["-x", kind, "t", "z"], ""),
                ("makemap", ["-d", kind, "t"], "".join(f"k{n % 7} v{n}\n" for n in range(900))),
                ("editmap", ["-q", kind, "t", "k5"], ""),
            ]
    found["command lines"] = [
        ("makemap", words.split(), "a b\n")
        for words in (
            *(
                "",
                "hash",
                "hash a b",
                "-Z",
                "-C",
                "-L",
                "-l",
                "-x",
                "-l -Z",
                "cdb t",
                "dbm t",
                "lmdb t",
                "-i hash cdb t",
            ),
            *("hash -v t", "hash t -- -v", "-c 5k btree t", "hash no/x", "hash cf/x", "cf foo", "CF foo", "CF foo.db"),
            *("cf bar", "CF /x/bar.y", "CF none", "-i btree cf none", "-v -i btree CF none", "cf /etc/mail/foo"),
        )
    ]
    found["praliases"] = [
        ("makemap", ["-N", "-f", "hash", "al"], 'Root root@x\nbin \x80\xffz\n@ @\nempty  x\nquo"te a:b\n'),
        ("makemap", ["btree", "tree"], "bin b\nc d\n"),
        *(
            ("praliases", words, "")
            for words in (
                *([], ["Root"], ["root", "bin"], ["-f", "al"], ["-f", "hash:al", "bin"], ["-f", "btree:al"], ["-x"]),
                *(
                    ["-f", "ldap:x"],
                    ["-f", "hash:"],
                    ["-f", ""],
                    ["-f", "hash:-o al"],
                    ["-f", "none"],
                    ["-f", "dbm:al"],
                ),
            )
        ),
    ]
    return found


def inputs() -> store.Inputs:
    cases = [
        {"scenario": name, "tool": tool, "arguments": words, "stdin": text}
        for name, steps in scenarios().items()
        for tool, words, text in steps
    ]
    return store.Inputs(cases, {"cf": CF})


def run(folder: Path, step: Step) -> dict[str, object]:
    """What came of the step."""
    tool, words, text = step
    path = SENDMAIL_ROOT / "usr/libexec/sendmail" / tool
    libraries = ":".join(map(str, SENDMAIL_ROOT.glob("usr/lib/*-linux-gnu*")))
    done = subprocess.run(
        [path, "-C", "cf", *words],
        input=text.encode("latin-1"),
        capture_output=True,
        cwd=folder,
        env={**os.environ, "LD_LIBRARY_PATH": libraries},
    )
    errors = done.stderr.decode("latin-1").replace(str(path), tool)
    output = done.stdout.decode("latin-1")
    return {"status": done.returncode, "stdout": output, "stderr": errors, "maps": maps(folder)}


def maps(folder: Path) -> dict[str, list[list[str]]]:
    """The entries of all maps, in the order of their keys."""
    found = {}
    for path in sorted(folder.glob("*.db")):
        pairs = sorted(dump(path), key=lambda pair: pair[0])
        found[path.name] = [[key.decode("latin-1"), value.decode("latin-1")] for key, value in pairs]
    return found


def main() -> None:
    answers = []
    for steps in scenarios().values():
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            (folder / "cf").write_text(CF)
            answers += [run(folder, step) for step in steps]
    store.write("sendmail_tools", store.sendmail(), __file__, answers)


INPUTS = {"sendmail_tools": inputs}

if __name__ == "__main__":
    main()
