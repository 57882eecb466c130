"""sendmail in its address test mode, with a .cf of every table: for tests of what tables mean.

The .cf is made by m4 from sendmail's own library; ``Test...`` rulesets call those whose workspace no one can type.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.live.map_tools import SENDMAIL_ROOT

LIBRARY = SENDMAIL_ROOT / "usr/share/sendmail/cf"
TOOLS = SENDMAIL_ROOT / "usr/libexec/sendmail"
MAPS = ("access", "virtusertable", "genericstable", "mailertable", "domaintable")
MC = """\
VERSIONID(`tables')
OSTYPE(`linux')
define(`confDOMAIN_NAME', `mail.example.com')
define(`confDONT_BLAME_SENDMAIL', `MapInUnsafeDirPath,ClassFileInUnsafeDirPath')
define(`confSERVICE_SWITCH_FILE', `@TOP@/switch')
define(`QUEUE_DIR', `@TOP@/queue')
define(`ALIAS_FILE', `@TOP@/aliases')
define(`confUSERDB_SPEC', `@TOP@/userdb.db')
define(`confLOG_LEVEL', `0')
FEATURE(`nocanonify')
FEATURE(`accept_unresolvable_domains')
FEATURE(`access_db', `hash -T<TMPF> @TOP@/access')
FEATURE(`virtusertable', `hash -o @TOP@/virtusertable')
FEATURE(`genericstable', `hash -o @TOP@/genericstable')
FEATURE(`mailertable', `hash -o @TOP@/mailertable')
FEATURE(`domaintable', `hash -o @TOP@/domaintable')
FEATURE(`use_cw_file')
define(`confCW_FILE', `-o @TOP@/local-host-names')
FEATURE(`blocklist_recipients')
FEATURE(`delay_checks', `friend')
GENERICS_DOMAIN_FILE(`@TOP@/generics-domains')
VIRTUSER_DOMAIN_FILE(`@TOP@/virtuser-domains')
RELAY_DOMAIN_FILE(`@TOP@/relay-domains')
MAILER(`local')
MAILER(`smtp')
MAILER(`procmail')
LOCAL_CONFIG
@CLASSES@
LOCAL_RULESETS
STestTLS
R$- $+		$@ $>TLS_connection $1 $| <$2>
"""


class AddressTest:
    """One configuration and its tables below ``top``; `write` builds them, `ask` puts questions."""

    def __init__(self, top: Path, classes: Sequence[str] = ()) -> None:
        """``classes`` are the texts of class files, of the classes {Own0}, {Own1}, ..."""
        self.top = top
        (top / "queue").mkdir(mode=0o700)
        (top / "switch").write_text("hosts\tfiles\naliases\tfiles\n")
        files = [top / f"own{n}" for n in range(len(classes))]
        for file, text in zip(files, classes, strict=True):
            file.write_text(text, encoding="utf-8", errors="surrogateescape")
        lines = "\n".join(f"F{{Own{n}}}{file}" for n, file in enumerate(files))
        mc = MC.replace("@TOP@", str(top)).replace("@CLASSES@", lines)
        self.cf = top / "x.cf"
        command = ["m4", f"-D_CF_DIR_={LIBRARY}/", f"{LIBRARY}/m4/cf.m4", "-"]
        self.cf.write_bytes(subprocess.run(command, input=mc.encode(), check=True, capture_output=True).stdout)
        for name in ("local-host-names", "generics-domains", "virtuser-domains", "relay-domains", "aliases"):
            (top / name).write_text("")
        for name in MAPS:
            self.write(name, "")
        self.write("userdb", "", "btree")

    def write(self, name: str, text: str, kind: str = "hash") -> None:
        """A table and its map; other files (``kind`` "") as they are."""
        (self.top / name).write_text(text, encoding="utf-8", errors="surrogateescape")
        if kind:
            source = (self.top / name).read_bytes()
            command = [TOOLS / "makemap", "-C", self.cf, kind, self.top / name]
            subprocess.run(command, input=source, check=True, capture_output=True, env=environment())

    def sendmail(self, *arguments: str, input: str = "") -> str:
        """What sendmail says; the host has a name with a domain, else it waits a minute for one."""
        namespaces = ["unshare", "--uts", *(["--map-root-user"] if os.geteuid() != 0 else [])]
        shell = ["sh", "-c", 'hostname mail.example.com; exec "$@"', "sendmail"]
        words = [*namespaces, *shell, str(TOOLS / "sendmail"), "-C", str(self.cf), *arguments]
        done = subprocess.run(words, input=input.encode(), capture_output=True, env=environment(), check=False)
        text = done.stdout.decode(errors="surrogateescape")
        assert "ADDRESS TEST" in text or "-bt" not in arguments, done.stderr
        return text

    def ask(self, questions: Sequence[str]) -> list[str]:
        """What the last ruleset of each question returns, without blanks."""
        return [answer[-1] if (answer := self._returns(part)) else "" for part in self._parts(questions)]

    def class_words(self, name: str) -> set[str]:
        said = self.sendmail("-bt", input=f"$={name}\n").partition("<address>\n> ")[2]
        return set(said.removesuffix("> ").split("\n")) - {""}

    def _parts(self, questions: Sequence[str]) -> list[str]:
        text = self.sendmail("-bt", input="".join(f"{question}\n" for question in questions))
        parts = re.split(r"^> ", text, flags=re.MULTILINE)[1:]
        assert len(parts) == len(questions) + 1, text
        return parts[:-1]

    @staticmethod
    def _returns(part: str) -> list[str]:
        return [re.sub(r"\s", "", found) for found in re.findall(r"^\w+ +returns: (.*)$", part, re.MULTILINE)]

    def verify(self, names: Sequence[str]) -> dict[str, list[str]]:
        """What ``sendmail -bv`` says that each local name comes to, after the alias map was built."""
        self.sendmail("-bi")
        said = {name: self.sendmail("-bv", name).splitlines() for name in names}
        return {name: [line for line in lines if not line.startswith("WARNING")] for name, lines in said.items()}


def environment() -> dict[str, str]:
    libraries = ":".join(map(str, SENDMAIL_ROOT.glob("usr/lib/*-linux-gnu*")))
    return {**os.environ, "LD_LIBRARY_PATH": libraries, "RES_OPTIONS": "timeout:1 attempts:1"}
