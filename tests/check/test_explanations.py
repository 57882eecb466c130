"""The entries of docs/checks/, which stand below the declarations of the codes (mailconf/check/explanations.py).

Each example is made and run: its files below a root of its own, beside those that a small configuration without
findings has, and its commands. ``mailconf`` runs in this process; chown changes what the tests take for the owner; any
other command is the shell's.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from types import CodeType

import pytest
from click.testing import CliRunner

from mailconf.check.explanations import Example, declarations, example_of, explanation, family_of
from mailconf.cli.commands import mailconf
from mailconf.files import Root
from tests.check.test_hints import MAIN, MASTER
from tests.sendmail.mc_library import library as write_library
from tests.sendmail.mc_mistakes import FRAME

TOP = Path(__file__).parents[2]
GOOD = "Why: w.\n\nExample:\n    a\n\n    b\n\nRemedy: r\n  s.\n\nSource: t.\n"
DECLARED = list(declarations())
EXPLAINED = {d.code: example_of(d.explanation.example) for d in DECLARED if d.explanation}
# Examples in words, and why the code has no files or commands that show it anywhere.
IN_WORDS = {
    "BD002": "root may read everything",
    "BD003": "root may write everywhere, and a disk that is full is the machine's",
    "BD006": "it takes another build at the same time",
    "BD008": "it takes a build that was killed",
    "BD009": "it takes a build that was killed",
    "BD020": "it takes a Python without the package",
    "CK012": "no command reads a configuration from anywhere but the disk yet",
    "CK093": "the dates of a certificate that is written here would pass",
    "SM048": "a key and its certificate are made anew: tests/check/test_sendmail_certificates.py",
    "CK094": "it takes a Python without the package",
    "CK079": "only machines write tables in tables to such a depth",
    "FS003": "only systemd hands sockets over: tests/cli/test_serve_observed.py",
    "GR001": "each mistake that is known has a code of its own",
    "SM062": "it takes a machine without sendmail's library of m4 macros: tests/check/test_without_library.py",
    "SM055": "it takes a machine without sendmail's library of m4 macros",
    "TS012": "it takes a machine without the engine",
    "PF236": "it is about the user who runs serve, on the machine's own /",
}
# What the library's .cf does with addresses: it asks the virtusertable for those of two classes.
RULES = """
S3
R$+ @ $+\t$: $1 < @ $2 . >
Sparse=0
R$+ < @ $={VirtHost} . >\t$: $(virtuser $1@$2 $: $1 < @ $2 . > $)
R$+ < @ $=w . >\t$: $(virtuser $1@$2 $: $1 < @ $2 . > $)
R$*\t$#local $: $1
Scheck_rcpt
R$*\t$: $&{client_addr}
R127.0.0.1\t$@ RELAY
R$*\t$#error $@ 5.7.1 $: "550 no"
"""
# What the tests' library has not, and examples need.
MORE_CLASSES = """\
define(`MASQUERADE_DOMAIN', `PUSHDIVERT(5)C{M}$1
POPDIVERT`'dnl`'')
define(`TRUST_AUTH_MECH', `PUSHDIVERT(5)C{TrustAuthMech}$1
POPDIVERT`'dnl`'')
"""
MORE_OPTIONS = {
    "AuthMechanisms": "confAUTH_MECHANISMS",
    "AuthOptions": "confAUTH_OPTIONS",
    "ServerCertFile": "confSERVER_CERT",
    "SoftBounce": "confSOFT_BOUNCE",
}
RUN = sorted(EXPLAINED.keys() - IN_WORDS.keys())
USERS = {"root": (0, 0), "postfix": (99, 99), "nobody": (65534, 65534)}
PASSWD = "root:x:0:0::/:\npostfix:x:99:99::/:\nnobody:x:65534:65534::/:\n"
QUEUES = ("active", "corrupt", "deferred", "maildrop", "public", "private", "pid")


def test_every_code_has_an_entry() -> None:
    assert [d.code for d in DECLARED if d.explanation is None] == []


def test_codes_are_found_with_their_entries() -> None:
    found = {d.code: d for d in DECLARED}
    assert found["CK081"].module == "mailconf/check/postfix/reply_codes.py"
    index = (TOP / "docs/checks/index.md").read_text(encoding="utf-8")
    linked = dict(re.findall(r"^\| \[([A-Z0-9]{5})\]\((\S+)\) ", index, re.MULTILINE))
    assert linked == {code: f"{family_of(code).page}.md#{code.lower()}" for code in found}
    for code, link in linked.items():
        page, _, anchor = link.partition("#")
        assert f"\n## {anchor.upper()}\n" in (TOP / "docs/checks" / page).read_text(encoding="utf-8"), code


@pytest.mark.parametrize("module", sorted({d.module for d in DECLARED}))
def test_entries_are_not_in_the_program(module: str) -> None:
    """The compiler drops a string that stands alone: what is imported has only the titles."""
    waiting = [compile((TOP / module).read_text(encoding="utf-8"), module, "exec")]
    while waiting:
        code = waiting.pop()
        assert not [text for text in code.co_consts if isinstance(text, str) and "\n\nRemedy: " in text]
        waiting += [each for each in code.co_consts if isinstance(each, CodeType)]


def test_the_parts_of_an_entry() -> None:
    assert explanation(GOOD, "XX001") == ("w.", "a\n\nb", "r s.", "t.")


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("Why: w.", "W."),
        GOOD.replace("Why: w.", "Why:"),
        GOOD.replace("Remedy: r\n  s.\n\n", ""),
        GOOD.replace("Source: t.\n", ""),
        GOOD.replace("Source: t.", "Source: t.\n\nMore."),
        "Remedy: r.\n\n" + GOOD.replace("Remedy: r\n  s.\n\n", ""),
    ],
)
def test_an_entry_without_one_of_its_parts_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="XX001"):
        explanation(text, "XX001")


@pytest.mark.parametrize("code", RUN)
def test_the_example_has_the_finding(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = EXPLAINED[code]
    assert not example.words
    site = Site(tmp_path, example, monkeypatch)
    assert code not in site.without_the_example()
    assert code in site.with_the_example()


def test_examples_in_words_are_words() -> None:
    assert {code for code, example in EXPLAINED.items() if example.words} == IN_WORDS.keys()
    assert not [code for code in IN_WORDS if EXPLAINED[code].files or EXPLAINED[code].commands]


class Site:
    """An /etc/postfix with an installed Postfix around it, or an /etc/mail, into which an example is put."""

    def __init__(self, top: Path, example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
        self._top = top
        self._example = example
        self._is_sendmail = "/etc/mail" in " ".join((*example.files, *example.commands)) or (
            "sendmail.mc" in example.files
        )
        self._directory = "/etc/mail" if self._is_sendmail else "/etc/postfix"
        self._library = _library(top / "library") if self._is_sendmail else ""
        self._owners: dict[str, tuple[int, int]] = {}
        self._stat = Root.stat
        monkeypatch.setattr(Root, "stat", lambda root, name, *, follow=True: self._owned(root, name, follow=follow))

    def without_the_example(self) -> set[str]:
        top = self._top / "without"
        for name, text in self._usual().items():
            _write(top, name, text)
        return self._run(top, f"mailconf check {self._directory}")

    def with_the_example(self) -> set[str]:
        """The codes that the last command prints."""
        top = self._top / "with"
        files = self._usual()
        for name, text in self._example.files.items():
            if name == "sendmail.mc":
                files[f"{self._directory}/{name}"] = FRAME[0] + text + FRAME[1].lstrip("\n")
            elif name.startswith("/"):
                files[name] = text
            else:
                files[f"{self._directory}/{name}"] += text
        if "/etc/mail/sendmail.cf" in self._example.files:
            del files["/etc/mail/sendmail.mc"]
        for name, text in files.items():
            _write(top, name, text)
        found: set[str] = set()
        for command in self._example.commands:
            found = self._run(top, command)
        return found

    def _usual(self) -> dict[str, str]:
        """The files of a configuration in which check finds nothing."""
        if self._is_sendmail:
            return {"/etc/mail/sendmail.mc": "".join(FRAME)}
        programs = {"master", *(line.split()[7] for line in MASTER.splitlines())}
        return {
            "/etc/postfix/main.cf": MAIN,
            "/etc/postfix/master.cf": MASTER,
            "/etc/passwd": PASSWD,
            "/etc/group": "root:x:0:\npostfix:x:99:\npostdrop:x:97:\n",
            "/etc/hosts": "127.0.0.1 localhost\n",
            **{f"/usr/lib/postfix/sbin/{name}": "" for name in programs},
            **{f"/usr/sbin/{name}": "" for name in ("postdrop", "postqueue")},
            **{f"/var/spool/postfix/{name}/": "" for name in QUEUES},
            "/var/lib/postfix/": "",
        }

    def _run(self, top: Path, command: str) -> set[str]:
        words = command.split()
        if words[0] == "chown":
            self._owners[f"{top}{words[2]}"] = USERS[words[1]]
            return set()
        if words[0] != "mailconf":
            below = re.sub(r"(?<=[\s>])/(?=\w)", f"{top}/", command)
            subprocess.run(below, shell=True, check=True, cwd=top, umask=0o022)
            return set()
        options = ["--root", str(top)]
        if self._is_sendmail and words[1] != "explain":  # which reads the .cf
            options += ["--cf-library", str(self._library)]
        result = CliRunner().invoke(mailconf, [words[1], *options, *words[2:]])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return set(re.findall(r" \[([A-Z][A-Z0-9]\d{3})\]$", result.output, re.MULTILINE))

    def _owned(self, root: Root, named: str | os.PathLike[str], *, follow: bool) -> os.stat_result:
        """Whoever runs the tests: the files belong to whom they belong to where Postfix is installed."""
        found = self._stat(root, named, follow=follow)
        path = root.path(named)
        if follow or not path.is_relative_to(self._top):
            return found
        fields = list(found)
        name = "/" + str(path.relative_to(self._top)).partition("/")[2]
        group = 97 if name.endswith(("/maildrop", "/public", "/postdrop", "/postqueue")) else 0
        user = 99 if re.match("/var/(lib/postfix|spool/postfix/(?!pid))", name) else 0
        fields[4:6] = self._owners.get(str(path), (user, group))
        return os.stat_result(fields)


def _library(folder: Path) -> str:
    """The tests' library of macros, with a few more features: each only names its table."""
    library = Path(write_library(folder).folder)
    for name in ("domaintable", "genericstable", "mailertable", "authinfo"):
        text = (library / "feature/virtusertable.m4").read_text()
        (library / f"feature/{name}.m4").write_text(
            text.replace("`virtusertable", f"`{name}").replace("Kvirtuser", f"K{name}")
        )
    start, end, local = (library / name for name in ("m4/cf.m4", "m4/end.m4", "mailer/local.m4"))
    start.write_text(start.read_text().replace("m4wrap(", MORE_CLASSES + "m4wrap(", 1))
    options = "".join(f"_SET({option}, `{name}')\n" for option, name in MORE_OPTIONS.items())
    end.write_text(end.read_text().replace("_DAEMONS_\n", f"{options}_DAEMONS_\n", 1) + RULES)
    local.write_text(local.read_text().replace("F=", "F=w"))
    return str(library)


def _write(top: Path, name: str, text: str) -> None:
    path = top / name[1:]
    folder = path if name.endswith("/") else path.parent
    folder.mkdir(parents=True, exist_ok=True)
    for each in (folder, *folder.parents):
        if each.is_relative_to(top):
            each.chmod(0o755)  # with any umask
    if folder is path:
        return
    path.write_text(text)
    path.chmod(0o2755 if path.name in ("postdrop", "postqueue") else 0o755)
