"""Domains that no lookup asks for: SM056, against what sendmail was seen to ask (tests/vectors/unreached.jsonl).

The sites of the vectors have our own .cf here, as on a machine without the library; tests/live has them with the
library's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mailconf.build.etc_mail import EtcMail
from mailconf.check.sendmail import asked_domains
from mailconf.check.sendmail.etc_mail import check_etc_mail
from mailconf.diagnostics import Diagnostic, Sink
from mailconf.files import Memory, Root
from mailconf.sendmail.rules import questions as questions_module
from mailconf.sendmail.rules.questions import Budget
from tests.vectors.store import load
from tests.vectors.unreached_cases import CASES, HEAD, MAILERS, PLACES, files_of

RECORDED = load("unreached")
FOLDER = "/etc/mail"
VIRTUSER = "FEATURE(`virtusertable', `hash -o @/virtusertable')dnl\n"


def found(files: dict[str, str], tmp_path: Path) -> list[Diagnostic]:
    """The findings of SM056 in a site whose files are these."""
    folder = tmp_path / FOLDER[1:]
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text.replace("@/", f"{FOLDER}/") if name.endswith((".mc", ".cf")) else text)
        (folder / name).chmod(0o644)
    for each in (folder, *folder.parents):
        if each.is_relative_to(tmp_path):
            each.chmod(0o755)
    sink = Sink()
    check_etc_mail(EtcMail(FOLDER, Root(tmp_path), None, own=True), sink)
    return [diagnostic for diagnostic in sink.sorted() if diagnostic.code == "SM056"]


def mc(text: str) -> str:
    return HEAD + PLACES + text + MAILERS


@pytest.mark.parametrize("case", RECORDED.cases, ids=lambda case: case["name"])
@pytest.mark.parametrize("mended", [False, True], ids=["mistaken", "mended"])
def test_what_sendmail_never_asks_for_is_reported(case: dict[str, Any], mended: bool, tmp_path: Path) -> None:
    asks = case["asks"]["mended" if mended else "mistaken"]
    assert bool(asks["own"]) == bool(asks["library"]) == mended
    diagnostics = found(files_of(case, mended=mended), tmp_path)
    if mended:
        assert not diagnostics
        return
    (diagnostic,) = diagnostics
    assert diagnostic.span
    if diagnostic.related:  # a table for which nothing was written at all: at the FEATURE
        assert case["domain"] in diagnostic.message and diagnostic.span.source.name.endswith(".mc")
        lines = [(each.span.first, each.span.source.name) for each in diagnostic.related if each.span]
        assert any(place == (case["line"], 1) and name.endswith(case["table"]) for place, name in lines)
        return
    assert diagnostic.span.first == (case["line"], 1)
    assert diagnostic.span.source.name.endswith(case["table"])
    assert f" {case['domain']}," in diagnostic.message
    assert "dnl" in diagnostic.hint or "add " in diagnostic.hint


def test_the_cases_are_those_that_were_recorded() -> None:
    assert [case["name"] for case in RECORDED.cases] == [case["name"] for case in CASES]


@pytest.mark.parametrize(
    ("text", "files", "hint"),
    [
        (VIRTUSER, {}, "write VIRTUSER_DOMAIN(`shop.test')dnl"),
        (VIRTUSER + "FEATURE(`use_cw_file')dnl\n", {"local-host-names": "a.test\n"},
         "write VIRTUSER_DOMAIN(`shop.test')dnl, or add shop.test to /etc/mail/local-host-names"),
        (VIRTUSER + "VIRTUSER_DOMAIN_FILE(`@/virt')dnl\n", {"virt": "a.test\n"}, "add shop.test to /etc/mail/virt"),
        (VIRTUSER + "VIRTUSER_DOMAIN(`test')dnl\n", {},
         "write VIRTUSER_DOMAIN(`shop.test')dnl, or write FEATURE(`virtuser_entire_domain')dnl, by which the domains "
         "below test count"),
    ],
)  # fmt: skip
def test_the_hint_names_what_counts(text: str, files: dict[str, str], hint: str, tmp_path: Path) -> None:
    site = {"sendmail.mc": mc(text), "virtusertable": "a@shop.test\tb\nc@shop.test\td\n", **files}
    (diagnostic,) = found(site, tmp_path)
    assert diagnostic.hint == hint
    assert "(1 more entry has this domain)" in diagnostic.message


UNKNOWN = {
    "a class from a program": "LOCAL_CONFIG\nF{VirtHost}|/bin/hosts\n",
    "a class from a map": "LOCAL_CONFIG\nF{VirtHost}@ldap:-k (a=b) -v c\n",
    "rules that make up domains": "LOCAL_RULE_0\n"
    "R$+ < @ $+ .old. >\t$: $(virtuser $1@$2.test $: $1 < @ $2 .old. > $)\n",
    "a rule that is not seen to ask": "LOCAL_RULE_0\nR$+ < @ far.away. >\t$: $(virtuser $1@shop.test $: $1 $)\n",
    "a directory on the way": "LOCAL_CONFIG\nKwho ldap -k (a=%s) -v b\nLOCAL_RULE_0\n"
    "R$+ < @ $+ . >\t$: $(who $2 $: $1 < @ $2 . > $)\n",
    "a program on the way": "LOCAL_CONFIG\nKwho program /bin/who\nLOCAL_RULE_0\n"
    "R$+ < @ $+ . >\t$: $(who $2 $: $1 < @ $2 . > $)\n",
    "rules without an end": "LOCAL_RULE_0\nR$+ < @ $+ . >\t$: $>loop $1 < @ $2 . >\nLOCAL_RULESETS\nSloop\n"
    "R$*\t$: $>loop $>loop $1\n",
}


@pytest.mark.parametrize("text", UNKNOWN.values(), ids=UNKNOWN)
def test_nothing_is_reported_where_it_cannot_be_known(text: str, tmp_path: Path) -> None:
    assert not found({"sendmail.mc": mc(VIRTUSER) + text, "virtusertable": "a@shop.test\tb\n"}, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "FEATURE(`domaintable', `hash -o @/domaintable')dnl\nVIRTUSER_DOMAIN(`shop.test')dnl\n",
        "VIRTUSER_DOMAIN(`SHOP.test')dnl\n",
        "LOCAL_DOMAIN(`shop.test')dnl\n",
        "LOCAL_CONFIG\nC{Mine}shop.test\nLOCAL_RULE_0\nR$+ < @ $={Mine} . >\t$: $(virtuser $1@$2 $: $1 < @ $2 . > $)\n",
    ],
)
def test_nothing_is_reported_that_is_asked_for(text: str, tmp_path: Path) -> None:
    local = text.startswith("LOCAL_CONFIG")
    written = mc(VIRTUSER) + text if local else mc(VIRTUSER + text)
    files = {"sendmail.mc": written, "virtusertable": "a@shop.test\tb\n", "domaintable": "old.test\tshop.test\n"}
    assert not found(files, tmp_path)


def test_mail_servers_make_no_virtual_domain(tmp_path: Path) -> None:
    """Mail for a domain whose best server this machine is becomes local, and the virtusertable is not asked."""
    files = {"sendmail.mc": mc(VIRTUSER + "FEATURE(`bestmx_is_local')dnl\n"), "virtusertable": "joe@mxtous.test\tb\n"}
    assert len(found(files, tmp_path)) == 1


def test_keys_without_a_domain_are_left_alone(tmp_path: Path) -> None:
    text = "FEATURE(`genericstable', `hash -o @/genericstable')dnl\n"
    table = "joe\tj@a.test\njoe@mail.corp.test\tj@a.test\njoe@\tx@a.test\njoe@[192.0.2.1]\tx@a.test\n"
    assert not found({"sendmail.mc": mc(text), "genericstable": table}, tmp_path)


def test_a_cf_without_a_mc(tmp_path: Path) -> None:
    from mailconf.sendmail.emit.own_library import own_library
    from mailconf.sendmail.emit.render import own_cf
    from mailconf.sendmail.mc.mc import read

    tree = Memory({"/etc/mail/x.mc": mc(VIRTUSER).replace("@/", "/etc/mail/")})
    read_mc = read("/etc/mail/x.mc", own_library(), Sink(), root=tree)
    assert read_mc is not None
    cf = own_cf(read_mc, Sink())
    assert cf is not None
    table = "a@shop.test\tb\na@mail.corp.test\tc\n"
    (diagnostic,) = found({"sendmail.cf": cf.decode(), "virtusertable": table}, tmp_path)
    assert diagnostic.hint == "add the line C{VirtHost}shop.test"


def test_an_unknown_name_of_the_machine_is_said(tmp_path: Path) -> None:
    text = HEAD + PLACES.replace("define(`confDOMAIN_NAME', `mail.corp.test')dnl\n", "") + VIRTUSER + MAILERS
    (diagnostic,) = found({"sendmail.mc": text, "virtusertable": "a@shop.test\tb\n"}, tmp_path)
    assert "unless it is the machine's own name" in diagnostic.message


def test_the_name_of_the_machine_is_read(tmp_path: Path) -> None:
    text = HEAD + PLACES.replace("define(`confDOMAIN_NAME', `mail.corp.test')dnl\n", "") + VIRTUSER + MAILERS
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hostname").write_text("mail\n")
    (tmp_path / "etc/hosts").write_text("192.0.2.1 mail.shop.test mail\n")
    table = "a@shop.test\tb\na@mail.shop.test\tb\n"
    (diagnostic,) = found({"sendmail.mc": text, "virtusertable": table}, tmp_path)
    assert diagnostic.span and diagnostic.span.first == (1, 1)
    assert "unless" not in diagnostic.message


def test_nothing_follows_when_the_budget_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"sendmail.mc": mc(VIRTUSER), "virtusertable": "a@shop.test\tb\n"}
    monkeypatch.setattr(asked_domains, "Budget", lambda: Budget(steps=300))
    assert not found(files, tmp_path)


def test_many_domains_end_the_budget_and_not_the_patience(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = "".join(f"a@d{number}.test\tb\n" for number in range(150))
    spent: list[Budget] = []

    def budget() -> Budget:
        spent.append(Budget(steps=8_000))
        return spent[-1]

    monkeypatch.setattr(asked_domains, "Budget", budget)
    reported = found({"sendmail.mc": mc(VIRTUSER), "virtusertable": table}, tmp_path)
    assert 0 < len(reported) < 150
    assert [budget for budget in spent if budget.ended], spent
    assert questions_module.STEPS <= 2_000_000
