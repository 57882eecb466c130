"""What a .cf says, case by case: lines behind a head, and how sendmail is asked what it made of them.

Each answer is what `ANSWERS` gives: plain data that the reader's objects are compared with.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mailconf.sendmail.cf.options import NAMES

HEAD = """\
V10/Berkeley
Dwlocalhost
Djlocalhost.example.org
O DontProbeInterfaces=True
O QueueDirectory=FOLDER/q
Mlocal, P=/bin/true, F=l, S=0, R=0, A=true
Mprog, P=/bin/true, F=l, S=0, R=0, A=true
Sparse=0
R$+\t$#local $: $1
"""
MESSAGE = "From: a@b.example\nTo: root\nPrecedence: foo\nSubject: x\n\nhi\n"
_OWN = {"host", "aliases.files", "aliases"}  # maps that sendmail has by itself
_MAP = re.compile(r"map (\S+), class (\S+), flags (\w+), file (.*),\n\tapp (.*), domain .*, rebuild (.*)")
_INIT = re.compile(r"map_init\(([^:\n]*):Alias(\d+), (.*)\)")
_OPTION = re.compile(r"setoption (\S+) \(\S+\)(?:\.(\S+))?=(.*)")
_MAILER = re.compile(r"mailer \d+ \((.*)\): P=(.*) S=(\S*) R=(\S*) M=\d+ U=\S+ F=(.*) L=.* A=(.*)")

Case = tuple[str, str, list[str]]  # kind, lines, names that are asked for

CASES: list[Case] = [
    ("macros", "DM  a b  \nD{x}  y z\nDX\"a b\nDYa\\tb\\n\\\"c\nD{x} 2\nDa\nDb=c\nD{b}d\nDmX Y # c\n",
     ["M", "x", "X", "Y", "a", "b", "m"]),
    ("macros", "DMa\n b\nD{y}a # b\nDZ\"a # b\"\nDUa\\# b\nDVa\\\\b\nDWa,b\nD{ab}1\nD{AB}2\nD{c}z\nDcq\n",
     ["M", "y", "Z", "U", "V", "W", "ab", "AB", "c"]),
    ("classes", "CMa b  \"c d\" A\nCM e\nC{x}\nCz\n\tone\n two\nCQx,y\nTjoe, ann bob\nT\tz\nCtpat\nC{z}three\n",
     ["M", "x", "z", "Q", "t"]),
    ("classes", "Cxone\nCy$=x two\nCxthree\nC{z}$={y} $=x\nCp$=q a\nCq$=p b\n", ["x", "y", "z", "p", "q"]),
    *(("maps", text, []) for text in (
        "Ka arith\nKa null\n", "Kb null\nKb arith\n", "KC hash -o /a\nKc hash -o /b\n", "Kd HASH -o /a\n",
        "Ke hash -o -N -O /n\n", "Kf hash -o -a<x> -T<TMPF> -q -m -A -t -S+ -D /n rebuild words\n",
        "Kg text -o -k 0 -v 1 -z: /n\n", "Kg text -o -k 0 -v 1 -z : /n\n", "Kh text -o -k0 -v1 -z\\t /n\n",
        "Kj hash -o\n\t/w\n", "Kwatch hash\n\t-o /etc/mail/watch\n", "Kl hash -o /x.db\n", "Kn hash -o \"/a b\"\n",
        "K q hash -o /x\n", "Kr.s_t hash -o /x\n", "Kw hash-o /x\n", "Kx hash:/x\n", "Kad program /bin/echo foo\n",
        "Kae hash -o /x # comment\n", "Kaf hash -oN /x\n", "Kap hash -o -a /x\n", "Kak switch aliases\n",
        "Kaq hash -o /x\nKaq btree -o /y\n", "Kas hash -o /x\nKas hash\n", "Kax hash -O -N -o /x\n",
        "Kay implicit -o /x\n", "Kaz text /nope\n", "Kba text:-o /nope\n", "Kbd  hash   -o   /x    foo bar\n",
        "Kbe hash -o /x\\,y\n", "Kav hash -o\v/x\n", "Kav\vhash -o /x\f y\n", "Kbh dns -R MX -o\n",
        "Kbr nis -o x\n", "Kbv nisplus x\n", "Kmany hash -o\n\t-N\n  -O\n\t/x y\n",
    )),
    *(("aliases", text, []) for text in (
        "O AliasFile=/a\nO AliasFile=hash:/b\n", "O AliasFile=hash:-o /a,/b, text: -k 0 /c ,-o /d,\n", "OA/a b\n",
        "O AliasFile=/a:hash\n", "O AliasFile=hash : /a\n", "O AliasFile= hash: /a\n", "O AliasFile=implicit:-o /a\n",
        "O AliasFile=-N /a, HASH:/b\n", "O AliasFile=/a,/a\n", "O AliasFile=ldap\n", "O AliasFile=/a,\n\t/b\n",
        "O AliasFile=a\\,b\n", "O AliasFile=-o /a rebuild, btree:/b\n", "O AliasFile=/x/y:/a\n",
        "O AliasFile=hash:\"/a,b\",/c\n", "O AliasFile=/a\"x,y\"z,/b\n", "O AliasFile=hash:/a.db,/b.db\n",
        "O AliasFile=nis:mail.aliases@x,/b\n", "O AliasFile=hash:/a\t,/b\n", "O AliasFile=/a\nO AliasFile=\n",
        "O AliasFile=\v/a\n", "O Alias=/a\n", "O aliasfile=/a\n",
    )),
    ("options", "O LogLevel=9\nO loglevel = 9 \nO LogLev=9\nO Timeout.queuereturn=5d\nOL9\nO timeout.QueueReturn=5d\n"
     "O AliasFile\nO  LogLevel=3\nO LogLevel.foo=3\nOr7d\nO LogLevel =4\nO LogLevel\t=5\nO Log Level=3\nO m=1\n"
     "OW1\n", []),
    ("options", "O QueueDirectory = FOLDER/q # x\nO HelpFile=a=b\nO DoubleBounce=\nO SSLEngine=\nO SharedMemoryKey=0\n"
     "O MaxMess=5\nO Max=5\nO MIL.maxdatasize=5\nO Milter.LogLevel=5\nO =x\nOn1\nO TIMEOUT.c=1h\n", []),
    *(("mailers", text, []) for text in (
        "Mx, P=/a, A=\"b, c\" d\n", "Mx, P=/a, A=b\\, c\n", "Mx, P=/a, A=b $u, F=lms, S=1/2, R=3\n",
        "Mx, P = /a , A = b\n", "Mx,P=/a,A=b\n", "Mx\tP=/a,\tA=b\n", "Mx, P=/a, A=b, P=/c, A=d\n",
        "Mx, P=/a, A=b\nMx, P=/c, A=d\n", "My, P=/a, A=b\nMx, P=/c, A=d\nMy, P=/e, A=f\n",
        "MX, P=/a, A=b\nMx, P=/c, A=d\n", "Mx, P=/a,\n\tA=b\n\tc, F=l\n", "Mx, P=\"/a b\", A=b\n",
        "Mx, Path=/a, Argv=b, Flags=abc, Sender=1, Recipient=2\n", "Mx, P=/a, A=b, F=l m\n",
        "Mx, P=/a, A=b, F=l, F=m\n",
        "Mx, P=/a, A=b, S=EnvX/HdrX, R=RcX\n", "Mx:y, P=/a, A=b # c\n", "Mlocal, P=/z, A=q\n",
    )),
    ("rulesets", "Sfoo\nR$*\tone\nSfoo\nR$*\ttwo\nSFOO\nR$*\tthree\nSbar=7\nR$*\tx\nS7\nR$*\ty\nSbaz=7\nSbar\nR$*\tz\n",
     ["foo", "FOO", "7", "bar"]),
    ("rulesets", "Sx words\nR$* a\t\t$1 b\tcomment here\nR$*\t$1 \t \nR$*\n\t$1 c\nRa\n b\tc\n d\te\n f\nR\"a\tb\"\tc\n"
     "R$*\ta(b)c\nR$*\t$: a \tc # d\nR$*\t$&j $$j\nS5x\nRa\tb\nSa-b\nRa\tc\nS 9\nRa\td\n", ["x", "5", "a", "9"]),
    *(("headers", text, []) for text in (
        "HX-A: one\nHX-A: two\nHx-a: three\n", "H?F?X-B: b\nH?l?X-C: c\nH??X-D: d\n", "HX-L: a\n\tb\nHX-M:   c  \n",
        "HX-O : o\nH?F?X-P: p\nHX-P: q\n", "H?F?X-Q: p\nH?l?X-Q: q\n", "HX-U: a\\# b # c\n",
        "HX-S: $>foo\nHX-S: $>bar\nHX-S: v\nSfoo\nSbar\n", "HReceived: from x\nHReceived: from y\nHX-A: $>foo\nSfoo\n",
    )),
    *(("precedence", text, ["foo"]) for text in (
        "Pfoo=5\nPfoo=7\nPFOO=9\n", "PFOO=5\n", "Pfoo=0x10\n", "Pfoo=1k\n", "Pfoo = 3\n", "Pfoo= 4\n", "Pbar=3\n",
        "Pfoo=-2\n",
    )),
    *(("files", text, ["x"]) for text in (
        "Fx FOLDER/words\n", "FxFOLDER/words %[a-z]\n", "F{x}\"FOLDER/words\"\n", "Fx\n\tFOLDER/words\n",
        "Fx\\FOLDER/words\n", "F{x}\"|/bin/echo foo\" x\n", "F{x}k@:FOLDER/x\n", "F{x}k@null:FOLDER/x y\n",
        "F{x}-o FOLDER/none\n", "Fx-o\tFOLDER/words\n", "Fx-optional FOLDER/words\n", "F{x}|/bin/echo foo bar\n",
        "F{x}k@null:FOLDER/x\n", "F{x}@LDAP\n", "FxFOLDER/words # comment\n", "F{x}/bin/a@b\n",
    )),
    ("environment", "EFOO=bar\nEFOO=baz\nEBAR\nEZ=1\nEZ\nEQ=\"a\"\n", ["FOO", "Z", "Q"]),
    ("queues", "Qa, P=FOLDER/q, F=f, R=2\nQa, P=FOLDER/q, R=3\n", []),
    ("names", "", sorted(NAMES)),
    ("queues", "Qa, Path=FOLDER/q, Runners=2\nQA, P=FOLDER/q, R=3\n", []),
]  # fmt: skip


class Sendmail:
    """The real sendmail in a folder that only root can write to."""

    def __init__(self, program: Path, libraries: str, folder: Path) -> None:
        self.program, self.libraries, self.folder = program, libraries, folder
        (folder / "q").mkdir(exist_ok=True)
        (folder / "words").write_text("one two\n#c\nthree:four\n")

    def ask(self, text: str, prompts: list[str], *options: str, mode: str = "-bt", stdin: str = "") -> str:
        """What it prints. In ``text``, FOLDER is the folder."""
        cf = self.folder / "x.cf"
        cf.write_bytes((HEAD + text).replace("FOLDER", str(self.folder)).encode("latin-1"))
        command = ["unshare", "--uts", "sh", "-c", 'hostname mail.example.org; exec "$@"', "sendmail", self.program]
        done = subprocess.run(
            [*command, "-C", cf, *options, mode, *(["-i", "root"] if stdin else [])],
            input=(stdin or "".join(f"{line}\n" for line in [*prompts, "/quit"])).encode("latin-1"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LD_LIBRARY_PATH": self.libraries},
            timeout=90,
            check=False,
        )
        return done.stdout.decode("latin-1").replace(str(self.folder), "FOLDER")

    def asked(self, text: str, prompts: list[str]) -> list[str]:
        """The answers to prompts of -bt, each asked for by itself."""
        said = [self.ask(text, [prompt]).partition("\n> ")[2] for prompt in prompts]
        return [answer.removesuffix("> ").removesuffix("\n") for answer in said]

    def queued(self, text: str) -> str:
        """The control file of a message."""
        for file in (self.folder / "q").iterdir():
            file.unlink()
        self.ask("O SuperSafe=True\nO LogLevel=0\n" + text, [], mode="-odq", stdin=MESSAGE)
        return "".join(file.read_text("latin-1") for file in (self.folder / "q").glob("qf*"))


def _classes(sendmail: Sendmail, text: str, names: list[str]) -> Any:
    answers = sendmail.asked(text, [f"$={{{name}}}" for name in names])
    return [sorted(filter(None, answer.split("\n"))) for answer in answers]


def _maps(sendmail: Sendmail, text: str, names: list[str]) -> Any:
    last = {}
    for name, kind, flags, file, app, rebuild in _MAP.findall(sendmail.ask(text, [], "-d37.8")):
        if name not in _OWN:
            bits = int(flags, 16)
            nothing = "(null)"
            last[name] = [kind, "" if file == nothing else file, "" if rebuild == nothing else rebuild,
                          "" if app == nothing else app, bool(bits & 4), bool(bits & 2)]  # fmt: skip
    return last


def _aliases(sendmail: Sendmail, text: str, names: list[str]) -> Any:
    found = _INIT.findall(sendmail.ask("O LogLevel=0\n" + text, [], "-d38.2", "-d20.50", mode="-bi"))
    return [[kind, file] for kind, _, file in sorted(found, key=lambda each: int(each[1]))]


def _options(sendmail: Sendmail, text: str, names: list[str]) -> Any:
    said = sendmail.ask(text, [], "-d37.1").partition("setoption QueueDirectory (Q)=FOLDER/q\n")[2]
    said = said.partition("setoption HoldExpensive (c)=F\n")[0]
    return [list(found) for found in _OPTION.findall(said)]


def _mailers(sendmail: Sendmail, text: str, names: list[str]) -> Any:
    found = _MAILER.findall(sendmail.ask(text, ["=M"]))
    return [list(each) for each in found if each[0] not in ("prog", "*file*", "*include*")]


def _rulesets(sendmail: Sendmail, text: str, names: list[str]) -> Any:
    answers = sendmail.asked(text, [f"=S{name}" for name in names])
    return [
        [rule.replace(" ", "").replace("\t\t", "\t") for rule in answer.split("\n") if rule.strip()]
        for answer in answers
    ]


def _headers(sendmail: Sendmail, text: str, names: list[str]) -> Any:
    lines = re.findall(r"^H\?(.*?)\?(.*(?:\n\t.*)*)", sendmail.queued(text), re.MULTILINE)
    own = ("From:", "To:", "Precedence:", "Subject:")
    return [[condition, line] for condition, line in lines if not line.startswith(own)]


def _precedence(sendmail: Sendmail, text: str, names: list[str]) -> Any:
    found = re.search(r"^P(-?\d+)$", sendmail.queued(text), re.MULTILINE)
    usual = re.search(r"^P(-?\d+)$", sendmail.queued(""), re.MULTILINE)
    assert found is not None and usual is not None
    return (int(usual[1]) - int(found[1])) // 1800


def _files(sendmail: Sendmail, text: str, names: list[str]) -> Any:
    said = sendmail.ask(text, [], "-d37.9")
    found = re.search(r"^fileclass\((.*), fmt=(.*)\)$", said, re.MULTILINE)
    return [found and found[1], found and found[2], ": map class" in said or "LDAP" in text]


def _environment(sendmail: Sendmail, text: str, names: list[str]) -> Any:
    (said,) = _classes(sendmail, text + "F{env}|/usr/bin/env\n", ["env"])
    return [next((line.partition("=")[2] for line in said if line.startswith(f"{name}=")), None) for name in names]


def _queues(sendmail: Sendmail, text: str, names: list[str]) -> Any:
    """Groups with several runners that may not have them: of these sendmail speaks."""
    return sorted(re.findall(r"Warning: Q=(\w+): R=(\d+)", sendmail.ask(text, [])))


def _names(sendmail: Sendmail, text: str, names: list[str]) -> Any:
    """The options by their names, each with its letter."""
    found = []
    for name in names:
        said = sendmail.ask(f"O {name}=\n", [], "-d37.1").partition("(Q)=FOLDER/q\n")[2]
        option = re.match(r"setoption (\S+) \((\S+)\)", said)
        if option:
            found.append([option[1], option[2] if len(option[2]) == 1 else ""])
    return found


ANSWERS: dict[str, Callable[[Sendmail, str, list[str]], Any]] = {
    "macros": lambda sendmail, text, names: sendmail.asked(text, [f"${{{name}}}" for name in names]),
    "classes": _classes, "maps": _maps, "aliases": _aliases, "options": _options, "mailers": _mailers,
    "rulesets": _rulesets, "headers": _headers, "precedence": _precedence, "files": _files,
    "environment": _environment, "names": _names, "queues": _queues,
}  # fmt: skip


def answer(sendmail: Sendmail, case: Case) -> Any:
    """What sendmail makes of a case, as plain data."""
    kind, text, names = case
    return ANSWERS[kind](sendmail, text, names)
