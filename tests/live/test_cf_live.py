"""The lines of a .cf at which sendmail stops, beside sendmail -bt: of texts, and of what .mc files become."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailconf.check.sendmail.mc import check_mc
from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.sendmail.cf import write
from mailconf.sendmail.cf.items import CfOption
from mailconf.sendmail.cf.read import read_cf
from mailconf.sendmail.mc.expansion import expand_mc
from mailconf.source import Source, decode
from tests.live.mc_files import LIBRARY, same_but_for_the_header
from tests.live.sendmail_side import LIBRARIES, TOOLS
from tests.sendmail.test_cf_reading import plain
from tests.vectors.cf_cases import CASES, Sendmail, answer
from tests.vectors.cf_inputs import inputs, is_known, judged, sendmail_says
from tests.vectors.store import load

pytestmark = pytest.mark.live
CODES = ("SM023", "SM024", "SM025")
# What the machine lacks on which the tests run: names, and what the configuration is to find.
MACHINE = b"\nDwlocalhost\nDjlocalhost.example.org\nO DontProbeInterfaces=True\n"
STATEMENTS = [
    "VERSIONID(`a test')", "VERSIONID(`a\n$Id$')", "VERSIONID(`a\n b')", "DOMAIN(`generic')", "FEATURE(`access_db')",
    "FEATURE(`virtusertable')dnl", "FEATURE(`redirect')", "FEATURE(`use_cw_file')dnl", "define(`confLOG_LEVEL', `9')",
    "define(`SMART_HOST',\n `[192.0.2.1]')dnl", "undefine(`UUCP_RELAY')", "MASQUERADE_AS(`example.org')", "dnl # words",
    "dnl", "# words", "EXPOSED_USER(`root')", "LOCAL_DOMAIN(`a.example.org')", "RELAY_DOMAIN(`192.0.2')", "an odd line",
    "ifdef(`OSTYPE', `dnl')", "ifdef(`NO', `x', `define(`confTO_IDENT', `0')')", "DAEMON_OPTIONS(``Port=25, Name=M'')",
    "DAEMON_OPTIONS(`Port=smtp, Name=MTA')dnl", "define (`confLOG_LEVEL', `9')", "divert(-1)\nwords\ndivert(0)dnl",
    "Cwexample.net", "DZz", "\xe4", "#include(`none')",
]  # fmt: skip
LOCAL = [
    "LOCAL_CONFIG\nKown hash -o /etc/mail/own\nC{Own}a b\n", "LOCAL_CONFIG\nKown hash\n\t-o /etc/mail/own\n",
    "LOCAL_CONFIG\n# words\n  Dqx\n", "LOCAL_CONFIG\n\n  Dqx\n", "LOCAL_RULESETS\nSown\nR$*\t$1\n",
    "LOCAL_RULESETS\nSown\nR$*  $1\n", "LOCAL_RULE_0\nR$* < @ o. > $*\t$#local $: $1", "LOCAL_CONFIG\nHx\nD{a\nF{b}\n",
    "LOCAL_RULESETS\nS\nR$*\t$1\n", "",
]  # fmt: skip


def text_of(dice: random.Random) -> str:
    """Statements, with blanks and empty lines where people leave some."""
    words = [dice.choice(("", "", "", " \n", "\n", "\t"))]
    for statement in ["OSTYPE(`linux')", "FEATURE(`no_default_msa')dnl", *dice.sample(STATEMENTS, 8)]:
        before, behind = dice.choice(("", "", "", "", " ", "\t", "\n")), dice.choice(("", "", "", " ", "\t", "dnl"))
        words += [before, statement, behind, dice.choice(("\n", "\n", "\n", "\n\n", "\r\n", "\n \n"))]
    if dice.random() < 0.3:
        words.insert(1, "include(`/usr/share/sendmail/cf/m4/cf.m4')dnl\n")
    return "".join(words) + "MAILER(`local')dnl\nMAILER(`smtp')\n" + dice.choice(LOCAL)


def said_of(cf: bytes, folder: Path) -> tuple[int, list[tuple[int, str]]]:
    return sendmail_says(TOOLS / "sendmail", LIBRARIES, folder / "x.cf", cf + MACHINE)


@pytest.mark.parametrize("seed", range(40))
def test_what_becomes_of_a_mc(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "x.mc"
    path.write_bytes(text_of(random.Random(seed)).encode("latin-1"))
    expanded = expand_mc(path, LIBRARY, Sink())
    assert expanded is not None
    status, said = said_of(expanded.cf, tmp_path)
    real, named, ours = judged(expanded.cf + MACHINE, said)
    assert not real - ours
    assert not ours - named
    sink = Sink()
    check_mc(path, LIBRARY, sink)
    if not expanded.failed:
        reported = [d for d in sink if d.code in CODES or d.code in ("SM004", "SM005", "SM006")]
        assert bool(reported) >= bool(ours)
        assert all(d.span is not None and d.span.source.name == str(path) for d in reported)
        assert bool([d for d in reported if d.code in CODES]) <= (status != 0)


def test_what_was_recorded_still_holds(tmp_path: Path) -> None:
    for each in inputs()[::25]:
        status, said = sendmail_says(TOOLS / "sendmail", LIBRARIES, tmp_path / "x.cf", each.data)
        real, named, ours = judged(each.data, said)
        assert not real - ours, each
        assert not ours - named, each
        assert status or not any(is_known(words) for _, words in said)


ENDS = [
    "MAILER(`local')dnl", "MAILER(`local')", "MAILER(`local')dnl words", "MAILER(`local')#", "MAILER(`local')\r\n",
    "MAILER(`local')dnl\nLOCAL_CONFIG\nKown hash -o /x", "MAILER(`local')dnl\nLOCAL_RULESETS\nSown\nR$*\t$1",
    "MAILER(`local')dnl\r\n\x1a",
]  # fmt: skip


@pytest.mark.parametrize("end", ENDS)
def test_without_a_newline_at_the_end(end: str, tmp_path: Path) -> None:
    """Of the .mc, and of a file that it includes: the same .cf as the real m4's, and no error."""
    (tmp_path / "x.mc").write_text(f"OSTYPE(`linux')dnl\n{end}", newline="")
    (tmp_path / "part.m4").write_text("define(`confLOG_LEVEL', `12')dnl", newline="")
    (tmp_path / "y.mc").write_text(f"OSTYPE(`linux')dnl\ninclude(`part.m4')\n{end}", newline="")
    for name in ("x.mc", "y.mc"):
        done = subprocess.run(["m4", LIBRARY.start, name], capture_output=True, cwd=tmp_path, check=False)
        sink = Sink()
        expanded = expand_mc(tmp_path / name, LIBRARY, sink)
        assert expanded is not None
        assert masked(expanded.cf) == masked(done.stdout)
        assert not sink.failed
        assert len(sink) == done.stderr.count(b"\n")


def masked(cf: bytes) -> bytes:
    return same_but_for_the_header(cf).replace(LIBRARY.folder.encode(), b"LIBRARY")


def library_mcs() -> list[Path]:
    """The .mc files that expand without a mistake: those of the library, and Debian's."""
    return sorted(Path(LIBRARY.folder, "cf").glob("generic-*.mc")) + sorted(Path(LIBRARY.folder, "debian").glob("*.mc"))


@pytest.fixture
def real() -> Iterator[Sendmail]:
    with tempfile.TemporaryDirectory(dir=TOOLS.parent) as folder:  # sendmail reads no class file below /tmp
        yield Sendmail(TOOLS / "sendmail", LIBRARIES, Path(folder))


def test_recorded_cases_still_hold(real: Sendmail) -> None:
    for case, recorded in zip(CASES, load("cf_cases").cases, strict=True):
        assert json.loads(json.dumps(answer(real, case))) == recorded["answer"], case


@pytest.mark.parametrize("mc", [*library_mcs(), *sorted(Path("examples/sendmail/etc/mail").glob("*.mc"))], ids=str)
def test_a_generated_cf_reads_as_sendmail_reads_it(mc: Path, tmp_path: Path, real: Sendmail) -> None:
    """Every line is known; options, maps and mailers are those that sendmail names; written again it is the same."""
    mail = tmp_path / "etc/mail"
    if mc.parent.name == "mail":
        shutil.copytree(mc.parent, mail)
    else:
        mail.mkdir(parents=True)
        shutil.copy(mc, mail)
    for name in ("dialup.m4", "provider.m4"):
        (mail / "m4").mkdir(exist_ok=True)
        (mail / "m4" / name).touch()
    expanded = expand_mc("/etc/mail/" + mc.name, LIBRARY, Sink(), root=Root(tmp_path))
    assert expanded is not None and not expanded.failed
    text = decode(expanded.cf)
    cf = read_cf(Source("x.cf", text))
    assert list(cf.mistakes) == []
    assert [option.written for option in cf.all(CfOption) if not option.name] == []
    again = read_cf(Source("x.cf", write.text_of(cf)))
    assert [plain(item) for item in again.items] == [plain(item) for item in cf.items]
    said = real.ask(text, [], "-d37.1").partition("setoption QueueDirectory (Q)=FOLDER/q\n")[2]
    said = said.rpartition("setoption HoldExpensive (c)=F\n")[0]
    options = re.findall(r"setoption (\S+) \(\S+\)(?:\.(\S+))?=(.*)", said)
    ours = [(option.name, option.sub, option.value) for option in cf.all(CfOption)]
    assert options == ours
    mailers = re.findall(r"mailer \d+ \(([^*]*?)\): P=(.*?) S=", real.ask(text, ["=M"]))
    assert {(name.lower(), program) for name, program in mailers} >= {
        (name, mailer.get("P")) for name, mailer in cf.mailers.items()
    }
    said = real.ask(text, [f"=S{ruleset.names[0]}" for ruleset in cf.rulesets])
    rules = re.findall(r"^(?:> )*R.*\t\t", said, re.MULTILINE)
    assert len(rules) == 1 + sum(len(ruleset.rules) for ruleset in cf.rulesets)  # one is the head's
