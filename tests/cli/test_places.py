"""Every finding has a place that can be opened: the file below --root, as the user named that, and a line of it.

The configurations are those of tests/bad, the mistakes of tests/check and tests/sendmail, and sites on which a build,
explain or serve finds fault. Their reports are read as JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from site_fixture import TOP, lay_out

from mailconf.check.machine.ownership import CK063
from mailconf.cli.own import build, check, serve
from mailconf.cli.own.explain_tables import Unbuilt
from mailconf.cli.own.site import load_site
from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.model.site import Service
from mailconf.postfix.policy.policy import compile_policy
from mailconf.postfix.settings import unserved
from mailconf.postfix.settings.configuration import Configuration
from tests.check.test_hints import CASES, write
from tests.sendmail.mc_library import library as write_library
from tests.sendmail.mc_mistakes import FRAME, MISTAKES

BAD = sorted(path for path in (TOP / "tests/bad").iterdir() if (path / "expected").is_file())
NOWHERE = {"BD014"}  # about the command line
MASTER = "smtp inet n - n - - smtpd\nlocal unix - n n - - local\n"
Report = list[dict[str, Any]]
# How the folder "site" is named in the folder "work" beside it, and what reports call it then; None: its real path.
NAMES = {
    "../site": None,
    "here": "here",
    "here/": "here",
    "./here//": "here",
    "here/../here": None,
    "link": "link",
    "../work/link/": None,
}


@dataclass
class Place:
    """A root under one of its names."""

    top: Path
    given: str
    shown: str
    capture: pytest.CaptureFixture[str]

    def run(self, command: click.Command, *arguments: str, directory: str = "/etc/postfix") -> Report:
        """What one of mailconf's commands reports of the configuration in ``directory``."""
        with suppress(SystemExit):
            command.main([directory, "--root", self.given, "--format", "json", *arguments], standalone_mode=False)
        found: Report = json.loads(self.capture.readouterr().out)["findings"]
        return found

    def empty(self) -> Path:
        shutil.rmtree(self.top, ignore_errors=True)
        self.top.mkdir()
        return self.top


@pytest.fixture(params=["here/", "../work/link/"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Place:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    given = str(request.param)
    top = work / "here" if "here" in given else tmp_path / "site"
    top.mkdir()
    (work / "link").symlink_to(top)
    return Place(top, given, NAMES[given] or os.path.realpath(top), capsys)


def judge(place: Place, found: Report, *expected: str) -> None:
    """AssertionError where a finding's place lacks the root, or the line though there are lines."""
    codes = {each["code"] for each in found}
    assert codes.issuperset(expected), codes
    real = os.path.realpath(place.top)
    for each in found:
        if each["code"] in NOWHERE:
            continue
        file = each["file"]
        assert file and f"{file}/".startswith(f"{place.shown}/"), each
        said = f"{each['message']} {each['hint']}"
        assert real not in said and f"{place.shown}/" not in said, each
        if each["line"] is None:
            path = Path(file)
            assert not path.is_file() or path.read_bytes()[:1] in (b"\0", b"\x7f"), each


def as_report(sink: Sink) -> Report:
    return [each.as_json() for each in sink.sorted()]


@pytest.mark.parametrize("place", NAMES, indirect=True)
@pytest.mark.parametrize("bad", BAD, ids=lambda path: path.name)
def test_broken_configurations(place: Place, bad: Path) -> None:
    shutil.copytree(bad, place.top, dirs_exist_ok=True)
    judge(place, place.run(check.command, directory="/"))
    place.run(build.command, directory="/")


def test_mistakes_in_an_etc_postfix(place: Place) -> None:
    for case in CASES:
        write(place.empty(), case, case.before)
        judge(place, place.run(check.command), case.code)


def test_mistakes_in_an_etc_mail(place: Place) -> None:
    for mistake in MISTAKES:
        write_library(place.empty() / "usr/share/sendmail")
        (place.top / "etc/mail").mkdir(parents=True)
        (place.top / "etc/mail/sendmail.mc").write_text(FRAME[0] + mistake.text + FRAME[1])
        judge(place, place.run(check.command, directory="/etc/mail"), mistake.code)
        judge(place, place.run(build.command, directory="/etc/mail"))


def test_an_etc_mail_without_a_library_and_with_files_of_other_kinds(place: Place) -> None:
    mail = place.top / "etc/mail"
    mail.mkdir(parents=True)
    mc = mail / "sendmail.mc"
    mc.write_text(FRAME[0] + FRAME[1])
    judge(place, place.run(check.command, directory="/etc/mail"), "SM055", "CK013")
    judge(place, place.run(build.command, directory="/etc/mail"), "SM055")
    (mail / "sendmail.cf").unlink(missing_ok=True)
    write_library(place.top / "usr/share/sendmail")
    (mail / "sendmail.cf").mkdir()
    judge(place, place.run(build.command, directory="/etc/mail"), "BD017")
    (mail / "sendmail.cf").rmdir()
    (mail / "sendmail.cf").write_text("V10/Berkeley\nO AliasFile=/etc/mail/none\n")
    (place.top / "etc/hosts.allow").mkdir()
    judge(place, place.run(check.command, directory="/etc/mail"), "CK022")
    mc.unlink()
    mc.mkdir()
    os.utime(mail / "sendmail.cf", (1, 1))  # older, however coarse the clock of the files is
    judge(place, place.run(check.command, directory="/etc/mail"), "SM902")
    judge(place, place.run(build.command, directory="/etc/mail"), "SM902")
    mc.rmdir()
    judge(place, place.run(build.command, directory="/etc/mail"), "BD001")
    (mail / "sendmail.cf").write_text("an odd line\n" * 200)
    judge(place, place.run(check.command, directory="/etc/mail"), "SM023")


def main_cf(place: Place, text: str, master: str = MASTER) -> Path:
    """An /etc/postfix of a few lines, in which nothing is set that ``text`` does not set."""
    folder = place.empty() / "etc/postfix"
    folder.mkdir(parents=True)
    (folder / "main.cf").write_text(text)
    (folder / "master.cf").write_text(master)
    return folder


@pytest.mark.parametrize("text", ["", "compatibility_level = 3.6\n"])
def test_parameters_that_are_unset(place: Place, text: str) -> None:
    """alias_maps names hash:/etc/aliases, and smtpd_relay_restrictions nothing below level 1."""
    main_cf(place, text)
    found = place.run(check.command)
    judge(place, found, "BD001", "CK054", *(() if text else ("PF204",)))
    assert {each["line"] for each in found} == {1}
    (place.top / "etc/aliases").write_text("root alice\n")
    judge(place, place.run(check.command), "CK013", "CK054", "TB030")
    main_cf(place, f"{text}header_checks = hash:/etc/postfix/none\n")  # nested_header_checks is $header_checks
    found = place.run(check.command)
    judge(place, found, "TB103")
    assert len([each for each in found if each["code"] == "TB103"]) > 1


def test_an_installed_postfix(place: Place) -> None:
    folder = main_cf(place, "compatibility_level = 3.6\nalias_maps =\nalias_database =\n")
    etc = place.top / "etc"
    for name in ("usr/lib/postfix/sbin", "var/lib/postfix", "var/spool/postfix/etc", "var/spool/postfix/active"):
        (place.top / name).mkdir(parents=True)
    (etc / "passwd").write_text("root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
    (etc / "group").write_text("root:x:0:\n")
    (etc / "services").write_text("smtp 25/tcp\n")
    (place.top / "var/spool/postfix/etc/services").write_text("smtp 26/tcp\n")
    (place.top / "var/spool/postfix/active/readme").write_text("x")
    (folder / "main.cf").chmod(0o666)
    judge(place, place.run(check.command), "CK060", "CK064", "CK063", "CK066")


def test_builds(place: Place) -> None:
    lay_out(place.top)
    folder = place.top / "etc/postfix"
    judge(place, place.run(build.command, "nothing"), "BD014")
    judge(place, place.run(build.command, "--rollback"), "BD010")
    judge(place, place.run(build.command, "--map-type", "cdb"), "BD004")
    judge(place, place.run(check.command), "CK013")
    folder.chmod(0o777)
    judge(place, place.run(build.command, "--force"), "BD015")
    folder.chmod(0o755)
    (folder / "virtual.db").write_bytes(b"\xff" * 5000)
    judge(place, place.run(check.command), "CK011")
    os.utime(folder / "virtual.db", (1, 1))
    judge(place, place.run(build.command), "BD011")
    (folder / "virtual.db").unlink()
    (folder / "virtual.db").symlink_to("other.db")
    judge(place, place.run(build.command, "--force"), "BD003")
    (folder / "virtual.db").unlink()
    (folder / ".mailconf/journal.json").write_text("no journal")
    judge(place, place.run(build.command, "--force"), "BD007")
    (folder / ".mailconf").chmod(0o777)
    judge(place, place.run(build.command, "--force"), "BD016")
    shutil.rmtree(folder / ".mailconf")
    (folder / ".mailconf").write_text("x")
    judge(place, place.run(build.command, "--force"), "BD007")
    (folder / "virtual").unlink()
    judge(place, place.run(build.command), "BD001")
    (folder / "main.cf").unlink()
    judge(place, place.run(build.command), "FS001")
    judge(place, place.run(check.command), "FS001")
    judge(place, place.run(check.command, directory="/etc/none"), "FS001")


def test_files_that_are_none(place: Place) -> None:
    folder = main_cf(place, "alias_maps =\nalias_database =\ntransport_maps = texthash:/etc/postfix/folder\n")
    (folder / "folder").mkdir()
    (folder / "master.cf").unlink()
    judge(place, place.run(check.command), "CK030", "PF010")
    (folder / "master.cf").mkdir()
    judge(place, place.run(check.command), "PF010")


def served(configuration: Configuration, sink: Sink) -> None:
    services = [Service("x", "unix", "local", (), {})]
    configuration.services += services
    real, configuration.root = configuration.root, Root()  # report_privileges asks that nothing lies below another root
    path = Configuration.path
    try:
        configuration.path = lambda name: str(real.path(configuration.directory) / name)  # type: ignore[method-assign]
        unserved.report_privileges(configuration, sink, 1000)
    finally:
        configuration.root = real
        del configuration.path
    assert Configuration.path is path


class AtPort2525(socket.socket):
    def getsockname(self) -> tuple[str, int]:
        return "0.0.0.0", 2525


REPORTS: dict[str, tuple[str, str, Callable[[Any, Sink], object]]] = {
    "FS002": ("", "x unix - - n - - smtpd\n", lambda loaded, sink: serve._endpoints([], loaded, sink)),
    "FS003": ("", MASTER, lambda loaded, sink: serve._named([("x", AtPort2525())], loaded, sink)),
    "PF015": ("inet_interfaces = nosuch.invalid\n", MASTER, lambda loaded, sink: serve._endpoints([], loaded, sink)),
    "PF235": ("known_tcp_ports = x\n", MASTER, lambda loaded, sink: serve._endpoints([], loaded, sink)),
    "PF014": ("", "nosuch inet n - n - - smtpd\n", lambda loaded, sink: serve._endpoints([], loaded, sink)),
    "PF208": ("smtpd_proxy_filter = inet:localhost:1\n", MASTER, lambda loaded, sink: serve._policies(loaded, sink)),
    "PF223": ("smtpd_forbid_bare_newline = x\n", MASTER, lambda loaded, sink: serve._policies(loaded, sink)),
    "PF299": (
        "postscreen_dnsbl_sites = bl.example*x\n",
        "25 inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd\n",
        lambda loaded, sink: serve._policies(loaded, sink),
    ),
    "PF237": ("bounce_template_file = /nosuch\n", MASTER, lambda loaded, sink: serve._policies(loaded, sink)),
    "PF236": ("", MASTER, lambda loaded, sink: served(loaded.configuration, sink)),
    "PF231": (
        "",
        MASTER,
        lambda loaded, sink: Unbuilt(loaded, sink, lambda word: False)("hash:/etc/aliases"),
    ),
    "PF206": ("mynetworks = 10.0.0/8\n", MASTER, lambda loaded, sink: compile_policy(loaded.configuration, sink)),
}


@pytest.mark.parametrize("code", REPORTS)
def test_what_explain_and_serve_report(place: Place, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> Iterator[object]:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    main, master, report = REPORTS[code]
    main_cf(place, main, master)
    (place.top / "etc/aliases").write_text("root: alice\n")
    sink = Sink()
    loaded = load_site("/etc/postfix", Root(place.given), sink)
    assert loaded is not None
    report(loaded, sink)
    judge(place, as_report(sink), code)


def test_a_report_of_a_whole_file_has_its_first_line(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("one\0\ntwo\n")
    (tmp_path / "empty").touch()
    (tmp_path / "program").write_bytes(b"\x7fELF\0")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    found = {}
    for name in ("text", "empty", "program", "pipe", "none", "folder"):
        sink = Sink()
        sink.report(CK063, "x", file=str(tmp_path / name), tree=Root())
        (found[name],) = (diagnostic.place.removeprefix(f"{tmp_path}/") for diagnostic in sink)
    assert found == {name: f"{name}{':1:1' if name in ('text', 'empty') else ''}: " for name in found}
