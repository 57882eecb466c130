"""What every tool takes of memory and time for texts of hostile shapes: programs, shapes, and how it is measured.

``python -m tests.memory [--size BYTES] [--program WORD] [--shape WORD]`` prints a line for each program and shape: the
peak memory above that of the same command with an empty text, as a multiple of the text, and the processor's time.
tests/test_memory.py holds the default suite's sample to the bound.

The peak is what wait4(2) says of the process and of its children. As that includes what the caller had when it
started the process, a small process of its own starts them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

TOP = Path(__file__).resolve().parent.parent
TIMES, MORE = 10, 20_000_000  # of the text, and bytes
# What numpy takes of the latter where it is loaded; from 2.5 on, which Python 3.12 is the first for, it takes 22 MB.
_NUMPY = 17_000_000

# Starts what stands in each line of its input (words, the folder, a file for standard input) and prints what it took.
_STARTER = r"""
import json, os, resource, sys, tempfile
for line in sys.stdin:
    words, folder, stdin, seconds = json.loads(line)
    with tempfile.TemporaryFile() as out, open(stdin, "rb") as source:
        child = os.fork()
        if not child:
            os.chdir(folder)
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
            for number, file in enumerate((source.fileno(), out.fileno(), out.fileno())):
                os.dup2(file, number)
            os.execv(words[0], words)
        _, status, usage = os.wait4(child, 0)
        size = os.fstat(out.fileno()).st_size
        out.seek(0)
        said = out.read(2000).decode("utf-8", "replace")
        out.seek(0)
        longest = 0
        while piece := out.readline(1 << 20):
            longest = max(longest, len(piece))
    took = [usage.ru_maxrss << 10, usage.ru_utime + usage.ru_stime, os.waitstatus_to_exitcode(status)]
    print(json.dumps([*took, size, longest, said]), flush=True)
"""


class Took(NamedTuple):
    """What a program took: bytes at its peak, seconds of the processor; and how it ended (negative: by a signal)."""

    memory: int
    seconds: float
    status: int
    output: int  # bytes of both streams, the longest line among them (up to 1 MiB), the beginning
    longest: int
    said: str


class Starter:
    """Starts programs one after the other."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def more(self) -> int:
        """MORE on this machine: with what its numpy takes above the one that the bound was made with."""
        with tempfile.TemporaryDirectory() as folder:
            without, loaded = (
                self.run([sys.executable, "-c", f"import os, sys; {words}"], Path(folder)).memory
                for words in ("pass", "import mailconf.arrays as a; a.arrays()")
            )
        return MORE + max(0, loaded - without - _NUMPY)

    def run(self, words: list[str], folder: Path, stdin: str = "/dev/null", seconds: int = 60) -> Took:
        said, answers = self._process.stdin, self._process.stdout
        assert said is not None and answers is not None
        _tell(said, [words, str(folder), stdin, seconds])
        return Took(*json.loads(answers.readline()))


def _tell(file: IO[str], message: Any) -> None:
    file.write(json.dumps(message) + "\n")
    file.flush()


@contextmanager
def starter() -> Iterator[Starter]:
    """A process that starts others."""
    command = [sys.executable, "-S", "-c", _STARTER]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as compiled:
        environment["PYTHONPYCACHEPREFIX"] = compiled  # else our modules may be compiled at each start
        # To compile a module takes memory, too: the first program is to take no more of it than the others.
        compiling = [sys.executable, "-m", "compileall", "-q", str(TOP / "mailconf")]
        subprocess.run(compiling, env=environment, check=True)
        subprocess.run(
            [sys.executable, "-c", "import click, mailconf.arrays as a; a.arrays()"], env=environment, check=True
        )
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        ) as process:
            yield Starter(process)
            assert process.stdin is not None
            process.stdin.close()


# The shapes: ``n`` bytes, in a table whose entries begin with ``first``.
Shape = Callable[[int, bytes], bytes]


class Program(NamedTuple):
    """A command and the text that it reads.

    words   after ``mailconf``, in a folder below which the rest is
    file    the text, by its name there; "-" is standard input
    files   what else there is
    first   what precedes a value in the text (``key``, ``key:``)
    before  commands that run before, unmeasured, with the text in its place
    most    bytes of a text that the program reads; a larger one it refuses
    """

    words: tuple[str, ...]
    file: str
    files: tuple[tuple[str, str], ...] = ()
    first: str = "key "
    before: tuple[tuple[str, ...], ...] = ()
    most: int = 1 << 40

    def text(self, make: Shape, size: int) -> bytes:
        """A text of about ``size`` bytes."""
        return make(min(size, self.most), self.first.encode())


def _value(unit: str) -> Shape:
    piece = unit.encode()
    return lambda n, first: first + piece * (n // len(piece)) + b"\n"


def _lines(unit: str) -> Shape:
    """Lines, N in which is a number, F what begins an entry, without its key."""

    def made(n: int, first: bytes) -> bytes:
        form = unit.encode().replace(b"F", first.removeprefix(b"key"))
        if b"N" not in form:
            return form * (n // len(form))
        beginning, end = form.split(b"N", 1)
        lines, size, number = [], 0, 0
        while size < n:
            line = beginning + b"%x" % number + end
            lines.append(line)
            size += len(line)
            number += 1
        return b"".join(lines)

    return made


SHAPES: dict[str, Shape] = {
    "a line without a value": lambda n, first: b"a" * n + b"\n",
    "a line without its newline": lambda n, first: b"a" * n,
    "a key": lambda n, first: b"a" * n + first.removeprefix(b"key") + b" v\n",
    "a value": _value("v"),
    "a value without its newline": lambda n, first: first + b"v" * n,
    "a value of domains": _value("v."),
    "a value with an emoji": lambda n, first: first + "😀".encode() + b"v" * n + b"\n",
    "a value of umlauts": _value("ä"),
    "a value that is not UTF-8": lambda n, first: first + b"\xff" * n + b"\n",
    "addresses": _value("ab@c.test, "),
    "addresses without blanks": _value("ab@c.test,"),
    "addresses with blanks": _value("ab@c.test "),
    "addresses in brackets": _value("<ab@c.test>,"),
    "one-letter addresses": _value("a,"),
    "words": _value("a b "),
    "includes": _value(":include:/a, "),
    "commands": _value('"|a b",'),
    "files": _value("/a, "),
    "commas": _value(","),
    "colons": _value(":"),
    "at signs": _value("@"),
    "dots": _value("."),
    "bars": _value("|"),
    "slashes": _value("/"),
    "hashes": _value("#"),
    "comments in a value": _value("# a, "),
    "backslashes": _value("\\"),
    "quotes": _value('"'),
    "quoted words": _value('"a",'),
    "a quote that is not closed": _value('"' + "a" * 998),
    "brackets": _value("("),
    "pairs of brackets": _value("()"),
    "angles": _value("<"),
    "square brackets": _value("["),
    "dollars": _value("$"),
    "references": _value("$a "),
    "percents": _value("%"),
    "braces": _value("{"),
    "pairs of braces": _value("{}"),
    "equals": _value("="),
    "semicolons": _value(";"),
    "exclamation marks": _value("!"),
    "stars": _value("*"),
    "digits": _value("1"),
    "networks": _value("10.0.0.0/8, "),
    "addresses of hosts": _value("10.0.0.1 "),
    "NULs": lambda n, first: b"\0" * n,
    "NULs in a value": _value("\0"),
    "lines of NULs": _lines("\0\n"),
    "blanks": lambda n, first: b" " * n,
    "blanks in a value": _value(" "),
    "newlines": _lines("\n"),
    "carriage returns": _value("\r"),
    "comments": _lines("#\n"),
    "a comment": lambda n, first: b"#" * n + b"\n",
    "continuation lines": lambda n, first: first + b"\n" + b" w\n" * (n // 3),
    "continuation lines with commas": lambda n, first: first + b"v,\n" + b" w,\n" * (n // 4),
    "continuations of nothing": lambda n, first: b" w\n" * (n // 3),
    "continuations and comments": lambda n, first: first + b"v\n" + b"#\n w\n" * (n // 5),
    "tiny lines": _lines("N F v\n"),
    "tiny lines with long values": _lines("N F ab@c.test, de@f.test, gh@i.test\n"),
    "tiny lines all the same": _lines("aF v\n"),
    "tiny lines without values": _lines("N\n"),
    "tiny lines without keys": _lines("F\n"),
    "tiny lines with a quote": _lines('"N\n'),
    "tiny lines with a colon": _lines("N: v\n"),
    "tiny lines that are not UTF-8": lambda n, first: b"\xff v\n" * (n // 4),
    "tiny lines and a NUL": lambda n, first: _lines("N F v\n")(n, first) + b"a \0\n",
    "tiny patterns": _lines("/N/ OK\n"),
    "tiny patterns that are not closed": _lines("/N\n"),
    "a pattern": lambda n, first: b"/" + b"a" * n + b"/ OK\n",
    "a pattern of groups": lambda n, first: b"/" + b"(a)" * (n // 3) + b"/ OK\n",
    "a pattern that is not closed": lambda n, first: b"/" + b"a" * n + b"\n",
    "a result of references": lambda n, first: b"/(a)/ " + b"$1" * (n // 2) + b"\n",
    "ifs": _lines("if /a/\n"),
    "endifs": _lines("endif\n"),
    "tiny networks": _lines("10.0.0.0/8 OK\n"),
    "tiny networks with bits": _lines("10.0.0.1/8 OK\n"),
    "lines of classes": _lines("CXN\n"),
    "lines of macros": _lines("D{aN}b\n"),
    "lines of rules": _lines("R$*N\t$1\n"),
    "lines of small rules": _lines("R\t\n"),
    "lines of rulesets": _lines("SaN\n"),
    "lines of maps": _lines("KaN hash b\n"),
    "lines of headers": _lines("HaN: b\n"),
    "lines of mailers": _lines("MaN, P=b, A=c\n"),
    "lines of queues": _lines("QaN, P=/b\n"),
    "lines of filters": _lines("XaN, S=inet:1@b\n"),
    "lines of environment": _lines("EaN=b\n"),
    "lines of users": _lines("TN\n"),
    "lines of options": _lines("O T=N\n"),
}

_POSTFIX = (("empty/main.cf", "compatibility_level = 3.6\n"),)
_ETC = "root/etc/postfix/"
_MAIL = "root/etc/mail/"
_MASTER = "smtp inet n - n - - smtpd\nlocal unix - n n - - local\nrelay unix - - n - - smtp\n"


def _postmap(*words: str, file: str = "t", first: str = "key ", before: tuple[tuple[str, ...], ...] = ()) -> Program:
    return Program(words, file, _POSTFIX, first, before)


def _site(main: str, file: str, *words: str, first: str = "key ", more: str = "") -> Program:
    """A Postfix whose main.cf has a line ``main``, which names ``file``."""
    files = (
        (_ETC + "main.cf", f"compatibility_level = 3.6\nmyhostname = a.test\nalias_maps =\nalias_database =\n{main}\n"),
    )
    files += ((_ETC + "master.cf", _MASTER),)
    return Program((*(words or ("check",)), "--root", "root", "/etc/postfix"), file, files, first)


def _mail(mc: str, file: str, *words: str, first: str = "key ") -> Program:
    """An /etc/mail."""
    start = "include(`/usr/share/sendmail/cf/m4/cf.m4')dnl\nOSTYPE(`linux')dnl\n"
    files = ((_MAIL + "sendmail.mc", f"{start}{mc}\nMAILER(`local')\n"), (_MAIL + "aliases", "postmaster: root\n"))
    return Program((*(words or ("check",)), "--root", "root", "/etc/mail"), file, (*files, *_library()), first)


def _library() -> tuple[tuple[str, str], ...]:
    from tests.sendmail.small_library import FILES

    return tuple((f"root/usr/share/sendmail/cf/{name}", text) for name, text in FILES.items())


def _programs() -> dict[str, Program]:
    made: dict[str, Program] = {}
    c = ("-c", "empty")
    for kind in ("hash", "btree", "cdb", "lmdb"):
        made[f"postmap {kind}"] = _postmap("postmap", *c, f"{kind}:t")
        made[f"postmap -s {kind}"] = _postmap("postmap", *c, "-s", f"{kind}:t", before=(("postmap", *c, f"{kind}:t"),))
        made[f"postmap -q key {kind}"] = _postmap(
            "postmap", *c, "-q", "key", f"{kind}:t", before=(("postmap", *c, f"{kind}:t"),)
        )
        made[f"postalias {kind}"] = _postmap("postalias", *c, f"{kind}:t", first="key:")
    for tool, first in (("postmap", "key "), ("postalias", "key:")):  # which warn of NULs
        made[f"{tool} hash, 3.10"] = _postmap(tool, "--postfix-version", "3.10", *c, "hash:t", first=first)
    made["postmap -s -j hash"] = _postmap("postmap", *c, "-s", "-j", "hash:t", before=(("postmap", *c, "hash:t"),))
    made["postmap -F hash"] = _postmap("postmap", *c, "-F", "hash:t")
    made["postmap -i hash"] = _postmap("postmap", *c, "-i", "hash:t", file="-")
    for kind in ("hash", "lmdb"):  # into a map that holds the same
        for tool, first in (("postmap", "key "), ("postalias", "key:")):
            words = (tool, *c, "-i", f"{kind}:t")
            made[f"{tool} -i {kind} again"] = _postmap(*words, file="-", first=first, before=(words,))
    made["postmap -q - hash"] = _postmap("postmap", *c, "-q", "-", "hash:small", file="-")
    made["postmap -q - hash"] = made["postmap -q - hash"]._replace(
        files=(*_POSTFIX, ("small", "a b\n")), before=(("postmap", *c, "hash:small"),)
    )
    made["postmap -d - hash"] = made["postmap -q - hash"]._replace(words=("postmap", *c, "-d", "-", "hash:small"))
    made["postmap -q - -h regexp"] = _postmap("postmap", *c, "-q", "-", "-h", "regexp:small", file="-")._replace(
        files=(*_POSTFIX, ("small", "/^b/ c\n"))
    )
    made["postmap -q - -b regexp"] = made["postmap -q - -h regexp"]._replace(
        words=("postmap", *c, "-q", "-", "-b", "regexp:small")
    )
    made["postmap -q - -m regexp"] = made["postmap -q - -h regexp"]._replace(
        words=("postmap", *c, "-q", "-", "-hbm", "regexp:small")
    )
    for kind in ("texthash", "regexp", "pcre", "cidr"):
        made[f"postmap -q key {kind}"] = _postmap("postmap", *c, "-q", "key", f"{kind}:t")
    made["postmap -s texthash"] = _postmap("postmap", *c, "-s", "texthash:t")
    made["newaliases Postfix"] = Program(
        ("newaliases", "-C", "."), "aliases", (("main.cf", "alias_database = hash:aliases\n"),), "key:"
    )
    cf = "O AliasFile=aliases\nO DontBlameSendmail=MapInUnsafeDirPath\nO DontProbeInterfaces=True\n"
    made["newaliases"] = Program(("newaliases", "-C", "cf"), "aliases", (("cf", "V10/Berkeley\n" + cf),), "key:")
    made["newaliases, its cf"] = Program(
        ("newaliases", "-C", "cf"), "cf", (("aliases", "a:b\n"),), "O AliasFile=aliases"
    )
    made["newaliases, its class"] = Program(
        ("newaliases", "-C", "cf"), "w", (("aliases", "a:b\n"), ("cf", f"V10/Berkeley\n{cf}Fww\n")), ""
    )
    for what, first in {
        "": "Dk",
        ", a class": "CX",
        ", options": "O k=",
        ", maps": "Kkey hash ",
        ", rules": "R$*\t",
    }.items():
        made[f"sendmail -bt, its cf{what}"] = Program(
            ("sendmail", "-bt", "-C", "cf"), "cf", (("cf", "V10/Berkeley\nSx\n"),), first
        )
    made["sendmail -bt, its class"] = Program(
        ("sendmail", "-bt", "-C", "cf"), "w", (("cf", f"V10/Berkeley\n{cf}FXw\n"),), ""
    )
    made["sendmail -bt, its prompts"] = Program(
        ("sendmail", "-bt", "-C", "cf"), "-", (("cf", f"V10/Berkeley\n{cf}Sx\nR$*\t$@ $1\n"),), "x "
    )
    tools = (("cf", "V10/Berkeley\nO DontBlameSendmail=MapInUnsafeDirPath\n"),)
    for kind in ("hash", "btree"):
        made[f"makemap {kind}"] = Program(("makemap", "-C", "cf", kind, "t"), "-", tools)
    made["makemap -d"] = Program(("makemap", "-C", "cf", "-d", "btree", "t"), "-", tools)
    made["makemap -e -t ,"] = Program(("makemap", "-C", "cf", "-e", "-t", ",", "hash", "t"), "-", tools)
    made["makemap -v"] = Program(("makemap", "-C", "cf", "-v", "hash", "t"), "-", tools)
    before = (("makemap", "-C", "cf", "hash", "t"),)
    made["makemap -u"] = Program(("makemap", "-C", "cf", "-u", "hash", "t"), "-", tools, before=before)
    made["makemap -o"] = Program(("makemap", "-C", "cf", "-o", "hash", "t"), "-", tools, before=before)
    made["editmap -q"] = Program(("editmap", "-C", "cf", "-q", "hash", "t", "key"), "-", tools, before=before)
    made["editmap -u"] = Program(("editmap", "-C", "cf", "-u", "hash", "t", "key", "v"), "-", tools, before=before)
    made["praliases"] = Program(
        ("praliases", "-C", "cf"), "aliases", (("cf", "V10/Berkeley\n" + cf),), "key:", (("newaliases", "-C", "cf"),)
    )
    made["m4"] = Program(("m4", "t"), "t")
    for options in ("-n", "-x", "-d", "-p", "-h", "-f", "-j"):
        made[f"postconf {options}"] = Program(
            ("postconf", "-c", ".", options), "main.cf", (("master.cf", _MASTER),), "key ="
        )
    made["postconf -e"] = Program(("postconf", "-c", ".", "-e", "a=b"), "main.cf", (("master.cf", _MASTER),), "key =")
    made["postconf -X"] = Program(("postconf", "-c", ".", "-X", "key"), "main.cf", (("master.cf", _MASTER),), "key =")
    main = (("main.cf", "compatibility_level = 3.6\n"),)
    service = "key unix - - n - - smtp -o "
    for options in ("-M", "-F", "-P", "-Mf", "-Mx"):
        made[f"postconf {options}"] = Program(("postconf", "-c", ".", options), "master.cf", main, service)
    made["postconf -M -e"] = Program(
        ("postconf", "-c", ".", "-Me", "a/unix=a unix - - n - - smtp"), "master.cf", main, service
    )
    made["postconf -x myorigin"] = Program(
        ("postconf", "-c", ".", "-x", "myorigin"), "o", (("main.cf", "myorigin = $config_directory/o\n"),), ""
    )
    made["postconf -b"] = Program(
        ("postconf", "-c", ".", "-b"), "b", (("main.cf", "bounce_template_file = $config_directory/b\n"),), ""
    )

    made["check main.cf"] = _site("", _ETC + "main.cf", first="key =")
    made["check main.cf, mynetworks"] = _site("", _ETC + "main.cf", first="mynetworks =")
    made["check main.cf, virtual_alias_maps"] = _site("", _ETC + "main.cf", first="virtual_alias_maps =")
    made["check main.cf, restrictions"] = _site("", _ETC + "main.cf", first="smtpd_recipient_restrictions =")
    made["check master.cf"] = _site("", _ETC + "master.cf", first=service)
    table = _ETC + "t"
    for name, parameter in {
        "access": "smtpd_client_restrictions = check_client_access",
        "virtual": "virtual_alias_maps =",
        "canonical": "canonical_maps =",
        "transport": "transport_maps =",
        "sender transport": "sender_dependent_default_transport_maps =",
        "relayhost": "sender_dependent_relayhost_maps =",
        "recipients": "relay_recipient_maps =",
        "domains": "relay_domains =",
        "hosts": "mynetworks =",
        "mailboxes": "virtual_mailbox_maps =",
        "other": "smtpd_sasl_local_domain = x\nsmtp_tls_policy_maps =",
        "header checks": "header_checks =",
    }.items():
        made[f"check {name}"] = _site(f"{parameter} hash:/etc/postfix/t", table)
    made["check aliases"] = _site("alias_maps = hash:/etc/postfix/t\nalias_database = $alias_maps", table, first="key:")
    made["check include"] = _site("alias_maps = hash:/etc/postfix/a\nalias_database = $alias_maps", table, first="key:")
    made["check include"] = made["check include"]._replace(
        files=(*made["check include"].files, (_ETC + "a", "a: :include:/etc/postfix/t\n"))
    )
    for kind in ("texthash", "cidr", "regexp", "pcre"):
        made[f"check {kind} access"] = _site(
            f"smtpd_client_restrictions = check_client_access {kind}:/etc/postfix/t", table
        )
        made[f"check {kind} headers"] = _site(f"header_checks = {kind}:/etc/postfix/t", table)
    made["check pcre virtual"] = _site("virtual_alias_maps = pcre:/etc/postfix/t", table)
    made["check mynetworks = /file"] = _site("mynetworks = /etc/postfix/t", table, first="")
    made["check relay_domains = /file"] = _site("relay_domains = /etc/postfix/t", table, first="")
    made["check mydestination = /file"] = _site("mydestination = /etc/postfix/t", table, first="")
    made["check myorigin = /file"] = _site("myorigin = /etc/postfix/t", table, first="")
    made["check hosts.allow"] = _site("", "root/etc/hosts.allow", first="ALL:")
    made["check passwd"] = _site("local_recipient_maps = unix:passwd.byname", "root/etc/passwd", first="key:")
    made["check services"] = _site("", "root/etc/services", first="key ")
    made["check bounce template"] = _site("bounce_template_file = /etc/postfix/t", table, first="")
    made["check ldap configuration"] = _site("virtual_alias_maps = ldap:/etc/postfix/t", table, first="key =")
    made["check sqlite configuration"] = _site("virtual_alias_maps = sqlite:/etc/postfix/t", table, first="key =")
    explained = ("explain", "--to", "b@a.test", "--client", "192.0.2.1")
    for name in ("mynetworks = /file", "relay_domains = /file", "access", "virtual", "aliases", "cidr access"):
        made[f"explain {name}"] = made[f"check {name}"]._replace(words=(*explained, *made[f"check {name}"].words[1:]))
    for name in ("access", "virtual", "aliases", "transport"):
        made[f"build {name}"] = made[f"check {name}"]._replace(words=("build", *made[f"check {name}"].words[1:]))
        made[f"build -n {name}"] = made[f"check {name}"]._replace(
            words=("build", "-n", *made[f"check {name}"].words[1:])
        )
    made["makefile"] = made["check main.cf"]._replace(words=("makefile", *made["check main.cf"].words[1:]))

    made["check .mc"] = _mail("", _MAIL + "sendmail.mc", first="define(`key',")
    made["check .cf"] = _mail("", _MAIL + "sendmail.cf", first="Dk")
    for name, feature in {"access": "access_db", "virtusertable": "virtusertable"}.items():
        made[f"check sendmail's {name}"] = _mail(f"FEATURE(`{feature}')dnl", _MAIL + name)
        made[f"build sendmail's {name}"] = _mail(f"FEATURE(`{feature}')dnl", _MAIL + name, "build")
    made["check sendmail's mailertable"] = _mail(
        "LOCAL_CONFIG\nKmailertable hash -o /etc/mail/mailertable", _MAIL + "mailertable"
    )
    made["check sendmail's genericstable"] = _mail(
        "LOCAL_CONFIG\nKgenerics hash -o /etc/mail/genericstable", _MAIL + "genericstable"
    )
    made["check sendmail's domaintable"] = _mail(
        "LOCAL_CONFIG\nKdomaintable hash -o /etc/mail/domaintable", _MAIL + "domaintable"
    )
    made["check sendmail's aliases"] = _mail("", _MAIL + "aliases", first="key:")
    made["build sendmail's aliases"] = _mail("", _MAIL + "aliases", "build", first="key:")
    made["check local-host-names"] = _mail(
        "LOCAL_CONFIG\nFw/etc/mail/local-host-names", _MAIL + "local-host-names", first=""
    )
    made["check sendmail's include"] = _mail("", _MAIL + "list", first="")
    made["check sendmail's include"] = made["check sendmail's include"]._replace(
        files=(
            *made["check sendmail's include"].files[:1],
            (_MAIL + "aliases", "a: :include:/etc/mail/list\n"),
            *_library(),
        )
    )
    return made


_MOST = {"main.cf": 990_000, "master.cf": 290_000}  # what Postfix has of them is refused above that
PROGRAMS = {
    name: program._replace(most=_MOST.get(program.file.rpartition("/")[2], program.most))
    for name, program in _programs().items()
}


def measure(starter: Starter, program: Program, text: bytes, folder: Path, seconds: int = 60) -> Took:
    """Run the program with ``text`` in a new folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in program.files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    text_at = folder / ("stdin" if program.file == "-" else program.file)
    text_at.parent.mkdir(parents=True, exist_ok=True)
    # A file that the program needs something of has that before the text.
    beginning = dict(program.files).get(program.file, "").encode()
    text_at.write_bytes(beginning + text)
    stdin = str(text_at) if program.file == "-" else "/dev/null"
    mailconf = [sys.executable, "-m", "mailconf"]
    for words in program.before:
        starter.run([*mailconf, *words], folder, stdin, seconds)
    return starter.run([*mailconf, *program.words], folder, stdin, seconds)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=5_000_000)
    parser.add_argument("--program", action="append", default=[])
    parser.add_argument("--shape", action="append", default=[])
    parser.add_argument("--exact", action="store_true")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--bad", action="store_true", help="only what is above the bound, or prints a long line")
    arguments = parser.parse_args()

    def chosen(name: str, words: list[str]) -> bool:
        return not words or any(word == name if arguments.exact else word in name for word in words)

    with starter() as start, tempfile.TemporaryDirectory() as name:
        folder, allowed = Path(name) / "x", start.more()
        for what, program in PROGRAMS.items():
            if not chosen(what, arguments.program):
                continue
            base = measure(start, program, b"", folder)
            for shape, make in SHAPES.items():
                if not chosen(shape, arguments.shape):
                    continue
                text = program.text(make, arguments.size)
                took = measure(start, program, text, folder, arguments.seconds)
                more = took.memory - base.memory
                bad = more > TIMES * len(text) + allowed
                odd = took.status < 0 or "Traceback" in took.said or took.longest > 3000
                if arguments.bad and not bad and not odd and took.seconds < 10:
                    continue
                print(
                    f"{'!' if bad else ' '} {more / 1e6:6.0f} MB {more / len(text):6.1f} x {took.seconds:6.2f} s  "
                    f"{took.status:4} {took.output:9} {took.longest:8}  {what} | {shape} | {took.said[:60]!r}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
