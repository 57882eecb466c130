"""check, explain and postconf read the same from each kind of tree."""

from __future__ import annotations

import json
import re
import shutil
import socket
from pathlib import Path

import pytest
from tree_kinds import KINDS

from mailconf.check.rules import check
from mailconf.check.sendmail.etc_mail import check_etc_mail
from mailconf.cli.own.explain_tables import Unbuilt
from mailconf.cli.own.site import Loaded, LoadedEtcMail, SiteOptions, load, load_site
from mailconf.cli.postfix import postconf
from mailconf.diagnostics import Sink
from mailconf.files import Memory, NoDisk, Overlay, Root, Tree
from mailconf.insight.explain.document import inquiry_json
from mailconf.maps.build.write import write_map
from mailconf.maps.core.table import TemporaryFailure
from mailconf.maps.registry import open_table
from mailconf.model.fileworld import FileWorld
from mailconf.model.inquiry import inquire
from mailconf.model.session import Session
from mailconf.postfix.policy.policy import compile_policy
from mailconf.sendmail.mc.expansion import expand_mc
from mailconf.sendmail.mc.library import find_library

TOP = Path(__file__).parent.parent.parent
BAD = sorted(path for path in (TOP / "tests/bad").iterdir() if path.is_dir())
LIBRARY = {
    "m4/cf.m4": "divert(-1)define(`_CF_DIR_', `/usr/share/sendmail/cf/')"
    "define(`FEATURE', `include(_CF_DIR_`feature/$1.m4')')"
    "define(`MAILER', `')define(`OSTYPE', `')define(`VERSIONID', `')divert(0)dnl\n",
    "feature/access_db.m4": "divert(0)Kaccess hash /etc/mail/access\ndivert(-1)\n",
}
MAIL = {
    "sendmail.mc": "include(`/usr/share/sendmail/cf/m4/cf.m4')dnl\nOSTYPE(`linux')dnl\nFEATURE(`access_db')dnl\n"
    "include(`more.m4')dnl\nFEATURE(`acess_db')dnl\nMAILER(`smtp')dnl\nKlost hash /etc/mail/lost\nFw/etc/mail/names\n",
    "more.m4": "# more\ninclude(`/etc/passwd')\n",
    "access": "a.example RELAY\nbroken\nb.example OK\nb.example REJECT\n",
    "aliases": "root: postmaster\nroot: other\nwrong\n",
    "names": "a.example\n",
}


def site(name: str, top: Path) -> str:
    """The files of a site below ``top``; the folder of its configuration."""
    top.mkdir()
    if name == "library in the tree":
        for folder, files in (("usr/share/sendmail/cf", LIBRARY), ("etc/mail", MAIL)):
            for file, text in files.items():
                path = top / folder / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        return "/etc/mail"
    kind, _, name = name.partition("/")
    if kind == "bad":
        shutil.copytree(TOP / "tests/bad" / name, top, dirs_exist_ok=True)
        (top / "links").mkdir()
        return "/"
    shutil.copytree(TOP / "examples" / name, top, dirs_exist_ok=True)
    return "/etc/mail" if name == "sendmail" else "/etc/postfix"


def without_the_disk(top: Path) -> dict[str, Tree]:
    """The files below ``top`` as each other kind of tree; on the disk they are not there any more."""
    trees = {kind: make(top) for kind, make in KINDS.items() if kind != "disk"}
    for path in top.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return trees


def findings(directory: str, tree: Tree) -> list[object]:
    sink = Sink()
    loaded = load(directory, tree, sink, SiteOptions())
    if isinstance(loaded, LoadedEtcMail):
        check_etc_mail(loaded.etc_mail, sink)
    elif loaded is not None:
        check(loaded.configuration, loaded.site, loaded.root, sink)
    return [diagnostic.as_json() for diagnostic in sink.sorted()]


def test_a_library_of_the_machine_serves_files_of_a_memory(tmp_path: Path) -> None:
    for file, text in LIBRARY.items():
        (tmp_path / "cf" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cf" / file).write_text(text)
    tree = Memory({f"/etc/mail/{file}": text for file, text in MAIL.items()})
    library = find_library(tree, str(tmp_path / "cf"))
    assert library is not None
    sink = Sink()
    expanded = expand_mc("/etc/mail/sendmail.mc", library, sink, root=tree)
    assert expanded is not None
    assert b"Kaccess hash /etc/mail/access" in expanded.cf
    names = [Path(read.path).name for read in expanded.reads if read.status is not None]
    assert names == ["sendmail.mc", "cf.m4", "access_db.m4", "more.m4"]
    assert all(read.is_current() for read in expanded.reads)


def test_a_library_is_found_in_the_tree_first() -> None:
    found = find_library(Memory({f"/usr/share/sendmail/cf/{file}": text for file, text in LIBRARY.items()}))
    assert found is not None
    assert found.folder == "/usr/share/sendmail/cf"
    assert found.read("m4/cf.m4").decode() == LIBRARY["m4/cf.m4"]
    assert found.available("feature") == ["access_db"]


def codes(found: list[object]) -> set[object]:
    return {each["code"] for each in found if isinstance(each, dict)}


SITES = ["examples/postfix", "examples/sendmail", "library in the tree", *(f"bad/{path.name}" for path in BAD)]


@pytest.mark.parametrize("name", SITES)
def test_check_finds_the_same(name: str, tmp_path: Path) -> None:
    directory = site(name, tmp_path / "site")
    expected = findings(directory, Root(tmp_path / "site"))
    if name != "examples/postfix":
        assert expected
    if name.startswith("bad/") and name != "bad/garbage":
        text = (TOP / "tests/bad" / name[4:] / "expected").read_text()
        assert codes(expected) <= set(re.findall(r"[A-Z]{2}[0-9]{3}", text))
    for kind, tree in without_the_disk(tmp_path / "site").items():
        assert findings(directory, tree) == expected, kind


def test_a_library_in_the_tree_is_read_there(tmp_path: Path) -> None:
    site("library in the tree", tmp_path / "site")
    tree = without_the_disk(tmp_path / "site")["memory"]
    found = json.dumps(findings("/etc/mail", tree))
    assert "more.m4" in found
    assert "not allowed" in found  # /etc/passwd, of the tree as of the machine
    assert "SM901" not in found  # which is: there is no library
    assert "acess_db" in found


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "disk"])
def test_a_map_that_is_not_on_the_disk_is_not_looked_into(kind: str, tmp_path: Path) -> None:
    top = tmp_path / "site"
    directory = site("examples/postfix", top)
    (top / "etc/postfix/virtual.db").write_bytes(b"this is no map")
    (top / "etc/postfix/virtual.db").touch()
    assert "CK011" in codes(findings(directory, Root(top)))
    tree = without_the_disk(top)[kind]
    found = findings(directory, tree)
    assert "CK012" in codes(found)
    assert "CK011" not in codes(found)
    with pytest.raises(NoDisk):
        tree.real("/etc/postfix/virtual.db")
    with pytest.raises(TemporaryFailure, match=r"open database /etc/postfix/virtual\.db: it is not on the disk"):
        open_table("hash:/etc/postfix/virtual", tree)
    with pytest.raises(TemporaryFailure, match=r"open database /etc/other\.db: No such file"):
        open_table("hash:/etc/other", tree)


def test_a_database_that_is_not_on_the_disk_fails_and_is_not_made(tmp_path: Path) -> None:
    config = b"dbpath = /data\nquery = SELECT 1\n"
    with pytest.raises(TemporaryFailure, match="open database /data: it is not on the disk"):
        open_table("sqlite:/c", Memory({"/c": config, "/data": b"x"}, tmp_path))
    with pytest.raises(TemporaryFailure, match="open database /data: No such file"):
        open_table("sqlite:/c", Memory({"/c": config}, tmp_path))
    assert not list(tmp_path.iterdir())


def test_over_an_overlay_the_maps_of_the_disk_are_read(tmp_path: Path) -> None:
    """An editor's main.cf names a table whose map is there."""
    write_map("hash", tmp_path / "access.db", {b"a.example": b"OK"}.items())
    tree = Overlay(Root(tmp_path), {"/etc/postfix/main.cf": b"x = 1", "/access": b"a.example DUNNO"})
    assert open_table("hash:/access", tree).lookup(b"a.example") == b"OK"


def test_sockets_of_the_machine_are_not_those_of_a_memory(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        assert Root().socket(tmp_path / "s") == Overlay(Root(), {}).socket(tmp_path / "s") == tmp_path / "s"
        table = open_table(f"socketmap:unix:{tmp_path}/s:map", Memory({}))
        with pytest.raises(TemporaryFailure):
            table.lookup(b"key")
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()  # nobody has called


def explained(directory: str, tree: Tree) -> object:
    sink = Sink()
    loaded = load_site(directory, tree, sink)
    assert isinstance(loaded, Loaded)
    policy = compile_policy(loaded.configuration, sink)
    unbuilt = Unbuilt(loaded, sink, policy.smtpd.knows_restriction)
    world = FileWorld(tree, instead=unbuilt, ports=policy.site.ports)
    session = Session("192.0.2.7")
    people = ["postmaster@example.com", "info@example.com", "nobody@example.net", "alice@example.com", "root"]
    inquiry = inquire(policy, world, session, people, helo="client.example")
    return inquiry_json(inquiry), [diagnostic.as_json() for diagnostic in sink.sorted()]


def test_explain_answers_the_same(tmp_path: Path) -> None:
    directory = site("examples/postfix", tmp_path / "site")
    expected = explained(directory, Root(tmp_path / "site"))
    assert "PF231" in json.dumps(expected)  # tables are read from their sources
    assert "/etc/postfix/virtual" in json.dumps(expected)
    for kind, tree in without_the_disk(tmp_path / "site").items():
        assert explained(directory, tree) == expected, kind


@pytest.mark.parametrize("name", [name for name in SITES if "sendmail" not in name and "library" not in name])
def test_postconf_prints_the_same(name: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    directory = site(name, tmp_path / "site")

    def printed(arguments: list[str], tree: Tree | None) -> object:
        status = postconf.run("postconf", arguments, tree)
        return status, *capfdbinary.readouterr()

    options = ("-n", "-M", "-P", "-nx")
    expected = [printed([f"--root={tmp_path / 'site'}", "-c", directory, option], None) for option in options]
    assert len(str(expected[0])) > 50
    for kind, tree in without_the_disk(tmp_path / "site").items():
        assert [printed(["-c", directory, option], tree) for option in options] == expected, kind
