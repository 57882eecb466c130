"""Whether our address test mode answers as the real one for every .mc that comes with sendmail's library.

    python -m tests.live.compare_library_mc [-v] [NAME...]

Each .mc of the folders cf/ and debian/ is expanded by GNU m4; both programs are asked for a hundred addresses in all
forms: through 3,0, check_rcpt and a mailer's rulesets. Whole answers are compared, traces included. Needs root. Exit
status: 0 all alike.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.live.compare_cf import LIBRARIES, LIBRARY, SENDMAIL, machine, prompts
from tests.live.map_tools import SENDMAIL_ROOT

OURS = [str(Path(sys.executable).parent / "mailconf"), "sendmail", "--sendmail-version", "8.17"]
FOLDERS = ("cf", "debian")
FLAGS = ("ES", "ER", "HS", "HR")
_ODD = re.compile("[\r\x0b\x0c\x1c-\x1e\x85]")
LONG = "a" * 200
ADDRESSES = [
    *("joe", "joe@corp.test", "ann+x@corp.test", "<bob@far.test>", "x@elsewhere.test", "x@sub.far.test", "a@b@c.test"),
    *("u@mail.corp.test", "a%b.test@corp.test", "@corp.test:x@far.test", "@a.test,@b.test:c@far.test", "host!user"),
    *("a!b!c@corp.test", "user@host.UUCP", '"quoted user"@far.test', '"a b"@corp.test', "joe@[127.0.0.1]", "joe@"),
    *("joe@[IPv6:::1]", "@far.test", "<>", "joe@localhost", "x@bithost.BITNET", "x@DEC.DECNET", "x@y.CSNET", "x@test"),
    *("dec::user", "u@h.FAX", "joe@corp.test.", "JOE@CORP.TEST", "x@mxtous.test", "x@nowhere.test", "joe+@corp.test"),
    *("+det@corp.test", "joe;x@corp.test", "list:a@b.test,c@d.test;", "Full Name <joe@far.test>", "u@10.1.2.3"),
    *("joe@far.test (comment)", "|/bin/cat", "/tmp/file", ":include:/tmp/x", "\\joe", "joe.user", "joe@www.corp.test"),
    *("x@servfail.example", "x@partner.test", "root", "postmaster", "MAILER-DAEMON", "a.b.c.d@x.y.z.test", "u@a..test"),
    *("u@.test", "u%h", "u%h1%h2@far.test", "h1!u@far.test", "u@far.test@corp.test", "x@USENET", "news.group.USENET"),
    *('"x@y"@corp.test', "a@[1.2.3]", "x@-a.test", "\xe9@far.test", "u@\xe9.test", "a,b@corp.test", "a b@corp.test"),
    *(
        " joe",
        "joe ",
        '"unbalanced',
        "<unbalanced",
        "unbalanced>",
        "(comment",
        "comment)",
        f"{LONG}@far.test",
        "u@host",
    ),
    *(f"a@{LONG}.test", "x@ab.REDIRECT", "joe@corp.test.REDIRECT", "u@h.BITNET.", "u@h.LOCAL", "u!h!x", "!x", "x!"),
    *("%", "@", ".", "u@@far.test", "$h", "$*", "$=w", "a$b@far.test", "u@far.test#c", "o'neil@far.test"),
    *("u:x@far.test", "u^h@far.test", "u*@far.test", "u?@far.test", "x`y@far.test", "x/y@far.test", "x{y}@far.test"),
]


def expanded(mc: Path, folder: Path) -> Path | None:
    """The .cf that m4 makes of a .mc, with its files in ``folder``; None where m4 makes none."""
    command = ["m4", f"-D_CF_DIR_={LIBRARY}/", LIBRARY / "m4/cf.m4", mc]
    done = subprocess.run(command, cwd=mc.parent, capture_output=True, check=False)
    text = done.stdout.replace(b"/etc/mail/", f"{folder}/".encode())
    if b"\nV10" not in text:
        return None
    for file in re.findall(rf"^F\S+\s+(?:-o )?({folder}/\S+)", text.decode("latin-1"), re.MULTILINE):
        Path(file).write_text("lan.test\n")
    cf = folder / "x.cf"
    cf.write_bytes(text)
    return cf


def questions(cf: Path) -> list[str]:
    mailers = [name for name in re.findall(r"^M([\w-]+)", cf.read_text("latin-1"), re.MULTILINE) if name != "prog"]
    lines = []
    for number, address in enumerate(ADDRESSES):
        lines += [f"3,0 {address}", f"check_rcpt {address}", f"/tryflags {FLAGS[number % len(FLAGS)]}"]
        lines.append(f"/try {mailers[number % len(mailers)]} {address}")
    return lines


def answers(command: Sequence[str | Path], cf: Path, lines: Sequence[str], environment: dict[str, str]) -> list[str]:
    data = "\n".join(lines).encode("latin-1") + b"\n/quit\n"
    done = subprocess.run(
        [*command, "-bt", "-C", cf],
        input=data,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **environment},
        check=False,
    )
    return prompts(_ODD.sub("?", done.stdout.decode("latin-1")))


def main() -> int:
    parser = argparse.ArgumentParser(prog="compare_library_mc")
    parser.add_argument("names", nargs="*")
    parser.add_argument("-v", dest="show", action="store_true")
    options = parser.parse_args()
    found = [mc for folder in FOLDERS for mc in sorted((LIBRARY / folder).glob("*.mc"))]
    chosen = [mc for mc in found if not options.names or mc.stem in options.names]
    asked = alike = files = 0
    with machine(), tempfile.TemporaryDirectory(dir=SENDMAIL_ROOT) as top:
        Path(top).chmod(0o755)
        for number, mc in enumerate(chosen):
            folder = Path(top) / str(number)
            folder.mkdir(mode=0o755)
            cf = expanded(mc, folder)
            if cf is None:
                continue
            files += 1
            lines = questions(cf)
            real = answers([SENDMAIL], cf, lines, {"LD_LIBRARY_PATH": LIBRARIES})
            ours = answers(OURS, cf, lines, {})
            asked += max(len(real), len(ours))
            for line, one, other in zip(["(start)", *lines, "(end)"], real, ours, strict=False):
                alike += one == other
                if one != other and options.show:
                    print(f"== {mc.stem}: {line}\n-- {one}\n++ {other}")
    print(f"{files} .cf: {alike} of {asked} answers alike")
    return alike != asked


if __name__ == "__main__":
    sys.exit(main())
