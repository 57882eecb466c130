"""Configurations of sizes that nobody writes: check answers soon, whatever they hold.

The bound is far above what a case takes (some tenths of a second) and far below what it took when its time grew with
the square of the size, or without end.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mailconf.check.rules import check
from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.site import site_of
from tests.limits import within

SITE = Path(__file__).parents[2] / "examples/postfix/etc/postfix"
MOST = 120  # units of processor time: three times what the longest of them takes


def each(count: int, form: str) -> str:
    """``form`` for each number N; M is the next one."""
    return "".join(form.replace("N", str(n)).replace("M", str((n + 1) % count)) for n in range(count))


def deep(count: int) -> str:
    return "${x?" * count + "a" + "}" * count


# name: (main.cf, master.cf, a code that is reported, "" for none but those that the example has)
CASES = {
    "tables": ("transport_maps =" + each(20_000, " hash:/etc/tN"), "", "BD001"),
    "tables that are text": ("transport_maps =" + each(20_000, " texthash:/etc/tN"), "", "CK030"),
    "tables without a type": ("transport_maps =" + each(20_000, " tN"), "", "CK076"),
    "tables of unknown types": ("transport_maps =" + each(20_000, " tN:/etc/t"), "", "CK077"),
    "tables of tables": ("transport_maps = " + "unionmap:{" * 30_000 + "hash:/x" + "}" * 30_000, "", "CK079"),
    "proxies of proxies": ("transport_maps = " + "proxy:" * 100_000 + "hash:/x", "", "BD001"),
    "restrictions": ("smtpd_recipient_restrictions =" + each(20_000, " fooN"), "", "PF201"),
    "restrictions and references": ("smtpd_sender_restrictions = $x" + each(20_000, " fooN") + "\nx =", "", "PF201"),
    "classes": ("smtpd_restriction_classes =" + each(2000, " cN") + "\n" + each(2000, "cN = cM\n"), "", ""),
    "classes that are not defined": ("smtpd_restriction_classes =" + each(20_000, " cN"), "", "PF201"),
    "a cycle": (each(1000, "nN = $nM\n") + "myorigin = $n0\nmydestination = $n1", "", "PF006"),
    "brackets": ("myorigin = " + deep(10_000), "", "PF006"),
    "brackets again and again": ("\n".join(f"n{n} = {deep(1900)}" for n in range(30)), "", "PF006"),
    "doubling": (each(60, "nN = $nM$nM\n").replace("$n0", "x") + "myorigin = $n0", "", "PF006"),
    "references": ("myorigin =" + each(20_000, " $uN"), "", "CK070"),
    "lines with references": (each(20_000, "nN = $uN\n"), "", "CK070"),
    "names": (each(20_000, "nosuchN = x\n"), "", "CK001"),
    "interfaces": ("inet_interfaces =" + "".join(f" 127.1.{n >> 8}.{n & 255}" for n in range(20_000)), "", ""),
    "milters": ("smtpd_milters =" + each(20_000, " xN"), "", "CK080"),
    "a comment behind a value": ("myorigin =" + " a #b" * 60_000, "", "CK073"),
    "services": ("", each(5000, "sN unix - - n - - smtp\n"), ""),
    "services that set something": ("", each(4000, "1N inet n - n - - smtpd -o myorigin=N\n"), "CK054"),
    "services that set nothing known": ("", each(4000, "sN unix - - n - - smtp -o own=N\n"), "CK001"),
    "services and names": (each(20_000, "ownN = x\n"), each(2000, "sN inet n - n - - smtpd -o myorigin=N\n"), "CK001"),
    "services and tables": (
        "virtual_alias_maps =" + each(10_000, " hash:/etc/tN"),
        each(500, "sN inet n - n - - smtpd -o smtpd_helo_restrictions=fooN\n"),
        "PF201",
    ),
    "one service": ("", "s unix - - n - - smtp" + each(8000, " -o nN=$nM"), ""),
    "broken services": ("", each(10_000, "sN inet x\n"), "PF011"),
}


@pytest.mark.parametrize("name", CASES)
def test_an_answer_comes_soon(name: str, tmp_path: Path) -> None:
    main, master, code = CASES[name]
    folder = tmp_path / "etc/postfix"
    shutil.copytree(SITE, folder)
    with (folder / "main.cf").open("a") as file:
        file.write(main + "\n")
    if master:
        (folder / "master.cf").write_text(master + "\n")
    root, sink = Root(tmp_path), Sink()
    with within(MOST):
        configuration = Configuration.load("/etc/postfix", sink, root)
        check(configuration, site_of(configuration), root, sink)
    assert sink.sorted()
    assert not code or code in {d.code for d in sink}
